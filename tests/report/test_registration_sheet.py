"""The sheet to paste: every field of the form once, in order, with what is missing and what differs named."""

from __future__ import annotations

import re
from datetime import date
from html import unescape

import pytest
from hypothesis import given, settings
from registration_example import Shown, records

from theratrial.registry.completeness import completeness
from theratrial.registry.difference import difference
from theratrial.registry.fields import filled_fields
from theratrial.registry.people import public_record
from theratrial.registry.reader import shipped_registration
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import RecordDate, Text
from theratrial.report.registration.owed_fields import assigned_by_the_registry
from theratrial.report.registration.rows import path_id
from theratrial.report.registration.sheet import copy_script, paste_sheet, paste_sheet_body, sheet_css

SEED, GOOD = "IRCT20210612051548N3", "IRCT20240110000000N1"


def rows(sheet: str) -> dict[str, str]:
    """The sheet's rows by id, in their order."""
    return {found[1]: found[2] for found in re.finditer(r'(?s)<tr id="(field-[^"]+)"[^>]*>(.*?)</tr>', sheet)}


def values(row: str) -> list[str]:
    """What the buttons of a row copy."""
    named = re.findall(r'data-copy="([^"]+)"', row)
    found = [re.search(rf'(?s)<div class="value" id="{one}"[^>]*>(.*?)</div>', row) for one in named]
    # What a text holds is escaped: every element that stands in it is one of the page's own.
    return [unescape(re.sub("<[^>]*>", "", one[1])) for one in found if one]


def changed(record: RegistrationRecord) -> RegistrationRecord:
    """The record with one field changed, one filled, and one member of a group gone."""
    recruitment = record.recruitment.model_copy(
        update={"actual_end": RecordDate(gregorian=date(2025, 3, 20)), "actual_sample_size": 23}
    )
    return record.model_copy(
        update={
            "recruitment": recruitment,
            "sharing": record.sharing.model_copy(update={"comments": Text(en="Asked for once", fa="یک بار خواسته شد")}),
            "public_title": Text(en="Another title", fa=record.public_title.fa),
            "secondary_outcomes": record.secondary_outcomes[:1],
        }
    )


@pytest.mark.parametrize("language", ["en", "fa"])
def test_every_filled_field_that_is_typed_stands_once_in_the_order_of_the_form(language):
    record = shipped_registration(GOOD)
    wanted = [path_id(one.path) for one in filled_fields(record) if not one.blank and not assigned_by_the_registry(one)]
    shown = [one for one in rows(paste_sheet(record, language=language, contacts=True)) if one in set(wanted)]
    assert sorted(shown) == sorted(wanted)
    general = [one for one in wanted if one in shown]
    # The registrant's box stands inside the general part, as in the form; within each part the order is the table's.
    assert shown == general


def test_values_are_copied_letter_by_letter_in_both_languages():
    record = shipped_registration(GOOD)
    found = rows(paste_sheet(record))
    inclusion = record.eligibility.inclusion
    assert "\n" in inclusion.en
    assert values(found["field-eligibility-inclusion"]) == [inclusion.en, inclusion.fa]
    assert f"{len(inclusion.en)} characters" in found["field-eligibility-inclusion"]
    assert f"{len(inclusion.fa)} characters" in found["field-eligibility-inclusion"]


def test_a_date_is_copied_in_either_calendar():
    # The pair is the seed's own.
    found = rows(paste_sheet(shipped_registration(SEED)))
    assert values(found["field-recruitment-expected_start"]) == ["2022-01-21", "1400/11/01"]


def test_what_must_be_filled_and_is_empty_is_named_with_its_item():
    record = shipped_registration(SEED)
    sheet = paste_sheet(record)
    listed = re.search(r'(?s)<details class="must".*?</details>', sheet)
    assert listed is not None
    asked = [
        path for item in completeness(record).items if item.state in ("partial", "absent") for path in item.lacking
    ]
    assert re.findall(r'href="#([^"]+)"', listed[0]) == [path_id(path) for path in asked]
    assert "Trial completion date (WHO item 22)" in listed[0]
    assert "Must be filled: WHO item 11" in rows(sheet)["field-recruitment-countries"]
    assert set(re.findall(r'href="#([^"]+)"', sheet)) <= set(rows(sheet))


