"""The time-integrated activity of a region by the curve asked for, and what follows from its kinetics."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from theratrial.dosimetry import DosePlan, RegionDose, TimeActivityPoint
from theratrial.dosimetry.biological import Radiobiology, biological_dose_of_factor, dose_rate_factor
from theratrial.dosimetry.fits import fitted_time_integrated_activity
from theratrial.dosimetry.model_selection import selected_model
from theratrial.dosimetry.population.posterior import posterior_tia
from theratrial.dosimetry.population.prior import kinetic_prior
from theratrial.dosimetry.population.tables import LESION, prior_region_name
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import Nuclide
from theratrial.pipeline.dose_methods import DoseMethods, name_key, reference_regions
from theratrial.pipeline.dose_values import BiologicalShown, EngineShown, ExceedanceShown, ReportedCurve
from theratrial.pipeline.session_population import dose_rate_factors, quantile_steps
from theratrial.pipeline.session_values import EXCEEDANCE_STEPS, Z_95


def reported_curve(
    points: Sequence[TimeActivityPoint],
    name: str,
    mono: RegionDose,
    nuclide: Nuclide,
    plan: DosePlan,
    methods: DoseMethods,
    *,
    administered_MBq: float,
) -> ReportedCurve:
    """By one exponential, by the model that the points support, or by points and published kinetics."""
    tia = mono.tia
    plain = ReportedCurve(
        method="mono",
        time_integrated_activity_MBq_h=tia.time_integrated_activity_MBq_h,
        lower_MBq_h=tia.lower_MBq_h,
        upper_MBq_h=tia.upper_MBq_h,
        note=f"{mono.curve.determinacy}: {mono.curve.because}",
        kinetics=mono.curve.kinetics if mono.curve.determinacy.has_value else None,
        posterior=None,
        trace=tia.trace,
    )
    if methods.curve == "best" and len(points) > 2:
        return _best(points, plain, nuclide, plan, administered_MBq)
    if methods.curve == "population":
        return _population(points, name, plain, nuclide, plan, methods, administered_MBq)
    return plain


def _best(
    points: Sequence[TimeActivityPoint], plain: ReportedCurve, nuclide: Nuclide, plan: DosePlan, administered_MBq: float
) -> ReportedCurve:
    try:
        curve = selected_model(points, nuclide, plan, administered_activity_MBq=administered_MBq).curve
    except NumericalError as error:
        return _with_note(plain, f"{plain.note}; one exponential, because no other could be fitted: {error}")
    tia = fitted_time_integrated_activity(curve, plan, administered_activity_MBq=administered_MBq)
    return ReportedCurve(
        method=f"best ({curve.model.name})",
        time_integrated_activity_MBq_h=tia.time_integrated_activity_MBq_h,
        lower_MBq_h=tia.lower_MBq_h,
        upper_MBq_h=tia.upper_MBq_h,
        note=f"{curve.determinacy}: {curve.because}",
        kinetics=curve.kinetics if curve.determinacy.has_value else None,
        posterior=None,
        trace=tia.trace,
    )


def _population(
    points: Sequence[TimeActivityPoint],
    name: str,
    plain: ReportedCurve,
    nuclide: Nuclide,
    plan: DosePlan,
    methods: DoseMethods,
    administered_MBq: float,
) -> ReportedCurve:
    phantom, read = reference_regions(name, methods.reference)
    region = phantom[0] if phantom else read.organ
    found = posterior_tia(
        points,
        region=name,
        prior_region=LESION if region is None else prior_region_name(region),
        prior=kinetic_prior(methods.prior),
        nuclide=nuclide,
        plan=plan,
        administered_activity_MBq=administered_MBq,
    )
    if found.median_MBq_h is None or found.draws is None:
        return _with_note(plain, f"{plain.note}; the points alone, because {found.because}")
    return ReportedCurve(
        method=f"population ({methods.prior}, {found.prior_region})",
        time_integrated_activity_MBq_h=found.median_MBq_h,
        lower_MBq_h=found.lower_MBq_h,
        upper_MBq_h=found.upper_MBq_h,
        note=f"{found.because}; the points took away {found.narrowed_by_data_fraction:.0%} of the prior's variance; "
        f"alone they are {plain.note}",
        kinetics=None,
        posterior=found,
        trace=found.trace,
    )


def _with_note(curve: ReportedCurve, note: str) -> ReportedCurve:
    from dataclasses import replace

    return replace(curve, note=note)


def biological(name: str, dose: EngineShown, curve: ReportedCurve, methods: DoseMethods) -> BiologicalShown | None:
    """BED and EQD2 with the region's own kinetics; None where no parameters are given for it."""
    radio = methods.radiobiology.get(name_key(name), methods.radiobiology.get(""))
    if radio is None:
        return None
    factor = _dose_rate_factor(curve, radio)
    if dose.absorbed_dose_Gy is None or factor is None:
        why = dose.why or "no kinetics: the curve has no value"
        return BiologicalShown(None, None, factor, radio.alpha_beta_Gy, radio.repair_half_life_h, why)
    found = biological_dose_of_factor(
        dose.absorbed_dose_Gy, min(factor, 1.0), radio, region=name, kinetics=f"given:{curve.method}"
    )
    return BiologicalShown(
        bed_Gy=found.biologically_effective_dose_Gy,
        eqd2_Gy=found.eqd2_Gy,
        dose_rate_factor=factor,
        alpha_beta_Gy=radio.alpha_beta_Gy,
        repair_half_life_h=radio.repair_half_life_h,
        note=f"from the dose by {dose.engine}; alpha/beta and repair are taken as exact",
    )


