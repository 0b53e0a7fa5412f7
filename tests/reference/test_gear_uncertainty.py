"""The first-order chain of the EANM guidance against a Monte-Carlo run that shares no formula with it.

The run draws diameters, counts, calibration and curve parameters, counts a numerically blurred sphere inside the drawn
outline, fits with scipy and divides by the mass; the standard deviation of the logarithm is then compared.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import curve_fit

from theratrial.dosimetry.biological import Radiobiology
from theratrial.dosimetry.exponentials import Exponential, SumOfExponentials
from theratrial.dosimetry.uncertainty.bed import bed_budget
from theratrial.dosimetry.uncertainty.budget import Budget, Contribution
from theratrial.dosimetry.uncertainty.chain import RegionUncertainty, chain_uncertainty
from theratrial.dosimetry.uncertainty.dose_factor import fitted_dose_factor
from theratrial.dosimetry.uncertainty.fit import fit_covariance, fitted_tia_relative_sd
from theratrial.dosimetry.uncertainty.recovery import logistic_recovery
from theratrial.dosimetry.uncertainty.volume import (
    blurred_sphere_recovery,
    counts_log_slope,
    diameter_sd_mm,
    edge_density_fraction,
    equivalent_diameter_mm,
    volume_relative_sd,
)

MONTE_CARLO = "Monte-Carlo run of the same chain in the test (drawn inputs, numerically blurred sphere, scipy fit)"
DRAWS = 4000
TIMES_H = np.array([4.0, 24.0, 72.0, 168.0])
CLEARANCE_PER_H = math.log(2) / 60
COUNTING, CALIBRATION = 0.03, 0.04
B1_ML, B2 = 6.0, 0.9
CURVE_COVARIANCE = [[0.36, -0.012], [-0.012, 0.0025]]
S_EXPONENT = 0.985
DENSITY = 1.05


def blurred_profile(radius_mm: float, sigma_mm: float, at_mm: np.ndarray) -> np.ndarray:
    """Uniform unit sphere blurred by a Gaussian, as a sum of blurred shells."""
    # The blur of a shell of radius s seen at rho is known; shells are summed by quadrature.
    s = np.linspace(0, radius_mm, 4001)[None, :]
    rho = at_mm[:, None]
    kernel = (np.exp(-((s - rho) ** 2) / (2 * sigma_mm**2)) - np.exp(-((s + rho) ** 2) / (2 * sigma_mm**2))) * s / rho
    return np.trapezoid(kernel, s, axis=1) / (sigma_mm * math.sqrt(2 * math.pi))


def counts_in(radius_mm: float, sigma_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Counts inside concentric outlines of a range of radii, for interpolation."""
    rho = np.linspace(1e-3, 2 * radius_mm, 3001)
    shell = blurred_profile(radius_mm, sigma_mm, rho) * 4 * math.pi * rho**2
    inside = np.concatenate(([0.0], np.cumsum((shell[1:] + shell[:-1]) / 2 * np.diff(rho))))
    return rho, inside


@pytest.mark.parametrize(("volume_mL", "fwhm_mm"), [(5.0, 10.0), (30.0, 10.0), (150.0, 16.0)])
def test_counts_change_with_an_outline_as_counting_a_blurred_sphere_says(volume_mL, fwhm_mm, validation) -> None:
    radius, sigma = equivalent_diameter_mm(volume_mL) / 2, fwhm_mm / math.sqrt(8 * math.log(2))
    rho, inside = counts_in(radius, sigma)
    true_volume = 4 / 3 * math.pi * radius**3
    recovery = float(np.interp(radius, rho, inside)) / true_volume
    validation(
        f"share of a blurred sphere in its own outline, {volume_mL:g} mL, FWHM {fwhm_mm:g} mm",
        expected=recovery,
        got=blurred_sphere_recovery(volume_mL, fwhm_mm),
        unit="1",
        source="numerical count of a blurred sphere in the test",
        relative=0.001,
    )
    step = 0.002
    at = [float(np.interp(radius * (1 + sign * step) ** (1 / 3), rho, inside)) for sign in (-1, 1)]
    slope = (math.log(at[1]) - math.log(at[0])) / (math.log(1 + step) - math.log(1 - step))
    validation(
        f"change of counts with volume, {volume_mL:g} mL, FWHM {fwhm_mm:g} mm",
        expected=slope,
        got=counts_log_slope(volume_mL, fwhm_mm, recovery),
        unit="1",
        source="numerical count of a blurred sphere in the test",
        relative=0.005,
    )


