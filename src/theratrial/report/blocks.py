"""What a document is made of, before anything becomes HTML: sections of paragraphs, tables, pictures and lists.

Builders of sections make these values, the renderer turns them into a page. A document of another kind puts the same
blocks in another order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Tone = Literal["", "quiet", "warning", "stop"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table: its text, what hovering over it says, and where its trace stands."""

    text: str
    hint: str = ""
    anchor: str = ""
    """Fragment of the trace of the value; "" for words that carry no value."""
    style: str = ""
    """Names of style classes of the page."""
    below: str = ""
    """A second, smaller line (an interval, a reason)."""
    more: tuple[Cell, ...] = ()
    """Further small lines that carry values of their own, each with its own trace."""
    page: str = ""
    """Another page of the same output that the text leads to, relative to this one."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption; the first cell of each row heads it."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    style: str = ""
    kind: Final[str] = "table"


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str
    tone: Tone = ""
    kind: Final[str] = "text"


@dataclass(frozen=True, slots=True)
class Terms:
    """A list of terms and what is said of each."""

    rows: tuple[tuple[str, str], ...]
    style: str = ""
    kind: Final[str] = "terms"


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure: an image as data, a text that replaces it, and a caption."""

    name: str
    source: str
    """``data:`` URI."""
    alternative: str
    caption: str
    style: str = ""
    share: float = 1.0
    """Of the width of the page."""
    kind: Final[str] = "picture"


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of the trial, large."""

    sentence: str
    plain_words: str
    remark: str
    kind: Final[str] = "answer"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a section."""

    text: str
    kind: Final[str] = "heading"


@dataclass(frozen=True, slots=True)
class Signatures:
    """Lines for people to sign on paper."""

    roles: tuple[str, ...]
    said: str
    """What a signature here says."""
    kind: Final[str] = "signatures"


@dataclass(frozen=True, slots=True)
class Folded:
    """Something that is closed until it is asked for; it is not printed."""

    summary: str
    blocks: tuple[Block, ...]
    kind: Final[str] = "folded"


Block = Table | Text | Terms | Picture | Answer | Heading | Signatures | Folded


@dataclass(frozen=True, slots=True)
class Section:
    """A numbered part of the document."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]
