"""Figures and words behind the response: what is drawn, and what stands apart."""

from __future__ import annotations

from datetime import date

from tests.pipeline.response_example import TRACE, course, judged, quantity

from theratrial.report.figures.dose_response import dose_response_figure, has_points
from theratrial.report.figures.spider import spider_figure, spider_line
from theratrial.results.criteria import CriteriaAssessment, ParticipantCriteria


def marks(figure, gid):
    return [line for axes in figure.axes for line in axes.lines if line.get_gid() == gid]


def recist(*assessments):
    found = judged("recist_1_1", "PR", controlled=True)
    made = tuple(
        CriteriaAssessment(on, "PR", "", None, None if change is None else quantity(change, "percent"))
        for on, change in assessments
    )
    return ParticipantCriteria(
        (type(found)(**{name: getattr(found, name) for name in found.__slots__} | {"assessments": made}),)
    )


def test_a_spider_line_begins_at_no_change_and_has_a_mark_for_each_assessment_with_a_sum():
    criteria = recist((date(2022, 5, 1), -20.0), (date(2022, 8, 1), None), (date(2022, 7, 1), -40.0))
    line = spider_line("P01", date(2022, 3, 1), criteria)
    assert [(day, change) for day, change, _ in line.points] == [(0, 0.0), (61, -20.0), (122, -40.0)]
    figure = spider_figure([line])
    assert len(marks(figure, "assessment")) == 3


def test_one_assessment_or_no_treatment_has_no_line():
    assert spider_line("P01", None, recist((date(2022, 5, 1), -20.0))) is None
    assert spider_line("P01", date(2022, 3, 1), recist((date(2022, 5, 1), None))) is None
    assert spider_figure([]) is None


def test_an_undetermined_dose_stands_in_a_panel_of_its_own():
    determined = course("L1", quantity(5.0, "Gy", lower=3.0, upper=9.0), -40.0)
    undetermined = course("L2", quantity(None, "Gy"), -10.0)
    figure = dose_response_figure([ParticipantCriteria(lesions=(determined, undetermined))])
    assert [len([one for one in axes.lines if one.get_gid() == "lesion"]) for axes in figure.axes] == [1, 1]
    assert "1 lesion of 1 participant" in figure.axes[0].get_title(loc="left")


def test_what_has_points_is_drawn_and_what_has_none_is_not():
    for lesions in ((), (course("L1", None, -40.0),), (course("L1", quantity(None, "Gy"), -40.0),)):
        people = [ParticipantCriteria(lesions=lesions)]
        assert not has_points(people)
        assert dose_response_figure(people) is None
    resolved = [
        ParticipantCriteria(lesions=(course("L1", quantity(5.0, "Gy", lower=1.0, upper=9.0), None, status="resolved"),))
    ]
    assert has_points(resolved)
    assert dose_response_figure(resolved) is not None
    assert TRACE.version == "1"
