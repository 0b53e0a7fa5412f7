"""The record of SDTM with which a time to event ended, found from what the run named: a line of records, or a value."""

from __future__ import annotations

from theratrial.exchange.adam.adrs import RS_PROTOCOL
from theratrial.exchange.adam.context import AdamContext, day_text
from theratrial.exchange.datasets.values import Value
from theratrial.exchange.sdtm.context import Subject, dtc
from theratrial.exchange.sdtm.disposition import ENDINGS
from theratrial.exchange.sdtm.laboratory import laboratory_code
from theratrial.exchange.sdtm.responses import AT_CONTACT
from theratrial.exchange.sdtm.subject_status import VITAL_STATUS
from theratrial.results.analysis import SurvivalPerson
from theratrial.trialfolder.records import Row

Where = tuple[str, str, dict[str, Value]]
"""Domain, variable, and the values of the one record."""


def end_source(context: AdamContext, subject: Subject, person: SurvivalPerson, ended: str) -> dict[str, Value]:
    """SRCDOM, SRCVAR and SRCSEQ of what ended her time; nothing where no one record of SDTM holds it.

    Parameters
    ----------
    ended
        What the run names as the end: a line of the records or a place of the results.
    """
    day, said = day_text(person.ended_on), person.because.removeprefix("censored: ")
    row = _line(context, subject, person, ended)
    for domain, variable, where in _of_place(ended, day) if row is None else _of_line(row, day, said):
        if found := context.source(domain, variable, subject, **where):
            return found
    return {}


def _line(context: AdamContext, subject: Subject, person: SurvivalPerson, ended: str) -> Row | None:
    """Her line; of several of a shared trial, which have no numbers, the one of that day."""
    rows = context.sdtm.lines(ended, subject)
    dated = [row for row in rows if row.table == "consents" or day_text(row.moment) == day_text(person.ended_on)]
    return (rows if len(rows) == 1 else (*dated, None))[0]


def _of_place(ended: str, day: Value) -> list[Where]:
    if ".pet_scans[" in ended:
        return [("PR", "PRSTDTC", {"PRCAT": "IMAGING", "PRSTDTC__day": day})]
    rule = "RECIST 1.1" if "[recist_1_1]" in ended else RS_PROTOCOL if ended.endswith(".response") else ""
    where: dict[str, Value] = {"RSCAT": rule, "RSTESTCD": "OVRLRESP", "RSACPTFL": "Y", "RSDTC__day": day}
    return [("RS", "RSDTC", where)] if rule else []


def _of_line(row: Row, day: Value, said: str) -> list[Where]:
    """A visit has no --SEQ in SDTM, so it cannot be named."""
    match row.table:
        case "follow_up" if said.startswith(("progression told", "last assessed")):
            return [("RS", "RSDTC", {"RSCAT": AT_CONTACT, "RSDTC": day})]
        case "follow_up":
            return [("SS", "SSDTC", {"SSTESTCD": VITAL_STATUS, "SSDTC": day})]
        case "dispositions":
            ending: dict[str, Value] = {"DSDECOD": ENDINGS[row["event"]], "DSSTDTC": day}
            # A death on treatment ends treatment and participation: two records, of which the second is meant.
            return [("DS", "DSSTDTC", {**ending, "DSSCAT": "STUDY PARTICIPATION"}), ("DS", "DSSTDTC", ending)]
        case "withdrawals" | "consents":
            decoded = "WITHDRAWAL BY SUBJECT" if said.startswith("withdrew") else "INFORMED CONSENT OBTAINED"
            return [("DS", "DSSTDTC", {"DSDECOD": decoded, "DSSTDTC__day": day})]
        case "laboratory":
            where: dict[str, Value] = {"LBTESTCD": laboratory_code(row["test"])[0], "LBDTC": dtc(row["collected_at"])}
            return [("LB", "LBDTC", where)]
        case "administrations":
            at = dtc(row["injected_at"])
            return [("EX", "EXSTDTC", {"EXSTDTC": at}), ("AG", "AGSTDTC", {"AGSTDTC": at})]
        case "later_therapy":
            return [("CM", "CMSTDTC", {"CMSTDTC": day}), ("PR", "PRSTDTC", {"PRSTDTC": day})]
        case _:
            return []
