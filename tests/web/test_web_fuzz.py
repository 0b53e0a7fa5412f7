"""Bad input: every address, as every role and as nobody, with everything that a browser never sends (hypothesis).

`make test` asks every address and every form a few times, always the same; `make walk` many times, ever differently.
"""

from __future__ import annotations

import os
import re
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.web.web_hostile import Address, Form, Known, Sent, addresses, forms_of, plain_path, requests, submissions
from tests.web.web_two_sites import MARK, other_site_planted

from theratrial.forms import form_ids
from theratrial.web.access import OPEN, SIGNED_IN
from theratrial.web.capture.models import Record
from theratrial.web.ledger.models import Event
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import User
from theratrial.web.people.permissions import may
from theratrial.web.setup_site import CAST, demonstration_made
from theratrial.web.trials.selectors import protocol_in_force

ANSWERS = frozenset({200, 201, 204, 302, 304, 400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 503})
EVERYWHERE = ("statistician", "registrant", "administrator", "principal_investigator")
"""Roles that are not bound to one site."""
TOKEN = "a" * 32
pytestmark = pytest.mark.django_db
ALL = sorted(addresses(), key=lambda one: one.name)
_SAME = settings(
    derandomize=True, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=[*HealthCheck]
)
_DEEP = settings(_SAME, derandomize=False, phases=[Phase.generate, Phase.shrink], print_blob=True)


