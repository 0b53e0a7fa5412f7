"""Activity of the heart wall and of the blood in the heart (docs/methods/organ_dose.md)."""

from __future__ import annotations

import math

from theratrial.dosimetry.organ.dose import SourceActivity
from theratrial.errors import InputError


def heart_sources(
    heart_MBq_h: float,
    *,
    blood_MBq_h_per_g: float,
    contents_mass_g: float,
    heart_relative_sd: float | None = None,
    blood_relative_sd: float | None = None,
    source: str = "given:heart region and blood",
) -> tuple[SourceActivity, SourceActivity]:
    """Time-integrated activity of the heart's contents and of its wall, from a region that holds both and from blood.

    The contents hold blood of the measured concentration; what the region holds beyond that is in the wall.

    Parameters
    ----------
    heart_MBq_h
        Of the region that holds wall and blood [MBq h].
    blood_MBq_h_per_g
        Integral of the activity concentration of whole blood [MBq h/g].
    contents_mass_g
        Of the blood in the heart [g].

    Raises
    ------
    InputError
        If the blood alone would hold more than the region, or a value is out of range.

    Examples
    --------
    >>> contents, wall = heart_sources(620.0, blood_MBq_h_per_g=1.5, contents_mass_g=370.0)
    >>> contents.time_integrated_activity_MBq_h, wall.time_integrated_activity_MBq_h
    (555.0, 65.0)
    """
    for what, value in (("heart [MBq h]", heart_MBq_h), ("blood [MBq h/g]", blood_MBq_h_per_g)):
        if not (math.isfinite(value) and value >= 0):
            raise InputError(f"time-integrated activity of {what} {value} cannot be")
    if not (math.isfinite(contents_mass_g) and contents_mass_g > 0):
        raise InputError(f"mass of the blood in the heart must be above 0 g, got {contents_mass_g}")
    contents = blood_MBq_h_per_g * contents_mass_g
    if contents > heart_MBq_h:
        raise InputError(
            f"heart: blood alone would hold {contents:.4g} MBq h, the region holds {heart_MBq_h:.4g} MBq h; check the "
            "region, its partial volume and the blood samples, or take the whole heart as blood"
        )
    wall = heart_MBq_h - contents
    wall_sd = None
    if heart_relative_sd is not None and blood_relative_sd is not None and wall > 0:
        wall_sd = math.hypot(heart_relative_sd * heart_MBq_h, blood_relative_sd * contents) / wall
    return (
        SourceActivity("heart_contents", contents, blood_relative_sd, source),
        SourceActivity("heart_wall", wall, wall_sd, source),
    )


def heart_sources_by_mass(
    heart: SourceActivity, *, wall_mass_g: float, contents_mass_g: float
) -> tuple[SourceActivity, SourceActivity]:
    """Contents and wall where no blood was taken: the region's activity shared out by mass, one concentration in both.

    Raises
    ------
    InputError
        If a mass is not positive.
    """
    for what, mass in (("heart wall", wall_mass_g), ("blood in the heart", contents_mass_g)):
        if not (math.isfinite(mass) and mass > 0):
            raise InputError(f"mass of the {what} must be above 0 g, got {mass}")
    tia = heart.time_integrated_activity_MBq_h
    share = contents_mass_g / (wall_mass_g + contents_mass_g)
    text = f"{heart.source}, shared out by mass"
    return (
        SourceActivity("heart_contents", None if tia is None else tia * share, heart.relative_sd, text),
        SourceActivity("heart_wall", None if tia is None else tia * (1 - share), heart.relative_sd, text),
    )
