"""The outcome of an adverse event: offered, checked, asked for; folders without it still load."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from theratrial.forms import Answer, form_definition, submission
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.tables import table
from theratrial.web.capture.models import Query, Record
from theratrial.web.trials.selectors import protocol_in_force, trial_zone

ClientOf = Callable[[str], Client]
NOW = datetime(2022, 9, 1, tzinfo=UTC)
ADDRESS = "/results/participant/P01/safety/event/"
EVENT = {
    **{"term": "Anemia", "ctcae_version": "5.0", "grade": "2", "started_on": "2022-04-01", "ended_on": ""},
    **{"serious": "no", "related": "related", "comment": "", "outcome": ""},
}
TYPED = {f"i-{item}": text for item, text in EVENT.items()}
pytestmark = pytest.mark.usefixtures("demonstration")


def issues(**answers: str) -> tuple[set[str], set[str]]:
    """Rules that refuse the protocol's form, and rules that ask."""
    definition = form_definition(protocol_in_force(), "adverse_event", "en")
    given = {key: Answer(text) for key, text in {**EVENT, **answers}.items() if text}
    found = submission(definition, given, zone=trial_zone(), now=NOW, others={}, participant_id="P01")
    return {one.code for one in found.problems}, {one.code for one in found.queries}


@pytest.mark.parametrize(
    ("answers", "refused", "asked"),
    [
        ({}, set(), set()),
        ({"outcome": "fatal"}, {"fatal_is_grade_5"}, set()),
        ({"outcome": "fatal", "grade": "5", "serious": "yes", "seriousness": "results in death"}, set(), set()),
        ({"outcome": "recovered"}, set(), {"recovered_has_ended"}),
        ({"outcome": "recovered", "ended_on": "2022-04-03"}, set(), set()),
        ({"outcome": "recovering"}, set(), set()),
    ],
)
def test_the_protocols_form_checks_the_outcome(answers: dict[str, str], refused: set[str], asked: set[str]) -> None:
    assert issues(**answers) == (refused, asked)


def test_every_outcome_of_the_table_has_a_persian_label() -> None:
    definition = form_definition(protocol_in_force(), "adverse_event", "fa")
    item = next(one for one in definition.fields if one.id == "outcome")
    assert {one.value for one in item.choices} == set(table("adverse_events").column("outcome").choices)
    assert all(any("\u0600" <= letter <= "\u06ff" for letter in one.label) for one in item.choices)


def test_the_page_offers_known_terms_and_refuses_a_fatal_event_below_grade_5(client_of: ClientOf) -> None:
    client = client_of("nuclear1")
    shown = client.get(ADDRESS).content.decode()
    assert '<option value="Platelet count decreased">' in shown
    assert client.post(ADDRESS, {**TYPED, "i-outcome": "fatal"}).status_code == 422
    assert client.post(ADDRESS, {**TYPED, "i-outcome": "nonsense"}).status_code == 422


def test_a_recovered_event_without_a_last_day_is_asked_about_until_it_has_one(client_of: ClientOf) -> None:
    client = client_of("nuclear1")
    assert client.post(ADDRESS, {**TYPED, "i-outcome": "recovered"}).status_code == 302
    record = Record.objects.get(table="adverse_events", cells__outcome="recovered", source="form")
    query = Query.objects.get(record=record, rule="edit-check:adverse_event:recovered_has_ended")
    assert (query.state, query.column) == ("open", "ended_on")
    change: dict[str, Any] = {**TYPED, "i-outcome": "recovered", "i-ended_on": "2022-04-09"}
    change |= {"versions": json.dumps({str(record.pk): record.version}), "reason": "told at the visit"}
    assert client.post(f"{ADDRESS}{record.pk}/", change).status_code == 302
    query.refresh_from_db()
    assert query.state == "closed"
    assert ">Recovered<" in client.get("/results/participant/P01/safety/").content.decode()


def test_a_folder_written_before_the_column_still_loads(virtual_folder: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "old"
    shutil.copytree(virtual_folder, copy)
    file = copy / "records" / "adverse_events.csv"
    header = "participant_id,term,ctcae_version,grade,started_on,ended_on,serious,related,comment"
    file.write_text(f"{header}\nP01,Nausea,5.0,1,2022-04-01,,no,related,\n", encoding="utf-8")
    (row,) = read_folder(copy).rows("adverse_events")
    assert row["outcome"] is None
