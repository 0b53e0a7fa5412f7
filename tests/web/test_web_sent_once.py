"""A double click: the same form of the same page is taken once, whatever the page is."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpResponse
from django.shortcuts import redirect
from django.test import Client, RequestFactory
from django.utils import timezone
from tests.web.test_web_faults import event_typed

from theratrial.web import sent_once
from theratrial.web.capture.models import Record
from theratrial.web.people.models import Issue, SentForm
from theratrial.web.sent_once import SentOnce
from theratrial.web.trials.models import Trial

As = Callable[[str], Client]


def token(client: Client, path: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(path).content.decode())
    assert found is not None
    return found[1]


def test_a_record_entered_by_a_double_click_is_there_once(cohort: Trial, client_of: As) -> None:
    client, (path, fields) = client_of("coordinator1"), event_typed("P01")
    before = Record.objects.count()
    sent = {**fields, "csrfmiddlewaretoken": token(client, path)}
    first, second = client.post(path, sent), client.post(path, sent)
    assert (first.status_code, second.status_code) == (302, 302)
    assert first["Location"] == second["Location"]
    assert Record.objects.count() == before + 1
    assert "it was taken once" in client.get(second["Location"]).content.decode()
    other = {**fields, "i-term": "Fatigue", "csrfmiddlewaretoken": sent["csrfmiddlewaretoken"]}
    assert client.post(path, other).status_code == 302, "other answers are another form"
    assert Record.objects.count() == before + 2


def test_a_form_that_was_refused_can_be_sent_again(cohort: Trial, client_of: As) -> None:
    client, (path, fields) = client_of("coordinator1"), event_typed("P01")
    sent = {**fields, "i-started_on": "no day", "csrfmiddlewaretoken": token(client, path)}
    answers = [client.post(path, sent) for _ in range(2)]
    assert [one.status_code for one in answers] == [422, 422]
    assert all("taken once" not in one.content.decode() for one in answers)


def test_another_person_and_another_page_are_not_the_same_form(cohort: Trial, client_of: As) -> None:
    one, other = client_of("coordinator1"), client_of("monitor1")
    path = "/people/issues/report/"
    sent = {"page": "/", "text": "It does nothing.", "csrfmiddlewaretoken": "a" * 64}
    before = Issue.objects.count()
    for client in (one, one, other):
        assert client.post(path, sent).status_code == 302
    assert Issue.objects.count() in (before + 2, before + 3)


@pytest.mark.django_db
def test_the_second_of_two_at_the_same_time_waits_for_the_first(rf: RequestFactory) -> None:
    begun, go_on, calls = threading.Event(), threading.Event(), []

    def slow(request: Any) -> HttpResponse:
        calls.append(request.path)
        begun.set()
        assert go_on.wait(20)
        return redirect("/there/")

    session = SessionStore()
    session.create()
    guard, answers = SentOnce(slow), []

    def asked() -> None:
        request: Any = rf.post("/here/", {"csrfmiddlewaretoken": "x", "a": "1"})
        request.session = session
        request._messages = FallbackStorage(request)
        answers.append(guard(request))

    threads = [threading.Thread(target=asked) for _ in range(2)]
    threads[0].start()
    assert begun.wait(20)
    threads[1].start()
    go_on.set()
    for one in threads:
        one.join(20)
    assert calls == ["/here/"]
    assert [one["Location"] for one in answers] == ["/there/", "/there/"]


@pytest.fixture
def sending(rf: RequestFactory, db: None) -> Callable[[SentOnce], HttpResponse]:
    """The same form of the same page, sent to a server process."""
    session = SessionStore()
    session.create()

    def sent(process: SentOnce) -> HttpResponse:
        request: Any = rf.post("/here/", {"csrfmiddlewaretoken": "x", "a": "1"})
        request.session = session
        request._messages = FallbackStorage(request)
        return process(request)

    return sent


def test_another_server_process_knows_that_the_form_was_taken(sending: Callable[[SentOnce], HttpResponse]) -> None:
    calls: list[str] = []

    def view(request: Any) -> HttpResponse:
        calls.append(request.path)
        return redirect("/there/")

    # Each of the two has a memory of its own, as two processes have.
    answers = [sending(SentOnce(view)) for _ in range(2)]
    assert calls == ["/here/"]
    assert [one["Location"] for one in answers] == ["/there/", "/there/"]


def test_another_server_process_waits_while_the_form_is_being_answered(
    sending: Callable[[SentOnce], HttpResponse], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    def answered_meanwhile(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            SentForm.objects.update(led_to="/there/")

    def never(request: Any) -> HttpResponse:
        raise AssertionError("taken twice")

    def first(request: Any) -> HttpResponse:
        monkeypatch.setattr(sent_once.time, "sleep", answered_meanwhile)
        assert sending(SentOnce(never))["Location"] == "/there/"
        return redirect("/there/")

    assert sending(SentOnce(first))["Location"] == "/there/"
    assert len(waits) == 3


def test_a_form_that_was_refused_by_one_process_is_judged_by_another(
    sending: Callable[[SentOnce], HttpResponse],
) -> None:
    assert sending(SentOnce(lambda request: HttpResponse(status=422))).status_code == 422
    assert sending(SentOnce(lambda request: redirect("/there/"))).status_code == 302


def test_a_form_whose_process_died_is_taken_by_another_after_a_while(
    sending: Callable[[SentOnce], HttpResponse], monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(request: Any) -> HttpResponse:
        raise KeyboardInterrupt

    monkeypatch.setattr(sent_once, "_told", lambda *of: None)
    with pytest.raises(KeyboardInterrupt):
        sending(SentOnce(dies))
    monkeypatch.setattr(sent_once, "_WAIT_SECONDS", 0.05)
    assert sending(SentOnce(lambda request: redirect("/there/")))["Location"] == "/there/"


def test_sent_forms_are_forgotten_after_ten_minutes(sending: Callable[[SentOnce], HttpResponse]) -> None:
    sending(SentOnce(lambda request: redirect("/there/")))
    SentForm.objects.update(sent_at=timezone.now() - timedelta(minutes=11))
    assert sending(SentOnce(lambda request: redirect("/again/")))["Location"] == "/again/"
    assert SentForm.objects.count() == 1


def test_a_view_that_fails_does_not_block_the_form_for_ever(rf: RequestFactory, db: None) -> None:
    def failing(request: Any) -> HttpResponse:
        raise RuntimeError("once")

    session = SessionStore()
    session.create()
    guard = SentOnce(failing)
    for _ in range(2):
        request = rf.post("/here/", {"csrfmiddlewaretoken": "x"})
        request.session = session
        with pytest.raises(RuntimeError, match="once"):
            guard(request)
