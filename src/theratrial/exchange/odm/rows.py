"""Rows of the record tables to what an ODM file tells of them, and back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from theratrial.exchange.odm.layout import Layout
from theratrial.exchange.odm.told import Audit, Item, Kind, Place, Told
from theratrial.exchange.odm.vocabulary import BESIDE_CELLS, COMMON_EVENT, NO_SESSION

Values = dict[str, tuple[str | None, str]]
"""OID of an item -> its value (None: there and empty) and unit."""
_BESIDE: Final = "I.record."
_DEFAULTS: Final = {name: default for name, (_kind, _meaning, default) in BESIDE_CELLS.items()}


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A record, as the site keeps it; `version_oid` names its version of the protocol, `participant` may be empty."""

    id: str
    table: str
    version_oid: str
    participant: str = ""
    site: str = ""
    form: str = ""
    group: str = ""
    visit: str = ""
    session: int | None = None
    cells: Mapping[str, str] = field(default_factory=dict)
    entered: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1
    incomplete: bool = False
    entered_in_error: bool = False
    data_state: str = "open"
    entered_late: bool = False
    source: str = "form"
    sequence: int = 0


def place_of(layout: Layout, row: RecordRow) -> Place:
    """Where a row stands. A visit or form that this version of the protocol does not have is told beside the cells."""
    group = f"IG.{row.table}"
    if not row.participant:
        return Place(layout.oid, group=group, group_key=row.id)
    form = layout.forms.get(f"F.{row.form}") if row.form else None
    form_oid = form.oid if form is not None and form.table == row.table else layout.form_of_table[row.table]
    event = layout.events.get(f"SE.{row.visit}") if row.visit else None
    if event is None or form_oid not in dict(event.forms):
        event = layout.events[COMMON_EVENT]
    key = (NO_SESSION if row.session is None else str(row.session)) if event.repeating else ""
    return Place(layout.oid, row.participant, event.oid, key, form_oid, row.group or row.id, group, row.id)


def values_of(layout: Layout, row: RecordRow, place: Place, subject_site: str) -> Values:
    """Every item of a row with its value: the cells in the order of the table, then what stands beside them."""
    columns = layout.columns[row.table]
    unit = row.cells.get("unit", "") if row.table == "laboratory" else ""
    with_unit = unit if unit in layout.units else ""
    found: Values = {}
    for column in columns:
        if column in row.cells:
            text = row.cells[column]
            of_row = with_unit if column in ("value", "lower_limit", "upper_limit") else ""
            found[f"I.{row.table}.{column}"] = (text or None, of_row)
    for name, value in _beside(layout, row, place, subject_site).items():
        if value != _DEFAULTS[name] or (name == "form" and value == ""):
            found[_BESIDE + name] = (value or None, "")
    return found


def _beside(layout: Layout, row: RecordRow, place: Place, subject_site: str) -> dict[str, str]:
    """Name -> text of what stands beside the cells and is not told by the place."""
    implied = _implied(layout, place)
    told: dict[str, str] = {}
    if row.form != implied["form"]:
        told["form"] = row.form
    if row.visit != implied["visit"]:
        told["visit"] = row.visit
    if row.session is not None and str(row.session) != implied["session"]:
        told["session"] = str(row.session)
    if row.group and row.group != implied["group"]:
        told["group"] = row.group
    if row.site != (subject_site if row.participant else ""):
        told["site"] = row.site or "-"
    others = {name: text for name, text in row.cells.items() if name not in layout.columns[row.table]}
    return told | {
        "version": str(row.version),
        "incomplete": _yes(row.incomplete),
        "entered_in_error": _yes(row.entered_in_error),
        "data_state": row.data_state,
        "entered_late": _yes(row.entered_late),
        "source": row.source,
        "sequence": str(row.sequence),
        "entered": _json(row.entered),
        "other_cells": _json(others),
    }


