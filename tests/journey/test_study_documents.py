"""The study report, the analysis plan and the data-safety report of the small virtual trial."""

from __future__ import annotations

import ast
import csv
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from theratrial.pipeline.as_of import content_hash, end_of_day, folder_as_of
from theratrial.pipeline.study_documents import plan_inputs, study_inputs, study_inputs_as_of
from theratrial.pipeline.trial import TrialRun
from theratrial.protocol.reader import shipped_protocol
from theratrial.report.study import figures
from theratrial.report.study.csr.report import headings
from theratrial.report.study.inputs import StudyInputs
from theratrial.report.study.make import document, voice_of
from theratrial.report.study.render import page
from theratrial.report.study.voice import persian_words
from theratrial.results.places import value_at
from theratrial.results.plain import plain, results_text
from theratrial.results.values import AdverseEvent
from theratrial.trialfolder import read_folder
from theratrial.web.sentences.matching import said

CUT = date(2022, 4, 30)
STUDY = Path(__file__).resolve().parents[2] / "src" / "theratrial" / "report" / "study"

# The sixteen chapters as the table of contents of ICH E3 (30 November 1995) prints them, from a copy of the guideline.
E3 = (
    "Title page",
    "Synopsis",
    "Table of contents",
    "List of abbreviations",
    "Ethics",
    "Investigators and study administrative structure",
    "Introduction",
    "Study objectives",
    "Investigational plan",
    "Study patients",
    "Efficacy evaluation",
    "Safety evaluation",
    "Discussion and overall conclusions",
    "Tables, figures and graphs referred to but not included in the text",
    "Reference list",
    "Appendices",
)


@pytest.fixture(scope="session")
def inputs(small_trial: Path, small_run: TrialRun) -> StudyInputs:
    return study_inputs(read_folder(small_trial), small_run.result)


class Pages(dict[tuple[str, str], str]):
    """(kind, language) -> HTML, made when first asked for."""

    def __init__(self, inputs: StudyInputs) -> None:
        super().__init__()
        self._inputs = inputs

    def __missing__(self, key: tuple[str, str]) -> str:
        self[key] = _page(self._inputs, *key)
        return self[key]


@pytest.fixture(scope="session")
def pages(inputs: StudyInputs) -> Pages:
    return Pages(inputs)


def _page(inputs: StudyInputs, kind: str, language: str) -> str:
    voice = voice_of(inputs.folder.protocol, language, lambda text: said(text, jalali=True, words=str).text)  # type: ignore[arg-type]
    given = plan_inputs(inputs.folder.protocol, inputs.folder.registration) if kind == "sap" else inputs
    return page(document(kind, given, voice), voice)  # type: ignore[arg-type]


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes most of the time of a page; not for tests of its words."""
    for name in ("flow", "interval", "waterfall", "swimmers", "counts", "doses"):
        monkeypatch.setattr(figures, name, lambda _desk: ())


def _words(path: Path) -> set[str]:
    """Texts that a module says: what is given to a voice, and heads that are said one by one."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name == "voice" and isinstance(node.args[0].value, str):
                found.add(node.args[0].value)
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("head", "choices"):
            for one in node.value.elts if isinstance(node.value, ast.Tuple) else ():
                inside = one.value if isinstance(one, ast.Starred) else one
                texts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
                found |= {str(text.value) for text in texts if isinstance(text, ast.Constant) and text.value}
    return found


def test_every_text_of_the_documents_has_its_persian_with_the_same_values() -> None:
    texts = set().union(*(_words(path) for path in STUDY.rglob("*.py")))
    assert len(texts) > 300  # else the search found nothing and proves nothing
    assert sorted(texts - set(persian_words())) == []
    for english, persian in persian_words().items():
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", persian)), english


