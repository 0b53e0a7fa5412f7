"""Adverse events that a person reports: CTCAE terms, serious events and pregnancies with their clocks, counts."""

from theratrial.safety.adverse.clock import ReportClock, report_clock
from theratrial.safety.adverse.lookup import TermFinding, likely_terms, term_finding, terms_matching
from theratrial.safety.adverse.terms import EVENT_TABLES, EventTerm, event_term, event_terms, system_organ_classes

__all__ = [
    "EVENT_TABLES",
    "EventTerm",
    "ReportClock",
    "TermFinding",
    "event_term",
    "event_terms",
    "likely_terms",
    "report_clock",
    "system_organ_classes",
    "term_finding",
    "terms_matching",
]