@dataclass
class World:
    """The demonstration, another site beside it, a browser for each of the cast and for nobody."""

    clients: dict[str, Client]
    users: dict[str, User]
    bound: frozenset[str]
    """Who works at one site only."""
    own: Known
    known: Known
    last_event: int
    statuses: Counter[int] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def who_may(self, address: Address) -> list[str]:
        if address.permission in (OPEN, SIGNED_IN):
            return list(self.users)
        return [name for name, user in self.users.items() if may(user, address.permission)]

    def asked(self, sent: Sent, address: Address | None = None) -> list[str]:
        """Ask, say what is wrong with the answer, undo what it changed."""
        client = self.clients[sent.username]
        cookies = {name: morsel.value for name, morsel in client.cookies.items()}
        client.cookies["csrftoken"] = TOKEN
        headers = {"X-CSRFToken": TOKEN} if sent.token else {}
        headers |= {"HX-Request": "true"} if sent.htmx else {}
        with transaction.atomic():
            try:
                answer = client.generic(sent.method, sent.path, sent.body, sent.content_type, headers=headers)
                body = b"".join(answer.streaming_content) if answer.streaming else answer.content
                wrong = [*self._wrong(sent, answer, body), *self._not_denied(sent, answer, address)]
            except Exception as error:  # noqa: BLE001  # what would have been a 500 with a traceback in the log
                frames = traceback.extract_tb(error.__traceback__)
                ours = [one for one in frames if "theratrial/web" in one.filename] or frames
                wrong = [
                    f"{type(error).__name__} at {Path(ours[-1].filename).name}:{ours[-1].lineno}: {str(error)[:150]!r}"
                ]
            transaction.set_rollback(True)
        client.cookies = SimpleCookie(cookies)
        return wrong

    def _wrong(self, sent: Sent, answer: Any, body: bytes) -> Iterator[str]:
        self.statuses[answer.status_code] += 1
        if answer.status_code not in ANSWERS:
            yield f"status {answer.status_code}"
        # Plain text that quotes what was typed is shown as text (X-Content-Type-Options: nosniff).
        if b"<script>alert(1)" in body and "html" in answer.get("Content-Type", ""):
            yield "what was typed is a script of the page"
        if b"Traceback (most recent call last)" in body:
            yield "the page shows a traceback"
        if answer.get("Location", "").startswith(("//", "http", "\\", "javascript")):
            yield f"leads away to {answer['Location'][:100]}"
        if sent.username in self.bound:
            text = body.decode("utf-8", "replace") + str(answer.headers)
            asked = sent.path + sent.body.decode("utf-8", "replace")
            theirs = {one for one in re.findall(MARK + r"[- ][\w-]{0,40}", text) if one not in asked}
            if sent.path.startswith("/registration/"):
                theirs -= {f"{MARK} centre"}  # a registry publishes the names of all centres
            if theirs:
                yield f"shows of another site: {sorted(theirs)[:3]}"
        if answer.status_code >= 400 and self._wrote():
            yield f"refused with {answer.status_code}, yet something was written"

    def _not_denied(self, sent: Sent, answer: Any, address: Address | None) -> Iterator[str]:
        unsafe = sent.method not in ("GET", "HEAD", "OPTIONS", "TRACE")
        if unsafe and not sent.token and answer.status_code < 300:
            yield "a form without its token was taken"
        if address is None or address.permission == OPEN or answer.status_code >= 400:
            return
        self.refused[address.name] += sent.username == ""
        to_sign_in = answer.get("Location", "").startswith("/people/sign-in/?next=")
        if sent.username == "" and not to_sign_in:
            yield f"nobody is answered {answer.status_code}"
        elif sent.username and sent.username not in self.who_may(address):
            yield f"{sent.username} may not, yet is answered {answer.status_code}"
        if unsafe and not sent.token and self._wrote():
            yield "a form without its token was taken"

    def _wrote(self) -> bool:
        return Event.objects.filter(seq__gt=self.last_event).exclude(op="note").exists()


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Made once for the module; every request is undone, and at the end all of it."""
    with django_db_blocker.unblock(), transaction.atomic():
        theirs = other_site_planted(demonstration_made(participants=3))
        own = _own()
        clients = {"": Client(enforce_csrf_checks=True)}
        for member in CAST:
            clients[member.username] = Client(enforce_csrf_checks=True)
            user = User.objects.get(username=member.username)
            clients[member.username].force_login(user, "theratrial.web.people.backend.AccountBackend")
        known = {name: [*own.get(name, ()), *theirs.get(name, ())] for name in {*own, *theirs}}
        users = {one.username: one for one in User.objects.filter(username__in=[one.username for one in CAST])}
        last = Event.objects.order_by("-seq").values_list("seq", flat=True)[0]
        bound = frozenset(one.username for one in CAST if one.role not in EVERYWHERE)
        yield World(clients, users, bound, own, known, last)
        transaction.set_rollback(True)


def _own() -> dict[str, list[str]]:
    """Values that are there, by parameter name."""
    treated = Record.objects.filter(table="administrations").order_by("sequence")[0]
    batch = Record.objects.filter(table="batches")[0]
    protocol = protocol_in_force()
    rows = list(Record.objects.filter(participant=treated.participant).order_by("table"))
    codes = list(Participant.objects.order_by("code").values_list("code", flat=True))
    return {
        "code": [str(treated.participant.code), codes[0]], "session": ["1", "2"], "visit": list(protocol.schedule),
        "username": ["coordinator1", "administrator1"], "form": list(form_ids(protocol)), "kind": ["organ", "visit"],
        "column": ["value", "ecog", "injected_at"], "table": ["consents", "laboratory"], "test": ["platelets"],
        "entity": ["capture_record", "people_user"], "entity_id": [str(treated.pk), "1"], "region": ["liver"],
        "group": [*(str(one.group) for one in rows), str(batch.group)], "record_id": [str(one.pk) for one in rows],
        "record": [str(one.pk) for one in rows if one.table == "selection_reads"], "thing": list(protocol.schedule),
        "pharmacy.pk": [str(batch.pk)], "batch": [str(batch.pk)], "point": ["0"], "number": ["1"], "pk": ["1"],
        "results.pk": [str(one.pk) for one in rows if one.table in ("adverse_events", "lesion_readings")],
    }  # fmt: skip


def _faults(world: World, sends: st.SearchStrategy[Sent], address: Address | None, profile: settings) -> list[str]:
    @settings(profile)
    @given(sends)
    def nothing_fails(sent: Sent) -> None:
        wrong = world.asked(sent, address)
        assert not wrong, f"{wrong} {sent!r}"[:700]

    try:
        nothing_fails()
    except AssertionError as error:
        return [str(error)]
    return []


def _every_address(world: World, profile: settings) -> list[str]:
    found: list[str] = []
    for address in ALL:
        allowed = world.who_may(address)
        # Half of the requests by who may: the others are turned away at the door.
        who = [*allowed[:6], *allowed[:6], "", *world.users] if address.permission != OPEN else ["", *allowed[:2]]
        found += _faults(world, requests(address, world.known, who), address, profile)
    return found


def _forms(world: World) -> Iterator[tuple[Form, list[str]]]:
    """Every form of every page, once, and who sees it."""
    seen: set[tuple[str, ...]] = set()
    for address in ALL:
        for username in world.who_may(address)[:2]:
            path = plain_path(address, world.own)
            client = world.clients[username]
            client.raise_request_exception = False  # what fails by itself is the other test's to tell
            with transaction.atomic():
                answer = client.get(path)
                transaction.set_rollback(True)
            client.raise_request_exception = True
            if answer.status_code != 200 or "html" not in answer.get("Content-Type", ""):
                continue
            for form in forms_of(path, answer.content.decode()):
                like = (re.sub(r"[0-9a-f-]{36}|\d+", "", form.action), form.method, *sorted(form.found))
                if like not in seen:
                    seen.add(like)
                    yield form, [username]


def _every_form(world: World, profile: settings) -> tuple[int, list[str]]:
    found: list[str] = []
    forms = list(_forms(world))
    for form, who in forms:
        found += _faults(world, submissions(form, who), None, profile)
    return len(forms), found


@pytest.mark.timeout(300)
def test_U1_nothing_that_is_sent_makes_the_site_fail_or_tell(world: World) -> None:
    faults = _every_address(world, settings(_SAME, max_examples=3))
    assert not faults, "\n".join(faults)
    assert {200, 302, 403, 404, 405, 422} <= set(world.statuses), "the requests reached the views"


@pytest.mark.timeout(300)
def test_no_field_of_any_form_makes_the_site_fail_or_tell(world: World) -> None:
    number, faults = _every_form(world, settings(_SAME, max_examples=3))
    assert not faults, "\n".join(faults)
    assert number > 40


@pytest.mark.walk
@pytest.mark.timeout(7200)
def test_U1_nothing_that_is_sent_makes_the_site_fail_or_tell_deep(world: World) -> None:
    """Others each time; a failing request is made small and stands in the message. The variable asks for more."""
    number = int(os.environ.get("THERATRIAL_FUZZ_EXAMPLES", "100"))
    faults = _every_address(world, settings(_DEEP, max_examples=number))
    _number, more = _every_form(world, settings(_DEEP, max_examples=number))
    assert not faults + more, "\n".join(faults + more)
