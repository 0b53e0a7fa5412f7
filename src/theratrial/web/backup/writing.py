"""Making a backup: the database at one moment, and the files that it needs."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from theratrial import __version__
from theratrial.errors import InputError
from theratrial.sharing.archive.packing import Packing, lines_of, packing
from theratrial.web.backup.deliveries import Waiting, deliveries_packed, snapshot_with_deliveries
from theratrial.web.backup.kinds import ContentDigest, TableColumns
from theratrial.web.backup.snapshot import Row, Snapshot, rows_of, tables_of

FORMAT: Final = "theratrial backup"
FORMAT_VERSION: Final = 1
DATABASE: Final = "database"
SITE: Final = "site"
IMAGES: Final = "images"
_OURS: Final = ("THERATRIAL_SITE", "THERATRIAL_DEBUG")
_BY_SNAPSHOT: Final = ("images", "computed", "anchors")

Advance = Callable[[str], None]


@dataclass(slots=True)
class Seen:
    """What of the snapshot decides which files are needed."""

    images: list[str] = field(default_factory=list)
    computed: list[str] = field(default_factory=list)
    head: tuple[int, str] = (0, "")
    trial: str = ""
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made."""

    manifest_sha256: str
    rows: int
    files: int
    bytes: int
    head: tuple[int, str]
    waiting: Mapping[str, int]
    """What was received and is not registered: deliveries, files, and files without a place."""
    damage: tuple[str, ...]
    """What of the site was not as it must be; the backup holds it as it is."""


def backup_made(
    folder: Path, out: Path, *, url: str, now: datetime, faults: list[str], earlier: Path | None, advance: Advance
) -> Made:
    """Write a backup of a site, whoever works there meanwhile.

    Parameters
    ----------
    url
        Where PostgreSQL is; "" means SQLite in the site folder.
    faults
        What is known to be wrong with the ledger; kept in the backup.
    earlier
        An earlier backup as a folder, to whose images those of this one are linked.

    Raises
    ------
    InputError
        There is no site, or the backup cannot be written and read back.
    """
    _places_checked(folder, out, earlier)
    # Before the database: an anchor must not know an event that the backup does not hold.
    anchors = {path.name: path.read_bytes() for path in sorted((folder / "anchors").glob("*")) if path.is_file()}
    with _working(out) as working, packing(out, earlier=earlier) as made:
        damage = [f"the ledger: {one}" for one in faults]
        with snapshot_with_deliveries(folder, working, url) as (snapshot, deliveries):
            # At once: a worker may be registering them.
            waiting = deliveries_packed(folder, SITE, made, deliveries, damage)
            about, seen = database_packed(snapshot, made, advance)
        for name, content in anchors.items():
            made.add(f"{SITE}/anchors/{name}", content)
        owned, links = _files_packed(folder, made, seen, waiting, damage, advance)
        about |= {
            "made_at": now.astimezone(UTC).isoformat(),
            "trial": seen.trial,
            "owner_only": owned,
            "links": links,
            "secret_key": f"{SITE}/secret.key" in made.files,
            "environment": sorted(name for name in os.environ if name.startswith("THERATRIAL_") and name not in _OURS),
            "waiting": waiting.as_json(),
            "ledger_faults": faults,
            "damage": damage,
        }
        digest = made.finished(about)
        advance("read back")
    size = sum(one["bytes"] for one in made.files.values())
    return Made(digest, seen.rows, len(made.files) + 1, size, seen.head, waiting.as_json(), tuple(damage))


def _places_checked(folder: Path, out: Path, earlier: Path | None) -> None:
    if not folder.is_dir():
        raise InputError(f"there is no site folder {folder}; name it with --site")
    if folder.resolve() in (out.resolve(), *out.resolve().parents):
        raise InputError(f"{out} lies in the site folder; a backup belongs elsewhere, best on another disk")
    if earlier is not None and not (earlier / "manifest.json").is_file():
        raise InputError(f"{earlier} is no backup in a folder; --against names one, or leave it out")


@contextmanager
def _working(out: Path) -> Iterator[Path]:
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.working-", dir=out.parent) as name:
        yield Path(name)


