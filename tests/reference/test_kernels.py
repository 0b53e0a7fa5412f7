"""Voxel kernels against an independent Monte Carlo, a public kernel and the sphere table.

The independent Monte Carlo is ompMC 0.4.0 (PyPI ompmc, GPL-3: neither imported nor shipped), which has EGSnrc's
physics (PEGS4 media 521ICRU, XCOM photon data, spin effects). One million particles (300 000 of 90Y), uniform in the
source voxel and isotropic, were handed over as a phase space; energies drawn from ICRP 107 as in `transport.spectra`,
electrons and photons above 10.5 keV only, because its data end at 10 keV. Cut-offs 10 keV, no variance reduction, seeds
(98, 33) and (102, 33) for the photons. What electrons have below 10.5 keV is added to the source voxel: 1.304 keV per
decay of 177Lu, 0.019 keV of 90Y. The electron runs, in cubes of 9 voxels (15 for 90Y at 2 mm), hold the bremsstrahlung
absorbed there. The photon runs have the cube of 51 voxels and 56 cm of water around it on every side.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import fft

from theratrial.dosimetry.transport import voxel_kernel as voxel_kernel_module
from theratrial.dosimetry.transport.point_kernels import point_kernel
from theratrial.dosimetry.transport.point_kernels_values import PointKernel
from theratrial.dosimetry.transport.spheres import computed_sphere_s_value
from theratrial.dosimetry.transport.values import VoxelKernel
from theratrial.dosimetry.transport.voxel_kernel import voxel_kernel
from theratrial.nuclides import nuclide
from theratrial.units import delta_mGy_g_per_MBq_h

GY_G_PER_MBQ_H_PER_KEV = delta_mGy_g_per_MBq_h(1e-3) / 1000
OMPMC = "ompMC 0.4.0 (EGSnrc physics), 521ICRU media, 10 keV cut-offs, see the test's head"

ELECTRONS = [
    ("Lu-177", "water", (4.7952,) * 3, 1.0, 136.791, 1.7552, 0.03962),
    ("Lu-177", "water", (2.0,) * 3, 1.0, 122.997, 3.7107, 0.20250),
    ("Lu-177", "water", (6.0,) * 3, 1.04, 139.269, 1.3760, 0.02317),
    ("Lu-177", "water", (2.0,) * 3, 1.04, 123.809, 3.6024, 0.18970),
    ("Lu-177", "water", (4.0,) * 3, 0.3, 109.115, 5.3348, 0.51322),
    ("Lu-177", "soft_tissue", (4.7952,) * 3, 1.0, 136.678, 1.7722, 0.04058),
    ("Lu-177", "water", (2.0, 3.0, 5.0), 1.0, 130.088, 4.0996, 0.14820),
    ("Y-90", "water", (4.0,) * 3, 1.0, 344.883, 52.943, 15.298),
    ("Y-90", "water", (2.0,) * 3, 1.0, 183.758, 35.876, 14.826),
]
"""Energy per decay [keV] in the voxels (0, 0, 0), (1, 0, 0) and (1, 1, 0); standard deviations 0.07-0.1 %, 0.1-0.4 %,
0.2-2.5 %. Its soft tissue is ICRU's of four elements."""

PHOTONS = [
    (4.7952, 1.0, 0.2374, 0.04972, {2: 1.6112, 5: 3.7626, 10: 7.6105, 25: 18.5863}),
    (2.0, 1.0, 0.0991, 0.02116, {2: 0.6634, 5: 1.4842, 10: 2.9439, 25: 7.7198}),
    (6.0, 1.04, 0.3073, 0.06496, {2: 2.1269, 5: 5.0076, 10: 10.0869, 25: 22.9580}),
]
"""Edge [mm], density [g/mL], then energy per decay [keV]: source voxel, its neighbours, cubes of some half width."""


