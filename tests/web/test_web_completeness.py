"""Missing, late and incomplete data: what the protocol expects against what is recorded."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from theratrial.web.capture.completeness import Standing, forget, standings
from theratrial.web.capture.models import Record
from theratrial.web.capture.services import record_change, record_create, record_entered_in_error
from theratrial.web.ledger.act import act
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Site, User
from theratrial.web.setup_site import SETUP, demonstration_made
from theratrial.web.studies.models import Series, Upload
from theratrial.web.trials.models import Trial

ClientOf = Callable[[str], Client]
LATER = datetime(2024, 1, 1, tzinfo=UTC)


def person(name: str) -> User:
    return User.objects.get(username=name)


def standing(code: str, now: datetime = LATER) -> Standing:
    return standings([Participant.objects.select_related("site").get(code=code)], now)[0]


def taken_out(code: str, **wanted: str) -> None:
    """Rows that fit, entered in error."""
    found = [
        one
        for one in Record.objects.filter(participant__code=code, entered_in_error=False)
        if all(({"table": one.table} | one.cells).get(name) == value for name, value in wanted.items())
    ]
    assert found, wanted
    for one in found:
        record_entered_in_error(person("coordinator1"), one, seen_version=one.version, reason="for the test")


def state(code: str, identifier: str, session: int | None = None, now: datetime = LATER) -> list[str]:
    return [one.state for one in standing(code, now).expected if (one.identifier, one.session) == (identifier, session)]


def test_a_whole_simulated_participant_lacks_nothing(cohort: Trial) -> None:
    found = standing("P01")
    assert (found.count("missing"), found.count("incomplete"), found.count("late")) == (0, 0, 0)
    assert found.count("complete") > 20


@pytest.mark.parametrize(
    ("wanted", "item", "session"),
    [
        ({"table": "examinations", "session": "1"}, "examination", 1),
        ({"table": "selection_reads"}, "selection_read", None),
        ({"table": "consents"}, "consent", None),
        ({"table": "lesion_readings", "timepoint": "response"}, "lesion_reading", None),
        ({"table": "biodistribution_reads", "session": "1", "imaging_id": "whole_body_24h"}, "biodistribution_read", 1),
        ({"table": "visits", "visit_id": "spect_24h", "session": "1"}, "spect_24h", 1),
        ({"table": "visits", "visit_id": "follow_up", "session": "1"}, "follow_up", 1),
    ],
)
def test_what_is_taken_away_is_missing_and_nothing_else(
    cohort: Trial, wanted: dict[str, str], item: str, session: int | None
) -> None:
    before = standing("P01").count("missing")
    taken_out("P01", **wanted)
    assert "missing" in state("P01", item, session)
    assert standing("P01").count("missing") == before + 1


def test_a_blood_count_without_platelets_is_incomplete_and_says_what_it_lacks(cohort: Trial) -> None:
    given = Record.objects.get(table="administrations", participant__code="P01", cells__session="1")
    for one in Record.objects.filter(table="laboratory", participant__code="P01", cells__test="platelets"):
        if one.cells["collected_at"][:10] <= given.cells["injected_at"][:10]:
            record_entered_in_error(person("coordinator1"), one, seen_version=1, reason="for the test")
    found = [one for one in standing("P01").expected if one.identifier == "laboratory" and one.session is None]
    assert [one.state for one in found] == ["incomplete"]
    assert found[0].note == "platelets_e9_per_L"


def test_a_required_cell_left_empty_makes_the_form_incomplete(cohort: Trial) -> None:
    record = Record.objects.get(table="participants", participant__code="P01")
    cells = {name: text for name, text in record.cells.items() if name != "height_cm"}
    record_change(person("coordinator1"), record, cells, seen_version=1, reason="not measured that day")
    assert state("P01", "screening")[-1] == "incomplete"


def test_what_comes_later_is_not_missing_yet(cohort: Trial) -> None:
    screened = Participant.objects.get(code="P01").screened_on
    early = datetime(screened.year, screened.month, screened.day, 12, tzinfo=UTC)
    taken_out("P01", table="visits", visit_id="response_assessment")
    taken_out("P01", table="lesion_readings", timepoint="response")
    assert state("P01", "response_assessment", None, early) == ["not_due"]
    assert state("P01", "lesion_reading", None, early)[-1] == "not_due"
    assert state("P01", "response_assessment") == ["missing"]


def test_nothing_is_expected_of_a_screen_failure_but_her_screening(cohort: Trial) -> None:
    code = Participant.objects.get(code__startswith="S").code
    taken_out(code, table="selection_reads")
    assert standing(code).count("missing") == 0
    taken_out(code, table="consents")
    assert state(code, "consent") == ["missing"]


def test_a_record_entered_more_than_five_days_after_its_day_is_late(cohort: Trial) -> None:
    woman = Participant.objects.get(code="P01")
    old = Record.objects.filter(table="examinations", participant=woman).first()
    assert old is not None
    taken_out("P01", table="examinations", session="1")
    for role in ("oncologist", "nuclear_medicine_physician"):
        record_create(
            person("oncologist1"),
            "examinations",
            {**old.cells, "session": "1", "examiner_role": role},
            participant=woman,
        )
    assert state("P01", "examination", 1) == ["late"]


@pytest.mark.parametrize(("days", "expected"), [(5, "complete"), (6, "late")])
def test_lateness_begins_with_the_day_after_the_allowed_ones(cohort: Trial, days: int, expected: str) -> None:
    woman = Participant.objects.get(code="P01")
    today = datetime.now(UTC)
    taken_out("P01", table="examinations", session="1")
    local = today.astimezone(ZoneInfo("Asia/Tehran")).date()
    cells = {
        "visit_id": "follow_up", "session": "1", "examined_on": (local - timedelta(days=days)).isoformat(),
        "examiner": "ON-01", "examiner_role": "oncologist", "ecog": "1", "toxicity": "none",
    }  # fmt: skip
    record_create(person("oncologist1"), "examinations", cells, participant=woman)
    assert state("P01", "examination", 1) == [expected]


def test_someone_without_a_screening_form_is_shown_as_missing_it(cohort: Trial) -> None:
    with act(person("coordinator1"), "participant.register"):
        Participant.objects.create(code="NEW", site=Site.objects.get(), screened_on="2023-01-01")
    assert state("NEW", "screening") == ["missing"]


def test_the_matrix_shows_the_missing_item_and_leads_to_it(cohort: Trial, client_of: ClientOf) -> None:
    browser = client_of("manager1")
    assert "✕" not in browser.get("/records/completeness/").content.decode()
    taken_out("P01", table="examinations", session="1")
    page = browser.get("/records/completeness/").content.decode()
    assert 'class="tag bad">missing</span>' in page
    detail = browser.get("/records/completeness/participant/P01/").content.decode()
    assert detail.index('class="tag bad">missing') < detail.index("Examination before the next session")


def test_the_csv_holds_every_expected_item_and_is_noted_in_the_ledger(cohort: Trial, client_of: ClientOf) -> None:
    from theratrial.web.ledger.models import Note

    answer = client_of("manager1").post("/records/completeness/csv/")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    women = Participant.objects.select_related("site")
    assert len(rows) == sum(len(one.expected) for one in standings(list(women), datetime.now(UTC)))
    assert Note.objects.filter(action="export.completeness").count() == 1
    assert client_of("monitor1").post("/records/completeness/csv/").status_code == 403


@pytest.mark.parametrize("participants", [3, 24])
def test_the_matrix_takes_the_same_number_of_queries_whatever_the_number_of_participants(
    db: None, client_of: ClientOf, participants: int, django_assert_max_num_queries: Callable[..., object]
) -> None:
    demonstration_made(participants=participants)
    browser = client_of("manager1")
    with django_assert_max_num_queries(30):  # type: ignore[attr-defined]
        assert browser.get("/records/completeness/").status_code == 200
    with django_assert_max_num_queries(25):  # type: ignore[attr-defined]
        assert browser.get("/records/verification/").status_code == 200
    with django_assert_max_num_queries(25):  # type: ignore[attr-defined]
        assert browser.get("/records/locks/").status_code == 200


def test_what_is_remembered_follows_a_change_and_the_day(cohort: Trial) -> None:
    """The same questions as above, asked of a memory that already holds an answer."""
    forget()
    first = standing("P01")
    assert standing("P01") == first
    screened = Participant.objects.get(code="P01").screened_on
    early = datetime(screened.year, screened.month, screened.day, 12, tzinfo=UTC)
    taken_out("P01", table="examinations", session="1")
    taken_out("P01", table="visits", visit_id="response_assessment")
    assert state("P01", "examination", 1) == ["missing"]
    assert state("P01", "response_assessment", None, early) == ["not_due"]
    assert state("P01", "response_assessment") == ["missing"]


def test_a_window_that_opens_or_closes_ends_what_is_remembered(cohort: Trial) -> None:
    taken_out("P01", table="visits", visit_id="response_assessment")
    forget()
    window = next(one for one in standing("P01").expected if one.identifier == "response_assessment")
    assert window.earliest is not None
    assert window.latest is not None
    zone = ZoneInfo("Asia/Tehran")
    opens = datetime.combine(window.earliest, time.min, zone)
    closes = datetime.combine(window.latest + timedelta(days=1), time.min, zone)
    moment = timedelta(microseconds=1)
    for now, expected in (
        (opens - moment, "not_due"), (opens, "due"), (closes - moment, "due"), (closes, "missing"), (opens, "due"),
        (opens - moment, "not_due"),
    ):  # fmt: skip
        assert state("P01", "response_assessment", None, now)[0] == expected, now


def test_an_image_that_is_moved_to_another_participant_is_not_remembered(cohort: Trial) -> None:
    woman, other = (Participant.objects.get(code=code) for code in ("P01", "P02"))
    with act(SETUP, "test.image"):
        upload = Upload.objects.create(
            received_at=LATER, received_by="nuclear1", site=woman.site, state="done", files=1, bytes=1
        )
        given = Record.objects.get(table="administrations", participant=woman, cells__session="1")
        series = Series.objects.create(
            upload=upload, series_instance_uid="2.25.1", study_instance_uid="2.25.2", modality="NM", patient_id="P01",
            acquired_at=datetime.fromisoformat(given.cells["injected_at"]) + timedelta(hours=24), site=woman.site,
            participant=woman, imaging="whole_body_24h", session=1, state="matched",
        )  # fmt: skip
    taken_out("P01", table="visits", visit_id="whole_body_24h", session="1")
    assert state("P01", "whole_body_24h", 1) == ["complete"]
    with act(SETUP, "test.image"):
        series.participant = other
        series.save()
    assert "complete" not in state("P01", "whole_body_24h", 1)


def test_another_setting_of_lateness_is_not_answered_from_memory(cohort: Trial, settings: Any) -> None:
    taken_out("P01", table="examinations", session="1")
    today = datetime.now(ZoneInfo("Asia/Tehran")).date().isoformat()
    cells = {
        "visit_id": "follow_up", "session": "1", "examined_on": today,
        "examiner": "ON-01", "examiner_role": "oncologist", "ecog": "1", "toxicity": "none",
    }  # fmt: skip
    record_create(person("oncologist1"), "examinations", cells, participant=Participant.objects.get(code="P01"))
    assert state("P01", "examination", 1) == ["complete"]
    settings.LATE_ENTRY_DAYS = -1
    assert state("P01", "examination", 1) == ["late"]
