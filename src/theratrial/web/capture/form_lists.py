"""A participant's forms with what was entered in each; one entry line by line."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import get_language, get_language_bidi

from theratrial.forms import FormDefinition, form_definition, form_ids
from theratrial.forms.definition import Field
from theratrial.trialfolder.tables import table as table_definition
from theratrial.web.capture.form_drawing import both_calendars
from theratrial.web.capture.form_rights import may_enter
from theratrial.web.capture.forms import Filling, stored_answers
from theratrial.web.capture.models import Record
from theratrial.web.capture.value_words import ValueWords, value_words
from theratrial.web.participants.models import Participant
from theratrial.web.results.blinding import hidden_records
from theratrial.web.trials.selectors import protocol_in_force


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One filling in a list."""

    group: uuid.UUID
    moment: str
    summary: str
    session: int | None
    incomplete: bool
    in_error: bool
    data_state: str
    open_queries: int
    address: str


@dataclass(frozen=True, slots=True)
class FormGroup:
    """A form with its fillings."""

    id: str
    title: str
    repeats: bool
    may_enter: bool
    entries: tuple[EntryLine, ...]
    address: str

    @property
    def may_add(self) -> bool:
        """Whether a further filling can be entered."""
        return self.may_enter and (self.repeats or not any(not one.in_error for one in self.entries))


def forms_of_participant(participant: Participant, user: Any) -> tuple[FormGroup, ...]:
    """Every form that concerns a participant, without readings hidden from the user; a few queries."""
    protocol = protocol_in_force()
    language, words = get_language() or "en", value_words(protocol)
    groups: dict[tuple[str, uuid.UUID], list[Record]] = defaultdict(list)
    open_queries = Count("queries", filter=Q(queries__state__in=("open", "answered")))
    seen = Record.objects.filter(participant=participant).exclude(pk__in=hidden_records(user, participant).records)
    for record in seen.annotate(open_queries=open_queries):
        groups[(record.table, record.group)].append(record)
    found = []
    tables_shown: set[str] = set()
    for form in form_ids(protocol):
        definition = form_definition(protocol, form, language)
        table = definition.table.name
        if not any(column.name == "participant_id" for column in definition.table.columns):
            continue
        first_of_table = table not in tables_shown
        tables_shown.add(table)
        entries = [
            _entry_line(participant, definition, group, records, words)
            for (of_table, group), records in groups.items()
            if of_table == table and (records[0].form == form or (not records[0].form and first_of_table))
        ]
        entries.sort(key=lambda one: (one.moment, one.session or 0))
        found.append(
            FormGroup(
                form,
                definition.title,
                definition.repeats,
                participant.data_state == "open" and may_enter(user, table, participant.site),
                tuple(entries),
                reverse("capture:form-new", args=[participant.code, form]),
            )
        )
    return tuple(found)


def shared_forms(user: Any, sites: Sequence[int]) -> tuple[FormGroup, ...]:
    """Forms that belong to no participant, batches apart (the radiopharmacy has its own pages): cameras."""
    protocol = protocol_in_force()
    words = value_words(protocol)
    groups: dict[tuple[str, uuid.UUID], list[Record]] = defaultdict(list)
    shared = Record.objects.filter(participant=None).exclude(table="batches")
    open_queries = Count("queries", filter=Q(queries__state__in=("open", "answered")))
    for record in shared.filter(Q(site=None) | Q(site__in=sites)).annotate(open_queries=open_queries):
        groups[(record.table, record.group)].append(record)
    found = []
    for form in form_ids(protocol):
        definition = form_definition(protocol, form, get_language() or "en")
        table = definition.table.name
        if table == "batches" or any(column.name == "participant_id" for column in definition.table.columns):
            continue
        entries = [
            _entry_line(None, definition, group, records, words)
            for (of, group), records in groups.items()
            if of == table
        ]
        entries.sort(key=lambda one: (one.moment, one.summary))
        address = reverse("capture:shared-form-new", args=[form])
        allowed = any(may_enter(user, table, site) for site in sites)
        found.append(FormGroup(form, definition.title, definition.repeats, allowed, tuple(entries), address))
    return tuple(found)


def _entry_line(
    participant: Participant | None,
    definition: FormDefinition,
    group: uuid.UUID,
    records: list[Record],
    words: ValueWords,
) -> EntryLine:
    cells = records[0].cells
    moment = next((cells[name] for name in table_definition(definition.table.name).moment if cells.get(name)), "")
    return EntryLine(
        group=group,
        moment=moment,
        summary=_summary(definition, records, words),
        session=records[0].session,
        incomplete=any(record.incomplete for record in records),
        in_error=all(record.entered_in_error for record in records),
        data_state=records[0].data_state,
        open_queries=sum(getattr(record, "open_queries", 0) for record in records),
        address=reverse("capture:entry", args=[participant.code, group])
        if participant
        else reverse("capture:shared-entry", args=[group]),
    )


def _summary(definition: FormDefinition, records: list[Record], words: ValueWords) -> str:
    """What tells one filling from another: for results every value, else the first cells that are no moment."""
    if any(field.group for field in definition.fields):
        return _results(definition, records, words)
    moments = set(table_definition(definition.table.name).moment)
    shown = []
    for field in definition.fields:
        text = records[0].cells.get(field.column, "")
        if text and field.column not in moments and field.type not in ("date", "datetime"):
            shown.append(words.measured(words(definition.table.name, field.column, text), field.unit))
    return _listed(shown)


def _results(definition: FormDefinition, records: list[Record], words: ValueWords) -> str:
    """The values of a form of many rows in its order: ``Platelet count 203 10^9/L``."""
    said = []
    for field in definition.fields:
        if not field.group or field.column != "value":
            continue
        for record in records:
            if all(record.cells.get(column) == value for column, value in (field.where or {}).items()):
                text = record.cells.get("value", "")
                told = words(definition.table.name, field.column, text)
                said.append(f"{field.label} {words.measured(told, record.cells.get('unit', ''))}")
    return _listed(said) + (" …" if len(said) > 4 else "")


def _listed(parts: list[str]) -> str:
    """The first four; right to left, each keeps its own direction."""
    if get_language_bidi():
        return "، ".join(f"\u2068{one}\u2069" for one in parts[:4])
    return ", ".join(parts[:4])


@dataclass(frozen=True, slots=True)
class ShownCell:
    """One item of an entry: the value, the record and column it is kept in."""

    field: Field
    text: str
    both: str
    unit: str
    typed: str
    record: Record | None


def entry_lines(definition: FormDefinition, filling: Filling, user: Any) -> tuple[ShownCell, ...]:
    """An entry item by item, each with the record that keeps it; empty items too."""
    answers, words = stored_answers(definition, filling, user.calendar), value_words(protocol_in_force())
    lines = []
    for field in definition.fields:
        if field.calculated is not None:
            continue
        where = (field.where or {}).items()
        record = next((one for one in filling.records if all(one.cells.get(c) == v for c, v in where)), None)
        answer = answers.get(field.id)
        text = answer.text if answer else ""
        if not text and field.group and record is None:
            continue
        typed = (record.entered.get(field.column, {}) if record else {}).get("text", "")
        lines.append(
            ShownCell(
                field=field,
                text=words(definition.table.name, field.column, text),
                both=both_calendars(field, text, bool(user.persian_digits)),
                unit=(answer.unit if answer and answer.unit else field.unit) if text else "",
                typed=typed if typed and typed != text else "",
                record=record,
            )
        )
    return tuple(lines)
