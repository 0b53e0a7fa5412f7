"""Deviations and notes, assumptions, and how to check that all this is what the inputs give."""

from __future__ import annotations

from dataclasses import replace

from theratrial.report.blocks import Block, Cell, Folded, Section, Table, Terms, Text
from theratrial.report.sections.doses import missing_parts
from theratrial.report.texts import count
from theratrial.report.traces import TraceBook
from theratrial.results.values import TrialResult
from theratrial.trace import bytes_hash

_SEVERITIES = ("deviation", "warning", "info")
_SEVERITY_SIGNS = {"deviation": "■ deviation", "warning": "◆ warning", "info": "● note"}


def notes_section(result: TrialResult) -> Section:
    """Deviations first."""
    if not result.notes:
        return Section("notes", "Deviations and notes", (Text("There are none.", "quiet"),))
    ordered = sorted(result.notes, key=lambda note: _SEVERITIES.index(note.severity))
    rows = tuple(
        (
            Cell(note.participant_id or "whole trial"),
            Cell(_SEVERITY_SIGNS[note.severity], style=f"severity {note.severity}"),
            Cell(note.place, style="wrap"),
            Cell(note.message, style="wrap"),
        )
        for note in ordered
    )
    table = Table(
        f"{count(len(rows), 'entry', 'entries')}, deviations first",
        ("Participant", "Kind", "Where", "What"),
        rows,
        style="dense",
    )
    return Section("notes", "Deviations and notes", (table,))


def assumptions_section(result: TrialResult) -> Section:
    """What is ours and not the protocol's."""
    title = "Demonstration assumptions"
    blocks: list[Block] = []
    if result.open_conflicts:
        blocks.append(Text("Still open; a trial cannot be activated while any of these is open:", "stop"))
        blocks += [Text(conflict, "stop") for conflict in result.open_conflicts]
    if not result.assumptions:
        blocks.append(Text("There are none: every clause has been decided.", "quiet"))
        return Section("assumptions", title, tuple(blocks))
    blocks.append(
        Text(
            "The registered record is silent, ambiguous or contradicts itself here. So that the demonstration can run, "
            "each point has an answer of ours; the trial's investigators have given none of these answers."
        )
    )
    rows = tuple(
        (
            Cell(one.title or one.clause, below=one.clause),
            Cell(one.answer or "as the protocol file reads it", style="wrap" if one.answer else "wrap quiet"),
            Cell(one.why or "no reason stated", style="wrap"),
        )
        for one in result.assumptions
    )
    blocks.append(
        Table(
            f"{count(len(rows), 'demonstration assumption')}",
            ("What is not decided", "Answer taken", "Why this one"),
            rows,
            style="dense",
        )
    )
    return Section("assumptions", title, tuple(blocks))


def resting_assumptions(result: TrialResult, used: set[str]) -> Section:
    """Those assumptions that the named clauses are; the others are counted.

    Parameters
    ----------
    used
        Clause ids that the values of the page rest on.
    """
    kept = tuple(one for one in result.assumptions if one.clause in used)
    section = assumptions_section(replace(result, assumptions=kept))
    others = len(result.assumptions) - len(kept)
    if not others:
        return section
    said = Text(
        f"The doses of this page rest on {count(len(kept), 'assumption')} by their traces; the trial rests on "
        f"{count(others, 'other')} as well, which the trial report lists."
    )
    shown = section.blocks if kept else section.blocks[:-1]
    return replace(section, blocks=(said, *shown))


def inputs_hash(result: TrialResult) -> str:
    """One hash of the names and contents of all inputs, as the run record states it."""
    return bytes_hash("\n".join(f"{file.content_hash} {file.path}" for file in result.inputs).encode())


def provenance_section(result: TrialResult, book: TraceBook) -> Section:
    """Versions, hashes, and how to verify."""
    lacking = "; ".join(f"{part} ({count(number, 'dose')})" for part, number in missing_parts(result))
    terms = (
        ("Made by", f"theratrial {result.product_version}, results schema {result.schema_version}"),
        ("Protocol", f"version {result.protocol_version}, {result.protocol_hash}"),
        ("Inputs", f"{count(len(result.inputs), 'file')}, manifest {inputs_hash(result)}"),
        (
            "How to verify",
            "`theratrial verify FOLDER` with the folder of this report recomputes every number from the stored inputs "
            "and names the first that differs.",
        ),
        ("Not in the absorbed doses", lacking or "nothing is named as missing"),
        ("Times", f"as recorded, time zone of the trial {result.timezone}"),
        (
            "Methods",
            "each value names its method and version; docs/methods of the product describes them with their limits",
        ),
    )
    inputs = Table(
        "Inputs",
        ("File", "Content hash"),
        tuple((Cell(file.path, style="wrap"), Cell(file.content_hash, style="wrap hash")) for file in result.inputs),
        style="dense",
    )
    blocks: list[Block] = [Terms(terms)]
    # The register is complete only now: this section is built last.
    blocks.append(Folded("Traces: method, version and inputs of every value shown", (book.table(),)))
    if result.inputs and len(result.inputs) <= 2000:
        blocks.append(Folded(f"Inputs ({len(result.inputs)})", (inputs,)))
    return Section("provenance", "Methods and provenance", tuple(blocks))
