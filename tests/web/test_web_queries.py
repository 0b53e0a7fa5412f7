"""Queries: states, who may take which step, threads, and rules that ask the same question once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from theratrial.errors import InputError
from theratrial.web.capture.models import Query, QueryMessage, Record
from theratrial.web.capture.queries import (
    STATES,
    STEPS,
    query_raised,
    query_stepped,
    system_query,
    system_query_resolved,
)
from theratrial.web.capture.query_views import described
from theratrial.web.capture.services import record_change
from theratrial.web.ledger.models import Event
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Site, User
from theratrial.web.trials.models import Trial

ClientOf = Callable[[str], Client]


def person(name: str) -> User:
    return User.objects.get(username=name)


@pytest.fixture
def weight(cohort: Trial) -> Record:
    """The row that holds P01's weight at screening."""
    return Record.objects.get(table="participants", participant__code="P01")


@pytest.fixture
def query(weight: Record) -> Query:
    return query_raised(person("monitor1"), "Is this the weight of that day?", record=weight, column="weight_kg")


def changed(record: Record, **cells: str) -> Record:
    now = Record.objects.get(pk=record.pk)
    return record_change(
        person("coordinator1"), now, {**now.cells, **cells}, seen_version=now.version, reason="misread scales"
    )


def test_a_query_goes_from_open_over_answered_to_closed_and_keeps_its_thread(query: Query) -> None:
    query_stepped(person("coordinator1"), query, "answer", "Yes, scales of the ward")
    query_stepped(person("monitor1"), query, "close", "Seen")
    query.refresh_from_db()
    assert query.state == "closed"
    assert query.closed_at is not None
    thread = list(query.messages.values_list("author", "step", "text"))
    assert thread == [
        ("monitor1", "open", "Is this the weight of that day?"),
        ("coordinator1", "answer", "Yes, scales of the ward"),
        ("monitor1", "close", "Seen"),
    ]


@pytest.mark.parametrize(
    ("who", "step"), [("coordinator1", "close"), ("coordinator1", "cancel"), ("monitor1", "answer")]
)
def test_a_step_of_another_role_is_refused_and_changes_nothing(query: Query, who: str, step: str) -> None:
    with pytest.raises(PermissionError):
        query_stepped(person(who), query, step, "mine")
    query.refresh_from_db()
    assert (query.state, query.messages.count()) == ("open", 1)


def test_every_step_starts_only_from_the_states_of_its_table(query: Query) -> None:
    """Walked for every state and step, as somebody who may do everything: the table decides, not the right."""
    for state in STATES:
        for step in STEPS.values():
            actor = person("coordinator1" if "queries.answer" in step.permissions else "monitor1")
            from theratrial.web.ledger.act import act

            with act(actor, "query.test"):
                Query.objects.filter(pk=query.pk).update(state=state)
            if state in step.sources:
                query_stepped(actor, query, step.name, "words")
                query.refresh_from_db()
                assert query.state == (step.target or state)
            else:
                with pytest.raises(InputError, match="cannot be taken"):
                    query_stepped(actor, query, step.name, "words")


def test_an_answer_without_words_is_refused(query: Query) -> None:
    with pytest.raises(InputError, match="needs words"):
        query_stepped(person("coordinator1"), query, "answer", "  ")


def test_A9_every_step_of_a_query_is_an_event_with_its_actor(query: Query) -> None:
    query_stepped(person("coordinator1"), query, "answer", "Yes")
    query_stepped(person("monitor1"), query, "reopen", "Which scales?")
    query_stepped(person("monitor1"), query, "cancel", "Asked by mistake")
    events = Event.objects.filter(entity=QueryMessage._meta.db_table).order_by("seq")
    assert list(events.values_list("actor", "action")) == [
        ("monitor1", "query.open"),
        ("coordinator1", "query.answer"),
        ("monitor1", "query.reopen"),
        ("monitor1", "query.cancel"),
    ]
    assert set(events.values_list("participant", flat=True)) == {"P01"}


def test_D6_running_a_rule_again_over_stored_data_changes_nothing(weight: Record) -> None:
    first = system_query("check:weight", "Weigh again", record=weight, column="weight_kg")
    before = Event.objects.count()
    assert system_query("check:weight", "Weigh again", record=weight, column="weight_kg") == first
    assert Event.objects.count() == before
    assert Query.objects.count() == 1


