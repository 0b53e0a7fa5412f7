"""The page of the response over the participants: what it shows, its figures, and for whom it is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.test import Client
from django.utils import timezone
from tests.pipeline.response_example import PROTOCOL, course, judged, participant, quantity

from theratrial.pipeline.response_replay import replay, replay_rules
from theratrial.pipeline.trial_criteria import _criteria_agreements, dose_response
from theratrial.results.criteria import (
    Heterogeneity,
    LesionClass,
    ParticipantCriteria,
    ReaderHeterogeneity,
    TrialCriteria,
    UptakeFall,
)
from theratrial.results.plain import plain
from theratrial.results.values import ParticipantResult
from theratrial.trace import Trace
from theratrial.web.ledger.act import act
from theratrial.web.participants.models import Participant
from theratrial.web.results.models import Computation, ParticipantResultRow, TrialResultRow
from theratrial.web.setup_site import SETUP

ClientOf = Callable[[str], Client]
ADDRESS = "/results/response/"
TRACE = Trace("test", "1")


def reading(reader: str, lost: str) -> ReaderHeterogeneity:
    lesions = tuple(
        LesionClass(name, "bone", "ct", "none" if name == lost else "high", None, counts, "")  # type: ignore[arg-type]
        for name, counts in (("hip", "negative" if lost == "hip" else "positive"), ("rib", "positive"))
    )
    discordant = (lost,) if lost else ()
    share = quantity(0.5 if lost else 0.0, "fraction")
    pattern = "B" if lost else "A"
    return ReaderHeterogeneity(reader, pattern, "said", "number", lesions, discordant, share, share, TRACE)


def cohort() -> tuple[ParticipantResult, ParticipantResult]:
    fall = UptakeFall("undecided", "size_unchanged", "hip fell and kept its size", 53, "said", (), TRACE)
    pattern = Heterogeneity("", "the readers differ", (reading("R1", "hip"), reading("R2", "")), TRACE)
    lesions = tuple(
        course(f"L{n}", quantity(float(n), "Gy", lower=n / 2, upper=n * 2.0), -10.0 * n + n % 2 * 7)
        for n in range(1, 7)
    )
    criteria = ParticipantCriteria((judged("recist_1_1", "SD", controlled=True),), pattern, fall, lesions)
    one = participant("P01", {"R1": {"a": 10.0}}, {"R1": {"a": 12.8}}, criteria=criteria)
    other = ParticipantCriteria((judged("recist_1_1", "NE", controlled=None),))
    return one, participant("P02", {"R1": {"a": 10.0}}, {"R1": {"a": 14.0}}, criteria=other)


def stored(people: tuple[ParticipantResult, ...], found: TrialCriteria | None) -> None:
    with act(SETUP, "test"):
        made = Computation.objects.create(
            kind="trial", state="done", requested_by="test", requested_at=timezone.now(), finished_at=timezone.now()
        )
        endpoint = {"title": "t", "sentence": "s", "plain_words": "p", "categories": []}
        content = {"assumptions": [], "notes": [], "endpoint": endpoint}
        content |= {} if found is None else {"criteria": plain(found)}
        TrialResultRow.objects.create(computation=made, content=content, digest="0" * 64)
        for one in people:
            ParticipantResultRow.objects.create(
                computation=made,
                participant=Participant.objects.get(code=one.participant_id),
                content={
                    "criteria": plain(one.criteria),
                    "sessions": [{"injected_at": one.sessions[0].injected_at.isoformat()}],
                },
                digest="0" * 64,
            )


@pytest.fixture
def computed(demonstration: object) -> None:
    people = cohort()
    rules = replay_rules(PROTOCOL)
    assert rules is not None
    changes = [one for one in rules.every_change() if not one.recist]
    found = TrialCriteria(
        tuple(_criteria_agreements(people, ())),
        tuple(replay(people, rules, change) for change in changes),
        dose_response(people, ()),
    )
    stored(people, found)


@pytest.mark.usefixtures("computed")
def test_the_page_names_lesions_out_of_reach_labels_and_whose_category_flips(client_of: ClientOf) -> None:
    page = client_of("investigator1").get(ADDRESS).content.decode()
    for said in (
        "Lesions that the therapy cannot reach",
        "by one reader only",
        "undecided",
        "hip fell and kept its size",
        "progression above a rise of 25 % instead of 30",
        "SD → PD",
        "RECIST 1.1",
        "Spearman",
        "not defined",
    ):
        assert said in page, said


@pytest.mark.usefixtures("computed")
def test_who_may_not_open_a_participant_is_offered_none(client_of: ClientOf) -> None:
    address = "/results/participant/P01/response/"
    page = client_of("statistician1").get(ADDRESS)
    assert page.status_code == 200
    assert "P01" in page.content.decode()
    assert address not in page.content.decode()
    assert address in client_of("investigator1").get(ADDRESS).content.decode()


@pytest.mark.usefixtures("computed")
def test_what_a_process_remembers_of_one_computation_is_not_shown_for_the_next(client_of: ClientOf) -> None:
    client = client_of("investigator1")
    assert "SD → PD" in client.get(ADDRESS).content.decode()
    assert client.get(f"{ADDRESS}figure/heterogeneity.svg").status_code == 200
    one, _ = cohort()
    stored((replace(one, criteria=ParticipantCriteria()),), TrialCriteria())
    assert "SD → PD" not in client.get(ADDRESS).content.decode()
    assert client.get(f"{ADDRESS}figure/heterogeneity.svg").status_code == 404


@pytest.mark.usefixtures("computed")
@pytest.mark.parametrize("name", ["heterogeneity", "dose-response"])
def test_each_figure_is_served_as_an_image_that_may_load_nothing(client_of: ClientOf, name: str) -> None:
    client = client_of("investigator1")
    answer = client.get(f"{ADDRESS}figure/{name}.svg")
    assert answer["Content-Type"] == "image/svg+xml"
    assert answer["Content-Security-Policy"].startswith("default-src 'none'")
    assert f"{ADDRESS}figure/{name}.svg" in client.get(ADDRESS).content.decode()
    assert client.get(f"{ADDRESS}figure/{name}.svg").content == answer.content


@pytest.mark.usefixtures("computed")
@pytest.mark.parametrize("name", ["spider", "nothing", "..", "x"])
def test_a_figure_that_has_nothing_to_draw_is_not_found_and_not_on_the_page(client_of: ClientOf, name: str) -> None:
    client = client_of("investigator1")
    assert client.get(f"{ADDRESS}figure/{name}.svg").status_code == 404
    assert f"figure/{name}.svg" not in client.get(ADDRESS).content.decode()


@pytest.mark.usefixtures("computed")
@pytest.mark.parametrize("username", ["monitor1", "coordinator1", "manager1"])
def test_who_may_not_see_the_endpoint_sees_nothing_of_it_here(client_of: ClientOf, username: str) -> None:
    client = client_of(username)
    for address in (ADDRESS, f"{ADDRESS}figure/heterogeneity.svg"):
        answer = client.get(address)
        assert answer.status_code == 403
        assert b"hip" not in answer.content
    assert ADDRESS not in client.get("/results/").content.decode()


@pytest.mark.usefixtures("computed")
def test_a_reader_whose_reading_is_not_signed_is_not_shown_how_others_read(
    client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    from theratrial.web.results import response_over_views

    monkeypatch.setattr(response_over_views, "hidden_records", lambda _user: {"somebody else's"})
    client = client_of("investigator1")
    assert client.get(ADDRESS).status_code == 403
    assert client.get(f"{ADDRESS}figure/heterogeneity.svg").status_code == 403


def test_nothing_computed_and_results_of_an_older_version_say_so(demonstration: object, client_of: ClientOf) -> None:
    assert "Nothing was computed yet" in client_of("investigator1").get(ADDRESS).content.decode()
    stored((), None)
    page = client_of("investigator1").get(ADDRESS)
    assert page.status_code == 200
    assert "older version" in page.content.decode()


def test_what_is_stored_in_another_form_is_left_out_and_breaks_nothing(
    demonstration: object, client_of: ClientOf
) -> None:
    one, _ = cohort()
    stored((replace(one, criteria=ParticipantCriteria()),), TrialCriteria())
    with act(SETUP, "test"):
        row = ParticipantResultRow.objects.get(participant__code="P01")
        row.content = {"criteria": {"lesions": [{"a": 1}]}}
        row.save()
    page = client_of("investigator1").get(ADDRESS)
    assert page.status_code == 200
    assert "No response has been assessed yet" in page.content.decode()


@pytest.mark.usefixtures("computed")
def test_the_results_page_leads_here(client_of: ClientOf) -> None:
    assert f'href="{ADDRESS}"' in client_of("investigator1").get("/results/").content.decode()
