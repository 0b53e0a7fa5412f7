"""Dates and instants as people type them, in two calendars and three scripts."""

from __future__ import annotations

import os
import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from theratrial.forms.moments import persian, shown_date, shown_instant, typed_date, typed_instant
from theratrial.forms.numbers import typed_integer, typed_number
from theratrial.forms.stored import written_date, written_instant
from theratrial.trialfolder.moments import CellProblem

TEHRAN = ZoneInfo("Asia/Tehran")
DAYS = st.dates(date(1900, 1, 1), date(2100, 12, 31))
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


def jalali_parts(day):
    """Year, month and day by the 33-year cycle, counted from 1 Farvardin 1400 (2021-03-21): not the library we use."""
    year, left = 1400, (day - date(2021, 3, 21)).days
    while left < 0:
        year -= 1
        left += 365 + is_leap(year)
    while left >= 365 + is_leap(year):
        left -= 365 + is_leap(year)
        year += 1
    month = left // 31 if left < 186 else 6 + (left - 186) // 30
    return year, month + 1, left - (31 * month if month < 6 else 186 + 30 * (month - 6)) + 1


def gregorian_of(year, month, day):
    days = sum(365 + is_leap(one) for one in range(1400, year)) + (month - 1) * 30 + min(month - 1, 6) + day - 1
    return date(2021, 3, 21) + timedelta(days=days)


def is_leap(year):
    return year % 33 in (1, 5, 9, 13, 17, 22, 26, 30)


def refusal(read, *arguments):
    with pytest.raises(CellProblem) as caught:
        read(*arguments)
    return caught.value


@settings(deadline=None)
@given(DAYS, st.sampled_from(["-", "/"]), st.sampled_from([str, persian, lambda text: text.translate(ARABIC)]))
def test_a_day_typed_in_either_calendar_any_script_and_separator_is_the_same_day(day, separator, script):
    gregorian = typed_date(script(day.strftime(f"%Y{separator}%m{separator}%d")))
    assert (gregorian.value, gregorian.calendar) == (day, "gregorian")
    jalali = typed_date(script(separator.join(map(str, jalali_parts(day)))))
    assert (jalali.value, jalali.calendar) == (day, "jalali")


@settings(deadline=None)
@given(DAYS)
def test_both_halves_of_a_shown_day_are_read_as_that_day(day):
    for text in (shown_date(day), shown_date(day, persian_digits=True)):
        assert [typed_date(half).value for half in text.split(" · ")] == [day, day]


def test_the_registration_day_of_the_trial_is_shown_as_its_record_has_it():
    assert shown_date(date(2021, 10, 18)) == "2021-10-18 · 1400/07/26"
    assert shown_date(date(2021, 10, 18), persian_digits=True) == "۲۰۲۱-۱۰-۱۸ · ۱۴۰۰/۰۷/۲۶"
    instant = datetime(2021, 10, 18, 6, 5, tzinfo=UTC)
    assert shown_instant(instant, TEHRAN, persian_digits=True) == "۲۰۲۱-۱۰-۱۸ · ۱۴۰۰/۰۷/۲۶ ۰۹:۳۵"


@pytest.mark.parametrize(
    ("text", "says", "meant"),
    [
        ("05/03/2022", "day and month could be either", {"2022-03-05", "2022-05-03"}),
        ("25/03/2022", "year last", {"2022-03-25"}),
        ("26/07/1400", "year last", {"1400/07/26"}),
        ("00/07/26", "two digits", set()),
        ("۰۰/۰۷/۲۶", "two digits", set()),
        ("1400/12/30", "1 to 29", set()),
        ("1400/13/01", "no month 13", set()),
        ("2022-02-30", "1 to 28", set()),
        ("14000726", "not separated", {"1400/07/26"}),
        ("1400.07.26", "not separated", {"1400/07/26"}),
        ("44625", "day number", {"2022-03-05"}),
        ("1600/01/01", "1600", set()),
        ("2022-03-05T09:30", "has a time", set()),
        ("tomorrow", "not a date", set()),
        ("", "not a date", set()),
    ],
)
def test_a_doubtful_day_is_refused_with_what_was_probably_meant(text, says, meant):
    problem = refusal(typed_date, text)
    assert says in problem.message
    found = set(re.findall(r"\d{4}[-/]\d{2}[-/]\d{2}", problem.remedy)) - {"2022-03-05", "1400/12/14"}
    assert found == meant - {"2022-03-05"}
    assert all(one in problem.remedy for one in meant)


