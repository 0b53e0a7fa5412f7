"""Biologically effective doses against numbers of others and against formulas printed by others."""

from __future__ import annotations

import math

import pytest

from theratrial.dosimetry.biological import Radiobiology, biological_dose
from theratrial.dosimetry.exponentials import Exponential, SumOfExponentials

KIDNEY = Radiobiology(2.6, 2.8, "given:Bodei 2008")


def mono(half_life_h: float) -> SumOfExponentials:
    return SumOfExponentials((Exponential(1.0, math.log(2) / half_life_h),))


@pytest.mark.parametrize(("half_life_h", "expected_Gy"), [(60.0, 32.1), (50.0, 33.8)])
def test_kidneys_at_23_Gy(validation, half_life_h: float, expected_Gy: float) -> None:
    made = biological_dose(23.0, mono(half_life_h), KIDNEY, region="kidneys")
    validation(
        f"BED of kidneys, 23 Gy, effective half-life {half_life_h:g} h",
        expected=expected_Gy,
        got=made.biologically_effective_dose_Gy,
        unit="Gy",
        source="formula and parameters of Bodei 2008, Eur J Nucl Med Mol Imaging 35:1847, worked by hand",
        absolute=0.05,
    )


@pytest.mark.parametrize("dose_Gy", [5.0, 23.0, 40.0])
@pytest.mark.parametrize(("washout_h", "uptake_h"), [(60.0, 3.5), (110.0, 10.0)])
def test_uptake_and_washout_agree_with_the_printed_double_integral(
    validation, dose_Gy: float, washout_h: float, uptake_h: float
) -> None:
    """BED = D + 2 / (alpha/beta) * integral of rate(t) * integral of rate(w) exp(-m (t - w)), by scipy's dblquad."""
    from scipy.integrate import dblquad

    washout, uptake, repair = (math.log(2) / h for h in (washout_h, uptake_h, KIDNEY.repair_half_life_h))
    size = dose_Gy / (1 / washout - 1 / uptake)

    def rate(t: float) -> float:
        return size * (math.exp(-washout * t) - math.exp(-uptake * t))

    # Over the lag u = t - w, where the kernel is exp(-m u) and dies within hours.
    pairs, _ = dblquad(
        lambda w, u: rate(w + u) * rate(w) * math.exp(-repair * u),
        0,
        40 / repair,
        0,
        20 * washout_h,
        epsabs=1e-9,
        epsrel=1e-7,
    )
    curve = SumOfExponentials((Exponential(1.0, washout), Exponential(-1.0, uptake)))
    validation(
        f"BED, {dose_Gy:g} Gy, uptake {uptake_h:g} h, washout {washout_h:g} h",
        expected=dose_Gy + 2 / KIDNEY.alpha_beta_Gy * pairs,
        got=biological_dose(dose_Gy, curve, KIDNEY, region="kidneys").biologically_effective_dose_Gy,
        unit="Gy",
        source="double integral of Dale 1985, Br J Radiol 58:515, by scipy.integrate.dblquad",
        relative=1e-6,
    )
