"""What the trial's data say of it, as of today: kept per participant, never older than the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from theratrial.pipeline.registry_facts import trial_facts
from theratrial.protocol.schema import Protocol
from theratrial.registry.trial_facts import Fact, TrialFacts
from theratrial.trialfolder.reader import rows_of_cells
from theratrial.trialfolder.records import TrialFolder
from theratrial.trialfolder.tables import FOLDER_SCHEMA_VERSION
from theratrial.web.capture.models import Record
from theratrial.web.ledger.memory import ParticipantMemory
from theratrial.web.ledger.models import Head
from theratrial.web.participants.models import Participant
from theratrial.web.participants.selectors import trial_now
from theratrial.web.participants.states import eligibility_states
from theratrial.web.people.models import Site
from theratrial.web.trials.selectors import protocol_of, the_trial

TABLES: Final = (
    *("participants", "consents", "withdrawals", "administrations", "visits", "dispositions", "examinations"),
)
"""Tables that `trial_facts` reads; a page must not read every blood count for them."""
_INCLUDED: Final = ("eligible", "overruled")
"""States of a signed eligibility by which a person was taken in."""
_Lines = Mapping[str, list[tuple[str, dict[str, str]]]]
_MEMORY: Final[ParticipantMemory[TrialFacts]] = ParticipantMemory()


@lru_cache(maxsize=4)
def _basis(protocol: str, day: date) -> object:
    """One object for each protocol and day: what is remembered holds for both."""
    return (protocol, day)


def facts_now() -> TrialFacts:
    """The state of the trial today. A bounded number of queries; only whose records changed is read again."""
    trial, head, now = the_trial(), Head.objects.first(), trial_now()
    assert trial.in_force is not None, "a trial has a protocol from its set-up on"
    protocol = protocol_of(trial.in_force)
    known = _MEMORY.at(head, _basis(trial.in_force.sha256, now.date()))
    codes = dict(Participant.objects.values_list("pk", "code"))
    missing = {pk: code for pk, code in codes.items() if code not in known}
    if missing:
        made = _computed(missing, protocol, now)
        _MEMORY.keep(head, made)
        known |= made
    found = merged((known[code] for code in sorted(codes.values())), _facts(protocol, {}, now))
    names = dict(Site.objects.values_list("code", "name"))
    return replace(
        found,
        sites=tuple(names.get(one, one) for one in found.sites),
        data_locked=trial.data_state in ("locked", "hard_locked"),
        simulated=trial.simulated,
    )


def merged(facts: Iterable[TrialFacts], nothing: TrialFacts) -> TrialFacts:
    """The facts of a trial from those of each participant, in the order of their codes.

    Parameters
    ----------
    nothing
        The facts of a trial without participants.
    """
    whole = nothing
    for one in facts:
        whole = replace(
            whole,
            first_consent=_earlier(whole.first_consent, one.first_consent),
            last_enrolment=_later(whole.last_enrolment, one.last_enrolment),
            first_administration=_earlier(whole.first_administration, one.first_administration),
            last_administration=_later(whole.last_administration, one.last_administration),
            last_visit=_later(whole.last_visit, one.last_visit),
            last_primary_outcome=_later(whole.last_primary_outcome, one.last_primary_outcome),
            screened=whole.screened + one.screened,
            enrolled=whole.enrolled + one.enrolled,
            treated=whole.treated + one.treated,
            assessed=whole.assessed + one.assessed,
            in_treatment_or_follow_up=whole.in_treatment_or_follow_up + one.in_treatment_or_follow_up,
            sites=tuple(sorted({*whole.sites, *one.sites})),
        )
    return whole


def _earlier(known: Fact | None, other: Fact | None) -> Fact | None:
    if known is None or other is None:
        return known or other
    return other if _day(other) < _day(known) else known


def _later(known: Fact | None, other: Fact | None) -> Fact | None:
    if known is None or other is None:
        return known or other
    return other if _day(other) >= _day(known) else known


def _day(fact: Fact) -> date:
    assert isinstance(fact.value, date), "what happened first or last has a day"
    return fact.value


def _facts(protocol: Protocol, lines: _Lines, now: datetime, included: frozenset[str] = frozenset()) -> TrialFacts:
    assert isinstance(now.tzinfo, ZoneInfo), "`trial_now` is in the trial's zone"
    tables, _problems = rows_of_cells(lines, protocol, now.tzinfo)
    folder = TrialFolder(Path("."), protocol, None, tables, (), {}, now.tzinfo, FOLDER_SCHEMA_VERSION, ())
    return trial_facts(folder, as_of=now, included=included)


def _computed(people: Mapping[int, str], protocol: Protocol, now: datetime) -> dict[str, TrialFacts]:
    lines: dict[int, dict[str, list[tuple[str, dict[str, str]]]]] = {pk: {} for pk in people}
    chosen = {"participant_id__in": people} if len(people) <= 500 else {"participant__isnull": False}
    rows = Record.objects.filter(table__in=TABLES, entered_in_error=False, **chosen).order_by("table", "sequence", "id")
    for pk, table, cells in rows.values_list("participant_id", "table", "cells").iterator(chunk_size=2000):
        if pk in lines:
            lines[pk].setdefault(table, []).append(("", cells))
    included = {code for code, state in eligibility_states(people.values()).items() if state.key in _INCLUDED}
    return {code: _facts(protocol, lines[pk], now, frozenset(included & {code})) for pk, code in people.items()}


def forget() -> None:
    """Empty the memory of this process; for tests and measurements."""
    _MEMORY.forget()
