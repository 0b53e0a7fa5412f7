"""Uncertainty of a region's volume from how finely its edge can be seen, and what it does to the counts inside."""

from __future__ import annotations

import math
from collections.abc import Sequence

from theratrial.errors import InputError

_SIGMA_PER_FWHM = 1 / (2 * math.sqrt(2 * math.log(2)))


def _positive(value: float, what: str) -> float:
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{what} must be above 0, got {value}")
    return value


def equivalent_diameter_mm(volume_mL: float) -> float:
    """Diameter of the sphere of this volume [mm].

    Examples
    --------
    >>> round(equivalent_diameter_mm(33.510321638), 6)
    40.0
    """
    return (6 * _positive(volume_mL, "volume [mL]") * 1000 / math.pi) ** (1 / 3)


def diameter_sd_mm(spacing_mm: float, fwhm_mm: float) -> float:
    """Standard deviation of a diameter between two edges [mm]: ``sqrt(a^2 / 6 + FWHM^2 / (4 ln 2))``.

    Each edge lies anywhere in its voxel (variance ``a^2 / 12``) and is blurred by the resolution (``sigma^2``); the two
    edges of a diameter are independent.

    References
    ----------
    Gear JI et al., Eur J Nucl Med Mol Imaging 2018;45:2456.
    """
    _positive(spacing_mm, "voxel spacing [mm]")
    if not (math.isfinite(fwhm_mm) and fwhm_mm >= 0):
        raise InputError(f"resolution FWHM must not be negative, got {fwhm_mm} mm")
    return math.sqrt(spacing_mm**2 / 6 + 2 * (fwhm_mm * _SIGMA_PER_FWHM) ** 2)


def volume_relative_sd(volume_mL: float, spacing_mm: Sequence[float], fwhm_mm: float) -> float:
    """Relative standard deviation of the volume of a drawn region: ``3 u(d) / d`` for its equivalent sphere.

    Assumes a compact region. ``3 u(d) / d`` takes the three diameters as wrong together, as an operator or a threshold
    makes them; for anisotropic voxels the mean of the three ``u(d)`` is used.

    Parameters
    ----------
    spacing_mm
        ``(dz, dy, dx)`` of the images that the region was drawn on [mm].
    fwhm_mm
        Spatial resolution of *those* images: of CT where the outline is from CT, of SPECT where it is from SPECT [mm].

    Raises
    ------
    InputError
        If a value is out of range.

    References
    ----------
    Gear JI et al., Eur J Nucl Med Mol Imaging 2018;45:2456.

    Examples
    --------
    A 40 mm sphere, 4 mm voxels, 10 mm resolution: u(d) = sqrt(16/6 + 100/2.7726) = 6.224 mm.

    >>> round(volume_relative_sd(33.510321638, (4.0, 4.0, 4.0), 10.0), 4)
    0.4668
    """
    if len(spacing_mm) != 3:
        raise InputError(f"voxel spacing has three numbers (dz, dy, dx) in mm, got {len(spacing_mm)}")
    deviations = [diameter_sd_mm(spacing, fwhm_mm) for spacing in spacing_mm]
    return math.fsum(deviations) / equivalent_diameter_mm(volume_mL)


def edge_density_fraction(volume_mL: float, fwhm_mm: float) -> float:
    """Count density at the true edge of a blurred uniform sphere, over that of the sphere unblurred; near a half.

    ``erf(2r/(sigma sqrt 2)) / 2 - sigma / (r sqrt(2 pi)) (1 - exp(-2 r^2 / sigma^2))``, with cold surroundings.

    Parameters
    ----------
    fwhm_mm
        Resolution of the *activity* image [mm].

    References
    ----------
    Gear JI et al., Eur J Nucl Med Mol Imaging 2018;45:2456.
    """
    radius = equivalent_diameter_mm(volume_mL) / 2
    if not (math.isfinite(fwhm_mm) and fwhm_mm >= 0):
        raise InputError(f"resolution FWHM must not be negative, got {fwhm_mm} mm")
    sigma = fwhm_mm * _SIGMA_PER_FWHM
    if sigma == 0:
        return 0.5
    blurred = math.erf(2 * radius / (sigma * math.sqrt(2))) / 2
    return blurred + sigma / (radius * math.sqrt(2 * math.pi)) * math.expm1(-2 * (radius / sigma) ** 2)


def blurred_sphere_recovery(volume_mL: float, fwhm_mm: float) -> float:
    """Share of the activity of a uniform sphere that its own outline holds once blurred, in cold surroundings.

    The overlap of the sphere with itself, shifted by what the blur shifts: what `counts_log_slope` needs where no
    recovery was measured. Not a correction for an activity: a measured curve is.

    Examples
    --------
    >>> blurred_sphere_recovery(30.0, 0.0), round(blurred_sphere_recovery(1e6, 10.0), 2)
    (1.0, 0.99)
    """
    radius = equivalent_diameter_mm(volume_mL) / 2
    if not (math.isfinite(fwhm_mm) and fwhm_mm >= 0):
        raise InputError(f"resolution FWHM must not be negative, got {fwhm_mm} mm")
    if fwhm_mm == 0:
        return 1.0
    # Shifts in units of sigma sqrt 2, up to the sphere's diameter; moments of order 2, 3 and 5 of exp(-u^2).
    reach = math.sqrt(2) * radius / (fwhm_mm * _SIGMA_PER_FWHM)
    tail = math.exp(-(reach**2))
    second = math.sqrt(math.pi) / 4 * math.erf(reach) - reach * tail / 2
    third = (1 - (1 + reach**2) * tail) / 2
    fifth = 1 - (1 + reach**2 + reach**4 / 2) * tail
    return 4 / math.sqrt(math.pi) * (second - 3 / 2 * third / reach + fifth / (2 * reach**3))


def counts_log_slope(volume_mL: float, fwhm_mm: float, recovery: float) -> float:
    """Relative change of the counts in a region per relative change of its volume.

    Moving the edge takes in counts at the density found there: edge density over mean density, ``phi / (2 R)``.

    Parameters
    ----------
    recovery
        Share of the region's activity that its outline holds on the activity image (0 to about 1).

    Raises
    ------
    InputError
        If a value is out of range.
    """
    return edge_density_fraction(volume_mL, fwhm_mm) / _positive(recovery, "recovery coefficient")
