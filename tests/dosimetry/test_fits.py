from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import curve_fit

from theratrial.dosimetry import Determinacy, DosePlan, TimeActivityPoint, time_activity_curve
from theratrial.dosimetry.exponentials import Exponential, SumOfExponentials
from theratrial.dosimetry.fit_functionals import gradient
from theratrial.dosimetry.fit_models import MODELS, kinetic_model
from theratrial.dosimetry.fit_weights import Weighting
from theratrial.dosimetry.fits import FittedCurve, fitted_curve, fitted_time_integrated_activity
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import nuclide

LU = nuclide("Lu-177")
PLAN = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.85, model_relative_sd=0.0)
EARLY_TO_LATE = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 24.0, 48.0, 72.0, 120.0, 168.0, 240.0)


def kinetics(phases: Sequence[tuple[float, float]], uptake_h: float | None = None) -> SumOfExponentials:
    """From (activity at administration [MBq], effective half-life [h]) and the half-time of uptake."""
    terms = [Exponential(activity, math.log(2) / half_life_h) for activity, half_life_h in phases]
    if uptake_h is not None:
        terms.append(Exponential(-sum(activity for activity, _ in phases), math.log(2) / uptake_h))
    return SumOfExponentials(tuple(terms))


KNOWN = {
    "mono": kinetics([(100, 60)]),
    "mono+uptake": kinetics([(100, 60)], 3),
    "bi": kinetics([(40, 80), (60, 4)]),
    "bi+uptake": kinetics([(40, 80), (60, 10)], 0.7),
    "tri": kinetics([(30, 90), (30, 8), (40, 0.7)]),
    "tri+uptake": kinetics([(30, 90), (40, 9), (60, 1.2)], 0.15),
}


def points(
    truth: SumOfExponentials, hours: Sequence[float], sd: float = 0.01, noise: np.ndarray | None = None
) -> list[TimeActivityPoint]:
    factors = np.ones(len(hours)) if noise is None else np.exp(sd * noise)
    return [TimeActivityPoint(t, truth.activity_MBq(t) * f, sd, 0.05) for t, f in zip(hours, factors, strict=True)]


def fit(model: str, given: Sequence[TimeActivityPoint], **other) -> FittedCurve:
    return fitted_curve(given, LU, PLAN, model=model, **other)


@pytest.mark.parametrize("name", KNOWN)
def test_points_of_known_kinetics_give_them_back(name: str) -> None:
    truth = KNOWN[name]
    found = fit(name, points(truth, EARLY_TO_LATE))
    assert found.kinetics.time_integrated_activity_MBq_h == pytest.approx(
        truth.time_integrated_activity_MBq_h, rel=1e-7
    )
    for one, other in zip(found.kinetics.terms, truth.terms, strict=True):
        assert one.activity_MBq == pytest.approx(other.activity_MBq, rel=1e-5)
        assert one.effective_per_h == pytest.approx(other.effective_per_h, rel=1e-5)
    assert found.chi_square == pytest.approx(0, abs=1e-12)
    assert not found.held_to_physical_decay


@pytest.mark.parametrize("name", KNOWN)
def test_time_integrated_activity_and_shares_are_those_of_numeric_integration(name: str) -> None:
    noise = np.random.default_rng(3).standard_normal(len(EARLY_TO_LATE))
    found = fit(name, points(KNOWN[name], EARLY_TO_LATE, 0.02, noise))

    def integral(start_h: float, end_h: float) -> float:
        edges = [start_h, *(t for t in (0.5, 5.0, 50.0, 400.0) if start_h < t < end_h), end_h]
        return sum(quad(found.activity_MBq, a, b, epsrel=1e-11)[0] for a, b in pairwise(edges))

    whole = integral(0, 4000)
    assert math.exp(found.log_value) == pytest.approx(whole, rel=1e-7)
    assert found.before_first_scan_fraction == pytest.approx(integral(0, 0.1) / whole, rel=1e-6)
    assert found.extrapolated_fraction == pytest.approx(integral(240, 4000) / whole, rel=1e-6)


