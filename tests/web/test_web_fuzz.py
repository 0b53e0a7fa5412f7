"""Bad input: every address, as every role and as nobody, with everything that a browser never sends."""

from __future__ import annotations

import os
import random
import re
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

import theratrial.web
from theratrial.web.access import OPEN, SIGNED_IN
from theratrial.web.capture.models import Record
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import User
from theratrial.web.people.permissions import may
from theratrial.web.setup_site import CAST
from theratrial.web.trials.models import Trial

_PARAMETER = re.compile(r"<(?:(?P<converter>\w+):)?(?P<name>\w+)>")
_ASKED_FOR = re.compile(r"""(?:GET|POST|FILES)(?:\.get|\.getlist)?[(\[]\s*f?["']([\w-]+)["']""")
NOWHERE = "00000000-0000-0000-0000-000000000000"
NASTY = (
    "", " ", "a", "\x00", "P\x0001", "\u202eevil\u202c", "\u200f۱۴۰۰/۱۲/۳۰", "\U0001f600", "é" * 300, "x" * 5000,
    "0", "-1", "1", "2", "1e999", "nan", "inf", "-inf", "99999999999999999999", "2147483648", "9223372036854775808",
    "1e308",
    "0x10", "١٢٣", "²", "1/0", "1,5", "1,000.5", "12:00", "24:61", "1400/12/30", "1399-12-30", "0000-00-00",
    "2022-02-30",
    "9999-12-31", "9999-12-31T23:59:59", "10000-01-01", "0001-01-01T00:00", "2022-03-22T00:00+14:00",
    "2022-03-22 00:30",
    "2999-01-01", "1900-01-01", NOWHERE, "not-a-uuid", "' OR 1=1 --", "<script>alert(1)</script>", "{{ 7*7 }}",
    "%s%n%(a)s",
    "{0.__class__}", "../../../../etc/passwd", "//evil.example/", "http://evil.example/", "\\\\evil.example",
    "javascript:alert(1)",
    "[]", "{}", "[[[[", '{"a": 1e999}', "null", "true", "yes", "no", "on", "\r\nSet-Cookie: a=b", "\x1b[2J",
    "\ufeff", "\uffff",
)  # fmt: skip
"""Texts that some part of the way has trouble with."""
HUGE = "\u06f1" * 500_000
"""A text of one megabyte."""
ANSWERS = frozenset({200, 201, 204, 302, 304, 400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 503})


@dataclass(frozen=True)
class Address:
    """One pattern of the router and its view."""

    name: str
    route: str
    view: Any

    @property
    def permission(self) -> str:
        return str(self.view.theratrial_permission)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of parameters that code of the view's app asks for."""
        app = self.view.__module__.split(".")[2]
        return _names_of(app)


_NAMES: dict[str, tuple[str, ...]] = {}


def _names_of(app: str) -> tuple[str, ...]:
    if app not in _NAMES:
        folder = Path(theratrial.web.__file__).parent / app
        found = {name for file in folder.rglob("*.py") for name in _ASKED_FOR.findall(file.read_text("utf-8"))}
        _NAMES[app] = tuple(sorted(found))
    return _NAMES[app]


def addresses(patterns: Any = None, before: str = "", space: str = "") -> Iterator[Address]:
    for one in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(one, URLResolver):
            name = f"{one.namespace}:" if one.namespace else space
            yield from addresses(one.url_patterns, before + str(one.pattern), name)
        elif isinstance(one, URLPattern):
            yield Address(f"{space}{one.name}", before + str(one.pattern), one.callback)


@dataclass
class Form:
    """A form of a page: where it goes, and its fields as the page fills them."""

    action: str = ""
    method: str = "get"
    fields: list[tuple[str, str]] = field(default_factory=list)


class _Forms(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.page, self.found, self.select, self.area = page, [Form(page)], "", ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(of.get("action") or self.page, of.get("method", "get").lower()))
        elif tag == "select":
            self.select = of.get("name", "")
        elif tag == "option" and self.select and of.get("value"):
            self.found[-1].fields.append((self.select, of["value"]))
        elif tag in ("input", "textarea", "button") and of.get("name"):
            self.found[-1].fields.append((of["name"], of.get("value", "")))


def forms_of(page: str, html: str) -> list[Form]:
    """The forms of a page that post."""
    parser = _Forms(page)
    parser.feed(html)
    return [one for one in parser.found if one.fields and one.method == "post"]


