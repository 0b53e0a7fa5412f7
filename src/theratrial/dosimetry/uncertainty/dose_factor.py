"""``S = c1 m ** -c2``: how an S value depends on mass, from a table of spheres or from the parts of a dose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from theratrial.dosimetry.organ.dose import OrganDose
from theratrial.dosimetry.uncertainty.recovery import quadratic_form
from theratrial.errors import InputError


@dataclass(frozen=True, slots=True)
class DoseFactor:
    """A power law through S values, with the covariance of ``(ln c1, c2)`` from its scatter."""

    c1_Gy_per_MBq_h: float
    """S at 1 g."""
    c2: float
    covariance: tuple[tuple[float, float], tuple[float, float]]

    def s_value_Gy_per_MBq_h(self, mass_g: float) -> float:
        """S at a mass [Gy/(MBq h)]."""
        return self.c1_Gy_per_MBq_h * _mass(mass_g) ** -self.c2

    def relative_sd(self, mass_g: float) -> float:
        """Of S at a given mass, from the fit: ``g = (1, -ln m)``."""
        return math.sqrt(quadratic_form((1.0, -math.log(_mass(mass_g))), self.covariance))


def _mass(mass_g: float) -> float:
    if not (math.isfinite(mass_g) and mass_g > 0):
        raise InputError(f"mass must be above 0 g, got {mass_g}")
    return mass_g


def fitted_dose_factor(masses_g: Sequence[float], s_values_Gy_per_MBq_h: Sequence[float]) -> DoseFactor:
    """Least-squares line of ln S over ln m through at least three masses.

    Assumes one power law over the range given; take the masses around the lesion's, not all decades.

    Raises
    ------
    InputError
        If there are fewer than three points, or one is not positive.

    References
    ----------
    Gear JI et al., Eur J Nucl Med Mol Imaging 2018;45:2456.
    """
    masses, values = np.asarray(masses_g, dtype=np.float64), np.asarray(s_values_Gy_per_MBq_h, dtype=np.float64)
    if masses.shape != values.shape or masses.size < 3:
        raise InputError(f"a power law needs at least 3 masses with an S value each, got {masses.size}")
    if not ((masses > 0).all() and (values > 0).all() and np.isfinite(masses * values).all()):
        raise InputError("masses and S values of a power law must be above 0")
    if np.unique(masses).size < 2:
        raise InputError("a power law needs different masses")
    design = np.stack((np.ones_like(masses), -np.log(masses)), axis=1)
    fitted, *_ = np.linalg.lstsq(design, np.log(values), rcond=None)
    residuals = np.log(values) - design @ fitted
    covariance = np.linalg.inv(design.T @ design) * float(residuals @ residuals) / (masses.size - 2)
    rows = tuple(tuple(float(v) for v in row) for row in covariance)
    return DoseFactor(
        math.exp(float(fitted[0])), float(fitted[1]), ((rows[0][0], rows[0][1]), (rows[1][0], rows[1][1]))
    )


def organ_s_exponent(dose: OrganDose) -> float:
    """``c2`` of an organ dose at the patient's mass: 1 for own electrons, 2/3 for own photons, 0 for cross dose.

    Raises
    ------
    InputError
        If the dose is zero.
    """
    if dose.known_Gy <= 0:
        raise InputError(f"organ dose of {dose.target} is 0 Gy; it has no dependence on mass")
    return (dose.part_Gy("electron_self") + 2 / 3 * dose.part_Gy("photon_self")) / dose.known_Gy
