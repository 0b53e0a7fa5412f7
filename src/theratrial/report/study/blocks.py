"""Blocks that only these documents have, beside those of every report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from theratrial.report import blocks
from theratrial.report.study.register import Register


@dataclass(frozen=True, slots=True)
class Room:
    """Empty room for people's words."""

    said: str
    kind: Final[str] = "room"


@dataclass(frozen=True, slots=True)
class Contents:
    """The table of contents, then the lists of tables and figures; the renderer fills it."""

    title: str
    tables: str
    kind: Final[str] = "contents"


@dataclass(frozen=True, slots=True)
class TraceLines:
    """The register of traces, a line each: (fragment, words)."""

    lines: tuple[tuple[str, str], ...]
    register: Register
    """The same in few words, for paper."""
    kind: Final[str] = "traces"


Block = blocks.Block | Room | Contents | TraceLines
"""Everything that these documents are made of."""
