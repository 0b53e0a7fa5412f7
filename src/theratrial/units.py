"""The only place where a unit changes.

Core units, one per quantity: MBq, h, Gy, mL, g, mm, keV, Bq_per_mL, e9_per_L, g_per_L, kg, cm, percent, fraction.
"""

from __future__ import annotations

from typing import Final

from theratrial.errors import UnitError

JOULE_PER_MEV: Final = 1.602176634e-13
"""Exact since the 2019 SI (CODATA elementary charge)."""

SECONDS_PER_HOUR: Final = 3600.0

_FACTORS: Final[dict[str, dict[str, float]]] = {
    "MBq": {"MBq": 1.0, "GBq": 1e3, "kBq": 1e-3, "Bq": 1e-6, "mCi": 37.0, "Ci": 37e3},
    "h": {"h": 1.0, "d": 24.0, "min": 1 / 60, "s": 1 / 3600},
    "Gy": {"Gy": 1.0, "mGy": 1e-3, "cGy": 1e-2},
    "mL": {"mL": 1.0, "ml": 1.0, "cm3": 1.0, "mm3": 1e-3, "L": 1e3},
    "g": {"g": 1.0, "kg": 1e3, "mg": 1e-3},
    "kg": {"kg": 1.0, "g": 1e-3},
    "cm": {"cm": 1.0, "m": 100.0, "mm": 0.1},
    "mg": {"mg": 1.0, "g": 1e3, "ug": 1e-3},
    "mm": {"mm": 1.0, "cm": 10.0, "m": 1e3},
    "Bq_per_mL": {"Bq/mL": 1.0, "Bq/ml": 1.0, "kBq/mL": 1e3, "BQML": 1.0},
    "e9_per_L": {
        "10^9/L": 1.0,
        "10*9/L": 1.0,
        "e9/L": 1.0,
        "x10^9/L": 1.0,
        "G/L": 1.0,
        "10^3/uL": 1.0,
        "10*3/uL": 1.0,
        "/mm3": 1e-3,
        "cells/mm3": 1e-3,
        "/uL": 1e-3,
    },
    "g_per_L": {"g/L": 1.0, "g/dL": 10.0},
    "umol_per_L": {"umol/L": 1.0, "mmol/L": 1e3},
    "mmol_per_L": {"mmol/L": 1.0, "umol/L": 1e-3},
    "mg_per_dL": {"mg/dL": 1.0, "mg/L": 0.1, "g/L": 100.0},
    "mL_per_min": {"mL/min": 1.0, "ml/min": 1.0, "mL/s": 60.0},
    "mL_per_min_per_1_73m2": {"mL/min/1.73m2": 1.0, "ml/min/1.73m2": 1.0, "mL/min/1.73 m2": 1.0, "ml/min/1.73 m2": 1.0},
    "U_per_L": {"U/L": 1.0, "IU/L": 1.0, "ukat/L": 60.0},
    "percent": {"%": 1.0, "percent": 1.0, "fraction": 100.0},
    "fraction": {"fraction": 1.0, "%": 0.01, "percent": 0.01},
}

_MOLAR_MASS_G_PER_MOL: Final = {
    "creatinine": 113.12,
    "bilirubin": 584.67,
    "calcium": 40.078,
    "magnesium": 24.305,
    "glucose": 180.156,
    "haemoglobin": 16114.5,
}
"""Of substances that laboratories print as a mass concentration (IUPAC atomic masses 2021; C4H7N3O, C33H36N4O6,
C6H12O6; haemoglobin as its monomer)."""

_EQUIVALENTS_PER_MOL: Final = {"sodium": 1, "potassium": 1, "calcium": 2, "magnesium": 2}

_MG_PER_L: Final = {"mg/dL": 10.0, "mg/L": 1.0}
_G_PER_L: Final = {"g/dL": 10.0, "g/L": 1.0}


def converted(value: float, from_unit: str, to_unit: str, substance: str = "") -> float:
    """`value` in `from_unit` expressed in the core unit `to_unit`; `substance` turns a mass into an amount.

    Raises
    ------
    UnitError
        If the unit is unknown or belongs to another quantity.

    Examples
    --------
    >>> converted(1000, "cells/mm3", "e9_per_L")
    1.0
    >>> converted(7.4, "GBq", "MBq")
    7400.0
    >>> round(converted(1.0, "mg/dL", "umol_per_L", "creatinine"), 1)
    88.4
    """
    try:
        factors = _FACTORS[to_unit]
    except KeyError:
        raise UnitError(f"unknown core unit {to_unit!r}; known: {', '.join(_FACTORS)}") from None
    if to_unit == "umol_per_L" and substance in _MOLAR_MASS_G_PER_MOL:
        per_mg = 1e3 / _MOLAR_MASS_G_PER_MOL[substance]
        factors = factors | {unit: size * per_mg for unit, size in _MG_PER_L.items()}
    if to_unit == "mmol_per_L":
        factors = factors | _mmol_per_L(substance)
    try:
        return value * factors[from_unit.strip().replace("µ", "u")]
    except KeyError:
        raise UnitError(f"unit {from_unit!r} cannot be converted to {to_unit}; allowed: {', '.join(factors)}") from None


def _mmol_per_L(substance: str) -> dict[str, float]:
    """Units that are an amount only of a named substance -> mmol/L."""
    found: dict[str, float] = {}
    if substance in _MOLAR_MASS_G_PER_MOL:
        mass = _MOLAR_MASS_G_PER_MOL[substance]
        found = {unit: size / mass for unit, size in _MG_PER_L.items()}
        found |= {unit: size * 1e3 / mass for unit, size in _G_PER_L.items()}
    if substance in _EQUIVALENTS_PER_MOL:
        found |= {"mEq/L": 1 / _EQUIVALENTS_PER_MOL[substance]}
    return found


def factor_between(from_unit: str, to_unit: str, substance: str = "") -> float:
    """What a value in `from_unit` is multiplied with to be in `to_unit`; neither needs to be a core unit.

    Raises
    ------
    UnitError
        No quantity has both units.

    Examples
    --------
    >>> factor_between("g/dL", "g/L")
    10.0
    """
    first, second = (unit.strip().replace("µ", "u") for unit in (from_unit, to_unit))
    if first == second:
        return 1.0
    for core_unit in _FACTORS:
        try:
            factor = converted(1.0, first, core_unit, substance) / converted(1.0, second, core_unit, substance)
        except UnitError:
            continue
        return float(f"{factor:.15g}")
    allowed = dict.fromkeys(unit for factors in _FACTORS.values() if second in factors for unit in factors)
    known = f"allowed: {', '.join(allowed)}" if allowed else f"{to_unit} converts to nothing else"
    raise UnitError(f"unit {from_unit!r} cannot be converted to {to_unit}; {known}")


def delta_mGy_g_per_MBq_h(mean_energy_MeV: float) -> float:
    """Mean dose-rate constant [mGy g / (MBq h)] of an energy locally deposited per decay [MeV] (MIRD's delta).

    Examples
    --------
    177Lu electrons, 0.14792 MeV per decay (ICRP 107):

    >>> round(delta_mGy_g_per_MBq_h(0.14792), 2)
    85.32
    """
    gray_kg_per_Bq_s = mean_energy_MeV * JOULE_PER_MEV
    return gray_kg_per_Bq_s * 1e6 * SECONDS_PER_HOUR * 1e3 * 1e3
