"""Consent before anything, again on a new version, and what each withdrawal stops."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from theratrial.errors import InputError
from theratrial.forms.moments import TypedInstant, typed_date
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.withdrawals import withdrawals
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import live_records, participant_rows
from theratrial.web.exports.folder import folder_written
from theratrial.web.exports.scope import data_use_withdrawn
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Signature
from theratrial.web.participants import consent, guards
from theratrial.web.participants.eligible import content_of, judged
from theratrial.web.participants.models import Participant
from theratrial.web.participants.screening import Registration, participant_registered
from theratrial.web.participants.standing import standing
from theratrial.web.people.models import Delegation, Site, User
from theratrial.web.setup_site import SETUP
from theratrial.web.trials.models import Trial

As = Callable[[str], Client]
LU, GA = "lu177_trastuzumab", "ga68_trastuzumab"
FORM = {
    "form_version": "1.0", "language": "fa", "signed_on": "1400/12/14", "signed_time": "09:30",
    "obtained_by": "coordinator1", "witness": "", "copy_given": "yes",
}  # fmt: skip
AFTER = datetime(2022, 3, 6, 8, tzinfo=UTC)


@pytest.fixture
def woman(cast: dict[str, User], site: Site) -> Participant:
    """Registered, nothing else."""
    return participant_registered(
        cast["coordinator1"], site=site, registration=Registration("B-01", typed_date("2022-03-05"), "female", "51")
    )


def at(text: str) -> TypedInstant:
    return TypedInstant(datetime.fromisoformat(text), "gregorian", text)


def test_D1_no_procedure_and_no_injection_before_consent(woman: Participant, client_of: As) -> None:
    assert "No consent" in guards.may_do_procedure(woman, AFTER)[0]
    assert "No consent" in guards.may_inject(woman, GA, AFTER)[0]
    assert client_of("coordinator1").post("/participants/B-01/consent/record/", FORM).status_code == 302
    assert guards.may_do_procedure(woman, AFTER) == []
    assert guards.may_inject(woman, GA, AFTER) == []
    before = datetime(2022, 3, 5, 5, 59, tzinfo=UTC)  # 09:29 in Tehran
    assert "only on 2022-03-05 09:30" in guards.may_do_procedure(woman, before)[0]


def test_D1_no_injection_of_the_therapy_before_eligibility_is_signed(woman: Participant, client_of: As) -> None:
    client_of("coordinator1").post("/participants/B-01/consent/record/", FORM)
    assert "not signed" in guards.may_inject(woman, LU, AFTER)[0]
    folder = participant_rows(woman).folder
    shown = content_of(woman, folder, judged(woman, folder, AFTER), outcome="eligible")
    with act(SETUP, "test"):
        signature = Signature.objects.create(
            signer="investigator1", printed_name="I", role="principal_investigator", signed_at=AFTER,
            meaning="approved",
            kind="eligibility", key="B-01", participant="B-01", content=shown,
            digest="0" * 64, ledger_seq=1, ledger_hash="", software="test",
        )  # fmt: skip
    assert guards.may_inject(woman, LU, AFTER) == []
    assert "only after" in guards.may_inject(woman, LU, AFTER - timedelta(minutes=1))[0]
    with act(SETUP, "test"):
        signature.voided_at = timezone.now()
        signature.voided_because = "a record changed"
        signature.save()
    assert "void" in guards.may_inject(woman, LU, AFTER)[0]


def test_consent_is_obtained_by_delegated_persons_only(woman: Participant, client_of: As) -> None:
    client = client_of("coordinator1")
    assert client.post("/participants/B-01/consent/record/", {**FORM, "obtained_by": "physicist1"}).status_code == 422
    with act(SETUP, "test"):
        Delegation.objects.filter(user__username="coordinator1").update(starts_on=date(2022, 3, 6))
    answer = client.post("/participants/B-01/consent/record/", FORM)
    assert answer.status_code == 422
    assert "not delegated" in answer.content.decode()
    assert not Record.objects.filter(table="consents").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"witness": "علی رضایی"},
        {"witness": "Anna Muller"},
        {"copy_given": ""},
        {"signed_time": ""},
        {"form_version": " "},
        {"signed_on": "03/05/2022"},
    ],
)
def test_an_incomplete_consent_is_not_recorded(woman: Participant, client_of: As, change: dict[str, str]) -> None:
    assert client_of("coordinator1").post("/participants/B-01/consent/record/", {**FORM, **change}).status_code == 422
    assert not Record.objects.filter(table="consents").exists()


def test_the_instant_of_signature_is_kept_in_the_trials_zone_with_the_text_of_entry(
    woman: Participant, client_of: As
) -> None:
    client_of("coordinator1").post("/participants/B-01/consent/record/", FORM)
    record = Record.objects.get(table="consents")
    assert datetime.fromisoformat(record.cells["signed_at"]) == datetime(2022, 3, 5, 6, tzinfo=UTC)
    assert record.cells["signed_at"].endswith("+03:30")
    assert record.entered["signed_at"]["calendar"] == "jalali"
    assert record.cells["copy_given"] == "yes"


def test_D9_a_new_version_flags_later_procedures_until_it_is_signed(
    woman: Participant, cast: dict[str, User], client_of: As
) -> None:
    client = client_of("coordinator1")
    client.post("/participants/B-01/consent/record/", FORM)
    consent.consent_version_set(cast["investigator1"], version="2.0", since=date(2022, 3, 10), reason="new risk")
    assert guards.may_do_procedure(woman, AFTER) == []
    later = datetime(2022, 3, 12, 8, tzinfo=UTC)
    assert "Version 2.0" in guards.may_do_procedure(woman, later)[0]
    assert "Version 2.0" in guards.may_inject(woman, GA, later)[0]
    assert "re-consent needed" in client.get("/participants/B-01/").content.decode()
    to_do = client.get("/participants/to-do/").content.decode().partition("Consent to be signed anew</h2>")[2]
    assert "B-01" in to_do.partition("</section>")[0]
    assert ">1.0<" in to_do.partition("</section>")[0]
    assert "signed anew" not in client.get("/participants/to-do/?role=nuclear_medicine_physician").content.decode()
    old = {**FORM, "form_version": "1.1", "signed_on": "2022-03-11"}
    assert client.post("/participants/B-01/consent/record/", old).status_code == 422
    new = {**FORM, "form_version": "2.0", "signed_on": "2022-03-11"}
    assert client.post("/participants/B-01/consent/record/", new).status_code == 302
    assert guards.may_do_procedure(woman, later) == []
    assert "signed anew" not in client.get("/participants/to-do/").content.decode()


def test_D9_a_visit_held_between_the_new_version_and_its_signature_is_flagged(
    woman: Participant, cast: dict[str, User], client_of: As
) -> None:
    client = client_of("coordinator1")
    client.post("/participants/B-01/consent/record/", FORM)
    consent.consent_version_set(cast["investigator1"], version="2.0", since=date(2022, 3, 10), reason="new risk")
    client.post("/participants/B-01/schedule/visit/screening/0/", {"status": "done", "on": "2022-03-11"})
    assert "not covered by the version in use" in client.get("/participants/B-01/consent/").content.decode()


def test_the_version_in_use_is_set_by_who_may_release_only(woman: Participant, client_of: As) -> None:
    values = {"version": "2.0", "since": "2022-03-10", "reason": "new risk"}
    assert client_of("coordinator1").post("/participants/consent-version/", values).status_code == 403
    assert client_of("investigator1").post("/participants/consent-version/", values).status_code == 302
    assert Trial.objects.get().consent_version == "2.0"


def test_withdrawal_says_what_it_stops_and_records_nothing_before_it_is_confirmed(
    woman: Participant, client_of: As
) -> None:
    client = client_of("coordinator1")
    client.post("/participants/B-01/consent/record/", FORM)
    page = client.post("/participants/B-01/consent/withdraw/", {"kind": "data_use"})
    assert "left out of every export" in page.content.decode()
    assert standing(woman).withdrawals == {}
    given = {"kind": "data_use", "confirmed": "yes", "at_on": "2022-04-01", "at_time": "10:00", "reason": "her wish"}
    assert client.post("/participants/B-01/consent/withdraw/", given).status_code == 302
    assert set(standing(woman).withdrawals) == {"data_use"}


@pytest.mark.parametrize(
    ("kind", "procedure", "therapy"),
    [("treatment", True, False), ("follow_up", False, False), ("data_use", False, False), ("all", False, False)],
)
def test_each_kind_of_withdrawal_stops_what_it_says(
    woman: Participant, cast: dict[str, User], client_of: As, kind: str, procedure: bool, therapy: bool
) -> None:
    client_of("coordinator1").post("/participants/B-01/consent/record/", FORM)
    consent.consent_withdrawn(
        cast["coordinator1"], woman, kind=kind, at=at("2022-04-01T06:00+00:00"), reason="her wish"
    )
    later = datetime(2022, 4, 2, tzinfo=UTC)
    assert (guards.may_do_procedure(woman, later) == []) is procedure
    assert any("withdrawn" in one for one in guards.may_inject(woman, LU, later)) is not therapy
    assert not any("withdrawn" in one for one in guards.may_inject(woman, LU, AFTER))


def test_who_withdraws_from_follow_up_has_no_visit_due_and_who_withdraws_from_treatment_keeps_hers(
    cohort: Trial,
) -> None:
    now = datetime(2022, 3, 20, tzinfo=UTC)
    one = Participant.objects.get(code="P01")
    coordinator = User.objects.get(username="coordinator1")
    with act(SETUP, "test"):
        Record.objects.filter(participant=one, table__in=("visits", "dispositions")).update(entered_in_error=True)
        later = Record.objects.filter(participant=one, table="administrations", cells__session__in=["2", "3"])
        later.update(entered_in_error=True)
    due = {item.id for item in standing(one).of("due", now)}
    assert "follow_up" in due
    consent.consent_withdrawn(coordinator, one, kind="treatment", at=at("2022-03-01T06:00+00:00"), reason="her wish")
    assert "follow_up" in {item.id for item in standing(one).of("due", now)}
    session = next(item for item in standing(one).planned if item.kind == "session" and item.session == 2)
    assert session.status(now) == "not_expected"
    record = Record.objects.get(participant=one, table="consents")
    consent.consent_withdrawn(coordinator, one, kind="follow_up", at=at("2022-03-02T06:00+00:00"), reason="moved away")
    assert Record.objects.get(pk=record.pk).cells["withdrawal_kind"] == "treatment"
    assert set(standing(one).withdrawals) == {"treatment", "follow_up"}
    assert standing(one).of("due", now) == []
    with pytest.raises(InputError, match="recorded already"):
        consent.consent_withdrawn(coordinator, one, kind="follow_up", at=at("2022-03-03T06:00+00:00"), reason="again")


def test_a_second_withdrawal_and_the_copy_of_the_form_reach_the_trial_folder(
    woman: Participant, cast: dict[str, User], client_of: As, tmp_path: Path
) -> None:
    client_of("coordinator1").post("/participants/B-01/consent/record/", FORM)
    for kind in ("treatment", "data_use"):
        when = at("2022-04-01T06:00+00:00")
        consent.consent_withdrawn(cast["coordinator1"], woman, kind=kind, at=when, reason="her wish")
    folder_written(tmp_path / "folder", live_records(), ())
    folder = read_folder(tmp_path / "folder")
    assert folder.rows("consents", participant_id="B-01")[0]["copy_given"] is True
    assert {one.kind for one in withdrawals(folder, "B-01")} == {"treatment", "data_use"}
    assert data_use_withdrawn() == {"B-01"}


def test_a_withdrawal_before_the_signature_or_of_nothing_is_refused(
    woman: Participant, cast: dict[str, User], client_of: As
) -> None:
    with pytest.raises(InputError, match="no consent"):
        consent.consent_withdrawn(cast["coordinator1"], woman, kind="all", at=at("2022-04-01T06:00+00:00"), reason="x")
    client_of("coordinator1").post("/participants/B-01/consent/record/", FORM)
    with pytest.raises(InputError, match="before the signature"):
        consent.consent_withdrawn(cast["coordinator1"], woman, kind="all", at=at("2022-03-01T06:00+00:00"), reason="x")


def test_who_only_reads_records_no_consent(woman: Participant, client_of: As) -> None:
    for username in ("monitor1", "investigator1", "physicist1"):
        assert client_of(username).post("/participants/B-01/consent/record/", FORM).status_code == 403
