"""Regions by rule: spheres against geometry, thresholds against made images, refusals."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import ActivityMap, Grid, Region, Source
from theratrial.quantification.segmentation import (
    adaptive_region,
    fraction_of_maximum_region,
    shell_region,
    threshold_region,
)
from theratrial.quantification.segmentation_sphere import overlaps, shared_volume_mL, sphere_region
from theratrial.trace import Trace

SOURCE = Source("P01", "1.2", "1.3", "NM", (Path("scan.dcm"),), "sha256:00")
GRID = Grid((48, 50, 52), (4.0, 3.0, 3.0), (-70.0, -80.0, 10.0))
MIDDLE = (5.3, -7.1, 101.2)


def scan_of(values: np.ndarray, grid: Grid = GRID) -> ActivityMap:
    when = datetime(2026, 3, 1, 10, tzinfo=UTC)
    return ActivityMap(grid, values.astype(np.float32), when, "Lu-177", SOURCE, Trace("made", "1"), 1.0, "NONE")


def turned(degrees: float) -> np.ndarray:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def whole(grid: Grid = GRID) -> Region:
    return Region("everywhere", grid, (0, 0, 0), np.ones(grid.shape, np.float32), SOURCE, "SEG", 1.0)


def hot_sphere(diameter_mm: float, fwhm_mm: float, background: float) -> tuple[ActivityMap, Region]:
    sphere = sphere_region(GRID, "true", MIDDLE, diameter_mm, SOURCE)
    values = np.full(GRID.shape, background, dtype=np.float32)
    values[sphere.box()] += (1 - background) * sphere.weights
    sigma = [fwhm_mm / 2.3548 / s for s in GRID.spacing_mm]
    return scan_of(1e5 * gaussian_filter(values, sigma, mode="nearest")), sphere


@settings(max_examples=25, deadline=None)
@given(
    st.floats(1.5, 50.0),
    st.tuples(st.floats(1.0, 6.0), st.floats(1.0, 6.0), st.floats(1.0, 6.0)),
    st.tuples(st.floats(-3.0, 3.0), st.floats(-3.0, 3.0), st.floats(-3.0, 3.0)),
    st.floats(0, 90),
)
def test_a_sphere_keeps_volume_and_centre_on_any_grid(diameter, spacing, shift, degrees) -> None:
    shape = tuple(math.ceil(80 / s) for s in spacing)
    direction = turned(degrees)
    grid = Grid(shape, spacing, (10.0, 20.0, 30.0), direction)
    centre = grid.patient_mm((np.array(shape) - 1) / 2.0) + np.array(shift)
    region = sphere_region(grid, "s", tuple(centre), diameter, SOURCE)
    assert region.volume_mL == pytest.approx(math.pi * diameter**3 / 6000, rel=1e-4)
    assert region.inside_fraction == 1.0
    z, y, x = (np.arange(n) + c for n, c in zip(region.weights.shape, region.corner, strict=True))
    total = region.weights.sum(dtype=float)
    index = [
        (region.weights.sum(axis=(1, 2)) * z).sum() / total,
        (region.weights.sum(axis=(0, 2)) * y).sum() / total,
        (region.weights.sum(axis=(0, 1)) * x).sum() / total,
    ]
    # A sphere of about a voxel has its centre where the voxels' centres are.
    allowed = 0.05 if diameter > 6 * max(spacing) else 0.5 * max(spacing)
    assert np.linalg.norm(grid.patient_mm(np.array(index)) - centre) < allowed
    assert region.weights.min() >= 0
    assert region.weights.max() <= 1


def test_shares_of_a_sphere_are_those_of_counting_points() -> None:
    region = sphere_region(GRID, "s", MIDDLE, 21.0, SOURCE)
    n = 24
    offsets = (np.arange(n) + 0.5) / n - 0.5
    worst = 0.0
    for index in np.ndindex(*region.weights.shape):
        z, y, x = (i + c + offsets for i, c in zip(index, region.corner, strict=True))
        points = GRID.patient_mm(np.stack(np.meshgrid(z, y, x, indexing="ij"), axis=-1))
        share = (np.linalg.norm(points - np.array(MIDDLE), axis=-1) <= 10.5).mean()
        worst = max(worst, abs(share - region.weights[index]))
    assert worst < 0.01


def test_a_sphere_that_leaves_the_image_says_how_much_and_one_outside_is_refused() -> None:
    edge = GRID.patient_mm(np.array([-0.5, 25.0, 25.0]))
    half = sphere_region(GRID, "s", tuple(edge), 30.0, SOURCE)
    assert half.inside_fraction == pytest.approx(0.5, abs=1e-3)
    assert half.volume_mL == pytest.approx(half.stated_volume_mL / 2, rel=2e-3)
    with pytest.raises(InputError, match="wholly outside"):
        sphere_region(GRID, "s", (1000.0, 0.0, 0.0), 30.0, SOURCE)
    with pytest.raises(InputError, match="cannot be"):
        sphere_region(GRID, "s", MIDDLE, 0.0, SOURCE)


def test_half_of_the_maximum_finds_a_large_sphere_and_not_a_second_one() -> None:
    scan, sphere = hot_sphere(48.0, 9.0, 0.0)
    other = sphere_region(GRID, "other", (60.0, 50.0, 180.0), 16.0, SOURCE)
    values = scan.activity_Bq_per_mL.copy()
    values[other.box()] += (8e4 * other.weights).astype(np.float32)
    found = fraction_of_maximum_region(scan_of(values), "lesion", 0.5, within=whole())
    assert found.kind == "THRESHOLD"
    # A curved edge lies a little inside of where half of the maximum would put a flat one.
    assert 0.88 < found.volume_mL / sphere.volume_mL < 1.0
    assert shared_volume_mL(found, other) == 0
    both = threshold_region(scan_of(values), "both", 3e4)
    assert shared_volume_mL(both, other) > 1
    seeded = fraction_of_maximum_region(scan_of(values), "other", 0.5, within=whole(), seed_mm=(60.0, 50.0, 180.0))
    assert shared_volume_mL(seeded, sphere) == 0
    assert seeded.volume_mL == pytest.approx(other.volume_mL, rel=0.2)


@given(st.floats(0.15, 0.9), st.floats(0.15, 0.9))
@settings(max_examples=15, deadline=None)
def test_a_higher_threshold_never_gains_a_voxel(one: float, other: float) -> None:
    scan, _ = hot_sphere(30.0, 9.0, 0.1)
    low, high = sorted((one, other))
    larger = fraction_of_maximum_region(scan, "l", low, within=whole())
    smaller = fraction_of_maximum_region(scan, "l", high, within=whole())
    assert shared_volume_mL(larger, smaller) == pytest.approx(smaller.volume_mL, rel=1e-6)


@pytest.mark.parametrize("background", [0.0, 0.1, 0.3])
def test_the_adaptive_threshold_finds_the_edge_whatever_the_background(background: float) -> None:
    scan, sphere = hot_sphere(40.0, 9.0, background)
    found = adaptive_region(scan, "lesion", within=whole())
    assert found.region.volume_mL == pytest.approx(sphere.volume_mL, rel=0.08)
    assert found.background_mean == pytest.approx(1e5 * background, abs=4e3)
    assert found.threshold == pytest.approx((found.source_mean + found.background_mean) / 2, rel=1e-3)
    if background == 0.3:
        fixed = fraction_of_maximum_region(scan, "lesion", 0.41, within=whole())
        assert abs(fixed.volume_mL / sphere.volume_mL - 1) > abs(found.region.volume_mL / sphere.volume_mL - 1)


def test_a_small_sphere_is_drawn_too_large_by_any_threshold() -> None:
    """What the method page warns of: at 9 mm a 10 mm sphere's outline is that of the resolution."""
    scan, sphere = hot_sphere(10.0, 9.0, 0.0)
    assert fraction_of_maximum_region(scan, "l", 0.41, within=whole()).volume_mL > 1.5 * sphere.volume_mL


