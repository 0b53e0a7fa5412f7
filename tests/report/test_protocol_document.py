"""The protocol as a document, its headings against CDISC's mapping of M11."""

from __future__ import annotations

import io
import re

import pytest

from theratrial.pipeline.study_documents import plan_inputs
from theratrial.protocol.clauses import Decision, DecisionStatus
from theratrial.protocol.reader import shipped_protocol
from theratrial.registry.reader import shipped_registration
from theratrial.report.study.inputs import PlanInputs
from theratrial.report.study.m11.document import BUILDERS, protocol_document, sections
from theratrial.report.study.make import voice_of
from theratrial.report.study.render import page, pdf
from theratrial.report.study.voice import DocumentLanguage

SEED = "IRCT20210612051548N3"
M11 = {
    "1": "Protocol summary", "2": "Introduction", "3": "Trial objectives and associated estimands", "4": "Trial design",
    "5": "Trial population", "6": "Trial intervention and concomitant therapy",
    "7": "Participant discontinuation of trial intervention and discontinuation or withdrawal from trial",
    "8": "Trial assessments and procedures", "10": "Statistical considerations",
    "11": "Trial oversight and other general considerations", "12": "Appendix: supporting details",
    "13": "Appendix: glossary of terms and abbreviations", "14": "Appendix: references",
    "5.4.2": "Contraception requirements", "6.6.3": "Accountability of investigational trial intervention",
    "10.4.1.3": "Handling of missing data in relation to primary estimand", "10.11": "Sample size determination",
    "11.12": "Data dissemination",
}  # fmt: skip
"""Typed from the M11 columns of cdisc-org/DDF-RA, Documents/Mappings/m11_mapping.xlsx (M11 of 14 March 2025)."""


@pytest.fixture(scope="module")
def inputs() -> PlanInputs:
    return plan_inputs(shipped_protocol(SEED), shipped_registration(SEED), draft=False)


def html(inputs: PlanInputs, language: DocumentLanguage) -> str:
    voice = voice_of(inputs.protocol, language)
    return page(protocol_document(inputs, voice), voice)


def test_sections_have_the_numbers_and_headings_of_m11() -> None:
    found = {one.number: one.english for one in sections()}
    assert {number: found.get(number) for number in M11} == M11
    order = [tuple(map(int, one.number.split("."))) for one in sections()]
    assert order == sorted(order)
    assert all(re.search("[\u0600-\u06ff]", one.persian) for one in sections())


def test_every_builder_has_its_section() -> None:
    assert BUILDERS.keys() <= {one.number for one in sections()}


def test_what_the_protocol_says_stands_in_its_section(inputs: PlanInputs) -> None:
    text = html(inputs, "en")
    for said in ("1500 MBq", "Neutrophils at least 1.0", "18 to 30 h", "CTCAE", "Kidneys", "clopper", "28 to 63 days"):
        assert said.casefold() in text.casefold(), said


def test_a_section_that_nothing_can_fill_says_so(inputs: PlanInputs) -> None:
    voice = voice_of(inputs.protocol, "en")
    chapters = {one.number: one for one in protocol_document(inputs, voice).chapters}
    assert "to be written" in str(chapters["11.5"].blocks)
    assert "to be written" not in str(chapters["5.2"].blocks)


def test_no_person_of_the_record_is_named(inputs: PlanInputs) -> None:
    record = inputs.registration
    assert record is not None
    contacts = [record.people.registrant, *record.centres, *(one.contact for one in record.sponsors)]
    text = html(inputs, "en") + html(inputs, "fa")
    for one in contacts:
        for said in (one.name.en, one.name.fa, one.phone, one.email):
            assert not said or said not in text


def test_an_open_protocol_says_that_nobody_may_be_treated_under_it(inputs: PlanInputs) -> None:
    first, *others = inputs.protocol.conflicts
    opened = first.model_copy(update={"decision": Decision(status=DecisionStatus.OPEN), "answer": ""})
    protocol = inputs.protocol.model_copy(update={"conflicts": (opened, *others)})
    assert "nobody may be treated" in html(plan_inputs(protocol, None, draft=False), "en")
    assert "nobody may be treated" not in html(inputs, "en")


@pytest.mark.parametrize("language", ["en", pytest.param("fa", marks=pytest.mark.long)])
def test_it_comes_out_as_pdf_the_same_bytes_each_time(
    inputs: PlanInputs, language: DocumentLanguage, english: bytes
) -> None:
    voice = voice_of(inputs.protocol, language)
    assert pdf(protocol_document(inputs, voice), voice) == (english if language == "en" else printed(inputs, language))


def printed(inputs: PlanInputs, language: DocumentLanguage) -> bytes:
    voice = voice_of(inputs.protocol, language)
    return pdf(protocol_document(inputs, voice), voice)


@pytest.fixture(scope="module")
def english(inputs: PlanInputs) -> bytes:
    """The English document as PDF."""
    pytest.importorskip("weasyprint")
    return printed(inputs, "en")


def test_no_number_is_missing_between_the_sections_of_a_chapter() -> None:
    """A heading left out in silence looks like one that was forgotten."""
    last: dict[str, int] = {}
    for one in sections():
        above, _dot, at = one.number.rpartition(".")
        assert int(at) == last.get(above, 0) + 1, one.number
        last[above] = int(at)


@pytest.mark.parametrize("number", ["8.4.2", "8.4.3", "8.4.6"])
def test_safety_assessments_that_the_folder_does_not_record_are_left_to_the_sponsor(
    inputs: PlanInputs, number: str
) -> None:
    """Headings as in HL7's section codes of M11 (NCI Thesaurus C218596, C218597, C218600)."""
    voice = voice_of(inputs.protocol, "en")
    [chapter] = [one for one in protocol_document(inputs, voice).chapters if one.number == number]
    assert chapter.title in ("Vital signs", "Electrocardiograms", "Suicidal ideation and behaviour risk monitoring")
    assert "to be written" in str(chapter.blocks)


def test_a_persian_document_has_digits_of_one_kind(inputs: PlanInputs) -> None:
    text = re.sub("<style>.*?</style>", "", html(inputs, "fa"), flags=re.DOTALL)
    assert re.findall("[\u06f0-\u06f9\u0660-\u0669\u066b]", text) == []
    assert "24 ساعت" in text, "a title of the protocol, which has Persian digits there"
    assert "دست‌کم 1.0" in text


def test_the_contents_leave_no_page_nearly_empty(english: bytes) -> None:
    """Lines of each page before the first chapter, as pypdf reads them: head, foot and watermark are about ten."""
    from pypdf import PdfReader  # comes with WeasyPrint's extra

    pages = [one.extract_text() for one in PdfReader(io.BytesIO(english)).pages]
    first = next(at for at, text in enumerate(pages) if "Categories that count" in text)
    assert first == 2
    assert all(len(text.splitlines()) > 70 for text in pages[:first])
