"""Which permission a form needs, by the table it fills; and which of its items name the person at the keyboard."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from theratrial.forms import FormDefinition
from theratrial.web.capture.models import Record
from theratrial.web.people.models import Site
from theratrial.web.people.permissions import may, roles_held, sites_of

_PERMISSIONS: Final = {
    "consents": "consent.record",
    "withdrawals": "consent.record",
    "adjudications": "response.adjudicate",
    "image_assignments": "images.upload",
    "administrations": "administrations.enter",
    "batches": "batches.enter",
    "adverse_events": "safety.enter",
    "examinations": "safety.enter",
    "selection_reads": "selection.read",
    "biodistribution_reads": "biodistribution.read",
    "lesion_readings": "response.read",
    "calibrations": "calibrations.enter",
    "recoveries": "calibrations.enter",
    "tumour_measurements": "response.read",
    "lesion_classes": "response.read",
    "serious_reports": "safety.enter",
    "pregnancies": "safety.enter",
    "dose_rates": "administrations.enter",
    "discharges": "administrations.enter",
}
_OTHERWISE: Final = "records.enter"

OWN_CODE: Final = frozenset(
    {
        ("selection_reads", "reader"),
        ("biodistribution_reads", "reader"),
        ("lesion_readings", "reader"),
        ("tumour_measurements", "reader"),
        ("lesion_classes", "reader"),
        ("examinations", "examiner"),
    }
)
"""Cells that must name the person who enters them: nobody reads or examines in another's name."""
READINGS: Final = frozenset(
    {"selection_reads", "biodistribution_reads", "lesion_readings", "tumour_measurements", "lesion_classes"}
)
"""Tables of what a named reader read from an image."""
TAKE_OUT_READINGS: Final = "readings.take-out"
OF_THE_SITE: Final = ("participants", "site_id")
"""The cell that must name the participant's own site: where she is treated is not moved by typing."""
CHANGED_BY_READER: Final = frozenset({"lesion_readings", "tumour_measurements", "lesion_classes"})
"""Tables whose rows are changed only by the reader they name."""
SUGGESTED_CODE: Final = frozenset(
    {
        ("consents", "obtained_by"),
        ("eligibility", "assessed_by"),
        ("administrations", "administered_by"),
        ("serious_reports", "reported_by"),
        ("pregnancies", "reported_by"),
        ("dose_rates", "measured_by"),
        ("discharges", "decided_by"),
        ("follow_up", "reported_by"),
    }
)
"""Cells in which the person who enters is only proposed."""
WRITTEN_BY_ACT: Final = frozenset({("batches", "released"), ("batches", "released_at"), ("batches", "released_by")})
"""Cells that an act of its own writes (the signed release of a batch): no form asks for them."""
WRITTEN_AT_FIRST: Final = {"batches": {"released": "no"}}
"""Table -> what such cells hold when a row is entered."""
OWN_ROLE: Final = frozenset({"reader_role", "examiner_role"})


def entry_permission(table: str) -> str:
    """Permission to enter and correct rows of a table."""
    return _PERMISSIONS.get(table, _OTHERWISE)


def may_enter(user: Any, table: str, site: Any) -> bool:
    """Whether `user` may enter rows of `table` at `site`."""
    return may(user, entry_permission(table), site=site)


def may_correct(user: Any, table: str, site: Any) -> bool:
    """Whether `user` may change a stored row of `table`.

    A row without a site (a batch, a calibration, a recovery) is every site's: results everywhere rest on it, so the
    right to enter it must be held at every site, not at any one of them. To enter a new one the right at one is enough.
    """
    if site is not None:
        return may_enter(user, table, site)
    return set(sites_of(user, entry_permission(table))) >= set(Site.objects.values_list("pk", flat=True))


def may_correct_all(user: Any, records: Iterable[Record]) -> bool:
    """`may_correct` of every row of a filling, each at the site it belongs to."""
    return all(may_correct(user, one.table, one.site) for one in records)


def is_reading_of_another(user: Any, record: Record) -> bool:
    """Whether the row is what somebody else read from an image."""
    reader = record.cells.get("reader", "")
    return record.table in READINGS and reader not in ("", user.get_username())


def may_take_out(user: Any, record: Record) -> bool:
    """Whether `user` may mark a row as entered in error: as to correct it, but a reading only by its reader, or by who
    holds the permission to take out readings of others."""
    if is_reading_of_another(user, record):
        return may(user, TAKE_OUT_READINGS, site=record.site)
    return may_correct(user, record.table, record.site)


def filled_in(user: Any, table: str, column: str, choices: tuple[str, ...], site: Any) -> str:
    """What the site itself writes into a cell of a new form, or empty."""
    if (table, column) == OF_THE_SITE:
        return str(site.code) if site is not None else ""
    if (table, column) in OWN_CODE | SUGGESTED_CODE:
        name: str = user.get_username()
        return name
    if column in OWN_ROLE:
        held = [role for role in roles_held(user, site=site) if not choices or role in choices]
        return held[0] if held else ""
    return ""


def typed_by_people(definition: FormDefinition) -> FormDefinition:
    """The form without the items that an act writes, and without the checks over them."""
    written = {field.id for field in definition.fields if (definition.table.name, field.column) in WRITTEN_BY_ACT}
    if not written:
        return definition
    fields = tuple(field for field in definition.fields if field.id not in written)
    return replace(definition, fields=fields, checks=tuple(c for c in definition.checks if not written & set(c.items)))
