"""Visits done, missed, due and overdue; worksheets on paper; the month of everybody."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client

from theratrial.forms.moments import typed_date
from theratrial.protocol.reader import shipped_protocol
from theratrial.simulation.cohort import SEED_PROTOCOL
from theratrial.web.capture.models import Record
from theratrial.web.ledger.act import act
from theratrial.web.participants.models import Participant
from theratrial.web.participants.months import GREGORIAN, JALALI, month_asked, month_of, other_calendar
from theratrial.web.participants.schedule import WITHOUT_CONSENT, WITHOUT_INJECTION
from theratrial.web.participants.screening import Registration, participant_registered
from theratrial.web.participants.selectors import trial_now
from theratrial.web.participants.standing import Planned, standing
from theratrial.web.people.models import Site, User
from theratrial.web.setup_site import SETUP, demonstration_made
from theratrial.web.trials.models import Trial

As = Callable[[str], Client]


@pytest.fixture
def woman(cast: dict[str, User], site: Site) -> Participant:
    """Screened on 2022-03-05, nothing else."""
    return participant_registered(
        cast["coordinator1"], site=site, registration=Registration("B-01", typed_date("2022-03-05"), "female", "51")
    )


def test_the_window_of_the_visit_after_a_session_is_weeks_six_to_eight_of_the_actual_injection(cohort: Trial) -> None:
    one = standing(Participant.objects.get(code="P01"))
    given = one.sessions[0][1].date()
    visit = next(item for item in one.planned if (item.id, item.session) == ("follow_up", 1))
    assert ((visit.first_day - given).days, (visit.last_day - given).days) == (42, 56)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("day", "status"),
    [
        (date(2022, 3, 4), "not_due"),
        (date(2022, 3, 5), "due"),
        (date(2022, 4, 2), "due"),
        (date(2022, 4, 3), "overdue"),
    ],
)
def test_a_visit_is_due_on_both_ends_of_its_window_and_overdue_after_it(day: date, status: str) -> None:
    visit = Planned("visit", "screening", None, date(2022, 3, 5), date(2022, 4, 2), "")
    assert visit.status(datetime(day.year, day.month, day.day, 12, tzinfo=UTC)) == status


def test_a_missed_visit_is_data_and_needs_its_reason(woman: Participant, client_of: As) -> None:
    client = client_of("coordinator1")
    place = "/participants/B-01/schedule/visit/screening/0/"
    assert client.post(place, {"status": "missed"}).status_code == 422
    assert client.post(place, {"status": "missed", "reason": "snow"}).status_code == 302
    assert Record.objects.get(table="visits").cells["reason"] == "snow"
    assert "missed" in client.get("/participants/B-01/schedule/").content.decode()


def test_D1_an_image_done_without_consent_and_injection_is_recorded_and_asked_about(
    woman: Participant, client_of: As
) -> None:
    client = client_of("coordinator1")
    place = "/participants/B-01/schedule/image/pet_baseline/0/"
    answer = client.post(place, {"status": "done", "on": "2022-03-07"}, follow=True)
    assert "Queries were raised" in answer.content.decode()
    record = Record.objects.get(table="visits")
    asked = {one.rule: one.text for one in record.queries.filter(state="open")}
    assert asked.keys() == {WITHOUT_CONSENT, WITHOUT_INJECTION}
    assert "no consent was signed by then" in asked[WITHOUT_CONSENT]
    form = {
        "form_version": "1.0", "language": "fa", "signed_on": "2022-03-07", "signed_time": "09:30",
        "obtained_by": "coordinator1", "copy_given": "yes",
    }  # fmt: skip
    assert client.post("/participants/B-01/consent/record/", form).status_code == 302
    again = {"status": "done", "on": "2022-03-08", "seen_version": "1", "change_reason": "the day before was wrong"}
    assert client.post(place, again).status_code == 302
    assert {one.rule for one in record.queries.filter(state="open")} == {WITHOUT_INJECTION}


def test_the_visit_at_which_consent_is_taken_is_asked_nothing(woman: Participant, client_of: As) -> None:
    place = "/participants/B-01/schedule/visit/screening/0/"
    assert client_of("coordinator1").post(place, {"status": "done", "on": "2022-03-06"}).status_code == 302
    assert not Record.objects.get(table="visits").queries.exists()


def test_a_recorded_visit_is_changed_only_with_a_reason_and_on_the_version_seen(
    woman: Participant, client_of: As
) -> None:
    client = client_of("coordinator1")
    place = "/participants/B-01/schedule/visit/screening/0/"
    client.post(place, {"status": "done", "on": "1400/12/15"})
    assert Record.objects.get(table="visits").cells["occurred_on"] == "2022-03-06"
    change = {"status": "done", "on": "2022-03-07", "seen_version": "1"}
    assert client.post(place, change).status_code == 422
    assert client.post(place, {**change, "change_reason": "typing error"}).status_code == 302
    assert client.post(place, {**change, "on": "2022-03-08", "change_reason": "again"}).status_code == 422
    assert Record.objects.get(table="visits").cells["occurred_on"] == "2022-03-07"


def test_a_visit_outside_its_window_says_by_how_much(woman: Participant, client_of: As) -> None:
    client = client_of("coordinator1")
    client.post("/participants/B-01/schedule/visit/screening/0/", {"status": "done", "on": "2022-04-05"})
    assert "3 days after its window" in client.get("/participants/B-01/schedule/").content.decode()


def test_V6_a_worksheet_has_every_item_unit_and_criterion_of_the_visit(cohort: Trial, client_of: As) -> None:
    page = client_of("coordinator1").get("/participants/P01/worksheets/screening/0/").content.decode()
    protocol = shipped_protocol(SEED_PROTOCOL)
    for form in ("consent", "screening", "laboratory"):
        reading = protocol.forms[form].reading
        assert reading is not None
        for item in reading.items:
            if not item.calculated:
                assert item.label in page, item.id
    assert "data-print" in page
    assert "Platelets at least" in page
    assert client_of("coordinator1").get("/participants/worksheets/follow_up/").status_code == 200
    assert client_of("coordinator1").get("/participants/worksheets/nothing/").status_code == 404


def test_V6_what_is_typed_from_paper_is_marked_as_entered_late(woman: Participant, client_of: As) -> None:
    given = {"status": "done", "on": "2022-03-06", "late": "yes"}
    client_of("coordinator1").post("/participants/B-01/schedule/visit/screening/0/", given)
    assert Record.objects.get(table="visits").entered_late is True


def test_the_to_do_list_has_what_is_overdue_the_longest_first(woman: Participant, client_of: As) -> None:
    client = client_of("coordinator1")
    page = client.get("/participants/to-do/").content.decode()
    assert "B-01" in page
    assert "overdue" in page
    client.post("/participants/B-01/schedule/visit/screening/0/", {"status": "done", "on": "2022-03-06"})
    assert "B-01" not in client.get("/participants/to-do/").content.decode()


def test_the_weeks_of_a_month_cover_it_and_begin_on_saturday_in_persian() -> None:
    days = month_of(date(2022, 5, 1), GREGORIAN).days(saturday_first=True)
    assert days[0] == date(2022, 4, 30)
    for calendar in (GREGORIAN, JALALI):
        for number in range(0, 3000, 13):
            month = month_of(date(2019, 12, 31) + timedelta(days=number), calendar)
            for first in (True, False):
                covered = month.days(saturday_first=first)
                assert len(covered) % 7 == 0
                assert covered[0].weekday() == (5 if first else 0)
                assert covered[6] >= month.first
                assert covered[-7] <= month.last <= covered[-1]


@pytest.mark.parametrize(
    ("key", "first", "last"),
    [
        # Printed calendars of Iran: Nowruz 1400 on 2021-03-21 after the leap year 1399; Esfand 1400 of 29 days.
        ("1399-12", "2021-02-19", "2021-03-20"),
        ("1400-01", "2021-03-21", "2021-04-20"),
        ("1400-07", "2021-09-23", "2021-10-22"),
        ("1400-12", "2022-02-20", "2022-03-20"),
        ("1401-02", "2022-04-21", "2022-05-21"),
        ("2022-05", "2022-05-01", "2022-05-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
    ],
)
def test_a_month_has_the_days_that_printed_calendars_give_it(key: str, first: str, last: str) -> None:
    month = month_asked(key, today=date(2026, 11, 23), calendar=GREGORIAN)
    assert (month.key, month.first.isoformat(), month.last.isoformat()) == (key, first, last)
    following = month_of(month.last + timedelta(days=1), month.calendar)
    assert month_of(following.first - timedelta(days=1), month.calendar) == month
    there = other_calendar(month, date(2026, 11, 23))
    assert there.calendar != month.calendar
    assert there.first <= month.last
    assert there.last >= month.first


@pytest.mark.parametrize(
    "asked", ["9999-12", "", "9999-99", "1401-13", "0000-00", "1100-01", "x", "1401", "2022-", "\U0001f600"]
)
def test_a_month_that_is_none_is_that_of_today_in_ones_calendar(asked: str) -> None:
    today = date(2026, 11, 23)
    assert month_asked(asked, today=today, calendar=JALALI) == month_of(today, JALALI)
    assert month_of(today, JALALI).key == "1405-09"
    assert month_asked("۱۴۰۱/۰۲", today=today, calendar=GREGORIAN).key == "1401-02"


@pytest.mark.parametrize("language", ["en", "fa"])
def test_who_chose_the_jalali_calendar_sees_its_months(cohort: Trial, client_of: As, language: str) -> None:
    with act(SETUP, "test.choose"):
        User.objects.filter(username="coordinator1").update(calendar="jalali", persian_digits=language == "fa")
    given = standing(Participant.objects.get(code="P01")).sessions[0][1].date()
    month = month_of(given, JALALI)
    client = client_of("coordinator1")
    client.cookies["theratrial_language"] = language
    page = client.get(f"/participants/calendar/?month={month.key}").content.decode()
    heads = re.findall(r'<th scope="col">(.*?)</th>', page)
    assert (heads[0], len(heads)) == ({"en": "Saturday", "fa": "شنبه"}[language], 7)
    plain = page.translate(str.maketrans("۰۱۲۳۴۵۶۷۸۹", "0123456789")).replace("\u2066", "").replace("\u2069", "")
    cells = re.findall(r"<td class=\"(outside)?[^\"]*\"[^>]*><div class=\"date\"><strong>(\d+)</strong>", plain)
    inside = [int(number) for outside, number in cells if not outside]
    assert inside == list(range(1, (month.last - month.first).days + 2))
    assert f"<small>{given:%m-%d}</small>" in plain, "the Gregorian day beside it"
    name = {"en": "Bahman", "fa": "بهمن"}[language]
    assert f"<h1>{name} 1400 " in plain
    before, after = month_of(month.first - timedelta(days=1), JALALI), month_of(month.last + timedelta(days=1), JALALI)
    assert f'href="?month={before.key}" rel="prev"' in page
    assert f'href="?month={after.key}" rel="next"' in page
    this_month = month_of(trial_now().date(), JALALI).key
    assert f'value="{this_month}"' in client.get("/participants/calendar/").content.decode()


def test_the_calendar_shows_a_session_on_its_day(cohort: Trial, client_of: As) -> None:
    given = standing(Participant.objects.get(code="P01")).sessions[0][1].date()
    page = client_of("coordinator1").get(f"/participants/calendar/?month={given:%Y-%m}").content.decode()
    assert "session 1" in page
    assert client_of("coordinator1").get("/participants/calendar/?month=9999-99").status_code == 200


def test_who_may_not_enter_records_records_no_visit(cohort: Trial, client_of: As) -> None:
    for username in ("monitor1", "investigator1"):
        assert (
            client_of(username).post("/participants/P01/schedule/visit/screening/0/", {"status": "missed"}).status_code
            == 403
        )


@pytest.mark.parametrize("number", [3, 30])
def test_the_calendar_costs_the_same_queries_for_3_and_for_30_participants(
    db: None, client_of: As, django_assert_max_num_queries: Callable[[int], object], number: int
) -> None:
    demonstration_made(participants=number)
    client = client_of("coordinator1")
    with django_assert_max_num_queries(26):  # type: ignore[attr-defined]
        assert client.get("/participants/calendar/?month=2022-05").status_code == 200


def test_images_in_the_records_stand_on_their_day(cohort: Trial) -> None:
    one = Participant.objects.get(code="P01")
    with act(SETUP, "test"):
        row = Record.objects.filter(participant=one, table="visits", cells__visit_id="spect_24h").earliest("sequence")
    day = date.fromisoformat(row.cells["occurred_on"])
    assert day in [item.on_day for item in standing(one).planned if item.id == "spect_24h"]
