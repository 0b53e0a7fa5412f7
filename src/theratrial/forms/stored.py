"""Stored rows back to answers, for editing: the inverse of a submission."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from theratrial.errors import InputError
from theratrial.forms.answers import Answer
from theratrial.forms.definition import Field, FormDefinition
from theratrial.forms.moments import CalendarName, typed_instant
from theratrial.registry.calendars import jalali_text
from theratrial.trialfolder.moments import CellProblem, read_date, read_instant


def answers_of(
    definition: FormDefinition,
    rows: Iterable[Mapping[str, str]],
    *,
    zone: ZoneInfo,
    calendar: CalendarName = "gregorian",
) -> dict[str, Answer]:
    """Item -> answer that makes the same cells when submitted again; items without cell are left out.

    Parameters
    ----------
    rows
        Column -> text, of the rows that belong to one filling of the form.
    calendar
        Calendar in which dates are written.
    """
    lines = tuple(rows)
    answers: dict[str, Answer] = {}
    for field in definition.fields:
        if field.calculated is not None:
            continue
        where = (field.where or {}).items()
        for line in lines:
            text = line.get(field.column, "")
            if text and all(line.get(column) == value for column, value in where):
                unit = line.get("unit", "") if field.group and field.type in ("number", "integer") else ""
                answers[field.id] = Answer(_written(field, text, zone, calendar), unit)
                break
    return answers


def _written(field: Field, text: str, zone: ZoneInfo, calendar: CalendarName) -> str:
    """A cell as a person would type it; one that cannot be read is left as it is, to be mended."""
    try:
        if field.type == "date":
            return written_date(read_date(text), calendar)
        if field.type == "datetime":
            return written_instant(read_instant(text, zone), zone, calendar)
    except CellProblem:
        pass
    return text


def written_date(day: date, calendar: CalendarName = "gregorian") -> str:
    """A day as a date field takes it, in the calendar where it has the day."""
    if calendar == "jalali":
        try:
            return jalali_text(day)
        except InputError:
            pass
    return day.isoformat()


def written_instant(instant: datetime, zone: ZoneInfo, calendar: CalendarName = "gregorian") -> str:
    """An instant as a field takes it: date and wall clock, with the offset only where the clocks leave a doubt."""
    local = instant.astimezone(zone)
    precise = "%H:%M:%S.%f" if local.microsecond else "%H:%M:%S" if local.second else "%H:%M"
    text = f"{written_date(local.date(), calendar)} {local.strftime(precise)}"
    try:
        certain = typed_instant(text, zone).value == instant
    except CellProblem:
        certain = False
    return text if certain else f"{text}{local.strftime('%z')}"
