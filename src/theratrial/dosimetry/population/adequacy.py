"""What scan times can determine, before anyone is treated (docs/methods/schedule_adequacy.md)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

import numpy as np

from theratrial.dosimetry.curve import Determinacy, time_activity_curve
from theratrial.dosimetry.plan import DosePlan
from theratrial.dosimetry.points import TimeActivityPoint
from theratrial.dosimetry.population.draws import DRAWS, prior_draws
from theratrial.dosimetry.population.families import Floats
from theratrial.dosimetry.population.patients import MeasurementNoise, TrueCurves, measured, true_curves
from theratrial.dosimetry.population.prior import KineticPrior
from theratrial.dosimetry.population.weighing import drawn_log_values, weighed, weighted_quantiles
from theratrial.dosimetry.time_integrated import Z_95, time_integrated_activity
from theratrial.errors import InputError
from theratrial.nuclides import Nuclide
from theratrial.units import delta_mGy_g_per_MBq_h

VERSION: Final = "1"
_BLOCK: Final = 100
"""Patients weighed at once, so that the arrays stay in the processor's cache."""
_LEAST_EFFECTIVE: Final = 150.0
_MORE_DRAWS: Final = 4 * DRAWS
"""For patients who leave fewer effective draws than that."""
_ENDS: Final = np.array([0.025, 0.5, 0.975])


@dataclass(frozen=True, slots=True)
class ScheduleRegion:
    """A region of the protocol as far as its schedule is judged."""

    id: str
    title: str
    kind: Literal["organ", "lesion"]
    at_risk: bool
    prior_region: str
    mass_g: float | None = None
    """Reference mass; None: no dose, so that no limit is judged."""
    limit_Gy: float | None = None

    @property
    def judged(self) -> bool:
        """Whether its dose is held against a limit."""
        return self.kind == "organ" and self.limit_Gy is not None and self.mass_g is not None


@dataclass(frozen=True, slots=True)
class Schedule:
    """Scan times and all that decides what they are worth."""

    hours: tuple[float, ...]
    nuclide: Nuclide
    administered_activity_MBq: float
    sessions: int
    plan: DosePlan
    prior: KineticPrior
    regions: tuple[ScheduleRegion, ...]
    organ_noise: MeasurementNoise
    lesion_noise: MeasurementNoise

    def __post_init__(self) -> None:
        if not self.hours or any(not (math.isfinite(h) and h > 0) for h in self.hours):
            raise InputError(f"scan times must be above 0 h after administration, got {self.hours}")
        if any(b - a < 1e-6 for a, b in zip(self.hours, self.hours[1:], strict=False)):
            raise InputError(f"scan times must rise, got {self.hours}; name each time once")
        if not self.regions:
            raise InputError("a schedule is judged for at least one region; the protocol names none")
        if self.sessions < 1 or not self.administered_activity_MBq > 0:
            raise InputError("a schedule is judged for at least one session with an activity above 0 MBq")

    def noise(self, region: ScheduleRegion) -> MeasurementNoise:
        """Of the activity of a region."""
        return self.lesion_noise if region.kind == "lesion" else self.organ_noise

    def course_Gy_per_MBq_h(self, region: ScheduleRegion) -> float:
        """Electron dose of all sessions per time-integrated activity of one."""
        assert region.mass_g is not None
        return self.sessions * delta_mGy_g_per_MBq_h(self.nuclide.electron_MeV) / region.mass_g / 1000


@dataclass(frozen=True, slots=True)
class Decisions:
    """Shares of the patients for whom the upper end, held against the limit, gives each answer."""

    right_fraction: float
    false_below_fraction: float
    """Called within the limit while the truth is above it."""
    false_above_fraction: float
    """Called above the limit while the truth is within it."""
    undetermined_fraction: float


@dataclass(frozen=True, slots=True)
class IntervalQuality:
    """How a method's intervals of the time-integrated activity do."""

    value_fraction: float
    """Patients for whom there is a value."""
    bounded_fraction: float
    """Patients for whom there is an upper end."""
    bias_percent: float | None
    """Median of value over truth, less 1, where there is a value."""
    bias_range_percent: tuple[float, float] | None
    """2.5 and 97.5 % of the same."""
    interval_ratio: float | None
    """Median of upper over lower end, where both are there."""
    covered_fraction: float
    """Intervals that hold the truth; an open end holds it on that side."""
    decisions: Decisions | None


