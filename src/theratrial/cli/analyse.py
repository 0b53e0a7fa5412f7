"""`theratrial analyse`: a proportion with every interval, times to event, and agreement, from counts or a table."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from theratrial.cli import console

if TYPE_CHECKING:
    from theratrial.statistics import KaplanMeier
    from theratrial.statistics.agreement import KappaEstimate
    from theratrial.statistics.designs.bayesian import Beta

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Analyse a proportion, times to event or agreement.")

_JSON = Annotated[bool, typer.Option("--json", help="Print values as JSON.")]


class TransformName(StrEnum):
    """Scale on which the interval of a survival curve is symmetric."""

    LOG_LOG = "log_log"
    LOG = "log"
    PLAIN = "plain"


class WeightsName(StrEnum):
    """How far apart two categories count."""

    NONE = "none"
    LINEAR = "linear"
    QUADRATIC = "quadratic"


class _TakesNegative(TyperCommand):
    """Reads -1 as a number, so that the core refuses it by its name, and not as an option that does not exist."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.ignore_unknown_options = any(re.fullmatch(r"-[0-9]+", one) for one in args)
        return super().parse_args(ctx, args)


@app.command(cls=_TakesNegative)
def proportion(
    x: Annotated[int, typer.Argument(metavar="X", help="Participants with the outcome.")],
    n: Annotated[int, typer.Argument(metavar="N", help="Participants in all.")],
    level: Annotated[float, typer.Option("--level", help="Two-sided confidence.")] = 0.95,
    null: Annotated[float | None, typer.Option("--null", help="Rate of the exact one-sided test, 0.3 is 30 %.")] = None,
    alpha: Annotated[float, typer.Option("--alpha", help="Level of the one-sided test.")] = 0.05,
    prior: Annotated[str, typer.Option("--prior", metavar="A,B", help="Beta prior of the posterior.")] = "1,1",
    as_json: _JSON = False,
) -> None:
    """X of N with all six intervals, one-sided bounds, and the exact test and posterior against a rate."""
    from theratrial.statistics import METHODS, one_sided_bound, proportion_in_plain_words
    from theratrial.statistics import proportion as estimated
    from theratrial.statistics.designs.binomial import require_fraction
    from theratrial.statistics.intervals import NAMES

    found = {method: estimated(x, n, method, level) for method in METHODS}
    bounds = {side: one_sided_bound(x, n, side, level=level) for side in ("lower", "upper")}
    beta = _prior(prior)
    require_fraction("alpha", alpha)
    against = None if null is None else _against(x, n, null, alpha, beta)
    words = proportion_in_plain_words(found["clopper_pearson"])
    if as_json:
        console.print_json({"intervals": found, "one_sided_exact": bounds, "against": against, "in_words": words})
        return
    console.print_table(
        ("interval", "lower", "upper"),
        [(NAMES[name], f"{one.lower_fraction:.4f}", f"{one.upper_fraction:.4f}") for name, one in found.items()],
        title=f"{x} of {n}: {x / n:.4f}; two-sided {level:g}",
    )
    console.say(f"One-sided {level:g}, exact: at least {bounds['lower']:.4f}; at most {bounds['upper']:.4f}.")
    if against is not None:
        console.say(
            f"Against {null:g}: one-sided P {_p_text(against['p_value'], alpha)}; "
            f"rejected from {against['reject_from']} of {n} on (true level {against['true_level']:.4f})."
        )
        console.say(f"Posterior probability above {null:g}, prior Beta({prior}): {against['posterior_above']:.4f}.")
    console.say(words)


def _p_text(value: float, alpha: float) -> str:
    """Four decimals, and more where fewer would put it on the level or at zero: 0.05001 at 0.05."""
    for places in range(4, 13):
        text = f"{value:.{places}f}"
        if float(text) and (float(text) <= alpha) == (value <= alpha) and (float(text) != alpha or value == alpha):
            return text
    return f"{value:.4g}"


def _prior(text: str) -> Beta:
    from theratrial.errors import InputError
    from theratrial.statistics.designs.bayesian import Beta

    try:
        a, b = (float(part) for part in text.split(","))
    except ValueError:
        a = b = 0.0
    if not (0 < a < float("inf") and 0 < b < float("inf")):
        raise InputError(f"--prior is the two numbers above 0 of a beta distribution, 1,1, got {text!r}")
    return Beta(a, b)


def _against(x: int, n: int, null: float, alpha: float, prior: Beta) -> dict[str, Any]:
    from theratrial.statistics.designs.bayesian import probability_above
    from theratrial.statistics.designs.single_stage import exact_test, p_value

    test = exact_test(n, null, alpha=alpha)
    return {
        "null": null,
        "p_value": p_value(x, n, null),
        "reject_from": test.at_least,
        "true_level": test.alpha,
        "rejected": x >= test.at_least,
        "prior": [prior.a, prior.b],
        "posterior_above": probability_above((prior,), x, n, null),
    }


