"""The criteria of a protocol, judged for one participant at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal
from zoneinfo import ZoneInfo

from theratrial.eligibility.sources import (
    SECONDS_PER_DAY,
    Record,
    Records,
    ResolvedValue,
    resolved_value,
    unreadable_said,
)
from theratrial.errors import InputError
from theratrial.protocol.clauses import Clause, DecisionStatus
from theratrial.protocol.expressions import Condition, Outcome, Truth, condition, truth_and, truth_not
from theratrial.protocol.schema import Criterion, Protocol, SelectionRead
from theratrial.protocol.vocabulary import SELECTION_FACTS, fact_types
from theratrial.trace import Trace

METHOD: Final = "eligibility.criteria"
VERSION: Final = "1.0"


class Verdict(StrEnum):
    """Overall answer. What is not known is never eligible."""

    ELIGIBLE = "eligible"
    NOT_ELIGIBLE = "not_eligible"
    NOT_KNOWN = "not_known"


@dataclass(frozen=True, slots=True)
class CriterionResult:
    """One criterion's answer.

    Parameters
    ----------
    truth
        Whether the participant passes: for an exclusion criterion ``met`` means that she is *not* excluded.
    condition_truth
        Whether the condition itself holds.
    verbatim
        The sentences of the registered document.
    values
        What the condition speaks of, with lines and ages.
    to_be_known
        What would make a criterion known that is not.
    """

    id: str
    kind: Literal["inclusion", "exclusion", "selection"]
    title: str
    verbatim: tuple[str, ...]
    condition: str
    truth: Truth
    condition_truth: Truth
    values: tuple[ResolvedValue, ...]
    to_be_known: tuple[str, ...]
    decision: DecisionStatus
    trace: Trace


@dataclass(frozen=True, slots=True)
class EligibilityResult:
    """Whether a participant was eligible at a moment, criterion by criterion in the order of the protocol."""

    participant_id: str
    at: datetime
    verdict: Verdict
    criteria: tuple[CriterionResult, ...]
    trace: Trace

    @property
    def failed(self) -> tuple[CriterionResult, ...]:
        """Criteria that exclude the participant."""
        return tuple(one for one in self.criteria if one.truth is Truth.NOT_MET)

    @property
    def not_known(self) -> tuple[CriterionResult, ...]:
        """Criteria without an answer."""
        return tuple(one for one in self.criteria if one.truth is Truth.NOT_KNOWN)

    @property
    def selection(self) -> CriterionResult | None:
        """The selection read, where the protocol has one."""
        return next((one for one in self.criteria if one.kind == "selection"), None)


def eligibility(protocol: Protocol, records: Records, participant_id: str, at: datetime) -> EligibilityResult:
    """Every criterion and the selection read of `protocol`, judged for a participant at the instant `at`.

    Assumes that `records` hold laboratory values in the core unit that their ``unit`` column names, as
    `theratrial.trialfolder` reads them.

    Parameters
    ----------
    records
        A trial folder, or anything else with its ``rows``.
    at
        The decision: the first administration of the therapy product, or the screening decision (aware;
        `eligibility_moment` finds it). Lines that became true later are not looked at.

    Raises
    ------
    InputError
        The participant is unknown, `at` has no offset, or a variable of the protocol does not fit the records.
    """
    if at.utcoffset() is None:
        raise InputError(f"the moment of the decision {at.isoformat()} has no offset; give it one")
    if not records.rows("participants", participant_id=participant_id):
        raise InputError(f"participant {participant_id!r} is not in participants.csv; check the id")
    at = at.astimezone(_zone(protocol))
    results = _judged(protocol, records, participant_id, at)
    if protocol.selection_read is not None:
        results.append(_selection(protocol.selection_read, records, participant_id, at))
    overall = truth_and(tuple(Outcome(one.truth) for one in results)).truth
    verdicts = {Truth.MET: Verdict.ELIGIBLE, Truth.NOT_MET: Verdict.NOT_ELIGIBLE, Truth.NOT_KNOWN: Verdict.NOT_KNOWN}
    inputs = {f"{one.id}.{name}": source for one in results for name, source in one.trace.inputs.items()}
    demonstration = tuple(clause for one in results for clause in one.trace.demonstration)
    trace = Trace(METHOD, VERSION, inputs, demonstration=demonstration)
    return EligibilityResult(participant_id, at, verdicts[overall], tuple(results), trace)


def _zone(protocol: Protocol) -> ZoneInfo:
    identity = protocol.identity.reading
    if identity is None:
        raise InputError("the protocol's identity has no reading, so its dates have no time zone; fill it in")
    return ZoneInfo(identity.timezone)


def _judged(protocol: Protocol, records: Records, participant_id: str, at: datetime) -> list[CriterionResult]:
    types = {variable.id: variable.type for variable in protocol.variables}
    variables = {variable.id: variable for variable in protocol.variables}
    results = []
    for key, clause in protocol.eligibility.items():
        if clause.reading is None:
            results.append(_unread(f"eligibility.{key}", key, "inclusion", clause))
            continue
        stated = condition(clause.reading.condition, types)
        values = tuple(resolved_value(variables[name], records, participant_id, at) for name in stated.variables)
        results.append(_result(key, clause, clause.reading, stated, values))
    return results


def _result(
    key: str, clause: Clause[Criterion], reading: Criterion, stated: Condition, values: tuple[ResolvedValue, ...]
) -> CriterionResult:
    outcome = stated.evaluate({value.variable: value.value for value in values})
    passed = truth_not(outcome) if reading.kind == "exclusion" else outcome
    whys = {value.variable: value.why_not_known for value in values}
    return CriterionResult(
        id=key,
        kind=reading.kind,
        title=reading.title,
        verbatim=tuple(sentence.text for sentence in clause.verbatim),
        condition=reading.condition,
        truth=passed.truth,
        condition_truth=outcome.truth,
        values=values,
        to_be_known=tuple(whys[name] or name for name in outcome.missing) + outcome.reasons,
        decision=clause.decision.status,
        trace=_trace(f"eligibility.{key}", clause, tuple((one.variable, one.sources) for one in values)),
    )


def _unread(
    path: str, key: str, kind: Literal["inclusion", "exclusion", "selection"], clause: Clause[Criterion]
) -> CriterionResult:
    """A clause nobody has decided on: it excludes nobody and makes nobody eligible."""
    return CriterionResult(
        id=key,
        kind=kind,
        title=clause.note or key,
        verbatim=tuple(sentence.text for sentence in clause.verbatim),
        condition="",
        truth=Truth.NOT_KNOWN,
        condition_truth=Truth.NOT_KNOWN,
        values=(),
        to_be_known=(f"a decision on the protocol's clause {path}, which is open",),
        decision=clause.decision.status,
        trace=_trace(path, clause, ()),
    )


def _trace(
    path: str, clause: Clause[Criterion] | Clause[SelectionRead], sources: Sequence[tuple[str, tuple[str, ...]]]
) -> Trace:
    inputs = {"clause": f"protocol:{path}"}
    for name, places in sources:
        for index, place in enumerate(places):
            inputs[name if index == 0 else f"{name}.{index + 1}"] = place
    demonstration = (path,) if clause.decision.status is DecisionStatus.DEMONSTRATION else ()
    return Trace(METHOD, VERSION, inputs, demonstration=demonstration)


def _selection(clause: Clause[SelectionRead], records: Records, participant_id: str, at: datetime) -> CriterionResult:
    """The selection read: each reader of an allowed role by the latest read; all must agree."""
    path, reading = "selection_read", clause.reading
    verbatim = tuple(sentence.text for sentence in clause.verbatim)
    if reading is None:
        trace = _trace(path, clause, ())
        undecided = (f"a decision on the protocol's clause {path}, which is open",)
        unknown = Truth.NOT_KNOWN
        return CriterionResult(
            path, "selection", path, verbatim, "", unknown, unknown, (), undecided, clause.decision.status, trace
        )
    stated = condition(reading.condition, fact_types(SELECTION_FACTS))
    latest: dict[str, Record] = {}
    passed_over = 0
    unread: list[Record] = []
    for row in records.rows("selection_reads", participant_id=participant_id):
        read_at = row.values["read_at"]
        if read_at is not None and read_at > at:
            continue
        if row.unreadable or read_at is None:
            unread.append(row)
            continue
        if row.values["reader_role"] not in reading.reader_roles:
            passed_over += 1
            continue
        reader = row.values["reader"]
        if reader not in latest or latest[reader].values["read_at"] <= row.values["read_at"]:
            latest[reader] = row
    values: list[ResolvedValue] = []
    outcomes = []
    for row in latest.values():
        outcomes.append(stated.evaluate({name: row.values[name] for name in stated.variables}))
        values.extend(_read_value(row, name, at) for name in stated.variables)
    truth, to_do = _agreed(outcomes, values, reading, passed_over)
    if unread:
        said = unreadable_said(unread) or "read_at is empty"
        truth, to_do = Truth.NOT_KNOWN, (*to_do, f"a read of {reading.imaging} that cannot be read ({said}), corrected")
    return CriterionResult(
        id=path,
        kind="selection",
        title=reading.rule,
        verbatim=verbatim,
        condition=reading.condition,
        truth=truth,
        condition_truth=truth,
        values=tuple(values),
        to_be_known=to_do,
        decision=clause.decision.status,
        trace=_trace(path, clause, [("read", tuple(row.source for row in [*latest.values(), *unread]))]),
    )


def _read_value(row: Record, name: str, at: datetime) -> ResolvedValue:
    read_at, value = row.values["read_at"], row.values[name]
    return ResolvedValue(
        variable=name,
        label=f"{name} by {row.values['reader']}",
        value=value,
        unit="",
        sources=(row.source,),
        as_of=read_at,
        age_days=(at - read_at).total_seconds() / SECONDS_PER_DAY,
        why_not_known="" if value is not None else f"selection_reads.{name} is empty",
    )


def _agreed(
    outcomes: list[Outcome], values: list[ResolvedValue], reading: SelectionRead, passed_over: int
) -> tuple[Truth, tuple[str, ...]]:
    roles = " or ".join(reading.reader_roles)
    if not outcomes:
        other = f" ({passed_over} read(s) by other roles do not count)" if passed_over else ""
        return Truth.NOT_KNOWN, (f"a read of {reading.imaging} by {roles}{other}",)
    truths = {outcome.truth for outcome in outcomes}
    if len(truths) == 1 and Truth.NOT_KNOWN not in truths:
        return truths.pop(), ()
    to_do = [value.why_not_known for value in values if value.why_not_known]
    to_do += [reason for outcome in outcomes for reason in outcome.reasons]
    if Truth.MET in truths and Truth.NOT_MET in truths:
        to_do.append(f"the readers of {reading.imaging} disagree: a read that both sign")
    return Truth.NOT_KNOWN, tuple(dict.fromkeys(to_do))
