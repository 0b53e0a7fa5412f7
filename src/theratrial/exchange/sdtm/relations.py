"""RELREC: which records belong together (SDTMIG 3.4, 8.2 and 8.3).

Where one record of one data set belongs to many of another, or to one, the data sets are related as wholes, by a
linking variable. Where many belong to many, a relation of whole data sets says nothing that could be joined: then the
groups are related one by one, each with its participant and its value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from theratrial.exchange.datasets.values import ASSIGNED, Dataset, Value, dataset
from theratrial.exchange.sdtm.observations import with_terms
from theratrial.exchange.sdtm.variables import SDTMIG, standard_variables


@dataclass(frozen=True, slots=True)
class Side:
    """One data set of a relation: its linking variable, and whether one or many of its records take part."""

    domain: str
    variable: str
    kind: Literal["ONE", "MANY"]


RELATIONS: Final[dict[str, tuple[Side, Side]]] = {
    "ECEX": (Side("EC", "ECLNKID", "MANY"), Side("EX", "EXLNKID", "ONE")),
    "AGPR": (Side("AG", "AGLNKID", "ONE"), Side("PR", "PRLNKID", "MANY")),
    "TUTR": (Side("TU", "TULNKID", "ONE"), Side("TR", "TRLNKID", "MANY")),
    "EXPR": (Side("EX", "EXLNKID", "ONE"), Side("PR", "PRLNKID", "MANY")),
    "EXXD": (Side("EX", "EXLNKID", "ONE"), Side("XD", "XDLNKID", "MANY")),
    "PRTU": (Side("PR", "PRREFID", "ONE"), Side("TU", "TUREFID", "MANY")),
    "PRTR": (Side("PR", "PRREFID", "ONE"), Side("TR", "TRREFID", "MANY")),
    "TUXD": (Side("TU", "TULNKGRP", "MANY"), Side("XD", "XDLNKGRP", "MANY")),
    "TRRS": (Side("TR", "TRLNKGRP", "MANY"), Side("RS", "RSLNKGRP", "MANY")),
}
"""RELID -> its two sides. A relation is written where both data sets are there and have the variable; of many to many
each group has a number behind it: TRRS1, TRRS2 ..."""


def relrec(datasets: Sequence[Dataset], study_id: str) -> tuple[Dataset, ...]:
    """Related records, from the data sets that there are."""
    there = {one.name: one for one in datasets}
    records: list[dict[str, Value]] = []
    for name, sides in RELATIONS.items():
        if all(side.domain in there and there[side.domain].has(side.variable) for side in sides):
            whole = any(side.kind == "ONE" for side in sides)
            found = _of_data_sets(name, sides) if whole else _of_groups(name, sides, there)
            records += [{"STUDYID": study_id, **one} for one in found]
    if not records:
        return ()
    records.sort(key=lambda one: tuple(str(one.get(key) or "") for key in _KEYS))
    names = ("STUDYID", "RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL", "RELTYPE", "RELID")
    variables = standard_variables("RELREC", (), {name: {"origin": ASSIGNED, "method": None} for name in names})
    return (
        dataset(
            "RELREC",
            "Related Records",
            with_terms("RELREC", variables, records),
            records,
            keys=_KEYS,
            structure="One record per related record, group of records or dataset",
            class_name="RELATIONSHIP",
            standard=SDTMIG,
        ),
    )


_KEYS: Final = ("STUDYID", "RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL", "RELID")


def _of_data_sets(name: str, sides: tuple[Side, Side]) -> Iterator[dict[str, Value]]:
    for side in sides:
        yield {"RDOMAIN": side.domain, "IDVAR": side.variable, "RELTYPE": side.kind, "RELID": name}


def _of_groups(name: str, sides: tuple[Side, Side], there: Mapping[str, Dataset]) -> Iterator[dict[str, Value]]:
    """A group of each side with the same participant and value; values that one side alone has relate to nothing."""
    first, second = (_groups(there[side.domain], side.variable) for side in sides)
    for number, (subject, value) in enumerate(sorted(first & second), 1):
        for side in sides:
            yield {
                "RDOMAIN": side.domain,
                "USUBJID": subject,
                "IDVAR": side.variable,
                "IDVARVAL": value,
                "RELID": f"{name}{number}",
            }


def _groups(one: Dataset, variable: str) -> set[tuple[str, str]]:
    return {(str(row["USUBJID"]), str(row[variable])) for row in one.records() if row[variable] is not None}
