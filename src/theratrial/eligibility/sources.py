"""Where the values of a protocol's variables come from: lines of records, whoever keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Protocol

from theratrial.errors import InputError, UnitError
from theratrial.protocol.expressions import Value
from theratrial.protocol.schema import Variable
from theratrial.units import converted

SECONDS_PER_DAY: Final = 86400.0


class Record(Protocol):
    """A line of a record table."""

    @property
    def values(self) -> Mapping[str, Any]:
        """Column -> value, None where it is missing."""

    @property
    def source(self) -> str:
        """Where it stands, as the input of a trace."""

    @property
    def moment(self) -> date | datetime | None:
        """When it became true."""

    @property
    def unreadable(self) -> Mapping[str, str]:
        """Column -> why its cell cannot be read; its value is None."""

    @property
    def moment_columns(self) -> Sequence[str]:
        """Columns of which the first filled one is the moment."""

    def column_type(self, column: str) -> str:
        """Type of a column, ``flag`` among them."""


class Records(Protocol):
    """Record tables by name: a trial folder, or rows of a database."""

    def rows(self, table: str, **where: Any) -> Sequence[Record]:
        """Lines of a table whose columns have these values."""


@dataclass(frozen=True, slots=True)
class ResolvedValue:
    """The value of a variable at a moment, with the line it comes from.

    Parameters
    ----------
    value
        In `unit`; None where it is not known, and `why_not_known` says why.
    sources
        Lines it rests on, as inputs of a trace.
    as_of
        When the value was taken; a date where the record has no time.
    age_days
        From `as_of` to the moment of the decision [d].
    """

    variable: str
    label: str
    value: Value
    unit: str
    sources: tuple[str, ...] = ()
    as_of: date | datetime | None = None
    age_days: float | None = None
    why_not_known: str = ""


def resolved_value(variable: Variable, records: Records, participant_id: str, at: datetime) -> ResolvedValue:
    """The value of `variable` for a participant at the instant `at`.

    Lines that became true after `at` are not looked at; of a line with a date only, the whole day counts as before.
    A flag over a column of another type asks whether the column is filled. Lines of the same moment that disagree
    leave the value not known: none of them is the latest. So does a line that cannot be read and might be the one
    that counts: an older one does not stand in for it.

    Raises
    ------
    InputError
        The variable speaks of a table or column that the records do not have, or of a unit that does not fit.
    """
    try:
        rows = records.rows(variable.table, participant_id=participant_id)
    except KeyError as error:
        raise InputError(
            f"variable '{variable.id}': records have no column {error} in table '{variable.table}'; "
            "correct the variable in the protocol"
        ) from None
    unread = [row for row in rows if _might_count(row, variable, at)]
    aside = {id(row) for row in unread}
    readable = [row for row in rows if id(row) not in aside]
    matching = [row for row in readable if all(_says(row.values[name], text) for name, text in variable.where.items())]
    known = [row for row in matching if _is_before(row.moment, at)]
    if not known and unread:
        return _not_readable(variable, unread)
    if not known:
        later = f"; {len(matching)} line(s) are later than the decision" if matching else ""
        return _not_known(variable, f"{_wanted(variable)} has no line{later}")
    pairs: list[tuple[Record, Value]] = [(row, value) for row in known if (value := _value(row, variable)) is not None]
    if deciding := [row for row in unread if _would_decide(row, pairs, variable)]:
        return _not_readable(variable, deciding)
    if not pairs:
        return _not_known(variable, f"{_wanted(variable)} is empty", tuple(row.source for row in known))
    return _picked(variable, pairs, at)


def _might_count(row: Record, variable: Variable, at: datetime) -> bool:
    """Whether something cannot be read without which nobody knows if the line is meant, and what it says."""
    needed = (variable.column, *variable.where, *row.moment_columns)
    if not any(column in row.unreadable for column in needed):
        return False
    others = all(name in row.unreadable or _says(row.values[name], text) for name, text in variable.where.items())
    return others and _is_before(row.moment, at)


def _would_decide(row: Record, pairs: list[tuple[Record, Value]], variable: Variable) -> bool:
    """Whether the answer could be another if the line could be read."""
    if variable.pick == "any":
        return not any(value is True for _, value in pairs)
    if not pairs or any(column in row.unreadable for column in row.moment_columns):
        return True
    orders = [_order(one) for one, _ in pairs]
    return _order(row) >= max(orders) if variable.pick == "latest" else _order(row) <= min(orders)


def unreadable_said(rows: Sequence[Record]) -> str:
    """What cannot be read of these lines, and why."""
    return "; ".join(f"{column}: {why}" for row in rows for column, why in row.unreadable.items())


def _not_readable(variable: Variable, rows: Sequence[Record]) -> ResolvedValue:
    said = unreadable_said(rows)
    why = f"{_wanted(variable)}: a line that would count cannot be read ({said}); correct the line"
    return _not_known(variable, why, tuple(row.source for row in rows))


def _wanted(variable: Variable) -> str:
    where = ", ".join(f"{name} {value}" for name, value in variable.where.items())
    return f"{variable.table}.{variable.column}" + (f" ({where})" if where else "")


def _not_known(variable: Variable, why: str, sources: tuple[str, ...] = ()) -> ResolvedValue:
    return ResolvedValue(variable.id, variable.label, None, variable.unit, sources, why_not_known=why)


def _says(cell: Any, text: str) -> bool:
    if isinstance(cell, bool):
        return text.lower() in (("yes", "true") if cell else ("no", "false"))
    if isinstance(cell, date):
        return cell.isoformat() == text
    return cell is not None and str(cell) == text


def _is_before(moment: date | datetime | None, at: datetime) -> bool:
    if moment is None:
        return True
    return moment <= at if isinstance(moment, datetime) else moment <= at.date()


def _value(row: Record, variable: Variable) -> Value:
    cell = row.values[variable.column]
    if variable.type == "flag":
        if isinstance(cell, bool):
            return cell
        return cell is not None if row.column_type(variable.column) != "flag" else None
    if cell is None:
        return None
    if variable.type == "text":
        return cell.isoformat() if isinstance(cell, date) else str(cell)
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        raise InputError(
            f"variable '{variable.id}' is a {variable.type}, but {row.source} holds {cell!r}; "
            "correct the variable's type in the protocol"
        )
    return _in_unit(float(cell), str(row.values.get("unit") or ""), variable)


def _in_unit(value: float, core_unit: str, variable: Variable) -> float:
    """From the core unit the records keep to the unit the protocol's condition was written in."""
    if not core_unit or variable.unit in ("", core_unit):
        return value
    try:
        factor = converted(1.0, variable.unit, core_unit)
    except UnitError as error:
        raise InputError(f"variable '{variable.id}': {error}") from None
    # Twelve digits: a limit must not be missed by the last bit of a division.
    return float(f"{value / factor:.12g}")


