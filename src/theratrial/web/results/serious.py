"""Serious events, pregnancies and their clocks as they stand now, read from the site's records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Q

from theratrial.pipeline.serious_events import (
    pregnancies_at,
    serious_events_at,
    serious_plan,
    unmatched_reports,
)
from theratrial.results.toxicity import Pregnancy, SeriousEvent, SeriousReport
from theratrial.safety.adverse.consistency import event_problems
from theratrial.trialfolder.records import TrialFolder
from theratrial.web.capture.selectors import kept, live_records, rows_of
from theratrial.web.capture.value_words import value_words
from theratrial.web.participants.models import Participant
from theratrial.web.participants.selectors import participants_of, trial_now

TABLES: Final = ("adverse_events", "serious_reports", "pregnancies", "administrations", "dispositions")
TONES: Final = {"in_time": "good", "sent": "good", "late": "bad", "overdue": "bad", "owed": "warn", "not_known": "open"}
DAYS_TONES: Final = {"due": "open", "not_due": "", "undetermined": "warn"}


@dataclass(frozen=True, slots=True)
class Reported:
    """A report with the record that can be changed, and its look."""

    report: SeriousReport
    pk: str
    """Of the record; empty where none is there yet."""
    tone: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the listing."""

    code: str
    event: SeriousEvent
    pk: str
    reports: tuple[Reported, ...]
    related: str
    outcome: str
    expected: str
    """In the words of the protocol's forms."""
    days: tuple[Reported, ...] = ()
    """Reports to the authority by the clock of days."""
    days_tone: str = ""


@dataclass(frozen=True, slots=True)
class Expecting:
    """A pregnancy on the page."""

    code: str
    pregnancy: Pregnancy
    pk: str
    tone: str


@dataclass(frozen=True, slots=True)
class Odd:
    """An event that is odd, and how."""

    pk: str
    term: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Owed:
    """A report that was not sent, or of which nobody can say."""

    code: str
    what: str
    report: SeriousReport
    tone: str


def pk_of(source: str) -> str:
    """Id of a site's record in the input of a trace: ``record:adverse_events/<id>@3``; empty for a file's line."""
    return source.rpartition("/")[2].partition("@")[0] if "@" in source else ""


def _reported(reports: Sequence[SeriousReport]) -> tuple[Reported, ...]:
    return tuple(Reported(one, pk_of(one.trace.inputs.get("report", "")), TONES[one.state]) for one in reports)


def listed(folder: TrialFolder, code: str, now: datetime) -> tuple[Listed, ...]:
    """Serious events of a participant with their reports."""
    words = value_words(folder.protocol)
    return tuple(
        Listed(
            code,
            one,
            pk_of(one.trace.inputs.get("event", "")),
            _reported(one.reports),
            words("adverse_events", "related", one.related),
            words("adverse_events", "outcome", one.outcome),
            words("serious_reports", "expected", one.expected),
            _reported(one.expedited.reports) if one.expedited is not None else (),
            DAYS_TONES[one.expedited.verdict] if one.expedited is not None else "",
        )
        for one in serious_events_at(folder, code, now)
    )


def expecting(folder: TrialFolder, code: str, now: datetime) -> tuple[Expecting, ...]:
    """Pregnancies of a participant."""
    return tuple(
        Expecting(code, one, pk_of(one.trace.inputs.get("pregnancy", "")), TONES[one.report.state])
        for one in pregnancies_at(folder, code, now)
    )


def odd_events(folder: TrialFolder, code: str) -> tuple[Odd, ...]:
    """Events that are not serious, with what is odd about them; that of serious ones stands in their listing."""
    return tuple(
        Odd(pk_of(row.source), row["term"] or "", problems)
        for row in folder.rows("adverse_events", participant_id=code)
        if row["serious"] is False and (problems := event_problems(row))
    )


def safety_context(folder: TrialFolder, code: str) -> dict[str, Any]:
    """What the page of a participant's safety shows of serious events, pregnancies and odd terms."""
    now = trial_now()
    return {
        "serious": listed(folder, code, now),
        "pregnancies": expecting(folder, code, now),
        "odd": odd_events(folder, code),
        "unmatched": unmatched_reports(folder, code),
        "plan": serious_plan(folder),
    }


def concerned(people: Iterable[Participant]) -> list[Participant]:
    """Those of these participants who have anything to list; most have nothing. One query."""
    serious = Q(table="adverse_events") & ~Q(cells__serious="no")
    told = Q(table__in=("serious_reports", "pregnancies"))
    found = set(live_records().filter(serious | told).order_by().values_list("participant_id", flat=True))
    return [one for one in people if one.pk in found]


def folder_of(people: Iterable[Participant]) -> TrialFolder:
    """The tables that serious events need, of these participants. One query."""
    wanted = [one.pk for one in people]
    return rows_of(kept(live_records().filter(participant__in=wanted, table__in=TABLES))).folder


def all_listed(user: Any) -> tuple[tuple[Listed, ...], tuple[Expecting, ...]]:
    """Everybody's serious events and pregnancies at the sites that `user` sees."""
    people = concerned(participants_of(user))
    folder, now = folder_of(people), trial_now()
    events = tuple(one for person in people for one in listed(folder, person.code, now))
    pregnant = tuple(one for person in people for one in expecting(folder, person.code, now))
    return events, pregnant


def owed_reports(people: Sequence[Participant], now: datetime) -> list[Owed]:
    """Reports that are overdue, owed, or whose clock nobody can read; the worst first."""
    wanted = concerned(people)
    if not wanted:
        return []
    folder = folder_of(wanted)
    codes = [one.code for one in wanted]
    found = [
        Owed(code, one.event.term, reported.report, reported.tone)
        for code in codes
        for one in listed(folder, code, now)
        for reported in (*one.reports, *one.days)
    ]
    found += [Owed(code, "", one.pregnancy.report, one.tone) for code in codes for one in expecting(folder, code, now)]
    order = ("overdue", "not_known", "owed")
    waiting = [one for one in found if one.report.state in order]
    return sorted(waiting, key=lambda one: (order.index(one.report.state), one.report.due_at or now, one.code))
