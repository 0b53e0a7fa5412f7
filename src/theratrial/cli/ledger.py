"""`theratrial ledger`: verify, export, and anchor the ledger of a site."""

from __future__ import annotations

from pathlib import Path

import typer

from theratrial.cli import EXIT_ERROR, console
from theratrial.cli.site import site_ready
from theratrial.errors import InputError

app = typer.Typer(help="Verify or export the ledger of a site.", no_args_is_help=True)

_SITE = typer.Option(Path("theratrial-site"), "--site", help="Site folder.")
_MOST_SHOWN = 20


def ledger_ready(site: Path) -> Path:
    """The folder of a site that is there and has its tables; Django is started on it."""
    if not site.is_dir():
        raise InputError(f"there is no site folder {site}; name it with --site, or make one: `theratrial site init`")
    folder = site_ready(site)
    from theratrial.web.ledger.triggers import ledger_tables_exist

    if not ledger_tables_exist():
        raise InputError(f"{folder} holds no site's database yet; `theratrial serve --site {site}` makes it")
    return folder


@app.command("verify")
def verify(
    site: Path = _SITE,
    file: Path = typer.Option(None, "--file", help="An exported ledger instead of a site's; needs no database."),
) -> None:
    """Recompute the whole ledger; exit code 0 when it is whole, 1 with the first altered event when it is not."""
    if file is not None:
        _verify_file(file)
        return
    folder = ledger_ready(site)
    from theratrial.web.ledger.models import Event
    from theratrial.web.ledger.verification import ledger_verified

    with console.progress("Verifying the ledger", total=Event.objects.count()) as steps:
        found = ledger_verified(folder, lambda count: steps.advance(by=count))
    _tell(found.sentences(), found.chain.notes, found.events, found.hash, found.chain.redacted)


def _verify_file(file: Path) -> None:
    from theratrial.web.ledger.verification_file import file_verified

    try:
        with file.open(encoding="utf-8") as lines:
            check = file_verified(lines)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{file} cannot be read ({error}); give a file written by `theratrial ledger export`"
        ) from error
    _tell(
        [f"event {one.seq}: {one.message}" for one in check.faults], check.notes, check.seq, check.hash, check.redacted
    )


def _tell(faults: list[str], notes: list[str], events: int, head: str, redacted: int) -> None:
    for text in notes[:_MOST_SHOWN]:
        console.note(text)
    if faults:
        console.show_error(f"the ledger is not whole; first: {faults[0]}")
        for text in faults[1:_MOST_SHOWN]:
            console.note(f"  {text}")
        if len(faults) > _MOST_SHOWN:
            console.note(f"  and {len(faults) - _MOST_SHOWN} more")
        raise typer.Exit(EXIT_ERROR)
    console.say(f"The ledger is whole: {events} events, {redacted} of them redacted by two people.")
    console.say(f"Head: {events} {head}")


@app.command("export")
def export(file: Path = typer.Argument(help="File to write, JSON lines."), site: Path = _SITE) -> None:
    """Write every event with its old and new row; `ledger verify --file` verifies it anywhere."""
    ledger_ready(site)
    from theratrial.web.ledger.act import SystemActor, act, note
    from theratrial.web.ledger.verification import exported_lines

    with act(SystemActor("command-line"), "ledger.export"):
        note("ledger.export", format="JSON lines")
    count = 0
    try:
        with file.open("x", encoding="utf-8", newline="\n") as stream:
            for count, line in enumerate(exported_lines()):  # noqa: B007
                stream.write(line + "\n")
    except FileExistsError as error:
        raise InputError(f"{file} is there already; give a new name") from error
    console.say(f"{count} events are in {file}.")


@app.command("head")
def head(site: Path = _SITE) -> None:
    """Print the number and hash of the last event: written down elsewhere, they show a ledger cut short."""
    ledger_ready(site)
    from theratrial.web.ledger.models import Head

    found = Head.objects.get()
    console.say(f"{found.seq} {found.hash} {found.effective_at}")


@app.command("anchor")
def anchor(site: Path = _SITE) -> None:
    """Write the head into the day's anchor file of the site folder: daily, from cron; starting the site does so too."""
    folder = ledger_ready(site)
    from theratrial.web.ledger.startup import anchor_written

    written = anchor_written(folder)
    console.say(f"The head is in {written}." if written else "The ledger is empty; there is nothing to write down.")


@app.command("install-triggers")
def install_triggers(site: Path = _SITE) -> None:
    """Put missing or altered triggers in again; what was wrong is noted in the ledger."""
    ledger_ready(site)
    from theratrial.web.ledger.triggers import installed_triggers_differ, triggers_installed

    faults = installed_triggers_differ()
    triggers_installed()
    console.say(f"{len(faults)} triggers were mended." if faults else "Every trigger was as it must be.")
