"""The register of traces on paper: read back with pypdf, which knows nothing of how it was written."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.report.blocks import Cell, Table
from theratrial.report.study.blocks import TraceLines
from theratrial.report.study.parts import Chapter
from theratrial.report.study.register import LETTERS, broken, folded, register
from theratrial.report.study.render import Document, pdf
from theratrial.report.study.state import DataState
from theratrial.report.study.voice import Voice
from theratrial.report.traces import TraceBook
from theratrial.trace import Trace

TRACES = tuple(
    Trace(f"method.number_{number}", "1", {"value": f"value:participants[P{number:02}].sessions[session=1].gate"})
    for number in range(600)
)


def _document() -> Document:
    book = TraceBook()
    rows = tuple((Cell(f"row {at}"), Cell(str(at), anchor=book.anchor(trace))) for at, trace in enumerate(TRACES))
    table = Table("Numbers", ("Row", "Number"), rows)
    state = DataState("T1", "1", "sha256:" + "a" * 64, "0", "", None, locked=True)
    chapters = (
        Chapter("1", "Numbers", (table,)),
        Chapter("2", "Traces", (TraceLines((), register(book.listed())),)),
        Chapter("3", "After", ()),
    )
    return Document("Report", chapters, state)


@pytest.fixture(scope="module")
def made() -> bytes:
    pytest.importorskip("weasyprint")
    return pdf(_document(), Voice())


def _links(reader: Any) -> list[tuple[int, float, float]]:
    """Page and place where each link to a line leads, in their order."""
    number = {page.indirect_reference.idnum: at for at, page in enumerate(reader.pages)}
    found = []
    for page in reader.pages:
        for reference in page.get("/Annots", ()):
            target = reference.get_object().get("/Dest")
            assert "/A" not in reference.get_object()
            if isinstance(target, list):
                found.append((number[target[0].idnum], float(target[2]), float(target[3])))
    return found


def test_every_number_on_paper_leads_to_the_line_of_its_own_trace(made: bytes) -> None:
    pypdf = pytest.importorskip("pypdf")
    reader = pypdf.PdfReader(BytesIO(made))
    links = _links(reader)
    assert len(links) == len(TRACES)
    lines: dict[int, list[tuple[float, float, str]]] = {}
    for at in {link[0] for link in links}:
        rows: list[tuple[float, float, str]] = []
        reader.pages[at].extract_text(
            visitor_text=lambda text, _cm, tm, _font, _size, rows=rows: rows.append((tm[4], tm[5], text))
        )
        lines[at] = rows
    for number, (page, x, y) in enumerate(links):
        near = [text for left, foot, text in lines[page] if abs(left - x) < 1 and 0 < y - foot < 15]
        assert any(re.search(rf"\b{number + 1} method\.number_{number} v1", text) for text in near), number


def test_what_follows_the_register_stands_on_a_page_of_its_own(made: bytes) -> None:
    pypdf = pytest.importorskip("pypdf")
    pages = [page.extract_text() for page in pypdf.PdfReader(BytesIO(made)).pages]
    last = next(at for at, text in enumerate(pages) if f"number_{len(TRACES) - 1} v1" in text)
    assert "After" in pages[last + 1]
    assert "method.number" not in pages[last + 1]


def test_the_same_document_gives_the_same_bytes(made: bytes) -> None:
    assert pdf(_document(), Voice()) == made


@given(st.text(alphabet="ab[]./ ,;x0", max_size=400))
def test_a_broken_text_loses_no_letter_and_no_line_is_too_long(text: str) -> None:
    lines = broken(f"   1 {text}")
    assert max(map(len, lines)) <= LETTERS
    assert "".join("".join(lines).split()) == "".join(f"1{text}".split())


def test_inputs_that_differ_in_one_place_only_are_one_piece() -> None:
    inputs = {"P01": "value:participants[P01].response", "P02": "value:participants[P02].response"}
    assert folded(inputs) == ["participants[P01, P02].response"]
    lines = {"a": "record:records/laboratory.csv#7", "b": "record:records/laboratory.csv#9"}
    assert folded(lines) == ["records/laboratory.csv#7, 9"]
    assert folded({"weight": "record:records/visits.csv#3"}) == ["weight = records/visits.csv#3"]


@given(
    st.dictionaries(
        st.text("abc", min_size=1, max_size=4),
        st.builds("value:participants[{}].sessions[{}].x".format, st.integers(0, 9), st.integers(0, 9)),
        max_size=12,
    )
)
def test_folding_keeps_every_place(inputs: dict[str, str]) -> None:
    """Unfolded again by another way than it was folded: every member set into its piece."""
    unfolded = set()
    for piece in folded(inputs):
        words = piece.partition(" = ")[2] or piece
        first, second = re.findall(r"\[([^\]]*)\]", words)
        unfolded |= {
            f"value:participants[{one}].sessions[{two}].x" for one in first.split(", ") for two in second.split(", ")
        }
    assert unfolded == set(inputs.values())
