"""Which scan time, added or moved, would tell most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from theratrial.dosimetry.population.adequacy import Schedule, ScheduleRegion, patients_of, scans_of
from theratrial.dosimetry.population.draws import prior_draws
from theratrial.dosimetry.population.weighing import log_moments, weighed

CANDIDATE_HOURS: Final = (4.0, 8.0, 16.0, 24.0, 48.0, 72.0, 96.0, 120.0, 144.0, 168.0, 192.0, 240.0, 288.0, 336.0)
_NEAREST_H: Final = 12.0
"""A candidate nearer than this to a scan that stays tells little new; nearer than half the time for early ones."""
ENOUGH_SHARE: Final = 0.95
"""Of the largest reduction of the variance: a later scan that gains less than the rest is not worth the wait."""
_DRAWS: Final = 2048
_LEAST_EFFECTIVE: Final = 20.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A schedule with one time added, or its last one moved."""

    change: Literal["as planned", "added", "last moved"]
    hour: float | None
    hours: tuple[float, ...]
    organ_log_variance: float | None
    """Mean over organs at risk and patients of the posterior variance of ln TIA; None where there is no such organ."""
    lesion_log_variance: float | None

    @property
    def organ_log_sd(self) -> float | None:
        """Root of the mean variance: about the relative standard deviation."""
        return None if self.organ_log_variance is None else float(np.sqrt(self.organ_log_variance))

    @property
    def lesion_log_sd(self) -> float | None:
        """Root of the mean variance: about the relative standard deviation."""
        return None if self.lesion_log_variance is None else float(np.sqrt(self.lesion_log_variance))


def organs_at_risk(schedule: Schedule) -> tuple[ScheduleRegion, ...]:
    """Organs at risk or with a limit; all organs where the protocol names none."""
    organs = [region for region in schedule.regions if region.kind == "organ"]
    return tuple(r for r in organs if r.at_risk or r.limit_Gy is not None) or tuple(organs)


def candidate_schedules(schedule: Schedule, hours: Sequence[float] = CANDIDATE_HOURS) -> tuple[Candidate, ...]:
    """The planned schedule, each time added to it, and each time in place of its last one; not yet judged."""
    found = [Candidate("as planned", None, schedule.hours, None, None)]
    kept = schedule.hours[:-1]
    for hour in hours:
        if _is_apart(hour, schedule.hours):
            found.append(Candidate("added", hour, tuple(sorted((*schedule.hours, hour))), None, None))
        if kept and _is_apart(hour, schedule.hours):
            found.append(Candidate("last moved", hour, tuple(sorted((*kept, hour))), None, None))
    return tuple(found)


def _is_apart(hour: float, others: tuple[float, ...]) -> bool:
    return all(abs(hour - other) >= min(_NEAREST_H, hour / 2, other / 2) for other in others)


def judged_candidates(
    schedule: Schedule,
    *,
    patients: int,
    seed: int,
    hours: Sequence[float] = CANDIDATE_HOURS,
    on_progress: Callable[[str], None] | None = None,
) -> tuple[Candidate, ...]:
    """Every candidate with its mean posterior variance of ln TIA, the planned schedule first."""
    judged = []
    organs = organs_at_risk(schedule)
    lesions = tuple(region for region in schedule.regions if region.kind == "lesion")
    for one in candidate_schedules(schedule, hours):
        judged.append(
            Candidate(
                one.change,
                one.hour,
                one.hours,
                _mean_variance(schedule, organs, one.hours, patients, seed),
                _mean_variance(schedule, lesions, one.hours, patients, seed),
            )
        )
        if on_progress is not None:
            on_progress("as planned" if one.hour is None else f"{one.change}: {one.hour:g} h")
    return tuple(judged)


def _mean_variance(
    schedule: Schedule, regions: Sequence[ScheduleRegion], hours: tuple[float, ...], patients: int, seed: int
) -> float | None:
    if not regions:
        return None
    return float(np.mean([_region_variance(schedule, region, hours, patients, seed) for region in regions]))


def _region_variance(
    schedule: Schedule, region: ScheduleRegion, hours: tuple[float, ...], patients: int, seed: int
) -> float:
    curves = patients_of(schedule, region, patients, seed)
    log_measured, sds = scans_of(schedule, region, curves, hours, seed)
    prior = schedule.prior.region(region.prior_region)
    draws = prior_draws(prior, schedule.nuclide.decay_constant_per_h, _DRAWS)
    common = np.full(patients, schedule.noise(region).calibration)
    result = weighed(draws, draws.log_unit_activity(np.array(hours)), log_measured, sds, common)
    _, variance = log_moments(result, draws.log_unit_tia_h)
    # Where few draws are left, their variance is mostly chance, and too small.
    trusted = result.effective_sample_size >= _LEAST_EFFECTIVE
    return float(variance[trusted].mean() if trusted.any() else variance.mean())


def most_telling(
    candidates: Sequence[Candidate],
    *,
    change: Literal["added", "last moved"] = "added",
    of: Literal["organs", "lesions", "both"] = "both",
    share: float = ENOUGH_SHARE,
) -> Candidate | None:
    """The earliest time that lowers the mean variance by at least `share` of what the best one does.

    Of both: the mean of the ratios of organs and of lesions to the planned schedule. None where the protocol has no
    such region or no time lowers it.
    """
    planned = candidates[0]

    def ratio(one: Candidate) -> float:
        ratios = []
        if of != "lesions" and one.organ_log_variance is not None and planned.organ_log_variance:
            ratios.append(one.organ_log_variance / planned.organ_log_variance)
        if of != "organs" and one.lesion_log_variance is not None and planned.lesion_log_variance:
            ratios.append(one.lesion_log_variance / planned.lesion_log_variance)
        return float(np.mean(ratios)) if ratios else 1.0

    gains = [(1 - ratio(one), one) for one in candidates if one.change == change]
    most = max((gain for gain, _ in gains), default=0.0)
    if most <= 0:
        return None
    enough = [one for gain, one in gains if gain >= share * most]
    return min(enough, key=lambda one: one.hour or 0.0)
