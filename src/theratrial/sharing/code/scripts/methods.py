"""The statistics: intervals of a proportion, Kaplan-Meier, rank correlation. Formulas with their sources."""

import math
from statistics import NormalDist

from scipy.optimize import brentq
from scipy.special import betainc, betaincinv

Interval = tuple[float | None, float | None, float | None]
"""Value, lower and upper limit."""
Step = tuple[float, int, int, int, float, float | None, float | None]
"""Time, at risk, events, censored, estimate, lower and upper limit."""


def z_of(level: float) -> float:
    """Normal quantile of a two-sided confidence level."""
    return NormalDist().inv_cdf((1 + level) / 2)


def clopper_pearson(x: int, n: int, level: float) -> tuple[float, float]:
    """Exact interval of Clopper and Pearson (Biometrika 1934;26:404)."""
    tail = (1 - level) / 2
    lower = float(betaincinv(x, n - x + 1, tail)) if x > 0 else 0.0
    upper = float(betaincinv(x + 1, n - x, 1 - tail)) if x < n else 1.0
    return lower, upper


def wilson(x: int, n: int, level: float) -> tuple[float, float]:
    """Score interval of Wilson (J Am Stat Assoc 1927;22:209)."""
    z, p = z_of(level), x / n
    middle = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    below = 1 + z * z / n
    return (0.0 if x == 0 else (middle - half) / below), (1.0 if x == n else (middle + half) / below)


def wilson_continuity(x: int, n: int, level: float) -> tuple[float, float]:
    """Score interval with continuity correction: method 4 of Newcombe (Stat Med 1998;17:857)."""
    z, p = z_of(level), x / n
    below = 2 * (n + z * z)
    lower, upper = 0.0, 1.0
    if x > 0:
        root = math.sqrt(max(0.0, z * z - 2 - 1 / n + 4 * p * (n * (1 - p) + 1)))
        lower = max(0.0, (2 * n * p + z * z - 1 - z * root) / below)
    if x < n:
        root = math.sqrt(max(0.0, z * z + 2 - 1 / n + 4 * p * (n * (1 - p) - 1)))
        upper = min(1.0, (2 * n * p + z * z + 1 + z * root) / below)
    return lower, upper


def agresti_coull(x: int, n: int, level: float) -> tuple[float, float]:
    """Interval of Agresti and Coull (Am Stat 1998;52:119), cut off at 0 and 1."""
    z = z_of(level)
    size = n + z * z
    p = (x + z * z / 2) / size
    half = z * math.sqrt(p * (1 - p) / size)
    return max(0.0, p - half), min(1.0, p + half)


def jeffreys(x: int, n: int, level: float) -> tuple[float, float]:
    """Equal tails of the posterior from Beta(1/2, 1/2); 0 for none, 1 for all (Brown et al., Stat Sci 2001;16:101)."""
    tail = (1 - level) / 2
    lower = float(betaincinv(x + 0.5, n - x + 0.5, tail)) if x > 0 else 0.0
    upper = float(betaincinv(x + 0.5, n - x + 0.5, 1 - tail)) if x < n else 1.0
    return lower, upper


def mid_p(x: int, n: int, level: float) -> tuple[float, float]:
    """Exact interval that counts the probability of what was seen half."""
    tail = (1 - level) / 2
    return _mid_p_lower(x, n, tail), 1 - _mid_p_lower(n - x, n, tail)


def _mid_p_lower(x: int, n: int, tail: float) -> float:
    if x == 0:
        return 0.0

    def above(p: float) -> float:
        at_least = float(betainc(x, n - x + 1, p))
        more = float(betainc(x + 1, n - x, p)) if x < n else 0.0
        return (at_least + more) / 2 - tail

    return float(brentq(above, 0.0, 1.0, xtol=1e-14, rtol=1e-14))


