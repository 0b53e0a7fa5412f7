"""Voxel engines: convolution against scipy.signal, symmetries, energy, density weighting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from voxel_cast import SHAPE, SPACING_MM, ct, grid, kernel, region

from theratrial.dosimetry.voxel.convolution import convolved
from theratrial.dosimetry.voxel.density import DensityMap, HounsfieldDensity, density_map
from theratrial.dosimetry.voxel.engines import kernel_dose, local_deposition
from theratrial.dosimetry.voxel.tia_map import TimeIntegratedActivityMap
from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import Grid
from theratrial.nuclides import nuclide
from theratrial.trace import Trace
from theratrial.units import JOULE_PER_MEV

LU = nuclide("Lu-177")
CUBE_MM = (4.0, 4.0, 4.0)


def tia(values: np.ndarray, spacing_mm=SPACING_MM) -> TimeIntegratedActivityMap:
    on = grid(values.shape, spacing_mm)
    return TimeIntegratedActivityMap(
        on, np.asarray(values, dtype=np.float32), "Lu-177", (), None, (), Trace("tia", "1")
    )


def random_values(seed: int, shape=SHAPE) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 10, shape).astype(np.float32)


def uniform_density(value: float, floor: float = 0.2, on: Grid | None = None) -> DensityMap:
    where = on or grid()
    return DensityMap(where, np.full(where.shape, value, dtype=np.float32), floor, Trace("density", "1"))


def direct(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """scipy.ndimage's direct sum in float64, zero outside: not ours, and no transform."""
    return ndimage.convolve(values.astype(float), weights, mode="constant", cval=0.0)


@settings(max_examples=25, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 12)] * 3), reach=st.tuples(*[st.integers(0, 14)] * 3), seed=st.integers(0, 1000)
)
@pytest.mark.parametrize("even", [True, False])
def test_convolution_equals_the_direct_sum_of_scipy(even: bool, shape, reach, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.uniform(0, 1, shape).astype(np.float32)
    weights = rng.uniform(0, 1, [2 * r + 1 for r in reach])
    if even:
        for axis in range(3):
            weights = weights + np.flip(weights, axis)
    (got,) = convolved(values, [weights])
    expected = np.zeros(shape)
    for z, y, x in np.ndindex(*shape):
        # The definition itself, because scipy's direct sum would need kernels smaller than the volume.
        lows = [max(0, n - r) for n, r in zip((z, y, x), reach, strict=True)]
        highs = [min(size, n + r + 1) for n, r, size in zip((z, y, x), reach, shape, strict=True)]
        part = tuple(slice(low, high) for low, high in zip(lows, highs, strict=True))
        around = tuple(
            slice(low - n + r, high - n + r) for low, high, n, r in zip(lows, highs, (z, y, x), reach, strict=True)
        )
        expected[part] += values[z, y, x] * weights[around]
    assert got.shape == values.shape
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, atol=3e-6 * max(float(expected.max()), 1e-30))


def test_several_kernels_at_once_equal_each_alone_whatever_the_threads() -> None:
    values = random_values(1)
    one, other = kernel().photon_Gy_per_MBq_h, kernel().electron_Gy_per_MBq_h
    together = convolved(values, [one, other], workers=2)
    for got, weights in zip(together, (one, other), strict=True):
        np.testing.assert_allclose(got, direct(values, weights), rtol=1e-5)
    np.testing.assert_array_equal(convolved(values, [one])[0], convolved(values, [one], workers=2)[0])


def test_float32_agrees_with_float64() -> None:
    values = random_values(2, (20, 30, 25))
    weights = kernel((10, 10, 10)).photon_Gy_per_MBq_h
    (single,), (double,) = convolved(values, [weights]), convolved(values.astype(np.float64), [weights])
    assert double.dtype == np.float64
    np.testing.assert_allclose(single, double, rtol=2e-6)
    np.testing.assert_allclose(double, direct(values, weights), rtol=1e-12)


