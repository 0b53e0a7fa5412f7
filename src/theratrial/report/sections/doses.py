"""Absorbed doses: over all sessions beside the limits, and session by session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from theratrial.report.blocks import Block, Cell, Section, Table, Text
from theratrial.report.page_names import page_links
from theratrial.report.sections.limits import by_published_kinetics, cumulative_state
from theratrial.report.texts import NOT_KNOWN, count, interval_text, number, probability_text, value_text, words
from theratrial.report.traces import TraceBook
from theratrial.results.values import CumulativeDose, ParticipantResult, TrialResult

_LIKELY = 0.05
_MATRIX_COLUMNS = 7
"""More regions than this do not fit beside each other; then each dose has its own row."""


def _state(one: ParticipantResult, dose: CumulativeDose) -> str:
    """State of the curves by the points alone, and by what there is a value all the same."""
    state = cumulative_state(dose)
    if dose.absorbed_dose_Gy.value is not None and by_published_kinetics(one, dose):
        return f"{state} by the points, value by published kinetics"
    return state


def _remarks(one: ParticipantResult, dose: CumulativeDose, book: TraceBook) -> tuple[Cell, ...]:
    """What stands below a dose: what the gate holds, the chance of being above the limit, state and what is lacking."""
    quantity = dose.absorbed_dose_Gy
    lines = []
    if judged := _judged(dose):
        anchor = "" if dose.judged_upper_Gy is None else book.anchor(dose.judged_upper_Gy.trace)
        lines.append(Cell(judged, anchor=anchor))
    if dose.exceedance is not None:
        so_far = dose.exceedance.so_far_probability
        lines.append(Cell(f"{value_text(so_far)} chance above the limit", so_far.note, book.anchor(so_far.trace)))
    lines.append(Cell(_state(one, dose)))
    if quantity.note and words(quantity.note) != words(dose.determinacy):
        lines.append(Cell(words(quantity.note)))
    if dose.sessions_counted != dose.sessions_given:
        lines.append(Cell(f"{dose.sessions_counted} of {dose.sessions_given} sessions counted"))
    return tuple(lines)


def _judged(dose: CumulativeDose) -> str:
    """The number that the gate compares; "" where there is no limit or it was not computed."""
    judged = dose.judged_upper_Gy
    if dose.limit_Gy is None or judged is None:
        return ""
    if judged.value is None:
        return "gate holds no number against the limit: no upper bound"
    share = f", {judged.value / dose.limit_Gy * 100:.0f} % of it" if dose.limit_Gy > 0 else ""
    return f"gate holds {value_text(judged)} against the limit{share}"


def _dose_cell(one: ParticipantResult, dose: CumulativeDose, book: TraceBook) -> Cell:
    quantity = dose.absorbed_dose_Gy
    style = "missing" if quantity.value is None else "number"
    cell = book.cell(value_text(quantity), quantity.trace, style=style, below=interval_text(quantity))
    return replace(cell, more=_remarks(one, dose, book))


def _cumulative(result: TrialResult, book: TraceBook, kind: str) -> Table:
    """Participants and regions; each dose with its interval and state."""
    heads: dict[str, str] = {}
    by_participant: list[tuple[ParticipantResult, dict[str, CumulativeDose]]] = []
    links = page_links(result)
    for one in result.participants:
        doses = {f"{dose.region_id} {dose.title}": dose for dose in one.cumulative_doses if dose.kind == kind}
        if doses:
            by_participant.append((one, doses))
        for key, dose in doses.items():
            limit = f", limit {number(dose.limit_Gy)} Gy" if dose.limit_Gy is not None else ""
            heads.setdefault(key, f"{words(dose.title)}{limit}")
    what = "Organs" if kind == "organ" else "Lesions"
    caption = f"{what}: absorbed dose over all sessions, with its 95 % interval"
    if len(heads) > _MATRIX_COLUMNS:
        long = [
            (_participant(one, links, f"{one.participant_id}, {heads[key]}"), _dose_cell(one, dose, book))
            for one, doses in by_participant
            for key, dose in doses.items()
        ]
        return Table(caption, ("Region", "Absorbed dose"), tuple(long), style="dense")
    keys = sorted(heads) if kind == "lesion" else list(heads)
    absent = Cell("no dose" if kind == "organ" else "no such lesion", style="quiet")
    rows = [
        (
            _participant(one, links, one.participant_id),
            *(_dose_cell(one, doses[key], book) if key in doses else absent for key in keys),
        )
        for one, doses in by_participant
    ]
    return Table(caption, ("Participant", *(heads[key] for key in keys)), tuple(rows), style="dense even")


def _participant(one: ParticipantResult, links: dict[str, str], said: str) -> Cell:
    page = links.get(one.participant_id, "")
    return Cell(said, more=(Cell("dosimetry page", page=page),) if page else ())


def _probabilities(doses: Sequence[CumulativeDose], *, following: bool) -> Cell:
    """The largest probability among the participants, and for how many it is above one in twenty."""
    found = [
        (one.with_next_session_probability if following else one.so_far_probability).value
        for dose in doses
        if (one := dose.exceedance) is not None
    ]
    known = [value for value in found if value is not None]
    if not known:
        return Cell("not computed", style="missing", below="no population fit of every session")
    many = sum(value > _LIKELY for value in known)
    below = f"{many} of {count(len(known), 'participant')} above {_LIKELY * 100:.0f} %"
    if len(known) < len(doses):
        below += f"; not computed for {len(doses) - len(known)}"
    return Cell(probability_text(max(known)), style="number", below=below)


def _limits(result: TrialResult) -> Table | None:
    seen: dict[str, list[CumulativeDose]] = {}
    for one in result.participants:
        for dose in one.cumulative_doses:
            if dose.limit_Gy is not None:
                seen.setdefault(dose.region_id, []).append(dose)
    if not seen:
        return None
    return Table(
        "The limits, where they come from, and the probability of being above them",
        ("Organ", "Limit", "Source", "Largest probability above, so far", "With a next session"),
        tuple(
            (
                Cell(doses[0].title),
                Cell(f"{number(doses[0].limit_Gy or 0.0)} Gy", style="number nowrap"),
                Cell(doses[0].limit_citation or NOT_KNOWN),
                _probabilities(doses, following=False),
                _probabilities(doses, following=True),
            )
            for doses in seen.values()
        ),
        note="Probabilities are by published kinetics and each participant's points; they inform and decide nothing.",
        style="dense",
    )


def _by_kinetics(result: TrialResult) -> str:
    """How many values stand although the points alone give none or only bound them."""
    found = [
        dose
        for one in result.participants
        for dose in one.cumulative_doses
        if dose.absorbed_dose_Gy.value is not None and by_published_kinetics(one, dose)
    ]
    if not found:
        return ""
    rising = sum(dose.determinacy not in ("determined", "bounded") for dose in found)
    said = f" {count(len(found), 'value')} weigh{'s' if len(found) == 1 else ''} the points with published kinetics"
    return (
        f"{said}; for {rising} of them the points alone give no value, and the interval is wide."
        if rising
        else f"{said}."
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
            f"{'is' if undetermined == 1 else 'are'} undetermined.{_by_kinetics(result)} Against the limit the gate "
            "holds not the dose but the upper end that the points alone give, photons at their most, summed over the "
            "sessions given; published kinetics never lower it. Where the protocol says so, the gate adds the next "
            "session by its upper bound. An organ without such an upper end never lets the next session proceed.",
        )
    )
    limits = _limits(result)
    blocks += [limits] if limits else []
    blocks += drawn
    for kind in ("organ", "lesion"):
        table = _cumulative(result, book, kind)
        blocks += [table] if table.rows else []
    return Section("doses", "Doses against limits", tuple(blocks))
