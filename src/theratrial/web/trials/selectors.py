"""The trial of this installation, read."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import QuerySet

from theratrial.protocol.reader import parse_protocol
from theratrial.protocol.schema import Protocol
from theratrial.web.trials.models import ProtocolVersion, Trial


def _trials() -> QuerySet[Trial]:
    """Without the files themselves, which hardly a page needs; they are fetched when asked for."""
    return Trial.objects.select_related("in_force").defer("registration_yaml", "in_force__yaml")


def trial_or_none() -> Trial | None:
    """The one trial, None before `theratrial site init`."""
    return _trials().first()


def the_trial() -> Trial:
    """The one trial.

    Raises
    ------
    Trial.DoesNotExist
        The site was not set up.
    """
    return _trials().get()


@lru_cache(maxsize=16)
def parsed(content: bytes) -> Protocol:
    """A protocol file, parsed once per process: a second of work.

    Raises
    ------
    Problems
        All that is wrong with it.
    """
    return parse_protocol(content, "protocol.yaml")


@lru_cache(maxsize=16)
def _parsed(sha256: str) -> Protocol:
    return parsed(ProtocolVersion.objects.filter(sha256=sha256).values_list("yaml", flat=True)[0].encode())


def protocol_of(version: ProtocolVersion) -> Protocol:
    """The protocol that a version holds; parsed once per process."""
    return _parsed(version.sha256)


def protocol_in_force() -> Protocol:
    """The protocol that is in force now."""
    return _parsed(_sha256_in_force())


def _sha256_in_force() -> str:
    """Asked anew each time, in plain SQL: pages ask it up to twenty times, and making the query costs most of it."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT version.sha256 FROM {Trial._meta.db_table} trial "
            f"JOIN {ProtocolVersion._meta.db_table} version ON version.id = trial.in_force_id"
        )
        found = cursor.fetchone()
    if found is None:
        raise Trial.DoesNotExist("no trial with a protocol in force; set the site up first")
    return str(found[0])


def trial_zone() -> ZoneInfo:
    """The time zone of the trial."""
    reading = protocol_in_force().identity.reading
    return ZoneInfo(reading.timezone if reading else "UTC")
