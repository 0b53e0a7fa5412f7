from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import chi2

from theratrial.dosimetry import Determinacy, DosePlan, TimeActivityPoint
from theratrial.dosimetry.exponentials import Exponential, SumOfExponentials
from theratrial.dosimetry.fit_models import MODELS, kinetic_model
from theratrial.dosimetry.fits import fitted_curve, fitted_time_integrated_activity
from theratrial.dosimetry.model_selection import Criterion, averaged_time_integrated_activity, selected_model
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import nuclide

LU = nuclide("Lu-177")
PLAN = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.85, model_relative_sd=0.0)
MONO = SumOfExponentials((Exponential(100.0, math.log(2) / 60),))
BI = SumOfExponentials((Exponential(40.0, math.log(2) / 80), Exponential(60.0, math.log(2) / 4)))
HOURS = (0.5, 2.0, 6.0, 24.0, 48.0, 96.0, 168.0)


def points(truth: SumOfExponentials, seed: int | None, sd: float = 0.05, hours: Sequence[float] = HOURS):
    noise = np.zeros(len(hours)) if seed is None else np.random.default_rng(seed).standard_normal(len(hours))
    return [
        TimeActivityPoint(t, truth.activity_MBq(t) * math.exp(sd * e), sd, 0.0)
        for t, e in zip(hours, noise.tolist(), strict=True)
    ]


def test_the_model_that_made_the_points_is_mostly_chosen() -> None:
    models = [kinetic_model(name) for name in ("mono", "mono+uptake", "bi")]
    chosen = {
        name: Counter(
            selected_model(points(truth, seed), LU, PLAN, models=models).curve.model.name for seed in range(8)
        )
        for name, truth in (("mono", MONO), ("bi", BI))
    }
    assert chosen["mono"]["mono"] >= 7
    assert chosen["bi"]["bi"] >= 7


def test_every_candidate_stands_in_the_table_with_its_weight_or_its_reason() -> None:
    selection = selected_model(points(BI, 1, hours=HOURS[:6]), LU, PLAN)
    assert [candidate.model for candidate in selection.candidates] == list(MODELS)
    assert sum(candidate.akaike_weight for candidate in selection.candidates) == pytest.approx(1)
    for candidate in selection.candidates:
        assert (candidate.akaike_weight > 0) == (candidate.because == "")
    assert "6 parameters need more than 6 points" in selection.candidates[4].because
    finite = [candidate for candidate in selection.candidates if math.isfinite(candidate.criterion)]
    for one in finite:
        for other in finite:
            ratio = math.exp((other.criterion - one.criterion) / 2)
            assert one.akaike_weight == pytest.approx(other.akaike_weight * ratio, rel=1e-9)


def test_no_model_without_identified_parameters_is_chosen() -> None:
    for seed in range(2):
        selection = selected_model(points(MONO, seed), LU, PLAN)
        for candidate in selection.weighted:
            assert candidate.curve is not None
            assert candidate.curve.covariance is not None
            # Every number is known to better than a factor e.
            for parameter in candidate.curve.parameters:
                assert parameter.sd is not None
                assert parameter.sd < 1.5 * parameter.value


def test_criterion_of_one_exponential_agrees_with_statsmodels() -> None:
    # Unknown noise: an ordinary regression of the logarithms; statsmodels counts no parameter for the variance.
    given = [replace(point, uncorrelated_relative_sd=0.0) for point in points(MONO, 3)]
    curve = fitted_curve(given, LU, PLAN, model="mono")
    logs = [math.log(point.activity_MBq) for point in given]
    theirs = sm.OLS(logs, sm.add_constant(np.array(HOURS))).fit()
    n = len(given)
    constant = n * (math.log(2 * math.pi) + 1)
    assert curve.aic + constant == pytest.approx(theirs.aic + 2, rel=1e-6)
    assert curve.aicc - curve.aic == pytest.approx(2 * 3 * 4 / (n - 4))
    assert curve.parameters[1].sd == pytest.approx(theirs.bse[1], rel=1e-5)
    # And Student's interval on the clearance, from theirs.
    low, high = theirs.conf_int(0.05)[1]
    assert curve.quantile_95 * theirs.bse[1] == pytest.approx((high - low) / 2, rel=1e-6)


def test_known_noise_gives_chi_square_plus_twice_the_parameters() -> None:
    curve = fitted_curve(points(BI, 4), LU, PLAN, model="bi")
    assert curve.aic == pytest.approx(sum(r**2 for r in curve.residuals) + 8)
    assert curve.aicc == pytest.approx(curve.aic + 2 * 4 * 5 / (7 - 5))


