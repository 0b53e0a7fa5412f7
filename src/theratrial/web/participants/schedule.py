"""Recording visits as done or missed; what is due now; the month; worksheets to print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.forms.definition import FormDefinition, form_definition
from theratrial.forms.moments import typed_date
from theratrial.registry.calendars import jalali_text
from theratrial.trialfolder.moments import CellProblem
from theratrial.web.capture.models import Record
from theratrial.web.capture.queries import system_query, system_query_resolved
from theratrial.web.capture.services import record_change, record_create
from theratrial.web.ledger.act import act
from theratrial.web.participants.models import Participant
from theratrial.web.participants.months import Month
from theratrial.web.participants.plan import PlanLine, plan_of, said, titles
from theratrial.web.participants.selectors import participants_of, trial_now
from theratrial.web.participants.standing import Planned, standing, standings
from theratrial.web.participants.states import reconsent_needed
from theratrial.web.trials.selectors import protocol_in_force, the_trial, trial_zone


def visit_record(participant: Participant, visit_id: str, session: int | None) -> Record | None:
    """The line of the visits table, where there is one."""
    found = Record.objects.filter(
        participant=participant, table="visits", entered_in_error=False, cells__visit_id=visit_id
    ).order_by("-sequence")
    wanted = "" if session is None else str(session)
    return next((one for one in found if one.cells.get("session", "") == wanted), None)


def visit_recorded(
    actor: Any, participant: Participant, planned: Planned, values: Mapping[str, str], *, late: bool
) -> Record:
    """Record a visit or image as done on a day, or as missed with the reason; a change needs its reason too.

    Raises
    ------
    InputError
        The day is no date or lies ahead; a missed visit has no reason; the record was changed meanwhile.
    """
    cells = {"visit_id": planned.id, "session": "" if planned.session is None else str(planned.session)}
    entered: dict[str, Any] = {}
    if values.get("status") == "done":
        try:
            day = typed_date(values.get("on", ""))
        except CellProblem as problem:
            raise InputError(problem.said) from None
        if day.value > trial_now().date():
            raise InputError(_("The day lies ahead; enter the day on which it took place."))
        cells |= {"status": "done", "occurred_on": day.value.isoformat()}
        entered = {"occurred_on": {"text": day.text, "calendar": day.calendar}}
    elif values.get("status") == "missed":
        if not values.get("reason", "").strip():
            raise InputError(_("Say why it was missed; that is data."))
        cells |= {"status": "missed", "reason": values["reason"].strip()}
    else:
        raise InputError(_("Choose: done or missed."))
    old = visit_record(participant, planned.id, planned.session)
    with act(actor, "visit.record"):
        if old is not None:
            seen = values.get("seen_version", "")
            record = record_change(
                actor, old, cells, seen_version=int(seen) if seen.isdecimal() else 0,
                reason=values.get("change_reason", ""), entered=entered, action="visit.change",
            )  # fmt: skip
        else:
            record = record_create(
                actor, "visits", cells, participant=participant, visit=planned.id, session=planned.session,
                entered=entered, entered_late=late, action="visit.record",
            )  # fmt: skip
        _asked(participant, planned, record)
    return record


WITHOUT_CONSENT: Final = "schedule:without-consent"
WITHOUT_INJECTION: Final = "schedule:without-injection"


def _asked(participant: Participant, planned: Planned, record: Record) -> None:
    """Ask what cannot be right of something done: no consent by the end of that day, an image of nothing injected.

    It happened, so it is recorded; but not without a question that stays until somebody has answered it.
    """
    day = record.cells.get("occurred_on", "")
    consented, injected = True, True
    if day:
        end = datetime.combine(date.fromisoformat(day), time.max, trial_zone())
        asks_consent = planned.kind == "image" or not _takes_consent(planned.id)
        consented = not asks_consent or any(one.signed_at <= end for one in standing(participant).consents)
        injected = planned.kind != "image" or planned.first is not None
    for rule, right, text in (
        (WITHOUT_CONSENT, consented, f"done on {day}, but no consent was signed by then: a procedure of the trial"),
        (WITHOUT_INJECTION, injected, f"done on {day}, but the injection that it counts from is not recorded"),
    ):
        if right:
            system_query_resolved(rule, record=record, column="occurred_on")
        else:
            system_query(rule, text, record=record, column="occurred_on")


def _takes_consent(visit_id: str) -> bool:
    """Whether consent is taken at the visit itself."""
    clause = protocol_in_force().schedule.get(visit_id)
    return clause is not None and clause.reading is not None and "consent" in clause.reading.procedures


@dataclass(frozen=True, slots=True)
class Task:
    """Something due or overdue."""

    participant: Participant
    line: PlanLine
    role: str
    days: int
    """Days left in the window; negative once it is over."""

    @property
    def late(self) -> int:
        """Days since the window closed."""
        return -self.days


def role_of(planned: Planned) -> str:
    """Whose task it is, in the first place."""
    if planned.kind == "image":
        return "nuclear_medicine_physician"
    return "coordinator"


def tasks(user: Any, *, role: str = "") -> list[Task]:
    """What is due or overdue now at the user's sites: the longest overdue first. A bounded number of queries."""
    now, found = trial_now(), []
    people = {one.code: one for one in participants_of(user)}
    known, named = standings(people.values()), titles()
    for code, one in known.items():
        waiting = [planned for planned in one.planned if planned.required and planned.status(now) in ("due", "overdue")]
        if not waiting:
            continue
        for line in plan_of(one, now, named):
            if line.planned in waiting and line.planned.last_day is not None:
                days = (line.planned.last_day - now.date()).days
                found.append(Task(people[code], line, role_of(line.planned), days))
    return sorted((one for one in found if role in ("", one.role)), key=lambda one: (one.days, one.participant.code))


