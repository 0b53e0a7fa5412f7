"""A relative standard deviation as the sum of what contributes to it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from theratrial.errors import InputError

Z_95: Final = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """One independent input and what it does to a result.

    Parameters
    ----------
    log_slope
        Relative change of the result per relative change of the input, with sign.
    input_relative_sd
        Of the input.
    """

    name: str
    log_slope: float
    input_relative_sd: float
    why: str = ""

    def __post_init__(self) -> None:
        if not math.isfinite(self.log_slope):
            raise InputError(f"contribution {self.name}: slope {self.log_slope} is not a number")
        if not (math.isfinite(self.input_relative_sd) and self.input_relative_sd >= 0):
            raise InputError(
                f"contribution {self.name}: relative standard deviation {self.input_relative_sd} cannot be"
            )

    @property
    def relative_sd(self) -> float:
        """What the input alone does to the result."""
        return abs(self.log_slope) * self.input_relative_sd


@dataclass(frozen=True, slots=True)
class Budget:
    """A value, its relative standard deviation by contribution, and its 95 % interval.

    The contributions are independent of each other; what two steps of the chain share (the volume in activity and mass)
    is one contribution with one slope, which is how its covariance is carried. The interval is log-normal: the value is
    its median, and its lower end stays above zero however large the uncertainty.
    """

    value: float
    unit: str
    parts: tuple[Contribution, ...]
    not_in_interval: tuple[str, ...] = ()
    """Contributions whose size is not known, in words; never taken as zero silently."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and self.value > 0):
            raise InputError(f"an uncertainty budget needs a value above 0 {self.unit}, got {self.value}")
        names = [part.name for part in self.parts]
        if len(set(names)) != len(names):
            raise InputError(f"contributions stand twice in a budget: {', '.join(names)}")

    @property
    def relative_sd(self) -> float:
        """Root of the sum of squares of the contributions."""
        return math.hypot(*(part.relative_sd for part in self.parts))

    @property
    def sd(self) -> float:
        """Standard deviation to first order, in the unit of the value."""
        return self.value * self.relative_sd

    @property
    def log_sd(self) -> float:
        """Standard deviation of the logarithm of a log-normal value with this relative standard deviation."""
        return math.sqrt(math.log1p(self.relative_sd**2))

    @property
    def lower(self) -> float:
        """Lower 95 % end."""
        return self.value * math.exp(-Z_95 * self.log_sd)

    @property
    def upper(self) -> float:
        """Upper 95 % end."""
        return self.value * math.exp(Z_95 * self.log_sd)

    def contributions(self) -> dict[str, float]:
        """Name -> share of the variance, largest first; they sum to 1, or all are 0 where nothing is uncertain."""
        total = math.fsum(part.relative_sd**2 for part in self.parts)
        shares = {part.name: part.relative_sd**2 / total if total > 0 else 0.0 for part in self.parts}
        return dict(sorted(shares.items(), key=lambda item: -item[1]))

    def without(self, name: str) -> float:
        """Relative standard deviation if this contribution were gone: what perfecting it would bring."""
        if name not in {part.name for part in self.parts}:
            has = ", ".join(part.name for part in self.parts)
            raise InputError(f"the budget has no contribution {name!r}; it has {has}")
        return math.hypot(*(part.relative_sd for part in self.parts if part.name != name))
