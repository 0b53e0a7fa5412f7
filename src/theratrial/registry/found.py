"""What a check of a registration record says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How grave a finding is."""

    ERROR = "error"
    """The record is wrong, contradicts itself, or lacks what makes it a registration."""
    WARNING = "warning"
    """Unclear, incomplete or unlikely: a reader of the registry will ask."""
    INFO = "info"
    """Worth knowing: something will fall due, or was computed."""


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of the record, and the field they stand in (path with indices); of another source, its name and place."""

    text: str
    path: str
    source: str = "record"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence in both languages."""

    en: str
    fa: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check found.

    `path` is the field to mend; `quotes` are the words that clash, one alone where nothing else is needed; `source` is
    the rule's source as a reader can look it up; `remedy` says what to write or whom to ask.
    """

    rule: str
    severity: Severity
    path: str
    message: Sentence
    remedy: Sentence
    source: str
    quotes: tuple[Quote, ...] = ()
