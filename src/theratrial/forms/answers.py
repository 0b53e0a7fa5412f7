"""What a person typed into one field, and the value it is read as."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from theratrial.errors import UnitError
from theratrial.forms.definition import Field, FormDefinition
from theratrial.forms.moments import typed_date, typed_instant
from theratrial.forms.numbers import latin, typed_integer, typed_number
from theratrial.protocol.expressions import Value
from theratrial.trialfolder.cells import did_you_mean, read_flag
from theratrial.trialfolder.moments import CellProblem
from theratrial.trialfolder.writer import cell_text
from theratrial.units import factor_between

_FLAG_WORDS: Final = {"بله": "yes", "بلی": "yes", "آری": "yes", "خیر": "no", "نه": "no"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What was typed or chosen. An empty unit is that of the field."""

    text: str
    unit: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed."""
        return not self.text.strip()


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """An answer as it was read.

    Parameters
    ----------
    value
        In the field's unit; a date or an aware instant (UTC) for moments.
    cell
        Text for the row, as a trial folder has it.
    unit
        Unit of `cell`.
    calendar
        Calendar a date was typed in; empty for anything else.
    """

    value: Value
    cell: str
    typed: Answer
    unit: str = ""
    calendar: str = ""


def read_answer(definition: FormDefinition, field: Field, answer: Answer, zone: ZoneInfo) -> ReadAnswer:
    """The value of an answer that is not empty.

    Raises
    ------
    CellProblem
        It cannot be read as the field's type or unit, or lies outside the field's range.
    """
    match field.type:
        case "number" | "integer":
            return _number(definition, field, answer)
        case "date":
            day = typed_date(answer.text)
            return ReadAnswer(day.value, day.value.isoformat(), answer, calendar=day.calendar)
        case "datetime":
            instant = typed_instant(answer.text, zone)
            return ReadAnswer(instant.value, instant_cell(instant.value, zone), answer, calendar=instant.calendar)
        case "flag":
            flag = read_flag(_FLAG_WORDS.get(answer.text.strip(), answer.text.strip()))
            return ReadAnswer(flag, cell_text(flag), answer)
        case "choice":
            choice = _choice(field, answer.text.strip())
            return ReadAnswer(choice, choice, answer)
        case "text":
            is_id = definition.table.column(field.column).type == "id"
            text = latin(answer.text) if is_id else answer.text.strip().replace("\r\n", "\n").replace("\r", "\n")
            return ReadAnswer(text, text, answer)


def instant_cell(instant: datetime, zone: ZoneInfo) -> str:
    """An instant as a cell: the wall clock of the trial with its offset."""
    return cell_text(instant.astimezone(zone))


def _choice(field: Field, text: str) -> str:
    for choice in field.choices:
        if text.casefold() in (choice.value.casefold(), choice.label.casefold()):
            return choice.value
    raise CellProblem(f"{text!r} is not allowed", did_you_mean(text, tuple(one.value for one in field.choices)))


def _number(definition: FormDefinition, field: Field, answer: Answer) -> ReadAnswer:
    unit = answer.unit.strip() or field.unit
    number = typed_integer(answer.text) if field.type == "integer" else typed_number(answer.text, unit)
    try:
        factor = factor_between(unit, field.unit, field.substance)
    except UnitError:
        allowed = ", ".join(field.units) or "none"
        raise CellProblem(
            f"unit {unit!r} does not fit; allowed: {allowed}", "choose the unit that was printed"
        ) from None
    # Twelve digits: a limit of 1.0 must not be missed by the last bit of a multiplication by 0.001.
    value = number if factor == 1 else float(f"{number * factor:.12g}")
    _check_range(field, value)
    if definition.keeps_units:
        return ReadAnswer(value, cell_text(number), answer, unit)
    return ReadAnswer(value, cell_text(value), answer, field.unit)


def _check_range(field: Field, value: float) -> None:
    low, high = field.minimum, field.maximum
    if (low is None or value >= low) and (high is None or value <= high):
        return
    if low is not None and high is not None:
        allowed = f"between {low:g} and {high:g}"
    else:
        allowed = f"at least {low:g}" if low is not None else f"at most {high:g}"
    unit = f" {field.unit}" if field.unit else ""
    message = f"{value:g}{unit} is out of range; allowed is {allowed}{unit}"
    raise CellProblem(message, "correct the value or its unit")


def is_later(value: Value, now: datetime, zone: ZoneInfo) -> bool:
    """Whether a moment lies after `now`; a day counts as later only after the day of `now`."""
    if isinstance(value, datetime):
        return value > now
    return isinstance(value, date) and value > now.astimezone(zone).date()
