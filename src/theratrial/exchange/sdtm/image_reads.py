"""FA: what readers found on an image as a whole, which no domain of lesions holds (SDTMIG 3.4, 6.4).

The object is the procedure (PR): the selection read of the first PET, and the reads of the therapy scans.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from theratrial.exchange.datasets.values import ASSIGNED, Dataset, Value
from theratrial.exchange.sdtm.context import SdtmContext, Subject
from theratrial.exchange.sdtm.findings import number_text, text_result
from theratrial.exchange.sdtm.observations import SUBJECT, VISIT, observations
from theratrial.exchange.sdtm.planned import ascii_text
from theratrial.trialfolder.records import Row

_TESTS: Final = {
    "SELREAD": "Selection Read",
    "LESTOTAL": "Number of Lesions Known",
    "LESPOS": "Number of Lesions With Uptake",
    "BIODREAD": "Read of the Biodistribution",
    "LESSEEN": "Number of Lesions Seen",
}


def fa(context: SdtmContext) -> tuple[Dataset, ...]:
    """Findings about images."""
    return observations(
        context,
        "FA",
        "Findings About Events or Interventions",
        "FACAT FASTRESN FAEVAL FAEVALID VISITNUM VISIT EPOCH FADTC FADY",
        (*_selection(context), *_biodistribution(context)),
        keys="FATESTCD FAOBJ FADTC FAEVALID",
        structure="One record per finding, per object, per time point, per visit per subject",
        changes={"FAOBJ": {"origin": ASSIGNED, "method": None}, "FAEVAL": {"origin": ASSIGNED}},
    )


def _selection(context: SdtmContext) -> Iterator[dict[str, Any]]:
    images = [
        clause.reading
        for clause in context.protocol.imaging.values()
        if clause.reading is not None and "selection" in clause.reading.purpose
    ]
    for subject, row in context.rows("selection_reads"):
        title = images[0].title if len(images) == 1 else "Selection image"
        common = _common(subject, row, title, "SELECTION READ")
        if len(images) == 1:
            common |= {VISIT: (images[0].id, None)}
        yield common | _test("SELREAD") | text_result("FA", row["result"].upper())
        yield from _counts(common, {"LESTOTAL": row["lesions_total"], "LESPOS": row["lesions_positive"]})


def _biodistribution(context: SdtmContext) -> Iterator[dict[str, Any]]:
    for subject, row in context.rows("biodistribution_reads"):
        clause = context.protocol.imaging.get(row["imaging_id"])
        title = clause.reading.title if clause is not None and clause.reading is not None else row["imaging_id"]
        common = _common(subject, row, title, "BIODISTRIBUTION READ") | {VISIT: (row["imaging_id"], row["session"])}
        yield common | _test("BIODREAD") | text_result("FA", ascii_text(row["result"].replace("_", " ")).upper())
        yield from _counts(common, {"LESSEEN": row["lesions_seen"]})


def _common(subject: Subject, row: Row, title: str, category: str) -> dict[str, Any]:
    return {
        SUBJECT: subject,
        "FAOBJ": ascii_text(title).upper(),
        "FACAT": category,
        "FADTC": row["read_at"],
        "FAEVAL": row["reader_role"].replace("_", " ").upper(),
        "FAEVALID": row["reader"],
    }


def _test(code: str) -> dict[str, Value]:
    return {"FATESTCD": code, "FATEST": _TESTS[code]}


def _counts(common: dict[str, Any], counts: dict[str, int | None]) -> Iterator[dict[str, Any]]:
    """Numbers that were written down; the form does not ask for them, so an empty one is no missed test."""
    for code, number in counts.items():
        if number is not None:
            text = number_text(number)
            yield common | _test(code) | text_result("FA", text) | {"FASTRESN": float(number)}
