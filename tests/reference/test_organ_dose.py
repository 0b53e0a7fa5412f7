"""Organ doses against printed S values, published doses of 177Lu-trastuzumab and the challenge patient.

The printed values are those of OLINDA-type adult tables for Lu-177 in mGy/(MBq s), as a public package carries them.
"""

from __future__ import annotations

import math

import pytest

from theratrial.dosimetry.engines import EngineDose, engine_comparison, local_deposition
from theratrial.dosimetry.organ.dose import SourceActivity, organ_dose, remainder_activity
from theratrial.dosimetry.organ.linter import scaling_findings
from theratrial.dosimetry.organ.parts import (
    electron_self_s_value,
    patient_s_value,
    remainder_s_value,
    told_apart,
    wall_surface_s_value,
)
from theratrial.dosimetry.organ.table_files import s_table_from_csv
from theratrial.dosimetry.transport.values import SValueTable
from theratrial.nuclides import nuclide

LU = nuclide("Lu-177")
PRINTED = "OLINDA-type S values for Lu-177 of PyTheranostics (github.com/qurit/PyTheranostics)"
UNIT = "mGy/(MBq s)"
_FEMALE = """target,source,value_mGy_per_MBq_s,mass_g
kidneys,kidneys,8.70e-5,275
kidneys,liver,1.51e-7,275
kidneys,spleen,4.19e-7,275
liver,liver,1.76e-5,1400
liver,kidneys,1.52e-7,1400
liver,spleen,3.97e-8,1400
liver,lungs,1.07e-7,1400
liver,red_marrow,2.74e-8,1400
liver,total_body,4.37e-7,1400
spleen,spleen,1.84e-4,130
lungs,lungs,2.50e-5,950
heart_wall,heart_wall,9.57e-5,250
heart_wall,heart_contents,3.32e-5,250
red_marrow,red_marrow,1.49e-5,900
red_marrow,liver,3.60e-8,900
red_marrow,kidneys,4.52e-8,900
red_marrow,spleen,3.96e-8,900
red_marrow,lungs,6.26e-8,900
red_marrow,total_body,3.28e-7,900
total_body,total_body,4.30e-7,60000
"""
_MALE = """target,source,value_mGy_per_MBq_s,mass_g
kidneys,kidneys,7.76e-5,310
liver,liver,1.37e-5,1800
spleen,spleen,1.60e-4,150
lungs,lungs,1.99e-5,1200
heart_wall,heart_wall,7.27e-5,330
heart_wall,heart_contents,2.42e-5,330
red_marrow,red_marrow,1.15e-5,1170
total_body,total_body,3.54e-7,73000
"""


def printed(text: str, sex: str, contents_g: float) -> SValueTable:
    return s_table_from_csv(
        text.encode(), nuclide="Lu-177", phantom=f"adult {sex}", sex=sex, masses_g={"heart_contents": contents_g}
    )


FEMALE, MALE = printed(_FEMALE, "F", 370.0), printed(_MALE, "M", 510.0)
SOLID = ("kidneys", "liver", "spleen", "lungs", "heart_wall")


@pytest.mark.parametrize("table", [FEMALE, MALE], ids=["female", "male"])
@pytest.mark.parametrize("region", SOLID)
def test_printed_self_values_are_delta_over_mass_within_five_percent(table, region, validation) -> None:
    validation(
        f"{region} <- {region}, {table.phantom}: Delta_e/m against the printed total",
        expected=table.value(region, region).total_Gy_per_MBq_h / 3.6,
        got=electron_self_s_value(LU, table.masses_g[region]) / 3.6,
        unit=UNIT,
        source=PRINTED,
        relative=0.05,
    )


@pytest.mark.parametrize("region", SOLID)
def test_the_females_values_scaled_to_the_males_masses_are_the_males(region, validation) -> None:
    """Electrons by mass, photons by the power 2/3: the rule against a second phantom."""
    scaled = patient_s_value(
        told_apart(FEMALE, region, region, LU),
        is_self=True,
        reference_mass_g=FEMALE.masses_g[region],
        patient_mass_g=MALE.masses_g[region],
    )
    validation(
        f"{region} <- {region}: female scaled to {MALE.masses_g[region]:g} g against male",
        expected=MALE.value(region, region).total_Gy_per_MBq_h / 3.6,
        got=scaled.total_Gy_per_MBq_h / 3.6,
        unit=UNIT,
        source=PRINTED,
        relative=0.01,
    )


def test_the_two_phantoms_pass_the_linters_mass_scaling() -> None:
    assert scaling_findings(FEMALE, MALE) == ()


@pytest.mark.parametrize("table", [FEMALE, MALE], ids=["female", "male"])
def test_a_heart_wall_gets_the_surface_dose_of_its_contents(table, validation) -> None:
    validation(
        f"heart wall <- contents, {table.phantom}: Delta_e/(2 m) against the printed total with photons",
        expected=table.value("heart_wall", "heart_contents").total_Gy_per_MBq_h / 3.6,
        got=wall_surface_s_value(LU, table.masses_g["heart_contents"]) / 3.6,
        unit=UNIT,
        source=PRINTED,
        relative=0.05,
    )


def whole_body_mGy_per_MBq(half_life_h: float) -> float:
    body = SourceActivity("total_body", half_life_h / math.log(2))
    return organ_dose("total_body", [body], FEMALE, LU).absorbed_dose_Gy * 1000


