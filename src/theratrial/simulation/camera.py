"""What the cameras see: grids, resolution, sensitivity and noise of the virtual CT, PET, SPECT and planar camera."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from theratrial.errors import InputError
from theratrial.imaging.values import FloatArray, Grid
from theratrial.nuclides import Nuclide
from theratrial.simulation.phantom import BODY, Phantom
from theratrial.simulation.raster import FWHM_PER_SD, Patch, axes_mm, blurred, combined, shares

SPECT_CPS_PER_MBQ: Final = 11.0
"""Both heads together, photopeak of 177Lu at 208 keV after scatter correction."""
PLANAR_CPS_PER_MBQ: Final = 6.1
"""One head, in air; 5.7-6.1 are reported for 177Lu."""
CALIBRATION_RELATIVE_SD_PERCENT: Final = 3.0
REFERENCE_YIELD: Final = 0.110
"""Photons per decay of 177Lu's 208 keV line, to which both sensitivities belong."""
SPECT_FWHM_MM: Final = 9.0
PET_FWHM_MM: Final = 6.0
AIR_HU: Final = -1000.0
_WATER_CM2_PER_G: Final = ((80, 0.1837), (100, 0.1707), (150, 0.1505), (200, 0.1370), (300, 0.1186), (400, 0.1061))
"""Mass attenuation of water by energy [keV] (NIST XCOM)."""
_SCATTER_FWHM_MM: Final = 110.0
_SCATTER_PER_PRIMARY: Final = 0.45
_SCATTER_LOW_OVER_PEAK: Final = 1.5
"""Scatter per keV in the lower window over that in the photopeak; the upper window has the rest of twice the peak's, so
that the triple-energy-window estimate is right on average."""
_PROJECTION_MM: Final = 4.8
_PROJECTION_DEPTH_MM: Final = 10.0


@dataclass(frozen=True, slots=True)
class Scanners:
    """Matrices and voxel sizes. `small` keeps the field of view and makes voxels coarser."""

    ct: tuple[int, int]
    pet: tuple[int, int]
    axial: int
    """Slices of CT and PET."""
    spect: int
    planar: tuple[int, int]
    """Rows and columns."""

    def ct_grid(self, phantom_scale: float) -> Grid:
        """Grid of the CT: from above the head to the thighs."""
        return _centred(
            (self.axial, *self.ct), (1000 / self.axial, 700 / self.ct[0], 700 / self.ct[1]), 360, phantom_scale
        )

    def pet_grid(self, phantom_scale: float) -> Grid:
        """Grid of the PET: the same length as the CT."""
        return _centred(
            (self.axial, *self.pet), (1000 / self.axial, 700 / self.pet[0], 700 / self.pet[1]), 360, phantom_scale
        )

    def spect_grid(self, phantom_scale: float, needed_z_mm: tuple[float, float]) -> Grid:
        """Grid of the SPECT: the trunk, from the lowest lumbar vertebrae to above the lungs.

        Where the protocol's organs reach beyond (`needed_z_mm`, lowest and highest), further beds are added.
        """
        n = self.spect
        step = 614.4 / n
        slices, middle = n * 3 // 4, 388 * phantom_scale
        low, high = (middle - slices * step / 2, middle + slices * step / 2)
        below = max(0, math.ceil((low - needed_z_mm[0]) / step))
        above = max(0, math.ceil((needed_z_mm[1] - high) / step))
        middle += (above - below) / 2 * step
        return _centred((slices + below + above, n, n), (step, step, step), middle, 1.0)


FULL: Final = Scanners(ct=(256, 256), pet=(128, 128), axial=200, spect=128, planar=(1024, 256))
SMALL: Final = Scanners(ct=(64, 64), pet=(64, 64), axial=50, spect=64, planar=(256, 64))


def _centred(shape: tuple[int, int, int], spacing: tuple[float, float, float], middle_z: float, scale: float) -> Grid:
    z, y, x = (-(n - 1) / 2 * s for n, s in zip(shape, spacing, strict=True))
    return Grid(shape, spacing, (x, y, z + middle_z * scale))


RECOVERY_VOLUMES_ML: Final = (0.5, 1.0, 2.0, 5.0, 11.5, 26.5, 57.0, 113.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0)
RECOVERY_RELATIVE_SD_PERCENT: Final = 2.0


def sphere_recovery(volume_mL: float) -> float:
    """Share of a sphere's activity that a SPECT of this resolution shows inside its outline, background cold.

    Exact for a Gaussian: the mean over all displacements of the share of the sphere that stays in it,
    ``1 - 3 r / 4 R + r^3 / 16 R^3`` for a displacement ``r`` and the radius ``R``.

    Examples
    --------
    >>> round(sphere_recovery(1.0), 3), round(sphere_recovery(1000.0), 3)
    (0.356, 0.926)
    """
    radius_mm = (volume_mL * 1000 * 3 / (4 * math.pi)) ** (1 / 3)
    sd_mm = SPECT_FWHM_MM / FWHM_PER_SD
    r = (np.arange(20000) + 0.5) / 20000 * 2 * radius_mm
    density = 4 * math.pi * r**2 * np.exp(-0.5 * (r / sd_mm) ** 2) / (2 * math.pi * sd_mm**2) ** 1.5
    stays = 1 - 0.75 * r / radius_mm + (r / radius_mm) ** 3 / 16
    return float(np.sum(density * stays) * 2 * radius_mm / 20000)


