"""PR: images planned and done, surgery and radiotherapy before and after the trial (SDTMIG 3.4, 6.1.6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from theratrial.exchange.datasets.values import ASSIGNED, COLLECTED, DERIVED, MEASURED, Dataset
from theratrial.exchange.sdtm.context import SdtmContext, Subject
from theratrial.exchange.sdtm.observations import SUBJECT, VISIT, Supplement, observations
from theratrial.exchange.sdtm.planned import ascii_text
from theratrial.results.values import ScanResult
from theratrial.trialfolder.records import Row

PROCEDURES: Final = frozenset({"surgery", "radiotherapy"})
"""Kinds of therapy that are procedures; the others are medications."""
_METHODS: Final = {"pet_ct": "PET/CT SCAN", "whole_body_planar": "SCINTIGRAPHY"}
_SUPPLEMENTS: Final = (
    Supplement("HOURSAFT", "Hours after Injection", DERIVED),
    Supplement("INWINDOW", "Within the Planned Window", DERIVED),
    Supplement("IMAGEID", "Planned Image of the Protocol", ASSIGNED),
    Supplement("PROUTC", "Outcome of the Earlier Therapy", COLLECTED),
)
_NOT_DUE: Final = "no administration yet"


def pr(context: SdtmContext) -> tuple[Dataset, ...]:
    """Procedures."""
    return observations(
        context,
        "PR",
        "Procedures",
        "PRREFID PRLNKID PRDECOD PRCAT PRSCAT PRPRESP PROCCUR PRREASOC PRSTAT PRREASND VISITNUM VISIT EPOCH PRSTDTC "
        "PRENDTC PRSTDY PRENDY",
        (*_images(context), *_therapies(context)),
        keys="PRSTDTC PRCAT PRTRT PRLNKID IMAGEID",
        structure="One record per recorded procedure per occurrence per subject",
        changes={
            "PRREFID": {"origin": MEASURED},
            "PRPRESP": {"origin": ASSIGNED},
            "PRSTDTC": {"origin": MEASURED},
        },
        supplements=_SUPPLEMENTS,
    )


def image_method(context: SdtmContext, imaging_id: str) -> str:
    """CDISC's method of a planned image; of a SPECT with CT where the protocol's title says so."""
    clause = context.protocol.imaging.get(imaging_id)
    if clause is None or clause.reading is None:
        return ""
    if clause.reading.kind in _METHODS:
        return _METHODS[clause.reading.kind]
    return "SPECT/CT SCAN" if "CT" in clause.reading.title.replace("SPECT", "") else "SPECT SCAN"


def _images(context: SdtmContext) -> Iterator[dict[str, Any]]:
    for subject in context.subjects:
        if subject.result is None:
            continue
        for scan in subject.result.pet_scans:
            tracer = f"TRACER-{scan.timepoint}".upper()
            if scan.status != "missing" or _was_due(subject, scan):
                yield _image(context, subject, scan, tracer, None)
        for session in subject.result.sessions:
            for scan in session.scans:
                yield _image(context, subject, scan, f"SESSION-{session.session}", session.session)


def _was_due(subject: Subject, scan: ScanResult) -> bool:
    """A PET whose tracer was never given and that no visit records was not due: there is nothing to say of it."""
    return scan.reason != _NOT_DUE or any(scan.imaging_id in visit.visit.ids for visit in subject.visits)


def _image(context: SdtmContext, subject: Subject, scan: ScanResult, link: str, session: int | None) -> dict[str, Any]:
    made: dict[str, Any] = {
        SUBJECT: subject,
        VISIT: (scan.imaging_id, session),
        "PRTRT": ascii_text(scan.title).upper(),
        "PRDECOD": image_method(context, scan.imaging_id) or None,
        "PRCAT": "IMAGING",
        "PRPRESP": "Y",
        "PRLNKID": link,
        "IMAGEID": scan.imaging_id,
    }
    if scan.status == "done":
        return made | {
            "PROCCUR": "Y",
            "PRREFID": scan.series_instance_uid or None,
            "PRSTDTC": scan.acquired_at,
            "HOURSAFT": None if scan.hours_after is None else f"{scan.hours_after:.15g}",
            "INWINDOW": None if scan.in_window is None else "Y" if scan.in_window else "N",
        }
    made["EPOCH"] = "TREATMENT" if session is not None else _planned_epoch(context, scan)
    if scan.status == "missed":
        return made | {"PROCCUR": "N", "PRREASOC": ascii_text(scan.reason) or "Reason not recorded"}
    return made | {"PRSTAT": "NOT DONE", "PRREASND": ascii_text(scan.reason) or "Neither image nor reason recorded"}


def _planned_epoch(context: SdtmContext, scan: ScanResult) -> str:
    """Of an image that was not made: the epoch in which it was planned."""
    clause = context.protocol.imaging.get(scan.imaging_id)
    reading = clause.reading if clause is not None else None
    return "FOLLOW-UP" if reading is not None and "response" in reading.purpose else "SCREENING"


def _therapies(context: SdtmContext) -> Iterator[dict[str, Any]]:
    for subject, row in context.rows("prior_therapy"):
        if row["category"] in PROCEDURES:
            made = _therapy(subject, row, "PRIOR CANCER THERAPY")
            outcome = row["outcome"]
            yield made | {
                "PRSTDTC": row["first_given_on"],
                "PRENDTC": row["last_given_on"],
                "PROUTC": outcome.replace("_", " ").upper() if outcome else None,
            }
    for subject, row in context.rows("later_therapy"):
        if row["category"] in PROCEDURES:
            yield _therapy(subject, row, "SUBSEQUENT CANCER THERAPY") | {"PRSTDTC": row["started_on"]}


def _therapy(subject: Subject, row: Row, category: str) -> dict[str, Any]:
    kind = str(row["category"]).upper()
    return {
        SUBJECT: subject,
        "PRTRT": ascii_text(row["agent"]).upper(),
        "PRDECOD": kind if kind == "RADIOTHERAPY" else None,
        "PRCAT": category,
        "PRSCAT": kind,
    }
