"""What the commands do with a site: back it up, restore it, each with its note in the ledger."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from django.db import connection, connections

from theratrial.sharing.archive.packing import json_bytes
from theratrial.sharing.archive.verifier import sha256
from theratrial.web.backup.loading import ledger_faults, refuse_used_database
from theratrial.web.backup.places import put_in_place
from theratrial.web.backup.restoring import Backup, backup_opened, database_restored, files_restored
from theratrial.web.backup.snapshot import gathered, refuse_other_version
from theratrial.web.backup.writing import Advance, Made, backup_made
from theratrial.web.ledger.act import SystemActor, act, note, utc_text
from theratrial.web.ledger.startup import anchor_written, refuse_altered_triggers

COMMAND: Final = SystemActor("command-line")
REPORTS: Final = "restores"


def site_backed_up(folder: Path, out: Path, *, url: str, earlier: Path | None, advance: Advance) -> Made:
    """Make a backup of a site and note it in the site's ledger."""
    now = datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations")
        refuse_other_version(gathered(cursor.fetchall()))
    faults = ledger_faults(folder)
    advance("ledger")
    made = backup_made(folder, out, url=url, now=now, faults=faults, earlier=earlier, advance=advance)
    with act(COMMAND, "backup.make"):
        note("backup.make", manifest_sha256=made.manifest_sha256, head=list(made.head), damage=len(made.damage))
    return made


def site_restored(
    place: Path, half: Path, folder: Path, *, manifest_sha256: str, advance: Advance, opened: Callable[[Backup], None]
) -> dict[str, Any]:
    """Restore a backup as a new site; gives the report, which is also kept in the site.

    Parameters
    ----------
    half
        Where the site is put together; this process is pointed at it.
    opened
        Told of the backup once it is verified, before anything is written.
    """
    refuse_used_database()
    backup = backup_opened(place, manifest_sha256)
    opened(backup)
    advance("verified")
    files = files_restored(backup, half, advance)
    with database_restored(backup, half, advance) as tables:
        refuse_altered_triggers()
        at = datetime.now(UTC)
        report = _report(backup, tables, files, at)
        with act(COMMAND, "site.restore"):
            note("site.restore", **{name: report[name] for name in ("backup", "database", "head")})
        anchor_written(half, at)
        written = half / REPORTS / f"{utc_text(at).replace(':', '')}.json"
        written.parent.mkdir(exist_ok=True)
        written.write_bytes(json_bytes(report))
        if connection.vendor == "postgresql":
            # The folder first: a database without its folder would look whole. The commit follows at once.
            put_in_place(half, folder)
    if connection.vendor == "sqlite":
        connections.close_all()
        put_in_place(half, folder)
    return report


def _report(backup: Backup, tables: list[dict[str, Any]], files: int, at: datetime) -> dict[str, Any]:
    with backup.copy.opened("manifest.json") as file:
        digest = sha256(file.read())
    manifest = backup.manifest
    return {
        "backup": {
            "manifest_sha256": digest,
            **{name: manifest[name] for name in ("made_at", "software", "trial", "database", "damage")},
        },
        "restored_at": utc_text(at),
        "database": connection.vendor,
        "tables": tables,
        "rows": sum(one["rows"] for one in tables),
        "head": {"seq": backup.head[0], "hash": backup.head[1], "same": True},
        "files": {"restored": files, "same": files, "linked": len(manifest["links"])},
        "waiting": manifest.get("waiting", {}),
        "secret_key": manifest["secret_key"],
        "environment_then": manifest["environment"],
    }


def report_of(site: Path) -> dict[str, Any]:
    """The last report of a restoring kept in a site."""
    found: dict[str, Any] = json.loads(sorted((site / REPORTS).glob("*.json"))[-1].read_text(encoding="utf-8"))
    return found
