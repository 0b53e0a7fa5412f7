"""Whole-body counts, their normalisation to what was administered, and their effective half-life."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planar_slab import BODY_MM, MU, NOON, SENSITIVITY, STEP, camera, pair_of, slab_rate

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import PlanarPair
from theratrial.nuclides import nuclide
from theratrial.quantification.attenuation import StatedAttenuation
from theratrial.quantification.values import MeasuredActivity
from theratrial.quantification.whole_body import (
    whole_body_activity,
    whole_body_counts,
    whole_body_half_life,
    whole_body_shares,
)

LU = nuclide("Lu-177")


def _slab(concentration: float, room_counts_per_pixel: float = 0.0) -> PlanarPair:
    """A slab of 30 x 40 pixels in the middle of the view, and the same rate of the room in every pixel."""
    per_mm = SENSITIVITY.cps_per_MBq * 100.0 * STEP * STEP / 1000
    view = np.full((60, 60), room_counts_per_pixel, dtype=np.float32)
    view[15:45, 10:50] += np.float32(concentration * slab_rate(0, BODY_MM) * per_mm)
    return pair_of(view, view.copy())


@settings(deadline=None)
@given(st.floats(0.01, 1.0), st.floats(0.0, 50.0))
def test_the_rate_of_the_room_is_read_at_the_edges_and_taken_off(concentration: float, room: float) -> None:
    clean = whole_body_counts(_slab(concentration), camera())
    found = whole_body_counts(_slab(concentration, room), camera())
    assert found.geometric_mean == pytest.approx(clean.geometric_mean, rel=1e-4)
    assert found.relative_sd >= clean.relative_sd


def test_a_uniform_slab_holds_what_its_counts_say() -> None:
    stated = StatedAttenuation(BODY_MM, MU, "effective", 10.0, 0.05, "given:caliper")
    found = whole_body_activity(whole_body_counts(_slab(0.05), camera()), camera(), stated)
    assert found.activity_MBq == pytest.approx(0.05 * 30 * 40 * STEP * STEP * BODY_MM / 1000, rel=1e-5)
    assert {p.name for p in found.parts} == {"counts", "attenuation", "calibration"}
    with pytest.raises(NumericalError, match="can be there"):
        whole_body_activity(whole_body_counts(_slab(0.05), camera()), camera(), stated, most_MBq=10.0)


def test_no_counts_above_the_room_are_no_activity() -> None:
    view = np.full((60, 60), 10.0, dtype=np.float32)
    view[:, 20:40] = 9.0
    with pytest.raises(NumericalError, match="undetermined"):
        whole_body_counts(pair_of(view, view), camera())
    with pytest.raises(InputError, match="leave no body"):
        whole_body_counts(pair_of(view, view), camera(), edge_mm=100.0)
    with pytest.raises(InputError, match="both views"):
        whole_body_counts(pair_of(view, None), camera())


def _shares(half_life_h: float, hours: tuple[float, ...], **changes: object) -> tuple[MeasuredActivity, ...]:
    scans = [
        whole_body_counts(
            replace(_slab(0.05 * math.exp2(-h / half_life_h)), acquired_at=NOON + timedelta(hours=h)), camera()
        )
        for h in hours
    ]
    arguments = {
        "administered_MBq": 1000.0,
        "administered_relative_sd": 0.02,
        "administered_at": NOON,
        "nuclide": LU,
        "first_before_voiding": True,
        "source": "record:made",
    } | changes
    return whole_body_shares(scans, **arguments)  # type: ignore[arg-type]


def test_the_first_scan_holds_all_and_later_ones_their_share() -> None:
    first, last = _shares(100.0, (1.0, 101.0))
    assert first.activity_MBq == pytest.approx(1000 * LU.fraction_left(1.0))
    assert last.activity_MBq == pytest.approx(first.activity_MBq / 2, rel=1e-5)
    assert first.uncorrelated_relative_sd == 0.0
    assert last.common_relative_sd == first.common_relative_sd == 0.02
    assert last.uncorrelated_relative_sd > 0


def test_a_first_scan_after_voiding_or_before_the_injection_is_refused() -> None:
    with pytest.raises(InputError, match="voided"):
        _shares(100.0, (1.0, 24.0), first_before_voiding=False)
    with pytest.raises(InputError, match="before the administration"):
        _shares(100.0, (1.0, 24.0), administered_at=NOON + timedelta(hours=2))
    with pytest.raises(InputError, match="I-131"):
        _shares(100.0, (1.0, 24.0), nuclide=nuclide("I-131"))


@settings(deadline=None, max_examples=20)
@given(st.floats(20.0, 150.0))
def test_a_single_exponential_gives_its_half_life_whatever_the_order(half_life_h: float) -> None:
    points = _shares(half_life_h, (1.0, 24.0, 48.0, 120.0))
    found = whole_body_half_life(points, LU)
    again = whole_body_half_life(points[::-1], LU)
    assert found.hours == pytest.approx(half_life_h, rel=1e-3)
    assert again.hours == pytest.approx(found.hours, rel=1e-12)
    assert not found.slower_than_decay


def test_a_body_that_keeps_more_than_decay_allows_is_told_and_a_rising_one_refused() -> None:
    assert whole_body_half_life(_shares(200.0, (1.0, 24.0)), LU).slower_than_decay
    with pytest.raises(NumericalError, match="does not fall"):
        whole_body_half_life(_shares(-100.0, (1.0, 24.0)), LU)
    with pytest.raises(InputError, match="two times"):
        whole_body_half_life(_shares(100.0, (1.0,)), LU)
