"""RELREC: which data sets belong together by their link identifiers (SDTMIG 3.4, 8.3).

Relations are between data sets, not record by record: the records of a participant with the same value of the linking
variables belong together.
"""

from __future__ import annotations

from collections.abc import Sequence
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
"""RELID -> its two sides. A relation is written where both data sets are there and have the variable."""


def relrec(datasets: Sequence[Dataset], study_id: str) -> tuple[Dataset, ...]:
    """Related records, from the data sets that there are."""
    there = {one.name: one for one in datasets}
    records: list[dict[str, Value]] = [
        {
            "STUDYID": study_id,
            "RDOMAIN": side.domain,
            "IDVAR": side.variable,
            "RELTYPE": side.kind,
            "RELID": name,
        }
        for name, sides in RELATIONS.items()
        if all(side.domain in there and there[side.domain].has(side.variable) for side in sides)
        for side in sides
    ]
    if not records:
        return ()
    names = ("STUDYID", "RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL", "RELTYPE", "RELID")
    variables = standard_variables("RELREC", (), {name: {"origin": ASSIGNED, "method": None} for name in names})
    return (
        dataset(
            "RELREC",
            "Related Records",
            with_terms("RELREC", variables, records),
            records,
            keys=("STUDYID", "RDOMAIN", "USUBJID", "IDVAR", "IDVARVAL", "RELID"),
            structure="One record per related record, group of records or dataset",
            class_name="RELATIONSHIP",
            standard=SDTMIG,
        ),
    )
