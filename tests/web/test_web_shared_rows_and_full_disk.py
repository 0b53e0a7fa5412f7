"""What all sites share is taken out by who has the right everywhere; a full disk leaves what is only read readable."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from theratrial.web.capture.models import Record
from theratrial.web.capture.services import record_create
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Note
from theratrial.web.people.models import Assignment, Delegation, Site, User
from theratrial.web.setup_site import SETUP
from theratrial.web.trials.models import Trial

As = Callable[[str], Client]
CALIBRATION = {
    "calibration_id": "C-1", "camera": "CAM", "kind": "spect", "nuclide": "177Lu", "factor_cps_per_MBq": "10",
    "relative_sd_percent": "3", "valid_from": "2022-01-01",
}  # fmt: skip


@pytest.fixture
def shared(cast: dict[str, User]) -> Record:
    return record_create(cast["physicist1"], "calibrations", CALIBRATION, form="calibration")


def in_error_address(record: Record) -> str:
    return reverse("capture:in-error", args=[record.group])


def post(client: Client, record: Record) -> int:
    fields = {"reason": "wrong phantom", "versions": json.dumps({str(record.pk): record.version})}
    return client.post(in_error_address(record), fields).status_code


def test_with_one_site_who_enters_a_calibration_takes_it_out(shared: Record, client_of: As) -> None:
    assert post(client_of("physicist1"), shared) == 302
    assert Record.objects.get(pk=shared.pk).entered_in_error


def test_who_may_enter_it_at_one_site_of_two_does_not_take_out_what_both_share(
    shared: Record, other_site: Site, client_of: As
) -> None:
    client = client_of("physicist1")
    assert post(client, shared) == 403
    assert not Record.objects.get(pk=shared.pk).entered_in_error
    user = User.objects.get(username="physicist1")
    mine = Delegation.objects.filter(user=user).first()
    assert mine is not None
    with act(SETUP, "test.set-up"):
        Assignment.objects.create(
            user=user, role="medical_physicist", site=other_site, starts_at="2022-01-01T00:00:00Z", granted_by="test"
        )
        Delegation.objects.create(
            user=user,
            site=other_site,
            tasks=mine.tasks,
            trained_on=mine.trained_on,
            starts_on=mine.starts_on,
            authorised_by=mine.authorised_by,
        )
    assert post(client_of("physicist1"), shared) == 302


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: object, *args: object, **named: object) -> None:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(SessionStore, "save", refused)
    monkeypatch.setattr(Note, "save", refused)


def test_on_a_full_disk_pages_that_are_only_read_are_shown(
    cohort: Trial, client_of: As, request: pytest.FixtureRequest
) -> None:
    client = client_of("coordinator1")
    request.getfixturevalue("full")
    client.raise_request_exception = False
    for path in ("/", "/participants/", "/participants/P01/", "/participants/P01/schedule/"):
        assert client.get(path).status_code == 200, path


def test_on_a_full_disk_a_page_whose_opening_is_written_down_says_why_it_is_not_shown(
    cohort: Trial, client_of: As, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    from theratrial.web.participants import views

    client = client_of("coordinator1")

    def written_down(*args: object, **named: object) -> None:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(views, "participant_lines", written_down)
    request.getfixturevalue("full")
    answer = client.get("/participants/")
    assert answer.status_code == 503
    assert "written down for inspection" in answer.content.decode()


def test_on_a_full_disk_what_would_change_something_is_refused(
    cohort: Trial, client_of: As, request: pytest.FixtureRequest
) -> None:
    client = client_of("coordinator1")
    client.raise_request_exception = False
    request.getfixturevalue("full")
    answer = client.post("/participants/P01/consent/withdraw/", {"kind": "all"})
    assert answer.status_code == 503
    assert "nothing was saved" in answer.content.decode()
