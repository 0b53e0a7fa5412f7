"""What a record owes to the trial it describes: proposals field by field, what is overdue by which rule, the draft."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from theratrial.registry.duties import DUTIES, UPDATE_30_DAYS, Duty, Ends, duties, last_update
from theratrial.registry.fields import Field, field_of, fields, value_at
from theratrial.registry.found import Sentence
from theratrial.registry.history import History
from theratrial.registry.record import Contact, RegistrationRecord
from theratrial.registry.recruitment_state import OVER
from theratrial.registry.shown import shown
from theratrial.registry.trial_facts import TrialFacts
from theratrial.registry.trial_state import State, Untrue, trial_state
from theratrial.registry.words import Language, Text

if TYPE_CHECKING:
    from theratrial.protocol.schema import Protocol

__all__ = ["DUTIES", "Duty", "Owed", "Proposal", "owed", "updated"]

_EMPTY: Final = {"en": "empty", "fa": "خالی"}
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Proposal:
    """One field that the trial's data say should change; values are those of the record (`RecordDate`, `Coded`)."""

    field: Field
    path: str
    old: Any
    new: Any
    evidence: Sentence
    """What in the trial's data shows it: ``first consent: P01, signed 2022-02-03``."""
    rule: str
    """Id of the rule by which it is owed, of `DUTIES`."""
    since: date
    """Day on which the record stopped being true in this field."""
    due: date
    """Last day on which the rule wants it said."""
    overdue_days: int
    """Days past `due` today; 0 where it is not overdue."""


@dataclass(frozen=True, slots=True)
class Owed:
    """All that the record owes today."""

    as_of: date
    proposals: tuple[Proposal, ...]
    """In the order of the page."""
    duties: tuple[Duty, ...]
    """Yearly update, results, and the like; the most overdue first."""
    undetermined: tuple[Sentence, ...]
    """What could not be judged, and why: a fact that the data do not say is never taken as true."""
    reason: Sentence
    """Drafted reason for the update, in both languages; empty where nothing is proposed."""
    last_true: date | None
    """Last day on which the record agreed with the trial in every field judged; None: it never did."""
    days_since_true: int | None
    """Days from `last_true` to today; 0 where it is true now; None where it never was."""


def owed(
    record: RegistrationRecord,
    facts: TrialFacts,
    *,
    today: date,
    history: History | None = None,
    protocol: Protocol | None = None,
) -> Owed:
    """What a record owes to its trial: what to change and why, by when, and what else is due.

    Parameters
    ----------
    facts
        The trial's data as of a day; what happened later is not known and not judged.
    history
        The versions of the record, `record` the last: they say since when a field has said what it says.
    protocol
        Compared with too; where its words and the record's differ, a person has to choose the words.
    """
    state = trial_state(record, facts, said_on=last_update(record, history), protocol=protocol)
    proposals = tuple(_proposal(record, one, today, history) for one in _in_order(state.untrue))
    due, lacking = duties(record, today=today, history=history, ends=_ends(state, facts))
    last_true = _last_true(record, state, proposals, today, history)
    return Owed(
        as_of=facts.as_of,
        proposals=proposals,
        duties=due,
        undetermined=(*state.undetermined, *lacking, *_words_of_protocol(record, today, protocol)),
        reason=_reason(proposals, facts.as_of),
        last_true=last_true,
        days_since_true=None if last_true is None else (today - last_true).days,
    )


def _proposal(record: RegistrationRecord, one: Untrue, today: date, history: History | None) -> Proposal:
    since = _since(one, history)
    rule = DUTIES[one.rule]
    from_ = since if one.rule == UPDATE_30_DAYS else last_update(record, history) or since
    due = rule.due(from_)
    old = value_at(record, one.path)
    return Proposal(
        field_of(one.path),
        one.path,
        old,
        one.new,
        one.evidence,
        one.rule,
        since,
        due,
        max(0, (today - due).days),
    )


def _since(one: Untrue, history: History | None) -> date:
    """A version that said it right ends an untruth; the one that then said something else begins it anew."""
    since = one.since
    if history is None:
        return since
    for earlier, later in zip(history.versions, history.versions[1:], strict=False):
        if value_at(earlier.record, one.path) == one.new != value_at(later.record, one.path):
            since = max(since, later.made_at.date())
    return since


def _in_order(untrue: Sequence[Untrue]) -> list[Untrue]:
    order = {field.path: index for index, field in enumerate(fields())}
    return sorted(untrue, key=lambda one: (order[field_of(one.path).path], one.path))


