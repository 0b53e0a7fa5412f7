"""A backup back into an empty place: verified before anything is written, compared after it is."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from theratrial.errors import InputError
from theratrial.sharing.archive.verifier import BLOCK, LONGEST_LINE, faults, manifest_of, place_of
from theratrial.web.backup.kinds import KINDS, TableColumns
from theratrial.web.backup.loading import Tables, contents_now, ledger_faults, loaded
from theratrial.web.backup.snapshot import Migrations, beyond, known_migrations
from theratrial.web.backup.writing import DATABASE, FORMAT, FORMAT_VERSION, SITE, Advance

_MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was verified byte by byte."""

    copy: Any
    manifest: Mapping[str, Any]
    tables: tuple[TableColumns, ...]

    @property
    def migrations(self) -> Migrations:
        found: Migrations = self.manifest["migrations"]
        return found

    @property
    def head(self) -> tuple[int, str]:
        return self.manifest["ledger"]["seq"], self.manifest["ledger"]["hash"]


def backup_opened(place: Path, manifest_sha256: str = "") -> Backup:
    """A backup whose every byte is as it was written, and that this version can take.

    Raises
    ------
    InputError
        It is none, was altered or cut, or was made by a newer version; says what.
    """
    if not place.exists():
        raise InputError(f"{place} is not there; give the backup that `theratrial backup` wrote")
    if found := list(islice(faults(place, manifest_sha256), _MOST_NAMED + 1)):
        named = "; ".join(found[:_MOST_NAMED]) + ("; and more" if len(found) > _MOST_NAMED else "")
        raise InputError(f"{place} is not as it was written, nothing was restored: {named}")
    copy = place_of(place)
    manifest = manifest_of(copy)
    if manifest.get("format") != FORMAT:
        raise InputError(f"{place} is intact but no backup ({manifest.get('format', 'a certified copy')})")
    if manifest["format_version"] != FORMAT_VERSION:
        raise InputError(
            f"{place} has backup format {manifest['format_version']} of theratrial {manifest['software']}; this one "
            f"reads format {FORMAT_VERSION}: restore it with that version"
        )
    if newer := beyond(manifest["migrations"], known_migrations()):
        raise InputError(
            f"{place} was made by a newer theratrial ({manifest['software']}: {', '.join(newer[:3])}); "
            "restore it with that version"
        )
    return Backup(copy, manifest, tuple(_columns(name, table) for name, table in manifest["tables"].items()))


def _columns(name: str, table: Mapping[str, Any]) -> TableColumns:
    columns = tuple((str(column), str(kind)) for column, kind in table["columns"])
    plain = [name, table["key"], *(column for column, _kind in columns)]
    # They become part of SQL.
    if not all(one.isidentifier() for one in plain) or not {kind for _column, kind in columns} <= set(KINDS.values()):
        raise InputError(f"the backup describes table {name!r} in a way that no theratrial does")
    return TableColumns(name, columns, table["key"])


def rows_in(backup: Backup, table: TableColumns) -> Iterator[Any]:
    """The rows of a table as they stand in the backup."""
    with backup.copy.opened(f"{DATABASE}/{table.name}.jsonl") as file:
        while line := file.readline(LONGEST_LINE):
            yield json.loads(line)


def tables_in(backup: Backup) -> Tables:
    """Every table with its rows."""
    return {table: (lambda table=table: rows_in(backup, table)) for table in backup.tables}  # type: ignore[misc]


def files_restored(backup: Backup, folder: Path, advance: Advance) -> int:
    """Write the files of the site and read them back; says how many.

    Raises
    ------
    InputError
        The disk has too little room, or gives other bytes back than were written.
    """
    listed = {name: one for name, one in backup.manifest["files"].items() if name.startswith(f"{SITE}/")}
    needed = sum(one["bytes"] for one in backup.manifest["files"].values())
    if shutil.disk_usage(folder).free < needed:
        raise InputError(
            f"{folder.parent} has no room for {needed / 1e9:.1f} GB; free some, or restore to another disk"
        )
    owned = set(backup.manifest["owner_only"])
    for name, one in listed.items():
        place = folder / name.partition("/")[2]
        place.parent.mkdir(parents=True, exist_ok=True)
        mode = 0o600 if name in owned else 0o644
        with backup.copy.opened(name) as source, os.fdopen(os.open(place, _NEW, mode), "wb") as file:
            shutil.copyfileobj(source, file, BLOCK)
        if _digest(place) != one["sha256"]:
            raise InputError(f"{place} gives other bytes back than were written; the disk is at fault")
    for name, image in sorted(backup.manifest["links"].items()):
        _linked(folder, name, image, listed)
    advance("files")
    return len(listed)


_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL


def _linked(folder: Path, name: str, image: str, listed: Mapping[str, Any]) -> None:
    from theratrial.sharing.archive.verifier import bad_name

    if bad_name(name) or image not in listed or not name.startswith(f"{SITE}/"):
        raise InputError(f"the backup names a link {name!r} that leads nowhere")
    place, source = folder / name.partition("/")[2], folder / image.partition("/")[2]
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, place)
    except OSError:
        shutil.copyfile(source, place)


def _digest(place: Path) -> str:
    digest = hashlib.sha256()
    with place.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def database_restored(backup: Backup, anchors: Path, advance: Advance) -> Iterator[list[dict[str, Any]]]:
    """Load the database; gives the comparison of every table. What is done inside is committed with it.

    Raises
    ------
    InputError
        A table does not hold afterwards what it held before, or the ledger is not whole though it was.
    """
    compared: list[dict[str, Any]] = []

    def compare() -> None:
        now = contents_now(backup.tables)
        for table in backup.tables:
            before, (rows, content) = backup.manifest["tables"][table.name], now[table.name]
            same = (before["rows"], before["content_sha256"]) == (rows, content)
            compared.append({"table": table.name, "rows": before["rows"], "restored": rows, "same": same})
        if wrong := [one["table"] for one in compared if not one["same"]]:
            raise InputError(f"not restored: {', '.join(wrong)} does not hold what the backup says; report this")

    with loaded(tables_in(backup), backup.migrations, compare):
        advance("database")
        found = ledger_faults(anchors)
        if found != list(backup.manifest["ledger_faults"]):
            told = next((one for one in found if one not in backup.manifest["ledger_faults"]), "faults are gone")
            raise InputError(f"not restored: the ledger is not as it was in the backup: {told}")
        advance("ledger")
        yield compared