def photopeak(nuclide: Nuclide) -> tuple[float, float]:
    """Energy [keV] and yield of the line a gamma camera images.

    Raises
    ------
    InputError
        If the nuclide emits no line between 70 and 400 keV with at least 1 % yield.
    """
    lines = [p for p in nuclide.photon_lines if p.kind == "gamma" and 70 <= p.energy_keV <= 400]
    # Of two strong lines the upper one is imaged: scatter of the upper lies under the lower.
    strong = [p for p in lines if p.yield_per_decay >= max((q.yield_per_decay for q in lines), default=0) / 2]
    if not strong or max(p.yield_per_decay for p in strong) < 0.01:
        raise InputError(f"{nuclide.name} has no gamma line that a gamma camera images; simulate without SPECT")
    chosen = max(strong, key=lambda p: p.energy_keV)
    return chosen.energy_keV, chosen.yield_per_decay


def windows_keV(nuclide: Nuclide) -> tuple[tuple[str, float, float], ...]:
    """Photopeak window of 20 % and two scatter windows beside it, half as wide."""
    energy, _ = photopeak(nuclide)
    low, high = round(0.9 * energy, 1), round(1.1 * energy, 1)
    half = round((high - low) / 2, 1)
    return (
        (f"photopeak {energy:.0f}", low, high),
        ("scatter lower", round(low - half, 1), low),
        ("scatter upper", high, round(high + half, 1)),
    )


def sensitivity_cps_per_MBq(kind: str, nuclide: Nuclide) -> float:
    """Sensitivity for a nuclide: that of 177Lu times the ratio of yields."""
    base = SPECT_CPS_PER_MBQ if kind == "spect" else PLANAR_CPS_PER_MBQ
    return round(base * photopeak(nuclide)[1] / REFERENCE_YIELD, 3)


def attenuation_per_mm(nuclide: Nuclide) -> float:
    """Linear attenuation of water at the photopeak [1/mm]."""
    energy, _ = photopeak(nuclide)
    points = np.log(np.array(_WATER_CM2_PER_G))
    return float(np.exp(np.interp(math.log(energy), points[:, 0], points[:, 1]))) / 10


def ct_image(patches: dict[str, Patch], phantom: Phantom, shape: tuple[int, int, int]) -> FloatArray:
    """Hounsfield units without noise."""
    weights = {tissue.name: tissue.hounsfield - AIR_HU for tissue in phantom.tissues}
    return combined(patches, weights, shape) + np.float32(AIR_HU)


def pet_image(
    patches: dict[str, Patch], Bq_per_mL: dict[str, float], grid: Grid, rng: np.random.Generator
) -> FloatArray:
    """Activity concentration [Bq/mL] as reconstructed: blurred, with noise that grows with the square root of activity.

    The noise is 7 % where the concentration is that of the liver, in voxels of 5 mm, and correlated over neighbours.
    """
    mean = gaussian_filter(
        combined(patches, Bq_per_mL, grid.shape), [PET_FWHM_MM / FWHM_PER_SD / s for s in grid.spacing_mm], truncate=3.2
    )
    noise = rng.standard_normal(grid.shape, dtype=np.float32)
    noise = gaussian_filter(noise, 0.6, truncate=2.5)
    noise /= np.float32(noise.std())
    size = math.sqrt(0.15 / grid.voxel_volume_mL)
    mean += noise * np.sqrt(mean * np.float32(Bq_per_mL["liver"])) * np.float32(0.07 * min(size, 1.0))
    return np.maximum(mean, 0)


def spect_patches(patches: dict[str, Patch], grid: Grid) -> dict[str, Patch]:
    """Shares of the tissues as the reconstructed SPECT shows them."""
    return {name: blurred(patch, grid, SPECT_FWHM_MM) for name, patch in patches.items()}


