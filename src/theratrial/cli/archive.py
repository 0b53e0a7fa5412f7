"""`theratrial archive`: build and verify the inspector's archive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from theratrial.cli import EXIT_ERROR, console
from theratrial.errors import InputError

if TYPE_CHECKING:
    from theratrial.sharing.archive.contents import ArchiveSource

app = typer.Typer(help="The inspector's archive: one file, verified without the software.", no_args_is_help=True)

_MOST_SHOWN = 20


@app.callback()
def _root() -> None:
    """Holds the commands."""


@app.command("build")
def build(
    places: list[Path] = typer.Argument(
        metavar="[RESULT] OUT.zip", help="What `theratrial run` wrote (or --site), and the archive to write."
    ),
    site: Path = typer.Option(None, "--site", help="Site folder: its ledger, signatures and latest computed results."),
    trial: Path = typer.Option(None, "--trial", help="The trial folder of --result, if it was moved since."),
    participant: str = typer.Option("", "--participant", help="Of one participant instead of the whole trial."),
    images: bool = typer.Option(False, "--images", help="Put the images in: every number can be recomputed from it."),
    as_json: bool = typer.Option(False, "--json", help="Print what was made as JSON."),
) -> None:
    """Write everything of a trial, or of one participant, as one sealed file."""
    from theratrial.sharing.archive.contents import archive_packed
    from theratrial.sharing.archive.packing import packing

    if len(places) != (1 if site else 2):
        raise InputError(
            "an archive is made of a result or of a site: `archive build RESULT OUT.zip` or "
            "`archive build --site DIR OUT.zip`"
        )
    out = places[-1]
    if out.suffix != ".zip":
        raise InputError(f"{out}: an archive is one file; give it a name ending with .zip")
    with console.progress("Archiving", total=6 if site else 5) as steps:
        source = _of_site(site, participant) if site else _of_result(places[0], trial, participant)
        if site:
            steps.advance("certified copy")
        with packing(out) as made:
            about = archive_packed(source, made, images=images, advance=steps.advance)
            digest = made.finished(about)
            steps.advance("read back")
    if site:
        from theratrial.web.exports.archives import archive_noted

        archive_noted(participant, digest, images=images)
    _tell(out, digest, about, len(made.files) + 1, as_json)


def _of_result(result: Path, trial: Path | None, participant: str) -> ArchiveSource:
    from theratrial.pipeline.archived import standard_files
    from theratrial.pipeline.sdtm_package import opened_result
    from theratrial.sharing.archive.contents import ArchiveSource

    folder, values = opened_result(result, trial)
    standards, because = ({}, "") if participant else standard_files(folder, values)
    return ArchiveSource(
        folder,
        values,
        folder.path,
        result,
        participant=participant,
        standards=standards,
        without_standards_because=because,
    )


def _of_site(site: Path, participant: str) -> ArchiveSource:
    from theratrial.cli.ledger import ledger_ready

    ledger_ready(site)
    from theratrial.web.exports.archives import command_source

    return command_source(participant)


def _tell(out: Path, digest: str, about: dict[str, Any], files: int, as_json: bool) -> None:
    if as_json:
        console.print_json({"archive": str(out), "manifest_sha256": digest, "files": files, **about})
        return
    size = out.stat().st_size / 1e6
    console.say(f"{out}: {files} files, {size:.1f} MB, read back and compared.")
    console.say(f"SHA-256 of its manifest: {digest}")
    for one in about["not_inside"]:
        console.note(f"Not inside: {one}")
    if not about["images_inside"]:
        console.note("The images are not inside (--images), so what rests on them cannot be recomputed from it alone.")


@app.command("verify")
def verify(
    file: Path = typer.Argument(help="Archive, certified copy or backup: one file, or unpacked."),
    manifest_sha256: str = typer.Option("", "--manifest-sha256", help="Digest told when it was made."),
) -> None:
    """Say whether an archive, a certified copy or a backup is intact, or what was altered; computes nothing."""
    from theratrial.sharing.archive import verifier

    if not file.exists():
        raise InputError(f"{file} is not there; give an archive, a certified copy or a backup")
    if verifier.is_no_zip(file):
        raise InputError(
            f"{file} is no zip file, so no archive, certified copy or backup; give the file that was written, or the "
            "folder it was unpacked into"
        )
    found = list(verifier.faults(file, manifest_sha256))
    if found:
        for one in found[:_MOST_SHOWN]:
            console.say(f"ALTERED: {one}")
        if len(found) > _MOST_SHOWN:
            console.say(f"and {len(found) - _MOST_SHOWN} more")
        console.show_error("not intact")
        raise typer.Exit(EXIT_ERROR)
    copy = verifier.place_of(file)
    with copy.opened(verifier.MANIFEST) as manifest:
        digest = verifier.sha256(manifest.read())
    console.say(f"Intact: {len(copy.files)} files.", style="bold")
    console.say(f"SHA-256 of its manifest: {digest}")
    if not manifest_sha256:
        console.note(
            "Give the digest told when it was made (--manifest-sha256): an exchanged manifest is then found too."
        )
