"""Engines side by side, their differences in parts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from organ_cast import LU, consistent_table

from theratrial.dosimetry.engines import EngineDose, engine_comparison, local_deposition, organ_engine
from theratrial.dosimetry.organ.dose import SourceActivity, organ_dose
from theratrial.errors import InputError

gray = st.floats(0.0, 50.0)
size = st.floats(0.5, 3000.0)
density = st.floats(0.2, 2.0)


@given(gray, st.none() | gray, st.none() | gray, size, density, st.floats(0.1, 50.0), size, density)
def test_the_parts_of_a_difference_sum_up_to_it(
    electron, own, cross, volume, rho, local, local_volume, local_rho
) -> None:
    reference = EngineDose("local_deposition", local, 0.0, 0.0, local_volume, local_rho)
    dose = EngineDose("voxel_kernel", electron, own, cross if own is not None else None, volume, rho)
    (difference,) = engine_comparison("liver", reference, [dose]).differences
    scale = max(abs(part.absorbed_dose_Gy) for part in difference.parts) + reference.absorbed_dose_Gy
    parts = math.fsum(part.absorbed_dose_Gy for part in difference.parts)
    assert parts == pytest.approx(difference.difference_Gy, abs=1e-9 * scale)


def test_a_unit_density_kernel_differs_by_its_density() -> None:
    tia = 7593.7526
    reference = local_deposition(tia, LU, volume_mL=233.6, density_g_per_mL=1.05)
    kernel = EngineDose("voxel_kernel", reference.electron_Gy * 1.05, 0.0, None, 233.6, 1.0)
    (difference,) = engine_comparison("kidney_left", reference, [kernel]).differences
    by = {part.cause: part.absorbed_dose_Gy for part in difference.parts}
    assert by["density"] == pytest.approx(0.05 * reference.electron_Gy)
    assert by["volume"] == by["photons"] == 0.0
    assert by["spill"] == pytest.approx(0.0, abs=1e-12)
    assert difference.largest.cause == "density"
    assert difference.difference_fraction == pytest.approx(0.05)


def test_an_organ_dose_differs_by_photons_and_by_a_mass_that_was_not_scaled() -> None:
    tia, table = 20000.0, consistent_table()
    sources = [SourceActivity("liver", tia), SourceActivity("spleen", 3000.0)]
    reference = local_deposition(tia, LU, volume_mL=1600 / 1.06, density_g_per_mL=1.06)
    scaled = organ_engine(
        organ_dose("liver", sources, table, LU, patient_masses_g={"liver": 1600.0}), density_g_per_mL=1.06
    )
    by = {p.cause: p.absorbed_dose_Gy for p in engine_comparison("liver", reference, [scaled]).differences[0].parts}
    assert by["volume"] == pytest.approx(0.0, abs=1e-12)
    assert by["spill"] == pytest.approx(0.0, abs=1e-12)
    assert by["photons_cross"] == pytest.approx(3000 * table.value("liver", "spleen").photon_Gy_per_MBq_h)
    unscaled = organ_engine(organ_dose("liver", sources, table, LU), density_g_per_mL=1.06)
    by = {p.cause: p.absorbed_dose_Gy for p in engine_comparison("liver", reference, [unscaled]).differences[0].parts}
    assert by["volume"] == pytest.approx(reference.electron_Gy * (1600 / 1400 - 1))


def test_a_small_sphere_loses_electrons_through_its_surface() -> None:
    """0.539 g: the published S is below Delta/m; the loss is the spill (Gy/(Bq s) to Gy/(MBq h) by 3.6e9)."""
    reference = local_deposition(100.0, LU, volume_mL=0.539, density_g_per_mL=1.0)
    sphere = EngineDose("sphere", 100 * 4.27e-11 * 3.6e9, None, None, 0.539, 1.0)
    (difference,) = engine_comparison("lesion_1", reference, [sphere]).differences
    assert difference.largest.cause == "not_told_apart"
    assert -0.05 < difference.difference_fraction < 0


@pytest.mark.parametrize(
    "call",
    [
        lambda: EngineDose("sphere", -1.0, 0.0, 0.0, 1.0, 1.0),
        lambda: EngineDose("sphere", 1.0, math.nan, 0.0, 1.0, 1.0),
        lambda: EngineDose("sphere", 1.0, 0.0, 0.0, 0.0, 1.0),
        lambda: local_deposition(-1.0, LU, volume_mL=1.0, density_g_per_mL=1.0),
        lambda: local_deposition(1.0, LU, volume_mL=0.0, density_g_per_mL=1.0),
        lambda: engine_comparison("x", EngineDose("sphere", 1.0, None, None, 1.0, 1.0), []),
        lambda: engine_comparison(
            "x", EngineDose("sphere", 1.0, 0.0, 0.0, 1.0, 1.0), [EngineDose("sphere", 1.0, 0.0, 0.0, 1.0, 1.0)]
        ),
        lambda: organ_engine(
            organ_dose("liver", [SourceActivity("liver", None)], consistent_table(), LU), density_g_per_mL=1.0
        ),
    ],
)
def test_bad_input_is_refused(call) -> None:
    with pytest.raises(InputError):
        call()