def _order(row: Record) -> tuple[bool, float]:
    """Lines without a date stand before all others; a date stands for the end of its day."""
    moment = row.moment
    if isinstance(moment, datetime):
        return (True, moment.timestamp())
    return (moment is not None, (moment.toordinal() - _EPOCH_DAY + 1) * SECONDS_PER_DAY if moment else 0.0)


_EPOCH_DAY = date(1970, 1, 1).toordinal()


def _picked(variable: Variable, pairs: list[tuple[Record, Value]], at: datetime) -> ResolvedValue:
    if variable.pick == "any":
        holding = [pair for pair in pairs if pair[1] is True] if variable.type == "flag" else []
        chosen = holding[:1] or pairs
    else:
        best = (max if variable.pick == "latest" else min)(_order(row) for row, _ in pairs)
        chosen = [pair for pair in pairs if _order(pair[0]) == best]
    values = {value for _, value in chosen}
    sources = tuple(row.source for row, _ in chosen)
    if len(values) > 1:
        shown = ", ".join(sorted(map(str, values)))
        return _not_known(variable, f"{_wanted(variable)}: lines that count alike disagree ({shown})", sources)
    row, value = chosen[-1]
    moment = row.moment
    age_days = _age_days(moment, at)
    limit = variable.maximum_age_days
    if limit is not None and (age_days is None or age_days > limit):
        old = "has no date" if age_days is None or moment is None else f"is {age_days:.0f} days old ({_day(moment)})"
        why = f"{_wanted(variable)}: {value} {variable.unit} {old}; at most {limit:g} days are allowed"
        return ResolvedValue(variable.id, variable.label, None, variable.unit, sources, moment, age_days, why)
    return ResolvedValue(variable.id, variable.label, value, variable.unit, sources, moment, age_days)


def _day(moment: date | datetime) -> str:
    return (moment.date() if isinstance(moment, datetime) else moment).isoformat()


def _age_days(moment: date | datetime | None, at: datetime) -> float | None:
    if moment is None:
        return None
    if isinstance(moment, datetime):
        return (at - moment).total_seconds() / SECONDS_PER_DAY
    return float((at.date() - moment).days)
