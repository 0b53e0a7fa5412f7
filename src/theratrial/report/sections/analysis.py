"""The analysis beside the primary proportion: estimand, sensitivity, test, power, weight of one person, survival."""

from __future__ import annotations

from collections.abc import Sequence

from theratrial.report.blocks import Block, Cell, Folded, Heading, Section, Table, Terms, Text
from theratrial.report.figures.forest import GROUPS, forest_figure
from theratrial.report.figures.power import power_figure
from theratrial.report.figures.survival import survival_figure
from theratrial.report.studio import Studio
from theratrial.report.texts import count, day, in_percent, number, words
from theratrial.report.traces import TraceBook
from theratrial.results.analysis import AnalysedProportion, SurvivalResult, TrialAnalysis
from theratrial.results.values import TrialResult
from theratrial.statistics.intervals import NAMES

_INTRODUCTION = (
    "Beside the primary proportion: what it estimates, what happened that changes its meaning, and how the answer "
    "moves when something is counted otherwise. Every row below is generated from the protocol; none was chosen after "
    "the results were seen."
)


def analysis_section(result: TrialResult, book: TraceBook, studio: Studio) -> Section | None:
    """The section; None where the protocol has no plan of an analysis."""
    analysis = result.analysis
    if not analysis.estimand:
        return None
    blocks: list[Block] = [Text(_INTRODUCTION)]
    blocks += [Text(sentence) for sentence in analysis.plain_words]
    blocks += [Heading("What is estimated"), Terms(analysis.estimand)]
    blocks += [_occurrences(analysis)]
    blocks += [Heading("How the answer moves"), *_forest(analysis, studio), *_proportions(analysis, book)]
    blocks += _test(result, book, studio)
    for one in analysis.survival:
        blocks += _survival(one, book, studio)
    return Section("analysis", "The analysis", tuple(blocks))


def _occurrences(analysis: TrialAnalysis) -> Block:
    if not analysis.intercurrent:
        return Text("None of these events happened to anybody.")
    rows = tuple(
        (
            Cell(one.participant_id),
            Cell(one.title, style="wrap"),
            Cell(day(one.on) if one.on is not None else "no day"),
            Cell(one.because, style="wrap"),
            Cell(words(one.strategy)),
            Cell(one.effect, style="wrap"),
            Cell(one.record.removeprefix("record:").removeprefix("value:"), style="wrap quiet"),
        )
        for one in analysis.intercurrent
    )
    return Table(
        f"Intercurrent events: {count(len(rows), 'event')}",
        ("Participant", "Event", "Day", "What happened", "Strategy", "Effect on the count", "Record"),
        rows,
        style="dense",
    )


def _forest(analysis: TrialAnalysis, studio: Studio) -> list[Block]:
    null = analysis.test.null_fraction if analysis.test is not None else None
    figure = forest_figure(analysis.proportions, null)
    if figure is None:
        return []
    return [
        studio.vector(
            "sensitivity",
            figure,
            alternative="The proportion under every way of counting, with its interval; the table below says the same",
            caption="The proportion as the protocol counts it, and counted otherwise. The pale line is the primary "
            "proportion; a dashed one, where drawn, the null of the test. A hollow mark: nobody is counted otherwise "
            "than in the primary analysis.",
        )
    ]


def _proportions(analysis: TrialAnalysis, book: TraceBook) -> list[Block]:
    """The primary analysis and every way that moves somebody; the others, which the figure shows too, folded."""
    moving = [one for one in analysis.proportions if one.kind == "primary" or one.changed]
    still = [one for one in analysis.proportions if one not in moving]
    blocks: list[Block] = [_ways("Ways of counting", moving, book)]
    if still:
        table = _ways("Ways that count nobody otherwise", still, book)
        blocks.append(Folded(f"{count(len(still), 'way')} of counting in which nobody is counted otherwise", (table,)))
    return blocks


def _ways(caption: str, proportions: Sequence[AnalysedProportion], book: TraceBook) -> Table:
    return Table(
        caption,
        ("What differs", "Of", "Successes", "Proportion", "Interval", "Who is counted otherwise"),
        tuple(_proportion_row(one, book) for one in proportions),
        note="Intervals are not adjusted for how many are shown: they describe, they do not test.",
        style="dense",
    )


def _proportion_row(one: AnalysedProportion, book: TraceBook) -> tuple[Cell, ...]:
    changed = "; ".join(one.changed) if one.changed else "nobody"
    return (
        Cell("as the protocol says" if one.kind == "primary" else one.name, hint=GROUPS[one.kind], style="wrap"),
        Cell(str(one.analysed), style="number"),
        Cell(str(one.successes), style="number"),
        book.quantity(one.proportion),
        Cell(NAMES.get(one.interval_method, one.interval_method)),
        Cell(changed if one.kind != "interval" else "nobody", style="wrap"),
    )


