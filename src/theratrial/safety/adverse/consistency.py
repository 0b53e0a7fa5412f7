"""What the record of an adverse event lacks or contradicts in itself, in words; nothing is corrected or guessed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from theratrial.safety.adverse.lookup import term_finding
from theratrial.safety.adverse.terms import as_written
from theratrial.trialfolder.records import Row

FATAL_GRADE: Final = 5
_RECOVERED: Final = ("recovered", "recovered_with_sequelae")


def event_problems(row: Row) -> tuple[str, ...]:
    """Of any adverse event: its term, its grade, its days, and death told in one place only."""
    problems = list(term_problems(row))
    started, ended = row["started_on"], row["ended_on"]
    if started is None:
        problems.append("the first day is not recorded")
    elif ended is not None and ended < started:
        problems.append(f"it ended on {ended.isoformat()}, before it began on {started.isoformat()}")
    if row["outcome"] == "fatal" and row["grade"] != FATAL_GRADE:
        has = "no grade" if row["grade"] is None else f"grade {row['grade']}"
        problems.append(f"the outcome is fatal, but it has {has}; a fatal event has grade {FATAL_GRADE}")
    if row["grade"] == FATAL_GRADE and row["outcome"] != "fatal":
        problems.append(f"grade {FATAL_GRADE} is death, but the outcome is {_words(row['outcome'])}")
    if ended is None and row["outcome"] in _RECOVERED:
        problems.append(f"the outcome is {_words(row['outcome'])}, but it has no last day")
    if row["serious"] is False and (row["grade"] == FATAL_GRADE or row["outcome"] == "fatal"):
        problems.append("death is serious, but the event is recorded as not serious")
    if row["serious"] is False and (row["seriousness"] or "").strip():
        problems.append("it has a reason of seriousness, but is recorded as not serious")
    return tuple(problems)


def term_problems(row: Row) -> tuple[str, ...]:
    """Whether the term is one of its CTCAE version, and the grade one of the term's."""
    if not row["term"]:
        return ("the term is not recorded",)
    if row["ctcae_version"] is None:
        return ("the version of CTCAE is not recorded, so the term cannot be looked up",)
    return term_finding(row["term"], row["grade"], row["ctcae_version"]).problems


def seriousness_problems(row: Row, criteria: Sequence[str]) -> tuple[str, ...]:
    """Of a serious event: whether it says why it is serious, in the protocol's words.

    Several reasons are separated by semicolons. Without criteria of the protocol any reason is taken.
    """
    problems = []
    if row["serious"] is None:
        problems.append("whether it is serious is not recorded; it is listed until somebody says so")
    reasons = [one.strip() for one in (row["seriousness"] or "").split(";") if one.strip()]
    if not reasons:
        problems.append("no reason of seriousness is recorded")
    allowed = {as_written(one) for one in criteria}
    odd = [one for one in reasons if allowed and as_written(one) not in allowed]
    if odd:
        problems.append(
            f"{', '.join(map(repr, odd))}: no criterion of seriousness of the protocol; its criteria: "
            f"{'; '.join(criteria)}"
        )
    if row["outcome"] is None:
        problems.append("the outcome is not recorded")
    if row["related"] in (None, "not_assessed"):
        problems.append("the relation to the treatment is not assessed")
    return tuple(problems)


def _words(choice: str | None) -> str:
    return "not recorded" if choice is None else choice.replace("_", " ")
