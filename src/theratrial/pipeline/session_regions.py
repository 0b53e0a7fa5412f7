"""One region of a session: points, the curve that the protocol asks for, and its posterior."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from theratrial.dosimetry import (
    DosePlan,
    TimeActivityPoint,
    absorbed_dose,
    region_dose,
    region_mass_g,
)
from theratrial.dosimetry.fits import fitted_time_integrated_activity
from theratrial.dosimetry.model_selection import selected_model
from theratrial.dosimetry.population.prior import KineticPrior
from theratrial.dosimetry.uncertainty.volume import volume_relative_sd
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import Nuclide
from theratrial.pipeline.session_population import region_posterior
from theratrial.pipeline.session_scans import SeenRegion
from theratrial.pipeline.session_values import Z_95, ClassicalCurve, MeasuredRegion
from theratrial.protocol.schema import DoseRegion, DosimetryPlan, Protocol
from theratrial.results.values import CurvePoint
from theratrial.trace import Quantity


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
        slow_phase_probability=plan.slow_phase_probability,
        demonstration=tuple(path for path in demonstration if path.startswith("dosimetry")),
    )


def _point(seen: SeenRegion, hours: float) -> CurvePoint:
    activity = seen.activity
    common = activity.calibration_relative_sd
    interval: tuple[float | None, float | None] = (None, None)
    note = "the calibration's uncertainty is not known, so no interval is given" if common is None else ""
    if common is not None:
        relative = Z_95 * math.hypot(activity.uncorrelated_relative_sd, common)
        # Log-normal ends: an activity is positive, and its factors multiply.
        interval = (activity.activity_MBq * math.exp(-relative), activity.activity_MBq * math.exp(relative))
    if seen.recovery.recovery != 1.0:
        said = f"{seen.measured_MBq:.4g} MBq seen in the outline, own recovery {seen.recovery.recovery:.3f}"
        note = f"{note}; {said}" if note else said
    return CurvePoint(
        imaging_id=seen.scan.image.plan.id,
        hours_after=hours,
        activity_MBq=Quantity(activity.activity_MBq, "MBq", activity.trace, interval[0], interval[1], note),
        volume_mL=Quantity(activity.volume_mL, "mL", activity.trace),
    )


def measured_region(
    reading: DoseRegion,
    name: str,
    value: str,
    seen: Sequence[SeenRegion],
    nuclide: Nuclide,
    plan: DosePlan,
    dosimetry: DosimetryPlan,
    prior: KineticPrior | None,
    *,
    administered_MBq: float,
    sex: str,
) -> MeasuredRegion:
    """A region of a session from its activities to its curve.

    Raises
    ------
    InputError, NumericalError
        The activities are impossible together; the message names the region.
    """
    administration = seen[0].scan.image.administration
    assert administration is not None
    at = administration["injected_at"]
    curve_points = tuple(one.activity.point(administered_at=at) for one in seen)
    volume_mL = sum(one.activity.volume_mL for one in seen) / len(seen)
    mass_g = region_mass_g(volume_mL, reading.density_g_per_mL)
    plan = replace(plan, mass_relative_sd=_mass_relative_sd(volume_mL, plan, dosimetry))
    mass_source = (
        f"mean of the volumes drawn on the scans, {reading.density_g_per_mL:g} g/mL ({reading.density_source})"
    )
    local = region_dose(
        curve_points,
        region=name,
        nuclide=nuclide,
        administered_activity_MBq=administered_MBq,
        mass_g=mass_g,
        plan=plan,
        mass_source=mass_source,
    )
    classical = ClassicalCurve(
        determinacy=local.curve.determinacy,
        because=local.curve.because,
        tia=local.tia,
        kinetics=local.curve.kinetics,
        half_life_h=local.curve.effective_half_life_h,
        half_life_sd_h=local.curve.effective_half_life_sd_h,
        held_to_physical_decay=local.curve.held_to_physical_decay,
        physical_per_h=nuclide.decay_constant_per_h,
    )
    dose = local.dose
    if dosimetry.curve == "best_supported" and len(curve_points) > 2:
        classical = _best_supported(curve_points, nuclide, plan, administered_MBq, classical)
        dose = absorbed_dose(classical.tia, nuclide, plan, region=name, mass_g=mass_g, mass_source=mass_source)
    posterior, lacks = region_posterior(
        curve_points,
        reading,
        name,
        prior,
        nuclide,
        plan,
        administered_MBq=administered_MBq,
        mass_g=mass_g,
        sex=sex,
    )
    return MeasuredRegion(
        name=name,
        reading=reading,
        value=value,
        seen=tuple(seen),
        curve_points=curve_points,
        points=tuple(
            _point(one, point.hours_after_administration) for one, point in zip(seen, curve_points, strict=True)
        ),
        volume_mL=volume_mL,
        mass_g=mass_g,
        mass_source=mass_source,
        classical=classical,
        local=dose,
        posterior=posterior,
        posterior_lacks=lacks,
        is_population=dosimetry.curve == "population" and posterior is not None,
        plan=plan,
        sex=sex,
        wants_population=dosimetry.curve == "population",
        administered_MBq=administered_MBq,
    )


def _mass_relative_sd(volume_mL: float, plan: DosePlan, dosimetry: DosimetryPlan) -> float | None:
    """Of a region's mass: by its size where the protocol says what regions are drawn on, with the plan's own figure."""
    if dosimetry.outline is None:
        return plan.mass_relative_sd
    by_size = volume_relative_sd(volume_mL, dosimetry.outline.voxel_mm, dosimetry.outline.fwhm_mm)
    return min(math.hypot(by_size, plan.mass_relative_sd or 0.0), 1.0)


def _best_supported(
    points: Sequence[TimeActivityPoint],
    nuclide: Nuclide,
    plan: DosePlan,
    administered_MBq: float,
    mono: ClassicalCurve,
) -> ClassicalCurve:
    """The sum of exponentials that the points support; one exponential where none can be fitted, and it says so."""
    try:
        selection = selected_model(points, nuclide, plan, administered_activity_MBq=administered_MBq)
    except NumericalError as error:
        return ClassicalCurve(
            mono.determinacy,
            f"{mono.because}; one exponential, because no other could be fitted: {error}",
            mono.tia,
            mono.kinetics,
            mono.half_life_h,
            mono.half_life_sd_h,
            mono.held_to_physical_decay,
            mono.physical_per_h,
        )
    curve = selection.curve
    tia = fitted_time_integrated_activity(curve, plan, administered_activity_MBq=administered_MBq)
    return ClassicalCurve(
        determinacy=curve.determinacy,
        because=f"{curve.because}; model {curve.model.name}",
        tia=tia,
        kinetics=curve.kinetics if curve.determinacy.has_value else None,
        half_life_h=max(curve.effective_half_lives_h, default=None) if curve.determinacy.has_value else None,
        half_life_sd_h=None,
        held_to_physical_decay=curve.held_to_physical_decay,
        physical_per_h=nuclide.decay_constant_per_h,
    )
