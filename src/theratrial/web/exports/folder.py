"""Records and images of the site as a trial folder on disk, byte for byte the same each time."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from theratrial.errors import InputError
from theratrial.trialfolder.reader import FOLDER_FILE
from theratrial.trialfolder.tables import FOLDER_SCHEMA_VERSION, TABLES, Table
from theratrial.web.capture.models import Record
from theratrial.web.registration.selectors import registration_files
from theratrial.web.trials.selectors import the_trial

ORIGINS_FILE: Final = "origins.json"

Origins = dict[str, dict[str, str]]
"""File of the folder -> line -> ``<record id>@<version>``."""


def folder_written(
    path: Path, records: Iterable[Record], images: Iterable[tuple[str, Path]], *, contacts: bool = False
) -> Origins:
    """Write the trial folder of these records and images; says which record stands in which line.

    Parameters
    ----------
    path
        A folder that does not exist yet.
    records
        In any order; lines stand by their sequence.
    images
        (name below ``images/``, stored file): linked, not copied, where the file system allows it.
    contacts
        Whether the registration record goes with what points at people.

    Raises
    ------
    InputError
        Something stands at `path` already, or an image's name leads out of the folder.
    """
    from theratrial.web.results.reading import adjudications_not_standing

    trial = the_trial()
    assert trial.in_force is not None, "a trial has a protocol from its set-up on"
    if path.exists():
        raise InputError(f"{path} exists already; a trial folder is written to a new place")
    (path / "records").mkdir(parents=True)
    (path / "protocol.yaml").write_bytes(trial.in_force.yaml.encode("utf-8"))
    for name, content in registration_files(contacts=contacts).items():
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_bytes(content)
    simulated = "true" if trial.simulated else "false"
    locked = "locked: true\n" if trial.data_state in ("locked", "hard_locked") else ""
    text = f'schema_version: "{FOLDER_SCHEMA_VERSION}"\nsimulated: {simulated}\n{locked}'
    (path / FOLDER_FILE).write_text(text, encoding="utf-8", newline="\n")
    listed = list(records)
    aside = adjudications_not_standing(listed)
    by_table: dict[str, list[Record]] = {}
    for record in (one for one in listed if one.pk not in aside):
        by_table.setdefault(record.table, []).append(record)
    origins: Origins = {}
    for table in TABLES:
        lines = sorted(by_table.get(table.name, ()), key=lambda one: (one.sequence, str(one.pk)))
        content, starts = _table_text(table, [one.cells for one in lines])
        (path / "records" / f"{table.name}.csv").write_bytes(content)
        if lines:
            origins[f"records/{table.name}.csv"] = {
                str(start): f"{one.pk}@{one.version}" for start, one in zip(starts, lines, strict=True)
            }
    _images_linked(path / "images", images)
    (path / ORIGINS_FILE).write_text(json.dumps(origins, indent=0) + "\n", encoding="utf-8")
    return origins


def _table_text(table: Table, lines: Iterable[Mapping[str, str]]) -> tuple[bytes, list[int]]:
    """A table as `trialfolder.writer` writes it, and the line of the file at which each row starts."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [column.name for column in table.columns]
    writer.writerow(names)
    starts, at = [], 2
    for cells in lines:
        before = text.tell()
        writer.writerow([cells.get(name, "") for name in names])
        starts.append(at)
        at += text.getvalue()[before:].count("\n") if any("\n" in one for one in cells.values()) else 1
    return text.getvalue().encode("utf-8"), starts


def _images_linked(root: Path, images: Iterable[tuple[str, Path]]) -> None:
    for name, stored in images:
        parts = PurePosixPath(name).parts
        if not parts or PurePosixPath(name).is_absolute() or ".." in parts:
            raise InputError(f"image name {name!r} leads out of the folder; it was not written")
        place = root.joinpath(*parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(stored, place)
        except OSError:
            place.symlink_to(stored.resolve())
