"""`theratrial share plan`, `preview` and `build`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from theratrial.cli import console

if TYPE_CHECKING:
    from theratrial.pipeline.sharing_release import Release, ReleaseAsked
    from theratrial.sharing.plan import Plan
    from theratrial.trialfolder.records import TrialFolder

_SOURCE = typer.Argument(help="Trial folder, result folder, or protocol file.", metavar="TRIAL")


def plan(
    source: Annotated[Path, _SOURCE],
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON and nothing else.")] = False,
) -> None:
    """Show what the sharing plan says of its seven items, and what stands in the way of a release."""
    found = _plan_of(source)
    if as_json:
        console.print_json(found)
        return
    rows = [
        (one.title, one.answer, one.registered or "–", one.when or "–", one.to_whom or "–", one.conditions or "–")
        for one in found.items
    ]
    console.print_table(("Item", "Shared", "Registered", "When", "To whom", "Conditions"), rows)
    _hindrances(found)


def preview(source: Annotated[Path, _SOURCE]) -> None:
    """Show what each item would release with a yes; nothing is made."""
    from theratrial.sharing.plan import HELD, IMAGES

    found = _plan_of(source)
    for one in found.items:
        console.say(f"{one.title}: {one.answer}", style="bold")
        for held in HELD[one.item]:
            console.say(f"  {'releases' if one.answer == 'yes' else 'a yes would release'}: {held}")
        if one.item == "individual_participant_data":
            console.say(f"  {'and' if found.with_images else 'with_images: true would add'}: {IMAGES}")
    _hindrances(found)


def build(
    source: Annotated[Path, typer.Argument(help="Result folder of the trial.", metavar="RESULT")],
    out: Annotated[Path, typer.Argument(help="Folder to make; must not exist.", metavar="OUT")],
    key: Annotated[Path, typer.Option(help="File with the secret of your releases; made where there is none.")],
    release: Annotated[str, typer.Option(help="Name of the release; another name gives other codes.")] = "release",
    trial: Annotated[Path | None, typer.Option(help="Trial folder, where the result does not lead to it.")] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="File that says who is who; beside the key if not given.")
    ] = None,
    allow: Annotated[
        Path | None, typer.Option(help="The list of withheld texts, 'yes' in column allow where you let one.")
    ] = None,
    consent: Annotated[Path | None, typer.Option(help="The blank consent form, where the plan shares it.")] = None,
    reviewed: Annotated[
        list[str] | None, typer.Option(help="SeriesInstanceUID whose pictures you looked at. Repeat.", metavar="UID")
    ] = None,
    pdf: Annotated[bool, typer.Option(help="Also write the documents as PDF.")] = True,
) -> None:
    """Make exactly what the sharing plan says, without identities and with the proof; nothing without a yes."""
    import os
    import shutil

    from theratrial.cli.share_images import kept_home, release_key
    from theratrial.cli.share_tables import allowed_texts
    from theratrial.errors import InputError
    from theratrial.pipeline.sdtm_package import opened_result
    from theratrial.pipeline.sharing_release import STEPS, ReleaseAsked, release_made
    from theratrial.sharing.images.mapping import read_people, write_people
    from theratrial.web.sentences.matching import said  # knows no Django: the table of the core's sentences

    mapping = mapping or key.with_name(key.name + ".mapping.json")
    folder, result = opened_result(source, trial)
    kept_home((key, mapping), folder.path, out)
    if out.exists():
        raise InputError(f"{out}: exists already -> give a folder that is not there yet")
    asked = ReleaseAsked(
        release_key(key, release),
        read_people(mapping, release),
        frozenset() if allow is None else allowed_texts(allow),
        None if consent is None else (consent.name, _content(consent)),
        pdf,
        lambda text: said(text, jalali=True, words=str).text,
    )
    partial = out.with_name(out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with console.progress("Making the release", total=STEPS) as progress:
            made = release_made(folder, result, asked, progress.advance)
            for name, content in made.files.items():
                place = partial / name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
            progress.advance("files")
        write_people(mapping, release, dict(made.people))
        if made.plan.with_images and made.plan.shared("individual_participant_data"):
            _images(folder, partial / "images", asked, made, frozenset(reviewed or ()))
        os.rename(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    _show(made, out)


def _images(folder: TrialFolder, out: Path, asked: ReleaseAsked, made: Release, reviewed: frozenset[str]) -> None:
    from theratrial.sharing.images.release import make_release
    from theratrial.sharing.images.values import Asked

    identity = folder.protocol.identity.reading
    done = make_release(
        Asked(
            folder.path / "images",
            out,
            asked.key,
            dict(made.people),
            reviewed,
            protocol_id=identity.trial_id if identity is not None else "",
            excluded=frozenset(made.excluded),
        )
    )
    report = done.report
    console.say(f"{report.objects} images of {report.participants} participants, their numbers proven unchanged")
    if done.withheld:
        console.note(f"{len(done.withheld)} image objects wait for a look; `theratrial share images` shows them")


def _content(path: Path) -> bytes:
    from theratrial.errors import InputError

    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def _plan_of(source: Path) -> Plan:
    from theratrial.cli.share_images import trial_of
    from theratrial.protocol.reader import read_protocol
    from theratrial.registry.reader import read_registration
    from theratrial.sharing.plan import sharing_plan

    place = source if source.is_file() else trial_of(source) / "protocol.yaml"
    beside = place.with_name("registration.yaml")
    return sharing_plan(read_protocol(place), read_registration(beside) if beside.is_file() else None)


def _hindrances(found: Plan) -> None:
    for one in found.hindrances:
        console.note(f"{'stops a release' if one.blocks else 'note'}: {one.item}: {one.message}")
    if found.nothing:
        console.note("No item has a yes: nothing would be released.")


def _show(made: Release, out: Path) -> None:
    shared = ", ".join(one.title.lower() for one in made.plan.items if one.answer == "yes")
    console.say(f"{out}: {shared}", style="bold")
    proof = made.proof
    console.say(
        f"{proof.numbers} numbers are the same, {proof.dates} dates moved by exactly their shift, "
        f"{proof.searched} files searched without a find"
    )
    for sentence in made.risk.sentences if made.risk is not None else ():
        console.say(sentence)
    if made.withheld_texts:
        console.note(
            f"{len(made.withheld_texts)} typed texts were withheld; `theratrial share tables` lists them for reading"
        )
    if made.excluded:
        console.note(f"{len(made.excluded)} participant(s) withdrew the use of their data and are in nothing shared.")
    _hindrances(made.plan)
