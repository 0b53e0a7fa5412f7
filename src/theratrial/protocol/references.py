"""Rules on what a protocol refers to: ids, products, regions, record columns, conditions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from zoneinfo import ZoneInfo

from theratrial.errors import SourceError
from theratrial.nuclides import nuclide
from theratrial.protocol.documents import suggestion
from theratrial.protocol.expressions import ExpressionError, condition
from theratrial.protocol.findings import Finding, Surroundings, clause_paths, error, readings, warning
from theratrial.protocol.form_rules import form_findings, item_types
from theratrial.protocol.schema import Form, Item, Protocol
from theratrial.protocol.vocabulary import PARTICIPANT_FACTS, SELECTION_FACTS, VariableType, fact_types

_ITEM_COLUMN_TYPES = {
    "number": {"number"},
    "integer": {"integer", "number"},
    "text": {"text", "id", "choice"},
    "flag": {"flag"},
    "date": {"date"},
    "datetime": {"datetime"},
    "choice": {"choice", "text", "id"},
}


def reference_findings(protocol: Protocol, surroundings: Surroundings) -> Iterator[Finding]:
    """Every rule of this module."""
    yield from _products(protocol)
    yield from _ids(protocol)
    yield from _dosimetry(protocol, surroundings)
    yield from _regions(protocol)
    yield from _identity(protocol)
    yield from _variables(protocol, surroundings)
    yield from _forms(protocol, surroundings)
    yield from form_findings(protocol)
    yield from _conditions(protocol)
    yield from _gate_tests(protocol, surroundings)


def _unknown(rule: str, path: str, what: str, got: str, known: Collection[str]) -> Iterator[Finding]:
    if got not in known:
        yield error(rule, path, f"there is no {what} '{got}'", suggestion(got, tuple(known)))


def _products(protocol: Protocol) -> Iterator[Finding]:
    products = readings(protocol.products)
    for key, product in products.items():
        try:
            nuclide(product.nuclide)
        except SourceError:
            yield error(
                "unknown_nuclide",
                f"products.{key}.reading.nuclide",
                f"nuclide '{product.nuclide}' is not in the decay data",
                "write it as Lu-177",
            )
    for key, arm in readings(protocol.arms).items():
        yield from _unknown("unknown_product", f"arms.{key}.reading.product", "product", arm.product, protocol.products)
    for key, plan in readings(protocol.imaging).items():
        path = f"imaging.{key}.reading.product"
        yield from _unknown("unknown_product", path, "product", plan.product, protocol.products)
    if (sessions := protocol.sessions.reading) is not None:
        path = "sessions.reading.product"
        yield from _unknown("unknown_product", path, "product", sessions.product, protocol.products)
        product = products.get(sessions.product)
        if product is not None and product.role != "therapy":
            yield error(
                "session_product_not_therapy",
                path,
                f"sessions give '{sessions.product}', a product for {product.role}",
                "name a product with role: therapy",
            )


def _dosimetry(protocol: Protocol, surroundings: Surroundings) -> Iterator[Finding]:
    """Whether regions of the phantom and the prior are known, and each region of the phantom stands for one organ."""
    plan = protocol.dosimetry.reading
    if plan is None:
        return
    if plan.population_prior is not None and surroundings.priors:
        path = "dosimetry.reading.population_prior"
        yield from _unknown("unknown_prior", path, "prior", plan.population_prior, surroundings.priors)
    phantoms = list(surroundings.phantom_regions) if plan.phantom == "by_sex" else [plan.phantom]
    taken: dict[str, str] = {}
    for key, region in readings(protocol.dose_regions).items():
        path = f"dose_regions.{key}.reading.reference_regions"
        for name in region.reference_regions:
            for phantom in phantoms if surroundings.phantom_regions else ():
                known = surroundings.phantom_regions[phantom]
                yield from _unknown("unknown_reference_region", path, f"region of the {phantom}", name, known)
            if taken.setdefault(name, key) != key:
                message = f"'{name}' stands for {taken[name]} already; its activity would count twice"
                yield error("reference_region_twice", path, message, "let one drawn region stand for it")
        if region.kind == "lesion" and region.reference_regions:
            message = "a lesion is no region of the phantom; its S value is that of a sphere"
            yield error("lesion_with_reference_region", path, message, "leave reference_regions out")
        if plan.absorbed_dose == "s_values" and region.kind == "organ" and not region.reference_regions:
            message = "S values are asked for and no region of the phantom stands for it: it will have no dose"
            yield error("organ_without_reference_region", path, message, "name the region of the phantom")


def _ids(protocol: Protocol) -> Iterator[Finding]:
    procedures = {*protocol.forms, *protocol.imaging}
    for key, visit in readings(protocol.schedule).items():
        for index, procedure in enumerate(visit.procedures):
            path = f"schedule.{key}.reading.procedures[{index}]"
            yield from _unknown("unknown_procedure", path, "form or image", procedure, procedures)
    images: list[tuple[str, str]] = []
    if protocol.selection_read and (selection := protocol.selection_read.reading):
        images.append(("selection_read.reading.imaging", selection.imaging))
    if protocol.biodistribution_read and (read := protocol.biodistribution_read.reading):
        images += [(f"biodistribution_read.reading.imaging[{i}]", name) for i, name in enumerate(read.imaging)]
    if plan := protocol.dosimetry.reading:
        images += [(f"dosimetry.reading.imaging[{i}]", name) for i, name in enumerate(plan.imaging)]
        if planar := plan.planar:
            images += [(f"dosimetry.reading.planar.imaging[{i}]", name) for i, name in enumerate(planar.imaging)]
            images.append(("dosimetry.reading.planar.anatomy", planar.anatomy))
    if response := protocol.response.reading:
        images.append(("response.reading.imaging_baseline", response.imaging_baseline))
        images.append(("response.reading.imaging_response", response.imaging_response))
    for path, name in images:
        yield from _unknown("unknown_imaging", path, "image", name, protocol.imaging)
    if gate := protocol.safety_gate.reading:
        yield from _unknown("unknown_visit", "safety_gate.reading.visit", "visit", gate.visit, protocol.schedule)
    if endpoint := protocol.endpoint.reading:
        yield from _unknown("unknown_visit", "endpoint.reading.visit", "visit", endpoint.visit, protocol.schedule)
        path = "endpoint.reading.analysis_set"
        yield from _unknown("unknown_analysis_set", path, "analysis set", endpoint.analysis_set, protocol.analysis_sets)
    for index, conflict in enumerate(protocol.conflicts):
        for number, path in enumerate(conflict.affects):
            if not clause_paths(protocol, path):
                place = f"conflicts[{index}].affects[{number}]"
                yield error("unknown_clause", place, f"there is no clause '{path}'", "write its path: eligibility.age")


def _regions(protocol: Protocol) -> Iterator[Finding]:
    regions = readings(protocol.dose_regions)
    names = Counter(name.lower() for region in regions.values() for name in region.region_names)
    for name, count in names.items():
        if count > 1:
            message = f"region name '{name}' belongs to {count} dose regions: its activity would count {count} times"
            yield error("region_name_twice", "dose_regions", message, "keep it in one of them")
    for key, region in regions.items():
        if region.kind == "organ" and any(name.endswith("*") for name in region.region_names):
            path = f"dose_regions.{key}.reading.region_names"
            yield error("organ_with_wildcard", path, "an organ is named with *", "list the names of its regions")
    if (plan := protocol.dose_limits.reading) is None:
        return
    for name in plan.limits:
        path = f"dose_limits.reading.limits.{name}"
        yield from _unknown("unknown_region", path, "dose region", name, protocol.dose_regions)
        region = regions.get(name)
        if region is not None and region.kind == "lesion":
            yield error("limit_of_lesion", path, "a lesion has a dose limit", "lesion doses inform; remove the limit")
        elif region is not None and not region.at_risk:
            yield warning("limit_not_at_risk", path, "the region has a limit but is not at risk", "write at_risk: true")
    for key, region in regions.items():
        if region.at_risk and key not in plan.limits:
            path = f"dose_regions.{key}.reading.at_risk"
            message = f"'{key}' is at risk but has no limit: no gate could judge it"
            yield error("at_risk_without_limit", path, message, "add a limit with its citation, or at_risk: false")


def _identity(protocol: Protocol) -> Iterator[Finding]:
    if identity := protocol.identity.reading:
        try:
            ZoneInfo(identity.timezone)
        except (KeyError, ValueError, OSError):
            message = f"'{identity.timezone}' is no IANA time zone"
            yield error("unknown_timezone", "identity.reading.timezone", message, "write one like Asia/Tehran")
    population = protocol.population.reading
    oldest = population.maximum_age_years if population else None
    if population and oldest is not None and population.minimum_age_years > oldest:
        path = "population.reading.maximum_age_years"
        yield error("impossible_age", path, "the maximum age is below the minimum age", "exchange them")


def _variables(protocol: Protocol, surroundings: Surroundings) -> Iterator[Finding]:
    counts = Counter(variable.id for variable in protocol.variables)
    for index, variable in enumerate(protocol.variables):
        path = f"variables[{index}]"
        if counts[variable.id] > 1:
            yield error("variable_twice", f"{path}.id", f"variable '{variable.id}' is declared twice", "rename one")
        yield from _columns(path, variable.table, (variable.column, *variable.where), surroundings)
    conditions = [criterion.condition for criterion in readings(protocol.eligibility).values()]
    spoken = set(re.findall(r"\w+", " ".join((*conditions, *(check.condition for check in protocol.edit_checks)))))
    for index, variable in enumerate(protocol.variables):
        if variable.id not in spoken:
            path = f"variables[{index}]"
            yield warning("variable_unused", path, f"no condition speaks of '{variable.id}'", "remove it, or use it")


def _columns(path: str, table: str, columns: tuple[str, ...], surroundings: Surroundings) -> Iterator[Finding]:
    if not surroundings.columns:
        return
    yield from _unknown("unknown_table", f"{path}.table", "record table", table, surroundings.columns)
    known = surroundings.columns.get(table)
    for column in columns if known is not None else ():
        yield from _unknown("unknown_column", path, f"column of {table}", column, known or ())


def _forms(protocol: Protocol, surroundings: Surroundings) -> Iterator[Finding]:
    for key, form in readings(protocol.forms).items():
        path = f"forms.{key}.reading"
        if surroundings.columns:
            yield from _unknown("unknown_table", f"{path}.table", "record table", form.table, surroundings.columns)
        counts = Counter(item.id for item in form.items)
        for index, item in enumerate(form.items):
            place = f"{path}.items[{index}]"
            if counts[item.id] > 1:
                yield error("item_twice", f"{place}.id", f"item '{item.id}' stands twice in the form", "rename one")
            if (item.type == "choice") != bool(item.choices):
                message = f"item '{item.id}' is a {item.type} {'without' if item.type == 'choice' else 'with'} choices"
                yield error("item_choices", place, message, "a choice lists its choices; nothing else does")
            if item.minimum is not None and item.maximum is not None and item.minimum > item.maximum:
                yield error("item_range", place, f"item '{item.id}': minimum above maximum", "exchange them")
            if not item.calculated:
                yield from _item_column(place, form, item, surroundings)


def _item_column(place: str, form: Form, item: Item, surroundings: Surroundings) -> Iterator[Finding]:
    known = surroundings.columns.get(form.table)
    if known is None:
        return
    column = item.column or item.id
    for name in (column, *item.where):
        yield from _unknown("unknown_column", place, f"column of {form.table}", name, known)
    kept_as_text = bool(item.where) and known.get(column) == "text"
    if column in known and not kept_as_text and known[column] not in _ITEM_COLUMN_TYPES[item.type]:
        message = f"item '{item.id}' is a {item.type}, its column {form.table}.{column} a {known[column]}"
        yield error("item_type", place, message, "give both the same type")


def _conditions(protocol: Protocol) -> Iterator[Finding]:
    variables: dict[str, VariableType] = {variable.id: variable.type for variable in protocol.variables}
    for key, criterion in readings(protocol.eligibility).items():
        yield from _condition(f"eligibility.{key}.reading.condition", criterion.condition, variables)
    if protocol.selection_read and (read := protocol.selection_read.reading):
        yield from _condition("selection_read.reading.condition", read.condition, fact_types(SELECTION_FACTS))
    for key, analysis_set in readings(protocol.analysis_sets).items():
        path = f"analysis_sets.{key}.reading.condition"
        yield from _condition(path, analysis_set.condition, fact_types(PARTICIPANT_FACTS))
    for key, form in readings(protocol.forms).items():
        types = item_types(form)
        for index, item in enumerate(form.items):
            if item.shown_when:
                others = {name: kind for name, kind in types.items() if name != item.id}
                yield from _condition(f"forms.{key}.reading.items[{index}].shown_when", item.shown_when, others)


def _condition(path: str, text: str, types: dict[str, VariableType]) -> Iterator[Finding]:
    try:
        condition(text, types)
    except ExpressionError as fault:
        yield error("condition", path, str(fault), "see docs/methods/conditions.md")


def _gate_tests(protocol: Protocol, surroundings: Surroundings) -> Iterator[Finding]:
    if (gate := protocol.safety_gate.reading) is None:
        return
    counts = Counter(limit.test for limit in gate.laboratory)
    recorded = {item.where.get("test") for form in readings(protocol.forms).values() for item in form.items}
    gradeable = surroundings.gradeable_tests.get(gate.ctcae_version)
    for index, limit in enumerate(gate.laboratory):
        path = f"safety_gate.reading.laboratory[{index}].test"
        if counts[limit.test] > 1:
            yield error("gate_test_twice", path, f"test '{limit.test}' has two limits", "keep one")
        if limit.test not in recorded:
            message = f"no form asks for the test '{limit.test}' that the gate judges"
            yield warning("gate_test_not_recorded", path, message, "add an item with where: {test: ...}")
        if gradeable is not None and limit.test not in gradeable:
            message = f"test '{limit.test}' has no grades in CTCAE {gate.ctcae_version}"
            yield error("gate_test_not_gradeable", path, message, suggestion(limit.test, tuple(sorted(gradeable))))
