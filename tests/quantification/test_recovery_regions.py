"""Regions recovered together, against images whose activity is known because the test painted it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from theratrial.errors import InputError
from theratrial.imaging.values import ActivityMap, Grid, Region, Source
from theratrial.quantification.recovery import RecoveryPoint
from theratrial.quantification.recovery_matrix import sphere_recovery
from theratrial.quantification.recovery_regions import Resolution, recovered_regions, resolution_of_spheres
from theratrial.trace import Trace

GRID = Grid((56, 60, 64), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0))
SOURCE = Source("P01", "1.2", "1.2.3", "NM", (), "sha256:00")
NINE = Resolution(9.0, 0.05, 5)


def ball(name: str, centre: tuple[float, float, float], radius_mm: float) -> Region:
    fine = 4
    axes = [(np.arange(n * fine) + 0.5) / fine - 0.5 for n in GRID.shape]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    inside = ((z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2) * 16.0 <= radius_mm**2
    nz, ny, nx = GRID.shape
    weights = inside.reshape(nz, fine, ny, fine, nx, fine).mean(axis=(1, 3, 5), dtype=np.float32)
    return Region(name, GRID, (0, 0, 0), weights, SOURCE, "SPHERE", float(weights.sum()) * GRID.voxel_volume_mL)


def image(parts: dict[str, tuple[Region, float]], body: Region, background: float) -> ActivityMap:
    true = body.weights * np.float32(background)
    for region, value in parts.values():
        true = true + region.weights * np.float32(value - background)
    seen = gaussian_filter(true, 9.0 / 4.0 / 2.354820045, truncate=6)
    return ActivityMap(
        GRID, seen, datetime(2022, 3, 5, tzinfo=UTC), "Lu-177", SOURCE, Trace("test", "1"), 1.0, "NONE", 0.03
    )


BODY = ball("body", (28, 30, 32), 105.0)
KIDNEY = ball("kidney", (28, 24, 22), 32.0)
NEIGHBOUR = ball("spleen", (28, 24, 42), 28.0)
LESION = ball("lesion_1", (28, 42, 32), 11.0)
PARTS = {"kidney": (KIDNEY, 9000.0), "spleen": (NEIGHBOUR, 4000.0), "lesion_1": (LESION, 15000.0)}


def test_regions_in_a_warm_body_get_back_the_activity_that_was_painted():
    seen = image(PARTS, BODY, 1000.0)
    found, lost = recovered_regions(seen, [LESION, KIDNEY, NEIGHBOUR], NINE)
    assert not lost
    for one in found:
        region, concentration = PARTS[one.region.name]
        true_MBq = concentration * region.volume_mL * 1e-6
        assert one.measured_MBq < 0.92 * true_MBq
        assert one.activity_MBq == pytest.approx(true_MBq, rel=0.015)
        assert 0 < one.relative_sd < 0.1


def test_own_recovery_of_a_sphere_is_that_of_the_closed_form():
    found, _ = recovered_regions(image(PARTS, BODY, 1000.0), [LESION, KIDNEY, NEIGHBOUR], NINE)
    lesion = found[0]
    assert lesion.own_recovery == pytest.approx(sphere_recovery(LESION.volume_mL, 9.0), rel=0.06)  # voxels of 4 mm


def test_a_region_whose_neighbours_explain_more_than_it_shows_is_left_out_with_the_reason_and_the_rest_stays():
    cold = ball("cold", (28, 24, 33), 9.0)
    parts = PARTS | {"cold": (cold, 0.0)}
    found, lost = recovered_regions(
        image(parts, BODY, 5.0), [cold, LESION, KIDNEY, NEIGHBOUR], Resolution(14.0, 0.05, 5)
    )
    assert [one.region.name for one in found] == ["lesion_1", "kidney", "spleen"]
    assert lost[0][0] == "cold"
    assert "recovered" in lost[0][1]


def test_of_two_overlapping_regions_the_first_keeps_the_voxels_and_one_inside_it_is_lost():
    inner = ball("inner", (28, 24, 22), 15.0)
    found, lost = recovered_regions(image(PARTS, BODY, 1000.0), [KIDNEY, inner], NINE)
    assert [one.region.name for one in found] == ["kidney"]
    assert lost == (("inner", "every voxel of it lies in other regions"),)


def test_resolution_comes_back_from_spheres_measured_with_it_and_says_how_well():
    points = [RecoveryPoint(v, sphere_recovery(v, 12.0), 0.02) for v in (1.0, 5.0, 26.5, 113.0)]
    found = resolution_of_spheres(points)
    assert found.fwhm_mm == pytest.approx(12.0, rel=1e-3)
    noisy = [replace(p, recovery=p.recovery * f) for p, f in zip(points, (1.2, 0.8, 1.1, 0.9), strict=True)]
    assert resolution_of_spheres(noisy).relative_sd > 2 * found.relative_sd


def test_no_sphere_gives_no_resolution():
    with pytest.raises(InputError, match=r"recoveries\.csv"):
        resolution_of_spheres([])


def test_an_error_of_an_outline_goes_into_every_region_that_its_counts_spill_to():
    seen = image(PARTS, BODY, 1000.0)
    regions = [LESION, KIDNEY, NEIGHBOUR]
    found, _ = recovered_regions(seen, regions, NINE)
    for one in found:
        # All outlines and the rest read 1 % high: so does every activity, the weights sum to 1.
        assert sum(one.weights.values()) == pytest.approx(1.0, rel=1e-9)
        assert one.weights[one.region.name] > 1
        assert one.weights[""] < 0
    lesion = found[0]
    assert lesion.weights["lesion_1"] - 1 > found[1].weights["kidney"] - 1


def test_a_region_below_the_smallest_sphere_is_refused_and_its_neighbours_stay():
    coarse = Resolution(9.0, 0.05, 3, smallest_mL=20.0)
    found, lost = recovered_regions(image(PARTS, BODY, 1000.0), [LESION, KIDNEY, NEIGHBOUR], coarse)
    fine, _ = recovered_regions(image(PARTS, BODY, 1000.0), [LESION, KIDNEY, NEIGHBOUR], NINE)
    assert [one.region.name for one in found] == ["kidney", "spleen"]
    assert lost[0][0] == "lesion_1"
    assert "20 mL" in lost[0][1]
    assert found[0].activity_MBq == fine[1].activity_MBq
