"""What uptake is measured by: body weight, lean body mass or body surface, as a factor on uptake by body weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, get_args

from theratrial.errors import InputError
from theratrial.imaging.suv_body import body_surface_area_m2
from theratrial.protocol.plans.criteria import LeanBodyMass, UptakeBy
from theratrial.response.lean_body_mass import LeanMass, check_body, lean_mass

UNITS: Final[dict[UptakeBy, str]] = {
    "lean_body_mass": "g/mL",
    "body_weight": "g/mL",
    "body_surface_area": "cm2/mL",
}
TITLES: Final[dict[UptakeBy, str]] = {
    "lean_body_mass": "lean body mass",
    "body_weight": "body weight",
    "body_surface_area": "body surface (Du Bois)",
}
_CM2_PER_M2: Final = 1e4
_G_PER_KG: Final = 1e3


@dataclass(frozen=True, slots=True)
class UptakeMeasure:
    """Uptake by `by` [unit] is `factor` times that by body weight [g/mL]; `mass` where it is lean body mass."""

    by: UptakeBy
    factor: float
    unit: str
    mass: LeanMass | None = None


def uptake_measure(
    by: UptakeBy, formula: LeanBodyMass | None = None, *, weight_kg: float, height_cm: float | None, sex: str
) -> UptakeMeasure:
    """The factor from uptake by body weight to uptake by another measure of the body.

    At constant weight it is the same before and after, so that a change in percent does not depend on the measure. A
    body that loses weight between the scans changes the ratio of them: by body surface (W^0.425) a loss of 10 % raises
    the factor by 6 %.

    Parameters
    ----------
    formula
        Of lean body mass; used by it alone.
    height_cm
        Not needed by body weight.

    Raises
    ------
    InputError
        A measure that is not known, what it needs missing, or a body of no person.

    References
    ----------
    Du Bois and Du Bois, Arch Intern Med 1916;17:863. DICOM PS3.3 C.8.9.1 (SUV Type).

    Examples
    --------
    >>> round(uptake_measure("body_surface_area", weight_kg=70, height_cm=175, sex="M").factor, 4)
    0.2641
    """
    if by not in get_args(UptakeBy):
        raise InputError(f"uptake is by {', '.join(get_args(UptakeBy))}, got {by!r}")
    if by == "body_weight":
        return UptakeMeasure(by, 1.0, UNITS[by])
    if height_cm is None:
        raise InputError(f"uptake by {TITLES[by]} needs the height; measure by body weight or record it")
    if by == "body_surface_area":
        check_body(weight_kg, height_cm)
        area_cm2 = body_surface_area_m2(weight_kg, height_cm) * _CM2_PER_M2
        return UptakeMeasure(by, area_cm2 / (weight_kg * _G_PER_KG), UNITS[by])
    if formula is None:
        raise InputError("uptake by lean body mass needs the name of its formula")
    mass = lean_mass(formula, weight_kg=weight_kg, height_cm=height_cm, sex=sex)
    return UptakeMeasure(by, mass.value_kg / weight_kg, UNITS[by], mass)
