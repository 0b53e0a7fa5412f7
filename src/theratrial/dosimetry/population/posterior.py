"""Time-integrated activity from points and prior kinetics together (docs/methods/population_kinetics.md)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from scipy.special import chdtri

from theratrial.dosimetry.curve import Determinacy, time_activity_curve
from theratrial.dosimetry.plan import DosePlan
from theratrial.dosimetry.points import TimeActivityPoint
from theratrial.dosimetry.population.draws import DRAWS, ShapeDraws, prior_draws
from theratrial.dosimetry.population.families import Floats
from theratrial.dosimetry.population.prior import KineticPrior, RegionPrior
from theratrial.dosimetry.population.refinement import refined
from theratrial.dosimetry.population.weighing import (
    Weighed,
    drawn_log_values,
    log_moments,
    unweighed,
    weighed,
    weighted_quantiles,
)
from theratrial.dosimetry.time_integrated import TimeIntegratedActivity, time_integrated_activity
from theratrial.errors import InputError
from theratrial.nuclides import Nuclide
from theratrial.trace import Quantity, Trace

VERSION: Final = "1"
_LEAST_EFFECTIVE_DRAWS: Final = 100.0
_ENOUGH_EFFECTIVE_DRAWS: Final = 400.0
CONTRADICTION_PROBABILITY: Final = 0.001
"""Points that patients of the prior would give as rarely as this contradict it."""
_NO_WEIGHT: Final = 1e-12
_ENDS: Final = np.array([0.025, 0.5, 0.975])


class PosteriorState(StrEnum):
    """What the interval of a posterior rests on."""

    POSTERIOR = "posterior"
    PRIOR_ONLY = "prior_only"
    """There is no point."""
    CONTRADICTS_PRIOR = "contradicts_prior"
    """The points are not those of any curve the prior holds possible; the interval is what the points alone give."""


@dataclass(frozen=True, slots=True, eq=False)
class CurveDraws:
    """Weighted curves of the posterior: sums of exponentials with physical decay."""

    weight: Floats
    """Sums to 1, ``(n,)``."""
    coefficients_MBq: Floats
    """``(n, 3)``."""
    effective_per_h: Floats
    """``(n, 3)``."""

    @property
    def time_integrated_activity_MBq_h(self) -> Floats:
        """Of every curve, ``(n,)``."""
        return np.asarray((self.coefficients_MBq / self.effective_per_h).sum(axis=1), dtype=float)

    def band_MBq(self, hours: Sequence[float], probabilities: Sequence[float] = (0.025, 0.5, 0.975)) -> Floats:
        """Quantiles of the activity at each time, ``(times, probabilities)`` [MBq]; time by time, not of one curve."""
        times = np.asarray(hours, dtype=float)
        activity = (self.coefficients_MBq[:, :, None] * np.exp(-self.effective_per_h[:, :, None] * times)).sum(axis=1)
        weights = np.broadcast_to(self.weight, (len(times), len(self.weight)))
        return weighted_quantiles(activity.T, weights, np.asarray(probabilities, dtype=float))


@dataclass(frozen=True, slots=True, eq=False)
class PosteriorTia:
    """Time-integrated activity of a region, by points and prior."""

    region: str
    prior_region: str
    state: PosteriorState
    because: str
    median_MBq_h: float | None
    """None where the points contradict the prior and alone give no value."""
    mean_MBq_h: float | None
    sd_MBq_h: float | None
    lower_MBq_h: float | None
    upper_MBq_h: float
    """95 % interval; infinite where the points contradict the prior and alone bound nothing."""
    log_sd: float | None
    """Standard deviation of the logarithm."""
    prior_log_sd: float
    narrowed_by_data_fraction: float
    """Share of the prior's variance of ln TIA that the points took away: near 1 the points decide, near 0 the prior."""
    tail_narrowed_by_data_fraction: float | None
    """The same for TIA over the activity at the last scan: what the points say of the kinetics alone."""
    effective_sample_size: float
    smallest_distance_squared: float
    draws: CurveDraws | None
    """None where the points contradict the prior."""
    classical: TimeIntegratedActivity
    """What the points alone give by one exponential, with its determinacy."""
    not_in_interval: tuple[str, ...]
    trace: Trace

    @property
    def determinacy(self) -> Determinacy:
        """Of the classical curve: the prior does not make the points determine more."""
        return self.classical.determinacy

    def quantile_MBq_h(self, probability: float) -> float:
        """Quantile of the time-integrated activity [MBq h]."""
        draws = self._draws()
        values = draws.time_integrated_activity_MBq_h[None, :]
        return float(weighted_quantiles(values, draws.weight[None, :], np.array([probability]))[0, 0])

    def probability_above(self, time_integrated_activity_MBq_h: float) -> float:
        """Probability that the time-integrated activity exceeds a value [MBq h]."""
        draws = self._draws()
        return float(draws.weight[draws.time_integrated_activity_MBq_h > time_integrated_activity_MBq_h].sum())

    def quantity(self) -> Quantity:
        """The value as it may leave the product."""
        note = f"{self.state}: {self.because}; points alone {self.determinacy}"
        return Quantity(self.median_MBq_h, "MBq h", self.trace, self.lower_MBq_h, self.upper_MBq_h, note)

    def _draws(self) -> CurveDraws:
        if self.draws is None:
            raise InputError(f"region {self.region} has no posterior: {self.because}")
        return self.draws


