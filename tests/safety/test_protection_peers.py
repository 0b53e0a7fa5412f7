"""Contact restrictions and discharge dose rates of PyPI glowgreen and dorn on the same curves and patterns.

The numbers below were printed by ``benchmarks/_protection_peers.py`` under dorn 2.0.0, glowgreen 0.1.1 (University of
Western Australia / South Australia Medical Imaging; numpy 2.4.6, scipy 1.17.1): nobody here wrote them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from theratrial.nuclides import nuclide
from theratrial.safety.protection.contact import contact_dose_mSv, contact_pattern, restricted_until_h
from theratrial.safety.protection.curve import Curve, earliest_h
from theratrial.safety.protection.fit import measured_fall
from theratrial.safety.protection.readings import Reading, net_rates

LN2 = math.log(2)
CURVES = {
    "antibody": Curve((25.0,), (LN2 / 106,)),
    "slow": Curve((40.0,), (LN2 / 150,)),
    "peptide": Curve((45 * 0.7, 45 * 0.3), (LN2 / 3, LN2 / 60)),
    "two_phases": Curve((30 * 0.35, 30 * 0.65), (LN2 / 12, LN2 / 120)),
}
INJECTED_HOUR = 10.5
# Curve, pattern, restriction for 1 mSv without extension to the next part of the day [h], dose from then on [mSv],
# beginning of the part of the day that follows the administration [h], dose from there on [mSv].
GLOWGREEN = (
    ("antibody", "infant_care", 205.08333333333334, 0.9922861779965411, 0.0, 3.881207497774595),
    ("antibody", "infant_care_sick", 329.0833333333333, 0.9902814824146823, 0.08333333333333393, 8.552827911467686),
    ("antibody", "child_2_to_5", 236.5, 0.9864977623012477, 0.0, 4.5588255389433465),
    ("antibody", "child_5_to_15", 142.5, 0.9929073799672036, 0.0, 2.545980938934603),
    ("antibody", "sleep_with_adult", 329.5, 0.9888533335852537, 0.0, 8.50705610774391),
    ("antibody", "sleep_and_day", 368.5, 0.9940718431460622, 0.5, 10.748794347853652),
    ("antibody", "adult_at_home", 176.5, 0.9954412992003282, 0.5, 3.2689267202394348),
    ("antibody", "informed_carer", 165.5, 0.9975137599263473, 0.0, 2.967094231089713),
    ("antibody", "social", 48.5, 0.9634251493790966, 0.5, 1.3186618708847462),
    ("antibody", "public_transport", 103.5, 0.9407860872915156, 0.0, 1.9078085025589884),
    ("antibody", "work_close", 149.5, 0.9794708724634638, 0.5, 2.7682885059009394),
    ("antibody", "work_distant", 30.5, 0.9898439011534288, 0.5, 1.304657712968084),
    ("slow", "infant_care", 469.0833333333333, 0.9874795480225976, 0.0, 8.767579899799959),
    ("slow", "infant_care_sick", 641.0833333333334, 0.9958014945041975, 0.08333333333333393, 19.316912722454347),
    ("slow", "child_2_to_5", 507.5, 0.9998739697550254, 0.0, 10.345423504606687),
    ("slow", "child_5_to_15", 381.5, 0.9877901397412585, 0.0, 5.7847029566888155),
    ("slow", "sleep_with_adult", 642.5, 0.9898256147037536, 0.0, 19.399274306324045),
    ("slow", "sleep_and_day", 690.5, 0.9979211608069797, 0.5, 24.43045041870831),
    ("slow", "adult_at_home", 432.5, 0.9995314701512873, 0.5, 7.358052121953125),
    ("slow", "informed_carer", 409.5, 0.997057604849101, 0.0, 6.690636541487982),
    ("slow", "social", 240.5, 0.9917710611497684, 0.5, 3.0064876551406017),
    ("slow", "public_transport", 319.5, 0.9707165496663482, 0.0, 4.339943799527856),
    ("slow", "work_close", 389.5, 0.9883349360501791, 0.5, 6.24160238397534),
    ("slow", "work_distant", 222.5, 0.9940860018572086, 0.5, 2.9333199047829526),
    ("peptide", "infant_care", 13.083333333333332, 0.9881823456448541, 0.0, 1.3707481053300996),
    ("peptide", "infant_care_sick", 80.08333333333333, 0.9867346797108454, 0.08333333333333393, 3.03963890391832),
    ("peptide", "child_2_to_5", 31.0, 0.9866696917058784, 0.0, 1.509882390768306),
    ("peptide", "child_5_to_15", 0.0, 0.8150312233725509, 0.0, 0.8150312233725509),
    ("peptide", "sleep_with_adult", 87.5, 0.9720340306719909, 0.0, 2.610023629775718),
    ("peptide", "sleep_and_day", 108.5, 0.9879027471160419, 0.5, 3.459794039184535),
    ("peptide", "adult_at_home", 4.5, 0.9956816954667678, 0.5, 1.181891635750975),
    ("peptide", "informed_carer", 1.5, 0.9588686469354358, 0.0, 1.0802394755710725),
    ("peptide", "social", 0.5, 0.4682292789723528, 0.5, 0.4682292789723528),
    ("peptide", "public_transport", 0.0, 0.6155635556211864, 0.0, 0.6155635556211864),
    ("peptide", "work_close", 1.5, 0.9269248549006562, 0.5, 1.0355427600516678),
    ("peptide", "work_distant", 0.5, 0.4980520196081285, 0.5, 0.4980520196081285),
    ("two_phases", "infant_care", 214.0, 0.9949916057699829, 0.0, 3.621549459719662),
    ("two_phases", "infant_care_sick", 345.0833333333333, 0.9963116957675163, 0.08333333333333393, 7.985326974275269),
    ("two_phases", "child_2_to_5", 243.0, 0.9976484336137736, 0.0, 4.234006022152227),
    ("two_phases", "child_5_to_15", 141.5, 0.988548296416955, 0.0, 2.359710620668503),
    ("two_phases", "sleep_with_adult", 352.5, 0.9951859766120025, 0.0, 7.850395960419354),
    ("two_phases", "sleep_and_day", 396.5, 0.9922889470691386, 0.5, 9.956259428285673),
    ("two_phases", "adult_at_home", 177.5, 0.9860110800523377, 0.5, 3.0596924233920375),
    ("two_phases", "informed_carer", 165.0, 0.9986692324055998, 0.0, 2.773999714195875),
    ("two_phases", "social", 25.5, 0.9761446885915679, 0.5, 1.2253644035486881),
    ("two_phases", "public_transport", 94.5, 0.9696912411573702, 0.0, 1.7685661478522063),
    ("two_phases", "work_close", 148.5, 0.9981776089968676, 0.5, 2.593358732132782),
    ("two_phases", "work_distant", 25.5, 0.9997934754472259, 0.5, 1.2249966090752993),
)
DORN_DISCHARGE = (
    ("antibody", 24.0, 21.368905269854892),
    ("antibody", 48.0, 18.265204497281285),
    ("slow", 24.0, 35.8010028371189),
    ("slow", 48.0, 32.042795103584886),
    ("peptide", 24.0, 10.35413369894519),
    ("peptide", 48.0, 7.754194548085458),
    ("two_phases", 24.0, 19.600735984274422),
    ("two_phases", 48.0, 15.434486523476382),
)
GLOWGREEN_TO_20_h = {
    "antibody": 34.12437805806041,
    "slow": 150.0,
    "peptide": 6.246044359898415,
    "two_phases": 22.447231421853832,
}
DORN_FIT = (25.394607663683434, 102.85271785260944)


@pytest.mark.parametrize(("curve", "pattern", "until_h", "kept_mSv", "since_h", "all_mSv"), GLOWGREEN)
def test_contact_doses_are_those_of_glowgreen(
    curve: str, pattern: str, until_h: float, kept_mSv: float, since_h: float, all_mSv: float
) -> None:
    for from_h, dose_mSv in ((until_h, kept_mSv), (since_h, all_mSv)):
        found = contact_dose_mSv(
            CURVES[curve],
            contact_pattern(pattern),
            from_h=from_h,
            injected_hour=INJECTED_HOUR,
            geometry="power_1_5",
        )
        assert found == pytest.approx(dose_mSv, rel=1e-9)


@pytest.mark.parametrize(("curve", "pattern", "until_h", "kept_mSv", "since_h", "all_mSv"), GLOWGREEN)
def test_restrictions_end_within_the_hour_before_those_of_glowgreen(
    curve: str, pattern: str, until_h: float, kept_mSv: float, since_h: float, all_mSv: float
) -> None:
    # glowgreen steps by the hour, to the end of the part of the day that is running; ours is solved exactly.
    found = restricted_until_h(
        CURVES[curve],
        contact_pattern(pattern),
        1.0,
        start_h=0.0,
        injected_hour=INJECTED_HOUR,
        geometry="power_1_5",
    )
    assert found <= until_h + 1e-6
    assert until_h - found < 1.0


@pytest.mark.parametrize(("curve", "hours", "rate"), DORN_DISCHARGE)
def test_discharge_dose_rates_are_those_of_dorn(curve: str, hours: float, rate: float) -> None:
    assert CURVES[curve].rate(hours) == pytest.approx(rate, rel=1e-12)


@pytest.mark.parametrize("curve", sorted(CURVES))
def test_the_time_to_a_dose_rate_is_that_of_glowgreen(curve: str) -> None:
    found = earliest_h(CURVES[curve].rate, 20.0)
    assert found == pytest.approx(GLOWGREEN_TO_20_h[curve], abs=1e-5)
    assert CURVES[curve].rate(found) <= 20.0


def test_the_fit_agrees_with_that_of_dorn_within_its_uncertainty() -> None:
    # dorn weighs all dose rates alike, so that the early ones rule; ours by their relative uncertainty. On rates that
    # nearly are one exponential both must agree far within the interval.
    hours, rates = (4.0, 24.0, 48.0, 96.0, 168.0), (24.9, 21.5, 18.1, 13.5, 8.2)
    points, _ = net_rates([Reading(at, 1.0, rate, 0.0) for at, rate in zip(hours, rates, strict=True)])
    fall = measured_fall(points, nuclide("Lu-177").decay_constant_per_h)
    start = fall.curves.interval(lambda curve: curve.rate(0.0))
    half_life = fall.curves.interval(lambda curve: curve.slowest_half_life_h)
    assert start.value == pytest.approx(DORN_FIT[0], rel=0.02)
    assert half_life.value == pytest.approx(DORN_FIT[1], rel=0.02)
    assert half_life.lower < DORN_FIT[1] < half_life.upper


@pytest.mark.parametrize(
    ("curve", "pattern"),
    [("antibody", "sleep_and_day"), ("antibody", "infant_care_sick"), ("two_phases", "work_close")],
)
def test_restrictions_beside_glowgreen_stand_on_the_validation_page(
    curve: str, pattern: str, validation: Callable[..., None]
) -> None:
    until_h, _, _, all_mSv = next(row[2:] for row in GLOWGREEN if row[:2] == (curve, pattern))
    since_h = next(row[4] for row in GLOWGREEN if row[:2] == (curve, pattern))
    validation(
        f"contact dose, {curve} curve, {pattern}, from the administration on",
        expected=all_mSv,
        got=contact_dose_mSv(
            CURVES[curve],
            contact_pattern(pattern),
            from_h=since_h,
            injected_hour=INJECTED_HOUR,
            geometry="power_1_5",
        ),
        unit="mSv",
        source="PyPI glowgreen 0.1.1",
        relative=1e-9,
    )
    validation(
        f"end of the restriction to 1 mSv, {curve} curve, {pattern}",
        expected=until_h,
        got=restricted_until_h(
            CURVES[curve],
            contact_pattern(pattern),
            1.0,
            start_h=0.0,
            injected_hour=INJECTED_HOUR,
            geometry="power_1_5",
        ),
        unit="h",
        source="PyPI glowgreen 0.1.1, which steps by the hour",
        absolute=1.0,
    )
