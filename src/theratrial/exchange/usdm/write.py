"""The whole study version, as one JSON."""

from __future__ import annotations

import json
from typing import Any, Final

from theratrial.errors import InputError
from theratrial.exchange.usdm.aims import estimands, objectives
from theratrial.exchange.usdm.making import TERMINOLOGY, Instance, Maker
from theratrial.exchange.usdm.population import analysis_populations, design_population, eligibility
from theratrial.exchange.usdm.products import administrable_products, interventions, study_arms
from theratrial.exchange.usdm.schedule import Schedule, schedule
from theratrial.protocol.clauses import DecisionStatus
from theratrial.protocol.reader import stated
from theratrial.protocol.schema import Protocol
from theratrial.registry.record import RegistrationRecord

USDM_VERSION: Final = "4.0.0"
PLACED: Final = ("products", "arms", "sessions", "schedule", "imaging", "forms", "eligibility", "population",
                 "endpoint", "analysis_sets", "safety_gate")  # fmt: skip
"""Parts of the protocol whose clauses stand with the USDM object they are about; all others stand with the design."""
ORDER: Final = "order"
"""Extension that names the clauses of each part in the protocol's order, which USDM's own order need not be."""
_PHASES: Final = {
    "0": "phase_0", "1": "phase_1", "1-2": "phase_1_2", "2": "phase_2", "2-3": "phase_2_3", "3": "phase_3",
    "4": "phase_4",
}  # fmt: skip


def usdm_wrapper(
    protocol: Protocol, *, record: RegistrationRecord | None = None, software: str = "", terminology: str = TERMINOLOGY
) -> dict[str, Any]:
    """The protocol as USDM 4.0, wrapped as its API has it.

    Parameters
    ----------
    record
        Gives the sponsor and secondary outcomes; USDM asks for a sponsor, so without a record one rule of CORE fails.
    software
        Version of theratrial, for ``systemVersion``.
    terminology
        Edition that the codes are said to be of; they are the same in each since 2025.

    Raises
    ------
    InputError
        A clause that USDM cannot do without has no reading (it waits for a decision).
    """
    _whole(protocol)
    make = Maker(terminology)
    return {
        "study": _study(make, protocol, record),
        "usdmVersion": USDM_VERSION,
        "systemName": "theratrial",
        "systemVersion": software or None,
    }


def usdm_json(
    protocol: Protocol,
    *,
    record: RegistrationRecord | None = None,
    software: str = "",
    terminology: str = TERMINOLOGY,
) -> bytes:
    """The same as a file; the same bytes for the same protocol."""
    wrapper = usdm_wrapper(protocol, record=record, software=software, terminology=terminology)
    return (json.dumps(wrapper, ensure_ascii=False, indent=1) + "\n").encode()


def _whole(protocol: Protocol) -> None:
    needed = ("identity", "population", "sessions", "endpoint")
    lacking = [name for name in needed if getattr(protocol, name).reading is None]
    parts = ("products", "arms", "schedule", "imaging", "forms", "eligibility", "analysis_sets")
    lacking += [
        f"{part}.{key}" for part in parts for key, one in getattr(protocol, part).items() if one.reading is None
    ]
    if lacking:
        raise InputError(
            f"USDM has no clause that waits for a decision; {', '.join(lacking)} of the protocol has no reading. "
            "Decide it (`theratrial protocol check` tells what is open), then export"
        )


def _study(make: Maker, protocol: Protocol, record: RegistrationRecord | None) -> Instance:
    identity = protocol.identity.reading
    assert identity is not None  # `_whole` has looked
    organizations = _organizations(make, identity.registry, record)
    document = _document(make, protocol)
    version = make.make(
        "StudyVersion",
        versionIdentifier=identity.protocol_version,
        rationale="First version of the protocol as theratrial holds it",
        documentVersionIds=[document["versions"][0]["id"]],
        dateValues=_dates(make, protocol),
        amendments=[],
        businessTherapeuticAreas=[],
        studyIdentifiers=_identifiers(make, identity.trial_id, organizations),
        referenceIdentifiers=[],
        studyDesigns=[],
        titles=[
            make.make("StudyTitle", text=identity.scientific_title, type=make.code("official_title")),
            make.make("StudyTitle", text=identity.public_title, type=make.code("public_title")),
        ],
        eligibilityCriterionItems=[],
        narrativeContentItems=[],
        abbreviations=[],
        roles=_roles(make, organizations),
        organizations=list(organizations.values()),
        studyInterventions=[],
        administrableProducts=[],
        medicalDevices=[],
        productOrganizationRoles=[],
        biomedicalConcepts=[],
        bcCategories=[],
        bcSurrogates=[],
        dictionaries=[],
        conditions=[],
        notes=[],
    )
    _with_design(make, protocol, record, version, document)
    return {
        "id": None,
        "extensionAttributes": [],
        "name": identity.trial_id,
        "description": identity.scientific_title,
        "label": identity.public_title,
        "versions": [version],
        "documentedBy": [document],
        "instanceType": "Study",
    }


def _with_design(
    make: Maker, protocol: Protocol, record: RegistrationRecord | None, version: Instance, document: Instance
) -> None:
    products = administrable_products(make, protocol)
    given = interventions(make, protocol, products)
    sessions = protocol.sessions.reading
    therapy = given.get(sessions.product) if sessions is not None else None
    criteria, items = eligibility(make, protocol)
    population = design_population(make, protocol, criteria)
    arms = study_arms(make, protocol, population)
    plan = schedule(make, protocol, arms, therapy)
    populations = analysis_populations(make, protocol, population)
    aims = objectives(make, protocol, record)
    design = _design(make, protocol, plan, aims)
    design |= {
        "arms": arms,
        "population": population,
        "eligibilityCriteria": criteria,
        "analysisPopulations": list(populations.values()),
        "estimands": estimands(make, protocol, populations, aims, therapy),
        "studyInterventionIds": [one["id"] for one in given.values()],
        "documentVersionIds": [document["versions"][0]["id"]],
    }
    design["extensionAttributes"] = _rest(make, protocol)
    version |= {
        "studyDesigns": [_ordered(design)],
        "eligibilityCriterionItems": items,
        "studyInterventions": list(given.values()),
        "administrableProducts": list(products.values()),
        "bcSurrogates": plan.surrogates,
    }


