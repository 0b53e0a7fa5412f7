"""Points and prior together: against a posterior by brute force, the points alone, and for contradictions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theratrial.dosimetry import DosePlan, TimeActivityPoint
from theratrial.dosimetry.population import PosteriorState, PosteriorTia, kinetic_prior, posterior_tia
from theratrial.dosimetry.population.families import unit_terms
from theratrial.dosimetry.population.prior import FamilyPrior, KineticPrior, RegionPrior
from theratrial.errors import InputError
from theratrial.nuclides import nuclide

PRIOR = kinetic_prior("trastuzumab_igg")
LUTETIUM = nuclide("Lu-177")
DECAY = LUTETIUM.decay_constant_per_h
PLAN = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.85, model_relative_sd=0.15)


def _posterior(points: list[TimeActivityPoint], region: str = "liver", prior: KineticPrior = PRIOR) -> PosteriorTia:
    return posterior_tia(
        points,
        region=region,
        prior_region=region,
        prior=prior,
        nuclide=LUTETIUM,
        plan=PLAN,
        administered_activity_MBq=1000.0,
    )


def _points(*pairs: tuple[float, float], sd: float = 0.05, common: float = 0.05) -> list[TimeActivityPoint]:
    return [TimeActivityPoint(hours, activity, sd, common) for hours, activity in pairs]


LIVER = _points((24, 110), (48, 95))


def _by_brute_force(points: list[TimeActivityPoint], region: str, draws: int) -> tuple[float, float, float]:
    """2.5, 50 and 97.5 %: every parameter, amplitude and calibration error drawn, weights by the plain likelihood."""
    rng = np.random.default_rng(1)
    values, log_weights = [], []
    for family in PRIOR.region(region).families:
        count = int(draws * family.weight)
        latent = rng.multivariate_normal(family.mean, family.covariance, count)
        coefficients, rates = unit_terms(family.family, latent[:, 1:])
        coefficients = 1000 * np.exp(latent[:, :1]) * coefficients
        log_weight = np.zeros(count)
        calibration = np.exp(0.05 * rng.standard_normal(count))
        for point in points:
            decayed = np.exp(-(rates + DECAY) * point.hours_after_administration)
            expected = calibration * (coefficients * decayed).sum(axis=1)
            log_weight -= 0.5 * (np.log(point.activity_MBq / expected) / point.uncorrelated_relative_sd) ** 2
        values.append((coefficients / (rates + DECAY)).sum(axis=1))
        log_weights.append(log_weight)
    value, log_weight = np.concatenate(values), np.concatenate(log_weights)
    weight = np.exp(log_weight - log_weight.max())
    order = np.argsort(value)
    return tuple(np.interp([0.025, 0.5, 0.975], np.cumsum(weight[order]) / weight.sum(), value[order]))


@pytest.mark.parametrize(
    ("region", "pairs"), [("liver", ((24, 110), (48, 95))), ("lesion", ((24, 0.9), (48, 1.3))), ("heart", ((24, 60),))]
)
def test_the_posterior_is_that_of_drawing_everything(region: str, pairs: tuple[tuple[float, float], ...]) -> None:
    points = _points(*pairs)
    found = _posterior(points, region)
    lower, median, upper = _by_brute_force(points, region, 1_000_000)
    assert found.median_MBq_h == pytest.approx(median, rel=0.02)
    assert found.lower_MBq_h == pytest.approx(lower, rel=0.04)
    assert found.upper_MBq_h == pytest.approx(upper, rel=0.04)


def test_a_conjugate_case_is_that_of_the_formula() -> None:
    # Shape all but known: what remains is a normal mean on the log scale, in closed form.
    family = FamilyPrior("mono", 1.0, (math.log(0.1), math.log(300)), ((0.25, 0.0), (0.0, 1e-10)))
    prior = KineticPrior(
        "test", "1", {"liver": RegionPrior("liver", (family,)), "other": RegionPrior("other", (family,))}, "given:"
    )
    rate = math.log(2) / 300 + DECAY
    points = _points((24, 120), (48, 100), sd=0.1, common=0.0)
    logs = [math.log(p.activity_MBq / 1000) + rate * p.hours_after_administration for p in points]
    precision = 1 / 0.25 + 2 / 0.01
    mean = (math.log(0.1) / 0.25 + sum(logs) / 0.01) / precision
    found = _posterior(points, prior=prior)
    assert found.median_MBq_h == pytest.approx(1000 * math.exp(mean) / rate, rel=1e-3)
    assert found.log_sd == pytest.approx(math.sqrt(1 / precision), rel=1e-3)


def test_many_good_points_decide_whatever_the_prior() -> None:
    def fraction(t: float) -> float:
        return 0.2 * (math.exp(-math.log(2) * t / 120) - math.exp(-math.log(2) * t / 2.5)) * math.exp(-DECAY * t)

    slow, fast = math.log(2) / 120 + DECAY, math.log(2) / 2.5 + DECAY
    truth = 200 * (1 / slow - 1 / fast)
    points = _points(
        *((t, 1000 * fraction(t)) for t in (2.0, 8.0, 24.0, 48.0, 96.0, 168.0, 264.0)), sd=0.02, common=0.0
    )
    found = _posterior(points)
    assert found.state is PosteriorState.POSTERIOR
    assert found.median_MBq_h == pytest.approx(truth, rel=0.03)
    assert found.narrowed_by_data_fraction > 0.99


def test_a_rising_lesion_has_an_interval_and_keeps_its_determinacy() -> None:
    found = _posterior(_points((24, 0.9), (48, 1.3)), "lesion")
    assert found.determinacy == "rising"
    assert math.isinf(found.classical.upper_MBq_h)
    assert found.lower_MBq_h is not None
    assert 1.5 < found.upper_MBq_h / found.lower_MBq_h < 6
    assert "rising" in found.quantity().note


def test_points_that_contradict_the_prior_give_the_interval_of_the_points_alone() -> None:
    # A liver that loses its activity with 5 h: no antibody does.
    found = _posterior(_points((24, 20), (48, 0.65)))
    assert found.state is PosteriorState.CONTRADICTS_PRIOR
    assert "contradict" in found.because
    assert (found.lower_MBq_h, found.upper_MBq_h) == (found.classical.lower_MBq_h, found.classical.upper_MBq_h)
    assert found.draws is None
    with pytest.raises(InputError, match="no posterior"):
        found.probability_above(1.0)


def test_far_too_much_activity_contradicts_the_prior_too() -> None:
    assert _posterior(_points((24, 850), (48, 700)), "spleen").state is PosteriorState.CONTRADICTS_PRIOR


def test_no_point_gives_the_prior_and_says_so() -> None:
    found = _posterior([])
    assert found.state is PosteriorState.PRIOR_ONLY
    assert found.narrowed_by_data_fraction == pytest.approx(0, abs=1e-9)
    assert found.log_sd == pytest.approx(found.prior_log_sd)


def test_a_region_the_prior_does_not_have_is_other_and_says_so() -> None:
    found = _posterior(LIVER, "thyroid")
    assert found.prior_region == "other"
    assert "none for thyroid" in found.because


def test_a_measured_zero_and_a_point_without_uncertainty_are_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"region liver, scan at 48 h: a measured zero"):
        _posterior(_points((24, 100), (48, 0)))
    with pytest.raises(InputError, match="states no uncertainty"):
        _posterior(_points((24, 100), (48, 90), sd=0.0))


def test_quantiles_probabilities_and_band_agree() -> None:
    found = _posterior(LIVER)
    assert found.median_MBq_h is not None
    assert found.draws is not None
    assert found.probability_above(found.median_MBq_h) == pytest.approx(0.5, abs=0.01)
    assert found.probability_above(found.upper_MBq_h) == pytest.approx(0.025, abs=0.003)
    assert found.quantile_MBq_h(0.975) == pytest.approx(found.upper_MBq_h)
    band = found.draws.band_MBq([24.0, 48.0, 300.0])
    assert np.all(np.diff(band, axis=1) > 0)
    assert band[0, 1] == pytest.approx(110, rel=0.05)
    assert (band[2, 2] / band[2, 0]) > 2 * (band[0, 2] / band[0, 0])


def test_unknown_calibration_is_said_and_not_in_the_interval() -> None:
    known, unknown = (
        _posterior(LIVER),
        _posterior([TimeActivityPoint(p.hours_after_administration, p.activity_MBq, 0.05) for p in LIVER]),
    )
    assert not known.not_in_interval
    assert "calibration" in unknown.not_in_interval[0]


def test_the_trace_names_prior_region_and_points() -> None:
    inputs = _posterior(LIVER).trace.inputs
    assert inputs["prior"] == "table:dosimetry/population/kinetics@1#trastuzumab_igg"
    assert inputs["prior_region"] == "given:liver"
    assert "point 2" in inputs


@settings(max_examples=15, deadline=None)
@given(st.floats(0.1, 10), st.permutations([0, 1, 2]))
def test_order_does_not_matter_and_activity_scales_with_what_is_administered(factor: float, order: list[int]) -> None:
    points = _points((24, 110), (48, 95), (120, 50))
    one = _posterior(points)
    assert _posterior([points[n] for n in order]).upper_MBq_h == one.upper_MBq_h
    scaled = posterior_tia(
        [TimeActivityPoint(p.hours_after_administration, factor * p.activity_MBq, 0.05, 0.05) for p in points],
        region="liver",
        prior_region="liver",
        prior=PRIOR,
        nuclide=LUTETIUM,
        plan=PLAN,
        administered_activity_MBq=1000 * factor,
    )
    assert scaled.upper_MBq_h == pytest.approx(factor * one.upper_MBq_h, rel=1e-6)


def test_more_scans_never_widen_by_much() -> None:
    widths = []
    for hours in ((24,), (24, 48), (24, 48, 168)):
        points = _points(*((h, 130 * math.exp(-(math.log(2) / 318 + DECAY) * h)) for h in hours))
        found = _posterior(points)
        assert found.log_sd is not None
        widths.append(found.log_sd)
    assert widths[0] > widths[1] > widths[2]
