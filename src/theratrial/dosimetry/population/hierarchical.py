"""A prior brought up to date by the trial's own patients (docs/methods/population_kinetics.md)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

import numpy as np

from theratrial.dosimetry.points import TimeActivityPoint
from theratrial.dosimetry.population.draws import prior_draws
from theratrial.dosimetry.population.families import Floats
from theratrial.dosimetry.population.prior import FamilyPrior, KineticPrior, RegionPrior
from theratrial.dosimetry.population.weighing import Weighed, weighed
from theratrial.errors import InputError
from theratrial.nuclides import Nuclide

VERSION: Final = "1"
LEAST_PATIENTS: Final = 8
"""With fewer patients the published prior stays as it is: their spread could not be told from chance."""
LEAST_POINTS: Final = 3
"""A patient with fewer points says little of the kinetics, and mostly returns the prior."""
_MEAN_COUNTS_AS: Final = 2.0
"""Patients that the published mean weighs as much as."""
_SPREAD_COUNTS_AS: Final = 2.0
"""Patients that the published spread weighs as much as."""
_DRAWS: Final = 32768
_ROUNDS: Final = 25
_LEAST_EFFECTIVE: Final = 30.0


@dataclass(frozen=True, slots=True)
class CohortPatient:
    """The points of one patient's region in one session."""

    patient: str
    points: tuple[TimeActivityPoint, ...]
    administered_activity_MBq: float


@dataclass(frozen=True, slots=True)
class CohortPrior:
    """A prior with what the cohort added, and by whom."""

    prior: KineticPrior
    updated: bool
    because: str
    patients: tuple[str, ...]
    """Who informed it; empty where it is the published one."""


def cohort_prior(
    published: KineticPrior,
    cohort: Mapping[str, Sequence[CohortPatient]],
    *,
    nuclide: Nuclide,
    without: str = "",
    seed: int = 0,
) -> CohortPrior:
    """The published prior, updated region by region by a cohort's points.

    Empirical Bayes: population mean and covariance of the logarithms of the kinetic parameters, and the weights of the
    families, at the most probable place given all points; the published prior counts as 2 patients for its mean and
    2 for its spread. What is returned is what a further patient may show: the spread between patients plus what is not
    known of their mean. Regions with fewer than 8 patients of at least 3 points keep the published prior.

    Parameters
    ----------
    cohort
        Region of the prior -> its patients; one entry each (sessions of a patient are no further patients).
    without
        Patient to leave out: whoever's own posterior is asked for must not inform it twice.

    Raises
    ------
    InputError
        If a patient stands twice in a region, or a point has no uncertainty.

    References
    ----------
    Dempster AP, Laird NM, Rubin DB. J R Stat Soc B 1977;39:1 (EM); Gelman A et al. Bayesian Data Analysis, 3rd ed.,
    sections 3.6 and 5.
    """
    regions = dict(published.regions)
    told: list[str] = []
    used: dict[str, None] = {}
    for name, patients in cohort.items():
        chosen = _chosen(name, patients, without)
        if len(chosen) < LEAST_PATIENTS:
            told.append(f"{name}: {len(chosen)} patients with {LEAST_POINTS} points, {LEAST_PATIENTS} are needed")
            continue
        if not published.has(name):
            raise InputError(
                f"the prior {published.name} has no region {name!r}; known: {', '.join(published.regions)}"
            )
        updated, left_out = _updated(published.regions[name], chosen, nuclide, seed)
        regions[name] = updated
        used.update(dict.fromkeys(one.patient for one in chosen if one.patient not in left_out))
        told.append(f"{name}: {len(chosen) - len(left_out)} patients" + _left_out_text(left_out))
    if not used:
        return CohortPrior(published, False, f"published prior kept; {'; '.join(told) or 'no patients'}", ())
    because = "; ".join(told) + (f"; without {without}" if without else "")
    prior = replace(
        published,
        name=f"{published.name}_with_cohort",
        version=f"{published.version}.{VERSION}",
        regions=MappingProxyType(regions),
        source=published.source,
        provenance=f"{published.provenance}; updated by {because}",
    )
    return CohortPrior(prior, True, because, tuple(used))


def _left_out_text(left_out: frozenset[str]) -> str:
    return f" ({', '.join(sorted(left_out))} left out: unlike any curve of the prior)" if left_out else ""


def _chosen(region: str, patients: Sequence[CohortPatient], without: str) -> list[CohortPatient]:
    names = [one.patient for one in patients]
    if len(set(names)) != len(names):
        raise InputError(f"region {region}: a patient stands twice in the cohort; give one session of each")
    for one in patients:
        if any(point.activity_MBq <= 0 or point.uncorrelated_relative_sd <= 0 for point in one.points):
            raise InputError(
                f"region {region}, patient {one.patient}: every point needs an activity and uncertainty above 0"
            )
    return [one for one in patients if one.patient != without and len(one.points) >= LEAST_POINTS]


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """All patients over the same draws of the published prior."""

    family: np.ndarray
    values: Floats
    """Logarithms and logits of the shape parameters, ``(n, 4)``."""
    log_likelihood: Floats
    """Of the shape given the published amplitude prior, ``(patients, n)``."""
    amplitude_mean: Floats
    amplitude_variance: Floats


