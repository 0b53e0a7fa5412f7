"""The months of the calendar page: of the Gregorian calendar or of the Jalali one, which begin on other days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from theratrial.errors import InputError
from theratrial.registry.calendars import gregorian_date, jalali_text

GREGORIAN, JALALI = "gregorian", "jalali"
JALALI_MONTHS = (
    gettext_noop("Farvardin"), gettext_noop("Ordibehesht"), gettext_noop("Khordad"), gettext_noop("Tir"),
    gettext_noop("Mordad"), gettext_noop("Shahrivar"), gettext_noop("Mehr"), gettext_noop("Aban"),
    gettext_noop("Azar"), gettext_noop("Dey"), gettext_noop("Bahman"), gettext_noop("Esfand"),
)  # fmt: skip
_EARLIEST, _LATEST = date(1990, 1, 1), date(2090, 1, 1)
_DIGITS = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789")
_JALALI_YEARS_END = 1800
"""A year below it is a Jalali one: no trial is that old."""


@dataclass(frozen=True, slots=True)
class Month:
    """A month of one of the two calendars."""

    calendar: str
    year: int
    number: int
    first: date
    last: date

    @property
    def key(self) -> str:
        """What an address carries: ``2022-05``, or ``1401-02``, which can be no other calendar's."""
        return f"{self.year:04d}-{self.number:02d}"

    @property
    def title(self) -> str:
        """Name and year: ``May 2022``, ``Ordibehesht 1401``."""
        if self.calendar == JALALI:
            return f"{_(JALALI_MONTHS[self.number - 1])} {self.year}"
        return str(formats.date_format(self.first, "F Y", use_l10n=False))

    @property
    def in_the_other(self) -> str:
        """First and last day in the other calendar."""
        if self.calendar == JALALI:
            return f"{self.first.isoformat()} – {self.last.isoformat()}"
        return f"{jalali_text(self.first)} – {jalali_text(self.last)}"

    def days(self, *, saturday_first: bool) -> list[date]:
        """Whole weeks that cover the month."""
        start = self.first - timedelta(days=(self.first.weekday() + 2) % 7 if saturday_first else self.first.weekday())
        weeks = (self.last - start).days // 7 + 1
        return [start + timedelta(days=number) for number in range(7 * weeks)]


def month_of(day: date, calendar: str) -> Month:
    """The month of `calendar` that holds the day."""
    if calendar == JALALI:
        year, number, of_month = (int(part) for part in jalali_text(day).split("/"))
        first = day - timedelta(days=of_month - 1)
        following = gregorian_date(f"{year + number // 12:04d}/{number % 12 + 1:02d}/01")
        return Month(JALALI, year, number, first, following - timedelta(days=1))
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return Month(GREGORIAN, first.year, first.month, first, following - timedelta(days=1))


def month_asked(text: str, *, today: date, calendar: str) -> Month:
    """The month that an address or a person names, of either calendar; else that of today, of the `calendar`."""
    typed = text.strip().translate(_DIGITS).replace("/", "-")[:7]
    try:
        year, _dash, number = typed.partition("-")
        if int(year) < _JALALI_YEARS_END:
            found = month_of(gregorian_date(f"{typed}-01"), JALALI)
        else:
            found = month_of(date(int(year), int(number), 1), GREGORIAN)
    except (ValueError, OverflowError, InputError):  # the month after December 9999 is none
        return month_of(today, calendar)
    return found if _EARLIEST <= found.first <= _LATEST else month_of(today, calendar)


def other_calendar(month: Month, today: date) -> Month:
    """The month of the other calendar: around today where `month` holds it, else around its middle."""
    day = today if month.first <= today <= month.last else month.first + timedelta(days=14)
    return month_of(day, GREGORIAN if month.calendar == JALALI else JALALI)
