"""What every domain asks: who is in the export, her reference dates, study days, elements and visits.

Left out are participants who withdrew the use of their data; how many is said. Days are those of the calendar at the
trial. Nothing here is estimated: what the records do not say stays empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Final

from theratrial.errors import InputError
from theratrial.exchange.sdtm.planned import (
    FOLLOW_UP,
    SCREENING,
    TREATMENT,
    Element,
    PlannedVisit,
    planned_elements,
    planned_visits,
    session_visits,
    sessions_of,
    unplanned_element,
)
from theratrial.protocol.schema import Protocol
from theratrial.results.values import ParticipantResult, TrialResult
from theratrial.trialfolder.records import Row, TrialFolder
from theratrial.trialfolder.withdrawals import ENDS_VISITS, data_use_withdrawn, standing_withdrawals

Moment = date | datetime

_SCREEN_FAILURE: Final = "screen_failure"


@dataclass(frozen=True, slots=True)
class ActualElement:
    """An element as it was: from its start to the start of the next."""

    element: Element
    starts: Moment
    ends: Moment | None


@dataclass(frozen=True, slots=True)
class ActualVisit:
    """A visit that was due: done on some days, or missed."""

    visit: PlannedVisit
    first: date | None
    last: date | None
    occurred: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Death:
    """What the records say of a death: its day, or that somebody knew of it on a day."""

    on: date | None
    """The day of death; None where nobody recorded it."""
    known_on: date
    """The day of death, or the first contact by which she is known to have died."""
    text: str
    """The day as far as it is known: whole; cut to the month or year that it must lie in; or empty."""

    @property
    def imputed(self) -> str:
        """ADaM's flag of `known_on` taken as the day of death: D, M or Y for what of it is not known."""
        return {10: "", 7: "D", 4: "M"}.get(len(self.text), "Y")


@dataclass(frozen=True, slots=True)
class Subject:
    """A participant of the export and what follows from her records."""

    participant_id: str
    usubjid: str
    row: Row
    result: ParticipantResult | None
    sessions: tuple[Row, ...]
    """Administrations of the therapy product, in the order of time."""
    consented_at: datetime | None
    """The first consent."""
    ended: Row | None
    """The line of `dispositions` that says how her treatment, or screening, ended."""
    death: Death | None
    """None while nothing says that she died."""
    alive_on: date | None
    """The last day on which she was seen alive."""
    last_contact: date | None
    elements: tuple[ActualElement, ...]
    visits: tuple[ActualVisit, ...]

    @property
    def reference_start(self) -> datetime | None:
        """RFSTDTC: the first injection of the therapy product."""
        return self.sessions[0]["injected_at"] if self.sessions else None

    @property
    def screen_failure(self) -> bool:
        """Whether she was not treated because she was found not eligible."""
        return not self.sessions and self.ended is not None and self.ended["event"] == _SCREEN_FAILURE


