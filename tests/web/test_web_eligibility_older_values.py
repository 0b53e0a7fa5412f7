"""Signed eligibility and what is recorded after it: newer values are seen before the injection, not only at it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from tests.web.test_web_participants_eligibility import signed

from theratrial.eligibility import Verdict
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import participant_rows
from theratrial.web.capture.services import record_change, record_create, record_entered_in_error
from theratrial.web.participants import eligible
from theratrial.web.participants.models import Participant
from theratrial.web.participants.states import shown
from theratrial.web.people.models import User
from theratrial.web.trials.models import Trial
from theratrial.web.trials.selectors import trial_zone

As = Callable[[str], Client]
THERAPY = "lu177_trastuzumab"


@pytest.fixture
def moved(cohort: Trial, client_of: As) -> Participant:
    """P01 before her first session, with values of these days, signed as eligible."""
    person = Participant.objects.select_related("site").get(code="P01")
    physicist = User.objects.get(username="physicist1")
    given = [one for one in Record.objects.filter(participant=person) if one.table == "administrations"]
    therapy = [one for one in given if one.cells["product_id"] == THERAPY]
    first = min(datetime.fromisoformat(one.cells["injected_at"]) for one in therapy)
    later = timezone.now().astimezone(trial_zone()) - first - timedelta(minutes=5)
    for one in therapy:
        record_entered_in_error(physicist, one, seen_version=one.version, reason="not given yet, for this test")
    for one in Record.objects.filter(participant=person, entered_in_error=False).exclude(table="administrations"):
        cells = dict(one.cells)
        for column in ("collected_at", "assessed_on", "read_at", "signed_at", "screened_on"):
            if cells.get(column):
                whole = datetime.fromisoformat(cells[column])
                new = whole + later
                cells[column] = new.isoformat() if "T" in cells[column] else new.date().isoformat()
        if datetime.fromisoformat(cells.get("collected_at", first.isoformat())) > timezone.now():
            continue
        if cells != one.cells:
            record_change(physicist, one, cells, seen_version=one.version, reason="moved to these days, for this test")
    for one in Record.objects.filter(participant=person, table="dispositions", entered_in_error=False):
        record_entered_in_error(physicist, one, seen_version=one.version, reason="for this test")
    assert signed(client_of) == 302
    return person


def platelets(person: Participant, value: str, unit: str = "10^9/L", ago: timedelta = timedelta(minutes=2)) -> Record:
    at = (timezone.now().astimezone(trial_zone()) - ago).isoformat()
    cells = {"test": "platelets", "value": value, "unit": unit, "collected_at": at}
    return record_create(User.objects.get(username="coordinator1"), "laboratory", cells, participant=person)


def state(person: Participant) -> str:
    return shown([person])[0].eligibility.key


def test_D1_a_newer_value_that_breaks_a_criterion_shows_on_page_list_and_overview_as_to_be_renewed(
    moved: Participant, client_of: As
) -> None:
    assert state(moved) == "eligible"
    platelets(moved, "12")
    assert state(moved) == "renew"
    client = client_of("investigator1")
    page = client.get("/participants/P01/eligibility/").content.decode()
    assert "To be renewed" in page
    assert re.search(r"<td>(<[^>]*>)*12\b", page), "the newer value stands beside the signed one"
    overview = client.get("/").content.decode()
    assert "Eligibility signed on older values" in overview
    assert "to be renewed" in overview
    assert "to be renewed" in client.get("/participants/").content.decode()


def test_D1_a_newer_value_that_breaks_nothing_is_listed_and_the_signature_stands(
    moved: Participant, client_of: As
) -> None:
    platelets(moved, "251")
    one = shown([moved])[0]
    assert one.eligibility.key == "eligible"
    assert "newer values" in one.eligibility.words
    assert one.renewal is not None
    assert [other.now for other in one.renewal.differences] == ["251"]
    page = client_of("investigator1").get("/participants/P01/eligibility/").content.decode()
    assert "Signed on older values" in page
    assert "To be renewed" not in page


def test_signing_again_on_the_newer_values_ends_the_notice(moved: Participant, client_of: As) -> None:
    platelets(moved, "251")
    assert signed(client_of) == 302
    assert shown([moved])[0].renewal is None


@pytest.mark.parametrize(("value", "unit"), [("250", "furlong"), ("900000", "10^9/L"), ("many", "10^9/L")])
def test_a_newest_value_that_cannot_be_used_leaves_its_criterion_not_known_and_the_page_says_why(
    moved: Participant, client_of: As, value: str, unit: str
) -> None:
    made = platelets(moved, value, unit)
    answer = client_of("investigator1").get("/participants/P01/eligibility/")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "cannot be read" in page
    assert str(made.pk) in page
    rows = participant_rows(moved)
    result = eligible.judged(moved, rows.folder, eligible.moment_shown(moved, rows.folder))
    assert result.verdict is Verdict.NOT_KNOWN
    assert any("platelets" in why for one in result.not_known for why in one.to_be_known)
    assert state(moved) == "renew"


def test_an_older_value_that_cannot_be_used_decides_nothing(moved: Participant, client_of: As) -> None:
    platelets(moved, "many", ago=timedelta(days=3000))
    assert client_of("investigator1").get("/participants/P01/eligibility/").status_code == 200
    assert state(moved) == "eligible"


def test_a_first_session_whose_time_cannot_be_read_leaves_eligibility_not_judged_with_a_reason(
    cohort: Trial, client_of: As
) -> None:
    record = Record.objects.filter(table="administrations", participant__code="P01", session=1).get()
    user = User.objects.get(username="physicist1")
    cells = {**record.cells, "injected_at": "yesterday"}
    record_change(user, record, cells, seen_version=record.version, reason="typing")
    answer = client_of("investigator1").get("/participants/P01/eligibility/")
    assert answer.status_code == 200
    assert "cannot be judged" in answer.content.decode()
