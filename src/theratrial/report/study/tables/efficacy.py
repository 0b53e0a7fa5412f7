"""The answer: the proportion with its interval, sensitivity analyses, responses by criteria, time to event."""

from __future__ import annotations

from dataclasses import replace

from theratrial.report.blocks import Answer, Cell
from theratrial.report.study.blocks import Block
from theratrial.report.study.inputs import Desk
from theratrial.report.study.parts import absent, number_cell, table, table_or
from theratrial.report.study.tables.counting import count_cell, counted_cell, record_cell, result_cell
from theratrial.report.texts import in_percent
from theratrial.results.analysis import AnalysedProportion


def answer(desk: Desk) -> Answer:
    """The primary endpoint in a sentence and in plain words."""
    endpoint = desk.result.endpoint
    return Answer(desk.voice.core(endpoint.sentence), desk.voice.core(endpoint.plain_words), "")


def primary_table(desk: Desk) -> Block:
    """The proportion with its interval, and the categories it is made of."""
    voice, endpoint = desk.voice, desk.result.endpoint
    analysed = [one for one in desk.result.participants if one.counted in ("success", "failure")]
    rows = []
    for category, n in endpoint.categories:
        people = [one for one in analysed if (one.response.category if one.response is not None else "NE") == category]
        if len(people) == n:
            rows.append((Cell(voice.word(category)), count_cell(desk.book, people, "response", of=len(analysed))))
        else:
            places = {one.participant_id: f"value:participants[{one.participant_id}].counted" for one in analysed}
            rows.append((Cell(voice.word(category)), counted_cell(desk.book, n, places, of=len(analysed))))
    rows.append((Cell(voice("Analysed")), count_cell(desk.book, analysed, "counted")))
    successes = [one for one in analysed if one.counted == "success"]
    rows.append((Cell(voice("Successes")), count_cell(desk.book, successes, "counted")))
    name = voice(
        "Proportion ({level} % interval, {method})",
        level=f"{endpoint.confidence_level * 100:g}",
        method=voice.word(endpoint.interval_method),
    )
    rows.append((Cell(name), number_cell(voice, desk.book, endpoint.proportion)))
    return table(
        voice("Primary endpoint"), (voice.core(endpoint.title), voice("Participants")), rows, style="narrow short"
    )


def sensitivity_tables(desk: Desk) -> tuple[Block, ...]:
    """Primary analysis, other intervals, every generated sensitivity analysis; then whom each counts otherwise."""
    voice, analysis = desk.voice, desk.result.analysis
    if not analysis.proportions:
        return (absent(voice),)
    rows: list[tuple[Cell, ...]] = []
    moved: list[tuple[Cell, ...]] = []
    for one in analysis.proportions:
        name = voice.core(one.name)
        otherwise = _otherwise(one)
        rows.append(
            (
                Cell(name),
                Cell(voice.core(_set_title(desk, one.analysis_set))),
                Cell(f"{one.successes} / {one.analysed}", anchor=desk.book.anchor(one.proportion.trace)),
                replace(number_cell(voice, desk.book, one.proportion), below=""),
                Cell(voice.interval(one.proportion) or "–", below=voice.word(one.interval_method)),
                Cell(str(len(otherwise)) if otherwise else "–", style="number"),
            )
        )
        told = [voice.core(_named_set(desk, text, one.analysis_set)) for text in otherwise]
        moved += [(Cell(name), Cell(text)) for text in told]
    head = ("Analysis", "Set", "Successes", "Proportion", "Interval", "Counted otherwise or left out")
    blocks: list[Block] = [table(voice("Primary and sensitivity analyses"), [voice(one) for one in head], rows)]
    if moved:
        names = (voice("Analysis"), voice("Counted otherwise or left out"))
        blocks.append(table(voice("Who is counted otherwise or left out"), names, moved))
    return tuple(blocks)


def _named_set(desk: Desk, text: str, key: str) -> str:
    """With the title of the analysis set in place of its identifier."""
    return text.replace(f"analysis set {key}", f"analysis set {_set_title(desk, key)}")


def _otherwise(one: AnalysedProportion) -> list[str]:
    """What was counted otherwise; who was left out and is told of there is not told twice."""
    told = {text.partition(":")[0] for text in one.changed}
    return [*one.changed, *(text for text in one.left_out if text.partition(":")[0] not in told)]


def _set_title(desk: Desk, key: str) -> str:
    clause = desk.folder.protocol.analysis_sets.get(key)
    return clause.reading.title if clause is not None and clause.reading is not None else key


