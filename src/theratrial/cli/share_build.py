"""`theratrial share plan`, `preview` and `build`."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from theratrial.cli import console

if TYPE_CHECKING:
    from theratrial.pipeline.sharing_release import Release, ReleaseAsked
    from theratrial.sharing.plan import Plan
    from theratrial.sharing.readme import SharedImages
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
        (
            one.title,
            f"{one.answer}, stays home" if found.held_back(one.item) else one.answer,
            one.registered or "–",
            one.when or "–",
            one.to_whom or "–",
            one.conditions or "–",
        )
        for one in found.items
    ]
    console.print_table(("Item", "Shared", "Registered", "When", "To whom", "Conditions"), rows)
    _hindrances(found)


def preview(source: Annotated[Path, _SOURCE]) -> None:
    """Show what each item would release with a yes; nothing is made."""
    from theratrial.sharing.plan import IMAGES

    found = _plan_of(source)
    for one in found.items:
        console.say(f"{one.title}: {one.answer}", style="bold")
        if why := found.held_back(one.item):
            console.say(f"  stays home: {why}")
            continue
        for held in found.holds(one.item):
            console.say(f"  {'releases' if one.answer == 'yes' else 'a yes would release'}: {held}")
        if one.item == "individual_participant_data" and found.dates == "moved":
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
    from theratrial.cli.share_home import kept_home, made_whole, release_key, trial_id
    from theratrial.cli.share_tables import allowed_texts
    from theratrial.pipeline.sdtm_package import opened_result
    from theratrial.pipeline.sharing_release import MANIFEST, STEPS, ReleaseAsked, may_be_made, release_made, sealed
    from theratrial.sharing.images.mapping import read_people, write_people
    from theratrial.sharing.plan import plan_of_trial
    from theratrial.web.sentences.matching import said  # knows no Django: the table of the core's sentences

    mapping = mapping or key.with_name(key.name + ".mapping.json")
    folder, result = opened_result(source, trial)
    kept_home((key, mapping), folder.path, out)
    may_be_made(plan_of_trial(folder), consent_given=consent is not None)
    allowed = frozenset() if allow is None else allowed_texts(allow)
    form = None if consent is None else (consent.name, _content(consent))
    with release_key(key, release) as own, made_whole(out) as place:
        people = read_people(mapping, own, trial_id(folder))
        asked = ReleaseAsked(own, people, allowed, form, pdf, lambda text: said(text, jalali=True, words=str).text)
        with console.progress("Making the release", total=STEPS) as progress:
            made = release_made(folder, result, asked, progress.advance)
            _write(place, made.files)
            progress.advance("files")
        images = None
        if made.plan.with_images and made.plan.shared("individual_participant_data"):
            images = _images(folder, place / "images", asked, made, frozenset(reviewed or ()))
        # Last: before this nothing in the folder says that it was proven, or of what it consists.
        last = sealed(made, images)
        _write(place, last)
        write_people(mapping, own, dict(made.people), trial_id(folder))
    _show(made, out)
    console.say(f"SHA-256 of {MANIFEST}: {hashlib.sha256(last[MANIFEST]).hexdigest()}")
    console.note("Send it apart from the release, and note it with what went to whom.")


def _write(place: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)


def _images(
    folder: TrialFolder, out: Path, asked: ReleaseAsked, made: Release, reviewed: frozenset[str]
) -> SharedImages:
    from theratrial.cli.share_home import trial_id
    from theratrial.pipeline.sharing_release import shared_images
    from theratrial.sharing.images.release import make_release
    from theratrial.sharing.images.values import Asked
    from theratrial.sharing.tables.clocks import clocks_of

    done = make_release(
        Asked(
            folder.path / "images",
            out,
            asked.key,
            dict(made.people),
            reviewed,
            protocol_id=trial_id(folder),
            excluded=frozenset(made.excluded),
            clocks=clocks_of(folder),
        )
    )
    report = done.report
    console.say(f"{report.objects} images of {report.participants} participants, their numbers proven unchanged")
    if waiting := sum(one.needs_a_look for one in done.withheld):
        console.note(f"{waiting} image objects wait for a look; `theratrial share images` shows them")
    for why, many in sorted(Counter(one.because for one in done.withheld if not one.needs_a_look).items()):
        console.note(f"{many} image objects stay home: {why}")
    return shared_images(out, report)


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
    from theratrial.sharing.plan import plan_of_trial, sharing_plan
    from theratrial.trialfolder import read_folder

    folder = source if source.is_dir() else None
    if folder is not None:
        folder = trial_of(folder)
        if (folder / "records").is_dir():
            return plan_of_trial(read_folder(folder))
    # Without records nobody can have withdrawn.
    place = source if folder is None else folder / "protocol.yaml"
    beside = place.with_name("registration.yaml")
    return sharing_plan(read_protocol(place), read_registration(beside) if beside.is_file() else None)


def _hindrances(found: Plan) -> None:
    for one in found.hindrances:
        console.note(f"{one.weight}: {one.title}: {one.message}")
    if not any(one.answer == "yes" for one in found.items):
        console.note("No item has a yes: nothing would be released.")
    elif found.nothing:
        console.note("Every item with a yes stays home: nothing would be released.")


def _show(made: Release, out: Path) -> None:
    shared = ", ".join(one.title.lower() for one in made.plan.leaving)
    console.say(f"{out}: {shared}", style="bold")
    proof = made.proof
    if proof.numbers:
        console.say(f"{proof.numbers} numbers are the same, {proof.dates} dates moved by exactly their shift")
    console.say(f"{proof.searched} files searched without a find")
    for name in proof.not_searched:
        console.note(f"{name} was not searched: it is shared as you gave it.")
    for sentence in made.risk.sentences if made.risk is not None else ():
        console.say(sentence)
    if made.withheld_texts:
        console.note(
            f"{len(made.withheld_texts)} typed texts were withheld; `theratrial share tables` lists them for reading"
        )
    if made.excluded:
        console.note(f"{len(made.excluded)} participant(s) withdrew the use of their data and are in nothing shared.")
    _hindrances(made.plan)