def _dose_rate_factor(curve: ReportedCurve, radio: Radiobiology) -> float | None:
    if curve.posterior is not None and curve.posterior.draws is not None:
        factors = dose_rate_factors(curve.posterior, radio.repair_per_h)
        order = np.argsort(factors, kind="stable")
        reached = np.cumsum(curve.posterior.draws.weight[order])
        return float(factors[order][min(int(np.searchsorted(reached, 0.5)), len(order) - 1)])
    return None if curve.kinetics is None else dose_rate_factor(curve.kinetics, radio.repair_per_h)


def exceedance(
    name: str, dose: EngineShown, curve: ReportedCurve, plan: DosePlan, methods: DoseMethods
) -> ExceedanceShown | None:
    """Probability that this injection gives more than the limit; None where no limit is given for the region."""
    limit_Gy = methods.limits_Gy.get(name_key(name))
    if limit_Gy is None:
        return None
    if dose.own_Gy_per_MBq_h is None:
        return ExceedanceShown(limit_Gy, None, dose.why or "no dose per activity")
    mass_sd = plan.mass_relative_sd or 0.0
    without_mass = "" if plan.mass_relative_sd is not None else "; the uncertainty of the mass is not in it"
    cross_Gy = dose.photon_cross_Gy or 0.0
    if curve.posterior is not None:
        doses = quantile_steps(curve.posterior, EXCEEDANCE_STEPS) * dose.own_Gy_per_MBq_h + cross_Gy
        return ExceedanceShown(
            limit_Gy, _share_above(doses, limit_Gy, mass_sd), f"by points and published kinetics{without_mass}"
        )
    if dose.absorbed_dose_Gy is None or not math.isfinite(dose.upper_Gy) or not dose.lower_Gy:
        return ExceedanceShown(limit_Gy, None, f"the points alone do not bound the dose: {curve.note}")
    # The interval as reported, taken as log-normal around its own middle; it holds the mass already.
    middle = math.sqrt(dose.lower_Gy * dose.upper_Gy)
    log_sd = math.log(dose.upper_Gy / dose.lower_Gy) / (2 * Z_95)
    if log_sd == 0:
        return ExceedanceShown(limit_Gy, float(dose.absorbed_dose_Gy > limit_Gy), "the interval has no width")
    probability = 0.5 * math.erfc(math.log(limit_Gy / middle) / log_sd / math.sqrt(2))
    return ExceedanceShown(limit_Gy, probability, f"by the reported interval, taken as log-normal{without_mass}")


def _share_above(doses_Gy: np.ndarray, limit_Gy: float, mass_sd: float) -> float:
    if mass_sd == 0:
        return float(np.mean(doses_Gy > limit_Gy))
    distance = np.log(np.maximum(doses_Gy, 1e-300) / limit_Gy) / mass_sd / math.sqrt(2)
    return float(np.mean([0.5 * math.erfc(-x) for x in distance]))


def require_known_names(names: Sequence[str], methods: DoseMethods) -> None:
    """Refuse options that name a region which is not drawn.

    Raises
    ------
    InputError
        Naming it and the regions there are.
    """
    known = {name_key(name) for name in names}
    for option, given in (
        ("--reference", methods.reference),
        ("--limit", methods.limits_Gy),
        ("--alpha-beta", methods.radiobiology),
    ):
        for key in given:
            if key and key not in known:
                raise InputError(f"{option} names region {key!r}, which is not drawn; there are {', '.join(names)}")
