"""Budgets, intervals and contributions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.dosimetry.biological import Radiobiology, biological_dose
from theratrial.dosimetry.biological_uncertainty import BiologicalSpread, first_order_interval
from theratrial.dosimetry.exponentials import Exponential, SumOfExponentials
from theratrial.dosimetry.fits import fitted_curve
from theratrial.dosimetry.plan import DosePlan
from theratrial.dosimetry.points import TimeActivityPoint
from theratrial.dosimetry.uncertainty.bed import bed_budget
from theratrial.dosimetry.uncertainty.budget import Budget, Contribution, summed
from theratrial.dosimetry.uncertainty.chain import RegionUncertainty, chain_uncertainty, region_uncertainty
from theratrial.dosimetry.uncertainty.dose_factor import fitted_dose_factor
from theratrial.dosimetry.uncertainty.fit import fit_covariance, fitted_tia_relative_sd
from theratrial.dosimetry.uncertainty.recovery import (
    NO_RECOVERY,
    RecoveryAtVolume,
    logistic_recovery,
    quadratic_form,
    recovery_at,
)
from theratrial.dosimetry.uncertainty.volume import (
    blurred_sphere_recovery,
    counts_log_slope,
    diameter_sd_mm,
    volume_relative_sd,
)
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import nuclide
from theratrial.quantification.recovery import RecoveryPoint, recovery_curve

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
    assert "no recovery applied" not in said
    plain = chain_uncertainty(RegionUncertainty(0.1, 0.5, NO_RECOVERY, 0.0, 0.0, 0.0, 0.0), **VALUES)
    assert "no recovery applied" in plain.absorbed_dose.not_in_interval[-1]
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


@given(st.lists(st.floats(0.5, 20.0), min_size=1, max_size=5), fraction, fraction)
def test_over_sessions_shared_errors_add_up_and_others_average_out(doses, shared, own) -> None:
    parts = (Contribution("calibration", 1.0, shared), Contribution("volume", -0.7, own))
    total = summed([Budget(dose, "Gy", parts) for dose in doses])
    by = {part.name: part.relative_sd for part in total.parts}
    assert total.value == pytest.approx(sum(doses))
    assert by["calibration"] == pytest.approx(shared)
    assert by["volume"] == pytest.approx(0.7 * own * math.hypot(*doses) / sum(doses))


def test_a_sum_over_sessions_keeps_what_is_not_known_and_refuses_mixed_units() -> None:
    one, other = Budget(1.0, "Gy", (), ("uncertainty of fit (not known)",)), Budget(1.0, "Gy", ())
    assert summed([one, other]).not_in_interval == ("uncertainty of fit (not known)",)
    with pytest.raises(InputError, match="one unit"):
        summed([one, Budget(1.0, "MBq h", ())])
    with pytest.raises(InputError, match="at least one"):
        summed([])


SEEN = {
    "outline_spacing_mm": (3.0, 1.0, 1.0),
    "outline_fwhm_mm": 1.2,
    "activity_fwhm_mm": 10.0,
    "calibration_relative_sd": 0.05,
    "counting_relative_sd": 0.01,
    "fit_relative_sd": 0.04,
    "model_relative_sd": 0.1,
}


def test_a_region_from_how_it_was_seen() -> None:
    recovery = logistic_recovery(30.0, 6.0, 0.9, [[0.36, 0.0], [0.0, 0.0025]])
    known = region_uncertainty(30.0, recovery=recovery, **SEEN)
    assert known.volume_relative_sd == volume_relative_sd(30.0, (3.0, 1.0, 1.0), 1.2)
    assert known.counts_log_slope == counts_log_slope(30.0, 10.0, recovery.recovery)
    plain = region_uncertainty(30.0, recovery=NO_RECOVERY, **SEEN)
    assert plain.counts_log_slope == counts_log_slope(30.0, 10.0, blurred_sphere_recovery(30.0, 10.0))
    assert plain.activity_volume_slope > known.activity_volume_slope


def test_outlines_of_each_scan_know_the_mass_better_and_leave_counts_to_the_points() -> None:
    one = region_uncertainty(30.0, recovery=NO_RECOVERY, **SEEN)
    four = region_uncertainty(30.0, recovery=NO_RECOVERY, independent_outlines=4, **SEEN)
    assert four.volume_relative_sd == pytest.approx(one.volume_relative_sd / 2)
    assert four.counts_log_slope == 0.0
    with pytest.raises(InputError, match="at least one outline"):
        region_uncertainty(30.0, recovery=NO_RECOVERY, independent_outlines=0, **SEEN)


HALF = SumOfExponentials((Exponential(1.0, math.log(2) / 60),))
TISSUE = Radiobiology(2.6, 2.8, "given:test")
PLAN = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.9, model_relative_sd=0.1)


def test_bed_follows_the_dose_twice_where_it_is_all_quadratic() -> None:
    bed = bed_budget(Budget(1e6, "Gy", (Contribution("fit", 1.0, 0.01),)), HALF, TISSUE, region="kidneys")
    assert bed.relative_sd == pytest.approx(0.02, rel=1e-3)
    small = bed_budget(Budget(1e-6, "Gy", (Contribution("fit", 1.0, 0.01),)), HALF, TISSUE, region="kidneys")
    assert small.relative_sd == pytest.approx(0.01)
    assert len(bed.not_in_interval) == 3


@given(fraction, fraction, fraction, fraction, st.floats(-1, 1))
def test_bed_spreads_as_the_biological_room_says(fit, kinetics, ratio, repair, correlation) -> None:
    """`first_order_interval` is written by another hand, with one contribution for the dose."""
    if fit < 1e-3 or kinetics < 1e-3:
        correlation = 0.0
    curve = SumOfExponentials((Exponential(1.0, 0.01), Exponential(-0.7, 0.2)))
    budget = bed_budget(
        Budget(20.0, "Gy", (Contribution("fit", 1.0, fit),)),
        curve,
        TISSUE,
        region="kidneys",
        alpha_beta_relative_sd=ratio,
        repair_relative_sd=repair,
        kinetics_relative_sd=kinetics,
        fit_kinetics_correlation=correlation,
    )
    dose = biological_dose(20.0, curve, TISSUE, region="kidneys")
    other = first_order_interval(dose, curve, BiologicalSpread(fit, kinetics, ratio, repair, correlation))
    assert budget.value == pytest.approx(dose.biologically_effective_dose_Gy)
    assert budget.relative_sd == pytest.approx(other.relative_sd, rel=1e-5, abs=1e-6)


def test_the_sd_of_a_fit_is_that_of_the_fitting_room() -> None:
    """`fits` fits logarithms of parameters; here the covariance is of the parameters themselves."""
    times, factors = (4.0, 24.0, 72.0, 168.0), (1.01, 0.98, 1.02, 0.99)
    points = [
        TimeActivityPoint(t, 100 * math.exp(-0.012 * t) * factor, 0.03)
        for t, factor in zip(times, factors, strict=True)
    ]
    fitted = fitted_curve(points, nuclide("Lu-177"), PLAN, model="mono")
    ours = fitted_tia_relative_sd(fitted.kinetics, fit_covariance(fitted.kinetics, times, [0.03] * 4).tolist())
    assert ours == pytest.approx(fitted.log_value_sd, rel=0.02)


def test_a_recovery_of_the_quantification_room_is_taken_as_it_is() -> None:
    points = [RecoveryPoint(v, 1 - 1 / (1 + (v / 3) ** 0.9), 0.03) for v in (0.5, 1.2, 2.6, 5.6, 11.5, 26.5)]
    curve = recovery_curve(points, curve_id="c", camera="A", nuclide="Lu-177", reconstruction="r")
    ours = recovery_at(curve.at(5.0))
    b = curve.beta_mL
    change = [[b, 0.0], [0.0, 1.0]]
    covariance = np.array(change) @ np.array(curve.covariance) @ np.array(change)
    other = logistic_recovery(5.0, b, curve.gamma, covariance.tolist())
    assert ours.recovery == pytest.approx(other.recovery)
    assert ours.log_slope == pytest.approx(other.log_slope)
    assert ours.curve_relative_sd == pytest.approx(other.curve_relative_sd)
    with pytest.raises(InputError, match="undetermined"):
        recovery_at(curve.at(0.1))


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
        lambda: bed_budget(Budget(1.0, "Gy", ()), HALF, TISSUE, region="x", fit_kinetics_correlation=2.0),
        lambda: bed_budget(Budget(1.0, "Gy", ()), HALF, TISSUE, region="x", fit_kinetics_correlation=0.5),
    ],
)
def test_bad_input_is_refused(call) -> None:
    with pytest.raises(InputError):
        call()
