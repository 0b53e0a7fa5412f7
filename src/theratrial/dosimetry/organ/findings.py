"""What a linter says of an S table, and how far a table may depart from a law before it does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from theratrial.dosimetry.transport.values import SValueTable

Rule = Literal["energy", "diagonal", "reciprocity", "duplicate", "outlier", "mass_scaling", "zero", "no_mass"]
Severity = Literal["note", "suspect", "error"]

SKELETON: Final = frozenset({"red_marrow", "osteogenic_cells", "cortical_bone", "trabecular_bone", "bone", "skeleton"})
OVERLAPPING: Final = frozenset({"total_body", "osteogenic_cells"})
"""Targets that hold other targets or lie in them: counted apart in the sum of energies."""
IN_SKELETON: Final = frozenset({"red_marrow", "trabecular_bone", "cortical_bone", "osteogenic_cells"})
"""What lies in a region ``skeleton``, where a table has one."""


@dataclass(frozen=True, slots=True)
class TableFinding:
    """One thing in an S table that a law does not allow or that its neighbours do not explain."""

    rule: Rule
    severity: Severity
    target: str
    """Empty where the finding is of a whole column."""
    source: str
    got: float
    lower: float
    upper: float
    unit: str
    because: str

    def __str__(self) -> str:
        pair = f"{self.target} <- {self.source}" if self.target else f"source {self.source}"
        return (
            f"{self.severity}: {self.rule}: {pair}: got {self.got:.3g}, expected {self.lower:.3g} to "
            f"{self.upper:.3g} {self.unit}; {self.because}"
        )


@dataclass(frozen=True, slots=True)
class LinterBounds:
    """How far a table may depart from a law before it is reported; the defaults are explained in the method page.

    Parameters
    ----------
    rounding_fraction
        Relative rounding and statistics of a printed cell.
    self_electrons_at_least_fraction
        Share of the electron energy that an organ keeps; lower for organs of a few gram and energetic electrons.
    skeleton_electrons_at_least_fraction
        The same for red marrow and bone, whose electrons cross into each other.
    soft_reciprocity, lung_reciprocity, skeleton_reciprocity
        Largest ratio of ``S(a <- b)`` and ``S(b <- a)`` by what the two regions are made of.
    outlier_factor
        Largest ratio of a cell and what similar rows and columns hold.
    """

    rounding_fraction: float = 0.01
    self_electrons_at_least_fraction: float = 0.95
    skeleton_electrons_at_least_fraction: float = 0.3
    soft_reciprocity: float = 1.3
    lung_reciprocity: float = 1.5
    skeleton_reciprocity: float = 3.0
    outlier_factor: float = 30.0


UNIT: Final = "Gy/(MBq h)"

Pair = tuple[str, str]
"""``(target, source)``."""


def without_alpha(table: SValueTable, pair: Pair) -> float:
    """Electrons and photons of a pair [Gy/(MBq h)]; alpha particles stand apart."""
    value = table.values[pair]
    return value.electron_Gy_per_MBq_h + value.photon_Gy_per_MBq_h


def log_ratio(one: float, other: float) -> float:
    """How far two positive figures are apart, as the logarithm of their ratio."""
    return abs(math.log(one / other))


def graded(distance: float) -> Severity:
    """Severity of a disagreement by `log_ratio`: a note up to a factor 2, suspect up to 10."""
    return "error" if distance > math.log(10) else "suspect" if distance > math.log(2) else "note"
