"""Deny by default: every address there is, asked by every role, by an account without a role and by nobody."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from theratrial.web.access import OPEN, SIGNED_IN
from theratrial.web.ledger.act import act
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Site, User
from theratrial.web.people.permissions import may
from theratrial.web.setup_site import CAST, SETUP
from theratrial.web.trials.models import Trial

ANSWERS = frozenset({200, 201, 204, 302, 304, 400, 403, 404, 405, 409, 410, 413, 415, 422, 503})
BY_CONVERTER = {"int": "1", "slug": "a", "uuid": "00000000-0000-0000-0000-000000000000", "path": "a/b", "str": "a"}
BY_NAME = {"session": "1", "username": "coordinator1", "table": "consents", "entity": "people_user", "entity_id": "1"}
_PARAMETER = re.compile(r"<(?:(?P<converter>\w+):)?(?P<name>\w+)>")


@dataclass(frozen=True)
class Address:
    """One pattern of the router: its route, its view, the permission the view declares."""

    route: str
    view: Any

    @property
    def permission(self) -> str | None:
        return getattr(self.view, "theratrial_permission", None)

    def filled(self, code: str) -> str:
        def value(match: re.Match[str]) -> str:
            name, converter = match["name"], match["converter"] or "str"
            return code if name == "code" else BY_NAME.get(name, BY_CONVERTER.get(converter, "a"))

        return "/" + _PARAMETER.sub(value, self.route)

    @property
    def of_a_participant(self) -> bool:
        return "<str:code>" in self.route


def _addresses(patterns: list[Any], before: str = "") -> Iterator[Address]:
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from _addresses(one.url_patterns, before + str(one.pattern))
        elif isinstance(one, URLPattern):
            yield Address(before + str(one.pattern), one.callback)


ALL = list(_addresses(get_resolver().url_patterns))


def _asked(client: Client, method: str, path: str) -> Any:
    """The answer, whatever it changed undone; signing out too."""
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    with transaction.atomic():
        answer = getattr(client, method)(path)
        transaction.set_rollback(True)
    client.cookies = SimpleCookie(cookies)
    return answer


@pytest.fixture
def first_code(cohort: Trial) -> str:
    return Participant.objects.order_by("code").values_list("code", flat=True)[0]


def test_U1_the_router_is_not_empty_and_every_view_declares_a_permission() -> None:
    assert len(ALL) > 30
    assert not [one.route for one in ALL if one.permission is None]


def test_U1_only_signing_in_is_open_to_all() -> None:
    opened = {one.route for one in ALL if one.permission == OPEN}
    assert opened <= {"people/sign-in/", "people/sign-in/code/", "people/language/"}


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "post"])
def test_U1_nobody_is_sent_to_sign_in_from_every_address(cohort: Trial, first_code: str, method: str) -> None:
    client = Client(raise_request_exception=False)
    wrong = {}
    for one in ALL:
        answer = _asked(client, method, one.filled(first_code))
        to_sign_in = answer.status_code == 302 and answer["Location"].startswith("/people/sign-in/?next=")
        right = answer.status_code in ANSWERS if one.permission == OPEN else to_sign_in
        if not right:
            wrong[one.route] = answer.status_code
    assert not wrong


def _answers_that_are_not_as_the_matrix_says(
    client_of: Callable[[str], Client], method: str, code: str, *, at_most: int
) -> list[tuple[str, str, str | None, int]]:
    """Every refusal there must be, and of the answers there may be those to the first `at_most` accounts."""
    with act(SETUP, "test.set-up"):
        User.objects.create_user("newcomer1", printed_name="Newcomer One")
    wrong, given = [], Counter[str]()
    for username in (*(member.username for member in CAST), "newcomer1"):
        client, user = client_of(username), User.objects.get(username=username)
        client.raise_request_exception = False
        for one in ALL:
            allowed = one.permission in (OPEN, SIGNED_IN) or may(user, one.permission or "")
            if allowed and given[one.route] >= at_most:
                continue
            given[one.route] += allowed
            status = _asked(client, method, one.filled(code)).status_code
            if (allowed and status not in ANSWERS) or (not allowed and status != 403):
                wrong.append((username, one.route, one.permission, status))
    return wrong


@pytest.mark.parametrize("method", ["get", "post"])
def test_U1_every_role_gets_from_every_address_what_the_matrix_says_and_never_a_fault(
    cohort: Trial, first_code: str, client_of: Callable[[str], Client], method: str
) -> None:
    assert not _answers_that_are_not_as_the_matrix_says(client_of, method, first_code, at_most=1)


@pytest.mark.walk
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("method", ["get", "post"])
def test_U1_every_page_that_a_role_may_see_is_shown_to_every_role_that_may(
    cohort: Trial, first_code: str, client_of: Callable[[str], Client], method: str
) -> None:
    assert not _answers_that_are_not_as_the_matrix_says(client_of, method, first_code, at_most=len(CAST) + 1)


def test_U1_the_participant_of_another_site_does_not_exist(
    cohort: Trial, client_of: Callable[[str], Client], other_code: str
) -> None:
    """Whoever has no role at her site gets 404, as for a code that nobody has."""
    wrong = []
    everywhere = set(User.objects.filter(assignments__site=None).values_list("username", flat=True))
    theirs = [one for one in ALL if one.of_a_participant]
    assert theirs, "no address takes a participant's code"
    for username in (member.username for member in CAST if member.username not in everywhere):
        client, user = client_of(username), User.objects.get(username=username)
        client.raise_request_exception = False
        for one in theirs:
            if not may(user, one.permission or ""):
                continue
            for code in (other_code, "NOBODY"):
                status = _asked(client, "get", one.filled(code)).status_code
                if status == 405:
                    status = _asked(client, "post", one.filled(code)).status_code
                if status != 404:
                    wrong.append((username, one.route, code, status))
    assert not wrong


@pytest.fixture
def other_code(cohort: Trial) -> str:
    with act(SETUP, "test.set-up"):
        site = Site.objects.create(code="ELSEWHERE", name="Centre B (virtual)", timezone="Asia/Tehran")
        return Participant.objects.create(code="E-001", site=site, screened_on="2022-02-01").code


def test_V4_every_page_forbids_what_comes_from_elsewhere(
    cohort: Trial, first_code: str, client_of: Callable[[str], Client]
) -> None:
    client = client_of("investigator1")
    client.raise_request_exception = False
    for one in ALL:
        answer = _asked(client, "get", one.filled(first_code))
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy, one.route
        assert "unsafe" not in policy, one.route
        assert "http" not in policy, one.route
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store" or "private" in answer.headers["Cache-Control"], one.route
        if "text/html" in answer.headers.get("Content-Type", ""):
            text = answer.content.decode()
            assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>(?!\s*</script>)|\sstyle=|\son\w+=\"", text), one.route
            assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", text), one.route


def test_V4_behind_https_the_deployment_check_is_clean(tmp_path: Path) -> None:
    surroundings = {**os.environ, "THERATRIAL_HTTPS": "1", "THERATRIAL_SITE": str(tmp_path)}
    for name in ("THERATRIAL_DEBUG", "DATABASE_URL", "PYTEST_CURRENT_TEST"):
        surroundings.pop(name, None)
    surroundings["DJANGO_SETTINGS_MODULE"] = "theratrial.web.settings"
    command = [sys.executable, "-m", "django", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
