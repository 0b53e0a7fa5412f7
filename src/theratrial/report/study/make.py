"""A document of the trial as HTML and as PDF."""

from __future__ import annotations

from theratrial.protocol.schema import Protocol
from theratrial.report.study.analysis_plan.plan import analysis_plan
from theratrial.report.study.csr.report import study_report
from theratrial.report.study.inputs import PlanInputs, StudyInputs
from theratrial.report.study.m11.document import protocol_document
from theratrial.report.study.monitoring.report import safety_report
from theratrial.report.study.render import Document
from theratrial.report.study.state import DocumentKind
from theratrial.report.study.voice import DocumentLanguage, Speaker, Voice, unspoken


def document(kind: DocumentKind, inputs: StudyInputs | PlanInputs, voice: Voice) -> Document:
    """The document of that kind.

    Raises
    ------
    TypeError
        A document with data was asked for without data.
    """
    if kind in ("sap", "m11"):
        plan = inputs.plan if isinstance(inputs, StudyInputs) else inputs
        return analysis_plan(plan, voice) if kind == "sap" else protocol_document(plan, voice)
    if not isinstance(inputs, StudyInputs):
        raise TypeError(f"{kind} needs results")
    return study_report(inputs, voice) if kind == "csr" else safety_report(inputs, voice)


def voice_of(protocol: Protocol, language: DocumentLanguage, speaker: Speaker = unspoken) -> Voice:
    """The voice of a document: titles that the protocol gives in both languages are said as it says them."""
    return Voice(language, speaker, protocol_titles(protocol))


def protocol_titles(protocol: Protocol) -> dict[str, str]:
    """English -> Persian of every title and label that the protocol gives in both."""
    found: dict[str, str] = {}
    pending: list[object] = [protocol.model_dump(mode="json")]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            for one, several in (("title", "titles"), ("label", "labels")):
                if isinstance(node.get(several), dict) and "fa" in node[several]:
                    found[node[one]] = node[several]["fa"]
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)
    return found
