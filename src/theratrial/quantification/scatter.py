"""Scatter in the photopeak from the windows beside it: triple and dual energy window, with their noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from theratrial.errors import InputError
from theratrial.imaging.values import EnergyWindow, FloatArray

ScatterMethod = Literal["triple", "dual", "none"]
_TOUCH_keV: Final = 1.0
OVER_SUBTRACTED_SD: Final = 3.0


@dataclass(frozen=True, slots=True)
class ScatterPlan:
    """How scatter is taken off the photopeak.

    Parameters
    ----------
    method
        ``triple``: half the sum of what both neighbours say per keV, times the width of the photopeak (a straight line
        under the peak). ``dual``: `k` times the lower window. ``none``: nothing is taken off, and attenuation must then
        be an effective one.
    k
        Factor on the estimate; 1 for the triple-window line, about 0.5 by Jaszczak for a lower window as he took it,
        measured at the site for any other.
    relative_sd
        Of the estimated scatter itself, beyond its counting noise [fraction]: the spectrum under the peak is no
        straight line.
    """

    method: ScatterMethod
    k: float
    relative_sd: float
    source: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.k) and self.k > 0):
            raise InputError(f"scatter factor k is {self.k}; a positive number is needed")
        if not 0 <= self.relative_sd < 1:
            raise InputError(f"relative standard deviation {self.relative_sd} of the scatter; allowed is 0 to below 1")


TRIPLE_WINDOW: Final = ScatterPlan("triple", 1.0, 0.1, "given:triple energy window, scatter taken as known to 10 %")


@dataclass(frozen=True, slots=True, eq=False)
class PrimaryCounts:
    """Photopeak counts less scatter ``(ny, nx)``.

    Negative pixels stay negative: where nothing is, the estimate scatters about zero, and to clip it would add counts
    to every region whose sum holds such pixels.
    """

    primary: FloatArray
    variance: FloatArray
    """Of `primary`, by Poisson statistics of every window."""
    scatter: FloatArray
    rule: str

    def over_subtracted(self, weights: FloatArray) -> bool:
        """Whether the sum over a region ``(ny, nx)`` is below zero by more than three standard deviations."""
        total = float(np.sum(self.primary * weights, dtype=np.float64))
        sd = math.sqrt(float(np.sum(self.variance * weights**2, dtype=np.float64)))
        return total < -OVER_SUBTRACTED_SD * sd


def primary_counts(
    counts: FloatArray, windows: Sequence[EnergyWindow], *, photopeak: int, plan: ScatterPlan
) -> PrimaryCounts:
    """Counts of one view without scatter.

    Parameters
    ----------
    counts
        ``(nwindow, ny, nx)`` as acquired.
    windows
        Their limits; those that touch the photopeak window within 1 keV are its neighbours.
    photopeak
        Index of the photopeak window.

    Raises
    ------
    InputError
        If a window the method needs is absent or states no limits.

    References
    ----------
    Ogawa K et al., IEEE Trans Med Imaging 1991;10:408-412 (triple). Jaszczak RJ et al., J Nucl Med 1984;25:893-900
    (dual). docs/methods/planar_activity.md.
    """
    if counts.shape[0] != len(windows) or not 0 <= photopeak < len(windows):
        raise InputError(f"{counts.shape[0]} images, {len(windows)} windows, photopeak number {photopeak}: do not fit")
    peak = counts[photopeak].astype(np.float64)
    if plan.method == "none":
        zero = np.zeros_like(peak)
        return _primary(peak, peak, zero, "no scatter taken off")
    low_keV, high_keV = _limits(windows[photopeak], "photopeak")
    low = _neighbour(windows, photopeak, low_keV, "lower")
    width = high_keV - low_keV
    if plan.method == "dual":
        below = counts[low].astype(np.float64)
        return _primary(peak - plan.k * below, peak + plan.k**2 * below, plan.k * below, f"dual window, k {plan.k:g}")
    high = _neighbour(windows, photopeak, high_keV, "upper")
    share_low, share_high = (
        plan.k * width / (2 * (b - a)) for a, b in (_limits(windows[low], "lower"), _limits(windows[high], "upper"))
    )
    below, above = counts[low].astype(np.float64), counts[high].astype(np.float64)
    scatter = share_low * below + share_high * above
    variance = peak + share_low**2 * below + share_high**2 * above
    rule = f"triple window, k {plan.k:g}, {share_low:.4g} of the lower and {share_high:.4g} of the upper"
    return _primary(peak - scatter, variance, scatter, rule)


def _primary(primary: np.ndarray, variance: np.ndarray, scatter: np.ndarray, rule: str) -> PrimaryCounts:
    return PrimaryCounts(primary.astype(np.float32), variance.astype(np.float32), scatter.astype(np.float32), rule)


def _limits(window: EnergyWindow, what: str) -> tuple[float, float]:
    if window.lower_keV is None or window.upper_keV is None or window.upper_keV <= window.lower_keV:
        raise InputError(
            f"the {what} window {window.name!r} states no limits, so that its width is not known -> export it with "
            "EnergyWindowRangeSequence"
        )
    return window.lower_keV, window.upper_keV


def _neighbour(windows: Sequence[EnergyWindow], photopeak: int, edge_keV: float, side: str) -> int:
    for number, window in enumerate(windows):
        touching = window.upper_keV if side == "lower" else window.lower_keV
        if number != photopeak and touching is not None and abs(touching - edge_keV) <= _TOUCH_keV:
            return number
    held = ", ".join(f"{w.name} {w.lower_keV}-{w.upper_keV} keV" for w in windows)
    raise InputError(
        f"no {side} scatter window touches the photopeak at {edge_keV:g} keV; the image holds {held} -> acquire it, or "
        "take no scatter off and use an effective attenuation"
    )