def test_the_edge_of_a_large_region_sees_half_the_density() -> None:
    assert edge_density_fraction(1e6, 5.0) == pytest.approx(0.5, abs=0.01)
    assert edge_density_fraction(100.0, 0.0) == 0.5
    assert edge_density_fraction(0.5, 12.0) < 0.25


def drawn_edges(rng: np.random.Generator, diameter_mm: float, spacing_mm: float, fwhm_mm: float) -> np.ndarray:
    """Diameters between two edges, each anywhere in its voxel and blurred."""
    sigma = fwhm_mm / math.sqrt(8 * math.log(2))
    shifts = rng.uniform(-spacing_mm / 2, spacing_mm / 2, (DRAWS, 2)) + rng.normal(0, sigma, (DRAWS, 2))
    return diameter_mm + shifts[:, 0] + shifts[:, 1]


def test_the_diameter_between_two_voxel_edges_varies_as_drawn_edges_do(validation) -> None:
    drawn = drawn_edges(np.random.default_rng(11), 40.0, 4.4, 6.0)
    validation(
        "standard deviation of a diameter, voxel 4.4 mm, FWHM 6 mm",
        expected=float(drawn.std(ddof=1)),
        got=diameter_sd_mm(4.4, 6.0),
        unit="mm",
        source=MONTE_CARLO,
        relative=0.03,
    )


class Chain:
    """One region, its expected budget, and the same chain by drawing."""

    def __init__(self, volume_mL: float, outline_fwhm_mm: float, outline_voxel_mm: float, spect_fwhm_mm: float) -> None:
        self.volume_mL = volume_mL
        self.outline = outline_fwhm_mm, outline_voxel_mm
        self.diameter_mm = equivalent_diameter_mm(volume_mL)
        self.sigma_mm = spect_fwhm_mm / math.sqrt(8 * math.log(2))
        self.spect_fwhm_mm = spect_fwhm_mm
        self.rho, self.inside = counts_in(self.diameter_mm / 2, self.sigma_mm)
        self.seen = float(np.interp(self.diameter_mm / 2, self.rho, self.inside)) / (volume_mL * 1000)

    def expected(self):
        """By the formulas under test; the slope of the counts uses what the outline truly holds."""
        fwhm, voxel = self.outline
        curve = SumOfExponentials((Exponential(100.0, CLEARANCE_PER_H),))
        fit = fitted_tia_relative_sd(curve, fit_covariance(curve, TIMES_H, [COUNTING] * 4).tolist())
        known = RegionUncertainty(
            volume_relative_sd=volume_relative_sd(self.volume_mL, (voxel,) * 3, fwhm),
            counts_log_slope=counts_log_slope(self.volume_mL, self.spect_fwhm_mm, self.seen),
            recovery=logistic_recovery(self.volume_mL, B1_ML, B2, CURVE_COVARIANCE),
            calibration_relative_sd=CALIBRATION,
            counting_relative_sd=COUNTING,
            fit_relative_sd=fit,
            model_relative_sd=0.0,
            s_exponent=S_EXPONENT,
        )
        return known, chain_uncertainty(
            known,
            activity_MBq=100.0,
            time_integrated_activity_MBq_h=100.0 / CLEARANCE_PER_H,
            absorbed_dose_Gy=5.0,
        )

    def drawn(self, seed: int) -> dict[str, np.ndarray]:
        """Logarithms of activity, time-integrated activity, S and dose, each draw with its own errors."""
        rng = np.random.default_rng(seed)
        fwhm, voxel = self.outline
        diameters = drawn_edges(rng, self.diameter_mm, voxel, fwhm)
        volumes = math.pi / 6 * diameters**3 / 1000
        counted = np.interp(diameters / 2, self.rho, self.inside) / (self.volume_mL * 1000)
        b = rng.multivariate_normal([B1_ML, B2], CURVE_COVARIANCE, DRAWS)
        recovery = 1 - 1 / (1 + (volumes / b[:, 0]) ** b[:, 1])
        calibration = 1 + CALIBRATION * rng.standard_normal(DRAWS)
        common = counted / (calibration * recovery)
        truth = 100.0 * np.exp(-CLEARANCE_PER_H * TIMES_H)
        points = truth * (1 + COUNTING * rng.standard_normal((DRAWS, len(TIMES_H))))
        tia = np.empty(DRAWS)
        for n in range(DRAWS):
            (a, clearance), _ = curve_fit(
                lambda t, a, k: a * np.exp(-k * t),
                TIMES_H,
                points[n],
                p0=(100.0, CLEARANCE_PER_H),
                sigma=COUNTING * truth,
                absolute_sigma=True,
            )
            tia[n] = a / clearance
        s = (volumes * DENSITY) ** -S_EXPONENT
        return {
            "activity": np.log(points[:, 1] * common),
            "tia": np.log(tia * common),
            "s": np.log(s),
            "dose": np.log(tia * common * s),
        }


