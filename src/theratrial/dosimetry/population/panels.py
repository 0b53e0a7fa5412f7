"""Curves that show what scans leave open: the prior's band, and what remains of it after the points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theratrial.dosimetry.points import TimeActivityPoint
from theratrial.dosimetry.population.adequacy import Schedule, ScheduleRegion
from theratrial.dosimetry.population.draws import prior_draws
from theratrial.dosimetry.population.families import Floats, unit_terms
from theratrial.dosimetry.population.patients import TrueCurves
from theratrial.dosimetry.population.posterior import posterior_tia
from theratrial.errors import NumericalError

_UNTIL_HALF_LIVES = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class CurvePanel:
    """A typical patient's region, as percent of the administered activity."""

    title: str
    hours: Floats
    true_percent: Floats
    prior_percent: Floats
    """2.5, 50 and 97.5 %, ``(times, 3)``, of curves that pass through the typical activity at the first scan."""
    posterior_percent: Floats
    """Likewise, given points without noise at the planned times."""
    improved_percent: Floats | None
    """Likewise with one time more."""
    scans_h: tuple[float, ...]
    added_h: float | None


def typical_curve(schedule: Schedule, region: ScheduleRegion) -> TrueCurves:
    """The curve at the medians of the prior's most probable family, as one patient."""
    prior = schedule.prior.region(region.prior_region)
    family = max(prior.families, key=lambda one: one.weight)
    coefficients, rates = unit_terms(family.family, np.array([family.mean[1:]]))
    decay = schedule.nuclide.decay_constant_per_h
    return TrueCurves(coefficients * np.exp(family.mean[0]), rates + decay, decay)


def curve_panel(schedule: Schedule, region: ScheduleRegion, *, added_h: float | None) -> CurvePanel:
    """What is known of a typical patient's curve before the scans, after the planned ones, and after one more."""
    curve = typical_curve(schedule, region)
    grid = np.linspace(0.5, _UNTIL_HALF_LIVES * schedule.nuclide.half_life_h, 120)
    improved = None if added_h is None else tuple(sorted((*schedule.hours, added_h)))
    return CurvePanel(
        title=region.title,
        hours=grid,
        true_percent=100 * curve.fraction(grid)[0],
        prior_percent=_prior_band(schedule, region, curve, grid),
        posterior_percent=_band(schedule, region, curve, schedule.hours, grid),
        improved_percent=None if improved is None else _band(schedule, region, curve, improved, grid),
        scans_h=schedule.hours,
        added_h=added_h,
    )


def _prior_band(schedule: Schedule, region: ScheduleRegion, curve: TrueCurves, grid: Floats) -> Floats:
    """Of shapes scaled to the typical activity at the first scan: how much is taken up would hide how it changes."""
    draws = prior_draws(schedule.prior.region(region.prior_region), schedule.nuclide.decay_constant_per_h)
    first = np.array(schedule.hours[:1])
    scaled = np.exp(draws.log_unit_activity(grid) - draws.log_unit_activity(first))
    return np.asarray(100 * curve.fraction(first)[0] * np.quantile(scaled, (0.025, 0.5, 0.975), axis=0).T)


def _band(
    schedule: Schedule, region: ScheduleRegion, curve: TrueCurves, hours: tuple[float, ...], grid: Floats
) -> Floats:
    administered = schedule.administered_activity_MBq
    noise = schedule.noise(region)
    fractions = curve.fraction(np.array(hours))
    reference = curve.fraction(np.array([noise.reference_h]))
    sds = noise.uncorrelated(fractions, reference)[0]
    points = [
        TimeActivityPoint(hour, administered * float(fraction), float(sd), noise.calibration)
        for hour, fraction, sd in zip(hours, fractions[0], sds, strict=True)
        if np.isfinite(sd)
    ]
    posterior = posterior_tia(
        points, region=region.id, prior_region=region.prior_region, prior=schedule.prior, nuclide=schedule.nuclide,
        plan=schedule.plan, administered_activity_MBq=administered,
    )  # fmt: skip
    if posterior.draws is None:
        raise NumericalError(
            f"region {region.id}: the prior's own typical curve contradicts it; the prior is not usable"
        )
    return 100 / administered * posterior.draws.band_MBq([float(hour) for hour in grid])
