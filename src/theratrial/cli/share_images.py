"""`theratrial share images`: a folder of DICOM files, or those of a trial, without identity and with proof."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from theratrial.sharing.images.clocks import Clock
    from theratrial.sharing.images.values import Progress, Report, Withheld


def images(
    source: Annotated[
        Path,
        typer.Argument(help="Folder of DICOM files, a trial folder, or a result folder.", metavar="FOLDER_OR_RESULT"),
    ],
    out: Annotated[Path, typer.Argument(help="Folder to make; must not exist.", metavar="OUT")],
    key: Annotated[
        Path, typer.Option(help="File with the secret of your releases; made where there is none. Stays home.")
    ],
    release: Annotated[
        str, typer.Option(help="Name of the release: the same name gives the same codes and dates, for tables too.")
    ] = "release",
    mapping: Annotated[
        Path | None,
        typer.Option(help="File that says who is who; beside the key if not given. Stays home.", metavar="FILE"),
    ] = None,
    reviewed: Annotated[
        list[str] | None,
        typer.Option(help="SeriesInstanceUID whose pictures you looked at: nobody is named. Repeat.", metavar="UID"),
    ] = None,
    protocol_id: Annotated[
        str, typer.Option(help="Public number of the trial, written where objects name their protocol.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON and nothing else.")] = False,
) -> None:
    """Share images without identity: cleaned, then proven unchanged in every number and searched for leaks.

    Refused, with the number, if any SUV, volume, activity or interval changed or anything of a participant is found.
    """
    from theratrial.cli.console import note, print_json
    from theratrial.cli.share_home import kept_home, release_key
    from theratrial.sharing.images.mapping import read_people, write_people
    from theratrial.sharing.images.release import make_release
    from theratrial.sharing.images.report import report_values
    from theratrial.sharing.images.values import Asked, NothingShared, ReleaseRefused

    folder, excluded, trial, clocks = _images_of(source)
    mapping = mapping or key.with_name(key.name + ".mapping.json")
    kept_home((key, mapping), folder, out)
    with release_key(key, release) as own:
        asked = Asked(
            folder,
            out,
            own,
            read_people(mapping, own, trial),
            frozenset(reviewed or ()),
            protocol_id=protocol_id,
            excluded=excluded,
            clocks=clocks,
        )
        try:
            made = make_release(asked, _progress(quiet=as_json))
        except NothingShared as nothing:
            _tell_review(nothing.withheld, key, release)
            raise
        except ReleaseRefused as refused:
            if as_json:
                print_json(report_values(refused.report))
            raise
        write_people(mapping, own, made.people, trial)
    if as_json:
        print_json(report_values(made.report))
    else:
        _show(made.report, out)
    note(f"Who is who: {mapping} (keep it with the key, apart from the release).")
    _tell_review(made.withheld, key, release)


def check_images(
    source: Annotated[Path, typer.Argument(help="What the images were shared from.", metavar="FOLDER_OR_RESULT")],
    out: Annotated[Path, typer.Argument(help="The folder that was shared.", metavar="SHARED")],
    key: Annotated[Path, typer.Option(help="The key file of the release.")],
    release: Annotated[str, typer.Option(help="Name of the release.")] = "release",
    mapping: Annotated[Path | None, typer.Option(help="The mapping file; beside the key if not given.")] = None,
    reviewed: Annotated[list[str] | None, typer.Option(help="As given when they were shared.", metavar="UID")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON and nothing else.")] = False,
) -> None:
    """Prove shared images once more from what they were made of. Exit code 1 if anything changed or leaks."""
    from theratrial.cli.console import print_json
    from theratrial.sharing.images.mapping import read_key, read_people
    from theratrial.sharing.images.release import check_release
    from theratrial.sharing.images.report import report_values
    from theratrial.sharing.images.values import Asked

    folder, excluded, trial, clocks = _images_of(source)
    own = read_key(key, release)
    people = read_people(mapping or key.with_name(key.name + ".mapping.json"), own, trial)
    asked = Asked(folder, out, own, people, frozenset(reviewed or ()), excluded=excluded, clocks=clocks)
    report = check_release(asked, _progress(quiet=as_json))
    if as_json:
        print_json(report_values(report))
    else:
        _show(report, out)
    if report.faults:
        from theratrial.cli.console import show_error

        for fault in report.faults:
            show_error(fault)
        raise typer.Exit(1)


def _images_of(source: Path) -> tuple[Path, frozenset[str], str, dict[str, Clock]]:
    """The folder of images (of a result its trial's), who withdrew the use of her data, the trial's id, and clocks."""
    from theratrial.errors import InputError

    source = trial_of(source)
    excluded: frozenset[str] = frozenset()
    named = ""
    clocks: dict[str, Clock] = {}
    if (source / "protocol.yaml").is_file():
        from theratrial.cli.share_home import trial_id
        from theratrial.sharing.tables.clocks import clocks_of
        from theratrial.trialfolder import read_folder
        from theratrial.trialfolder.withdrawals import data_use_withdrawn

        trial = read_folder(source)
        people = {str(row["participant_id"]) for row in trial.tables["participants"]}
        excluded = frozenset(one for one in people if data_use_withdrawn(trial, one))
        named, clocks = trial_id(trial), clocks_of(trial)
        source = source / "images"
    if not source.is_dir():
        raise InputError(f"{source}: no such folder")
    return source, excluded, named, clocks


def trial_of(source: Path) -> Path:
    """The trial folder that a result folder names, else the folder itself."""
    import json

    from theratrial.errors import InputError

    run = source / "run.json"
    if run.is_file():
        try:
            named = json.loads(run.read_text(encoding="utf-8")).get("trial_folder")
        except (ValueError, AttributeError):
            named = None
        if not isinstance(named, str):
            raise InputError(f"{run}: does not name its trial folder -> give the folder of the images")
        source = (source / named).resolve()
    return source


def _progress(*, quiet: bool) -> Progress:
    """A line on standard error when something else begins, and at each quarter of it."""
    from theratrial.cli.console import note

    last: list[object] = []

    def tell(what: str, done: int, total: int) -> None:
        at = (what, done * 4 // total if total else 4)
        if not quiet and last != [at]:
            last[:] = [at]
            note(f"{what}: {done} of {total} objects")

    return tell


def _tell_review(withheld: Sequence[Withheld], key: Path, release: str) -> None:
    from theratrial.cli.console import note

    review = _write_review(withheld, key.with_name(f"{key.name}.review-{release}"))
    if review is not None:
        note(f"{len(withheld)} object(s) withheld; look at {review}")


def _write_review(withheld: Sequence[Withheld], folder: Path) -> Path | None:
    """The pictures of what was withheld, for those at home; None where nothing was."""
    from theratrial.sharing.images.report import review_page

    if not withheld:
        return None
    folder.mkdir(mode=0o700, exist_ok=True)
    names = []
    for number, one in enumerate(withheld, start=1):
        names.append(f"{number:04d}.png" if one.picture else "")
        if one.picture:
            (folder / names[-1]).write_bytes(one.picture)
    page = folder / "review.html"
    page.write_text(review_page(withheld, names), encoding="utf-8")
    page.chmod(0o600)
    return page


def _show(report: Report, out: Path) -> None:
    from theratrial.cli.console import print_table, say

    compared = [one for series in report.series for one in series.agreements]
    known = [one for one in compared if one.values]
    worst = max((one.relative_difference or 0.0 for one in known), default=0.0)
    say(f"{out}: {report.objects} objects of {report.participants} participant(s), without identity", style="bold")
    pixels, with_pixels = (sum(getattr(s, n) for s in report.series) for n in ("pixels_identical", "with_pixels"))
    rows: list[tuple[str, object]] = [
        ("quantities recomputed before and after", f"{len(known)} in {len(report.series)} series"),
        ("largest relative difference", f"{worst:.2g}"),
        ("quantities the headers allow neither before nor after", len(compared) - len(known)),
        ("objects with the same pixel bytes", f"{pixels} of {with_pixels}"),
        (
            "intervals between scans kept",
            f"{report.intervals_compared - report.intervals_off} of {report.intervals_compared}",
        ),
        ("references kept", f"{report.references_after} of {report.references_before}"),
        (
            "strings, dates, UIDs searched for",
            f"{report.strings_searched}, {report.dates_searched}, {report.uids_searched}",
        ),
        ("found", len(report.leaks)),
    ]
    print_table(("what", "result"), [(name, str(value)) for name, value in rows])
    if report.withheld:
        print_table(("modality", "withheld because", "objects"), report.withheld)
    say(f"Report: {out / 'report.html'}")
