"""What stands beside a region's reported dose: other integrals, published kinetics, engines, biology, uncertainty."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from theratrial.dosimetry import AbsorbedDose, DosePlan
from theratrial.dosimetry.biological import Radiobiology, dose_rate_factor, eqd2_Gy
from theratrial.dosimetry.single_point import PopulationHalfLife, hanscheid
from theratrial.dosimetry.time_integrated import common_relative_sd
from theratrial.dosimetry.trapezoid import FirstInterval, trapezoid
from theratrial.dosimetry.uncertainty.chain import RegionUncertainty, chain_uncertainty
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import Nuclide
from theratrial.pipeline.session_population import band, dose_rate_factors
from theratrial.pipeline.session_s_values import SValueDose
from theratrial.pipeline.session_values import Z_95, MeasuredRegion, spread_ends
from theratrial.protocol.schema import DosimetryPlan
from theratrial.results.dosimetry import (
    BiologicalDose,
    CurveAlternative,
    DoseDetails,
    EngineDose,
    PopulationFit,
    Uncertainty,
    UncertaintyPart,
)
from theratrial.results.values import RegionDoseResult
from theratrial.trace import Quantity, Trace
from theratrial.units import delta_mGy_g_per_MBq_h

_WOULD_HELP: Final[Mapping[str, str]] = {
    "fit": "more scans, or less scatter from scan to scan",
    "kinetics": "a later scan",
    "model": "a later scan",
    "calibration": "a better calibration of the camera",
    "recovery_curve": "recovery measured with less uncertainty",
    "volume": "a better outline of the region",
    "s_value": "more histories for the S values",
}


def dose_details(
    region: MeasuredRegion,
    dose: AbsorbedDose,
    by_s: SValueDose | None,
    result: RegionDoseResult,
    nuclide: Nuclide,
    plan: DosePlan,
    dosimetry: DosimetryPlan,
) -> DoseDetails:
    """Everything beside the reported dose of a region.

    Parameters
    ----------
    dose
        As reported.
    by_s
        The same time-integrated activity by S values, whether that is what is reported or not.
    result
        The region's result so far; traces lead to its values.
    """
    uncertainty = _uncertainty(region, dose, by_s, result, plan, dosimetry)
    return DoseDetails(
        alternatives=_alternatives(region, result, nuclide, plan),
        population=_population(region, by_s, result, nuclide, plan),
        engines=_engines(region, by_s, result, nuclide),
        biological=_biological(region, dose, plan),
        uncertainty=uncertainty,
    )


def _alternatives(
    region: MeasuredRegion, result: RegionDoseResult, nuclide: Nuclide, plan: DosePlan
) -> tuple[CurveAlternative, ...]:
    """The same points integrated otherwise; each named with what speaks against it."""
    found = []
    inputs = result.effective_half_life_h.trace.inputs
    tia = region.classical.tia
    if region.is_population:
        quantity = Quantity(
            tia.time_integrated_activity_MBq_h,
            "MBq h",
            result.effective_half_life_h.trace,
            tia.lower_MBq_h,
            tia.upper_MBq_h,
            f"{tia.determinacy}: {tia.because}",
        )
        flag = "" if tia.determinacy.is_determined else f"{tia.determinacy}: {tia.because}"
        found.append(CurveAlternative("points_alone", "One exponential through the points alone", quantity, flag))
    given_MBq = region.administered_MBq
    usable = [point for point in region.curve_points if point.activity_MBq > 0]
    if len(usable) != len(region.curve_points):
        return tuple(found)
    demonstration = plan.demonstration
    try:
        made = trapezoid(
            region.curve_points,
            nuclide,
            plan,
            administered_activity_MBq=given_MBq,
            first_interval=FirstInterval.LINEAR_FROM_ZERO,
        )
        trace = Trace("dosimetry.trapezoid", "1", inputs, demonstration=demonstration)
        found.append(
            CurveAlternative(
                "trapezoid_physical_tail",
                "Straight lines, physical decay alone after the last scan",
                Quantity(made.total_MBq_h, "MBq h", trace, note=f"{made.tia.determinacy}: {made.tia.because}"),
                "an upper estimate of the tail; too high in between where activity falls, too low where it still rises"
                if made.tia.determinacy.has_value
                else f"{made.tia.determinacy}: {made.tia.because}",
            )
        )
    except (InputError, NumericalError):
        pass  # one point, or a point without activity: there is nothing to draw lines through
    try:
        single = hanscheid(
            region.curve_points[-1],
            nuclide,
            plan,
            administered_activity_MBq=given_MBq,
            expected=_expected_half_life(region, nuclide),
        )
    except InputError:
        return tuple(found)
    trace = Trace("dosimetry.hanscheid", "1", inputs, demonstration=demonstration)
    outside = "" if single.window == "inside" else f"window of 0.75 to 2.5 effective half-lives: {single.tia.because}"
    found.append(
        CurveAlternative(
            "hanscheid_last_scan",
            "2t rule (Hänscheid 2018) at the last scan",
            Quantity(
                single.time_integrated_activity_MBq_h,
                "MBq h",
                trace,
                single.lower_MBq_h,
                single.upper_if_assumption_holds_MBq_h,
                single.tia.because,
            ),
            outside,
        )
    )
    return tuple(found)


def _expected_half_life(region: MeasuredRegion, nuclide: Nuclide) -> PopulationHalfLife | None:
    """Effective half-life after the last scan, by which the 2t rule's window is judged."""
    posterior = region.posterior
    if posterior is not None and posterior.draws is not None:
        draws, last_h = posterior.draws, region.curve_points[-1].hours_after_administration
        decayed = draws.coefficients_MBq * np.exp(-draws.effective_per_h * last_h)
        tail = float(draws.weight @ (decayed / draws.effective_per_h).sum(axis=1))
        now = float(draws.weight @ decayed.sum(axis=1))
        if now > 0:
            hours = min(math.log(2) * tail / now, nuclide.half_life_h)
            return PopulationHalfLife(hours, None, f"{posterior.because} and the points")
    if region.classical.half_life_h is None:
        return None
    return PopulationHalfLife(region.classical.half_life_h, None, "one exponential through the points")


