"""Recovery of regions of any shape beside each other: the geometric transfer matrix. docs/methods/recovery.md."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import FloatArray, Region
from theratrial.quantification.recovery import Recovery

Floats = NDArray[np.float64]

FWHM_PER_SD: Final = 2.0 * math.sqrt(2.0 * math.log(2.0))
_REACH_SD: Final = 4.0
_WORST_CONDITION: Final = 100.0
_LOG_STEP: Final = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class TransferMatrix:
    """Where the activity of each region is seen: ``matrix[i, j]`` is the share of region j's activity inside outline i.

    The diagonal is the recovery of each region's own shape. `regions` names rows and columns.
    """

    regions: tuple[str, ...]
    volumes_mL: Floats
    matrix: Floats
    fwhm_mm: float

    def recovery(self, region: str) -> float:
        """Share of a region's own activity that is seen inside its outline."""
        place = self.regions.index(region)
        return float(self.matrix[place, place])

    def true_activities_MBq(self, measured_MBq: Sequence[float]) -> Floats:
        """Activities of all regions from what was measured inside their outlines ``(n,)``, in the order of `regions`.

        Assumes that all activity lies in the regions (give the remainder of the body as one of them), uniform in each.

        Raises
        ------
        NumericalError
            If the outlines cannot be told apart at this resolution, or a region comes out negative.
        """
        worst = float(np.linalg.cond(self.matrix))
        if worst > _WORST_CONDITION:
            raise NumericalError(
                f"regions {', '.join(self.regions)} cannot be told apart at {self.fwhm_mm:g} mm resolution (condition "
                f"number {worst:.0f}, allowed {_WORST_CONDITION:g}) -> merge the smallest with its neighbour"
            )
        found = np.linalg.solve(self.matrix, np.asarray(measured_MBq, dtype=float))
        for name, value in zip(self.regions, found, strict=True):
            if value < 0:
                raise NumericalError(
                    f"region {name}: its neighbours explain more than was measured in it ({value:.4g} MBq) -> check "
                    "its outline against the image"
                )
        return np.asarray(found)


def transfer_matrix(regions: Sequence[Region], fwhm_mm: float) -> TransferMatrix:
    """Shares of every region's activity in every outline, for a Gaussian resolution of that width.

    Assumes that the resolution is the same everywhere and in all directions, and that each region holds its activity
    uniformly. A region cut by the edge of the image keeps only what of it is inside.

    Parameters
    ----------
    regions
        On one grid, not overlapping; the remainder of the body among them if it is warm.
    fwhm_mm
        Full width at half maximum of the reconstructed image of a point.

    Raises
    ------
    InputError
        If there is no region, a name stands twice, grids differ, or the resolution is not positive.

    References
    ----------
    Rousset OG, Ma Y, Evans AC, Correction for partial volume effects in PET: principle and validation, J Nucl Med
    1998;39:904-911.
    """
    names = tuple(region.name for region in regions)
    if not regions or len(set(names)) < len(names):
        raise InputError(f"a transfer matrix needs regions of different names, got {', '.join(names) or 'none'}")
    if not (math.isfinite(fwhm_mm) and fwhm_mm > 0):
        raise InputError(f"the resolution is {fwhm_mm} mm; it must be positive")
    grid = regions[0].grid
    if any(not grid.same_place(region.grid) for region in regions):
        raise InputError("the regions of a transfer matrix lie on one grid -> put them on the grid of the scan")
    volumes = np.array([region.volume_mL for region in regions])
    if volumes.min() <= 0:
        raise InputError(f"region {names[int(volumes.argmin())]} is empty; it has no recovery")
    matrix = np.empty((len(regions), len(regions)))
    for j, source in enumerate(regions):
        corner, seen = blurred_region(source, fwhm_mm)
        for i, outline in enumerate(regions):
            matrix[i, j] = _shared(outline, corner, seen) * grid.voxel_volume_mL / volumes[j]
    return TransferMatrix(names, volumes, matrix, fwhm_mm)


def blurred_region(region: Region, fwhm_mm: float) -> tuple[tuple[int, int, int], FloatArray]:
    """Membership of a region as seen at that resolution, on its own box grown by what spills out: corner, values."""
    from scipy.ndimage import gaussian_filter

    sigma = [fwhm_mm / FWHM_PER_SD / spacing for spacing in region.grid.spacing_mm]
    margin = [math.ceil(_REACH_SD * s) for s in sigma]
    grown = np.pad(region.weights, [(m, m) for m in margin])
    seen = gaussian_filter(grown, sigma, mode="constant", truncate=_REACH_SD)
    corner = tuple(c - m for c, m in zip(region.corner, margin, strict=True))
    return (corner[0], corner[1], corner[2]), seen


