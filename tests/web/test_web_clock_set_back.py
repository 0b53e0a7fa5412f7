"""The clock of the site is set back while people work: nothing reorders, revives, lasts longer or gets younger."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from tests.web.test_web_faults import event_typed
from tests.web.test_web_participants_eligibility import signed

from theratrial.web.capture.models import Query, Record
from theratrial.web.capture.services import record_create
from theratrial.web.ledger.act import act, note
from theratrial.web.ledger.models import Event, Signature
from theratrial.web.ledger.signing import signatures_of
from theratrial.web.ledger.verification import ledger_verified
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Assignment, Delegation, User
from theratrial.web.people.permissions import may, roles_held
from theratrial.web.people.roles import role_end
from theratrial.web.people.site_logs import delegation_end
from theratrial.web.setup_site import SETUP
from theratrial.web.trials.models import Trial

As = Callable[[str], Client]
BACK = timedelta(days=10)
BELOW_ZERO = re.compile(r"(?<![\w.-])[-\u2212]\d+(?:\.\d+)?\s*(?:days?|hours?|minutes?|weeks?|d|h)\b")


@pytest.fixture
def set_back(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Set the one clock of the site, `django.utils.timezone.now`, back by so much."""
    right = timezone.now

    def set_by(by: timedelta) -> None:
        monkeypatch.setattr(timezone, "now", lambda: right() - by)

    return set_by


def test_A11_the_ledger_keeps_its_order_and_says_that_the_clock_was_set_back(
    cohort: Trial, client_of: As, set_back: Callable[[timedelta], None], tmp_path: Path
) -> None:
    coordinator, person = User.objects.get(username="coordinator1"), Participant.objects.get(code="P01")
    cells = {"term": "Nausea", "ctcae_version": "5.0", "grade": "1", "started_on": "2022-05-01", "serious": "no"}
    record_create(coordinator, "adverse_events", cells, participant=person)
    last = Event.objects.order_by("-seq")[0]
    set_back(BACK)
    record_create(coordinator, "adverse_events", {**cells, "term": "Hiccups"}, participant=person)
    row = Record.objects.get(table="adverse_events", cells__term="Hiccups")
    event = Event.objects.get(entity="capture_record", entity_id=str(row.pk))
    assert event.seq > last.seq
    assert event.at < last.at, "what the clock said is kept"
    assert event.effective_at >= last.effective_at
    found = ledger_verified(tmp_path)
    assert not found.sentences()
    assert any("set back" in note for note in found.chain.notes)
    assert "clock set back" in client_of("manager1").get("/ledger/").content.decode()
    listed = client_of("manager1").get("/ledger/as-of/?table=adverse_events").content.decode()
    assert "Hiccups" in listed, "now, as the clock has it, hides nothing that was entered"


def test_S3_a_signature_stays_valid_and_is_ordered_by_the_ledger(
    cohort: Trial, client_of: As, set_back: Callable[[timedelta], None]
) -> None:
    assert signed(client_of) == 302
    signature = Signature.objects.get(kind="eligibility", key="P01")
    set_back(BACK)
    assert [one.pk for one in signatures_of("eligibility", "P01")] == [signature.pk]
    page = client_of("investigator1").get("/participants/P01/eligibility/").content.decode()
    signature.refresh_from_db()
    assert signature.voided_at is None
    assert "signature void" not in page
    assert signed(client_of, code="P02") == 302, "people can go on signing"
    later = Signature.objects.get(kind="eligibility", key="P02")
    assert later.ledger_seq > signature.ledger_seq
    assert later.voided_at is None


def test_U5_a_session_does_not_last_longer(cohort: Trial, client_of: As, set_back: Callable[[timedelta], None]) -> None:
    client = client_of("coordinator1")
    assert client.get("/participants/").status_code == 200
    set_back(timedelta(seconds=20))
    assert client.get("/participants/").status_code == 200, "as a clock that is kept right does"
    set_back(BACK)
    answer = client.post(*event_typed("P01"))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/people/sign-in/")
    assert "clock of the site was set back" in client.get(answer["Location"]).content.decode()
    assert not Record.objects.filter(source="form").exists()
    fresh = client_of("coordinator1")
    assert fresh.get("/participants/").status_code == 200
    assert fresh.get("/participants/").status_code == 200


