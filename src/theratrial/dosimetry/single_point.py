"""Time-integrated activity from one scan and a half-life that others have seen (docs/methods/time_activity.md)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from theratrial.dosimetry.curve import Determinacy
from theratrial.dosimetry.exponentials import Exponential, SumOfExponentials
from theratrial.dosimetry.plan import DosePlan, checked_relative_sd
from theratrial.dosimetry.points import TimeActivityPoint
from theratrial.dosimetry.time_integrated import Z_95, TimeIntegratedActivity, common_relative_sd, stated
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import Nuclide, nuclide_name

VERSION: Final = "1"
_LARGEST_EXPONENT: Final = 600.0
HANSCHEID_WINDOW: Final = (0.75, 2.5)
"""In effective half-lives: where the rule's own error stays between -11.6 % and +6.2 %."""
_HANSCHEID_ERROR: Final = (2 * 2.5 / 2**2.5, 2 / (math.e * math.log(2)))
"""Rule over true value: least (at 2.5 half-lives) and largest (at 1/ln 2 half-lives) within the window."""

Window = Literal["inside", "outside", "not known"]


@dataclass(frozen=True, slots=True)
class PopulationHalfLife:
    """Effective half-life of a region in others, and where it was read.

    Parameters
    ----------
    effective_half_life_h
        Physical decay included; median of a log-normal population [h].
    relative_sd
        Between patients; None: not stated.
    source
        Publication or cohort.
    """

    effective_half_life_h: float
    relative_sd: float | None
    source: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.effective_half_life_h) and self.effective_half_life_h > 0):
            raise InputError(f"effective half-life must be above 0 h, got {self.effective_half_life_h}")
        if self.relative_sd is not None:
            checked_relative_sd(self.relative_sd, "relative_sd of the population half-life")
        if not self.source:
            raise InputError("a population half-life names its source")


@dataclass(frozen=True, slots=True)
class SinglePointEstimate:
    """A time-integrated activity that rests on one scan: its interval holds only if the assumption does."""

    point: TimeActivityPoint
    time_integrated_activity_MBq_h: float
    lower_MBq_h: float
    upper_if_assumption_holds_MBq_h: float
    window: Window
    """Whether the scan lies where the method holds; for the 2t rule from 0.75 to 2.5 effective half-lives."""
    kinetics: SumOfExponentials | None
    """The exponential assumed; None for the 2t rule, which names none."""
    tia: TimeIntegratedActivity
    """As it goes on to the dose: state ``single_point``, without upper end, since one scan bounds nothing."""


def _require_nuclide(point: TimeActivityPoint, nuclide: Nuclide) -> None:
    if point.nuclide and nuclide_name(point.nuclide) != nuclide.name:
        raise InputError(
            f"the scan at {point.hours_after_administration:.4g} h is of {point.nuclide}, "
            f"the dose is asked for {nuclide.name}"
        )
    if point.activity_MBq == 0:
        raise InputError(
            f"no activity found at {point.hours_after_administration:.4g} h; one scan of nothing says nothing"
        )


def _require_possible(expected: PopulationHalfLife, nuclide: Nuclide) -> None:
    if expected.effective_half_life_h > nuclide.half_life_h * (1 + 1e-9):
        raise InputError(
            f"effective half-life {expected.effective_half_life_h:.4g} h ({expected.source}) exceeds the physical one "
            f"of {nuclide.name}, {nuclide.half_life_h:.4g} h; give the effective half-life for this nuclide"
        )


def hanscheid(
    point: TimeActivityPoint,
    nuclide: Nuclide,
    plan: DosePlan,
    *,
    administered_activity_MBq: float,
    expected: PopulationHalfLife | None = None,
) -> SinglePointEstimate:
    """``A(t) t 2 / ln 2``: the time-integrated activity from one scan near one to two effective half-lives.

    Assumes one exponential from administration on whose effective half-life T is not known but for ``0.75 T <= t <=
    2.5 T``. There ``2^(t/T) T`` is ``2 t`` within -10.8 % to +6.2 % and -11.6 %, being exact at ``t = T`` and
    ``t = 2 T``. Whether the scan lies in that window is judged by `expected`; without it the window is not known.

    Parameters
    ----------
    expected
        Effective half-life to judge the window by; its spread does not enter the value.

    Raises
    ------
    InputError
        If the point is at 0 h, has no activity or is of another nuclide, or `expected` exceeds physical decay.

    References
    ----------
    Hänscheid H et al. J Nucl Med 2018;59:75.

    Examples
    --------
    >>> from theratrial.nuclides import nuclide
    >>> plan = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.9, model_relative_sd=0.0)
    >>> kidney = PopulationHalfLife(50.0, 0.15, "this example")
    >>> found = hanscheid(TimeActivityPoint(96, 50.0, 0.05), nuclide("Lu-177"), plan,
    ...                   administered_activity_MBq=7400, expected=kidney)
    >>> found.window, round(found.time_integrated_activity_MBq_h)
    ('inside', 13850)
    """
    _require_nuclide(point, nuclide)
    hours = point.hours_after_administration
    if hours <= 0:
        raise InputError("the 2t rule needs a scan after administration, got one at 0 h")
    value = point.activity_MBq * hours * 2 / math.log(2)
    window: Window = "not known"
    said = "whether the scan lies within 0.75 to 2.5 effective half-lives is not known: no expected half-life was given"
    if expected is not None:
        _require_possible(expected, nuclide)
        half_lives = hours / expected.effective_half_life_h
        low, high = HANSCHEID_WINDOW
        window = "inside" if low * (1 - 1e-9) <= half_lives <= high * (1 + 1e-9) else "outside"
        said = (
            f"the scan is at {half_lives:.2f} effective half-lives ({expected.effective_half_life_h:.4g} h, "
            f"{expected.source}), {window} the window of 0.75 to 2.5"
        )
    common = common_relative_sd((point,), plan) or 0.0
    log_sd = math.hypot(point.uncorrelated_relative_sd, common, plan.model_relative_sd)
    # The rule's own error is no noise: its extremes widen the interval as they are.
    ends = (
        value / _HANSCHEID_ERROR[1] * math.exp(-Z_95 * log_sd),
        value / _HANSCHEID_ERROR[0] * math.exp(Z_95 * log_sd),
    )
    return _estimate(
        point,
        nuclide,
        plan,
        administered_activity_MBq,
        value=value,
        ends=ends,
        log_sd=log_sd,
        window=window,
        kinetics=None,
        method="dosimetry.hanscheid",
        because=f"one scan, by the 2t rule; {said}",
        inputs={}
        if expected is None
        else {"expected_half_life": f"given:{expected.effective_half_life_h!r} h, {expected.source}"},
        not_in_interval=() if window == "inside" else ("error of the 2t rule outside its window (not known)",),
    )


