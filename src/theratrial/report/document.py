"""The trial report: which sections, in which order."""

from __future__ import annotations

from theratrial.report.blocks import Section
from theratrial.report.sections.answer import answer_section
from theratrial.report.sections.curves import curves_section
from theratrial.report.sections.doses import doses_section
from theratrial.report.sections.eligibility import eligibility_section
from theratrial.report.sections.participants import course_section, flow_section
from theratrial.report.sections.provenance import assumptions_section, notes_section, provenance_section
from theratrial.report.sections.response import response_section
from theratrial.report.sections.safety import counts_section, gates_section
from theratrial.report.traces import TraceBook
from theratrial.results.pictures import Pictures
from theratrial.results.values import TrialResult


def report_sections(result: TrialResult, pictures: Pictures) -> tuple[Section, ...]:
    """All sections of the report."""
    book = TraceBook()
    sections = [
        answer_section(result, book),
        flow_section(result),
        course_section(result, book),
        eligibility_section(result, book),
        doses_section(result, book),
        curves_section(result, book),
        counts_section(result, book),
        gates_section(result, book),
        response_section(result, book),
        notes_section(result),
        assumptions_section(result),
    ]
    return (*sections, provenance_section(result, book))
