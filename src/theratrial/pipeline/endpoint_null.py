"""What the primary proportion shows against the null: exact test, bound, posterior, power, one participant's weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from theratrial.protocol.plans.analysis import AnalysisPlan, EndpointTest
from theratrial.results.analysis import AnalysedProportion, FlipResult, PowerPoint, TestResult
from theratrial.results.values import EndpointOutcome
from theratrial.statistics import one_sided_bound, proportion
from theratrial.statistics.designs.bayesian import VERSION as BAYES_VERSION
from theratrial.statistics.designs.bayesian import Beta, probability_above
from theratrial.statistics.designs.bayesian import posterior as updated
from theratrial.statistics.designs.single_stage import VERSION as TEST_VERSION
from theratrial.statistics.designs.single_stage import exact_test, p_value
from theratrial.statistics.proportion import VERSION as PROPORTION_VERSION
from theratrial.statistics.wording import percent
from theratrial.trace import Quantity, Trace

_POWER_STEP_PERCENT: Final = 5


_INPUTS: Final = {
    "successes": "value:endpoint.successes",
    "analysed": "value:endpoint.analysed",
    "plan": "protocol:analysis",
}


def exact_result(
    endpoint: EndpointOutcome, plan: AnalysisPlan, demonstration: tuple[str, ...], *, interim: bool
) -> TestResult | None:
    """The exact one-sided test of the primary proportion; None without a null or without anybody.

    Parameters
    ----------
    interim
        Somebody's response is still to come: the test is shown, and nothing is rejected or not.
    """
    asked = plan.test
    if asked is None or not endpoint.analysed:
        return None
    n, x, p0 = endpoint.analysed, endpoint.successes, asked.null_fraction
    possible = exact_test(n, p0, alpha=asked.significance_fraction)
    value = p_value(x, n, p0)
    trace = Trace("statistics.exact_test", TEST_VERSION, _INPUTS, demonstration=demonstration)
    rejected = None if interim else x >= possible.at_least
    return TestResult(
        null_fraction=p0,
        p_value=Quantity(value, "probability", trace),
        significance_fraction=asked.significance_fraction,
        rejected=rejected,
        reject_from=possible.at_least,
        true_significance_fraction=possible.alpha,
        sentence=_test_sentence(asked, x, n, value, possible.at_least, possible.alpha, rejected),
        alternative_fraction=asked.alternative_fraction,
    )


def _test_sentence(
    asked: EndpointTest, x: int, n: int, value: float, at_least: int, true_level: float, rejected: bool | None
) -> str:
    p0 = percent(asked.null_fraction)
    if at_least > n:
        return (
            f"Not even {n} of {n} would reject a true proportion of {p0} at the one-sided level of "
            f"{asked.significance_fraction:g}: the trial is too small for this test."
        )
    said = (
        f"If the true proportion were {p0}, {x} or more of {n} would be seen with probability {_four(value)}. The test "
        f"rejects {p0} from {at_least} of {n} on, at a true one-sided level of {_four(true_level)} (at most "
        f"{asked.significance_fraction:g} was asked for)"
    )
    if rejected is None:
        return f"{said}. Responses are still to come, so nothing is rejected or kept yet."
    if rejected:
        return f"{said}: {x} of {n} is not compatible with {p0} or less at this level."
    return f"{said}: {x} of {n} does not reach it, which is no evidence that the true proportion is {p0} or less."


def _four(probability: float) -> str:
    return "below 0.0001" if probability < 0.0001 else f"{probability:.4f}"


def posterior(
    endpoint: EndpointOutcome, plan: AnalysisPlan, demonstration: tuple[str, ...]
) -> tuple[Quantity | None, Quantity | None, Quantity | None, str]:
    """One-sided lower bound, posterior probability above the null, posterior mean with its interval, and the prior."""
    from scipy.stats import beta

    asked = plan.test
    if asked is None or not endpoint.analysed:
        return None, None, None, ""
    n, x = endpoint.analysed, endpoint.successes
    level = 1 - asked.significance_fraction
    bound = one_sided_bound(x, n, "lower", endpoint.interval_method, level)
    trace = Trace(
        f"statistics.one_sided_bound.{endpoint.interval_method}",
        PROPORTION_VERSION,
        _INPUTS,
        demonstration=demonstration,
    )
    lower = Quantity(bound, "fraction", trace, note=f"with one-sided confidence {percent(level, digits=1)}")
    before = Beta(asked.prior_successes, asked.prior_failures)
    prior = (
        f"Beta({before.a:g}, {before.b:g}): worth {before.a + before.b:g} participants, "
        f"mean {percent(before.a / (before.a + before.b))}"
    )
    bayes = Trace("statistics.beta_binomial", BAYES_VERSION, _INPUTS, demonstration=demonstration)
    above = Quantity(
        probability_above((before,), x, n, asked.null_fraction), "probability", bayes, note=f"prior {prior}"
    )
    after = updated((before,), x, n)[0]
    tail = (1 - endpoint.confidence_level) / 2
    low, high = (float(beta.ppf(share, after.a, after.b)) for share in (tail, 1 - tail))
    believed = Quantity(after.a / (after.a + after.b), "fraction", bayes, low, high, note=f"prior {prior}")
    return lower, above, believed, prior


def power_curve(n: int, plan: AnalysisPlan) -> tuple[PowerPoint, ...]:
    """Probability that the test of `n` participants rejects, by true proportion."""
    asked = plan.test
    if asked is None or not n:
        return ()
    rates = {step / 100 for step in range(_POWER_STEP_PERCENT, 100, _POWER_STEP_PERCENT)} | {asked.null_fraction}
    if asked.alternative_fraction is not None:
        rates.add(asked.alternative_fraction)
    found = exact_test(n, asked.null_fraction, alpha=asked.significance_fraction, rates=tuple(sorted(rates)))
    return tuple(PowerPoint(rate, power) for rate, power in found.power)


def flips(endpoint: EndpointOutcome, plan: AnalysisPlan, *, interim: bool) -> tuple[FlipResult, ...]:
    """The answer as it is, and with one success fewer and one more, where that can be; an interim rejects nothing."""
    n = endpoint.analysed
    if not n:
        return ()
    asked, found = plan.test, []
    for x in range(max(endpoint.successes - 1, 0), min(endpoint.successes + 1, n) + 1):
        one = proportion(x, n, endpoint.interval_method, endpoint.confidence_level)
        value = rejected = None
        if asked is not None:
            value = p_value(x, n, asked.null_fraction)
            fewest = exact_test(n, asked.null_fraction, alpha=asked.significance_fraction).at_least
            rejected = None if interim else x >= fewest
        found.append(FlipResult(x, one.estimate_fraction, one.lower_fraction, one.upper_fraction, value, rejected))
    return tuple(found)


def plain_words(
    endpoint: EndpointOutcome,
    plan: AnalysisPlan,
    tested: TestResult | None,
    power: Sequence[PowerPoint],
    flipped: Sequence[FlipResult],
    rows: Sequence[AnalysedProportion],
) -> tuple[str, ...]:
    """What this number of participants could and could not show."""
    n = endpoint.analysed
    if not n:
        return ("Nobody is analysed, so nothing could be shown.",)
    widest = proportion(n // 2, n, endpoint.interval_method, endpoint.confidence_level)
    words = [
        f"{n} participants measure a proportion coarsely: at {n // 2} of {n} the interval would reach from "
        f"{percent(widest.lower_fraction)} to {percent(widest.upper_fraction)}."
    ]
    if tested is not None and power:
        words += _power_words(n, plan, tested, power)
    if tested is not None and len({one.rejected for one in flipped}) > 1:
        words.append(
            "The answer of the test hangs on one participant: one success more or fewer would turn it. It should be "
            "read with that in mind."
        )
    words += _range_words(rows)
    words.append(
        "A single arm shows how often the outcome was seen, not how often it would have been seen without the "
        "treatment; no analysis of these data can show that."
    )
    return tuple(one for one in words if one)


def _power_words(n: int, plan: AnalysisPlan, tested: TestResult, power: Sequence[PowerPoint]) -> list[str]:
    assert plan.test is not None
    if tested.reject_from > n:
        return [tested.sentence]
    p0 = percent(tested.null_fraction)
    words = []
    likely = _told_from(tested.reject_from, n, 0.8)
    words.append(
        f"With {n} participants a true proportion would be told from {p0} with 80 % probability only if it were "
        f"{percent(likely)} or more."
    )
    wanted = plan.test.alternative_fraction
    if wanted is not None:
        chance = next(one.power_fraction for one in power if one.true_fraction == wanted)
        words.append(
            f"If the true proportion were {percent(wanted)}, {n} participants would show it with probability "
            f"{percent(chance)}, and miss it with {percent(1 - chance)}."
        )
    return words


def _told_from(at_least: int, n: int, power: float) -> float:
    """The true proportion at which `at_least` or more of `n` are seen with that probability."""
    from scipy.special import betaincinv

    return float(betaincinv(at_least, n - at_least + 1, power))


def _range_words(rows: Sequence[AnalysedProportion]) -> list[str]:
    values = [row.proportion.value for row in rows if row.kind != "interval" and row.proportion.value is not None]
    others = [row for row in rows if row.kind not in ("interval", "primary")]
    moved = [row for row in others if row.changed]
    if not values or not others:
        return []
    foreseen = (
        f"The protocol foresees {len(others)} other ways of counting; in {len(moved)} of them somebody is counted"
    )
    words = [f"{foreseen} otherwise."]
    if not moved:
        return words
    if min(values) == max(values):
        words.append("The proportion stays the same in all of them.")
    else:
        words.append(f"Over all of them the proportion lies between {percent(min(values))} and {percent(max(values))}.")
    fewest, most = min(row.analysed for row in moved), max(row.analysed for row in rows)
    if fewest < most:
        words.append(
            f"Some of these ways leave people out; the smallest counts {fewest} of {most}, and its proportion weighs "
            "accordingly little."
        )
    return words
