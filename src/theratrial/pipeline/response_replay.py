"""The trial's response read again under one change, from the results alone (docs/methods/response_replay.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from theratrial.errors import InputError
from theratrial.pipeline.cohort import counted
from theratrial.pipeline.criteria_recist import RecistCase, recist_result
from theratrial.pipeline.intercurrent import Happened, analysis_plan, assessed_on, happened
from theratrial.pipeline.participant_response import measurement_adjudication
from theratrial.protocol.plans.analysis import AnalysisPlan
from theratrial.protocol.plans.criteria import RecistPlan
from theratrial.protocol.schema import Endpoint, Protocol, ResponseRule
from theratrial.response.lesions import LesionReading
from theratrial.response.replay import (
    AS_IS,
    METHOD,
    VERSION,
    Change,
    Readings,
    parsed_change,
    replayed_category,
    systematic_changes,
)
from theratrial.results.criteria import CriteriaResult, FlippedCategory, ReaderReading, Replay
from theratrial.results.places import participant_place
from theratrial.results.values import ParticipantResult, ResponseOutcome
from theratrial.statistics import proportion
from theratrial.trace import Quantity, Trace
from theratrial.trialfolder.records import TrialFolder

RecistAgain = Callable[[str, RecistPlan], CriteriaResult | None]
"""Participant and plan -> RECIST 1.1 of the participant by that plan."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a replay changes one part of."""

    response: ResponseRule
    endpoint: Endpoint
    recist: RecistPlan | None

    def change(self, text: str) -> Change:
        """The change that a text names."""
        return parsed_change(text, self.response, missing=self.endpoint.missing, recist=self.recist)

    def every_change(self) -> tuple[Change, ...]:
        """Every change that the rules give rise to, the rules as they are first."""
        return (AS_IS, *systematic_changes(self.response, missing=self.endpoint.missing, recist=self.recist))


@dataclass(frozen=True, slots=True)
class Estimand:
    """How the estimand counts a participant whose response has changed; her events are found anew."""

    folder: TrialFolder
    plan: AnalysisPlan

    def events(self, one: ParticipantResult, change: Change) -> tuple[Happened, ...]:
        """Her intercurrent events.

        A change of the rule for missing answers asks what that rule would give, so the strategy for what cannot be
        assessed has no word then.
        """
        found = happened(self.folder, one, pending=False)
        return tuple(event for event in found if change.missing is None or event.event != "not_assessable")

    def counted(self, one: ParticipantResult, endpoint: Endpoint, change: Change) -> ParticipantResult:
        """The participant counted again."""
        return counted(
            one,
            endpoint,
            plan=self.plan,
            events=self.events(one, change),
            assessed=assessed_on(self.folder, one),
        )


def trial_estimand(folder: TrialFolder) -> Estimand | None:
    """The estimand that the trial counts by; None where its protocol has none."""
    plan = analysis_plan(folder.protocol)
    return None if plan is None else Estimand(folder, plan)


def replay_rules(protocol: Protocol) -> Rules | None:
    """The rules that are replayed; None where the protocol's response or endpoint is not read."""
    response, endpoint = protocol.response.reading, protocol.endpoint.reading
    if response is None or endpoint is None:
        return None
    further = protocol.further_criteria
    recist = further.reading.recist_1_1 if further is not None and further.reading is not None else None
    return Rules(response, endpoint, recist)


def replay(
    participants: Sequence[ParticipantResult],
    rules: Rules,
    change: Change,
    *,
    recist_again: RecistAgain | None = None,
    estimand: Estimand | None = None,
    demonstration: tuple[str, ...] = (),
) -> Replay:
    """The trial's response under a change: who flips, and the proportion that would be.

    Assumes that analysis sets stay as they are. With an `estimand`, intercurrent events count as in the primary answer;
    without one, the endpoint's categories and its rule for missing answers alone decide.

    Raises
    ------
    InputError
        A change of RECIST without a way to read it again.
    """
    if change.recist:
        if rules.recist is None or recist_again is None:
            raise InputError(f"{change.name}: RECIST 1.1 cannot be replayed from these results")
        return _of_recist(participants, rules.recist, change, rules.endpoint, recist_again, demonstration)
    endpoint = rules.endpoint
    if change.missing is not None:
        endpoint = endpoint.model_copy(update={"missing": change.missing})
    after = [_again(one, rules.response, endpoint, change, estimand) for one in participants]
    flipped = tuple(
        FlippedCategory(
            before.participant_id, _category(before), _category(now), before.counted, now.counted, _because(now)
        )
        for before, now in zip(participants, after, strict=True)
        if _category(before) != _category(now) or before.counted != now.counted
    )
    judged = [one for one in after if one.counted in ("success", "failure")]
    successes = sum(one.counted == "success" for one in judged)
    inputs = {"rule": "protocol:response", "endpoint": "protocol:endpoint"}
    for one in participants:
        if one.response is not None:
            inputs[one.participant_id] = f"value:{participant_place(one.participant_id)}.response"
    if estimand is not None:
        inputs["estimand"] = "protocol:analysis"
        for one in judged:
            inputs |= {f"{one.participant_id} {it.event}": it.record for it in estimand.events(one, change)}
    return _replay("protocol", change, successes, len(judged), endpoint, flipped, inputs, demonstration)


