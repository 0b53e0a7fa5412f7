"""How values are written for people: enough digits, always the unit, and a word where there is no number."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Final

from theratrial.trace import Quantity

NOT_KNOWN: Final = "not known"
UNDETERMINED: Final = "undetermined"
_UNITS: Final = {
    "percent": "%",
    "e9_per_L": "10⁹/L",
    "10^9/L": "10⁹/L",
    "10*9/L": "10⁹/L",
    "MBq h": "MBq h",
    "uSv/h": "µSv/h",
}


def unit_text(unit: str) -> str:
    """The unit as printed."""
    return _UNITS.get(unit, unit.replace("_per_", "/").replace("_", " "))


def number(value: float, *, digits: int = 3) -> str:
    """A number with that many significant digits and no exponent.

    Examples
    --------
    >>> number(0.012345), number(5.0), number(12345.6), number(-3.14159), number(99.96), number(float("inf"))
    ('0.0123', '5.00', '12346', '-3.14', '100', '∞')
    """
    if math.isnan(value):
        return NOT_KNOWN
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    places = max(digits - 1 - math.floor(math.log10(abs(rounded))), 0)
    return f"{rounded if places else value:.{places}f}"


def in_percent(fraction: float) -> str:
    """A fraction as a percentage with one decimal.

    Examples
    --------
    >>> in_percent(0.6)
    '60.0 %'
    """
    return f"{fraction * 100:.1f} %"


def probability_text(probability: float) -> str:
    """A probability as a percentage; what lies beyond its resolution is said to be below or above, never 0 or 100 %.

    Examples
    --------
    >>> probability_text(0.0), probability_text(0.0312), probability_text(0.63), probability_text(1.0)
    ('below 0.1 %', '3.1 %', '63 %', 'above 99.9 %')
    """
    if probability < 0.001:
        return "below 0.1 %"
    if probability > 0.999:
        return "above 99.9 %"
    return f"{probability * 100:.{1 if probability < 0.1 or probability > 0.9 else 0}f} %"


def value_text(quantity: Quantity, *, signed: bool = False) -> str:
    """The value with its unit, or that it is undetermined."""
    if quantity.value is None:
        return UNDETERMINED
    sign = "+" if signed and quantity.value > 0 else ""
    if quantity.unit == "fraction":
        return sign + in_percent(quantity.value)
    if quantity.unit == "probability":
        return probability_text(quantity.value)
    if quantity.unit == "percent":
        shown = f"{quantity.value:.1f}"
        # A fall too small to be seen is no change; minus nothing is not a number people write.
        return "0.0 %" if float(shown) == 0 else f"{sign}{shown} %"
    return f"{sign}{number(quantity.value)} {unit_text(quantity.unit)}"


def interval_text(quantity: Quantity) -> str:
    """The 95 % interval in words; "" where none is stated."""
    lower, upper = quantity.lower, quantity.upper
    unit = "" if quantity.unit == "fraction" else f" {unit_text(quantity.unit)}"
    shown = in_percent if quantity.unit == "fraction" else number
    if upper is not None and math.isinf(upper):
        known = f"at least {shown(lower)}{unit}, " if lower is not None and lower > 0 else ""
        return f"{known}no upper bound"
    if lower is not None and upper is not None:
        return f"{shown(lower)} to {shown(upper)}{unit}"
    if lower is not None:
        return f"at least {shown(lower)}{unit}"
    if upper is not None:
        return f"at most {shown(upper)}{unit}"
    return ""


def day(moment: date | datetime | None) -> str:
    """A day as year, month, day."""
    return NOT_KNOWN if moment is None else moment.strftime("%Y-%m-%d")


def minute(moment: datetime | None) -> str:
    """An instant to the minute, in the zone it was recorded in."""
    return NOT_KNOWN if moment is None else moment.strftime("%Y-%m-%d %H:%M")


def hours(value: float | None) -> str:
    """Hours after administration."""
    return NOT_KNOWN if value is None else f"{value:.1f} h"


def count(n: int, noun: str, plural: str = "") -> str:
    """A number with its noun.

    Examples
    --------
    >>> count(1, "participant"), count(3, "participant"), count(2, "biopsy", "biopsies")
    ('1 participant', '3 participants', '2 biopsies')
    """
    return f"{n} {noun if n == 1 else plural or noun + 's'}"


def words(identifier: str) -> str:
    """An identifier as words."""
    return identifier.replace("_", " ")


def short_hash(content_hash: str) -> str:
    """Enough of a hash to compare by eye."""
    return content_hash.removeprefix("sha256:")[:16]
