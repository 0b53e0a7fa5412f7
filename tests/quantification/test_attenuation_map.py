"""Attenuation from Hounsfield units, and the body as both heads see it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planar_slab import BODY_MM, GRID, MU, PLACEMENT, SOURCE, STEP, organ, water_body

from theratrial.errors import InputError
from theratrial.imaging.values import Grid, Region, Volume
from theratrial.quantification.attenuation import (
    StatedAttenuation,
    body_mask,
    check_beam,
    mu_map,
    mu_of_hounsfield_per_mm,
    water_per_mm,
)
from theratrial.quantification.attenuation_projection import Collimator, projected_body
from theratrial.quantification.conjugate_view import self_attenuation_factor


@settings(deadline=None)
@given(st.floats(-1000, 2500), st.floats(-1000, 2500))
def test_denser_voxels_attenuate_more_and_air_not_at_all(one: float, other: float) -> None:
    low, high = sorted((one, other))
    found = mu_of_hounsfield_per_mm(np.array([-1000.0, low, high]), 208.4)
    assert 0 == found[0] <= found[1] <= found[2]


def test_lung_attenuates_by_its_density() -> None:
    assert float(mu_of_hounsfield_per_mm(-700.0, 208.4)) == pytest.approx(0.3 * water_per_mm(208.4), rel=1e-6)


def _ct(values: np.ndarray, unit: str = "HU", grid: Grid | None = None) -> Volume:
    return Volume(grid or Grid(values.shape, (5, 4, 4), (0, 0, 0)), values.astype(np.float32), unit, None, SOURCE)


def test_the_table_under_the_patient_is_taken_out_and_lungs_are_kept() -> None:
    values = np.full((6, 40, 40), -1000.0)
    values[:, 8:28, 6:34] = 30.0
    values[:, 12:20, 10:18] = -750.0
    values[:, 34:36, :] = 200.0
    made = mu_map(_ct(values), 208.4)
    assert not made.body[:, 32:].any()
    assert float(made.per_mm[:, 32:].max()) == 0.0
    assert made.body[:, 14, 14].all()
    assert float(made.per_mm[0, 14, 14]) == pytest.approx(0.25 * water_per_mm(208.4), rel=1e-5)
    assert int(made.body.sum()) == 6 * 20 * 28


def test_a_ct_not_in_hounsfield_units_turned_or_empty_is_refused() -> None:
    values = np.zeros((4, 10, 10))
    with pytest.raises(InputError, match="HU"):
        mu_map(_ct(values, "counts"), 208.4)
    turned = Grid((4, 10, 10), (5, 4, 4), (0, 0, 0), np.diag([-1.0, -1.0, 1.0]))
    with pytest.raises(InputError, match="turned"):
        mu_map(_ct(values, grid=turned), 208.4)
    with pytest.raises(InputError, match="no body"):
        body_mask(np.full((4, 10, 10), -1000.0, dtype=np.float32))
    with pytest.raises(InputError, match="keV"):
        mu_map(_ct(values), 20.0)


@settings(deadline=None, max_examples=20)
@given(st.integers(5, 40), st.integers(1, 14))
def test_a_slab_at_any_depth_has_the_transmission_of_mird_16(first: int, voxels: int) -> None:
    slab = organ("slab", (20, 40), (first, first + voxels), (20, 40))
    part = projected_body(water_body(), [slab], PLACEMENT, None).regions[0]
    expected = math.exp(-MU * BODY_MM / 2) / self_attenuation_factor(MU, voxels * STEP)
    assert part.transmission_factor == pytest.approx(expected, rel=1e-5)


def test_transmission_is_averaged_and_not_its_exponent() -> None:
    # Half of the organ lies under 200 mm of water, half under 100 mm: the mean of exp, not exp of the mean.
    mu = water_body()
    per_mm = mu.per_mm.copy()
    per_mm[:, 30:, 30:] = 0
    thin = organ("thin", (20, 40), (29, 30), (20, 40))
    part = projected_body(replace(mu, per_mm=per_mm), [thin], PLACEMENT, None).regions[0]
    front = math.exp(-MU * 98)
    back = (math.exp(-MU * 102) + math.exp(-MU * 2)) / 2
    assert part.transmission_factor == pytest.approx(math.sqrt(front * back), rel=1e-3)
    assert part.transmission_factor > 1.1 * math.exp(-MU * (200 + 100) / 2 / 2)


def test_projections_keep_volume_and_blur_keeps_counts() -> None:
    box = organ("box", (24, 34), (20, 30), (25, 33))
    other = replace(PLACEMENT, shape=(100, 90), spacing_mm=(2.7, 3.1), top_mm=130.3, right_mm=-135.7)
    sharp = projected_body(water_body(), [box], other, None)
    blurred = projected_body(water_body(), [box], other, Collimator(3.9, 3.0, 0.07, 40.0))
    for body in (sharp, blurred):
        part = body.regions[0]
        assert part.volume_mL == pytest.approx(box.volume_mL, rel=1e-6)
        assert float(part.thickness_mm.sum()) * 2.7 * 3.1 / 1000 == pytest.approx(box.volume_mL, rel=1e-5)
    for head in ("anterior_mm", "posterior_mm"):
        one, two = (float(getattr(b.regions[0], head).sum(dtype=float)) for b in (sharp, blurred))
        assert two == pytest.approx(one, rel=1e-4)
    assert float(blurred.regions[0].anterior_mm.max()) < float(sharp.regions[0].anterior_mm.max())


def test_regions_and_the_rest_make_the_whole_body() -> None:
    boxes = [organ("a", (10, 20), (10, 20), (10, 20)), organ("b", (15, 25), (15, 30), (15, 30))]
    body = projected_body(water_body(), boxes, PLACEMENT, None)
    total = sum(part.thickness_mm for part in (*body.regions, body.rest))
    assert np.allclose(total, body.body_thickness_mm, atol=1e-3)
    assert dict(body.doubly_claimed)["a"] == pytest.approx(0.5 * 125 / 1000, rel=1e-4)


def test_a_region_outside_the_view_on_another_grid_or_named_twice_is_refused() -> None:
    box = organ("box", (24, 34), (20, 30), (25, 33))
    with pytest.raises(InputError, match="'box': 50%"):
        projected_body(water_body(), [box], replace(PLACEMENT, shape=(31, 60)), None)
    elsewhere = Grid(GRID.shape, GRID.spacing_mm, (0.0, 0.0, 0.0))
    with pytest.raises(InputError, match="another grid"):
        projected_body(water_body(), [replace(box, grid=elsewhere)], PLACEMENT, None)
    with pytest.raises(InputError, match="same name"):
        projected_body(water_body(), [box, box], PLACEMENT, None)


def test_beam_and_scatter_correction_must_go_together() -> None:
    with pytest.raises(InputError, match="overstates"):
        check_beam("narrow", scatter_taken_off=False)
    with pytest.raises(InputError, match="twice"):
        check_beam("effective", scatter_taken_off=True)


def test_stated_thickness_carries_its_deviation_into_the_activity() -> None:
    stated = StatedAttenuation(200.0, 0.012, "effective", 10.0, 0.05, "given:caliper")
    assert stated.relative_sd == pytest.approx(1.2 * math.hypot(0.05, 0.05))
    with pytest.raises(InputError, match="units"):
        StatedAttenuation(20.0, 0.12, "effective", 1.0, 0.05, "given:cm")


def test_a_lung_without_a_wall_is_body_because_it_is_drawn_and_a_region_in_the_air_is_refused() -> None:
    values = np.full((6, 40, 40), -1000.0)
    values[:, 8:28, 6:34] = 30.0
    values[:, 8:14, 24:34] = -950.0  # emphysema that reaches the skin: no wall, hardly denser than air
    ct = _ct(values)

    def drawn(rows: slice) -> Region:
        weights = np.ones((6, rows.stop - rows.start, 10), dtype=np.float32)
        return Region("lung", ct.grid, (0, rows.start, 24), weights, SOURCE, "RTSTRUCT", 1.0)

    assert not mu_map(ct, 208.4).body[:, 10, 28].any()
    made = mu_map(ct, 208.4, regions=[drawn(slice(6, 28))])
    assert made.body[:, 10, 28].all()
    assert float(made.per_mm[0, 10, 28]) == pytest.approx(0.05 * water_per_mm(208.4), rel=1e-4)
    with pytest.raises(InputError, match="'lung'"):
        mu_map(ct, 208.4, regions=[drawn(slice(1, 12))])
