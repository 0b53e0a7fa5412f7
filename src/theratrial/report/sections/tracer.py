"""What the tracer tells beside the response: lesions without uptake, and what a fall of uptake means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from theratrial.report.blocks import Block, Cell, Heading, Section, Table, Text
from theratrial.report.figures.heterogeneity import heterogeneity_figure
from theratrial.report.studio import Studio
from theratrial.report.texts import count, words
from theratrial.report.traces import TraceBook
from theratrial.results.criteria import Heterogeneity, ReaderHeterogeneity, UptakeFall
from theratrial.results.values import TrialResult

_PATTERNS: Final = (
    "Patterns: A all of the tumour load has uptake, B the dominant part (half or more), C a minor part, D none of it. "
    "The load is what CT or FDG shows; the classes are those of ZEPHIR, the boundary of one half is our reading."
)
_FALL: Final = (
    "A fall of uptake is undecided unless the records name one meaning and rule the others out; the table of branches "
    "is in docs/methods/heterogeneity.md."
)
_SIGNS: Final = {"yes": "yes", "no": "no", "not_known": "not known"}


def tracer_section(result: TrialResult, book: TraceBook, studio: Studio) -> Section | None:
    """The section; None where the protocol asks for neither."""
    patterns = [(one.participant_id, seen) for one in result.participants if (seen := one.criteria.heterogeneity)]
    falls = [(one.participant_id, label) for one in result.participants if (label := one.criteria.uptake_fall)]
    if not patterns and not falls:
        return None
    blocks: list[Block] = []
    if patterns:
        blocks += [Heading("Lesions without uptake"), *_unreached(patterns), Text(_PATTERNS)]
        blocks += _figure(patterns, studio)
        blocks.append(_patterns(patterns, book))
    if falls:
        blocks += [Heading("What a fall of uptake means"), Text(_FALL), _falls(falls, book)]
    return Section("tracer", "Reading of the tracer", tuple(blocks))


def _unreached(patterns: Sequence[tuple[str, Heterogeneity]]) -> list[Block]:
    """The lesions that the therapy cannot reach, by name."""
    said = []
    for who, found in patterns:
        lesions = {lesion for one in found.readers for lesion in one.discordant}
        agreed = {lesion for lesion in lesions if all(lesion in one.discordant for one in found.readers)}
        if agreed:
            said.append(f"{who}: {', '.join(sorted(agreed))}")
        if lesions - agreed:
            said.append(f"{who}: {', '.join(sorted(lesions - agreed))} by one reader only")
    if not said:
        return [Text("No lesion known from other images was read as without uptake.")]
    return [Text(f"Lesions that the therapy cannot reach (known from CT or FDG, without uptake). {'; '.join(said)}.")]


def _figure(patterns: Sequence[tuple[str, Heterogeneity]], studio: Studio) -> list[Block]:
    figure = heterogeneity_figure(patterns)
    if figure is None:
        return []
    return [
        studio.vector(
            "heterogeneity",
            figure,
            alternative="Lesions with and without uptake of each participant, as in the table below",
            caption="Lesions known from CT or FDG, by what the reader sees of the tracer in them; a bar for each "
            "reader, with the pattern above it. Not assessable: lesions of the liver, and those nobody could judge.",
        )
    ]


def _patterns(patterns: Sequence[tuple[str, Heterogeneity]], book: TraceBook) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for who, found in patterns:
        joint = book.cell(found.pattern or "open", found.trace, style="" if found.pattern else "missing")
        if not found.readers:
            rows.append(
                (Cell(who), joint, Cell("nobody"), *(Cell("not known", style="missing"),) * 3, Cell(found.because))
            )
        for at, one in enumerate(found.readers):
            rows.append((Cell(who), joint if at == 0 else Cell(""), *_reader_cells(one, book)))
    return Table(
        "Pattern of uptake by each reader",
        ("Participant", "Pattern", "Reader", "By reader", "Without uptake", "By volume", "Because"),
        tuple(rows),
        style="dense",
    )


def _reader_cells(one: ReaderHeterogeneity, book: TraceBook) -> tuple[Cell, ...]:
    by = f"by {one.basis}" if one.pattern else ""
    return (
        Cell(one.reader),
        book.cell(one.pattern or "not assessable", one.trace, style="" if one.pattern else "missing", below=by),
        book.quantity(one.share_negative),
        book.quantity(one.share_negative_volume),
        Cell(one.because, style="wrap"),
    )


def _falls(falls: Sequence[tuple[str, UptakeFall]], book: TraceBook) -> Table:
    rows = []
    for who, found in falls:
        days = "not known" if found.days_since_antibody is None else count(found.days_since_antibody, "day")
        asked = "; ".join(f"{one.question}: {_SIGNS[one.answer]}" for one in found.evidence)
        rows.append(
            (
                Cell(who),
                book.cell(words(found.label), found.trace, style="missing" if found.label == "undecided" else ""),
                Cell(days, style="missing" if found.days_since_antibody is None else "number"),
                Cell(found.because, style="wrap", below=asked),
            )
        )
    return Table(
        "Label of each participant with a response PET",
        ("Participant", "Label", "Since cold antibody", "Because, and what was asked"),
        tuple(rows),
        style="dense",
    )