def test_kernel_dose_is_the_direct_sum_and_its_parts_add_up() -> None:
    made = kernel_dose(tia(random_values(3)), kernel(), parts=True)
    volume = made.grid.voxel_volume_mL
    assert made.electron_Gy is not None
    assert made.photon_Gy is not None
    np.testing.assert_allclose(
        made.electron_Gy, direct(random_values(3), kernel().electron_Gy_per_MBq_h * volume), rtol=1e-5
    )
    np.testing.assert_allclose(
        made.photon_Gy, direct(random_values(3), kernel().photon_Gy_per_MBq_h * volume), rtol=1e-5
    )
    whole = kernel_dose(tia(random_values(3)), kernel())
    assert whole.electron_Gy is None
    np.testing.assert_allclose(whole.absorbed_dose_Gy, made.absorbed_dose_Gy, rtol=1e-5)


def test_one_active_voxel_shows_the_kernel_wherever_it_is() -> None:
    whole = kernel_dose(_point((4, 5, 5)), kernel((2, 2, 2))).absorbed_dose_Gy
    moved = kernel_dose(_point((5, 7, 4)), kernel((2, 2, 2))).absorbed_dose_Gy
    np.testing.assert_allclose(moved[3:8, 5:10, 2:7], whole[2:7, 3:8, 3:8], rtol=1e-4, atol=1e-9)
    photon = kernel((2, 2, 2)).photon_Gy_per_MBq_h
    assert whole[2, 3, 3] == pytest.approx(photon[0, 0, 0], rel=1e-3)  # 1 MBq h in the voxel


def _point(where: tuple[int, int, int]) -> TimeIntegratedActivityMap:
    values = np.zeros(SHAPE)
    values[where] = 1 / grid().voxel_volume_mL
    return tia(values)


@pytest.mark.parametrize("turn", ["z", "y", "x", "mirror"])
def test_turning_the_patient_turns_the_dose(turn: str) -> None:
    values = random_values(4, (9, 9, 9))
    axes = {"z": (1, 2), "y": (0, 2), "x": (0, 1)}

    def turned(array: np.ndarray) -> np.ndarray:
        return array[:, :, ::-1] if turn == "mirror" else np.rot90(array, axes=axes[turn])

    cube = kernel((3, 3, 3), CUBE_MM)
    straight = kernel_dose(tia(values, CUBE_MM), cube).absorbed_dose_Gy
    other = kernel_dose(tia(np.ascontiguousarray(turned(values)), CUBE_MM), cube).absorbed_dose_Gy
    np.testing.assert_allclose(other, turned(straight), rtol=1e-5)


def test_energy_is_conserved_when_the_kernel_fits_into_the_volume() -> None:
    values = np.zeros((15, 15, 15))
    values[4:11, 4:11, 4:11] = random_values(5, (7, 7, 7))
    dense = kernel((4, 4, 4), density_g_per_mL=1.06)
    made = kernel_dose(tia(values), dense)
    emitted_MBq_h = made.grid.voxel_volume_mL * values.sum()
    in_kernel = float(dense.electron_Gy_per_MBq_h.sum() + dense.photon_Gy_per_MBq_h.sum()) * dense.voxel_mass_g
    absorbed = float(made.absorbed_dose_Gy.sum(dtype=float)) * dense.voxel_mass_g
    assert absorbed == pytest.approx(emitted_MBq_h * in_kernel, rel=1e-5)


@settings(max_examples=10, deadline=None)
@given(factor=st.floats(1e-3, 1e3), seed=st.integers(0, 50))
def test_dose_is_linear_in_activity(factor: float, seed: int) -> None:
    values, others = random_values(seed), random_values(seed + 1)
    one, other = (kernel_dose(tia(v), kernel()).absorbed_dose_Gy for v in (values, others))
    both = kernel_dose(tia(values * np.float32(factor) + others), kernel()).absorbed_dose_Gy
    np.testing.assert_allclose(both, one * factor + other, rtol=1e-4)