def posterior_tia(
    points: Sequence[TimeActivityPoint],
    *,
    region: str,
    prior_region: str,
    prior: KineticPrior,
    nuclide: Nuclide,
    plan: DosePlan,
    administered_activity_MBq: float,
    draws: int = DRAWS,
    seed: int = 0,
) -> PosteriorTia:
    """Posterior of a region's time-integrated activity given its points and the prior's kinetics.

    Assumes errors that are normal on the logarithmic scale, and that the patient is one of those the prior describes.
    Points that no curve of the prior comes near are said to contradict it, and the interval is then that of the points
    alone. A prior is no measurement: the determinacy stays that of the classical curve.

    Parameters
    ----------
    points
        In any order; none gives the prior itself.
    prior_region
        Region of the prior; one that it does not have is taken as ``other``, and the result says so.
    draws, seed
        Of the deterministic sequence of curves; the same give the same answer.

    Raises
    ------
    InputError
        If the administered activity is not positive, a point is zero or states no uncertainty, or as
        `time_activity_curve`.

    References
    ----------
    Gelman A et al. Bayesian Data Analysis, 3rd ed., chapters 5 and 10 (importance sampling).

    Examples
    --------
    >>> from theratrial.dosimetry.population import kinetic_prior
    >>> from theratrial.nuclides import nuclide
    >>> plan = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.9, model_relative_sd=0.1)
    >>> points = [TimeActivityPoint(24, 120, 0.05), TimeActivityPoint(48, 105, 0.05)]
    >>> liver = posterior_tia(points, region="liver", prior_region="liver", prior=kinetic_prior("trastuzumab_igg"),
    ...                       nuclide=nuclide("Lu-177"), plan=plan, administered_activity_MBq=1000)
    >>> liver.state.value, liver.lower_MBq_h < 19000 < liver.upper_MBq_h
    ('posterior', True)
    """
    if not (math.isfinite(administered_activity_MBq) and administered_activity_MBq > 0):
        raise InputError(f"administered activity must be above 0 MBq, got {administered_activity_MBq}")
    curve = time_activity_curve(points, nuclide, plan, administered_activity_MBq=administered_activity_MBq)
    classical = time_integrated_activity(curve, plan, administered_activity_MBq=administered_activity_MBq)
    for point in curve.points:
        where = f"region {region}, scan at {point.hours_after_administration:.4g} h"
        if point.activity_MBq == 0:
            raise InputError(f"{where}: a measured zero has no logarithm; state the activity below which it lies")
        if point.uncorrelated_relative_sd == 0:
            raise InputError(f"{where} states no uncertainty; points cannot be weighed with a prior without it")
    region_prior = prior.region(prior_region)
    common, lacking = _common_sd(curve.points, plan)
    base = prior_draws(region_prior, nuclide.decay_constant_per_h, draws, seed)
    moved, result = _result(region_prior, nuclide, base, curve.points, administered_activity_MBq, common, seed)
    trace = Trace(
        method="dosimetry.population.posterior_tia",
        version=VERSION,
        inputs={
            **classical.trace.inputs,
            "prior": prior.source,
            "prior_region": f"given:{region_prior.region}",
            "draws": f"given:{draws} from seed {seed}",
        },
        demonstration=plan.demonstration,
    )
    return _value(
        region, region_prior, prior, base, moved, result, classical, curve.points,
        administered_activity_MBq, lacking, trace, asked_region=prior_region,
    )  # fmt: skip


def _common_sd(points: tuple[TimeActivityPoint, ...], plan: DosePlan) -> tuple[float, tuple[str, ...]]:
    sds = [plan.calibration_relative_sd if p.common_relative_sd is None else p.common_relative_sd for p in points]
    known = [sd for sd in sds if sd is not None]
    lacking = ("uncertainty of the calibration (not known)",) if len(known) < len(sds) else ()
    return max(known, default=0.0), lacking


def _result(
    region_prior: RegionPrior,
    nuclide: Nuclide,
    base: ShapeDraws,
    points: tuple[TimeActivityPoint, ...],
    administered_MBq: float,
    common: float,
    seed: int,
) -> tuple[ShapeDraws, Weighed]:
    if not points:
        return base, unweighed(base)
    hours = np.array([point.hours_after_administration for point in points])
    log_activity = np.log([[point.activity_MBq / administered_MBq for point in points]])
    sds = np.array([[point.uncorrelated_relative_sd for point in points]])
    result = weighed(base, base.log_unit_activity(hours), log_activity, sds, np.array([common]))
    if result.effective_sample_size[0] >= _ENOUGH_EFFECTIVE_DRAWS:
        return base, result
    return refined(
        region_prior, nuclide.decay_constant_per_h, base, hours, log_activity, sds, np.array([common]),
        seed=seed, enough=_ENOUGH_EFFECTIVE_DRAWS,
    )  # fmt: skip


