"""The registration record as PDF: tagged, titled, with the record inside; and the reason where none can be made."""

from __future__ import annotations

import builtins
import io
import re
import sys
from datetime import date

import pytest

from theratrial.errors import InputError
from theratrial.exchange.irct.pdf import read_irct_pdf
from theratrial.registry.people import public_record
from theratrial.registry.reader import shipped_registration
from theratrial.registry.record import Registration, RegistrationRecord
from theratrial.registry.words import RecordDate, Text
from theratrial.report.registration.pdf import record_pdf

TODAY = date(2026, 6, 9)


@pytest.fixture(scope="module")
def small() -> RegistrationRecord:
    """A few fields of the shipped record: laying out a whole one takes seconds."""
    good = shipped_registration("IRCT20240110000000N1")
    return RegistrationRecord(
        registration=Registration(
            number="IRCT20240110000000N1", registered_on=RecordDate(gregorian=date(2021, 10, 18))
        ),
        public_title=Text(en="A <title> & more", fa="درمان سرطان پستان"),
        people=good.people.model_copy(update={"data_updating": good.people.registrant}),
    )


@pytest.fixture(scope="module")
def persian(small) -> bytes:
    pytest.importorskip("weasyprint", exc_type=(ImportError, OSError))
    return record_pdf(small, language="fa", contacts=True)


def test_the_pdf_gives_the_record_back(small, persian):
    assert read_irct_pdf(persian, today=TODAY).record == small
    assert read_irct_pdf(record_pdf(small), today=TODAY).record == public_record(small)


def test_the_pdf_is_tagged_and_says_its_title_and_language(persian):
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(persian))
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert root["/Lang"] == "fa"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert reader.metadata is not None
    assert reader.metadata.title == "IRCT20240110000000N1: درمان سرطان پستان"
    assert b"pdfuaid" in root["/Metadata"].get_data()


def test_every_page_is_a4_and_carries_number_and_count(persian):
    from pypdf import PdfReader

    pages = PdfReader(io.BytesIO(persian)).pages
    assert len(pages) > 1
    for page in pages:
        # A4: 210 mm x 297 mm at 72 points an inch.
        assert float(page.mediabox.width) == pytest.approx(210 / 25.4 * 72, abs=0.1)
        assert float(page.mediabox.height) == pytest.approx(297 / 25.4 * 72, abs=0.1)
        words = page.extract_text()
        assert "IRCT20240110000000N1" in words
        assert re.search("[۰-۹]", words)


def test_persian_letters_come_from_the_font_that_is_shipped(persian):
    from pypdf import PdfReader

    fonts = {
        font.get_object()["/BaseFont"]
        for page in PdfReader(io.BytesIO(persian)).pages
        for font in page["/Resources"]["/Font"].values()
    }
    assert any("Vazirmatn" in name for name in fonts)


def test_without_pango_the_reason_and_another_way_are_told(monkeypatch, small):
    imported = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("weasyprint"):
            raise OSError("cannot load library 'libpango-1.0-0'")
        return imported(name, *rest, **more)

    for name in [one for one in sys.modules if one.startswith("weasyprint")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"pango.*apt install.*export as irct-html"):
        record_pdf(small)


def test_headings_and_lists_are_tagged_as_such(persian):
    from pypdf import PdfReader

    def elements(of):
        kids = of.get("/K", [])
        for kid in (one.get_object() for one in (kids if isinstance(kids, list) else [kids])):
            if hasattr(kid, "get") and kid.get("/S"):
                yield kid
                yield from elements(kid)

    found = list(elements(PdfReader(io.BytesIO(persian)).trailer["/Root"]["/StructTreeRoot"]))
    kinds = [one["/S"] for one in found]
    assert kinds.count("/H1") == 1
    assert kinds.index("/H1") < kinds.index("/H2")
    lists = [one for one in found if one["/S"] == "/L"]
    assert lists
    assert {kid.get_object()["/S"] for one in lists for kid in one["/K"]} == {"/LI"}
