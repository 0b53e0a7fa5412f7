"""A page of IRCT saved as HTML or PDF gives the record that its text gives; hostile pages are refused or read."""

from __future__ import annotations

import html
import io
import re
import time
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.exchange.irct.html import EMBEDDED, decoded, read_irct_html
from theratrial.exchange.irct.pdf import read_irct_pdf
from theratrial.exchange.irct.text import read_irct_text
from theratrial.registry.fields import filled_fields
from theratrial.registry.reader import registration_yaml, shipped_registration

SEED = "IRCT20210612051548N3"
TODAY = date(2026, 6, 9)


@pytest.fixture(scope="module")
def text(shared) -> str:
    return (shared / "seed" / f"{SEED}.txt").read_text(encoding="utf-8")


def page_of(text: str) -> str:
    """The same words as a site's page would hold them: a block for each paragraph, bold marks as elements."""
    blocks = re.split(r"\n\s*\n", text.strip())
    marked = [re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", html.escape(block)) for block in blocks]
    shown = "".join(f"<div class='row'><span>{block}</span></div>\n" for block in marked)
    return f"<html><head><title>x</title><script>Design</script></head><body><nav>Home</nav>{shown}</body></html>"


def words(record) -> dict[str, str]:
    return {one.path: " ".join(str(one.value).split()) for one in filled_fields(record) if not one.blank}


def test_a_saved_page_gives_the_words_of_the_text(text):
    inline = re.sub(r"(:|From) \*\*([^*\n]+)\*\*", r"\1 \2", text)
    whole = inline.replace("**1****", "\n\n1\n\n").replace("**", "\n\n")
    found = read_irct_html(page_of(whole).encode(), today=TODAY)
    assert found.unplaced == ()
    assert words(found.record) == words(shipped_registration(SEED))


def test_a_page_of_ours_gives_the_record_back_unchanged():
    record = shipped_registration(SEED)
    carried = registration_yaml(record).replace("</", "<\\/")
    page = f'<html><body><p>Anything</p><script type="text/yaml" id="{EMBEDDED}">{carried}</script></body></html>'
    assert read_irct_html(page.encode(), today=TODAY).record == record


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("words", ["Recruitment status: complete\n" * 30, "وضعیت بیمارگیری پایان یافته است\n" * 30])
def test_utf_16_without_its_first_mark_is_known_in_either_script(encoding, words):
    assert decoded(words.encode(encoding)) == (words, encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1256"])
def test_the_encodings_of_saved_pages_are_found(encoding):
    content = '<meta charset="windows-1256">فاز مطالعه'.encode(encoding)
    assert decoded(content)[0].endswith("فاز مطالعه")


def test_an_unknown_encoding_is_named_with_its_line():
    with pytest.raises(InputError, match="begins like utf-16"):
        decoded(b"\xff\xfea")


def test_scripts_and_styles_are_never_words(text):
    page = page_of(text).replace("<body>", "<body><style>Phone</style><script>Protocol summary</script>")
    found = read_irct_html(page.encode(), today=TODAY)
    assert "Protocol summary" not in str(words(found.record))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400) | st.text(alphabet="<>/abscriptdv &;#!-\"'=", max_size=400).map(str.encode))
def test_anything_is_refused_as_input(content):
    for read in (read_irct_html, read_irct_pdf):
        with pytest.raises(InputError):
            read(content, today=TODAY)


def test_a_page_nested_without_end_is_refused():
    with pytest.raises(InputError, match="nests"):
        read_irct_html(b"<button>" * 100_000, today=TODAY)


def test_a_persian_page_fills_the_persian_side():
    lines = (
        "خلاصه پروتکل|هدف از مطالعه|بررسی کارآیی|طراحی|یک گروهی|اطلاعات عمومی|علت به روز رسانی|نام اختصاری|"
        "وضعیت بیمار گیری|"
        "بیمارگیری تمام شده|منبع مالی|تاریخ شروع بیمار گیری مورد انتظار|۱۴۰۰/۱۱/۰۱|عنوان علمی کارآزمایی|عنوان|جنسیت|زن"
    )
    page = lines.replace("|", "\n\n")
    record = read_irct_text(page, today=TODAY).record
    assert record.summary.aim.fa == "بررسی کارآیی"
    assert record.summary.aim.en == ""
    assert record.recruitment.status.code == "complete"
    assert record.recruitment.expected_start.gregorian == date(2022, 1, 21)
    assert record.eligibility.sex.code == "female"


def test_a_pdf_that_lost_its_beginning_is_refused_at_once_and_in_one_sentence(caplog, capfd):
    pypdf = pytest.importorskip("pypdf")
    writer, out = pypdf.PdfWriter(), io.BytesIO()
    for _ in range(150):
        writer.add_blank_page(100, 100)
    writer.write(out)
    damaged = re.sub(rb"/Size \d+", b"/Size 9000", out.getvalue().replace(b"/Catalog", b"/Xatalog"))
    began = time.monotonic()
    with pytest.raises(InputError, match=r"cannot be read.*save the page as text or HTML"):
        read_irct_pdf(damaged.replace(b" obj", b" obk"), today=TODAY)
    assert time.monotonic() - began < 1.5
    assert caplog.records == []
    assert capfd.readouterr().err == ""


def test_a_pdf_of_faults_without_end_is_given_up(capfd):
    """Damage to a compressed part once made the reader repair for minutes: 300 faults are enough."""
    pytest.importorskip("pypdf")
    catalogue = b"1 0 obj\n<</Type /Catalog " + b"1 " * 400 + b">>\nendobj\n"
    body = b"%PDF-1.4\n" + catalogue
    table = b"xref\n0 2\n0000000000 65535 f \n0000000009 00000 n \n"
    end = table + b"trailer\n<</Size 2 /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    with pytest.raises(InputError, match="more than 300 faults"):
        read_irct_pdf(body + end % len(body), today=TODAY)
    assert capfd.readouterr().err == ""


def test_whatever_the_reader_of_pdfs_raises_is_told_as_a_file_that_cannot_be_read(monkeypatch):
    """Found with a byte of ``/FlateDecode`` changed."""
    pypdf = pytest.importorskip("pypdf")
    writer, out = pypdf.PdfWriter(), io.BytesIO()
    writer.add_blank_page(100, 100)
    writer.write(out)

    def unknown_filter(page):
        raise NotImplementedError("Unsupported filter /FlaxDecode")

    monkeypatch.setattr(pypdf.PageObject, "extract_text", unknown_filter)
    with pytest.raises(InputError, match=r"cannot be read: Unsupported filter.*save the page as text or HTML"):
        read_irct_pdf(out.getvalue(), today=TODAY)
