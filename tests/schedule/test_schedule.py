"""Windows as dates counted by hand on a calendar; the last session with its reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.protocol.clauses import Window
from theratrial.protocol.reader import shipped_protocol
from theratrial.protocol.schema import Protocol
from theratrial.schedule.history import Administration, Ending, History, RecordedVisit, Status, TakenImage
from theratrial.schedule.sessions import days_outside, days_window, last_session, planned_sessions
from theratrial.schedule.visits import planned_images, planned_visits, visit_window

TEHRAN = ZoneInfo("Asia/Tehran")
LU, GA = "lu177_trastuzumab", "ga68_trastuzumab"


def at(text: str) -> datetime:
    """A wall-clock time in Tehran with its offset fixed, as records are read."""
    wall = datetime.fromisoformat(text).replace(tzinfo=TEHRAN)
    return wall.replace(tzinfo=timezone(wall.utcoffset() or timedelta()))


def session(number: int, when: str) -> Administration:
    return Administration(LU, at(when), number, source=f"record:records/administrations.csv#{number + 1}")


@pytest.fixture(scope="module")
def seed() -> Protocol:
    return shipped_protocol("IRCT20210612051548N3")


@pytest.fixture
def changed(seed: Protocol) -> Callable[[str, str, Any], Protocol]:
    def change(visit: str, key: str, value: Any) -> Protocol:
        content = seed.model_dump(mode="python")
        content["schedule"][visit]["reading"][key] = value
        return Protocol.model_validate(content)

    return change


SCREENED = History("P-1", date(2022, 2, 1))
ONCE = replace(SCREENED, administrations=(session(1, "2022-03-01T09:30"),))
TWICE = replace(SCREENED, administrations=(session(1, "2022-03-01T09:30"), session(2, "2022-04-19T10:00")))
THRICE = replace(TWICE, administrations=(*TWICE.administrations, session(3, "2022-06-07T10:00")))


def test_the_gate_visit_is_six_to_eight_weeks_after_its_session(seed: Protocol) -> None:
    # 1 March + 42 days = 12 April, + 56 days = 26 April (by calendar).
    assert visit_window(seed, ONCE, "follow_up", 1) == (date(2022, 4, 12), date(2022, 4, 26))
    assert visit_window(seed, ONCE, "follow_up", 2) is None


@pytest.mark.parametrize(
    ("now", "status"),
    [
        ("2022-04-11T23:59", Status.NOT_DUE),
        ("2022-04-12T00:00", Status.DUE),
        ("2022-04-26T23:59", Status.DUE),
        ("2022-04-27T00:00", Status.OVERDUE),
    ],
)
def test_a_visit_without_record_is_judged_by_the_day(seed: Protocol, now: str, status: Status) -> None:
    (visit,) = [one for one in planned_visits(seed, ONCE, at(now)) if one.visit_id == "follow_up"]
    assert visit.status is status


def test_the_day_is_the_trials_not_that_of_the_clock(seed: Protocol) -> None:
    # 21:00 UTC on the 26th is 01:30 on the 27th in Tehran, which had summer time (+04:30) in April 2022.
    now = datetime(2022, 4, 26, 21, 0, tzinfo=timezone.utc)  # noqa: UP017
    (visit,) = [one for one in planned_visits(seed, ONCE, now) if one.visit_id == "follow_up"]
    assert visit.status is Status.OVERDUE


@pytest.mark.parametrize(("day", "outside"), [(10, -2), (12, 0), (26, 0), (29, 3)])
def test_a_visit_done_outside_its_window_says_by_how_many_days(seed: Protocol, day: int, outside: int) -> None:
    done = RecordedVisit("follow_up", "done", 1, date(2022, 4, day), "record:records/visits.csv#2")
    plan = planned_visits(seed, replace(ONCE, visits=(done,)), at("2022-06-01T00:00"))
    (visit,) = [one for one in plan if one.visit_id == "follow_up"]
    assert (visit.status, visit.days_outside, visit.source) == (Status.DONE, outside, "record:records/visits.csv#2")


def test_a_missed_visit_has_no_date_and_no_distance(seed: Protocol) -> None:
    missed = RecordedVisit("follow_up", "missed", 1)
    (visit,) = [one for one in planned_visits(seed, replace(ONCE, visits=(missed,)), at("2022-06-01T00:00"))
                if one.visit_id == "follow_up"]  # fmt: skip
    assert (visit.status, visit.occurred_on, visit.days_outside) == (Status.MISSED, None, None)


def test_visits_after_the_last_session_wait_until_it_is_known_to_be_the_last(seed: Protocol) -> None:
    (waiting,) = [one for one in planned_visits(seed, TWICE, at("2022-12-01T00:00"))
                  if one.visit_id == "response_assessment"]  # fmt: skip
    assert (waiting.earliest, waiting.status) == (None, Status.NOT_DUE)
    assert "not known" in waiting.note
    stopped = replace(TWICE, endings=(Ending("gate_stop", date(2022, 6, 1)),))
    # 19 April + 28 days = 17 May, + 63 days = 21 June.
    assert visit_window(seed, stopped, "response_assessment") == (date(2022, 5, 17), date(2022, 6, 21))


def test_nobody_is_expected_after_death_but_a_visit_whose_window_was_over_is_still_overdue(seed: Protocol) -> None:
    early = replace(ONCE, endings=(Ending("death", date(2022, 4, 20)),))
    late = replace(ONCE, endings=(Ending("death", date(2022, 4, 30)),))
    status = {
        name: next(v.status for v in planned_visits(seed, history, at("2022-12-01T00:00")) if v.visit_id == "follow_up")
        for name, history in (("early", early), ("late", late))
    }
    assert status == {"early": Status.NOT_EXPECTED, "late": Status.OVERDUE}


def test_after_a_screening_failure_nothing_of_the_treatment_is_expected(seed: Protocol) -> None:
    failed = replace(SCREENED, endings=(Ending("screen_failure", date(2022, 2, 20)),))
    now = at("2022-12-01T00:00")
    visits = {one.visit_id: one.status for one in planned_visits(seed, failed, now)}
    assert visits == {"screening": Status.OVERDUE, "response_assessment": Status.NOT_EXPECTED}
    assert {one.status for one in planned_images(seed, failed, now)} == {Status.NOT_EXPECTED}


def test_a_stopped_gate_does_not_end_the_follow_up(seed: Protocol) -> None:
    stopped = replace(ONCE, endings=(Ending("gate_stop", date(2022, 4, 12)),))
    visit = next(v for v in planned_visits(seed, stopped, at("2022-04-13T00:00")) if v.visit_id == "follow_up")
    assert visit.status is Status.DUE


def test_a_window_counts_from_another_visit_and_is_provisional_until_that_was_held(
    changed: Callable[[str, str, Any], Protocol],
) -> None:
    content = changed("follow_up", "title", "x").model_dump(mode="python")
    content["schedule"]["late"] = {
        "reading": {
            "id": "late", "title": "Late", "anchor": "follow_up", "per_session": True,
            "window_days": {"minimum": 10, "maximum": 20},
        },
        "decision": {"status": "open"},
    }  # fmt: skip
    protocol = Protocol.model_validate(content)
    plan = {one.visit_id: one for one in planned_visits(protocol, ONCE, at("2022-03-02T00:00"))}
    assert (plan["late"].earliest, plan["late"].latest) == (date(2022, 4, 22), date(2022, 5, 16))
    assert plan["late"].provisional
    held = replace(ONCE, visits=(RecordedVisit("follow_up", "done", 1, date(2022, 4, 15)),))
    plan = {one.visit_id: one for one in planned_visits(protocol, held, at("2022-03-02T00:00"))}
    assert (plan["late"].earliest, plan["late"].latest) == (date(2022, 4, 25), date(2022, 5, 5))
    assert not plan["late"].provisional


def test_windows_that_count_from_each_other_are_refused(changed: Callable[[str, str, Any], Protocol]) -> None:
    content = changed("screening", "anchor", "follow_up").model_dump(mode="python")
    content["schedule"]["follow_up"]["reading"]["anchor"] = "screening_visit"
    with pytest.raises(InputError, match="counts from 'screening_visit', which is no visit"):
        planned_visits(Protocol.model_validate(content), ONCE, at("2022-03-02T00:00"))
    content["schedule"]["follow_up"]["reading"]["anchor"] = "response_assessment"
    content["schedule"]["response_assessment"]["reading"]["anchor"] = "follow_up"
    with pytest.raises(InputError, match="counts from itself"):
        planned_visits(Protocol.model_validate(content), ONCE, at("2022-03-02T00:00"))


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (SCREENED, (False, None, "")),
        (replace(SCREENED, endings=(Ending("screen_failure", date(2022, 2, 20)),)), (True, None, "screen_failure")),
        (ONCE, (False, 1, "")),
        (THRICE, (True, 3, "maximum_reached")),
        (replace(ONCE, endings=(Ending("withdrawal", date(2022, 3, 10)),)), (True, 1, "withdrawal")),
        (replace(ONCE, endings=(Ending("death", date(2022, 3, 1)),)), (True, 1, "death")),
        (replace(TWICE, endings=(Ending("gate_stop", date(2022, 4, 12)),)), (False, 2, "")),
        (replace(THRICE, endings=(Ending("progression", date(2022, 8, 1)),)), (True, 3, "maximum_reached")),
        (
            replace(ONCE, endings=(Ending("death", date(2022, 5, 1)), Ending("progression", date(2022, 4, 1)))),
            (True, 1, "progression"),
        ),
    ],
    ids=["nothing", "screen failure", "one", "maximum", "withdrawal", "death that day", "overruled stop",
         "maximum before progression", "the first ending"],
)  # fmt: skip
def test_the_last_session_and_its_reason(
    seed: Protocol, history: History, expected: tuple[bool, int | None, str]
) -> None:
    last = last_session(seed, history)
    assert (last.known, last.session, last.reason) == expected
    assert last.because


def test_what_the_protocol_does_not_list_does_not_end_the_sessions(seed: Protocol) -> None:
    content = seed.model_dump(mode="python")
    content["sessions"]["reading"]["ends_when"] = ["maximum_reached", "death"]
    going_on = replace(ONCE, endings=(Ending("progression", date(2022, 4, 1)),))
    assert not last_session(Protocol.model_validate(content), going_on).known


def test_sessions_are_planned_by_the_interval_from_the_one_before(seed: Protocol) -> None:
    first, second, third = planned_sessions(seed, TWICE, at("2022-07-01T00:00"))
    assert (first.status, first.earliest, first.given_on) == (Status.DONE, None, date(2022, 3, 1))
    # 49 days apart, allowed are 42 to 70; 19 April + 42 = 31 May, + 70 = 28 June.
    assert (second.days_outside, second.source) == (0, "record:records/administrations.csv#3")
    assert (third.earliest, third.latest, third.status) == (date(2022, 5, 31), date(2022, 6, 28), Status.OVERDUE)
    late = replace(ONCE, administrations=(session(1, "2022-03-01T09:30"), session(2, "2022-05-12T10:00")))
    assert planned_sessions(seed, late, at("2022-07-01T00:00"))[1].days_outside == 2


def test_no_session_is_expected_after_the_last(seed: Protocol) -> None:
    stopped = replace(ONCE, endings=(Ending("gate_stop", date(2022, 4, 13)),))
    statuses = [one.status for one in planned_sessions(seed, stopped, at("2022-12-01T00:00"))]
    assert statuses == [Status.DONE, Status.NOT_EXPECTED, Status.NOT_EXPECTED]


def test_images_count_from_the_injection_of_their_product(seed: Protocol) -> None:
    history = replace(
        ONCE,
        administrations=(
            Administration(GA, at("2022-02-10T10:00"), timepoint="baseline"),
            *ONCE.administrations,
        ),
        images=(
            TakenImage("pet_baseline", at("2022-02-10T13:30")),
            TakenImage("spect_24h", at("2022-03-02T09:30"), 1),
            TakenImage("spect_48h", at("2022-03-03T00:30"), 1),
        ),
    )
    plan = {one.imaging_id: one for one in planned_images(seed, history, at("2022-03-05T00:00"))}
    # The PET window is 0.5-3 h; 3.5 h is half an hour late. 48 h scans may be taken from 42 h on; 39 h is 3 h early.
    assert plan["pet_baseline"].hours_outside == pytest.approx(0.5)
    assert plan["spect_24h"].hours_outside == 0
    assert plan["spect_48h"].hours_outside == pytest.approx(-3)
    assert plan["whole_body_24h"].status is Status.OVERDUE
    assert (plan["pet_response"].status, plan["pet_response"].earliest_at) == (Status.NOT_DUE, None)


def test_a_moment_without_offset_is_refused(seed: Protocol) -> None:
    with pytest.raises(InputError, match="no offset"):
        planned_visits(seed, ONCE, datetime(2022, 1, 1))


@given(
    anchor=st.dates(date(1950, 1, 1), date(2090, 1, 1)),
    low=st.integers(-100, 300),
    length=st.integers(0, 300),
    day=st.integers(-500, 900),
)
def test_a_day_is_outside_by_the_smallest_shift_that_brings_it_inside(
    anchor: date, low: int, length: int, day: int
) -> None:
    earliest, latest = days_window(anchor, Window(minimum=low, maximum=low + length))
    when = anchor + timedelta(days=day)
    outside = days_outside(when, earliest, latest)
    shifted = when - timedelta(days=outside)
    assert earliest <= shifted <= latest
    assert outside == 0 or shifted in (earliest, latest)