def _design(make: Maker, protocol: Protocol, plan: Schedule, aims: list[Instance]) -> Instance:
    identity, population = protocol.identity.reading, protocol.population.reading
    assert identity is not None  # `_whole` has looked
    assert population is not None
    return make.make(
        "InterventionalStudyDesign",
        name="DESIGN",
        label="Study design",
        description="; ".join(arm.reading.description for arm in protocol.arms.values() if arm.reading is not None),
        studyType=make.code("interventional"),
        studyPhase=make.alias(_PHASES.get(identity.phase.strip().replace("/", "-"), "phase_not_applicable")),
        therapeuticAreas=[],
        characteristics=[],
        encounters=plan.encounters,
        activities=plan.activities,
        arms=[],
        studyCells=plan.cells,
        rationale=identity.scientific_title,
        epochs=plan.epochs,
        elements=plan.elements,
        estimands=[],
        indications=[
            make.make(
                "Indication",
                name="INDICATION",
                label=population.condition,
                description=population.condition,
                codes=[make.plain_code(population.icd10, population.condition, "ICD-10", "2019")],
                isRareDisease=False,
                notes=[],
            )
        ],
        studyInterventionIds=[],
        objectives=aims,
        population=None,
        scheduleTimelines=[plan.timeline],
        biospecimenRetentions=[],
        documentVersionIds=[],
        eligibilityCriteria=[],
        analysisPopulations=[],
        notes=[],
        subTypes=[make.code("efficacy"), make.code("safety")],
        model=make.code("single_group" if len(protocol.arms) == 1 else "parallel"),
        intentTypes=[make.code("treatment_intent")],
        blindingSchema=make.alias("open_label"),
    )


def _ordered(design: Instance) -> Instance:
    """The type last, as everywhere."""
    kind = design.pop("instanceType")
    return design | {"instanceType": kind}


def _rest(make: Maker, protocol: Protocol) -> list[Instance]:
    """Extensions with every part of the protocol that no other object holds, and the order of those that are placed."""
    plain = stated(protocol)
    found = [make.clause(name, held) for name, held in plain.items() if name not in PLACED and held is not None]
    order = {part: list(plain[part]) for part in PLACED if isinstance(plain.get(part), dict)}
    return [*found, make.clause(ORDER, order)]


def _organizations(make: Maker, registry: str, record: RegistrationRecord | None) -> dict[str, Instance]:
    found = {
        "registry": make.make(
            "Organization",
            name="REGISTRY",
            label=registry,
            type=make.code("registry"),
            identifierScheme="name",
            identifier=registry,
            managedSites=[],
        )
    }
    sponsor = next((one.contact.organization for one in record.sponsors), None) if record is not None else None
    if sponsor is not None and (name := sponsor.en or sponsor.fa):
        found["sponsor"] = make.make(
            "Organization",
            name="SPONSOR",
            label=name,
            type=make.code("academic_institution"),
            identifierScheme="name",
            identifier=name,
            managedSites=[],
        )
    return found


def _identifiers(make: Maker, trial_id: str, organizations: dict[str, Instance]) -> list[Instance]:
    # The sponsor of such a trial has no number of its own: the registered one is said to be used by both.
    return [make.make("StudyIdentifier", text=trial_id, scopeId=one["id"]) for one in reversed(organizations.values())]


def _roles(make: Maker, organizations: dict[str, Instance]) -> list[Instance]:
    if "sponsor" not in organizations:
        return []
    return [
        make.make(
            "StudyRole",
            name="SPONSOR",
            label="Sponsor",
            description=None,
            code=make.code("sponsor"),
            appliesToIds=["StudyVersion_1"],
            assignedPersons=[],
            organizationIds=[organizations["sponsor"]["id"]],
            masking=None,
            notes=[],
        )
    ]


def _dates(make: Maker, protocol: Protocol) -> list[Instance]:
    found = []
    for number, clause in enumerate(protocol.ethics, 1):
        approval = clause.reading
        if approval is None:
            continue
        found.append(
            make.make(
                "GovernanceDate",
                name=f"ETHICS_{number}",
                label="Ethics approval",
                description=f"{approval.committee}, {approval.reference}",
                type=make.code("approval_date"),
                dateValue=approval.approved_on.isoformat(),
                geographicScopes=[make.make("GeographicScope", type=make.code("global"), code=None)],
            )
        )
    return found


def _document(make: Maker, protocol: Protocol) -> Instance:
    identity = protocol.identity.reading
    assert identity is not None  # `_whole` has looked
    settled = all(one.decision.status is DecisionStatus.DECIDED for one in protocol.conflicts)
    version = make.make(
        "StudyDefinitionDocumentVersion",
        version=identity.protocol_version,
        status=make.code("document_final" if settled else "document_draft"),
        dateValues=[],
        contents=[],
        notes=[],
    )
    return make.make(
        "StudyDefinitionDocument",
        name="PROTOCOL",
        label="Protocol",
        description="The protocol file of theratrial",
        language=make.plain_code("en", "English", "ISO 639-1", "2002"),
        type=make.code("protocol"),
        templateName="theratrial",
        versions=[version],
        childIds=[],
        notes=[],
    )
