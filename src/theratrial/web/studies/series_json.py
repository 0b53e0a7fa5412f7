"""A catalogued series as JSON in its row, and back as the core's value: the row's key takes the place of the files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, cast

from theratrial.imaging.catalogue import CatalogueSeries
from theratrial.web.studies.models import Series

_NOT_KEPT: Final = ("files", "hashes", "patient_birth_date")


def as_json(series: CatalogueSeries) -> dict[str, Any]:
    """What the catalogue said of a series, without files and birth date."""
    found = {one.name: getattr(series, one.name) for one in fields(CatalogueSeries) if one.name not in _NOT_KEPT}
    found["acquired_at"] = series.acquired_at.isoformat() if series.acquired_at else None
    return found


def catalogued(row: Series) -> CatalogueSeries:
    """The series as the core knows it, belonging to the participant it is mapped to.

    Its only file is named by the row's key, so that whatever the core says about the file is said about the row.
    """
    said = dict(row.header["catalogue"])
    values = {
        key: tuple(value) if isinstance(value, list) else value for key, value in said.items() if key not in _NOT_KEPT
    }
    values["acquired_at"] = datetime.fromisoformat(said["acquired_at"]) if said["acquired_at"] else None
    values |= {"patient_birth_date": "", "files": (Path(str(row.pk)),), "hashes": ()}
    made = CatalogueSeries(**cast("dict[str, Any]", values))
    return replace(made, patient_id=row.participant.code) if row.participant is not None else made


def merged(old: dict[str, Any], new: CatalogueSeries, *, instances: int) -> dict[str, Any]:
    """The catalogue's words for a series whose files came in two deliveries."""
    words = as_json(new)
    times = [one for one in (old.get("acquired_at"), words["acquired_at"]) if one]
    return {**words, "acquired_at": min(times) if times else None, "instances": instances}


def row_key(place: str) -> str:
    """The row's key out of the place of a problem."""
    return place.split(" and ")[0]


def by_key(rows: Iterable[Series]) -> dict[str, Series]:
    """Rows by the text that stands for their files."""
    return {str(row.pk): row for row in rows}


__all__ = ["as_json", "by_key", "catalogued", "merged", "row_key"]