def _narrowed(prior_variance: float, variance: float) -> float:
    return 1 - variance / prior_variance


def _contradiction(result: Weighed, points: int) -> str:
    distance, effective = float(result.smallest_distance_squared[0]), float(result.effective_sample_size[0])
    if points and distance > float(chdtri(points, CONTRADICTION_PROBABILITY)):
        return (
            f"the points contradict the prior: points and curve together lie {math.sqrt(distance):.1f} standard "
            "deviations from what it holds usual; the interval is what the points alone give"
        )
    if effective < _LEAST_EFFECTIVE_DRAWS:
        return (
            f"only {effective:.0f} effective curves of the prior agree with the points (at least "
            f"{_LEAST_EFFECTIVE_DRAWS:.0f} are needed); the interval is what the points alone give"
        )
    return ""


def _value(
    region: str,
    region_prior: RegionPrior,
    prior: KineticPrior,
    base: ShapeDraws,
    moved: ShapeDraws,
    result: Weighed,
    classical: TimeIntegratedActivity,
    points: tuple[TimeActivityPoint, ...],
    administered_MBq: float,
    lacking: tuple[str, ...],
    trace: Trace,
    *,
    asked_region: str,
) -> PosteriorTia:
    _, prior_variance = log_moments(unweighed(base), base.log_unit_tia_h)
    prior_log_sd = math.sqrt(float(prior_variance[0]))
    effective = float(result.effective_sample_size[0])
    distance = float(result.smallest_distance_squared[0])
    because = f"prior {prior.name} {prior.version}, region {region_prior.region}"
    if asked_region != region_prior.region:
        because += f" (it has none for {asked_region})"
    if contradiction := _contradiction(result, len(points)):
        return PosteriorTia(
            region=region,
            prior_region=region_prior.region,
            state=PosteriorState.CONTRADICTS_PRIOR,
            because=f"{because}: {contradiction}",
            median_MBq_h=classical.time_integrated_activity_MBq_h,
            mean_MBq_h=None,
            sd_MBq_h=None,
            lower_MBq_h=classical.lower_MBq_h,
            upper_MBq_h=classical.upper_MBq_h,
            log_sd=None,
            prior_log_sd=prior_log_sd,
            narrowed_by_data_fraction=0.0,
            tail_narrowed_by_data_fraction=None,
            effective_sample_size=effective,
            smallest_distance_squared=distance,
            draws=None,
            classical=classical,
            not_in_interval=classical.not_in_interval,
            trace=trace,
        )
    _, variance = log_moments(result, moved.log_unit_tia_h)
    # Draws far out in the tails have no weight, and amplitudes beyond the range of numbers.
    kept = result.weight[0] > _NO_WEIGHT
    amplitude = administered_MBq * np.exp(drawn_log_values(result, moved, np.zeros(1))[0, kept])
    weight = result.weight[0, kept] / result.weight[0, kept].sum()
    curves = CurveDraws(weight, moved.coefficients[kept] * amplitude[:, None], moved.effective_per_h[kept])
    values = curves.time_integrated_activity_MBq_h
    mean = float(curves.weight @ values)
    lower, median, upper = weighted_quantiles(values[None, :], curves.weight[None, :], _ENDS)[0]
    return PosteriorTia(
        region=region,
        prior_region=region_prior.region,
        state=PosteriorState.POSTERIOR if points else PosteriorState.PRIOR_ONLY,
        because=because if points else f"{because}; no scan gives the activity of this region",
        median_MBq_h=float(median),
        mean_MBq_h=mean,
        sd_MBq_h=math.sqrt(float(curves.weight @ (values - mean) ** 2)),
        lower_MBq_h=float(lower),
        upper_MBq_h=float(upper),
        log_sd=math.sqrt(float(variance[0])),
        prior_log_sd=prior_log_sd,
        narrowed_by_data_fraction=_narrowed(float(prior_variance[0]), float(variance[0])),
        tail_narrowed_by_data_fraction=_tail_narrowed(base, moved, result, points),
        effective_sample_size=effective,
        smallest_distance_squared=distance,
        draws=curves,
        classical=classical,
        not_in_interval=lacking,
        trace=trace,
    )


def _tail_narrowed(
    base: ShapeDraws, moved: ShapeDraws, result: Weighed, points: tuple[TimeActivityPoint, ...]
) -> float | None:
    if not points:
        return None
    last = np.array([points[-1].hours_after_administration])
    prior_weight = unweighed(base).weight[0]

    def variance(draws: ShapeDraws, weight: Floats) -> float:
        values = draws.log_unit_tia_h - draws.log_unit_activity(last)[:, 0]
        mean = weight @ values
        return float(weight @ (values - mean) ** 2)

    return _narrowed(variance(base, prior_weight), variance(moved, result.weight[0]))