def test_local_deposition_is_electron_energy_over_mass() -> None:
    made = local_deposition(tia(np.full(SHAPE, 2.0)), LU, density_g_per_mL=1.05)
    joule_per_mL = 2e6 * 3600 * LU.electron_MeV * JOULE_PER_MEV
    assert made.absorbed_dose_Gy == pytest.approx(joule_per_mL / 1.05e-3, rel=1e-6)
    with pytest.raises(NumericalError, match="alpha"):
        local_deposition(
            TimeIntegratedActivityMap(grid(), random_values(1), "Ac-225", (), None, (), Trace("t", "1")),
            nuclide("Ac-225"),
            density_g_per_mL=1.0,
        )
    with pytest.raises(InputError, match="either a uniform density or a density map"):
        local_deposition(tia(random_values(1)), LU)


def test_a_kernel_without_reach_equals_local_deposition() -> None:
    local = local_deposition(tia(random_values(6)), LU, density_g_per_mL=1.0)
    only = kernel((0, 0, 0))
    energy = LU.electron_MeV * JOULE_PER_MEV * 3.6e9 / (only.voxel_mass_g * 1e-3)
    electrons = np.full((1, 1, 1), energy)
    made = kernel_dose(
        tia(random_values(6)), replace(only, electron_Gy_per_MBq_h=electrons, photon_Gy_per_MBq_h=electrons * 0)
    )
    np.testing.assert_allclose(made.absorbed_dose_Gy, local.absorbed_dose_Gy, rtol=1e-5, atol=1e-6)


def test_density_weighting_at_the_kernels_density_changes_nothing() -> None:
    plain = kernel_dose(tia(random_values(7)), kernel())
    weighted = kernel_dose(tia(random_values(7)), kernel(), density=uniform_density(1.0))
    np.testing.assert_array_equal(weighted.absorbed_dose_Gy, plain.absorbed_dose_Gy)
    half = kernel_dose(tia(random_values(7)), kernel(), density=uniform_density(0.5))
    np.testing.assert_allclose(half.absorbed_dose_Gy, 2 * plain.absorbed_dose_Gy, rtol=1e-6)


def test_air_has_no_dose_and_is_left_out_of_the_mean_and_counted() -> None:
    local = np.full(SHAPE, 1.0, dtype=np.float32)
    local[:3], local[3] = 0.0012, np.nan
    density = DensityMap(grid(), local, 0.2, Trace("density", "1"))
    weighted = kernel_dose(tia(random_values(8)), kernel(), density=density, parts=True)
    plain = kernel_dose(tia(random_values(8)), kernel(), parts=True)
    assert np.isnan(weighted.absorbed_dose_Gy[:4]).all()
    assert np.isfinite(weighted.absorbed_dose_Gy[4:]).all()
    bowel, tissue = region("bowel", (2, 0, 0), (6, 6, 5)), region("tissue", (4, 0, 0), (6, 6, 5))
    got, expected = weighted.region_dose(bowel), plain.region_dose(tissue)
    assert got.excluded_fraction == pytest.approx(0.5)
    assert got.mean_Gy == pytest.approx(expected.mean_Gy, rel=1e-6)
    assert got.maximum_Gy == pytest.approx(expected.maximum_Gy, rel=1e-6)
    assert got.photon_mean_Gy == pytest.approx(expected.photon_mean_Gy, rel=1e-6)
    air = weighted.region_dose(region("air", (0, 0, 0), (2, 6, 5)))
    assert air.mean_Gy is None
    assert air.excluded_fraction == 1.0
    assert air.quantity().value is None
    assert "100.0%" in air.quantity().note