def _own_and_cross(region: MeasuredRegion, by_s: SValueDose | None, nuclide: Nuclide) -> tuple[float, float]:
    if by_s is not None:
        return by_s.own_Gy_per_MBq_h, by_s.photon_cross_Gy or 0.0
    return delta_mGy_g_per_MBq_h(nuclide.electron_MeV) / region.mass_g / 1000, 0.0


def _population(
    region: MeasuredRegion, by_s: SValueDose | None, result: RegionDoseResult, nuclide: Nuclide, plan: DosePlan
) -> PopulationFit | None:
    posterior = region.posterior
    if posterior is None or posterior.median_MBq_h is None:
        return None
    inputs = {
        **result.effective_half_life_h.trace.inputs,
        "prior": posterior.trace.inputs["prior"],
        "region": f"protocol:dose_regions.{region.reading.id}",
    }
    trace = Trace(posterior.trace.method, posterior.trace.version, inputs, demonstration=plan.demonstration)
    own, cross = _own_and_cross(region, by_s, nuclide)
    best = own * posterior.median_MBq_h + cross
    exponent = 1.0 if by_s is None else by_s.mass_exponent
    median, low = posterior.median_MBq_h, posterior.lower_MBq_h
    lower, upper = spread_ends(
        best,
        None if low is None else low / median * best,
        posterior.upper_MBq_h / median * best,
        (plan.mass_relative_sd or 0.0) * exponent,
    )
    return PopulationFit(
        prior=posterior.because,
        prior_region=posterior.prior_region,
        time_integrated_activity_MBq_h=Quantity(
            posterior.median_MBq_h, "MBq h", trace, posterior.lower_MBq_h, posterior.upper_MBq_h
        ),
        absorbed_dose_Gy=Quantity(best, "Gy", trace, lower, upper),
        data_share=round(posterior.narrowed_by_data_fraction, 4),
        band_h_MBq=band(posterior),
        warning="" if region.is_population else "shown beside the reported curve, which the points alone give",
    )


