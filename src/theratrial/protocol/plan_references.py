"""Rules on what the plans beyond the trial's conduct refer to: criteria, toxicity, stopping, protection, analysis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from theratrial.protocol.documents import suggestion
from theratrial.protocol.findings import Finding, Surroundings, error, readings, warning
from theratrial.protocol.plans.criteria import MetabolicPlan
from theratrial.protocol.plans.toxicity import ToxicityRule
from theratrial.protocol.schema import Protocol


def plan_findings(protocol: Protocol, surroundings: Surroundings) -> Iterator[Finding]:
    """Every rule of this module; a protocol without a clause has nothing to say about it."""
    yield from _criteria(protocol)
    yield from _toxicity(protocol, surroundings)
    yield from _stopping(protocol)
    yield from _serious_events(protocol)
    yield from _protection(protocol, surroundings)
    yield from _analysis(protocol)


def _criteria(protocol: Protocol) -> Iterator[Finding]:
    plan = protocol.further_criteria.reading if protocol.further_criteria else None
    if plan is None:
        return
    for name in ("percist_1_0", "eortc_1999"):
        if (metabolic := getattr(plan, name)) is not None:
            yield from _metabolic(f"further_criteria.reading.{name}", metabolic, protocol)
    if plan.heterogeneity is not None:
        path = "further_criteria.reading.heterogeneity.timepoint"
        known = tuple(dict.fromkeys(image.timepoint for image in readings(protocol.imaging).values()))
        if plan.heterogeneity.timepoint not in known:
            message = f"no image of the protocol has time point '{plan.heterogeneity.timepoint}'"
            yield error("unknown_timepoint", path, message, suggestion(plan.heterogeneity.timepoint, known))


def _metabolic(path: str, plan: MetabolicPlan, protocol: Protocol) -> Iterator[Finding]:
    images = readings(protocol.imaging)
    for field in ("imaging_baseline", "imaging_response"):
        name = getattr(plan, field)
        if name not in protocol.imaging:
            message = f"there is no planned image '{name}'"
            yield error("unknown_imaging", f"{path}.{field}", message, suggestion(name, tuple(protocol.imaging)))
        elif name in images and images[name].kind != "pet_ct":
            message = f"'{name}' is a {images[name].kind} image; the criteria are read on a PET"
            yield error("criteria_image_not_pet", f"{path}.{field}", message, "name an image of kind: pet_ct")
    if plan.imaging_baseline == plan.imaging_response:
        yield error("criteria_one_image", path, "baseline and response are one image", "name two images")
    drawn = {name.lower() for region in readings(protocol.dose_regions).values() for name in region.region_names}
    for field in ("liver_region", "blood_pool_region"):
        name = getattr(plan, field)
        if name is not None and name.lower() not in drawn:
            message = f"no dose region is drawn as '{name}'; the reference needs it drawn on the PET"
            yield warning("reference_region_not_drawn", f"{path}.{field}", message, suggestion(name, tuple(drawn)))
    early, late = plan.earliest_uptake_min, plan.latest_uptake_min
    if early is not None and late is not None and early > late:
        message = "the earliest uptake time is after the latest"
        yield error("uptake_time_range", f"{path}.earliest_uptake_min", message, "exchange them")


def _toxicity(protocol: Protocol, surroundings: Surroundings) -> Iterator[Finding]:
    rule = protocol.toxicity.reading if protocol.toxicity else None
    if rule is None:
        return
    base = "toxicity.reading"
    yield from _toxicity_tests(rule, protocol, surroundings)
    if rule.events is not None:
        terms = Counter(term.casefold() for term in rule.events.except_terms)
        known = surroundings.event_terms.get(rule.ctcae_version)
        for index, term in enumerate(rule.events.except_terms):
            path = f"{base}.events.except_terms[{index}]"
            if known is not None and term.casefold() not in {one.casefold() for one in known}:
                message = f"CTCAE {rule.ctcae_version} has no term '{term}'"
                yield error("unknown_toxicity_term", path, message, suggestion(term, tuple(sorted(known))))
            if terms[term.casefold()] > 1:
                yield error("toxicity_term_twice", path, f"term '{term}' is excepted twice", "keep one")
    if rule.recovery is not None:
        for index, limit in enumerate(rule.laboratory):
            if limit.test in rule.recovery.tests and limit.minimum_grade <= rule.recovery.maximum_grade:
                path = f"{base}.laboratory[{index}].minimum_grade"
                message = f"'{limit.test}' of that grade limits the dose and counts as recovered"
                yield error("toxicity_grade_recovered", path, message, "lower recovery.maximum_grade")
    gate = protocol.safety_gate.reading
    if gate is not None and gate.ctcae_version != rule.ctcae_version:
        message = f"the gate grades by CTCAE {gate.ctcae_version}, dose-limiting toxicity by {rule.ctcae_version}"
        remedy = "use one version, or say in the decision why there are two"
        yield warning("toxicity_other_version", f"{base}.ctcae_version", message, remedy)


def _toxicity_tests(rule: ToxicityRule, protocol: Protocol, surroundings: Surroundings) -> Iterator[Finding]:
    base = "toxicity.reading"
    places = [(f"{base}.laboratory[{i}].test", limit.test) for i, limit in enumerate(rule.laboratory)]
    if rule.recovery is not None:
        places += [(f"{base}.recovery.tests[{i}]", test) for i, test in enumerate(rule.recovery.tests)]
    recorded = {item.where.get("test") for form in readings(protocol.forms).values() for item in form.items}
    gradeable = surroundings.gradeable_tests.get(rule.ctcae_version)
    for path, test in places:
        if gradeable is not None and test not in gradeable:
            message = f"test '{test}' has no grades in CTCAE {rule.ctcae_version}"
            yield error("toxicity_test_not_gradeable", path, message, suggestion(test, tuple(sorted(gradeable))))
        elif test not in recorded:
            message = f"no form asks for the test '{test}' that dose-limiting toxicity is judged by"
            yield warning("toxicity_test_not_recorded", path, message, "add an item with where: {test: ...}")
    lines = Counter((limit.test, limit.minimum_grade, limit.lasting_days) for limit in rule.laboratory)
    tests = Counter(rule.recovery.tests) if rule.recovery else Counter[str]()
    for index, limit in enumerate(rule.laboratory):
        if lines[limit.test, limit.minimum_grade, limit.lasting_days] > 1:
            path, message = f"{base}.laboratory[{index}].test", f"the line on '{limit.test}' stands twice"
            yield error("toxicity_test_twice", path, message, "keep one")
    for test, count in tests.items():
        if count > 1:
            message = f"recovery of '{test}' is asked for twice"
            yield error("toxicity_test_twice", f"{base}.recovery.tests", message, "keep one")


def _stopping(protocol: Protocol) -> Iterator[Finding]:
    plan = protocol.stopping.reading if protocol.stopping else None
    if plan is None:
        return
    base = "stopping.reading"
    if protocol.toxicity is None:
        message = "the trial stops for dose-limiting toxicities, which no clause defines"
        yield error("stopping_without_toxicity", base, message, "write the clause toxicity, or leave stopping out")
    if plan.minimum_participants > plan.participants:
        message = "more participants are needed for a look than there are"
        yield error("stopping_minimum", f"{base}.minimum_participants", message, "lower it")
    for index, rate in enumerate(plan.shown_rates_fraction):
        if not 0 <= rate <= 1:
            path = f"{base}.shown_rates_fraction[{index}]"
            yield error("stopping_rate", path, f"{rate} is no rate", "write a fraction from 0 to 1")
    population = protocol.population.reading
    if population is not None and population.sample_size != plan.participants:
        message = f"the boundary is for {plan.participants} participants, the trial treats {population.sample_size}"
        yield warning("stopping_other_size", f"{base}.participants", message, "use the registered sample size")


def _serious_events(protocol: Protocol) -> Iterator[Finding]:
    plan = protocol.serious_events.reading if protocol.serious_events else None
    if plan is None:
        return
    for field in ("recipients", "criteria"):
        for text, count in Counter(one.casefold() for one in getattr(plan, field)).items():
            if count > 1:
                path = f"serious_events.reading.{field}"
                yield error("serious_events_twice", path, f"'{text}' stands there twice", "keep one")
    criteria = {one.casefold() for one in plan.criteria}
    path = "serious_events.reading.expedited.urgent_criteria"
    for one in plan.expedited.urgent_criteria:
        if one.casefold() not in criteria:
            yield error("unknown_urgent_criterion", path, f"'{one}' is none of the criteria", "write it as there")
    if not plan.urgent_criteria:
        message = "no criterion is known to mean death or danger to life: every unexpected reaction has the short time"
        yield warning("no_urgent_criterion", path, message, "name those of the criteria that do")


def _protection(protocol: Protocol, surroundings: Surroundings) -> Iterator[Finding]:
    plan = protocol.radiation_protection.reading if protocol.radiation_protection else None
    if plan is None:
        return
    base = "radiation_protection.reading"
    tables = (
        ("release_limit", "release limit", surroundings.release_limits),
        ("constraints", "set of dose constraints", surroundings.dose_constraints),
    )
    for field, what, known in tables:
        name = getattr(plan, field)
        if known and name not in known:
            message = f"there is no {what} '{name}' in the shipped table"
            yield error(f"unknown_{field}", f"{base}.{field}", message, suggestion(name, tuple(sorted(known))))
    dosimetry = protocol.dosimetry.reading
    planar = dosimetry.planar if dosimetry else None
    if plan.kinetics == "whole_body_counts" and dosimetry and (planar is None or planar.whole_body == "none"):
        message = "the fall of the dose rate is to follow whole-body counts, which dosimetry.planar does not take"
        yield error("protection_without_counts", f"{base}.kinetics", message, "write whole_body: counts there")
    if plan.kinetics == "measured_dose_rates" and not _asks(protocol, "dose_rates"):
        message = "no form asks for the dose rates that the rule of discharge is judged by"
        yield warning("protection_not_recorded", f"{base}.kinetics", message, "add a form with table: dose_rates")
    serious = protocol.serious_events.reading if protocol.serious_events else None
    months = (serious.contraception_months if serious else None, plan.contraception_months)
    if None not in months and months[0] != months[1]:
        message = "serious_events asks for another time of contraception"
        yield error("contraception_twice", f"{base}.contraception_months", message, "write the same in both")


def _asks(protocol: Protocol, table: str) -> bool:
    return any(form.table == table for form in readings(protocol.forms).values())


def _analysis(protocol: Protocol) -> Iterator[Finding]:
    plan = protocol.analysis.reading if protocol.analysis else None
    if plan is None:
        return
    base = "analysis.reading"
    for index, survival in enumerate(plan.survival):
        path = f"{base}.survival[{index}]"
        if survival.analysis_set not in protocol.analysis_sets:
            message = f"there is no analysis set '{survival.analysis_set}'"
            remedy = suggestion(survival.analysis_set, tuple(protocol.analysis_sets))
            yield error("unknown_analysis_set", f"{path}.analysis_set", message, remedy)
        if "dose_limiting_toxicity" in survival.events and protocol.toxicity is None:
            message = "dose-limiting toxicity is an event here, and no clause defines it"
            yield error("survival_without_toxicity", f"{path}.events", message, "write the clause toxicity")
    test = plan.test
    if test is not None and test.alternative_fraction is not None and test.alternative_fraction <= test.null_fraction:
        message = "the alternative is not above the null, and the test is one-sided"
        yield error("test_alternative", f"{base}.test.alternative_fraction", message, "give a larger one")
    endpoint = protocol.endpoint.reading
    shown = Counter(plan.further_intervals)
    if endpoint is not None:
        shown[endpoint.interval_method] += 1
    for method, count in shown.items():
        if count > 1:
            message = f"the interval '{method}' is shown twice, beside the endpoint's own"
            yield warning("interval_twice", f"{base}.further_intervals", message, "leave it out here")
