"""The registration record: the seed's words and dates, and what is refused."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import InputError, Problems
from theratrial.protocol.reader import shipped_protocol
from theratrial.registry.calendars import disagreement, gregorian_date, jalali_text
from theratrial.registry.fields import filled_fields
from theratrial.registry.reader import parse_registration, shipped_registration, shipped_registration_bytes
from theratrial.registry.record import SHARED_ITEMS

SEED = "IRCT20210612051548N3"

# Printed in both calendars in the record of the trial; leap days and Nowruz as in the official calendar.
PAIRS = [
    ("2021-10-18", "1400/07/26"),
    ("2022-01-21", "1400/11/01"),
    ("2023-06-21", "1402/03/31"),
    ("2021-06-27", "1400/04/06"),
    ("2021-03-20", "1399/12/30"),
    ("2025-03-20", "1403/12/30"),
    ("2021-03-21", "1400/01/01"),
]


@pytest.mark.parametrize(("gregorian", "jalali"), PAIRS)
def test_printed_pairs_are_the_same_day(gregorian, jalali):
    assert gregorian_date(jalali) == date.fromisoformat(gregorian)
    assert jalali_text(date.fromisoformat(gregorian)) == jalali
    assert disagreement(date.fromisoformat(gregorian), jalali) == ""


def test_persian_digits_and_hyphens_are_read():
    assert gregorian_date("۱۴۰۰/۰۷/۲۶") == gregorian_date("1400-7-26") == date(2021, 10, 18)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1400/12/30", "no Jalali date"),
        ("1404/12/30", "no Jalali date"),
        ("1400/13/01", "no Jalali date"),
        ("1400/00/10", "no Jalali date"),
        ("2020/03/24", "looks like a Gregorian"),
        ("26/07/1400", "write it as"),
        ("0/0/0", "write it as"),
        ("1000/01/01", "not converted"),
        ("", "write it as"),
    ],
)
def test_what_is_no_jalali_date_is_refused(text, says):
    with pytest.raises(InputError, match=says):
        gregorian_date(text)


@given(st.dates(date(1830, 1, 1), date(2119, 1, 1)))
def test_both_calendars_run_in_step(day):
    assert gregorian_date(jalali_text(day)) == day
    assert jalali_text(day + timedelta(days=1)) > jalali_text(day)


def test_two_calendars_that_differ_are_named_with_their_line():
    text = shipped_registration_bytes(SEED).decode()
    line = text[: text.index("1402/03/31")].count("\n") + 1
    with pytest.raises(Problems) as caught:
        parse_registration(text.replace("1402/03/31", "1402/03/30").encode(), "r.yaml")
    (problem,) = caught.value.problems
    assert problem.place == f"r.yaml line {line}, recruitment.expected_end"
    assert "1 day apart" in problem.message
    assert "2023-06-20" in problem.message


def test_several_faults_are_named_at_once():
    text = shipped_registration_bytes(SEED).decode()
    text = text.replace("status: complete", "status: completd").replace("public_title:", "public_titel:")
    with pytest.raises(Problems, match="there is no date 2022-01-32"):
        parse_registration(text.replace("gregorian: 2022-01-21", "gregorian: 2022-01-32").encode())
    with pytest.raises(Problems) as caught:
        parse_registration(text.encode())
    said = "\n".join(str(problem) for problem in caught.value.problems)
    assert "'completd' is none of" in said
    assert "unknown key 'public_titel' -> did you mean 'public_title'?" in said


def test_a_record_of_another_schema_version_is_refused():
    with pytest.raises(Problems, match=r"supported: 2\.0"):
        parse_registration(b'schema_version: "9"\n')


def test_a_record_that_is_not_shipped_is_named():
    with pytest.raises(InputError, match=f"did you mean '{SEED}'"):
        shipped_registration("IRCT20210612051548N4")


def test_every_text_of_the_shipped_record_stands_in_the_registry_print_exactly(shared):
    printed = " ".join((shared / "seed" / f"{SEED}.txt").read_text(encoding="utf-8").split())
    filled = [one for one in filled_fields(shipped_registration(SEED)) if one.field.kind in ("text", "string")]
    texts = [" ".join(str(one.value).split()) for one in filled if not one.blank]
    assert len(texts) > 70
    assert [text for text in texts if text not in printed] == []


def test_the_record_is_empty_where_the_registry_is_empty():
    recruitment = shipped_registration(SEED).recruitment
    assert recruitment.actual_start is recruitment.actual_end is recruitment.trial_completion is None
    assert recruitment.actual_sample_size is None
    assert shipped_registration(SEED).secondary_outcomes == ()


def test_the_record_names_no_person_and_no_way_to_reach_one():
    filled = [one for one in filled_fields(shipped_registration(SEED)) if one.field.personal and not one.blank]
    masks = {"[Principal Investigator]", "[Sponsor Representative]", "[Data Updater]", "+98 00 0000 0000"}
    masks |= {"name@example.org", "https://example.org/profile"}
    assert len(filled) > 15
    assert {str(one.value) for one in filled} <= masks


def test_the_record_and_the_shipped_protocol_are_of_one_trial():
    record, protocol = shipped_registration(SEED), shipped_protocol(SEED)
    assert record.registration.number == protocol.identity.reading.trial_id
    assert record.scientific_title.en == protocol.identity.reading.scientific_title
    assert record.public_title.en == protocol.identity.reading.public_title
    assert record.recruitment.target_sample_size == protocol.population.reading.sample_size
    assert record.ethics[0].approved_on.gregorian == protocol.ethics[0].reading.approved_on
    for item in SHARED_ITEMS:
        assert getattr(record.sharing, item).code == getattr(protocol.sharing.reading, item)