def test_the_report_has_the_sixteen_chapters_of_e3_in_order_and_titles_every_section_in_both_languages() -> None:
    chapters = [one for one in headings() if "." not in one.number]
    assert [one.number for one in chapters] == [str(n) for n in range(1, 17)]
    for chapter, title in zip(chapters, E3, strict=True):
        assert chapter.english.startswith(title)
    numbers = [tuple(map(int, one.number.split("."))) for one in headings()]
    assert numbers == sorted(numbers)
    assert {f"9.{n}" for n in range(1, 9)} <= {one.number for one in headings()}
    assert all(re.search("[\u0600-\u06ff]", one.persian) for one in headings())


def test_every_section_stands_on_the_page_and_what_the_folder_lacks_is_named(pages: Pages) -> None:
    html = pages["csr", "en"]
    places = [html.index(f'<section id="s-{one.number.replace(".", "-")}"') for one in headings()]
    assert places == sorted(places)
    introduction = html[html.index('id="s-7"') : html.index('id="s-8"')]
    assert "to be written by the sponsor" in introduction


def test_the_same_state_gives_the_same_html(inputs: StudyInputs, pages: Pages) -> None:
    assert _page(inputs, "safety", "fa") == pages["safety", "fa"]


def test_two_processes_write_the_same_bytes_of_the_plan(small_trial: Path, tmp_path: Path) -> None:
    written = []
    for seed in ("1", "2"):
        out = tmp_path / seed
        words = [
            sys.executable,
            "-m",
            "theratrial.cli",
            "report",
            "sap",
            str(small_trial),
            "--out",
            str(out),
            "--no-pdf",
        ]
        subprocess.run(words, check=True, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True)
        written.append({file.name: file.read_bytes() for file in out.iterdir()})
    assert len(written[0]) == 1
    assert written[0] == written[1]


_TWICE = """
import json, sys
from pathlib import Path
from theratrial.pipeline.study_documents import study_inputs
from theratrial.report.study.make import document, voice_of
from theratrial.report.study.render import page, pdf
from theratrial.results.plain import read_results
from theratrial.results.rebuild import rebuilt
from theratrial.results.values import TrialResult
from theratrial.trialfolder import read_folder

trial, results, out = map(Path, sys.argv[1:])
folder = read_folder(trial)
inputs = study_inputs(folder, rebuilt(TrialResult, read_results(results)))
for kind in ("csr", "safety", "sap"):
    voice = voice_of(folder.protocol, "en")
    made = document(kind, inputs, voice)
    (out / f"{kind}.html").write_text(page(made, voice))
    (out / f"{kind}.pdf").write_bytes(pdf(made, voice))
"""


@pytest.mark.long
@pytest.mark.timeout(1200)  # three documents are laid out twice
def test_two_processes_write_the_same_bytes_of_the_report_and_of_the_safety_report(
    small_trial: Path, small_run: TrialRun, tmp_path: Path
) -> None:
    pytest.importorskip("weasyprint")
    results = tmp_path / "results.json"
    results.write_text(results_text(small_run.result), encoding="utf-8")
    written = []
    for seed in ("1", "2"):
        out = tmp_path / seed
        out.mkdir()
        words = [sys.executable, "-c", _TWICE, str(small_trial), str(results), str(out)]
        subprocess.run(words, check=True, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True)
        written.append({file.name: file.read_bytes() for file in out.iterdir()})
    assert sorted(written[0]) == [f"{kind}.{ending}" for kind in ("csr", "safety", "sap") for ending in ("html", "pdf")]
    assert written[0] == written[1]


def _table(html: str, caption: str) -> list[list[str]]:
    """Rows of the table with that caption, each cell with its tags."""
    found = next(part for part in html.split("<table")[1:] if f"</b> {caption}" in part).split("</table>")[0]
    return [re.findall(r"<t[hd].*?</t[hd]>", row, re.S) for row in found.split("<tr")[2:]]


def _shown(cell: str) -> str:
    return re.sub(r"<[^>]*>", "", cell)


