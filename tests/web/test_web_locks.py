"""Freeze, lock, unlock, hard lock: what is refused in each state, who may, and what becomes of signatures."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, transaction
from django.test import Client

from theratrial.errors import InputError
from theratrial.web.capture import endorsement, preconditions
from theratrial.web.capture.locking import (
    hard_lock_requested,
    moved,
    request_decided,
    unlock_requested,
)
from theratrial.web.capture.models import Query, Record
from theratrial.web.capture.queries import query_raised, query_stepped, system_query, system_query_resolved
from theratrial.web.capture.services import LockedError, record_change, record_create, record_entered_in_error
from theratrial.web.capture.verification import cells_verified
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Event, Signature, TwoPersonRequest
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import User
from theratrial.web.setup_site import DEMONSTRATION_PASSWORD, SETUP
from theratrial.web.trials.models import Trial

ClientOf = Callable[[str], Client]


def person(name: str) -> User:
    return User.objects.get(username=name)


@pytest.fixture
def woman(cohort: Trial) -> Participant:
    return Participant.objects.get(code="P01")


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if results were computed and gates signed; queries and endorsements stay demanded."""
    monkeypatch.setattr(preconditions, "_unsigned", lambda _participant: [])
    monkeypatch.setattr(preconditions, "_latest_computation", lambda: None)
    kept = preconditions.Blocker

    def without_results(kind: str, text: str, count: int) -> preconditions.Blocker | None:
        return None if kind == "results" else kept(kind, text, count)

    monkeypatch.setattr(preconditions, "Blocker", without_results)


def endorsed(client_of: ClientOf, key: str) -> None:
    from theratrial.web.ledger.signing import content_digest

    browser = client_of("investigator1")
    digest = content_digest(endorsement.KIND, key, endorsement.endorsed_content(key))
    words = {"sign_username": "investigator1", "sign_password": DEMONSTRATION_PASSWORD}
    answer = browser.post("/records/locks/endorse/", {"target": key, "digest": digest, **words})
    assert answer.status_code == 302, answer.content.decode()


@pytest.fixture
def locked(woman: Participant, settled: None, client_of: ClientOf) -> Participant:
    moved(person("manager1"), woman, "freeze")
    endorsed(client_of, "participant:P01")
    moved(person("manager1"), woman, "lock")
    return Participant.objects.select_related("site").get(pk=woman.pk)


def weight_of(woman: Participant) -> Record:
    return Record.objects.get(table="participants", participant=woman)


def entries(woman: Participant) -> list[Callable[[], object]]:
    """Every way of the site to write her records."""
    record, actor = weight_of(woman), person("coordinator1")
    cells = {"agent": "x", "category": "other"}
    return [
        lambda: record_create(actor, "prior_therapy", cells, participant=woman),
        lambda: record_change(actor, record, {**record.cells, "weight_kg": "70"}, seen_version=1, reason="r"),
        lambda: record_entered_in_error(actor, record, seen_version=1, reason="r"),
    ]


def test_D2_frozen_data_take_no_entry_but_queries_and_verification_go_on(woman: Participant, settled: None) -> None:
    asked = query_raised(person("monitor1"), "Why?", record=weight_of(woman), column="weight_kg")
    moved(person("manager1"), woman, "freeze", reason="end of her treatment", override=True)
    woman.refresh_from_db()
    for entry in entries(woman):
        with pytest.raises(LockedError):
            entry()
    query_stepped(person("coordinator1"), asked, "answer", "Because")
    query_stepped(person("monitor1"), asked, "close", "Seen")
    assert cells_verified(person("monitor1"), weight_of(woman), ["weight_kg"], seen_version=1) == 1


