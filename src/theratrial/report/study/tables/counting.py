"""Numbers that a document itself counts or summarises, each with the trace of what it was counted from."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from theratrial.report.blocks import Cell
from theratrial.report.study.voice import Voice
from theratrial.report.texts import number
from theratrial.report.traces import TraceBook
from theratrial.results.values import ParticipantResult
from theratrial.trace import Trace

COUNT = "report.study.count"
SUMMARY = "report.study.median_and_range"
VERSION = "1"


def count_cell(book: TraceBook, counted: Sequence[ParticipantResult], field: str, *, of: int = 0) -> Cell:
    """How many participants, with their share; the trace names each of them and the value it was counted by."""
    sources = {one.participant_id: f"value:participants[{one.participant_id}].{field}" for one in counted}
    return counted_cell(book, len(counted), sources, of=of)


def counted_cell(book: TraceBook, n: int, sources: Mapping[str, str], *, of: int = 0) -> Cell:
    """A count with its share."""
    share = f" ({100 * n / of:.0f} %)" if of else ""
    return Cell(f"{n}{share}", anchor=book.anchor(Trace(COUNT, VERSION, sources)), style="number")


def summary_cell(voice: Voice, book: TraceBook, values: Mapping[str, tuple[float, str]], *, digits: int = 3) -> Cell:
    """Median and range of what is known of each participant: id -> (value, where it stands)."""
    if not values:
        return Cell(voice("not recorded"), style="missing")
    numbers = [value for value, _ in values.values()]
    shown = [number(one, digits=digits) for one in (statistics.median(numbers), min(numbers), max(numbers))]
    text = shown[0] if len(numbers) == 1 else f"{shown[0]} ({shown[1]}–{shown[2]})"
    trace = Trace(SUMMARY, VERSION, {who: place for who, (_, place) in values.items()})
    return Cell(text, anchor=book.anchor(trace), style="number", below=f"n = {len(numbers)}")


def record_cell(book: TraceBook, text: str, source: str) -> Cell:
    """What a line of the records says."""
    return Cell(text, anchor=book.anchor(Trace("record", "1", {"line": source})))


def result_cell(book: TraceBook, text: str, place: str, *, style: str = "number") -> Cell:
    """What stands at a place of the results, as it stands there."""
    return Cell(
        text, anchor=book.anchor(Trace("report.study.shown", VERSION, {"value": f"value:{place}"})), style=style
    )
