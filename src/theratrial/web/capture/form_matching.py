"""Which rows of a form belong to a visit, and whether they hold all that the form requires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Final, NamedTuple
from uuid import UUID

from theratrial.protocol.schema import Form, Protocol, Visit
from theratrial.schedule.visits import PlannedVisit
from theratrial.trialfolder.tables import table as table_definition

NEAR_VISIT: Final = timedelta(days=3)
"""A sample taken this near to the visit belongs to it."""


class Line(NamedTuple):
    """What of a record tells whether a form is filled: a page looks at thousands, too many for whole rows."""

    pk: UUID
    table: str
    participant_id: int | None
    session: int | None
    visit: str
    cells: dict[str, str]
    version: int
    incomplete: bool
    source: str
    day: date | None
    """When it happened, by the first of its table's moments that is a day."""


LINE_FIELDS: Final = Line._fields[:-1]
"""Columns of a record, in the order of a line; the day is read from its cells (`day_of`)."""


def day_of(table: str, cells: dict[str, str]) -> date | None:
    """The day of a row by the first of its table's moments that is one."""
    for name in _moments(table):
        try:
            return date.fromisoformat(cells.get(name, "")[:10])
        except ValueError:
            continue
    return None


@cache
def _moments(table: str) -> tuple[str, ...]:
    return table_definition(table).moment


@cache
def _columns(table: str) -> frozenset[str]:
    return frozenset(column.name for column in table_definition(table).columns)


@dataclass(frozen=True, slots=True)
class FormState:
    """Rows of a form and the items they lack."""

    records: tuple[Line, ...]
    missing: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether nothing required is missing."""
        return bool(self.records) and not self.missing


def at_visit(
    form: Form,
    visit: Visit,
    planned: PlannedVisit,
    records: Sequence[Line],
    protocol: Protocol,
    *,
    treated_on: date | None = None,
) -> list[Line]:
    """Rows of the form that belong to the visit: by the visit they name, their time point, or their day.

    What was recorded after `treated_on`, the first session, is no part of the screening.
    """
    columns = _columns(form.table)
    if "timepoint" in columns and (points := _timepoints(visit, protocol)):
        return [one for one in records if one.cells.get("timepoint") in points]
    session = str(planned.session or "")
    if "visit_id" in columns:
        wanted = (visit.id, session)
        return [one for one in records if (one.cells.get("visit_id"), one.cells.get("session", "")) == wanted]
    if not form.repeats and not visit.per_session:
        return list(records)
    return [one for one in records if _named(one, visit, planned) or _near(one, visit, planned, treated_on)]


def filled(form: Form, records: Sequence[Line]) -> FormState:
    """What of the form's required items the rows hold; a row saved as incomplete stays so."""
    missing = [
        item.id
        for item in form.items
        if item.required
        and not item.calculated
        and not item.shown_when
        and not any(_holds(record, item.where, item.column or item.id) for record in records)
    ]
    if any(record.incomplete for record in records) and not missing:
        missing.append("saved as incomplete")
    return FormState(tuple(records), tuple(missing) if records else ())


def _holds(record: Line, where: dict[str, str], column: str) -> bool:
    return all(record.cells.get(name) == value for name, value in where.items()) and bool(record.cells.get(column))


def _timepoints(visit: Visit, protocol: Protocol) -> set[str]:
    clauses = (protocol.imaging.get(name) for name in visit.procedures)
    return {clause.reading.timepoint for clause in clauses if clause is not None and clause.reading is not None}


def _named(record: Line, visit: Visit, planned: PlannedVisit) -> bool:
    return record.visit == visit.id and record.session == planned.session


def _near(record: Line, visit: Visit, planned: PlannedVisit, treated_on: date | None) -> bool:
    if record.visit:
        return False
    day = record.day
    if visit.anchor == "screening":
        # What was before the screening is part of it: earlier treatment, a sample of the week before.
        ends = [one for one in (treated_on, planned.latest) if one is not None]
        return day is None or not ends or day <= max(min(ends), planned.occurred_on or min(ends))
    if day is None:
        return False
    if planned.occurred_on is not None and abs(day - planned.occurred_on) <= NEAR_VISIT:
        return True
    return planned.earliest is not None and planned.latest is not None and planned.earliest <= day <= planned.latest
