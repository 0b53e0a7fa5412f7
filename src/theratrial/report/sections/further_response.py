"""The sections that stand behind the response: other criteria, the tracer itself, lesions followed, other rules."""

from __future__ import annotations

from theratrial.report.blocks import Section
from theratrial.report.sections.criteria import criteria_section
from theratrial.report.sections.lesion_courses import lesion_courses_section
from theratrial.report.sections.replay import replay_section
from theratrial.report.sections.tracer import tracer_section
from theratrial.report.studio import Studio
from theratrial.report.traces import TraceBook
from theratrial.results.values import TrialResult


def further_response_sections(result: TrialResult, book: TraceBook, studio: Studio) -> tuple[Section, ...]:
    """Those that have anything to say."""
    found = (
        criteria_section(result, book, studio),
        tracer_section(result, book, studio),
        lesion_courses_section(result, book, studio),
        replay_section(result, book),
    )
    return tuple(one for one in found if one is not None)