@pytest.mark.parametrize(("name", "seed"), [("bi", 1), ("bi", 2), ("mono+uptake", 3), ("mono", 4)])
def test_fit_and_covariance_agree_with_scipys_curve_fit(name: str, seed: int) -> None:
    # curve_fit runs another parametrisation (plain, unbounded Levenberg-Marquardt) and its own derivatives.
    functions = {
        "mono": lambda t, a, k: a * np.exp(-k * t),
        "mono+uptake": lambda t, a, k, m: a * (np.exp(-k * t) - np.exp(-m * t)),
        "bi": lambda t, a, b, k, m: a * np.exp(-k * t) + b * np.exp(-m * t),
    }
    truth, hours = KNOWN[name], EARLY_TO_LATE[2:]
    noise = np.random.default_rng(seed).standard_normal(len(hours))
    given = points(truth, hours, 0.04, noise)
    activity = [point.activity_MBq for point in given]
    sds = [0.04 * truth.activity_MBq(t) for t in hours]
    start = [t.activity_MBq for t in truth.terms if t.activity_MBq > 0] + [t.effective_per_h for t in truth.terms]
    best, covariance = curve_fit(functions[name], hours, activity, p0=start, sigma=sds, absolute_sigma=True)
    found = fit(name, given, weighting=Weighting.ABSOLUTE, absolute_sd_MBq=sds)
    scale = found.noise_scale
    assert scale is not None
    assert scale == pytest.approx(max(1.0, math.sqrt(found.chi_square / found.degrees_of_freedom)))
    assert [parameter.value for parameter in found.parameters] == pytest.approx(best, rel=1e-4)
    assert np.array(found.covariance) / scale**2 == pytest.approx(covariance, rel=2e-3)
    # The integral's standard deviation from that covariance, by hand.
    n = len(best) // 2
    c, k, m = best[:n], best[n : 2 * n], best[2 * n :]
    by = np.concatenate([1 / k - (1 / m[0] if m.size else 0), -c / k**2, [c.sum() / m[0] ** 2] if m.size else []])
    value = (c / k).sum() - (c.sum() / m[0] if m.size else 0)
    assert math.exp(found.log_value) == pytest.approx(value, rel=1e-4)
    assert found.log_value_sd == pytest.approx(scale * math.sqrt(by @ covariance @ by) / value, rel=2e-3)


def test_one_exponential_with_relative_weights_is_the_line_of_the_two_point_route() -> None:
    noise = np.random.default_rng(9).standard_normal(5)
    given = points(KNOWN["mono"], (4, 24, 48, 96, 168), 0.05, noise)
    line = time_activity_curve(given, LU, PLAN).line
    found = fit("mono", given)
    assert line is not None
    assert found.parameters[1].value == pytest.approx(line.clearance_per_h, rel=1e-7)
    assert found.parameters[1].sd == pytest.approx(line.clearance_sd_per_h, rel=1e-6)
    assert found.chi_square == pytest.approx(line.chi_square, rel=1e-6)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_the_derivatives_of_every_model_are_those_of_differences(model) -> None:
    theta = model.theta(np.array([40.0, 60.0, 20.0])[: model.phases], np.array([0.008, 0.2, 1.1])[: model.phases], 4.0)
    hours = np.array([0.0, 0.3, 2.0, 30.0, 200.0])
    found = model.jacobian(theta, hours)
    for row, hour in enumerate(hours):
        differences = gradient(lambda one, t=hour: float(model.activity_MBq(one, np.array([t]))[0]), theta)
        assert found[row] == pytest.approx(differences, rel=1e-6, abs=1e-7)
    coefficients, clearances, uptake = model.split(theta)
    assert model.theta(coefficients, clearances, uptake) == pytest.approx(theta)


def test_a_fit_held_to_physical_decay_says_so_and_is_bounded() -> None:
    # A tail slower than physical decay beyond what noise does in the fit, within what the state's test allows.
    slower = kinetics([(60, 175), (40, 5)])
    found = fit("bi", points(slower, (1, 4, 8, 24, 48, 96, 168), 0.05))
    assert found.held_to_physical_decay
    assert found.determinacy is Determinacy.BOUNDED
    assert "held to physical decay" in found.because
    assert found.kinetics.terms[0].effective_per_h == pytest.approx(LU.decay_constant_per_h, rel=1e-12)
    tia = fitted_time_integrated_activity(found, PLAN, administered_activity_MBq=1e3)
    assert tia.upper_MBq_h == tia.no_clearance_upper_MBq_h
    assert not fit("bi", points(KNOWN["bi"], (1, 4, 8, 24, 48, 96, 168), 0.05)).held_to_physical_decay