def intercurrent_table(desk: Desk) -> Block:
    """Intercurrent events that happened and how each was counted."""
    voice = desk.voice
    rows = [
        (
            record_cell(desk.book, one.participant_id, one.record),
            Cell(voice.core(one.title)),
            Cell(voice.short_day(one.on)),
            Cell(voice.word(one.strategy)),
            Cell(voice.core(one.because)),
            Cell(voice.core(one.effect)),
        )
        for one in desk.result.analysis.intercurrent
    ]
    head = ("Participant", "Event", "On", "Strategy", "Because", "Effect on the count")
    return table_or(voice, voice("Intercurrent events"), [voice(one) for one in head], rows)


def test_table(desk: Desk) -> Block:
    """The exact test, the posterior, and the answer with one success more or fewer."""
    voice, analysis = desk.voice, desk.result.analysis
    if analysis.test is None:
        return absent(voice)
    test = analysis.test
    rows = [
        (
            Cell(voice("Proportion of the null hypothesis")),
            result_cell(desk.book, in_percent(test.null_fraction), "analysis.test.null_fraction"),
        ),
        (Cell(voice("One-sided exact p value")), number_cell(voice, desk.book, test.p_value)),
        (
            Cell(voice("Level, and the one kept")),
            result_cell(
                desk.book,
                f"{in_percent(test.significance_fraction)} / {in_percent(test.true_significance_fraction)}",
                "analysis.test.true_significance_fraction",
            ),
        ),
        (
            Cell(voice("Fewest successes that reject")),
            result_cell(desk.book, str(test.reject_from), "analysis.test.reject_from"),
        ),
    ]
    if analysis.one_sided_lower is not None:
        rows.append((Cell(voice("One-sided lower bound")), number_cell(voice, desk.book, analysis.one_sided_lower)))
    if analysis.posterior_above_null is not None:
        name = voice("Posterior probability above the null hypothesis")
        rows.append(
            (Cell(name, below=voice.core(analysis.prior)), number_cell(voice, desk.book, analysis.posterior_above_null))
        )
    if analysis.posterior is not None:
        rows.append((Cell(voice("Posterior mean and interval")), number_cell(voice, desk.book, analysis.posterior)))
    return table(
        voice("Test of the primary endpoint"),
        ("", voice("Value")),
        rows,
        note=voice.core(test.sentence),
        style="narrow short",
    )


def flip_table(desk: Desk) -> Block:
    """What one participant more or fewer would change."""
    voice, analysis = desk.voice, desk.result.analysis
    rows = [
        (
            Cell(str(flip.successes)),
            result_cell(desk.book, in_percent(flip.estimate_fraction), f"analysis.flips[{place}]"),
            result_cell(
                desk.book,
                voice(
                    "{lower} to {upper}", lower=in_percent(flip.lower_fraction), upper=in_percent(flip.upper_fraction)
                ),
                f"analysis.flips[{place}]",
            ),
            result_cell(desk.book, f"{flip.p_value:.4f}", f"analysis.flips[{place}]")
            if flip.p_value is not None
            else Cell("–"),
            Cell("–" if flip.rejected is None else voice("yes") if flip.rejected else voice("no")),
        )
        for place, flip in enumerate(analysis.flips)
    ]
    head = ("Successes", "Proportion", "Interval", "p", "Rejects")
    return table_or(
        voice, voice("One participant more or fewer"), [voice(one) for one in head], rows, style="narrow short"
    )


def power_table(desk: Desk) -> Block:
    """What the test could show."""
    voice = desk.voice
    rows = [
        (
            Cell(in_percent(point.true_fraction)),
            result_cell(desk.book, in_percent(point.power_fraction), f"analysis.power[{place}]"),
        )
        for place, point in enumerate(desk.result.analysis.power)
    ]
    return table_or(
        voice, voice("Power of the test"), (voice("True proportion"), voice("Power")), rows, style="narrow short"
    )


def survival_table(desk: Desk) -> Block:
    """Times to event."""
    voice = desk.voice
    rows = [
        (
            Cell(voice.core(one.title), below=voice.core(one.rule), anchor=desk.book.anchor(one.trace)),
            Cell(f"{one.events} / {one.analysed}", anchor=desk.book.anchor(one.trace)),
            number_cell(voice, desk.book, one.median_months),
            Cell(f"{one.confidence_level * 100:g} %, {voice.word(one.transform)}"),
            number_cell(voice, desk.book, one.median_follow_up_months),
        )
        for one in desk.result.analysis.survival
    ]
    head = ("Time to event", "Events / analysed", "Median [months]", "Interval", "Median follow-up [months]")
    return table_or(voice, voice("Time to event (Kaplan-Meier)"), [voice(one) for one in head], rows)