def energy_keV(kernel: VoxelKernel, part: str) -> np.ndarray:
    return getattr(kernel, f"{part}_Gy_per_MBq_h") * kernel.voxel_mass_g / GY_G_PER_MBQ_H_PER_KEV


@pytest.mark.parametrize(("name", "medium", "spacing_mm", "density", "own", "next_to", "diagonal"), ELECTRONS)
def test_electrons_of_a_voxel_are_those_of_an_independent_monte_carlo(
    name: str,
    medium: str,
    spacing_mm: tuple[float, float, float],
    density: float,
    own: float,
    next_to: float,
    diagonal: float,
    validation,
) -> None:
    kernel = voxel_kernel(name, spacing_mm, medium=medium, density_g_per_mL=density, extent_mm=max(spacing_mm))
    array = energy_keV(kernel, "electron")
    z, y, x = (n // 2 for n in array.shape)
    size = " x ".join(f"{d:g}" for d in spacing_mm)
    for where, expected, got, tolerance in (
        ("(0, 0, 0)", own, array[z, y, x], 0.005),
        ("(1, 0, 0)", next_to, array[z + 1, y, x], 0.02),
        ("(1, 1, 0)", diagonal, array[z + 1, y + 1, x], 0.05),
    ):
        validation(
            f"{name} electrons in voxel {where}, {size} mm, {medium} of {density:g} g/mL",
            expected=expected,
            got=float(got),
            unit="keV per decay",
            source=OMPMC,
            relative=tolerance,
        )


@pytest.mark.long
@pytest.mark.parametrize(("edge_mm", "density", "own", "next_to", "cubes"), PHOTONS)
def test_photons_of_a_voxel_are_those_of_an_independent_monte_carlo(
    edge_mm: float,
    density: float,
    own: float,
    next_to: float,
    cubes: dict[int, float],
    validation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from theratrial.dosimetry.transport.point_kernels_photons import PhotonLines, photon_deposition

    lines = [line for line in nuclide("Lu-177").photon_lines if line.energy_keV > 10.5]
    alike = PhotonLines(
        np.array([line.energy_keV for line in lines]), np.array([line.yield_per_decay for line in lines])
    )
    photon = photon_deposition(alike, "water", histories=400_000, rng=np.random.default_rng(3))
    shipped = point_kernel("Lu-177", "water")
    without_soft = PointKernel("Lu-177", "water", shipped.electron, photon, "given:photons above 10.5 keV")
    monkeypatch.setattr(voxel_kernel_module, "point_kernel", lambda *_: without_soft)
    kernel = voxel_kernel("Lu-177", (edge_mm,) * 3, medium="water", density_g_per_mL=density, extent_mm=25 * edge_mm)
    array = energy_keV(kernel, "photon")
    assert array.shape == (51, 51, 51)
    rows = [("source voxel", own, array[25, 25, 25], 0.03), ("next voxel", next_to, array[26, 25, 25], 0.03)]
    for half, expected in cubes.items():
        inside = slice(25 - half, 26 + half)
        rows.append((f"cube of {2 * half + 1} voxels", expected, array[inside, inside, inside].sum(), 0.015))
    for where, expected, got, tolerance in rows:
        validation(
            f"177Lu photons above 10.5 keV in the {where}, {edge_mm:g} mm, water of {density:g} g/mL",
            expected=expected,
            got=float(got),
            unit="keV per decay",
            source=OMPMC,
            relative=tolerance,
        )


def self_dose_mGy_per_MBq_s() -> float:
    kernel = voxel_kernel("Lu-177", (4.7952,) * 3, density_g_per_mL=1.0)
    electron, photon = kernel.electron_Gy_per_MBq_h, kernel.photon_Gy_per_MBq_h
    middle = [tuple(n // 2 for n in array.shape) for array in (electron, photon)]
    return float(electron[middle[0]] + photon[middle[1]]) * 1000 / 3600


def test_self_dose_of_a_4_8_mm_voxel_is_that_of_egsnrc_physics(validation) -> None:
    validation(
        "177Lu self-dose of a 4.7952 mm voxel, soft tissue of 1.00 g/mL",
        expected=0.20662 / 1.039,
        got=self_dose_mGy_per_MBq_s(),
        unit="mGy/(MBq s)",
        source="public 4.7952 mm kernel corrected by its measured excess of 3.9 % over EGSnrc physics",
        relative=0.01,
    )


def test_a_public_kernel_is_not_matched_in_the_self_voxel(validation) -> None:
    validation(
        "177Lu self-dose of a 4.7952 mm voxel, soft tissue of 1.00 g/mL",
        expected=0.20662,
        got=self_dose_mGy_per_MBq_s(),
        unit="mGy/(MBq s)",
        source="kernel of 4.7952 mm shipped with PyTheranostics",
        relative=0.05,
        not_matched_because="it is 3.9 % high in the self voxel and 13 % low in the next one against EGSnrc physics: "
        "its electrons hardly leave the voxel",
    )


def test_a_voxelised_sphere_of_932_g_has_the_dose_of_the_sphere_table(validation) -> None:
    density, edge = 1.03, 4.7952
    half = 14
    line = (np.arange(-half, half + 1) * edge) ** 2
    squared = line[:, None, None] + line[None, :, None] + line[None, None, :]
    # Whole voxels, as a region on an image has them: the nearest ones until the mass is full.
    voxels = round(932 / (density * edge**3 / 1000))
    filled = (squared <= np.sort(squared, axis=None)[voxels - 1]).astype(float)
    assert filled.sum() == pytest.approx(voxels, rel=0.005)
    assert filled[0].sum() == 0
    kernel = voxel_kernel("Lu-177", (edge,) * 3, density_g_per_mL=density)
    activity = filled / filled.sum()
    dose = np.zeros_like(activity)
    for array in (kernel.electron_Gy_per_MBq_h, kernel.photon_Gy_per_MBq_h):
        shape = [a + b - 1 for a, b in zip(activity.shape, array.shape, strict=True)]
        spread = fft.irfftn(fft.rfftn(activity, shape) * fft.rfftn(array, shape), shape)
        start = [n // 2 for n in array.shape]
        dose += spread[tuple(slice(s, s + n) for s, n in zip(start, activity.shape, strict=True))]
    mean_Gy_per_MBq_h = float((dose * filled).sum() / filled.sum())
    validation(
        "S of a 932 g sphere of 4.7952 mm voxels, kernel convolved",
        expected=2.65e-14,
        got=mean_Gy_per_MBq_h / 1e6 / 3600,
        unit="Gy/(Bq s)",
        source="published sphere model, 177Lu, 100 % soft tissue, 932 g",
        relative=0.02,
    )
    analytic = computed_sphere_s_value("Lu-177", 932.0, density_g_per_mL=density).total_Gy_per_MBq_h
    assert mean_Gy_per_MBq_h == pytest.approx(analytic, rel=0.01)


@pytest.mark.parametrize("spacing_mm", [(2.0,) * 3, (4.7952,) * 3, (6.0,) * 3, (2.0, 3.0, 5.0)])
@pytest.mark.parametrize("density", [0.26, 1.0, 1.05, 1.9])
def test_electron_energy_of_a_kernel_is_that_of_the_decay(
    spacing_mm: tuple[float, float, float], density: float, validation
) -> None:
    kernel = voxel_kernel("Lu-177", spacing_mm, density_g_per_mL=density, extent_mm=max(spacing_mm))
    validation(
        f"177Lu electron energy in a whole kernel, {' x '.join(f'{d:g}' for d in spacing_mm)} mm, {density:g} g/mL",
        expected=147.92,
        got=float(energy_keV(kernel, "electron").sum()),
        unit="keV per decay",
        source="ICRP 107; 0.1 % of it leaves as bremsstrahlung",
        relative=0.01,
    )
