"""The retreatment gate in the site: what it says, who signs it, what voids it, what it lets through."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.http import urlencode

from theratrial.web.capture.models import Record
from theratrial.web.capture.services import record_change, record_create
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Head, Signature
from theratrial.web.ledger.signing import content_digest
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Assignment, Delegation, User
from theratrial.web.results.gate import Gate
from theratrial.web.results.gates_now import gate_of, gate_source
from theratrial.web.results.guards import gate_allows
from theratrial.web.results.models import Computation
from theratrial.web.setup_site import SETUP
from theratrial.web.studies.models import Instance, Series, StoredFile, Upload
from theratrial.web.trials.models import Trial

ClientOf = Callable[[str], Client]
PASSWORD = "a-password-for-trying-out"
pytestmark = pytest.mark.usefixtures("computed_site")


def page(client: Client, code: str = "P01", session: int = 1) -> str:
    answer = client.get(f"/results/participant/{code}/gate/{session}/")
    assert answer.status_code == 200
    return answer.content.decode()


def signed(
    client: Client,
    username: str,
    meaning: str,
    *,
    code: str = "P01",
    session: int = 1,
    reason: str = "",
    **changed: str,
) -> Any:
    """Post the form that the page shows, as a browser would."""
    content = page(client, code, session)
    forms = re.findall(r'<form method="post" action="([^"]+/sign/[^"]*)".*?</form>', content, re.DOTALL)
    bodies = re.findall(r'<form method="post" action="[^"]+/sign/[^"]*".*?</form>', content, re.DOTALL)
    body = next((one for one in bodies if f'name="meaning" value="{meaning}"' in one), "")
    fields = dict(re.findall(r'name="(kind|key|digest|meaning)" value="([^"]*)"', body))
    fields |= {"sign_username": username, "sign_password": PASSWORD, "reason": reason, "meaning": meaning, **changed}
    action = forms[0].replace("&amp;", "&") if forms else f"/results/participant/{code}/gate/{session}/sign/"
    return client.post(action, fields)


def both_signed(client_of: ClientOf, meaning: str, **where: Any) -> None:
    for username in ("oncologist1", "nuclear1"):
        assert signed(client_of(username), username, meaning, **where).status_code == 302


def participant(code: str = "P01") -> Participant:
    return Participant.objects.select_related("site").get(code=code)


def test_S9_an_oncologist_and_a_nuclear_physician_sign_and_only_then_may_the_next_session_be_given(
    client_of: ClientOf,
) -> None:
    assert gate_allows(participant(), 2)
    assert signed(client_of("oncologist1"), "oncologist1", "approved").status_code == 302
    waiting = gate_allows(participant(), 2)
    assert len(waiting) == 1
    assert "nuclear medicine physician" in waiting[0]
    assert signed(client_of("nuclear1"), "nuclear1", "approved").status_code == 302
    assert gate_allows(participant(), 2) == []
    digests = set(Signature.objects.filter(kind="gate").values_list("digest", flat=True))
    assert len(digests) == 1


def test_the_first_session_has_no_gate() -> None:
    assert gate_allows(participant(), 1) == []


def test_S9_two_signatures_of_one_role_do_not_open_the_gate(client_of: ClientOf) -> None:
    for username in ("nuclear1", "nuclear2"):
        signed(client_of(username), username, "approved")
    assert Signature.objects.filter(kind="gate").count() >= 1
    reasons = gate_allows(participant(), 2)
    assert "oncologist" in reasons[0]


def test_one_person_who_holds_both_roles_counts_once(client_of: ClientOf) -> None:
    both = User.objects.get(username="oncologist1")
    with act(SETUP, "test.set-up"):
        Assignment.objects.create(
            user=both,
            role="nuclear_medicine_physician",
            site=participant().site,
            starts_at="2022-01-01T00:00:00Z",
            granted_by="test",
        )
    client = client_of("oncologist1")
    signed(client, "oncologist1", "approved")
    signed(client, "oncologist1", "approved")
    assert gate_allows(participant(), 2)


def test_a_gate_that_stops_is_not_signed_as_proceed(client_of: ClientOf) -> None:
    answer = signed(client_of("oncologist1"), "oncologist1", "approved", code="P02", digest="0" * 64)
    assert answer.status_code == 422
    found = gate_of(participant("P02"), 1)
    assert found.status is not None
    answer = signed(client_of("oncologist1"), "oncologist1", "approved", code="P02", digest=found.status.digest)
    assert answer.status_code == 422
    assert not Signature.objects.filter(kind="gate").exists()


def test_a_stop_signed_by_both_gives_nothing(client_of: ClientOf) -> None:
    both_signed(client_of, "reviewed", code="P02")
    reasons = gate_allows(participant("P02"), 2)
    assert len(reasons) == 1
    assert "not to give" in reasons[0]


def test_overruling_needs_a_reason_and_is_listed_as_a_deviation(client_of: ClientOf) -> None:
    refused = signed(client_of("oncologist1"), "oncologist1", "overruled", code="P02")
    assert refused.status_code == 422
    assert not Signature.objects.filter(kind="gate").exists()
    both_signed(client_of, "overruled", code="P02", reason="Platelets rise since yesterday")
    assert gate_allows(participant("P02"), 2) == []
    shown = client_of("monitor1").get("/results/deviations/").content.decode()
    assert "P02" in shown
    assert "Platelets rise since yesterday" in shown


def test_one_overrule_alone_is_neither_deviation_nor_permission(client_of: ClientOf) -> None:
    signed(client_of("oncologist1"), "oncologist1", "overruled", code="P02", reason="I think so")
    assert gate_allows(participant("P02"), 2)
    assert "I think so" not in client_of("monitor1").get("/results/deviations/").content.decode()


def test_a_changed_value_voids_both_signatures_and_the_page_says_what_changed(client_of: ClientOf) -> None:
    both_signed(client_of, "approved")
    source = gate_source(participant())
    gate = source.judged(1)
    assert isinstance(gate, Gate)
    line = next(one for one in gate.content["lines"] if one["clause"] == "safety_gate.laboratory:platelets")
    record = Record.objects.get(pk=line["records"][0].rsplit("/", 1)[1].partition("@")[0])
    manager = User.objects.get(username="coordinator1")
    cells = {**record.cells, "value": "40"}
    record_change(manager, record, cells, seen_version=record.version, reason="misread digit")
    reasons = gate_allows(participant(), 2)
    assert "void" in reasons[0]
    assert any("platelets" in one and "40" in one for one in reasons)
    shown = page(client_of("monitor1"))
    assert "void" in shown
    assert "Laboratory: platelets" in shown


def test_a_new_adverse_event_voids_the_signatures(client_of: ClientOf) -> None:
    both_signed(client_of, "approved")
    found = gate_of(participant(), 1)
    assert isinstance(found.gate, Gate)
    day = found.gate.decision.judged_at.date().isoformat()
    cells = {
        **{"term": "Fatigue", "ctcae_version": "5.0", "grade": "3", "started_on": day, "serious": "no"},
        "related": "related",
    }
    record_create(User.objects.get(username="oncologist1"), "adverse_events", cells, participant=participant())
    assert gate_allows(participant(), 2)
    found = gate_of(participant(), 1)
    assert isinstance(found.gate, Gate)
    assert found.gate.verdict == "stop"


def test_a_changed_injection_leaves_the_doses_undetermined_until_they_are_computed_again() -> None:
    record = Record.objects.get(table="administrations", participant=participant(), session=1)
    cells = {**record.cells, "measured_activity_MBq": "1600"}
    user = User.objects.get(username="physicist1")
    record_change(user, record, cells, seen_version=record.version, reason="wrong dial setting")
    found = gate_of(participant(), 1)
    assert isinstance(found.gate, Gate)
    doses = [
        one
        for one in found.gate.content["lines"]
        if one["clause"].startswith("dose_limits:") and not one["informs_only"]
    ]
    assert doses
    assert {one["verdict"] for one in doses} == {"undetermined"}
    assert found.gate.verdict == "undetermined"


def test_without_computed_doses_the_gate_is_undetermined_not_proceed() -> None:
    with act(SETUP, "test.set-up"):
        for one in Computation.objects.all():
            one.state = "superseded"
            one.save()
    found = gate_of(participant(), 1)
    assert isinstance(found.gate, Gate)
    assert found.gate.verdict == "undetermined"


def test_a_record_that_cannot_be_read_leaves_the_gate_undetermined() -> None:
    record = Record.objects.filter(table="adverse_events", participant=participant()).first()
    if record is None:
        record = Record.objects.filter(table="laboratory", participant=participant()).first()
    assert record is not None
    user = User.objects.get(username="coordinator1")
    name = "grade" if record.table == "adverse_events" else "lower_limit"
    cells = {**record.cells, name: "many"}
    record_change(user, record, cells, seen_version=record.version, reason="typing")
    found = gate_of(participant(), 1)
    assert isinstance(found.gate, Gate)
    assert found.gate.verdict != "proceed"
    assert "records" in {one["clause"] for one in found.gate.content["lines"]}


def test_every_line_shows_verdict_reason_and_the_sentence_of_the_protocol(client_of: ClientOf) -> None:
    shown = page(client_of("oncologist1"))
    assert "if there was not any toxicity, the next treatment session will be performed" in shown
    for text in ("Laboratory: platelets", "Absorbed dose: Kidneys", "Pregnancy test", "Participation"):
        assert text in shown


def test_who_may_see_gates_but_not_sign_them_is_offered_no_signature(client_of: ClientOf) -> None:
    shown = page(client_of("monitor1"))
    assert 'name="sign_password"' not in shown
    assert client_of("monitor1").post("/results/participant/P01/gate/1/sign/", {}).status_code == 403


def test_a_wrong_password_signs_nothing(client_of: ClientOf) -> None:
    answer = signed(client_of("oncologist1"), "oncologist1", "approved", sign_password="guess")
    assert answer.status_code == 422
    assert not Signature.objects.filter(kind="gate").exists()


def test_whose_gate_task_ended_in_the_delegation_log_cannot_sign(client_of: ClientOf) -> None:
    with act(SETUP, "test.set-up"):
        for one in Delegation.objects.filter(user__username="oncologist1"):
            one.ends_on = "2022-01-02"
            one.save()
    assert signed(client_of("oncologist1"), "oncologist1", "approved").status_code == 403


@pytest.mark.parametrize("session", [0, 9])
def test_a_gate_after_a_session_that_was_not_given_says_so(client_of: ClientOf, session: int) -> None:
    shown = page(client_of("oncologist1"), session=session)
    assert "not recorded as given" in shown
    assert gate_allows(participant(), 9)


def test_participants_of_other_sites_have_no_gate_here(client_of: ClientOf) -> None:
    assert client_of("oncologist1").get("/results/participant/P99/gate/1/").status_code == 404


@pytest.fixture
def real_time() -> None:
    """The participants are taken as real: gates look to now."""
    with act(SETUP, "test.set-up"):
        trial = Trial.objects.get()
        trial.simulated = False
        trial.save()


def test_the_second_physician_signs_what_the_first_saw_though_the_clock_went_on(
    client_of: ClientOf, real_time: None
) -> None:
    both_signed(client_of, "reviewed", session=3)
    found = gate_of(participant(), 3)
    assert found.status is not None
    assert found.status.complete
    assert len({one.signature.digest for one in found.status.given}) == 1


@pytest.mark.parametrize("at", ["2022-07-20T10:00:00+00:00", "2099-01-01T00:00:00+00:00", "yesterday", ""])
def test_a_gate_is_not_signed_to_a_moment_of_ones_own_choice(client_of: ClientOf, real_time: None, at: str) -> None:
    source = gate_source(participant())
    gate = source.judged(3, datetime.fromisoformat(at) if at[:2] == "20" else None)
    assert isinstance(gate, Gate)
    fields = {"meaning": "reviewed", "sign_username": "oncologist1", "sign_password": PASSWORD}
    digest = content_digest("gate", "P01/3", gate.content)
    address = f"/results/participant/P01/gate/3/sign/?{urlencode({'at': at})}"
    assert client_of("oncologist1").post(address, {**fields, "digest": digest}).status_code == 422
    assert not Signature.objects.exists()


@pytest.fixture
def scan() -> Series:
    """An image of session 1 that the computation has not seen."""
    who = participant()
    with act(SETUP, "test.receive"):
        upload = Upload.objects.create(received_at=timezone.now(), received_by="x", site=who.site, state="done")
        return Series.objects.create(
            upload=upload,
            series_instance_uid="1.2.3",
            study_instance_uid="1.2",
            patient_id=who.code,
            modality="NM",
            site=who.site,
            participant=who,
            imaging="whole_body_24h",
            session=1,
            part="image",
            state="matched",
        )


def computed_now() -> None:
    """As if the computation had begun just now."""
    with act(SETUP, "test.computed"):
        for one in Computation.objects.filter(state="done"):
            one.ledger_seq = Head.objects.get().seq
            one.save()


@pytest.mark.parametrize("change", ["received", "set aside", "moved to another session", "given another time", "file"])
def test_images_that_changed_after_the_computation_leave_the_doses_undetermined(scan: Series, change: str) -> None:
    if change != "received":
        computed_now()
        before = gate_of(participant(), 1).gate
        assert isinstance(before, Gate)
        assert before.moved_on == ()
    with act(SETUP, "test.change", reason="x"):
        if change == "set aside":
            scan.state = "set_aside"
        elif change == "moved to another session":
            scan.session = 2
        elif change == "given another time":
            scan.acquired_at = timezone.now()
        elif change == "file":
            stored = StoredFile.objects.create(sha256="a" * 64, bytes=1, stored_at=timezone.now())
            Instance.objects.create(series=scan, file=stored, sop_instance_uid="1.2.3.4", name="x.dcm")
        if change not in ("received", "file"):
            scan.save()
    gate = gate_of(participant(), 1).gate
    assert isinstance(gate, Gate)
    assert gate.moved_on == (1,)
    doses = [line for line in gate.content["lines"] if "an image of the session was changed" in line["because"]]
    assert doses
    assert {line["verdict"] for line in doses if not line["informs_only"]} == {"undetermined"}
    assert gate.verdict != "proceed"
    computed_now()
    after = gate_of(participant(), 1).gate
    assert isinstance(after, Gate)
    assert after.moved_on == ()


def test_a_change_of_an_image_that_decides_nothing_leaves_the_gate_as_it_is(scan: Series) -> None:
    computed_now()
    with act(SETUP, "test.change", reason="x"):
        scan.description = "another word"
        scan.save()
    gate = gate_of(participant(), 1).gate
    assert isinstance(gate, Gate)
    assert gate.moved_on == ()


def test_an_image_moved_to_somebody_else_unsettles_both(scan: Series) -> None:
    computed_now()
    other = Participant.objects.get(code="P02")
    with act(SETUP, "test.change", reason="x"):
        scan.participant = other
        scan.save()
    for one in (participant(), other):
        gate = gate_of(one, 1).gate
        assert isinstance(gate, Gate)
        assert gate.moved_on == (1,), one.code