def test_D2_locked_data_refuse_every_write_path_comments_and_verification_too(
    woman: Participant, settled: None, client_of: ClientOf
) -> None:
    asked = query_raised(person("monitor1"), "Why?", record=weight_of(woman), column="weight_kg")
    query_stepped(person("monitor1"), asked, "close", "Seen")
    moved(person("manager1"), woman, "freeze")
    endorsed(client_of, "participant:P01")
    moved(person("manager1"), woman, "lock")
    woman.refresh_from_db()
    record, monitor = weight_of(woman), person("monitor1")
    before = Event.objects.count()
    for write in (
        *entries(woman),
        lambda: query_raised(monitor, "New?", record=record, column="weight_kg"),
        lambda: query_raised(monitor, "New?", subject="visit:screening", participant=woman),
        lambda: query_stepped(monitor, asked, "reopen", "Again"),
        lambda: query_stepped(monitor, asked, "comment", "By the way"),
        lambda: system_query("check:x", "New?", record=record, column="weight_kg"),
        lambda: cells_verified(monitor, record, ["weight_kg"], seen_version=1),
    ):
        with pytest.raises(LockedError):
            write()
    assert Event.objects.count() == before


def test_D2_the_database_refuses_what_goes_past_the_services(locked: Participant) -> None:
    for write in (
        lambda: Record.objects.filter(participant=locked).update(cells={}),
        lambda: Query.objects.create(
            participant=locked, kind="manual", text="x", opened_by="x", opened_at=datetime.now(UTC)
        ),
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), act(person("coordinator1"), "test.write"):
            write()


def test_D2_a_rule_leaves_queries_of_locked_data_alone(locked: Participant) -> None:
    assert system_query_resolved("check:x", record=weight_of(locked), column="weight_kg") == 0


def test_freezing_over_something_outstanding_needs_the_override_and_a_reason(woman: Participant) -> None:
    manager = person("manager1")
    with pytest.raises(InputError, match="results have not been computed"):
        moved(manager, woman, "freeze")
    with pytest.raises(InputError, match="reason"):
        moved(manager, woman, "freeze", override=True)
    moved(manager, woman, "freeze", override=True, reason="Closing the quarter")
    woman.refresh_from_db()
    assert woman.data_state == "frozen"


def test_locking_cannot_be_overridden_and_needs_the_investigator(
    woman: Participant, settled: None, client_of: ClientOf
) -> None:
    manager = person("manager1")
    moved(manager, woman, "freeze")
    with pytest.raises(InputError, match="not endorsed"):
        moved(manager, woman, "lock", override=True, reason="Hurry")
    endorsed(client_of, "participant:P01")
    asked = query_raised(person("monitor1"), "Why?", record=weight_of(woman), column="weight_kg")
    with pytest.raises(InputError, match="1 query is not closed"):
        moved(manager, woman, "lock", override=True, reason="Hurry")
    query_stepped(person("monitor1"), asked, "cancel", "Asked by mistake")
    with pytest.raises(InputError, match="not endorsed"):
        moved(manager, woman, "lock")
    endorsed(client_of, "participant:P01")
    moved(manager, woman, "lock")


def test_open_data_cannot_be_locked_without_freezing_first(woman: Participant, settled: None) -> None:
    with pytest.raises(InputError, match="starts from frozen"):
        moved(person("manager1"), woman, "lock")


@pytest.mark.parametrize("who", ["coordinator1", "monitor1", "investigator1"])
def test_other_roles_cannot_freeze(woman: Participant, client_of: ClientOf, who: str) -> None:
    with pytest.raises(PermissionError):
        moved(person(who), woman, "freeze", override=True, reason="r")
    answer = client_of(who).post("/records/locks/move/", {"target": "participant:P01", "move": "freeze"})
    assert answer.status_code == 403


def test_S9_only_the_investigator_endorses_and_only_frozen_data(
    woman: Participant, settled: None, client_of: ClientOf
) -> None:
    assert client_of("manager1").post("/records/locks/endorse/", {"target": "participant:P01"}).status_code == 403
    refused = client_of("investigator1").post("/records/locks/endorse/", {"target": "participant:P01"})
    assert refused.status_code == 422
    assert "freeze them first" in refused.content.decode()
    assert not Signature.objects.exists()


