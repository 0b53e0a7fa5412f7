"""Curves fitted as sums of exponentials, with covariance and determinacy (docs/methods/time_activity.md)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import chdtrc, stdtrit

from theratrial.dosimetry.curve import Determinacy, ordered_points
from theratrial.dosimetry.exponentials import SumOfExponentials
from theratrial.dosimetry.fit_determinacy import fit_determinacy
from theratrial.dosimetry.fit_functionals import (
    decays_MBq_h,
    log_gradient,
    natural_covariance,
    no_clearance_MBq_h,
)
from theratrial.dosimetry.fit_models import Array, KineticModel, kinetic_model
from theratrial.dosimetry.fit_search import Minimum, least_squares_minimum
from theratrial.dosimetry.fit_weights import Target, Weighting, fit_target
from theratrial.dosimetry.plan import DosePlan
from theratrial.dosimetry.points import TimeActivityPoint
from theratrial.dosimetry.time_integrated import (
    Z_95,
    TimeIntegratedActivity,
    common_relative_sd,
    observed_MBq_h,
    stated,
    with_slow_phase,
)
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import Nuclide

VERSION: Final = "1"
_SINGULAR: Final = 1e-7
"""Ratio of singular values of the scaled Jacobian below which parameters cannot be told apart."""


@dataclass(frozen=True, slots=True)
class FittedParameter:
    """A coefficient [MBq] or rate [1/h] of a fit; its standard deviation to first order."""

    name: str
    value: float
    sd: float | None
    """None where the residuals have to tell the noise and there are none left to do so."""
    unit: str


@dataclass(frozen=True, slots=True)
class FittedCurve:
    """A sum of exponentials through the points of a region in one session, and its determinacy."""

    points: tuple[TimeActivityPoint, ...]
    """By time."""
    nuclide: Nuclide
    model: KineticModel
    weighting: Weighting
    determinacy: Determinacy
    because: str
    kinetics: SumOfExponentials
    """The fit as it is, whether determined or not: slowest clearance first, uptake last."""
    parameters: tuple[FittedParameter, ...]
    """Coefficients and clearances from slow to fast, then the uptake rate."""
    covariance: tuple[tuple[float, ...], ...] | None
    """Of the parameters, in their order and units."""
    chi_square: float
    """Sum of squared residuals in stated standard deviations; in MBq^2 or squared logarithms where none is stated."""
    degrees_of_freedom: int
    noise_known: bool
    noise_scale: float | None
    """Factor on the stated (or unit) standard deviations; None where the noise is unknown and no residual tells it."""
    residuals: tuple[float, ...]
    """Model minus measured over standard deviation, by time."""
    held_to_physical_decay: bool
    """Whether the constraint is active: the slowest clearance would be slower than physical decay without it."""
    log_value: float
    """``ln`` of the integral of the fit from administration to infinity [MBq h]."""
    log_value_sd: float | None
    log_no_clearance: float
    """The same with physical decay alone after the last scan."""
    log_no_clearance_sd: float | None

    @property
    def effective_half_lives_h(self) -> tuple[float, ...]:
        """Of each clearance phase, slowest first [h]."""
        return tuple(math.log(2) / term.effective_per_h for term in self.kinetics.terms[: self.model.phases])

    @property
    def extrapolated_fraction(self) -> float:
        """Share of the time-integrated activity of the fit after the last scan."""
        last_h = self.points[-1].hours_after_administration
        return self.kinetics.between_MBq_h(last_h, math.inf) / self.kinetics.time_integrated_activity_MBq_h

    @property
    def before_first_scan_fraction(self) -> float:
        """Share of the time-integrated activity of the fit before the first scan."""
        first_h = self.points[0].hours_after_administration
        return self.kinetics.between_MBq_h(0.0, first_h) / self.kinetics.time_integrated_activity_MBq_h

    @property
    def quantile_95(self) -> float:
        """Two-sided 95 % quantile: Student's where the residuals told the noise, else the normal."""
        return (
            Z_95 if self.noise_known or not self.degrees_of_freedom else float(stdtrit(self.degrees_of_freedom, 0.975))
        )

    @property
    def fit_p_value(self) -> float | None:
        """Chance of residuals as large if the model were true; None where no noise is stated or no residual is free."""
        if not (self.noise_known and self.degrees_of_freedom):
            return None
        return float(chdtrc(self.degrees_of_freedom, self.chi_square))

    def misfit(self, significance: float) -> str:
        """That the points do not lie on the model, in words; empty where they do at this confidence."""
        p_value = self.fit_p_value
        if p_value is None or p_value >= 1 - significance:
            return ""
        return (
            f"the points do not lie on {self.model.name} (p = {p_value:.2g}); "
            f"standard deviations were multiplied by {self.noise_scale:.2g}"
        )

    @property
    def aic(self) -> float:
        """Akaike's criterion, up to a constant that all models of the same points share."""
        if self.noise_known:
            return self.chi_square + 2 * self.model.parameters
        n = len(self.points)
        return n * math.log(max(self.chi_square, 1e-300) / n) + 2 * self._estimated

    @property
    def aicc(self) -> float:
        """`aic` with the correction for few points; infinite where that is not defined (n <= k + 1)."""
        n, k = len(self.points), self._estimated
        return self.aic + 2 * k * (k + 1) / (n - k - 1) if n > k + 1 else math.inf

    @property
    def _estimated(self) -> int:
        return self.model.parameters + (0 if self.noise_known else 1)

    def activity_MBq(self, hours: float) -> float:
        """Activity of the fit at `hours` after administration [MBq]."""
        return self.kinetics.activity_MBq(hours)