def test_thresholds_that_cannot_be_are_refused() -> None:
    scan, _ = hot_sphere(30.0, 9.0, 0.0)
    with pytest.raises(InputError, match="no voxel reaches"):
        threshold_region(scan, "l", 1e9)
    with pytest.raises(InputError, match="must be positive"):
        threshold_region(scan, "l", -1.0)
    with pytest.raises(InputError, match="between 0 and 1"):
        fraction_of_maximum_region(scan, "l", 41, within=whole())
    with pytest.raises(InputError, match="below the threshold"):
        fraction_of_maximum_region(scan, "l", 0.5, within=whole(), seed_mm=(60.0, 50.0, 180.0))
    with pytest.raises(InputError, match="outside the image"):
        fraction_of_maximum_region(scan, "l", 0.5, within=whole(), seed_mm=(900.0, 50.0, 180.0))
    elsewhere = Grid(GRID.shape, GRID.spacing_mm, (0.0, 0.0, 0.0))
    with pytest.raises(InputError, match="another grid"):
        threshold_region(scan, "l", 1e4, within=whole(elsewhere))
    with pytest.raises(InputError, match="highest value"):
        fraction_of_maximum_region(scan_of(np.zeros(GRID.shape)), "l", 0.5, within=whole())
    with pytest.raises((InputError, NumericalError), match=r"region l"):
        adaptive_region(scan_of(np.ones(GRID.shape)), "l", within=whole())


def test_a_shell_lies_between_its_distances_and_spares_others() -> None:
    sphere = sphere_region(GRID, "s", MIDDLE, 24.0, SOURCE)
    near = sphere_region(GRID, "near", (MIDDLE[0] + 25, MIDDLE[1], MIDDLE[2]), 12.0, SOURCE)
    ring = shell_region(sphere, 6.0, 15.0, without=(near,))
    assert ring.kind == "SHELL"
    index = np.argwhere(ring.weights > 0) + np.array(ring.corner)
    distance = np.linalg.norm(GRID.patient_mm(index.astype(float)) - np.array(MIDDLE), axis=1)
    assert distance.min() > 12 + 6 - 4
    assert distance.max() < 12 + 15 + 4
    assert shared_volume_mL(ring, near) == 0
    with pytest.raises(InputError, match="inner < outer"):
        shell_region(sphere, 10.0, 5.0)


def test_overlap_of_two_spheres_is_the_lens_of_geometry(validation) -> None:
    one = sphere_region(GRID, "one", MIDDLE, 40.0, SOURCE)
    other = sphere_region(GRID, "other", (MIDDLE[0] + 15, MIDDLE[1], MIDDLE[2]), 40.0, SOURCE)
    r, d = 20.0, 15.0
    lens = math.pi * (4 * r + d) * (2 * r - d) ** 2 / 12 / 1000
    (found,) = overlaps([one, other])
    validation(
        "shared volume of two spheres of 40 mm, 15 mm apart",
        expected=lens,
        got=found.shared_mL,
        unit="mL",
        source="volume of a lens of two equal spheres (Polyanin and Manzhirov 2007)",
        relative=0.02,
    )
    assert found.share_of_smaller == pytest.approx(found.shared_mL / one.volume_mL)
    far = sphere_region(GRID, "far", (MIDDLE[0] - 60, MIDDLE[1], MIDDLE[2]), 10.0, SOURCE)
    assert overlaps([one, far]) == ()
    assert overlaps([one, other], tolerated_fraction=0.9) == ()
