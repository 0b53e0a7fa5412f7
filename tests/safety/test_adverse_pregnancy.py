"""Contraception by the calendar and what a pregnancy was exposed to."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.safety.adverse.pregnancy import contraception_until, exposure


@pytest.mark.parametrize(
    ("last", "months", "until"),
    [
        ("2024-01-15", 7, "2024-08-15"),
        ("2024-06-30", 7, "2025-01-30"),
        ("2023-07-31", 7, "2024-03-01"),  # 2024 has a 29 February, no 31st: the day after, never before
        ("2022-07-31", 7, "2023-03-01"),
        ("2024-05-31", 4, "2024-10-01"),
        ("2024-12-31", 12, "2025-12-31"),
        ("2024-01-01", 0.5, "2024-01-17"),  # 15.2 days, upwards
    ],
)
def test_months_are_counted_by_the_calendar_and_never_end_too_early(last, months, until):
    assert contraception_until(date.fromisoformat(last), months) == date.fromisoformat(until)


@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)), st.integers(1, 40))
def test_a_longer_time_ends_later_and_within_a_day_of_its_calendar_days(last, months):
    until = contraception_until(last, months)
    assert until < contraception_until(last, months + 1)
    assert abs((until - last).days - months * 30.436875) < 4


@pytest.mark.parametrize("months", [0, -7, float("nan"), float("inf")])
def test_a_time_that_is_none_is_refused(months):
    with pytest.raises(InputError, match="must be positive"):
        contraception_until(date(2024, 1, 1), months)


GIVEN = [date(2024, 3, 1), date(2024, 5, 1)]


@pytest.mark.parametrize(
    ("conceived", "said"),
    [
        (date(2024, 4, 1), "given during it: 2024-05-01 (day 30 of it); began 31 days after the administration"),
        (date(2024, 11, 1), "within the time of contraception, until 2024-12-01"),
        (date(2024, 12, 2), "after the time of contraception, until 2024-12-01"),
        (None, "the day of conception is not recorded; the last administration was on 2024-05-01"),
        (date(2024, 5, 1), "given during it: 2024-05-01 (day 0 of it)"),
    ],
)
def test_exposure_says_what_was_given_during_or_before_it(conceived, said):
    assert said in exposure(conceived, GIVEN, 7)


def test_without_administration_there_is_no_exposure():
    assert exposure(date(2024, 4, 1), [], 7) == "nothing was given in the trial"
