"""The rule that stops the trial, replayed in the order in which participants could be judged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from theratrial.errors import InputError
from theratrial.protocol.plans.toxicity import StoppingPlan
from theratrial.results.places import participant_place
from theratrial.results.toxicity import StoppingCharacteristics, StoppingResult, StoppingStep
from theratrial.results.values import ParticipantResult
from theratrial.statistics.designs.bayesian import Beta, toxicity_boundary
from theratrial.statistics.designs.stopping import Boundary, characteristics, pocock_boundary
from theratrial.trace import Trace

METHOD: Final = "statistics.stopping_replay"
METHOD_VERSION: Final = "1"
MOST_IN_VAIN: Final = 0.1
"""False-stop probability from which a warning is given; a choice, as convention has it."""


def stopping_boundary(plan: StoppingPlan) -> tuple[Boundary, str]:
    """The boundary of a plan, and the rule in words.

    Raises
    ------
    InputError
        The plan lacks a number of its kind.
    """
    p0 = plan.acceptable_rate_fraction
    if plan.kind == "pocock":
        if plan.overall_probability_fraction is None:
            raise InputError("a Pocock-type boundary needs overall_probability_fraction")
        found = pocock_boundary(plan.participants, p0, overall=plan.overall_probability_fraction)
        said = (
            f"Pocock-type boundary: stops with at most {plan.overall_probability_fraction:.0%} probability while the "
            f"rate is {p0:.0%}"
        )
    else:
        if plan.certainty_fraction is None or plan.prior_events is None or plan.prior_without is None:
            raise InputError("a Bayesian boundary needs certainty_fraction, prior_events and prior_without")
        prior = (Beta(plan.prior_events, plan.prior_without),)
        found = toxicity_boundary(plan.participants, p0, plan.certainty_fraction, prior)
        said = (
            f"Bayesian boundary: stops where the rate is above {p0:.0%} with more than {plan.certainty_fraction:.0%} "
            f"probability, prior Beta({plan.prior_events:g}, {plan.prior_without:g})"
        )
    if plan.minimum_participants > 1:
        found = tuple(None if k < plan.minimum_participants else one for k, one in enumerate(found, 1))
        said += f", not before {plan.minimum_participants} participants"
    return found, said


def boundary_warnings(boundary: Boundary, plan: StoppingPlan) -> tuple[str, ...]:
    """What a reader must know before trusting the rule."""
    p0 = plan.acceptable_rate_fraction
    found = []
    if boundary[0] == 1:
        found.append("stops after the first patient, if that one has a dose-limiting toxicity")
    in_vain = characteristics(boundary, p0).stop
    if in_vain > MOST_IN_VAIN:
        found.append(f"stops {in_vain:.1%} of trials although the rate is the acceptable {p0:.0%}")
    if all(one is None for one in boundary):
        found.append("can never stop the trial")
    return tuple(found)


def stopping_result(
    plan: StoppingPlan, participants: Sequence[ParticipantResult], *, demonstration: tuple[str, ...] = ()
) -> StoppingResult:
    """The rule on what happened: one step for each participant that is judged, in the order of that day."""
    boundary, rule = stopping_boundary(plan)
    own = [(one, one.toxicity.limiting) for one in participants if one.toxicity.limiting is not None]
    judged = sorted(
        (
            (found.on, one.participant_id, found.verdict == "yes")
            for one, found in own
            if found.verdict in ("yes", "no") and found.on is not None
        ),
        key=lambda step: (step[0], step[1]),
    )
    steps = _steps(boundary, judged[: len(boundary)])
    known = {participant for _, participant, _ in judged}
    not_yet = tuple(one.participant_id for one, found in own if found.verdict == "not_yet")
    waiting = tuple(one.participant_id for one, _ in own if one.participant_id not in known)
    worst = _worst_case(boundary, steps, len(waiting) - len(not_yet), len(waiting))
    warnings = boundary_warnings(boundary, plan)
    if len(judged) > len(boundary):
        warnings += (f"the rule was made for {len(boundary)} participants; {len(judged)} are judged",)
    rates = sorted({plan.acceptable_rate_fraction, *plan.shown_rates_fraction})
    places = {one.participant_id: f"value:{participant_place(one.participant_id)}.toxicity.limiting" for one, _ in own}
    return StoppingResult(
        rule=rule,
        boundary=boundary,
        characteristics=tuple(
            StoppingCharacteristics(one.rate, one.stop, one.expected_n)
            for one in (characteristics(boundary, rate) for rate in rates)
        ),
        warnings=warnings,
        steps=steps,
        undetermined=waiting,
        worst_case_stops=worst,
        sentence=_sentence(steps, waiting, worst=worst),
        trace=Trace(
            METHOD,
            METHOD_VERSION,
            {**{f"toxicity {name}": place for name, place in places.items()}, "clause": "protocol:stopping"},
            demonstration=demonstration,
        ),
        not_yet=not_yet,
        acceptable_rate_fraction=plan.acceptable_rate_fraction,
        participants=plan.participants,
        plain_words=_plain(boundary, plan),
    )


def _steps(boundary: Boundary, judged: Sequence[tuple[date, str, bool]]) -> tuple[StoppingStep, ...]:
    steps = []
    events = 0
    for k, (on, participant, limited) in enumerate(judged, 1):
        events += limited
        limit = boundary[k - 1]
        stopped = limit is not None and events >= limit
        steps.append(StoppingStep(participant, on, "yes" if limited else "no", events, k, limit, stopped))
    return tuple(steps)


def _worst_case(boundary: Boundary, steps: Sequence[StoppingStep], undetermined: int, waiting: int) -> bool:
    """Whether the boundary is reached if all that are not judged had a toxicity.

    Who cannot be judged may have had one at any time, so it is put at every place of the order; who can not yet be
    judged can only come last.
    """
    if any(step.stopped for step in steps):
        return True
    events = [0, *(step.events for step in steps)]
    places = [(k, m) for k in range(len(events)) for m in range(1, undetermined + 1)]
    places += [(len(events) - 1, m) for m in range(1, waiting + 1)]
    limits = ((boundary[k + m - 1], events[k] + m) for k, m in places if k + m <= len(boundary))
    return any(limit is not None and count >= limit for limit, count in limits)


def _sentence(steps: Sequence[StoppingStep], waiting: Sequence[str], *, worst: bool) -> str:
    reached = next((step for step in steps if step.stopped), None)
    if reached is not None:
        return (
            f"The boundary was reached on {reached.judged_on}: {reached.events} of {reached.participants} participants "
            f"judged had a dose-limiting toxicity, and {reached.stops_at} stop the trial."
        )
    if not steps:
        said = "No participant is judged yet."
    else:
        last = steps[-1]
        said = f"Of {last.participants} participants judged, {last.events} had a dose-limiting toxicity; "
        said += (
            f"no number stops the trial after {last.participants}."
            if last.stops_at is None
            else f"{last.stops_at} or more of {last.participants} would stop the trial."
        )
    if not waiting:
        return said
    case = "would be reached" if worst else "would not be reached"
    return f"{said} {len(waiting)} cannot be judged or not yet; if all of them had one, the boundary {case}."


def _plain(boundary: Boundary, plan: StoppingPlan) -> str:
    """The boundary in words: no more than so many of so many, where that number changes."""
    parts: list[str] = []
    for k, limit in enumerate(boundary, 1):
        following = boundary[k] if k < len(boundary) else -1
        if limit is not None and following != limit:
            parts.append(f"{limit - 1} of the first {k}")
    if not parts:
        return "No number of dose-limiting toxicities stops the trial."
    return (
        f"The trial goes on while no more than {', '.join(parts)} participants judged had a dose-limiting toxicity. "
        f"The rate held to be acceptable is {plan.acceptable_rate_fraction:.0%}."
    )
