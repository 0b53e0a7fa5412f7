"""A sum of exponentials: the one form in which a time-activity curve of known kinetics is handed on."""

from __future__ import annotations

import math
from dataclasses import dataclass

from theratrial.errors import InputError


@dataclass(frozen=True, slots=True)
class Exponential:
    """``activity_MBq * exp(-effective_per_h * t)``; the coefficient is negative for uptake.

    Parameters
    ----------
    activity_MBq
        Coefficient at administration [MBq].
    effective_per_h
        Effective decay constant, physical decay included, positive [1/h].
    """

    activity_MBq: float
    effective_per_h: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.activity_MBq):
            raise InputError(f"coefficient {self.activity_MBq} MBq of an exponential is not a number")
        if not (math.isfinite(self.effective_per_h) and self.effective_per_h > 0):
            raise InputError(f"effective decay constant must be above 0 per hour, got {self.effective_per_h}")


@dataclass(frozen=True, slots=True)
class SumOfExponentials:
    """Activity of a region over time [MBq], from administration (0 h) on.

    Examples
    --------
    >>> curve = SumOfExponentials((Exponential(100.0, 0.01), Exponential(-100.0, 0.1)))
    >>> curve.activity_MBq(0.0), round(curve.time_integrated_activity_MBq_h, 6)
    (0.0, 9000.0)
    """

    terms: tuple[Exponential, ...]

    def __post_init__(self) -> None:
        if not self.terms:
            raise InputError("a sum of exponentials has at least one term")

    def activity_MBq(self, hours: float) -> float:
        """Activity `hours` after administration [MBq]."""
        return math.fsum(term.activity_MBq * math.exp(-term.effective_per_h * hours) for term in self.terms)

    @property
    def time_integrated_activity_MBq_h(self) -> float:
        """From administration to infinity [MBq h]."""
        return math.fsum(term.activity_MBq / term.effective_per_h for term in self.terms)

    def between_MBq_h(self, start_h: float, end_h: float) -> float:
        """Time-integrated activity from `start_h` to `end_h` (may be ``inf``) after administration [MBq h]."""
        return math.fsum(
            term.activity_MBq
            / term.effective_per_h
            * (math.exp(-term.effective_per_h * start_h) - math.exp(-term.effective_per_h * end_h))
            for term in self.terms
        )

    def times(self, factor: float) -> SumOfExponentials:
        """The same curve times a factor."""
        return SumOfExponentials(tuple(Exponential(t.activity_MBq * factor, t.effective_per_h) for t in self.terms))