def test_activity_still_rising_at_the_last_scan_is_rising_whatever_the_model() -> None:
    rising = kinetics([(100, 150)], 60)
    for model in ("mono", "mono+uptake"):
        found = fit(model, points(rising, (2, 8, 24, 48), 0.01))
        assert found.determinacy is Determinacy.RISING
        tia = fitted_time_integrated_activity(found, PLAN, administered_activity_MBq=1e3)
        assert tia.time_integrated_activity_MBq_h is None
        assert tia.upper_MBq_h == math.inf
        assert tia.lower_MBq_h is not None
        # Exponentials between scans run below a rise that levels off, and the noise takes another 10 %.
        assert 0.8 < tia.lower_MBq_h / quad(rising.activity_MBq, 2, 48)[0] < 0.95


def test_more_beyond_the_last_scan_than_the_protocol_allows_is_extrapolated() -> None:
    strict = replace(PLAN, maximum_extrapolated_fraction=0.1)
    given = points(KNOWN["bi"], (1, 4, 8, 24, 48, 96), 0.01)
    found = fitted_curve(given, LU, strict, model="bi")
    assert found.determinacy is Determinacy.EXTRAPOLATED
    assert f"{found.extrapolated_fraction:.0%} of the time-integrated activity" in found.because
    tia = fitted_time_integrated_activity(found, strict, administered_activity_MBq=1e3)
    assert tia.upper_MBq_h == tia.no_clearance_upper_MBq_h
    # By hand: the fit up to 96 h, then physical decay.
    flat = found.kinetics.between_MBq_h(0, 96) + found.activity_MBq(96) * 159.528 / math.log(2)
    assert math.exp(found.log_no_clearance) == pytest.approx(flat, rel=1e-9)
    assert tia.no_clearance_upper_MBq_h > flat


def test_a_fast_phase_that_needs_more_than_was_given_is_undetermined() -> None:
    given = points(kinetics([(40, 80), (4000, 3)]), (12, 16, 20, 24, 48, 96, 168), 0.005)
    assert fit("bi", given, administered_activity_MBq=5000).determinacy is Determinacy.DETERMINED
    found = fit("bi", given, administered_activity_MBq=200)
    assert found.determinacy is Determinacy.UNDETERMINED
    assert "more activity than was administered" in found.because


@pytest.mark.parametrize("model", ["bi", "tri", "mono+uptake"])
def test_a_phase_that_the_points_do_not_show_gives_no_curve_to_rely_upon(model: str) -> None:
    given = points(KNOWN["mono"], (1, 4, 8, 24, 48, 96, 168), 0.03)

    def identified() -> None:
        found = fit(model, given)
        # A fit that ends is not relied upon; then the state speaks instead of the error.
        assert found.determinacy is Determinacy.UNDETERMINED
        raise NumericalError(found.because)

    with pytest.raises(NumericalError, match=model.replace("+", ".")):
        identified()


def test_fewer_points_than_parameters_are_refused_with_the_remedy() -> None:
    with pytest.raises(NumericalError, match="bi has 4 parameters and there are 3 points; use a model of fewer"):
        fit("bi", points(KNOWN["bi"], (1, 24, 72)))


def test_as_many_points_as_parameters_without_noise_have_no_interval_and_say_so() -> None:
    given = [TimeActivityPoint(t, KNOWN["mono"].activity_MBq(t), 0.0, 0.05) for t in (24, 72)]
    found = fit("mono", given)
    assert found.covariance is None
    tia = fitted_time_integrated_activity(found, PLAN, administered_activity_MBq=1e3)
    assert tia.not_in_interval == ("noise of the points (not known)",)
    assert tia.sd_MBq_h is None


def test_uptake_cannot_start_at_zero_where_there_is_activity_at_zero() -> None:
    with pytest.raises(NumericalError, match="starts at zero"):
        fit("mono+uptake", points(KNOWN["mono"], (0, 24, 48, 96)))


