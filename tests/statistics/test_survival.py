"""Kaplan-Meier by its definitions and laws; published curves and R stand in tests/reference/test_survival_curves.py."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.statistics.survival import Transform, at_risk, kaplan_meier, reverse_kaplan_meier

PEOPLE = st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1, max_size=30)
TRANSFORMS: tuple[Transform, ...] = ("log_log", "log", "plain")


def split(people: list[tuple[int, bool]]) -> tuple[list[float], list[bool]]:
    return [float(time) for time, _ in people], [event for _, event in people]


@given(PEOPLE, st.randoms(use_true_random=False), st.sampled_from(TRANSFORMS))
def test_the_order_in_which_people_are_given_changes_nothing(
    people: list[tuple[int, bool]], shuffle: object, transform: Transform
) -> None:
    mixed = list(people)
    shuffle.shuffle(mixed)  # type: ignore[attr-defined]
    assert kaplan_meier(*split(people), transform=transform) == kaplan_meier(*split(mixed), transform=transform)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=30))
def test_without_censoring_survival_is_the_share_that_lives_on(times: list[int]) -> None:
    curve = kaplan_meier([float(one) for one in times], [True] * len(times))
    for step in curve.steps:
        assert step.survival_fraction == pytest.approx(sum(one > step.time for one in times) / len(times), abs=1e-12)


@given(PEOPLE)
def test_the_estimate_is_the_product_over_the_times_of_events(people: list[tuple[int, bool]]) -> None:
    for step in kaplan_meier(*split(people)).steps:
        expected = 1.0
        for time in sorted({time for time, event in people if event and time <= step.time}):
            risk = sum(other >= time for other, _ in people)
            expected *= 1 - sum(event for other, event in people if other == time) / risk
        assert step.survival_fraction == pytest.approx(expected, abs=1e-12)


@given(PEOPLE, st.sampled_from(TRANSFORMS))
def test_survival_falls_and_lies_in_its_interval(people: list[tuple[int, bool]], transform: Transform) -> None:
    curve = kaplan_meier(*split(people), transform=transform)
    last = 1.0
    for step in curve.steps:
        assert step.survival_fraction <= last + 1e-12
        last = step.survival_fraction
        if step.lower_fraction is None or step.upper_fraction is None:
            assert step.survival_fraction in (0.0, 1.0)
        else:
            assert 0 <= step.lower_fraction <= step.survival_fraction + 1e-12
            assert step.survival_fraction <= step.upper_fraction + 1e-12 <= 1 + 1e-12


@given(PEOPLE)
def test_everybody_ends_once_and_nobody_is_at_risk_afterwards(people: list[tuple[int, bool]]) -> None:
    times, events = split(people)
    curve = kaplan_meier(times, events)
    assert sum(step.events + step.censored for step in curve.steps) == curve.number == len(people)
    assert curve.events == sum(events)
    assert [step.at_risk for step in curve.steps] == [at_risk(times, step.time) for step in curve.steps]
    assert at_risk(times, max(times) + 1) == 0


@given(PEOPLE)
def test_a_later_event_in_one_person_never_lowers_the_curve_before_it(people: list[tuple[int, bool]]) -> None:
    times, events = split(people)
    later = [max(times) + 1, *times[1:]]
    before, after = kaplan_meier(times, events), kaplan_meier(later, events)
    for step in before.steps:
        at_that_time = [one.survival_fraction for one in after.steps if one.time <= step.time]
        assert (at_that_time[-1] if at_that_time else 1.0) >= step.survival_fraction - 1e-12


@given(PEOPLE, st.floats(0.1, 50))
def test_another_unit_of_time_scales_the_median_and_its_bounds(people: list[tuple[int, bool]], unit: float) -> None:
    times, events = split(people)
    one, other = kaplan_meier(times, events), kaplan_meier([time * unit for time in times], events)
    for first, second in zip(
        (one.median, one.median_lower, one.median_upper),
        (other.median, other.median_lower, other.median_upper),
        strict=True,
    ):
        assert (first is None) == (second is None)
        assert first is None or second == pytest.approx(first * unit)


@given(PEOPLE)
def test_reversed_twice_is_the_curve_itself(people: list[tuple[int, bool]]) -> None:
    times, events = split(people)
    assert reverse_kaplan_meier(times, [not one for one in events]) == kaplan_meier(times, events)


def test_nobody_with_the_event_has_no_median_and_no_interval() -> None:
    curve = kaplan_meier([1, 2, 3], [False, False, False])
    assert (curve.median, curve.median_lower, curve.median_upper) == (None, None, None)
    assert {(step.survival_fraction, step.lower_fraction) for step in curve.steps} == {(1.0, None)}


def test_transforms_give_different_intervals_and_say_so() -> None:
    found = {one: kaplan_meier([1, 2, 3, 4, 5], [True, False, True, True, False], transform=one) for one in TRANSFORMS}
    assert len({curve.steps[0].lower_fraction for curve in found.values()}) == 3
    assert {curve.transform for curve in found.values()} == set(TRANSFORMS)


@pytest.mark.parametrize(
    ("times", "events", "said"),
    [
        ([], [], "nobody"),
        ([1.0], [True, False], "1 times and 2 events"),
        ([1.0, -0.5], [True, True], "time 2 is -0.5: an event before the origin"),
        ([math.nan], [True], "time 1 is nan"),
        ([math.inf], [True], "time 1 is inf"),
        ([None], [True], "time 1 is None"),
        ([True], [True], "time 1 is True"),
        (["3"], [True], "time 1 is '3'"),
        ([1.0], [1], "event 1 is 1"),
        ([1.0], [None], "event 1 is None"),
    ],
)
def test_times_and_events_that_cannot_be_are_named_and_refused(times: list, events: list, said: str) -> None:
    for curve in (kaplan_meier, reverse_kaplan_meier):
        with pytest.raises(InputError, match=said):
            curve(times, events)


def test_an_unknown_transform_and_a_level_that_is_none_are_refused() -> None:
    with pytest.raises(InputError, match="log_log, log, plain"):
        kaplan_meier([1], [True], transform="arcsin")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="level"):
        kaplan_meier([1], [True], level=95)
