"""One cell to one typed value, or what is wrong with it and what to write instead."""

from __future__ import annotations

import math
import re
import unicodedata
from difflib import get_close_matches
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from theratrial.errors import UnitError
from theratrial.trialfolder.moments import CellProblem, read_date, read_instant
from theratrial.trialfolder.records import Value
from theratrial.trialfolder.tables import Column
from theratrial.units import converted

MISSING_WORDS: Final = frozenset(
    {"na", "n/a", "n.a.", "n.a", "nan", "null", "nil", "#n/a", "-", "--", "---", "–", "—", ".", "?", "nd", "n.d."}
)
"""What people type for missing. Refused everywhere: empty is the only missing, or a dash would become a text."""

TRUE_WORDS: Final = frozenset({"yes", "true", "1"})
FALSE_WORDS: Final = frozenset({"no", "false", "0"})

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+(?:\.0*)?", re.ASCII)
_COMMA_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?", re.ASCII)
_POINT_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+,\d+|[+-]?\d{1,3}(?:\.\d{3}){2,}", re.ASCII)
_SPACE_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:[\s'’_\u00a0\u2009\u202f]\d{3})+(?:[.,]\d+)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+[,\u066b]\d+", re.ASCII)
_WITH_UNIT = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-zµμ%‰/^*°][^\s]*.*)", re.ASCII)
_BOUND = re.compile(r"(?:[<>≤≥~≈]=?|>|<)\s*[\d.,]+.*", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_SPREADSHEET_ERROR = re.compile(r"#(?:REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!|SPILL!|CALC!|#+)|Err:\d+")


def read_cell(text: str, column: Column, zone: ZoneInfo) -> Value:
    """The typed value of a cell; None where it is empty.

    Raises
    ------
    CellProblem
        The cell is not what the column holds.
    """
    return None if not text and not column.required else _read(text, column, zone)


@lru_cache(maxsize=50_000)
def _read(text: str, column: Column, zone: ZoneInfo) -> Value:
    """Kept, because nothing but the three arguments counts and pages read the same cells again and again."""
    text = text.strip().replace("\r\n", "\n").replace("\r", "\n")
    if not text:
        if column.required:
            raise CellProblem("is empty but must be filled", _allowed(column))
        return None
    _refuse_artefacts(text, column)
    match column.type:
        case "number" | "integer":
            return _in_range(read_integer(text) if column.type == "integer" else read_number(text, column.unit), column)
        case "flag":
            return read_flag(text)
        case "date":
            return read_date(text)
        case "datetime":
            return read_instant(text, zone)
        case "choice":
            return _choice(text, column)
        case "id":
            return _id(text)
        case "text":
            return text


def _allowed(column: Column) -> str:
    if column.choices:
        return f"one of {', '.join(column.choices)}"
    words = {
        "number": f"a number in {column.unit}" if column.unit else "a number",
        "integer": "a whole number",
        "flag": "yes or no",
        "date": "a date as 2022-03-05",
        "datetime": "a date and time as 2022-03-05T09:30",
    }
    return words.get(column.type, "")


def _refuse_artefacts(text: str, column: Column) -> None:
    if text.lower() in MISSING_WORDS and text not in column.choices:
        raise CellProblem(f"{text!r} is not allowed for a missing value", "leave the cell empty")
    if _SPREADSHEET_ERROR.fullmatch(text):
        raise CellProblem(f"{text!r} is a spreadsheet's error, not a value", "mend the formula, or type the value")
    if text.startswith("="):
        raise CellProblem(f"{text!r} is a formula, not a value", "save the values, not the formulas")
    for character in text:
        if not character.isprintable() and character not in "\n\t\u200c\u200d\u00a0\u202f\u2009":
            name = unicodedata.name(character, f"U+{ord(character):04X}")
            raise CellProblem(f"contains the invisible character {name}", "type the cell again")


def read_number(text: str, unit: str = "") -> float:
    """A finite decimal number with a point; `unit` is what the column is in, for the message.

    Raises
    ------
    CellProblem
        Anything else: decimal commas, thousands separators, units, bounds (``<0.5``).
    """
    if _NUMBER.fullmatch(text):
        value = float(text)
        if not math.isfinite(value):
            raise CellProblem(f"{text!r} is too large a number")
        return value
    raise _not_a_number(text, unit)


def read_integer(text: str) -> int:
    """A whole number; ``2.0`` is one, ``2.5`` is not."""
    if _INTEGER.fullmatch(text) and len(text) <= 18:
        return int(text.split(".")[0])
    if _NUMBER.fullmatch(text):
        raise CellProblem(f"{text!r} is not a whole number")
    raise _not_a_number(text, "")


def _not_a_number(text: str, unit: str) -> CellProblem:
    western = "".join(str(unicodedata.digit(c)) if c.isdigit() and not c.isascii() else c for c in text)
    if western != text:
        remedy = f"write {western}" if _NUMBER.fullmatch(western) else "write the digits 0 to 9 and a point"
        return CellProblem(f"{text!r} has digits of another script", remedy)
    if _COMMA_THOUSANDS.fullmatch(text):
        plain = text.replace(",", "")
        other = f", or {text.replace(',', '.')} if the comma is the decimal sign" if text.count(",") == 1 else ""
        return CellProblem(f"{text!r} has a thousands separator", f"write {plain}{other if '.' not in text else ''}")
    if _POINT_THOUSANDS.fullmatch(text):
        plain = text.replace(".", "").replace(",", ".")
        return CellProblem(f"{text!r} has a thousands separator", f"write {plain}")
    if _SPACE_THOUSANDS.fullmatch(text):
        plain = re.sub(r"[\s'’_]", "", text).replace(",", ".")
        return CellProblem(f"{text!r} has a thousands separator", f"write {plain}")
    if _DECIMAL_COMMA.fullmatch(text):
        plain = re.sub("[,\u066b]", ".", text)
        return CellProblem(f"{text!r} has a decimal comma", f"write a decimal point: {plain}")
    if _BOUND.fullmatch(text):
        return CellProblem(
            f"{text!r} is a bound, not a number", "write the measured value; a bound goes into a comment"
        )
    if match := _WITH_UNIT.fullmatch(text):
        return _carries_a_unit(text, match[1], match[2].strip(), unit)
    return CellProblem(f"{text!r} is not a number")


def _carries_a_unit(text: str, number: str, typed: str, unit: str) -> CellProblem:
    if not unit:
        return CellProblem(f"{text!r} has letters after the number", f"write {number} alone")
    message = f"{text!r} carries a unit; the column is in {unit}"
    try:
        value = float(number) if typed == unit else converted(float(number), typed, unit)
    except UnitError:
        return CellProblem(message, f"write the number alone, in {unit}")
    return CellProblem(message, f"write {value:.12g}")


def read_flag(text: str) -> bool:
    """yes or no (also true, false, 1, 0, in any case)."""
    lower = text.lower()
    if lower in TRUE_WORDS:
        return True
    if lower in FALSE_WORDS:
        return False
    raise CellProblem(f"{text!r} is neither yes nor no", "write yes or no")


def _choice(text: str, column: Column) -> str:
    for choice in column.choices:
        if text.lower() == choice.lower():
            return choice
    raise CellProblem(f"{text!r} is not allowed", did_you_mean(text, column.choices))


def _id(text: str) -> str:
    if _ID.fullmatch(text):
        return text
    raise CellProblem(
        f"{text!r} is not an identifier",
        "use letters a-z, digits, dot, dash and underscore, at most 64, and no spaces",
    )


def _in_range(value: float | int, column: Column) -> float | int:
    below = column.minimum is not None and value < column.minimum
    above = column.maximum is not None and value > column.maximum
    if below or above:
        if column.minimum is not None and column.maximum is not None:
            allowed = f"between {column.minimum:g} and {column.maximum:g}"
        else:
            allowed = f"at least {column.minimum:g}" if below else f"at most {column.maximum:g}"
        unit = f" {column.unit}" if column.unit else ""
        raise CellProblem(f"{value:g}{unit} is out of range; allowed is {allowed}", "correct the value or its unit")
    return value


def did_you_mean(got: str, known: tuple[str, ...], most: int = 12) -> str:
    """The known words that `got` may stand for, else all of them (of many the `most` that are most like it)."""
    for word in known:
        if word.lower() == got.lower() or (word.lstrip("0") == got.lstrip("0") and got.strip("0")):
            lost = "; did a spreadsheet drop the leading zeros?" if word.lower() != got.lower() else ""
            return f"did you mean {word}?{lost}"
    close = (
        get_close_matches(got.lower(), known, n=2, cutoff=0.6)
        or [word for word in known if word.lower().startswith(got.lower())][:2]
    )
    if close:
        return f"did you mean {' or '.join(close)}?"
    if not known:
        return ""
    if len(known) <= most:
        return f"known: {', '.join(known)}"
    return f"known: {', '.join(get_close_matches(got, known, n=most, cutoff=0.0))} and {len(known) - most} more"