def _engines(
    region: MeasuredRegion, by_s: SValueDose | None, result: RegionDoseResult, nuclide: Nuclide
) -> tuple[EngineDose, ...]:
    """The reported time-integrated activity by every engine there is."""
    tia = region.tia_MBq_h
    if tia is None:
        return ()
    inputs = dict(result.absorbed_dose_Gy.trace.inputs)
    electron = delta_mGy_g_per_MBq_h(nuclide.electron_MeV) / region.mass_g / 1000 * tia
    demonstration = result.absorbed_dose_Gy.trace.demonstration
    local_inputs = {key: value for key, value in inputs.items() if not key.startswith(("photons from", "s_value"))}
    found = [
        EngineDose(
            engine="local_deposition",
            absorbed_dose_Gy=Quantity(
                electron, "Gy", Trace("dosimetry.absorbed_dose", "1", local_inputs, demonstration=demonstration)
            ),
            electron_Gy=electron,
            photon_self_Gy=None,
            photon_cross_Gy=None,
            alpha_Gy=None,
            difference_percent=None,
            because="electrons stop in the region, photons are left out",
        )
    ]
    if by_s is not None:
        total = by_s.absorbed_dose_Gy
        method = "dosimetry.organ_dose" if by_s.engine == "s_values" else "dosimetry.sphere_dose"
        trace = Trace(method, "1", {**local_inputs, "s_value": by_s.source}, demonstration=demonstration)
        causes = {"electrons": by_s.electron_Gy - electron, "own photons": by_s.photon_self_Gy}
        if by_s.photon_cross_Gy is not None:
            causes["photons from elsewhere"] = by_s.photon_cross_Gy
        lacking = "" if by_s.photon_cross_Gy is not None else ", photons from elsewhere not counted"
        found.append(
            EngineDose(
                engine=by_s.engine,
                absorbed_dose_Gy=Quantity(total, "Gy", trace),
                electron_Gy=by_s.electron_Gy,
                photon_self_Gy=by_s.photon_self_Gy,
                photon_cross_Gy=by_s.photon_cross_Gy,
                alpha_Gy=by_s.alpha_Gy or None,
                difference_percent=(total / electron - 1) * 100 if electron > 0 else None,
                because=", ".join(
                    # Adding 0 turns a rounded -0.0 into 0.0.
                    f"{name} {round(value / electron * 100, 1) + 0.0:+.1f} %"
                    for name, value in causes.items()
                    if electron > 0
                )
                + lacking,
            )
        )
    return tuple(found)


def _biological(region: MeasuredRegion, dose: AbsorbedDose, plan: DosePlan) -> BiologicalDose | None:
    parameters = region.reading.biological
    if parameters is None:
        return None
    clause = f"protocol:dose_regions.{region.reading.id}"
    radio = Radiobiology(parameters.alpha_beta_Gy, parameters.repair_half_life_h, clause)
    inputs = {
        "absorbed_dose": f"{region.value}.absorbed_dose_Gy",
        "kinetics": f"{region.value}.time_integrated_activity_MBq_h",
        "parameters": clause,
    }
    trace = Trace("dosimetry.biological_dose", "1", inputs, demonstration=plan.demonstration)
    factor = _dose_rate_factor(region, radio)
    if dose.absorbed_dose_Gy is None or factor is None:
        nothing = Quantity(None, "Gy", trace, note=f"no absorbed dose: {dose.because}")
        bed, eqd2 = nothing, nothing
    else:

        def effective(gray: float) -> float:
            return gray * (1 + factor * gray / radio.alpha_beta_Gy)

        # BED grows with dose at any kinetics, so that the ends of the dose give its ends at the middle kinetics.
        ends = (
            None if dose.lower_Gy is None else effective(dose.lower_Gy),
            effective(dose.upper_Gy) if math.isfinite(dose.upper_Gy) else math.inf,
        )
        note = f"dose-rate factor G {factor:.4f}; alpha/beta and repair are taken as exact"
        bed = Quantity(effective(dose.absorbed_dose_Gy), "Gy", trace, ends[0], ends[1], note)

        def in_fractions(gray: float | None) -> float | None:
            return None if gray is None else eqd2_Gy(gray, radio.alpha_beta_Gy)

        eqd2 = Quantity(in_fractions(bed.value), "Gy", trace, in_fractions(bed.lower), in_fractions(bed.upper), note)
    return BiologicalDose(bed, eqd2, radio.alpha_beta_Gy, radio.repair_half_life_h, parameters.citation)


