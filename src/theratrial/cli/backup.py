"""`theratrial backup`, `theratrial restore` and `theratrial site move`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from theratrial.cli import EXIT_ERROR, console
from theratrial.errors import InputError

if TYPE_CHECKING:
    from theratrial.web.backup.restoring import Backup
    from theratrial.web.backup.writing import Made

_KEEP_SAFE = "It holds every record, the secret key and the passwords' hashes: keep it as safe as the site itself."


def _database_url() -> str:
    return os.environ.get("DATABASE_URL", "")


def backup(
    out: Path = typer.Argument(help="Backup to write: one file if the name ends with .zip, else a folder."),
    site: Path = typer.Option(Path("theratrial-site"), "--site", help="Site folder."),
    against: Path = typer.Option(
        None, "--against", help="An earlier backup in a folder: images that it holds are linked, not copied again."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print what was made as JSON."),
) -> None:
    """Save a site: database, images, results, settings. The site may be running and written to."""
    from theratrial.cli.ledger import ledger_ready

    if against is not None and out.suffix == ".zip":
        raise InputError("--against links files, which only a backup in a folder can; leave out .zip")
    folder = ledger_ready(site)
    from theratrial.web.backup.site_commands import site_backed_up

    with console.progress("Backing up", total=5) as steps:
        made = site_backed_up(folder, out, url=_database_url(), earlier=against, advance=steps.advance)
    _tell_made(made, out, as_json)


def _tell_made(made: Made, out: Path, as_json: bool) -> None:
    if as_json:
        console.print_json({"backup": str(out), **{name: getattr(made, name) for name in made.__slots__}})
    else:
        console.say(f"{out}: {made.rows} rows, {made.files} files, {made.bytes / 1e6:.1f} MB, read back and compared.")
        console.say(f"Ledger head: {made.head[0]} {made.head[1]}")
        console.say(f"SHA-256 of its manifest: {made.manifest_sha256} (noted in the site's ledger)")
        _tell_waiting(made.waiting)
        console.note(_KEEP_SAFE)
    if made.damage:
        console.show_error(f"the site itself is damaged; the backup holds it as it is. First: {made.damage[0]}")
        for one in made.damage[1:20]:
            console.note(f"  {one}")
        raise typer.Exit(EXIT_ERROR)


def _tell_waiting(waiting: Mapping[str, int]) -> None:
    if waiting.get("deliveries"):
        console.say(
            f"Deliveries received and not registered yet: {waiting['deliveries']} ({waiting['files']} files); "
            "`theratrial serve` or `theratrial worker` registers them."
        )
    if waiting.get("unregistered"):
        console.say(f"Files received without a place among the series (images/unregistered): {waiting['unregistered']}")


def restore(
    backup: Path = typer.Argument(help="What `theratrial backup` wrote."),
    site: Path = typer.Option(..., "--site", help="New site folder. With DATABASE_URL set, the rows go there."),
    manifest_sha256: str = typer.Option(
        "", "--manifest-sha256", help="Digest that was told when the backup was made: finds an exchanged backup."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the report as JSON."),
) -> None:
    """Bring a saved site back into a new folder and an empty database, compared with the backup row by row."""
    from theratrial.web.backup.places import site_beside

    folder = site.resolve()
    with site_beside(folder) as half:
        # The backup brings the key; none may be made before.
        os.environ.setdefault("THERATRIAL_SECRET_KEY", "not used while a site is restored")
        from theratrial.cli.site import site_ready

        site_ready(half)
        from theratrial.web.backup.site_commands import site_restored

        with console.progress("Restoring", total=4) as steps:
            report = site_restored(
                backup, half, folder, manifest_sha256=manifest_sha256, advance=steps.advance, opened=_tell_opened
            )
    _tell_restored(report, folder, as_json)


def _tell_opened(found: Backup) -> None:
    said = found.manifest
    console.note(f"Backup of {said['trial'] or 'a site'}, made at {said['made_at']} by theratrial {said['software']}")


def _tell_restored(report: dict[str, Any], folder: Path, as_json: bool) -> None:
    if as_json:
        console.print_json(report)
    else:
        rows = [[one["table"], one["rows"], one["restored"]] for one in report["tables"] if one["rows"]]
        console.print_table(["table", "rows in the backup", "rows restored, contents equal"], rows)
        console.say(f"{report['rows']} rows in {len(report['tables'])} tables: equal, content by content.")
        console.say(f"{report['files']['restored']} files: equal by SHA-256.")
        _tell_waiting(report["waiting"])
        console.say(f"Ledger: whole; its head is that of the backup, {report['head']['seq']} {report['head']['hash']}.")
        console.say(f"Restored in {folder} ({report['database']}); noted in its ledger as the next event.")
        if not report["secret_key"]:
            console.note("The secret key was not in the site folder (THERATRIAL_SECRET_KEY): set it again.")
        if report["environment_then"]:
            console.note(f"Set when it was backed up, perhaps to be set again: {', '.join(report['environment_then'])}")
    if report["backup"]["damage"]:
        console.show_error(f"the site was damaged when it was backed up: {report['backup']['damage'][0]}")
        raise typer.Exit(EXIT_ERROR)


def move(
    to: str = typer.Option(..., "--to", help="postgres://user:password@host:port/name (empty database), or sqlite."),
    site: Path = typer.Option(Path("theratrial-site"), "--site", help="Site folder. DATABASE_URL: where it is now."),
    as_json: bool = typer.Option(False, "--json", help="Print the report as JSON."),
) -> None:
    """Move a site that is stopped to the other database, compared row by row, the ledger verified."""
    from theratrial.cli.ledger import ledger_ready

    folder = ledger_ready(site)
    from theratrial.web.backup.moving import SQLITE, moved_now

    report = moved_now(folder, to, _database_url())
    if as_json:
        console.print_json(report)
        return
    console.say(f"{report['rows']} rows in {len(report['tables'])} tables: equal, content by content.")
    console.say(f"Ledger: whole; its head is that before, {report['head']['seq']} {report['head']['hash']}.")
    console.say(f"Moved from {report['from']} to {report['to']}; noted in the ledger as the next event.")
    if to == SQLITE:
        console.say("Start the site without DATABASE_URL from now on; drop the old database when all is well.")
    else:
        console.say("Start the site with DATABASE_URL set to it from now on; the old file was renamed, not removed.")