def test_whole_body_dose_of_lutetium_trastuzumab(validation) -> None:
    validation(
        "whole-body dose of 177Lu-trastuzumab, effective half-life 111.5 h",
        expected=0.249,
        got=whole_body_mGy_per_MBq(111.5),
        unit="mGy/MBq",
        source="calculation by hand from the printed S value",
        relative=0.005,
    )


def test_the_published_half_life_gives_about_a_quarter_of_a_milligray() -> None:
    """106.25 h, mean of 21 patients: Narwadkar et al., Clin Nucl Med 2024, 10.1097/rlu.0000000000005067."""
    assert 0.235 < whole_body_mGy_per_MBq(106.25) < 0.255


def test_the_published_liver_dose_needs_no_more_than_sixteen_hours_in_the_liver(validation) -> None:
    per_hour = organ_dose("liver", [SourceActivity("liver", 1.0)], FEMALE, LU).absorbed_dose_Gy
    validation(
        "self coefficient behind the hybrid liver dose 1.01 mGy/MBq of 177Lu-trastuzumab, at most",
        expected=15.9,
        got=1.01e-3 / per_hour,
        unit="h",
        source="Nautiyal et al. 2022 (1.01 +- 0.17 mGy/MBq, hybrid) over the printed S value",
        relative=0.01,
    )


EXPLICIT = [
    SourceActivity("liver", 15.0),
    SourceActivity("kidneys", 2.4),
    SourceActivity("spleen", 1.0),
    SourceActivity("lungs", 5.3),
    SourceActivity("red_marrow", 4.9),
]


@pytest.mark.parametrize(("target", "percent"), [("liver", 8.0), ("red_marrow", 17.0)])
def test_without_remainder_correction_liver_and_marrow_get_too_much(target, percent, validation) -> None:
    """Coefficients of an antibody in one MBq: whole body 160.8 h (biological half-life 370 h), organs as published."""
    remainder = remainder_activity(SourceActivity("total_body", 160.8), EXPLICIT)
    sources = [source for source in EXPLICIT if (target, source.region) in FEMALE.values]
    assert len(sources) == len(EXPLICIT)
    corrected = organ_dose(target, [*sources, remainder], FEMALE, LU).absorbed_dose_Gy
    careless = organ_dose(target, sources, FEMALE, LU).absorbed_dose_Gy
    careless += remainder.time_integrated_activity_MBq_h * FEMALE.value(target, "total_body").total_Gy_per_MBq_h
    validation(
        f"excess of {target} dose with S(<- total body) for the remainder",
        expected=percent,
        got=100 * (careless / corrected - 1),
        unit="%",
        source="earlier measurement on another biodistribution, which is not stated",
        absolute=20.0,
        not_matched_because="the excess goes with the activity in the remainder over that in the organ; "
        "here 132 h against 15 h (liver) and 4.9 h (marrow), the other patient's are not known",
    )
    assert careless > 1.05 * corrected


def test_a_targets_own_electrons_are_gone_from_its_remainder() -> None:
    """What is left for the liver is of the size of its photon cross terms, not of Delta over the body's mass."""
    regions = [source.region for source in EXPLICIT]
    rest = remainder_s_value(FEMALE, "liver", regions, LU).value.total_Gy_per_MBq_h / 3.6
    assert 1e-8 < rest < 1e-7
    assert rest < 0.15 * FEMALE.value("liver", "total_body").total_Gy_per_MBq_h / 3.6


PATIENT_4 = {
    "Kidney_L": (7593.7526, 233.6, 2.7414),
    "Kidney_R": (6797.1060, 251.0, 2.2889),
    "Liver": (56425.3348, 2037.0, 2.3470),
    "Spleen": (9600.8989, 268.9, 3.0177),
}


@pytest.mark.parametrize("region", list(PATIENT_4))
def test_local_deposition_of_the_challenge_patient_is_near_the_published_kernel_dose(region, validation) -> None:
    tia, volume, kernel_Gy = PATIENT_4[region]
    local = local_deposition(tia, LU, volume_mL=volume, density_g_per_mL=1.0)
    validation(
        f"{region} of challenge patient 4: local deposition against kernel, both at 1 g/mL",
        expected=kernel_Gy,
        got=local.absorbed_dose_Gy,
        unit="Gy",
        source="SNMMI 177Lu dosimetry challenge, patient 4, as computed in PyTheranostics' example",
        relative=0.02,
    )
    kernel = EngineDose("voxel_kernel", kernel_Gy, None, None, volume, 1.0)
    (difference,) = engine_comparison(region, local, [kernel]).differences
    assert difference.difference_Gy == pytest.approx(kernel_Gy - local.absorbed_dose_Gy)


@pytest.mark.parametrize(
    ("grams", "printed_Gy_per_Bq_s"), [(14.6, 1.63e-12), (116.0, 2.07e-13), (539.0, 4.54e-14), (932.0, 2.65e-14)]
)
def test_local_deposition_lacks_a_spheres_own_photons_only(grams, printed_Gy_per_Bq_s, validation) -> None:
    local = local_deposition(1.0, LU, volume_mL=grams, density_g_per_mL=1.0)
    validation(
        f"sphere of {grams:g} g: local deposition against the printed total",
        expected=printed_Gy_per_Bq_s * 3.6e9,
        got=local.absorbed_dose_Gy,
        unit="Gy/(MBq h)",
        source="sphere S values for Lu-177, soft tissue, of PyTheranostics",
        relative=0.05,
    )
    assert local.absorbed_dose_Gy < printed_Gy_per_Bq_s * 3.6e9
