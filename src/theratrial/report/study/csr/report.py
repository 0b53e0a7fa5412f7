"""The whole report: every section of ICH E3 with its number, filled or named as what people have to write.

References
----------
ICH E3, Structure and Content of Clinical Study Reports, Step 4, 30 November 1995. Numbers and headings as in its table
of contents; docs/methods/study_documents.md says what the headings of sections 9.5 to 16 were collated with.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from theratrial.report.study.blocks import Block, TraceLines
from theratrial.report.study.csr import closing, conduct, efficacy, front, patients, plan, safety
from theratrial.report.study.inputs import Desk, StudyInputs
from theratrial.report.study.parts import Chapter, to_write
from theratrial.report.study.register import register
from theratrial.report.study.render import Document
from theratrial.report.study.voice import Voice
from theratrial.report.traces import TraceBook

Builder = Callable[[Desk], tuple[Block, ...]]
BUILDERS: Mapping[str, Builder] = {
    **front.BUILDERS,
    **conduct.BUILDERS,
    **plan.BUILDERS,
    **patients.BUILDERS,
    **efficacy.BUILDERS,
    **safety.BUILDERS,
    **closing.BUILDERS,
}
LANDSCAPE = frozenset({"12.3", "12.3.1", "16.2.5", "16.2.6", "16.2.7"})
REGISTER = "16.1.9"
"""Section that ends with the register of traces."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A section of ICH E3."""

    number: str
    english: str
    persian: str

    def said(self, voice: Voice) -> str:
        """The title in the language of the document."""
        return self.persian if voice.language == "fa" else self.english


@cache
def headings() -> tuple[Heading, ...]:
    """Every section in its order."""
    text = resources.files(__package__).joinpath("e3.csv").read_text(encoding="utf-8")
    return tuple(Heading(row["number"], row["english"], row["persian"]) for row in csv.DictReader(text.splitlines()))


def study_report(inputs: StudyInputs, voice: Voice) -> Document:
    """The clinical study report."""
    desk = Desk(inputs, voice, TraceBook())
    numbers = [one.number for one in headings()]
    chapters = []
    for heading in headings():
        has_parts = any(number.startswith(f"{heading.number}.") for number in numbers)
        builder = BUILDERS.get(heading.number)
        blocks = builder(desk) if builder is not None else () if has_parts else (to_write(voice),)
        chapters.append(Chapter(heading.number, heading.said(voice), blocks, heading.number in LANDSCAPE))
    # The register is complete only when everything else is built.
    traces = traces_of(desk.book)
    chapters = [
        Chapter(one.number, one.title, (*one.blocks, traces), one.landscape) if one.number == REGISTER else one
        for one in chapters
    ]
    return Document(voice("Clinical study report"), tuple(chapters), inputs.state, paged=True)


def traces_of(book: TraceBook) -> TraceLines:
    """The register, in full and for paper."""
    return TraceLines(trace_lines(book), register(book.listed()))


def trace_lines(book: TraceBook) -> tuple[tuple[str, str], ...]:
    """The register of traces, a line each."""
    lines = []
    for row in book.table().rows:
        number, method, author, sources, demonstration = row
        rests = "" if demonstration.text == "none" else f" Demonstration: {demonstration.text}."
        by = "" if author.text == "theratrial" else f" By {author.text}."
        lines.append((number.anchor, f"{method.text}.{by} {sources.text}.{rests}"))
    return tuple(lines)
