"""Eligibility was signed; then a new result comes in that nobody has looked at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client
from tests.web.test_web_participants_eligibility import signed

from theratrial.web.capture.models import Record
from theratrial.web.capture.services import record_create, record_entered_in_error
from theratrial.web.ledger.models import Signature
from theratrial.web.participants.guards import _changed_since_signed, may_inject
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import User
from theratrial.web.trials.models import Trial

As = Callable[[str], Client]
THERAPY = "lu177_trastuzumab"


@pytest.fixture
def before_treatment(cohort: Trial, client_of: As) -> tuple[Participant, datetime]:
    """P01 as on the day of her first session: signed as eligible, nothing injected yet."""
    person = Participant.objects.select_related("site").get(code="P01")
    given = list(Record.objects.filter(table="administrations", participant=person).order_by("sequence"))
    first = min(datetime.fromisoformat(one.cells["injected_at"]) for one in given if one.cells["product_id"] == THERAPY)
    assert signed(client_of) == 302
    user = User.objects.get(username="physicist1")
    for one in given:
        if one.cells["product_id"] == THERAPY:
            record_entered_in_error(user, one, seen_version=one.version, reason="not given yet, for this test")
    return person, first


def test_D1_a_new_result_that_breaks_a_criterion_after_signing_refuses_the_first_injection(
    before_treatment: tuple[Participant, datetime],
) -> None:
    person, at = before_treatment
    assert Signature.objects.filter(kind="eligibility", key="P01", voided_at=None).exists()
    assert _changed_since_signed(person, at) == []
    template = Record.objects.filter(table="laboratory", participant=person, cells__test="platelets").first()
    assert template is not None
    moved = {name: value for name, value in template.cells.items() if name != "participant_id"}
    moved |= {"value": "12000", "unit": "/mm3", "collected_at": (at - timedelta(hours=2)).isoformat()}
    record_create(User.objects.get(username="coordinator1"), "laboratory", moved, participant=person)
    assert Signature.objects.filter(kind="eligibility", key="P01", voided_at=None).exists(), "a new row voids nothing"
    reasons = _changed_since_signed(person, at)
    assert len(reasons) == 1
    assert "Sign it again" in reasons[0]


def test_D1_results_that_grew_too_old_since_signing_refuse_the_first_injection(
    before_treatment: tuple[Participant, datetime],
) -> None:
    person, at = before_treatment
    reasons = may_inject(person, THERAPY, at + timedelta(days=4000))
    assert any("grew too old" in one for one in reasons), reasons