def test_D3_unlocking_needs_a_reason_and_a_second_person(locked: Participant) -> None:
    with pytest.raises(InputError, match="reason"):
        unlock_requested(person("manager1"), locked, reason=" ")
    asked = unlock_requested(person("manager1"), locked, reason="A wrong dose was found")
    with pytest.raises(InputError):
        request_decided(person("manager1"), asked, approve=True)
    locked.refresh_from_db()
    assert locked.data_state == "locked"
    request_decided(person("manager2"), asked, approve=True)
    locked.refresh_from_db()
    assert locked.data_state == "open"


def test_D3_a_refused_request_leaves_the_lock_and_cannot_be_decided_again(locked: Participant) -> None:
    asked = unlock_requested(person("manager1"), locked, reason="A wrong dose was found")
    request_decided(person("manager2"), asked, approve=False, reason="The dose was right")
    locked.refresh_from_db()
    assert locked.data_state == "locked"
    with pytest.raises(InputError):
        request_decided(person("investigator1"), asked, approve=True)


def test_D3_unlocking_is_audited_with_reason_and_both_persons(locked: Participant) -> None:
    asked = unlock_requested(person("manager1"), locked, reason="A wrong dose was found")
    request_decided(person("manager2"), asked, approve=True)
    change = Event.objects.filter(entity="participants_participant", action="data.unlock").get()
    assert (change.actor, change.reason, change.participant) == ("manager2", "A wrong dose was found", "P01")
    request = TwoPersonRequest.objects.get()
    assert (request.requested_by, request.decided_by, request.state) == ("manager1", "manager2", "approved")


def test_S7_D3_unlocking_voids_the_endorsement_visibly(locked: Participant, client_of: ClientOf) -> None:
    asked = unlock_requested(person("manager1"), locked, reason="A wrong dose was found")
    request_decided(person("manager2"), asked, approve=True)
    signature = Signature.objects.get(kind=endorsement.KIND)
    assert signature.voided_at is not None
    assert "A wrong dose was found" in signature.voided_because
    page = client_of("manager1").get("/records/locks/participant/P01/").content.decode()
    assert "Investigator One" in page
    assert "A wrong dose was found" in page


def test_unfreezing_voids_the_endorsement_too(woman: Participant, settled: None, client_of: ClientOf) -> None:
    moved(person("manager1"), woman, "freeze")
    endorsed(client_of, "participant:P01")
    moved(person("manager1"), woman, "thaw", reason="One more visit")
    assert Signature.objects.get(kind=endorsement.KIND).voided_because.endswith("One more visit")


def test_a_single_record_is_frozen_and_opened_alone(woman: Participant) -> None:
    record = weight_of(woman)
    moved(person("manager1"), record, "freeze")
    record.refresh_from_db()
    with pytest.raises(LockedError):
        record_change(person("coordinator1"), record, {**record.cells, "weight_kg": "7"}, seen_version=1, reason="r")
    record_create(person("coordinator1"), "prior_therapy", {"agent": "x", "category": "other"}, participant=woman)
    moved(person("manager1"), record, "thaw", reason="Wrong one")
    record.refresh_from_db()
    record_change(person("coordinator1"), record, {**record.cells, "weight_kg": "70"}, seen_version=1, reason="r")


def test_the_trial_is_locked_only_when_every_participant_is(woman: Participant, settled: None, cohort: Trial) -> None:
    moved(person("manager1"), woman, "freeze")
    with pytest.raises(PermissionError):
        moved(person("coordinator1"), cohort, "freeze")
    with pytest.raises(InputError, match="4 participants are not locked"):
        moved(person("manager1"), cohort, "freeze")


