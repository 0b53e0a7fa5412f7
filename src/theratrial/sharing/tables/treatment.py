"""What is done with each column of a record table before it is shared, from the one definition of the tables."""

from __future__ import annotations

from typing import Final, Literal

from theratrial.trialfolder.columns import PERSON, Column
from theratrial.trialfolder.tables import TABLES

Treatment = Literal["code", "label", "day", "moment", "keep", "capped", "uid", "words", "id", "withheld", "removed"]

EXPLAINED: Final[dict[Treatment, str]] = {
    "code": "code of the participant, the PatientID of the shared images",
    "label": "a code that is the same for the same original",
    "day": "date moved by the participant's own number of days, the same as in the shared images",
    "moment": "moment moved by the participant's own number of days; time of day of the trial's clock, written +00:00",
    "keep": "as recorded",
    "capped": "as recorded; above 89 it is 90",
    "uid": "UID of the shared series",
    "words": "only words that name nobody (anatomy, imaging, disease)",
    "id": "as recorded where it is made of plain words and short numbers or is the protocol's; else a code",
    "withheld": "free text: only values that a person has read and allowed",
    "removed": "names a person of the staff by a code; not shared",
}

_LABELS: Final = {
    "site_id": "SITE",
    "camera": "STATION",
    "batch_id": "BATCH",
    "laboratory": "LAB",
    "instrument": "METER",
}
_READERS: Final = frozenset(("reader", "examiner", "adjudicator", "chosen_reader"))
"""Readers stay apart from each other without being named: two readings of one image are two lines."""
_UIDS: Final = frozenset(("series_instance_uid",))
_WORDS: Final = frozenset(("region_name", "site", "organ", "modality", "nuclide", "route"))
_IDS: Final = {
    "lesion_id": "LESION",
    "merged_into": "LESION",
    "member_id": "MEMBER",
    "calibration_id": "CALIBRATION",
    "form_version": "FORM",
    "reader_role": "ROLE",
    "examiner_role": "ROLE",
}
"""Names that a site gives to things: they may hold a name or a date."""
_VOCABULARY: Final = frozenset(("unit", "ctcae_version"))
"""Texts that are short terms of the trial's own protocol or of a standard, not sentences about somebody."""


def treatment(column: Column) -> Treatment:
    """How a column is shared.

    Examples
    --------
    >>> from theratrial.trialfolder.tables import table as record_table
    >>> people = record_table("participants")
    >>> [treatment(people.column(name)) for name in ("participant_id", "screened_on", "age_years", "note")]
    ['code', 'day', 'capped', 'withheld']
    """
    name = column.name
    if column.refers_to == "participants" or name == "participant_id":
        return "code"
    if name in _READERS:
        return "label"
    if column.doc == PERSON or name in ("witness",):
        return "removed"
    if name in _IDS:
        return "id"
    if name in _UIDS:
        return "uid"
    if name in _LABELS or column.refers_to == "batches":
        return "label"
    if name == "age_years":
        return "capped"
    match column.type:
        case "date":
            return "day"
        case "datetime":
            return "moment"
        case "text":
            if column.refers_to == "answer":
                return "keep"  # one of the protocol's own answers: a folder with another is refused
            return "words" if name in _WORDS else "keep" if name in _VOCABULARY else "withheld"
        case "id" | "number" | "integer" | "flag" | "choice":
            return "keep"


def label_kind(column: Column) -> str:
    """Kind of code that stands for the values of a column: the same as in the images where they have it too."""
    return "STAFF" if column.name in _READERS else (_LABELS | _IDS).get(column.name, "BATCH")


def treatments() -> dict[tuple[str, str], Treatment]:
    """(table, column) -> treatment, of every column of a trial folder."""
    return {(table.name, column.name): treatment(column) for table in TABLES for column in table.columns}
