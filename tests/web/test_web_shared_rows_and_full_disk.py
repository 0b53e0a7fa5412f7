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


def corrected(client: Client, record: Record) -> int:
    fields = {
        **{f"i-{name}": text for name, text in CALIBRATION.items()},
        **{"i-nuclide": "Lu-177", "i-factor_cps_per_MBq": "11", "reason": "typing error"},
        "versions": json.dumps({str(record.pk): record.version}),
    }
    return client.post(f"/records/shared/form/calibration/{record.group}/", fields).status_code


def factor() -> str:
    return str(Record.objects.get(table="calibrations").cells["factor_cps_per_MBq"])


def test_with_one_site_who_enters_a_calibration_corrects_it(shared: Record, client_of: As) -> None:
    assert corrected(client_of("physicist1"), shared) == 302
    assert factor() == "11"


def test_who_may_enter_it_at_one_site_of_two_does_not_correct_what_both_share(
    shared: Record, other_site: Site, client_of: As
) -> None:
    client = client_of("physicist1")
    page = client.get(f"/records/shared/entry/{shared.group}/").content.decode()
    assert ">Correct<" not in page
    assert "who may enter it at every site can correct it" in page
    assert corrected(client, shared) == 403
    assert factor() == "10"
    with act(SETUP, "test.set-up"):
        Assignment.objects.filter(user__username="physicist1").update(site=None)
    assert corrected(client_of("physicist1"), shared) == 403, "the task is delegated at one site only"
    mine = Delegation.objects.filter(user__username="physicist1").first()
    assert mine is not None
    with act(SETUP, "test.set-up"):
        Delegation.objects.create(
            user=mine.user, site=other_site, tasks=mine.tasks, trained_on=mine.trained_on, starts_on=mine.starts_on,
            authorised_by=mine.authorised_by,
        )  # fmt: skip
    client = client_of("physicist1")
    assert ">Correct<" in client.get(f"/records/shared/entry/{shared.group}/").content.decode()
    assert corrected(client, shared) == 302
    assert factor() == "11"


def test_a_batch_that_two_sites_share_is_not_offered_for_correction_at_one(
    cast: dict[str, User], other_site: Site, client_of: As
) -> None:
    cells = {
        "batch_id": "B-7", "product_id": "lu177_trastuzumab", "activity_MBq": "5000", "released": "no",
        "reference_at": "2022-03-01T08:00+03:30", "expires_at": "2022-03-02T08:00+03:30",
    }  # fmt: skip
    record = record_create(cast["pharmacist1"], "batches", cells, form="batch")
    page = client_of("pharmacist1").get(reverse("pharmacy:batch", args=[record.pk])).content.decode()
    assert "B-7" in page
    assert "Correct the record" not in page


def test_what_is_entered_at_a_site_is_that_sites_and_unknown_to_another(
    cast: dict[str, User], site: Site, other_site: Site, client_of: As
) -> None:
    record = record_create(cast["physicist1"], "calibrations", CALIBRATION, form="calibration", site=site)
    with act(SETUP, "test.set-up"):
        Assignment.objects.filter(user__username="physicist1").update(site=other_site)
        Delegation.objects.filter(user__username="physicist1").update(site=other_site)
    client = client_of("physicist1")
    assert client.get(f"/records/shared/form/calibration/{record.group}/").status_code == 404
    assert corrected(client, record) == 404
    assert factor() == "10"


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
