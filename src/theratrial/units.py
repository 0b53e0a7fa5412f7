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
        "10^3/uL": 1.0,
        "10*3/uL": 1.0,
        "/mm3": 1e-3,
        "cells/mm3": 1e-3,
        "/uL": 1e-3,
    },
    "g_per_L": {"g/L": 1.0, "g/dL": 10.0},
    "umol_per_L": {"umol/L": 1.0, "mmol/L": 1e3},
    "U_per_L": {"U/L": 1.0},
    "percent": {"%": 1.0, "percent": 1.0, "fraction": 100.0},
    "fraction": {"fraction": 1.0, "%": 0.01, "percent": 0.01},
}


def converted(value: float, from_unit: str, to_unit: str) -> float:
    """`value` in `from_unit` expressed in the core unit `to_unit`.

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
    """
    try:
        factors = _FACTORS[to_unit]
    except KeyError:
        raise UnitError(f"unknown core unit {to_unit!r}; known: {', '.join(_FACTORS)}") from None
    try:
        return value * factors[from_unit.strip().replace("µ", "u")]
    except KeyError:
        raise UnitError(f"unit {from_unit!r} cannot be converted to {to_unit}; allowed: {', '.join(factors)}") from None


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
