"""What the checks of a form need of other forms and of the protocol's variables, out of the participant's records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from theratrial.eligibility.sources import Record, Records, resolved_value
from theratrial.forms.definition import FormDefinition
from theratrial.protocol.expressions import Value
from theratrial.protocol.schema import Item, OtherAnswer, Protocol
from theratrial.units import converted


def outside_values(
    definition: FormDefinition, protocol: Protocol, records: Records, participant_id: str, at: datetime
) -> dict[str, Value]:
    """Name -> value of the definition's `outside_names`; a name whose value is not known is left out.

    Parameters
    ----------
    records
        The participant's record tables, without the row that is being edited.
    at
        Moment for which the protocol's variables are resolved; their ages count to it.
    """
    uses = {name: other for check in definition.checks for name, other in check.uses.items()}
    variables = {variable.id: variable for variable in protocol.variables}
    found: dict[str, Value] = {}
    for name in definition.outside_names:
        if name in uses:
            value = _other_answer(protocol, uses[name], records, participant_id)
        else:
            value = resolved_value(variables[name], records, participant_id, at).value
        if value is not None:
            found[name] = value
    return found


def _other_answer(protocol: Protocol, other: OtherAnswer, records: Records, participant_id: str) -> Value:
    form = protocol.forms[other.form].reading
    if form is None:
        return None
    item = next(one for one in form.items if one.id == other.item)
    rows = [
        row
        for row in records.rows(form.table, participant_id=participant_id)
        if row.values.get(item.column or item.id) is not None
        and all(str(row.values.get(column)) == wanted for column, wanted in item.where.items())
    ]
    return _picked(rows, item, other)


def _picked(rows: Sequence[Record], item: Item, other: OtherAnswer) -> Value:
    """The value of the latest or earliest line; lines of the same moment that disagree leave it not known."""
    if not rows:
        return None
    best = (max if other.pick == "latest" else min)(_order(row) for row in rows)
    values = {_in_unit(row.values[item.column or item.id], row.values, item) for row in rows if _order(row) == best}
    return values.pop() if len(values) == 1 else None


def _order(row: Record) -> datetime:
    moment = row.moment
    if isinstance(moment, datetime):
        return moment
    if isinstance(moment, date):
        return datetime.combine(moment, time(), UTC)
    return datetime.min.replace(tzinfo=UTC)


def _in_unit(value: Any, cells: Mapping[str, Any], item: Item) -> Value:
    """Records keep laboratory values in core units; conditions speak of the item's unit."""
    core_unit = cells.get("unit")
    if not isinstance(value, float) or not core_unit or not item.where:
        known: Value = value
        return known
    factor = converted(1.0, item.unit, str(core_unit), item.where.get("test", ""))
    return float(f"{value / factor:.12g}")


def zone_of(protocol: Protocol) -> ZoneInfo:
    """The trial's time zone; UTC where the clause is open."""
    return ZoneInfo(protocol.identity.reading.timezone) if protocol.identity.reading else ZoneInfo("UTC")
