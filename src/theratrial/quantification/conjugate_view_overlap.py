"""How overlapping regions are shared out, and what is then known of each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from theratrial.errors import InputError

OverlapRule = Literal["thickness", "expected", "consistent"]
"""A pixel's counts go to its regions in proportion to their attenuated thickness times a concentration: the same for
all (``thickness``), given ones (``expected``), or those the method itself finds (``consistent``)."""
_CONCENTRATION_SD: Final[dict[str, float]] = {"thickness": 1.0, "expected": 0.3, "consistent": 0.1}


@dataclass(frozen=True, slots=True)
class OverlapPlan:
    """How overlapping regions are shared out, and how well that is known.

    Parameters
    ----------
    edge_fraction
        A pixel belongs to a region where its projection is at least that share of its highest.
    relative_sd
        Of concentrations [fraction]. Under ``thickness`` and ``expected``: how far a region's concentration may lie
        from the one assumed (1 and 0.3 unless stated). Under ``consistent``: how uneven a neighbour is within itself,
        over patches of `patch_mm` (0.1 unless stated).
    expected
        Region -> concentration in any one unit, for the rule ``expected``.
    largest_relative_sd
        A region whose counts are less certain than that is undetermined.
    """

    rule: OverlapRule = "consistent"
    edge_fraction: float = 0.1
    relative_sd: float | None = None
    patch_mm: float = 30.0
    expected: Mapping[str, float] = field(default_factory=dict)
    largest_relative_sd: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.edge_fraction < 1 or self.patch_mm <= 0 or self.largest_relative_sd <= 0:
            raise InputError("edge fraction lies between 0 and 1; patch and largest standard deviation are positive")
        if self.relative_sd is not None and not (math.isfinite(self.relative_sd) and self.relative_sd >= 0):
            raise InputError(f"relative standard deviation {self.relative_sd} of the concentrations cannot be")
        if any(not (math.isfinite(v) and v >= 0) for v in self.expected.values()):
            raise InputError("expected concentrations are not negative")

    @property
    def concentration_sd(self) -> float:
        """`relative_sd`, or that of the rule."""
        return _CONCENTRATION_SD[self.rule] if self.relative_sd is None else self.relative_sd


@dataclass(frozen=True, slots=True)
class RegionCounts:
    """What both heads hold of a region, and what was taken off; pairs are (anterior, posterior) counts."""

    name: str
    net: tuple[float, float]
    net_sd: tuple[float, float]
    background: tuple[float, float]
    background_sd: tuple[float, float]
    overlap_sd: tuple[float, float]
    scatter: tuple[float, float]
    """Scatter taken off in its pixels less that taken off with the background: what an error of scatter acts on."""
    dead_time_relative_sd: tuple[float, float]
    model_mm: tuple[float, float]
    """Attenuated thickness of the region summed over its pixels."""
    mean_path: float
    where: str
    """Of the background."""
    reason: str = ""
    """Why it is undetermined; empty where it is not."""

    @property
    def level(self) -> float:
        """Geometric mean of both heads: counts per mm of the region without attenuation, 0 where it has none."""
        (a, p), (ka, kp) = self.net, self.model_mm
        return math.sqrt(a * p / (ka * kp)) if min(a, p, ka, kp) > 0 else 0.0


def doubt_of(
    name: str,
    net: tuple[float, float],
    net_sd: tuple[float, float],
    ground: tuple[float, float],
    ground_sd: tuple[float, float],
    overlap_sd: tuple[float, float],
    largest: float,
) -> str:
    """Why a region is undetermined; empty where it is not."""
    for view, counts, taken in zip(("anterior", "posterior"), net, ground, strict=True):
        if counts <= 0:
            return (
                f"region {name!r}: its background of {taken:.0f} counts exceeds what the {view} view holds there (net "
                f"{counts:.0f}) -> undetermined by this route, not zero; use SPECT/CT"
            )
    parts = {
        "counts": 0.5 * math.hypot(*(s / n for s, n in zip(net_sd, net, strict=True))),
        "background": 0.5 * sum(s / n for s, n in zip(ground_sd, net, strict=True)),
        "overlap": 0.5 * sum(s / n for s, n in zip(overlap_sd, net, strict=True)),
    }
    if math.hypot(*parts.values()) > largest:
        worst = max(parts, key=lambda key: parts[key])
        return (
            f"region {name!r}: its counts are known to {math.hypot(*parts.values()):.0%} only, mostly for {worst} "
            f"({parts[worst]:.0%}); allowed is {largest:.0%} -> undetermined by this route; use SPECT/CT"
        )
    return ""
