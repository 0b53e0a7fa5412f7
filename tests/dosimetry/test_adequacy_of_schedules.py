"""What scan times determine: against cases whose answer is known without a simulation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from theratrial.dosimetry import DosePlan
from theratrial.dosimetry.population.adequacy import Schedule, ScheduleRegion, region_adequacy
from theratrial.dosimetry.population.candidates import candidate_schedules, judged_candidates, most_telling
from theratrial.dosimetry.population.panels import curve_panel
from theratrial.dosimetry.population.patients import MeasurementNoise, measured, true_curves
from theratrial.dosimetry.population.prior import FamilyPrior, KineticPrior, RegionPrior, kinetic_prior
from theratrial.errors import InputError
from theratrial.nuclides import nuclide

LUTETIUM = nuclide("Lu-177")
NOISE = MeasurementNoise(0.05, 0.02, 0.05)
LIVER = ScheduleRegion("liver", "Liver", "organ", True, "liver", 1400.0, 30.0)
LESION = ScheduleRegion("lesions", "Lesions", "lesion", False, "lesion")


def schedule(
    hours: tuple[float, ...] = (24.0, 48.0), *regions: ScheduleRegion, prior: KineticPrior | None = None
) -> Schedule:
    return Schedule(
        hours=hours,
        nuclide=LUTETIUM,
        administered_activity_MBq=1500.0,
        sessions=3,
        plan=DosePlan(
            clearance_significance=0.95,
            maximum_extrapolated_fraction=0.85,
            model_relative_sd=0.15,
            mass_relative_sd=0.05,
        ),
        prior=prior or kinetic_prior("trastuzumab_igg"),
        regions=regions or (LIVER, LESION),
        organ_noise=NOISE,
        lesion_noise=NOISE,
    )


def one_family(family: str, **medians_and_sd: float) -> KineticPrior:
    sd = medians_and_sd.pop("sd")
    mean = tuple(math.log(value) for value in medians_and_sd.values())
    region = RegionPrior("liver", (FamilyPrior(family, 1.0, mean, tuple(map(tuple, sd**2 * np.eye(len(mean))))),))
    return KineticPrior("test", "1", {"liver": region, "other": region}, "given:test")


def test_one_exponential_is_unbiased_where_the_truth_is_one() -> None:
    prior = one_family("mono", uptake_fraction=0.1, half_life_h=40.0, sd=0.1)
    found = region_adequacy(schedule((24.0, 96.0), LIVER, prior=prior), LIVER, patients=400, seed=2)
    assert found.determinacy_fractions == {"determined": 1.0}
    assert found.classical.bias_percent == pytest.approx(0, abs=2)
    rate = math.log(2) / 40 + LUTETIUM.decay_constant_per_h
    assert found.after_last_median_fraction == pytest.approx(math.exp(-rate * 96), rel=0.1)
    assert found.still_rising_fraction == 0


def test_a_late_peak_is_called_rising_and_gets_no_upper_end() -> None:
    prior = one_family("uptake", uptake_fraction=0.01, uptake_half_life_h=60.0, half_life_h=900.0, sd=0.05)
    lesion = replace(LESION, prior_region="liver")
    found = region_adequacy(schedule((24.0, 48.0), lesion, prior=prior), lesion, patients=200, seed=2)
    assert found.still_rising_fraction == 1
    assert found.determinacy_fractions["rising"] > 0.9
    assert found.classical.bounded_fraction < 0.1
    assert found.posterior.bounded_fraction == 1
    assert found.posterior.covered_fraction > 0.9


def test_decisions_are_certain_far_from_the_limit_and_partition_the_patients() -> None:
    for limit, right in ((1000.0, "below"), (0.01, "above")):
        liver = replace(LIVER, limit_Gy=limit)
        found = region_adequacy(schedule((24.0, 48.0), liver), liver, patients=100, seed=3)
        assert found.true_above_limit_fraction == (0.0 if right == "below" else 1.0)
        decisions = found.posterior.decisions
        assert decisions is not None
        assert decisions.right_fraction == 1
        alone = found.classical.decisions
        assert alone is not None
        total = (
            alone.right_fraction + alone.false_below_fraction + alone.false_above_fraction + alone.undetermined_fraction
        )
        assert total == pytest.approx(1)
        # A lower end above the limit is enough to stop; a missing upper end is not enough to go on.
        assert (alone.undetermined_fraction > 0) == (right == "below")


def test_the_upper_end_makes_the_wrong_call_on_the_safe_side_near_the_limit() -> None:
    dose = region_adequacy(schedule(), LIVER, patients=200, seed=4).median_course_dose_Gy
    assert dose is not None
    liver = replace(LIVER, limit_Gy=dose)
    decisions = region_adequacy(schedule((24.0, 48.0), liver), liver, patients=400, seed=4).posterior.decisions
    assert decisions is not None
    assert decisions.false_below_fraction <= 0.03
    assert decisions.false_above_fraction > 5 * max(decisions.false_below_fraction, 0.01)


def test_the_posterior_here_is_that_of_the_patient_wise_function() -> None:
    from theratrial.dosimetry import TimeActivityPoint
    from theratrial.dosimetry.population import posterior_tia
    from theratrial.dosimetry.population.adequacy import _posterior_ends, patients_of, scans_of

    plan = schedule()
    curves = patients_of(plan, LIVER, 5, 1)
    logs, sds = scans_of(plan, LIVER, curves, plan.hours, 1)
    ends = _posterior_ends(plan, LIVER, plan.hours, logs, sds)
    for row, errors, end in zip(logs, sds, ends, strict=True):
        points = [
            TimeActivityPoint(h, 1500 * math.exp(v), float(e), 0.05)
            for h, v, e in zip(plan.hours, row, errors, strict=True)
        ]
        found = posterior_tia(
            points, region="liver", prior_region="liver", prior=plan.prior, nuclide=LUTETIUM, plan=plan.plan,
            administered_activity_MBq=1500.0,
        )  # fmt: skip
        assert (found.lower_MBq_h, found.median_MBq_h, found.upper_MBq_h) == pytest.approx(tuple(end), rel=0.01)


def test_a_late_scan_helps_an_antibody_most() -> None:
    candidates = judged_candidates(schedule(), patients=60, seed=1)
    best, organs, lesions = (most_telling(candidates, of=of) for of in ("both", "organs", "lesions"))  # type: ignore[arg-type]
    assert best is not None
    assert organs is not None
    assert lesions is not None
    assert 120 <= best.hour <= 288  # type: ignore[operator]
    planned = candidates[0]
    assert lesions.lesion_log_variance < 0.3 * planned.lesion_log_variance  # type: ignore[operator]
    moved = most_telling(candidates, change="last moved")
    assert moved is not None
    assert len(moved.hours) == 2


def test_an_early_scan_helps_where_clearance_is_fast() -> None:
    prior = one_family("bi", uptake_fraction=0.3, fast_share=0.9, fast_half_life_h=4.0, half_life_h=60.0, sd=0.6)
    late = schedule((72.0, 96.0), LIVER, prior=prior)
    best = most_telling(judged_candidates(late, patients=60, seed=1))
    assert best is not None
    assert best.hour is not None
    assert best.hour <= 16


def test_no_candidate_is_at_a_planned_time_and_each_keeps_the_others() -> None:
    for one in candidate_schedules(schedule())[1:]:
        assert one.hour not in (24.0, 48.0)
        assert one.hour in one.hours
        assert len(one.hours) == (3 if one.change == "added" else 2)
        assert 24.0 in one.hours


def test_what_has_decayed_away_gives_no_point() -> None:
    curves = true_curves(
        one_family("mono", uptake_fraction=0.1, half_life_h=10.0, sd=0.01).region("liver"),
        LUTETIUM.decay_constant_per_h,
        3,
        np.random.default_rng(1),
    )
    _, sds = measured(curves, np.array([24.0, 400.0]), NOISE, np.random.default_rng(2))
    assert np.all(np.isfinite(sds[:, 0]))
    assert np.all(np.isinf(sds[:, 1]))


def test_the_same_seed_gives_the_same_answer_and_another_gives_another() -> None:
    one, same, other = (region_adequacy(schedule(), LIVER, patients=60, seed=seed) for seed in (1, 1, 2))
    assert one.posterior == same.posterior
    assert one.posterior != other.posterior


def test_a_panel_shows_the_band_narrowing() -> None:
    panel = curve_panel(schedule(), LESION, added_h=168.0)
    assert panel.improved_percent is not None
    late = len(panel.hours) // 2
    widths = [
        band[late, 2] - band[late, 0] for band in (panel.prior_percent, panel.posterior_percent, panel.improved_percent)
    ]
    assert widths[0] > widths[1] > widths[2] > 0


@pytest.mark.parametrize("hours", [(), (0.0, 24.0), (48.0, 24.0), (24.0, 24.0)])
def test_impossible_scan_times_are_refused(hours: tuple[float, ...]) -> None:
    with pytest.raises(InputError):
        schedule(hours)


def test_noise_of_nothing_is_refused() -> None:
    with pytest.raises(InputError):
        MeasurementNoise(0.0, 0.0, 0.05)
