"""Versions that come from outside: the record a site is set up with, and those of a trial folder."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils import timezone

from theratrial.errors import InputError, Problems
from theratrial.registry.history import History, Version
from theratrial.registry.history_files import VERSIONS_FOLDER, history_of_files
from theratrial.registry.reader import parse_registration, registration_yaml
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import Text
from theratrial.web.ledger.act import SystemActor, act
from theratrial.web.ledger.chain import json_digest
from theratrial.web.registration.models import RegistrationVersion

_LOG = logging.getLogger(__name__)
TAKING: Final = SystemActor("site-setup")
TAKEN: Final = Text(
    en="The record as it was registered, taken in when the site was set up",
    fa="رکورد به همان صورتی که ثبت شده بود، هنگام راه‌اندازی سامانه وارد شد",
)


def first_version(record: RegistrationRecord, zone: ZoneInfo, now: datetime) -> Version:
    """Version 0: made on the day of the last update that the registry states, else of its registration, else now.

    Where it is registered, the registry has it: it was sent on that day.
    """
    registration = record.registration
    told = registration.stated.last_update or registration.registered_on
    if told is None:
        return Version(0, record, now, TAKING.name, TAKEN)
    made_at = min(datetime.combine(told.gregorian, time(), zone), now)
    return Version(0, record, made_at, TAKING.name, TAKEN, made_at.date() if registration.number else None)


def versions_beside(registration: Path) -> dict[str, bytes]:
    """Name -> content of the versions in the folder beside a ``registration.yaml``; empty where there is none."""
    folder = registration.parent / VERSIONS_FOLDER
    if not folder.is_dir():
        return {}
    return {one.name: one.read_bytes() for one in sorted(folder.glob("*.yaml"))}


def record_taken(content: bytes, *, zone: ZoneInfo, versions: Mapping[str, bytes] | None = None) -> int:
    """The record of a new site: with its versions where there are files of them, else as version 0.

    Raises
    ------
    Problems
        It cannot be read, or the versions do not lead to it.
    """
    record = parse_registration(content)
    if versions:
        return history_taken(history_of_files(versions, newest=record))
    return history_taken(History((first_version(record, zone, timezone.now()),)))


def history_taken(history: History) -> int:
    """Versions from outside, after those that are here already; says how many were new.

    Raises
    ------
    InputError
        The versions here are no beginning of those.
    """
    from theratrial.web.registration.selectors import history_now

    here = history_now()
    count = len(here.versions) if here else 0
    if here is not None:
        pairs = zip(here.versions, history.versions, strict=False)
        if count > len(history.versions) or any(old.record != new.record for old, new in pairs):
            raise InputError(
                "the folder's registration record is not that of this site: its versions do not begin with those that "
                "are here; import registration.yaml on the site's page of the registration record instead"
            )
    with act(TAKING, "registration.take"):
        for version in history.versions[count:]:
            row_made(version, sent_by=TAKING.name if version.sent_on else "")
    return len(history.versions) - count


def row_made(version: Version, *, sent_by: str = "", signature: Any = None) -> RegistrationVersion:
    """The row of a version; inside an act."""
    text = registration_yaml(version.record)
    return RegistrationVersion.objects.create(
        number=version.number, record=text, digest=json_digest({"record": text}), author=version.author,
        made_at=version.made_at.astimezone(UTC), reason_en=version.reason.en, reason_fa=version.reason.fa,
        signature=signature, sent_on=version.sent_on, sent_by=sent_by,
    )  # fmt: skip


def taken_over(using: str = "default", plan: Any = (), **_: Any) -> None:
    """Hook of Django after migrations: a record kept the old way, as a text of the trial, becomes version 0."""
    from theratrial.web.ledger.triggers import ledger_tables_exist
    from theratrial.web.trials.models import Trial

    if using != "default" or not plan or not ledger_tables_exist():
        return
    trial = Trial.objects.exclude(registration_yaml="").first()
    if trial is None or RegistrationVersion.objects.exists():
        return
    from theratrial.web.trials.selectors import trial_zone

    content = trial.registration_yaml.encode()
    try:
        parse_registration(content)
    except Problems as problems:
        # The site must come up; whoever set it up takes the record in again as a file that can be read.
        _LOG.warning("the registration record of this site cannot be read and was left as it is: %s", problems)
        return
    with act(TAKING, "registration.take"):
        record_taken(content, zone=trial_zone())
        trial.registration_yaml = ""
        trial.save(update_fields=["registration_yaml"])
