"""Responses: by criteria, by participant with their arithmetic, agreement, replay, uptake."""

from __future__ import annotations

from collections.abc import Iterator

from theratrial.report.blocks import Cell
from theratrial.report.study.blocks import Block
from theratrial.report.study.inputs import Desk
from theratrial.report.study.parts import number_cell, table_or
from theratrial.report.study.tables.counting import counted_cell


def criteria_table(desk: Desk) -> Block:
    """Category of each participant under each set of criteria."""
    voice = desk.voice
    titles: dict[str, str] = {}
    for one in desk.treated:
        for result in one.criteria.criteria:
            titles.setdefault(
                result.criteria, result.title + (f" ({voice('exploratory')})" if result.exploratory else "")
            )
    rows = []
    for one in desk.treated:
        by_id = {result.criteria: result for result in one.criteria.criteria}
        row = [Cell(one.participant_id)]
        if "protocol" not in titles:
            row.append(
                Cell(one.response.category, anchor=desk.book.anchor(one.response.trace)) if one.response else Cell("–")
            )
        for key in titles:
            found = by_id.get(key)  # type: ignore[call-overload]
            row.append(Cell("–") if found is None else Cell(found.category, anchor=desk.book.anchor(found.trace)))
        row.append(Cell(voice.word(one.counted)))
        rows.append(tuple(row))
    own = [] if "protocol" in titles else [voice("Protocol's rule")]
    head = [voice("Participant"), *own, *(voice.core(title) for title in titles.values()), voice("Counted as")]
    return table_or(voice, voice("Response by criteria"), head, rows)


def category_counts(desk: Desk) -> Block:
    """How many participants have each category, by criteria."""
    voice = desk.voice
    rows = []
    found: dict[str, tuple[str, dict[str, dict[str, str]], dict[str, str]]] = {}
    for one in desk.treated:
        for result in one.criteria.criteria:
            title, by_category, controlled = found.setdefault(result.criteria, (result.title, {}, {}))
            place = f"value:participants[{one.participant_id}].criteria.criteria[{result.criteria}].category"
            by_category.setdefault(result.category, {})[one.participant_id] = place
            if result.controlled is True:
                controlled[one.participant_id] = place
    for title, by_category, controlled in found.values():
        spread = voice.listed(f"{category} {len(people)}" for category, people in sorted(by_category.items()))
        everybody = {who: place for people in by_category.values() for who, place in people.items()}
        all_of_them = counted_cell(desk.book, len(everybody), everybody)
        rows.append(
            (
                Cell(voice.core(title)),
                Cell(spread, anchor=all_of_them.anchor),
                counted_cell(desk.book, len(controlled), controlled),
                all_of_them,
            )
        )
    head = (voice("Criteria"), voice("Categories"), voice("Disease control"), voice("Participants"))
    return table_or(voice, voice("Categories by criteria"), head, rows, style="short")


def response_listing(desk: Desk) -> Block:
    """The arithmetic of each participant's response."""
    voice = desk.voice
    rows = []
    for one in desk.treated:
        response = one.response
        if response is None:
            rows.append(
                (
                    Cell(one.participant_id),
                    Cell("–"),
                    Cell("–"),
                    Cell(voice.core(one.counted_because)),
                    Cell(voice.word(one.counted)),
                )
            )
            continue
        rows.append(
            (
                Cell(one.participant_id, anchor=desk.book.anchor(response.trace)),
                Cell(response.category),
                number_cell(voice, desk.book, response.change_percent, signed=True),
                Cell(voice.core(response.arithmetic)),
                Cell(voice.word(one.counted)),
            )
        )
    head = ("Participant", "Category", "Change", "Arithmetic", "Counted as")
    return table_or(voice, voice("Response by participant"), [voice(one) for one in head], rows)


def agreement_table(desk: Desk) -> Block:
    """How readers and criteria agree."""
    voice = desk.voice
    rows = [
        (
            Cell(voice.core(one.what), anchor=desk.book.anchor(one.trace)),
            Cell(voice.core(one.first)),
            Cell(voice.core(one.second)),
            Cell(f"{one.agreed} / {one.compared}", anchor=desk.book.anchor(one.trace)),
            number_cell(voice, desk.book, one.kappas[0].kappa if one.kappas else None),
            Cell(voice.word(one.kappas[0].weighting) if one.kappas else "–"),
        )
        for one in desk.result.criteria.agreements
    ]
    head = ("What", "First", "Second", "Agreed / compared", "Kappa", "Weighting")
    return table_or(voice, voice("Agreement of readers and criteria"), [voice(one) for one in head], rows)


def replay_table(desk: Desk) -> Block:
    """Response read again under one change at a time."""
    voice = desk.voice
    rows = [
        (
            Cell(voice.core(one.change), anchor=desk.book.anchor(one.trace)),
            Cell(f"{one.successes} / {one.analysed}", anchor=desk.book.anchor(one.trace)),
            number_cell(voice, desk.book, one.proportion),
            Cell(voice.listed(f"{flip.participant_id}: {flip.before} → {flip.after}" for flip in one.flipped) or "–"),
        )
        for one in desk.result.criteria.replays
        if one.flipped
    ]
    unmoved = [one for one in desk.result.criteria.replays if not one.flipped]
    note = voice(
        "Changes that move no category are left to the results: {n} of {all}.",
        n=len(unmoved),
        all=len(desk.result.criteria.replays),
    )
    head = ("Change", "Successes", "Proportion", "Categories that change")
    return table_or(voice, voice("Response replayed"), [voice(one) for one in head], rows, note=note)


def heterogeneity_table(desk: Desk) -> Block:
    """Lesions without uptake of the tracer, and what a fall of uptake means."""
    voice = desk.voice
    rows = list(_heterogeneity_rows(desk))
    head = ("Participant", "Pattern", "Because", "Fall of uptake", "Because of the fall")
    return table_or(voice, voice("Heterogeneity of uptake, and falls of uptake"), [voice(one) for one in head], rows)


def _heterogeneity_rows(desk: Desk) -> Iterator[tuple[Cell, ...]]:
    voice = desk.voice
    for one in desk.treated:
        found, fall = one.criteria.heterogeneity, one.criteria.uptake_fall
        if found is None and fall is None:
            continue
        pattern = (
            Cell("–")
            if found is None
            else Cell(found.pattern or voice("not assessable"), anchor=desk.book.anchor(found.trace))
        )
        label = Cell("–") if fall is None else Cell(voice.word(fall.label), anchor=desk.book.anchor(fall.trace))
        yield (
            Cell(one.participant_id),
            pattern,
            Cell(voice.core(found.because) if found is not None else "–"),
            label,
            Cell(voice.core(fall.because) if fall is not None else "–"),
        )
