"""Uptake by lean body mass (SUL): which formula, and where a formula must not be trusted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, get_args

from theratrial.errors import InputError
from theratrial.imaging.suv_body import (
    lean_body_mass_james_kg,
    lean_body_mass_janmahasatian_kg,
    lean_body_mass_morgan_kg,
)
from theratrial.protocol.plans.criteria import LeanBodyMass as Formula

FORMULAS: Final[tuple[Formula, ...]] = get_args(Formula)
TITLES: Final[dict[Formula, str]] = {
    "james_128": "James 1976 (men -128)",
    "morgan_120": "Morgan (men -120; DICOM SUV type LBM)",
    "janmahasatian": "Janmahasatian 2005",
}

_KG: Final[dict[Formula, Callable[[float, float, str], float]]] = {
    "james_128": lean_body_mass_james_kg,
    "morgan_120": lean_body_mass_morgan_kg,
    "janmahasatian": lean_body_mass_janmahasatian_kg,
}
_LINE: Final[dict[tuple[Formula, str], tuple[float, float]]] = {
    ("james_128", "F"): (1.07, 148.0),
    ("james_128", "M"): (1.10, 128.0),
    ("morgan_120", "F"): (1.07, 148.0),
    ("morgan_120", "M"): (1.10, 120.0),
}
"""a and b of ``a W - b (W / H)**2``, whose top lies at ``W = a H**2 / (2 b)``."""
_WEIGHTS_kg: Final = (20.0, 350.0)
_HEIGHTS_cm: Final = (50.0, 250.0)


@dataclass(frozen=True, slots=True)
class LeanMass:
    """Lean body mass of a person by a named formula; `caution` where the formula is not to be trusted."""

    formula: Formula
    value_kg: float
    caution: str = ""


def turning_weight_kg(formula: Formula, height_cm: float, sex: str) -> float:
    """Weight above which the formula falls though the person weighs more; infinite where it never does.

    Examples
    --------
    >>> round(turning_weight_kg("james_128", 160, "F"), 1)
    92.5
    """
    if (formula, sex) not in _LINE:
        return math.inf
    factor, square = _LINE[formula, sex]
    return factor * height_cm**2 / (2 * square)


def check_body(weight_kg: float, height_cm: float) -> None:
    """Refuse a weight or height of no person (InputError)."""
    for name, value, (least, most), unit in (
        ("weight", weight_kg, _WEIGHTS_kg, "kg"),
        ("height", height_cm, _HEIGHTS_cm, "cm"),
    ):
        if not least <= value <= most:
            raise InputError(f"a {name} lies from {least:g} to {most:g} {unit}, got {value:g}")


def lean_mass(formula: Formula, *, weight_kg: float, height_cm: float, sex: str) -> LeanMass:
    """Lean body mass of a person.

    Parameters
    ----------
    sex
        F or M; the formulas know no other.

    Raises
    ------
    InputError
        An unknown formula or sex, a weight or height of no person, or a formula that gives no positive mass.

    References
    ----------
    James and Waterlow 1976. Morgan and Bray 1994. Janmahasatian et al., Clin Pharmacokinet 2005;44:1051.
    IBSI-SUV manual.

    Examples
    --------
    >>> round(lean_mass("janmahasatian", weight_kg=70, height_cm=160, sex="F").value_kg, 3)
    41.995
    """
    if formula not in FORMULAS:
        raise InputError(f"lean body mass is by {', '.join(FORMULAS)}, got {formula!r}")
    if sex not in ("F", "M"):
        raise InputError(f"the formulas of lean body mass are for women (F) and men (M), got {sex!r}")
    check_body(weight_kg, height_cm)
    value_kg = _KG[formula](weight_kg, height_cm, sex)
    turn_kg = turning_weight_kg(formula, height_cm, sex)
    if value_kg <= 0:
        raise InputError(
            f"{TITLES[formula]} gives {value_kg:.1f} kg of lean body mass for {weight_kg:g} kg and {height_cm:g} cm; "
            "choose janmahasatian"
        )
    if weight_kg <= turn_kg:
        return LeanMass(formula, value_kg)
    return LeanMass(
        formula,
        value_kg,
        f"{TITLES[formula]} falls with weight above {turn_kg:.1f} kg at {height_cm:g} cm; {weight_kg:g} kg lie above: "
        "uptake by it is too low",
    )