@settings(deadline=None)
@given(st.dates(date(1950, 1, 1), date(2080, 12, 28)))
def test_a_day_converted_twice_is_refused_and_the_day_it_was_is_named(day):
    # Somebody took the Gregorian year for a Jalali one: 2021 became 2642.
    assume(day.day <= (31 if day.month <= 6 else 30 if day.month <= 11 else 29))
    twice = gregorian_of(day.year, day.month, day.day)
    problem = refusal(typed_date, twice.isoformat())
    # So far from our time the leap rules differ by a day; at the end of the year that looks like three.
    assert "converted as if it had been Jalali" in problem.message
    assert abs(typed_date(re.search(r"\d{4}-\d{2}-\d{2}", problem.remedy)[0]).value - day) < timedelta(days=4)


@settings(deadline=None)
@given(
    st.datetimes(datetime(1950, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["gregorian", "jalali"]),
)
def test_an_instant_written_for_a_field_is_read_back_to_the_microsecond(instant, calendar):
    for zone in (TEHRAN, ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")):
        read = typed_instant(written_instant(instant, zone, calendar), zone)
        assert read.value == instant
        assert read.calendar == calendar


@settings(deadline=None)
@given(DAYS)
def test_a_day_written_for_a_field_is_read_back(day):
    for calendar in ("gregorian", "jalali"):
        assert typed_date(written_date(day, calendar)).value == day


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2022-03-22 00:30", "did not exist"),
        ("1401/01/02 00:30", "did not exist"),
        ("2021-09-21 23:30", "happened twice"),
        ("2022-03-05 25:00", "no time 25:00"),
        ("2022-03-05", "has no time"),
        ("1400/12/14", "has no time"),
        ("2022-03-05 9:30 pm", "half of the day"),
        ("2022-03-05 ۹:۳۰ صبح", "half of the day"),
        ("05/03/2022 09:30", "could be either"),
        ("09:30", "not a date"),
    ],
)
def test_a_doubtful_instant_is_refused(text, says):
    problem = refusal(typed_instant, text, TEHRAN)
    assert says in problem.message


def test_the_day_without_time_is_named_as_typed_in_its_calendar():
    assert "1400/12/14 09:30" in refusal(typed_instant, "۱۴۰۰/۱۲/۱۴", TEHRAN).remedy.translate(
        str.maketrans("۰۱۲۳۴۵۶۷۸۹", "0123456789")
    )


def test_the_offset_tells_the_two_hours_apart_that_the_clocks_repeat():
    first, later = (typed_instant(f"1400/06/30 23:30{offset}", TEHRAN).value for offset in ("+04:30", "+03:30"))
    assert later - first == timedelta(hours=1)
    assert written_instant(first, TEHRAN).endswith("+0430")


def test_text_copied_from_a_right_to_left_document_is_read():
    assert typed_date("\u200f۱۴۰۰/۰۷/۲۶\u200f").value == date(2021, 10, 18)
    assert typed_number("\u202b۶۸٫۴\u202c") == 68.4


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**15), 10**15))
def test_a_number_in_persian_digits_is_the_number(number, whole):
    assert typed_number(persian(repr(number))) == number
    assert typed_integer(persian(str(whole))) == whole


@pytest.mark.parametrize(
    ("text", "says", "meant"),
    [
        ("1,5", "decimal comma", "1.5"),
        ("۱,۵", "decimal comma", "1.5"),
        ("۱/۵", "slash", "1.5"),
        ("120/80", "slash", "120.80"),
        ("1,200", "thousands", "1200"),
        ("۱٬۲۰۰", "thousands", "1200"),
        ("1.200,5", "thousands", "1200.5"),
        ("<0.5", "bound", ""),
        ("7.4 GBq", "unit", "7400"),
    ],
)
def test_a_doubtful_number_is_refused_with_what_was_probably_meant(text, says, meant):
    problem = refusal(typed_number, text, "MBq")
    assert says in f"{problem.message} {problem.remedy}"
    assert meant in problem.remedy


def test_the_clock_of_the_machine_is_never_asked(monkeypatch):
    monkeypatch.setitem(os.environ, "TZ", "America/New_York")
    assert typed_instant("2022-03-05 09:30", TEHRAN).value == datetime(2022, 3, 5, 6, 0, tzinfo=UTC)
