"""Forms drawn from the protocol, over rows: what is stored for one filling, what is saved of it, its draft."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q, QuerySet, TextField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.forms import (
    Answer,
    FormDefinition,
    FormRow,
    Submission,
    answers_of,
    form_definition,
    outside_values,
    row_key,
    submission,
)
from theratrial.forms.moments import CalendarName
from theratrial.trialfolder.tables import table as table_definition
from theratrial.web.capture.form_rights import (
    CHANGED_BY_READER,
    OF_THE_SITE,
    OWN_CODE,
    OWN_ROLE,
    WRITTEN_AT_FIRST,
    entry_permission,
    is_reading_of_another,
    may_correct_all,
    may_enter,
    typed_by_people,
)
from theratrial.web.capture.models import Draft, Query, Record
from theratrial.web.capture.queries import system_query, system_query_resolved
from theratrial.web.capture.selectors import kept, live_records, records_about, rows_of
from theratrial.web.capture.services import (
    ConflictError,
    NewRow,
    record_change,
    record_entered_in_error,
    records_create,
)
from theratrial.web.ledger.act import act
from theratrial.web.participants.models import Participant
from theratrial.web.participants.standing import standing
from theratrial.web.people.models import Site
from theratrial.web.people.permissions import roles_held
from theratrial.web.pharmacy.guards import Judged, administration_judged
from theratrial.web.studies.models import Series
from theratrial.web.studies.tasks import participant_judged_later
from theratrial.web.trials.selectors import protocol_in_force, protocol_of, trial_zone

JUDGES_IMAGES: Final = frozenset({"participants", "consents", "visits", "administrations"})
PREFIX: Final = "edit-check:"
"""Rule of the queries that a form's checks raise: ``edit-check:<form>:<check>``."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a form is filled: for whom, at which visit and session."""

    form: str
    participant: Participant | None
    site: Site | None
    visit: str = ""
    session: int | None = None

    @property
    def key(self) -> str:
        """Key of the draft of a new filling."""
        who = self.participant.code if self.participant else f"site:{self.site.code if self.site else ''}"
        return f"{self.form}|{who}|{self.visit}|{self.session or ''}"


@dataclass(frozen=True, slots=True)
class Filling:
    """One stored filling of a form: the rows of a group."""

    group: uuid.UUID
    records: tuple[Record, ...]

    @property
    def versions(self) -> dict[str, int]:
        """Record id -> version, as the person has it before her eyes."""
        return {str(record.pk): record.version for record in self.records}


def definition_of(form: str, record: Record | None = None) -> FormDefinition:
    """The form in the user's language: of the protocol in force, or of the version a record was entered with.

    Raises
    ------
    InputError
        The protocol has no such form.
    """
    protocol = protocol_of(record.protocol_version) if record is not None else protocol_in_force()
    return typed_by_people(form_definition(protocol, form, get_language() or "en"))


def filling_of(group: uuid.UUID, participant: Participant | None) -> Filling | None:
    """The live rows of a group."""
    records = tuple(
        live_records()
        .filter(group=group, participant=participant)
        .select_related("protocol_version", "site", "participant")
    )
    return Filling(group, records) if records else None


def form_of(filling: Filling) -> str:
    """The form that rows belong to; imported ones name none, then the first form over their table."""
    if filling.records[0].form:
        return filling.records[0].form
    return form_over(filling.records[0].table)


def form_over(table: str) -> str:
    """The first form of the protocol in force that fills a table.

    Raises
    ------
    InputError
        The protocol has none.
    """
    for key, clause in protocol_in_force().forms.items():
        if clause.reading is not None and clause.reading.table == table:
            return key
    raise InputError(_("the protocol has no form for the table %(table)s") % {"table": table})


def stored_answers(definition: FormDefinition, filling: Filling, calendar: str) -> dict[str, Answer]:
    """Rows as a person would type them."""
    wanted: CalendarName = "jalali" if calendar == "jalali" else "gregorian"
    return answers_of(definition, [record.cells for record in filling.records], zone=trial_zone(), calendar=wanted)