class SdtmContext:
    """A trial for the domains.

    Parameters
    ----------
    folder, result
        The trial and what was computed from it; the result may lack participants, who then have no derived values.
    leave_out
        Ids of further participants to leave out: who withdrew after the folder was written.
    dates_moved
        Whether the dates of each participant are moved by days of her own: then none of the whole trial can be said.
    """

    def __init__(
        self,
        folder: TrialFolder,
        result: TrialResult,
        leave_out: frozenset[str] = frozenset(),
        *,
        dates_moved: bool = False,
    ) -> None:
        if result.trial_id != _trial_id(folder.protocol):
            raise InputError(f"the result is of {result.trial_id}, the folder of {_trial_id(folder.protocol)}")
        self.folder = folder
        self.result = result
        self.dates_moved = dates_moved
        self.protocol = folder.protocol
        self.study_id = result.trial_id
        self.visits = planned_visits(folder.protocol)
        self.elements = planned_elements(folder.protocol)
        everybody = folder.participant_ids
        kept = sorted(one for one in everybody if one not in leave_out and not data_use_withdrawn(folder, one))
        self.left_out = len(everybody) - len(kept)
        """Participants who withdrew the use of their data."""
        results = {one.participant_id: one for one in result.participants}
        self.subjects = tuple(self._subject(one, results.get(one)) for one in kept)
        self._by_id = {one.participant_id: one for one in self.subjects}

    def subject(self, participant_id: str) -> Subject:
        """A participant of the export (KeyError: she is not in it)."""
        return self._by_id[participant_id]

    def rows(self, table: str) -> Iterator[tuple[Subject, Row]]:
        """Lines of a record table with their participant; of nobody who is left out."""
        for subject in self.subjects:
            for row in self.folder.rows(table, participant_id=subject.participant_id):
                yield subject, row

    def lines(self, source: str, subject: Subject) -> tuple[Row, ...]:
        """The participant's lines that the input of a trace names: one, or all of a table whose lines lost their number
        when the trial was made ready to be shared."""
        return self._sources.get((source, subject.participant_id), ())

    @cached_property
    def _sources(self) -> dict[tuple[str, str], tuple[Row, ...]]:
        found: dict[tuple[str, str], list[Row]] = {}
        for row in (row for rows in self.folder.tables.values() for row in rows):
            if "participant_id" in row.values:
                found.setdefault((row.source, str(row["participant_id"])), []).append(row)
        return {key: tuple(rows) for key, rows in found.items()}

    @cached_property
    def therapy(self) -> str:
        """Id of the therapy product."""
        return str(sessions_of(self.protocol).product)

    def study_day(self, subject: Subject, moment: Moment | str | None) -> int | None:
        """--DY: days from the day of the first injection, which is day 1; there is no day 0."""
        start, day = subject.reference_start, _whole_day(moment)
        if start is None or day is None:
            return None
        days = (day - start.date()).days
        return days + 1 if days >= 0 else days

    def element_at(self, subject: Subject, moment: Moment | str | None) -> ActualElement | None:
        """The element that holds a moment; a date without time belongs to the element that begins that day."""
        found = None
        at = _parsed(moment)
        for one in subject.elements:
            if at is not None and _not_before(at, one.starts):
                found = one
        return found

    def epoch(self, subject: Subject, moment: Moment | str | None) -> str | None:
        """Epoch of that element."""
        found = self.element_at(subject, moment)
        return found.element.epoch if found is not None else None

    def visit(
        self, subject: Subject, moment: Moment | str | None, visit_id: str = "", session: int | None = None
    ) -> PlannedVisit | None:
        """The visit that a record names, or the done visit whose days hold the moment; None between visits."""
        if visit_id:
            return next(
                (v.visit for v in subject.visits if visit_id in v.visit.ids and v.visit.session == session), None
            )
        day = _whole_day(moment)
        for one in subject.visits:
            if day is not None and one.first is not None and one.last is not None and one.first <= day <= one.last:
                return one.visit
        return None

    def _subject(self, participant_id: str, result: ParticipantResult | None) -> Subject:
        folder = self.folder
        row = folder.rows("participants", participant_id=participant_id)[0]
        injections = folder.rows("administrations", participant_id=participant_id, product_id=self.therapy)
        sessions = tuple(sorted(injections, key=lambda one: (one["injected_at"], one["session"] or 0)))
        consents = folder.rows("consents", participant_id=participant_id)
        consented = min((one["signed_at"] for one in consents if one["signed_at"] is not None), default=None)
        endings = sorted(folder.rows("dispositions", participant_id=participant_id), key=lambda one: one["occurred_on"])
        ended = endings[0] if endings else None
        alive = _alive_on(folder, participant_id)
        death = _death(folder, participant_id, alive)
        last = _last_contact(folder, participant_id, alive, death)
        visits = tuple(_actual_visits(self.protocol, self.visits, folder, participant_id, sessions))
        elements = tuple(_actual_elements(self.elements, self.protocol, row, consented, sessions, ended, last))
        usubjid = f"{self.study_id}-{participant_id}"
        return Subject(
            participant_id, usubjid, row, result, sessions, consented, ended, death, alive, last, elements, visits
        )


def dtc(moment: Moment | str | None) -> str | None:
    """A date or instant as SDTM writes it: ISO 8601, the clock at the trial, seconds where it has any.

    No offset from UTC is written: where clocks change, a column would hold two of them, and CDISC's own rules engine
    then cannot compare its values. The zone stands in the metadata; instants that must be exact have a qualifier of
    their own, in UTC.

    >>> dtc(datetime.fromisoformat("2022-02-05T10:19:00+03:30"))
    '2022-02-05T10:19'
    """
    if moment is None or isinstance(moment, str):
        return moment or None
    if isinstance(moment, datetime):
        return moment.replace(tzinfo=None).isoformat(timespec="seconds" if moment.second else "minutes")
    return moment.isoformat()


def _trial_id(protocol: Protocol) -> str:
    identity = protocol.identity.reading
    return identity.trial_id if identity is not None else ""


def _parsed(moment: Moment | str | None) -> Moment | None:
    if not isinstance(moment, str):
        return moment
    try:
        return datetime.fromisoformat(moment) if "T" in moment else date.fromisoformat(moment)
    except ValueError:  # a partial date holds no day
        return None


def _whole_day(moment: Moment | str | None) -> date | None:
    at = _parsed(moment)
    return at.date() if isinstance(at, datetime) else at


def _not_before(moment: Moment, start: Moment) -> bool:
    if isinstance(moment, datetime) and isinstance(start, datetime):
        both_known = moment.tzinfo is not None and start.tzinfo is not None
        return moment >= start if both_known else moment.replace(tzinfo=None) >= start.replace(tzinfo=None)
    day, first = _whole_day(moment), _whole_day(start)
    return day is not None and first is not None and day >= first


def _death(folder: TrialFolder, participant_id: str, alive: date | None) -> Death | None:
    """A death with its day (disposition), or the news of one (follow-up), whose day is not that of the death."""
    ends = [one["occurred_on"] for one in folder.rows("dispositions", participant_id=participant_id, event="death")]
    if ends:
        return Death(min(ends), min(ends), min(ends).isoformat())
    news = [one["seen_on"] for one in folder.rows("follow_up", participant_id=participant_id, status="dead")]
    return Death(None, min(news), _common_part(alive, min(news))) if news else None


