"""How numbers are printed in the published tables; nothing is rounded before it is printed."""

import math

NOT_KNOWN = "-"


def percent(fraction: float | None) -> str:
    """A fraction as a percentage with one decimal."""
    return NOT_KNOWN if fraction is None else f"{fraction * 100:.1f} %"


def number(value: float | None, digits: int = 3) -> str:
    """That many significant digits, no exponent."""
    if value is None:
        return NOT_KNOWN
    if math.isinf(value):
        return "no bound"
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    places = max(digits - 1 - math.floor(math.log10(abs(rounded))), 0)
    return f"{rounded if places else value:.{places}f}"


def change(value: float | None) -> str:
    """A change in percent with one decimal; what rounds to nothing has no sign."""
    if value is None:
        return NOT_KNOWN
    text = f"{value:.1f}"
    return "0.0 %" if float(text) == 0 else f"{text} %"


def count(value: float) -> str:
    """A whole number."""
    return str(int(value))
