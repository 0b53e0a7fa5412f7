"""The parts of sharing images by themselves: tables against the standard, codes and dates by their laws."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom._private_dict import private_dictionaries
from pydicom.datadict import dictionary_has_tag, dictionary_VR, tag_for_keyword

from theratrial.reference import table
from theratrial.sharing.images.comparison import agreement
from theratrial.sharing.images.keys import ReleaseKey
from theratrial.sharing.images.moments import Shift, capped_age
from theratrial.sharing.images.object_types import type_in_object
from theratrial.sharing.images.own_strings import OwnStrings
from theratrial.sharing.images.profile import METHOD_CODES, rule, rule_count, settled
from theratrial.sharing.images.words import cleaned, is_ordinary

KEY = ReleaseKey(b"0123456789abcdef")
PET = "1.2.840.10008.5.1.4.1.1.128"
DAYS = st.dates(date(1900, 1, 1), date(2099, 12, 31))


def test_the_profile_has_every_row_and_only_actions_of_the_standard() -> None:
    rows = list(table("sharing/images/confidentiality_profile"))
    assert len(rows) == rule_count() == 647
    assert {row.text("basic") for row in rows} == {"D", "Z", "X", "U", "X/Z", "X/D", "Z/D", "X/Z/D", "X/Z/U*"}
    assert sum(row.text("sources") == "3" for row in rows) == 621


def test_every_date_and_time_the_profile_lists_is_moved_but_those_of_birth() -> None:
    """By the VR of pydicom's own copy of PS3.6: an independent list of what is a date."""
    left = set()
    for row in table("sharing/images/confidentiality_profile"):
        text = row.text("tag").strip("()").replace(",", "")
        if "x" not in text and "o" not in text and dictionary_has_tag(int(text, 16)):
            found = rule(int(text, 16))
            assert found is not None
            if dictionary_VR(int(text, 16)) in ("DA", "DT", "TM") and found.taken != "C":
                left.add(row.text("name"))
    assert left == {"Patient's Birth Date", "Patient's Birth Time", "GPS Time Stamp"}, "these are removed or emptied"


@pytest.mark.parametrize(
    ("keyword", "taken"),
    [
        ("PatientName", "Z"),
        ("PatientID", "Z/D"),
        ("PatientBirthDate", "Z"),
        ("PatientWeight", "K"),
        ("RadiopharmaceuticalStartTime", "C"),
        ("RadiopharmaceuticalStopDateTime", "C"),
        ("SeriesDescription", "C"),
        ("FrameOfReferenceUID", "U"),
        ("InstitutionName", "X/Z/D"),
        ("ContentSequence", "C"),
        ("OverlayData", "X"),
        ("ReferencedImageSequence", "X/Z/U*"),
    ],
)
def test_well_known_rows_read_as_ps3_15_prints_them(keyword: str, taken: str) -> None:
    tag = 0x60003000 if keyword == "OverlayData" else tag_for_keyword(keyword)
    assert tag is not None
    found = rule(tag)
    assert found is not None
    assert found.taken == taken


def test_conditional_actions_follow_the_type_in_the_object() -> None:
    assert type_in_object(PET, ("PatientName",)) == "2"
    assert settled("X/Z/D", type_in_object(PET, ("StationName",))) == "X"
    assert settled("X/D", "1") == "D"
    assert settled("X/Z/U*", "3") == "U"


def test_private_elements_that_stay_are_numbers_or_moments_in_pydicoms_dictionary() -> None:
    unknown = []
    for row in table("sharing/images/safe_private"):
        entry = private_dictionaries.get(row.text("creator"), {}).get(f"{row.text('group')}xx{row.text('element')}")
        if entry is None:
            unknown.append((row.text("creator"), row.text("element")))
            continue
        allowed = {"moment": {"DT"}, "number": {"DS", "IS", "FL", "FD", "SS", "US", "SL", "UL"}}[row.text("kind")]
        assert entry[0] in allowed, row
        assert row.text("reason")
    assert unknown == [("SIEMENS MED PT", "22")], "named by QIBA's SUV pseudo-code, not by pydicom"


def test_method_codes_are_those_of_cid_7050() -> None:
    from pydicom.sr._cid_dict import cid_concepts
    from pydicom.sr._concepts_dict import concepts

    known = {value: entry[0] for name in cid_concepts[7050]["DCM"] for value, entry in concepts["DCM"][name].items()}
    for value, meaning in METHOD_CODES:
        assert known[value] == meaning


def test_words_that_may_stay_are_lower_case_and_stand_once() -> None:
    words = [row.text("word") for row in table("sharing/images/safe_words")]
    assert len(words) == len(set(words))
    assert all(word == word.casefold() and word.isalnum() for word in words)


@given(DAYS, st.integers(-3650, -366), st.sampled_from(["", "1030", "235959", "000000.5", "101112.123456"]))
def test_a_moment_moves_by_whole_days_and_keeps_its_time_of_day(day: date, days: int, clock: str) -> None:
    moved = Shift(days).moment(f"{day:%Y%m%d}{clock}")
    assert moved == f"{day + timedelta(days=days):%Y%m%d}{clock}"
    assert Shift(days).day(f"{day:%Y%m%d}") == moved[:8]


