"""Participants as a prior for each other: only with enough of them, and never for themselves."""

from __future__ import annotations

import numpy as np

from theratrial.dosimetry import DosePlan, TimeActivityPoint
from theratrial.dosimetry.population.hierarchical import CohortPatient
from theratrial.dosimetry.population.posterior import posterior_tia
from theratrial.dosimetry.population.prior import kinetic_prior
from theratrial.nuclides import nuclide
from theratrial.pipeline.cohort_kinetics import Kinetics, participants_priors

LUTETIUM = nuclide("Lu-177")
PUBLISHED = kinetic_prior("trastuzumab_igg")
PLAN = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.85, model_relative_sd=0.1)


def participants(
    number: int, half_life_h: float, scans: tuple[float, ...] = (24.0, 72.0, 168.0)
) -> dict[str, Kinetics]:
    rng = np.random.default_rng(number)
    found: dict[str, Kinetics] = {}
    for index in range(number):
        name = f"P{index + 1:02d}"
        own_h = half_life_h * float(np.exp(0.1 * rng.standard_normal()))
        rate = np.log(2) / own_h + LUTETIUM.decay_constant_per_h
        points = tuple(
            TimeActivityPoint(t, 180.0 * float(np.exp(-rate * t + 0.04 * rng.standard_normal())), 0.05, 0.03)
            for t in scans
        )
        found[name] = (("liver", CohortPatient(name, points, 1500.0)),)
    return found


def test_nine_participants_with_three_scans_move_the_prior_towards_what_they_show() -> None:
    priors, said = participants_priors(PUBLISHED, participants(9, 120.0), LUTETIUM)
    assert sorted(priors) == [f"P{n:02d}" for n in range(1, 10)]
    assert "9 patients" in said
    # What one scan at 24 h says of a patient like them: nearer to the truth, and surer.
    rate = np.log(2) / 120.0 + LUTETIUM.decay_constant_per_h
    true_MBq_h = 180.0 / rate
    point = TimeActivityPoint(24.0, 180.0 * float(np.exp(-rate * 24.0)), 0.05, 0.03)
    by = {
        prior.name: posterior_tia(
            [point], region="liver", prior_region="liver", prior=prior, nuclide=LUTETIUM, plan=PLAN,
            administered_activity_MBq=1500.0,
        )
        for prior in (PUBLISHED, priors["P01"])
    }  # fmt: skip
    before, after = by["trastuzumab_igg"], by["trastuzumab_igg_with_cohort"]
    assert before.median_MBq_h is not None
    assert after.median_MBq_h is not None
    assert before.log_sd is not None
    assert after.log_sd is not None
    assert abs(np.log(after.median_MBq_h / true_MBq_h)) < abs(np.log(before.median_MBq_h / true_MBq_h))
    assert after.log_sd < before.log_sd
    assert priors["P01"].name == "trastuzumab_igg_with_cohort"
    assert priors["P01"].region("kidneys") == PUBLISHED.region("kidneys")


def test_who_is_unlike_all_others_does_not_move_the_own_prior() -> None:
    made = participants(9, 120.0)
    odd = participants(9, 120.0)
    points = tuple(
        TimeActivityPoint(p.hours_after_administration, p.activity_MBq * 1.3, 0.05, 0.03)
        for p in odd["P01"][0][1].points
    )
    odd["P01"] = (("liver", CohortPatient("P01", points, 1500.0)),)
    for name, same in (("P01", True), ("P02", False)):
        one = participants_priors(PUBLISHED, made, LUTETIUM)[0][name].region("liver")
        other = participants_priors(PUBLISHED, odd, LUTETIUM)[0][name].region("liver")
        assert (one == other) is same


def test_with_two_scans_or_too_few_participants_the_published_prior_stays_and_it_says_so() -> None:
    for made in (participants(12, 120.0, (24.0, 48.0)), participants(7, 120.0)):
        priors, said = participants_priors(PUBLISHED, made, LUTETIUM)
        assert priors == {}
        assert "needed" in said
