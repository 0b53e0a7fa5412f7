"""The images of one session to the absorbed dose of every region of the protocol."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from theratrial.dosimetry import (
    AbsorbedDose,
    DosePlan,
    RegionActivity,
    RegionDose,
    TimeActivityCurve,
    region_dose,
    region_mass_g,
)
from theratrial.errors import InputError, NumericalError
from theratrial.gates import SessionDose, session_dose
from theratrial.nuclides import Nuclide
from theratrial.pipeline.matching import PlannedImage
from theratrial.pipeline.session_scans import SessionScan, region_activities, result_names, session_scan
from theratrial.pipeline.traces import retraced, with_inputs
from theratrial.protocol.schema import DoseRegion, Protocol
from theratrial.results.places import dose_place, session_place
from theratrial.results.values import CurvePoint, Note, RegionDoseResult
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


def _point(scan: SessionScan, activity: RegionActivity, hours: float) -> CurvePoint:
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
    found: Sequence[tuple[SessionScan, RegionActivity]],
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
    scans: list[SessionScan] = []
    notes: list[Note] = []
    reasons: list[str] = []
    for image in wanted:
        try:
            scans.append(session_scan(folder, image, nuclide))
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
        for name, parts in result_names(reading, scans).items():
            value = f"value:{dose_place(participant_id, session, name)}"
            found, missing = region_activities(scans, name, parts, dosimetry)
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