def test_D6_what_a_person_settled_is_asked_again_only_after_the_record_changed(weight: Record) -> None:
    asked = system_query("check:weight", "Weigh again", record=weight, column="weight_kg")
    assert asked is not None
    query_stepped(person("monitor1"), asked, "close", "The source says so")
    assert system_query("check:weight", "Weigh again", record=weight, column="weight_kg") is None
    later = changed(weight, weight_kg="99")
    again = system_query("check:weight", "Weigh again", record=later, column="weight_kg")
    assert again is not None
    assert again.pk != asked.pk


def test_D6_a_change_made_before_the_query_was_closed_does_not_ask_again(weight: Record) -> None:
    asked = system_query("check:weight", "Weigh again", record=weight, column="weight_kg")
    assert asked is not None
    later = changed(weight, weight_kg="98")
    query_stepped(person("monitor1"), asked, "close", "Confirmed at 98")
    assert system_query("check:weight", "Weigh again", record=later, column="weight_kg") is None


def test_a_condition_that_fails_anew_is_asked_again_after_the_rule_closed_its_own_query(weight: Record) -> None:
    system_query("check:weight", "Weigh again", record=weight, column="weight_kg")
    assert system_query_resolved("check:weight", record=weight, column="weight_kg") == 1
    assert system_query_resolved("check:weight", record=weight, column="weight_kg") == 0
    assert system_query("check:weight", "Weigh again", record=weight, column="weight_kg") is not None


def test_one_query_per_item_and_rule_but_other_items_have_their_own(weight: Record) -> None:
    for column in ("weight_kg", "height_cm"):
        system_query("check:body", "Measure again", record=weight, column=column)
    system_query("check:other", "Measure again", record=weight, column="weight_kg")
    assert Query.objects.filter(state="open").count() == 3


def test_a_query_about_a_visit_is_closed_for_good_until_its_words_change(cohort: Trial) -> None:
    woman = Participant.objects.get(code="P01")
    asked = system_query("arrival:late", "Scan 40 h after injection", subject="image:spect_24h/1", participant=woman)
    assert asked is not None
    query_stepped(person("monitor1"), asked, "close", "Camera was down")
    assert (
        system_query("arrival:late", "Scan 40 h after injection", subject="image:spect_24h/1", participant=woman)
        is None
    )
    assert system_query("arrival:late", "Scan 50 h after injection", subject="image:spect_24h/1", participant=woman)


def test_A12_an_automatic_query_and_its_closing_name_the_part_of_the_software(weight: Record) -> None:
    asked = system_query("check:weight", "Weigh again", record=weight, column="weight_kg")
    assert asked is not None
    system_query_resolved("check:weight", record=weight, column="weight_kg")
    assert list(asked.messages.values_list("author", "step")) == [
        ("system:edit-checks", "open"),
        ("system:edit-checks", "close"),
    ]
    event = Event.objects.filter(entity="capture_query", entity_id=str(asked.pk)).order_by("seq").first()
    assert event is not None
    assert event.actor_kind == "system"
    assert event.software.startswith("theratrial ")


def test_the_list_shows_pending_queries_and_filters_by_turn(query: Query, client_of: ClientOf) -> None:
    mine = client_of("coordinator1").get("/records/queries/?turn=mine").content.decode()
    assert "Is this the weight" in mine
    theirs = client_of("monitor1").get("/records/queries/?turn=mine").content.decode()
    assert "Is this the weight" not in theirs
    query_stepped(person("coordinator1"), query, "answer", "Yes")
    assert "Is this the weight" in client_of("monitor1").get("/records/queries/?turn=mine").content.decode()


@pytest.mark.parametrize("filters", ["state=closed", "kind=system", "age=7", "participant=P02", "turn=answered"])
def test_a_filter_that_does_not_fit_leaves_the_query_out(query: Query, client_of: ClientOf, filters: str) -> None:
    shown = client_of("monitor1").get(f"/records/queries/?{filters}")
    assert shown.status_code == 200
    assert "Is this the weight" not in shown.content.decode()