def _test(result: TrialResult, book: TraceBook, studio: Studio) -> list[Block]:
    analysis = result.analysis
    test = analysis.test
    if test is None:
        return []
    n = result.endpoint.analysed
    blocks: list[Block] = [Heading(f"What {count(n, 'participant')} can show"), Text(test.sentence)]
    drawn = power_figure(analysis.power, test, n)
    if drawn is not None:
        blocks.append(
            studio.vector(
                "power",
                drawn,
                alternative="Probability that the test rejects the null, by the true proportion",
                caption="Exact, for the number of participants analysed. At the null the curve is the chance of being "
                "misled; below 80 % a true effect is likely to be missed.",
            )
        )
    rows: list[tuple[Cell, ...]] = [
        (Cell("Exact one-sided P value"), book.cell(_p_text(test.p_value.value), test.p_value.trace, style="number")),
    ]
    if analysis.one_sided_lower is not None:
        rows.append((Cell("One-sided lower bound"), book.quantity(analysis.one_sided_lower)))
    if analysis.posterior is not None and analysis.posterior_above_null is not None:
        rows.append((Cell("Posterior mean", below=f"prior {analysis.prior}"), book.quantity(analysis.posterior)))
        above = f"Posterior probability that it exceeds {in_percent(test.null_fraction)}"
        rows.append((Cell(above), book.quantity(analysis.posterior_above_null)))
    blocks += [
        Table("The proportion against the null", ("Quantity", "Value"), tuple(rows), style="narrow"),
        _flips(analysis, n),
    ]
    return blocks


def _p_text(value: float | None) -> str:
    """A P value as a probability, to the digits that tell it from a level: 0.05001 is not 5 %."""
    if value is None:
        return "not known"
    return "below 0.00001" if value < 0.00001 else f"{value:.5f}"


def _flips(analysis: TrialAnalysis, n: int) -> Table:
    rejected = {True: "rejects", False: "does not reject", None: "no test"}
    rows = tuple(
        (
            Cell(f"{one.successes} of {n}"),
            Cell(in_percent(one.estimate_fraction), style="number"),
            Cell(f"{in_percent(one.lower_fraction)} to {in_percent(one.upper_fraction)}", style="number"),
            Cell("none" if one.p_value is None else _p_text(one.p_value), style="number"),
            Cell(rejected[one.rejected]),
        )
        for one in analysis.flips
    )
    return Table(
        "If one participant's answer were another",
        ("Successes", "Proportion", "Interval", "One-sided P", "The test"),
        rows,
        style="narrow",
    )


def _survival(one: SurvivalResult, book: TraceBook, studio: Studio) -> list[Block]:
    blocks: list[Block] = [Heading(one.title), Text(one.rule)]
    figure = survival_figure(one)
    if figure is None:
        blocks.append(Text("Nobody has a time to event yet.", "quiet"))
    else:
        blocks.append(
            studio.vector(
                f"survival_{one.survival_id}",
                figure,
                alternative=f"{one.title}: Kaplan-Meier curve with number at risk, as in the tables below",
                caption=f"Kaplan-Meier estimate with pointwise {one.confidence_level * 100:g} % limits "
                f"({words(one.transform)} transform); upright strokes are participants censored. Where nobody has had "
                "the event yet there are no limits.",
            )
        )
        medians = (
            (Cell("Median"), book.quantity(one.median_months, absent="not reached")),
            (
                Cell("Median follow-up", hint="reverse Kaplan-Meier"),
                book.quantity(one.median_follow_up_months, absent="not reached"),
            ),
        )
        blocks.append(Table(f"{one.title} in months", ("Quantity", "Value"), medians, style="narrow"))
        people = tuple(
            (
                Cell(person.participant_id),
                book.cell(number(person.time_months), one.trace, style="number"),
                Cell("event" if person.event else "censored"),
                Cell(person.because, style="wrap"),
            )
            for person in one.people
        )
        listed = Table(
            f"{one.title}: each participant", ("Participant", "Months", "Ended by", "Why"), people, style="dense"
        )
        blocks.append(Folded(f"{one.title}: the time of each participant and its reason", (listed,)))
    if one.left_out:
        blocks.append(Text(f"Without a time: {'; '.join(one.left_out)}.", "quiet"))
    return blocks