def _log_covariance(minimum: Minimum, target: Target, model: KineticModel) -> tuple[Array, float | None]:
    """Covariance of the fitted logarithms before the noise scale, and that scale."""
    lengths = np.linalg.norm(minimum.jacobian, axis=0)
    if not (lengths > 0).all():
        raise NumericalError(f"the points do not see every parameter of {model.name}; use a model of fewer parameters")
    _, singular, rotation = np.linalg.svd(minimum.jacobian / lengths, full_matrices=False)
    if singular[-1] < _SINGULAR * singular[0]:
        raise NumericalError(f"the points cannot tell the parameters of {model.name} apart; use a model of fewer")
    half = rotation.T / singular / lengths[:, None]
    freedom = target.hours.size - model.parameters
    if freedom == 0:
        return half @ half.T, 1.0 if target.noise_known else None
    scale = math.sqrt(minimum.chi_square / freedom)
    return half @ half.T, max(1.0, scale) if target.noise_known else scale


def fitted_curve(
    points: Sequence[TimeActivityPoint],
    nuclide: Nuclide,
    plan: DosePlan,
    *,
    model: KineticModel | str,
    weighting: Weighting = Weighting.RELATIVE,
    absolute_sd_MBq: Sequence[float] | None = None,
    administered_activity_MBq: float | None = None,
) -> FittedCurve:
    """Least-squares fit of a kinetic model to the activities of a region in one session.

    Assumes independent errors. No clearance is slower than physical decay; where that constraint holds the fit back,
    the curve says so and is bounded at best. For more points than parameters, standard deviations grow by
    ``sqrt(chi^2 / (n - k))`` where that exceeds 1.

    Parameters
    ----------
    points
        In any order; activities at scan time, physical decay included.
    model
        Or its name: ``mono``, ``bi``, ``tri``, each also with ``+uptake``.
    weighting
        ``relative`` takes the points' own standard deviations on the logarithmic scale.
    absolute_sd_MBq
        For ``absolute`` weighting, one for each point **as given** [MBq].
    administered_activity_MBq
        Where given, a curve that would need more than this is undetermined.

    Raises
    ------
    InputError
        If two points have the same time, uncertainties are given for some only, or a point is of another nuclide.
    NumericalError
        If there are fewer points than parameters, the search fails, the points show one phase less than the model has,
        or its parameters cannot be told apart.

    Examples
    --------
    >>> from theratrial.nuclides import nuclide
    >>> plan = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.5, model_relative_sd=0.0)
    >>> times_h = (1, 4, 8, 24, 72, 168)
    >>> points = [TimeActivityPoint(t, 60 * 0.5 ** (t / 4) + 40 * 0.5 ** (t / 80), 0.02) for t in times_h]
    >>> curve = fitted_curve(points, nuclide("Lu-177"), plan, model="bi")
    >>> curve.determinacy.value, [round(hours, 3) for hours in curve.effective_half_lives_h]
    ('determined', [80.0, 4.0])
    """
    kinetic = kinetic_model(model) if isinstance(model, str) else model
    if absolute_sd_MBq is not None and len(absolute_sd_MBq) == len(points):
        by_time = sorted(range(len(points)), key=lambda n: points[n].hours_after_administration)
        absolute_sd_MBq = [absolute_sd_MBq[n] for n in by_time]
    if administered_activity_MBq is not None and not (
        math.isfinite(administered_activity_MBq) and administered_activity_MBq > 0
    ):
        raise InputError(f"administered activity must be above 0 MBq, got {administered_activity_MBq}")
    ordered = ordered_points(points, nuclide)
    if not ordered:
        raise InputError("no scan gives the activity of this region; a fit needs points")
    target = fit_target(ordered, weighting, absolute_sd_MBq)
    minimum = least_squares_minimum(kinetic, target, nuclide.decay_constant_per_h)
    unscaled, scale = _log_covariance(minimum, target, kinetic)
    covariance = None if scale is None else unscaled * scale**2
    freedom = target.hours.size - kinetic.parameters
    determinacy, because = fit_determinacy(
        kinetic, minimum, covariance, target, scale, nuclide, plan, administered_activity_MBq
    )
    physical, last_h = nuclide.decay_constant_per_h, ordered[-1].hours_after_administration

    def log_with_sd(functional: Callable[[Array], float]) -> tuple[float, float | None]:
        value = math.log(functional(minimum.theta))
        if covariance is None:
            return value, None
        gradient = log_gradient(functional, minimum.theta)
        return value, math.sqrt(max(float(gradient @ covariance @ gradient), 0.0))

    value, value_sd = log_with_sd(lambda theta: decays_MBq_h(kinetic, theta))
    flat, flat_sd = log_with_sd(lambda theta: no_clearance_MBq_h(kinetic, theta, last_h, physical))
    parameters, natural = natural_covariance(kinetic, minimum.theta, covariance)
    return FittedCurve(
        points=ordered,
        nuclide=nuclide,
        model=kinetic,
        weighting=weighting,
        determinacy=determinacy,
        because=because,
        kinetics=kinetic.curve(minimum.theta),
        parameters=tuple(
            FittedParameter(name, number, None if natural is None else math.sqrt(natural[n, n]), unit)
            for n, (name, number, unit) in enumerate(parameters)
        ),
        covariance=None if natural is None else tuple(tuple(float(cell) for cell in row) for row in natural),
        chi_square=minimum.chi_square * (1.0 if weighting is not Weighting.EQUAL else float(target.sd[0]) ** 2),
        degrees_of_freedom=freedom,
        noise_known=target.noise_known,
        noise_scale=scale,
        residuals=tuple(float(residual) for residual in minimum.residuals),
        held_to_physical_decay=minimum.held_to_physical_decay,
        log_value=value,
        log_value_sd=value_sd,
        log_no_clearance=flat,
        log_no_clearance_sd=flat_sd,
    )


