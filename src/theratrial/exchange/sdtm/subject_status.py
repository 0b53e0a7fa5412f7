"""SS: what each contact after treatment told of her life (SDTMIG 3.4, 6.3.11); what it told of the disease is in RS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from theratrial.exchange.datasets.values import ASSIGNED, Dataset
from theratrial.exchange.sdtm.context import SdtmContext
from theratrial.exchange.sdtm.findings import text_result
from theratrial.exchange.sdtm.observations import SUBJECT, observations
from theratrial.exchange.sdtm.terminology import term_list

VITAL_STATUS: Final = "SURVSTAT"
_STATUS: Final = {"alive": "ALIVE", "dead": "DEAD", "not_reached": "UNKNOWN"}
"""Status of `follow_up` -> CDISC's word: of whom nobody reached, nothing is known on that day."""


def ss(context: SdtmContext) -> tuple[Dataset, ...]:
    """Subject status."""
    return observations(
        context,
        "SS",
        "Subject Status",
        "SSEVAL SSEVALID EPOCH SSDY",
        _contacts(context),
        keys="SSTESTCD SSDTC",
        structure="One record per finding per contact per subject",
        changes={"SSEVAL": {"origin": ASSIGNED}, "SSSTRESC": {"origin": ASSIGNED}},
    )


def _contacts(context: SdtmContext) -> Iterator[dict[str, Any]]:
    for subject, row in context.rows("follow_up"):
        yield {
            SUBJECT: subject,
            "SSTESTCD": VITAL_STATUS,
            "SSTEST": term_list("SSTESTCD").terms[VITAL_STATUS].decode,
            **text_result("SS", row["status"].replace("_", " ").upper(), _STATUS[row["status"]]),
            "SSDTC": row["seen_on"],
            **told_by("SS", row["reported_by"]),
        }


def told_by(domain: str, person: str | None) -> dict[str, str]:
    """--EVAL and --EVALID of who told of a contact: somebody of the trial, by the code in the delegation log."""
    return {f"{domain}EVAL": "INVESTIGATOR", f"{domain}EVALID": person} if person else {}
