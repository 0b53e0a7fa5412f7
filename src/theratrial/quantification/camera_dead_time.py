"""Dead time of a gamma camera: the paralysable model, solved on its low branch, inside the range where it holds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.special import lambertw

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import FloatArray

RateOf = Literal["all windows", "photopeak", "total spectrum"]
_NEAR_THE_TOP: Final = 0.9
"""Of the highest rate the model can observe, 1 / (e tau): nearer to it the slope dn/dm has no use."""


@dataclass(frozen=True, slots=True)
class DeadTime:
    """Paralysable dead time of one head, ``m = n exp(-n tau)``.

    Parameters
    ----------
    tau_s
        Dead time per event [s].
    relative_sd
        Of `tau_s` [fraction].
    highest_observed_cps
        Observed rate up to which the measurement of `tau_s` reached [cps]; beyond it nothing is corrected.
    rate_of
        Which rate `tau_s` belongs to: the sum of the acquired windows, the photopeak alone, or the whole spectrum,
        which an image does not hold and a person must state.
    """

    tau_s: float
    relative_sd: float
    highest_observed_cps: float
    rate_of: RateOf
    source: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.tau_s) and self.tau_s > 0 and 0 <= self.relative_sd < 1):
            raise InputError(
                f"dead time {self.tau_s} s with relative standard deviation {self.relative_sd} cannot be; give both "
                "from the decaying-source or two-source measurement"
            )
        top = 1 / (math.e * self.tau_s)
        if not 0 < self.highest_observed_cps <= _NEAR_THE_TOP * top:
            raise InputError(
                f"dead time {self.tau_s} s: highest observed rate {self.highest_observed_cps:g} cps; allowed is above "
                f"0 and at most 0.9 / (e tau) = {_NEAR_THE_TOP * top:.6g} cps -> a paralysable camera shows no more"
            )

    def true_cps(self, observed_cps: float) -> float:
        """Rate without dead time [cps] of an observed one, on the low branch: ``n = -W0(-m tau) / tau``.

        Raises
        ------
        InputError
            If the rate is negative or beyond the range in which the model was checked.

        Examples
        --------
        A camera of 2 us that would count 50 000 cps observes 50 000 exp(-0.1) = 45 242:

        >>> camera = DeadTime(2e-6, 0.1, 100_000, "all windows", "given:example")
        >>> round(camera.true_cps(45241.87))
        50000
        """
        if not (math.isfinite(observed_cps) and observed_cps >= 0):
            raise InputError(f"an observed rate of {observed_cps} cps cannot be")
        if observed_cps > self.highest_observed_cps:
            raise InputError(
                f"observed rate {observed_cps:.0f} cps is above {self.highest_observed_cps:.0f} cps, up to which the "
                "dead time of this camera was measured -> use a later scan, a narrower window or another collimator, "
                "or measure the dead time to higher rates"
            )
        return float(-lambertw(-observed_cps * self.tau_s, k=0).real / self.tau_s)

    def factor(self, observed_cps: float) -> float:
        """True over observed rate; at least 1."""
        return self.true_cps(observed_cps) / observed_cps if observed_cps > 0 else 1.0

    def factor_relative_sd(self, observed_cps: float) -> float:
        """Relative standard deviation of `factor` from that of tau: ``n tau / (1 - n tau)`` times it."""
        load = self.true_cps(observed_cps) * self.tau_s
        return load / (1 - load) * self.relative_sd


def two_source_tau_s(first_cps: float, second_cps: float, together_cps: float, background_cps: float = 0.0) -> float:
    """Dead time [s] from two sources counted alone and together (paralysable model).

    Assumes sources of about equal strength. It solves ``n1 + n2 = n12`` for the rates without dead time.

    Raises
    ------
    NumericalError
        If the three rates show no loss, so that no dead time follows from them.

    References
    ----------
    Sorenson JA. Methods of correcting Anger camera deadtime losses. J Nucl Med 1976;17:137-141.
    """
    one, two, both = (v - background_cps for v in (first_cps, second_cps, together_cps))
    if min(one, two, both) <= 0 or both >= one + two:
        raise NumericalError(
            f"two sources of {one:g} and {two:g} cps gave {both:g} cps together: no loss, hence no dead time -> use "
            "stronger sources"
        )

    def excess(tau: float) -> float:
        return float(sum(s * -lambertw(-v * tau, k=0).real for s, v in ((1, one), (1, two), (-1, both))))

    # Sum of the singles exceeds the pair until tau is right; the top of the low branch bounds tau from above.
    low, high = 0.0, (1 - 1e-12) / (math.e * both)
    if excess(high) > 0:
        raise NumericalError("no dead time on the low branch fits the three rates -> use weaker sources")
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2


def row_rates_cps(
    counts: FloatArray, dwell_s: float, *, row_spacing_mm: float, field_of_view_mm: float | None
) -> FloatArray:
    """Mean observed rate [cps] of one head while each row ``(ny,)`` was in its field of view.

    Assumes that every row was seen for `dwell_s`. In a whole-body scan the field of view slides over the body: the head
    counts what lies in it, and a row shares the mean of that over the time it is inside (two running means). None as
    `field_of_view_mm` is a static view, in which all rows are counted at once.

    Parameters
    ----------
    counts
        ``(ny, nx)`` of the windows the dead time belongs to, added.
    """
    rows = counts.sum(axis=1, dtype=np.float64) / dwell_s
    if field_of_view_mm is None or field_of_view_mm >= row_spacing_mm * len(rows):
        return np.full(len(rows), rows.sum(), dtype=np.float32)
    width = max(1, round(field_of_view_mm / row_spacing_mm))
    seen = uniform_filter1d(rows, width, mode="constant") * width
    return uniform_filter1d(seen, width, mode="nearest").astype(np.float32)
