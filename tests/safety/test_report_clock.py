"""The clock of a report: every state, the edges of the time, and what a contradiction of the record does to it."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.safety.adverse import report_clock

AWARE = datetime(2024, 3, 9, 20, 0, tzinfo=timezone(timedelta(hours=3, minutes=30)))
DAY = timedelta(hours=24)


def clock(sent_after=None, now_after=timedelta(days=30), aware=AWARE, within_h=24.0, **more):
    sent = None if sent_after is None else AWARE + sent_after
    return report_clock(became_aware_at=aware, sent_at=sent, now=AWARE + now_after, within_h=within_h, **more)


@pytest.mark.parametrize(
    ("sent_after", "now_after", "state"),
    [
        (timedelta(0), 2 * DAY, "in_time"),
        (DAY, 2 * DAY, "in_time"),
        (DAY + timedelta(seconds=1), 2 * DAY, "late"),
        (None, DAY, "owed"),
        (None, DAY + timedelta(seconds=1), "overdue"),
        (None, timedelta(0), "owed"),
    ],
)
def test_the_last_second_of_the_time_is_still_in_time(sent_after, now_after, state):
    found = clock(sent_after, now_after)
    assert found.state == state
    assert found.due_at == AWARE + DAY


def test_the_clock_runs_on_a_friday_evening_and_over_midnight_of_another_zone():
    aware = AWARE.astimezone(UTC)
    assert clock(DAY, aware=aware).state == "in_time"
    assert clock(DAY + timedelta(minutes=1), aware=aware).state == "late"


def test_a_second_late_is_not_told_as_no_minute_late():
    assert clock(DAY + timedelta(seconds=1)).because.endswith("0 h 1 min late")
    assert clock(None, DAY + timedelta(hours=2, minutes=5)).because == "not sent; overdue by 2 h 5 min"


def test_a_span_of_many_days_is_told_in_days():
    assert clock(None, timedelta(hours=24 + 72)).because == "not sent; overdue by 72 h"
    assert clock(None, timedelta(days=636, hours=11)).because == "not sent; overdue by 635 days 11 h"


def test_nobody_knows_a_clock_that_has_no_beginning():
    found = clock(aware=None)
    assert (found.state, found.due_at) == ("not_known", None)
    assert "nor when the investigator became aware" in found.because


def test_a_report_for_which_no_time_is_set_is_sent_or_owed_and_never_in_time():
    assert clock(DAY, within_h=None).state == "sent"
    assert clock(None, within_h=None).state == "owed"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"sent_after": timedelta(hours=-1)}, "sent before anybody was aware"),
        ({"sent_after": DAY, "not_before": date(2024, 3, 10)}, "before the event began on 2024-03-10"),
        ({"sent_after": DAY, "now_after": timedelta(hours=2)}, "sent later than now"),
        ({"sent_after": DAY, "now_after": timedelta(hours=-2)}, "became aware later than now"),
    ],
)
def test_a_contradiction_is_named_and_never_in_time(more, said):
    found = clock(**more)
    assert found.state == "not_known"
    assert said in found.because


def test_a_contradiction_does_not_hide_that_nothing_was_sent():
    found = clock(None, 2 * DAY, not_before=date(2024, 3, 10))
    assert found.state == "overdue"
    assert "before the event began" in found.because


def test_a_moment_without_zone_and_hours_that_are_none_are_refused():
    with pytest.raises(InputError, match="no time zone"):
        clock(aware=datetime(2024, 3, 9, 20, 0))
    for hours in (0, -24, float("nan")):
        with pytest.raises(InputError, match="must be positive"):
            clock(within_h=hours)


_SPANS = st.timedeltas(min_value=timedelta(days=-3), max_value=timedelta(days=3))


@given(st.one_of(st.none(), _SPANS), _SPANS, st.floats(0.5, 100))
def test_every_record_has_one_state_and_in_time_means_within_the_time(sent_after, now_after, within_h):
    found = clock(sent_after, now_after, within_h=within_h)
    due = timedelta(hours=within_h)
    if found.state == "in_time":
        assert sent_after is not None
        assert timedelta(0) <= sent_after <= due
        assert sent_after <= now_after
    elif found.state == "late":
        assert sent_after > due
    elif found.state in ("owed", "overdue"):
        assert sent_after is None
        assert (now_after > due) == (found.state == "overdue")
    else:
        assert found.state == "not_known"
        assert found.because


@given(_SPANS, _SPANS)
def test_waiting_never_makes_an_unsent_report_better(first, second):
    order = ("owed", "overdue")
    earlier, later = sorted((first, second))
    assert order.index(clock(None, earlier).state) <= order.index(clock(None, later).state)
