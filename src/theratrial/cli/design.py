"""`theratrial design`: plan the next single-arm trial, and say what one of a given size can show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from theratrial.cli import console

if TYPE_CHECKING:
    from theratrial.statistics.designs.stopping import Boundary
    from theratrial.statistics.designs.two_stage import TwoStage

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Plan a single-arm trial with a yes/no outcome: rates are fractions, 0.3 is 30 %.",
)

_P0 = Annotated[float, typer.Option("--p0", help="Rate that is not worth pursuing.")]
_P1 = Annotated[float, typer.Option("--p1", help="Rate that is worth pursuing.")]
_ALPHA = Annotated[float, typer.Option("--alpha", help="Highest probability of going on though the rate is p0.")]
_BETA = Annotated[float, typer.Option("--beta", help="Highest probability of giving up though the rate is p1.")]
_JSON = Annotated[bool, typer.Option("--json", help="Print values as JSON.")]
_RATES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@app.command()
def single(p0: _P0, p1: _P1, alpha: _ALPHA = 0.05, beta: _BETA = 0.2, as_json: _JSON = False) -> None:
    """The smallest exact trial with one stage (A'Hern)."""
    from theratrial.results.plain import plain
    from theratrial.statistics.designs.binomial import more_than
    from theratrial.statistics.designs.single_stage import single_stage

    found = single_stage(p0, p1, alpha=alpha, beta=beta)
    does = [(rate, float(more_than(found.n, rate)[found.r])) for rate in sorted({p0, p1, *_RATES})]
    if as_json:
        rows = [{"rate": rate, "pursue": chance} for rate, chance in does]
        console.print_json({**plain(found), "characteristics": rows})
        return
    console.say(f"{found.n} participants; worth pursuing if more than {found.r} have the outcome.")
    console.say(f"True alpha {found.alpha:.4f}, power {found.power:.4f}.")
    console.print_table(("true rate", "worth pursuing"), [(f"{rate:g}", f"{chance:.4f}") for rate, chance in does])


@app.command()
def simon(
    p0: _P0,
    p1: _P1,
    alpha: _ALPHA = 0.05,
    beta: _BETA = 0.2,
    n_max: Annotated[int, typer.Option("--n-max", help="Most participants that are looked at.")] = 100,
    as_json: _JSON = False,
) -> None:
    """Two-stage designs: optimal, minimax and those between them (Simon; Jung)."""
    from theratrial.results.plain import plain
    from theratrial.statistics.designs.two_stage import two_stage, two_stage_characteristics

    found = two_stage(p0, p1, alpha=alpha, beta=beta, n_max=n_max)
    rates = tuple(sorted({p0, p1, *_RATES}))
    does = [two_stage_characteristics(one, rates) for one in found.admissible]
    if as_json:
        console.print_json({**plain(found), "characteristics": does})
        return
    console.print_table(
        ("design", "stop if at most", "pursue if more than", "expected size", "stops early", "alpha", "power"),
        [_row(one, _called(one, found.optimal, found.minimax)) for one in found.admissible],
        title=f"Two stages, {p0:g} against {p1:g}; expected size and stopping early if the rate is {p0:g}",
    )
    for one, rows in zip(found.admissible, does, strict=True):
        if one in (found.optimal, found.minimax):
            name = _called(one, found.optimal, found.minimax)
            console.print_table(
                ("true rate", "worth pursuing", "stops early", "expected size"),
                [(f"{at.rate:g}", f"{at.pursue:.4f}", f"{at.stop_early:.4f}", f"{at.expected_n:.1f}") for at in rows],
                title=f"What the {name} design does",
            )


def _called(one: TwoStage, optimal: TwoStage, minimax: TwoStage) -> str:
    names = [name for name, design in (("minimax", minimax), ("optimal", optimal)) if one == design]
    return " and ".join(names) or "admissible"


def _row(one: TwoStage, name: str) -> tuple[str, ...]:
    return (
        name,
        f"{one.r1} of {one.n1}",
        f"{one.r} of {one.n}",
        f"{one.expected_n:.1f}",
        f"{one.stop_early:.2f}",
        f"{one.alpha:.4f}",
        f"{one.power:.4f}",
    )


@app.command()
def after(
    p0: _P0,
    first: Annotated[str, typer.Option("--first", metavar="R1/N1", help="First stage, 3/13.")],
    total: Annotated[str, typer.Option("--total", metavar="R/N", help="Whole trial, 12/43.")],
    x: Annotated[int, typer.Option("--x", help="Outcomes in all.")],
    stopped_early: Annotated[bool, typer.Option("--stopped-early", help="It ended after the first stage.")] = False,
    level: Annotated[float, typer.Option("--level", help="Of the two-sided interval.")] = 0.9,
    as_json: _JSON = False,
) -> None:
    """What a two-stage trial says of the rate: unbiased estimate, P value and interval that know of the look."""
    from theratrial.statistics.designs.two_stage import TwoStage, two_stage_inference

    (r1, n1), (r, n) = _pair("--first", first), _pair("--total", total)
    design = TwoStage(r1, n1, r, n, p0, 1.0, 0.0, 0.0, 0.0, 0.0)
    found = two_stage_inference(design, x, stopped_early=stopped_early, level=level)
    if as_json:
        console.print_json(found)
        return
    console.say(f"{found.x} of {found.participants}: {found.naive:.4f} as counted, {found.unbiased:.4f} unbiased.")
    console.say(
        f"{level:.0%} interval {found.lower:.4f} to {found.upper:.4f}; "
        f"one-sided P against {p0:g}: {found.p_value:.4f} (Koyama and Chen)."
    )


def _pair(name: str, text: str) -> tuple[int, int]:
    from theratrial.errors import InputError

    try:
        limit, size = (int(part) for part in text.split("/"))
    except ValueError:
        raise InputError(f"{name} is a limit and a size, 3/13, got {text!r}") from None
    if not 0 <= limit < size:
        raise InputError(f"{name} {text}: the limit lies from 0 to below the size")
    return limit, size


@app.command()
def power(
    p0: _P0,
    n: Annotated[int, typer.Option("--n", help="Participants.")] = 15,
    alpha: _ALPHA = 0.025,
    as_json: _JSON = False,
) -> None:
    """What a trial of this size can show, and what it cannot."""
    from theratrial.statistics.designs.single_stage import exact_test

    found = exact_test(n, p0, alpha=alpha, rates=_RATES)
    if as_json:
        console.print_json({"test": found, "in_words": _in_words(n, p0, found.at_least, found.alpha)})
        return
    console.say(_in_words(n, p0, found.at_least, found.alpha))
    console.print_table(
        ("true rate", "probability of showing it"), [(f"{rate:g}", f"{chance:.3f}") for rate, chance in found.power]
    )


def _in_words(n: int, p0: float, at_least: int, level: float) -> str:
    if at_least > n:
        return f"Not even {n} of {n} would show that the rate exceeds {p0:g}: the trial is too small for that question."
    return (
        f"At least {at_least} of {n} would show that the rate exceeds {p0:g} (true one-sided level {level:.4f}); "
        f"{at_least - 1} would not. One participant decides, and each weighs {100 / n:.1f} percentage points."
    )


@app.command()
def toxicity(
    p0: Annotated[float, typer.Option("--p0", help="Highest acceptable rate of the toxicity.")],
    n: Annotated[int, typer.Option("--n", help="Participants.")] = 15,
    overall: Annotated[float, typer.Option("--overall", help="Highest probability of stopping in vain.")] = 0.05,
    posterior: Annotated[
        float | None, typer.Option("--posterior", help="Instead: stop when P(rate > p0) exceeds this.")
    ] = None,
    prior: Annotated[str, typer.Option("--prior", metavar="A,B", help="Beta prior of the posterior rule.")] = "1,1",
    as_json: _JSON = False,
) -> None:
    """A continuous stopping boundary, always with how often it stops."""
    from theratrial.statistics.designs.bayesian import toxicity_boundary
    from theratrial.statistics.designs.stopping import characteristics, pocock_boundary

    boundary: Boundary
    if posterior is None:
        boundary, rule = pocock_boundary(n, p0, overall=overall), f"stops in vain at most {overall:.0%} of the time"
    else:
        boundary, rule = toxicity_boundary(n, p0, posterior, (_beta(prior),)), f"P(rate > {p0:g}) > {posterior:g}"
    rates = sorted({p0, *_RATES})
    does = [characteristics(boundary, rate) for rate in rates]
    if as_json:
        console.print_json({"rule": rule, "stop_at_or_above": boundary, "characteristics": does})
        return
    console.print_table(
        ("after participant", "stop if at least"),
        [(str(k), _count(limit, "event")) for k, limit in enumerate(boundary, 1)],
        title=rule,
    )
    console.print_table(
        ("true rate", "stops", "expected participants"),
        [(f"{one.rate:g}", f"{one.stop:.4f}", f"{one.expected_n:.2f}") for one in does],
    )
    in_vain = next(one.stop for one in does if one.rate == p0)
    if in_vain > 0.1:
        console.warn(f"this rule stops {in_vain:.0%} of the time although the rate is acceptable")
    if boundary[0] == 1:
        console.warn("one event in the first participant stops the trial")


def _count(limit: int | None, what: str) -> str:
    if limit is None:
        return "cannot stop"
    return f"{limit} {what}{'' if limit == 1 else 's'}"


def _beta(text: str) -> Any:
    from theratrial.errors import InputError
    from theratrial.statistics.designs.bayesian import Beta

    try:
        a, b = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--prior is the two numbers of a beta distribution, 1,1, got {text!r}") from None
    return Beta(a, b)


@app.command()
def predictive(
    p0: _P0,
    looks: Annotated[str, typer.Option("--looks", metavar="N,N,...", help="Participants at each look, the last all.")],
    threshold: Annotated[float, typer.Option("--threshold", help="Success at the end: P(rate > p0) above this.")] = 0.9,
    lowest: Annotated[float, typer.Option("--lowest", help="Stop where the predictive probability is below.")] = 0.05,
    prior: Annotated[str, typer.Option("--prior", metavar="A,B", help="Beta prior of the rate.")] = "1,1",
    x: Annotated[int | None, typer.Option("--x", help="Outcomes so far: say their predictive probability.")] = None,
    n: Annotated[int | None, typer.Option("--n", help="Participants so far.")] = None,
    as_json: _JSON = False,
) -> None:
    """Looks by predictive probability (Lee and Liu), with how often they stop; or where a trial stands now."""
    from theratrial.errors import InputError
    from theratrial.statistics.designs.bayesian import (
        futility_characteristics,
        predictive_boundary,
        predictive_probability,
        probability_above,
    )

    sizes, before = _sizes(looks), (_beta(prior),)
    if (x is None) != (n is None):
        raise InputError("--x and --n belong together: outcomes and participants so far")
    if x is not None and n is not None and not 0 <= x <= n:
        raise InputError(f"--x {x} of --n {n} cannot be: outcomes lie from 0 to the participants so far")
    boundary = predictive_boundary(sizes, p0, threshold=threshold, lowest=lowest, prior=before)
    does = [(rate, *futility_characteristics(sizes, boundary, rate)) for rate in sorted({p0, *_RATES})]
    now = None
    if x is not None and n is not None:
        now = {
            "predictive": predictive_probability(before, x, n, sizes[-1], p0, threshold),
            "posterior": probability_above(before, x, n, p0),
        }
    if as_json:
        rows = [{"rate": rate, "stop": stop, "expected_n": size} for rate, stop, size in does]
        found = {"looks": sizes, "stop_at_or_below": boundary, "characteristics": rows, "now": now}
        console.print_json(found)
        return
    if now is not None:
        console.say(f"After {x} of {n}: predictive probability {now['predictive']:.4f}.")
        console.say(f"Posterior probability that the rate exceeds {p0:g}: {now['posterior']:.4f}.")
    _say_looks(sizes, boundary, does)


def _sizes(looks: str) -> tuple[int, ...]:
    from theratrial.errors import InputError

    try:
        return tuple(int(part) for part in looks.split(","))
    except ValueError:
        raise InputError(f"--looks are numbers of participants, 5,10,15, got {looks!r}") from None


def _say_looks(sizes: tuple[int, ...], boundary: Boundary, does: list[tuple[float, float, float]]) -> None:
    console.print_table(
        ("at participant", "stop if at most"),
        [(str(n), _count(limit, "outcome")) for n, limit in zip(sizes, boundary, strict=True)],
    )
    console.print_table(
        ("true rate", "ends without success", "expected participants"),
        [(f"{rate:g}", f"{stop:.4f}", f"{size:.2f}") for rate, stop, size in does],
    )


@app.command()
def futility(
    p0: _P0,
    looks: Annotated[str, typer.Option("--looks", metavar="N,N,...", help="Participants at each look, the last all.")],
    cut_off: Annotated[float, typer.Option("--cut-off", help="Of P(rate > p0) at the last look.")] = 0.9,
    shape: Annotated[float, typer.Option("--shape", help="How fast the cut-off rises; 0: the same always.")] = 1.0,
    as_json: _JSON = False,
) -> None:
    """Looks for futility (BOP2), with how often they stop."""
    from theratrial.statistics.designs.bayesian import futility_boundary, futility_characteristics

    sizes = _sizes(looks)
    boundary = futility_boundary(sizes, p0, cut_off=cut_off, shape=shape)
    does = [(rate, *futility_characteristics(sizes, boundary, rate)) for rate in sorted({p0, *_RATES})]
    if as_json:
        rows = [{"rate": rate, "stop": stop, "expected_n": size} for rate, stop, size in does]
        console.print_json({"looks": sizes, "stop_at_or_below": boundary, "characteristics": rows})
        return
    _say_looks(sizes, boundary, does)
