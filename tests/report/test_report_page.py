"""The page: what is in it, what is never in it, and that awkward trials do not break it."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html import unescape
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image
from report_reading import Page, Written, text_of

from theratrial.report.texts import number
from theratrial.report.write import write_report
from theratrial.results.pictures import Pictures

CASES = [
    "nobody_at_all",
    "nobody_treated",
    "one_participant",
    "no_response",
    "hostile",
    pytest.param("ordinary", marks=pytest.mark.long),
    pytest.param("forty", marks=pytest.mark.long),
]


@pytest.mark.parametrize("case", CASES)
def test_an_awkward_trial_gives_a_well_formed_page(case: str, tmp_path: Path, example: ModuleType) -> None:
    result = getattr(example, case)()
    pictures = (
        Pictures() if case == "forty" else example.pictures(result, posterior=case != "one_participant", ct=False)
    )
    write_report(result, pictures, tmp_path, pdf=False)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(html)
    assert page.wrong == []
    assert page.open == []
    if case == "hostile":
        _holds_only_escaped_texts(html, tmp_path)
    for one in result.participants:
        assert " ".join(one.participant_id.split()) in text_of(html)


def test_every_participant_stands_in_the_page(written: Written) -> None:
    words = text_of(written.html)
    for one in written.result.participants:
        assert words.count(one.participant_id) >= 2


def test_every_undetermined_value_says_why(written: Written) -> None:
    words = text_of(written.html)
    seen = 0
    for one in written.result.participants:
        for session in one.sessions:
            for dose in session.doses:
                for quantity in (
                    dose.absorbed_dose_Gy,
                    dose.effective_half_life_h,
                    dose.time_integrated_activity_MBq_h,
                ):
                    if quantity.value is None:
                        seen += 1
                        assert quantity.note in words
    assert seen > 50


def test_the_endpoint_in_the_page_is_the_endpoint_of_the_values(written: Written) -> None:
    endpoint = written.result.endpoint
    value = endpoint.proportion
    assert value.value is not None
    assert value.lower is not None
    assert value.upper is not None
    words = text_of(written.html)
    assert endpoint.sentence in words
    assert endpoint.plain_words in words
    assert f"{value.value * 100:.1f} %" in words
    assert f"{value.lower * 100:.1f} % to {value.upper * 100:.1f} %" in words


def test_the_number_that_the_gate_compares_stands_below_the_dose(written: Written) -> None:
    words = text_of(written.html)
    seen = 0
    for one in written.result.participants:
        for dose in one.cumulative_doses:
            judged = dose.judged_upper_Gy
            if dose.limit_Gy is not None and judged is not None and judged.value is not None:
                seen += 1
                share = f"{judged.value / dose.limit_Gy * 100:.0f} %"
                assert f"gate holds {number(judged.value)} Gy against the limit, {share} of it" in words
    assert seen > 0
    assert "gate holds no number against the limit" in words


def test_who_was_given_every_session_is_complete_and_not_stopped(tmp_path: Path, example: ModuleType) -> None:
    result = example.trial((example.participant(0, sessions=3), example.participant(2, sessions=2)))
    write_report(result, Pictures(), tmp_path, pdf=False)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    words = text_of(html)
    assert "5 gates: 3 proceed, 1 stop, 0 undetermined, 1 complete (all sessions given" in words
    assert "none to judge: 3 of at most 3 sessions given" in words
    stops = re.findall(r"<tr>(?:(?!</tr>).)*■ stop(?:(?!</tr>).)*</tr>", html, flags=re.DOTALL)
    assert stops
    assert all("P03" in row and "P01" not in row for row in stops)


def test_missing_is_a_word_and_never_an_empty_cell(written: Written) -> None:
    cells = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", written.html, flags=re.DOTALL)
    assert len(cells) > 500
    empty = [cell for cell in cells if not re.sub(r"<[^>]+>", "", cell).strip()]
    assert empty == []
    assert "None" not in text_of(written.html).split()


def test_nothing_is_loaded_from_outside(written: Written) -> None:
    page = Page(written.html)
    for tag, attributes in page.tags:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            if name in attributes:
                inside = attributes[name].startswith(("data:", "#")) or re.fullmatch(
                    r"dosimetry/[A-Za-z0-9_-]+\.html", attributes[name]
                )
                assert inside, (tag, attributes[name][:60])
        assert not attributes.get("style", "").count("url(")
    assert page.all("script") == []
    assert page.all("link") == []
    style = re.search(r"<style>(.*?)</style>", written.html, flags=re.DOTALL)
    assert style
    assert "url(" not in style[1].replace("url(data:image/svg+xml;base64,", ""), "the watermark's drawing alone"
    assert "@import" not in style[1]


def _holds_only_escaped_texts(html: str, folder: Path) -> None:
    assert "<script" not in html
    assert html.count("&lt;script&gt;") > 20
    assert "«نمونه»" in html
    for path in (folder / "figures").glob("*.svg"):
        assert "<script" not in path.read_text(encoding="utf-8")


def test_every_internal_link_has_its_target_and_ids_are_unique(written: Written) -> None:
    page = Page(written.html)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for attributes in page.all("a")]
    for link in (link for link in links if not link.startswith("#")):
        assert (written.folder / link).is_file()
    targets = {link[1:] for link in links if link.startswith("#")}
    assert targets <= set(ids)
    assert len([target for target in targets if target.startswith("trace-")]) >= 1


def test_headings_come_in_order_and_tables_say_their_scope(written: Written) -> None:
    levels = [int(tag[1]) for tag, _ in Page(written.html).tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    heads = Page(written.html).all("th")
    assert heads
    assert all(head.get("scope") in ("col", "row") for head in heads)
    assert len(Page(written.html).all("caption")) == len(Page(written.html).all("table"))


def test_every_image_has_a_text_and_is_a_valid_image(written: Written) -> None:
    images = Page(written.html).all("img")
    assert len(images) > 20
    for attributes in images:
        assert len(attributes["alt"]) > 20
        kind, _, content = unescape(attributes["src"]).partition(";base64,")
        data = base64.b64decode(content, validate=True)
        if kind == "data:image/svg+xml":
            assert ElementTree.fromstring(data).tag.endswith("svg")
        else:
            assert kind == "data:image/jpeg"
            Image.open(BytesIO(data)).verify()


def test_assumptions_and_virtual_participants_are_said_and_watermarked(written: Written) -> None:
    words = text_of(written.html)
    assert "Research software, not a medical device" in words
    assert "Rests on 2 demonstration assumptions" in words
    assert "virtual" in words
    # The running line says it once as text; what lies over the page is drawn, and no word between the lines.
    assert words.count("DEMONSTRATION") >= 1
    assert re.search(r'<div class="watermark" aria-hidden="true">(<span></span>)+</div>', written.html)
    drawn = re.search(r"\.watermark span \{ background-image: url\(data:image/svg\+xml;base64,([^)]+)\)", written.html)
    assert drawn is not None
    picture = ElementTree.fromstring(base64.b64decode(drawn[1]))
    assert [one.tag.rpartition("}")[2] for one in picture] == ["path"], "outlines alone: <text> would be read aloud"
    for assumption in written.result.assumptions:
        assert assumption.why in words


def test_a_decided_trial_of_real_people_has_no_watermark(tmp_path: Path, example: ModuleType) -> None:
    result = replace(example.one_participant(), assumptions=(), simulated=False)
    write_report(result, Pictures(), tmp_path, pdf=False)
    words = text_of((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "DEMONSTRATION" not in words
    assert "virtual" not in words
    assert "Research software, not a medical device" in words


def test_open_conflicts_stand_in_red_at_the_top_and_are_listed(tmp_path: Path, example: ModuleType) -> None:
    result = replace(example.one_participant(), open_conflicts=("Activity per session: which?", "response"))
    write_report(result, Pictures(), tmp_path, pdf=False)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.search(r'class="banner stop"[^>]*>2 clauses of the protocol are open', html)
    assert "Activity per session: which?" in text_of(html)


def test_the_same_values_give_the_same_bytes(tmp_path: Path, example: ModuleType) -> None:
    result = example.one_participant()
    contents = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        write_report(result, example.pictures(result), folder, pdf=False)
        contents.append({p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()})
    assert len(contents[0]) > 10
    assert contents[0] == contents[1]


def test_files_carry_no_version_and_no_date(written: Written) -> None:
    for path in (written.folder / "figures").iterdir():
        data = path.read_bytes()
        assert b"atplotlib" not in data.replace(b"matplotlib.axis", b""), path.name
        assert b"dc:date" not in data
        if path.suffix == ".png":
            assert Image.open(path).info.keys() <= {"dpi", "transparency"}


def test_a_pdf_is_written_or_the_reason_is_said(tmp_path: Path, example: ModuleType) -> None:
    result = example.nobody_treated()
    done = write_report(result, Pictures(), tmp_path)
    if done.pdf is None:
        assert done.without_pdf_because
        pytest.skip(f"no PDF: {done.without_pdf_because}")
    assert done.pdf.read_bytes().startswith(b"%PDF-")


def test_without_pango_the_page_is_written_all_the_same(
    tmp_path: Path, example: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    import builtins

    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("weasyprint"):
            raise OSError("cannot load library 'libpango-1.0-0'")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    done = write_report(example.nobody_at_all(), Pictures(), tmp_path)
    assert done.pdf is None
    assert "pango" in done.without_pdf_because
    assert done.html.is_file()
    assert not (tmp_path / "report.pdf").exists()
