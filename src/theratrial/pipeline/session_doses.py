"""The images of one session to the absorbed dose of every region of the protocol."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from theratrial.dosimetry import (
    AbsorbedDose,
    DosePlan,
    RegionActivity,
    RegionDose,
    TimeActivityCurve,
    cumulative,
    region_activity,
    region_dose,
    region_mass_g,
)
from theratrial.errors import InputError, NumericalError
from theratrial.gates import SessionDose, session_dose
from theratrial.imaging.merge import merged_region
from theratrial.imaging.regions import placeable_regions, region_names
from theratrial.imaging.spect import SpectCalibration, activity_map_from_files
from theratrial.imaging.values import ActivityMap, Region
from theratrial.nuclides import Nuclide, nuclide_name
from theratrial.pipeline.matching import PlannedImage
from theratrial.pipeline.traces import retraced, with_inputs
from theratrial.protocol.schema import DoseRegion, DosimetryPlan, LimitsPlan, Protocol
from theratrial.results.places import dose_place, session_place
from theratrial.results.values import CumulativeDose, CurvePoint, Note, RegionDoseResult
from theratrial.trace import Quantity, Trace
from theratrial.trialfolder.records import TrialFolder

_Z_95 = 1.959963984540054  # two-sided 95 % of the standard normal
_UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class SessionDoses:
    """Doses of one session: for the results, for the gate, and for the sum over sessions."""

    results: tuple[RegionDoseResult, ...]
    for_gate: tuple[SessionDose, ...]
    absorbed: Mapping[str, AbsorbedDose | None]
    """Region name -> dose; None where there was nothing to compute it from."""
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class _Scan:
    """One scan of the session as activity, with the regions drawn on it."""

    image: PlannedImage
    activity: ActivityMap
    regions: Mapping[str, Region]
    """Lower-case name -> region."""
    unplaced: Mapping[str, str]
    """Lower-case name -> why the region cannot be put on this scan."""
    calibration: str
    """Line of the calibration; empty where the image states its activity itself."""

    def inputs(self, parts: Iterable[str]) -> dict[str, str]:
        """What the activity of a region made of these drawn ones was read from."""
        found = {"image": self.activity.source.content_hash, "repeatability": "protocol:dosimetry"}
        for part in parts:
            found[f"region {part}"] = f"{self.regions[part].source.content_hash}#{self.regions[part].name}"
        if self.calibration and "calibration" in self.activity.trace.inputs:
            found["calibration"] = self.calibration
        return found


def _calibration(folder: TrialFolder, image: PlannedImage, nuclide: Nuclide) -> tuple[SpectCalibration | None, str]:
    """The latest calibration of the camera that holds on the day of the scan, and its line; None where none does."""
    assert image.series is not None
    assert image.acquired_at is not None
    day = image.acquired_at.date()
    fitting = [
        row
        for row in folder.rows("calibrations", kind="spect")
        if row["camera"].casefold() == image.series.station_name.casefold()
        and row["valid_from"] <= day
        and nuclide_name(row["nuclide"]) == nuclide.name
    ]
    row = max(fitting, key=lambda one: one["valid_from"], default=None)
    if row is None:
        return None, ""
    calibration = SpectCalibration(
        calibration_id=row["calibration_id"],
        camera=row["camera"],
        nuclide=nuclide.name,
        factor_cps_per_MBq=row["factor_cps_per_MBq"],
        relative_sd_fraction=row["relative_sd_percent"] / 100,
        valid_from=row["valid_from"],
        geometry=row["geometry"] or "",
    )
    return calibration, row.source


def _scan(folder: TrialFolder, image: PlannedImage, nuclide: Nuclide) -> _Scan:
    assert image.series is not None
    calibration, line = _calibration(folder, image, nuclide)
    activity = activity_map_from_files(image.series.files, calibration, folder.zone)
    regions: dict[str, Region] = {}
    absent: dict[str, str] = {}
    for drawn in image.regions:
        for path in drawn.files:
            wanted = [name for name in region_names(path) if _is_wanted(folder.protocol, name)]
            placed, problems = placeable_regions(path, activity.grid, wanted, patient_id=image.series.patient_id)
            absent.update({name.casefold(): why for name, why in problems.items()})
            for region in placed:
                if region.name.casefold() in regions:
                    raise InputError(
                        f"{path}: region {region.name!r} is drawn twice on {image.plan.title} of "
                        f"{image.series.patient_id} -> keep one"
                    )
                regions[region.name.casefold()] = region
    return _Scan(image, activity, regions, absent, line)


def _is_wanted(protocol: Protocol, name: str) -> bool:
    patterns = [
        pattern.casefold()
        for clause in protocol.dose_regions.values()
        if clause.reading is not None
        for pattern in clause.reading.region_names
    ]
    return any(fnmatchcase(name.casefold(), pattern) for pattern in patterns)


def _names(reading: DoseRegion, scans: Sequence[_Scan]) -> dict[str, tuple[str, ...]]:
    """Result name -> names of the drawn regions it is made of; a pattern with ``*`` gives one result per match."""
    patterns = [name.casefold() for name in reading.region_names]
    if reading.kind == "organ" and not any("*" in pattern for pattern in patterns):
        return {reading.id: tuple(patterns)}
    drawn = sorted({name for scan in scans for name in (*scan.regions, *scan.unplaced)})
    return {name: (name,) for name in drawn if any(fnmatchcase(name, pattern) for pattern in patterns)}


def _activities(
    scans: Sequence[_Scan], name: str, parts: tuple[str, ...], plan: DosimetryPlan
) -> tuple[list[tuple[_Scan, RegionActivity]], list[str]]:
    """The activity of a region at every scan that shows it, and why the others do not."""
    found, reasons = [], []
    for scan in scans:
        title = scan.image.plan.title
        absent = [part for part in parts if part not in scan.regions]
        if absent:
            whys = [scan.unplaced.get(part, f"region {part} is not drawn") for part in absent]
            reasons.append(f"{title}: {'; '.join(whys)}")
            continue
        try:
            merged = merged_region(name, [scan.regions[part] for part in parts])
            activity = region_activity(
                scan.activity,
                merged,
                repeatability_relative_sd=plan.repeatability_percent / 100,
                minimum_inside_fraction=plan.minimum_inside_percent / 100,
            )
        except NumericalError as error:
            reasons.append(f"{title}: {error}")
            continue
        found.append((scan, replace(activity, trace=with_inputs(activity.trace, scan.inputs(parts), only=True))))
    return found, reasons


def _point(scan: _Scan, activity: RegionActivity, hours: float) -> CurvePoint:
    common = activity.calibration_relative_sd
    interval: tuple[float | None, float | None] = (None, None)
    note = "the calibration's uncertainty is not known, so no interval is given" if common is None else ""
    if common is not None:
        relative = _Z_95 * math.hypot(activity.uncorrelated_relative_sd, common)
        # Log-normal ends: an activity is positive, and its factors multiply.
        interval = (activity.activity_MBq * math.exp(-relative), activity.activity_MBq * math.exp(relative))
    return CurvePoint(
        imaging_id=scan.image.plan.id,
        hours_after=hours,
        activity_MBq=Quantity(activity.activity_MBq, "MBq", activity.trace, interval[0], interval[1], note),
        volume_mL=Quantity(activity.volume_mL, "mL", activity.trace),
    )


def _undetermined_region(
    reading: DoseRegion, name: str, why: str, plan: DosePlan, inputs: Mapping[str, str]
) -> RegionDoseResult:
    region = f"protocol:dose_regions.{reading.id}"
    trace = Trace(
        "dosimetry.region_dose",
        "1",
        {**inputs, "plan": plan.clause, "region": region},
        demonstration=plan.demonstration,
    )

    def nothing(unit: str) -> Quantity:
        return Quantity(None, unit, trace, note=why)

    return RegionDoseResult(
        region_id=reading.id,
        region_name=name,
        title=reading.title,
        kind=reading.kind,
        at_risk=reading.at_risk,
        points=(),
        determinacy=_UNDETERMINED,
        determinacy_reason=why,
        effective_half_life_h=nothing("h"),
        time_integrated_activity_MBq_h=nothing("MBq h"),
        extrapolated_fraction=nothing("fraction"),
        absorbed_dose_Gy=nothing("Gy"),
        missing_parts=(),
    )


def _half_life(curve: TimeActivityCurve, trace: Trace) -> Quantity:
    value, sd = curve.effective_half_life_h, curve.effective_half_life_sd_h
    if value is None:
        return Quantity(None, "h", trace, note=curve.because)
    note = "held to physical decay" if curve.held_to_physical_decay else ""
    if sd is None:
        return Quantity(value, "h", trace, note=note)
    return Quantity(value, "h", trace, max(value - _Z_95 * sd, 0.0), value + _Z_95 * sd, note)


def _result(
    reading: DoseRegion, name: str, points: tuple[CurvePoint, ...], dose: RegionDose, place: str, administered: str
) -> RegionDoseResult:
    fraction = dose.tia.extrapolated_fraction
    seen = [f"{place}.points[{point.imaging_id}]" for point in points]
    curve_inputs = {
        **{f"point {point.imaging_id}": where for point, where in zip(points, seen, strict=True)},
        "administered_activity": administered,
        "nuclide": dose.tia.trace.inputs["nuclide"],
        "plan": dose.tia.trace.inputs["plan"],
    }
    trace = with_inputs(dose.tia.trace, curve_inputs, only=True)
    dose_inputs = {
        "time_integrated_activity": f"{place}.time_integrated_activity_MBq_h",
        **{f"volume {point.imaging_id}": f"{where}.volume_mL" for point, where in zip(points, seen, strict=True)},
        "density": f"protocol:dose_regions.{reading.id}",
        "nuclide": dose.tia.trace.inputs["nuclide"],
        "plan": dose.tia.trace.inputs["plan"],
    }
    return RegionDoseResult(
        region_id=reading.id,
        region_name=name,
        title=reading.title,
        kind=reading.kind,
        at_risk=reading.at_risk,
        points=points,
        determinacy=str(dose.curve.determinacy),
        determinacy_reason=dose.curve.because,
        effective_half_life_h=_half_life(dose.curve, trace),
        time_integrated_activity_MBq_h=retraced(dose.tia.quantity(), trace.inputs, only=True),
        extrapolated_fraction=Quantity(
            fraction, "fraction", trace, note="" if fraction is not None else dose.curve.because
        ),
        absorbed_dose_Gy=retraced(dose.dose.quantity(), dose_inputs, only=True),
        missing_parts=dose.dose.missing + dose.dose.not_in_interval,
    )


def dose_plan(protocol: Protocol, demonstration: tuple[str, ...]) -> DosePlan:
    """The protocol's dosimetry plan as the dosimetry takes it.

    Raises
    ------
    InputError
        If the clause is still open.
    """
    plan = protocol.dosimetry.reading
    if plan is None:
        raise InputError("clause dosimetry of the protocol is open: how doses are computed is not decided")
    return DosePlan(
        clearance_significance=plan.clearance_significance,
        maximum_extrapolated_fraction=plan.maximum_extrapolated_fraction,
        model_relative_sd=plan.model_relative_sd_percent / 100,
        mass_relative_sd=None if plan.mass_relative_sd_percent is None else plan.mass_relative_sd_percent / 100,
        demonstration=tuple(path for path in demonstration if path.startswith("dosimetry")),
    )


def _region_dose(
    reading: DoseRegion,
    name: str,
    found: Sequence[tuple[_Scan, RegionActivity]],
    administered_MBq: float,
    nuclide: Nuclide,
    plan: DosePlan,
) -> tuple[tuple[CurvePoint, ...], RegionDose]:
    administration = found[0][0].image.administration
    assert administration is not None
    at = administration["injected_at"]
    curve_points = [activity.point(administered_at=at) for _, activity in found]
    mean_volume_mL = sum(activity.volume_mL for _, activity in found) / len(found)
    dose = region_dose(
        curve_points,
        region=name,
        nuclide=nuclide,
        administered_activity_MBq=administered_MBq,
        mass_g=region_mass_g(mean_volume_mL, reading.density_g_per_mL),
        plan=plan,
        mass_source=f"mean of the volumes drawn on the scans, {reading.density_g_per_mL:g} g/mL "
        f"({reading.density_source})",
    )
    points = tuple(
        _point(scan, activity, point.hours_after_administration)
        for (scan, activity), point in zip(found, curve_points, strict=True)
    )
    return points, dose


def session_doses(
    folder: TrialFolder,
    participant_id: str,
    session: int,
    images: Sequence[PlannedImage],
    *,
    administered_MBq: float,
    nuclide: Nuclide,
    plan: DosePlan,
) -> SessionDoses:
    """Absorbed doses of one session.

    A scan that cannot be turned into activity is a note and a missing point, never a zero.

    Parameters
    ----------
    images
        The planned images of the session, done or not.
    """
    protocol = folder.protocol
    dosimetry = protocol.dosimetry.reading
    assert dosimetry is not None
    planned = set(dosimetry.imaging)
    wanted = [image for image in images if image.plan.id in planned and image.series is not None]
    here = f"value:{session_place(participant_id, session)}"
    administered = f"{here}.administered_activity_MBq"
    looked_at = {
        f"scan {image.plan.id}": f"{here}.scans[{image.plan.id}]" for image in images if image.plan.id in planned
    }
    scans: list[_Scan] = []
    notes: list[Note] = []
    reasons: list[str] = []
    for image in wanted:
        try:
            scans.append(_scan(folder, image, nuclide))
        except (InputError, NumericalError) as error:
            reasons.append(f"{image.plan.title}: {error}")
            place = f"session {session}, {image.plan.id}"
            notes.append(Note(participant_id, "warning", place, f"not quantified: {error}"))
    results: list[RegionDoseResult] = []
    for_gate: list[SessionDose] = []
    absorbed: dict[str, AbsorbedDose | None] = {}
    for clause in protocol.dose_regions.values():
        reading = clause.reading
        if reading is None:
            continue
        for name, parts in _names(reading, scans).items():
            value = f"value:{dose_place(participant_id, session, name)}"
            found, missing = _activities(scans, name, parts, dosimetry)
            if not found:
                why = "; ".join([*reasons, *missing]) or "no scan of this session can be quantified"
                results.append(_undetermined_region(reading, name, why, plan, looked_at))
                for_gate.append(SessionDose(_gate_region(reading, name), reading.kind, session, None, None, why, value))
                absorbed[name] = None
                continue
            try:
                points, dose = _region_dose(reading, name, found, administered_MBq, nuclide, plan)
            except (InputError, NumericalError) as error:
                why = str(error)
                notes.append(Note(participant_id, "warning", f"session {session}, {name}", f"no dose: {why}"))
                results.append(_undetermined_region(reading, name, why, plan, looked_at))
                for_gate.append(SessionDose(_gate_region(reading, name), reading.kind, session, None, None, why, value))
                absorbed[name] = None
                continue
            results.append(_result(reading, name, points, dose, value, administered))
            for_gate.append(
                session_dose(
                    dose.dose, region_id=_gate_region(reading, name), kind=reading.kind, session=session, value=value
                )
            )
            absorbed[name] = dose.dose
    return SessionDoses(tuple(results), tuple(for_gate), absorbed, tuple(notes))


def _gate_region(reading: DoseRegion, name: str) -> str:
    return name if reading.kind == "lesion" else reading.id


def cumulative_doses(
    protocol: Protocol, participant_id: str, sessions: Sequence[SessionDoses]
) -> tuple[CumulativeDose, ...]:
    """Dose of every region over all sessions; a session that gave no dose leaves the sum undetermined."""
    limits: LimitsPlan | None = protocol.dose_limits.reading
    first_seen: dict[str, RegionDoseResult] = {}
    for session in sessions:
        for result in session.results:
            first_seen.setdefault(result.region_name, result)
    summed = []
    for name, result in first_seen.items():
        doses = [session.absorbed.get(name) for session in sessions]
        known = [dose for dose in doses if dose is not None]
        inputs = {
            f"session {number}": f"value:{dose_place(participant_id, number, name)}.absorbed_dose_Gy"
            for number, session in enumerate(sessions, 1)
            if any(one.region_name == name for one in session.results)
        }
        inputs["region"] = f"protocol:dose_regions.{result.region_id}"
        if len(known) == len(doses):
            total = cumulative(known)
            quantity, determinacy = retraced(total.quantity(), inputs, only=True), str(total.determinacy)
        else:
            lacking = ", ".join(str(number) for number, dose in enumerate(doses, 1) if dose is None)
            floor = math.fsum(dose.lower_Gy for dose in known if dose.lower_Gy is not None)
            trace = Trace("dosimetry.cumulative", "1", inputs)
            note = f"undetermined: no dose for session {lacking}"
            quantity = Quantity(None, "Gy", trace, lower=floor, upper=math.inf, note=note)
            determinacy = _UNDETERMINED
        limit = limits.limits.get(result.region_id) if limits is not None and result.kind == "organ" else None
        summed.append(
            CumulativeDose(
                region_id=result.region_id,
                title=result.title if result.kind == "organ" else name,
                kind=result.kind,
                absorbed_dose_Gy=quantity,
                limit_Gy=limit.absorbed_dose_Gy if limit else None,
                limit_citation=limit.citation if limit else "",
                sessions_counted=len(known),
                sessions_given=len(sessions),
                determinacy=determinacy,
                judged_upper_Gy=_judged_upper(doses, quantity.trace),
            )
        )
    return tuple(summed)


def _judged_upper(doses: Sequence[AbsorbedDose | None], summed: Trace) -> Quantity:
    """What the gate holds against a limit: the sum of the sessions' upper bounds, own photons included.

    Parameters
    ----------
    doses
        One entry per session given; None where there was nothing to compute a dose from.
    summed
        Trace of the sum of the doses; the bound rests on the same inputs.
    """
    trace = Trace("gates.judged_upper", "1", summed.inputs, demonstration=summed.demonstration)
    uppers_Gy = [math.inf if dose is None else dose.upper_with_own_photons_Gy for dose in doses]
    total_Gy = math.fsum(uppers_Gy)
    if math.isfinite(total_Gy):
        note = "held against the limit: upper bound of every session given, the region's own photons included"
        return Quantity(total_Gy, "Gy", trace, note=note)
    unbounded = ", ".join(str(number) for number, upper_Gy in enumerate(uppers_Gy, 1) if not math.isfinite(upper_Gy))
    note = f"undetermined: no upper bound for session {unbounded}, so nothing can be held against the limit"
    return Quantity(None, "Gy", trace, upper=math.inf, note=note)
