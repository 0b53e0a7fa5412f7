"""`theratrial share tables`: the record tables of a trial without identity, with their risk and data dictionary."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from theratrial.sharing.tables.values import SharedTables


def tables(
    source: Annotated[Path, typer.Argument(help="A trial folder, or a result folder.", metavar="TRIAL_OR_RESULT")],
    out: Annotated[Path, typer.Argument(help="Folder to make; must not exist.", metavar="OUT")],
    key: Annotated[Path, typer.Option(help="File with the secret of your releases; made where there is none.")],
    release: Annotated[
        str, typer.Option(help="Name of the release: that of the images, for the same codes.")
    ] = "release",
    mapping: Annotated[
        Path | None, typer.Option(help="File that says who is who; beside the key if not given.", metavar="FILE")
    ] = None,
    relative_days: Annotated[
        bool, typer.Option("--relative-days", help="Days of the study in place of moved dates.")
    ] = False,
    allow: Annotated[
        Path | None,
        typer.Option(
            help="The list of withheld texts, 'yes' in column allow where you read one and let it.", metavar="CSV"
        ),
    ] = None,
    smallest_group: Annotated[int, typer.Option(min=1, help="Flag values that fewer participants have.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print the risk as JSON and nothing else.")] = False,
) -> None:
    """Share the tables of a trial without identity: codes and dates as in its shared images, texts only if read."""
    from theratrial.cli.console import note, print_json
    from theratrial.cli.share_home import kept_home, made_whole, release_key, trial_id
    from theratrial.cli.share_images import trial_of
    from theratrial.errors import InputError
    from theratrial.sharing.images.mapping import read_people, write_people
    from theratrial.sharing.tables.release import shared_tables
    from theratrial.sharing.tables.values import TablesAsked
    from theratrial.trialfolder import read_folder

    folder = trial_of(source)
    mapping = mapping or key.with_name(key.name + ".mapping.json")
    kept_home((key, mapping), folder, out)
    trial = read_folder(folder)
    allowed = frozenset() if allow is None else allowed_texts(allow)
    with release_key(key, release) as own, made_whole(out) as place:
        people = read_people(mapping, own, trial_id(trial))
        made = shared_tables(trial, TablesAsked(own, people, allowed, relative_days, smallest_group))
        if made.leaks:
            shown = "\n".join(f"  {leak}" for leak in made.leaks[:8])
            raise InputError(f"the tables are refused, nothing was written: {len(made.leaks)} find(s)\n{shown}")
        for name, data in made.files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(data)
        write_people(mapping, own, dict(made.people), trial_id(trial))
    if as_json:
        print_json(made.risk)
    else:
        _show(made, out)
    if made.withheld_texts:
        note(f"Read the free texts that were withheld: {_write_texts(made, key, release)} (stays home).")


def allowed_texts(path: Path) -> frozenset[tuple[str, str, str]]:
    import csv

    from theratrial.errors import InputError

    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        if not {"table", "column", "value", "allow"} <= set(reader.fieldnames or ()):
            raise InputError(f"{path}: needs the columns table, column, value, allow")
        return frozenset((r["table"], r["column"], r["value"]) for r in reader if (r["allow"] or "").strip() == "yes")


def _write_texts(made: SharedTables, key: Path, release: str) -> Path:
    import csv

    path = key.with_name(f"{key.name}.texts-{release}.csv")
    path.touch(mode=0o600)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("table", "column", "value", "lines", "allow"))
        writer.writerows((one.table, one.column, one.value, one.lines, "") for one in made.withheld_texts)
    return path


def _show(made: SharedTables, out: Path) -> None:
    from theratrial.cli.console import print_table, say

    count = sum(name.startswith("tables/") for name in made.files)
    say(f"{out}: {count} tables of {made.risk.participants} participants, without identity", style="bold")
    rows = [(", ".join(one.characteristics), one.groups, one.smallest, one.alone) for one in made.risk.combinations]
    print_table(("known of a participant", "groups", "smallest group", "alone in a group"), rows)
    for sentence in made.risk.sentences:
        say(sentence)
    if made.excluded:
        say(f"{len(made.excluded)} participant(s) withdrew the use of their data and are in no table.")
