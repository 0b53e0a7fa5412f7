"""Dose map of a session by a voxel kernel: the engine beside the others, and dose-volume histograms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Protocol

import numpy as np

from theratrial.dosimetry import DosePlan, TimeActivityPoint
from theratrial.dosimetry.transport.values import VoxelKernel
from theratrial.errors import InputError, NumericalError, SourceError
from theratrial.nuclides import Nuclide
from theratrial.pipeline.dose_voxel_map import (
    MappedRegion,
    RegionVoxels,
    SessionDoseMap,
    curve_of,
    cut_apart,
    difference_text,
    region_voxels,
    remainder_of,
    session_dose_map,
    stand_in_MBq_h,
)
from theratrial.pipeline.session_scans import SeenRegion, SessionScan
from theratrial.pipeline.session_values import MeasuredRegion
from theratrial.protocol.schema import DoseRegion
from theratrial.results import dosimetry as shown
from theratrial.results.values import Note, RegionDoseResult
from theratrial.trace import Quantity, Trace

VERSION: Final = "1"


def _reference(scans: Sequence[SessionScan], measured: Sequence[Mappable]) -> SessionScan | None:
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
    scans: Sequence[SessionScan], measured: Sequence[Mappable], repeatability: float
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


def _mapped(region: Mappable, scan: SessionScan, nuclide: Nuclide) -> MappedRegion | None:
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


class Mappable(Protocol):
    """What a dose map needs of a region of the session."""

    @property
    def name(self) -> str:
        """As drawn."""

    @property
    def seen(self) -> Sequence[SeenRegion]:
        """The scans that show it."""

    @property
    def curve_points(self) -> Sequence[TimeActivityPoint]:
        """Activity at each of them."""

    @property
    def reading(self) -> DoseRegion:
        """As the protocol names it."""

    @property
    def tia_MBq_h(self) -> float | None:
        """As reported [MBq h]."""


@dataclass(frozen=True, slots=True, eq=False)
class MappedSession:
    """The dose map of a session with what it was made of, and the regions that are not on it."""

    reference: SessionScan
    mapped: tuple[MappedRegion, ...]
    lost: Mapping[str, str]
    left: tuple[TimeActivityPoint, ...]
    made: SessionDoseMap


def mapped_session(
    measured: Sequence[Mappable],
    scans: Sequence[SessionScan],
    nuclide: Nuclide,
    plan: DosePlan,
    *,
    repeatability_relative_sd: float,
    administered_MBq: float,
) -> MappedSession:
    """The dose map of a session, as `voxel_details` describes it; parameters and errors as there."""
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
    return MappedSession(reference, tuple(mapped), lost, tuple(left), made)


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
    whole = mapped_session(
        measured, scans, nuclide, plan, repeatability_relative_sd=repeatability_relative_sd,
        administered_MBq=administered_MBq,
    )  # fmt: skip
    title, lost = whole.reference.image.plan.title, dict(whole.lost)
    inputs = _map_inputs(whole.reference, measured, whole.left, whole.made.kernel)
    by_name = {region.name: region for region in measured}
    found = {}
    for one in whole.mapped:
        region = by_name[one.name]
        if one.is_stand_in:
            lost[one.name] = f"no time-integrated activity: {region.classical.because}"
            continue
        try:
            voxels = region_voxels(whole.made, one)
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
    return {
        "pattern": reference.activity.source.content_hash,
        **tias,
        **{f"rest of the field, scan {n}": point.source for n, point in enumerate(left, start=1)},
        # Medium, spacing and extent of the kernel follow from the scan; they stand in the note.
        **{f"kernel {name}": where for name, where in kernel.trace.inputs.items() if not where.startswith("given:")},
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