def _implied(layout: Layout, place: Place) -> dict[str, str]:
    form = layout.forms.get(place.form) if place.form else None
    event = layout.events.get(place.event) if place.event else None
    default = layout.forms[layout.form_of_table[place.group.removeprefix("IG.")]]
    return {
        "form": (form or default).id,
        "visit": event.id if event else "",
        "session": "" if place.event_key == NO_SESSION else place.event_key,
        "group": place.form_key,
    }


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")) if content else ""


def row_of(layout: Layout, place: Place, values: Values, subject_site: str) -> RecordRow:
    """The row that `place_of` and `values_of` told.

    Raises
    ------
    ValueError
        A value beside the cells is none: a session that is no number, JSON that is broken.
    """
    table = place.group.removeprefix("IG.")
    prefix = f"I.{table}."
    beside = {name: (values[_BESIDE + name][0] or "") for name in BESIDE_CELLS if _BESIDE + name in values}
    cells = {oid.removeprefix(prefix): value or "" for oid, (value, _u) in values.items() if oid.startswith(prefix)}
    cells |= _mapping(beside.get("other_cells", ""))
    implied = _implied(layout, place)
    session = beside.get("session", implied["session"])
    site = beside.get("site", subject_site if place.subject else "")
    return RecordRow(
        id=place.group_key,
        table=table,
        version_oid=place.version,
        participant=place.subject,
        site="" if site == "-" else site,
        form=beside.get("form", implied["form"]),
        group=beside.get("group", implied["group"]),
        visit=beside.get("visit", implied["visit"]),
        session=int(session) if session else None,
        cells=cells,
        entered=_mapping(beside.get("entered", "")),
        version=int(beside.get("version", "1")),
        incomplete=beside.get("incomplete") == "yes",
        entered_in_error=beside.get("entered_in_error") == "yes",
        data_state=beside.get("data_state", _DEFAULTS["data_state"]),
        entered_late=beside.get("entered_late") == "yes",
        source=beside.get("source", _DEFAULTS["source"]),
        sequence=int(beside.get("sequence", _DEFAULTS["sequence"])),
    )


def _mapping(text: str) -> dict[str, Any]:
    found = json.loads(text) if text else {}
    if not isinstance(found, dict):
        raise ValueError(f"{text[:40]!r} is no JSON object")
    return found


def record_told(
    layouts: Mapping[str, Layout], old: RecordRow | None, new: RecordRow, audit: Audit, subject_site: str,
    *, replaces: bool = False,
) -> Iterator[Told]:  # fmt: skip
    """A change of a row; a row that moved is removed where it stood and inserted where it stands.

    Parameters
    ----------
    old
        The row before; None: it is new.
    replaces
        Its earlier state is not known (it was redacted): all of it is told, in place of whatever was told before.
    """
    layout = layouts[new.version_oid]
    place = place_of(layout, new)
    now = values_of(layout, new, place, subject_site)
    if old is None:
        yield Told(place, "Upsert" if replaces else "Insert", audit, _all(now))
        return
    before_layout = layouts[old.version_oid]
    before_place = place_of(before_layout, old)
    if before_place != place:
        yield Told(before_place, "Remove", audit)
        yield Told(place, "Insert", audit, _all(now))
        return
    if old.entered_in_error and not new.entered_in_error:
        yield Told(place, "Insert", audit, _all(now))
        return
    before = values_of(before_layout, old, before_place, subject_site)
    kind: Kind = "Remove" if new.entered_in_error and not old.entered_in_error else "Update"
    yield Told(place, kind, audit, _changed(before, now))


def _all(values: Values) -> tuple[Item, ...]:
    return tuple(Item(oid, "Insert", value, unit) for oid, (value, unit) in values.items())


def _changed(before: Values, now: Values) -> tuple[Item, ...]:
    """What differs: a value that comes is inserted, one that goes is removed. Neither may be left out."""
    found = [
        Item(oid, "Update" if oid in before else "Insert", value, unit)
        for oid, (value, unit) in now.items()
        if before.get(oid) != (value, unit)
    ]
    return (*found, *(Item(oid, "Remove") for oid in before if oid not in now))
