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
from theratrial.response.sphere import peak_weights, sphere_weights

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


SPACINGS = [
    *[(2.0, 2.0, 2.0), (3.0, 3.0, 3.0), (4.0, 4.0, 4.0), (5.0, 5.0, 5.0)],
    *[(5.0, 2.0, 2.0), (2.0, 5.0, 5.0), (3.27, 4.07, 4.07), (5.0, 4.07, 4.07)],
]
SHIFTS = [(0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.3, -0.2, 0.45)]


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("shift", SHIFTS)
def test_a_uniform_ball_of_20_mm_gives_its_uptake(spacing, shift):
    grid = grid_of(spacing)
    centre = [s * d for s, d in zip(shift, spacing, strict=True)]
    share = ball(grid, centre, 10.0)
    image = (1.0 + 9.0 * share).astype(np.float32)
    assert suv_peak(image, region(grid, share)).suv_g_per_mL == pytest.approx(10.0, rel=0.002)


def blurred(r, radius, fwhm):
    """A ball blurred by a Gaussian point spread, at the distance `r` from its centre: the convolution solved."""
    sigma = fwhm / (2 * math.sqrt(2 * math.log(2)))
    r = np.maximum(r, 1e-6)
    inner, outer = (radius - r) / (math.sqrt(2) * sigma), (radius + r) / (math.sqrt(2) * sigma)
    step = (erf(inner) + erf(outer)) / 2
    return step - sigma / (r * math.sqrt(2 * math.pi)) * (np.exp(-(inner**2)) - np.exp(-(outer**2)))


def averaged(grid, centre, profile, points=3):
    """Average of a radial profile over each voxel, on points."""
    total = np.zeros(grid.shape)
    steps = (np.arange(points) + 0.5) / points - 0.5
    for part in np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3):
        z, y, x = ((a + s * d - c) ** 2 for a, s, d, c in zip(axes(grid), part, grid.spacing_mm, centre, strict=True))
        total += profile(np.sqrt(z[:, None, None] + y[None, :, None] + x[None, None, :]))
    return total / points**3


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("diameter", [20.0, 30.0])
def test_a_ball_with_the_blurred_edge_of_a_scanner_gives_the_mean_of_its_middle_millilitre(
    spacing, shift, diameter, validation
):
    grid = grid_of(spacing)
    centre = [s * d for s, d in zip(shift, spacing, strict=True)]
    image = 1 + 9 * averaged(grid, centre, lambda r: blurred(r, diameter / 2, 7.0))
    found = suv_peak(image.astype(np.float32), region(grid, ball(grid, centre, diameter / 2, points=1)))
    r = PEAK_RADIUS_mm
    middle, _ = quad(lambda s: s * s * float(blurred(np.array(s), diameter / 2, 7.0)), 0, r)
    validation(
        f"SUVpeak of a ball of {diameter:g} mm blurred by 7 mm, voxels {spacing} mm, centre {shift} voxels off",
        expected=1 + 9 * 3 / r**3 * middle,
        got=found.suv_g_per_mL,
        unit="g/mL",
        source="convolution of ball and Gaussian in closed form, quadrature over the sphere",
        relative=0.01,
    )
    assert math.dist(reversed(found.centre_mm), centre) < max(spacing) / 2


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("sigma", [8.5, 12.0])
def test_a_gaussian_blob_gives_the_mean_of_its_hottest_millilitre(spacing, shift, sigma):
    grid = grid_of(spacing)
    centre = [s * d for s, d in zip(shift, spacing, strict=True)]
    found = suv_peak(gaussian(grid, centre, sigma, 8.0, 1.0), region(grid, ball(grid, centre, sigma, points=1)))
    # The narrower blob is less wide at half its height (20 mm) than four voxels of 5 mm: 1.3 % low.
    coarse = sigma < 10 and min(spacing) >= 5
    expected = gaussian_sphere_mean(sigma, 8.0, 1.0)
    assert found.suv_g_per_mL == pytest.approx(expected, rel=0.014 if coarse else 0.01)
    assert math.dist(reversed(found.centre_mm), centre) < max(spacing) / 2


def test_a_voxel_is_read_as_an_average_so_that_a_parabola_has_its_true_mean():
    """Mean of x**2 over a ball of radius r is r**2 / 5; its average over a voxel of width d is x**2 + d**2 / 12."""
    spacing = (4.0, 3.0, 5.0)
    offset = (0.25, -0.5, 0.125)
    weights = peak_weights(spacing, offset)
    for axis, (d, shift) in enumerate(zip(spacing, offset, strict=True)):
        places = (np.arange(weights.shape[axis]) - weights.shape[axis] // 2 - shift) * d
        averages = np.moveaxis(np.broadcast_to(places**2 + d**2 / 12, np.moveaxis(weights, axis, -1).shape), -1, axis)
        assert float((weights * averages).sum()) == pytest.approx(PEAK_RADIUS_mm**2 / 5, rel=0.01)


def test_one_hot_voxel_counts_by_its_share_of_the_sphere_and_little_more():
    grid = grid_of((4.0, 4.0, 4.0))
    image = np.zeros(grid.shape, np.float32)
    image[tuple(n // 2 for n in grid.shape)] = 100.0
    found = suv_peak(image, region(grid, (image > 0).astype(np.float32)))
    # 64 mm3 of 1000 mm3, whole inside the sphere; what stands out of its neighbours is read as steeper than the voxels.
    assert 6.4 <= found.suv_g_per_mL < 6.4 * 1.2


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2.0, 4.0, 5.0]))
def test_the_peak_is_never_above_the_hottest_voxel(seed, spacing):
    grid = grid_of((spacing,) * 3, half_mm=18)
    image = (np.random.default_rng(seed).random(grid.shape) > 0.4).astype(np.float32)
    lesion = region(grid, ball(grid, (0, 0, 0), 5.0, points=1))
    assert suv_peak(image, lesion).suv_g_per_mL <= float(image.max())


def test_a_value_that_is_no_number_just_outside_the_sphere_is_refused():
    grid = Grid((9, 9, 9), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0))
    image = np.full(grid.shape, 3.0, np.float32)
    image[7, 4, 4] = np.nan
    weights = np.zeros(grid.shape, np.float32)
    weights[4, 4, 4] = 1
    with pytest.raises(InputError, match="not numbers"):
        suv_peak(image, region(grid, weights))


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
