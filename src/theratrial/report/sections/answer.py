"""The answer: the endpoint in one sentence, its interval, what it means, and the categories behind it."""

from __future__ import annotations

from theratrial.report.blocks import Answer, Block, Cell, Section, Table, Terms
from theratrial.report.style import CATEGORY_NAMES
from theratrial.report.texts import count, in_percent, words
from theratrial.report.traces import TraceBook
from theratrial.results.values import EndpointOutcome, TrialResult

_METHODS = {"clopper_pearson": "exact (Clopper-Pearson)", "wilson": "Wilson score"}
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


def answer_section(result: TrialResult, book: TraceBook, *, drawn: tuple[Block, ...] = ()) -> Section:
    """The primary endpoint."""
    endpoint = result.endpoint
    remark = ""
    if endpoint.analysed and endpoint.analysed < result.sample_size:
        remark = f"{endpoint.analysed} of the {result.sample_size} participants the protocol plans are analysed."
    method = _METHODS.get(endpoint.interval_method, words(endpoint.interval_method))
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
            value,
            Terms(how, style="inline"),
        ),
    )
