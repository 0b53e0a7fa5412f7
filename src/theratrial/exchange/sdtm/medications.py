"""CM: cancer drugs before and after the trial's treatment (SDTMIG 3.4, 6.1.2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from theratrial.exchange.datasets.values import COLLECTED, Dataset
from theratrial.exchange.sdtm.context import SdtmContext, Subject
from theratrial.exchange.sdtm.observations import SUBJECT, Supplement, observations
from theratrial.exchange.sdtm.planned import ascii_text
from theratrial.exchange.sdtm.procedures import PROCEDURES
from theratrial.trialfolder.records import Row


def cm(context: SdtmContext) -> tuple[Dataset, ...]:
    """Concomitant and prior medications, as far as they are collected: drugs against the cancer."""
    return observations(
        context,
        "CM",
        "Concomitant/Prior Medications",
        "CMCAT CMSCAT EPOCH CMSTDTC CMENDTC CMSTDY CMENDY",
        _drugs(context),
        keys="CMSTDTC CMTRT CMCAT",
        structure="One record per recorded intervention occurrence per subject",
        supplements=(Supplement("CMOUTC", "Outcome of the Earlier Therapy", COLLECTED),),
    )


def _drugs(context: SdtmContext) -> Iterator[dict[str, Any]]:
    for subject, row in context.rows("prior_therapy"):
        if row["category"] not in PROCEDURES:
            outcome = row["outcome"]
            yield _drug(subject, row, "PRIOR CANCER THERAPY") | {
                "CMSTDTC": row["first_given_on"],
                "CMENDTC": row["last_given_on"],
                "CMOUTC": outcome.replace("_", " ").upper() if outcome else None,
            }
    for subject, row in context.rows("later_therapy"):
        if row["category"] not in PROCEDURES:
            yield _drug(subject, row, "SUBSEQUENT CANCER THERAPY") | {"CMSTDTC": row["started_on"]}


def _drug(subject: Subject, row: Row, category: str) -> dict[str, Any]:
    kind = row["category"]
    return {
        SUBJECT: subject,
        "CMTRT": ascii_text(row["agent"]).upper(),
        "CMCAT": category,
        "CMSCAT": ascii_text(kind.replace("_", " ")).upper() if kind else None,
    }