def test_the_mean_of_a_weighted_map_is_energy_over_mass() -> None:
    local = np.where(np.indices(SHAPE)[0] < 4, 0.5, 1.5).astype(np.float32)
    density = DensityMap(grid(), local, 0.2, Trace("density", "1"))
    made = kernel_dose(tia(random_values(9)), kernel(), density=density)
    plain = kernel_dose(tia(random_values(9)), kernel())
    both = region("both", (2, 0, 0), (6, 6, 5))
    box = both.box()
    energy, mass = plain.absorbed_dose_Gy[box].sum(dtype=float), local[box].sum(dtype=float)
    assert made.region_dose(both).mean_Gy == pytest.approx(energy / mass, rel=1e-5)
    assert made.region_dose(both).volume_mean_Gy == pytest.approx(
        made.absorbed_dose_Gy[box].mean(dtype=float), rel=1e-5
    )


def test_mean_dose_weights_partial_voxels() -> None:
    values = np.zeros(SHAPE, dtype=np.float32)
    made = local_deposition(tia(values), LU, density_g_per_mL=1.0)
    assert made.region_dose(region("cold", (0, 0, 0), (1, 1, 2))).mean_Gy == 0.0
    values[0, 0, 0], values[0, 0, 1] = 1.0, 4.0
    made = local_deposition(tia(values), LU, density_g_per_mL=1.0)
    edge = region("edge", (0, 0, 0), (1, 1, 2))
    weights = np.array([[[1.0, 0.25]]], dtype=np.float32)
    got = made.region_dose(replace(edge, weights=weights))
    unit = float(made.absorbed_dose_Gy[0, 0, 0])
    assert got.mean_Gy == pytest.approx(unit * (1 + 4 * 0.25) / 1.25, rel=1e-6)
    assert got.maximum_Gy == got.minimum_Gy == pytest.approx(unit)


def test_a_kernel_of_another_voxel_size_or_nuclide_is_refused() -> None:
    with pytest.raises(InputError, match=r"kernel is for voxels of \(4.0, 4.0, 4.0\) mm"):
        kernel_dose(tia(random_values(1)), kernel(spacing_mm=CUBE_MM))
    with pytest.raises(InputError, match="the kernel of Y-90"):
        kernel_dose(tia(random_values(1)), replace(kernel(), nuclide="Y-90"))
    with pytest.raises(InputError, match="density map is on another grid"):
        kernel_dose(tia(random_values(1)), kernel(), density=uniform_density(1.0, on=grid((9, 12, 11))))


def test_a_ct_outside_the_relation_has_no_density() -> None:
    hounsfield = np.zeros(SHAPE)
    hounsfield[0], hounsfield[1], hounsfield[2] = -1024, 3000, 50
    relation = HounsfieldDensity((-1000, 0, 1000), (0.001, 1.0, 1.6), "given:test")
    made = density_map(ct(hounsfield), relation, floor_g_per_mL=0.2)
    assert np.isnan(made.density_g_per_mL[:2]).all()
    assert made.density_g_per_mL[2] == pytest.approx(1.03)
    assert made.density_g_per_mL[3] == pytest.approx(1.0)
    with pytest.raises(InputError, match="CT in HU, got a volume in Bq/mL"):
        density_map(ct(hounsfield, unit="Bq/mL"), relation, floor_g_per_mL=0.2)
    with pytest.raises(InputError, match="floor must be above 0"):
        density_map(ct(hounsfield), relation, floor_g_per_mL=0.0)


@pytest.mark.parametrize(
    ("hounsfield", "density", "match"),
    [
        ((0, 0), (1, 1), "increase"),
        ((0, 1), (1, 0.5), "fall"),
        ((0,), (1,), "two points"),
        ((0, 1), (0, 1), "positive"),
    ],
)
def test_a_density_relation_that_cannot_be_is_refused(hounsfield, density, match: str) -> None:
    with pytest.raises(InputError, match=match):
        HounsfieldDensity(hounsfield, density, "given:test")