@given(DAYS, DAYS, st.integers(-3650, -366))
def test_intervals_are_the_same_before_and_after(one: date, other: date, days: int) -> None:
    shift = Shift(days)
    moved = [date.fromisoformat(shift.day(f"{d:%Y%m%d}") or "") for d in (one, other)]
    assert moved[1] - moved[0] == other - one


@pytest.mark.parametrize(
    "text", ["", "2024", "20241301", "202403111", "Quendolin", "20240311 25", "2024031125", "00000000"]
)
def test_what_is_no_moment_is_never_passed_on(text: str) -> None:
    assert Shift(-400).moment(text) is None


@pytest.mark.parametrize(
    ("stated", "shown", "clock"),
    [
        ("+0330", "+0000", "120000"),
        ("+0430", "+0000", "110000"),
        ("+0000", "+0000", "153000"),
        ("-0500", "+0000", "203000"),
        ("+9900", None, ""),
    ],
)
def test_no_offset_from_utc_is_left_and_the_clock_is_one(stated: str, shown: str | None, clock: str) -> None:
    assert Shift(-400, 210).offset(stated) == shown
    moved = Shift(-366, 210).moment(f"20250101120000{stated}")
    assert moved == (None if shown is None else f"20240101{clock}{shown}")


@given(st.sets(DAYS, max_size=40), st.text(min_size=1, max_size=8))
def test_no_shifted_date_is_an_original_date(days: set[date], who: str) -> None:
    shift = KEY.shift_days(who, days)
    assert -3650 <= shift <= -366
    assert not {day + timedelta(days=shift) for day in days} & days


@given(st.lists(st.from_regex(r"\A[0-2](\.(0|[1-9]\d{0,9})){4,8}\Z"), min_size=2, max_size=20, unique=True))
def test_uids_stay_apart_are_valid_and_are_mapped_alike_each_time(uids: list[str]) -> None:
    from pydicom.uid import UID

    mapped = [KEY.uid(uid) for uid in uids]
    assert len(set(mapped)) == len(uids)
    assert all(UID(new).is_valid and len(new) <= 64 for new in mapped)
    assert mapped == [ReleaseKey(b"0123456789abcdef").uid(uid) for uid in uids]
    assert not set(mapped) & {ReleaseKey(b"0123456789abcdef", "other").uid(uid) for uid in uids}


@pytest.mark.parametrize(
    ("age", "shown"),
    [("089Y", "089Y"), ("090Y", "090Y"), ("091Y", "090Y"), ("101Y", "090Y"), ("1200M", None), ("999W", "999W")],
)
def test_ages_above_89_are_shown_as_90(age: str, shown: str | None) -> None:
    assert capped_age(age) == shown


@given(st.text(max_size=60))
def test_cleaning_keeps_only_listed_words_and_short_numbers_and_cleans_no_further(text: str) -> None:
    once = cleaned(text)
    assert cleaned(once) == once
    assert all(not run.isdigit() or len(run) <= 3 for run in once.split())


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Lesion 3 left breast", "Lesion 3 left breast"),
        ("177Lu SPECT 24h", "177Lu SPECT 24h"),
        ("PET 12.03.1965", "PET"),
        ("call 0912-345-678", ""),
        ("case 20240311", ""),
        ("Dr Müller: liver", "liver"),
        ("Whole^Body", "Whole^Body"),
    ],
)
def test_descriptions_as_they_are_cleaned(text: str, left: str) -> None:
    assert cleaned(text) == left


def test_names_are_found_as_they_may_be_typed_in_any_encoding() -> None:
    own = OwnStrings()
    own.add_name("Müller^Åsa")
    own.add_name("رضایی^علی")
    search = own.search()
    for data in (
        b"MUELLER",
        "muller".encode("utf-16-be"),
        "Müller".encode("latin-1"),
        "MÜLLER".encode(),
        "رضایی".encode(),
        "رضايي".encode("iso8859-6"),
        "رضايي".encode("cp1256"),
        "علی".encode("utf-16-le"),
    ):
        assert list(search.in_bytes(b"\1\2 " + data + b" \3")), data
    assert not list(search.in_bytes(b"mulled wine"))


def test_an_ordinary_word_in_a_persons_name_is_looked_for_all_the_same() -> None:
    own = OwnStrings()
    own.add_name("Head^Jonathan")
    assert is_ordinary("head")
    assert list(own.search().in_text("for Mrs Head"))
    assert not list(own.search().in_text("HEAD", term=True))
    phantom = OwnStrings()
    phantom.add_name("Liver^Phantom")
    assert not list(phantom.search().in_text("liver phantom"))


def test_an_agreement_of_nothing_with_a_number_is_none() -> None:
    import numpy as np

    assert not agreement("x", np.array([1.0]), None).agrees
    assert not agreement("x", None, np.array([1.0])).agrees
    assert not agreement("x", np.array([1.0]), np.array([1.0, 1.0])).agrees
    assert not agreement("x", np.array([0.0]), np.array([1e-30])).agrees
    assert not agreement("x", np.array([1.0]), np.array([np.nan])).agrees
    assert not agreement("x", np.array([1.0]), np.array([1.0000011])).agrees
    assert agreement("x", np.array([1.0]), np.array([1.0000009])).agrees
