"""Parts of a document: chapters with their numbers, and the few blocks that every chapter uses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from theratrial.report.blocks import Cell, Table, Text
from theratrial.report.study.blocks import Block
from theratrial.report.study.voice import Voice
from theratrial.report.traces import TraceBook
from theratrial.trace import Quantity


@dataclass(frozen=True, slots=True)
class Chapter:
    """A numbered part of a document."""

    number: str
    title: str
    blocks: tuple[Block, ...] = ()
    landscape: bool = False

    @property
    def level(self) -> int:
        """1 for a chapter, 2 for its sections ..."""
        return self.number.count(".") + 1

    @property
    def anchor(self) -> str:
        """Its fragment."""
        return "s-" + self.number.replace(".", "-")


def to_write(voice: Voice) -> Text:
    """What stands where the folder cannot fill a section, and room for it."""
    return Text(voice("Not recorded in the trial folder: to be written by the sponsor."), "quiet")


def absent(voice: Voice) -> Text:
    """What stands where the protocol has no such clause."""
    return Text(voice("Not in this protocol."), "quiet")


def nothing_recorded(voice: Voice) -> Text:
    """What stands where a list is empty."""
    return Text(voice("None recorded."), "quiet")


def cells(*texts: str) -> tuple[Cell, ...]:
    """A row of words."""
    return tuple(Cell(text) for text in texts)


def number_cell(voice: Voice, book: TraceBook, quantity: Quantity | None, *, signed: bool = False) -> Cell:
    """A value with its interval below, leading to its trace."""
    if quantity is None:
        return Cell("–")
    anchor = book.anchor(quantity.trace)
    interval = voice.interval(quantity)
    if quantity.value is None:
        return Cell(voice("undetermined"), anchor=anchor, style="missing", below=interval)
    shown = voice.value(quantity, signed=signed, unit=False)
    return Cell(shown, anchor=anchor, style="number", below=interval)


def table(
    caption: str, head: Sequence[str], rows: Iterable[tuple[Cell, ...]], *, note: str = "", style: str = ""
) -> Table:
    """A table of a document."""
    return Table(caption, tuple(head), tuple(rows), note=note, style=style)


def table_or(
    voice: Voice,
    caption: str,
    head: Sequence[str],
    rows: Iterable[tuple[Cell, ...]],
    *,
    note: str = "",
    style: str = "",
) -> Block:
    """The table, or that there is nothing in it."""
    found = tuple(rows)
    if not found:
        return Text(voice("{table}: none recorded.", table=caption), "quiet")
    return table(caption, head, found, note=note, style=style)
