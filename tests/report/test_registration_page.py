"""The registration record as the registry's page: all of the seed in its order, and nothing lost on the way."""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from registration_example import Shown, records, without_record

from theratrial.exchange.irct.html import read_irct_html
from theratrial.registry.difference import difference
from theratrial.registry.fields import filled_fields
from theratrial.registry.people import public_record
from theratrial.registry.reader import parse_registration, registration_yaml, shipped_registration
from theratrial.registry.record import PERSONAL, RegistrationRecord
from theratrial.registry.words import Coded, RecordDate, Text
from theratrial.report.registration.page import record_css, record_page, record_page_body

SEED, GOOD = "IRCT20210612051548N3", "IRCT20240110000000N1"
LANGUAGES = ("en", "fa", "both")
TODAY = date(2026, 6, 9)


def seed_words(shared: Path) -> list[str]:
    """The seed's words as printed: without the marks of bold type and of a link."""
    text = (shared / "seed" / f"{SEED}.txt").read_text(encoding="utf-8")
    return re.sub(r"<(https?://[^>]+)>", r"\1", text.replace("**", " ")).split()


def test_the_page_of_the_seed_has_every_word_of_the_seed_in_its_order_and_no_other(shared):
    page = Shown(record_page(shipped_registration(SEED), contacts=True))
    assert page.words == seed_words(shared)


def test_the_words_of_the_page_are_read_as_the_seeds_fields(shared):
    record = shipped_registration(SEED)
    found = read_irct_html(without_record(record_page(record, contacts=True)).encode(), today=TODAY)
    assert found.unplaced == ()
    assert found.record == record


def test_without_contacts_the_words_of_the_page_are_the_public_record():
    record = shipped_registration(SEED)
    page = record_page(record)
    found = read_irct_html(without_record(page).encode(), today=TODAY)
    assert found.unplaced == ()
    assert found.record == public_record(record)
    assert "left out of this copy" in page


@pytest.mark.parametrize("number", [SEED, GOOD])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_gives_its_record_back(number, language):
    record = shipped_registration(number)
    for contacts, expected in ((True, record), (False, public_record(record))):
        page = record_page(record, language=language, contacts=contacts)
        assert read_irct_html(page.encode(), today=TODAY).record == expected


@settings(max_examples=25, deadline=None)
@given(records(), st.sampled_from(LANGUAGES), st.booleans())
def test_any_record_comes_back_from_its_page(record, language, contacts):
    page = record_page(record, language=language, contacts=contacts)
    expected = record if contacts else public_record(record)
    assert read_irct_html(page.encode(), today=TODAY).record == expected


@settings(max_examples=25, deadline=None)
@given(records())
def test_any_record_comes_back_from_the_file_that_a_pdf_carries(record):
    assert parse_registration(registration_yaml(record).encode()) == record


@pytest.mark.parametrize(
    "words",
    ["a \u2028 b", "a\x85  b", "\ufeffa", "a\r\nb", "<\\/script>", "</script>", "<!--", "a\x00\x7fb", "&lt;", "😀"],
)
def test_rare_characters_come_back_from_page_and_yaml(words):
    record = RegistrationRecord(public_title=Text(en=words, fa=words))
    assert read_irct_html(record_page(record).encode(), today=TODAY).record == record
    assert parse_registration(registration_yaml(record).encode()) == record


def persian_side(record: RegistrationRecord) -> dict[str, object]:
    """The Persian words and the values without a language, by path."""
    found = {}
    for one in filled_fields(record):
        value = one.value
        if one.blank:
            continue
        if isinstance(value, Coded):
            value = value.code or value.text.fa
        elif isinstance(value, RecordDate):
            value = value.pair
        elif isinstance(value, tuple):
            value = tuple(each.fa if isinstance(each, Text) else each for each in value)
        found[one.path] = value.fa if isinstance(value, Text) else value
    return found


def test_the_words_of_the_persian_page_are_read_as_the_persian_side_of_a_record():
    record = shipped_registration(GOOD)
    page = without_record(record_page(record, language="fa", contacts=True))
    found = read_irct_html(page.encode(), today=TODAY)
    assert found.unplaced == ()
    expected, got = persian_side(record), persian_side(found.record)
    assert {path: value for path, value in got.items() if expected.get(path) != value} == {}
    assert expected.keys() - got.keys() == set()


