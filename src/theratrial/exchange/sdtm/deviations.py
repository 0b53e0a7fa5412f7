"""DV: the deviations that the run found in the records (SDTMIG 3.4, 6.2.4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from theratrial.exchange.datasets.values import ASSIGNED, DERIVED, Dataset, Method
from theratrial.exchange.sdtm.context import SdtmContext
from theratrial.exchange.sdtm.observations import SUBJECT, Record, Supplement, observations

_FOUND: Final = Method(
    "DVTERM",
    "Deviation",
    "Found by computation from the records, the images and the protocol: windows, consent, release of batches, "
    "pregnancy tests, activities, missed visits and images, sessions against the gate, late safety reports. Deviations that "
    "nothing recorded tells of are not here.",
)


def dv(context: SdtmContext) -> tuple[Dataset, ...]:
    """Protocol deviations."""
    return observations(
        context,
        "DV",
        "Protocol Deviations",
        "DVTERM DVCAT",
        _found(context),
        keys="DVTERM",
        structure="One record per protocol deviation per subject",
        changes={"DVTERM": {"origin": DERIVED, "method": _FOUND}, "DVCAT": {"origin": ASSIGNED}},
        supplements=(Supplement("DVPLACE", "Where the Deviation Was Found"),),
    )


def _found(context: SdtmContext) -> Iterator[Record]:
    known = {one.participant_id: one for one in context.subjects}
    for note in context.result.notes:
        if note.severity == "deviation" and note.participant_id in known:
            yield {
                SUBJECT: known[note.participant_id],
                "DVTERM": note.message,
                "DVCAT": "FOUND BY COMPUTATION",
                "DVPLACE": note.place,
            }