def judged(
    place: Place, definition: FormDefinition, answers: Mapping[str, Answer], *, group: uuid.UUID | None, now: datetime
) -> Submission:
    """The answers through the one engine; preview and saving call this."""
    protocol, zone = protocol_in_force(), trial_zone()
    code = place.participant.code if place.participant else ""
    others = {}
    if place.participant and definition.outside_names:
        about = records_about([place.participant])
        folder = rows_of(kept(about.exclude(group=group) if group else about)).folder
        others = outside_values(definition, protocol, folder, code, now)
    batches: tuple[str, ...] = ()
    if any(column.refers_to == "batches" for column in definition.table.columns):
        known = _known(place, "batches", group)
        # KT: a plain path would make a number of a batch that is named by digits.
        batches = tuple(one or "" for one in known.values_list(KT("cells__batch_id"), flat=True))
    texts = _known(place, definition.table.name, group).values_list(Cast("cells", TextField()), flat=True)
    taken = {_key_of(definition.table.name, text, zone) for text in texts}
    return submission(
        definition,
        answers,
        zone=zone,
        now=now,
        others=others,
        participant_id=code,
        ids={"participants": (code,) if code else (), "batches": batches},
        taken=taken - {()},
    )


def _known(place: Place, table: str, group: uuid.UUID | None) -> QuerySet[Record]:
    """Rows of a table other than those of the filling: hers, and where the table is not by participant, everybody's."""
    rows = live_records().filter(table=table).order_by()
    rows = rows.exclude(group=group) if group else rows
    if place.participant is None:
        return rows.filter(participant=None)
    if any(column.name == "participant_id" for column in table_definition(table).columns):
        return rows.filter(participant=place.participant)
    # Not participant__in=[..., None]: SQL finds no NULL in a list, and every batch would be unknown.
    return rows.filter(Q(participant=place.participant) | Q(participant=None))


@lru_cache(maxsize=50_000)
def _key_of(table: str, text: str, zone: ZoneInfo) -> tuple[str, ...]:
    """Key of a stored row; kept by its very text, for every form of a participant asks for those of all her rows."""
    return row_key(table_definition(table), json.loads(text), zone)


def form_saved(
    user: Any,
    place: Place,
    definition: FormDefinition,
    answers: Mapping[str, Answer],
    *,
    group: uuid.UUID | None = None,
    versions: Mapping[str, int] | None = None,
    reason: str = "",
    incomplete_allowed: bool = False,
    entered_late: bool = False,
    deviation: str = "",
) -> tuple[Submission, uuid.UUID | None]:
    """Save a filling, all rows or none; the group is None where it was not saved, and the submission says why.

    Raises
    ------
    InputError
        A change has no reason; or the rows name another reader or examiner than the person who enters.
    AdministrationRefused
        The rows hold an injection that cannot have been, or must not be and `deviation` gives no reason for it.
    ConflictError
        Somebody else changed a row meanwhile.
    LockedError
        The data are frozen or locked.
    PermissionError
        The person may not enter this form at this site.
    """
    filling = filling_of(group, place.participant) if group else None
    if not (may_correct_all(user, filling.records) if filling else may_enter(user, definition.table.name, place.site)):
        raise PermissionError(entry_permission(definition.table.name))
    found = judged(place, definition, answers, group=group, now=timezone.now())
    if found.problems or (found.incomplete and not incomplete_allowed) or not found.rows:
        return found, None
    _in_ones_own_name(user, definition, found.rows, place.site, filling)
    if definition.table.name == "consents" and filling is None and place.participant is not None:
        _withdrawals_answered(place.participant)
    _of_her_site(place, definition, found.rows)
    injection = _injection(place, definition, found.rows, filling, deviation)
    incomplete = bool(found.incomplete)
    with act(user, "form.change" if filling else "form.save", reason=reason.strip()):
        if filling is None:
            group = uuid.uuid4()
            made = _created(user, place, group, found.rows, incomplete, entered_late)
            saved: Filling | None = Filling(group, tuple(made))
        else:
            group = filling.group
            _changed(user, place, definition, filling, found.rows, versions or {}, reason, incomplete)
            saved = filling_of(group, place.participant)
        _screening_followed(place, definition, found.rows)
        Draft.objects.filter(user=user, key=draft_key(place, group if filling else None)).delete()
        if saved is not None:
            queries_settled(definition, found, saved)
        if injection is not None and saved is not None:
            injection.recorded(saved.records[0])
        _images_judged_again(place, definition)
    return found, group


def _of_her_site(place: Place, definition: FormDefinition, rows: Sequence[FormRow]) -> None:
    table, column = OF_THE_SITE
    if definition.table.name != table or place.participant is None:
        return
    own = place.participant.site.code
    if wrong := [row.cells[column] for row in rows if row.cells.get(column, own) != own]:
        raise InputError(
            _("%(got)s is not the site at which she is registered; it is %(own)s") % {"got": wrong[0], "own": own}
        )


