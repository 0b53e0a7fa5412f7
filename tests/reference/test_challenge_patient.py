"""Patient 4 of the SNMMI Lu-177 dosimetry challenge: four SPECT/CT scans, published curves and kernel doses."""

from __future__ import annotations

import math

import pytest

from theratrial.dosimetry import Determinacy, DosePlan, TimeActivityPoint, absorbed_dose
from theratrial.dosimetry.fit_weights import Weighting
from theratrial.dosimetry.fits import FittedCurve, fitted_curve, fitted_time_integrated_activity
from theratrial.dosimetry.model_selection import Criterion, selected_model
from theratrial.nuclides import nuclide

LU = nuclide("Lu-177")
PLAN = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.85, model_relative_sd=0.0)
ADMINISTERED_MBQ = 7210.4
HOURS = (3.7411, 27.7253, 103.0942, 123.9836)
SOURCE = "SNMMI 177Lu dosimetry challenge, patient 4, published worked example"

# Activity [MBq], TIA [MBq h], TIAC [h], clearance [1/h], T_eff [h], volume at the first scan [mL], kernel dose [Gy].
REGIONS = {
    "left kidney": ((98.561432, 73.599408, 25.395680, 19.046610), 7593.7526, 1.05316, 0.01408143, 49.2, 233.6, 2.7414),
    "right kidney": ((92.891448, 66.860492, 23.209494, 15.666982), 6797.1060, 0.94268, 0.01452503, 47.7, 251.0, 2.2889),
    "liver": ((378.4744, 347.404416, 192.66408, 173.225408), 56425.3348, 7.82552, 0.00747620, 92.7, 2037.0, 2.3470),
    "spleen": ((87.206832, 77.633392, 34.655492, 27.943430), 9600.8989, 1.33153, 0.01065559, 65.1, 268.9, 3.0177),
}
LOCAL_GY = {"left kidney": 2.773, "right kidney": 2.311, "liver": 2.363, "spleen": 3.046}


def points(region: str) -> list[TimeActivityPoint]:
    return [TimeActivityPoint(t, a, 0.03) for t, a in zip(HOURS, REGIONS[region][0], strict=True)]


def curve(region: str, weighting: Weighting = Weighting.EQUAL) -> FittedCurve:
    return fitted_curve(
        points(region),
        LU,
        PLAN,
        model="mono+uptake",
        weighting=weighting,
        administered_activity_MBq=ADMINISTERED_MBQ,
    )


@pytest.mark.parametrize("region", REGIONS)
def test_the_published_curve_is_the_unweighted_fit_of_uptake_and_clearance(region: str, validation) -> None:
    _, tia_MBq_h, coefficient_h, clearance, half_life_h, _, _ = REGIONS[region]
    found = curve(region)
    tia = fitted_time_integrated_activity(found, PLAN, administered_activity_MBq=ADMINISTERED_MBQ)
    assert found.determinacy is Determinacy.DETERMINED
    assert tia.time_integrated_activity_MBq_h is not None
    assert tia.coefficient_h is not None
    validation(
        f"time-integrated activity, {region}",
        expected=tia_MBq_h,
        got=tia.time_integrated_activity_MBq_h,
        unit="MBq h",
        source=SOURCE,
        relative=1e-5,
    )
    validation(
        f"time-integrated activity coefficient, {region}",
        expected=coefficient_h,
        got=tia.coefficient_h,
        unit="h",
        source=SOURCE,
        relative=1e-4,
    )
    validation(
        f"effective decay constant, {region}",
        expected=clearance,
        got=found.kinetics.terms[0].effective_per_h,
        unit="1/h",
        source=SOURCE,
        relative=1e-5,
    )
    assert found.effective_half_lives_h[0] == pytest.approx(half_life_h, abs=0.051)


@pytest.mark.parametrize("region", REGIONS)
def test_local_deposition_at_unit_density_is_near_the_published_kernel_dose(region: str, validation) -> None:
    volume_mL, kernel_Gy = REGIONS[region][5:]
    tia = fitted_time_integrated_activity(curve(region), PLAN, administered_activity_MBq=ADMINISTERED_MBQ)
    dose = absorbed_dose(tia, LU, PLAN, region=region, mass_g=volume_mL * 1.0)
    assert dose.absorbed_dose_Gy is not None
    assert dose.absorbed_dose_Gy == pytest.approx(LOCAL_GY[region], abs=0.0006)
    validation(
        f"absorbed dose by local deposition against a voxel kernel, {region}",
        expected=kernel_Gy,
        got=dose.absorbed_dose_Gy,
        unit="Gy",
        source=SOURCE + "; kernel of 4.795 mm, no density weighting",
        relative=0.02,
    )


@pytest.mark.parametrize("region", REGIONS)
def test_relative_weights_change_these_integrals_by_less_than_their_own_uncertainty(region: str) -> None:
    equal, relative = curve(region), curve(region, Weighting.RELATIVE)
    assert relative.log_value_sd is not None
    assert abs(relative.log_value - equal.log_value) < relative.log_value_sd
    # It is not the published weighting: only the unweighted fit gives the published figures.
    assert abs(math.exp(relative.log_value) / REGIONS[region][1] - 1) > 1e-4


def test_four_points_do_not_let_the_corrected_criterion_choose_three_parameters(validation) -> None:
    selection = selected_model(points("left kidney"), LU, PLAN, administered_activity_MBq=ADMINISTERED_MBQ)
    table = {candidate.model.name: candidate for candidate in selection.candidates}
    assert selection.curve.model.name == "mono"
    assert table["mono+uptake"].curve is not None
    assert math.isinf(table["mono+uptake"].criterion)
    assert "aicc is not defined for 4 points" in table["mono+uptake"].because
    assert "4 parameters need more than 4 points" in table["bi"].because
    # The extra phase changes the integral by less than 3 %.
    assert math.exp(selection.curve.log_value) == pytest.approx(REGIONS["left kidney"][1], rel=0.03)
    uncorrected = selected_model(points("left kidney"), LU, PLAN, criterion=Criterion.AIC)
    assert math.isfinite({c.model.name: c for c in uncorrected.candidates}["mono+uptake"].criterion)
