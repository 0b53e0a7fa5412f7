"""Acts: the only way to write. An act names who does what and why; the database's triggers write the ledger from it.

    with act(request.user, "record.change", reason=reason, participant="P01"):
        ...  # any ORM or SQL writes; every changed row becomes an event of this act

Without an open act every write to an audited table is refused by the database itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from theratrial.errors import InputError


@dataclass(frozen=True, slots=True)
class SystemActor:
    """A part of the software that acts by itself: ``worker``, ``edit-checks``, ``site-setup``."""

    name: str


@dataclass(frozen=True, slots=True)
class Act:
    """The act that is open."""

    actor: str
    actor_kind: str
    action: str
    reason: str
    at: str
    request_id: str
    software: str


_ACTS: ContextVar[tuple[Act, ...]] = ContextVar("acts", default=())


def current_act() -> Act | None:
    """The innermost open act."""
    acts = _ACTS.get()
    return acts[-1] if acts else None


def utc_text(at: datetime) -> str:
    """``2026-11-23T06:00:00.123456Z``: what the ledger keeps of an instant."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@contextmanager
def act(actor: Any, action: str, *, reason: str = "", at: datetime | None = None) -> Iterator[Act]:
    """Open an act: one transaction, every write inside attributed to `actor`.

    Parameters
    ----------
    actor
        A signed-in `people.User`, or a `SystemActor`.
    action
        What is done, ``entity.verb`` in the imperative (``record.change``, ``batch.release``).
    reason
        Why; services that change entered data demand one before they come here.
    at
        The moment, for tests; else the clock's.

    Notes
    -----
    An act inside an act joins its transaction and its moment, and its writes carry the inner action. Acts follow one
    another: keep them short, compute before. The clock is read when the act's turn has come, so that whoever waited
    does not seem to have acted before the one he waited for.
    """
    outer = current_act()
    kind = "system" if isinstance(actor, SystemActor) else "person"
    name = actor.name if isinstance(actor, SystemActor) else actor.get_username()
    if not name:
        raise PermissionError("an act needs an actor: nobody is signed in")
    if "\x00" in reason:
        raise InputError("a reason holds text; the character NUL is none")
    joined = connection.in_atomic_block
    with transaction.atomic():
        if outer is None:
            _turn_awaited()
        opened = Act(
            actor=name,
            actor_kind=kind,
            action=action,
            reason=reason,
            at=utc_text(at) if at else outer.at if outer else utc_text(timezone.now()),
            request_id=outer.request_id if outer else uuid.uuid4().hex,
            software=software_text(),
        )
        _told_postgresql(opened)
        token = _ACTS.set((*_ACTS.get(), opened))
        try:
            yield opened
        finally:
            _ACTS.reset(token)
        # A failed act needs no such step: its savepoint takes the settings back.
        if joined:
            _told_postgresql(outer)


_SETTINGS = ("actor", "actor_kind", "action", "reason", "at", "request_id", "software")


def _turn_awaited() -> None:
    """PostgreSQL: acts follow one another from their start, as on SQLite, which begins a transaction with its lock.

    Taken only at the first write, two acts could each hold a row that the other waits for.
    """
    if connection.vendor != "postgresql":
        return
    from theratrial.web.ledger.triggers_postgresql import LOCK

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock({LOCK})")


def _told_postgresql(now: Act | None) -> None:
    """Say to PostgreSQL's triggers who acts, until the transaction ends; SQLite's ask `current_act` themselves."""
    if connection.vendor != "postgresql":
        return
    values = [getattr(now, name) if now else "" for name in _SETTINGS]
    told = ", ".join(f"set_config('theratrial.{name}', %s, true)" for name in _SETTINGS)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {told}", values)


@lru_cache(maxsize=1)
def software_text() -> str:
    """Version of the software, shown on every event and signature."""
    from importlib.metadata import version

    return f"theratrial {version('theratrial')}"


def note(action: str, *, participant: str = "", site: str = "", **detail: Any) -> None:
    """Record, inside an act, something that changes no row: an export, a print, a sign-in."""
    from theratrial.web.ledger.models import Note

    Note.objects.create(action=action, participant=participant, site=site, detail=detail)
