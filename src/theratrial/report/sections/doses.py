"""Absorbed doses: over all sessions beside the limits, and session by session."""

from __future__ import annotations

from collections import Counter

from theratrial.report.blocks import Block, Cell, Section, Table, Text
from theratrial.report.texts import count, number, words
from theratrial.report.traces import TraceBook
from theratrial.results.values import CumulativeDose, TrialResult


def _share(dose: CumulativeDose) -> Cell:
    """Dose and upper bound as share of the limit; the gate judges the upper bound."""
    if dose.limit_Gy is None:
        return Cell("no limit", style="quiet")
    quantity = dose.absorbed_dose_Gy
    if quantity.value is None:
        return Cell("undetermined", style="missing")
    upper = quantity.upper
    if upper is None or upper == float("inf"):
        below = "upper end not bounded"
    else:
        below = f"upper end {upper / dose.limit_Gy * 100:.0f} %"
    return Cell(f"{quantity.value / dose.limit_Gy * 100:.0f} %", style="number", below=below)


def _cumulative(result: TrialResult, book: TraceBook, kind: str) -> Table:
    rows = []
    for one in result.participants:
        for dose in one.cumulative_doses:
            if dose.kind != kind:
                continue
            limit = f"{number(dose.limit_Gy)} Gy" if dose.limit_Gy is not None else "no limit"
            rows.append(
                (
                    Cell(f"{one.participant_id}, {dose.title}"),
                    book.quantity(dose.absorbed_dose_Gy),
                    Cell(limit, dose.limit_citation, style="number" if dose.limit_Gy is not None else "quiet"),
                    _share(dose),
                    Cell(f"{dose.sessions_counted} of {dose.sessions_given}", style="number"),
                    Cell(words(dose.determinacy), style=f"state {dose.determinacy}"),
                )
            )
    what = "Organs" if kind == "organ" else "Lesions"
    return Table(
        f"{what}: absorbed dose over all sessions",
        ("Region", "Absorbed dose, 95 % interval", "Limit", "Share of limit", "Sessions counted", "Curve"),
        tuple(rows),
        style="dense",
    )


def _limits(result: TrialResult) -> Table | None:
    seen: dict[str, CumulativeDose] = {}
    for one in result.participants:
        for dose in one.cumulative_doses:
            if dose.limit_Gy is not None:
                seen.setdefault(dose.region_id, dose)
    if not seen:
        return None
    return Table(
        "The limits and where they come from",
        ("Organ", "Limit", "Source"),
        tuple(
            (Cell(dose.title), Cell(f"{number(dose.limit_Gy or 0.0)} Gy", style="number"), Cell(dose.limit_citation))
            for dose in seen.values()
        ),
        style="dense",
    )


def missing_parts(result: TrialResult) -> tuple[tuple[str, int], ...]:
    """What the doses do not contain, and for how many of them that is said."""
    counter = Counter(
        part
        for one in result.participants
        for session in one.sessions
        for dose in session.doses
        for part in dose.missing_parts
    )
    return tuple(sorted(counter.items(), key=lambda entry: (-entry[1], entry[0])))


def doses_section(result: TrialResult, book: TraceBook, *, drawn: tuple[Block, ...] = ()) -> Section:
    """Doses against limits."""
    doses = [dose for one in result.participants for dose in one.cumulative_doses]
    if not doses:
        return Section(
            "doses", "Doses against limits", (Text("No absorbed dose: nothing was given or imaged.", "quiet"),)
        )
    blocks: list[Block] = []
    lacking = [part for part, _ in missing_parts(result)]
    if lacking:
        blocks.append(Text(f"These doses do not contain: {'; '.join(lacking)}.", "warning"))
    undetermined = sum(dose.absorbed_dose_Gy.value is None for dose in doses)
    blocks.append(
        Text(
            f"Of {count(len(doses), 'dose')} over all sessions, {undetermined} "
            f"{'is' if undetermined == 1 else 'are'} undetermined. The gate compares the upper end of the interval "
            "with the limit, so a dose without an upper end never lets the next session proceed.",
        )
    )
    blocks += drawn
    limits = _limits(result)
    blocks += [limits] if limits else []
    for kind in ("organ", "lesion"):
        table = _cumulative(result, book, kind)
        blocks += [table] if table.rows else []
    return Section("doses", "Doses against limits", tuple(blocks))
