"""How many records of a package each known finding is about, counted as the text of the rule says.

No engine runs here: the counts tell a reviewer what to expect of one, and the tests hold them against CDISC's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from theratrial.exchange.datasets.values import Dataset, Value
from theratrial.exchange.sdtm.notes import KNOWN_FINDINGS

Records = Mapping[str, Sequence[Mapping[str, Value]]]


def remaining(datasets: Sequence[Dataset]) -> dict[tuple[str, str], int]:
    """(rule, data set) -> records or, where the rule is about subjects, subjects; 0 where it should be silent."""
    records = {one.name: list(one.records()) for one in datasets}
    return {(one.rule, one.dataset): _count(one.rule, one.dataset, records) for one in KNOWN_FINDINGS}


def _count(rule: str, name: str, records: Records) -> int:
    own = records.get(name, ())
    match rule:
        case "CORE-000701":
            return sum(not row.get("EPOCH") for row in own)
        case "CORE-000705":
            return sum(row.get("DTHFL") == "Y" and not row.get("DTHDTC") for row in own)
        case "CORE-000717":
            return _after_the_last_disposition(own, records.get("DS", ()))
        case "CORE-000741":
            return int(bool(own) and all(row["TSPARMCD"] != "PCLASS" for row in own))
        case _:
            return _without_fatal_event(own, records.get("DM", ()))


def _after_the_last_disposition(
    events: Sequence[Mapping[str, Value]], dispositions: Sequence[Mapping[str, Value]]
) -> int:
    last: dict[Value, str] = {}
    for row in dispositions:
        last[row["USUBJID"]] = max(last.get(row["USUBJID"], ""), str(row["DSSTDTC"] or ""))
    return sum(str(row["AESTDTC"] or "") > last.get(row["USUBJID"], "9") for row in events)


def _without_fatal_event(events: Sequence[Mapping[str, Value]], people: Sequence[Mapping[str, Value]]) -> int:
    """Subjects who died and have adverse events, none of them fatal."""
    dead = {row["USUBJID"] for row in people if row.get("DTHFL") == "Y"}
    fatal = {row["USUBJID"] for row in events if row.get("AEOUT") == "FATAL" or row.get("AESDTH") == "Y"}
    return len(dead & {row["USUBJID"] for row in events} - fatal)
