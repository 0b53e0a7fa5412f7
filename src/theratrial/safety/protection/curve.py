"""The dose rate at 1 m over time as a sum of exponentials, with the curves that the readings cannot exclude."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from theratrial.errors import InputError, NumericalError

_LONGEST_h = 24.0 * 3660
_TOLERANCE_h = 1e-6


@dataclass(frozen=True, slots=True)
class Curve:
    """Sum of exponentials.

    Parameters
    ----------
    rates_uSv_per_h
        Share of each component in the dose rate at 1 m at the administration [uSv/h].
    constants_per_h
        Effective decay constant of each [1/h].
    """

    rates_uSv_per_h: tuple[float, ...]
    constants_per_h: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.constants_per_h or len(self.rates_uSv_per_h) != len(self.constants_per_h):
            raise InputError("a dose rate curve has one rate per decay constant, and at least one")
        if any(not rate >= 0 for rate in self.rates_uSv_per_h) or any(not one > 0 for one in self.constants_per_h):
            raise InputError("dose rates of a curve are not negative and its decay constants are positive")

    def rate(self, hours: float) -> float:
        """Dose rate at 1 m [uSv/h]."""
        return math.fsum(
            rate * math.exp(-constant * hours)
            for rate, constant in zip(self.rates_uSv_per_h, self.constants_per_h, strict=True)
        )

    def integral_from(self, hours: float) -> float:
        """Dose at 1 m from then to infinity [uSv]."""
        return math.fsum(
            rate * math.exp(-constant * hours) / constant
            for rate, constant in zip(self.rates_uSv_per_h, self.constants_per_h, strict=True)
        )

    def scaled(self, factor: float) -> Curve:
        """The curve with every dose rate multiplied."""
        return Curve(tuple(rate * factor for rate in self.rates_uSv_per_h), self.constants_per_h)

    @property
    def slowest_half_life_h(self) -> float:
        """Half-life of the slowest component that there is [h]."""
        present = [
            constant
            for rate, constant in zip(self.rates_uSv_per_h, self.constants_per_h, strict=True)
            if rate > 0 or len(self.rates_uSv_per_h) == 1
        ]
        return math.log(2) / min(present or self.constants_per_h)


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with the ends of its 95 % interval."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Curves:
    """The best curve and those on the edge of what the readings allow at 95 %."""

    best: Curve
    others: tuple[Curve, ...] = ()

    def interval(self, function: Callable[[Curve], float]) -> Interval:
        """A function of the curve with the least and the greatest that any of the curves gives."""
        value = function(self.best)
        found = [value, *(function(one) for one in self.others)]
        return Interval(value, min(found), max(found))

    def scaled(self, factor: float) -> Curves:
        """All curves multiplied."""
        return Curves(self.best.scaled(factor), tuple(one.scaled(factor) for one in self.others))


def earliest_h(falls: Callable[[float], float], limit: float, start_h: float = 0.0) -> float:
    """The first time from `start_h` on at which a falling function is at or below the limit [h]; never rounded down.

    Raises
    ------
    NumericalError
        It is not reached within ten years.
    """
    if falls(start_h) <= limit:
        return start_h
    low, high = start_h, start_h + 24.0
    while falls(high) > limit:
        low, high = high, start_h + 2 * (high - start_h)
        if high > _LONGEST_h:
            raise NumericalError(f"the limit of {limit:g} is not reached within ten years; check limit and dose rates")
    while high - low > _TOLERANCE_h:
        middle = (low + high) / 2
        low, high = (middle, high) if falls(middle) > limit else (low, middle)
    return high