def test_U3_a_role_that_was_ended_does_not_come_back(
    cohort: Trial, client_of: As, set_back: Callable[[timedelta], None]
) -> None:
    held = Assignment.objects.get(user__username="monitor1", ends_at=None)
    role_end(User.objects.get(username="administrator1"), held, reason="left the trial")
    with act(SETUP, "test.early"):
        Assignment.objects.filter(pk=held.pk).update(starts_at=timezone.now() - 3 * BACK)
    set_back(BACK)
    user = User.objects.get(username="monitor1")
    assert not may(user, "participants.view")
    assert roles_held(user) == []
    assert may(user, "participants.view", at=timezone.now()), "as-of still says what held on that day"
    assert client_of("monitor1").get("/participants/").status_code == 403


@pytest.mark.parametrize("by_hand", [True, False])
def test_U3_a_delegation_that_is_over_does_not_come_back(
    cohort: Trial, set_back: Callable[[timedelta], None], by_hand: bool
) -> None:
    today = timezone.now().date()
    line = Delegation.objects.filter(user__username="coordinator1", tasks__icontains="consent").first()
    assert line is not None
    with act(SETUP, "test.early"):
        kept = {"starts_on": today - 5 * BACK, "trained_on": today - 5 * BACK}
        ended = {} if by_hand else {"ends_on": today - timedelta(days=1)}
        Delegation.objects.filter(user__username="coordinator1").update(**kept, **ended)
    investigator, line = User.objects.get(username="investigator1"), Delegation.objects.get(pk=line.pk)
    if by_hand:
        for one in Delegation.objects.filter(user__username="coordinator1"):
            delegation_end(investigator, one, ends_on=today - timedelta(days=1), reason="left the trial")
    assert not may(User.objects.get(username="coordinator1"), "consent.record", site=line.site)
    set_back(BACK)
    assert not may(User.objects.get(username="coordinator1"), "consent.record", site=line.site)
    held = may(User.objects.get(username="coordinator1"), "consent.record", site=line.site, at=timezone.now())
    assert held, "as-of still says what held on that day"


def test_a_role_with_a_planned_end_does_not_come_back(cohort: Trial, set_back: Callable[[timedelta], None]) -> None:
    with act(SETUP, "test.early"):
        Assignment.objects.filter(user__username="monitor1").update(
            starts_at=timezone.now() - 3 * BACK, ends_at=timezone.now() - timedelta(hours=1)
        )
    set_back(BACK)
    assert not may(User.objects.get(username="monitor1"), "participants.view")
    assert roles_held(User.objects.get(username="monitor1")) == []


def test_an_act_inside_an_act_does_not_look_like_a_clock_that_was_set_back(cohort: Trial) -> None:
    last = Event.objects.order_by("-seq")[0].seq
    with act(SETUP, "test.outer"):
        with act(SETUP, "test.inner"):
            note("test.inner")
        note("test.outer")
    events = list(Event.objects.filter(seq__gt=last))
    assert len(events) == 2
    assert [one.seq for one in events if one.at != one.effective_at] == []
    assert len({one.at for one in events}) == 1, "one transaction, one instant"


@pytest.mark.django_db(transaction=True)
def test_the_moment_of_an_act_is_taken_when_its_turn_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    # Taken before, an act that waits for another would be written after it with the earlier instant.
    right, waited = timezone.now, []

    def now() -> datetime:
        waited.append(connection.in_atomic_block)
        return right()

    monkeypatch.setattr(timezone, "now", now)
    with act(SETUP, "test.turn"):
        pass
    assert waited == [True]


def test_nothing_has_an_age_below_zero(cohort: Trial, client_of: As, set_back: Callable[[timedelta], None]) -> None:
    row = Record.objects.filter(table="laboratory", participant__code="P01").order_by("sequence")[0]
    assert row.participant is not None
    with act(SETUP, "test.query"):
        Query.objects.create(
            record=row, participant=row.participant, site=row.site, column="value", kind="manual", text="Why?",
            opened_by="monitor1", opened_at=timezone.now(),
        )  # fmt: skip
    set_back(BACK)
    pages = ["", "consent/", "eligibility/", "schedule/"]
    paths = [f"/participants/P01/{one}" for one in pages] + [
        "/", "/participants/", "/participants/to-do/", "/records/queries/", "/records/completeness/", "/results/",
        "/results/participant/P01/", "/results/participant/P01/gate/1/", "/pharmacy/", "/pharmacy/participant/P01/",
        "/images/", "/exports/", "/ledger/", "/people/",
    ]  # fmt: skip
    client, seen = client_of("investigator1"), 0
    for path in paths:
        answer = client.get(path)
        assert answer.status_code in (200, 403, 404), path
        seen += answer.status_code == 200
        text = re.sub(r"<[^>]+>", " ", answer.content.decode())
        assert not BELOW_ZERO.findall(text), path
    assert seen > 10
    described = client_of("monitor1").get("/records/queries/?state=open").content.decode()
    assert "Why?" in described