def _ends(state: State, facts: TrialFacts) -> Ends:
    """The ends that the data show and the record has not; one that it has right is taken from the record."""
    wrong = {one.path for one in state.untrue}
    primary, trial = "recruitment.primary_completion" in wrong, "recruitment.trial_completion" in wrong
    return Ends(facts.last_primary_outcome if primary else None, facts.last_visit if trial else None)


def _last_true(
    record: RegistrationRecord,
    state: State,
    proposals: Sequence[Proposal],
    today: date,
    history: History | None,
) -> date | None:
    wrong = [one.since for one in proposals] + ([state.wrong_since] if state.wrong_since else [])
    if not wrong:
        return today
    last = min(wrong) - _DAY
    for start, end in _too_early(state, history):
        if start <= last < end:
            last = start - _DAY
    registered = record.registration.registered_on
    began = registered.gregorian if registered else history.versions[0].made_at.date() if history else None
    return None if began is not None and last < began else last


def _too_early(state: State, history: History | None) -> list[tuple[date, date]]:
    """From when until when any version said too early that recruitment was over; the newest first."""
    found = [state.wrong_between] if state.wrong_between is not None else []
    if history is None or state.over_since is None:
        return found
    first = history.versions[0]
    days = [last_update(first.record, History((first,))), *(one.made_at.date() for one in history.versions[1:])]
    for one, start, end in zip(reversed(history.versions[:-1]), reversed(days[:-1]), reversed(days[1:]), strict=True):
        if one.record.recruitment.status.code in OVER and start is not None and end is not None:
            found.append((start, min(end, state.over_since)))
    return found


def _words_of_protocol(record: RegistrationRecord, today: date, protocol: Protocol | None) -> tuple[Sentence, ...]:
    """Where record and protocol differ in words or plans: told, and never written by us."""
    if protocol is None:
        return ()
    from theratrial.registry.check import RULES, Case
    from theratrial.registry.rules.frame import PROTOCOL

    case = Case(record, today, protocol)
    rules = [one for one in RULES.values() if one.source == PROTOCOL]
    return tuple(
        finding.message
        for rule in rules
        for finding in rule.findings(case)
        if finding.path != "recruitment.target_sample_size"
    )


# -- the draft -----------------------------------------------------------------------------------------------------


def _reason(proposals: Sequence[Proposal], as_of: date) -> Sentence:
    """Every change with its values; no person and no participant is named."""
    if not proposals:
        return Sentence("", "")
    day = as_of.isoformat()
    return Sentence(
        f"Brought up to date with the trial's own data as of {day}: {_changes(proposals, 'en', '; ')}",
        f"به‌روزرسانی بر پایهٔ داده‌های خود کارآزمایی تا {day}: {_changes(proposals, 'fa', '؛ ')}",
    )


def _changes(proposals: Sequence[Proposal], language: Language, between: str) -> str:
    said = []
    for one in proposals:
        label = one.field.label(language).rstrip(":")
        old, new = (shown(one.field, value, language) for value in (one.old, one.new))
        if language == "fa":
            said.append(f"«{label}» از «{old or _EMPTY['fa']}» به «{new}»")
        else:
            said.append(f"{label}: {new} (was {old or _EMPTY['en']})")
    return between.join(said)


# -- the update ----------------------------------------------------------------------------------------------------


def updated(
    record: RegistrationRecord, proposals: Sequence[Proposal], reason: Sentence | Text | None = None
) -> RegistrationRecord:
    """The record with what is proposed, and why it was updated.

    Parameters
    ----------
    proposals
        Those that were approved; a person may leave some out.
    reason
        Reason for the update; None: drafted from the proposals.
    """
    new = record
    for one in proposals:
        new = _with(new, one.path, one.new)
    if reason is None and proposals:
        en, fa = _changes(proposals, "en", "; "), _changes(proposals, "fa", "؛ ")
        reason = Text(
            en=f"Brought up to date with the trial's own data: {en}",
            fa=f"به‌روزرسانی بر پایهٔ داده‌های خود کارآزمایی: {fa}",
        )
    if reason is not None:
        new = _with(new, "registration.reason_for_update", Text(en=reason.en, fa=reason.fa))
    return new


def _with(piece: Any, path: str, value: Any) -> Any:
    """A copy of a piece with the value at a path; a new member is appended where the path names the next one."""
    first, _, rest = path.partition(".")
    match = re.fullmatch(r"(\w+)\[(\d+)\]", first)
    if match is None:
        return piece.model_copy(update={first: _with(getattr(piece, first), rest, value) if rest else value})
    name, index = match[1], int(match[2])
    members = list(getattr(piece, name))
    if index == len(members):
        members.append(Contact())
    members[index] = _with(members[index], rest, value) if rest else value
    return piece.model_copy(update={name: tuple(members)})
