"""What is asked of a release of tables, and what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from theratrial.sharing.images.keys import ReleaseKey
from theratrial.sharing.images.values import Person


@dataclass(frozen=True, slots=True)
class TablesAsked:
    """How the tables are to be shared.

    Parameters
    ----------
    people
        Participants of earlier releases under this key, of images too: they keep code and shift.
    allowed_texts
        (table, column, value) of free texts that a person has read and allowed.
    relative_days
        Whether dates become days of the study (day 1 is the day of the first treatment session, there is no day 0)
        instead of moved dates. For participants without one day 1 is the day of screening.
    smallest_group
        Values held by fewer participants than this are flagged.
    """

    key: ReleaseKey
    people: Mapping[str, Person] = field(default_factory=dict)
    allowed_texts: frozenset[tuple[str, str, str]] = frozenset()
    relative_days: bool = False
    smallest_group: int = 5


@dataclass(frozen=True, slots=True)
class SmallGroup:
    """A value that few participants have."""

    table: str
    column: str
    value: str
    participants: int


@dataclass(frozen=True, slots=True)
class Combination:
    """How well the participants hide in each other by some of their characteristics together."""

    characteristics: tuple[str, ...]
    groups: int
    smallest: int
    """k: nobody is in a smaller group."""
    alone: int
    """Participants whom the combination singles out."""
    highest_risk: float
    """Chance of the right person for someone who knows that she took part: 1 over the smallest group."""
    mean_risk: float
    """The same, averaged over the participants: groups over participants."""


@dataclass(frozen=True, slots=True)
class Risk:
    """What can be said honestly of the risk that somebody is recognised."""

    participants: int
    combinations: tuple[Combination, ...]
    small_groups: tuple[SmallGroup, ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WithheldText:
    """A free text that was not shared, for the person who reads it. Stays home."""

    table: str
    column: str
    value: str
    lines: int


@dataclass(frozen=True, slots=True)
class SharedTables:
    """The release: files by name, and what stays home."""

    files: Mapping[str, bytes]
    risk: Risk
    people: Mapping[str, Person]
    """Stays home."""
    withheld_texts: tuple[WithheldText, ...]
    """Stays home."""
    excluded: tuple[str, ...]
    """Participants who withdrew the use of their data. Stays home."""
    leaks: tuple[str, ...]
    """Where something of a participant was found; empty, or nothing may leave."""
