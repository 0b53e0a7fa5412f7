"""The route with the shipped 177Lu kernel: equilibrium, spheres, and the float32 transform against float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
from voxel_cast import grid, scans, source

from theratrial.dosimetry.transport.spheres import computed_sphere_s_value
from theratrial.dosimetry.transport.voxel_kernel import voxel_kernel
from theratrial.dosimetry.voxel.convolution import convolved
from theratrial.dosimetry.voxel.dose_map import RegionVoxelDose
from theratrial.dosimetry.voxel.engines import kernel_dose, local_deposition
from theratrial.dosimetry.voxel.tia_map import (
    RegionTia,
    RemainderLeftOut,
    TimeIntegratedActivityMap,
    region_wise_tia_map,
)
from theratrial.imaging.values import Region
from theratrial.nuclides import nuclide
from theratrial.trace import Trace

LU = nuclide("Lu-177")
CUBE_MM = (4.8, 4.8, 4.8)


def tia(values: np.ndarray, spacing_mm=CUBE_MM) -> TimeIntegratedActivityMap:
    on = grid(values.shape, spacing_mm)
    return TimeIntegratedActivityMap(on, values.astype(np.float32), "Lu-177", (), None, (), Trace("tia", "1"))


@pytest.mark.parametrize("spacing_mm", [CUBE_MM, (5.0, 2.4, 2.4)])
def test_deep_inside_a_large_source_electrons_give_their_whole_energy(validation, spacing_mm) -> None:
    values = np.ones((25, 27, 29))
    made = kernel_dose(
        tia(values, spacing_mm), voxel_kernel("Lu-177", spacing_mm, density_g_per_mL=1.0, extent_mm=40), parts=True
    )
    assert made.electron_Gy is not None
    local = local_deposition(tia(values, spacing_mm), LU, density_g_per_mL=1.0)
    validation(
        f"electron dose in equilibrium, voxels of {spacing_mm} mm, 1 MBq h/mL",
        expected=0.08532,
        got=float(made.electron_Gy[12, 13, 14]),
        unit="Gy",
        source="mean electron energy of 177Lu, ICRP Publication 107 (0.14792 MeV, 85.32 mGy g per MBq h)",
        relative=0.003,
    )
    assert local.absorbed_dose_Gy[12, 13, 14] == pytest.approx(0.08532, rel=1e-4)


def sphere(mass_g: float, spacing_mm: float, reach: int, parts: int = 6) -> np.ndarray:
    """Membership of a sphere at unit density in a cube of voxels, by counting sub-voxels."""
    radius_mm = (3 * mass_g * 1000 / (4 * math.pi)) ** (1 / 3)
    size = 2 * reach + 1
    axis = ((np.arange(size * parts) + 0.5) / parts - size / 2) * spacing_mm
    inside = (axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + axis[None, None, :] ** 2) <= radius_mm**2
    return inside.reshape(size, parts, size, parts, size, parts).mean(axis=(1, 3, 5))


def sphere_dose(mass_g: float, *, whole_voxels: bool) -> tuple[RegionVoxelDose, float]:
    """Dose of a voxelised hot sphere in nothing through map and kernel, and by the sphere model of the same mass."""
    weights = sphere(mass_g, CUBE_MM[0], 15).astype(np.float32)
    if whole_voxels:
        weights = (weights >= 0.5).astype(np.float32)
    on = grid(weights.shape, CUBE_MM)
    made_g = float(weights.sum(dtype=float)) * on.voxel_volume_mL
    outline = Region("sphere", on, (0, 0, 0), weights, source("sphere"), "SEG", made_g)
    made = region_wise_tia_map(
        scans([np.full(on.shape, 1e6), np.full(on.shape, 5e5)], [24, 48], on),
        [RegionTia(outline, made_g)],
        remainder=RemainderLeftOut("the sphere alone"),
    )
    dose = kernel_dose(made, voxel_kernel("Lu-177", CUBE_MM, density_g_per_mL=1.0), parts=True).region_dose(outline)
    return dose, made_g * computed_sphere_s_value("Lu-177", made_g, density_g_per_mL=1.0).total_Gy_per_MBq_h


@pytest.mark.parametrize("whole_voxels", [True, False])
@pytest.mark.parametrize("mass_g", [900.0, 100.0, 15.0])
def test_a_voxelised_sphere_has_the_dose_of_the_sphere_model(mass_g: float, whole_voxels: bool) -> None:
    dose, expected_Gy = sphere_dose(mass_g, whole_voxels=whole_voxels)
    assert dose.mean_Gy == pytest.approx(expected_Gy, rel=0.01)
    assert dose.mean_Gy < expected_Gy * 1.001


def test_without_the_rule_for_shared_voxels_a_small_sphere_would_lose_a_sixth() -> None:
    dose, expected_Gy = sphere_dose(15.0, whole_voxels=False)
    assert dose.shared_voxels_Gy is not None
    assert dose.mean_Gy is not None
    assert dose.electron_mean_Gy is not None
    assert (dose.mean_Gy - dose.shared_voxels_Gy) / expected_Gy < 0.87
    assert dose.electron_mean_Gy + dose.photon_mean_Gy == pytest.approx(dose.mean_Gy)


def test_float32_is_as_good_as_float64_on_a_clinical_kernel() -> None:
    kernel = voxel_kernel("Lu-177", CUBE_MM, density_g_per_mL=1.0)
    values = np.random.default_rng(1).gamma(0.3, 5.0, (40, 50, 45)).astype(np.float32)
    values[:20] *= 1e-4
    (single,) = convolved(values, [kernel.photon_Gy_per_MBq_h])
    (double,) = convolved(values.astype(np.float64), [kernel.photon_Gy_per_MBq_h])
    assert np.abs(single - double).max() < 2e-6 * double.max()
    np.testing.assert_allclose(single[20:], double[20:], rtol=1e-4)