@pytest.fixture(scope="module")
def lesion() -> tuple[Chain, dict[str, np.ndarray]]:
    """30 mL, outlined on CT: errors small enough that first order should hold within the Monte-Carlo noise."""
    chain = Chain(volume_mL=30.0, outline_fwhm_mm=1.2, outline_voxel_mm=1.5, spect_fwhm_mm=10.0)
    return chain, chain.drawn(seed=2018)


def test_activity_tia_and_dose_vary_as_in_the_monte_carlo_run(lesion, validation) -> None:
    chain, drawn = lesion
    _, budgets = chain.expected()
    for name, budget in (
        ("activity", budgets.activity),
        ("tia", budgets.time_integrated_activity),
        ("dose", budgets.absorbed_dose),
    ):
        validation(
            f"EANM 2018 chain, relative standard deviation of {name}, 30 mL outlined on CT",
            expected=float(drawn[name].std(ddof=1)),
            got=budget.log_sd,
            unit="1",
            source=MONTE_CARLO,
            relative=0.04,
        )


def test_covariance_of_activity_and_s_through_the_volume_is_that_of_the_run(lesion, validation) -> None:
    chain, drawn = lesion
    _, budgets = chain.expected()
    validation(
        "EANM 2018 chain, covariance of time-integrated activity and S, 30 mL outlined on CT",
        expected=float(np.cov(drawn["tia"], drawn["s"])[0, 1]),
        got=budgets.relative_covariance_tia_s,
        unit="1",
        source=MONTE_CARLO,
        relative=0.10,
    )


def test_the_dose_is_the_guidances_sum_of_two_variances_and_twice_the_covariance() -> None:
    chain = Chain(30.0, 1.2, 1.5, 10.0)
    known, budgets = chain.expected()
    tia, s = budgets.time_integrated_activity.relative_sd, S_EXPONENT * known.volume_relative_sd
    expected = tia**2 + s**2 + 2 * budgets.relative_covariance_tia_s
    assert budgets.absorbed_dose.relative_sd == pytest.approx(math.sqrt(expected), rel=1e-12)


def test_leaving_the_covariance_out_would_be_seen_in_the_run(lesion) -> None:
    """The run tells the guidance apart from quadrature, so that agreement above says something."""
    chain, drawn = lesion
    known, budgets = chain.expected()
    naive = math.hypot(budgets.time_integrated_activity.relative_sd, S_EXPONENT * known.volume_relative_sd)
    assert abs(naive / drawn["dose"].std(ddof=1) - 1) > 0.08


def test_the_95_percent_interval_of_the_dose_holds_95_percent_of_the_run(lesion, validation) -> None:
    chain, drawn = lesion
    _, budgets = chain.expected()
    dose = budgets.absorbed_dose
    # Every draw is a measurement; the interval about it holds the truth if the truth is within the same log distance.
    distance = np.abs(drawn["dose"] - np.median(drawn["dose"]))
    covered = float((distance <= math.log(dose.upper / dose.value)).mean())
    validation(
        "EANM 2018 chain, coverage of the 95 % interval of the dose",
        expected=0.95,
        got=covered,
        unit="1",
        source=MONTE_CARLO,
        absolute=0.012,
    )


def test_first_order_still_holds_within_a_tenth_for_a_lesion_outlined_on_spect(validation) -> None:
    chain = Chain(volume_mL=60.0, outline_fwhm_mm=6.0, outline_voxel_mm=4.4, spect_fwhm_mm=10.0)
    drawn = chain.drawn(seed=7)["dose"]
    known, budgets = chain.expected()
    assert known.volume_relative_sd > 0.2
    validation(
        "EANM 2018 chain, relative standard deviation of dose, 60 mL outlined on SPECT",
        expected=float(drawn.std(ddof=1)),
        got=budgets.absorbed_dose.log_sd,
        unit="1",
        source=MONTE_CARLO,
        relative=0.10,
    )


RENAL = Radiobiology(2.6, 2.8, "given:renal example")


def one_exponential(half_life_h: float) -> SumOfExponentials:
    return SumOfExponentials((Exponential(1.0, math.log(2) / half_life_h),))


