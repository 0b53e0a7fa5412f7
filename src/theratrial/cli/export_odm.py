"""`theratrial export odm`."""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import typer

from theratrial.cli import console

if TYPE_CHECKING:
    from theratrial.trialfolder.records import TrialFolder


class OdmVersion(StrEnum):
    """Versions of ODM that are written."""

    V1_3_2 = "1.3.2"
    V2_0 = "2.0"


def odm(
    source: Path = typer.Argument(help="Result folder or trial folder; with --site the file to write."),
    out: Path = typer.Argument(None, help="File to write, for example trial.odm.xml."),
    site: Path = typer.Option(None, "--site", help="Site folder: export its ledger, whole, with every change."),
    trial: Path = typer.Option(None, "--trial", help="Trial folder of the result, where it was moved."),
    version: OdmVersion = typer.Option(OdmVersion.V1_3_2, "--odm", help="Version of ODM; 2.0 is always a snapshot."),
    snapshot: bool = typer.Option(False, "--snapshot", help="Only the state. What a folder gives is always this."),
    force: bool = typer.Option(False, "--force", help="Replace the file if it is there."),
) -> None:
    """Write a trial as CDISC ODM: from a site every change with who, when, why and the signatures, or its state."""
    from theratrial.errors import InputError

    if site is not None:
        if out is not None:
            raise InputError("give --site DIR and one file to write; a folder cannot be exported at the same time")
        _site_written(site, source, version, snapshot, force)
        return
    if out is None:
        raise InputError("give the folder and the file to write: theratrial export odm FOLDER OUT (or --site DIR OUT)")
    _folder_written(_folder(source, trial), out, version, force)
    if not snapshot:
        console.note("A folder keeps no history of changes, so this is its state; --site DIR exports a site's history.")


def _folder(source: Path, trial: Path | None) -> TrialFolder:
    """The trial folder, or the one that a result names."""
    from theratrial.pipeline.outputs import RESULTS, read_run_record
    from theratrial.pipeline.verify import trial_folder_of
    from theratrial.trialfolder import read_folder

    if (source / RESULTS).is_file():
        return read_folder(trial_folder_of(source, read_run_record(source), trial))
    return read_folder(trial or source)


def _folder_written(folder: TrialFolder, out: Path, version: OdmVersion, force: bool) -> None:
    from importlib.metadata import version as version_of

    from theratrial.exchange.odm.folder import folder_moment, folder_told, layout_of, withdrawn
    from theratrial.exchange.odm.snapshot import About, snapshot_written
    from theratrial.exchange.odm.snapshot_20 import snapshot_20_written

    layout = layout_of(folder)
    about = About(layout.oid, folder_moment(folder), version_of("theratrial"), folder.simulated)
    known = {layout.oid: layout}

    def write(stream: BinaryIO) -> None:
        if version is OdmVersion.V2_0:
            snapshot_20_written(stream, folder_told(folder, layout), known, about)
        else:
            snapshot_written(stream, folder_told(folder, layout), known, about)

    _written(out, write, force)
    if left_out := withdrawn(folder):
        console.note(f"{len(left_out)} participants withdrew the use of their data and are left out.")
    console.say(f"{out}: ODM {version.value}, snapshot, {out.stat().st_size} bytes")


def _site_written(site: Path, out: Path, version: OdmVersion, snapshot: bool, force: bool) -> None:
    from theratrial.cli.site import site_ready

    site_ready(site)
    from theratrial.web.exports.odm import export_noted, site_transactional_written
    from theratrial.web.exports.odm_snapshot import site_snapshot_written, whole_site
    from theratrial.web.trials.selectors import trial_or_none

    if trial_or_none() is None:
        from theratrial.errors import InputError

        raise InputError(f"{site} has no trial; `theratrial site init` sets one up")
    whole = not snapshot and version is OdmVersion.V1_3_2

    def write(stream: BinaryIO) -> None:
        if whole:
            site_transactional_written(stream)
        else:
            site_snapshot_written(stream, version.value)

    _written(out, write, force)
    export_noted(out, "transactional" if whole else "snapshot", version.value)
    if not whole and (left_out := whole_site().left_out):
        console.note(f"{left_out} participants withdrew the use of their data and are left out.")
    kind = "every change" if whole else "snapshot"
    console.say(f"{out}: ODM {version.value}, {kind}, {out.stat().st_size} bytes")


def _written(out: Path, write: Callable[[BinaryIO], None], force: bool) -> None:
    """Write beside the place and move there: the file appears whole or not at all."""
    from theratrial.errors import InputError

    if out.exists() and (out.is_dir() or not force):
        raise InputError(f"{out} is there already; give another name, or --force to replace a file")
    partial = out.with_name(f".{out.name}.part")
    try:
        with partial.open("wb") as stream:
            write(stream)
        os.replace(partial, out)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
