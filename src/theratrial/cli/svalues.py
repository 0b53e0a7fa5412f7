"""`theratrial svalues`: make tables of organ S values by Monte Carlo, and show one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from theratrial.dosimetry.transport.values import SValueTable

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Make or show organ S values of a nuclide.")

_MGY_PER_MBQ_S = 1000 / 3600


@app.command()
def make(
    nuclide: Annotated[str, typer.Option(help="Nuclide of ICRP 107, as Lu-177.")],
    phantom: Annotated[str, typer.Option(help="adult_female or adult_male.")],
    relative_sd: Annotated[
        str, typer.Option(help="Standard deviation to reach on each region's self-absorbed photon energy.")
    ] = "1%",
    out: Annotated[
        Path | None, typer.Option(help="File to write; s_<nuclide>_<phantom>.csv here, if not given.", metavar="FILE")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same table.")] = 1,
    histories: Annotated[int, typer.Option(help="Photons per source region to begin with.")] = 200_000,
    workers: Annotated[int, typer.Option(help="Processes; the result does not depend on them.")] = 2,
) -> None:
    """Compute S values between all regions of an adult phantom and write them as a table with its passport."""
    from theratrial.cli.console import note, progress
    from theratrial.dosimetry.transport.s_value_files import s_value_file, table_stem
    from theratrial.dosimetry.transport.s_values import first_round_batches, s_value_table
    from theratrial.errors import InputError

    target = out or Path(f"{table_stem(phantom, nuclide)}.csv")
    if target.exists():
        raise InputError(f"{target} is there already; give another --out, or remove it first")
    if not target.parent.is_dir():
        raise InputError(f"{target.parent} is no folder; make it first, or give another --out")
    wanted = _fraction(relative_sd)
    with progress(f"S values of {nuclide} in {phantom}", total=first_round_batches(phantom)) as steps:
        table = s_value_table(
            phantom,
            nuclide,
            seed=seed,
            histories=histories,
            relative_sd=wanted,
            workers=workers,
            tell=lambda source: steps.advance(source),
        )
    text = s_value_file(table)
    # A file that is half written when the disk is full would be refused later, but not say why.
    part = target.with_name(target.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    for remark in table.notes:
        note(remark)
    note(f"{len(table.values)} S values written to {target}")


@app.command()
def show(
    nuclide: Annotated[str, typer.Argument(help="Nuclide with a shipped table, as Lu-177.", metavar="NUCLIDE")],
    phantom: Annotated[str, typer.Argument(help="adult_female or adult_male.", metavar="PHANTOM")],
    source: Annotated[str, typer.Option(help="Only this source region.")] = "",
    target: Annotated[str, typer.Option(help="Only this target region.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print plain JSON and nothing else.")] = False,
) -> None:
    """Show a shipped table [mGy/(MBq s)] by kind of radiation; only self-doses, if no region is asked for."""
    from theratrial.cli.console import note, print_json, print_table
    from theratrial.dosimetry.transport.s_value_files import shipped_s_values

    table = shipped_s_values(phantom, nuclide)
    rows = _rows(table, target, source)
    if as_json:
        print_json(
            {
                "phantom": table.phantom,
                "nuclide": table.nuclide,
                "source_of_table": table.source,
                "s_values": [
                    {"target": t, "source": s, "target_mass_g": table.masses_g[t]}
                    | {
                        "electron_Gy_per_MBq_h": table.values[t, s].electron_Gy_per_MBq_h,
                        "photon_Gy_per_MBq_h": table.values[t, s].photon_Gy_per_MBq_h,
                        "alpha_Gy_per_MBq_h": table.values[t, s].alpha_Gy_per_MBq_h,
                        "photon_relative_sd": table.values[t, s].photon_relative_sd,
                    }
                    for t, s in rows
                ],
            }
        )
        return
    print_table(
        ("target", "source", "target [g]", "electrons", "photons", "alphas", "all [mGy/(MBq s)]", "sd of photons"),
        [_cells(table, pair) for pair in rows],
        title=f"{table.nuclide}, {table.phantom.replace('_', ' ')} ({table.source})",
    )
    for remark in table.notes:
        note(remark)


def _rows(table: SValueTable, target: str, source: str) -> list[tuple[str, str]]:
    from theratrial.errors import InputError

    known = {name for pair in table.values for name in pair}
    for region in (target, source):
        if region and region not in known:
            raise InputError(f"the table has no region {region!r}; it has {', '.join(sorted(known))}")
    if not target and not source:
        return [pair for pair in sorted(table.values) if pair[0] == pair[1]]
    return [pair for pair in sorted(table.values) if target in ("", pair[0]) and source in ("", pair[1])]


def _cells(table: SValueTable, pair: tuple[str, str]) -> tuple[object, ...]:
    value = table.values[pair]
    parts = (value.electron_Gy_per_MBq_h, value.photon_Gy_per_MBq_h, value.alpha_Gy_per_MBq_h, value.total_Gy_per_MBq_h)
    return (
        *pair,
        f"{table.masses_g[pair[0]]:g}",
        *(f"{part * _MGY_PER_MBQ_S:.3e}" for part in parts),
        f"{value.photon_relative_sd:.2%}",
    )


def _fraction(text: str) -> float:
    """``1%`` or ``0.01`` as a fraction."""
    from theratrial.errors import InputError

    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise InputError(f"--relative-sd {text!r} is no fraction between 0 and 1; write 1% or 0.01")
    return value