def _replay(
    rule: str,
    change: Change,
    successes: int,
    analysed: int,
    endpoint: Endpoint,
    flipped: tuple[FlippedCategory, ...],
    inputs: Mapping[str, str],
    demonstration: tuple[str, ...],
) -> Replay:
    trace = Trace(METHOD, VERSION, {**inputs, "change": f"given:{change.words}"}, demonstration=demonstration)
    share = Quantity(None, "fraction", trace, note="nobody is analysed")
    if analysed:
        found = proportion(successes, analysed, method=endpoint.interval_method, level=endpoint.confidence_level)
        share = Quantity(found.estimate_fraction, "fraction", trace, found.lower_fraction, found.upper_fraction)
    return Replay(
        rule=rule,  # type: ignore[arg-type]
        kind=change.kind,
        name=change.name,
        change=change.words,
        successes=successes,
        analysed=analysed,
        proportion=share,
        flipped=flipped,
        trace=trace,
    )


def _again(
    one: ParticipantResult, rule: ResponseRule, endpoint: Endpoint, change: Change, estimand: Estimand | None
) -> ParticipantResult:
    """The participant with category and counting under the change."""
    response = one.response
    if response is not None and response.readings:
        read = partial(_readings, response)
        category, arithmetic = replayed_category(read, rule, change, adjudicated_to=response.adjudicated_to)
        response = replace(response, category=category, arithmetic=arithmetic)  # type: ignore[arg-type]
    if one.counted == "not analysed":
        # Outside the set, or still to be assessed: no rule of response changes that.
        return replace(one, response=response)
    changed = replace(one, response=response)
    return counted(changed, endpoint) if estimand is None else estimand.counted(changed, endpoint, change)


def _readings(response: ResponseOutcome, metric: str) -> Readings:
    sides: dict[str, dict[str, list[LesionReading]]] = {}
    for reading in response.readings:
        sides.setdefault(reading.timepoint, {})[reading.reader] = _lesions(reading, metric)
    return Readings(sides.get("baseline"), sides.get("response"))


def _lesions(reading: ReaderReading, metric: str) -> list[LesionReading]:
    found = []
    for one in reading.uptakes:
        quantity: Quantity | None = getattr(one, metric)
        value = None if quantity is None else quantity.value
        found.append(LesionReading(one.lesion_id, one.role, one.status, value, one.record))
    return found


def _category(one: ParticipantResult) -> str:
    return "NE" if one.response is None else one.response.category


def _because(one: ParticipantResult) -> str:
    return one.counted_because if one.response is None else one.response.arithmetic


def recist_of(one: ParticipantResult) -> CriteriaResult | None:
    """RECIST 1.1 of a participant as the run judged it."""
    return next((found for found in one.criteria.criteria if found.criteria == "recist_1_1"), None)


def recist_again(folder: TrialFolder, participants: Sequence[ParticipantResult]) -> RecistAgain:
    """RECIST 1.1 of the folder's measurements by another plan."""
    starts = {
        one.participant_id: min(session.injected_at for session in one.sessions).astimezone(folder.zone).date()
        for one in participants
        if one.sessions
    }

    def again(participant_id: str, plan: RecistPlan) -> CriteriaResult | None:
        if participant_id not in starts:
            return None
        rows = tuple(folder.rows("tumour_measurements", participant_id=participant_id))
        adjudication, _ = measurement_adjudication(folder, participant_id)
        start = starts[participant_id]
        return recist_result(RecistCase(rows, start, "given:start of treatment", plan, (), adjudication))

    return again


def _of_recist(
    participants: Sequence[ParticipantResult],
    plan: RecistPlan,
    change: Change,
    endpoint: Endpoint,
    recist_again: RecistAgain,
    demonstration: tuple[str, ...],
) -> Replay:
    changed = change.recist_applied(plan)
    flipped, controlled, judged = [], 0, 0
    inputs = {"rule": "protocol:further_criteria"}
    for one in participants:
        before = recist_of(one)
        if before is None:
            continue
        place = f"value:{participant_place(one.participant_id)}.criteria.criteria[recist_1_1]"
        inputs[one.participant_id] = place
        now = recist_again(one.participant_id, changed)
        if now is None:
            continue
        if one.counted in ("success", "failure"):
            judged += 1
            controlled += now.controlled is True
        if (before.category, before.controlled) != (now.category, now.controlled):
            flipped.append(
                FlippedCategory(
                    one.participant_id,
                    before.category,
                    now.category,
                    _control(before),
                    _control(now),
                    now.because,
                )
            )
    return _replay("recist_1_1", change, controlled, judged, endpoint, tuple(flipped), inputs, demonstration)


def _control(one: CriteriaResult) -> str:
    return {True: "control", False: "no control", None: "not assessable"}[one.controlled]
