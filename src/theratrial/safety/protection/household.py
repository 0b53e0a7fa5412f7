"""Who is asked to keep which distance: dose constraints and situations of the shipped tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from theratrial.errors import InputError
from theratrial.reference import table
from theratrial.safety.protection.contact import ContactPattern, contact_pattern

CONSTRAINTS: Final = "safety/dose_constraints"
SITUATIONS: Final = "safety/contact_situations"
PUBLIC: Final = "public"
KIND_WORDS: Final = {
    "adult": "adult",
    "pregnant": "pregnant woman",
    "child_under_2": "child under 2 years",
    "child_2_to_5": "child of 2 to 5 years",
    "child_5_to_11": "child of 5 to 11 years",
    "child_over_11": "child over 11 years",
}
KINDS: Final = tuple(KIND_WORDS)


@dataclass(frozen=True, slots=True)
class HouseholdMember:
    """Somebody who lives with the patient; never a name."""

    member_id: str
    kind: str
    shares_bed: bool

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"kind of person {self.kind!r}; allowed are {', '.join(KINDS)}")


@dataclass(frozen=True, slots=True)
class Contact:
    """A pattern of contact of one person, or of anybody, with its share of the constraint for one session."""

    member_id: str
    kind: str
    title: str
    pattern: ContactPattern
    constraint_mSv: float


def dose_constraint_mSv(constraints: str, kind: str, *, sessions: int = 1) -> float:
    """Constraint for one session [mSv]; one of a year is divided by the sessions that may fall into it.

    Raises
    ------
    InputError
        There is no such set of constraints.

    Examples
    --------
    >>> round(dose_constraint_mSv("relatives_1_public_0_3", "public", sessions=3), 3)
    0.1
    """
    rows = [row for row in table(CONSTRAINTS) if row.text("constraints") == constraints]
    if not rows:
        known = dict.fromkeys(row.text("constraints") for row in table(CONSTRAINTS))
        raise InputError(f"there are no dose constraints {constraints!r}; there are {', '.join(known)}")
    row = next(row for row in rows if row.text("kind") == kind)
    value = row.number("value_mSv")
    return value / max(sessions, 1) if row.text("per") == "year" else value


def contacts(constraints: str, household: Sequence[HouseholdMember], *, sessions: int = 1) -> tuple[Contact, ...]:
    """Every contact that is judged: of each member of the household, then of everybody else.

    Contacts of one person share the constraint, so that all of them together keep to it.
    """
    everybody = HouseholdMember("", "adult", False)
    found = []
    for member, kind in (*((one, one.kind) for one in household), (everybody, PUBLIC)):
        constraint_mSv = dose_constraint_mSv(constraints, kind, sessions=sessions)
        for row in table(SITUATIONS):
            if row.text("kind") == kind and (row.text("shares_bed") == "yes") == member.shares_bed:
                pattern, share = contact_pattern(row.text("pattern")), row.number("share")
                found.append(Contact(member.member_id, kind, row.text("title"), pattern, share * constraint_mSv))
    return tuple(found)
