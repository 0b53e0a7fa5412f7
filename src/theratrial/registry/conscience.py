"""What a record owes to the trial it describes: proposals field by field, what is overdue by which rule, the draft."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from theratrial.registry.fields import Field
from theratrial.registry.found import Sentence


@dataclass(frozen=True, slots=True)
class Proposal:
    """One field that the trial's data say should change; values are those of the record (`RecordDate`, `Coded`)."""

    field: Field
    path: str
    old: Any
    new: Any
    evidence: Sentence
    """What in the trial's data shows it: ``first consent: P01, signed 2022-02-03``."""
    rule: str
    """Id of the rule by which it is owed, of `DUTIES`."""
    since: date
    """Day on which the record stopped being true in this field."""
    due: date
    """Last day on which the rule wants it said."""
    overdue_days: int
    """Days past `due` today; 0 where it is not overdue."""


@dataclass(frozen=True, slots=True)
class Duty:
    """Something that is owed by a rule, whether or not a field changes: the yearly update, the results."""

    rule: str
    title: Sentence
    source: str
    because: Sentence
    due: date
    overdue_days: int


@dataclass(frozen=True, slots=True)
class Owed:
    """All that the record owes today."""

    as_of: date
    proposals: tuple[Proposal, ...]
    duties: tuple[Duty, ...]
    """Yearly update, results, and the like; the most overdue first."""
    undetermined: tuple[Sentence, ...]
    """What could not be judged, and why: a fact that the data do not say is never taken as true."""
    reason: Sentence
    """Drafted reason for the update, in both languages; empty where nothing is proposed."""
    last_true: date | None
    """Last day on which the record agreed with the trial in every field judged; None: it never did."""
    days_since_true: int | None
    """Days from `last_true` to today; 0 where it is true now; None where it never was."""
