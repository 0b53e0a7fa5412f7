"""DV: the deviations that the run found in the records (SDTMIG 3.4, 6.2.4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from theratrial.exchange.datasets.values import ASSIGNED, DERIVED, Dataset, Method
from theratrial.exchange.sdtm.context import Moment, SdtmContext
from theratrial.exchange.sdtm.observations import SUBJECT, Record, Supplement, observations

_FOUND: Final = Method(
    "DVTERM",
    "Deviation",
    "Found by computation from the records, the images and the protocol: windows, consent, release of batches, "
    "pregnancy tests, activities, missed visits and images, sessions against the gate, late safety reports. "
    "Deviations that nothing recorded tells of are not here.",
)

_WHEN: Final = Method(
    "DVSTDTC",
    "Start of a deviation",
    "The moment of the record that the deviation was found in. Empty where something was not done: it has no moment.",
)
_EPOCH: Final = Method(
    "DVEPOCH",
    "Epoch of a deviation",
    "Epoch of its start; of something not done, the epoch in which it was planned.",
)
_LINE: Final = re.compile(r"records/(?P<table>\w+)\.csv line (?P<number>\d+)")
_DAY: Final = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_SESSION: Final = re.compile(r"\bsession \d+")


def dv(context: SdtmContext) -> tuple[Dataset, ...]:
    """Protocol deviations."""
    return observations(
        context,
        "DV",
        "Protocol Deviations",
        "DVTERM DVCAT EPOCH DVSTDTC DVSTDY",
        _found(context),
        keys="DVTERM",
        structure="One record per protocol deviation per subject",
        changes={
            "DVTERM": {"origin": DERIVED, "method": _FOUND},
            "DVCAT": {"origin": ASSIGNED},
            "DVSTDTC": {"origin": DERIVED, "method": _WHEN},
            "EPOCH": {"origin": DERIVED, "method": _EPOCH},
        },
        supplements=(Supplement("DVPLACE", "Where the Deviation Was Found"),),
    )


def _found(context: SdtmContext) -> Iterator[Record]:
    known = {one.participant_id: one for one in context.subjects}
    for note in context.result.notes:
        if note.severity == "deviation" and note.participant_id in known:
            subject = known[note.participant_id]
            at = _when(context, note.place)
            yield {
                SUBJECT: subject,
                "DVTERM": note.message,
                "DVCAT": "FOUND BY COMPUTATION",
                "DVSTDTC": at,
                "EPOCH": context.epoch(subject, at) if at is not None else _planned_epoch(context, note.place),
                "DVPLACE": note.place,
            }


def _when(context: SdtmContext, place: str) -> Moment | None:
    """The moment of the line of records that a deviation names, or the day that it names itself."""
    if line := _LINE.search(place):
        rows = context.folder.rows(line["table"]) if line["table"] in context.folder.tables else ()
        return next((row.moment for row in rows if row.line == int(line["number"])), None)
    day = _DAY.search(place)
    return date.fromisoformat(day[0]) if day else None


def _planned_epoch(context: SdtmContext, place: str) -> str | None:
    """The epoch in which something that has no day was planned."""
    if _SESSION.search(place):
        return "TREATMENT"
    last = max((one.number for one in context.visits if one.session is not None), default=0)
    for visit in context.visits:
        if any(re.search(rf"\b{re.escape(one)}\b", place) for one in visit.ids):
            return "FOLLOW-UP" if visit.number > last else "SCREENING"
    return None
