"""Which kinetic model the points of a region support (docs/methods/time_activity.md)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from theratrial.dosimetry.curve import Determinacy
from theratrial.dosimetry.fit_models import MODELS, KineticModel
from theratrial.dosimetry.fit_weights import Weighting
from theratrial.dosimetry.fits import FittedCurve, fitted_curve, fitted_time_integrated_activity
from theratrial.dosimetry.plan import DosePlan
from theratrial.dosimetry.points import TimeActivityPoint
from theratrial.dosimetry.time_integrated import Z_95, TimeIntegratedActivity, common_relative_sd, stated
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import Nuclide

VERSION: Final = "1"


class Criterion(StrEnum):
    """By what models are compared."""

    AICC = "aicc"
    """Akaike's criterion corrected for few points; not defined for models with n <= k + 1."""
    AIC = "aic"
    """Without the correction, which is exact where the noise of the points is known rather than estimated."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model, whether it could be fitted, and what speaks for it."""

    model: KineticModel
    curve: FittedCurve | None
    """None where it was not or could not be fitted."""
    criterion: float
    """Infinite where there is no fit, no identified fit, or the criterion is not defined."""
    akaike_weight: float
    because: str
    """Why it has no weight; empty where it has."""


@dataclass(frozen=True, slots=True)
class ModelSelection:
    """Every candidate, and the curve of the chosen one."""

    curve: FittedCurve
    criterion: Criterion
    candidates: tuple[Candidate, ...]
    because: str

    @property
    def weighted(self) -> tuple[Candidate, ...]:
        """Candidates with weight, best first."""
        return tuple(sorted((c for c in self.candidates if c.akaike_weight > 0), key=lambda c: -c.akaike_weight))


def _tried(
    model: KineticModel,
    points: Sequence[TimeActivityPoint],
    nuclide: Nuclide,
    plan: DosePlan,
    weighting: Weighting,
    absolute_sd_MBq: Sequence[float] | None,
    administered_activity_MBq: float | None,
    criterion: Criterion,
) -> Candidate:
    if model.parameters >= len(points):
        return Candidate(
            model, None, math.inf, 0.0, f"{model.parameters} parameters need more than {len(points)} points"
        )
    try:
        curve = fitted_curve(
            points,
            nuclide,
            plan,
            model=model,
            weighting=weighting,
            absolute_sd_MBq=absolute_sd_MBq,
            administered_activity_MBq=administered_activity_MBq,
        )
    except NumericalError as error:
        return Candidate(model, None, math.inf, 0.0, str(error))
    if curve.determinacy is Determinacy.UNDETERMINED:
        return Candidate(model, curve, math.inf, 0.0, curve.because)
    value = curve.aicc if criterion is Criterion.AICC else curve.aic
    why = "" if math.isfinite(value) else f"{criterion} is not defined for {len(points)} points"
    return Candidate(model, curve, value, 0.0, why)


def selected_model(
    points: Sequence[TimeActivityPoint],
    nuclide: Nuclide,
    plan: DosePlan,
    *,
    models: Sequence[KineticModel] = MODELS,
    weighting: Weighting = Weighting.RELATIVE,
    absolute_sd_MBq: Sequence[float] | None = None,
    administered_activity_MBq: float | None = None,
    criterion: Criterion = Criterion.AICC,
) -> ModelSelection:
    """The model of `models` with the least criterion among those that the points identify, with the whole table.

    Assumes that one of the models is near the truth. A model takes part only if it has fewer parameters than there are
    points, its search ends with all its phases, and no coefficient or rate is uncertain by a factor e or more. Where
    the criterion is defined for none of them, the one with the fewest parameters is taken, and it says so.

    Raises
    ------
    InputError
        If `models` is empty or the points are not fit for any curve.
    NumericalError
        If no model can be identified; the message says why for each.

    References
    ----------
    Burnham KP, Anderson DR. Sociol Methods Res 2004;33:261. Glatting G et al. Med Phys 2007;34:4285.
    """
    if not models:
        raise InputError("model selection needs at least one model")
    tried = [
        _tried(model, points, nuclide, plan, weighting, absolute_sd_MBq, administered_activity_MBq, criterion)
        for model in models
    ]
    least = min(candidate.criterion for candidate in tried)
    if math.isinf(least):
        return _fewest_parameters(tried, criterion, plan)
    shares = [math.exp(-(candidate.criterion - least) / 2) for candidate in tried]
    total = math.fsum(shares)
    candidates = tuple(
        Candidate(one.model, one.curve, one.criterion, share / total, one.because)
        for one, share in zip(tried, shares, strict=True)
    )
    best = min(candidates, key=lambda one: one.criterion)
    assert best.curve is not None
    because = f"least {criterion} ({best.criterion:.2f}), Akaike weight {best.akaike_weight:.0%}"
    return ModelSelection(best.curve, criterion, candidates, _with_misfit(because, best.curve, plan))


