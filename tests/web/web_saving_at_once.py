"""Many people saving forms at the same moment, through the whole site, each with a browser of her own."""

from __future__ import annotations

import json
import re
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import unescape
from typing import Any

from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from theratrial.web.capture.models import Record
from theratrial.web.large_site import first_treated
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Event, Payload
from theratrial.web.people.models import Assignment, Delegation, Site, User
from theratrial.web.people.permissions import matrix
from theratrial.web.setup_site import SETUP

_BEGIN = datetime(2022, 3, 1, 8, 0)
_LONG_AGO = datetime(2022, 1, 1, tzinfo=timezone.get_default_timezone())
BLOOD_COUNTS = {
    "i-neutrophils_e9_per_L": "3.1",
    "i-platelets_e9_per_L": "201",
    "i-haemoglobin_g_per_L": "118",
    "i-white_cells_e9_per_L": "4.2",
}
ROWS_EACH = 4
"""Rows that one saving of blood counts makes."""


@dataclass
class SavedAtOnce:
    """What came of it."""

    users: int
    made: int = 0
    changed: list[str] = field(default_factory=list)
    """The values that the site said it kept."""
    conflicts: int = 0
    errors: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def as_numbers(self) -> dict[str, Any]:
        """For a table."""
        ordered = sorted(self.seconds)
        return {
            "users": self.users, "new_forms": self.made, "changes": len(self.changed),
            "conflicts_shown": self.conflicts,
            "errors": len(self.errors), "lost": len(self.lost), "p50_ms": round(statistics.median(ordered) * 1000),
            "p95_ms": round(ordered[int(0.95 * len(ordered))] * 1000), "first_errors": self.errors[:3],
        }  # fmt: skip


def signed_in(username: str) -> Client:
    """A browser of that account."""
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(username=username), "theratrial.web.people.backend.AccountBackend")
    return client


def one_saver(username: str) -> Callable[[int], None]:
    """A function that saves new blood counts; its number makes the moment of the sample."""
    client, address = signed_in(username), _new(first_treated())

    def saved(number: int) -> None:
        answer = client.post(address, _typed(number))
        assert answer.status_code == 302, answer.content[:500]

    return saved


def _new(code: str) -> str:
    return reverse("capture:form-new", kwargs={"code": code, "form": "laboratory"})


def _typed(number: int, **more: str) -> dict[str, str]:
    return {"i-collected_at": f"{_BEGIN + timedelta(minutes=number):%Y-%m-%d %H:%M}", **BLOOD_COUNTS, **more}


def coordinators_made(count: int) -> list[str]:
    """So many coordinators, everything delegated to them."""
    site, names = Site.objects.get(), []
    tasks = sorted({matrix().permissions[one].task for one in matrix().roles["coordinator"].permissions} - {""})
    with act(SETUP, "people.set-up"):
        for number in range(count):
            user = User.objects.create(username=f"saver{number}", printed_name=f"Saver {number}", password="!")
            user.password_changed_at = timezone.now()
            user.save()
            Assignment.objects.create(
                user=user, role="coordinator", site=site, starts_at=_LONG_AGO, granted_by=SETUP.name
            )
            Delegation.objects.create(
                user=user, site=site, tasks=tasks, trained_on=_LONG_AGO.date(), starts_on=_LONG_AGO.date(),
                authorised_by="investigator1",
            )  # fmt: skip
            names.append(user.username)
    return names


def saved_at_once(*, users: int, rounds: int) -> SavedAtOnce:
    """Everybody saves `rounds` new forms of one participant and `rounds` changes of one and the same form."""
    names, code = coordinators_made(users), first_treated()
    before = Record.objects.filter(table="laboratory").count()
    first = signed_in(names[0])
    assert first.post(_new(code), _typed(0)).status_code == 302
    shared = Record.objects.filter(table="laboratory", form="laboratory", cells__test="platelets").latest("sequence")
    edit = reverse("capture:form-edit", kwargs={"code": code, "form": "laboratory", "group": str(shared.group)})
    clients = {name: signed_in(name) for name in names}
    found, start = SavedAtOnce(users), threading.Barrier(users)
    threads = [
        threading.Thread(target=_one_user, args=(clients[name], number, rounds, _new(code), edit, start, found))
        for number, name in enumerate(names)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    after = Record.objects.filter(table="laboratory").count()
    if after - before != ROWS_EACH * (found.made + 1):
        found.lost.append(f"{found.made + 1} forms were saved, {after - before} rows are there")
    found.lost += _lost_changes(shared, found)
    return found


def _one_user(
    client: Client, number: int, rounds: int, new: str, edit: str, start: threading.Barrier, found: SavedAtOnce
) -> None:
    try:
        start.wait(60)
        for turn in range(rounds):
            _asked(found, client, new, _typed(1 + number * rounds + turn), "new")
            page = client.get(edit).content.decode()
            seen = re.search(r'name="versions" value="([^"]*)"', page)
            if seen is None:
                found.errors.append(f"no form: {page[:200]}")
                continue
            value = str(100 + number * rounds + turn)
            change = {"i-platelets_e9_per_L": value, "versions": unescape(seen[1]), "reason": f"change {value}"}
            _asked(found, client, edit, _typed(0, **change), value)
    except Exception as error:  # noqa: BLE001 - told, and counted as a failure
        found.errors.append(repr(error))
    finally:
        connection.close()


def _asked(found: SavedAtOnce, client: Client, address: str, typed: dict[str, str], what: str) -> None:
    began = time.perf_counter()
    answer = client.post(address, typed)
    found.seconds.append(time.perf_counter() - began)
    if answer.status_code == 302 and what == "new":
        found.made += 1
    elif answer.status_code == 302:
        found.changed.append(what)
    elif answer.status_code == 409 and what != "new":
        found.conflicts += 1
    else:
        found.errors.append(f"{answer.status_code}: {answer.content[:300]!r}")


def _lost_changes(shared: Record, found: SavedAtOnce) -> list[str]:
    """Changes that the site said it kept and that are not in the record's history, each following the one before."""
    shared.refresh_from_db()
    events = Event.objects.filter(entity="capture_record", entity_id=str(shared.pk), op="update").order_by("seq")
    payloads = Payload.objects.in_bulk(list(events.values_list("seq", flat=True)))
    kept, lost, before = [], [], 1
    for seq in sorted(payloads):
        old, new = json.loads(payloads[seq].old or "{}"), json.loads(payloads[seq].new or "{}")
        if (old["version"], new["version"]) != (before, before + 1):
            lost.append(f"version {old['version']} to {new['version']} after {before}")
        before = new["version"]
        kept.append(new["cells"]["value"])
    if sorted(kept) != sorted(found.changed):
        lost.append(f"kept {sorted(kept)}, said to be kept {sorted(found.changed)}")
    if shared.version != 1 + len(found.changed):
        lost.append(f"{len(found.changed)} changes, version {shared.version}")
    return lost
