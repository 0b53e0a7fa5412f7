"""Recovery: what share of its own activity a region keeps in a blurred image. Method: docs/methods/recovery.md."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import Region
from theratrial.trace import Trace, bytes_hash

Floats = NDArray[np.float64]

METHOD: Final = "quantification.recovery"
VERSION: Final = "1"

FULL_RECOVERY: Final = 0.98
"""A curve that reaches this at its largest sphere is taken as 1 beyond it; a lower curve ends at its largest sphere."""
_FEWEST_POINTS: Final = 3
_HIGHEST_RECOVERY: Final = 1.3
"""Points above 1 occur (noise, edges enhanced by resolution recovery); far above 1 the calibration is wrong."""
_SAME_VOLUME: Final = 1e-3
"""Relative: a sphere read back from voxels is still inside the measured range."""


@dataclass(frozen=True, slots=True)
class RecoveryPoint:
    """One measured sphere: activity in its outline over the activity filled, and how well that is known.

    Parameters
    ----------
    volume_mL
        Of the sphere.
    recovery
        Activity measured within the sphere's own outline over its true activity.
    relative_sd
        Relative standard deviation of `recovery`; positive, because it is the point's weight.
    """

    volume_mL: float
    recovery: float
    relative_sd: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.volume_mL) and self.volume_mL > 0):
            raise InputError(f"recovery point: volume is {self.volume_mL} mL; it must be positive")
        if not (math.isfinite(self.recovery) and 0 < self.recovery <= _HIGHEST_RECOVERY):
            raise InputError(
                f"recovery point of {self.volume_mL:g} mL: recovery is {self.recovery}; allowed is 0 to "
                f"{_HIGHEST_RECOVERY} -> check the activity filled and the calibration"
            )
        if not (math.isfinite(self.relative_sd) and 0 < self.relative_sd < 1):
            raise InputError(
                f"recovery point of {self.volume_mL:g} mL: relative standard deviation is {self.relative_sd}; it is a "
                "fraction between 0 and 1 -> state it from filling, counts and repeated measurements"
            )


@dataclass(frozen=True, slots=True)
class Recovery:
    """The recovery of one volume by one curve.

    Parameters
    ----------
    recovery
        None where it is undetermined; `note` then says why.
    relative_sd
        Relative standard deviation from the fit; of the volume nothing is in it (see `dln_recovery_dln_volume`).
    dln_recovery_dln_volume
        d ln RC / d ln V, for the covariance of activity and mass through the volume.
    lower, upper
        What recovery must lie between, because it grows with volume; 0 and 1 where nothing else is known.
    """

    volume_mL: float
    recovery: float | None
    relative_sd: float
    dln_recovery_dln_volume: float
    lower: float
    upper: float
    note: str

    def __post_init__(self) -> None:
        if self.recovery is None and not self.note:
            raise ValueError("an undetermined recovery says why")


@dataclass(frozen=True, slots=True)
class RecoveryCurve:
    """Recovery by volume of one camera, nuclide and reconstruction: the measured spheres and the curve through them.

    ``RC(V) = 1 - 1 / (1 + (V / beta)^gamma)``; `covariance` is that of ``(ln beta, gamma)``, row by row.
    """

    curve_id: str
    camera: str
    nuclide: str
    reconstruction: str
    points: tuple[RecoveryPoint, ...]
    beta_mL: float
    gamma: float
    covariance: tuple[tuple[float, float], tuple[float, float]]
    reduced_chi_squared: float
    trace: Trace

    @property
    def smallest_mL(self) -> float:
        """Volume of the smallest sphere [mL]."""
        return min(point.volume_mL for point in self.points)

    @property
    def largest_mL(self) -> float:
        """Volume of the largest sphere [mL]."""
        return max(point.volume_mL for point in self.points)

    def fitted(self, volume_mL: float) -> float:
        """The fitted curve at a volume, wherever it lies; for figures. Use `at` for a region."""
        return float(_logistic(np.array([volume_mL]), math.log(self.beta_mL), self.gamma)[0])

    @property
    def trace_input(self) -> str:
        """How a `Trace` names it."""
        return f"{self.trace.inputs['points']}#{self.curve_id}"

    def of(self, region: Region) -> Recovery:
        """Recovery of a region by its volume, as if it were a sphere."""
        return self.at(region.volume_mL)

    def at(self, volume_mL: float) -> Recovery:
        """Recovery of a region of that volume, undetermined outside the measured spheres.

        Assumes that the region is a sphere in a cold surrounding, as the phantom's; anything else loses more
        (`docs/methods/recovery.md` has numbers).

        Raises
        ------
        InputError
            If the volume is not a positive number.
        """
        if not (math.isfinite(volume_mL) and volume_mL > 0):
            raise InputError(f"recovery of a volume of {volume_mL} mL cannot be; the region needs a volume")
        small, large = self.smallest_mL, self.largest_mL
        if volume_mL < small * (1 - _SAME_VOLUME):
            return self._undetermined(volume_mL, 0.0, min(self.fitted(small), 1.0), f"below the smallest, {small:g} mL")
        if volume_mL > large * (1 + _SAME_VOLUME):
            reached = self.fitted(large)
            if reached < FULL_RECOVERY:
                return self._undetermined(volume_mL, reached, 1.0, f"above the largest, {large:g} mL ({reached:.3f})")
            # Anything between what was reached and 1 is as likely: the standard deviation of a uniform distribution.
            spread = math.hypot((1 - reached) / math.sqrt(3), self._relative_sd(large))
            note = f"taken as 1: {volume_mL:g} mL is above the largest sphere, where the curve reached {reached:.3f}"
            return Recovery(volume_mL, 1.0, spread, 0.0, reached, 1.0, note)
        found = self.fitted(volume_mL)
        slope = self.gamma * (1 - found)
        return Recovery(volume_mL, found, self._relative_sd(volume_mL), slope, found, found, "")

    def _undetermined(self, volume_mL: float, lower: float, upper: float, where: str) -> Recovery:
        note = (
            f"recovery of {volume_mL:.3g} mL is undetermined: the spheres of curve {self.curve_id} do not reach it "
            f"({where}); it lies between {lower:.3f} and {upper:.3f} -> measure a sphere of that size"
        )
        return Recovery(volume_mL, None, 0.0, 0.0, lower, upper, note)

    def _relative_sd(self, volume_mL: float) -> float:
        found = self.fitted(volume_mL)
        gradient = _gradient(np.array([volume_mL]), math.log(self.beta_mL), self.gamma)[0]
        variance = float(gradient @ np.array(self.covariance) @ gradient)
        return math.sqrt(max(variance, 0.0)) / found


def _logistic(volume_mL: Floats, ln_beta: float, gamma: float) -> Floats:
    exponent = np.clip(gamma * (np.log(volume_mL) - ln_beta), -500, 500)
    return np.asarray(1 / (1 + np.exp(-exponent)))


def _gradient(volume_mL: Floats, ln_beta: float, gamma: float) -> Floats:
    """Derivatives by (ln beta, gamma), ``(n, 2)``."""
    recovery = _logistic(volume_mL, ln_beta, gamma)
    both = recovery * (1 - recovery)
    return np.column_stack([-gamma * both, (np.log(volume_mL) - ln_beta) * both])


def recovery_curve(
    points: Sequence[RecoveryPoint], *, curve_id: str, camera: str, nuclide: str, reconstruction: str
) -> RecoveryCurve:
    """The logistic curve through measured spheres, by weighted least squares.

    The covariance of the parameters is that of the stated standard deviations, enlarged by the reduced chi squared
    where the points scatter more than they should (never made smaller).

    Parameters
    ----------
    points
        At least three spheres of different volumes.
    curve_id
        Name under which the trial files it.
    camera, nuclide, reconstruction
        What the curve holds for; images made otherwise need another curve.

    Raises
    ------
    InputError
        If there are fewer than three volumes.
    NumericalError
        If recovery does not grow with volume.

    References
    ----------
    Gear JI et al., EANM practical guidance on uncertainty analysis for molecular radiotherapy absorbed dose
    calculations, Eur J Nucl Med Mol Imaging 2018;45:2456-2474.

    Examples
    --------
    >>> volumes = (0.5, 1.15, 2.57, 5.58, 11.5, 26.5)
    >>> exact = [RecoveryPoint(v, 1 - 1 / (1 + (v / 4.0) ** 0.8), 0.05) for v in volumes]
    >>> curve = recovery_curve(exact, curve_id="C1", camera="CAM1", nuclide="Lu-177", reconstruction="OSEM 10i10s")
    >>> round(curve.beta_mL, 4), round(curve.gamma, 4)
    (4.0, 0.8)
    >>> at_beta = curve.at(4.0)
    >>> round(at_beta.recovery, 4), round(at_beta.dln_recovery_dln_volume, 4)
    (0.5, 0.4)
    """
    from scipy.optimize import least_squares

    ordered = tuple(sorted(points, key=lambda point: (point.volume_mL, point.recovery)))
    distinct = len({point.volume_mL for point in ordered})
    if distinct < _FEWEST_POINTS:
        raise InputError(
            f"recovery curve {curve_id!r}: {distinct} volume(s) measured; a curve of two parameters with a check of "
            f"its form needs at least {_FEWEST_POINTS} -> measure more spheres"
        )
    volume = np.array([point.volume_mL for point in ordered])
    measured = np.array([point.recovery for point in ordered])
    sd = measured * np.array([point.relative_sd for point in ordered])
    # The logit of the points is a straight line in ln V: a start from which the fit cannot miss.
    inner = np.clip(measured, 0.02, 0.98)
    slope, level = np.polyfit(np.log(volume), np.log(inner / (1 - inner)), 1)
    if slope <= 0:
        raise NumericalError(
            f"recovery curve {curve_id!r}: recovery does not grow with volume "
            f"({', '.join(f'{p.volume_mL:g} mL {p.recovery:.3g}' for p in ordered)}) -> check the order of the spheres"
        )
    fit = least_squares(
        lambda q: (_logistic(volume, q[0], q[1]) - measured) / sd,
        [-level / slope, slope],
        jac=lambda q: _gradient(volume, q[0], q[1]) / sd[:, None],
        bounds=([-50.0, 1e-3], [50.0, 20.0]),
        xtol=1e-12,
        ftol=1e-12,
        gtol=1e-12,
    )
    ln_beta, gamma = (float(v) for v in fit.x)
    freedom = len(ordered) - 2
    reduced = float(2 * fit.cost / freedom)
    information = fit.jac.T @ fit.jac
    if not fit.success or not np.isfinite(information).all() or np.linalg.cond(information) > 1e12:
        raise NumericalError(
            f"recovery curve {curve_id!r}: the points do not fix both parameters of the curve (beta "
            f"{math.exp(ln_beta):g} mL, gamma {gamma:g}) -> measure spheres on the rising part of the curve"
        )
    covariance = np.linalg.inv(information) * max(1.0, reduced)
    text = ";".join(f"{p.volume_mL!r},{p.recovery!r},{p.relative_sd!r}" for p in ordered)
    return RecoveryCurve(
        curve_id=curve_id,
        camera=camera,
        nuclide=nuclide,
        reconstruction=reconstruction,
        points=ordered,
        beta_mL=math.exp(ln_beta),
        gamma=gamma,
        covariance=(
            (float(covariance[0, 0]), float(covariance[0, 1])),
            (float(covariance[1, 0]), float(covariance[1, 1])),
        ),
        reduced_chi_squared=reduced,
        trace=Trace(METHOD, VERSION, {"points": bytes_hash(text.encode()), "curve": f"given:{curve_id}"}),
    )


@dataclass(frozen=True, slots=True)
class Background:
    """Activity concentration around a region, taken as uniform [Bq/mL], and its relative standard deviation."""

    activity_Bq_per_mL: float
    relative_sd: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.activity_Bq_per_mL) and self.activity_Bq_per_mL >= 0):
            raise InputError(f"background of {self.activity_Bq_per_mL} Bq/mL cannot be; give 0 for a cold surrounding")
        if not 0 <= self.relative_sd < 1:
            raise InputError(f"background: relative standard deviation is {self.relative_sd}; it is below 1")


@dataclass(frozen=True, slots=True)
class RecoveredActivity:
    """Activity after recovery, with what it is sensitive to.

    `recovery_relative_sd` and `background_relative_sd` are contributions to the relative standard deviation of the
    activity; `measured_sensitivity` is d ln A / d ln A_measured (1 without background, above 1 with it);
    `dln_activity_dln_volume` is the change by the volume used for the correction, at fixed measured activity.
    """

    activity_MBq: float
    recovery: Recovery
    measured_sensitivity: float
    dln_activity_dln_volume: float
    recovery_relative_sd: float
    background_relative_sd: float
    assumption: Literal["cold surrounding", "uniform background"]


def recovered_activity(
    activity_MBq: float, recovery: Recovery, *, background: Background | None = None, region: str = "region"
) -> RecoveredActivity:
    """True activity of a region from what was measured inside its outline.

    Without background ``A = A_measured / RC``. In a uniform background of concentration b, what spills in is
    ``(1 - RC) b V``, because the blurred whole of space is uniform; so ``A = (A_measured - (1 - RC) b V) / RC``. It is
    exact for any shape whose own RC is used; a sphere's RC for another shape is an assumption.

    Raises
    ------
    NumericalError
        If the recovery is undetermined, or the background explains more than was measured.

    Examples
    --------
    Half is recovered; 10 MBq were seen in 100 mL, of which (1 - 0.5) x 20 kBq/mL x 100 mL = 1 MBq came from outside:

    >>> half = Recovery(100.0, 0.5, 0.05, 0.3, 0.5, 0.5, "")
    >>> recovered_activity(10.0, half).activity_MBq
    20.0
    >>> recovered_activity(10.0, half, background=Background(20e3, 0.1)).activity_MBq
    18.0
    """
    share = recovery.recovery
    if share is None:
        raise NumericalError(f"region {region}: {recovery.note}")
    outside_MBq = 0.0 if background is None else background.activity_Bq_per_mL * recovery.volume_mL * 1e-6
    net = activity_MBq - (1 - share) * outside_MBq
    if not net > 0:
        raise NumericalError(
            f"region {region}: {activity_MBq:.4g} MBq measured, but the background alone would spill "
            f"{(1 - share) * outside_MBq:.4g} MBq into it -> give a background measured beside the region"
        )
    true = net / share
    # dA/dRC = -(A_measured - bV) / RC^2; with V also in bV: dA/dV = dA/dRC dRC/dV - (1 - RC) b / RC.
    by_recovery = -(activity_MBq - outside_MBq) / (share * true)
    by_background = -(1 - share) * outside_MBq / (share * true)
    return RecoveredActivity(
        activity_MBq=true,
        recovery=recovery,
        measured_sensitivity=activity_MBq / (share * true),
        dln_activity_dln_volume=by_recovery * recovery.dln_recovery_dln_volume + by_background,
        recovery_relative_sd=abs(by_recovery) * recovery.relative_sd,
        background_relative_sd=0.0 if background is None else abs(by_background) * background.relative_sd,
        assumption="cold surrounding" if background is None else "uniform background",
    )
