"""Release: who may leave, from when, and that nobody leaves by a limit that nobody established."""

from __future__ import annotations

import math

import pytest

from theratrial.errors import InputError
from theratrial.nuclides import nuclide
from theratrial.reference import table
from theratrial.safety.protection.curve import Curve, Curves
from theratrial.safety.protection.geometry import distance_factor
from theratrial.safety.protection.household import contacts
from theratrial.safety.protection.judged import Situation, judged
from theratrial.safety.protection.readings import Reading
from theratrial.safety.protection.release import release, release_limit

LN2 = math.log(2)
FALL = Curves(Curve((40.0,), (LN2 / 100,)), (Curve((36.0,), (LN2 / 95,)), Curve((44.0,), (LN2 / 105,))))


def test_every_criterion_names_its_source_its_date_and_how_far_it_is_trusted() -> None:
    rows = table("safety/release_criteria").by("limit")
    assert {"us_nrc_10_cfr_35_75", "de_48h_3_5uSv_h_2m", "common_european_20uSv_h", "ir_inra", "own"} <= set(rows)
    for row in rows.values():
        assert all(row.text(column).strip() for column in ("country", "source", "dated", "trust"))
        assert (row.text("quantity") == "no_value") == (row.text("value") == "")


def test_the_upper_bound_decides() -> None:
    limit = release_limit("common_european_20uSv_h")
    # Best curve: 20 uSv/h after one half-life, 100 h; the upper one later.
    upper_h = 105 * math.log2(44 / 20)
    assert release(limit, FALL, 100.0).verdict == "may_not_leave"
    assert release(limit, FALL, upper_h - 0.01).verdict == "may_not_leave"
    found = release(limit, FALL, upper_h + 0.01)
    assert found.verdict == "may_leave"
    assert found.from_h is not None
    assert found.from_h.value == pytest.approx(100.0, abs=1e-5)
    assert found.from_h.upper == pytest.approx(upper_h, abs=1e-5)


@pytest.mark.parametrize("name", ["ir_inra", "own"])
def test_nobody_leaves_by_a_limit_that_is_not_established(name: str) -> None:
    dark = Curves(Curve((0.001,), (LN2 / 100,)))
    assert release(release_limit(name), dark, 1000.0).verdict == "undetermined"


def test_an_own_limit_needs_its_citation_and_holds_at_its_distance() -> None:
    with pytest.raises(InputError, match="who established"):
        release_limit("ir_inra", 10.0, 1.0, " ")
    with pytest.raises(InputError, match="has its value"):
        release_limit("common_european_20uSv_h", 10.0, 1.0, "a letter of 2026")
    limit = release_limit("ir_inra", 10.0, 2.0, "a letter of 2026")
    steady = Curves(Curve((10.0 / distance_factor(2.0) * 1.01,), (LN2 / 100,)))
    assert release(limit, steady, 0.0).verdict == "may_not_leave"
    assert release(limit, steady, 3.0).verdict == "may_leave"


def test_germany_keeps_a_patient_for_two_days_however_dark_she_is() -> None:
    limit = release_limit("de_48h_3_5uSv_h_2m")
    dark = Curves(Curve((0.5,), (LN2 / 100,)))
    found = release(limit, dark, 30.0)
    assert found.verdict == "may_not_leave"
    assert found.from_h is not None
    assert found.from_h.upper == 48.0
    assert release(limit, dark, 48.0).verdict == "may_leave"


def test_the_dose_to_others_is_a_quarter_of_that_at_one_metre() -> None:
    # 10 CFR 35.75 by Regulatory Guide 8.39: 0.25 x 34.6/24 x T(half, h) x rate; here 0.25 x 1.4427 x T x rate.
    limit = release_limit("us_nrc_10_cfr_35_75")
    curve = Curve((50.0,), (LN2 / 160,))
    found = release(limit, Curves(curve), 0.0)
    assert found.judged is not None
    assert found.judged.value == pytest.approx(0.25 * 1.442695 * 160 * 50 / 1000, rel=1e-6)
    assert found.verdict == "may_leave"
    assert release(limit, Curves(curve.scaled(2)), 0.0).verdict == "may_not_leave"


def _situation(
    *readings: Reading, discharged_h: float | None = None, limit: str = "common_european_20uSv_h"
) -> Situation:
    return Situation(
        isotope=nuclide("Lu-177"),
        administered_MBq=7400.0,
        readings=readings,
        limit=release_limit("common_european_20uSv_h"),
        contacts=contacts("icrp_94", ()),
        injected_hour=10.0,
        discharged_h=discharged_h,
    )


def test_a_discharge_before_the_first_reading_is_undetermined() -> None:
    # 7400 MBq unshielded are 46 uSv/h: nothing says that 20 were kept to at 6 h.
    rows = Reading(24.0, 1.0, 12.0, 0.1), Reading(48.0, 1.0, 9.0, 0.1)
    found = judged(_situation(*rows, discharged_h=6.0))
    assert found.release.verdict == "undetermined"
    assert "first reading" in found.release.because
    assert judged(_situation(*rows, discharged_h=48.0)).release.verdict == "may_leave"


def test_rising_rates_leave_everything_undetermined() -> None:
    found = judged(_situation(Reading(4.0, 1.0, 9.0, 0.1), Reading(24.0, 1.0, 18.0, 0.1), discharged_h=24.0))
    assert found.release.verdict == "undetermined"
    assert "contamination" in found.release.because
    assert found.contacts == ()
    assert found.fall is None


def test_a_discharge_against_the_criterion_is_said() -> None:
    found = judged(_situation(Reading(4.0, 1.0, 40.0, 0.1), Reading(24.0, 1.0, 35.0, 0.1), discharged_h=24.0))
    assert found.release.verdict == "may_not_leave"
    assert any("although" in remark for remark in found.remarks)


def test_without_a_reading_the_unshielded_dose_rate_of_the_nuclide_stands() -> None:
    found = judged(_situation(discharged_h=24.0))
    assert found.fall is not None
    assert found.fall.kinetics == "physical_decay"
    assert found.fall.curves.best.rate(0.0) == pytest.approx(7400 * 6.286e-3, rel=1e-3)
    assert found.release.verdict == "may_not_leave"


def test_restrictions_of_an_antibody_are_longer_than_those_of_a_peptide_at_the_same_dose_rate() -> None:
    def days(half_life_h: float) -> float:
        rows = [Reading(at, 1.0, 15 * math.exp2(-(at - 24) / half_life_h), 0.0) for at in (24.0, 72.0, 120.0)]
        found = judged(_situation(*rows, discharged_h=24.0))
        return max(one.until_h.value for one in found.contacts) / 24

    assert days(106.0) > 1.5 * days(50.0)
