"""The smallest trials give figures without a warning: one participant, one region, one test, no lesions."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from theratrial.report.document import report_sections
from theratrial.report.figures.curves import states_figure
from theratrial.report.sections.curves import STATES, states_by_region
from theratrial.report.studio import Studio
from theratrial.results.values import TrialResult


def _smallest(example: ModuleType, index: int) -> TrialResult:
    """One participant, one session, one region, one laboratory test, no lesions."""
    one = example.participant(index, sessions=1)
    one = replace(
        one,
        cumulative_doses=one.cumulative_doses[:1],
        laboratory=tuple(point for point in one.laboratory if point.test == "platelets"),
        sessions=tuple(replace(session, doses=session.doses[:1]) for session in one.sessions),
        response=None if one.response is None else replace(one.response, lesions=()),
    )
    return example.trial((one,))


@pytest.mark.parametrize("index", [0, 3, 5])
def test_the_smallest_trial_is_drawn_without_a_warning(example: ModuleType, tmp_path: Path, index: int) -> None:
    result = _smallest(example, index)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report_sections(result, example.pictures(result), Studio(tmp_path, "footline"))
    drawn = {path.stem for path in tmp_path.iterdir()}
    assert {"course_1", "doses", "counts", "waterfall", "flow"} <= drawn
    assert ("curve_states" in drawn) == bool(states_by_region(result))


def test_a_trial_without_treatment_is_drawn_without_a_warning(example: ModuleType, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for index, result in enumerate((example.nobody_treated(), example.nobody_at_all(), example.no_response())):
            folder = tmp_path / str(index)
            folder.mkdir()
            report_sections(result, example.pictures(result), Studio(folder, "footline"))
            assert (folder / "flow.svg").is_file()


@pytest.mark.parametrize("regions", [1, 2, 9])
def test_axes_of_the_states_keep_their_height(example: ModuleType, tmp_path: Path, regions: int) -> None:
    counts = dict(list(states_by_region(example.ordinary()).items())[:regions])
    figure = states_figure(counts, STATES)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Studio(tmp_path, "footline").vector("states", figure, alternative="", caption="")
    (axes,) = figure.axes
    assert axes.get_position().height * figure.get_figheight() >= 0.2 * len(counts)
