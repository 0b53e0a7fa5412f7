"""One list of deviations on the participant's summary: decided by people, and found by computing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from theratrial.web.ledger.act import act, note
from theratrial.web.ledger.models import Signature
from theratrial.web.participants.deviations import deviations_of
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import User
from theratrial.web.pharmacy.guards import DEVIATION
from theratrial.web.results.models import ParticipantResultRow
from theratrial.web.setup_site import SETUP

ClientOf = Callable[[str], Client]
pytestmark = pytest.mark.usefixtures("computed_site")


def page(client: Client, code: str = "P01") -> str:
    answer = client.get(f"/participants/{code}/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_summary_lists_deviations_of_every_kind_and_of_this_participant_alone(client_of: ClientOf) -> None:
    nurse = User.objects.get(username="coordinator1")
    with act(nurse, DEVIATION):
        note(DEVIATION, participant="P01", site="x", record="r", against=["unreleased"], reason="told by telephone")
        note(DEVIATION, participant="P02", site="x", record="r", against=["unreleased"], reason="of somebody else")
    with act(SETUP, "test.sign"):
        one = Signature.objects.filter(kind="eligibility", key="P01").first()
        Signature.objects.create(
            **{
                **{name: getattr(one, name, "") for name in ("role", "digest", "ledger_hash", "software", "site")},
                "signer": "investigator1",
                "printed_name": "Investigator One",
                "signed_at": "2022-03-01T10:00:00Z",
                "meaning": "overruled",
                "statement": "against the computed verdict",
                "kind": "eligibility",
                "key": "P01",
                "participant": "P01",
                "content": {"outcome": "eligible"},
                "ledger_seq": 0,
            }
        )
        row = ParticipantResultRow.objects.get(participant__code="P01")
        row.content = {
            **row.content,
            "notes": [
                {"participant_id": "P01", "severity": "deviation", "place": "visits", "message": "out of its window"},
                {"participant_id": "P01", "severity": "info", "place": "x", "message": "no deviation at all"},
            ],
        }
        row.save()
    shown = page(client_of("monitor1"))
    for said in ("unreleased", "told by telephone", "against the computed verdict", "out of its window"):
        assert said in shown, said
    for said in ("of somebody else", "no deviation at all"):
        assert said not in shown, said
    kinds = [
        one.kind for one in deviations_of(Participant.objects.get(code="P01"), User.objects.get(username="monitor1"))
    ]
    assert kinds == ["Eligibility", "Injection", "Found in the records"]
