"""`theratrial schedule adequacy PROTOCOL`: what a protocol's scan times can determine, before anyone is treated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from theratrial.cli import console

if TYPE_CHECKING:
    from theratrial.dosimetry.population.adequacy import Decisions, RegionAdequacy
    from theratrial.dosimetry.population.candidates import Candidate
    from theratrial.pipeline.adequacy import ScheduleAdequacy

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Judge a protocol's scan times.")

_WIDEST = 110
_FIGURES = (".png", ".svg", ".pdf")


@app.callback()
def _root() -> None:
    """Keeps `adequacy` a command of its own."""


@app.command()
def adequacy(
    protocol: Annotated[
        str,
        typer.Argument(
            metavar="PROTOCOL",
            help="A protocol file, a trial folder with protocol.yaml, or the name of a shipped protocol.",
        ),
    ],
    patients: Annotated[int, typer.Option(help="Virtual patients.")] = 500,
    seed: Annotated[int, typer.Option(help="The same seed gives the same answer.")] = 1,
    figure: Annotated[Path | None, typer.Option(help="Also draw it: a .png, .svg or .pdf file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print values as JSON.")] = False,
) -> None:
    """Tell what the scan times determine for each organ and lesion, and which further time would help most."""
    from theratrial.pipeline.adequacy import adequacy_steps, schedule_adequacy

    _refuse_figure(figure)
    read = _protocol(protocol)
    with console.progress("Judging the schedule", total=adequacy_steps(read)) as steps:
        result = schedule_adequacy(read, patients=patients, seed=seed, on_progress=steps.advance)
    if figure is not None:
        _draw(result, figure)
    if as_json:
        console.print_json(_as_plain(result))
    else:
        _show(result)
        if figure is not None:
            console.note(f"Figure: {figure}")


def _protocol(name: str) -> Any:
    from theratrial.errors import InputError
    from theratrial.protocol.documents import suggestion
    from theratrial.protocol.reader import read_protocol, shipped_protocol, shipped_protocol_names

    path = Path(name)
    if path.is_dir():
        return read_protocol(path / "protocol.yaml")
    if path.exists():
        return read_protocol(path)
    if name in shipped_protocol_names():
        return shipped_protocol(name)
    remedy = suggestion(name, shipped_protocol_names())
    raise InputError(f"there is no file or folder '{path}', and no protocol of that name is shipped; {remedy}")


def _refuse_figure(figure: Path | None) -> None:
    from theratrial.errors import InputError

    if figure is None:
        return
    if figure.suffix.lower() not in _FIGURES:
        raise InputError(f"--figure {figure}: the name must end in {', '.join(_FIGURES)}")
    if not figure.absolute().parent.is_dir():
        raise InputError(f"--figure {figure}: the folder {figure.absolute().parent} does not exist; make it first")


def _draw(result: ScheduleAdequacy, figure: Path) -> None:
    from theratrial.report.figures.adequacy import adequacy_figure
    from theratrial.report.style import drawing

    best = result.best_added
    drawn = adequacy_figure(
        result.planned,
        result.improved,
        result.panels,
        title=result.product,
        added_h=None if best is None else best.hour,
    )
    with drawing():
        drawn.savefig(figure, metadata={"Date": None} if figure.suffix.lower() == ".svg" else None)


def _show(result: ScheduleAdequacy) -> None:
    hours = _hours(result.hours)
    console.say(f"{result.trial_id}: {result.product}, scans at {hours}", style="bold")
    _text(f"Judged on {result.patients} virtual patients (seed {result.seed}) of the prior {result.prior}.")
    console.say("")
    console.print_table(
        (
            "region",
            "TIA after last scan",
            "still rising",
            "determined",
            "called rising",
            "no upper end",
            "error",
            "interval",
        ),
        [_row(one) for one in result.planned],
        title=f"What scans at {hours} determine of the time-integrated activity (TIA) by one exponential",
    )
    improved = {one.region.id: one for one in result.improved}
    columns = ["region", "error", "interval", "holds truth"]
    added = "" if result.best_added is None else f"with {result.best_added.hour:g} h: "
    columns += [f"{added}{name}" for name in columns[1:]] if added else []
    console.say("")
    console.print_table(
        columns,
        [_prior_row(one, improved.get(one.region.id)) for one in result.planned],
        title="The same with the population prior",
    )
    _text(
        "Error: median over patients, and where 95 % of them lie. Interval: median of upper over lower end of the 95 % "
        "interval, where it has both. Still rising: truly, physical decay aside."
    )
    _limits(result)
    _sentences(result)
    _best(result)
    console.say("")
    console.say("Assumed", style="bold")
    for text in (f"Prior {result.prior}: {result.prior_because}.", *result.assumptions):
        _text(text, "- ")


def _row(one: RegionAdequacy) -> tuple[object, ...]:
    return (
        one.region.title,
        _range_percent(one.after_last_median_fraction, one.after_last_range_fraction),
        _percent(one.still_rising_fraction),
        _percent(one.determinacy_fractions.get("determined", 0.0)),
        _percent(one.determinacy_fractions.get("rising", 0.0)),
        _percent(1 - one.classical.bounded_fraction),
        _error(one.classical.bias_percent, one.classical.bias_range_percent),
        _times(one.classical.interval_ratio),
    )


def _prior_row(one: RegionAdequacy, improved: RegionAdequacy | None) -> tuple[object, ...]:
    cells: list[object] = [one.region.title]
    for quality in (one.posterior, *(() if improved is None else (improved.posterior,))):
        cells.append(_error(quality.bias_percent, quality.bias_range_percent))
        cells.append(_times(quality.interval_ratio))
        cells.append(_percent(quality.covered_fraction))
    return tuple(cells)


def _limits(result: ScheduleAdequacy) -> None:
    judged = [one for one in result.planned if one.classical.decisions is not None]
    if not judged:
        return
    rows: list[tuple[object, ...]] = []
    for one in judged:
        for method, decisions in (
            ("one exponential", one.classical.decisions),
            ("with prior", one.posterior.decisions),
        ):
            assert decisions is not None
            rows.append((*_limit_cells(one), method, *_decision_cells(decisions)))
    console.say("")
    console.print_table(
        (
            "region",
            "limit [Gy]",
            "course [Gy]",
            "truly above",
            "method",
            "right",
            "wrongly below",
            "wrongly above",
            "undetermined",
        ),
        rows,
        title="Is the course above the limit? Upper end against limit, as the gate does",
    )


def _limit_cells(one: RegionAdequacy) -> tuple[object, ...]:
    course = None if one.median_course_dose_Gy is None else f"{one.median_course_dose_Gy:.2g}"
    above = None if one.true_above_limit_fraction is None else _percent(one.true_above_limit_fraction)
    return (one.region.title, one.region.limit_Gy, course, above)


def _decision_cells(decisions: Decisions) -> tuple[object, ...]:
    return (
        _percent(decisions.right_fraction),
        _percent(decisions.false_below_fraction),
        _percent(decisions.false_above_fraction),
        _percent(decisions.undetermined_fraction),
    )


def _sentences(result: ScheduleAdequacy) -> None:
    console.say("")
    console.say(f"What {_hours(result.hours)} cannot see", style="bold")
    last = f"{result.hours[-1]:g} h"
    for one in result.planned:
        if one.region.kind != "lesion":
            continue
        _text(
            f"{one.region.title}: {_percent(one.still_rising_fraction)} still take up more than they lose at {last}, "
            f"and {_percent(one.after_last_median_fraction)} of the TIA (median) come after it. One exponential finds "
            f"{_percent(one.determinacy_fractions.get('rising', 0.0))} rising and "
            f"{_percent(one.determinacy_fractions.get('determined', 0.0))} determined; "
            f"{_percent(1 - one.classical.bounded_fraction)} get no upper end. With the prior the 95 % interval is "
            f"{_times(one.posterior.interval_ratio)} wide.",
            "- ",
        )
    organs = [one for one in result.planned if one.region.kind == "organ"]
    if organs:
        worst = max(organs, key=lambda one: one.after_last_median_fraction)
        biased = max(organs, key=lambda one: abs(one.classical.bias_percent or 0.0))
        loose = max(organs, key=lambda one: one.posterior.interval_ratio or 0.0)
        _text(
            f"Organs: up to {_percent(worst.after_last_median_fraction)} of the TIA ({worst.region.title}, median) "
            f"come after {last}. One exponential is off most in {biased.region.title} "
            f"({_error(biased.classical.bias_percent, biased.classical.bias_range_percent)}); with the prior the "
            f"widest interval is {_times(loose.posterior.interval_ratio)} ({loose.region.title}).",
            "- ",
        )
    for one in organs:
        with_prior, alone = one.posterior.decisions, one.classical.decisions
        if with_prior is None or alone is None or min(with_prior.right_fraction, alone.right_fraction) >= 0.95:
            continue
        _text(
            f"{one.region.title}, limit {one.region.limit_Gy:g} Gy: right for {_percent(alone.right_fraction)} of the "
            f"patients by one exponential, for {_percent(with_prior.right_fraction)} with the prior.",
            "- ",
        )


def _best(result: ScheduleAdequacy) -> None:
    console.say("")
    console.say("The time that would help most", style="bold")
    best, planned = result.best_added, result.candidates[0]
    if best is None or not result.improved:
        _text("No further time lowers the uncertainty.")
        return
    _text(
        f"A scan added at {best.hour:g} h: {_gain('organs at risk', planned.organ_log_sd, best.organ_log_sd)}"
        f"{_gain('lesions', planned.lesion_log_sd, best.lesion_log_sd)}.".replace("; .", "."),
        "- ",
    )
    before = {one.region.id: one for one in result.planned}
    for one in result.improved:
        if one.region.kind == "lesion":
            old = before[one.region.id]
            _text(
                f"{one.region.title}: without upper end {_percent(1 - old.classical.bounded_fraction)} -> "
                f"{_percent(1 - one.classical.bounded_fraction)}; interval with the prior "
                f"{_times(old.posterior.interval_ratio)} -> {_times(one.posterior.interval_ratio)}; TIA after the last "
                f"scan {_percent(old.after_last_median_fraction)} -> {_percent(one.after_last_median_fraction)}.",
                "- ",
            )
    apart = [("organs at risk", result.best_added_for_organs), ("lesions", result.best_added_for_lesions)]
    for whom, one_best in apart:
        if one_best is not None and one_best.hour != best.hour:
            _text(f"For {whom} alone it would be {one_best.hour:g} h.", "- ")
    moved = result.best_moved
    if moved is not None:
        _text(
            f"With no further scan: move the last one to {moved.hour:g} h "
            f"({_gain('organs at risk', planned.organ_log_sd, moved.organ_log_sd)}"
            f"{_gain('lesions', planned.lesion_log_sd, moved.lesion_log_sd)}).".replace("; )", ")"),
            "- ",
        )
    _text(
        "Criterion: mean over patients of the posterior variance of ln TIA, of organs at risk and of lesions alike; "
        "the earliest time that reaches 95 % of the largest reduction. Standard deviations above are its roots.",
        "- ",
    )


def _gain(whom: str, before: float | None, after: float | None) -> str:
    return (
        ""
        if before is None or after is None
        else f"{whom} {_percent(before)} -> {_percent(after)} standard deviation; "
    )


def _as_plain(result: ScheduleAdequacy) -> dict[str, Any]:
    def candidate(one: Candidate | None) -> Any:
        if one is None:
            return None
        return {
            "change": one.change,
            "hour": one.hour,
            "hours": one.hours,
            "organ_log_sd": one.organ_log_sd,
            "lesion_log_sd": one.lesion_log_sd,
        }

    return {
        "trial_id": result.trial_id,
        "product": result.product,
        "nuclide": result.nuclide,
        "scans_h": result.hours,
        "patients": result.patients,
        "seed": result.seed,
        "prior": result.prior,
        "prior_because": result.prior_because,
        "planned": result.planned,
        "with_best_added": result.improved,
        "best_added": candidate(result.best_added),
        "best_added_for_organs": candidate(result.best_added_for_organs),
        "best_added_for_lesions": candidate(result.best_added_for_lesions),
        "best_moved": candidate(result.best_moved),
        "candidates": [candidate(one) for one in result.candidates],
        "assumptions": result.assumptions,
        "trace": result.trace.as_dict(),
    }


def _hours(hours: tuple[float, ...]) -> str:
    return " + ".join(f"{hour:g} h" for hour in hours)


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.0f} %"


def _range_percent(middle: float, ends: tuple[float, float]) -> str:
    return f"{100 * middle:.0f} % ({100 * ends[0]:.0f}-{100 * ends[1]:.0f})"


def _error(middle: float | None, ends: tuple[float, float] | None) -> str | None:
    if middle is None or ends is None:
        return None
    # Rounded first: a minus sign before nothing would be a lie.
    shown = [f"{round(value):+d}" if round(value) else "0" for value in (middle, *ends)]
    return f"{shown[0]} % ({shown[1]} to {shown[2]})"


def _times(ratio: float | None) -> str | None:
    return None if ratio is None else f"×{ratio:.2f}"


def _text(text: str, first: str = "") -> None:
    import shutil
    import textwrap

    width = min(_WIDEST, shutil.get_terminal_size((_WIDEST, 24)).columns)
    rest = " " * len(first)
    console.say(textwrap.fill(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False))
