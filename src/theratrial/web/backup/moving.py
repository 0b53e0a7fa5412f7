"""Moving a site to the other database: dumped, loaded and compared by a process of its own, then exchanged."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from theratrial.errors import InputError

SQLITE: Final = "sqlite"
_FILE: Final = "site.sqlite3"
_FAULT: Final = "fault: "


def site_moved(folder: Path, target: str, *, source: str, now: datetime) -> dict[str, Any]:
    """Move the database of a site; images and everything else stay where they are.

    Parameters
    ----------
    target
        ``sqlite``, or the address of an empty PostgreSQL database.
    source
        Where the site's PostgreSQL is now; "" means SQLite in the site folder.

    Raises
    ------
    InputError
        Somebody uses the site, the target is not empty, or what was loaded is not what was there; nothing is changed.
    """
    from django.db import connections

    from theratrial.web.backup.loading import ledger_faults

    _places_checked(folder, target, source)
    faults = ledger_faults(folder)
    connections.close_all()
    with tempfile.TemporaryDirectory(prefix=".moving-", dir=folder) as name:
        working = Path(name)
        with _nobody_writes(folder, source):
            backup = working / "database"
            _dumped(folder, working, backup, source, now, faults)
            report = _loaded_elsewhere(backup, folder, working / "site", target)
        _exchanged(folder, working / "site", target, source, now)
    return report


def _places_checked(folder: Path, target: str, source: str) -> None:
    if target == SQLITE and not source:
        raise InputError("the site is on SQLite already (DATABASE_URL is not set); nothing was moved")
    if target == SQLITE and (folder / _FILE).exists():
        raise InputError(f"{folder / _FILE} is there already; move it away first")
    if target != SQLITE and target == source:
        raise InputError("the site is in this database already; nothing was moved")


@contextmanager
def _nobody_writes(folder: Path, source: str) -> Iterator[None]:
    """Keep every writer out meanwhile; refuse where somebody has the site open.

    Raises
    ------
    InputError
        Somebody has.
    """
    if source:
        with _postgresql_alone(source):
            yield
        return
    with closing(sqlite3.connect(folder / _FILE)) as first:
        first.execute("SELECT count(*) FROM sqlite_master")
    _refuse_others(folder)
    with closing(sqlite3.connect(folder / _FILE, isolation_level=None)) as held:
        held.execute("BEGIN IMMEDIATE")
        yield
        held.execute("ROLLBACK")


def _refuse_others(folder: Path) -> None:
    # The last who closes a database takes its write-ahead log away; where it is, somebody else has it open.
    if (folder / f"{_FILE}-wal").exists():
        raise InputError("somebody has the site open (`theratrial serve` or a worker); stop it, then move")


@contextmanager
def _postgresql_alone(source: str) -> Iterator[None]:
    from theratrial.web.backup.snapshot import connected
    from theratrial.web.ledger.triggers_postgresql import LOCK

    with connected(source) as held:
        held.autocommit = True
        held.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        others = held.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
        if others and others[0]:
            raise InputError(
                f"{others[0]} others use the database (`theratrial serve`, a worker); stop them, then move"
            )
        yield


def _dumped(folder: Path, working: Path, out: Path, source: str, now: datetime, faults: list[str]) -> None:
    from theratrial.sharing.archive.packing import packing
    from theratrial.web.backup.snapshot import snapshot_taken
    from theratrial.web.backup.writing import database_packed

    with packing(out) as made:
        with snapshot_taken(folder, working, source) as snapshot:
            about, seen = database_packed(snapshot, made, lambda _what: None)
        about |= {"made_at": now.isoformat(), "trial": seen.trial, "owner_only": [], "links": {}, "secret_key": False}
        made.finished({**about, "environment": [], "ledger_faults": faults, "damage": []})


def _loaded_elsewhere(backup: Path, folder: Path, half: Path, target: str) -> dict[str, Any]:
    """Load in a process that knows the target alone."""
    half.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {"THERATRIAL_SITE": str(half), "THERATRIAL_SECRET_KEY": "not used while a site is moved"}
    if target != SQLITE:
        environment["DATABASE_URL"] = target
    command = [sys.executable, "-m", "theratrial.web.backup.moving", str(backup), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stdout.removeprefix(_FAULT) if done.stdout.startswith(_FAULT) else done.stderr.strip()[-2000:]
        raise InputError(f"nothing was moved: {said.strip()}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _exchanged(folder: Path, half: Path, target: str, source: str, now: datetime) -> None:
    if target == SQLITE:
        os.sync()
        (half / _FILE).rename(folder / _FILE)
    if source:
        return
    _refuse_others(folder)
    # Not found any more: who started the site without DATABASE_URL would go on in the old database.
    (folder / _FILE).rename(folder / f"{_FILE}.moved-{now:%Y-%m-%dT%H%M%SZ}")


def _load(backup_place: Path, folder: Path) -> dict[str, Any]:
    """In the process of its own: load, compare, note."""
    import django

    django.setup()
    from django.db import connection, connections

    from theratrial.web.backup.loading import refuse_used_database
    from theratrial.web.backup.restoring import backup_opened, database_restored
    from theratrial.web.backup.site_commands import COMMAND
    from theratrial.web.ledger.act import act, note
    from theratrial.web.ledger.startup import anchor_written, refuse_altered_triggers

    refuse_used_database()
    backup = backup_opened(backup_place)
    report = {
        "from": backup.manifest["database"],
        "to": connection.vendor,
        "head": {"seq": backup.head[0], "hash": backup.head[1], "same": True},
    }
    with database_restored(backup, folder, lambda _what: None) as tables:
        refuse_altered_triggers()
        report["tables"] = tables
        report["rows"] = sum(one["rows"] for one in tables)
        with act(COMMAND, "site.move"):
            note("site.move", **{name: report[name] for name in ("from", "to", "head")})
    anchor_written(folder)
    connections.close_all()
    return report


def main() -> int:
    """Entry of the process of its own."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "theratrial.web.settings")
    try:
        report = _load(Path(sys.argv[1]), Path(sys.argv[2]))
    except InputError as error:
        sys.stdout.write(f"{_FAULT}{error}")
        return 1
    sys.stdout.write(json.dumps(report))
    return 0


def moved_now(folder: Path, target: str, source: str) -> dict[str, Any]:
    """`site_moved` at this moment."""
    return site_moved(folder, target, source=source, now=datetime.now(UTC))


if __name__ == "__main__":
    sys.exit(main())