def _screening_followed(place: Place, definition: FormDefinition, rows: Sequence[FormRow]) -> None:
    """The day of screening of the participant is that of her record, also after a correction."""
    if definition.table.name != OF_THE_SITE[0] or place.participant is None:
        return
    days = [row.cells["screened_on"] for row in rows if row.cells.get("screened_on")]
    if days and place.participant.screened_on != date.fromisoformat(days[0]):
        current = Participant.objects.select_for_update().get(pk=place.participant.pk)
        current.screened_on = date.fromisoformat(days[0])
        current.save(update_fields=["screened_on"])


def _withdrawals_answered(participant: Participant) -> None:
    """A signature takes back what was withdrawn before it: that is asked under Consent, never done in passing."""
    if standing(participant).withdrawals:
        raise InputError(
            _(
                "She has withdrawn consent, and a new signature would take that back. Record it under Consent, where"
                " it is asked what becomes of each withdrawal."
            )
        )


def _images_judged_again(place: Place, definition: FormDefinition) -> None:
    """Whether images match, and what is asked of them, hangs on these tables: the worker looks again."""
    if place.participant is None or definition.table.name not in JUDGES_IMAGES:
        return
    if Series.objects.filter(participant=place.participant).exists():
        code = place.participant.code
        transaction.on_commit(lambda: participant_judged_later.enqueue(code))


def _injection(
    place: Place, definition: FormDefinition, rows: Sequence[FormRow], filling: Filling | None, deviation: str
) -> Judged | None:
    """What speaks against an administration; None for every other table."""
    if definition.table.name != "administrations" or place.participant is None:
        return None
    record = filling.records[0] if filling else None
    return administration_judged(place.participant, rows[0].cells, record=record, deviation=deviation)


def _in_ones_own_name(
    user: Any, definition: FormDefinition, rows: Sequence[FormRow], site: Site | None, filling: Filling | None
) -> None:
    for row in rows:
        partner = _partner(definition, filling, row)
        earlier = partner.cells if partner else {}
        _own_reading(user, definition, earlier, row.cells)
        for column, text in row.cells.items():
            if text == earlier.get(column):
                continue
            if (definition.table.name, column) in OWN_CODE and text != user.get_username():
                raise InputError(
                    _("%(column)s must be yourself (%(own)s), got %(got)s; nobody reads or examines in another's name")
                    % {"column": column, "own": user.get_username(), "got": text}
                )
            if column in OWN_ROLE and text not in roles_held(user, site=site):
                raise InputError(
                    _("you do not hold the role %(got)s at this site; you hold %(held)s")
                    % {"got": text, "held": ", ".join(roles_held(user, site=site))}
                )


def _own_reading(user: Any, definition: FormDefinition, earlier: Mapping[str, str], cells: Mapping[str, str]) -> None:
    """Readers read independently: nobody changes what another saw."""
    if definition.table.name not in CHANGED_BY_READER or not earlier.get("reader"):
        return
    changed = any(cells.get(column, "") != text for column, text in earlier.items() if column in cells)
    if (changed or cells.keys() - earlier.keys()) and earlier["reader"] != user.get_username():
        raise _of_another(earlier["reader"])


def _of_another(reader: str) -> InputError:
    return InputError(_("this is the reading of %(reader)s; it is changed by nobody else") % {"reader": reader})


def _typed(row: FormRow) -> dict[str, dict[str, str]]:
    return {
        column: {"text": one.text, "calendar": one.calendar, "unit": one.unit}
        for column, one in row.entered.items()
        if one.calendar or one.unit or one.text != row.cells.get(column)
    }


def _created(
    user: Any, place: Place, group: uuid.UUID, rows: Sequence[FormRow], incomplete: bool, entered_late: bool
) -> list[Record]:
    """Rows of one form are rows of one table."""
    first = WRITTEN_AT_FIRST.get(rows[0].table, {})
    new = []
    for row in rows:
        session = row.cells.get("session", "")
        number = int(session) if session.isdigit() else place.session
        new.append(NewRow({**first, **row.cells}, row.cells.get("visit_id", place.visit), number, _typed(row)))
    return records_create(
        user,
        rows[0].table,
        new,
        participant=place.participant,
        site=place.site,
        group=group,
        action="form.save",
        common={"form": place.form, "incomplete": incomplete, "entered_late": entered_late},
    )


