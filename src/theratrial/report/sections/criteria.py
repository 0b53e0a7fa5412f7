"""Response by other criteria: side by side with the protocol's rule, with arithmetic and declared readings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from theratrial.report.blocks import Block, Cell, Folded, Heading, Section, Table, Text
from theratrial.report.figures.spider import spider_figure, spider_lines
from theratrial.report.studio import Studio
from theratrial.report.texts import count, day
from theratrial.report.traces import TraceBook
from theratrial.results.criteria import CriteriaLesion, CriteriaOption, CriteriaResult
from theratrial.results.values import ParticipantResult, TrialResult

_INTRODUCTION: Final = (
    "The same participants under every set of criteria that the protocol names. None of these columns is the endpoint: "
    "that is the protocol's own rule. A category that is not assessable says why and is never guessed."
)
_COLOURED: Final = {"CMR": "CR", "PMR": "PR", "SMD": "SD", "PMD": "PD", "NON-CR/NON-PD": "SD"}


def criteria_of(result: TrialResult) -> dict[str, str]:
    """Criteria -> title, the protocol's own first, of those that anybody was judged by."""
    found: dict[str, str] = {}
    for one in result.participants:
        for criteria in one.criteria.criteria:
            found.setdefault(criteria.criteria, criteria.title)
    return found


def criteria_section(result: TrialResult, book: TraceBook, studio: Studio) -> Section | None:
    """The section; None where the protocol names no further criteria."""
    titles = criteria_of(result)
    if not titles:
        return None
    judged = [one for one in result.participants if one.criteria.criteria]
    blocks: list[Block] = [Text(_INTRODUCTION), *_exploratory(judged), _side_by_side(judged, titles, book)]
    blocks += _spider(judged, studio)
    blocks += [Heading("Arithmetic"), _arithmetic(judged, titles, book)]
    blocks += _measured(judged, titles, book)
    blocks += [Heading("What the criteria leave open"), *_options(judged, titles)]
    return Section("criteria", "Response by other criteria", tuple(blocks))


def _exploratory(judged: Sequence[ParticipantResult]) -> list[Block]:
    said: dict[str, str] = {}
    for participant in judged:
        for one in participant.criteria.criteria:
            if one.exploratory:
                # The reason is not recorded where nothing could be assessed; one participant's stands for the criteria.
                said[one.title] = said.get(one.title) or one.exploratory_because
    return [Text(f"{name}: exploratory{f', {why}' if why else ''}.", "warning") for name, why in said.items()]


def _of(one: ParticipantResult, criteria: str) -> CriteriaResult | None:
    return next((found for found in one.criteria.criteria if found.criteria == criteria), None)


def _side_by_side(judged: Sequence[ParticipantResult], titles: dict[str, str], book: TraceBook) -> Table:
    rows = []
    for one in judged:
        cells = [Cell(one.participant_id)]
        for criteria in titles:
            cells.append(_category(_of(one, criteria), book))
        rows.append(tuple(cells))
    counts = [Cell("Disease control")]
    for criteria in titles:
        answers = [found.controlled for one in judged if (found := _of(one, criteria)) is not None]
        known = [answer for answer in answers if answer is not None]
        missing = len(answers) - len(known)
        below = f"{missing} not assessable" if missing else ""
        counts.append(Cell(f"{sum(known)} of {len(known)}", style="number", below=below))
    return Table(
        "Category under every set of criteria",
        ("Participant", *titles.values()),
        (*rows, tuple(counts)),
        note="disease control is CR, PR or SD, or their like, among those assessable",
    )


def _category(found: CriteriaResult | None, book: TraceBook) -> Cell:
    if found is None:
        return Cell("not judged", style="missing")
    differing = len({one.category for one in found.readers}) > 1
    below = ", ".join(f"{one.reader} {one.category}" for one in found.readers) if differing else ""
    colour = _COLOURED.get(found.category, found.category)
    style = "missing" if found.controlled is None else f"category {colour}"
    return book.cell(found.category, found.trace, hint=found.because, style=style, below=below)


def _arithmetic(judged: Sequence[ParticipantResult], titles: dict[str, str], book: TraceBook) -> Table:
    rows = []
    for one in judged:
        for criteria in titles:
            found = _of(one, criteria)
            if found is None or criteria == "protocol":
                continue
            cautions = "; ".join(found.cautions)
            category = book.cell(found.category, found.trace, style="missing" if found.controlled is None else "")
            rows.append(
                (
                    Cell(one.participant_id),
                    Cell(titles[criteria]),
                    category,
                    Cell(found.because, style="wrap", below="; ".join(filter(None, (_threshold(found), cautions)))),
                    Cell("; ".join(_assessments(found)) or "none", style="wrap"),
                )
            )
    return Table(
        "Why each category is what it is",
        ("Participant", "Criteria", "Category", "Because", "Assessments"),
        tuple(rows),
        style="dense",
    )