@dataclass
class Fuzzer:
    """Asks, keeps what went wrong, undoes what went right."""

    random: random.Random
    clients: dict[str, Client]
    values: dict[str, list[str]]
    wrong: Counter[str] = field(default_factory=Counter)
    said: dict[str, str] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)

    def path(self, address: Address, *, nasty: bool = False) -> str:
        def value(match: re.Match[str]) -> str:
            name, converter = match["name"], match["converter"] or "str"
            if converter == "int":
                return self.random.choice(["1", "2", "0", "99999999999999999999999"] if nasty else ["1", "2"])
            if converter == "str" and nasty:
                from urllib.parse import quote

                return quote(self.random.choice([one for one in NASTY if "/" not in one and one]), safe="")
            key = f"{address.name.split(':')[0]}.{name}"
            return self.random.choice(self.values.get(key) or self.values.get(name) or [NOWHERE])

        return "/" + _PARAMETER.sub(value, address.route)

    def nasty(self) -> str:
        return self.random.choice(NASTY)

    def ask(self, username: str, method: str, path: str, what: str, sent: Any = None, **more: Any) -> Any:
        client = self.clients[username]
        cookies = {name: morsel.value for name, morsel in client.cookies.items()}
        answer = None
        with transaction.atomic():
            try:
                answer = sent() if sent else getattr(client, method)(path, **more)
                body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            except Exception as error:  # noqa: BLE001  # what would have been a 500 with a traceback in the log
                last = traceback.extract_tb(error.__traceback__)
                ours = [one for one in last if "theratrial/web" in one.filename] or last
                where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"
                key = f"{type(error).__name__} at {where}: {str(error)[:150]!r}"
                self.wrong[key] += 1
                self.said.setdefault(key, f"{username} {method} {path[:200]} {what[:400]}")
            else:
                self.statuses[answer.status_code] += 1
                if answer.status_code not in ANSWERS:
                    key = (
                        f"status {answer.status_code} from {answer.resolver_match and answer.resolver_match.view_name}"
                    )
                    self.wrong[key] += 1
                    self.said.setdefault(key, f"{username} {method} {path[:200]} {what[:400]}")
                # Plain text that quotes what was typed is shown as text (X-Content-Type-Options: nosniff).
                run = b"<script>alert(1)" in body and "html" in answer.get("Content-Type", "")
                if run or b"Traceback (most recent call last)" in body:
                    self.wrong[f"leak at {path[:100]}"] += 1
                    self.said.setdefault(f"leak at {path[:100]}", what[:400])
                if answer.get("Location", "").startswith(("//", "http", "\\", "javascript")):
                    self.wrong[f"leads away: {answer['Location'][:100]}"] += 1
                    self.said.setdefault(f"leads away: {answer['Location'][:100]}", f"{path} {what[:300]}")
            transaction.set_rollback(True)
        client.cookies = SimpleCookie(cookies)
        return answer

    def by_query(self, username: str, address: Address) -> None:
        names = address.names or ("page",)
        data = {self.random.choice(names): self.nasty() for _ in range(self.random.randint(1, 6))}
        self.ask(username, "get", self.path(address), f"GET {data!r}", data=data)

    def by_body(self, username: str, address: Address) -> None:
        names = address.names or ("reason",)
        data: dict[str, Any] = {self.random.choice(names): self.nasty() for _ in range(self.random.randint(1, 12))}
        if self.random.random() < 0.3:
            data[self.random.choice(names)] = [self.nasty(), self.nasty()]
        if self.random.random() < 0.2:
            data[self.random.choice(names)] = SimpleUploadedFile(
                f"{self.nasty()[:50]}.csv", self.nasty().encode("utf-8", "replace")
            )
        if self.random.random() < 0.03:
            data[self.random.choice(names)] = HUGE
        self.ask(username, "post", self.path(address), f"POST {data!r}"[:400], data=data)

    def by_kind(self, username: str, address: Address) -> None:
        kind, body = self.random.choice(
            [("application/json", b'{"a": '), ("application/json", b"[1, 2]"), ("text/plain", b"\xff\xfe\x00"), ("",
            b"x"),
             ("multipart/form-data", b"no boundary"), ("multipart/form-data; boundary=a", b"--a\r\nbroken"),
             ("application/json", b'{"files": null}'), ("application/json", b"null"), ("application/json",
             b'"\\u0000"'),
             ("application/x-www-form-urlencoded; charset=nonsense", b"a=%ff%fe&b=%00"),
             ("application/x-www-form-urlencoded", b"&".join(b"i-a=1" for _ in range(30_000)))]
        )  # fmt: skip
        # Not post(): it would itself encode the body as the content type says.
        client, path = self.clients[username], self.path(address)
        self.ask(username, "post", path, f"{kind} {body[:40]!r}", sent=lambda: client.generic("POST", path, body, kind))

    def by_form(self, username: str, form: Form) -> None:
        names = list(dict.fromkeys(name for name, _ in form.fields))
        data = {name: self.random.choice([value for key, value in form.fields if key == name]) for name in names}
        for name in self.random.sample(names, min(len(names), self.random.randint(0, 4))):
            data[name] = self.nasty()
        if self.random.random() < 0.5:
            data |= {name: "a reason" for name in names if "reason" in name}
        self.ask(username, "post", form.action, f"form {data!r}", data=data)


