"""Two people change one form: what the later one did not touch takes the newest value, what both touched is told."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

from theratrial.forms import Answer, FormDefinition
from theratrial.web.capture.forms import Filling, stored_answers
from theratrial.web.capture.models import Record
from theratrial.web.capture.record_changes import ledger_row
from theratrial.web.ledger.models import Event, Payload
from theratrial.web.ledger.signing import row_id


@dataclass(frozen=True, slots=True)
class Changed:
    """An item that somebody else changed meanwhile."""

    item: str
    label: str
    before: str
    """As it stood when the form was opened."""
    now: str
    mine: str
    """What the later person typed; empty where she did not touch it, and the newest value is taken."""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Merged:
    """Answers for the form as it is shown again, what the other changed, and the events by which she did."""

    answers: dict[str, Answer]
    changed: tuple[Changed, ...] = ()
    events: tuple[Event, ...] = ()


def merged(
    definition: FormDefinition,
    current: Filling,
    typed: Mapping[str, Answer],
    seen: Mapping[str, int],
    calendar: str,
) -> Merged:
    """What was typed on an older state, brought onto the newest.

    Parameters
    ----------
    seen
        Record id -> version that the person had before her eyes.
    """
    events, before = _since(current, seen)
    first, now = stored_answers(definition, before, calendar), stored_answers(definition, current, calendar)
    answers, changed = dict(typed), []
    for field in definition.fields:
        item, empty = field.id, Answer("")
        was, newest, mine = first.get(item, empty), now.get(item, empty), typed.get(item, empty)
        if field.calculated is not None or _same(was, newest):
            continue
        touched = not _same(mine, was) and not _same(mine, newest)
        if not touched:
            answers[item] = newest
        mine_text = (mine.text or "–") if touched else ""
        changed.append(Changed(item, field.label, was.text, newest.text, mine_text, newest.unit or field.unit))
    return Merged(answers, tuple(changed), events)


def _same(one: Answer, other: Answer) -> bool:
    units = {one.unit, other.unit}
    return one.text.strip() == other.text.strip() and (len(units) == 1 or "" in units or not one.text.strip())


def _since(current: Filling, seen: Mapping[str, int]) -> tuple[tuple[Event, ...], Filling]:
    """Events after what was seen, newest first, and the filling as it was seen; three queries at most."""
    moved = {row_id(one): one for one in current.records if one.version != seen.get(str(one.pk))}
    events = {
        one.seq: one
        for one in Event.objects.filter(entity=Record._meta.db_table, entity_id__in=list(moved)).order_by("-seq")
    }
    payloads = Payload.objects.in_bulk(list(events))
    later, rows = [], {}
    for seq, event in events.items():
        record = moved[event.entity_id]
        row = ledger_row(payloads[seq].new) if seq in payloads else {}
        version = seen.get(str(record.pk), 0)
        if int(row.get("version") or version + 1) > version:
            later.append(event)
        elif record.pk not in rows:
            rows[record.pk] = row
    before = []
    for record in current.records:
        old = copy.copy(record)
        if row_id(record) in moved:
            old.cells = dict(rows.get(record.pk, {}).get("cells") or {})
        before.append(old)
    return tuple(later), Filling(current.group, tuple(before))


__all__ = ["Changed", "Merged", "merged"]