def _threshold(found: CriteriaResult) -> str:
    """From what uptake a lesion is measurable, as the shown reader's baseline says it."""
    said = (one.because for one in found.assessments if one.reader in ("", found.reader) and not one.category)
    return next(filter(None, said), "")


def _measured(judged: Sequence[ParticipantResult], titles: dict[str, str], book: TraceBook) -> list[Block]:
    """What the metabolic criteria stand on: references of each scan, and every lesion in every measure."""
    references, lesions = [], []
    for one in judged:
        for found in one.criteria.criteria:
            who = (Cell(one.participant_id), Cell(titles[found.criteria]))
            references += [
                (
                    *who,
                    Cell(reference.timepoint),
                    Cell(reference.region.replace("_", " ")),
                    book.quantity(reference.mean),
                    book.quantity(reference.sd),
                    Cell(reference.note, style="wrap quiet"),
                )
                for reference in found.references
            ]
            lesions += [
                (
                    *who,
                    Cell(lesion.timepoint),
                    Cell(lesion.lesion_id),
                    *map(book.quantity, (lesion.peak, lesion.maximum, lesion.mean, lesion.volume_mL, lesion.total_g)),
                    *_above(lesion, book),
                )
                for lesion in found.lesions
            ]
    blocks: list[Block] = []
    if references:
        head = ("Participant", "Criteria", "Scan", "Region", "Mean", "Standard deviation", "Where")
        blocks.append(
            Table("Uptake of the references, in the measure of the criteria", head, tuple(references), style="dense")
        )
    if lesions:
        measures = ("Peak", "Maximum", "Mean", "Volume", "Total uptake", "Metabolic volume", "Total uptake in it")
        columns = ("Participant", "Criteria", "Scan", "Lesion", *measures)
        note = (
            "Volume is that of the contour as drawn; total uptake is volume times mean; peak is a sphere of 1 mL. "
            "Metabolic volume is the part of the contour from the protocol's threshold on, told among the open places."
        )
        table = Table("Lesions in the measure of the criteria", columns, tuple(lesions), note, style="dense")
        blocks.append(Folded(f"Every lesion in every measure ({len(lesions)})", (table,)))
    return blocks


def _above(lesion: CriteriaLesion, book: TraceBook) -> tuple[Cell, ...]:
    if lesion.above is None:
        return (Cell("–"), Cell("–"))
    return book.quantity(lesion.above.volume_mL), book.quantity(lesion.above.total_g)


def _assessments(found: CriteriaResult) -> list[str]:
    own = [one for one in found.assessments if not found.reader or one.reader in ("", found.reader)]
    return [f"{one.visit or day(one.on)} {one.category}".strip() for one in own]


def _options(judged: Sequence[ParticipantResult], titles: dict[str, str]) -> list[Block]:
    blocks: list[Block] = []
    for criteria, title in titles.items():
        seen: dict[tuple[str, str], CriteriaOption] = {}
        for one in judged:
            found = _of(one, criteria)
            for option in found.options if found is not None else ():
                seen.setdefault((option.name, option.value), option)
        if not seen:
            continue
        rows = tuple(
            (Cell(one.name.replace("_", " ")), Cell(one.value, style="wrap"), Cell(one.because, style="wrap"))
            for one in seen.values()
        )
        blocks.append(Table(f"{title}: how its open places are read", ("Place", "Read as", "Because"), rows))
    return blocks or [Text("Nothing is recorded.", "quiet")]


def _spider(judged: Sequence[ParticipantResult], studio: Studio) -> list[Block]:
    lines = spider_lines(judged)
    figure = spider_figure(lines)
    if figure is None:
        return []
    return [
        studio.vector(
            "spider",
            figure,
            alternative=f"Change of the sum of diameters of {count(len(lines), 'participant')} over time",
            caption="Change of RECIST's sum of diameters from baseline, by day of treatment, the baseline drawn at "
            "day 0; a line for each participant, with the best overall response at its end. An open mark is an "
            "assessment not evaluable as a whole. -30 % is counted from baseline; +20 % from the least sum, "
            "so that a line can be progression below it.",
        )
    ]
