"""The page of the analysis: what it shows, its figures, and for whom it is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from tests.pipeline.analysis_example import Case, analysed

from theratrial.results.plain import plain
from theratrial.web.ledger.act import act
from theratrial.web.results.models import Computation, TrialResultRow
from theratrial.web.setup_site import SETUP

ClientOf = Callable[[str], Client]
ADDRESS = "/results/analysis/"
FIGURES = ("sensitivity", "power", "survival-overall_survival")


def stored(content: dict[str, object]) -> None:
    with act(SETUP, "test"):
        made = Computation.objects.create(
            kind="trial", state="done", requested_by="test", requested_at=timezone.now(), finished_at=timezone.now()
        )
        TrialResultRow.objects.create(
            computation=made, content={"assumptions": [], "notes": [], **content}, digest="0" * 64
        )


@pytest.fixture
def analysis(demonstration: object, tmp_path: Path) -> None:
    """Nine of fifteen; P14 responded under another treatment and P15 died."""
    cases = {f"P{n:02d}": Case("SD" if n <= 9 else "PD") for n in range(1, 14)}
    cases |= {"P14": Case("PR"), "P15": Case(None, None, sessions=1)}
    records = {
        "later_therapy": "P14,capecitabine,2022-08-01,\n",
        "dispositions": "P15,2022-05-01,death,\n",
    }
    found = analysed(tmp_path, cases, records)
    stored({"endpoint": plain(found.endpoint), "analysis": plain(found.analysis)})


@pytest.mark.usefixtures("analysis")
def test_the_page_tells_the_answer_how_it_moves_and_what_so_many_can_show(client_of: ClientOf) -> None:
    page = client_of("investigator1").get(ADDRESS).content.decode()
    for said in (
        "9 of 15",
        "capecitabine began on 2022-08-01",
        "P14: a success in place of a failure",
        "rejects 30 % from 9 of 15 on",
        "single arm",
        "Progression-free survival",
        "died on 2022-05-01",
        "not reached",
    ):
        assert said in page, said


@pytest.mark.usefixtures("analysis")
@pytest.mark.parametrize("name", FIGURES)
def test_each_figure_is_served_as_an_image_that_may_load_nothing(client_of: ClientOf, name: str) -> None:
    answer = client_of("investigator1").get(f"{ADDRESS}figure/{name}.svg")
    assert answer["Content-Type"] == "image/svg+xml"
    assert answer["Content-Security-Policy"].startswith("default-src 'none'")
    assert b"<svg" in answer.content
    again = client_of("investigator1").get(f"{ADDRESS}figure/{name}.svg")
    assert again.content == answer.content


@pytest.mark.usefixtures("analysis")
@pytest.mark.parametrize("name", ["survival-nothing", "../power", "survival-", "x"])
def test_a_figure_that_is_not_there_is_not_found(client_of: ClientOf, name: str) -> None:
    assert client_of("investigator1").get(f"{ADDRESS}figure/{name}.svg").status_code == 404


@pytest.mark.usefixtures("analysis")
@pytest.mark.parametrize("username", ["monitor1", "coordinator1", "manager1"])
def test_who_may_not_see_the_endpoint_sees_no_analysis_and_no_figure(client_of: ClientOf, username: str) -> None:
    client = client_of(username)
    for address in (ADDRESS, *(f"{ADDRESS}figure/{name}.svg" for name in FIGURES)):
        answer = client.get(address)
        assert answer.status_code == 403
        assert b"9 of 15" not in answer.content
    assert ADDRESS not in client.get("/results/").content.decode()


@pytest.mark.usefixtures("analysis")
def test_a_reader_whose_reading_is_not_signed_is_not_shown_how_others_read(
    client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    from theratrial.web.results import analysis_views

    monkeypatch.setattr(analysis_views, "hidden_records", lambda _user: {"somebody else's"})
    client = client_of("investigator1")
    assert client.get(ADDRESS).status_code == 403
    assert client.get(f"{ADDRESS}figure/sensitivity.svg").status_code == 403


def test_results_of_an_older_version_have_no_analysis_and_say_so(demonstration: object, client_of: ClientOf) -> None:
    assert "Nothing was computed yet" in client_of("investigator1").get(ADDRESS).content.decode()
    stored({"endpoint": {"title": "t", "sentence": "s", "plain_words": "p"}})
    page = client_of("investigator1").get(ADDRESS)
    assert page.status_code == 200
    assert "older version" in page.content.decode()
    assert client_of("investigator1").get(f"{ADDRESS}figure/power.svg").status_code == 404


@pytest.mark.usefixtures("analysis")
def test_the_results_page_leads_to_the_analysis(client_of: ClientOf) -> None:
    assert f'href="{ADDRESS}"' in client_of("investigator1").get("/results/").content.decode()
