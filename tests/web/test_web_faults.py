"""Faults: no text, no room on the disk, closed data, rights that end while somebody works, addresses of others."""

from __future__ import annotations

import errno
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone

from theratrial.web.capture import services
from theratrial.web.capture.models import Record
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Event
from theratrial.web.ledger.verification import ledger_verified
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import User
from theratrial.web.setup_site import DEMONSTRATION_PASSWORD, SETUP, demonstration_made
from theratrial.web.trials.models import Trial

ClientOf = Callable[[str], Client]
LABORATORY = "/records/participant/{code}/form/laboratory/"


def first_code() -> str:
    found = Record.objects.filter(table="administrations").order_by("sequence").first()
    assert found is not None
    assert found.participant is not None
    return found.participant.code


def event_typed(code: str) -> tuple[str, dict[str, str]]:
    """An adverse event as the page's form posts it."""
    fields = {
        "i-term": "Nausea", "i-ctcae_version": "5.0", "i-grade": "1", "i-started_on": "2022-05-01",
        "i-ended_on": "2022-05-02", "i-serious": "no", "i-related": "not_related",
    }  # fmt: skip
    return f"/results/participant/{code}/safety/event/", fields


@pytest.mark.parametrize("where", ["query", "body", "path"])
def test_the_character_NUL_is_refused_with_words(cohort: Trial, client_of: ClientOf, where: str) -> None:
    client, code = client_of("coordinator1"), first_code()
    asked = {
        "query": lambda: client.get("/participants/", {"q": "a\x00b"}),
        "body": lambda: client.post(event_typed(code)[0], {**event_typed(code)[1], "i-term": "Nau\x00sea"}),
        "path": lambda: client.get("/participants/P%0001/"),
    }
    answer = asked[where]()
    assert answer.status_code == 422
    assert "the character NUL" in answer.content.decode()
    assert not Record.objects.filter(source="form").exists()


def test_a_full_disk_saves_nothing_and_says_so(
    cohort: Trial, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, (path, fields) = client_of("coordinator1"), event_typed(first_code())
    before = Record.objects.count(), Event.objects.count()

    def full(self: QuerySet[Record], *args: object, **named: object) -> None:
        raise OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(QuerySet, "bulk_create", full)
        answer = client.post(path, fields)
    assert answer.status_code == 503
    assert "disk of the site is full" in answer.content.decode()
    assert (Record.objects.count(), Event.objects.count()) == before
    assert client.post(path, fields).status_code == 302
    assert Record.objects.count() == before[0] + 1


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="only SQLite limits its own pages")
@pytest.mark.django_db(transaction=True)
def test_C4_a_database_that_cannot_grow_keeps_the_record_and_its_event_or_neither(tmp_path: Path) -> None:
    demonstration_made(participants=1)
    code = first_code()
    person = Participant.objects.get(code=code)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        pages = cursor.fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages + 3}")
    saved = 0
    try:
        with pytest.raises(OperationalError, match="full"):  # noqa: PT012
            for number in range(500):
                cells = {"term": f"Nausea {number} " + "x" * 400, "started_on": "2022-05-01", "grade": "1"}
                services.record_create(SETUP, "adverse_events", cells, participant=person)
                saved += 1
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA max_page_count = 1073741823")
    kept = Record.objects.filter(table="adverse_events", cells__term__startswith="Nausea ")
    assert kept.count() == saved
    assert Event.objects.filter(entity="capture_record", entity_id__in=[str(one.pk) for one in kept]).count() == saved
    assert not ledger_verified(tmp_path).chain.faults


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 503, "disk of the site is full"),
        (OperationalError("database is locked"), 503, "Others are saving just now"),
        (PermissionError("records.enter"), 403, "do not allow it"),
        (services.LockedError("the trial is locked"), 409, "the trial is locked"),
    ],
)
def test_what_a_view_did_not_foresee_is_answered_with_words(
    cohort: Trial, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, said: str
) -> None:
    def failing(*args: object, **named: object) -> None:
        raise error

    monkeypatch.setattr("theratrial.web.participants.views.participant_or_404", failing)
    answer = client_of("coordinator1").get(f"/participants/{first_code()}/")
    assert answer.status_code == status
    assert said in answer.content.decode()


