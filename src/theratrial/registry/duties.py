"""What a registry asks for by when: the rules with their sources, and what is due of a record today."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from theratrial.registry.found import Sentence
from theratrial.registry.history import History
from theratrial.registry.periods import months_later
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.trial_facts import Fact
from theratrial.registry.words import RecordDate

UPDATE_30_DAYS: Final = "update-30-days"
UPDATE_12_MONTHS: Final = "update-12-months"
RESULTS_12_MONTHS: Final = "results-12-months"
RESULTS_1_YEAR: Final = "results-1-year-ctgov"
PUBLICATION_24_MONTHS: Final = "publication-24-months"
_CLOSED: Final = ("completed", "terminated", "withdrawn")


@dataclass(frozen=True, slots=True)
class DutyRule:
    """A rule with a time: so many days or months after what it counts from."""

    id: str
    title: Sentence
    source: str
    days: int = 0
    months: int = 0

    def due(self, day: date) -> date:
        """Last day on which it is kept."""
        return months_later(day, self.months) if self.months else day + timedelta(days=self.days)


DUTIES: Final[dict[str, DutyRule]] = {
    one.id: one
    for one in (
        DutyRule(
            UPDATE_30_DAYS,
            Sentence(
                "Status, dates, numbers and centres within 30 days of the change",
                "وضعیت، تاریخ‌ها، شمارها و مرکزها تا ۳۰ روز پس از تغییر",
            ),
            "ClinicalTrials.gov, 42 CFR 11.64: listed elements within 30 days; the measure taken for all registries",
            days=30,
        ),
        DutyRule(
            UPDATE_12_MONTHS,
            Sentence("Every field confirmed at least every 12 months", "بازبینی همهٔ فیلدها دست‌کم هر ۱۲ ماه"),
            "ClinicalTrials.gov, 42 CFR 11.64: at least every 12 months; WHO: registries ask for a yearly update",
            months=12,
        ),
        DutyRule(
            RESULTS_12_MONTHS,
            Sentence(
                "Summary results in the registry within 12 months of completion",
                "خلاصهٔ نتایج در مرکز ثبت تا ۱۲ ماه پس از خاتمه",
            ),
            "WHO Joint statement on public disclosure of results from clinical trials (2017)",
            months=12,
        ),
        DutyRule(
            RESULTS_1_YEAR,
            Sentence(
                "Results at ClinicalTrials.gov within 1 year of primary completion",
                "نتایج در ClinicalTrials.gov تا یک سال پس از آخرین سنجش پیامد اولیه",
            ),
            "ClinicalTrials.gov, 42 CFR 11.44",
            months=12,
        ),
        DutyRule(
            PUBLICATION_24_MONTHS,
            Sentence("Results published within 24 months of completion", "چاپ نتایج تا ۲۴ ماه پس از خاتمه"),
            "WHO Joint statement on public disclosure of results from clinical trials (2017)",
            months=24,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Duty:
    """Something that is owed by a rule, whether or not a field changes: the yearly update, the results."""

    rule: str
    title: Sentence
    source: str
    because: Sentence
    due: date
    overdue_days: int


@dataclass(frozen=True, slots=True)
class Ends:
    """When the trial ended by its data; None where they do not show it."""

    primary: Fact | None = None
    trial: Fact | None = None


def last_day(said: RecordDate) -> date:
    """The last day that a date can mean: of a month or year where no more is known.

    References
    ----------
    ClinicalTrials.gov counts from the last day of a month that is given without a day.

    Examples
    --------
    >>> last_day(RecordDate(gregorian=date(2024, 2, 1), precision="month")).isoformat()
    '2024-02-29'
    """
    day = said.gregorian
    if said.precision == "year":
        return date(day.year, 12, 31)
    return day.replace(day=monthrange(day.year, day.month)[1]) if said.precision == "month" else day


def last_update(record: RegistrationRecord, history: History | None) -> date | None:
    """Day on which the record was last said to be right: by its versions, the registry's last update, or registration.

    The version that a history begins with says what the registry said then, whenever it was taken over here.
    """
    said = record.registration.stated.last_update or record.registration.registered_on
    if history is None:
        return said.gregorian if said else None
    made = history.last_update
    return min(made, said.gregorian) if said and history.update_count == 0 else made


def duties(
    record: RegistrationRecord, *, today: date, history: History | None, ends: Ends
) -> tuple[tuple[Duty, ...], tuple[Sentence, ...]]:
    """What is due, the most overdue first, and what cannot be counted for want of a date."""
    found = [*_updates(record, today, history)]
    results, lacking = _results(record, today, ends)
    return tuple(sorted([*found, *results], key=lambda one: (one.due, one.rule))), lacking


def _updates(record: RegistrationRecord, today: date, history: History | None) -> Iterator[Duty]:
    updated = last_update(record, history)
    closed = record.recruitment.status.code in _CLOSED or record.recruitment.trial_completion is not None
    if updated is not None and not closed:
        because = Sentence(
            f"last updated {updated.isoformat()}, and the trial is not closed",
            f"آخرین به‌روزرسانی {updated.isoformat()} بوده و کارآزمایی بسته نشده است",
        )
        yield _duty(UPDATE_12_MONTHS, updated, because, today)


def _results(record: RegistrationRecord, today: date, ends: Ends) -> tuple[list[Duty], tuple[Sentence, ...]]:
    results, recruitment = record.results, record.recruitment
    posted = results.posted_on is not None or bool(results.urls) or bool(results.summary)
    published = results.first_published_on is not None
    if posted and published:
        return [], ()
    completed = _ended("completion", "خاتمه", ends.trial, recruitment.trial_completion)
    if completed is None:
        over = recruitment.status.code in _CLOSED[:2]
        lacking = Sentence(
            "When results are due: the trial is over by its status, and no completion date is known",
            "موعد نتایج: بنا بر وضعیت، کارآزمایی پایان یافته و تاریخ خاتمه دانسته نیست",
        )
        return [], (lacking,) if over and not posted else ()
    found = []
    day, because = completed
    if not posted:
        found.append(_duty(RESULTS_12_MONTHS, day, because, today))
        primary = _ended("primary completion", "آخرین سنجش پیامد", ends.primary, recruitment.primary_completion)
        if primary is not None and _at_ctgov(record):
            found.append(_duty(RESULTS_1_YEAR, *primary, today))
    if not published:
        found.append(_duty(PUBLICATION_24_MONTHS, day, because, today))
    return found, ()


def _ended(en: str, fa: str, fact: Fact | None, said: RecordDate | None) -> tuple[date, Sentence] | None:
    """The day by the trial's data, else the record's."""
    if fact is not None and isinstance(fact.value, date):
        day = fact.value
        return day, Sentence(f"{en} by the trial's data: {day}", f"{fa} بنا بر داده‌های کارآزمایی: {day}")
    if said is None:
        return None
    return last_day(said), Sentence(f"{en} by the record: {said.pair}", f"{fa} بنا بر سوابق: {said.pair}")


def _at_ctgov(record: RegistrationRecord) -> bool:
    numbers = [record.registration.number, *(one.number for one in record.secondary_ids)]
    return any(number.strip().startswith("NCT") for number in numbers)


def _duty(rule: str, day: date, because: Sentence, today: date) -> Duty:
    known = DUTIES[rule]
    due = known.due(day)
    return Duty(rule, known.title, known.source, because, due, max(0, (today - due).days))
