"""SUVpeak against objects whose mean in a 1 mL sphere is known by calculus."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import erf

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import Grid, Region, Source
from theratrial.response import PEAK_RADIUS_mm, suv_max, suv_mean, suv_peak
from theratrial.response.sphere import sphere_weights

SOURCE = Source("P01", "1.2", "1.3", "PT", (), "sha256:0")


def grid_of(spacing, half_mm=30.0):
    counts = [2 * math.ceil(half_mm / d) + 1 for d in spacing]
    origin = [-(n // 2) * d for n, d in zip(counts, spacing, strict=True)]
    return Grid(tuple(counts), spacing, tuple(reversed(origin)))


def axes(grid):
    return [(np.arange(n) - n // 2) * d for n, d in zip(grid.shape, grid.spacing_mm, strict=True)]


def ball(grid, centre, radius, points=5):
    """Share of each voxel inside a ball, counted on points."""
    shares = np.zeros(grid.shape)
    steps = (np.arange(points) + 0.5) / points - 0.5
    for dz in steps:
        for dy in steps:
            for dx in steps:
                z, y, x = (
                    (a + s * d - c) ** 2
                    for a, s, d, c in zip(axes(grid), (dz, dy, dx), grid.spacing_mm, centre, strict=True)
                )
                shares += z[:, None, None] + y[None, :, None] + x[None, None, :] <= radius**2
    return (shares / points**3).astype(np.float32)


def region(grid, weights):
    return Region("lesion", grid, (0, 0, 0), weights.astype(np.float32), SOURCE, "SEG", 1.0)


def gaussian(grid, centre, sigma, height, floor):
    """Exact voxel averages of a Gaussian blob."""
    parts = []
    for places, d, c in zip(axes(grid), grid.spacing_mm, centre, strict=True):
        edge = [erf((places + sign * d / 2 - c) / (sigma * math.sqrt(2))) for sign in (1, -1)]
        parts.append(math.sqrt(math.pi / 2) * sigma * (edge[0] - edge[1]) / d)
    z, y, x = parts
    return (floor + height * z[:, None, None] * y[None, :, None] * x[None, None, :]).astype(np.float32)


def gaussian_sphere_mean(sigma, height, floor):
    """Mean of the blob over a 1 mL sphere at its centre, by quadrature."""
    r = PEAK_RADIUS_mm
    integral, _ = quad(lambda s: s * s * math.exp(-s * s / (2 * sigma**2)), 0, r)
    return floor + height * 3 / r**3 * integral


def test_the_sphere_has_one_millilitre():
    assert 4 / 3 * math.pi * PEAK_RADIUS_mm**3 == pytest.approx(1000.0, rel=1e-12)


@pytest.mark.parametrize("spacing", [(2.0, 2.0, 2.0), (3.0, 2.5, 2.5), (5.0, 4.07, 4.07), (5.0, 5.0, 5.0)])
def test_the_weights_hold_the_volume_of_the_sphere(spacing):
    weights = sphere_weights(spacing)
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    middle = weights[tuple(n // 2 for n in weights.shape)]
    # The middle voxel lies wholly inside: its share of the sphere is its volume in mL.
    assert middle == pytest.approx(math.prod(spacing) / 1000, rel=0.01)


@pytest.mark.parametrize(
    "spacing", [(2.0, 2.0, 2.0), (3.0, 3.0, 3.0), (4.0, 4.0, 4.0), (5.0, 5.0, 5.0), (5.0, 2.0, 2.0)]
)
@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.3, -0.2, 0.45)])
def test_a_uniform_ball_of_20_mm_gives_its_uptake(spacing, shift):
    """At 5 mm the sphere touches voxels that the surface of the ball cuts: up to 2.3 % low."""
    grid = grid_of(spacing)
    centre = [s * d for s, d in zip(shift, spacing, strict=True)]
    share = ball(grid, centre, 10.0)
    image = (1.0 + 9.0 * share).astype(np.float32)
    assert suv_peak(image, region(grid, share)).suv_g_per_mL == pytest.approx(
        10.0, rel=0.025 if max(spacing) >= 5 else 0.005
    )


@pytest.mark.parametrize(("spacing", "tolerance"), [(2.0, 0.01), (3.0, 0.02), (4.0, 0.03), (5.0, 0.04)])
def test_a_gaussian_blob_gives_the_mean_of_its_hottest_millilitre(spacing, tolerance):
    """Tolerance: the voxels themselves average the blob, which takes d^2/8 sigma^2 and more from its top."""
    grid = grid_of((spacing,) * 3)
    centre = (0.3 * spacing, -0.45 * spacing, 0.2 * spacing)
    found = suv_peak(gaussian(grid, centre, 12.0, 8.0, 1.0), region(grid, ball(grid, centre, 12.0, points=1)))
    expected = gaussian_sphere_mean(12.0, 8.0, 1.0)
    assert found.suv_g_per_mL == pytest.approx(expected, rel=tolerance)
    assert found.suv_g_per_mL < expected * 1.001
    assert math.dist(reversed(found.centre_mm), centre) < spacing / 2


def test_one_hot_voxel_counts_by_its_share_of_the_sphere():
    grid = grid_of((4.0, 4.0, 4.0))
    image = np.zeros(grid.shape, np.float32)
    image[tuple(n // 2 for n in grid.shape)] = 100.0
    found = suv_peak(image, region(grid, (image > 0).astype(np.float32)))
    # 64 mm3 of 1000 mm3, whole inside the sphere wherever in the voxel its centre stands.
    assert found.suv_g_per_mL == pytest.approx(6.4, rel=0.02)


def test_the_hottest_place_of_the_image_outside_the_region_is_not_used():
    grid = grid_of((4.0, 4.0, 4.0))
    lesion, organ = ball(grid, (0, 0, 16), 8.0), ball(grid, (0, 0, -16), 8.0)
    image = 1 + 4 * lesion + 40 * organ
    found = suv_peak(image, region(grid, lesion))
    assert found.suv_g_per_mL == pytest.approx(5.0, rel=0.03)
    assert found.centre_mm[0] > 8


@settings(max_examples=20, deadline=None)
@given(st.floats(0.1, 50), st.integers(0, 2**32 - 1))
def test_the_peak_is_linear_in_uptake_and_lies_below_the_maximum(factor, seed):
    grid = grid_of((4.0, 4.0, 4.0), half_mm=20)
    image = np.random.default_rng(seed).uniform(0, 10, grid.shape).astype(np.float32)
    lesion = region(grid, ball(grid, (0, 0, 0), 7.0, points=2))
    one, more = suv_peak(image, lesion), suv_peak((image * np.float32(factor)).astype(np.float32), lesion)
    assert more.suv_g_per_mL == pytest.approx(one.suv_g_per_mL * factor, rel=1e-4)
    assert one.suv_g_per_mL <= float(image.max())
    assert suv_mean(image, lesion) <= suv_max(image, lesion)


def test_a_constant_image_has_that_peak_everywhere():
    grid = grid_of((3.0, 3.0, 3.0))
    image = np.full(grid.shape, 2.5, np.float32)
    assert suv_peak(image, region(grid, ball(grid, (0, 0, 0), 6.0))).suv_g_per_mL == pytest.approx(2.5, rel=1e-9)


def test_a_lesion_at_the_border_has_no_peak():
    grid = grid_of((4.0, 4.0, 4.0))
    weights = np.zeros(grid.shape, np.float32)
    weights[0, 0, 0] = 1
    with pytest.raises(NumericalError, match="border"):
        suv_peak(np.ones(grid.shape, np.float32), region(grid, weights))


def test_an_empty_region_and_an_image_of_another_shape_are_refused():
    grid = grid_of((4.0, 4.0, 4.0))
    empty = region(grid, np.zeros(grid.shape))
    for measure in (suv_peak, suv_max, suv_mean):
        with pytest.raises(NumericalError, match="empty"):
            measure(np.ones(grid.shape, np.float32), empty)
    with pytest.raises(InputError, match="grid"):
        suv_peak(np.ones((3, 3, 3), np.float32), empty)


def test_voxels_that_are_not_numbers_are_refused():
    grid = grid_of((4.0, 4.0, 4.0))
    image = np.ones(grid.shape, np.float32)
    image[tuple(n // 2 for n in grid.shape)] = np.nan
    with pytest.raises(InputError, match="not numbers"):
        suv_peak(image, region(grid, ball(grid, (0, 0, 0), 6.0)))


def test_mean_counts_each_voxel_by_its_share():
    grid = Grid((1, 1, 2), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0))
    image = np.array([[[2.0, 6.0]]], np.float32)
    lesion = Region("lesion", grid, (0, 0, 0), np.array([[[1.0, 0.25]]], np.float32), SOURCE, "SEG", 0.08)
    assert suv_mean(image, lesion) == pytest.approx((2 + 0.25 * 6) / 1.25)
    assert suv_max(image, lesion) == 2.0


@pytest.mark.parametrize(("at_the_border", "fits"), [(20.0, False), (math.nan, False), (1.0, True)])
def test_a_lesion_hottest_at_the_border_has_no_peak_but_one_cooler_there_has(at_the_border, fits):
    grid = Grid((20, 20, 20), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0))
    values = np.full(grid.shape, 5.0, np.float32)
    values[0] = at_the_border
    lesion = np.ones((8, 4, 4), np.float32)
    region = Region("a", grid, (0, 8, 8), lesion, SOURCE, "SEG", lesion.size * grid.voxel_volume_mL, 1.0)
    if fits:
        assert suv_peak(values, region).suv_g_per_mL == pytest.approx(5.0)
    else:
        with pytest.raises((NumericalError, InputError)):
            suv_peak(values, region)