def _common_part(first: date | None, last: date) -> str:
    """What two days have in common, cut as ISO 8601 cuts: month, or year, or nothing. In the wrong order: nothing.

    >>> _common_part(date(2022, 10, 18), date(2022, 11, 19)), _common_part(date(2022, 11, 2), date(2022, 11, 19))
    ('2022', '2022-11')
    """
    if first is None or first > last or first.year != last.year:
        return ""
    return last.strftime("%Y-%m") if first.month == last.month else str(last.year)


_ALIVE: Final = {
    "administrations": "injected_at",
    "laboratory": "collected_at",
    "examinations": "examined_on",
    "participants": "screened_on",
    "consents": "signed_at",
    "withdrawals": "withdrawn_at",
    "tumour_measurements": "measured_on",
}
"""Table -> column with a day on which whoever the line is of was alive."""


def _alive_on(folder: TrialFolder, participant_id: str) -> date | None:
    days = [
        _whole_day(r[column]) for t, column in _ALIVE.items() for r in folder.rows(t, participant_id=participant_id)
    ]
    days += [one["occurred_on"] for one in folder.rows("visits", participant_id=participant_id, status="done")]
    days += [one["seen_on"] for one in folder.rows("follow_up", participant_id=participant_id, status="alive")]
    return max((day for day in days if day is not None), default=None)


def _last_contact(folder: TrialFolder, participant_id: str, alive: date | None, death: Death | None) -> date | None:
    """Her death, or the contact that told of it; else the last day on which she was seen or her end was recorded."""
    if death is not None:
        return death.known_on
    ends = [one["occurred_on"] for one in folder.rows("dispositions", participant_id=participant_id)]
    return max((day for day in (alive, *ends) if day is not None), default=None)


def _actual_elements(
    planned: tuple[Element, ...],
    protocol: Protocol,
    row: Row,
    consented: datetime | None,
    sessions: tuple[Row, ...],
    ended: Row | None,
    last: date | None,
) -> Iterator[ActualElement]:
    by_session = {one.session: one for one in planned if one.session is not None}
    by_code = {one.code: one for one in planned}
    starts: list[tuple[Element, Moment]] = [(by_code[SCREENING], consented or row["screened_on"])]
    for injection in sessions:
        number = injection["session"]
        element = by_session.get(number) or unplanned_element(number or 0, protocol)
        starts.append((element, injection["injected_at"]))
    over = ended["occurred_on"] if ended is not None else None
    if sessions and over is not None:
        starts.append((by_code[FOLLOW_UP], over))
    for place, (element, begins) in enumerate(starts):
        following = starts[place + 1][1] if place + 1 < len(starts) else None
        closing = last if element.code == FOLLOW_UP else over if not sessions else None
        yield ActualElement(element, begins, following if following is not None else closing)


def _actual_visits(
    protocol: Protocol,
    planned: tuple[PlannedVisit, ...],
    folder: TrialFolder,
    participant_id: str,
    sessions: tuple[Row, ...],
) -> Iterator[ActualVisit]:
    """Visits with a record, in the order of the plan; those of sessions beyond it stand behind, in decimals."""
    lines = folder.rows("visits", participant_id=participant_id)
    for visit in (*planned, *_unplanned(protocol, planned, sessions)):
        hers = [one for one in lines if one["visit_id"] in visit.ids and one["session"] == visit.session]
        days = [one["occurred_on"] for one in hers if one["status"] == "done" and one["occurred_on"] is not None]
        if TREATMENT in visit.ids:
            days += [one["injected_at"].date() for one in sessions if one["session"] == visit.session]
        done = bool(days) or any(one["status"] == "done" for one in hers)
        if done or hers:
            reasons = "; ".join(dict.fromkeys(one["reason"] for one in hers if one["reason"]))
            yield ActualVisit(visit, min(days, default=None), max(days, default=None), done, "" if done else reasons)


def _unplanned(
    protocol: Protocol, planned: tuple[PlannedVisit, ...], sessions: tuple[Row, ...]
) -> Iterator[PlannedVisit]:
    last = max((one.number for one in planned if one.session is not None), default=0.0)
    step = 0
    for number in sorted({one["session"] or 0 for one in sessions}):
        if number in {one.session for one in planned}:
            continue
        for visit in session_visits(protocol, number):
            step += 1
            place = round(last + step / 100, 2)
            yield PlannedVisit(place, visit.name, visit.ids, visit.session, visit.starts, visit.anchor, planned=False)


ENDS_PARTICIPATION: Final = ENDS_VISITS
"""Withdrawals after which nothing of her is expected any more."""


def participation_withdrawn(context: SdtmContext, subject: Subject) -> datetime | None:
    """When she withdrew from follow-up or from everything, if that stands."""
    found = [
        one.withdrawn_at
        for one in standing_withdrawals(context.folder, subject.participant_id)
        if one.kind in ENDS_PARTICIPATION
    ]
    return min(found, default=None)
