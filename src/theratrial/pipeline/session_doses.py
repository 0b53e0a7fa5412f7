"""The images of one session to the absorbed dose of every region of the protocol."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from theratrial.dosimetry import AbsorbedDose, DosePlan
from theratrial.dosimetry.population.prior import KineticPrior
from theratrial.errors import InputError, NumericalError, SourceError
from theratrial.gates import SessionDose, session_dose
from theratrial.nuclides import Nuclide
from theratrial.pipeline.cohort_kinetics import kinetic_points
from theratrial.pipeline.matching import PlannedImage
from theratrial.pipeline.planar_route import route_results
from theratrial.pipeline.planar_scans import Anatomy, session_planar
from theratrial.pipeline.planar_views import view_alignments
from theratrial.pipeline.session_details import dose_details
from theratrial.pipeline.session_population import after_last_fraction, quantile_steps, session_prior, whole_body_tia
from theratrial.pipeline.session_regions import measured_region
from theratrial.pipeline.session_s_values import (
    RegionForS,
    SValueDose,
    s_value_doses_and_losses,
    session_s_table,
)
from theratrial.pipeline.session_scans import SessionScan, result_names, seen_regions, session_scan
from theratrial.pipeline.session_values import (
    EXCEEDANCE_STEPS,
    Z_95,
    MeasuredRegion,
    PosteriorDose,
    SessionDoses,
    half_life,
    spread_ends,
)
from theratrial.pipeline.session_voxel import with_voxel_details
from theratrial.pipeline.traces import with_inputs
from theratrial.pipeline.whole_body import whole_body_result
from theratrial.protocol.schema import DoseRegion, DosimetryPlan
from theratrial.results.dosimetry import WholeBody
from theratrial.results.places import dose_place, session_place
from theratrial.results.values import Note, RegionDoseResult
from theratrial.trace import Quantity, Trace
from theratrial.trialfolder.records import TrialFolder
from theratrial.units import delta_mGy_g_per_MBq_h

_UNDETERMINED = "undetermined"
_NO_RECOVERY = "activity blurred over the region's edge"
"""How the part that recovery mends begins in the list of what a dose lacks."""


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


def _local_Gy_per_MBq_h(region: MeasuredRegion, nuclide: Nuclide) -> float:
    return delta_mGy_g_per_MBq_h(nuclide.electron_MeV) / region.mass_g / 1000


def _missing(region: MeasuredRegion, by_s: SValueDose | None, dosimetry: DosimetryPlan) -> tuple[str, ...]:
    if by_s is None:
        lacking = [text for text in region.local.missing if dosimetry.recovery == "none" or _NO_RECOVERY not in text]
    else:
        lacking = [*by_s.missing]
        if dosimetry.recovery == "none":
            lacking += [text for text in region.local.missing if _NO_RECOVERY in text]
        if by_s.engine == "s_values":
            lacking.append("the patient's own distances between organs (the phantom's are taken)")
    if dosimetry.recovery == "regions":
        lacking.append("uneven uptake within the region (recovery takes it as uniform)")
    return (*lacking, *region.local.not_in_interval)


def reported_dose(
    region: MeasuredRegion, by_s: SValueDose | None, nuclide: Nuclide, plan: DosePlan, dosimetry: DosimetryPlan
) -> AbsorbedDose:
    """The dose of a region as reported: its time-integrated activity by the engine that the protocol names."""
    local = region.local
    if by_s is None and not region.is_population:
        return replace(local, missing=_missing(region, None, dosimetry), not_in_interval=())
    own, cross_Gy = _local_Gy_per_MBq_h(region, nuclide), 0.0
    exponent, relative_sd = 1.0, 0.0
    if by_s is not None:
        own, cross_Gy = by_s.own_Gy_per_MBq_h, by_s.photon_cross_Gy or 0.0
        exponent, relative_sd = by_s.mass_exponent, by_s.table_relative_sd
    tia, (low, high) = region.tia_MBq_h, region.tia_ends_MBq_h
    mass_sd = math.hypot((plan.mass_relative_sd or 0.0) * exponent, relative_sd)
    lower: float | None
    if tia is None or tia <= 0:
        lower = None if low is None else low * own * math.exp(-Z_95 * mass_sd)
        best, upper = (None if tia is None else cross_Gy), math.inf
    else:
        # What comes from elsewhere is taken to be as uncertain as what is here: calibration and kinetics are shared.
        best = own * tia + cross_Gy
        lower, upper = spread_ends(best, None if low is None else low / tia * best, high / tia * best, mass_sd)
    return AbsorbedDose(
        region=region.name,
        absorbed_dose_Gy=best,
        lower_Gy=lower,
        upper_Gy=upper,
        no_clearance_upper_Gy=math.inf,
        determinacy=local.determinacy,
        because=region.note if region.is_population else local.because,
        mass_g=region.mass_g,
        own_photons_at_most_fraction=0.0 if by_s is not None else local.own_photons_at_most_fraction,
        missing=_missing(region, by_s, dosimetry),
        not_in_interval=(),
        trace=local.trace,
    )


def judged_dose(
    region: MeasuredRegion, by_s: SValueDose | None, reported: AbsorbedDose, nuclide: Nuclide
) -> AbsorbedDose:
    """The dose that the gate judges: by the points alone, with the most that photons can add in its upper end.

    A prior never lowers it, and raises it where the upper end of the reported dose is higher.
    """
    local = region.local
    if by_s is not None:
        ratio = by_s.own_Gy_per_MBq_h / _local_Gy_per_MBq_h(region, nuclide)
        value, lower = local.absorbed_dose_Gy, local.lower_Gy
        local = replace(
            local,
            absorbed_dose_Gy=None if value is None else value * ratio,
            lower_Gy=None if lower is None else lower * ratio,
            upper_Gy=local.upper_Gy * ratio + by_s.cross_upper_Gy,
            no_clearance_upper_Gy=local.no_clearance_upper_Gy * ratio + by_s.cross_upper_Gy,
            own_photons_at_most_fraction=0.0,
        )
    if not region.is_population:
        return local
    return replace(local, upper_Gy=max(local.upper_Gy, reported.upper_Gy))


def _posterior_dose(
    region: MeasuredRegion, by_s: SValueDose | None, nuclide: Nuclide, administered_MBq: float
) -> PosteriorDose | None:
    if region.posterior is None:
        return None
    own, cross_Gy = _local_Gy_per_MBq_h(region, nuclide), 0.0
    if by_s is not None:
        own, cross_Gy = by_s.own_Gy_per_MBq_h, by_s.photon_cross_Gy or 0.0
    mass_sd = (region.plan.mass_relative_sd or 0.0) * (1.0 if by_s is None else by_s.mass_exponent)
    return PosteriorDose(quantile_steps(region.posterior, EXCEEDANCE_STEPS) * own + cross_Gy, administered_MBq, mass_sd)


def _result(
    region: MeasuredRegion,
    dose: AbsorbedDose,
    by_s: SValueDose | None,
    others: Sequence[MeasuredRegion],
    administered: str,
    from_body: Mapping[str, str],
    *,
    has_cohort: bool,
) -> RegionDoseResult:
    reading, classical = region.reading, region.classical
    tia = classical.tia
    seen = [f"{region.value}.points[{point.imaging_id}]" for point in region.points]
    curve_inputs = {
        **{f"point {point.imaging_id}": where for point, where in zip(region.points, seen, strict=True)},
        "administered_activity": administered,
        "nuclide": tia.trace.inputs["nuclide"],
        "plan": tia.trace.inputs["plan"],
    }
    curve = with_inputs(tia.trace, curve_inputs, only=True)
    reported = curve
    if region.is_population and region.posterior is not None:
        prior = {"prior": region.posterior.trace.inputs["prior"], "region": f"protocol:dose_regions.{reading.id}"}
        if has_cohort:
            prior["cohort"] = "value:participants"
        reported = with_inputs(region.posterior.trace, {**curve_inputs, **prior}, only=True)
    dose_inputs = {
        "time_integrated_activity": f"{region.value}.time_integrated_activity_MBq_h",
        **{f"volume {p.imaging_id}": f"{where}.volume_mL" for p, where in zip(region.points, seen, strict=True)},
        "density": f"protocol:dose_regions.{reading.id}",
        "nuclide": tia.trace.inputs["nuclide"],
        "plan": tia.trace.inputs["plan"],
    }
    trace = with_inputs(dose.trace, dose_inputs, only=True)
    if by_s is not None:
        dose_inputs["s_value"] = by_s.source
        if by_s.engine == "s_values":
            dose_inputs |= {
                f"photons from {other.name}": f"{other.value}.time_integrated_activity_MBq_h"
                for other in others
                if other is not region and other.reading.reference_regions and other.tia_MBq_h is not None
            }
            dose_inputs |= from_body
        method = "dosimetry.organ_dose" if by_s.engine == "s_values" else "dosimetry.sphere_dose"
        trace = Trace(method, "1", dose_inputs, demonstration=trace.demonstration)
    value, (low, high) = region.tia_MBq_h, region.tia_ends_MBq_h
    fraction = tia.extrapolated_fraction
    note = "" if fraction is not None else classical.because
    if fraction is None and region.is_population and region.posterior is not None:
        fraction = after_last_fraction(region.posterior, region.curve_points[-1].hours_after_administration)
        note = "by published kinetics and the points"
    return RegionDoseResult(
        region_id=reading.id,
        region_name=region.name,
        title=reading.title,
        kind=reading.kind,
        at_risk=reading.at_risk,
        points=region.points,
        determinacy=str(classical.determinacy),
        determinacy_reason=classical.because,
        effective_half_life_h=half_life(classical, curve),
        time_integrated_activity_MBq_h=Quantity(value, "MBq h", reported, low, high, region.note),
        extrapolated_fraction=Quantity(fraction, "fraction", reported, note=note),
        absorbed_dose_Gy=Quantity(dose.absorbed_dose_Gy, "Gy", trace, dose.lower_Gy, dose.upper_Gy, region.note),
        missing_parts=dose.missing,
    )


def _by_s_values(
    folder: TrialFolder,
    participant_id: str,
    session: int,
    wanted: Mapping[str, DoseRegion],
    measured: Mapping[str, MeasuredRegion],
    nuclide: Nuclide,
    notes: list[Note],
    *,
    administered_MBq: float,
    whole_body_MBq_h: float,
) -> tuple[dict[str, SValueDose], dict[str, str]]:
    """Region name -> dose by S values, and why others have none; nothing stands in for what cannot be had."""
    dosimetry = folder.protocol.dosimetry.reading
    assert dosimetry is not None
    if dosimetry.absorbed_dose != "s_values" and not dosimetry.voxel_doses:
        return {}, {}
    person = folder.rows("participants", participant_id=participant_id)[0]
    regions = []
    for name, reading in wanted.items():
        one = measured.get(name)
        if one is None:
            regions.append(RegionForS(name, reading, None, None, math.inf))
        else:
            regions.append(RegionForS(name, reading, one.mass_g, one.tia_MBq_h, one.judged_upper_MBq_h))
    try:
        table = session_s_table(dosimetry, person["sex"], nuclide)
        found, lost = s_value_doses_and_losses(
            regions,
            table,
            nuclide,
            whole_body_MBq_h=whole_body_MBq_h,
            at_most_MBq_h=administered_MBq / nuclide.decay_constant_per_h,
        )
    except (InputError, NumericalError, SourceError) as error:
        notes.append(Note(participant_id, "warning", f"session {session}", f"no dose by S values: {error}"))
        return {}, dict.fromkeys(wanted, str(error))
    for name, why in lost.items():
        notes.append(Note(participant_id, "warning", f"session {session}, {name}", f"no dose by S values: {why}"))
    return found, lost


def _whole_body(
    whole_body: WholeBody | None,
    prior: KineticPrior | None,
    here: str,
    nuclide: Nuclide,
    plan: DosePlan,
    *,
    administered_MBq: float,
) -> tuple[float, dict[str, str]]:
    """Time-integrated activity of the whole body [MBq h] and where it is from, for the trace."""
    if whole_body is not None and whole_body.time_integrated_activity_MBq_h.value is not None:
        place = f"{here}.whole_body.time_integrated_activity_MBq_h"
        return whole_body.time_integrated_activity_MBq_h.value, {"whole_body": place}
    value, _ = whole_body_tia(prior, nuclide, plan, administered_MBq=administered_MBq)
    source = nuclide.source if prior is None else prior.source
    return value, {"whole_body": source, "administered_activity": f"{here}.administered_activity_MBq"}


def session_doses(
    folder: TrialFolder,
    participant_id: str,
    session: int,
    images: Sequence[PlannedImage],
    *,
    administered_MBq: float,
    nuclide: Nuclide,
    plan: DosePlan,
    anatomy: Anatomy | str | None = None,
    prior: KineticPrior | None = None,
) -> SessionDoses:
    """Absorbed doses of one session.

    A scan that cannot be turned into activity is a note and a missing point, never a zero.

    Parameters
    ----------
    images
        The planned images of the session, done or not.
    anatomy
        What whole-body views are laid on, or why there is none; None where the protocol quantifies no view.
    prior
        Updated by the other participants; None takes the published one that the protocol names.
    """
    protocol = folder.protocol
    dosimetry = protocol.dosimetry.reading
    assert dosimetry is not None
    planned = set(dosimetry.imaging)
    wanted_images = [image for image in images if image.plan.id in planned and image.series is not None]
    here = f"value:{session_place(participant_id, session)}"
    looked_at = {
        f"scan {image.plan.id}": f"{here}.scans[{image.plan.id}]" for image in images if image.plan.id in planned
    }
    scans: list[SessionScan] = []
    notes: list[Note] = []
    reasons: list[str] = []
    for image in wanted_images:
        try:
            scans.append(session_scan(folder, image, nuclide))
        except (InputError, NumericalError) as error:
            reasons.append(f"{image.plan.title}: {error}")
            place = f"session {session}, {image.plan.id}"
            notes.append(Note(participant_id, "warning", place, f"not quantified: {error}"))
    planar = session_planar(folder, participant_id, session, images, anatomy, nuclide, notes)
    readings = [clause.reading for clause in protocol.dose_regions.values() if clause.reading is not None]
    wanted = {name: (reading, parts) for reading in readings for name, parts in result_names(reading, scans).items()}
    seen, missing = seen_regions(folder, scans, wanted)
    has_cohort = prior is not None
    prior = prior or session_prior(protocol)
    sex = folder.rows("participants", participant_id=participant_id)[0]["sex"]
    measured: dict[str, MeasuredRegion] = {}
    undetermined: dict[str, str] = {}
    for name, (reading, _) in wanted.items():
        if not seen[name]:
            undetermined[name] = "; ".join([*reasons, *missing[name]]) or "no scan of this session can be quantified"
            continue
        value = f"value:{dose_place(participant_id, session, name)}"
        try:
            measured[name] = measured_region(
                reading,
                name,
                value,
                seen[name],
                nuclide,
                plan,
                dosimetry,
                prior,
                administered_MBq=administered_MBq,
                sex=sex,
            )
        except (InputError, NumericalError) as error:
            undetermined[name] = str(error)
            notes.append(Note(participant_id, "warning", f"session {session}, {name}", f"no dose: {error}"))
    regions = list(measured.values())
    whole_body = whole_body_result(
        planar,
        f"value:{session_place(participant_id, session)}",
        nuclide,
        plan,
        dosimetry,
        administered_MBq=administered_MBq,
    )
    whole_body_MBq_h, from_body = _whole_body(whole_body, prior, here, nuclide, plan, administered_MBq=administered_MBq)
    by_s, no_s = _by_s_values(
        folder,
        participant_id,
        session,
        {name: reading for name, (reading, _) in wanted.items()},
        measured,
        nuclide,
        notes,
        administered_MBq=administered_MBq,
        whole_body_MBq_h=whole_body_MBq_h,
    )
    aligned = view_alignments(planar, participant_id, session, nuclide)
    results: list[RegionDoseResult] = []
    for_gate: list[SessionDose] = []
    absorbed: dict[str, AbsorbedDose | None] = {}
    judged: dict[str, AbsorbedDose | None] = {}
    posteriors: dict[str, PosteriorDose] = {}
    for name, (reading, parts) in wanted.items():
        value = f"value:{dose_place(participant_id, session, name)}"
        region_id = name if reading.kind == "lesion" else reading.id
        used = by_s.get(name) if dosimetry.absorbed_dose == "s_values" else None
        why = undetermined.get(name, "")
        if not why and dosimetry.absorbed_dose == "s_values" and used is None:
            why = f"no dose by S values: {no_s.get(name, 'the protocol names no reference region for it')}"
        if why:
            results.append(_undetermined_region(reading, name, why, plan, looked_at))
            for_gate.append(SessionDose(region_id, reading.kind, session, None, None, why, value))
            absorbed[name] = judged[name] = None
            continue
        region = measured[name]
        dose = reported_dose(region, used, nuclide, region.plan, dosimetry)
        limit = judged_dose(region, used, dose, nuclide)
        if region.posterior_lacks and prior is not None:
            place = f"session {session}, {name}"
            notes.append(Note(participant_id, "warning", place, f"not by published kinetics: {region.posterior_lacks}"))
        result = _result(
            region, dose, used, regions, f"{here}.administered_activity_MBq", from_body, has_cohort=has_cohort
        )
        try:
            details = dose_details(region, dose, by_s.get(name), result, nuclide, region.plan, dosimetry)
            routes = route_results(region, parts, planar, nuclide, plan, prior, administered_MBq=administered_MBq)
            result = replace(result, details=replace(details, routes=routes))
        except (InputError, NumericalError, SourceError) as error:
            # What stands beside a dose must not take the dose away, nor the trial.
            notes.append(Note(participant_id, "warning", f"session {session}, {name}", f"no details: {error}"))
        results.append(result)
        for_gate.append(session_dose(limit, region_id=region_id, kind=reading.kind, session=session, value=value))
        absorbed[name], judged[name] = dose, limit
        if (posterior := _posterior_dose(region, used, nuclide, administered_MBq)) is not None:
            posteriors[name] = posterior
    if dosimetry.voxel_doses and regions:
        results = with_voxel_details(
            results,
            regions,
            scans,
            nuclide,
            plan,
            notes,
            participant_id=participant_id,
            session=session,
            repeatability_relative_sd=dosimetry.repeatability_percent / 100,
            administered_MBq=administered_MBq,
        )
    return SessionDoses(
        tuple(results),
        tuple(for_gate),
        absorbed,
        judged,
        posteriors,
        tuple(notes),
        whole_body,
        *aligned,
        kinetic_points(participant_id, regions),
    )
