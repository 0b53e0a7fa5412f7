"""One participant's doses so far beside the limits, with the chance of being above them."""

from __future__ import annotations

from theratrial.report.blocks import Block, Cell, Section, Table, Text
from theratrial.report.checklist_doses import SO_FAR
from theratrial.report.dosimetry_values import is_population, without_note
from theratrial.report.style import DETERMINACY_SIGNS
from theratrial.report.texts import number, words
from theratrial.report.traces import TraceBook
from theratrial.results.values import CumulativeDose, ParticipantResult


def cumulative_state(dose: CumulativeDose) -> str:
    """State of a summed dose with its sign."""
    return f"{DETERMINACY_SIGNS.get(dose.determinacy, '')} {words(dose.determinacy)}".strip()


def by_published_kinetics(one: ParticipantResult, dose: CumulativeDose) -> bool:
    """Whether any session of the sum weighs its points with published kinetics."""
    name = dose.title if dose.kind == "lesion" else dose.region_id
    return any(
        is_population(result)
        for session in one.sessions
        for result in session.doses
        if (result.region_name if dose.kind == "lesion" else result.region_id) == name
    )


def _probability(dose: CumulativeDose, book: TraceBook, *, following: bool) -> Cell:
    if dose.exceedance is None:
        return Cell("not computed", style="missing", below="no population fit of every session")
    what = dose.exceedance.with_next_session_probability if following else dose.exceedance.so_far_probability
    return book.quantity(what)


def _row(one: ParticipantResult, dose: CumulativeDose, book: TraceBook) -> tuple[Cell, ...]:
    cell = book.quantity(without_note(dose.absorbed_dose_Gy))
    state = cumulative_state(dose)
    if by_published_kinetics(one, dose) and dose.absorbed_dose_Gy.value is not None:
        state = f"points alone {state}; value by published kinetics"
    counted = f"{dose.sessions_counted} of {dose.sessions_given} sessions counted"
    shown = Cell(cell.text, cell.hint, cell.anchor, cell.style, cell.below, (Cell(state), Cell(counted)))
    bed = Cell("no parameters", style="quiet") if dose.bed_Gy is None else book.quantity(dose.bed_Gy)
    name = dose.title if dose.kind == "organ" else words(dose.title)
    if dose.limit_Gy is None:
        return (Cell(name), shown, bed)
    judged = dose.judged_upper_Gy
    held = Cell("not computed", style="missing") if judged is None else book.quantity(without_note(judged))
    if judged is not None and judged.value is not None and dose.limit_Gy > 0:
        share = Cell(f"{judged.value / dose.limit_Gy * 100:.0f} % of the limit")
        held = Cell(held.text, held.hint, held.anchor, held.style, held.below, (share,))
    return (
        Cell(name),
        shown,
        Cell(f"{number(dose.limit_Gy)} Gy", style="number", below=dose.limit_citation),
        held,
        _probability(dose, book, following=False),
        _probability(dose, book, following=True),
        bed,
    )


def limits_section(one: ParticipantResult, book: TraceBook, *, drawn: tuple[Block, ...] = ()) -> Section:
    """Doses of one participant over all sessions given."""
    title = SO_FAR
    if not one.cumulative_doses:
        return Section("so-far", title, (Text("No absorbed dose: nothing was given or imaged.", "quiet"),))
    limited = tuple(_row(one, dose, book) for dose in one.cumulative_doses if dose.limit_Gy is not None)
    others = tuple(_row(one, dose, book) for dose in one.cumulative_doses if dose.limit_Gy is None)
    blocks: list[Block] = [
        Text(
            "The gate holds the upper end by the points alone, photons at their most; published kinetics never "
            "lower it. The probabilities are by published kinetics and the points: they inform and decide nothing."
        ),
        *drawn,
    ]
    if limited:
        head = (
            "Organ",
            "Absorbed dose",
            "Limit",
            "Gate holds",
            "Probability above, so far",
            "With the next session",
            "BED",
        )
        blocks.append(Table("Organs with a limit, over all sessions given", head, limited, style="dense"))
    if others:
        blocks.append(
            Table(
                "Regions without a limit, over all sessions given",
                ("Region", "Absorbed dose", "BED"),
                others,
                style="dense",
            )
        )
    return Section("so-far", title, tuple(blocks))