def with_people(record: RegistrationRecord) -> RegistrationRecord:
    """The record with words in every personal field that stand nowhere else."""

    def named(plain: object, place: str) -> object:
        if isinstance(plain, list):
            return [named(one, place) for one in plain]
        if not isinstance(plain, dict):
            return plain
        found = {key: named(value, f"{place}-{key}") for key, value in plain.items()}
        if "organization" in found:
            found |= {key: f"secret-{key}" for key in PERSONAL} | {"name": {"en": "secret-name", "fa": "نام‌پنهان"}}
        return found

    return RegistrationRecord.model_validate(named(record.model_dump(), ""))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_without_contacts_names_nobody(language):
    record = with_people(shipped_registration(GOOD))
    whole, public = (record_page(record, language=language, contacts=one) for one in (True, False))
    for words in ("نام‌پنهان", *(f"secret-{name}" for name in PERSONAL)):
        assert words in whole
        assert words not in public


@pytest.mark.parametrize("language", LANGUAGES)
def test_mark_up_in_words_is_words(language):
    evil = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
    record = shipped_registration(SEED)
    record = record.model_copy(
        update={
            "scientific_title": Text(en=evil, fa=evil),
            "public_title": Text(en=evil, fa=evil),
            "registration": record.registration.model_copy(
                update={"number": '"} </style><b>1', "url": 'http://x/"><b>'}
            ),
        }
    )
    page = record_page(record, language=language)
    shown = Shown(page)
    assert [tag for tag, _ in shown.tags if tag in ("img", "script", "style")] == ["style", "script"]
    assert evil in shown.text
    assert all("<b>" not in str(value) for _, attributes in shown.tags for value in attributes.values())
    assert read_irct_html(page.encode(), today=TODAY).record == public_record(record)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_asks_nothing_of_the_world(language):
    page = record_page(shipped_registration(GOOD), language=language, contacts=True)
    assert re.findall(r"url\((?!data:)", page) == []
    assert all(not {"src", "srcset", "onclick", "style"} & attributes.keys() for _, attributes in Shown(page).tags)
    assert not any(tag == "link" for tag, _ in Shown(page).tags)


@pytest.mark.parametrize("language", LANGUAGES)
def test_headings_are_in_order_and_ids_are_used_once(language):
    for top in (1, 2):
        shown = Shown(record_page_body(shipped_registration(GOOD), language=language, top=top))
        levels = [int(tag[1]) for tag, _ in shown.tags if re.fullmatch(r"h[1-6]", tag)]
        assert levels[0] == top
        assert levels.count(top) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))
        ids = [attributes["id"] for _, attributes in shown.tags if "id" in attributes]
        assert len(ids) == len(set(ids))
        named = {attributes["aria-labelledby"] for _, attributes in shown.tags if "aria-labelledby" in attributes}
        assert named <= set(ids)


def test_a_page_says_its_language_and_direction():
    record = shipped_registration(GOOD)
    for language, direction in (("en", "ltr"), ("fa", "rtl")):
        page = Shown(record_page(record, language=language))
        assert next(attributes for tag, attributes in page.tags if tag == "html") == {
            "lang": language,
            "dir": direction,
        }
    english_words_on_a_persian_page = Shown(record_page_body(shipped_registration(SEED), language="fa"))
    (title,) = [attributes for tag, attributes in english_words_on_a_persian_page.tags if tag == "h1"]
    assert title == {"lang": "en", "dir": "ltr"}


def test_both_calendars_stand_on_both_pages():
    record = shipped_registration(SEED)
    assert "2021-06-27, 1400/04/06" in Shown(record_page(record)).text
    assert "2021-06-27, ۱۴۰۰/۰۴/۰۶" in Shown(record_page(record, language="fa")).text


def test_an_empty_record_is_a_page_of_labels():
    page = record_page(RegistrationRecord())
    found = read_irct_html(without_record(page).encode(), today=TODAY)
    assert difference(RegistrationRecord(), found.record) == ()
    assert found.unplaced == ()


def test_the_sites_fragment_has_neither_style_nor_script_nor_the_record():
    body = Shown(record_page_body(shipped_registration(GOOD), language="both", contacts=True))
    assert {tag for tag, _ in body.tags} & {"script", "style", "html", "head", "body"} == set()
    assert all("style" not in attributes for _, attributes in body.tags)


def test_rules_of_style_for_the_fragment_touch_nothing_else():
    rules = re.sub(r"(?s)/\*.*?\*/", "", record_css())
    selectors = [one for head in re.findall(r"([^{}]+)\{", rules) if "@" not in head for one in head.split(",")]
    assert selectors
    assert [one for one in selectors if not one.strip().startswith(".registration-record")] == []
