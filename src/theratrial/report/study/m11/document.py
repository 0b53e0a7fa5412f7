"""Every section of the M11 template with its number, filled from the protocol or named as what people have to write.

References
----------
ICH M11, Clinical electronic Structured Harmonised Protocol, template, updated Step 2 draft of 14 March 2025; numbers
and headings as in CDISC's mapping of that draft to USDM 4.0 (cdisc-org/DDF-RA, m11_mapping.xlsx), and 8.4.2, 8.4.3 and
8.4.6, which have no element there, as in HL7's section codes of M11 (NCI Thesaurus C218596, C218597, C218600). The
Step 4 text was not at hand.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

from theratrial.protocol.clauses import DecisionStatus
from theratrial.report.blocks import Terms, Text
from theratrial.report.study.blocks import Block, Contents
from theratrial.report.study.inputs import PlanInputs
from theratrial.report.study.m11.general import GENERAL
from theratrial.report.study.m11.statistics import STATISTICS
from theratrial.report.study.m11.treatment import TREATMENT
from theratrial.report.study.parts import Chapter, to_write
from theratrial.report.study.render import Document
from theratrial.report.study.voice import Voice

BUILDERS = {**GENERAL, **TREATMENT, **STATISTICS}


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the template."""

    number: str
    english: str
    persian: str

    def said(self, voice: Voice) -> str:
        """The title in the language of the document."""
        return self.persian if voice.language == "fa" else self.english


@cache
def sections() -> tuple[Section, ...]:
    """Every section in its order."""
    text = resources.files(__package__).joinpath("headings.csv").read_text(encoding="utf-8")
    return tuple(Section(row["number"], row["english"], row["persian"]) for row in csv.DictReader(text.splitlines()))


def protocol_document(inputs: PlanInputs, voice: Voice) -> Document:
    """The protocol as a document; what the protocol file cannot say is left to people, section by section."""
    numbers = [one.number for one in sections()]
    chapters = [Chapter("0", voice("Title page"), _title(inputs, voice))]
    for section in sections():
        has_parts = any(number.startswith(f"{section.number}.") for number in numbers)
        builder = BUILDERS.get(section.number)
        blocks = builder(inputs, voice) if builder is not None else () if has_parts else (to_write(voice),)
        chapters.append(Chapter(section.number, section.said(voice), blocks))
    return Document(voice("Clinical trial protocol"), tuple(chapters), inputs.state)


def _title(inputs: PlanInputs, voice: Voice) -> tuple[Block, ...]:
    protocol, state, record = inputs.protocol, inputs.state, inputs.registration
    identity, population = protocol.identity.reading, protocol.population.reading
    rows = [
        (voice("Registration"), voice.inside(state.trial_id)),
        (voice("Protocol version"), state.protocol_version),
        (voice("Hash of the protocol file"), voice.inside(state.protocol_hash)),
    ]
    title = ""
    if identity is not None:
        title = voice.registered(record.scientific_title) if record is not None else ""
        title = title or voice.quoted(identity.scientific_title)
        rows.append((voice("Phase"), voice.core(identity.phase)))
    if population is not None:
        rows.append((voice("Planned participants"), str(population.sample_size)))
    sponsors = [voice.registered(one.contact.organization) for one in record.sponsors] if record is not None else []
    if sponsors:
        rows.append((voice("Sponsor"), "; ".join(dict.fromkeys(sponsors))))
    blocks: list[Block] = [Text(title), Terms(tuple(rows))]
    waiting = sum(one.decision.status is DecisionStatus.OPEN for one in protocol.conflicts)
    if waiting:
        blocks.append(Text(voice("Clauses of the protocol are open: nobody may be treated under it."), "stop"))
    if state.assumptions:
        blocks.append(
            Text(
                voice(
                    "Rests on {n} demonstration assumptions; nobody responsible has taken them.", n=state.assumptions
                ),
                "warning",
            )
        )
    blocks.append(
        Text(
            voice(
                "In the order of the ICH M11 template (draft of March 2025), made from the protocol file and the "
                "registration record. What neither says is left to be written; optional headings of the template that "
                "do not stand here (6.10.1, for example) are left out."
            ),
            "quiet",
        )
    )
    blocks.append(Contents(voice("Contents"), voice("Tables and figures")))
    return tuple(blocks)