def test_the_pages_of_a_query_do_not_exist_for_another_site(query: Query, client_of: ClientOf) -> None:
    from theratrial.web.ledger.act import act
    from theratrial.web.people.models import Assignment
    from theratrial.web.setup_site import SETUP

    with act(SETUP, "test.set-up"):
        other_site = Site.objects.create(code="OTHER", name="Centre B (virtual)", timezone="Asia/Tehran")
        outsider = User.objects.create_user("outsider", "a-long-password", printed_name="Outsider")
        Assignment.objects.create(
            user=outsider, role="monitor", site=other_site, starts_at="2022-01-01T00:00Z", granted_by="test"
        )
    browser = client_of("outsider")
    assert browser.get("/records/queries/").status_code == 200
    assert "Is this the weight" not in browser.get("/records/queries/?state=all").content.decode()
    for page in (
        f"/records/queries/{query.pk}/",
        "/records/queries/participant/P01/",
        f"/records/queries/ask/{query.record_id}/weight_kg/",
        "/records/queries/ask/P01/?subject=visit:screening",
    ):
        assert browser.get(page).status_code == 404, page


def test_a_query_raised_in_the_dialog_is_open_and_shown(weight: Record, client_of: ClientOf) -> None:
    page = f"/records/queries/ask/{weight.pk}/weight_kg/"
    shown = client_of("monitor1").post(page, {"text": "Which scales?"}, headers={"HX-Request": "true"})
    assert shown.status_code == 200
    assert "<html" not in shown.content.decode()
    assert Query.objects.get().text == "Which scales?"
    assert client_of("coordinator1").post(page, {"text": "Mine?"}).status_code == 403
    assert Query.objects.count() == 1


def test_a_page_answers_a_step_of_another_role_with_403_and_an_impossible_one_with_422(
    query: Query, client_of: ClientOf
) -> None:
    page = f"/records/queries/{query.pk}/step/"
    assert client_of("coordinator1").post(page, {"step": "close", "text": "x"}).status_code == 403
    assert client_of("monitor1").post(page, {"step": "reopen", "text": "x"}).status_code == 422
    assert client_of("monitor1").post(page, {"step": "nonsense", "text": "x"}).status_code == 422


@pytest.mark.parametrize("subject", ["visit:none", "nonsense", "image:", "visit:screening\x00"])
def test_a_query_about_what_the_protocol_does_not_plan_is_not_found(
    cohort: Trial, client_of: ClientOf, subject: str
) -> None:
    answer = client_of("monitor1").get("/records/queries/ask/P01/", {"subject": subject})
    assert answer.status_code == (422 if "\x00" in subject else 404)


@pytest.mark.parametrize("queries", [3, 30])
def test_the_list_takes_the_same_number_of_database_queries_whatever_its_length(
    weight: Record, client_of: ClientOf, queries: int, django_assert_max_num_queries: Callable[..., object]
) -> None:
    for number in range(queries):
        system_query(f"check:{number}", f"Question {number}", record=weight, column="weight_kg")
    browser = client_of("monitor1")
    with django_assert_max_num_queries(20):  # type: ignore[attr-defined]
        assert browser.get("/records/queries/").content.decode().count("Question ") >= queries


def test_a_query_that_nobody_answered_is_closed_with_words_only(query: Query, client_of: ClientOf) -> None:
    page = reverse("capture:query-step", args=[query.pk])
    refused = client_of("monitor1").post(page, {"step": "close", "text": "  "})
    query.refresh_from_db()
    assert (refused.status_code, query.state) == (422, "open")
    client_of("monitor1").post(page, {"step": "close", "text": "A slip of the check; the value is right."})
    query.refresh_from_db()
    assert query.state == "closed"


def test_an_instant_that_is_asked_about_is_shown_in_both_calendars(query: Query, client_of: ClientOf) -> None:
    record = query.record
    assert record is not None
    record.cells = record.cells | {"collected_at": "2027-05-30T09:00:00+03:30"}
    record.table, query.column, query.record = "laboratory", "collected_at", record
    assert described(query)["value_type"] == "datetime"
    record.cells = record.cells | {"collected_at": "yesterday"}
    assert described(query)["value_type"] == ""
