"""What happens to the cohort: windows, order of events, blood counts, and that nobody is treated against a stop."""

from __future__ import annotations

import itertools
from datetime import timedelta

import numpy as np
import pytest

from theratrial.simulation.cohort import members
from theratrial.simulation.counts import NADIR_DAY, Marrow, fall_shape, sample
from theratrial.simulation.course import Course, course_of
from theratrial.simulation.patient import drawn_patient
from theratrial.simulation.plan import Plan


@pytest.fixture(scope="module")
def courses(plan: Plan) -> list[Course]:
    found = []
    for member in members(15, seed=11):
        rng = np.random.default_rng(member.seed)
        patient = drawn_patient(member.participant_id, plan, rng, story=member.story, failure=member.failure)
        found.append(course_of(patient, plan, member.screened_on, rng))
    return found


def test_default_cohort_has_every_story(courses: list[Course]) -> None:
    events = [c.event for c in courses]
    assert len([c for c in courses if c.therapy_injections]) == 15
    assert events.count("screen_failure") == 4
    assert {"completed", "gate_stop", "withdrawal", "progression"} <= set(events)
    reasons = " ".join(c.reason for c in courses)
    assert "platelets grade" in reasons
    assert "red marrow dose limit" in reasons
    assert "not determined" in reasons
    assert {c.patient.story.response for c in courses if c.patient.story} == {"CR", "PR", "SD", "PD", None}
    assert any(lesion.new for c in courses for lesion in c.patient.lesions)
    assert any(not scan.done for c in courses for scan in c.scans)


def test_consent_comes_before_everything_and_batches_are_there_before_the_syringe(courses: list[Course]) -> None:
    for course in courses:
        first = [s.collected_at for s in course.samples] + [i.measured_at for i in course.injections]
        assert course.consented_at < min(first)
        for injection in course.injections:
            assert injection.measured_at < injection.injected_at < injection.residual_at


def test_every_scan_and_visit_lies_in_its_window(courses: list[Course], plan: Plan) -> None:
    for course in courses:
        given = [i.injected_at for i in course.therapy_injections]
        for scan in course.scans:
            assert scan.image.window_h.holds(scan.hours_after), scan.image.id
        for gate, when in zip(course.gates, given, strict=False):
            assert plan.gate_visit.window_days.holds((gate.on - when.date()).days)
        for before, after in itertools.pairwise(given):
            assert plan.sessions.interval_days.holds((after.date() - before.date()).days)
        if course.response_on:
            assert plan.response_visit.window_days.holds((course.response_on - given[-1].date()).days)


def test_nobody_is_treated_again_after_a_gate_that_said_no(courses: list[Course]) -> None:
    for course in courses:
        sessions = len(course.therapy_injections)
        assert all(gate.may_continue for gate in course.gates if gate.session < sessions)


def test_net_activity_follows_from_the_readings_by_decay(courses: list[Course]) -> None:
    half_lives_h = {"lu177_trastuzumab": 159.528, "ga68_trastuzumab": 67.71 / 60}  # ICRP 107
    for injection in courses[0].injections:
        half_life = half_lives_h[injection.product_id]
        before = (injection.injected_at - injection.measured_at) / timedelta(hours=1)
        after = (injection.residual_at - injection.injected_at) / timedelta(hours=1)
        expected = injection.measured_MBq * 2 ** (-before / half_life) - injection.residual_MBq * 2 ** (
            after / half_life
        )
        assert injection.net_MBq == pytest.approx(expected, rel=1e-4)
        assert abs(injection.net_MBq / injection.prescribed_MBq - 1) < 0.1


def test_summer_time_of_2022_is_in_the_offsets_and_that_of_2023_is_not(courses: list[Course]) -> None:
    """Iran kept summer time until September 2022 and abolished it for 2023 (IANA time zone database)."""
    offsets = {}
    for course in courses:
        for found in course.samples:
            offsets[found.collected_at.date()] = found.collected_at.utcoffset()
    for day, offset in offsets.items():
        summer = day.year == 2022 and (3, 22) <= (day.month, day.day) <= (9, 21)
        if (day.month, day.day) not in ((3, 22), (9, 21), (9, 22)):
            assert offset == timedelta(hours=4.5 if summer else 3.5), day
    assert {timedelta(hours=3.5), timedelta(hours=4.5)} == set(offsets.values())


def test_scans_are_elapsed_hours_after_the_injection_across_the_clock_change(courses: list[Course]) -> None:
    for course in courses:
        for scan in course.scans:
            elapsed = scan.started_at.timestamp() - scan.injection.injected_at.timestamp()
            assert scan.hours_after == pytest.approx(elapsed / 3600)


def test_platelets_are_lowest_in_weeks_4_to_6_and_back_by_weeks_8_to_10() -> None:
    """NETTER-1 kinetics (Cancers 2023, PMC10571645, table 2): nadir 5.1 weeks, recovery at two months."""
    days = np.arange(0, 80)
    fall = np.array([fall_shape(float(d), NADIR_DAY) for d in days])
    assert 28 <= days[fall.argmax()] <= 42
    assert fall[:8].max() < 0.02
    assert fall[70] < 0.2


def test_more_marrow_dose_means_lower_counts(courses: list[Course]) -> None:
    when = courses[0].screened_on
    start = courses[0].consented_at
    marrow = Marrow({"platelets": 250.0}, {"platelets": 1.1}, NADIR_DAY, 0)
    values = [
        sample(marrow, "platelets", start + timedelta(days=34), [(start, dose)], np.random.default_rng(1)).value
        for dose in (0.0, 0.3, 0.6, 1.2)
    ]
    assert when is not None
    assert values == sorted(values, reverse=True)
    assert values[0] > 1.4 * values[2]