@dataclass(frozen=True, slots=True)
class RegionAdequacy:
    """What a schedule determines for one region."""

    region: ScheduleRegion
    hours: tuple[float, ...]
    after_last_median_fraction: float
    """Of the true time-integrated activity, after the last scan."""
    after_last_range_fraction: tuple[float, float]
    still_rising_fraction: float
    """Patients whose region truly gains more than it loses at the last scan, physical decay aside."""
    determinacy_fractions: Mapping[str, float]
    classical: IntervalQuality
    posterior: IntervalQuality
    true_above_limit_fraction: float | None
    median_course_dose_Gy: float | None


def patients_of(schedule: Schedule, region: ScheduleRegion, patients: int, seed: int) -> TrueCurves:
    """True curves of a region's virtual patients; the same for every schedule compared."""
    rng = np.random.default_rng([seed, schedule.regions.index(region), 0])
    prior = schedule.prior.region(region.prior_region)
    return true_curves(prior, schedule.nuclide.decay_constant_per_h, patients, rng)


def scans_of(
    schedule: Schedule, region: ScheduleRegion, curves: TrueCurves, hours: tuple[float, ...], seed: int
) -> tuple[Floats, Floats]:
    """What scans at `hours` measure: ln of the share of the administered activity, and its standard deviation."""
    rng = np.random.default_rng([seed, schedule.regions.index(region), 1])
    return measured(curves, np.array(hours), schedule.noise(region), rng)


def region_adequacy(
    schedule: Schedule, region: ScheduleRegion, *, hours: tuple[float, ...] | None = None, patients: int, seed: int
) -> RegionAdequacy:
    """What scans at `hours` (the planned ones where not given) determine for a region.

    Assumes that patients are those of the prior, that scans are made at the nominal times, and that kinetics repeat in
    every session. The exponential alone and the posterior see the same measurements.
    """
    times = schedule.hours if hours is None else hours
    curves = patients_of(schedule, region, patients, seed)
    log_measured, sds = scans_of(schedule, region, curves, times, seed)
    true_MBq_h = schedule.administered_activity_MBq * curves.coefficient_h
    states, classical = _classical_ends(schedule, region, times, log_measured, sds)
    posterior = _posterior_ends(schedule, region, times, log_measured, sds)
    after = curves.after_fraction(times[-1])
    dose = schedule.course_Gy_per_MBq_h(region) * true_MBq_h if region.mass_g is not None else None
    above = None
    if region.judged and dose is not None and region.limit_Gy is not None:
        above = float(np.mean(dose > region.limit_Gy))
    return RegionAdequacy(
        region=region,
        hours=times,
        after_last_median_fraction=float(np.median(after)),
        after_last_range_fraction=(float(np.quantile(after, 0.025)), float(np.quantile(after, 0.975))),
        still_rising_fraction=float(np.mean(curves.still_rising(times[-1]))),
        determinacy_fractions=MappingProxyType(states),
        classical=_quality(schedule, region, classical, true_MBq_h),
        posterior=_quality(schedule, region, posterior, true_MBq_h),
        true_above_limit_fraction=above,
        median_course_dose_Gy=None if dose is None else float(np.median(dose)),
    )


def _classical_ends(
    schedule: Schedule, region: ScheduleRegion, hours: tuple[float, ...], log_measured: Floats, sds: Floats
) -> tuple[dict[str, float], Floats]:
    """Share of every state, and lower end, value and upper end per patient [MBq h]; nan without a value."""
    administered = schedule.administered_activity_MBq
    common = schedule.noise(region).calibration
    count: dict[str, int] = {state.value: 0 for state in Determinacy}
    ends = np.empty((len(log_measured), 3))
    for number, (logs, errors) in enumerate(zip(log_measured.tolist(), sds.tolist(), strict=True)):
        points = [
            TimeActivityPoint(hour, administered * math.exp(log), error, common)
            for hour, log, error in zip(hours, logs, errors, strict=True)
            if math.isfinite(error)
        ]
        curve = time_activity_curve(points, schedule.nuclide, schedule.plan, administered_activity_MBq=administered)
        tia = time_integrated_activity(curve, schedule.plan, administered_activity_MBq=administered)
        value = tia.time_integrated_activity_MBq_h
        ends[number] = tia.lower_MBq_h or 0.0, math.nan if value is None else value, tia.upper_MBq_h
        count[curve.determinacy.value] += 1
    return {state: number / len(log_measured) for state, number in count.items() if number}, ends


