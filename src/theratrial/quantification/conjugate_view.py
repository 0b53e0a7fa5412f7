"""The conjugate-view formula of MIRD pamphlet 16, and the counts of one head made ready for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import EnergyWindow, FloatArray
from theratrial.quantification.camera_dead_time import DeadTime, row_rates_cps
from theratrial.quantification.camera_timing import ScanTiming
from theratrial.quantification.scatter import ScatterPlan, primary_counts


def self_attenuation_factor(mu_per_mm: float, thickness_mm: float) -> float:
    """``f = (mu t / 2) / sinh(mu t / 2)`` of a source that is a uniform slab of that thickness.

    Examples
    --------
    >>> round(self_attenuation_factor(0.0135, 100.0), 4)
    0.9279
    """
    half = mu_per_mm * thickness_mm / 2
    if half < 0:
        raise InputError(f"mu {mu_per_mm} per mm and thickness {thickness_mm} mm cannot be")
    return half / math.sinh(half) if half > 0 else 1.0


def conjugate_view_activity_MBq(
    anterior_cps: float,
    posterior_cps: float,
    *,
    body_path: float,
    self_attenuation: float,
    cps_per_MBq: float,
    region: str = "source",
) -> float:
    """``A = sqrt(I_A I_P / exp(-mu_e t)) f / C`` [MBq].

    Assumes net rates (scatter and background taken off), parallel heads, and a source uniform along the view.

    Parameters
    ----------
    anterior_cps, posterior_cps
        Net rates of the region [cps].
    body_path
        ``mu_e t`` through the whole body at the region (dimensionless).
    self_attenuation
        `self_attenuation_factor` of the source.
    cps_per_MBq
        Sensitivity in air.

    Raises
    ------
    NumericalError
        If a net rate is not above zero: there is no activity to state, and none is not zero.

    References
    ----------
    Siegel JA et al., MIRD pamphlet no. 16, J Nucl Med 1999;40:37S-61S.

    Examples
    --------
    100 MBq in the middle of 200 mm of water at 208 keV, thin, 6 cps/MBq: each head sees 600 exp(-1.351) = 155.4 cps.

    >>> round(conjugate_view_activity_MBq(155.4, 155.4, body_path=2.702, self_attenuation=1, cps_per_MBq=6.0), 2)
    100.01
    """
    if not (anterior_cps > 0 and posterior_cps > 0):
        raise NumericalError(
            f"region {region!r}: net {anterior_cps:.3g} cps from the front and {posterior_cps:.3g} cps from the back; "
            "both must be above zero -> its activity is undetermined, not zero"
        )
    return math.sqrt(anterior_cps * posterior_cps * math.exp(body_path)) * self_attenuation / cps_per_MBq


def geometric_mean(anterior: FloatArray, posterior: FloatArray) -> FloatArray:
    """Pixel-wise ``sqrt(A P)`` for pictures and registration; zero where either is not above zero.

    Not for activities: where counts are few, the mean of roots lies below the root of means.
    """
    return np.sqrt(np.maximum(anterior, 0) * np.maximum(posterior, 0))


@dataclass(frozen=True, slots=True, eq=False)
class HeadCounts:
    """Photopeak counts of one head without scatter and dead-time losses, ``(ny, nx)``; pixels may be negative."""

    primary: FloatArray
    variance: FloatArray
    scatter: FloatArray
    dead_time_relative_sd: FloatArray
    """``(ny,)``."""
    highest_factor: float
    """Of the dead time, over all rows; 1 where none was corrected."""
    rule: str


def head_counts(
    counts: FloatArray,
    windows: Sequence[EnergyWindow],
    *,
    photopeak: int,
    scatter: ScatterPlan,
    timing: ScanTiming,
    row_spacing_mm: float,
    dead_time: DeadTime | None,
    total_spectrum_cps: float | None = None,
) -> HeadCounts:
    """One head's counts ``(nwindow, ny, nx)`` made ready for the conjugate view.

    Scatter is taken off first; all windows lose the same share to dead time, so the factor acts on the difference.

    Parameters
    ----------
    total_spectrum_cps
        Highest rate of the whole spectrum as a person read it, needed where the dead time belongs to it.

    Raises
    ------
    InputError
        If a rate is beyond the range of the dead time, or the rate it needs is not known.
    """
    clean = primary_counts(counts, windows, photopeak=photopeak, plan=scatter)
    ny = counts.shape[1]
    factors, sds = np.ones(ny), np.zeros(ny)
    if dead_time is not None:
        if dead_time.rate_of == "total spectrum":
            if total_spectrum_cps is None:
                raise InputError(
                    "the dead time belongs to the rate of the total spectrum, which the image does not hold -> state "
                    "it, or give a dead time for the acquired windows"
                )
            rates = np.full(ny, total_spectrum_cps)
        else:
            seen = counts.sum(axis=0) if dead_time.rate_of == "all windows" else counts[photopeak]
            rates = row_rates_cps(
                seen, timing.dwell_s, row_spacing_mm=row_spacing_mm, field_of_view_mm=timing.field_of_view_mm
            )
        factors = np.array([dead_time.factor(float(rate)) for rate in rates])
        sds = np.array([dead_time.factor_relative_sd(float(rate)) for rate in rates])
    column = factors[:, None].astype(np.float32)
    return HeadCounts(
        clean.primary * column,
        clean.variance * column**2,
        clean.scatter * column,
        sds.astype(np.float32),
        float(factors.max()),
        clean.rule,
    )