@pytest.mark.parametrize(
    ("caption", "first"),
    [
        ("Stopping boundary", 1),
        ("Operating characteristics of the boundary (exact)", 1),
        ("Power of the test", 1),
        ("One participant more or fewer", 1),
        ("Shift of laboratory grades", 2),
        ("Overview of adverse events", 1),
        ("Categories by criteria", 1),
    ],
)
def test_every_number_of_a_table_leads_to_its_trace(pages: Pages, caption: str, first: int) -> None:
    numbers = [
        cell for row in _table(pages["csr", "en"], caption) for cell in row[first:] if re.match(r"[\d.]+", _shown(cell))
    ]
    assert numbers
    assert [_shown(cell) for cell in numbers if 'href="#trace-' not in cell] == []


def test_an_event_before_the_first_session_is_listed_and_not_counted_and_one_that_ended_treatment_is(
    inputs: StudyInputs, no_figures: None
) -> None:
    """Counted by hand: one participant, of two events the one that began on treatment, which ended it."""
    people = [replace(one, adverse_events=()) for one in inputs.result.participants]
    at = next(index for index, one in enumerate(people) if one.treated)
    start = people[at].sessions[0].injected_at.date()
    event = AdverseEvent(
        "Nausea", 3, start, None, serious=False, related="related", ctcae_term="Nausea",
        system_organ_class="Gastrointestinal disorders", action_taken="treatment ended",
    )  # fmt: skip
    before = replace(event, term="Cough", ctcae_term="Cough", started_on=start - timedelta(days=1), action_taken="")
    people[at] = replace(people[at], adverse_events=(before, event))
    html = _page(replace(inputs, result=replace(inputs.result, participants=tuple(people))), "csr", "en")
    treated = sum(one.treated for one in people)
    share = f"1 ({100 / treated:.0f} %)"
    overview = {
        _shown(row[0]): [_shown(cell) for cell in row[1:]] for row in _table(html, "Overview of adverse events")
    }
    assert overview["Any adverse event"] == [share, "1"]
    assert overview["Leading to the end of treatment"] == [share, "1"]
    assert overview["Serious"] == ["–", "–"]
    terms = [
        _shown(row[0]).strip() for row in _table(html, "Adverse events by system organ class, term and worst grade")
    ]
    assert terms == ["Gastrointestinal disorders", "Nausea"]
    assert f"1 events of {people[at].participant_id} that began before the first session" in html
    assert "Cough" in html


def test_every_link_leads_to_a_place_of_the_page(pages: Pages) -> None:
    for kind, language in (("csr", "en"), ("safety", "fa"), ("sap", "en")):
        html = pages[kind, language]
        targets = set(re.findall(r'id="([^"]+)"', html))
        links = set(re.findall(r'href="#([^"]+)"', html))
        assert links <= targets
        if kind != "sap":
            assert any(link.startswith("trace-") for link in links)


def test_every_value_that_a_document_counted_by_stands_in_the_results(pages: Pages, small_run: TrialRun) -> None:
    tree = plain(small_run.result)
    register = pages["csr", "en"].split('<ol class="traces">')[1]
    lines = [line for line in register.split("<li") if "report.study." in line]
    places = {place.rstrip(".") for line in lines for place in re.findall(r"value:([^;<]+?)(?=[;<]|\.<|\. )", line)}
    assert len(places) > 20
    for place in places:
        value_at(tree, place)


def test_data_that_are_not_locked_leave_with_the_word_draft_and_locked_ones_without(
    inputs: StudyInputs, no_figures: None
) -> None:
    assert not inputs.folder.locked
    assert '<body class="draft">' in _page(inputs, "csr", "en")
    locked = replace(inputs, state=replace(inputs.state, locked=True))
    assert "DRAFT" not in _page(locked, "csr", "en").split("<main>")[0]
    wanted = replace(inputs, state=replace(inputs.state, locked=True, draft_wanted=True))
    assert "DRAFT" in _page(wanted, "safety", "en").split("<main>")[0]