def _with_misfit(because: str, curve: FittedCurve, plan: DosePlan) -> str:
    # The best of the models that few points allow may still be a bad one.
    misfit = curve.misfit(plan.clearance_significance)
    return f"{because}; but {misfit}" if misfit else because


def _fewest_parameters(tried: Sequence[Candidate], criterion: Criterion, plan: DosePlan) -> ModelSelection:
    possible = [one for one in tried if one.curve and one.curve.determinacy is not Determinacy.UNDETERMINED]
    if not possible:
        reasons = "; ".join(f"{one.model.name}: {one.because}" for one in tried)
        raise NumericalError(f"the points identify no model ({reasons})")
    best = min(possible, key=lambda one: one.model.parameters)
    assert best.curve is not None
    candidates = tuple(
        Candidate(one.model, one.curve, one.criterion, 1.0 if one is best else 0.0, one.because) for one in tried
    )
    because = f"fewest parameters; {criterion} is not defined for so few points"
    return ModelSelection(best.curve, criterion, candidates, _with_misfit(because, best.curve, plan))


def averaged_time_integrated_activity(
    selection: ModelSelection, plan: DosePlan, *, administered_activity_MBq: float
) -> TimeIntegratedActivity:
    """Time-integrated activity [MBq h] averaged over the models by Akaike weight, with the spread between models.

    Assumes what `selected_model` does. On the logarithmic scale: the mean of the models' values, and as variance the
    mean of their variances plus their squared distance from it. State, shares and the end without clearance are those
    of the chosen model; where any model with a weight above 5 % is rising, there is no value.

    References
    ----------
    Burnham KP, Anderson DR. Sociol Methods Res 2004;33:261 (unconditional variance).
    """
    chosen = selection.curve
    single = fitted_time_integrated_activity(chosen, plan, administered_activity_MBq=administered_activity_MBq)
    weighted = [(one.akaike_weight, one.curve) for one in selection.weighted if one.curve is not None]
    determinacy, because = single.determinacy, single.because
    rising = [curve for weight, curve in weighted if weight > 0.05 and curve.determinacy is Determinacy.RISING]
    if rising and determinacy.has_value:
        determinacy, because = (
            Determinacy.RISING,
            f"{rising[0].model.name}, which is not excluded, says: {rising[0].because}",
        )
    mean = math.fsum(weight * curve.log_value for weight, curve in weighted)
    spread = math.fsum(
        weight * ((curve.quantile_95 / Z_95 * (curve.log_value_sd or 0.0)) ** 2 + (curve.log_value - mean) ** 2)
        for weight, curve in weighted
    )
    common = common_relative_sd(chosen.points, plan) or 0.0
    log_sd = math.sqrt(spread + common**2 + plan.model_relative_sd**2)
    has_value = determinacy.has_value
    upper = single.upper_MBq_h
    if determinacy is Determinacy.DETERMINED:
        upper = max(upper, math.exp(mean + Z_95 * log_sd))
    elif has_value:
        upper = max(upper, math.exp(mean))
    ends = (
        (math.exp(mean - Z_95 * log_sd), upper, max(single.no_clearance_upper_MBq_h, math.exp(mean)))
        if has_value
        else (single.lower_MBq_h, math.inf, math.inf)
    )
    return stated(
        chosen.points,
        chosen.nuclide,
        plan,
        administered_activity_MBq=administered_activity_MBq,
        value_MBq_h=math.exp(mean) if has_value else None,
        ends_MBq_h=ends,
        log_sd=log_sd,
        shares=(single.before_first_scan_fraction, single.extrapolated_fraction) if has_value else (None, None),
        determinacy=determinacy,
        because=because,
        method="dosimetry.averaged_time_integrated_activity",
        version=VERSION,
        inputs={
            "weighting": f"given:{chosen.weighting}",
            "models": "given:" + ", ".join(f"{curve.model.name} {weight:.3f}" for weight, curve in weighted),
        },
        not_in_interval=single.not_in_interval[-1:] if chosen.log_value_sd is None else (),
        assumptions=(misfit,) if (misfit := chosen.misfit(plan.clearance_significance)) else (),
    )
