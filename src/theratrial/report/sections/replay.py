"""How far the response hangs on its rule: readers and criteria compared, and the response read again under changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from theratrial.report.blocks import Block, Cell, Folded, Heading, Section, Table, Text
from theratrial.report.texts import count
from theratrial.report.traces import TraceBook
from theratrial.results.criteria import Agreement, Kappa, Replay
from theratrial.results.values import TrialResult

_AGREEMENT: Final = (
    "Share agreed with its exact interval, and Cohen's kappa with the interval of large samples. Who is not evaluable "
    "by one of the two is left out and counted as left out."
)
_REPLAY: Final = (
    "One change at a time, generated from the protocol's rule; images and contours stay as they are. That nobody flips "
    "does not make a threshold right: it says that this result does not hang on it."
)
_KINDS: Final = {
    "as_is": "As it is",
    "metric": "Uptake judged",
    "threshold": "Thresholds",
    "lesions": "Lesions",
    "confirmation": "RECIST 1.1",
    "missing": "Missing response",
    "calibration": "Calibration",
}


def replay_section(result: TrialResult, book: TraceBook) -> Section | None:
    """The section; None where nothing was compared and nothing replayed."""
    found = result.criteria
    if not found.agreements and not found.replays:
        return None
    blocks: list[Block] = []
    if found.agreements:
        blocks += [Heading("Agreement"), Text(_AGREEMENT), _agreements(found.agreements, book)]
        blocks += [_cross(one) for one in found.agreements if one.compared and len(one.categories) > 2]
    if found.replays:
        blocks += [Heading("The response under another rule"), Text(_REPLAY), Text(_summary(found.replays))]
        blocks += _replays(found.replays, book)
    return Section("replay", "How far the response hangs on its rule", tuple(blocks))


def _agreements(agreements: Sequence[Agreement], book: TraceBook) -> Table:
    rows = tuple(
        (
            Cell(f"{one.first} and {one.second}", below=one.what, style="wrap"),
            Cell(
                f"{one.agreed} of {one.compared}",
                style="number",
                below=f"{one.left_out} left out" if one.left_out else "",
            ),
            book.quantity(one.share_agreed),
            *_kappa_cells(one, book),
            Cell("; ".join(dict.fromkeys(k.kappa.note for k in one.kappas if k.kappa.note)), style="wrap quiet"),
        )
        for one in agreements
    )
    head = ("Compared", "Agreed", "Share", "Kappa", "Linear weights", "Quadratic weights", "Caution")
    return Table("Agreement of readers and of criteria", head, rows, style="dense")


def _kappa_cells(one: Agreement, book: TraceBook) -> tuple[Cell, ...]:
    by_weight = {kappa.weighting: kappa for kappa in one.kappas}
    return tuple(_kappa_cell(by_weight.get(weight), book) for weight in ("unweighted", "linear", "quadratic"))


def _kappa_cell(found: Kappa | None, book: TraceBook) -> Cell:
    if found is None:
        return Cell("two categories: as kappa", style="quiet")
    value = found.kappa.value
    if value is None:
        return book.cell("not defined", found.kappa.trace, style="missing")
    below = "no interval"
    if found.kappa.lower is not None and found.kappa.upper is not None:
        below = f"{found.kappa.lower:.2f} to {found.kappa.upper:.2f}"
    return book.cell(f"{value:.2f}", found.kappa.trace, style="number", below=below)


def _cross(one: Agreement) -> Table:
    counts = {(mine, yours): number for mine, yours, number in one.table}
    rows = tuple(
        (Cell(mine), *(Cell(str(counts[mine, yours]), style="number") for yours in one.categories))
        for mine in one.categories
    )
    caption = f"{one.what[0].upper()}{one.what[1:]}: {one.first} (rows) and {one.second} (columns)"
    return Table(caption, ("Category", *one.categories), rows, style="narrow")


def _summary(replays: Sequence[Replay]) -> str:
    changed = [one for one in replays if one.kind != "as_is"]
    moved = [one for one in changed if one.flipped]
    people = sorted({who.participant_id for one in moved for who in one.flipped})
    own = [one for one in changed if one.rule == "protocol" and one.proportion.value is not None]
    who = ", ".join(people) or "nobody"
    said = f"{len(moved)} of {count(len(changed), 'change')} would count somebody otherwise: {who}."
    if own:
        least, most = (f"{end:.1%}".replace("%", " %") for end in _ends(own))
        if least == most:
            return f"{said} By the protocol's rule the proportion is {least} under all of them."
        said += f" By the protocol's rule the proportion lies between {least} and {most} over all of them."
    return said


def _ends(replays: Sequence[Replay]) -> tuple[float, float]:
    values = [one.proportion.value for one in replays if one.proportion.value is not None]
    return min(values), max(values)


def _replays(replays: Sequence[Replay], book: TraceBook) -> list[Block]:
    """The result as it is and every change that moves somebody; the others folded."""
    moving = [one for one in replays if one.kind == "as_is" or one.flipped]
    still = [one for one in replays if one not in moving]
    blocks: list[Block] = [_table("The response under one change each", moving, book)]
    if still:
        table = _table("Changes under which nobody is counted otherwise", still, book)
        blocks.append(Folded(f"{count(len(still), 'change')} under which nobody is counted otherwise", (table,)))
    return blocks


def _table(caption: str, replays: Sequence[Replay], book: TraceBook) -> Table:
    rows = []
    for one in replays:
        flips = "; ".join(
            f"{who.participant_id} {who.before} to {who.after}"
            if who.before != who.after
            else f"{who.participant_id} {who.counted_before} to {who.counted_after}"
            for who in one.flipped
        )
        rows.append(
            (
                Cell(_KINDS[one.kind]),
                Cell(one.change, style="wrap"),
                Cell(f"{one.successes} of {one.analysed}", style="number"),
                book.quantity(one.proportion),
                Cell(flips or "nobody", style="wrap" if flips else "quiet"),
            )
        )
    return Table(
        caption,
        ("Kind", "Change", "Counted", "Proportion", "Flips"),
        tuple(rows),
        note="of RECIST 1.1 disease control is counted, not the endpoint",
        style="dense",
    )
