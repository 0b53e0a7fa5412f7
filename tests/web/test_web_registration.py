"""The registration record in the site: versions that never change, pages by permission, edit, signature, conflict."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone, translation

from theratrial.errors import InputError
from theratrial.protocol.reader import shipped_protocol_bytes
from theratrial.registry.found import Sentence
from theratrial.registry.reader import parse_registration, registration_yaml, shipped_registration_bytes
from theratrial.registry.words import Text
from theratrial.simulation.cohort import SEED_PROTOCOL
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Event, Payload, Signature
from theratrial.web.ledger.signing import is_valid, signatures_of
from theratrial.web.people.models import EthicsApproval, Site, User
from theratrial.web.registration import brief, services
from theratrial.web.registration.models import RegistrationDraft, RegistrationVersion
from theratrial.web.registration.selectors import history_now, record_now
from theratrial.web.registration.shown import in_words
from theratrial.web.setup_site import DEMONSTRATION_PASSWORD, SETUP, cast_made, trial_set_up
from theratrial.web.trials.models import Trial

As = Callable[[str], Client]
PERSON = "Invented Person"
PHONE = "+98 21 0000 0001"


@pytest.fixture
def registered(db: None) -> Trial:
    """The shipped trial with its record and people, and nobody in it; an invented contact in the record."""
    record = parse_registration(shipped_registration_bytes(SEED_PROTOCOL))
    contact = record.people.data_updating.model_copy(update={"name": Text(en=PERSON), "phone": PHONE})
    people = record.people.model_copy(update={"data_updating": contact})
    text = registration_yaml(record.model_copy(update={"people": people}))
    trial = trial_set_up(shipped_protocol_bytes(SEED_PROTOCOL), text.encode(), simulated=True)
    assert trial.in_force is not None
    with act(SETUP, "test.set-up"):
        site = Site.objects.create(code="BUSHEHR-VIRTUAL", name="Centre A (virtual)", timezone="Asia/Tehran")
        EthicsApproval.objects.create(
            site=site, committee="C", reference="T-1", approved_on="2022-01-01", protocol_version=trial.in_force
        )
    cast_made(site=site)
    return trial


def posted(client: Client, **answers: str) -> Any:
    """Send the form with these answers alone: what is not named stays as it was."""
    return client.post("/registration/edit/", {"do": "preview", "base": "0"} | answers)


def signed(client: Client, username: str) -> Any:
    """Sign what the preview shows."""
    page = client.get("/registration/edit/preview/").content.decode()
    found = re.search(r'name="digest" value="(\w+)"', page)
    assert found is not None, "the preview offers a signature"
    sent = {"digest": found[1], "sign_username": username, "sign_password": DEMONSTRATION_PASSWORD}
    return client.post("/registration/edit/sign/", sent)


def update(client: Client, username: str, title: str) -> Any:
    assert posted(client, **{"v:public_title:en": title, "reason_en": "the title"}).status_code == 302
    return signed(client, username)


# --- versions ------------------------------------------------------------------------------------------------------


def test_the_record_of_the_set_up_is_version_0_of_the_day_that_the_registry_states(registered: Trial) -> None:
    history = history_now()
    assert history is not None
    assert (history.update_count, history.last_update, history.current.sent_on) == (0, *[date(2021, 10, 18)] * 2)


def test_a_version_is_never_changed_nor_deleted_and_the_day_it_was_sent_is_recorded_once(registered: Trial) -> None:
    row = RegistrationVersion.objects.get()
    for name, value in (("author", "somebody"), ("record", "x"), ("number", 7), ("sent_on", date(2024, 1, 1))):
        with pytest.raises(DatabaseError, match="a version does not change"), act(SETUP, "test.change"):
            RegistrationVersion.objects.update(**{name: value})
    with pytest.raises(DatabaseError, match="never deleted"), act(SETUP, "test.delete"):
        RegistrationVersion.objects.all().delete()
    with pytest.raises(InputError, match="recorded already"):
        services.version_sent(User.objects.get(username="registrant1"), row, date(2024, 1, 1))


def test_the_ledger_holds_of_a_version_its_digest_and_nobody_s_address(registered: Trial) -> None:
    events = Event.objects.filter(entity="registration_registrationversion")
    payload = Payload.objects.get(seq=events.get().seq)
    assert RegistrationVersion.objects.get().digest in str(payload.new)
    assert PERSON not in str(payload.new)
    assert PERSON in RegistrationVersion.objects.get().record


# --- who sees what -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "check/", "owed/", "history/", "history/0/0/", "versions/0/", "files/"])
def test_everybody_who_sees_the_trial_sees_the_record_and_nobody_s_address(
    registered: Trial, client_of: As, path: str
) -> None:
    answer = client_of("pharmacist1").get(f"/registration/{path}?contacts=1")
    assert answer.status_code == 200
    assert PERSON not in answer.content.decode()
    assert PHONE not in answer.content.decode()
    assert client_of("administrator1").get(f"/registration/{path}").status_code == 403


def test_who_edits_the_record_sees_addresses_where_they_are_asked_for(registered: Trial, client_of: As) -> None:
    client = client_of("registrant1")
    assert PERSON not in client.get("/registration/").content.decode()
    assert PERSON in client.get("/registration/versions/0/?contacts=1").content.decode()


@pytest.mark.parametrize("path", ["edit/", "edit/preview/", "owed/take/", "files/import/", "edit/sign/", "edit/draft/"])
def test_who_may_not_edit_is_refused(registered: Trial, client_of: As, path: str) -> None:
    assert client_of("monitor1").post(f"/registration/{path}").status_code == 403


def test_a_site_without_a_record_says_so(trial: Trial, cast: dict[str, User], client_of: As) -> None:
    client = client_of("registrant1")
    for path in ("", "check/", "owed/", "history/", "files/"):
        assert "no registration record" in client.get(f"/registration/{path}").content.decode(), path
    assert client.get("/").status_code == 200


# --- the check ------------------------------------------------------------------------------------------------------


def test_the_check_groups_findings_by_task_quotes_what_clashes_and_leads_to_the_field(
    registered: Trial, client_of: As
) -> None:
    page = client_of("registrant1").get("/registration/check/").content.decode()
    assert page.index("Say what is measured") < page.index("outcome-is-no-outcome")
    assert '<q dir="auto">Numbe of treated breast cancer patients</q>' in page
    assert 'href="/registration/edit/#f-primary_outcomes-0-description"' in page
    assert "ICMJE Recommendations, clinical trial registration" in page
    assert "The 24 items of the WHO data set" in page
    found = {finding.rule for finding in brief.findings_now()}
    assert found <= set(re.findall(r'<span class="code">([a-z0-9-]+)</span>', page))


def test_the_check_is_filtered_by_severity(registered: Trial, client_of: As) -> None:
    page = client_of("monitor1").get("/registration/check/?severity=info").content.decode()
    shown = set(re.findall(r'<span class="code">([a-z0-9-]+)</span>', page)) - {SEED_PROTOCOL}
    assert shown == {one.rule for one in brief.findings_now() if one.severity.value == "info"}


# --- edit, sign, send -------------------------------------------------------------------------------------------------


def test_a_draft_signed_becomes_a_version_with_reason_signature_and_difference(
    registered: Trial, client_of: As
) -> None:
    client = client_of("registrant1")
    answer = update(client, "registrant1", "A title that says it")
    assert answer.status_code == 302, answer.content.decode()[-2000:]
    row = RegistrationVersion.objects.get(number=1)
    record = record_now()
    assert record is not None
    assert (record.public_title.en, str(record.registration.reason_for_update)) == ("A title that says it", "the title")
    signature = Signature.objects.get(kind="registration", key="1")
    assert row.signature == signature
    assert is_valid(signature, signature.content)
    assert [one["path"] for one in signature.content["changes"]] == ["public_title"]
    assert not RegistrationDraft.objects.exists()
    page = client.get("/registration/history/0/1/").content.decode()
    assert re.search(r"<ins><bdi>[^<]*says", page)
    assert "±" in page
    assert "changed" in page
    event = Event.objects.get(entity="registration_registrationversion", action="registration.version")
    assert (event.actor, event.reason) == ("registrant1", "the title")


def test_without_the_password_nothing_is_made_and_the_draft_is_kept(registered: Trial, client_of: As) -> None:
    client = client_of("registrant1")
    posted(client, **{"v:public_title:en": "Another", "reason_en": "why"})
    answer = client.post("/registration/edit/sign/", {"digest": "x", "sign_password": "wrong"})
    assert answer.status_code == 422
    assert RegistrationVersion.objects.count() == 1
    assert RegistrationDraft.objects.get().answers["v:public_title:en"] == "Another"


def test_what_was_signed_must_be_what_was_shown(registered: Trial, client_of: As) -> None:
    client = client_of("registrant1")
    posted(client, **{"v:public_title:en": "Another", "reason_en": "why"})
    page = client.get("/registration/edit/preview/").content.decode()
    digest = re.search(r'name="digest" value="(\w+)"', page)
    assert digest is not None
    client.post("/registration/edit/draft/", {"v:public_title:en": "Changed in another window", "base": "0"})
    sent = {"digest": digest[1], "sign_username": "registrant1", "sign_password": DEMONSTRATION_PASSWORD}
    assert client.post("/registration/edit/sign/", sent).status_code == 422
    assert RegistrationVersion.objects.count() == 1


@pytest.mark.parametrize(("reason", "title", "says"), [("", "Another", "Say why"), ("why", "", "Nothing differs")])
def test_a_version_needs_a_reason_and_a_difference(
    registered: Trial, client_of: As, reason: str, title: str, says: str
) -> None:
    client = client_of("registrant1")
    answers = {"v:public_title:en": title} if title else {}
    posted(client, reason_en=reason, **answers)
    page = client.get("/registration/edit/preview/").content.decode()
    assert says in page
    assert "sign_password" not in page


def test_what_cannot_be_read_is_said_beside_its_field_and_nothing_typed_is_lost(
    registered: Trial, client_of: As
) -> None:
    client = client_of("registrant1")
    wrong = {
        "v:recruitment.actual_start:t": "1400/12/30",
        "v:recruitment.target_sample_size:t": "fifteen",
        "v:design.phase:code": "nowhere",
        "v:public_title:fa": "عنوانی تازه",
    }
    answer = posted(client, **wrong)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Probably 1400/12/29 was meant" in page
    assert "Write a whole number" in page
    assert "Choose one of the list" in page
    assert 'value="1400/12/30"' in page
    assert 'value="fifteen"' in page
    assert "عنوانی تازه" in page
    again = client_of("registrant1").get("/registration/edit/").content.decode()
    assert 'value="1400/12/30"' in again, "the draft outlives the session"


def test_a_date_is_taken_in_either_calendar_and_said_in_both(registered: Trial, client_of: As) -> None:
    answers = {"v:recruitment.actual_start:t": "۱۴۰۰/۱۱/۰۲", "base": "0"}
    told = client_of("registrant1").post("/registration/edit/draft/", answers).json()
    assert told["dates"]["f-recruitment-actual_start"] == "2022-01-22 · 1400/11/02"
    assert told["errors"] == {}


def test_number_and_day_of_registration_stay_once_they_are_there(registered: Trial, client_of: As) -> None:
    answer = posted(client_of("registrant1"), **{"v:registration.number:t": "", "v:registration.registered_on:t": ""})
    assert answer.status_code == 422
    assert answer.content.decode().count("does not change") >= 2


def test_members_of_a_group_are_added_and_removed(registered: Trial, client_of: As) -> None:
    client = client_of("registrant1")
    for _ in range(2):
        client.post("/registration/edit/", {"do": "add:secondary_outcomes", "base": "0"})
    draft = RegistrationDraft.objects.get()
    answers = draft.answers | {
        "v:secondary_outcomes[n1].description:en": "Adverse events by CTCAE 5.0",
        "v:secondary_outcomes[n2].description:en": "Survival",
    }
    client.post("/registration/edit/", answers | {"do": "remove:secondary_outcomes,n1", "base": "0"})
    record = services.candidate_of(RegistrationDraft.objects.get()).record
    assert [one.description.en for one in record.secondary_outcomes] == ["Survival"]


def test_two_who_edit_at_once_lose_nothing(registered: Trial, client_of: As) -> None:
    first, second = client_of("registrant1"), client_of("manager1")
    posted(second, **{"v:summary.aim:en": "My aim", "v:public_title:en": "My title", "reason_en": "mine"})
    assert update(first, "registrant1", "Their title").status_code == 302
    page = second.get("/registration/edit/preview/").content.decode()
    assert "Another version was made since you began" in page
    answer = second.post("/registration/edit/sign/", {"sign_password": DEMONSTRATION_PASSWORD})
    assert answer.status_code == 409
    assert "Version 1 was made meanwhile by registrant1" in answer.content.decode()
    told = second.post("/registration/edit/rebase/", follow=True).content.decode()
    assert "Both of you changed: Public title" in told
    assert signed(second, "manager1").status_code == 302
    record = record_now()
    assert record is not None
    assert (record.summary.aim.en, record.public_title.en) == ("My aim", "My title")
    assert [one.number for one in RegistrationVersion.objects.all()] == [0, 1, 2]


def test_what_only_one_of_two_changed_is_taken_from_that_one(registered: Trial, client_of: As) -> None:
    first, second = client_of("registrant1"), client_of("manager1")
    posted(second, **{"v:summary.aim:en": "My aim", "reason_en": "mine"})
    update(first, "registrant1", "Their title")
    second.post("/registration/edit/rebase/")
    assert signed(second, "manager1").status_code == 302
    record = record_now()
    assert record is not None
    assert (record.summary.aim.en, record.public_title.en) == ("My aim", "Their title")


def test_the_day_a_version_was_sent_is_recorded_once_in_either_calendar(registered: Trial, client_of: As) -> None:
    client = client_of("registrant1")
    update(client, "registrant1", "A title")
    today = timezone.now().astimezone().date()
    early = client.post("/registration/versions/1/sent/", {"sent_on": str(today - timedelta(days=400))})
    assert early.status_code == 422
    garbled = client.post("/registration/versions/1/sent/", {"sent_on": "1404/12/30"})
    assert "Probably 1404/12/29 was meant" in garbled.content.decode()
    made = history_now()
    assert made is not None
    day = made.current.made_at.date()
    assert client.post("/registration/versions/1/sent/", {"sent_on": str(day)}).status_code == 302
    assert RegistrationVersion.objects.get(number=1).sent_on == day
    assert client.post("/registration/versions/1/sent/", {"sent_on": str(day)}).status_code == 422
    assert [one.voided_at for one in signatures_of("registration", "1")] == [None], "sending voids no signature"


def test_only_who_may_send_records_it(registered: Trial, client_of: As) -> None:
    assert client_of("investigator1").post("/registration/versions/0/sent/").status_code == 403


def test_quoted_latin_words_and_dates_keep_their_direction_in_a_persian_sentence() -> None:
    said = Sentence("x", "«4-6 weeks after last treatment session» نه «پس از ۴ هفته»؛ 2022-01-22")
    with translation.override("fa"):
        assert in_words(said) == (
            "«\u20664-6 weeks after last treatment session\u2069» نه «پس از ۴ هفته»؛ \u20662022-01-22\u2069"
        )
    with translation.override("en"):
        assert in_words(Sentence("«4-6 weeks»")) == "«4-6 weeks»"