def test_a_measured_zero_needs_absolute_standard_deviations() -> None:
    given = [*points(KNOWN["mono"], (4, 24, 72, 168), 0.03), TimeActivityPoint(900, 0.0, 0.03)]
    with pytest.raises(InputError, match="zero"):
        fit("mono", given)
    found = fit("mono", given, weighting=Weighting.ABSOLUTE, absolute_sd_MBq=[1.0] * 5)
    assert found.effective_half_lives_h[0] == pytest.approx(60, rel=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"absolute_sd_MBq": [1.0] * 4}, "belongs to absolute weighting"),
        ({"weighting": Weighting.ABSOLUTE}, "belongs to absolute weighting"),
        ({"weighting": Weighting.ABSOLUTE, "absolute_sd_MBq": [1.0, 1.0]}, "one for each of 4"),
        ({"weighting": Weighting.ABSOLUTE, "absolute_sd_MBq": [1.0, 0.0, 1.0, 1.0]}, "above 0 MBq"),
        ({"model": "quadri"}, "choose one of mono"),
        ({"administered_activity_MBq": 0.0}, "administered activity must be above 0"),
    ],
)
def test_what_cannot_be_fitted_as_asked_is_refused(change: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fitted_curve(points(KNOWN["mono"], (4, 24, 72, 168)), LU, PLAN, **({"model": "mono"} | change))


def test_no_point_two_of_one_time_and_half_stated_noise_are_refused() -> None:
    with pytest.raises(InputError, match="no scan"):
        fit("mono", [])
    with pytest.raises(InputError, match="two scans at 24 h"):
        fit("mono", points(KNOWN["mono"], (24, 24, 48)))
    with pytest.raises(InputError, match="state it for each point"):
        fit("mono", [TimeActivityPoint(24, 2.0, 0.03), TimeActivityPoint(48, 1.0, 0.0)])


def test_absolute_standard_deviations_stay_with_their_points_whatever_the_order() -> None:
    noise = np.random.default_rng(2).standard_normal(4)
    given = points(KNOWN["mono"], (4, 24, 72, 168), 0.05, noise)
    sds = [5.0, 1.0, 3.0, 0.2]
    one = fit("mono", given, weighting=Weighting.ABSOLUTE, absolute_sd_MBq=sds)
    other = fit("mono", given[::-1], weighting=Weighting.ABSOLUTE, absolute_sd_MBq=sds[::-1])
    assert one == other


NOISE = st.integers(0, 10_000)


@settings(deadline=None, max_examples=25)
@given(NOISE, st.sampled_from(["mono", "mono+uptake", "bi"]), st.floats(1e-3, 1e3), st.randoms(use_true_random=False))
def test_fits_are_linear_in_activity_and_blind_to_the_order_of_points(
    seed: int, name: str, factor: float, random
) -> None:
    hours = (0.5, 2, 8, 24, 48, 96, 168)
    given = points(KNOWN[name], hours, 0.03, np.random.default_rng(seed).standard_normal(len(hours)))
    more = [replace(point, activity_MBq=point.activity_MBq * factor) for point in given]
    random.shuffle(more)
    one, other = fit(name, given), fit(name, more)
    assert other.determinacy is one.determinacy
    assert other.log_value - math.log(factor) == pytest.approx(one.log_value, abs=1e-6)
    assert other.log_value_sd == pytest.approx(one.log_value_sd, rel=1e-3)
    assert other.effective_half_lives_h == pytest.approx(one.effective_half_lives_h, rel=1e-4)


@settings(deadline=None, max_examples=25)
@given(NOISE, st.sampled_from(["mono", "mono+uptake", "bi"]), st.floats(0.05, 20))
def test_fits_do_not_depend_on_the_unit_of_time(seed: int, name: str, factor: float) -> None:
    hours = (0.5, 2, 8, 24, 48, 96, 168)
    given = points(KNOWN[name], hours, 0.03, np.random.default_rng(seed).standard_normal(len(hours)))
    stretched = [replace(p, hours_after_administration=p.hours_after_administration * factor) for p in given]
    one = fit(name, given)
    other = fitted_curve(stretched, replace(LU, half_life_h=LU.half_life_h * factor), PLAN, model=name)
    assert other.determinacy is one.determinacy
    assert other.log_value - math.log(factor) == pytest.approx(one.log_value, abs=1e-6)
    assert other.log_value_sd == pytest.approx(one.log_value_sd, rel=1e-3)


def test_a_name_of_no_model_is_refused() -> None:
    with pytest.raises(InputError, match="'mono\\+'"):
        kinetic_model("mono+")


def test_the_trace_names_model_weighting_and_every_point() -> None:
    tia = fitted_time_integrated_activity(
        fit("bi", points(KNOWN["bi"], EARLY_TO_LATE)), PLAN, administered_activity_MBq=1e3
    )
    assert tia.trace.inputs["model"] == "given:bi"
    assert tia.trace.inputs["weighting"] == "given:relative"
    assert "at 240.0 h" in tia.trace.inputs["point 14"]
    assert tia.coefficient_h == pytest.approx(KNOWN["bi"].time_integrated_activity_MBq_h / 1e3)
