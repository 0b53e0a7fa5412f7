"""A relative standard deviation as the sum of what contributes to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
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


SHARED_BY_SESSIONS: Final = frozenset({"calibration", "recovery_curve", "model", "s_value", "density"})
"""Contributions that are wrong alike in every session of a patient; volume, counts and fit are made anew each time."""


def summed(budgets: Sequence[Budget], shared: frozenset[str] = SHARED_BY_SESSIONS) -> Budget:
    """The sum of a quantity over sessions: shared contributions add up, the others in quadrature.

    Assumes that a shared contribution is fully correlated. Where one outline serves all sessions, the volume is shared
    too.

    Raises
    ------
    InputError
        If there is none, or the units differ.

    Examples
    --------
    >>> one = Budget(2.0, "Gy", (Contribution("calibration", 1.0, 0.05), Contribution("fit", 1.0, 0.08)))
    >>> [round(part.relative_sd, 4) for part in summed([one, one, one, one]).parts]
    [0.05, 0.04]
    """
    if len({budget.unit for budget in budgets}) != 1:
        raise InputError("a sum needs at least one budget, all of one unit")
    total = math.fsum(budget.value for budget in budgets)
    names = dict.fromkeys(part.name for budget in budgets for part in budget.parts)
    parts = []
    for name in names:
        own = [b.value * p.log_slope * p.input_relative_sd for b in budgets for p in b.parts if p.name == name]
        spread = abs(math.fsum(own)) if name in shared else math.hypot(*own)
        why = "shared by the sessions" if name in shared else "each session its own"
        parts.append(Contribution(name, 1.0, spread / total, why))
    missing = dict.fromkeys(text for budget in budgets for text in budget.not_in_interval)
    return Budget(total, budgets[0].unit, tuple(parts), tuple(missing))