def _closed_account(user: User) -> None:
    user.is_active = False
    user.save()


def _ended_role(user: User) -> None:
    user.assignments.update(ends_at=timezone.now() - timedelta(seconds=1))


def _ended_delegation(user: User) -> None:
    user.delegations.update(ends_on=timezone.now().date() - timedelta(days=1))


@pytest.mark.parametrize("end", [_closed_account, _ended_role, _ended_delegation])
def test_U3_what_ends_while_somebody_works_ends_at_once(
    cohort: Trial, client_of: ClientOf, end: Callable[[User], None]
) -> None:
    client, (path, fields) = client_of("coordinator1"), event_typed(first_code())
    assert client.get(path).status_code == 200
    with act(SETUP, "test.end"):
        end(User.objects.get(username="coordinator1"))
    before = Record.objects.count()
    answer = client.post(path, fields)
    assert answer.status_code in (302, 403)
    assert Record.objects.count() == before
    if answer.status_code == 302:
        assert answer["Location"].startswith("/people/sign-in/")


def test_U7_the_administrator_of_accounts_sees_nothing_clinical(cohort: Trial, client_of: ClientOf) -> None:
    client, code = client_of("administrator1"), first_code()
    for path in (
        f"/participants/{code}/",
        f"/results/participant/{code}/",
        "/ledger/",
        "/exports/",
        "/results/",
        "/images/",
    ):
        assert client.get(path).status_code == 403, path


AWAY = (
    "//evil.example/", "/\\evil.example/", "\\\\evil.example", "http://evil.example/", "https:evil.example",
    "javascript:alert(1)",
    "/\t/evil.example", "///evil.example", " //evil.example",
)  # fmt: skip


@pytest.mark.parametrize("target", AWAY)
def test_V4_no_address_given_leads_away_from_the_site(cohort: Trial, client_of: ClientOf, target: str) -> None:
    answers = [
        Client().post("/people/language/", {"language": "fa", "next": target}),
        Client().post(
            "/people/sign-in/", {"username": "coordinator1", "password": DEMONSTRATION_PASSWORD, "next": target}
        ),
    ]
    client, code = client_of("oncologist1"), first_code()
    page = client.get(f"/records/participant/{code}/")
    assert page.status_code == 200
    answers.append(client.post("/people/prolong/", {"next": target}))
    for answer in answers:
        away = answer.get("Location", "/")
        assert away.startswith("/"), away
        assert not away.startswith(("//", "/\\", "/\t")), away


def test_V4_another_host_is_not_answered_and_a_form_without_its_token_is_refused(cohort: Trial, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "testserver"]
    assert Client().get("/people/sign-in/", headers={"host": "evil.example"}).status_code == 400
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.get(username="coordinator1"), "theratrial.web.people.backend.AccountBackend")
    path, fields = event_typed(first_code())
    before = Record.objects.count()
    assert client.post(path, fields).status_code == 403
    assert Record.objects.count() == before


def test_V4_signing_in_makes_a_new_session(cohort: Trial) -> None:
    client = Client()
    client.get("/people/sign-in/?next=/participants/")
    client.cookies["sessionid"] = "a" * 32
    answer = client.post("/people/sign-in/", {"username": "coordinator1", "password": DEMONSTRATION_PASSWORD})
    assert answer.status_code == 302
    assert client.cookies["sessionid"].value != "a" * 32
    assert client.cookies["sessionid"]["httponly"]


@pytest.mark.parametrize("username", ["", "coordinator1"])
def test_a_form_in_another_encoding_is_refused_with_words(cohort: Trial, client_of: ClientOf, username: str) -> None:
    """The framework's own page for it read the same form again, and failed."""
    client = client_of(username) if username else Client()
    client.handler.enforce_csrf_checks = True
    client.cookies["csrftoken"] = "a" * 32
    kind = "application/x-www-form-urlencoded; charset=utf-7"
    answer = client.generic("POST", "/participants/register/", b"reason=%2BADw-script%2BAD4-", kind)
    assert answer.status_code == 415
    assert "UTF-8" in answer.content.decode()