def _posterior_ends(
    schedule: Schedule, region: ScheduleRegion, hours: tuple[float, ...], log_measured: Floats, sds: Floats
) -> Floats:
    """Lower end, median and upper end per patient [MBq h]."""
    prior = schedule.prior.region(region.prior_region)
    common = np.full(len(log_measured), schedule.noise(region).calibration)

    def quantiles(count: int, block: int, chosen: np.ndarray) -> tuple[Floats, Floats]:
        draws = prior_draws(prior, schedule.nuclide.decay_constant_per_h, count)
        log_unit, log_unit_tia = draws.log_unit_activity(np.array(hours)), draws.log_unit_tia_h
        found, effective = [], []
        for start in range(0, len(chosen), block):
            part = chosen[start : start + block]
            result = weighed(draws, log_unit, log_measured[part], sds[part], common[part])
            values = drawn_log_values(result, draws, log_unit_tia)
            found.append(weighted_quantiles(values, result.weight, _ENDS))
            effective.append(result.effective_sample_size)
        return np.concatenate(found), np.concatenate(effective)

    ends, effective = quantiles(DRAWS, _BLOCK, np.arange(len(log_measured)))
    few = np.flatnonzero(effective < _LEAST_EFFECTIVE)
    if len(few):
        ends[few], _ = quantiles(_MORE_DRAWS, _BLOCK * DRAWS // _MORE_DRAWS, few)
    return np.asarray(schedule.administered_activity_MBq * np.exp(ends))


def _quality(schedule: Schedule, region: ScheduleRegion, ends: Floats, truth: Floats) -> IntervalQuality:
    lower, value, upper = ends.T
    valued, bounded = ~np.isnan(value), np.isfinite(upper)
    bias = (value[valued] / truth[valued] - 1) * 100
    both = bounded & (lower > 0)
    return IntervalQuality(
        value_fraction=float(valued.mean()),
        bounded_fraction=float(bounded.mean()),
        bias_percent=float(np.median(bias)) if len(bias) else None,
        bias_range_percent=((float(np.quantile(bias, 0.025)), float(np.quantile(bias, 0.975))) if len(bias) else None),
        interval_ratio=float(np.median(upper[both] / lower[both])) if both.any() else None,
        covered_fraction=float(np.mean((lower <= truth) & (truth <= upper))),
        decisions=_decisions(schedule, region, ends, truth) if region.judged else None,
    )


def _decisions(schedule: Schedule, region: ScheduleRegion, ends: Floats, truth: Floats) -> Decisions:
    assert region.limit_Gy is not None
    lower, value, upper = ends.T
    per = schedule.course_Gy_per_MBq_h(region)
    mass = Z_95 * (schedule.plan.mass_relative_sd or 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        widened = value * np.exp(np.hypot(np.log(upper / value), mass))
        with_value = value * np.exp(-np.hypot(np.log(value / lower), mass))
        surely = np.where(np.isnan(value), lower * math.exp(-mass), with_value)
    bounded = np.isfinite(upper) & ~np.isnan(value)
    above = np.where(bounded, per * widened, per * surely) > region.limit_Gy
    below = bounded & ~above
    truly_above = per * truth > region.limit_Gy
    return Decisions(
        right_fraction=float(np.mean((below & ~truly_above) | (above & truly_above))),
        false_below_fraction=float(np.mean(below & truly_above)),
        false_above_fraction=float(np.mean(above & ~truly_above)),
        undetermined_fraction=float(np.mean(~above & ~below)),
    )
