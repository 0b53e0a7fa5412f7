"""Response: the change of each participant, the rule, and the lesions."""

from __future__ import annotations

from theratrial.report.blocks import Block, Cell, Section, Table, Text
from theratrial.report.change import change_word, shown_change_percent, shown_change_trace
from theratrial.report.figures.waterfall import whole_percent
from theratrial.report.texts import words
from theratrial.report.traces import TraceBook
from theratrial.results.values import ParticipantResult, ResponseOutcome, TrialResult


def _change(participant_id: str, response: ResponseOutcome, book: TraceBook) -> Cell:
    """The change judged; where lesions alone decided, that of the hottest target, said to be for information."""
    if response.change_percent is not None:
        return book.quantity(response.change_percent, signed=True)
    change = shown_change_percent(response)
    word = change_word(response)
    if change is None:
        return Cell("not known", style="missing", below=word)
    below = "; ".join(part for part in ("hottest target, not what the rule judged", word) if part)
    trace = shown_change_trace(participant_id, response)
    return book.cell(whole_percent(change), trace, style="number", below=below)


def _outcomes(treated: list[ParticipantResult], book: TraceBook) -> Table:
    rows = []
    for one in treated:
        response = one.response
        if response is None:
            rows.append(
                (
                    Cell(one.participant_id),
                    Cell("not assessed", style="missing"),
                    Cell("not known", style="missing"),
                    Cell("no assessable response image", style="wrap"),
                )
            )
            continue
        rows.append(
            (
                Cell(one.participant_id),
                book.cell(response.category, response.trace, style=f"category {response.category}"),
                _change(one.participant_id, response, book),
                Cell(response.arithmetic, style="wrap"),
            )
        )
    return Table(
        "Response of each participant", ("Participant", "Category", "Change", "Why"), tuple(rows), style="dense"
    )


def _lesions(treated: list[ParticipantResult], book: TraceBook) -> Table:
    rows = tuple(
        (
            Cell(f"{one.participant_id}, {lesion.lesion_id}"),
            Cell(words(lesion.site) or "not known"),
            Cell(words(lesion.role)),
            Cell(words(lesion.status_baseline) or "not read"),
            book.quantity(lesion.baseline_uptake, absent="not measured"),
            Cell(words(lesion.status_response) or "not read"),
            book.quantity(lesion.response_uptake, absent="not measured"),
            book.quantity(lesion.change_percent, absent="not known", signed=True),
        )
        for one in treated
        if one.response is not None
        for lesion in one.response.lesions
    )
    return Table(
        "Lesions",
        ("Lesion", "Site", "Role", "Baseline", "Uptake", "At response", "Uptake", "Change"),
        rows,
        style="dense",
    )


def response_section(result: TrialResult, book: TraceBook, *, drawn: tuple[Block, ...] = ()) -> Section:
    """Response."""
    treated = [one for one in result.participants if one.treated]
    if not treated:
        return Section("response", "Response", (Text("Nobody has been treated.", "quiet"),))
    blocks: list[Block] = []
    rules = list(dict.fromkeys((r.rule_name, r.exploratory, r.metric) for one in treated if (r := one.response)))
    for name, exploratory, metric in rules:
        said = f"Rule: {name}, judged by {words(metric).replace('suv', 'SUV')}."
        if exploratory:
            said += " Exploratory: no response criteria are validated for this tracer."
        blocks.append(Text(said, "warning" if exploratory else ""))
    if not rules:
        blocks.append(Text("No response has been assessed.", "quiet"))
    blocks += drawn
    blocks.append(_outcomes(treated, book))
    lesions = _lesions(treated, book)
    blocks += [lesions] if lesions.rows else []
    return Section("response", "Response", tuple(blocks))