def _seen(
    prior: RegionPrior, patients: Sequence[CohortPatient], nuclide: Nuclide, seed: int
) -> tuple[_Seen, frozenset[str]]:
    draws = prior_draws(prior, nuclide.decay_constant_per_h, _DRAWS, seed)
    results: list[Weighed] = []
    left_out = set()
    for one in patients:
        hours = np.array([point.hours_after_administration for point in one.points])
        logs = np.log([[point.activity_MBq / one.administered_activity_MBq for point in one.points]])
        sds = np.array([[point.uncorrelated_relative_sd for point in one.points]])
        common = np.array([max((point.common_relative_sd or 0.0) for point in one.points)])
        result = weighed(draws, draws.log_unit_activity(hours), logs, sds, common)
        if result.effective_sample_size[0] < _LEAST_EFFECTIVE:
            left_out.add(one.patient)
        else:
            results.append(result)
    values = np.zeros_like(draws.shape)
    for index, family in enumerate(prior.families):
        size = len(family.mean) - 1
        factor = np.linalg.cholesky(np.array(family.covariance)[1:, 1:])
        mine = draws.family == index
        values[mine, :size] = np.array(family.mean[1:]) + draws.shape[mine, :size] @ factor.T
    with np.errstate(divide="ignore"):
        log_likelihood = np.log(np.concatenate([one.weight for one in results])) if results else np.empty((0, _DRAWS))
    return (
        _Seen(
            draws.family,
            values,
            log_likelihood,
            np.concatenate([one.log_amplitude_mean for one in results]) if results else np.empty((0, _DRAWS)),
            np.concatenate([one.log_amplitude_variance for one in results]) if results else np.empty((0, _DRAWS)),
        ),
        frozenset(left_out),
    )


def _updated(
    published: RegionPrior, patients: Sequence[CohortPatient], nuclide: Nuclide, seed: int
) -> tuple[RegionPrior, frozenset[str]]:
    seen, left_out = _seen(published, patients, nuclide, seed)
    if not len(seen.log_likelihood):
        return published, left_out
    current = published
    for _ in range(_ROUNDS):
        weight = _responsibilities(seen, published, current)
        current = RegionPrior(
            published.region,
            _normalised(
                [
                    _family_step(seen, weight, index, published.families[index])
                    for index in range(len(published.families))
                ]
            ),
        )
    return current, left_out


def _log_normal(values: Floats, family: FamilyPrior) -> Floats:
    factor = np.linalg.cholesky(np.array(family.covariance)[1:, 1:])
    scaled = np.linalg.solve(factor, (values - np.array(family.mean[1:])).T)
    return -0.5 * (scaled**2).sum(axis=0) - np.log(np.diag(factor)).sum()


def _responsibilities(seen: _Seen, published: RegionPrior, current: RegionPrior) -> Floats:
    """Posterior weight of every draw for every patient under the current population, ``(patients, n)``."""
    shift = np.zeros(len(seen.family))
    for index, (old, new) in enumerate(zip(published.families, current.families, strict=True)):
        mine, size = seen.family == index, len(old.mean) - 1
        values = seen.values[mine, :size]
        ratio = math.log(new.weight / old.weight)
        shift[mine] = ratio + _log_normal(values, new) - _log_normal(values, old)
    log_weight = seen.log_likelihood + shift
    log_weight -= log_weight.max(axis=1, keepdims=True)
    weight = np.exp(log_weight)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def _family_step(seen: _Seen, weight: Floats, index: int, published: FamilyPrior) -> FamilyPrior:
    """Most probable mean and covariance given the weights, by a normal-inverse-Wishart prior around the published."""
    mine, size = seen.family == index, len(published.mean) - 1
    share = weight[:, mine]
    count = float(share.sum())
    patients = len(weight)
    old_mean, old_covariance = np.array(published.mean), np.array(published.covariance)
    new_weight = (published.weight * _SPREAD_COUNTS_AS + count) / (_SPREAD_COUNTS_AS + patients)
    if count < 1.0:
        return replace(published, weight=new_weight)
    shapes = seen.values[mine, :size]
    amplitude, variance = seen.amplitude_mean[:, mine], seen.amplitude_variance[:, mine]
    mean = np.concatenate([[(share * amplitude).sum()], share.sum(axis=0) @ shapes]) / count
    away, by_shape = shapes - mean[1:], share.sum(axis=0)
    scatter = np.empty((size + 1, size + 1))
    scatter[1:, 1:] = (away * by_shape[:, None]).T @ away
    scatter[0, 0] = (share * ((amplitude - mean[0]) ** 2 + variance)).sum()
    scatter[0, 1:] = scatter[1:, 0] = (share * (amplitude - mean[0])).sum(axis=0) @ away
    total = _MEAN_COUNTS_AS + count
    new_mean = (_MEAN_COUNTS_AS * old_mean + count * mean) / total
    apart = (mean - old_mean)[:, None] * (mean - old_mean)[None, :]
    between = _SPREAD_COUNTS_AS * old_covariance + scatter + _MEAN_COUNTS_AS * count / total * apart
    # A further patient differs from the others, and their mean is not known exactly.
    predictive = between / (_SPREAD_COUNTS_AS + count) * (1 + 1 / total)
    return FamilyPrior(
        published.family, new_weight, tuple(map(float, new_mean)), tuple(tuple(map(float, row)) for row in predictive)
    )


def _normalised(families: Sequence[FamilyPrior]) -> tuple[FamilyPrior, ...]:
    total = math.fsum(family.weight for family in families)
    return tuple(replace(family, weight=family.weight / total) for family in families)
