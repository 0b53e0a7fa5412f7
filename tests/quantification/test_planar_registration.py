"""Planar views laid on each other and on a CT: a known move is found again, what does not fit is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from planar_slab import NOON, PLACEMENT, SENSITIVITY, SOURCE, STEP, WINDOW, camera, organ, pair_of, water_body
from scipy.ndimage import gaussian_filter, rotate, shift

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import EnergyWindow, FloatArray, PlanarPair, Volume
from theratrial.quantification.attenuation_projection import Collimator, inside_fraction, projected_body
from theratrial.quantification.conjugate_view_scan import planar_scan
from theratrial.quantification.planar_registration import placed_again, registered_to_ct
from theratrial.quantification.planar_registration_views import overlay, registered_views
from theratrial.quantification.scatter import TRIPLE_WINDOW

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


def test_the_share_of_a_region_inside_the_view_is_what_a_cut_leaves() -> None:
    box = organ("box", (24, 34), (20, 30), (25, 33))
    assert inside_fraction(water_body(), box, PLACEMENT) == pytest.approx(1.0)
    assert inside_fraction(water_body(), box, replace(PLACEMENT, shape=(31, 60))) == pytest.approx(0.5)
    assert inside_fraction(water_body(), replace(box, inside_fraction=0.5), PLACEMENT) == pytest.approx(0.5)


def test_a_whole_scan_is_measured_in_one_call_and_a_region_that_leaves_the_ct_is_named() -> None:
    front, back = _views(0, 0)
    mu = water_body()
    # Scatter windows without counts: the slab scatters nothing.
    windows = (WINDOW, EnergyWindow("low", 166.4, 187.2), EnergyWindow("high", 228.8, 249.6))
    stacks = [np.stack([v, np.zeros_like(v), np.zeros_like(v)]) for v in (front, back)]
    pair = replace(pair_of(front, back), anterior=stacks[0], posterior=stacks[1], windows=windows)
    ct = Volume(mu.grid, np.where(mu.body, np.float32(0), np.float32(-1000)), "HU", None, SOURCE)
    cut = replace(organ("cut", (0, 6), (12, 20), (8, 20)), inside_fraction=0.6)
    scan = planar_scan(pair, ct, [*ORGANS, cut], camera(TRIPLE_WINDOW), COLLIMATOR, energy_keV=208.4)
    assert dict(scan.result.undetermined)["cut"].startswith("region 'cut': 60%")
    per = SENSITIVITY.cps_per_MBq * 100.0 * STEP * STEP / 1000
    for name, box in ((o.name, o) for o in ORGANS):
        found = scan.result.activity(name)
        assert found is not None
        sd = math.hypot(found.uncorrelated_relative_sd, found.common_relative_sd)
        expected = UPTAKE[name] * 300 / per * box.volume_mL
        assert abs(found.activity_MBq / expected - 1) < 1.96 * sd
        assert found.trace.inputs[f"region.{name}"].endswith(f"#{name}")
