"""What a record table is made of: its columns with their units, types and allowed values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

ColumnType = Literal["id", "text", "number", "integer", "flag", "date", "datetime", "choice"]
Reference = Literal[
    "participants", "batches", "product", "visit", "visit_or_imaging", "imaging", "timepoint", "test", "item", "answer"
]
_UNITS: Final = (
    "cps_per_MBq",
    "MBq",
    "mg",
    "kg",
    "cm",
    "percent",
    "years",
    "mL",
    "us",
    "kcps",
    "mm_per_mm",
    "mm",
    "uSv_per_h",
    "m",
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: name (with unit), type, whether it must be filled, allowed values, and what it means."""

    name: str
    type: ColumnType
    doc: str
    required: bool = False
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    refers_to: Reference | None = None
    """Where the id must be known: another table, or ids of the protocol."""

    @property
    def unit(self) -> str:
        """Unit in the column's name (``MBq``), or empty."""
        return next((unit for unit in _UNITS if self.name.endswith(f"_{unit}")), "")


@dataclass(frozen=True, slots=True)
class Table:
    """A record table: ``records/<name>.csv``."""

    name: str
    doc: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    """Columns that together may occur only once."""
    required: bool = False
    """Whether the file must be there; an optional table that is absent has no lines."""

    @property
    def moment(self) -> tuple[str, ...]:
        """Columns that say when a line became true; the first filled one counts."""
        return MOMENTS[self.name]

    def column(self, name: str) -> Column:
        """The column of that name (KeyError if there is none)."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


def participant_column() -> Column:
    """The column that names the participant."""
    meaning = "Pseudonym of the participant, the PatientID of her images"
    return Column("participant_id", "id", meaning, True, refers_to="participants")


SESSION = Column("session", "integer", "Treatment session, counted from 1", minimum=1, maximum=99)
SESSION_REQUIRED = Column("session", "integer", "Treatment session, counted from 1", True, minimum=1, maximum=99)
PERSON = "Code of the person in the delegation log, never a name"

MOMENTS: Final[dict[str, tuple[str, ...]]] = {
    "participants": ("screened_on",),
    "prior_therapy": ("last_given_on", "first_given_on"),
    "consents": ("signed_at",),
    "withdrawals": ("withdrawn_at",),
    "eligibility": ("assessed_on",),
    "selection_reads": ("read_at",),
    "visits": ("occurred_on",),
    "batches": ("reference_at",),
    "administrations": ("injected_at",),
    "laboratory": ("collected_at",),
    "adverse_events": ("started_on",),
    "examinations": ("examined_on",),
    "biodistribution_reads": ("read_at",),
    "lesion_readings": ("read_at",),
    "adjudications": ("adjudicated_at",),
    "image_assignments": ("assigned_at",),
    "dispositions": ("occurred_on",),
    "calibrations": ("valid_from",),
    "recoveries": ("valid_from",),
    "tumour_measurements": ("measured_on",),
    "lesion_classes": ("read_at",),
    "serious_reports": ("became_aware_at",),
    "pregnancies": ("became_aware_at",),
    "household": ("stated_on",),
    "dose_rates": ("measured_at",),
    "discharges": ("discharged_at",),
    "follow_up": ("seen_on",),
    "later_therapy": ("started_on",),
}