INTERVALS = {
    "clopper_pearson": clopper_pearson,
    "wilson": wilson,
    "wilson_continuity": wilson_continuity,
    "agresti_coull": agresti_coull,
    "jeffreys": jeffreys,
    "mid_p": mid_p,
}


def exact_p(x: int, n: int, null: float) -> float:
    """Probability of `x` or more of `n` if the true proportion is `null`."""
    return 1.0 if x == 0 else float(betainc(x, n - x + 1, null))


def kaplan_meier(times: list[float], had: list[bool], transform: str, level: float) -> list[Step]:
    """Steps of the product-limit estimate: (time, at risk, events, censored, survival, lower, upper).

    Kaplan and Meier, J Am Stat Assoc 1958;53:457; variance by Greenwood; the interval is symmetric on log(-log S)
    (``log_log``), log S (``log``) or S itself (``plain``). Who is censored at the time of an event was at risk for it.
    """
    z, survival, greenwood, steps = z_of(level), 1.0, 0.0, []
    for time in sorted(set(times)):
        at_risk = sum(one >= time for one in times)
        events = sum(one == time and event for one, event in zip(times, had, strict=True))
        censored = sum(one == time for one in times) - events
        survival *= (at_risk - events) / at_risk
        greenwood += events / (at_risk * (at_risk - events)) if events < at_risk else math.inf
        lower = upper = None
        if 0 < survival < 1:
            lower, upper = _limits(survival, greenwood, z, transform)
        steps.append((time, at_risk, events, censored, survival, lower, upper))
    return steps


def _limits(survival: float, greenwood: float, z: float, transform: str) -> tuple[float, float]:
    spread = z * math.sqrt(greenwood)
    if transform == "log_log":
        half = spread / abs(math.log(survival))
        return survival ** math.exp(half), survival ** math.exp(-half)
    if transform == "log":
        return survival / math.exp(spread), min(1.0, survival * math.exp(spread))
    return max(0.0, survival * (1 - spread)), min(1.0, survival * (1 + spread))


def median_of(steps: list[Step]) -> Interval:
    """(median, lower, upper) of a curve; None where the curve, or its limit, does not come down to one half.

    Brookmeyer and Crowley, Biometrics 1982;38:29. Where the curve lies at one half for a while, the middle of it.
    """
    curve = [(step[0], step[4]) for step in steps]
    lower = [(step[0], step[5]) for step in steps if step[5] is not None]
    upper = [(step[0], step[6]) for step in steps if step[6] is not None]
    return _half(curve), _half(lower), _half(upper)


def _half(curve: list[tuple[float, float]]) -> float | None:
    tie = 1.5e-8
    reached = next((time for time, value in curve if value <= 0.5 + tie), None)
    below = next((time for time, value in curve if value < 0.5 - tie), None)
    return reached if reached is None or below is None else (reached + below) / 2


def rank_correlation(x: list[float], y: list[float], level: float = 0.95) -> Interval:
    """Spearman's rho and its interval (Bonett and Wright, Psychometrika 2000;65:23); None below five pairs."""
    n = len(x)
    if n < 5 or len(set(x)) == 1 or len(set(y)) == 1:
        return None, None, None
    rho = _pearson(_ranks(x), _ranks(y))
    if abs(rho) > 1 - 1e-12:
        return rho, None, None
    half = z_of(level) * math.sqrt((1 + rho * rho / 2) / (n - 3))
    return rho, math.tanh(math.atanh(rho) - half), math.tanh(math.atanh(rho) + half)


def _ranks(values: list[float]) -> list[float]:
    return [sum(other < one for other in values) + (sum(other == one for other in values) + 1) / 2 for one in values]


def _pearson(x: list[float], y: list[float]) -> float:
    mean_x, mean_y = math.fsum(x) / len(x), math.fsum(y) / len(y)
    both = math.fsum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return both / math.sqrt(math.fsum((a - mean_x) ** 2 for a in x) * math.fsum((b - mean_y) ** 2 for b in y))