def test_where_no_criterion_is_defined_the_fewest_parameters_are_taken_and_said() -> None:
    selection = selected_model(points(MONO, 2, hours=(4.0, 24.0, 96.0)), LU, PLAN)
    assert selection.curve.model.name == "mono"
    assert "fewest parameters" in selection.because
    assert [c.model.name for c in selection.weighted] == ["mono"]
    by_aic = selected_model(points(MONO, 2, hours=(4.0, 24.0, 96.0)), LU, PLAN, criterion=Criterion.AIC)
    assert "least aic" in by_aic.because


def test_averaging_one_certain_model_changes_nothing_and_two_add_their_distance() -> None:
    given = points(BI, 5)
    alone = selected_model(given, LU, PLAN, models=[kinetic_model("bi")])
    single = fitted_time_integrated_activity(alone.curve, PLAN, administered_activity_MBq=1e3)
    average = averaged_time_integrated_activity(alone, PLAN, administered_activity_MBq=1e3)
    assert average.time_integrated_activity_MBq_h == pytest.approx(single.time_integrated_activity_MBq_h, rel=1e-12)
    assert average.sd_MBq_h == pytest.approx(single.sd_MBq_h, rel=1e-12)

    # A slight second phase, which leaves weight on both models.
    slight = SumOfExponentials((Exponential(85.0, math.log(2) / 60), Exponential(15.0, math.log(2) / 6)))
    for seed in range(20):
        both = selected_model(points(slight, seed), LU, PLAN, models=[kinetic_model("mono"), kinetic_model("bi")])
        if len(both.weighted) == 2 and both.weighted[1].akaike_weight > 0.2:
            break
    (one, other) = both.weighted
    assert one.curve is not None
    assert other.curve is not None
    average = averaged_time_integrated_activity(both, PLAN, administered_activity_MBq=1e3)
    assert average.time_integrated_activity_MBq_h is not None
    mean = one.akaike_weight * one.curve.log_value + other.akaike_weight * other.curve.log_value
    assert math.log(average.time_integrated_activity_MBq_h) == pytest.approx(mean)
    assert one.curve.log_value_sd is not None
    assert other.curve.log_value_sd is not None
    within = one.akaike_weight * one.curve.log_value_sd**2 + other.akaike_weight * other.curve.log_value_sd**2
    between = one.akaike_weight * other.akaike_weight * (one.curve.log_value - other.curve.log_value) ** 2
    assert average.sd_MBq_h == pytest.approx(
        average.time_integrated_activity_MBq_h * math.sqrt(within + between), rel=1e-9
    )
    assert average.lower_MBq_h is not None
    assert average.lower_MBq_h < average.time_integrated_activity_MBq_h < average.upper_MBq_h
    assert average.trace.inputs["models"].startswith(f"given:{one.model.name} 0.")


def test_points_that_identify_no_model_are_refused_with_every_reason() -> None:
    with pytest.raises(NumericalError, match="mono: 2 parameters need more than 2 points; bi: 4 parameters"):
        selected_model(
            points(MONO, None, hours=(24.0, 48.0)), LU, PLAN, models=[kinetic_model("mono"), kinetic_model("bi")]
        )
    with pytest.raises(InputError, match="at least one model"):
        selected_model(points(MONO, None), LU, PLAN, models=[])


def test_a_rising_region_has_no_average() -> None:
    rising = SumOfExponentials((Exponential(100.0, math.log(2) / 150), Exponential(-100.0, math.log(2) / 60)))
    selection = selected_model(points(rising, 1, 0.02, (2.0, 8.0, 16.0, 24.0, 48.0)), LU, PLAN)
    average = averaged_time_integrated_activity(selection, PLAN, administered_activity_MBq=1e3)
    assert average.determinacy is Determinacy.RISING
    assert average.time_integrated_activity_MBq_h is None
    assert average.upper_MBq_h == math.inf


def test_the_best_of_bad_models_is_said_to_be_bad() -> None:
    fast_and_slow = SumOfExponentials((Exponential(70.0, 0.05), Exponential(30.0, 0.006)))
    selection = selected_model(points(fast_and_slow, None, 0.03, (24.0, 48.0, 96.0, 168.0)), LU, PLAN)
    curve = selection.curve
    assert curve.model.name == "mono"
    assert curve.fit_p_value == pytest.approx(chi2.sf(curve.chi_square, 2), rel=1e-9)
    assert "but the points do not lie on mono (p = " in selection.because
    tia = fitted_time_integrated_activity(curve, PLAN, administered_activity_MBq=1e3)
    assert "standard deviations were multiplied by 5.9" in tia.assumptions[0]
    good = selected_model(points(MONO, 1), LU, PLAN, models=[kinetic_model("mono")])
    assert "do not lie" not in good.because
