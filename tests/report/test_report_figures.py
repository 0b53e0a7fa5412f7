"""Figures hold what the values hold: counted in the axes, not in pixels."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from theratrial.report.change import change_word, shown_change_percent
from theratrial.report.figures.counts import counts_figure, courses, grade_bands
from theratrial.report.figures.curves import curves_figure, organ_curves, states_figure
from theratrial.report.figures.doses import doses_figure, limited_organs
from theratrial.report.figures.flow import flow_figure
from theratrial.report.figures.images import SUV_TOP, fused, fusion_figure, planar_figure, planar_top
from theratrial.report.figures.interval import interval_figure
from theratrial.report.figures.swimmer import swimmer_figure
from theratrial.report.figures.waterfall import waterfall_figure, whole_percent
from theratrial.report.outcome import gate_outcome
from theratrial.report.sections.curves import STATES, states_by_region
from theratrial.report.sections.images import examples
from theratrial.report.style import CATEGORY_COLOURS, CATEGORY_TEXT, DETERMINACY_MARKERS, VERDICT_MARKERS


def named(figure: Any, gid: str) -> list[Any]:
    """Every artist of that name."""
    return [artist for axes in figure.axes for artist in axes.get_children() if artist.get_gid() == gid]


def test_there_is_a_marker_for_every_dose_of_an_organ_with_a_limit(example: ModuleType) -> None:
    result = example.ordinary()
    figure = doses_figure(result)
    expected = [dose for one in result.participants for dose in one.cumulative_doses if dose.limit_Gy is not None]
    markers = named(figure, "dose")
    assert len(markers) == len(expected) == 15 * 4
    assert len(named(figure, "limit")) == len(limited_organs(result)) == 4
    heights = sorted(float(marker.get_ydata()[0]) for marker in markers)
    values = sorted(
        dose.absorbed_dose_Gy.value if dose.absorbed_dose_Gy.value is not None else dose.absorbed_dose_Gy.lower or 0.0
        for dose in expected
    )
    assert heights == pytest.approx(values)


def test_a_dose_without_upper_end_is_hollow_and_not_drawn_as_a_number(example: ModuleType) -> None:
    result = example.ordinary()
    undetermined = sum(
        dose.absorbed_dose_Gy.value is None
        for one in result.participants
        for dose in one.cumulative_doses
        if dose.limit_Gy is not None
    )
    hollow = [marker for marker in named(doses_figure(result), "dose") if marker.get_color() == "white"]
    assert len(hollow) == undetermined > 0


def test_what_the_gate_holds_against_the_limit_has_its_own_stroke(example: ModuleType) -> None:
    result = example.ordinary()
    limited = [dose for one in result.participants for dose in one.cumulative_doses if dose.limit_Gy is not None]
    held = sorted(dose.judged_upper_Gy.value for dose in limited if dose.judged_upper_Gy.value is not None)
    strokes = named(doses_figure(result), "held")
    assert sorted(float(stroke.get_ydata()[0]) for stroke in strokes) == pytest.approx(held)
    assert 0 < len(held) < len(limited)


def test_every_dose_lies_inside_its_axes(example: ModuleType) -> None:
    for axes in doses_figure(example.ordinary()).axes:
        top = axes.get_ylim()[1]
        for artist in axes.get_children():
            if artist.get_gid() in ("dose", "limit", "held"):
                assert 0 <= max(np.ravel(artist.get_ydata())) <= top


def test_the_swimmer_has_every_session_scan_gate_and_category(example: ModuleType) -> None:
    result = example.ordinary()
    treated = [one for one in result.participants if one.treated]
    figure = swimmer_figure(treated)
    sessions = [session for one in treated for session in one.sessions]
    assert len(named(figure, "session")) == len(sessions)
    assert len(named(figure, "scan")) == sum(len(session.scans) for session in sessions)
    assert len(named(figure, "category")) == len(treated)
    drawn = Counter(gate.get_marker() for gate in named(figure, "gate"))
    judged = Counter(VERDICT_MARKERS[gate_outcome(session.gate)] for session in sessions if session.gate)
    assert drawn == judged
    assert drawn[VERDICT_MARKERS["complete"]] == sum(len(one.sessions) == 3 for one in treated) > 0


def test_a_clause_of_a_complete_course_is_no_stop_for_toxicity(example: ModuleType) -> None:
    complete, stopped = example.participant(0, sessions=3), example.participant(2, sessions=2)
    found = courses(example.trial((complete, stopped)))
    assert {course.participant_id for entries in found.values() for course in entries if course.stopped} == {"P03"}


def test_sessions_stand_on_their_day(example: ModuleType) -> None:
    one = example.participant(0, sessions=3)
    days = sorted(float(mark.get_xdata()[0]) for mark in named(swimmer_figure([one]), "session"))
    assert days == [0.0, 49.0, 98.0]


def test_the_waterfall_falls_and_keeps_a_place_for_the_unknown(example: ModuleType) -> None:
    treated = [one for one in example.ordinary().participants if one.treated]
    figure = waterfall_figure(treated)
    bars = sorted(named(figure, "change"), key=lambda bar: bar.get_x())
    heights = [bar.get_height() for bar in bars]
    known = [change for one in treated if (change := shown_change_percent(one.response)) is not None]
    assert heights == sorted(heights, reverse=True)
    assert heights == pytest.approx(sorted(known, reverse=True))
    assert len(named(figure, "unknown")) == len(treated) - len(known) > 0
    assert sorted(line.get_ydata()[0] for line in named(figure, "threshold")) == [-30.0, 30.0]


def _uptakes(example: ModuleType, *pairs: tuple[float | None, float | None, str]) -> Any:
    """A response judged by its lesions alone: (baseline, response, status at response) of each target."""
    from dataclasses import replace

    from theratrial.trace import Quantity

    def uptake(value: float | None) -> Quantity | None:
        return None if value is None else Quantity(value, "g/mL", example.TRACE)

    outcome = example.response(0, "PD")
    first = outcome.lesions[0]
    lesions = tuple(
        replace(
            first,
            lesion_id=f"L{n}",
            baseline_uptake=uptake(before),
            response_uptake=uptake(after),
            status_response=status,
        )
        for n, (before, after, status) in enumerate(pairs)
    )
    return replace(outcome, change_percent=None, lesions=lesions)


@pytest.mark.parametrize(
    ("pairs", "change"),
    [
        (((10.0, 2.0, "present"), (4.0, 5.0, "present")), -50.0),
        (((10.0, 2.0, "resolved"), (4.0, None, "resolved")), -80.0),
        (((10.0, None, "present"), (4.0, 5.0, "present")), None),
        (((10.0, None, "not_assessable"), (4.0, 5.0, "present")), None),
        (((10.0, None, "resolved"), (4.0, None, "resolved")), None),
        (((None, 3.0, "present"), (4.0, 5.0, "present")), None),
        ((), None),
    ],
)
def test_the_hottest_target_is_shown_where_every_target_was_measured(
    example: ModuleType, pairs: Any, change: float | None
) -> None:
    assert shown_change_percent(_uptakes(example, *pairs)) == (None if change is None else pytest.approx(change))


def test_what_decided_stands_at_the_bar(example: ModuleType) -> None:
    from dataclasses import replace

    progressive = _uptakes(example, (10.0, 15.0, "present"))
    new = replace(progressive.lesions[0], role="new", baseline_uptake=None)
    progressive = replace(progressive, lesions=(*progressive.lesions, new))
    complete = replace(_uptakes(example, (10.0, 1.0, "resolved")), category="CR")
    assert (change_word(progressive), change_word(complete)) == ("new lesion", "all lesions resolved")
    treated = [
        replace(example.participant(index), response=response) for index, response in enumerate((progressive, complete))
    ]
    figure = waterfall_figure(treated)
    said = [" ".join(label.get_text().split()) for label in named(figure, "label")]
    assert said == ["new lesion PD +50 %", "-90 % CR all lesions resolved"]
    assert named(figure, "unknown") == []


@pytest.mark.parametrize("change", [-0.4, 0.0, 0.4])
def test_a_change_that_rounds_to_nothing_has_no_sign(change: float) -> None:
    from theratrial.report.texts import value_text
    from theratrial.trace import Quantity, Trace

    assert whole_percent(change) == "0 %"
    assert value_text(Quantity(change / 10, "percent", Trace("x", "1", {})), signed=True) == "0.0 %"


def test_complete_and_partial_response_differ_in_lightness() -> None:
    """WCAG 2.1 asks a contrast of 3 to 1 between graphical objects that must be told apart."""
    assert _contrast(CATEGORY_COLOURS["CR"], CATEGORY_COLOURS["PR"]) >= 3


def test_a_lane_ends_on_the_day_of_the_disposition_and_words_stand_behind_every_mark(example: ModuleType) -> None:
    from dataclasses import replace
    from datetime import timedelta

    one = example.participant(0, sessions=2)
    late = example.scan("pet_response", "PET/CT", 1.0, example.START + timedelta(days=70))
    one = replace(one, disposition_on=(example.START + timedelta(days=60)).date(), pet_scans=(*one.pet_scans, late))
    figure = swimmer_figure([one])
    (lane,) = named(figure, "lane")
    assert list(lane.get_xdata()) == [0, 60]
    (end,) = named(figure, "end")
    assert end.xy[0] == 70
    left, _ = figure.axes[0].get_xlim()
    assert -13 < left < -10  # the baseline PET stands on day -10


def test_the_drawn_interval_is_the_interval(example: ModuleType) -> None:
    endpoint = example.ordinary().endpoint
    figure = interval_figure(endpoint)
    (line,) = named(figure, "interval")
    assert list(line.get_xdata()) == pytest.approx([32.29, 83.66])
    (estimate,) = named(figure, "estimate")
    assert estimate.get_xdata()[0] == pytest.approx(endpoint.successes / endpoint.analysed * 100)
    squares = [text for text in figure.axes[0].texts if text.get_text() in CATEGORY_COLOURS]
    assert len(squares) == endpoint.analysed


def test_nothing_is_drawn_where_nobody_is_analysed(example: ModuleType) -> None:
    result = example.nobody_treated()
    assert interval_figure(result.endpoint) is None
    assert waterfall_figure([]) is None
    assert doses_figure(result) is None
    assert counts_figure(result) is None
    assert curves_figure(organ_curves(result)) is None
    words = " ".join(text.get_text() for text in flow_figure(result).axes[0].texts)
    assert "Not treated, n = 3" in words


def test_the_flow_adds_up(example: ModuleType) -> None:
    result = example.ordinary()
    said = [text.get_text() for text in flow_figure(result).axes[0].texts]
    assert f"n = {result.flow.screened}" in said
    assert f"Not treated, n = {result.flow.screened - result.flow.treated}" in said
    lasts = [int(line.rsplit(" ", 1)[1]) for line in said if line.startswith("This was the last session")]
    assert sum(lasts) == result.flow.treated


def test_whoever_may_still_get_a_session_is_not_said_to_have_had_the_last(example: ModuleType) -> None:
    result = example.ordinary()
    under_way = tuple(replace(one, disposition="", disposition_on=None) for one in result.participants)
    said = [text.get_text() for text in flow_figure(replace(result, participants=under_way)).axes[0].texts]
    assert not any(line.startswith("This was the last session") for line in said)
    assert any(line.startswith("No further session so far") for line in said)


def test_every_measured_curve_is_drawn_and_a_rising_one_is_not_extrapolated(example: ModuleType) -> None:
    panels = organ_curves(example.ordinary())
    figure = curves_figure(panels)
    curves = [curve for entries in panels.values() for curve in entries]
    assert len(named(figure, "curve")) == len(curves)
    rising = [curve for curve in curves if curve.state == "rising"]
    assert rising
    assert all(curve.half_life_h is None for curve in rising)
    assert len(named(figure, "extrapolated")) == sum(curve.half_life_h is not None for curve in curves)


def test_the_dashed_part_follows_the_effective_half_life(example: ModuleType) -> None:
    panels = {"one": [curve for curve in organ_curves(example.ordinary())["Liver"] if curve.half_life_h][:1]}
    (curve,) = panels["one"]
    assert curve.half_life_h
    (line,) = named(curves_figure(panels), "extrapolated")
    (start, end), (high, low) = line.get_xdata(), line.get_ydata()
    assert low / high == pytest.approx(math.exp(-math.log(2) / curve.half_life_h * (end - start)))


def test_the_bars_of_states_count_every_curve(example: ModuleType) -> None:
    result = example.ordinary()
    states = states_by_region(result)
    figure = states_figure(states, STATES)
    widths = sum(patch.get_width() for patch in figure.axes[0].patches)
    total = sum(len(session.doses) for one in result.participants for session in one.sessions)
    assert widths == total


def test_every_state_of_the_dosimetry_has_its_own_marker() -> None:
    from theratrial.dosimetry.curve import Determinacy

    assert {str(state) for state in Determinacy} == set(DETERMINACY_MARKERS) == set(STATES)
    assert len(set(DETERMINACY_MARKERS.values())) == len(DETERMINACY_MARKERS)


def test_values_of_one_test_in_two_units_are_never_on_one_axis(example: ModuleType) -> None:
    from dataclasses import replace

    one, other = example.participant(0), example.participant(1)
    changed = tuple(replace(point, value=replace(point.value, unit="other")) for point in other.laboratory)
    result = example.trial((one, replace(other, laboratory=changed)))
    assert len(courses(result)) == 2 * len(courses(example.trial((one,))))


def test_grade_bands_are_the_printed_intervals(example: ModuleType) -> None:
    """CTCAE v5.0, platelet count decreased: grade 2 75-50, grade 3 50-25, grade 4 below 25 (10^9/L)."""
    from dataclasses import replace

    from theratrial.trace import Trace

    trace = Trace("safety.laboratory_grade", "1", {"table": "table:safety/ctcae_v5_0@5.0 (27 November 2017)"})
    one = example.participant(0)
    one = replace(one, laboratory=tuple(replace(point, trace=trace) for point in one.laboratory))
    result = example.trial((one,))
    assert set(grade_bands(result, "platelets", "e9_per_L")) == {(2, 50.0, 75.0), (3, 25.0, 50.0), (4, 0.0, 25.0)}
    assert grade_bands(result, "platelets", "unknown unit") == ()
    assert grade_bands(example.trial((example.participant(0),)), "platelets", "e9_per_L") == ()


def test_pairs_of_different_times_share_one_decay_corrected_scale(example: ModuleType) -> None:
    result = example.one_participant()
    pairs = example.pictures(result).planar
    figure = planar_figure(pairs)
    shown = named(figure, "planar")
    assert len(shown) == 2 * len(pairs)
    top = planar_top(pairs)
    for artist, pair in zip(shown[::2], pairs, strict=True):
        assert artist.get_clim() == (0.0, 1.0)
        expected = np.sqrt(np.clip(pair.anterior * pair.to_injection_factor / top, 0, 1))
        assert np.allclose(np.asarray(artist.get_array()), expected)


def test_a_missing_posterior_view_is_said(example: ModuleType) -> None:
    result = example.one_participant()
    figure = planar_figure(example.pictures(result, posterior=False).planar)
    words = " ".join(text.get_text() for axes in figure.axes for text in axes.texts)
    assert "no posterior" in words
    assert len(named(figure, "planar")) == 2


def test_sides_mirroring_and_a_scale_bar_are_marked(example: ModuleType) -> None:
    result = example.one_participant()
    pictures = example.pictures(result)
    for figure in (planar_figure(pictures.planar), fusion_figure(pictures.fusion)):
        words = [text.get_text() for axes in figure.axes for text in axes.texts]
        assert words.count("R") == words.count("L") == 4
        bars = named(figure, "scale bar")
        assert len(bars) == 4
        assert all(np.ptp(bar.get_xdata()) == pytest.approx(10.0) for bar in bars)
    words = [text.get_text() for axes in planar_figure(pictures.planar).axes for text in axes.texts]
    assert words.count("posterior, mirrored") == 2


def test_pet_covers_the_ct_only_where_there_is_uptake() -> None:
    suv = np.array([[0.0, SUV_TOP]])
    ct = np.array([[40.0, 40.0]])
    picture = fused(suv, ct)
    assert np.ptp(picture[0, 0]) == pytest.approx(0.0, abs=1e-12)
    assert picture[0, 1, 0] - picture[0, 1, 2] > 0.1
    assert np.ptp(fused(suv, None)[0, 1]) == 0.0


def test_examples_are_the_first_of_each_category(example: ModuleType) -> None:
    result = example.ordinary()
    chosen = examples(result, example.pictures(result))
    categories = [one.response.category if one.response else "" for one in chosen]
    assert len(categories) == len(set(categories))
    for one, category in zip(chosen, categories, strict=True):
        same = [
            other.participant_id
            for other in result.participants
            if other.treated and (other.response.category if other.response else "") == category
        ]
        assert one.participant_id == min(same)


def _contrast(one: str, other: str) -> float:
    """WCAG 2.1, contrast by its formula of relative luminance."""

    def luminance(colour: str) -> float:
        from matplotlib.colors import to_rgb

        parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    pair = sorted((luminance(one), luminance(other)))
    return (pair[1] + 0.05) / (pair[0] + 0.05)


def test_letters_on_category_colours_can_be_read() -> None:
    """WCAG 2.1 asks at least 4.5 to 1 of text."""
    for category, colour in CATEGORY_COLOURS.items():
        assert _contrast(colour, CATEGORY_TEXT[category]) >= 4.5, category


def test_counts_show_every_course_and_every_gate_that_has_a_value(example: ModuleType) -> None:
    result = example.ordinary()
    figure = counts_figure(result)
    found = courses(result)
    assert len(named(figure, "course")) == sum(len(entries) for entries in found.values())
    assert len(named(figure, "gate")) == 4 * sum(len(one.sessions) for one in result.participants)
