"""Dose map of a session by a voxel kernel: the engine beside the others, and dose-volume histograms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
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
from theratrial.errors import InputError, NumericalError, SourceError
from theratrial.imaging.values import ActivityMap, Region
from theratrial.nuclides import Nuclide
from theratrial.pipeline.session_scans import SessionScan
from theratrial.pipeline.session_values import MeasuredRegion
from theratrial.results import dosimetry as shown
from theratrial.results.values import Note, RegionDoseResult
from theratrial.trace import Quantity, Trace

VERSION: Final = "1"
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


def _reference(scans: Sequence[SessionScan], measured: Sequence[MeasuredRegion]) -> SessionScan | None:
    """The scan that shows most of the regions; of those the one with most activity, which has the least noise."""

    def rank(scan: SessionScan) -> tuple[int, float]:
        shown_here = sum(any(seen.scan is scan for seen in region.seen) for region in measured)
        return shown_here, float(scan.activity.activity_Bq_per_mL.sum(dtype=np.float64))

    return max(scans, key=rank, default=None)


def _hours(scan: SessionScan) -> float:
    administration = scan.image.administration
    assert administration is not None
    at: datetime = administration["injected_at"]
    return (scan.activity.acquired_at.astimezone(UTC) - at.astimezone(UTC)).total_seconds() / 3600


def _left_in_field(
    scans: Sequence[SessionScan], measured: Sequence[MeasuredRegion], repeatability: float
) -> list[TimeActivityPoint]:
    """Activity outside all regions at each scan that shows every one of them; recovery moves activity, no more."""
    found = []
    for scan in scans:
        inside = [seen.activity.activity_MBq for region in measured for seen in region.seen if seen.scan is scan]
        if len(inside) < len(measured):
            continue
        whole_Bq = float(scan.activity.activity_Bq_per_mL.sum(dtype=np.float64)) * scan.activity.grid.voxel_volume_mL
        left_MBq = whole_Bq * 1e-6 - math.fsum(inside)
        found.append(
            TimeActivityPoint(
                hours_after_administration=_hours(scan),
                activity_MBq=max(left_MBq, 0.0),
                uncorrelated_relative_sd=repeatability,
                common_relative_sd=scan.activity.calibration_relative_sd,
                source=scan.activity.source.content_hash,
                nuclide=scan.activity.nuclide,
            )
        )
    return found


def _mapped(region: MeasuredRegion, scan: SessionScan, nuclide: Nuclide) -> MappedRegion | None:
    seen = next((one for one in region.seen if one.scan is scan), None)
    if seen is None:
        return None
    tia = region.tia_MBq_h
    return MappedRegion(
        name=region.name,
        region=seen.region,
        time_integrated_activity_MBq_h=stand_in_MBq_h(region.curve_points, nuclide) if tia is None else tia,
        density_g_per_mL=region.reading.density_g_per_mL,
        is_stand_in=tia is None,
        recovery=seen.recovery.recovery or 1.0,
    )


def voxel_details(
    measured: Sequence[MeasuredRegion],
    scans: Sequence[SessionScan],
    nuclide: Nuclide,
    plan: DosePlan,
    *,
    repeatability_relative_sd: float,
    administered_MBq: float,
) -> tuple[dict[str, tuple[shown.EngineDose, shown.DoseVolume]], dict[str, str]]:
    """Of each region the kernel's dose beside local deposition and its dose-volume histogram; and why some have none.

    One scan's pattern is scaled so that each region holds the time-integrated activity that is reported for it. What is
    outside the regions has its own exponential through what is left of the field of view. Each region has the density
    that the protocol states, the way between them is the kernel's soft tissue: no CT lies on the SPECT's grid.

    Parameters
    ----------
    repeatability_relative_sd
        Of what is outside the regions, from scan to scan.
    administered_MBq
        At administration [MBq].

    Raises
    ------
    InputError, NumericalError, SourceError
        No dose map can be made; the message says why.
    """
    if nuclide.emits_alpha:
        raise NumericalError(f"{nuclide.name} emits alpha particles, which a voxel kernel does not hold")
    reference = _reference(scans, measured)
    if reference is None:
        raise InputError("no scan of the session is quantified; there is no pattern to scale")
    placed = [(region, _mapped(region, reference, nuclide)) for region in measured]
    title = reference.image.plan.title
    lost = {region.name: f"is not on the scan whose pattern is scaled ({title})" for region, one in placed if not one}
    mapped, cut_away = cut_apart([one for _, one in placed if one is not None])
    lost |= cut_away
    left = _left_in_field(scans, measured, repeatability_relative_sd)
    remainder = remainder_of(left, nuclide, plan, administered_MBq=administered_MBq)
    hours = _hours(reference)
    made = session_dose_map(reference.activity, hours, mapped, remainder)
    inputs = _map_inputs(reference, measured, left, made.kernel)
    by_name = {region.name: region for region in measured}
    found = {}
    for one in mapped:
        region = by_name[one.name]
        if one.is_stand_in:
            lost[one.name] = f"no time-integrated activity: {region.classical.because}"
            continue
        try:
            voxels = region_voxels(made, one)
        except NumericalError as error:
            lost[one.name] = str(error)
            continue
        found[one.name] = _shown(region, voxels, nuclide, title, inputs, plan)
    return found, lost


def _map_inputs(
    reference: SessionScan,
    measured: Sequence[MeasuredRegion],
    left: Sequence[TimeActivityPoint],
    kernel: VoxelKernel,
) -> dict[str, str]:
    tias = {
        f"time_integrated_activity {region.name}": f"{region.value}.time_integrated_activity_MBq_h"
        for region in measured
    }
    reach_mm = ", ".join(
        f"{(size // 2 + 0.5) * step:.0f}"
        for size, step in zip(kernel.photon_Gy_per_MBq_h.shape, kernel.spacing_mm, strict=True)
    )
    return {
        "pattern": reference.activity.source.content_hash,
        **tias,
        **{f"rest of the field, scan {n}": point.source for n, point in enumerate(left, start=1)},
        **{f"kernel {name}": where for name, where in kernel.trace.inputs.items()},
        "photon_reach": f"given:{reach_mm} mm (z, y, x)",
        "voxel_doses": "protocol:dosimetry",
    }


def _shown(
    region: MeasuredRegion,
    voxels: RegionVoxels,
    nuclide: Nuclide,
    title: str,
    inputs: Mapping[str, str],
    plan: DosePlan,
) -> tuple[shown.EngineDose, shown.DoseVolume]:
    tia = region.tia_MBq_h
    assert tia is not None
    own = {"density": f"protocol:dose_regions.{region.reading.id}"}
    trace = Trace("dosimetry.voxel_kernel", VERSION, {**inputs, **own}, demonstration=plan.demonstration)
    percent, because = difference_text(region.name, tia, nuclide, region.volume_mL, voxels)
    histogram = voxels.histogram
    d98, d50, d2 = (histogram.dose_at_percent_Gy(percent_of) for percent_of in (98, 50, 2))
    note = f"pattern of {title}; " + "; ".join(voxels.notes)
    return (
        shown.EngineDose(
            engine="voxel_kernel",
            absorbed_dose_Gy=Quantity(voxels.mean_Gy, "Gy", trace),
            electron_Gy=voxels.electron_Gy,
            photon_self_Gy=voxels.photon_self_Gy,
            photon_cross_Gy=voxels.photon_cross_Gy,
            alpha_Gy=None,
            difference_percent=percent,
            because=because,
        ),
        shown.DoseVolume(
            mean_Gy=Quantity(histogram.mean_Gy, "Gy", trace, note=note),
            d98_Gy=d98,
            d50_Gy=d50,
            d2_Gy=d2,
            curve=curve_of(histogram),
        ),
    )


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


def with_voxel_details(
    results: Sequence[RegionDoseResult],
    measured: Sequence[MeasuredRegion],
    scans: Sequence[SessionScan],
    nuclide: Nuclide,
    plan: DosePlan,
    notes: list[Note],
    *,
    participant_id: str,
    session: int,
    repeatability_relative_sd: float,
    administered_MBq: float,
) -> list[RegionDoseResult]:
    """The results with the kernel's engine and a histogram beside each dose; where there is none a note says why."""
    try:
        found, lost = voxel_details(
            measured,
            scans,
            nuclide,
            plan,
            repeatability_relative_sd=repeatability_relative_sd,
            administered_MBq=administered_MBq,
        )
    except (InputError, NumericalError, SourceError) as error:
        notes.append(Note(participant_id, "warning", f"session {session}", f"no dose map: {error}"))
        return list(results)
    notes += [
        Note(participant_id, "warning", f"session {session}, {name}", f"no voxel dose: {why}")
        for name, why in lost.items()
    ]
    made = []
    for result in results:
        if result.region_name in found:
            engine, histogram = found[result.region_name]
            details = replace(result.details, engines=(*result.details.engines, engine), dose_volume=histogram)
            made.append(replace(result, details=details))
        else:
            made.append(result)
    return made