@app.command()
def survival(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.csv",
            help="One line for each subject: subject, event (1 or 0), and either time or origin and end (YYYY-MM-DD).",
        ),
    ],
    transform: Annotated[
        TransformName, typer.Option("--transform", help="Scale on which the interval is symmetric.")
    ] = TransformName.LOG_LOG,
    level: Annotated[float, typer.Option("--level", help="Two-sided confidence.")] = 0.95,
    as_json: _JSON = False,
) -> None:
    """Kaplan-Meier with its interval, the median, and the follow-up by reverse Kaplan-Meier."""
    from theratrial.cli.files import csv_text
    from theratrial.statistics import kaplan_meier, reverse_kaplan_meier
    from theratrial.statistics.survival_table import survival_table

    people = survival_table(csv_text(file))
    times, events = [one.time for one in people], [one.event for one in people]
    curve = kaplan_meier(times, events, transform=transform.value, level=level)
    follow = reverse_kaplan_meier(times, events, transform=transform.value, level=level)
    if as_json:
        console.print_json({"survival": curve, "follow_up": follow, "people": people})
        return
    console.print_table(
        ("time", "at risk", "events", "censored", "survival", "lower", "upper"),
        [
            (
                f"{step.time:.4g}",
                str(step.at_risk),
                str(step.events),
                str(step.censored),
                f"{step.survival_fraction:.4f}",
                _limit(step.lower_fraction),
                _limit(step.upper_fraction),
            )
            for step in curve.steps
        ],
        title=f"{curve.number} subjects, {curve.events} events; {level:g} limits by the {transform.value} transform",
    )
    console.say(_median("Median", curve))
    console.say(_median("Median follow-up (reverse Kaplan-Meier)", follow))


@app.command()
def agreement(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.csv",
            help="One line for each subject: subject, first, second (the two answers). Without an answer: left out.",
        ),
    ],
    weights: Annotated[
        WeightsName, typer.Option("--weights", help="How far apart two categories count.")
    ] = WeightsName.NONE,
    order: Annotated[
        str, typer.Option("--order", metavar="A,B,...", help="All categories in their order; weights need it.")
    ] = "",
    level: Annotated[float, typer.Option("--level", help="Two-sided confidence.")] = 0.95,
    as_json: _JSON = False,
) -> None:
    """Cohen's kappa with its interval, and the share agreed with its exact interval."""
    from theratrial.cli.files import csv_text
    from theratrial.statistics import proportion as estimated
    from theratrial.statistics.agreement import Weighting, agreement_table, cohen_kappa
    from theratrial.statistics.paired_table import categories, paired_table

    answers = paired_table(csv_text(file))
    known: dict[WeightsName, Weighting] = {
        WeightsName.NONE: "unweighted",
        WeightsName.LINEAR: "linear",
        WeightsName.QUADRATIC: "quadratic",
    }
    weighting = known[weights]
    names = categories(answers.pairs, [one.strip() for one in order.split(",")] if order else (), weighting)
    # A table of nobody has no categories; one cell of 0 is the same and is square.
    table = agreement_table(answers.pairs, names) or ((0,),)
    kappa = cohen_kappa(table, weighting, level=level)
    number = len(answers.pairs)
    agreed = sum(first == second for first, second in answers.pairs)
    share = estimated(agreed, number, "clopper_pearson", level) if number else None
    if as_json:
        found = {"compared": number, "agreed": agreed, "left_out": answers.left_out, "categories": names}
        console.print_json({**found, "table": table, "kappa": kappa, "share_agreed": share})
        return
    if names:
        console.print_table(
            ("first, down; second, across", *names),
            [(name, *map(str, row)) for name, row in zip(names, table, strict=True)],
        )
    if answers.left_out:
        console.say(f"Left out, without an answer of both: {', '.join(answers.left_out)}.")
    if share is not None:
        console.say(
            f"Agreed {agreed} of {number}: {agreed / number:.4f}; exact {level:g} interval from "
            f"{share.lower_fraction:.4f} to {share.upper_fraction:.4f}."
        )
    console.say(_kappa_text(kappa, level))


def _kappa_text(kappa: KappaEstimate, level: float) -> str:
    name = "Kappa" if kappa.weighting == "unweighted" else f"Kappa, {kappa.weighting} weights"
    if kappa.value is None:
        return f"{name}: {kappa.note}."
    said = f"{name}: {kappa.value:.4f}"
    if kappa.lower is not None and kappa.upper is not None:
        said += f"; large-sample {level:g} interval from {kappa.lower:.4f} to {kappa.upper:.4f}"
    return f"{said}; {kappa.note}." if kappa.note else f"{said}."


def _limit(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"


def _median(name: str, curve: KaplanMeier) -> str:
    value = "not reached" if curve.median is None else f"{curve.median:.4g}"
    lower = "no lower limit" if curve.median_lower is None else f"{curve.median_lower:.4g}"
    upper = "no upper limit" if curve.median_upper is None else f"{curve.median_upper:.4g}"
    return f"{name}: {value}; {curve.level:g} interval from {lower} to {upper}."