def _dose_rate_factor(region: MeasuredRegion, radio: Radiobiology) -> float | None:
    """Lea-Catcheside factor of what is reported: of the classical curve, or the posterior's middle."""
    if region.is_population and region.posterior is not None and region.posterior.draws is not None:
        factors = dose_rate_factors(region.posterior, radio.repair_per_h)
        order = np.argsort(factors, kind="stable")
        reached = np.cumsum(region.posterior.draws.weight[order])
        return float(factors[order][int(np.searchsorted(reached, 0.5))])
    kinetics = region.classical.kinetics
    if kinetics is None or not region.classical.determinacy.has_value:
        return None
    return dose_rate_factor(kinetics, radio.repair_per_h)


def _uncertainty(
    region: MeasuredRegion,
    dose: AbsorbedDose,
    by_s: SValueDose | None,
    result: RegionDoseResult,
    plan: DosePlan,
    dosimetry: DosimetryPlan,
) -> Uncertainty | None:
    """The dose's uncertainty by contribution; None where there is no dose to be uncertain of."""
    tia = region.tia_MBq_h
    if tia is None or dose.absorbed_dose_Gy is None or tia <= 0:
        return None
    calibrations = [one.scan.activity.calibration_relative_sd for one in region.seen]
    known = [sd for sd in calibrations if sd is not None]
    calibration = max(known) if len(known) == len(calibrations) else plan.calibration_relative_sd
    recovery = max((one.recovery for one in region.seen), key=lambda one: one.curve_relative_sd or 0.0)
    common = common_relative_sd(region.curve_points, plan) or 0.0
    kinetics, model = _kinetic_sds(region, common, plan)
    used = by_s if dosimetry.absorbed_dose == "s_values" else None
    chain = chain_uncertainty(
        RegionUncertainty(
            volume_relative_sd=plan.mass_relative_sd,
            counts_log_slope=0.0,
            recovery=recovery,
            calibration_relative_sd=calibration,
            counting_relative_sd=None,
            fit_relative_sd=kinetics,
            model_relative_sd=model,
            s_exponent=1.0 if used is None else used.mass_exponent,
            s_relative_sd=0.0 if used is None else used.table_relative_sd,
            density_relative_sd=0.0,  # the figure for the mass holds outline and density
        ),
        activity_MBq=max(region.curve_points[-1].activity_MBq, 1e-12),
        time_integrated_activity_MBq_h=tia,
        absorbed_dose_Gy=dose.absorbed_dose_Gy,
    )
    budget = chain.absorbed_dose
    shares = budget.contributions()
    parts = {part.name: part for part in budget.parts}
    kinetic_name = "kinetics" if region.is_population else "fit"
    named = tuple(
        UncertaintyPart(
            part=kinetic_name if name == "fit" else name,
            relative_sd=parts[name].relative_sd,
            share_of_variance=share,
            why="points and published kinetics together" if name == "fit" and region.is_population else parts[name].why,
        )
        for name, share in shares.items()
        if share > 0
    )
    inputs = {"absorbed_dose": f"{region.value}.absorbed_dose_Gy", **_point_inputs(result)}
    return Uncertainty(
        parts=named,
        not_in_interval=(*budget.not_in_interval, *dose.missing),
        would_help_most=_WOULD_HELP.get(named[0].part, "") if named else "",
        trace=Trace("dosimetry.uncertainty", "1", inputs, demonstration=plan.demonstration),
    )


def _point_inputs(result: RegionDoseResult) -> dict[str, str]:
    inputs = result.effective_half_life_h.trace.inputs
    return {name: where for name, where in inputs.items() if name.startswith("point")}


def _kinetic_sds(region: MeasuredRegion, common: float, plan: DosePlan) -> tuple[float | None, float | None]:
    """Relative standard deviations by the points' own errors, and by kinetics that the scans cannot see."""
    if region.is_population and region.posterior is not None and region.posterior.log_sd is not None:
        return math.sqrt(max(region.posterior.log_sd**2 - common**2, 0.0)), 0.0
    tia = region.classical.tia
    value, sd = tia.time_integrated_activity_MBq_h, tia.sd_MBq_h
    if value and sd is not None:
        return math.sqrt(max((sd / value) ** 2 - common**2 - plan.model_relative_sd**2, 0.0)), plan.model_relative_sd
    if value and math.isfinite(tia.upper_MBq_h):
        return math.log(tia.upper_MBq_h / value) / Z_95, plan.model_relative_sd
    return None, plan.model_relative_sd