@pytest.mark.parametrize(("half_life_h", "expected_Gy"), [(60.0, 32.1), (50.0, 33.8)])
def test_bed_of_the_renal_example_is_that_of_the_closed_form(half_life_h, expected_Gy, validation) -> None:
    bed = bed_budget(Budget(23.0, "Gy", ()), one_exponential(half_life_h), RENAL, region="kidneys")
    validation(
        f"BED of 23 Gy, effective half-life {half_life_h:g} h, alpha/beta 2.6 Gy, repair 2.8 h",
        expected=expected_Gy,
        got=bed.value,
        unit="Gy",
        source="calculation by hand after Dale, Br J Radiol 1985;58:515",
        absolute=0.05,
    )


@pytest.mark.parametrize("correlation", [0.0, 0.7])
def test_bed_varies_as_drawn_doses_and_parameters_do(correlation, validation) -> None:
    rng = np.random.default_rng(5)
    n = 200_000
    fit, kinetics = rng.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], n).T
    d = 23 * np.exp(0.08 * fit + 0.05 * rng.standard_normal(n))
    half_life = 60 * np.exp(0.15 * kinetics)
    repair, ratio = 2.8 * np.exp(0.20 * rng.standard_normal(n)), 2.6 * np.exp(0.15 * rng.standard_normal(n))
    bed = d + d**2 * repair / (repair + half_life) / ratio
    budget = bed_budget(
        Budget(23.0, "Gy", (Contribution("fit", 1.0, 0.08), Contribution("volume", -0.5, 0.10))),
        one_exponential(60.0),
        RENAL,
        region="kidneys",
        alpha_beta_relative_sd=0.15,
        repair_relative_sd=0.20,
        kinetics_relative_sd=0.15,
        fit_kinetics_correlation=correlation,
    )
    validation(
        f"relative standard deviation of BED, kinetics and dose correlated {correlation:g}",
        expected=float(np.log(bed).std()),
        got=budget.relative_sd,
        unit="1",
        source="200 000 drawn doses and parameters in the test",
        relative=0.03,
    )


def test_the_power_law_of_the_sphere_table_is_the_published_one(validation) -> None:
    """Lu-177 spheres of soft tissue, Gy/(Bq s), 0.5 to 116 g, against the power law fitted by PyCNO's authors."""
    grams = [0.539, 0.932, 2.21, 4.31, 14.6, 34.5, 116.0]
    s_Gy_per_Bq_s = [4.27e-11, 2.49e-11, 1.06e-11, 5.46e-12, 1.63e-12, 6.93e-13, 2.07e-13]
    factor = fitted_dose_factor(grams, [s * 3.6e9 for s in s_Gy_per_Bq_s])
    validation(
        "exponent of S over mass, Lu-177 spheres 0.5-116 g",
        expected=0.985,
        got=factor.c2,
        unit="1",
        source="power law 79.6 (m/1.05)^-0.985 mGy/(MBq h) of the PyCNO example notebook",
        relative=0.01,
    )
    validation(
        "S of a 10 g sphere, Lu-177",
        expected=0.0796 * (10 / 1.05) ** -0.985,
        got=factor.s_value_Gy_per_MBq_h(10.0),
        unit="Gy/(MBq h)",
        source="power law 79.6 (m/1.05)^-0.985 mGy/(MBq h) of the PyCNO example notebook",
        relative=0.02,
    )
    assert factor.relative_sd(10.0) < 0.02


def test_fit_covariance_is_that_of_scipy_for_two_exponentials(validation) -> None:
    curve = SumOfExponentials((Exponential(100.0, 0.012), Exponential(-80.0, 0.15)))
    times = np.array([1.0, 4.0, 12.0, 24.0, 72.0, 168.0])
    values = np.array([curve.activity_MBq(float(t)) for t in times])
    _, covariance = curve_fit(
        lambda t, a, k, b, m: a * np.exp(-k * t) + b * np.exp(-m * t),
        times,
        values,
        p0=(95, 0.011, -75, 0.16),
        sigma=0.03 * values,
        absolute_sigma=True,
    )
    ours = fit_covariance(curve, times, [0.03] * 6)
    gradient = np.array([1 / 0.012, -100 / 0.012**2, 1 / 0.15, 80 / 0.15**2])
    validation(
        "relative standard deviation of a bi-exponential time-integrated activity",
        expected=float(np.sqrt(gradient @ covariance @ gradient)) / curve.time_integrated_activity_MBq_h,
        got=fitted_tia_relative_sd(curve, ours.tolist()),
        unit="1",
        source="scipy.optimize.curve_fit covariance",
        relative=0.01,
    )
