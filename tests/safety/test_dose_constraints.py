"""Constraints and situations: everybody has one, and contacts of one person share it."""

from __future__ import annotations

import pytest

from theratrial.errors import InputError
from theratrial.reference import table
from theratrial.safety.protection.contact import ContactElement, ContactPattern, contact_pattern
from theratrial.safety.protection.household import KINDS, HouseholdMember, contacts, dose_constraint_mSv

SETS = ("icrp_94", "eu_rp_97", "relatives_1_public_0_3", "cormack_shearer_sami")


@pytest.mark.parametrize("name", SETS)
def test_every_kind_of_person_has_a_constraint_in_every_set(name: str) -> None:
    rows = [row for row in table("safety/dose_constraints") if row.text("constraints") == name]
    assert sorted(row.text("kind") for row in rows) == sorted((*KINDS, "public"))
    assert all(0 < dose_constraint_mSv(name, kind) <= 5 for kind in (*KINDS, "public"))


def test_no_child_and_no_stranger_is_allowed_more_than_an_adult_at_home() -> None:
    for name in SETS:
        adult = dose_constraint_mSv(name, "adult")
        assert all(dose_constraint_mSv(name, kind) <= adult for kind in (*KINDS, "public"))


def test_a_yearly_constraint_is_shared_by_the_sessions_and_one_of_an_episode_is_not() -> None:
    assert dose_constraint_mSv("relatives_1_public_0_3", "public", sessions=3) == pytest.approx(0.1)
    assert dose_constraint_mSv("relatives_1_public_0_3", "adult", sessions=3) == 1.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shares_bed", [True, False])
def test_the_contacts_of_one_person_share_the_constraint(kind: str, shares_bed: bool) -> None:
    found = [one for one in contacts("eu_rp_97", [HouseholdMember("1", kind, shares_bed)]) if one.member_id == "1"]
    assert sum(one.constraint_mSv for one in found) == pytest.approx(dose_constraint_mSv("eu_rp_97", kind))
    assert any(one.pattern.pattern_id == "bed_only" for one in found) == shares_bed


def test_unknown_sets_and_people_are_refused_by_name() -> None:
    with pytest.raises(InputError, match="icrp_94"):
        dose_constraint_mSv("icrp", "adult")
    with pytest.raises(InputError, match="child_under_2"):
        HouseholdMember("1", "baby", shares_bed=False)


def test_patterns_that_overlap_or_leave_the_day_are_refused() -> None:
    with pytest.raises(InputError, match="overlap"):
        ContactPattern("x", "x", (ContactElement(8, 2, 1.0), ContactElement(9, 1, 1.0)))
    with pytest.raises(InputError, match="one day"):
        ContactPattern("x", "x", (ContactElement(23, 2, 1.0),))


# Hours times distance to the power -1.5, summed from cs_patterns() of the installed glowgreen 0.1.1.
GLOWGREEN = {
    "infant_care": 24.178345311867727,
    "infant_care_sick": 53.250804201891164,
    "child_2_to_5": 28.843224778007386,
    "child_5_to_15": 16.17161238900369,
    "sleep_with_adult": 54.68644955601478,
    "sleep_and_day": 68.34330380550716,
    "adult_at_home": 20.1139709091164,
    "informed_carer": 18.371349978872058,
    "social": 8.485281374238571,
    "public_transport": 12.171612389003693,
    "work_close": 17.14213562373095,
    "work_distant": 8.0,
}


@pytest.mark.parametrize("name", sorted(GLOWGREEN))
def test_patterns_are_those_that_glowgreen_ships(name: str) -> None:
    total = sum(one.duration_h * one.distance_m**-1.5 for one in contact_pattern(name).elements)
    assert total == pytest.approx(GLOWGREEN[name], rel=1e-9)