@pytest.fixture
def fuzzer(cohort: Trial) -> Fuzzer:
    clients = {"": Client()}
    for member in CAST:
        clients[member.username] = Client()
        clients[member.username].force_login(
            User.objects.get(username=member.username), "theratrial.web.people.backend.AccountBackend"
        )
    codes = list(Participant.objects.order_by("code").values_list("code", flat=True))
    treated = Record.objects.filter(table="administrations").order_by("sequence").first()
    assert treated is not None
    mine = Record.objects.filter(participant=treated.participant)
    batch = Record.objects.filter(table="batches").first()
    assert batch is not None
    from theratrial.forms import form_ids
    from theratrial.web.trials.selectors import protocol_in_force

    protocol = protocol_in_force()
    groups = list(mine.order_by("table").values_list("group", "pk", "table"))
    values = {
        "code": [str(treated.participant.code)] * 3 + codes[:1],
        "session": ["1", "2"], "username": ["coordinator1", "administrator1"], "visit": list(protocol.schedule),
        "form": list(form_ids(protocol)), "column": ["value", "ecog", "injected_at"], "table": ["consents",
        "laboratory"],
        "entity": ["capture_record", "people_user"], "entity_id": [str(treated.pk), "1"],
        "group": [str(group) for group, _, _ in groups] + [str(batch.group)],
        "record": [str(pk) for _, pk, table in groups if table == "selection_reads"], "record_id": [str(pk) for _,
        pk, _ in groups],
        "pharmacy.pk": [str(batch.pk)], "results.pk": [str(pk) for _, pk,
        table in groups if table in ("adverse_events", "lesion_readings")],
        "kind": ["organ", "lesion", "visit"], "thing": list(protocol.schedule), "test": ["platelets"],
        "region": ["liver"],
    }  # fmt: skip
    return Fuzzer(random.Random(int(os.environ.get("THERATRIAL_FUZZ_SEED", "4"))), clients, values)


def _who_may(address: Address) -> list[str]:
    if address.permission == OPEN:
        return ["", "coordinator1"]
    users = {user.username: user for user in User.objects.filter(username__in=[member.username for member in CAST])}
    return [name for name, user in users.items() if address.permission == SIGNED_IN or may(user, address.permission)]


def _reported(fuzzer: Fuzzer) -> str:
    return "\n".join(f"{count}x {key}\n     {fuzzer.said.get(key, '')}" for key, count in fuzzer.wrong.most_common())


def _rounds(fuzzer: Fuzzer, rounds: int) -> None:
    for one in addresses():
        allowed = _who_may(one)
        for _ in range(rounds):
            who = fuzzer.random.choice(allowed)
            fuzzer.by_query(who, one)
            fuzzer.by_body(who, one)
            fuzzer.by_kind(who, one)
            fuzzer.ask(who, fuzzer.random.choice(["get", "post"]), fuzzer.path(one, nasty=True), "a nasty path")
        fuzzer.by_body(fuzzer.random.choice(list(fuzzer.clients)), one)


def _through_forms(fuzzer: Fuzzer, rounds: int) -> int:
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for one in addresses():
        allowed = _who_may(one)
        for _ in range(2):
            who = fuzzer.random.choice(allowed)
            path = fuzzer.path(one)
            answer = fuzzer.ask(who, "get", path, "the page itself")
            if answer is None or answer.status_code != 200 or "html" not in answer.get("Content-Type", ""):
                continue
            for form in forms_of(path, answer.content.decode()):
                names = tuple(sorted({name for name, _ in form.fields}))
                if (re.sub(r"[0-9a-f-]{36}|\d+", "", form.action), names) in seen:
                    continue
                seen.add((re.sub(r"[0-9a-f-]{36}|\d+", "", form.action), names))
                for _ in range(rounds):
                    fuzzer.by_form(who, form)
    return len(seen)


@pytest.mark.timeout(300)
def test_nothing_that_is_sent_makes_the_site_fail(fuzzer: Fuzzer) -> None:
    _rounds(fuzzer, 1)
    assert not fuzzer.wrong, "\n" + _reported(fuzzer)


@pytest.mark.timeout(300)
def test_no_field_of_any_form_makes_the_site_fail(fuzzer: Fuzzer) -> None:
    assert _through_forms(fuzzer, 3) > 30
    assert not fuzzer.wrong, "\n" + _reported(fuzzer)


@pytest.mark.walk
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(4))
def test_nothing_that_is_sent_makes_the_site_fail_long(fuzzer: Fuzzer, seed: int) -> None:
    fuzzer.random.seed(seed)
    _rounds(fuzzer, 15)
    assert _through_forms(fuzzer, 25) > 30
    assert not fuzzer.wrong, "\n" + _reported(fuzzer)
