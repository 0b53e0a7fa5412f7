"""The gate at the instant of an injection that is entered later: what was signed and known by then counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from tests.web.results.test_web_gate import both_signed, participant

from theratrial.web.capture.models import Record
from theratrial.web.capture.services import record_change, record_create
from theratrial.web.ledger.models import Signature
from theratrial.web.people.models import User
from theratrial.web.pharmacy.guards import Finding, administration_findings
from theratrial.web.results.gate import Gate
from theratrial.web.results.gates_now import gate_source
from theratrial.web.results.guards import gate_allows, gate_at
from theratrial.web.trials.selectors import trial_zone

ClientOf = Callable[[str], Client]
pytestmark = pytest.mark.usefixtures("computed_site")


def platelets_corrected(value: str, session: int = 1) -> None:
    gate = gate_source(participant()).judged(session)
    assert isinstance(gate, Gate)
    line = next(one for one in gate.content["lines"] if one["clause"] == "safety_gate.laboratory:platelets")
    record = Record.objects.get(pk=line["records"][0].rsplit("/", 1)[1].partition("@")[0])
    cells = {**record.cells, "value": value}
    user = User.objects.get(username="coordinator1")
    record_change(user, record, cells, seen_version=record.version, reason="misread digit")


def test_a_gate_signed_after_the_injection_does_not_cover_it(client_of: ClientOf) -> None:
    before = timezone.now()
    both_signed(client_of, "approved")
    assert gate_allows(participant(), 2) == []
    reasons = gate_allows(participant(), 2, before)
    assert len(reasons) == 1
    assert "only at" in reasons[0]


def test_a_gate_signed_by_one_physician_at_the_injection_and_by_the_other_after_it_does_not_cover_it(
    client_of: ClientOf,
) -> None:
    both_signed(client_of, "approved")
    first, second = Signature.objects.filter(kind="gate").order_by("signed_at")
    between = first.signed_at + (second.signed_at - first.signed_at) / 2
    assert gate_allows(participant(), 2) == []
    assert any("nuclear medicine physician" in one for one in gate_allows(participant(), 2, between))


def test_a_value_corrected_after_the_injection_leaves_it_allowed_and_is_told(client_of: ClientOf) -> None:
    both_signed(client_of, "approved")
    injected_at = timezone.now()
    platelets_corrected("40")
    assert "void" in gate_allows(participant(), 2)[0]
    answer = gate_at(participant(), 2, injected_at)
    assert answer.against == ()
    assert any("platelets" in one and "40" in one for one in answer.since)
    assert answer.digest == Signature.objects.filter(kind="gate").earliest("signed_at").digest


def test_a_value_corrected_before_the_injection_forbids_it_though_the_entry_comes_later(client_of: ClientOf) -> None:
    both_signed(client_of, "approved")
    platelets_corrected("40")
    injected_at = timezone.now()
    assert "void" in gate_allows(participant(), 2, injected_at)[0]


def test_a_row_entered_after_the_injection_leaves_it_allowed_and_is_told(client_of: ClientOf) -> None:
    both_signed(client_of, "approved")
    injected_at = timezone.now()
    gate = gate_source(participant()).judged(1)
    assert isinstance(gate, Gate)
    cells = {
        **{"term": "Fatigue", "ctcae_version": "5.0", "grade": "3", "serious": "no", "related": "related"},
        "started_on": gate.decision.judged_at.date().isoformat(),
    }
    record_create(User.objects.get(username="oncologist1"), "adverse_events", cells, participant=participant())
    assert gate_allows(participant(), 2)
    answer = gate_at(participant(), 2, injected_at)
    assert answer.against == ()
    assert any("dverse" in one for one in answer.since)


def test_the_whole_minute_of_a_typed_injection_counts(client_of: ClientOf) -> None:
    both_signed(client_of, "approved")
    minute = Signature.objects.filter(kind="gate").latest("signed_at").signed_at.replace(second=0, microsecond=0)
    assert gate_allows(participant(), 2, minute) == []
    assert gate_allows(participant(), 2, minute - timedelta(minutes=1))


def test_the_form_of_the_administration_judges_at_the_time_typed(client_of: ClientOf) -> None:
    last = Record.objects.filter(table="administrations", participant=participant(), session__gt=0).latest("session")
    assert last.session is not None
    gate = gate_source(participant()).judged(last.session - 1)
    assert isinstance(gate, Gate)
    before = timezone.now()
    meaning = "approved" if gate.verdict == "proceed" else "overruled"
    both_signed(client_of, meaning, session=last.session - 1, reason="the platelets rise")
    between = timezone.now()
    platelets_corrected("40", last.session - 1)

    def gate_findings(at: datetime) -> dict[str, Finding]:
        cells = {**last.cells, "injected_at": at.astimezone(trial_zone()).isoformat()}
        found = administration_findings(participant(), cells, record=last)
        return {one.code: one for one in found.all if one.column == "session"}

    assert gate_findings(before)["gate"].kind == "refusal"
    allowed = gate_findings(between)
    assert "gate" not in allowed
    assert allowed["gate_since"].kind == "warning"
    assert "40" in allowed["gate_since"].text
