"""A dose map from one scan's pattern scaled region by region, and what it says of each region."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from theratrial.dosimetry import DosePlan, TimeActivityPoint
from theratrial.dosimetry.curve import time_activity_curve
from theratrial.dosimetry.dose_volume import DoseVolume, dose_volume
from theratrial.dosimetry.engines import EngineDose, engine_comparison, local_deposition
from theratrial.dosimetry.time_integrated import time_integrated_activity
from theratrial.dosimetry.transport.values import VoxelKernel
from theratrial.dosimetry.transport.voxel_kernel import voxel_kernel
from theratrial.dosimetry.voxel.convolution import convolved
from theratrial.dosimetry.voxel.density import DensityMap
from theratrial.dosimetry.voxel.dose_map import AbsorbedDoseMap
from theratrial.dosimetry.voxel.engines import kernel_dose
from theratrial.dosimetry.voxel.overlap import covered_box, without_overlap
from theratrial.dosimetry.voxel.scans import SessionScans
from theratrial.dosimetry.voxel.tia_map import (
    RegionTia,
    Remainder,
    RemainderLeftOut,
    RemainderTia,
    TimeIntegratedActivityMap,
    region_wise_tia_map,
)
from theratrial.errors import InputError
from theratrial.imaging.values import ActivityMap, Region
from theratrial.nuclides import Nuclide

MEDIUM: Final = "soft_tissue"
CURVE_POINTS: Final = 60
"""Points of a dose-volume curve as it is kept; its D98, D50 and D2 are of all voxels."""


@dataclass(frozen=True, slots=True, eq=False)
class MappedRegion:
    """A region on the reference scan with what the map holds for it."""

    name: str
    region: Region
    time_integrated_activity_MBq_h: float
    density_g_per_mL: float
    is_stand_in: bool
    """No time-integrated activity is known: physical decay through the last scan stands in, for the neighbours only."""
    recovery: float
    """Share of its own activity that its outline shows; 1 where none was applied."""


@dataclass(frozen=True, slots=True, eq=False)
class RegionVoxels:
    """What the dose map says of a region."""

    electron_Gy: float
    photon_self_Gy: float
    """From photons emitted in the region."""
    photon_cross_Gy: float
    volume_mL: float
    density_g_per_mL: float
    histogram: DoseVolume
    notes: tuple[str, ...]

    @property
    def mean_Gy(self) -> float:
        """Energy over mass [Gy]."""
        return math.fsum((self.electron_Gy, self.photon_self_Gy, self.photon_cross_Gy))

    def engine(self, source: str) -> EngineDose:
        """As an engine to compare with others."""
        return EngineDose(
            "voxel_kernel",
            self.electron_Gy,
            self.photon_self_Gy,
            self.photon_cross_Gy,
            self.volume_mL,
            self.density_g_per_mL,
            source=source,
        )


def stand_in_MBq_h(points: Sequence[TimeActivityPoint], nuclide: Nuclide) -> float:
    """Physical decay alone through the last scan, from administration to infinity [MBq h]."""
    last = max(points, key=lambda point: point.hours_after_administration)
    physical = nuclide.decay_constant_per_h
    return max(last.activity_MBq, 0.0) * math.exp(physical * last.hours_after_administration) / physical


def remainder_of(
    points: Sequence[TimeActivityPoint],
    nuclide: Nuclide,
    plan: DosePlan,
    *,
    administered_MBq: float,
    source: str = "given:",
) -> Remainder:
    """What lies outside the regions: one exponential through what is left of the field of view at each scan.

    Where the points give no value, physical decay through the last of them stands in and says so; where the regions
    hold all there is, nothing is emitted outside them and that is said.
    """
    if not points or min(point.activity_MBq for point in points) <= 0:
        return RemainderLeftOut("the regions hold, after recovery, all the activity in the field of view")
    curve = time_activity_curve(points, nuclide, plan, administered_activity_MBq=administered_MBq)
    tia = time_integrated_activity(curve, plan, administered_activity_MBq=administered_MBq)
    value = tia.time_integrated_activity_MBq_h
    if value is not None:
        return RemainderTia(value, source=source, demonstration=plan.demonstration)
    note = f"{curve.determinacy}, physical decay through the last scan stands in"
    return RemainderTia(stand_in_MBq_h(points, nuclide), note=note, source=source, demonstration=plan.demonstration)


@dataclass(frozen=True, slots=True, eq=False)
class SessionDoseMap:
    """A dose map with what it was made of."""

    scan: ActivityMap
    tia: TimeIntegratedActivityMap
    kernel: VoxelKernel
    dose: AbsorbedDoseMap


def session_dose_map(
    scan: ActivityMap,
    hours: float,
    regions: Sequence[MappedRegion],
    remainder: Remainder,
    *,
    density: DensityMap | None = None,
    workers: int = 1,
) -> SessionDoseMap:
    """Dose map of one scan's pattern scaled region by region, by the kernel of its voxel size.

    Raises
    ------
    InputError
        Regions overlap, are empty, or hold no activity on the scan.
    SourceError
        The nuclide has no kernel.
    """
    tia_map = region_wise_tia_map(
        SessionScans((scan,), (hours,)),
        [RegionTia(one.region, one.time_integrated_activity_MBq_h) for one in regions],
        remainder=remainder,
    )
    kernel = voxel_kernel(tia_map.nuclide, tia_map.grid.spacing_mm, medium=MEDIUM)
    return SessionDoseMap(
        scan, tia_map, kernel, kernel_dose(tia_map, kernel, density=density, parts=True, workers=workers)
    )


def own_photon_Gy(made: SessionDoseMap, region: Region) -> float:
    """Mean dose of a region of the map by photons emitted in it [Gy]: its part with the photon kernel, in its box."""
    box, weights = region.box(), region.weights
    (factor_h,) = (one.factor_h for one in made.tia.scaled if one.region == region.name)
    # Not the map's own values: in shared voxels they hold what the neighbours emit there.
    values = np.ascontiguousarray(made.scan.activity_Bq_per_mL[box] * weights * np.float32(factor_h * 1e-6))
    (gray,) = convolved(values, [made.kernel.photon_Gy_per_MBq_h * made.tia.grid.voxel_volume_mL])
    masses = weights
    if made.dose.density is not None:
        local = made.dose.density.density_g_per_mL[box]
        known = local >= made.dose.density.floor_g_per_mL  # False for what is not a number
        masses = weights * np.where(known, local, 0)
        gray = gray * known * np.float32(made.kernel.density_g_per_mL)
        total = float(masses.sum(dtype=np.float64))
        return float(np.einsum("zyx,zyx->", gray, weights, dtype=np.float64)) / total if total > 0 else 0.0
    return float(np.einsum("zyx,zyx->", gray, weights, dtype=np.float64) / masses.sum(dtype=np.float64))


def region_voxels(made: SessionDoseMap, one: MappedRegion) -> RegionVoxels:
    """Means, parts and histogram of a region of the dose map.

    Without a map of densities the region's own density counts: electrons, which stay, are divided by its mass; of the
    photons the dose in the kernel's medium is taken, because the energy that they give to a gram hardly depends on how
    densely the tissue is packed.

    Raises
    ------
    NumericalError
        No voxel of the region has a dose.
    """
    packing = 1.0 if made.dose.density is not None else made.kernel.density_g_per_mL / one.density_g_per_mL
    histogram = _histogram(made.dose, one.region, packing)
    dose = made.dose.region_dose(one.region)
    assert dose.electron_mean_Gy is not None
    assert dose.photon_mean_Gy is not None
    notes = [
        "the pattern is as blurred as the scan: edges are too cold and, where the region is uniform, its middle is too "
        "hot; D98 and D2 are those of the blurred pattern"
    ]
    if one.recovery != 1.0:
        notes.append(
            f"the whole carries the recovered activity (own recovery {one.recovery:.3f}), laid on the voxels inside "
            "the outline; the mean is recovered, the spread is not"
        )
    if dose.excluded_fraction > 0:
        notes.append(f"{dose.excluded_fraction:.1%} of the volume has no dose (density below the floor or not known)")
    # Convolution in single precision leaves traces below zero where there is next to nothing.
    photon_Gy = max(dose.photon_mean_Gy, 0.0)
    own_Gy = min(max(own_photon_Gy(made, one.region), 0.0), photon_Gy)
    return RegionVoxels(
        electron_Gy=max(dose.electron_mean_Gy * packing, 0.0),
        photon_self_Gy=own_Gy,
        photon_cross_Gy=photon_Gy - own_Gy,
        volume_mL=dose.volume_mL,
        density_g_per_mL=one.density_g_per_mL,
        histogram=histogram,
        notes=tuple(notes),
    )


def _histogram(dose_map: AbsorbedDoseMap, region: Region, packing: float) -> DoseVolume:
    """Dose-volume histogram with the electrons of each voxel times a factor."""
    found = dose_volume(dose_map, region)
    if packing == 1.0:
        return found
    assert dose_map.electron_Gy is not None
    assert dose_map.photon_Gy is not None
    box, belongs = region.box(), region.weights > 0
    doses = dose_map.electron_Gy[box][belongs] * packing + dose_map.photon_Gy[box][belongs]
    order = np.argsort(doses, kind="stable")
    volumes = region.weights[belongs][order].astype(np.float64) * dose_map.grid.voxel_volume_mL
    return replace(found, doses_Gy=doses[order].astype(np.float64), volumes_mL=volumes)


def curve_of(histogram: DoseVolume, points: int = CURVE_POINTS) -> tuple[tuple[float, float], ...]:
    """(dose [Gy], share of the volume with at least that dose) at even steps from zero to the highest dose.

    Examples
    --------
    >>> two = DoseVolume("r", np.array([1.0, 2.0]), np.array([1.0, 1.0]), 0.0, Trace("example", "1"))
    >>> curve_of(two, 3)
    ((0.0, 1.0), (1.0, 1.0), (2.0, 0.5))
    """
    doses = np.linspace(0.0, max(histogram.maximum_Gy, 0.0), points)
    shares = histogram.cumulative_fraction(doses)
    return tuple((float(f"{d:.6g}"), float(f"{s:.6g}")) for d, s in zip(doses, shares, strict=True))


def cut_apart(regions: Sequence[MappedRegion]) -> tuple[list[MappedRegion], dict[str, str]]:
    """Regions no voxel of which counts twice, the smaller before the larger; and those of which nothing is left."""
    kept: list[MappedRegion] = []
    lost: dict[str, str] = {}
    if not regions:
        return kept, lost
    try:
        covered_box([one.region for one in regions], regions[0].region.grid)
        return list(regions), lost
    except InputError:
        pass  # they overlap: cut them
    for one in sorted(regions, key=lambda one: one.region.volume_mL):
        try:
            cut = without_overlap([*(other.region for other in kept), one.region])[-1]
        except InputError as error:
            lost[one.name] = str(error)
            continue
        kept.append(replace(one, region=cut))
    return kept, lost


def difference_text(
    name: str, tia_MBq_h: float, nuclide: Nuclide, volume_mL: float, voxels: RegionVoxels
) -> tuple[float | None, str]:
    """By how much the kernel's dose differs from local deposition [%], and by what."""
    if tia_MBq_h <= 0:
        return None, "no activity of its own: photons from elsewhere"
    local = local_deposition(tia_MBq_h, nuclide, volume_mL=volume_mL, density_g_per_mL=voxels.density_g_per_mL)
    (found,) = engine_comparison(name, local, [voxels.engine("given:voxel kernel")]).differences
    named = {
        "volume": "volume on this scan against the mean of the scans",
        "density": "density",
        "spill": "electrons and activity across the outline",
        "photons_self": "own photons",
        "photons_cross": "photons from elsewhere",
    }
    parts = [
        f"{named[part.cause]} {part.absorbed_dose_Gy / local.absorbed_dose_Gy:+.1%}"
        for part in found.parts
        if abs(part.absorbed_dose_Gy) > 5e-4 * local.absorbed_dose_Gy
    ]
    return found.difference_fraction * 100, ", ".join(parts) or "no difference above 0.05 %"
