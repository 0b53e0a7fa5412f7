"""What comes in after the physicians decided at a gate: nobody decided on that."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from tests.web.results.test_web_gate import both_signed, participant

from theratrial.web.capture.services import record_create
from theratrial.web.ledger.act import act
from theratrial.web.people.models import User
from theratrial.web.results.gate import Gate
from theratrial.web.results.gates_now import gate_of
from theratrial.web.results.guards import gate_allows
from theratrial.web.setup_site import SETUP
from theratrial.web.studies.models import Series, Upload

ClientOf = Callable[[str], Client]
pytestmark = pytest.mark.usefixtures("computed_site")


def test_a_decision_against_a_stop_does_not_cover_what_came_after_it(client_of: ClientOf) -> None:
    both_signed(client_of, "overruled", code="P02", reason="Platelets rise since yesterday")
    assert gate_allows(participant("P02"), 2) == []
    found = gate_of(participant("P02"), 1)
    assert isinstance(found.gate, Gate)
    cells = {
        **{"term": "Neutrophil count decreased", "ctcae_version": "5.0", "grade": "4", "serious": "yes"},
        **{"started_on": found.gate.decision.judged_at.date().isoformat(), "related": "related"},
    }
    record_create(User.objects.get(username="oncologist1"), "adverse_events", cells, participant=participant("P02"))
    reasons = gate_allows(participant("P02"), 2)
    assert "void" in reasons[0]
    assert any("Adverse" in one or "adverse" in one for one in reasons[1:]), reasons


def test_images_that_changed_after_the_doses_were_computed_leave_the_gate_undetermined(client_of: ClientOf) -> None:
    both_signed(client_of, "approved")
    assert gate_allows(participant(), 2) == []
    with act(SETUP, "images.match"):
        upload = Upload.objects.create(received_at="2022-05-01T00:00:00Z", received_by="physicist1", state="done")
        Series.objects.create(
            upload=upload, series_instance_uid="1.2.3", study_instance_uid="1.2", patient_id="P01", modality="NM",
            acquired_at="2022-05-01T00:00:00Z", site=participant().site, participant=participant(), imaging="spect_24h",
            session=1, state="matched",
        )  # fmt: skip
    found = gate_of(participant(), 1)
    assert isinstance(found.gate, Gate)
    assert found.gate.verdict == "undetermined"
    assert gate_allows(participant(), 2)
