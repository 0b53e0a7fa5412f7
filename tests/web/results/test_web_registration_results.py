"""Results for registries in the site: who sees them when, what is held against the record, what leaves as a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from django.test import Client

from theratrial.pipeline.registry_files import REGISTRY_RESULTS, reported_text
from theratrial.pipeline.trial import TrialRun
from theratrial.trace import bytes_hash
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Event
from theratrial.web.registration import results
from theratrial.web.registration.models import RegistrationDraft
from theratrial.web.registration.services import candidate_of
from theratrial.web.results.models import Computation
from theratrial.web.results.selectors import computation_folder
from theratrial.web.setup_site import SETUP
from theratrial.web.trials.models import Trial

As = Callable[[str], Client]


def told(run: TrialRun, computation: Computation, *, locked: bool) -> None:
    """What the run leaves for registries, beside the report of the computation."""
    folder = computation_folder(computation)
    assert folder is not None
    assert run.reported is not None
    content = reported_text(replace(run.reported, locked=locked)).encode()
    out = Path(folder, "out")
    (out / REGISTRY_RESULTS).write_bytes(content)
    (out / "run.json").write_text(json.dumps({"outputs": {REGISTRY_RESULTS: bytes_hash(content)}}))
    results._read.cache_clear()


def lock() -> None:
    """Lock the trial's data."""
    for action, state in (("data.freeze", "frozen"), ("data.lock", "locked")):
        with act(SETUP, action):
            Trial.objects.update(data_state=state)


def test_results_before_the_lock_are_for_who_may_see_the_endpoint_and_a_draft(
    computed_site: Computation, folder_run: TrialRun, client_of: As
) -> None:
    told(folder_run, computed_site, locked=False)
    assert client_of("registrant1").get("/registration/results/").status_code == 403
    assert "/registration/results/" not in client_of("registrant1").get("/registration/").content.decode()
    client = client_of("statistician1")
    page = client.get("/registration/results/").content.decode()
    assert "draft: the data are not locked" in page
    assert "Outcomes reported against outcomes registered" in page
    assert 'class="plain-results"' in page
    for format_, begins in (("ctgov-json", b"{"), ("ictrp-xml-131", b"<?xml"), ("plain-fa", b"<!doctype html")):
        answer = client.post("/registration/results/download/", {"format": format_})
        assert answer.content.lower().startswith(begins)
        assert "-draft." in answer["Content-Disposition"]
    assert Event.objects.filter(action="export.registration", op="note").count() == 3
    assert client_of("registrant1").post("/registration/results/take/").status_code == 403


def test_results_of_locked_data_are_seen_by_all_and_go_into_the_record(
    computed_site: Computation, folder_run: TrialRun, client_of: As
) -> None:
    told(folder_run, computed_site, locked=True)
    lock()
    client = client_of("registrant1")
    assert "of locked data" in client.get("/registration/results/").content.decode()
    assert client_of("pharmacist1").get("/registration/results/").status_code == 200
    assert client.post("/registration/results/take/").status_code == 302
    record = candidate_of(RegistrationDraft.objects.get()).record
    assert folder_run.reported is not None
    assert str(folder_run.reported.flow.screened) in record.results.participant_flow.en
    assert record.results.participant_flow.fa


@pytest.mark.parametrize("damage", ["altered", "gone"])
def test_results_that_were_altered_are_not_shown_and_the_page_says_why(
    computed_site: Computation, folder_run: TrialRun, client_of: As, damage: str
) -> None:
    told(folder_run, computed_site, locked=False)
    folder = computation_folder(computed_site)
    assert folder is not None
    place = Path(folder, "out", REGISTRY_RESULTS)
    place.write_text(place.read_text().replace("screened", "Screened", 1)) if damage == "altered" else place.unlink()
    answer = client_of("statistician1").get("/registration/results/")
    assert answer.status_code == 200
    assert "plain-results" not in answer.content.decode()


def test_without_a_computation_the_page_says_so(demonstration: Trial, client_of: As) -> None:
    assert "Nothing is computed yet" in client_of("statistician1").get("/registration/results/").content.decode()