def to_sign_anew(user: Any) -> list[tuple[str, str]]:
    """(code, version she signed) of those at the user's sites who have still to sign the consent form in use."""
    trial = the_trial()
    if not trial.consent_version:
        return []
    known = standings(participants_of(user))
    return sorted(
        (code, one.consent.form_version)
        for code, one in known.items()
        if one.consent is not None and reconsent_needed(one, trial)
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """Something on a day of the calendar."""

    code: str
    title: str
    status: str


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the month view."""

    day: date
    inside: bool
    today: bool
    entries: tuple[Entry, ...]
    jalali: str

    @property
    def of_gregorian_month(self) -> str:
        """Month and day: ``05-01``."""
        return f"{self.day:%m-%d}"

    @property
    def of_jalali_month(self) -> str:
        """Month and day: ``02/11``."""
        return self.jalali[5:]

    @property
    def jalali_day(self) -> int:
        """Day of the Jalali month."""
        return int(self.jalali[8:])


def month(user: Any, shown: Month, *, saturday_first: bool) -> list[list[Day]]:
    """The month as weeks: what was done, and the last day of every window still open."""
    now, days = trial_now(), shown.days(saturday_first=saturday_first)
    entries: dict[date, list[Entry]] = {}
    known_titles = titles()
    for code, one in standings(participants_of(user)).items():
        for day, entry in _entries(code, one.planned, known_titles, now):
            if days[0] <= day <= days[-1]:
                entries.setdefault(day, []).append(entry)
    made = [
        Day(day, shown.first <= day <= shown.last, day == now.date(), tuple(entries.get(day, ())), jalali_text(day))
        for day in days
    ]
    return [made[start : start + 7] for start in range(0, len(made), 7)]


def _entries(
    code: str, planned: tuple[Planned, ...], known: dict[tuple[str, str], str], now: datetime
) -> Iterator[tuple[date, Entry]]:
    for one in planned:
        if one.kind == "session":
            if one.on_day is not None:
                yield one.on_day, Entry(code, _("session %(number)s") % {"number": one.session}, "done")
            continue
        status, title = one.status(now), known.get((one.kind, one.id), one.id)
        if status == "done" and one.on_day is not None:
            yield one.on_day, Entry(code, title, status)
        elif status in ("due", "overdue", "not_due") and one.required:
            if one.first_day is not None and status == "not_due":
                yield one.first_day, Entry(code, _("opens: %(title)s") % {"title": title}, status)
            if one.last_day is not None:
                yield one.last_day, Entry(code, _("last day: %(title)s") % {"title": title}, status)


@dataclass(frozen=True, slots=True)
class Worksheet:
    """The blank paper of a visit: its forms, images and window."""

    title: str
    window: tuple[date, date] | None
    forms: tuple[FormDefinition, ...]
    images: tuple[str, ...]
    criteria: tuple[tuple[str, str, tuple[str, ...]], ...]
    """(kind, title, verbatim sentences), where the visit asks for eligibility."""


def worksheet(visit_id: str, planned: Planned | None) -> Worksheet:
    """Paper for a visit of the protocol in force (V6).

    Raises
    ------
    InputError
        The protocol has no such visit.
    """
    protocol, language = protocol_in_force(), (get_language() or "en").split("-")[0]
    clause = protocol.schedule.get(visit_id)
    if clause is None or clause.reading is None:
        raise InputError(_("The protocol has no visit %(visit)s.") % {"visit": visit_id})
    procedures = clause.reading.procedures
    forms = tuple(
        form_definition(protocol, one, language)
        for one in procedures
        if one in protocol.forms and protocol.forms[one].reading is not None
    )
    images = tuple(
        said(protocol.imaging[one].reading)
        for one in procedures
        if one in protocol.imaging and protocol.imaging[one].reading is not None
    )
    criteria = tuple(
        (one.reading.kind, said(one.reading), tuple(sentence.text for sentence in one.verbatim))
        for one in protocol.eligibility.values()
        if one.reading is not None
    )
    window = None
    if planned is not None and planned.first_day is not None and planned.last_day is not None:
        window = (planned.first_day, planned.last_day)
    return Worksheet(said(clause.reading), window, forms, images, criteria if "eligibility" in procedures else ())
