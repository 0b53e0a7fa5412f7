"""The whole chain from outline and counts to dose, with what its steps share carried once (EANM 2018)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from theratrial.dosimetry.uncertainty.budget import Budget, Contribution
from theratrial.dosimetry.uncertainty.recovery import NO_RECOVERY, RecoveryAtVolume
from theratrial.dosimetry.uncertainty.volume import blurred_sphere_recovery, counts_log_slope, volume_relative_sd
from theratrial.errors import InputError

VERSION: Final = "1"
VOLUME: Final = "volume"

ELECTRON_EXPONENT: Final = 1.0
"""``S`` goes as ``m ** -1`` for electrons that stop in the region, 2/3 for its own photons, 0 for cross dose."""


@dataclass(frozen=True, slots=True)
class RegionUncertainty:
    """What is known of the errors of one region in one session, as relative standard deviations.

    Parameters
    ----------
    volume_relative_sd
        Of the outline's volume (`volume_relative_sd`, or that of repeated drawing); None means not known.
    counts_log_slope
        Change of the counts with the volume (`counts_log_slope`) where one outline serves all scans. 0 where each
        scan is outlined anew: then its effect on counts belongs to `fit`, as an error of each point.
    recovery
        Coefficient at the volume with its slope and the curve's own uncertainty; `NO_RECOVERY` where none is applied.
    calibration_relative_sd
        Of the camera's calibration factor, shared by all scans; None means not known.
    counting_relative_sd
        Of the counts of one scan, for the activity.
    fit_relative_sd
        Of the time-integrated activity from the points' independent errors (`fitted_tia_relative_sd`); None: not known.
    model_relative_sd
        For kinetics that the scan times cannot see; None means not known.
    s_exponent
        ``c2`` of ``S = c1 m ** -c2`` at the region's mass.
    s_relative_sd
        Of ``S`` at a given mass (table statistics, fit of ``c1`` and ``c2``); None means not known.
    density_relative_sd
        Of the density that turns volume into mass; None means not known.
    """

    volume_relative_sd: float | None
    counts_log_slope: float
    recovery: RecoveryAtVolume
    calibration_relative_sd: float | None
    counting_relative_sd: float | None
    fit_relative_sd: float | None
    model_relative_sd: float | None
    s_exponent: float = ELECTRON_EXPONENT
    s_relative_sd: float | None = None
    density_relative_sd: float | None = None

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if name.endswith("relative_sd") and value is not None and not (math.isfinite(value) and value >= 0):
                raise InputError(f"{name} must be a relative standard deviation of 0 or more, got {value}")
        if not (math.isfinite(self.counts_log_slope) and math.isfinite(self.s_exponent)):
            raise InputError("slopes of counts and of S must be numbers")

    @property
    def activity_volume_slope(self) -> float:
        """``d ln A / d ln V``: more counts in a larger outline, less correction for a larger region."""
        return self.counts_log_slope - self.recovery.log_slope

    @property
    def dose_volume_slope(self) -> float:
        """``d ln D / d ln V``: that of the activity less what the larger mass takes away."""
        return self.activity_volume_slope - self.s_exponent


def region_uncertainty(
    volume_mL: float,
    *,
    outline_spacing_mm: Sequence[float],
    outline_fwhm_mm: float,
    activity_fwhm_mm: float,
    recovery: RecoveryAtVolume,
    calibration_relative_sd: float | None,
    counting_relative_sd: float | None,
    fit_relative_sd: float | None,
    model_relative_sd: float | None,
    s_exponent: float = ELECTRON_EXPONENT,
    s_relative_sd: float | None = None,
    density_relative_sd: float | None = None,
    independent_outlines: int = 1,
) -> RegionUncertainty:
    """What is known of a region from how it was seen: its volume, the two resolutions, and the sds of the other steps.

    Parameters
    ----------
    outline_spacing_mm, outline_fwhm_mm
        ``(dz, dy, dx)`` and resolution of the images that the outline was drawn on [mm].
    activity_fwhm_mm
        Resolution of the activity images [mm].
    recovery
        As applied. `NO_RECOVERY`: what the outline holds is then that of a blurred sphere, for the slope of the counts
        only.
    independent_outlines
        1: one outline for all scans. More: each scan has its own; their mean volume is better known, and what an edge
        does to the counts of its scan (`counts_log_slope` times `volume_relative_sd`) belongs to the points of the fit.

    Raises
    ------
    InputError
        If a value is out of range.
    """
    if independent_outlines < 1:
        raise InputError(f"a region has at least one outline, got {independent_outlines}")
    seen = blurred_sphere_recovery(volume_mL, activity_fwhm_mm) if recovery == NO_RECOVERY else recovery.recovery
    size = volume_relative_sd(volume_mL, outline_spacing_mm, outline_fwhm_mm) / math.sqrt(independent_outlines)
    return RegionUncertainty(
        volume_relative_sd=size,
        counts_log_slope=counts_log_slope(volume_mL, activity_fwhm_mm, seen) if independent_outlines == 1 else 0.0,
        recovery=recovery,
        calibration_relative_sd=calibration_relative_sd,
        counting_relative_sd=counting_relative_sd,
        fit_relative_sd=fit_relative_sd,
        model_relative_sd=model_relative_sd,
        s_exponent=s_exponent,
        s_relative_sd=s_relative_sd,
        density_relative_sd=density_relative_sd,
    )


@dataclass(frozen=True, slots=True)
class ChainUncertainty:
    """Budgets of activity at a scan, time-integrated activity and absorbed dose of one region."""

    activity: Budget
    time_integrated_activity: Budget
    absorbed_dose: Budget
    relative_covariance_tia_s: float | None
    """``u(TIA, S) / (TIA S)``: negative where a larger outline gives more activity and a smaller S; None: not known."""


_Term = tuple[str, float, float | None, str]


def _budget(value: float, unit: str, terms: list[_Term], also_missing: tuple[str, ...]) -> Budget:
    return Budget(
        value,
        unit,
        tuple(Contribution(name, slope, sd, why) for name, slope, sd, why in terms if sd is not None),
        (
            *(f"uncertainty of {name.replace('_', ' ')} (not known)" for name, _, sd, _ in terms if sd is None),
            *also_missing,
        ),
    )


def chain_uncertainty(
    known: RegionUncertainty,
    *,
    activity_MBq: float,
    time_integrated_activity_MBq_h: float,
    absorbed_dose_Gy: float,
) -> ChainUncertainty:
    """Standard deviation, 95 % interval and contributions of the three results of a region.

    First order in independent inputs. Volume acts in counts, recovery and mass at once: one contribution with the sum
    of its slopes, which equals the covariance terms ``u(C, R)``, ``u(V, R)`` and ``u(TIA, S)`` of the guidance.
    Calibration, recovery curve and volume are common to all scans and stand outside the fit.

    Raises
    ------
    InputError
        If a value is not positive; a dose of nothing has no relative uncertainty.

    References
    ----------
    Gear JI et al., EANM practical guidance on uncertainty analysis, Eur J Nucl Med Mol Imaging 2018;45:2456.

    Examples
    --------
    One outline, half of the edge's counts, no recovery, electrons: 12 % in volume does 6 % to activity and 6 % to dose.

    >>> from theratrial.dosimetry.uncertainty.recovery import NO_RECOVERY
    >>> known = RegionUncertainty(0.12, 0.5, NO_RECOVERY, 0.05, 0.01, 0.03, 0.0)
    >>> chain = chain_uncertainty(known, activity_MBq=100, time_integrated_activity_MBq_h=7000, absorbed_dose_Gy=2)
    >>> [round(budget.relative_sd, 4) for budget in (chain.activity, chain.absorbed_dose)]
    [0.0787, 0.0837]
    >>> round(chain.relative_covariance_tia_s, 6)  # 0.5 * -1 * 0.12 ** 2
    -0.0072
    """
    camera: list[_Term] = [
        ("calibration", 1.0, known.calibration_relative_sd, "shared by all scans"),
        ("recovery_curve", 1.0, known.recovery.curve_relative_sd, "fit of the curve, at this volume"),
    ]
    size = known.volume_relative_sd
    outline: _Term = (VOLUME, known.activity_volume_slope, size, "edge of the outline, in counts and recovery")
    activity: list[_Term] = [
        outline,
        *camera,
        ("counts", 1.0, known.counting_relative_sd, "of one scan"),
    ]
    kinetics: list[_Term] = [
        *camera,
        ("fit", 1.0, known.fit_relative_sd, "independent errors of the points"),
        ("model", 1.0, known.model_relative_sd, "kinetics that the scans cannot see"),
    ]
    tia: list[_Term] = [outline, *kinetics]
    dose: list[_Term] = [
        (VOLUME, known.dose_volume_slope, size, "edge of the outline, in counts, recovery and mass"),
        *kinetics,
        ("s_value", 1.0, known.s_relative_sd, "S at a given mass"),
        ("density", -known.s_exponent, known.density_relative_sd, "from volume to mass"),
    ]
    lost = (
        ("activity blurred over the edge of the region (no recovery applied)",) if known.recovery == NO_RECOVERY else ()
    )
    return ChainUncertainty(
        activity=_budget(activity_MBq, "MBq", activity, lost),
        time_integrated_activity=_budget(time_integrated_activity_MBq_h, "MBq h", tia, lost),
        absorbed_dose=_budget(absorbed_dose_Gy, "Gy", dose, lost),
        relative_covariance_tia_s=None if size is None else -known.s_exponent * known.activity_volume_slope * size**2,
    )