def population_single_point(
    point: TimeActivityPoint,
    nuclide: Nuclide,
    plan: DosePlan,
    *,
    administered_activity_MBq: float,
    population: PopulationHalfLife,
) -> SinglePointEstimate:
    """``A(t) 2^(t/T) T / ln 2`` with the effective half-life T of a population.

    Assumes one exponential from administration on with the population's half-life, log-normal between patients. The
    value is least sensitive to T where ``t = T / ln 2``; elsewhere the interval grows with the stated spread.

    Raises
    ------
    InputError
        If the point has no activity or is of another nuclide, or the half-life exceeds physical decay.
    NumericalError
        If the scan is so many half-lives late that the activity at administration is beyond the range of numbers.

    References
    ----------
    Madsen MT et al. Med Phys 2018;45:2318.

    Examples
    --------
    >>> from theratrial.nuclides import nuclide
    >>> plan = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.9, model_relative_sd=0.0)
    >>> found = population_single_point(TimeActivityPoint(50, 50.0, 0.05), nuclide("Lu-177"), plan,
    ...     administered_activity_MBq=7400, population=PopulationHalfLife(50.0, 0.15, "this example"))
    >>> round(found.time_integrated_activity_MBq_h, 1)
    7213.5
    """
    _require_nuclide(point, nuclide)
    _require_possible(population, nuclide)
    hours, physical = point.hours_after_administration, nuclide.decay_constant_per_h
    rate = math.log(2) / population.effective_half_life_h
    spread = Z_95 * (population.relative_sd or 0.0)
    if rate * math.exp(spread) * hours > _LARGEST_EXPONENT:
        raise NumericalError(
            f"a scan at {hours:.4g} h is {hours / population.effective_half_life_h:.0f} half-lives of "
            f"{population.source} late; nothing can be said of the activity at administration"
        )

    def log_value(clearance: float) -> float:
        return math.log(point.activity_MBq) + clearance * hours - math.log(clearance)

    low, high = max(rate * math.exp(-spread), physical), rate * math.exp(spread)
    inside = min(max(1 / hours if hours > 0 else high, low), high)
    best = log_value(rate)
    down, up = best - log_value(inside), max(log_value(low), log_value(high)) - best
    common = common_relative_sd((point,), plan) or 0.0
    scale = math.hypot(point.uncorrelated_relative_sd, common, plan.model_relative_sd)
    ends = math.exp(best - math.hypot(Z_95 * scale, down)), math.exp(best + math.hypot(Z_95 * scale, up))
    return _estimate(
        point,
        nuclide,
        plan,
        administered_activity_MBq,
        value=math.exp(best),
        ends=ends,
        log_sd=math.hypot(scale, (hours * rate - 1) * (population.relative_sd or 0.0)),
        window="inside",
        kinetics=SumOfExponentials((Exponential(point.activity_MBq * math.exp(rate * hours), rate),)),
        method="dosimetry.population_single_point",
        because=f"one scan, with {population.effective_half_life_h:.4g} h effective half-life from {population.source}",
        inputs={"population_half_life": f"given:{population.effective_half_life_h!r} h, {population.source}"},
        not_in_interval=("spread of the population half-life (not known)",) if population.relative_sd is None else (),
    )


def _estimate(
    point: TimeActivityPoint,
    nuclide: Nuclide,
    plan: DosePlan,
    administered_activity_MBq: float,
    *,
    value: float,
    ends: tuple[float, float],
    log_sd: float,
    window: Window,
    kinetics: SumOfExponentials | None,
    method: str,
    because: str,
    inputs: dict[str, str],
    not_in_interval: tuple[str, ...],
) -> SinglePointEstimate:
    shares: tuple[float | None, float | None] = (None, None)
    if kinetics is not None:
        after = math.exp(-kinetics.terms[0].effective_per_h * point.hours_after_administration)
        shares = 1 - after, after
    tia = stated(
        (point,),
        nuclide,
        plan,
        administered_activity_MBq=administered_activity_MBq,
        value_MBq_h=value,
        ends_MBq_h=(ends[0], math.inf, math.inf),
        log_sd=log_sd,
        shares=shares,
        determinacy=Determinacy.SINGLE_POINT,
        because=because,
        method=method,
        version=VERSION,
        inputs=inputs,
        not_in_interval=not_in_interval,
        assumptions=(because,),
    )
    return SinglePointEstimate(point, value, ends[0], ends[1], window, kinetics, tia)
