"""Participants counted by their adverse events: each once per line, by the worst grade; events are not people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from theratrial.safety.adverse.terms import as_written

SEVERE: Final = 3
FATAL: Final = 5
NO_CLASS: Final = "not a CTCAE term"
_ENDS_TREATMENT: Final = frozenset(
    {"treatment ended", "treatment stopped", "treatment discontinued", "permanently discontinued", "drug withdrawn"}
)


@dataclass(frozen=True, slots=True)
class CountedEvent:
    """What counting needs of an event."""

    participant_id: str
    term: str
    system_organ_class: str
    """Empty where the term is none of its CTCAE version."""
    grade: int
    related: bool
    serious: bool
    action_taken: str = ""
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class GradeCounts:
    """One line: participants by the worst grade of the events that it holds."""

    name: str
    participants: frozenset[str]
    worst: Mapping[int, frozenset[str]]
    """Grade 1 to 5 -> who had it as the worst; together they are `participants`, nobody twice."""
    severe: frozenset[str]
    related: frozenset[str]
    serious: frozenset[str]
    events: int


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """A system organ class and its terms."""

    total: GradeCounts
    terms: tuple[GradeCounts, ...]


def grade_counts(name: str, events: Iterable[CountedEvent]) -> GradeCounts:
    """Participants by the worst grade of these events.

    Examples
    --------
    >>> nausea = [CountedEvent("P1", "Nausea", "", grade, related=False, serious=False) for grade in (1, 3, 2)]
    >>> found = grade_counts("Nausea", nausea)
    >>> len(found.participants), sorted(found.worst[3]), found.events
    (1, ['P1'], 3)
    """
    held = tuple(events)
    worst: dict[str, int] = {}
    for one in held:
        worst[one.participant_id] = max(one.grade, worst.get(one.participant_id, 0))
    by_grade = {grade: frozenset(who for who, has in worst.items() if has == grade) for grade in range(1, 6)}
    return GradeCounts(
        name=name,
        participants=frozenset(worst),
        worst=MappingProxyType(by_grade),
        severe=frozenset(who for who, has in worst.items() if has >= SEVERE),
        related=frozenset(one.participant_id for one in held if one.related),
        serious=frozenset(one.participant_id for one in held if one.serious),
        events=len(held),
    )


def class_counts(events: Iterable[CountedEvent]) -> tuple[ClassCounts, ...]:
    """By system organ class and term, the most frequent first, then by name; terms spelled alike are one.

    A class counts a participant once, by the worst grade of any of its terms; its terms therefore do not add up to it.
    """
    classes: dict[str, dict[str, list[CountedEvent]]] = {}
    for one in events:
        terms = classes.setdefault(one.system_organ_class or NO_CLASS, {})
        terms.setdefault(as_written(one.term), []).append(one)
    found = []
    for name, terms in classes.items():
        lines = tuple(sorted((grade_counts(held[0].term, held) for held in terms.values()), key=_frequent_first))
        found.append(ClassCounts(grade_counts(name, (one for held in terms.values() for one in held)), lines))
    return tuple(sorted(found, key=lambda one: (one.total.name == NO_CLASS, *_frequent_first(one.total))))


def _frequent_first(line: GradeCounts) -> tuple[int, str]:
    return -len(line.participants), line.name


_KINDS: Final[Mapping[str, Callable[[CountedEvent], bool]]] = MappingProxyType(
    {
        "Any adverse event": lambda _: True,
        "Related to the treatment": lambda one: one.related,
        "Grade 3 or worse": lambda one: one.grade >= SEVERE,
        "Grade 3 or worse and related": lambda one: one.grade >= SEVERE and one.related,
        "Serious": lambda one: one.serious,
        "Serious and related": lambda one: one.serious and one.related,
        "Leading to the end of treatment": lambda one: ends_treatment(one.action_taken),
        "Fatal (grade 5, or with fatal outcome)": lambda one: one.grade == FATAL or one.fatal,
    }
)


def overview_counts(events: Sequence[CountedEvent]) -> tuple[GradeCounts, ...]:
    """Participants with any event, a related, severe, serious or fatal one, and one that ended treatment."""
    return tuple(grade_counts(name, (one for one in events if holds(one))) for name, holds in _KINDS.items())


def ends_treatment(action_taken: str) -> bool:
    """Whether an action, in the protocol's words, ended the treatment for good; withheld or postponed is not ended."""
    return as_written(action_taken) in _ENDS_TREATMENT