def _partner(definition: FormDefinition, filling: Filling | None, row: FormRow) -> Record | None:
    """The stored record that a row of the form is a new state of."""
    if filling is None:
        return None
    where = next((field.where for field in definition.fields if field.group == row.group and row.group), None) or {}
    for record in filling.records:
        if all(record.cells.get(column) == value for column, value in where.items()):
            return record
    return None


def _changed(
    user: Any,
    place: Place,
    definition: FormDefinition,
    filling: Filling,
    rows: Sequence[FormRow],
    versions: Mapping[str, int],
    reason: str,
    incomplete: bool,
) -> None:
    kept = set()
    known = {column.name for column in definition.table.columns} & {f.column for f in definition.fields}
    for row in rows:
        record = _partner(definition, filling, row)
        if record is None:
            _created(user, place, filling.group, [row], incomplete, False)
            continue
        kept.add(record.pk)
        # Columns that the form does not ask (limits of an imported result) stay as they are.
        unasked = {name: text for name, text in record.cells.items() if name not in known and name not in row.cells}
        seen = versions.get(str(record.pk), 0)
        if not _differs(record, {**unasked, **row.cells}, incomplete):
            if record.version != seen:
                raise ConflictError(record)
            continue
        record_change(
            user,
            record,
            {**unasked, **row.cells},
            seen_version=seen,
            reason=reason,
            entered=_typed(row),
            incomplete=incomplete,
        )
    for record in filling.records:
        if record.pk not in kept:
            if is_reading_of_another(user, record):
                raise _of_another(record.cells["reader"])
            record_entered_in_error(user, record, seen_version=versions.get(str(record.pk), 0), reason=reason)


def _differs(record: Record, cells: Mapping[str, str], incomplete: bool) -> bool:
    filled = {name: text.strip() for name, text in cells.items() if text.strip()}
    return filled != record.cells or record.incomplete != incomplete


def queries_settled(definition: FormDefinition, found: Submission, filling: Filling) -> None:
    """Raise what the checks ask of the stored rows, close what they no longer ask; again, it changes nothing."""
    columns = {field.id: field.column for field in definition.fields}
    groups = {field.id: field.group for field in definition.fields}
    asked = set()
    for issue in found.queries:
        row = next((row for row in found.rows if row.group == groups[issue.item]), found.rows[0])
        record = _partner(definition, filling, row) or filling.records[0]
        rule = f"{PREFIX}{definition.id}:{issue.code}"
        column = columns[issue.item] or definition.table.key[-1]
        asked.add((rule, record.pk, column))
        system_query(rule, issue.message, record=record, column=column)
    rules = {f"{PREFIX}{definition.id}:{check.id}" for check in definition.checks} | {
        f"{PREFIX}{definition.id}:future_date"
    }
    pending = Query.objects.filter(record__in=filling.records, state__in=("open", "answered"), rule__in=rules)
    open_ones = set(pending.order_by().values_list("rule", "record_id", "column"))
    by_id = {record.pk: record for record in filling.records}
    for rule, record_id, column in sorted(open_ones - asked, key=str):
        system_query_resolved(rule, record=by_id[record_id], column=column)


def draft_key(place: Place, group: uuid.UUID | None) -> str:
    """A new filling's draft hangs on its place, that of a stored one on its group."""
    return f"group:{group}" if group else place.key[:200]


def draft_kept(
    user: Any,
    place: Place,
    group: uuid.UUID | None,
    answers: Mapping[str, Answer],
    reason: str,
    seen: Mapping[str, int] | None = None,
) -> Draft:
    """Keep what is typed so far, and on which versions of the stored rows: no data yet, and nobody else's."""
    draft, _made = Draft.objects.update_or_create(
        user=user,
        key=draft_key(place, group),
        defaults={
            "answers": {
                "items": {item: [one.text, one.unit] for item, one in answers.items()},
                "reason": reason,
                "versions": dict(seen or {}),
            },
            "saved_at": timezone.now(),
        },
    )
    return draft


def draft_of(user: Any, place: Place, group: uuid.UUID | None) -> Draft | None:
    """The user's own draft of this filling."""
    return Draft.objects.filter(user=user, key=draft_key(place, group)).first()


def draft_answers(draft: Draft, definition: FormDefinition) -> dict[str, Answer]:
    """What a draft holds of the form's items."""
    items = {field.id for field in definition.fields}
    return {item: Answer(one[0], one[1]) for item, one in draft.answers.get("items", {}).items() if item in items}