def test_a_record_of_irct_without_persian_is_told_field_by_field():
    record = shipped_registration(SEED)
    found = rows(paste_sheet(record))
    assert "Persian is missing" in found["field-public_title"]
    assert "Persian is missing" not in found["field-recruitment-status"]
    whole = record.model_copy(update={"public_title": Text(en="a", fa="ب")})
    assert "is missing" not in rows(paste_sheet(whole))["field-public_title"]
    elsewhere = record.model_copy(
        update={"registration": record.registration.model_copy(update={"number": "NCT01234567", "registry": Text()})}
    )
    assert "is missing" not in paste_sheet(elsewhere)


def test_a_record_that_lacks_nothing_says_so():
    assert "Every field that must be filled by now is filled." in paste_sheet(shipped_registration(GOOD))
    assert "by now is filled" not in paste_sheet(shipped_registration(SEED))


def test_what_differs_from_the_registered_version_is_marked_with_what_is_registered():
    before = shipped_registration(GOOD)
    after = changed(before)
    sheet = paste_sheet(after, earlier=before)
    found = rows(sheet)
    marked = [id_ for id_, row in found.items() if "Differs from the registered version" in row]
    assert marked == [path_id(one.path) for one in difference(before, after)]
    assert "<del" in found["field-public_title"]
    assert before.public_title.en in unescape(found["field-public_title"])
    assert found["field-public_title"].count('class="was"') == 1
    assert "Registered: empty" in found["field-sharing-comments"]
    assert before.secondary_outcomes[1].description.en in unescape(found["field-secondary_outcomes-1-description"])
    assert "Differs" not in paste_sheet(before, earlier=before)


@pytest.mark.parametrize("language", ["en", "fa"])
def test_people_are_in_it_only_when_asked_for(language):
    record = shipped_registration(GOOD)
    later = changed(record)
    whole, public = (paste_sheet(later, language=language, earlier=record, contacts=one) for one in (True, False))
    for words in ("coordinator@example.org", "+98 00 0000 0000"):
        assert words in whole
        assert words not in public
    assert 'class="left-out"' in rows(public)["field-people-general_inquiries-phone"]


@settings(max_examples=20, deadline=None)
@given(records(), records())
def test_any_two_records_make_a_sheet_whose_buttons_copy_the_record(record, earlier):
    sheet = paste_sheet(record, earlier=earlier, contacts=True)
    shown = Shown(sheet)
    ids = [attributes["id"] for _, attributes in shown.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {attributes["data-copy"] for _, attributes in shown.tags if "data-copy" in attributes} - {"Copy"} <= set(ids)
    found = rows(sheet)
    for one in filled_fields(record):
        if one.field.kind == "text" and one.value and not assigned_by_the_registry(one):
            assert values(found[path_id(one.path)]) == [words for words in (one.value.en, one.value.fa) if words]
    missing = [path_id(one.path) for one in difference(earlier, record) if not one.path.startswith("registration.")]
    assert set(missing) <= set(ids)


def test_the_sites_fragment_has_no_script_and_its_style_touches_nothing_else():
    body = Shown(paste_sheet_body(public_record(shipped_registration(GOOD)), top=2))
    assert {tag for tag, _ in body.tags} & {"script", "style", "html", "h1"} == set()
    assert all(not {"style", "onclick"} & attributes.keys() for _, attributes in body.tags)
    selectors = [one for head in re.findall(r"([^{}]+)\{", sheet_css()) if "@" not in head for one in head.split(",")]
    assert [one for one in selectors if not one.strip().startswith((".paste-sheet", ".copy-area"))] == []
    assert "</" not in copy_script()
