"""Curves against numerical integration, and the drawn patients against published radiolabelled trastuzumab."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from theratrial.nuclides import nuclide
from theratrial.simulation.kinetics import Curve, Term, electron_dose_Gy
from theratrial.simulation.patient import drawn_patient, pet_suv, region_doses_Gy, session_truth
from theratrial.simulation.plan import Plan
from theratrial.simulation.scenario import Story

LUTETIUM = nuclide("Lu-177")


def test_coefficient_equals_the_integral_of_the_activity() -> None:
    curve = Curve((Term(0.12, 240.0), Term(-0.12, 2.96), Term(0.02, 12.0)))
    integral, _ = quad(lambda t: curve.activity_MBq(1.0, t, LUTETIUM), 0, 4000, limit=400, epsabs=1e-10)
    assert curve.coefficient_h(LUTETIUM) == pytest.approx(integral, rel=1e-6)


def test_liver_of_sixteen_hours_gives_one_mGy_per_MBq() -> None:
    """Nautiyal 2022, 177Lu-trastuzumab, SPECT/CT hybrid: liver 1.01 mGy/MBq; by S = 85.32/1400 that is 16.6 h."""
    assert electron_dose_Gy(16.57, 1400, LUTETIUM) * 1000 == pytest.approx(1.01, rel=0.005)


@pytest.fixture(scope="module")
def doses_mGy_per_MBq(plan: Plan) -> dict[str, np.ndarray]:
    found: dict[str, list[float]] = {}
    for number in range(30):
        rng = np.random.default_rng([77, number])
        patient = drawn_patient(f"P{number}", plan, rng, story=Story("SD"), failure=None)
        truth = session_truth(patient, plan, 1, 1000.0, rng)
        for region, dose in region_doses_Gy(patient, plan, truth).items():
            found.setdefault("lesion" if region.startswith("lesion") else region, []).append(dose)
    return {region: np.array(values) for region, values in found.items()}


@pytest.mark.parametrize(
    ("region", "low", "high"),
    [
        # 177Lu-trastuzumab hybrid and planar (Nautiyal 2022) and 89Zr-trastuzumab (J Nucl Med PMC5750520, table 2),
        # which differ by more than their standard deviations: the median must lie between, with 20 % on either side.
        ("liver", 0.8, 1.6),
        ("heart", 0.63 * 0.8, 1.12 * 1.2),
        ("lungs", 0.32 * 0.8, 0.81 * 1.2),
        ("spleen", 0.53 * 0.8, 0.80 * 1.2),
        ("kidneys", 0.72, 1.1),
        ("red_marrow", 0.22, 0.45),
    ],
)
def test_organ_doses_are_those_published(
    doses_mGy_per_MBq: dict[str, np.ndarray], region: str, low: float, high: float
) -> None:
    assert low < np.median(doses_mGy_per_MBq[region]) < high


def test_activity_is_neither_lost_nor_made(plan: Plan) -> None:
    rng = np.random.default_rng([3, 4])
    patient = drawn_patient("P01", plan, rng, story=Story("PR"), failure=None)
    truth = session_truth(patient, plan, 2, 1500.0, rng)
    for hours in (0.0, 1.0, 24.0, 48.0, 200.0):
        total = sum(curve.fraction(hours) for curve in truth.curves.values())
        half_life = patient.kinetics.body_half_life_h
        assert total == pytest.approx(np.exp2(-hours / half_life), rel=1e-9)
        assert all(curve.fraction(hours) >= -1e-12 for curve in truth.curves.values())


def test_nine_of_ten_tumours_with_the_target_still_rise_between_24_and_48_h(plan: Plan) -> None:
    rising, all_of_them = 0, 0
    for number in range(25):
        rng = np.random.default_rng([78, number])
        patient = drawn_patient("P01", plan, rng, story=Story("SD"), failure=None)
        truth = session_truth(patient, plan, 1, 1500.0, rng)
        for lesion in patient.lesions:
            if lesion.her2_positive:
                curve = truth.curves[lesion.name]
                rising += curve.activity_MBq(1, 48, LUTETIUM) > curve.activity_MBq(1, 24, LUTETIUM)
                all_of_them += 1
    assert rising >= 0.9 * all_of_them > 0


def test_pet_shows_targets_above_the_liver_and_the_rest_of_the_body_near_one(plan: Plan) -> None:
    for number in range(15):
        patient = drawn_patient("P01", plan, np.random.default_rng([5, number]), story=Story("PR"), failure=None)
        suv = pet_suv(patient, at_response=False)
        for lesion in patient.lesions:
            assert (suv[lesion.name] > 1.1 * suv["liver"]) == lesion.her2_positive
        assert 0.5 < suv["body"] < 1.2
        held = sum(suv[t.name] * t.mass_g for t in patient.phantom(with_new_lesions=False).tissues)
        assert held == pytest.approx(patient.weight_kg * 1000)
