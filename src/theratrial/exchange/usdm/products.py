"""Products, interventions with their administrations, arms."""

from __future__ import annotations

from theratrial.exchange.usdm.making import Instance, Maker, said
from theratrial.protocol.schema import Product, Protocol

_ROUTES = {"intravenous": "intravenous"}


def administrable_products(make: Maker, protocol: Protocol) -> dict[str, Instance]:
    """Product id -> AdministrableProduct; nuclide and release specification are its ingredients and properties."""
    found: dict[str, Instance] = {}
    for key, clause in protocol.products.items():
        product = clause.reading
        extensions = [make.clause(f"products.{key}", clause)]
        if product is None:
            continue
        made = make.make(
            "AdministrableProduct",
            name=key,
            label=product.name,
            description=f"{product.nuclide} on {product.vector}",
            pharmacologicClass=None,
            administrableDoseForm=make.alias("injection_solution"),
            productDesignation=make.code("imp" if product.role == "therapy" else "nimp"),
            sourcing=None,
            properties=[],
            identifiers=[],
            ingredients=[],
            notes=_properties(make, product),
        )
        made["extensionAttributes"] = extensions
        found[key] = made
    return found


def _properties(make: Maker, product: Product) -> list[Instance]:
    # The only coded property of a product in USDM 4.0 is its pH: nuclide and purity stand as notes, which need no code.
    words = [f"Radionuclide: {product.nuclide}"]
    if product.minimum_radiochemical_purity_percent is not None:
        words.append(
            f"Radiochemical purity at release: at least {said(product.minimum_radiochemical_purity_percent)} %"
        )
    return [make.make("CommentAnnotation", text=text, codes=[]) for text in words]


def interventions(make: Maker, protocol: Protocol, products: dict[str, Instance]) -> dict[str, Instance]:
    """Product id -> StudyIntervention, with one Administration each."""
    found: dict[str, Instance] = {}
    sessions = protocol.sessions.reading
    for key, clause in protocol.products.items():
        product = clause.reading
        if product is None:
            continue
        therapy = sessions is not None and sessions.product == key
        made = make.make(
            "StudyIntervention",
            name=key.upper(),
            label=product.name,
            description=f"{product.name}, {product.route}",
            role=make.code("experimental_intervention" if product.role == "therapy" else "diagnostic"),
            type=make.code("radiation" if product.role == "therapy" else "drug"),
            minimumResponseDuration=None,
            codes=[],
            administrations=[_administration(make, protocol, key, product, products[key])],
            notes=[],
        )
        if therapy:
            made["extensionAttributes"] = [make.clause("sessions", protocol.sessions)]
        found[key] = made
    return found


def _administration(make: Maker, protocol: Protocol, key: str, product: Product, made: Instance) -> Instance:
    sessions = protocol.sessions.reading
    dose, words = None, "Activity as the imaging protocol says"
    if sessions is not None and sessions.product == key:
        dose = make.quantity(sessions.administered_activity_MBq, "megabecquerel")
        words = (
            f"{said(sessions.administered_activity_MBq)} MBq in each of up to {sessions.maximum_sessions} sessions, "
            f"{said(sessions.interval_days.minimum)} to {said(sessions.interval_days.maximum)} days apart, each after "
            "the gate of the session before"
        )
    route = _ROUTES.get(product.route)
    # Dose, frequency, route and product stand together or not at all (CORE-000966, -000969): a tracer without a
    # prescribed activity keeps its words only.
    return make.make(
        "Administration",
        name=f"{key.upper()}_INJECTION",
        label=f"Injection of {product.name}",
        description=words,
        duration=make.make(
            "Duration",
            text="a single injection",
            quantity=None,
            durationWillVary=True,
            reasonDurationWillVary="A single injection; its length is recorded, not prescribed",
        ),
        dose=dose,
        route=make.alias(route) if route and dose else None,
        frequency=make.alias("once") if dose else None,
        administrableProductId=made["id"] if dose else None,
        medicalDeviceId=None,
        notes=[],
    )


def study_arms(make: Maker, protocol: Protocol, population: Instance) -> list[Instance]:
    """The arms as USDM has them."""
    found = []
    for key, clause in protocol.arms.items():
        arm = clause.reading
        if arm is None:
            continue
        made = make.make(
            "StudyArm",
            name=key,
            label=arm.title,
            description=arm.description,
            type=make.code("investigational_arm"),
            dataOriginDescription="Data of the participants of this trial",
            dataOriginType=make.code("data_within_study"),
            populationIds=[population["id"]],
            notes=[],
        )
        made["extensionAttributes"] = [make.clause(f"arms.{key}", clause)]
        found.append(made)
    return found
