"""What the ledger records: tables, how a row is written down, whose it is, what is refused. Both back ends read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.db import models

from theratrial.web.ledger.chain import CHANGED, NOT_SHOWN

STATE_ACTIONS: Final = ("data.freeze", "data.thaw", "data.lock", "data.unlock", "data.hard-lock")
"""The acts that may move `data_state`, and nothing else with it."""

__all__ = ["CHAIN_TABLES", "CHANGED", "NOT_SHOWN", "STATE_ACTIONS", "AuditedTable", "Column", "audited_tables"]

CHAIN_TABLES: Final = ("ledger_event", "ledger_payload", "ledger_head")
NOT_AUDITED: Final = frozenset(
    {
        *CHAIN_TABLES,
        *("capture_draft", "results_progress", "exports_package", "exports_studydocument"),
        *("people_sentform", "registration_registrationdraft"),
    }
)
AUDITED_APPS: Final = (
    *("ledger", "people", "trials", "participants", "capture", "studies", "dicom_node", "results", "registration"),
    "exports",
)
OTHER_AUDITED: Final = ("otp_totp_totpdevice",)
DELETION_ALLOWED: Final = frozenset({"otp_totp_totpdevice"})
DIGESTED: Final = {
    "results_participantresultrow": ("content", "for_gate"),
    "results_trialresultrow": ("content",),
    "registration_registrationversion": ("record",),
}
"""Columns too large for the ledger, or with people's addresses in them; the row's ``digest``, which is in it, covers
them (`verification`)."""
HIDDEN: Final = {
    "people_user": ("password",),
    "otp_totp_totpdevice": ("key",),
    # A ledger's line of the whole trial is read at every site; codes of other sites do not belong there.
    "exports_sharedrelease": ("participants",),
    **DIGESTED,
}
BOOKKEEPING: Final = {
    "otp_totp_totpdevice": (
        "drift", "last_t", "throttling_failure_timestamp", "throttling_failure_count", "last_used_at",
    ),
    "exports_sharedrelease": ("done", "total"),
}  # fmt: skip
"""Columns that a library moves by itself, or that only show progress: not written down, moving them needs no act."""

# {row} becomes NEW or OLD. Whose an event is: participant, then site; both as codes.
_SITE = "(SELECT s.code FROM people_site s WHERE s.id = {row}.site_id)"
_PARTICIPANT = "(SELECT p.code FROM participants_participant p WHERE p.id = {row}.participant_id)"
_SITE_OF_PARTICIPANT = (
    "(SELECT s.code FROM participants_participant p JOIN people_site s ON s.id = p.site_id"
    " WHERE p.id = {row}.participant_id)"
)


def _through(table: str, column: str, wanted: str) -> str:
    joins = (
        "participants_participant p ON p.id = x.participant_id"
        if wanted == "p.code"
        else "people_site s ON s.id = x.site_id"
    )
    return f"(SELECT {wanted} FROM {table} x LEFT JOIN {joins} WHERE x.id = {{row}}.{column})"


def _both_through(table: str, column: str) -> tuple[str, str]:
    return _through(table, column, "p.code"), _through(table, column, "s.code")


_WHOSE: Final = {
    "people_site": ("''", "{row}.code"),
    "participants_participant": ("{row}.code", _SITE),
    "capture_querymessage": _both_through("capture_query", "query_id"),
    "capture_verification": _both_through("capture_record", "record_id"),
    "studies_instance": _both_through("studies_series", "series_id"),
    "results_participantresultrow": (_PARTICIPANT, _SITE_OF_PARTICIPANT),
    "ledger_signedrow": (
        "(SELECT x.participant FROM ledger_signature x WHERE x.id = {row}.signature_id)",
        "(SELECT x.site FROM ledger_signature x WHERE x.id = {row}.signature_id)",
    ),
    "ledger_signature": ("{row}.participant", "{row}.site"),
    "ledger_note": ("{row}.participant", "{row}.site"),
}

_TRIAL_IN = "EXISTS (SELECT 1 FROM trials_trial t WHERE t.data_state IN ({states}))"
_CLOSED: Final = "'frozen', 'locked', 'hard_locked'"
_LOCKED: Final = "'locked', 'hard_locked'"


def _participant_in(states: str, participant_id: str) -> str:
    of = f"SELECT 1 FROM participants_participant p WHERE p.id = {participant_id}"
    return f"EXISTS ({of} AND p.data_state IN ({states}))"


def _closed(states: str, participant_id: str = "") -> str:
    trial = _TRIAL_IN.format(states=states)
    return f"({trial} OR {_participant_in(states, participant_id)})" if participant_id else trial


def _record_locked(record_id: str) -> str:
    return (
        f"({_TRIAL_IN.format(states=_LOCKED)} OR EXISTS (SELECT 1 FROM capture_record r"
        f" LEFT JOIN participants_participant p ON p.id = r.participant_id"
        f" WHERE r.id = {record_id} AND (r.data_state = 'locked' OR p.data_state = 'locked')))"
    )


_QUERY_LOCKED = f"({_closed(_LOCKED, '{row}.participant_id')} OR {_record_locked('{row}.record_id')})"
_MESSAGE_LOCKED = (
    f"({_TRIAL_IN.format(states=_LOCKED)} OR EXISTS (SELECT 1 FROM capture_query q"
    " LEFT JOIN capture_record r ON r.id = q.record_id LEFT JOIN participants_participant p ON p.id = q.participant_id"
    " WHERE q.id = {row}.query_id AND (r.data_state = 'locked' OR p.data_state = 'locked')))"
)
_INSTANCE_LOCKED = (
    f"({_TRIAL_IN.format(states=_LOCKED)} OR EXISTS (SELECT 1 FROM studies_series x"
    " JOIN participants_participant p ON p.id = x.participant_id"
    " WHERE x.id = {row}.series_id AND p.data_state = 'locked'))"
)
REFUSED_WHEN: Final = {
    # A frozen record takes no entry; queries and verification go on until the lock.
    "capture_record": _closed(_CLOSED, "{row}.participant_id"),
    "participants_participant": _closed(_CLOSED),
    "capture_query": _QUERY_LOCKED,
    "capture_querymessage": _MESSAGE_LOCKED,
    "capture_verification": _record_locked("{row}.record_id"),
    "studies_upload": _closed(_LOCKED),
    "studies_storedfile": _closed(_LOCKED),
    "studies_series": _closed(_LOCKED, "{row}.participant_id"),
    "studies_instance": _INSTANCE_LOCKED,
}
"""Condition under which a row may be neither inserted nor updated, as SQL over ``{row}``."""
SET_ONCE: Final = {"registration_registrationversion": ("sent_on", "sent_by")}
"""Tables whose rows never change, but for these columns: set once, the first of them from nothing to a value."""
OWN_STATE: Final = frozenset({"capture_record", "participants_participant", "trials_trial"})
"""Tables with a `data_state` of their own, which only `STATE_ACTIONS` move."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column and how SQLite keeps it: ``uuid``, ``boolean``, ``json`` or plain."""

    name: str
    kind: str
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class AuditedTable:
    """A table of which every change is an event."""

    name: str
    key: Column
    columns: tuple[Column, ...]
    participant: str
    site: str
    deletable: bool
    refused_when: str
    own_state: bool
    set_once: tuple[str, ...] = ()

    @property
    def is_note(self) -> bool:
        return self.name == "ledger_note"

    @property
    def voids_signatures(self) -> bool:
        """Whether a change of its rows voids signatures that rest on them."""
        return not self.name.startswith("ledger_")