def database_packed(snapshot: Snapshot, made: Packing, advance: Advance) -> tuple[dict[str, Any], Seen]:
    """Every table as lines; says what the manifest must hold of them."""
    tables, seen = tables_of(snapshot), Seen()
    contents = {}
    for table in tables:
        digest = ContentDigest(table.kinds)
        with made.opened(f"{DATABASE}/{table.name}.jsonl") as file:
            for block in lines_of(_lines(table, rows_of(snapshot, table), digest, seen)):
                file.write(block)
        contents[table.name] = {
            "rows": digest.rows,
            "content_sha256": digest.hexadecimal,
            "key": table.key,
            "columns": [list(column) for column in table.columns],
        }
        seen.rows += digest.rows
    advance("database")
    expected = {table.name for table in tables} | {"django_migrations"}
    about = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "software": __version__,
        "database": snapshot.vendor,
        "migrations": snapshot.migrations(),
        "tables": contents,
        "tables_left_out": sorted(name for name in snapshot.names() - expected if not name.startswith("sqlite_")),
        "ledger": {"seq": seen.head[0], "hash": seen.head[1]},
        "ledger_is_whole": False,  # no ledger.jsonl here: the ledger is among the tables
    }
    return about, seen


def _lines(table: TableColumns, rows: Iterator[Row], digest: ContentDigest, seen: Seen) -> Iterator[str]:
    names = [name for name, _kind in table.columns]
    for row in rows:
        digest.take(row)
        _noticed(table.name, names, row, seen)
        yield json.dumps(row, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _noticed(table: str, names: list[str], row: Row, seen: Seen) -> None:
    if table == "studies_storedfile":
        seen.images.append(row[names.index("sha256")])
    elif table == "results_computation" and (place := row[names.index("folder")]):
        seen.computed.append(place)
    elif table == "ledger_head":
        seen.head = row[names.index("seq")], row[names.index("hash")]
    elif table == "trials_trial":
        seen.trial = row[names.index("trial_id")]


def _files_packed(
    folder: Path, made: Packing, seen: Seen, waiting: Waiting, damage: list[str], advance: Advance
) -> tuple[list[str], dict[str, str]]:
    """The files of the site; says which are their owner's alone, and which are another name of an image."""
    linked: dict[tuple[int, int], str] = {}
    for sha256 in seen.images:
        place = f"{IMAGES}/{sha256[:2]}/{sha256[2:4]}/{sha256}"
        path = folder / place
        try:
            status = path.stat()
            linked[status.st_dev, status.st_ino] = f"{SITE}/{place}"
            if made.add_file(f"{SITE}/{place}", path, expected=sha256) != sha256:
                damage.append(f"image {sha256}: its bytes are not those that were received")
        except FileNotFoundError:
            damage.append(f"image {sha256}: missing")
    advance("; ".join(filter(None, (f"images: {len(seen.images)}", waiting.sentence()))))
    owned, links = [], {}
    for path in _others(folder, seen.computed):
        name = f"{SITE}/{path.relative_to(folder).as_posix()}"
        try:
            status = path.stat()
            if image := linked.get((status.st_dev, status.st_ino)):
                links[name] = image
                continue
            made.add_file(name, path)
        except FileNotFoundError:
            continue  # a package that grew too old while we looked
        if not status.st_mode & 0o077:
            owned.append(name)
    advance("files")
    return owned, links


def _others(folder: Path, computed: list[str]) -> Iterator[Path]:
    """Every other file of the site: what computations in the snapshot left, and whatever stands beside."""
    places = [folder / place for place in sorted(set(computed))]
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith((".", "site.sqlite3")) or entry.name in _BY_SNAPSHOT:
            continue
        places.append(entry)
    for place in places:
        if place.is_file():
            yield place
        else:
            yield from (path for path in sorted(place.rglob("*")) if path.is_file() and _whole(path.relative_to(place)))


def _whole(name: Path) -> bool:
    """Whether it is no unfinished file."""
    return not any(part.startswith(".") for part in name.parts) and name.suffix != ".half"
