"""Budgets, intervals and contributions."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.dosimetry.exponentials import Exponential, SumOfExponentials
from theratrial.dosimetry.uncertainty.bed import bed_budget
from theratrial.dosimetry.uncertainty.budget import Budget, Contribution
from theratrial.dosimetry.uncertainty.chain import RegionUncertainty, chain_uncertainty
from theratrial.dosimetry.uncertainty.dose_factor import fitted_dose_factor
from theratrial.dosimetry.uncertainty.fit import fit_covariance, fitted_tia_relative_sd
from theratrial.dosimetry.uncertainty.recovery import (
    NO_RECOVERY,
    RecoveryAtVolume,
    logistic_recovery,
    quadratic_form,
)
from theratrial.dosimetry.uncertainty.volume import counts_log_slope, diameter_sd_mm, volume_relative_sd
from theratrial.errors import InputError, NumericalError

fraction = st.floats(0.0, 0.6)
VALUES = {"activity_MBq": 100.0, "time_integrated_activity_MBq_h": 9000.0, "absorbed_dose_Gy": 2.0}


@given(st.lists(st.tuples(st.floats(-3, 3), fraction), min_size=1, max_size=6))
def test_shares_of_the_variance_sum_to_one_and_the_interval_holds_the_value(parts) -> None:
    budget = Budget(5.0, "Gy", tuple(Contribution(str(n), slope, sd) for n, (slope, sd) in enumerate(parts)))
    shares = budget.contributions()
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    if budget.relative_sd > 1e-6:
        assert math.fsum(shares.values()) == pytest.approx(1.0)
        assert 0 < budget.lower < 5 < budget.upper
        assert budget.lower * budget.upper == pytest.approx(25.0)
    assert all(budget.without(name) <= budget.relative_sd + 1e-12 for name in shares)


def test_a_log_normal_interval_has_the_stated_standard_deviation() -> None:
    """exp(N(0, s)) with s = sqrt(ln(1 + u^2)) has sd over mean of u."""
    budget = Budget(1.0, "Gy", (Contribution("fit", 1.0, 0.5),))
    s = budget.log_sd
    assert math.sqrt(math.expm1(s**2)) == pytest.approx(0.5)
    assert budget.upper == pytest.approx(math.exp(1.959963985 * s))


@given(fraction, st.floats(0.0, 1.0), st.floats(0.0, 1.0), fraction, fraction, st.floats(0.0, 1.0))
def test_the_dose_is_the_sum_of_variances_with_the_covariance(
    volume, slope, recovery, calibration, fit, exponent
) -> None:
    known = RegionUncertainty(
        volume, slope, RecoveryAtVolume(0.8, recovery, 0.02), calibration, 0.01, fit, 0.0, exponent, 0.0, 0.0
    )
    chain = chain_uncertainty(known, **VALUES)
    tia, s = chain.time_integrated_activity.relative_sd, exponent * volume
    expected = tia**2 + s**2 + 2 * chain.relative_covariance_tia_s
    assert chain.absorbed_dose.relative_sd**2 == pytest.approx(expected, abs=1e-12)


def test_a_recovery_makes_a_small_outline_matter_less_in_activity_and_more_in_dose() -> None:
    plain = RegionUncertainty(0.2, 0.6, NO_RECOVERY, 0.0, 0.0, 0.0, 0.0)
    corrected = RegionUncertainty(0.2, 0.6, RecoveryAtVolume(0.6, 0.4, 0.0), 0.0, 0.0, 0.0, 0.0)
    one, other = chain_uncertainty(plain, **VALUES), chain_uncertainty(corrected, **VALUES)
    assert other.activity.relative_sd < one.activity.relative_sd
    assert other.absorbed_dose.relative_sd > one.absorbed_dose.relative_sd


def test_what_is_not_known_is_named_and_never_zero() -> None:
    known = RegionUncertainty(None, 0.5, RecoveryAtVolume(0.8, 0.2, None), None, None, None, None)
    chain = chain_uncertainty(known, **VALUES)
    said = " ".join(chain.absorbed_dose.not_in_interval)
    for name in ("volume", "calibration", "recovery curve", "fit", "model", "s value", "density"):
        assert f"uncertainty of {name} (not known)" in said
    assert chain.relative_covariance_tia_s is None
    assert "counts" in " ".join(chain.activity.not_in_interval)


@given(st.floats(0.5, 2000.0), st.floats(0.5, 10.0), st.floats(0.0, 20.0))
def test_a_volume_is_better_known_the_larger_it_is_and_the_sharper_it_is_seen(volume, spacing, fwhm) -> None:
    here = volume_relative_sd(volume, (spacing,) * 3, fwhm)
    assert volume_relative_sd(volume * 2, (spacing,) * 3, fwhm) == pytest.approx(here / 2 ** (1 / 3))
    assert volume_relative_sd(volume, (spacing,) * 3, fwhm + 1) > here
    assert volume_relative_sd(volume, (spacing, spacing, spacing * 2), fwhm) > here


def test_the_edge_of_a_sharp_image_is_known_to_its_voxel() -> None:
    assert diameter_sd_mm(6.0, 0.0) == pytest.approx(math.sqrt(6.0))


@given(st.floats(0.5, 500.0), st.floats(1.0, 50.0), st.floats(0.5, 2.0))
def test_slope_and_covariance_of_the_recovery_curve_are_those_of_differences(volume, b1, b2) -> None:
    def log_r(v: float, one: float, two: float) -> float:
        return -math.log1p((one / v) ** two)

    covariance = [[(0.05 * b1) ** 2, 0.0005 * b1], [0.0005 * b1, 0.03**2]]
    at = logistic_recovery(volume, b1, b2, covariance)
    h = 1e-5
    slope = (log_r(volume * (1 + h), b1, b2) - log_r(volume * (1 - h), b1, b2)) / (2 * h)
    assert at.log_slope == pytest.approx(slope, rel=1e-4, abs=1e-7)
    gradient = [
        (log_r(volume, b1 * (1 + h), b2) - log_r(volume, b1 * (1 - h), b2)) / (2 * h * b1),
        (log_r(volume, b1, b2 * (1 + h)) - log_r(volume, b1, b2 * (1 - h))) / (2 * h * b2),
    ]
    assert at.curve_relative_sd == pytest.approx(math.sqrt(quadratic_form(gradient, covariance)), rel=1e-3, abs=1e-7)


def test_scatter_beyond_the_stated_errors_widens_the_fit() -> None:
    curve = SumOfExponentials((Exponential(100.0, 0.01),))
    times = [4.0, 24.0, 48.0, 96.0]
    stated = fit_covariance(curve, times, [0.02] * 4)
    points = [curve.activity_MBq(t) * factor for t, factor in zip(times, (1.1, 0.9, 1.1, 0.9), strict=True)]
    scattered = fit_covariance(curve, times, [0.02] * 4, activities_MBq=points)
    assert scattered[0, 0] == pytest.approx(stated[0, 0] * 50)
    exact = fit_covariance(curve, times, [0.02] * 4, activities_MBq=[curve.activity_MBq(t) for t in times])
    assert exact == pytest.approx(stated)


def test_points_that_do_not_determine_the_fit_are_refused() -> None:
    twins = SumOfExponentials((Exponential(50.0, 0.01), Exponential(50.0, 0.01)))
    with pytest.raises(NumericalError, match="simpler curve"):
        fit_covariance(twins, [1.0, 10.0, 50.0, 100.0], [0.02] * 4)
    with pytest.raises(InputError, match="at least as many points"):
        fit_covariance(twins, [1.0, 10.0], [0.02] * 2)
    with pytest.raises(NumericalError, match="integrates to"):
        fitted_tia_relative_sd(SumOfExponentials((Exponential(-1.0, 0.1),)), [[1.0, 0.0], [0.0, 1.0]])


def test_bed_follows_the_dose_twice_where_it_is_all_quadratic() -> None:
    dose = Budget(1e6, "Gy", (Contribution("fit", 1.0, 0.01),))
    bed = bed_budget(dose, alpha_beta_Gy=2.6, repair_half_time_h=2.8, effective_half_life_h=60.0)
    assert bed.relative_sd == pytest.approx(0.02, rel=1e-3)
    small = Budget(1e-6, "Gy", (Contribution("fit", 1.0, 0.01),))
    assert bed_budget(
        small, alpha_beta_Gy=2.6, repair_half_time_h=2.8, effective_half_life_h=60.0
    ).relative_sd == pytest.approx(0.01)
    assert len(bed.not_in_interval) == 3


@pytest.mark.parametrize(
    "call",
    [
        lambda: Budget(0.0, "Gy", ()),
        lambda: Budget(1.0, "Gy", (Contribution("a", 1.0, 0.1), Contribution("a", 1.0, 0.1))),
        lambda: Budget(1.0, "Gy", ()).without("volume"),
        lambda: Contribution("a", math.nan, 0.1),
        lambda: Contribution("a", 1.0, -0.1),
        lambda: RegionUncertainty(-0.1, 0.5, NO_RECOVERY, 0.0, 0.0, 0.0, 0.0),
        lambda: RegionUncertainty(0.1, math.nan, NO_RECOVERY, 0.0, 0.0, 0.0, 0.0),
        lambda: RecoveryAtVolume(0.0, 0.0, 0.0),
        lambda: RecoveryAtVolume(1.0, math.inf, 0.0),
        lambda: RecoveryAtVolume(1.0, 0.0, -1.0),
        lambda: volume_relative_sd(10.0, (4.0, 4.0), 5.0),
        lambda: volume_relative_sd(0.0, (4.0, 4.0, 4.0), 5.0),
        lambda: volume_relative_sd(10.0, (4.0, 4.0, 4.0), -5.0),
        lambda: counts_log_slope(10.0, 10.0, 0.0),
        lambda: logistic_recovery(10.0, 0.0, 1.0, None),
        lambda: quadratic_form([1.0, 2.0], [[1.0]]),
        lambda: quadratic_form([1.0, 2.0], [[1.0, 0.5], [0.0, 1.0]]),
        lambda: quadratic_form([1.0, 2.0], [[1.0, 2.0], [2.0, 1.0]]),
        lambda: fitted_dose_factor([1.0, 2.0], [1.0, 0.5]),
        lambda: fitted_dose_factor([1.0, 2.0, 3.0], [1.0, 0.5, 0.0]),
        lambda: fitted_dose_factor([1.0, 1.0, 1.0], [1.0, 0.5, 0.2]),
        lambda: bed_budget(Budget(1.0, "Gy", ()), alpha_beta_Gy=0, repair_half_time_h=1, effective_half_life_h=1),
        lambda: bed_budget(Budget(1.0, "Gy", ()), alpha_beta_Gy=1, repair_half_time_h=0, effective_half_life_h=1),
    ],
)
def test_bad_input_is_refused(call) -> None:
    with pytest.raises(InputError):
        call()