def _kind(field: Any) -> str:
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    for kind, of in (("uuid", models.UUIDField), ("boolean", models.BooleanField), ("json", models.JSONField)):
        if isinstance(field, of):
            return kind
    return "plain"


def _audited(model: type[models.Model]) -> AuditedTable:
    name = model._meta.db_table
    fields = {field.column: field for field in model._meta.concrete_fields}
    hidden, left_out = HIDDEN.get(name, ()), BOOKKEEPING.get(name, ())
    columns = tuple(
        Column(str(column), _kind(f), column in hidden) for column, f in fields.items() if column not in left_out
    )
    default = (
        _PARTICIPANT if "participant_id" in fields else "''",
        _SITE if "site_id" in fields else "''",
    )
    participant, site = _WHOSE.get(name, default)
    key = model._meta.pk
    assert key is not None
    return AuditedTable(
        name,
        Column(str(key.column), _kind(key)),
        columns,
        participant,
        site,
        name in DELETION_ALLOWED,
        REFUSED_WHEN.get(name, ""),
        name in OWN_STATE,
        SET_ONCE.get(name, ()),
    )


def audited_tables() -> tuple[AuditedTable, ...]:
    """Every audited table: all models of `AUDITED_APPS` but what is no data, and `OTHER_AUDITED`."""
    found = {
        model._meta.db_table: model
        for model in apps.get_models(include_auto_created=True)
        if (model._meta.app_label in AUDITED_APPS and model._meta.db_table not in NOT_AUDITED)
        or model._meta.db_table in OTHER_AUDITED
    }
    return tuple(_audited(found[name]) for name in sorted(found))