def _shared(outline: Region, corner: tuple[int, int, int], seen: FloatArray) -> float:
    """Sum of `seen` (from index `corner` on) times the membership of `outline`."""
    first = [max(a, b) for a, b in zip(outline.corner, corner, strict=True)]
    last = [
        min(a + n, b + m) for a, n, b, m in zip(outline.corner, outline.weights.shape, corner, seen.shape, strict=True)
    ]
    if any(b <= a for a, b in zip(first, last, strict=True)):
        return 0.0
    one = tuple(slice(a - c, b - c) for a, b, c in zip(first, last, outline.corner, strict=True))
    other = tuple(slice(a - c, b - c) for a, b, c in zip(first, last, corner, strict=True))
    return float(np.einsum("zyx,zyx->", outline.weights[one], seen[other], dtype=np.float64))


@dataclass(frozen=True, slots=True)
class ShapeRecovery:
    """Recovery of every region from its own shape and the camera's resolution, as a Gaussian of one width everywhere.

    Parameters
    ----------
    fwhm_mm, sd_mm
        Width of the reconstructed image of a point and its standard deviation (`resolution_from_spheres`).
    """

    curve_id: str
    camera: str
    nuclide: str
    reconstruction: str
    fwhm_mm: float
    sd_mm: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.fwhm_mm) and self.fwhm_mm > 0 and 0 <= self.sd_mm < self.fwhm_mm):
            raise InputError(f"resolution {self.curve_id!r}: {self.fwhm_mm} +- {self.sd_mm} mm cannot be")

    @property
    def trace_input(self) -> str:
        """How a `Trace` names it."""
        return f"given:{self.curve_id}, resolution {self.fwhm_mm:g} +- {self.sd_mm:g} mm"

    def of(self, region: Region) -> Recovery:
        """Share of the region's own activity inside its outline, for exactly this shape.

        A region of the same shape and another volume is one seen at another resolution, which gives the derivative:
        d ln RC / d ln V = -(1/3) d ln RC / d ln FWHM.
        """
        steps = (-_LOG_STEP, 0.0, _LOG_STEP)
        low, found, high = (
            math.log(transfer_matrix([region], self.fwhm_mm * math.exp(step)).matrix[0, 0]) for step in steps
        )
        by_width = (high - low) / (2 * _LOG_STEP)
        share = math.exp(found)
        return Recovery(
            region.volume_mL, share, abs(by_width) * self.sd_mm / self.fwhm_mm, -by_width / 3, share, share, ""
        )


def resolution_from_spheres(
    volumes_mL: Sequence[float], recoveries: Sequence[float], *, voxel_mm: float = 0.0
) -> float:
    """Width of a Gaussian resolution [mm FWHM] that best explains measured recoveries of spheres, by least squares.

    Parameters
    ----------
    voxel_mm
        Edge of the voxels the spheres were measured on, with outlines as shares of voxels. Activity and outline are
        each averaged over a voxel, which widens a point by twice a^2/12; it is taken out again, because
        `transfer_matrix` brings it in from the region's own voxels.

    Examples
    --------
    >>> round(resolution_from_spheres([10.0, 50.0], [sphere_recovery(10.0, 9.0), sphere_recovery(50.0, 9.0)]), 3)
    9.0
    """
    from scipy.optimize import minimize_scalar

    voxels_mm = FWHM_PER_SD * voxel_mm / math.sqrt(6)

    def misfit(fwhm_mm: float) -> float:
        pairs = zip(volumes_mL, recoveries, strict=True)
        return sum((sphere_recovery(v, math.hypot(fwhm_mm, voxels_mm)) - r) ** 2 for v, r in pairs)

    found = minimize_scalar(misfit, bounds=(0.5, 60.0), method="bounded", options={"xatol": 1e-6})
    return float(found.x)


def sphere_recovery(volume_mL: float, fwhm_mm: float) -> float:
    """Share of a uniform sphere's activity that stays inside its outline at a Gaussian resolution; closed form.

    The mean, over the displacements of the resolution, of the overlap of the sphere with its displaced self
    ``1 - 3 r / 4R + r^3 / 16R^3``. With q the radius in standard deviations and E = exp(-2 q^2) this is
    ``erf(sqrt(2) q) - (3 - E - (1 - E) / q^2) / (sqrt(2 pi) q)``.

    Examples
    --------
    A 37 mm sphere at 9 mm loses a quarter:

    >>> round(sphere_recovery(26.5, 9.0), 3)
    0.756
    """
    q = (3 * volume_mL * 1000 / (4 * math.pi)) ** (1 / 3) * FWHM_PER_SD / fwhm_mm
    e = math.exp(-2 * q * q)
    return math.erf(math.sqrt(2) * q) - (3 - e - (1 - e) / (q * q)) / (math.sqrt(2 * math.pi) * q)
