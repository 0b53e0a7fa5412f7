"""Dates of registration records: what is taken, what is refused, and what was probably meant."""

from __future__ import annotations

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.registry.calendars import jalali_text
from theratrial.registry.dates import DateProblem, read_date
from theratrial.registry.words import RecordDate

TODAY = date(2026, 6, 9)


@pytest.mark.parametrize(
    ("text", "day", "jalali", "calendar", "kept"),
    [
        # Printed in the record IRCT20210612051548N3.
        ("2021-10-18, 1400/07/26", "2021-10-18", "1400/07/26", "gregorian", ""),
        ("1400/07/26, 2021-10-18", "2021-10-18", "1400/07/26", "gregorian", "1400/07/26, 2021-10-18"),
        ("1402/03/31", "2023-06-21", "1402/03/31", "jalali", ""),
        ("۱۴۰۰/۴/۶", "2021-06-27", "1400/04/06", "jalali", "۱۴۰۰/۴/۶"),
        ("۲۶ مهر ۱۴۰۰", "2021-10-18", "1400/07/26", "jalali", "۲۶ مهر ۱۴۰۰"),
        # Leap days of the official calendar.
        ("1399/12/30", "2021-03-20", "1399/12/30", "jalali", ""),
        ("1403/12/30", "2025-03-20", "1403/12/30", "jalali", ""),
        ("January 25, 2020", "2020-01-25", "", "gregorian", "January 25, 2020"),
        ("25/01/2020", "2020-01-25", "", "gregorian", "25/01/2020"),
        ("20200125", "2020-01-25", "", "gregorian", "20200125"),
        ("2021-10-18T09:30:00Z", "2021-10-18", "", "gregorian", "2021-10-18T09:30:00Z"),
    ],
)
def test_dates_of_registries_are_read(text, day, jalali, calendar, kept):
    found = read_date(text, today=TODAY)
    assert (found.gregorian.isoformat(), found.jalali, found.calendar, found.text) == (day, jalali, calendar, kept)
    assert found.precision == "day"


@pytest.mark.parametrize(
    ("text", "precision", "first"),
    [("2021-10", "month", "2021-10-01"), ("October 2021", "month", "2021-10-01"), ("2021", "year", "2021-01-01")],
)
def test_a_month_or_a_year_keeps_that_no_more_is_known(text, precision, first):
    found = read_date(text, today=TODAY)
    assert (found.precision, found.gregorian.isoformat(), found.jalali_derived) == (precision, first, "")


@pytest.mark.parametrize(
    ("text", "says", "suggestion"),
    [
        # A row of the ICTRP export of 18 March 2020: 24 March 2020, taken for Jalali and converted.
        ("2641-06-14", "converted as if it had been Jalali", "2020-03-24"),
        ("779/05/04", "is not a date", ""),
        ("0779/05/04", "converted as if it had been Gregorian", "1400/07/26"),
        ("1400/12/30", "has the days 1 to 29", "1400/12/29"),
        ("1404/12/30", "has the days 1 to 29", "1404/12/29"),
        ("1400/13/01", "no month 13", ""),
        ("2021-02-30", "has the days 1 to 28", ""),
        ("2021-25-01", "no month 25", "2021-01-25"),
        ("05/06/2021", "could be two days", "2021-06-05 or 2021-05-06"),
        ("2101-01-01", "lies in the year 2101", ""),
        ("2099-01-01", "73 years ahead", ""),
        ("2021-10-18, 1400/07/27", "names two days", ""),
        ("2021-10-18, 2021-10-18", "no pair", ""),
        ("soon", "is not a date", ""),
        ("", "is not a date", ""),
    ],
)
def test_what_cannot_be_is_refused_with_what_was_probably_meant(text, says, suggestion):
    with pytest.raises(DateProblem, match=says) as caught:
        read_date(text, today=TODAY)
    assert caught.value.suggestion == suggestion


def test_a_field_that_demands_a_calendar_says_which_date_it_would_be():
    with pytest.raises(DateProblem, match="looks like a Gregorian date") as caught:
        read_date("2020/03/24", today=TODAY, calendar="jalali")
    assert caught.value.suggestion == "1399/01/05"
    with pytest.raises(DateProblem, match="looks like a Jalali date") as caught:
        read_date("1400-07-26", today=TODAY, calendar="gregorian")
    assert caught.value.suggestion == "2021-10-18"


def test_the_order_of_a_registry_decides_between_two_days():
    assert read_date("05/06/2021", today=TODAY, order="day_first").gregorian == date(2021, 6, 5)
    assert read_date("05/06/2021", today=TODAY, order="month_first").gregorian == date(2021, 5, 6)
    with pytest.raises(DateProblem, match="no month 25"):
        read_date("05/25/2021", today=TODAY, order="day_first")


@given(st.dates(date(1901, 1, 1), date(2070, 1, 1)))
def test_either_calendar_and_the_pair_name_the_same_day(day):
    pair = f"{day.isoformat()}, {jalali_text(day)}"
    assert read_date(pair, today=TODAY).gregorian == day
    assert read_date(jalali_text(day), today=TODAY).gregorian == day
    assert read_date(day.isoformat(), today=TODAY).gregorian == day
    assert read_date(pair, today=TODAY).pair == pair


@given(st.text(max_size=30))
def test_any_text_is_a_date_or_a_date_problem(text):
    with suppress(DateProblem):
        assert 1900 <= read_date(text, today=TODAY).gregorian.year <= 2100


@pytest.mark.parametrize("written", ["2024-02", "1402/11/14", "2024"])
def test_a_date_of_a_file_that_is_no_day_is_told_what_may_be_written(written):
    with pytest.raises(ValueError, match="precision: month") as refused:
        RecordDate.model_validate({"gregorian": written})
    assert written in str(refused.value)


def test_a_spreadsheets_number_of_days_is_refused_with_the_day_that_was_meant():
    """43831 is 1 January 2020, as spreadsheets that count from 1900 print it."""
    for text, meant in (("43831", "2020-01-01"), ("۴۳۸۹۲", "2020-03-02")):
        with pytest.raises(DateProblem, match="as spreadsheets count them") as told:
            read_date(text, today=TODAY)
        assert told.value.suggestion == meant
