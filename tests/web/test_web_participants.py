"""Participants: listed by site, registered at active sites, logged, and their standing never stale."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date

import pytest
from django.db import connection
from django.test import Client

from theratrial.web.capture.models import Record
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Event
from theratrial.web.participants import views
from theratrial.web.participants.models import Participant
from theratrial.web.participants.screening import proposed_code
from theratrial.web.participants.standing import standing
from theratrial.web.people.models import EthicsApproval, Site, User
from theratrial.web.setup_site import SETUP, demonstration_made
from theratrial.web.trials.models import Trial

As = Callable[[str], Client]
FORM = {"code": "B-01", "screened_on": "1400/12/14", "sex": "female", "age_years": "51"}


def test_D8_nobody_is_registered_at_a_site_without_ethics_approval_of_the_version_in_force(
    cast: dict[str, User], site: Site, client_of: As
) -> None:
    with act(SETUP, "test"):
        EthicsApproval.objects.update(withdrawn_on="2022-02-01")
    client = client_of("coordinator1")
    assert "no ethics approval" in client.get("/participants/register/").content.decode()
    assert client.post("/participants/register/", FORM).status_code == 422
    assert not Participant.objects.exists()
    with act(SETUP, "test"):
        EthicsApproval.objects.update(withdrawn_on=None)
    assert client.post("/participants/register/", FORM).status_code == 302


def test_registration_is_one_act_and_keeps_the_calendar_of_entry(cast: dict[str, User], client_of: As) -> None:
    client_of("coordinator1").post("/participants/register/", FORM)
    made = Participant.objects.get(code="B-01")
    record = Record.objects.get(participant=made, table="participants")
    assert made.screened_on == date(2022, 3, 5)
    assert record.cells["screened_on"] == "2022-03-05"
    assert record.entered["screened_on"] == {"text": "1400/12/14", "calendar": "jalali"}
    events = Event.objects.filter(action="participant.register")
    assert {one.entity for one in events} == {"participants_participant", "capture_record"}
    assert len({one.request_id for one in events}) == 1


@pytest.mark.parametrize(
    ("field", "text"),
    [("age_years", "200"), ("sex", ""), ("screened_on", "2093-01-01"), ("code", "Anna Müller"), ("code", "register")],
)
def test_what_cannot_be_is_not_registered(cast: dict[str, User], client_of: As, field: str, text: str) -> None:
    assert client_of("coordinator1").post("/participants/register/", {**FORM, field: text}).status_code == 422
    assert not Participant.objects.exists()


def test_an_age_in_persian_digits_is_kept_in_those_that_every_room_reads(cast: dict[str, User], client_of: As) -> None:
    assert client_of("coordinator1").post("/participants/register/", {**FORM, "age_years": "۵۰"}).status_code == 302
    assert Record.objects.get(table="participants").cells["age_years"] == "50"
    assert standing(Participant.objects.get()).unreadable == ""


def test_the_site_of_a_participant_is_not_moved_by_typing_and_her_day_of_screening_follows_its_correction(
    cast: dict[str, User], site: Site, client_of: As
) -> None:
    client = client_of("coordinator1")
    client.post("/participants/register/", FORM)
    record, person = Record.objects.get(table="participants"), Participant.objects.get()
    address = f"/records/participant/{person.code}/form/screening/{record.group}/"
    page = client.get(address).content.decode()
    assert re.search(r'<input[^>]*id="i-site_id"[^>]*readonly', page)
    typed = {
        **{f"i-{name}": text for name, text in record.cells.items()}, "i-site_id": "site_77", "i-height_cm": "160",
        "i-weight_kg": "60", "reason": "typing error", "versions": json.dumps({str(record.pk): record.version}),
    }  # fmt: skip
    answer = client.post(address, typed)
    assert answer.status_code == 422
    assert f"it is {site.code}" in answer.content.decode()
    right = {**typed, "i-site_id": site.code, "i-screened_on": "2022-03-04"}
    assert client.post(address, right).status_code == 302
    assert Record.objects.get(table="participants").cells["site_id"] == site.code
    assert Participant.objects.get().screened_on.isoformat() == "2022-03-04"


def test_the_next_free_pseudonym_of_the_site_is_proposed(site: Site) -> None:
    with act(SETUP, "test"):
        for code in ("P07", "P08"):
            Participant.objects.create(code=code, site=site, screened_on="2022-03-05")
    assert proposed_code(site) == "P09"


def test_participants_of_another_site_do_not_exist_for_the_user(
    cast: dict[str, User], other_site: Site, client_of: As
) -> None:
    with act(SETUP, "test"):
        Participant.objects.create(code="X-01", site=other_site, screened_on="2022-03-05")
    client = client_of("coordinator1")
    assert "X-01" not in client.get("/participants/").content.decode()
    for page in ("", "consent/", "eligibility/", "schedule/", "worksheets/screening/0/"):
        assert client.get(f"/participants/X-01/{page}").status_code == 404


def test_who_has_no_right_to_participants_sees_none(cohort: Trial, client_of: As) -> None:
    for username in ("pharmacist1", "registrant1", "administrator1"):
        assert client_of(username).get("/participants/").status_code == 403


def test_the_screening_log_names_the_first_reason_of_a_failure(cohort: Trial, client_of: As) -> None:
    failure = Record.objects.filter(table="dispositions", cells__event="screen_failure").first()
    assert failure is not None
    page = client_of("monitor1").get("/participants/screening-log/").content.decode()
    assert page.count('class="code" href="/participants/') == Participant.objects.count()
    assert "screening failure" in page


def test_a_long_screening_log_is_paged_and_can_be_had_whole(
    cohort: Trial, client_of: As, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "LOG_PER_PAGE", 2)
    client, address = client_of("monitor1"), "/participants/screening-log/"
    everybody = list(Participant.objects.order_by("screened_on", "code").values_list("code", flat=True))
    found: list[str] = []
    for number in range(1, (len(everybody) + 1) // 2 + 1):
        page = client.get(address, {"page": number})
        assert f"{len(everybody)} persons screened" in page.content.decode()
        found += [line.one.participant.code for line in page.context["lines"]]
    assert found == everybody
    whole = client.get(address, {"all": "1"})
    assert [line.one.participant.code for line in whole.context["lines"]] == everybody
    assert "data-print" in whole.content.decode()
    assert "data-print" not in page.content.decode()


@pytest.mark.parametrize("number", [3, 30])
@pytest.mark.parametrize("page", ["/participants/", "/participants/screening-log/", "/participants/to-do/"])
def test_a_list_costs_the_same_queries_for_3_and_for_30_participants(
    db: None, client_of: As, django_assert_max_num_queries: Callable[[int], object], number: int, page: str
) -> None:
    demonstration_made(participants=number)
    client = client_of("coordinator1")
    with django_assert_max_num_queries(26):  # type: ignore[attr-defined]
        assert client.get(page).status_code == 200


def test_a_standing_is_fresh_after_a_write_by_raw_sql(cohort: Trial) -> None:
    one = Participant.objects.get(code="P01")
    record = Record.objects.get(participant=one, table="consents")
    assert standing(one).withdrawals == {}
    with act(SETUP, "test"), connection.cursor() as cursor:
        cells = {**record.cells, "withdrawn_at": "2022-09-01T10:00", "withdrawal_kind": "data_use"}
        record.cells = cells
        text = Record._meta.get_field("cells").get_db_prep_save(cells, connection)
        key = Record._meta.pk.get_db_prep_value(record.pk, connection)
        cursor.execute("UPDATE capture_record SET cells = %s WHERE id = %s", [text, key])
    assert set(standing(one).withdrawals) == {"data_use"}


def test_a_standing_rolled_back_is_forgotten(cohort: Trial) -> None:
    one = Participant.objects.get(code="P02")
    before = standing(one)

    def undone() -> None:
        with act(SETUP, "test"):
            Record.objects.filter(participant=one, table="visits").update(entered_in_error=True)
            assert standing(one) != before
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        undone()
    with act(SETUP, "test"):
        Record.objects.filter(participant=one, table="dispositions").update(visit="x")
    assert standing(one) == before


def test_an_unreadable_record_is_named_and_breaks_no_page(cohort: Trial, client_of: As) -> None:
    with act(SETUP, "test"):
        row = Record.objects.filter(participant__code="P01", table="administrations").order_by("sequence").last()
        assert row is not None
        row.cells = {**row.cells, "injected_at": "yesterday"}
        row.save()
    client = client_of("coordinator1")
    assert "cannot be read" in client.get("/participants/P01/").content.decode()
    for page in ("/", "/participants/", "/participants/P01/schedule/", "/participants/calendar/"):
        assert client.get(page).status_code == 200
