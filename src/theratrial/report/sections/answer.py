"""The answer: the endpoint in one sentence, its interval, what it means, and the categories behind it."""

from __future__ import annotations

from theratrial.report.blocks import Answer, Block, Cell, Section, Table, Terms
from theratrial.report.style import CATEGORY_NAMES
from theratrial.report.texts import count, in_percent, words
from theratrial.report.traces import TraceBook
from theratrial.results.values import EndpointOutcome, TrialResult
from theratrial.statistics.intervals import NAMES

_MISSING_RULES = {"failure": "counts as failure", "excluded": "is left out"}


def _categories(endpoint: EndpointOutcome) -> Table:
    rows = tuple(
        (
            Cell(category, style=f"category {category}"),
            Cell(CATEGORY_NAMES.get(category, category)),
            Cell(str(number), style="number"),
            Cell(in_percent(number / endpoint.analysed) if endpoint.analysed else "not known", style="number"),
        )
        for category, number in endpoint.categories
    )
    return Table(
        f"Response categories of the {count(endpoint.analysed, 'participant')} analysed",
        ("Category", "Meaning", "Participants", "Share"),
        rows,
        style="narrow",
    )


def _counted_otherwise(result: TrialResult) -> tuple[Table, ...]:
    """Whose category alone does not say how she counts: why the categories do not add up to the successes."""
    rows = tuple(
        (
            Cell(one.participant_id),
            Cell(one.response.category, style=f"category {one.response.category}"),
            Cell("left out" if one.counted == "excluded" else f"as {one.counted}"),
            Cell(one.counted_because, style="wide"),
        )
        for one in result.participants
        if one.response is not None
        and one.response.category != "NE"
        and one.counted in ("success", "failure", "excluded")
        and one.counted_because != f"response {one.response.category}"
    )
    if not rows:
        return ()
    note = "What happened to these participants decides how they count, by the estimand's strategy, not their category."
    return (
        Table("Counted otherwise than by their category", ("Participant", "Category", "Counted", "Why"), rows, note),
    )


def answer_section(result: TrialResult, book: TraceBook, *, drawn: tuple[Block, ...] = ()) -> Section:
    """The primary endpoint."""
    endpoint = result.endpoint
    remark = ""
    if endpoint.analysed and endpoint.analysed < result.sample_size:
        remark = f"{endpoint.analysed} of the {result.sample_size} participants the protocol plans are analysed."
    method = NAMES.get(endpoint.interval_method, words(endpoint.interval_method))
    how = (
        ("Endpoint", endpoint.title),
        ("Analysis set", words(endpoint.analysis_set)),
        ("Missing response", _MISSING_RULES.get(endpoint.missing_rule, words(endpoint.missing_rule))),
        ("Interval", f"{method}, two-sided {endpoint.confidence_level * 100:g} %"),
    )
    value = Table(
        "The endpoint as a number",
        ("Proportion and interval", "Successes", "Analysed"),
        (
            (
                book.quantity(endpoint.proportion),
                Cell(str(endpoint.successes), style="number"),
                Cell(str(endpoint.analysed), style="number"),
            ),
        ),
        style="narrow",
    )
    return Section(
        "answer",
        "The answer",
        (
            Answer(endpoint.sentence, endpoint.plain_words, remark),
            *drawn,
            _categories(endpoint),
            *_counted_otherwise(result),
            value,
            Terms(how, style="inline"),
        ),
    )
