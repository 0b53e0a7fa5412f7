"""The table of templates, read once: English with {1}, {2} ..., the same in Persian."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

VALUE = re.compile(r"\{(\d+)\}")
_COUNTED = re.compile(r" (?:days?|Gy|MBq|h|g/mL|lesions?|sessions?|half-lives|read\(s\)|line\(s\))\b")
"""Before these stands a number and nothing else."""
_ANY, _COUNT = "(.*?)", r"((?:[^A-Za-z;,]|,(?=\d))*?)"
_END = r"([^\s(),;]+)"
"""An end of an interval: a number or LLN, without what follows in brackets."""


@dataclass(frozen=True, slots=True)
class Template:
    """A sentence with places for its values."""

    english: str
    persian: str
    pattern: re.Pattern[str]
    anchor: str
    """Its longest constant text: a sentence without it was not made from this template."""
    weight: int
    """Letters of its constant text."""


@dataclass(frozen=True, slots=True)
class Table:
    """Words and whole sentences by their text; templates with the most constant text first."""

    words: dict[str, str]
    templates: tuple[Template, ...]


@cache
def table() -> Table:
    """The Persian table."""
    text = resources.files(__package__).joinpath("fa.csv").read_text(encoding="utf-8")
    words: dict[str, str] = {}
    templates = []
    for row in csv.DictReader(text.splitlines()):
        english, persian = row["english"], row["persian"]
        if VALUE.search(english):
            templates.append(_template(english, persian))
        else:
            words[english] = persian
    return Table(words, tuple(sorted(templates, key=lambda one: -one.weight)))


def _template(english: str, persian: str) -> Template:
    pieces = VALUE.split(english)
    constants = pieces[::2]
    # A value may be empty: "{1} is out of range{2}" without unit.
    ends = english.startswith(("< ", ">= "))
    pattern = "".join(
        re.escape(piece) if i % 2 == 0 else _END if ends else _COUNT if _COUNTED.match(pieces[i + 1]) else _ANY
        for i, piece in enumerate(pieces)
    )
    return Template(
        english,
        persian,
        re.compile(pattern, re.DOTALL),
        max(constants, key=len),
        sum(sum(map(str.isalnum, piece)) for piece in constants),
    )
