"""`theratrial export dicom`: what was derived from the images, as DICOM objects."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import typer

from theratrial.cli import console


class ObjectKind(StrEnum):
    """Kinds of derived objects."""

    SEG = "seg"
    SR = "sr"
    RWVM = "rwvm"
    RTDOSE = "rtdose"
    RRDSR = "rrdsr"
    SC = "sc"
    ALL = "all"


def dicom(
    result: Path = typer.Argument(help="Folder that `theratrial run --out` wrote."),
    out: Path = typer.Argument(help="Folder for the objects; it must not exist yet, or be empty."),
    trial: Path = typer.Option(None, "--trial", help="The trial folder, if it was moved since."),
    participant: list[str] = typer.Option([], "--participant", help="Only this participant; may be repeated."),
    kind: list[ObjectKind] = typer.Option(
        [ObjectKind.ALL],
        "--kind",
        help="seg: regions; sr: uptake report and SUV certificate; rwvm: SUV mapping; rtdose: absorbed dose; rrdsr: "
        "administered activity and organ doses; sc: key images. May be repeated.",
    ),
    made_at: str = typer.Option(
        "", "--made-at", help="Moment of making with its offset; without it that of the newest record."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the index as JSON."),
) -> None:
    """Write regions, uptake, SUV, absorbed dose, administrations and key images as DICOM objects, with an index."""
    from theratrial.errors import InputError
    from theratrial.pipeline.derived_objects import objects_written, opened_trial
    from theratrial.pipeline.derived_values import KINDS, TITLES

    values = opened_trial(result, trial, made_at=_moment(made_at))
    kinds = KINDS if ObjectKind.ALL in kind else tuple(one for one in KINDS if one in {k.value for k in kind})
    wanted = tuple(dict.fromkeys(participant)) or values.participants
    if unknown := [one for one in wanted if one not in {p.participant_id for p in values.result.participants}]:
        raise InputError(
            f"the results have no participant {', '.join(unknown)}; they have {', '.join(values.participants)}"
        )
    with console.progress("Writing DICOM objects", total=len(wanted)) as steps:
        index = objects_written(values, out, wanted, kinds, advance=steps.advance)
    if as_json:
        console.print_json(index)
        return
    objects, lost = index["objects"], index["left_out"]
    console.print_table(
        ("Kind", "What", "Objects", "Left out"),
        [
            (one, TITLES[one], sum(o["kind"] == one for o in objects), sum(o["kind"] == one for o in lost))
            for one in kinds
        ],
    )
    for one in lost:
        console.note(f"{one['participant_id']}, {one['kind']}, {one['name']}: left out, {one['because']}")
    if values.result.simulated:
        console.say("The participants are virtual; no person was imaged.")
    if values.left_out:
        console.note(f"{values.left_out} who withdrew the use of their data are left out.")
    console.say(f"{out}: {len(objects)} DICOM objects of {len(wanted)} participants; index.json names each")


def _moment(text: str) -> datetime | None:
    from theratrial.errors import InputError

    if not text:
        return None
    found: datetime | None = None
    with suppress(ValueError):
        found = datetime.fromisoformat(text)
    if found is None or found.tzinfo is None:
        raise InputError(f"--made-at {text!r} is no moment with an offset; write 2026-03-01T09:00:00+03:30")
    return found