def test_D2_a_hard_lock_takes_two_persons_and_nobody_undoes_it(cohort: Trial, woman: Participant) -> None:
    with act(SETUP, "data.freeze"):
        Trial.objects.update(data_state="frozen")
    with act(SETUP, "data.lock"):
        Trial.objects.update(data_state="locked")
    with pytest.raises(InputError, match="reason"):
        hard_lock_requested(person("manager1"), reason="")
    asked = hard_lock_requested(person("manager1"), reason="The report is signed")
    with pytest.raises(InputError):
        request_decided(person("manager1"), asked, approve=True)
    request_decided(person("manager2"), asked, approve=True)
    cohort.refresh_from_db()
    assert cohort.data_state == "hard_locked"
    with pytest.raises(LockedError):
        unlock_requested(person("manager1"), cohort, reason="One more look")
    for entry in entries(woman):
        with pytest.raises(LockedError):
            entry()


@pytest.mark.parametrize(
    "target",
    [
        "",
        "nonsense",
        "participant:NOBODY",
        "record:nonsense",
        "record:00000000-0000-0000-0000-000000000000",
        "trial\x00",
    ],
)
def test_a_target_that_does_not_exist_is_not_found(cohort: Trial, client_of: ClientOf, target: str) -> None:
    answer = client_of("manager1").post("/records/locks/move/", {"target": target, "move": "freeze"})
    assert answer.status_code in (404, 422)
    assert (answer.status_code == 422) == (target == "trial\x00")


@pytest.mark.parametrize("page", ["/records/locks/", "/records/locks/trial/", "/records/locks/participant/P01/"])
def test_the_pages_take_a_bounded_number_of_queries(
    cohort: Trial, client_of: ClientOf, page: str, django_assert_max_num_queries: Callable[..., object]
) -> None:
    browser = client_of("manager1")
    with django_assert_max_num_queries(50):  # type: ignore[attr-defined]
        assert browser.get(page).status_code == 200


def _lines_of(page: str) -> dict[str, str]:
    """Record -> its line under the single records."""
    rows = re.findall(r"<tr><td>.*?</tr>", page[page.index("Single records") :], re.DOTALL)
    return {found[1]: row for row in rows if (found := re.search(r'name="target" value="record:([^"]+)"', row))}


def test_every_single_record_has_the_steps_of_its_own_state_and_what_is_typed_is_escaped(
    woman: Participant, client_of: ClientOf
) -> None:
    hostile = "<b>{version}00000000-0000-0000-0000-000000000000"
    cells = {"agent": hostile, "category": "other"}
    strange = record_create(person("coordinator1"), "prior_therapy", cells, participant=woman)
    strange = record_change(
        person("coordinator1"), strange, {**cells, "category": "surgery"}, seen_version=1, reason="misread"
    )
    mine = list(Record.objects.filter(participant=woman))
    frozen, locked = (one for one in mine if one.table in ("participants", "consents"))
    moved(person("manager1"), frozen, "freeze", reason="r", override=True)
    moved(person("manager1"), moved(person("manager1"), locked, "freeze", reason="r", override=True), "lock")
    browser = client_of("manager1")
    browser.handler.enforce_csrf_checks = True
    page = browser.get("/records/locks/participant/P01/").content.decode()
    lines = _lines_of(page)
    assert lines.keys() == {str(one.pk) for one in mine}
    assert page.count("Single records") == 1
    assert 'value="thaw"' in lines[str(frozen.pk)]
    assert "Open again" in lines[str(frozen.pk)]
    assert 'value="freeze"' not in lines[str(frozen.pk)]
    assert "Ask for unlocking" in lines[str(locked.pk)]
    assert 'value="freeze"' in lines[str(strange.pk)]
    assert f"<bdi>{hostile.replace('<b>', '&lt;b&gt;')}</bdi>" in lines[str(strange.pk)]
    assert "<td>2</td>" in lines[str(strange.pk)]
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', lines[str(frozen.pk)])
    assert token is not None
    answer = browser.post(
        "/records/locks/move/",
        {"target": f"record:{frozen.pk}", "move": "thaw", "reason": "r", "csrfmiddlewaretoken": token[1]},
    )
    assert answer.status_code == 302
    assert Record.objects.get(pk=frozen.pk).data_state == "open"
