"""What a recovery curve and its fit do to the uncertainty of an activity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from theratrial.errors import InputError
from theratrial.quantification.recovery import Recovery


@dataclass(frozen=True, slots=True)
class RecoveryAtVolume:
    """A recovery coefficient at a region's volume, as plain numbers whatever the form of the curve.

    Parameters
    ----------
    recovery
        Coefficient that the measured activity is divided by.
    log_slope
        ``d ln R / d ln V`` at the volume: positive, larger for small regions.
    curve_relative_sd
        Of the coefficient from the curve's own parameters; None means not known.
    """

    recovery: float
    log_slope: float
    curve_relative_sd: float | None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.recovery) and self.recovery > 0):
            raise InputError(f"recovery coefficient must be above 0, got {self.recovery}")
        if not math.isfinite(self.log_slope):
            raise InputError(f"slope of the recovery curve {self.log_slope} is not a number")
        sd = self.curve_relative_sd
        if sd is not None and not (math.isfinite(sd) and sd >= 0):
            raise InputError(f"relative standard deviation of the recovery curve {sd} cannot be")


def recovery_at(found: Recovery) -> RecoveryAtVolume:
    """A recovery of `theratrial.quantification.recovery` as the chain needs it.

    Raises
    ------
    InputError
        If it is undetermined: the reason is the recovery's own.
    """
    if found.recovery is None:
        raise InputError(found.note)
    return RecoveryAtVolume(found.recovery, found.dln_recovery_dln_volume, found.relative_sd)


NO_RECOVERY = RecoveryAtVolume(1.0, 0.0, 0.0)
"""Where no recovery is applied: the activity is divided by 1 exactly; that it should have been is another matter."""


def quadratic_form(gradient: Sequence[float], covariance: Sequence[Sequence[float]]) -> float:
    """``g^T V g``: variance of a function of fitted parameters to first order.

    Raises
    ------
    InputError
        If the shapes do not fit, or the matrix is not a covariance (not symmetric, or a negative variance).
    """
    slope, matrix = np.asarray(gradient, dtype=np.float64), np.asarray(covariance, dtype=np.float64)
    if matrix.shape != (slope.size, slope.size) or not np.isfinite(matrix).all():
        raise InputError(
            f"{slope.size} parameters need a covariance of {slope.size} x {slope.size}, got {matrix.shape}"
        )
    scale = float(np.abs(matrix).max(initial=0.0))
    if not np.allclose(matrix, matrix.T, rtol=1e-6, atol=1e-9 * scale):
        raise InputError("a covariance matrix is symmetric; this one is not")
    if scale > 0 and float(np.linalg.eigvalsh((matrix + matrix.T) / 2).min()) < -1e-6 * scale:
        raise InputError("a covariance matrix has no negative variance in any direction; this one has")
    return max(float(slope @ matrix @ slope), 0.0)


def logistic_recovery(
    volume_mL: float, b1_mL: float, b2: float, covariance: Sequence[Sequence[float]] | None
) -> RecoveryAtVolume:
    """``R(V) = 1 - 1 / (1 + (V / b1)^b2)`` at a volume, with its slope and what the fit leaves open.

    Parameters
    ----------
    covariance
        Of ``(b1 [mL], b2)`` from the phantom fit; None means not known.

    Raises
    ------
    InputError
        If a parameter is not positive or the covariance is none.

    References
    ----------
    Gear JI et al., Eur J Nucl Med Mol Imaging 2018;45:2456.

    Examples
    --------
    >>> at = logistic_recovery(10.0, 5.0, 1.0, None)
    >>> round(at.recovery, 6), round(at.log_slope, 6)
    (0.666667, 0.333333)
    """
    for what, value in (("volume", volume_mL), ("b1", b1_mL), ("b2", b2)):
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"recovery curve: {what} must be above 0, got {value}")
    recovery = 1 / (1 + (b1_mL / volume_mL) ** b2)
    left = 1 - recovery
    relative_sd = None
    if covariance is not None:
        # Gradient of ln R: d/db1 = -b2 (1 - R) / b1, d/db2 = ln(V / b1) (1 - R).
        gradient = (-b2 * left / b1_mL, math.log(volume_mL / b1_mL) * left)
        relative_sd = math.sqrt(quadratic_form(gradient, covariance))
    return RecoveryAtVolume(recovery, b2 * left, relative_sd)