def test_what_a_person_wrote_cannot_become_markup(inputs: StudyInputs, no_figures: None) -> None:
    first = inputs.result.participants[0]
    hostile = replace(first, disposition="withdrawal", disposition_reason="<script>alert(1)</script>")
    result = replace(inputs.result, participants=(hostile, *inputs.result.participants[1:]))
    html = _page(replace(inputs, result=result), "csr", "en")
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_the_plan_prints_the_published_boundary_and_the_exact_power() -> None:
    """Boundary for 15, p0 = .2, overall .05 as clinfun `toxbdry` prints it; rejection and power by hand (binomial)."""
    protocol = shipped_protocol("IRCT20210612051548N3")
    voice = voice_of(protocol, "en")
    html = page(document("sap", plan_inputs(protocol, None), voice), voice)
    row = html[html.index("Stopping boundary</caption>") if "Stopping boundary</caption>" in html else 0 :]
    cells = re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", row[row.index("Stops at") - 40 :])[:16]
    assert cells == ["Stops at", *["–", "–", "3", "4", "4", "4", "5", "5", "5", "6", "6", "6", "7", "7", "7"]]
    assert "it rejects from 9 of 15 successes; the level kept is 1.5 %" in html
    assert re.search(r"60\.0 %</t[hd]><td>61\.0 %", html)


def test_the_plan_needs_no_records(tmp_path: Path, small_trial: Path, command: Callable[..., object]) -> None:
    bare = tmp_path / "protocol.yaml"
    bare.write_bytes((small_trial / "protocol.yaml").read_bytes())
    said_of = command("report", "sap", bare, "--out", tmp_path / "out", "--no-pdf")
    assert said_of.code == 0  # type: ignore[attr-defined]


def test_an_end_recorded_later_is_not_known_yet(small_trial: Path) -> None:
    folder = read_folder(small_trial)
    events = [row for row in folder.rows("adverse_events") if row["ended_on"] is not None]
    row = next(one for one in events if one["ended_on"] > one["started_on"])
    then = folder_as_of(folder, end_of_day(row["started_on"], folder))
    kept = next(one for one in then.rows("adverse_events") if one.source == row.source)
    assert kept["ended_on"] is None
    assert kept["outcome"] is None


def test_cutting_twice_is_cutting_once_and_an_earlier_day_knows_no_more(small_trial: Path) -> None:
    folder = read_folder(small_trial)
    late = folder_as_of(folder, end_of_day(CUT, folder))
    early = end_of_day(date(2022, 3, 15), folder)
    assert content_hash(folder_as_of(late, end_of_day(CUT, folder))) == content_hash(late)
    assert content_hash(folder_as_of(late, early)) == content_hash(folder_as_of(folder, early))
    assert len(late.rows("laboratory")) < len(folder.rows("laboratory"))
    assert len(late.image_files) < len(folder.image_files)


_LATER = {
    "laboratory": "{who},2022-06-01T09:00,platelets,3,10^9/L,150,400,lab_01",
    "adverse_events": "{who},Epistaxis,5.0,4,2022-06-02,,yes,related,,,,",
    "dispositions": "{who},2022-06-20,death,",
    "follow_up": "{who},2022-06-20,dead,,",
}


@pytest.mark.long
def test_a_row_recorded_later_changes_no_byte_of_the_safety_report(broken_trial: Path) -> None:
    folder = read_folder(broken_trial)
    before = study_inputs_as_of(folder, CUT)
    for table, line in _LATER.items():
        place = broken_trial / "records" / f"{table}.csv"
        header = next(csv.reader(place.read_text(encoding="utf-8").splitlines()))
        cells = line.format(who="P01").split(",")
        cells += [""] * (len(header) - len(cells))
        place.write_text(place.read_text(encoding="utf-8") + ",".join(cells[: len(header)]) + "\n", encoding="utf-8")
    after = study_inputs_as_of(read_folder(broken_trial), CUT)
    assert after.state == before.state
    assert _page(after, "safety", "en") == _page(before, "safety", "en")
