"""`theratrial analyse`: a proportion with every interval, and times to event, from counts or a table."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from theratrial.cli import console

if TYPE_CHECKING:
    from theratrial.statistics import KaplanMeier
    from theratrial.statistics.designs.bayesian import Beta

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Analyse a proportion or times to event.")

_JSON = Annotated[bool, typer.Option("--json", help="Print values as JSON.")]


class TransformName(StrEnum):
    """Scale on which the interval of a survival curve is symmetric."""

    LOG_LOG = "log_log"
    LOG = "log"
    PLAIN = "plain"


@app.command()
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
    beta, _ = _prior(prior), require_fraction("alpha", alpha)
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


def _limit(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"


def _median(name: str, curve: KaplanMeier) -> str:
    value = "not reached" if curve.median is None else f"{curve.median:.4g}"
    lower = "no lower limit" if curve.median_lower is None else f"{curve.median_lower:.4g}"
    upper = "no upper limit" if curve.median_upper is None else f"{curve.median_upper:.4g}"
    return f"{name}: {value}; {curve.level:g} interval from {lower} to {upper}."
