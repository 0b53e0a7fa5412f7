"""The CTCAE terms that a laboratory test can grade, read from the tables: blood counts and all others alike."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Final, Literal

from theratrial.errors import InputError, SourceError
from theratrial.reference import Table, table
from theratrial.reference.tables import Row
from theratrial.safety.criteria import Criterion, End, criterion
from theratrial.safety.intervals import TABLES as COUNT_TABLES
from theratrial.safety.intervals import Scale, grade_scale

TERM_TABLES: Final[dict[str, str]] = {"5.0": "safety/ctcae_v5_0_terms", "6.0": "safety/ctcae_v6_0_terms"}
"""CTCAE version -> the table of its laboratory terms beside the blood counts of `intervals.TABLES`."""

CTCAE_VERSIONS: Final = tuple(TERM_TABLES)

CORE_UNIT: Final = {
    "10^9/L": "e9_per_L",
    "g/L": "g_per_L",
    "mmol/L": "mmol_per_L",
    "mg/dL": "mg_per_dL",
    "umol/L": "umol_per_L",
    "U/L": "U_per_L",
    "%": "percent",
    "mL/min": "mL_per_min",
    "mL/min/1.73m2": "mL_per_min_per_1_73m2",
}
"""Printed unit -> core unit of `units.converted`."""

SUBSTANCE: Final = {"calcium_corrected": "calcium", "calcium_ionised": "calcium"}
"""Test -> substance whose molar mass converts it, where the test's name is not the substance."""

Direction = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Term:
    """A CTCAE term as one test grades it on one printed scale."""

    test: str
    term: str
    unit: str
    direction: Direction
    criteria: tuple[Criterion, ...]
    """Worst first."""
    clinical: tuple[tuple[int, str], ...]
    """(grade, what it says beyond the laboratory value), in order of grade."""
    lowest_believable: Decimal
    highest_believable: Decimal
    version: str
    table: Table

    @property
    def relative(self) -> bool:
        """Whether all ends are limits of the laboratory or the patient: then the unit reported need not change."""
        return all(end.limit is not None and not end.minus for one in self.criteria for end in one.ends)

    def beyond_value(self, grade: int | None) -> str:
        """What the printed grades from this one on ask of a clinician."""
        return "; ".join(f"grade {worse}: {text}" for worse, text in self.clinical if worse >= (grade or 0))


@cache
def terms(version: str) -> dict[str, tuple[Term, ...]]:
    """Test -> its terms (one per direction and printed unit), of one CTCAE version.

    Raises
    ------
    SourceError
        If the version has no table, or a row of it cannot be read.
    """
    if version not in TERM_TABLES:
        raise SourceError(f"CTCAE version {version!r} is not graded here; allowed: {', '.join(TERM_TABLES)}")
    found: dict[str, list[Term]] = {}
    for scale in grade_scale(version).values():
        found.setdefault(scale.test, []).append(_of_counts(scale, version))
    for term in _of_table(table(TERM_TABLES[version]), version):
        found.setdefault(term.test, []).append(term)
    return {test: tuple(own) for test, own in sorted(found.items())}


@cache
def test_names() -> tuple[str, ...]:
    """Every test that a version grades by value, in alphabetical order."""
    return tuple(sorted({test for version in CTCAE_VERSIONS for test in terms(version)}))


@cache
def known_tests() -> frozenset[str]:
    """Every test that a table knows, also those it says no value can grade."""
    return frozenset((*test_names(), *(row.text("test") for row in table("safety/ctcae_not_by_value"))))


@cache
def rests_on_baseline(test: str, version: str) -> bool:
    """Whether a grade of the test asks for the patient's baseline."""
    return any(
        one.when or any(end.limit == "BASELINE" for end in one.ends)
        for term in terms(version).get(test, ())
        for one in term.criteria
    )


def not_by_value(test: str, version: str) -> str | None:
    """Why a version does not grade a test by its value; None where it does.

    Raises
    ------
    InputError
        If the test is not known at all.
    """
    if test in terms(version):
        return None
    for row in table("safety/ctcae_not_by_value"):
        if (row.text("test"), row.text("version")) == (test, version):
            return row.text("reason")
    if test not in test_names():
        raise InputError(f"test {test!r} is not known; graded by value are {', '.join(test_names())}")
    return f"version {version} has no term that {test} grades by value"


def _of_counts(scale: Scale, version: str) -> Term:
    """A scale of the blood-count tables, whose intervals end below at the next grade."""
    criteria = []
    for interval in scale.intervals:
        if interval.below is None:
            continue
        limit: Literal["LLN"] | None = "LLN" if interval.below.number is None else None
        end = End("<", interval.below.number, limit, Decimal(1), Decimal(0))
        criteria.append(Criterion(interval.grade, (end,), (), "", interval.clinician, f"{interval}"))
    clinical = tuple((one.grade, one.clinician) for one in reversed(criteria) if one.clinician)
    return Term(
        scale.test,
        scale.term,
        scale.unit,
        "down",
        tuple(criteria),
        clinical,
        Decimal(0),
        scale.highest_believable,
        version,
        scale.table,
    )


def _of_table(source: Table, version: str) -> list[Term]:
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in source:
        groups.setdefault((row.text("test"), row.text("term"), row.text("unit")), []).append(row)
    return [_term(key, rows, source, version) for key, rows in groups.items()]


def _term(key: tuple[str, str, str], rows: list[Row], source: Table, version: str) -> Term:
    test, name, unit = key
    where = f"table {source.name} line {rows[0].line}"
    directions = {row.text("direction") for row in rows}
    if directions not in ({"up"}, {"down"}) or unit not in CORE_UNIT:
        raise SourceError(
            f"{where}: {name} needs one direction, up or down, and a known unit; got {directions}, {unit!r}"
        )
    criteria = [one for row in rows if (one := _criterion(row, source)) is not None]
    if any(end.upwards != (directions == {"up"}) for one in criteria for end in one.ends):
        raise SourceError(f"{where}: a criterion of {name} does not go {directions}")
    clinical = dict.fromkeys((int(row.number("grade")), row.text("clinician")) for row in rows if row.text("clinician"))
    lowest, highest = _believable(test, unit)
    return Term(
        test,
        name,
        unit,
        "up" if directions == {"up"} else "down",
        tuple(sorted(criteria, key=lambda one: -one.grade)),
        tuple(sorted(clinical)),
        lowest,
        highest,
        version,
        source,
    )


def _criterion(row: Row, source: Table) -> Criterion | None:
    return criterion(
        int(row.number("grade")),
        row.text("when"),
        row.text("criterion"),
        row.text("also"),
        row.text("clinician"),
        row.text("printed"),
        f"table {source.name} line {row.line}",
    )


def _believable(test: str, unit: str) -> tuple[Decimal, Decimal]:
    for row in table("safety/believable_ranges"):
        if (row.text("test"), row.text("unit")) == (test, unit):
            return Decimal(row.text("lowest")), Decimal(row.text("highest"))
    for row in table("safety/believable_values"):
        if (row.text("test"), row.text("unit")) == (test, unit):
            return Decimal(0), Decimal(row.text("highest"))
    raise SourceError(f"no believable range of {test} in {unit}")


__all__ = [
    "CORE_UNIT",
    "COUNT_TABLES",
    "CTCAE_VERSIONS",
    "SUBSTANCE",
    "TERM_TABLES",
    "Direction",
    "Term",
    "known_tests",
    "not_by_value",
    "rests_on_baseline",
]
