"""Numbers as people type them: digits of three scripts are read, doubtful separators are named with what was meant."""

from __future__ import annotations

import re
from typing import Final

from theratrial.trialfolder.cells import read_integer, read_number
from theratrial.trialfolder.moments import CellProblem

# Persian and Arabic-Indic digits, their decimal sign, and signs that only steer the direction of writing.
_STEERING: Final = "\u200e\u200f\u061c\u202a\u202b\u202c\u2066\u2067\u2068\u2069"
_LATIN: Final = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩٫−", "01234567890123456789.-", _STEERING)
_SLASH = re.compile(r"([+-]?\d+)/(\d+)", re.ASCII)
_PERSIAN_THOUSANDS: Final = "٬"


def latin(text: str) -> str:
    """The text with Latin digits and without signs of direction, trimmed.

    The Arabic decimal separator becomes a point: unlike the comma it has no other meaning.

    Examples
    --------
    >>> latin("۱۲٫۵")
    '12.5'
    """
    return text.translate(_LATIN).strip()


def typed_number(text: str, unit: str = "") -> float:
    """A finite number; `unit` stands in the message.

    Raises
    ------
    CellProblem
        Decimal commas, thousands separators, units, bounds, fractions; with what was probably meant.

    Examples
    --------
    >>> typed_number("۶۸٫۴")
    68.4
    """
    written = latin(text)
    _refuse_persian_marks(text, written)
    return read_number(written, unit)


def typed_integer(text: str) -> int:
    """A whole number, as `typed_number`."""
    written = latin(text)
    _refuse_persian_marks(text, written)
    return read_integer(written)


def _refuse_persian_marks(text: str, written: str) -> None:
    if match := _SLASH.fullmatch(written):
        raise CellProblem(f"{text!r} has a slash", f"write a decimal point: {match[1]}.{match[2]}, if that is meant")
    if _PERSIAN_THOUSANDS in written:
        plain = written.replace(_PERSIAN_THOUSANDS, "")
        raise CellProblem(f"{text!r} has a thousands separator", f"write {plain}")
