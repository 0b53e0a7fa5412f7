"""A trial's own cohort brings the published prior up to date, and nobody informs their own twice."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from theratrial.dosimetry import DosePlan, TimeActivityPoint
from theratrial.dosimetry.population import kinetic_prior, posterior_tia
from theratrial.dosimetry.population.hierarchical import LEAST_PATIENTS, CohortPatient, CohortPrior, cohort_prior
from theratrial.dosimetry.population.patients import MeasurementNoise, TrueCurves, measured, true_curves
from theratrial.dosimetry.population.prior import FamilyPrior, RegionPrior
from theratrial.errors import InputError
from theratrial.nuclides import nuclide

PUBLISHED = kinetic_prior("trastuzumab_igg")
LUTETIUM = nuclide("Lu-177")
PLAN = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.85, model_relative_sd=0.15)
NOISE = MeasurementNoise(repeatability=0.05, counting=0.02, calibration=0.05)
ADMINISTERED_MBQ = 1500.0
MANY = (4.0, 24.0, 72.0, 168.0, 264.0)


def _narrow(family: str, sd: float, **medians: float) -> RegionPrior:
    old = PUBLISHED.region("liver").family(family)
    mean = tuple(math.log(medians.get(name, old.median(name))) for name in old.parameters)
    return RegionPrior("liver", (FamilyPrior(family, 1.0, mean, tuple(map(tuple, sd**2 * np.eye(len(mean))))),))


TRUTH = _narrow("uptake", 0.2, uptake_fraction=0.18, uptake_half_life_h=6.0, half_life_h=150.0)


def _points(curves: TrueCurves, hours: tuple[float, ...], seed: int) -> list[tuple[TimeActivityPoint, ...]]:
    logs, sds = measured(curves, np.array(hours), NOISE, np.random.default_rng(seed))
    return [
        tuple(
            TimeActivityPoint(hour, ADMINISTERED_MBQ * math.exp(log), float(sd), NOISE.calibration)
            for hour, log, sd in zip(hours, row, errors, strict=True)
        )
        for row, errors in zip(logs, sds, strict=True)
    ]


def _cohort(count: int, seed: int) -> list[CohortPatient]:
    curves = true_curves(TRUTH, LUTETIUM.decay_constant_per_h, count, np.random.default_rng(seed))
    return [
        CohortPatient(f"P{n:02d}", points, ADMINISTERED_MBQ) for n, points in enumerate(_points(curves, MANY, seed + 1))
    ]


@cache
def _of_twenty() -> CohortPrior:
    return cohort_prior(PUBLISHED, {"liver": _cohort(20, 5)}, nuclide=LUTETIUM)


def test_a_cohort_moves_the_prior_to_the_population_it_comes_from() -> None:
    updated = _of_twenty()
    family = updated.prior.region("liver").family("uptake")
    old = PUBLISHED.region("liver").family("uptake")
    assert updated.updated
    assert len(updated.patients) == 20
    assert family.median("half_life_h") == pytest.approx(150, rel=0.2)
    assert family.median("uptake_fraction") == pytest.approx(0.18, rel=0.12)
    assert family.log_sd("half_life_h") < 0.75 * old.log_sd("half_life_h")
    assert family.log_sd("uptake_fraction") < 0.8 * old.log_sd("uptake_fraction")


def test_intervals_of_further_patients_shrink_and_still_hold_the_truth() -> None:
    curves = true_curves(TRUTH, LUTETIUM.decay_constant_per_h, 100, np.random.default_rng(77))
    truth = ADMINISTERED_MBQ * curves.coefficient_h
    ratios: dict[str, list[float]] = {"published": [], "cohort": []}
    covered = 0
    for points, true in zip(_points(curves, (24.0, 48.0), 78), truth, strict=True):
        for name, prior in (("published", PUBLISHED), ("cohort", _of_twenty().prior)):
            result = posterior_tia(
                points,
                region="liver",
                prior_region="liver",
                prior=prior,
                nuclide=LUTETIUM,
                plan=PLAN,
                administered_activity_MBq=ADMINISTERED_MBQ,
            )
            assert result.lower_MBq_h is not None
            ratios[name].append(math.log(result.upper_MBq_h / result.lower_MBq_h))
            covered += name == "cohort" and result.lower_MBq_h <= true <= result.upper_MBq_h
    assert np.median(ratios["cohort"]) < 0.9 * np.median(ratios["published"])
    assert covered >= 90


def test_a_patient_left_out_has_no_influence_on_the_prior() -> None:
    cohort = _cohort(10, 9)
    spoiled = tuple(replace(point, activity_MBq=point.activity_MBq / 5) for point in cohort[3].points)
    other = [*cohort[:3], replace(cohort[3], points=spoiled), *cohort[4:]]
    without = cohort_prior(PUBLISHED, {"liver": cohort}, nuclide=LUTETIUM, without="P03")
    without_spoiled = cohort_prior(PUBLISHED, {"liver": other}, nuclide=LUTETIUM, without="P03")
    assert without.prior.region("liver") == without_spoiled.prior.region("liver")
    assert "P03" not in without.patients
    assert "P03" not in without.prior.source
    with_all = cohort_prior(PUBLISHED, {"liver": cohort}, nuclide=LUTETIUM)
    assert with_all.prior.region("liver") != without.prior.region("liver")


def test_a_small_cohort_leaves_the_published_prior_and_says_so() -> None:
    result = cohort_prior(PUBLISHED, {"liver": _cohort(LEAST_PATIENTS - 1, 3)}, nuclide=LUTETIUM)
    assert not result.updated
    assert result.prior is PUBLISHED
    assert f"{LEAST_PATIENTS} are needed" in result.because


def test_patients_with_two_points_do_not_count() -> None:
    few = [replace(one, points=one.points[:2]) for one in _cohort(12, 3)]
    assert not cohort_prior(PUBLISHED, {"liver": few}, nuclide=LUTETIUM).updated


def test_other_regions_keep_the_published_prior() -> None:
    prior = _of_twenty().prior
    assert prior.region("lesion") == PUBLISHED.region("lesion")
    assert prior.name != PUBLISHED.name


def test_a_patient_named_twice_is_refused() -> None:
    one = _cohort(LEAST_PATIENTS, 3)
    with pytest.raises(InputError, match="twice"):
        cohort_prior(PUBLISHED, {"liver": [*one, one[0]]}, nuclide=LUTETIUM)


def test_the_order_of_patients_does_not_matter() -> None:
    cohort = _cohort(9, 21)
    one = cohort_prior(PUBLISHED, {"liver": cohort}, nuclide=LUTETIUM).prior.region("liver")
    other = cohort_prior(PUBLISHED, {"liver": cohort[::-1]}, nuclide=LUTETIUM).prior.region("liver")
    for a, b in zip(one.families, other.families, strict=True):
        assert a.mean == pytest.approx(b.mean, rel=1e-6)
