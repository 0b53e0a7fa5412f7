"""Times to event over the analysis set, as the protocol's plan defines them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from theratrial.pipeline.context import Context
from theratrial.pipeline.survival_times import PersonTime, person_time
from theratrial.protocol.plans.analysis import AnalysisPlan, SurvivalPlan
from theratrial.protocol.schema import Endpoint
from theratrial.results.analysis import SurvivalPerson, SurvivalResult, SurvivalStep
from theratrial.results.values import ParticipantResult
from theratrial.statistics import KaplanMeier, kaplan_meier, reverse_kaplan_meier
from theratrial.statistics.survival import DAYS_PER_MONTH, VERSION
from theratrial.trace import Quantity, Trace
from theratrial.trialfolder.records import TrialFolder

_ORIGINS = {
    "enrolment": "the first consent",
    "first_administration": "the first administration",
    "first_response": "the assessment that found disease control",
}
_EVENTS = {"progression": "progression", "death": "death", "dose_limiting_toxicity": "dose-limiting toxicity"}
_CENSORED = {
    "new_anticancer_therapy": "the start of another treatment of the cancer",
    "withdrawal": "withdrawal",
    "last_assessment": "the last assessment of the disease",
    "last_contact": "the last contact",
}


def survival_results(
    folder: TrialFolder,
    participants: Sequence[ParticipantResult],
    plan: AnalysisPlan,
    endpoint: Endpoint,
    context: Context,
) -> tuple[SurvivalResult, ...]:
    """Every time to event of the plan."""
    resting = context.resting_on("analysis", "analysis_sets", "endpoint")
    return tuple(_survival(folder, participants, one, endpoint, resting) for one in plan.survival)


def _survival(
    folder: TrialFolder,
    participants: Sequence[ParticipantResult],
    plan: SurvivalPlan,
    endpoint: Endpoint,
    resting: tuple[str, ...],
) -> SurvivalResult:
    times: dict[str, PersonTime] = {}
    left_out = []
    inputs = {"plan": "protocol:analysis", "analysis set": f"protocol:analysis_sets.{plan.analysis_set}"}
    for result in participants:
        if plan.analysis_set not in result.analysis_sets:
            continue
        who = result.participant_id
        found = person_time(folder, result, plan, endpoint)
        if isinstance(found, str):
            left_out.append(f"{who}: {found}")
            continue
        times[who] = found
        inputs |= {f"{who} origin": found.origin.record, f"{who} end": found.end.record}
    trace = Trace("statistics.kaplan_meier", VERSION, inputs, demonstration=resting)
    people = tuple(
        SurvivalPerson(who, one.days / DAYS_PER_MONTH, one.event, one.because, one.origin.on, one.end.on)
        for who, one in sorted(times.items(), key=lambda pair: (pair[1].days, not pair[1].event, pair[0]))
    )
    curve = follow = None
    if people:
        lasted, had = [one.time_months for one in people], [one.event for one in people]
        curve = kaplan_meier(lasted, had, transform=plan.transform, level=plan.confidence_level)
        follow = reverse_kaplan_meier(lasted, had, transform=plan.transform, level=plan.confidence_level)
    return SurvivalResult(
        survival_id=plan.id,
        title=plan.title,
        analysed=len(people),
        events=sum(one.event for one in people),
        people=people,
        left_out=tuple(left_out),
        steps=_steps(curve),
        median_months=_median(curve, trace, "the median is not reached: fewer than half are estimated to have had it"),
        transform=plan.transform,
        confidence_level=plan.confidence_level,
        median_follow_up_months=_median(follow, trace, "the median follow-up is not reached"),
        rule=_rule(plan),
        trace=trace,
    )


def _steps(curve: KaplanMeier | None) -> tuple[SurvivalStep, ...]:
    if curve is None:
        return ()
    return tuple(
        SurvivalStep(
            step.time,
            step.at_risk,
            step.events,
            step.censored,
            step.survival_fraction,
            step.lower_fraction,
            step.upper_fraction,
        )
        for step in curve.steps
    )


def _median(curve: KaplanMeier | None, trace: Trace, not_reached: str) -> Quantity:
    if curve is None:
        return Quantity(None, "months", trace, note="nobody has a time")
    upper = math.inf if curve.median_upper is None else curve.median_upper
    note = not_reached if curve.median is None else ""
    return Quantity(curve.median, "months", trace, curve.median_lower, upper, note)


def _rule(plan: SurvivalPlan) -> str:
    events = " or ".join(_EVENTS[one] for one in plan.events)
    first = ", whichever comes first" if len(plan.events) > 1 else ""
    censored = " or ".join(_CENSORED[one] for one in plan.censored_at)
    transform = {"log_log": "log(-log S)", "log": "log S", "plain": "S itself"}[plan.transform]
    return (
        f"From {_ORIGINS[plan.origin]} to {events}{first}; censored at {censored}. Kaplan-Meier; "
        f"{plan.confidence_level * 100:g} % intervals, also that of the median, symmetric on {transform}."
    )
