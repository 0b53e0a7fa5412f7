"""What `theratrial verify` says of an inspector's archive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from theratrial.cli import EXIT_ERROR, console

if TYPE_CHECKING:
    from theratrial.pipeline.verify_archive import ArchiveVerification, NumbersCompared

_MOST_SHOWN = 20


def archive_verified(place: Path, manifest_sha256: str, workers: int, show_all: bool, as_json: bool) -> None:
    """Verify an archive and say what was found; exit code 0 only where every number came out again."""
    from theratrial.pipeline.verify_archive import archive_verification

    console.note("Verifying the files, then recomputing what is inside.")
    found = archive_verification(place, manifest_sha256=manifest_sha256, workers=workers)
    if as_json:
        _print(found)
    elif found.altered:
        console.say(f"NOT INTACT: {found.altered[0]}", style="bold")
        for one in found.altered[1 : None if show_all else _MOST_SHOWN]:
            console.say(one)
        console.note("Nothing was recomputed.")
    else:
        console.say(f"The archive is intact: {found.files} files.")
        _tell(found, show_all)
    if not found.recomputed:
        raise typer.Exit(EXIT_ERROR)


def _tell(found: ArchiveVerification, show_all: bool) -> None:
    if found.whole is not None:
        whole = found.whole
        if whole.intact:
            console.say(
                f"Intact: {whole.inputs_checked} input files as they were, {whole.numbers_recomputed} numbers "
                f"recomputed and equal, {whole.outputs_checked} outputs rendered again and equal.",
                style="bold",
            )
        for one in whole.differences if show_all else whole.differences[:_MOST_SHOWN]:
            console.say(str(one))
        if not whole.intact:
            console.say(f"NOT INTACT: {len(whole.differences)} differences.", style="bold")
        return
    assert found.numbers is not None, "without the whole verification there are numbers"
    _tell_numbers(found, found.numbers, show_all)


def _tell_numbers(found: ArchiveVerification, numbers: NumbersCompared, show_all: bool) -> None:
    console.say(f"{numbers.equal} of {numbers.total} numbers recomputed and equal.")
    if found.recomputed:
        console.say("Intact: every number inside was recomputed and is equal.", style="bold")
        return
    because = (
        "the images that they rest on are not inside" if not found.images_inside else "her data alone do not give it"
    )
    console.say(
        f"NOT recomputed in full: {len(numbers.absent)} numbers could not be recomputed, for {because}.", style="bold"
    )
    _list(numbers.absent, show_all)
    if numbers.otherwise:
        what = "without the images" if not found.images_inside else "from her data alone"
        console.say(
            f"{len(numbers.otherwise)} numbers come out otherwise {what}; "
            "whether they are right, this archive cannot tell:"
        )
        _list(numbers.otherwise, show_all)
    console.note(
        "The archive with its images (`theratrial archive build --images`), of the whole trial, can be recomputed."
    )


def _list(places: tuple[str, ...], show_all: bool) -> None:
    for one in places if show_all else places[:_MOST_SHOWN]:
        console.say(f"  {one}")
    if len(places) > _MOST_SHOWN and not show_all:
        console.note(f"  and {len(places) - _MOST_SHOWN} more; --all lists them")


def _print(found: ArchiveVerification) -> None:
    numbers = found.numbers
    console.print_json(
        {
            "files_intact": not found.altered,
            "recomputed_in_full": found.recomputed,
            "altered": list(found.altered),
            "participant": found.participant,
            "images_inside": found.images_inside,
            "numbers_recomputed": found.whole.numbers_recomputed if found.whole else numbers.equal if numbers else 0,
            "not_recomputed": list(numbers.absent) if numbers else [],
            "come_out_otherwise": list(numbers.otherwise) if numbers else [],
            "differences": [str(one) for one in found.whole.differences] if found.whole else [],
        }
    )
