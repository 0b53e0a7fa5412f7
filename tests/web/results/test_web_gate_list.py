"""The list of gates: which stand first, that it says what the gate itself says, and that it is never older."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from theratrial.web.capture.models import Record
from theratrial.web.capture.services import record_change
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Signature
from theratrial.web.participants.models import Participant
from theratrial.web.participants.selectors import trial_now
from theratrial.web.people.models import User
from theratrial.web.results import gate_list
from theratrial.web.results.gate import Gate
from theratrial.web.results.gate_list import GateLine, Place, gate_lines, gate_places
from theratrial.web.results.gates_now import gate_of
from theratrial.web.setup_site import SETUP
from theratrial.web.trials.models import Trial

ClientOf = Callable[[str], Client]
pytestmark = pytest.mark.usefixtures("computed_site")


def places() -> list[Place]:
    return gate_places(Participant.objects.all(), trial_now())


def line(code: str, session: int) -> GateLine:
    return next(one for one in gate_lines(places()) if (one.code, one.session) == (code, session))


def judged_with(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Gates that are judged from here on."""
    judged: list[tuple[str, int]] = []
    before = gate_list._judged

    def counted(asked: Sequence[Place], *rest: Any) -> dict[Place, GateLine]:
        judged.extend((one.code, one.session) for one in asked)
        return before(asked, *rest)

    monkeypatch.setattr(gate_list, "_judged", counted)
    return judged


def taken_back(code: str, session: int) -> None:
    with act(SETUP, "test"):
        Record.objects.filter(
            participant__code=code, table="administrations", cells__session=str(session)
        ).update(entered_in_error=True)  # fmt: skip


def test_the_list_says_of_every_gate_what_the_gate_says() -> None:
    found = gate_lines(places())
    assert len(found) > 3
    for one in found:
        alone = gate_of(Participant.objects.get(code=one.code), one.session)
        verdict, because = (
            (alone.gate.verdict, alone.gate.content["because"])
            if isinstance(alone.gate, Gate)
            else ("", alone.gate.because)
        )
        assert (one.verdict, one.because, one.next_given) == (verdict, because, alone.next_given)
        assert one.state == (alone.status.state if alone.status else "")


def test_gates_that_wait_stand_first_and_those_whose_next_session_was_given_last(client_of: ClientOf) -> None:
    with act(SETUP, "test"):
        Record.objects.filter(participant__code="P01", table__in=("visits", "dispositions")).update(
            entered_in_error=True
        )
    given = [one.session for one in places() if one.code == "P01"]
    for session in sorted(given)[1:]:
        taken_back("P01", session)
    found = places()
    assert (found[0].code, found[0].session, found[0].waits) == ("P01", 1, True)
    assert [one.order for one in found] == sorted(one.order for one in found)
    shown = client_of("oncologist1").get("/results/gates/").content.decode()
    assert "1 gate waits for signatures" in shown
    assert shown.count('<span class="tag open">waits</span>') == 1
    assert '<span class="tag neutral">not signed</span>' in shown
    assert re.findall(r"/results/participant/(P\d+)/gate/(\d+)/", shown)[0] == ("P01", "1")


def test_a_gate_once_judged_is_not_judged_again_while_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    gate_lines(places())
    judged = judged_with(monkeypatch)
    gate_lines(places())
    assert judged == []


def test_a_changed_record_is_in_the_list_at_once() -> None:
    before = line("P01", 1)
    assert before.verdict == "proceed"
    rows = Record.objects.filter(participant__code="P01", table="laboratory", cells__test="platelets")
    manager = User.objects.get(username="coordinator1")
    for row in rows:
        record_change(
            manager, row, {**row.cells, "value": "9", "unit": "e9_per_L"}, reason="typing", seen_version=row.version
        )
    assert line("P01", 1).verdict != "proceed"


def test_a_row_that_raw_sql_takes_back_is_in_the_list_at_once() -> None:
    assert line("P01", 1).verdict == "proceed"
    with act(SETUP, "test"):
        Record.objects.filter(participant__code="P01", table="laboratory").update(entered_in_error=True)
    assert line("P01", 1).verdict == "undetermined"


def test_a_row_given_to_another_participant_is_missed_at_once() -> None:
    assert line("P01", 1).verdict == "proceed"
    other = Participant.objects.exclude(code="P01").order_by("code")[0]
    with act(SETUP, "test"):
        Record.objects.filter(participant__code="P01", table="laboratory").update(participant=other)
    (mine,) = gate_lines([one for one in places() if (one.code, one.session) == ("P01", 1)])
    assert mine.verdict == "undetermined"


def test_a_signature_is_in_the_list_at_once() -> None:
    assert line("P01", 1).state == "none"
    gate = gate_of(Participant.objects.get(code="P01"), 1)
    assert gate.status is not None
    with act(SETUP, "test"):
        Signature.objects.create(
            signer="oncologist1", printed_name="O", role="oncologist", signed_at=timezone.now(), meaning="approved",
            kind="gate", key="P01/1", participant="P01", content=gate.status.shown.content, digest=gate.status.digest,
            ledger_seq=1, ledger_hash="", software="t",
        )  # fmt: skip
    assert line("P01", 1).state == "second"


def test_gates_of_real_participants_that_look_to_now_are_judged_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with act(SETUP, "test.set-up"):
        trial = Trial.objects.get()
        trial.simulated = False
        trial.save()
    gate_lines(places())
    judged = judged_with(monkeypatch)
    found = gate_lines(places())
    assert judged
    assert set(judged) == {(one.code, one.session) for one in found if not one.next_given}


def test_a_session_of_a_participant_whose_record_cannot_be_read_stays_in_the_list() -> None:
    before = {(one.code, one.session) for one in places()}
    with act(SETUP, "test"):
        row = Record.objects.filter(participant__code="P01", table="participants").get()
        row.cells = {**row.cells, "screened_on": "yesterday"}
        row.save()
    found = places()
    assert {(one.code, one.session) for one in found} == before
    assert found[0].code == "P01"


def test_the_list_asks_the_database_as_often_for_one_gate_as_for_all(
    client_of: ClientOf, django_assert_max_num_queries: Any
) -> None:
    client = client_of("oncologist1")
    with django_assert_max_num_queries(40):
        assert client.get("/results/gates/").status_code == 200
    with django_assert_max_num_queries(28):
        client.get("/results/gates/")
