"""When a trial was registered, seen from its first enrolment: computed from dates, with its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import RecordDate

TimingClass = Literal["prospective", "retrospective", "undetermined"]
BasedOn = Literal["trial", "actual", "expected", "none"]


@dataclass(frozen=True, slots=True)
class Timing:
    """The timing of a registration and the two days it rests on."""

    timing: TimingClass
    provisional: bool
    """Whether only an expected first enrolment is known: the actual one may still change the answer."""
    based_on: BasedOn
    """Whose first enrolment: the trial's own data, the record's actual start, or its expected start."""
    registered_on: date | None
    first_enrolment: date | None
    days_before: int | None
    """Days from registration to first enrolment; negative where enrolment came first."""
    because: str


def registration_timing(record: RegistrationRecord, *, first_enrolled: date | None = None) -> Timing:
    """Prospective if registered on or before the first enrolment, the same day included.

    Parameters
    ----------
    first_enrolled
        Day of the first enrolment by the trial's own data; it goes before what the record says.

    References
    ----------
    ICMJE Recommendations, clinical trial registration: at or before the time of first patient enrolment. In the ICTRP
    export of 18 March 2020 the twelve IRCT trials registered on the day of first enrolment count as prospective.

    Examples
    --------
    >>> from theratrial.registry.reader import shipped_registration
    >>> found = registration_timing(shipped_registration("IRCT20210612051548N3"))
    >>> found.timing, found.provisional, found.days_before
    ('prospective', True, 95)
    """
    recruitment, registered = record.recruitment, record.registration.registered_on
    given: tuple[tuple[BasedOn, RecordDate | None], ...] = (
        ("trial", RecordDate(gregorian=first_enrolled) if first_enrolled else None),
        ("actual", recruitment.actual_start),
        ("expected", recruitment.expected_start),
    )
    nothing: tuple[BasedOn, RecordDate | None] = ("none", None)
    based_on, start = next(((name, day) for name, day in given if day is not None), nothing)
    if registered is None or start is None:
        lacking = [name for name, day in (("registration", registered), ("first enrolment", start)) if day is None]
        because = f"no date of {' and of '.join(lacking)}"
        return Timing("undetermined", False, based_on, _day(registered), _day(start), None, because)
    provisional = based_on == "expected"
    if not _certain(registered, start):
        because = f"registered {_said(registered)}, first enrolment {_said(start)}: the days are not known, and decide"
        return Timing("undetermined", provisional, based_on, registered.gregorian, start.gregorian, None, because)
    # Where they are not known to the day, the order of what is known decides; a difference in days would be invented.
    exact = registered.precision == start.precision == "day"
    days = (start.gregorian - registered.gregorian).days
    timing: TimingClass = "prospective" if days >= 0 else "retrospective"
    words = {
        "trial": "first enrolment by the trial's data",
        "actual": "actual start",
        "expected": "expected start only",
    }
    because = f"registered {_said(registered)}, {words[based_on]} {_said(start)}"
    return Timing(
        timing, provisional, based_on, registered.gregorian, start.gregorian, days if exact else None, because
    )


def _day(value: RecordDate | None) -> date | None:
    return value.gregorian if value else None


def _said(value: RecordDate) -> str:
    return value.gregorian.isoformat()[: {"year": 4, "month": 7, "day": 10}[value.precision]]


def _certain(registered: RecordDate, start: RecordDate) -> bool:
    """Whether the order of the two is the same for every day they can mean."""
    length = {"day": 10, "month": 7, "year": 4}
    shorter = min(length[registered.precision], length[start.precision])
    known = [value.gregorian.isoformat()[:shorter] for value in (registered, start)]
    return known[0] != known[1] or shorter == 10
