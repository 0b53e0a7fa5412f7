"""Body measures that a scanner may have normalised uptake to, and their way back to body weight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from theratrial.errors import InputError
from theratrial.imaging.suv_tags import Tags

_GRAMS_PER_KG: Final = 1000.0
_CM2_PER_M2: Final = 1e4


def lean_body_mass_morgan_kg(weight_kg: float, height_cm: float, sex: str) -> float:
    """Lean body mass [kg], DICOM SUVType LBM: the male formula with -120.

    References
    ----------
    DICOM PS3.3 C.8.9.1 (SUV Type LBM); Sugawara Y et al. Radiology 1999;213:521-525; IBSI-SUV manual, "Units = GML".

    Examples
    --------
    >>> round(lean_body_mass_morgan_kg(70, 175, "M"), 2)
    57.8
    """
    ratio = (weight_kg / height_cm) ** 2
    return 1.10 * weight_kg - 120.0 * ratio if sex == "M" else 1.07 * weight_kg - 148.0 * ratio


def lean_body_mass_james_kg(weight_kg: float, height_cm: float, sex: str) -> float:
    """Lean body mass [kg], DICOM SUVType LBMJAMES128: the male formula with -128 (James and Waterlow 1976).

    Examples
    --------
    >>> round(lean_body_mass_james_kg(70, 175, "M"), 2)
    56.52
    """
    ratio = (weight_kg / height_cm) ** 2
    return 1.10 * weight_kg - 128.0 * ratio if sex == "M" else 1.07 * weight_kg - 148.0 * ratio


def lean_body_mass_janmahasatian_kg(weight_kg: float, height_cm: float, sex: str) -> float:
    """Lean body mass [kg], DICOM SUVType LBMJANMA.

    References
    ----------
    Janmahasatian S et al. Clin Pharmacokinet 2005;44:1051-1065.

    Examples
    --------
    >>> round(lean_body_mass_janmahasatian_kg(70, 175, "F"), 2)
    45.22
    """
    body_mass_index = weight_kg / (height_cm / 100.0) ** 2
    if sex == "M":
        return 9270.0 * weight_kg / (6680.0 + 216.0 * body_mass_index)
    return 9270.0 * weight_kg / (8780.0 + 244.0 * body_mass_index)


def ideal_body_weight_kg(weight_kg: float, height_cm: float, sex: str) -> float:  # noqa: ARG001 - one shape for all
    """Ideal body weight [kg], DICOM SUVType IBW; depends on height and sex only.

    Examples
    --------
    >>> round(ideal_body_weight_kg(70, 175, "F"), 2)
    66.43
    """
    if sex == "M":
        return 48.0 + 1.06 * (height_cm - 152.0)
    return 45.5 + 0.91 * (height_cm - 152.0)


def body_surface_area_m2(weight_kg: float, height_cm: float) -> float:
    """Body surface area [m2] of Du Bois and Du Bois 1916.

    Examples
    --------
    >>> round(body_surface_area_m2(70, 175), 3)
    1.848
    """
    return float(0.007184 * height_cm**0.725 * weight_kg**0.425)


_BY_SUV_TYPE: Final[dict[str, Callable[[float, float, str], float]]] = {
    "LBM": lean_body_mass_morgan_kg,
    "LBMJAMES128": lean_body_mass_james_kg,
    "LBMJANMA": lean_body_mass_janmahasatian_kg,
    "IBW": ideal_body_weight_kg,
}


def body_weight_kg(tags: Tags, warnings: list[str]) -> float | None:
    """PatientWeight [kg]; None where absent or 0; above 1000 it is grams.

    Raises
    ------
    InputError
        If no unit makes it the weight of a person.
    """
    stored = tags.number("PatientWeight")
    if not stored:
        return None
    weight = stored
    if stored > 1000:
        weight = stored / _GRAMS_PER_KG
        warnings.append(f"PatientWeight {stored:g} can only be grams; {weight:g} kg is used")
    if not 0.3 <= weight <= 500:
        raise InputError(f"PatientWeight is {stored:g}, which is no weight of a person in kg or g; give the weight")
    return weight


def body_height_cm(tags: Tags, warnings: list[str]) -> float:
    """PatientSize [cm], stored in m; values above 3 are taken as cm.

    Raises
    ------
    InputError
        If it is absent or no height of a person.
    """
    stored = tags.number("PatientSize")
    if not stored:
        raise InputError(
            "PatientSize (0010,1020) is absent: the stored normalisation cannot be undone without the height"
        )
    height = stored * 100.0
    if stored > 3:
        height = stored
        warnings.append(f"PatientSize {stored:g} can only be cm; it should be in m")
    if not 30 <= height <= 250:
        raise InputError(f"PatientSize is {stored:g}, which is no height of a person in m or cm")
    return height


def body_weight_over(suv_type: str, weight_kg: float, tags: Tags, warnings: list[str]) -> float:
    """SUVbw over the stored SUV: body weight over the measure that `suv_type` names.

    For BSA the stored unit is cm2/mL and the result is g per cm2. PatientSex O (other) takes the mean of the formulas
    for men and women, as the IBSI-SUV manual does for IBW.

    Raises
    ------
    InputError
        If the type is unknown, or height or sex are absent.
    """
    if suv_type == "BW":
        return 1.0
    height = body_height_cm(tags, warnings)
    if suv_type == "BSA":
        return weight_kg * _GRAMS_PER_KG / (body_surface_area_m2(weight_kg, height) * _CM2_PER_M2)
    try:
        formula = _BY_SUV_TYPE[suv_type]
    except KeyError:
        raise InputError(f"SUVType (0054,1006) is {suv_type!r}; known are BW, BSA, {', '.join(_BY_SUV_TYPE)}") from None
    sex = tags.text("PatientSex").upper()
    if sex not in ("M", "F", "O"):
        raise InputError(f"PatientSex is {sex!r}; M, F or O is needed to undo the normalisation to {suv_type}")
    if sex != "O":
        return weight_kg / _positive(formula(weight_kg, height, sex), suv_type)
    male = _positive(formula(weight_kg, height, "M"), suv_type)
    female = _positive(formula(weight_kg, height, "F"), suv_type)
    mean = (male + female) / 2
    warnings.append(
        f"PatientSex is O: the mean of the {suv_type} of men and women is used; "
        f"either would change SUVbw by {abs(male - female) / 2 / mean * 100:.1f} %"
    )
    return weight_kg / mean


def _positive(mass_kg: float, suv_type: str) -> float:
    if mass_kg <= 0:
        raise InputError(
            f"{suv_type} of this weight and height is {mass_kg:.1f} kg; the stored values cannot be converted"
        )
    return mass_kg
