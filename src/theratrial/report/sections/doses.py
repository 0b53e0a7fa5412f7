"""Absorbed doses: over all sessions beside the limits, and session by session."""

from __future__ import annotations

from collections import Counter

from theratrial.report.blocks import Block, Cell, Section, Table, Text
from theratrial.report.texts import count, interval_text, number, value_text, words
from theratrial.report.traces import TraceBook
from theratrial.results.values import CumulativeDose, TrialResult

_MATRIX_COLUMNS = 7
"""More regions than this do not fit beside each other; then each dose has its own row."""


def _remarks(dose: CumulativeDose) -> str:
    """What stands below a dose: its interval, what the gate holds against the limit, its state and what is lacking."""
    quantity = dose.absorbed_dose_Gy
    parts = [interval_text(quantity), _judged(dose)]
    if not quantity.note.startswith(dose.determinacy):
        parts.append(words(dose.determinacy))
    if quantity.note:
        parts.append(words(quantity.note))
    if dose.sessions_counted != dose.sessions_given:
        parts.append(f"{dose.sessions_counted} of {dose.sessions_given} sessions counted")
    return "; ".join(part for part in parts if part)


def _judged(dose: CumulativeDose) -> str:
    """The number that the gate compares; "" where there is no limit or it was not computed."""
    judged = dose.judged_upper_Gy
    if dose.limit_Gy is None or judged is None:
        return ""
    if judged.value is None:
        return "gate holds no number against the limit: no upper bound"
    share = f", {judged.value / dose.limit_Gy * 100:.0f} % of it" if dose.limit_Gy > 0 else ""
    return f"gate holds {value_text(judged)} against the limit{share}"


def _dose_cell(dose: CumulativeDose, book: TraceBook) -> Cell:
    quantity = dose.absorbed_dose_Gy
    style = "missing" if quantity.value is None else "number"
    return book.cell(value_text(quantity), quantity.trace, style=style, below=_remarks(dose))


def _cumulative(result: TrialResult, book: TraceBook, kind: str) -> Table:
    """Participants and regions; each dose with its interval and state."""
    heads: dict[str, str] = {}
    by_participant: list[tuple[str, dict[str, CumulativeDose]]] = []
    for one in result.participants:
        doses = {f"{dose.region_id} {dose.title}": dose for dose in one.cumulative_doses if dose.kind == kind}
        if doses:
            by_participant.append((one.participant_id, doses))
        for key, dose in doses.items():
            limit = f", limit {number(dose.limit_Gy)} Gy" if dose.limit_Gy is not None else ""
            heads.setdefault(key, f"{words(dose.title)}{limit}")
    what = "Organs" if kind == "organ" else "Lesions"
    caption = f"{what}: absorbed dose over all sessions, with its 95 % interval"
    if len(heads) > _MATRIX_COLUMNS:
        long = [
            (Cell(f"{participant}, {heads[key]}"), _dose_cell(dose, book))
            for participant, doses in by_participant
            for key, dose in doses.items()
        ]
        return Table(caption, ("Region", "Absorbed dose"), tuple(long), style="dense")
    keys = sorted(heads) if kind == "lesion" else list(heads)
    absent = Cell("no dose" if kind == "organ" else "no such lesion", style="quiet")
    rows = [
        (Cell(participant), *(_dose_cell(doses[key], book) if key in doses else absent for key in keys))
        for participant, doses in by_participant
    ]
    return Table(caption, ("Participant", *(heads[key] for key in keys)), tuple(rows), style="dense even")


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
            (
                Cell(dose.title),
                Cell(f"{number(dose.limit_Gy or 0.0)} Gy", style="number nowrap"),
                Cell(dose.limit_citation),
            )
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
            f"{'is' if undetermined == 1 else 'are'} undetermined. Against the limit the gate holds not the dose "
            "but its upper end with all of the region's own photons absorbed in it, summed over the sessions given; "
            "where the protocol says so, it adds the next session by its upper bound. A dose without an upper end "
            "therefore never lets the next session proceed.",
        )
    )
    blocks += drawn
    limits = _limits(result)
    blocks += [limits] if limits else []
    for kind in ("organ", "lesion"):
        table = _cumulative(result, book, kind)
        blocks += [table] if table.rows else []
    return Section("doses", "Doses against limits", tuple(blocks))
