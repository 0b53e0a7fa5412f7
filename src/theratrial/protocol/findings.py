"""What a check of a protocol says: a rule, how grave, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from theratrial.protocol.clauses import Clause, Sentence
from theratrial.protocol.schema import Protocol


class Severity(StrEnum):
    """How grave a finding is."""

    ERROR = "error"
    """The protocol contradicts itself as data: it cannot be run."""
    OPEN = "open"
    """The text clashes or is silent, and nobody decided: a trial must not start."""
    DEMONSTRATION = "demonstration"
    """Answered by an assumption of theratrial's: a demonstration may run, a real trial must not start."""
    WARNING = "warning"
    """Worth a second look."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check found; `path` is that of the clause or value."""

    rule: str
    severity: Severity
    path: str
    message: str
    remedy: str = ""
    sentences: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rooms above know and a protocol refers to; without it the rules that need it are not judged."""

    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Record table -> column -> type, as in ``theratrial.trialfolder.tables``."""
    gradeable_tests: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """CTCAE version -> laboratory tests that can be graded."""
    phantom_regions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Reference phantom -> its regions."""
    priors: frozenset[str] = frozenset()
    """Shipped population priors."""
    release_limits: frozenset[str] = frozenset()
    """Rows of the shipped table of release criteria."""
    dose_constraints: frozenset[str] = frozenset()
    """Sets of the shipped table of dose constraints."""
    event_terms: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """CTCAE version -> its terms of adverse events."""


def error(rule: str, path: str, message: str, remedy: str = "") -> Finding:
    """A finding that makes the protocol unfit to run."""
    return Finding(rule, Severity.ERROR, path, message, remedy)


def warning(rule: str, path: str, message: str, remedy: str = "") -> Finding:
    """A finding worth a second look."""
    return Finding(rule, Severity.WARNING, path, message, remedy)


def clauses(protocol: Protocol) -> Iterator[tuple[str, Clause[Any]]]:
    """Every clause with its path, in the order of the schema."""
    for name in type(protocol).model_fields:
        value = getattr(protocol, name)
        if isinstance(value, Clause):
            yield name, value
        elif isinstance(value, dict):
            for key, clause in value.items():
                yield f"{name}.{key}", clause
        elif name == "ethics":
            for index, clause in enumerate(value):
                yield f"{name}[{index}]", clause


def readings(group: Mapping[str, Clause[Any]]) -> dict[str, Any]:
    """Id -> reading of the clauses of a group that have one."""
    return {key: clause.reading for key, clause in group.items() if clause.reading is not None}


def clause_paths(protocol: Protocol, path: str) -> tuple[str, ...]:
    """Paths of the clauses under a path: itself, all of a group, or a variable; empty where there is none."""
    known = [one for one, _ in clauses(protocol)]
    variables = [f"variables.{variable.id}" for variable in protocol.variables]
    return tuple(one for one in known + variables if one == path or one.startswith((f"{path}.", f"{path}[")))