def spect_counts(
    patches: dict[str, Patch],
    MBq_per_mL: dict[str, float],
    grid: Grid,
    cps_per_MBq: float,
    duration_s: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Reconstructed counts per voxel, with Poisson noise."""
    mean = combined(patches, MBq_per_mL, grid.shape)
    mean *= np.float32(grid.voxel_volume_mL * cps_per_MBq * duration_s)
    np.maximum(mean, 0, out=mean)
    return np.minimum(rng.poisson(mean), 65535).astype(np.uint16)


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """Projections of every tissue for unit concentration: counts per (MBq/mL), per cps/MBq and second.

    ``(ny, nx)`` rows from the head down, columns from the patient's right; both views in this orientation.
    """

    anterior: dict[str, tuple[tuple[slice, slice], FloatArray]]
    posterior: dict[str, tuple[tuple[slice, slice], FloatArray]]
    shape: tuple[int, int]
    spacing_mm: float
    top_mm: float
    """z of the first row of the planar image."""


def projected_views(phantom: Phantom, planar: tuple[int, int], nuclide: Nuclide) -> Views:
    """Both views of every tissue through the attenuating body, blurred by the distance to the collimator.

    Resolution: FWHM^2 = 3.9^2 + (3 + 0.07 d)^2 mm, which is 10.7 mm at 10 cm as of a medium-energy collimator.
    """
    coarse = max(1, round(planar[1] / (614.4 / _PROJECTION_MM)))
    step = 614.4 / planar[1] * coarse
    nz, nx = planar[0] // coarse, planar[1] // coarse
    depth_mm = _PROJECTION_DEPTH_MM * max(1.0, step / _PROJECTION_MM)
    ny = math.ceil(360 / depth_mm)
    middle_z = (850 - 780) / 2 * phantom.height_cm / 163
    grid = _centred((nz, ny, nx), (step, depth_mm, step), middle_z, 1.0)
    patches = shares(phantom, grid)
    density = combined(patches, {t.name: t.density_g_per_mL for t in phantom.tissues}, grid.shape)
    path = density * np.float32(attenuation_per_mm(nuclide) * depth_mm)
    before = np.cumsum(path, axis=1) - path / 2
    behind = path.sum(axis=1, keepdims=True) - before
    y = axes_mm(grid)[1]
    body_y = [b for s in phantom.tissue(BODY).shapes for b in s.bounds_mm[1]]
    front, back = min(body_y) - 40, max(body_y) + 40
    views = [
        _projections(patches, grid, np.exp(-before), y - front),
        _projections(patches, grid, np.exp(-behind), back - y),
    ]
    pixel = 614.4 / planar[1]
    return Views(views[0], views[1], (nz, nx), step, middle_z + (planar[0] - 1) / 2 * pixel)


def _projections(
    patches: dict[str, Patch], grid: Grid, transmission: FloatArray, distance_mm: np.ndarray
) -> dict[str, tuple[tuple[slice, slice], FloatArray]]:
    nz, _, nx = grid.shape
    step = grid.spacing_mm[2]
    sigma = np.sqrt(3.9**2 + (3.0 + 0.07 * distance_mm) ** 2) / FWHM_PER_SD / step
    found = {}
    for name, patch in patches.items():
        z, y, x = patch.box()
        seen = patch.values * transmission[z, y, x]
        planes = range(y.start, y.stop)
        margin = math.ceil(3.2 * float(sigma[list(planes)].max()))
        z0, z1, x0, x1 = (
            max(z.start - margin, 0),
            min(z.stop + margin, nz),
            max(x.start - margin, 0),
            min(x.stop + margin, nx),
        )
        total = np.zeros((z1 - z0, x1 - x0), dtype=np.float32)
        for index, plane in enumerate(planes):
            if not seen[:, index].any():
                continue
            canvas = np.zeros_like(total)
            canvas[z.start - z0 : z.stop - z0, x.start - x0 : x.stop - x0] = seen[:, index]
            total += gaussian_filter(canvas, float(sigma[plane]), mode="constant", truncate=3.2)
        # z rises towards the head, rows go down from it
        found[name] = ((slice(nz - z1, nz - z0), slice(x0, x1)), total[::-1] * np.float32(grid.voxel_volume_mL))
    return found


def planar_counts(
    views: Views,
    MBq_per_mL: dict[str, float],
    planar: tuple[int, int],
    nuclide: Nuclide,
    duration_s: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Counts ``(window, view, rows, columns)``: photopeak, lower and upper scatter window; anterior, posterior.

    The posterior is as the camera sees it, the patient's left in column 0.
    """
    factor = planar[1] // views.shape[1]
    windows = windows_keV(nuclide)
    peak_keV = windows[0][2] - windows[0][1]
    cps = sensitivity_cps_per_MBq("planar", nuclide) * duration_s / factor**2
    counts = np.zeros((3, 2, *planar), dtype=np.uint16)
    for number, view in enumerate((views.anterior, views.posterior)):
        primary = np.zeros(views.shape, dtype=np.float32)
        for name, (box, projection) in view.items():
            primary[box] += np.float32(MBq_per_mL[name] * cps) * projection
        sigma = _SCATTER_FWHM_MM / FWHM_PER_SD / views.spacing_mm
        scatter = gaussian_filter(primary, sigma, mode="constant", truncate=2.5) * np.float32(_SCATTER_PER_PRIMARY)
        shares_of_scatter = (
            1.0,
            _SCATTER_LOW_OVER_PEAK * (windows[1][2] - windows[1][1]) / peak_keV,
            (2 - _SCATTER_LOW_OVER_PEAK) * (windows[2][2] - windows[2][1]) / peak_keV,
        )
        for window, share_of_scatter in enumerate(shares_of_scatter):
            mean = scatter * np.float32(share_of_scatter)
            if window == 0:
                mean = mean + primary
            fine = zoom(np.maximum(mean, 0), factor, order=1, grid_mode=True, mode="nearest") if factor > 1 else mean
            image = rng.poisson(np.maximum(fine, 0))
            counts[window, number] = np.minimum(image, 65535)[:, :: 1 if number == 0 else -1]
    return counts