def fitted_time_integrated_activity(
    curve: FittedCurve, plan: DosePlan, *, administered_activity_MBq: float
) -> TimeIntegratedActivity:
    """Time-integrated activity [MBq h] of a fitted curve from administration to infinity, with a 95 % interval.

    Assumes what the curve assumes; the interval is log-normal and holds the covariance of the fit, the calibration and
    the plan's ``model_relative_sd``. Rising and undetermined curves have no value.

    Raises
    ------
    InputError
        If the administered activity is not positive.
    """
    common = common_relative_sd(curve.points, plan) or 0.0
    has_value = curve.determinacy.has_value
    shared = math.hypot(common, plan.model_relative_sd)

    def width(sd: float | None) -> float:
        return math.hypot(curve.quantile_95 * (sd or 0.0), Z_95 * shared)

    ends: tuple[float | None, float, float]
    if has_value:
        best = curve.log_value
        bound = max(curve.log_no_clearance + width(curve.log_no_clearance_sd), best)
        upper = with_slow_phase(
            best,
            best + width(curve.log_value_sd),
            curve.log_no_clearance,
            bound,
            curve.determinacy,
            plan.slow_phase_probability,
        )
        ends = math.exp(best - width(curve.log_value_sd)), math.exp(upper), math.exp(bound)
    else:
        ends = _observed_at_least(curve, common), math.inf, math.inf
    return stated(
        curve.points,
        curve.nuclide,
        plan,
        administered_activity_MBq=administered_activity_MBq,
        value_MBq_h=math.exp(curve.log_value) if has_value else None,
        ends_MBq_h=ends,
        log_sd=None if curve.log_value_sd is None else math.hypot(curve.log_value_sd, shared),
        shares=(curve.before_first_scan_fraction, curve.extrapolated_fraction) if has_value else (None, None),
        determinacy=curve.determinacy,
        because=curve.because,
        method="dosimetry.fitted_time_integrated_activity",
        version=VERSION,
        inputs={"model": f"given:{curve.model.name}", "weighting": f"given:{curve.weighting}"},
        not_in_interval=("noise of the points (not known)",) if curve.log_value_sd is None else (),
        assumptions=(misfit,) if (misfit := curve.misfit(plan.clearance_significance)) else (),
    )


def _observed_at_least(curve: FittedCurve, common: float) -> float | None:
    if len(curve.points) < 2 or any(point.activity_MBq == 0 for point in curve.points):
        return None
    noise = max(point.uncorrelated_relative_sd for point in curve.points)
    return observed_MBq_h(curve.points) * math.exp(-Z_95 * math.hypot(noise, common))
