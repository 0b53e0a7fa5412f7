"""The page in plain words: ten parts in both languages, escaped, marked, and with nothing from outside."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from tests.registry.reported_example import SEED, any_reported, counted, primary, reported

from theratrial.registry.found import Sentence
from theratrial.registry.reader import shipped_registration
from theratrial.registry.results_reported import AdverseEventRow
from theratrial.registry.words import Text
from theratrial.report.registration.plain import plain_language, plain_language_body
from theratrial.report.registration.plain_words import ELEMENTS, of_hundred

RECORD = shipped_registration(SEED)
BOTH = pytest.mark.parametrize("language", ["en", "fa"])


class Words(HTMLParser):
    """Words, open elements and headings of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.headings: list[int] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@BOTH
def test_the_ten_elements_of_a_summary_for_laypersons_stand_in_their_order(language):
    text = Words(plain_language(reported(), RECORD, language=language)).text
    places = [text.index(getattr(one, language)) for one in ELEMENTS]
    assert places == sorted(places)
    assert len(places) == 10


def test_the_result_is_said_as_so_many_people_with_its_uncertainty():
    """Clopper-Pearson, 95 %, 10 of 15: .3838-.8818 (table for n = 15)."""
    english = Words(plain_language(reported(), RECORD, language="en")).text
    assert "10 of 15 people, about 67 of every 100." in english
    assert "somewhere between 38 and 88 of every 100 (95 % confidence interval)" in english
    persian = Words(plain_language(reported(), RECORD, language="fa")).text
    assert "۱۰ نفر از ۱۵ نفر، حدود ۶۷ نفر از هر ۱۰۰ نفر." in persian
    assert "بین ۳۸ و ۸۸ نفر از هر ۱۰۰ نفر" in persian


@BOTH
def test_every_person_is_drawn_once_and_the_picture_has_words(language):
    page = Words(plain_language(reported(), RECORD, language=language))
    drawn = [values.get("class") for tag, values in page.tags if tag == "g"]
    assert (drawn.count("reached"), drawn.count("not-reached")) == (10, 5)
    picture = next(values for tag, values in page.tags if tag == "svg")
    assert picture["role"] == "img"
    assert ("10 of 15" if language == "en" else "۱۰ نفر از ۱۵") in str(picture["aria-label"])


def test_unwanted_effects_are_told_with_how_many_had_them():
    page = plain_language(reported(), RECORD, language="en")
    assert re.search(
        r"Few platelets[^/]*<br><small>Platelet count decreased</small></th><td>Serious</td><td>2 of 15", page
    )
    assert "1 of the 15 treated died during the study" in Words(page).text
    unknown = reported(adverse=replace(reported().adverse, deaths=None))
    text = Words(plain_language(unknown, RECORD, language="en")).text
    assert "Deaths: not given" in text
    assert "treated died" not in text


@BOTH
def test_virtual_participants_and_drafts_are_marked_above_the_title(language):
    marked = plain_language_body(reported(simulated=True, locked=False), RECORD, language=language)
    assert marked.count('class="mark"') == 2
    assert marked.rindex('class="mark"') < marked.index("<h1")
    assert 'class="mark"' not in plain_language_body(reported(), RECORD, language=language)


@BOTH
def test_what_people_wrote_is_escaped(language):
    evil = "<script>alert(1)</script>"
    record = RECORD.model_copy(update={"public_title": Text(en=evil, fa=evil), "scientific_title": Text(en=evil)})
    told = reported(
        outcomes=(primary(title=Sentence(evil, evil), counts=(counted(evil, 15),)),),
        adverse=replace(reported().adverse, events=(AdverseEventRow(evil, evil, evil, True, 2, 2, 15),)),
        made_with=evil,
        number=evil,
    )
    page = plain_language(told, record, language=language)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_an_address_is_a_link_only_where_it_is_one():
    addresses = ("javascript:alert(1)", "https://example.org/results")
    record = RECORD.model_copy(update={"results": RECORD.results.model_copy(update={"urls": addresses})})
    links = [values.get("href") for tag, values in Words(plain_language(reported(), record)).tags if tag == "a"]
    assert links == ["https://example.org/results"]


@BOTH
def test_no_person_is_named(language):
    page = plain_language(reported(), RECORD, language=language)
    for person in (RECORD.people.scientific_inquiries, RECORD.people.registrant, *RECORD.centres):
        for value in (str(person.name), person.phone, person.email):
            assert not value or value not in page


@BOTH
def test_the_page_is_whole_and_needs_nothing_from_outside(language):
    page = plain_language(reported(), RECORD, language=language)
    read = Words(page)
    assert ("html", {"lang": language, "dir": "rtl" if language == "fa" else "ltr"}) in read.tags
    assert read.headings[0] == 1
    assert all(later <= earlier + 1 for earlier, later in zip(read.headings, read.headings[1:], strict=False))
    assert not [tag for tag, _ in read.tags if tag in ("script", "link", "img", "iframe")]
    assert not re.search(r"url\((?!data:)", page)
    for tag, values in read.tags:
        assert tag != "th" or values.get("scope") in ("row", "col")
        assert "style" not in values
    body = plain_language_body(reported(), RECORD, language=language, top=2)
    assert "<h1" not in body
    assert "<style" not in body


def test_what_was_announced_otherwise_is_told():
    text = Words(plain_language(reported(), RECORD, language="en")).text
    assert "Numbe of treated breast cancer patients – Differs from what was registered" in text


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(results=any_reported())
def test_any_results_make_a_page_without_none_or_nan(results):
    for language in ("en", "fa"):
        text = Words(plain_language_body(replace(results, limitations=()), RECORD, language=language)).text
        assert not re.search(r"\b(None|nan|inf)\b(?! of the| recorded)", text)


def test_shares_are_never_nothing_or_all_where_they_are_not():
    assert [of_hundred(one) for one in (0.0, 0.004, 0.3838, 0.996, 1.0)] == ["0", "<1", "38", ">99", "100"]
