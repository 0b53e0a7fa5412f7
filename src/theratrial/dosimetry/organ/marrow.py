"""Activity of the red marrow from blood and from images (docs/methods/marrow.md)."""

from __future__ import annotations

import math
from typing import Final

from theratrial.dosimetry.organ.dose import SourceActivity
from theratrial.errors import InputError

EXTRACELLULAR_FLUID_FRACTION: Final = 0.19
"""Of the marrow: what a substance in plasma that does not bind there can fill (Sgouros 1993)."""


def _positive(value: float, what: str) -> float:
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{what} must be above 0, got {value}")
    return value


def _fraction(value: float, what: str) -> float:
    if not (math.isfinite(value) and 0 < value < 1):
        raise InputError(f"{what} must lie between 0 and 1, got {value} (0.40, not 40)")
    return value


def red_marrow_to_blood_ratio(
    haematocrit_fraction: float, extracellular_fluid_fraction: float = EXTRACELLULAR_FLUID_FRACTION
) -> float:
    """Activity concentration of red marrow over that of whole blood: ``0.19 / (1 - haematocrit)``.

    Assumes a substance that stays in plasma and extracellular fluid and does not bind to blood cells or marrow, and a
    marrow without metastases; for peptides a ratio of 1 has been measured and the protocol may state it instead.

    Raises
    ------
    InputError
        If the haematocrit is not between 0 and 1 (a percentage given as a fraction).

    References
    ----------
    Sgouros G, J Nucl Med 1993;34:689. Hindorf C et al., EANM guideline, Eur J Nucl Med Mol Imaging 2010;37:1238.

    Examples
    --------
    >>> round(red_marrow_to_blood_ratio(0.40), 4)
    0.3167
    """
    _fraction(haematocrit_fraction, "haematocrit")
    _fraction(extracellular_fluid_fraction, "extracellular fluid fraction of the marrow")
    return extracellular_fluid_fraction / (1 - haematocrit_fraction)


def patient_marrow_mass_g(reference_marrow_g: float, *, patient_kg: float, reference_kg: float) -> float:
    """Red marrow of the patient [g]: that of the phantom times a ratio of body masses.

    Both masses are total or both are lean body mass; lean follows marrow better in obesity (Hindorf 2010).

    Raises
    ------
    InputError
        If a mass is not positive.
    """
    _positive(reference_marrow_g, "reference mass of the red marrow [g]")
    return (
        reference_marrow_g
        * _positive(patient_kg, "mass of the patient [kg]")
        / _positive(reference_kg, "mass of the phantom [kg]")
    )


def marrow_from_blood(
    blood_MBq_h_per_g: float,
    *,
    marrow_to_blood_ratio: float,
    marrow_mass_g: float,
    relative_sd: float | None = None,
    ratio_relative_sd: float | None = None,
    source: str = "given:blood samples",
) -> SourceActivity:
    """Time-integrated activity of the red marrow from that of blood per gram.

    Assumes that marrow follows blood at all times by one ratio. Samples measured per mL are divided by the density of
    blood, 1.06 g/mL (ICRU Report 46), by the caller. With the same mass in the dose, the mass cancels in the self term.

    Parameters
    ----------
    blood_MBq_h_per_g
        Integral over time of the activity concentration of whole blood [MBq h/g].
    marrow_to_blood_ratio
        `red_marrow_to_blood_ratio`, or the protocol's value.
    relative_sd, ratio_relative_sd
        Of the blood's integral and of the ratio; None means not known.

    Raises
    ------
    InputError
        If a value is negative or the mass or ratio is zero.
    """
    if not (math.isfinite(blood_MBq_h_per_g) and blood_MBq_h_per_g >= 0):
        raise InputError(f"red marrow: time-integrated activity of blood {blood_MBq_h_per_g} MBq h/g cannot be")
    ratio = _positive(marrow_to_blood_ratio, "red marrow: ratio of marrow and blood concentration")
    mass = _positive(marrow_mass_g, "mass of the red marrow [g]")
    both = None if relative_sd is None or ratio_relative_sd is None else math.hypot(relative_sd, ratio_relative_sd)
    text = f"{source}, marrow to blood {ratio:g}, marrow {mass:g} g"
    return SourceActivity("red_marrow", blood_MBq_h_per_g * ratio * mass, both, text)


def marrow_from_vertebrae(
    vertebrae_MBq_h: float,
    *,
    share_of_marrow_fraction: float,
    relative_sd: float | None = None,
    share_relative_sd: float | None = None,
    source: str = "given:vertebrae",
) -> SourceActivity:
    """Time-integrated activity of all red marrow from that of some vertebrae on images.

    Assumes that all marrow takes up as those vertebrae do, that what is seen in them is in their red marrow, and that
    they hold no metastasis.

    Parameters
    ----------
    vertebrae_MBq_h
        Time-integrated activity of the vertebrae [MBq h].
    share_of_marrow_fraction
        Of all red marrow in these vertebrae; the protocol states it with its source (ICRP 70 gives it by bone and age).

    Raises
    ------
    InputError
        If the share is not between 0 and 1, or the activity is negative.

    References
    ----------
    Hindorf C et al., EANM guideline, Eur J Nucl Med Mol Imaging 2010;37:1238.
    """
    if not (math.isfinite(vertebrae_MBq_h) and vertebrae_MBq_h >= 0):
        raise InputError(f"vertebrae: time-integrated activity {vertebrae_MBq_h} MBq h cannot be")
    share = _fraction(share_of_marrow_fraction, "share of the red marrow in the vertebrae")
    both = None if relative_sd is None or share_relative_sd is None else math.hypot(relative_sd, share_relative_sd)
    return SourceActivity("red_marrow", vertebrae_MBq_h / share, both, f"{source}, {share:g} of the red marrow")


def marrow_from_concentration(
    region_MBq_h: float,
    *,
    region_volume_mL: float,
    marrow_volume_fraction: float,
    marrow_density_g_per_mL: float,
    marrow_mass_g: float,
    relative_sd: float | None = None,
    source: str = "given:vertebral body",
) -> SourceActivity:
    """Time-integrated activity of all red marrow from the concentration in a region inside vertebral bodies.

    Assumes that the activity of the region is in its red marrow, which fills `marrow_volume_fraction` of it (the rest
    is trabecular bone and yellow marrow), and that all red marrow has this concentration.

    Raises
    ------
    InputError
        If a volume, mass, density or fraction is out of range.
    """
    if not (math.isfinite(region_MBq_h) and region_MBq_h >= 0):
        raise InputError(f"red marrow: time-integrated activity of the region {region_MBq_h} MBq h cannot be")
    volume = _positive(region_volume_mL, "volume of the region in the vertebrae [mL]")
    if marrow_volume_fraction != 1:
        _fraction(marrow_volume_fraction, "volume fraction of red marrow in the region")
    seen_g = volume * marrow_volume_fraction * _positive(marrow_density_g_per_mL, "density of red marrow [g/mL]")
    mass = _positive(marrow_mass_g, "mass of the red marrow [g]")
    text = f"{source}, {seen_g:.4g} g of red marrow seen, {mass:g} g in all"
    return SourceActivity("red_marrow", region_MBq_h / seen_g * mass, relative_sd, text)
