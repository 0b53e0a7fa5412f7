"""The doses of the trial report: by what they are reported, what the gate holds, how the routes compare."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from statistics import median
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from report_reading import Page, Written, text_of

from theratrial.imaging.values import Grid
from theratrial.pipeline.scans import PetScan, fusion_picture
from theratrial.report.figures.curves import curves_figure, organ_curves
from theratrial.report.sections.cohort_ways import cohort_bars, contributions_table, doses_by_region, routes_table
from theratrial.report.sections.doses import doses_section
from theratrial.report.texts import in_percent, probability_text
from theratrial.report.traces import TraceBook
from theratrial.report.write import write_report
from theratrial.results.pictures import Pictures
from theratrial.results.values import TrialResult


@pytest.fixture(scope="module")
def detailed() -> TrialResult:
    import dosimetry_example

    return dosimetry_example.detailed_trial()


@pytest.fixture(scope="module")
def report(detailed: TrialResult, tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("detailed")
    write_report(detailed, Pictures(), folder, pdf=False)
    return Written(detailed, folder, (folder / "report.html").read_text(encoding="utf-8"))


def test_a_rising_region_has_its_value_and_its_state(report: Written) -> None:
    words = text_of(report.html)
    rising = [
        d for one in report.result.participants for s in one.sessions for d in s.doses if d.determinacy == "rising"
    ]
    assert rising
    assert "▲ rising by the points, value by published kinetics" in words
    assert "weigh their points with published kinetics (prior made_up 1)" in words
    assert "schedule adequacy PROTOCOL" in words


def test_without_published_kinetics_nothing_is_said_of_them(written: Written) -> None:
    words = text_of(written.html)
    assert "value by published kinetics" not in words
    assert "weigh their points" not in words


def test_chances_stand_with_their_limits_and_count_who_is_above(report: Written) -> None:
    words = text_of(report.html)
    doses = [d for one in report.result.participants for d in one.cumulative_doses if d.exceedance is not None]
    assert words.count("3.1 % chance above the limit") == len(doses)
    treated = sum(bool(one.sessions) for one in report.result.participants)
    assert f"27 % {treated} of {treated} participants above 5 %" in words
    assert f"3.1 % 0 of {treated} participants above 5 %" in words


@pytest.mark.parametrize(
    ("probability", "said"), [(0.0, "below 0.1 %"), (0.0009, "below 0.1 %"), (0.5, "50 %"), (1.0, "above 99.9 %")]
)
def test_no_probability_is_said_to_be_zero_or_certain(probability: float, said: str) -> None:
    assert probability_text(probability) == said


def test_what_the_gate_holds_has_its_trace_in_the_appendix(report: Written) -> None:
    first = report.result.participants[0].cumulative_doses[0]
    assert first.judged_upper_Gy is not None
    judged = replace(first.judged_upper_Gy, trace=replace(first.judged_upper_Gy.trace, method="gates.judged_upper"))
    one = report.result.participants[0]
    changed = replace(one, cumulative_doses=(replace(first, judged_upper_Gy=judged), *one.cumulative_doses[1:]))
    book = TraceBook()
    doses_section(replace(report.result, participants=(changed, *report.result.participants[1:])), book)
    rows = [row for row in book.table().rows if "gates.judged_upper" in row[1].text]
    assert len(rows) == 1


def test_the_change_beside_a_category_decided_by_lesions_has_a_trace(example: ModuleType, tmp_path: Path) -> None:
    one = example.participant(3)
    assert one.response.category == "PD"
    one = replace(one, response=replace(one.response, change_percent=None))
    write_report(example.trial((one,)), Pictures(), tmp_path, pdf=False)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    row = re.search(r"<tr>(?:(?!</tr>).)*hottest target, not what the rule judged(?:(?!</tr>).)*</tr>", html, re.DOTALL)
    assert row
    assert re.search(r'href="#trace-\d+"[^>]*report\.hottest_target_change', row[0])
    assert "response.lesions[L1].baseline_uptake" in text_of(html)


def test_the_word_for_complete_breaks_before_its_remark(example: ModuleType, tmp_path: Path) -> None:
    result = example.trial((example.participant(0, sessions=3),))
    write_report(result, Pictures(), tmp_path, pdf=False)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.search(r'class="verdict complete">● complete<small>all sessions given</small>', html)
    assert "● complete (all" not in html


def test_every_participant_leads_to_the_dosimetry_page(report: Written) -> None:
    links = {link["href"] for link in Page(report.html).all("a") if link["href"].startswith("dosimetry/")}
    assert links == {f"dosimetry/{one.participant_id}.html" for one in report.result.participants if one.sessions}
    for link in links:
        assert (report.folder / link).is_file()


def test_differences_of_routes_are_medians_over_sessions(detailed: TrialResult) -> None:
    table = routes_table(detailed)
    assert table is not None
    by_region = {row[0].text: row for row in table.rows}
    for title, doses in doses_by_region(detailed).items():
        known = [
            route.difference_percent.value
            for dose in doses
            for route in dose.details.routes
            if route.route == "planar" and route.difference_percent.value is not None
        ]
        assert known
        assert by_region[title][1].text == f"{median(known):+.1f} %"
        assert f"{len(known)} sessions" in by_region[title][1].below
        assert by_region[title][2].text == "not quantified"  # the example has no hybrid
    assert "2.34 (lungs" not in by_region["Liver"][4].text
    assert "1.25 (liver" in by_region["Liver"][4].text


def test_contributions_of_the_cohort_are_those_of_its_doses(detailed: TrialResult, report: Written) -> None:
    table = contributions_table(detailed)
    assert table is not None
    for row in table.rows:
        assert row[1].text == in_percent((0.12**2 + 0.04**2) ** 0.5)
        assert [cell.text for cell in row[2:]] == ["90.0 %", "10.0 %"]
    for bar in cohort_bars(detailed):
        assert dict(bar.shares) == pytest.approx({"kinetics": 0.9, "volume": 0.1})
    assert (report.folder / "figures/contributions.svg").is_file()
    assert "a later scan" in (report.folder / "figures/contributions.svg").read_text(encoding="utf-8")


def test_without_routes_and_contributions_the_section_says_so(written: Written) -> None:
    assert "No other route and no contribution to the uncertainty was computed." in text_of(written.html)


def test_every_curve_by_published_kinetics_has_its_band(detailed: TrialResult) -> None:
    curves = organ_curves(detailed)
    figure = curves_figure(curves)
    assert figure is not None
    drawn = [artist for axes in figure.axes for artist in axes.get_children() if artist.get_gid() == "band"]
    banded = [curve for panel in curves.values() for curve in panel if curve.band]
    assert len(drawn) == len(banded) > 0
    # Upper and lower end at the last scan, as share of what was administered.
    (first, *_) = drawn
    curve = next(curve for panel in curves.values() for curve in panel if curve.band)
    heights = first.get_paths()[0].vertices[:, 1]
    last = curve.hours[-1]
    upper = np.exp(np.interp(last, [row[0] for row in curve.band], np.log([row[3] for row in curve.band])))
    assert heights.max() == pytest.approx(upper, rel=1e-6)


def test_nothing_in_the_report_is_nan_inf_or_none(report: Written) -> None:
    assert not re.search(r"(?<![A-Za-z])(nan|inf|None)(?![A-Za-z])", text_of(report.html))


@pytest.mark.parametrize("flipped", [1.0, -1.0])
@pytest.mark.parametrize(("at_mm", "row"), [(12.0, 6), (-100.0, 0), (1000.0, 9), (None, 5)])
def test_a_pet_without_drawn_lesions_is_cut_at_the_plane_of_the_other(
    at_mm: float | None, row: int, flipped: float
) -> None:
    if flipped < 0 and at_mm is not None:
        row = 9 - row if abs(at_mm) > 50 else row
    direction = np.diag([1.0, flipped, 1.0])
    grid = Grid((4, 10, 3), (5.0, 4.0, 4.0), (0.0, -12.0 if flipped > 0 else 36.0, 0.0), direction)
    values = np.zeros(grid.shape, dtype=np.float32) + np.arange(10, dtype=np.float32)[None, :, None]
    image = SimpleNamespace(ct=None, plan=SimpleNamespace(timepoint="response"))
    scan = PetScan(cast("Any", image), cast("Any", SimpleNamespace(grid=grid, suv_g_per_mL=values)), {})
    picture = fusion_picture(cast("Any", None), "P01", scan, [], otherwise_at_mm=at_mm)
    assert picture.suv_cut.min() == picture.suv_cut.max() == row
