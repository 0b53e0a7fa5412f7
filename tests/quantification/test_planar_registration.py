"""Planar views laid on each other and on a CT: a known move is found again, what does not fit is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from planar_slab import NOON, PLACEMENT, STEP, organ, pair_of, water_body
from scipy.ndimage import gaussian_filter, rotate, shift

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import FloatArray, PlanarPair
from theratrial.quantification.attenuation_projection import Collimator, projected_body
from theratrial.quantification.planar_registration import placed_again, registered_to_ct
from theratrial.quantification.planar_registration_views import overlay, registered_views

ORGANS = [
    organ("liver", (22, 38), (12, 34), (8, 30)),
    organ("heart", (40, 50), (10, 26), (30, 44)),
    organ("kidney", (14, 24), (36, 46), (38, 46)),
]
UPTAKE = {"liver": 0.08, "heart": 0.05, "kidney": 0.06}
COLLIMATOR = Collimator(3.9, 3.0, 0.07, 40.0)


def _views(down_px: float, right_px: float, *, shape: tuple[int, int] = (110, 80)) -> list[FloatArray]:
    """Counts of the body on a larger view, moved by a fraction of pixels."""
    body = projected_body(water_body(), ORGANS, PLACEMENT, COLLIMATOR)
    views = []
    for head in ("anterior_mm", "posterior_mm"):
        seen = sum(UPTAKE[p.name] * getattr(p, head).astype(float) for p in body.regions)
        seen = seen + 0.004 * getattr(body.rest, head)
        canvas = np.zeros(shape)
        canvas[30:90, 10:70] = seen
        views.append(shift(canvas, (down_px, right_px), order=1) * 300)
    rng = np.random.default_rng(5)
    return [rng.poisson(np.maximum(v, 0)).astype(np.float32) for v in views]


@pytest.mark.parametrize(("down", "right"), [(0.0, 0.0), (7.4, -3.3), (-12.0, 4.6)])
def test_a_view_is_laid_on_the_ct_within_a_fraction_of_a_pixel_whatever_the_uptake(down: float, right: float) -> None:
    front, back = _views(down, right)
    found = registered_to_ct(front, back, (STEP, STEP), water_body(), ORGANS, COLLIMATOR)
    # Row 0 of the body's own pixels is row 30 + down of the view, its column 0 is column 10 + right.
    assert found.placement.top_mm == pytest.approx(PLACEMENT.top_mm + (30 + down) * STEP, abs=1.0)
    assert found.placement.right_mm == pytest.approx(PLACEMENT.right_mm - (10 + right) * STEP, abs=1.0)
    assert found.correlation > 0.98
    assert 0 < found.placement.sd_mm < 3
    assert max(found.heads_apart_mm) < 2


def test_a_view_that_shows_something_else_is_refused() -> None:
    rng = np.random.default_rng(1)
    noise = [rng.poisson(50, (110, 80)).astype(np.float32) for _ in range(2)]
    with pytest.raises(NumericalError, match=r"at least 0\.85"):
        registered_to_ct(noise[0], noise[1], (STEP, STEP), water_body(), ORGANS, COLLIMATOR)


def test_heads_that_do_not_belong_together_are_refused() -> None:
    front, _ = _views(0, 0)
    _, back = _views(0, 9.0)
    with pytest.raises(NumericalError, match="apart"):
        registered_to_ct(front, back, (STEP, STEP), water_body(), ORGANS, COLLIMATOR)


def _pair(down: float, right: float, degrees: float, factor: float = 1.0, seed: int = 2) -> PlanarPair:
    rng = np.random.default_rng(seed)
    views = []
    for plane in _views(0, 0):
        turned = rotate(gaussian_filter(plane, 1.0), -degrees, reshape=False, order=1)
        moved = shift(turned, (down, right), order=1)
        views.append(rng.poisson(np.maximum(moved * factor, 0)).astype(np.float32))
    return pair_of(views[0], views[1])


def test_two_scans_are_registered_and_the_move_is_found_again() -> None:
    first, second = _pair(0, 0, 0), _pair(5.0, -2.5, 0.0, 0.6, seed=3)
    found = registered_views(first, second, photopeak=0)
    assert found.down_mm == pytest.approx(5.0 * STEP, abs=1.0)
    assert found.right_mm == pytest.approx(-2.5 * STEP, abs=1.0)
    assert abs(found.rotation_deg) < 0.5
    assert found.correlation_after > 0.98 > found.correlation_before
    assert found.residual_mm < 2
    again = placed_again(PLACEMENT, down_mm=found.down_mm, right_mm=found.right_mm, sd_mm=found.sd_mm)
    assert again.top_mm == pytest.approx(PLACEMENT.top_mm + 20, abs=1.0)
    assert again.right_mm == pytest.approx(PLACEMENT.right_mm + 10, abs=1.0)
    assert again.sd_mm >= 0.5


def test_a_small_turn_is_found_with_its_sign() -> None:
    found = registered_views(_pair(0, 0, 0), _pair(0, 0, 3.0, seed=3), photopeak=0)
    assert found.rotation_deg == pytest.approx(3.0, abs=0.5)


def test_the_overlay_undoes_decay_and_move_so_that_little_differs() -> None:
    first = _pair(0, 0, 0)
    second = replace(_pair(5.0, -2.5, 0.0, 0.5, seed=3), acquired_at=NOON + timedelta(hours=159.528))
    found = registered_views(first, second, photopeak=0)
    shown = overlay(first, second, found, photopeak=0, half_life_h=159.528, first_dwell_s=100.0, second_dwell_s=100.0)
    assert float(shown.moved.sum()) == pytest.approx(float(shown.fixed.sum()), rel=0.03)
    moved, before = (float(np.abs(gaussian_filter(v - shown.fixed, 2)).sum()) for v in (shown.moved, shown.before))
    assert moved < 0.3 * before
    assert np.array_equal(shown.difference, shown.moved - shown.fixed)


def test_scans_that_do_not_match_are_refused() -> None:
    first = _pair(0, 0, 0)
    rng = np.random.default_rng(1)
    noise = [rng.poisson(50, (110, 80)).astype(np.float32) for _ in range(2)]
    with pytest.raises(NumericalError, match=r"at least 0\.9"):
        registered_views(first, pair_of(noise[0], noise[1]), photopeak=0)
    with pytest.raises(InputError, match="matrix"):
        registered_views(first, pair_of(noise[0][:50], noise[1][:50]), photopeak=0)
    with pytest.raises(InputError, match="both views"):
        registered_views(first, pair_of(noise[0], None), photopeak=0)
