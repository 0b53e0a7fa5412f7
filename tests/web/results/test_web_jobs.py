"""Background computing: whole or not at all, resumed, with what cannot be computed left out and named."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from theratrial.errors import InputError, Problem, Problems
from theratrial.pipeline.trial import TrialRun, trial_run
from theratrial.web.capture.models import Record
from theratrial.web.capture.services import record_change, record_create
from theratrial.web.ledger.act import act
from theratrial.web.ledger.chain import json_digest
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import User
from theratrial.web.results import computing, selectors
from theratrial.web.results.models import Computation, ParticipantResultRow, Progress, TrialResultRow
from theratrial.web.results.services import (
    WORKER,
    computation_begun,
    computation_requested,
    interrupted_requeued,
    this_process,
)
from theratrial.web.results.tasks import computed
from theratrial.web.setup_site import SETUP
from theratrial.web.trials.models import Trial

ClientOf = Callable[[str], Client]


def user(name: str) -> User:
    return User.objects.get(username=name)


def test_a_computation_is_asked_for_once_while_it_waits(demonstration: Trial) -> None:
    first = computation_requested(user("physicist1"), "trial")
    assert computation_requested(user("investigator1"), "trial").pk == first.pk


def test_results_are_stored_with_folder_report_and_digest(computed_site: Computation) -> None:
    assert computed_site.state == "done"
    assert (computing.computed_root() / str(computed_site.pk) / "trial" / "records" / "consents.csv").is_file()
    for row in ParticipantResultRow.objects.all():
        assert row.digest == json_digest({"content": row.content, "for_gate": row.for_gate})
    assert TrialResultRow.objects.get().content["endpoint"]["analysed"] == 2


def test_a_newer_computation_supersedes_the_older(computed_site: Computation) -> None:
    again = computation_requested(SETUP, "trial")
    assert computed(str(again.pk)) == "done"
    computed_site.refresh_from_db()
    assert computed_site.state == "superseded"
    row = selectors.latest_result(Participant.objects.get(code="P01"))
    assert row is not None
    assert row.computation_id == again.pk


def test_what_fails_stores_nothing_and_says_why(
    demonstration: Trial, images: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_args: Any, **_named: Any) -> TrialRun:
        raise Problems("trial", [Problem("protocol.yaml, response", "the clause is open", "decide on it")])

    monkeypatch.setattr(computing, "trial_run", fails)
    asked = computation_requested(SETUP, "trial")
    assert computed(str(asked.pk)) == "failed"
    asked.refresh_from_db()
    assert "protocol.yaml, response: the clause is open -> decide on it" in asked.message
    assert not ParticipantResultRow.objects.exists()
    assert not list(computing.computed_root().glob(f"*{asked.pk}*"))


def test_a_failure_at_the_last_moment_leaves_neither_rows_nor_folder(
    demonstration: Trial, images: None, folder_run: TrialRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computing, "trial_run", lambda *_args, **_named: folder_run)
    monkeypatch.setattr(computing, "write_outputs", lambda *_args, **_named: None)

    def fails(*_args: Any) -> dict[str, Any]:
        raise InputError("no room on the disk")

    monkeypatch.setattr(computing, "cohort_content", fails)
    asked = computation_requested(SETUP, "trial")
    assert computed(str(asked.pk)) == "failed"
    assert not ParticipantResultRow.objects.exists()
    assert not (computing.computed_root() / str(asked.pk)).exists()


def test_a_bug_of_the_program_is_marked_and_not_swallowed(
    demonstration: Trial, images: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_args: Any, **_named: Any) -> TrialRun:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(computing, "trial_run", fails)
    asked = computation_requested(SETUP, "trial")
    with pytest.raises(ZeroDivisionError):
        computed(str(asked.pk))
    asked.refresh_from_db()
    assert (asked.state, "ZeroDivisionError" in asked.message) == ("failed", True)


@pytest.mark.long
def test_a_participant_whose_record_cannot_be_read_is_left_out_and_the_others_are_computed(
    demonstration: Trial, images: None, folder_run: TrialRun
) -> None:
    record = Record.objects.filter(table="laboratory", participant__code="P02").first()
    assert record is not None
    cells = {**record.cells, "value": "about forty"}
    record_change(user("coordinator1"), record, cells, seen_version=record.version, reason="typing")
    asked = computation_requested(SETUP, "trial")
    assert computed(str(asked.pk)) == "done"
    asked.refresh_from_db()
    assert asked.message.startswith("P02")
    assert "about forty" in asked.message
    assert set(ParticipantResultRow.objects.values_list("participant__code", flat=True)) == {
        one.participant_id for one in folder_run.result.participants if one.participant_id != "P02"
    }
    assert list(TrialResultRow.objects.get().content["left_out"]) == ["P02"]


def test_problems_are_traced_to_participants_and_to_nobody() -> None:
    origins = {"records/laboratory.csv": {"4": "r1@2"}, "records/batches.csv": {"2": "b1@1"}}
    found = computing.problems_by_participant
    one = Problem("records/laboratory.csv line 4, column value", "x")
    assert list(found([one], origins, {"r1": "P02"}, ["P01", "P02"])) == ["P02"]
    assert list(found([Problem("participant P01", "x")], origins, {}, ["P01", "P02"])) == ["P01"]
    assert list(found([Problem("images/P02/a.dcm", "x")], origins, {}, ["P01", "P02"])) == ["P02"]
    assert found([one, Problem("records/batches.csv line 2", "x")], origins, {"r1": "P02"}, ["P02"]) == {}
    assert found([Problem("protocol.yaml, response", "open")], origins, {}, ["P01"]) == {}


@pytest.mark.long
def test_one_participant_alone_is_computed_as_in_the_cohort(
    computed_site: Computation, folder_run: TrialRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computing, "trial_run", trial_run)
    hers = Participant.objects.get(code="P02")
    asked = computation_requested(user("physicist1"), "participant", participant=hers)
    assert computed(str(asked.pk)) == "done"
    row = selectors.latest_result(hers)
    assert row is not None
    assert row.computation_id == asked.pk
    cohort = ParticipantResultRow.objects.get(computation=computed_site, participant=hers)
    assert row.for_gate == cohort.for_gate
    other = selectors.latest_result(Participant.objects.get(code="P01"))
    assert other is not None
    assert other.computation_id == computed_site.pk
    assert selectors.latest_trial_result() is not None


def test_what_was_running_when_its_process_was_killed_is_begun_again(demonstration: Trial) -> None:
    asked = computation_requested(SETUP, "trial")
    assert computation_begun(str(asked.pk)) is not None
    Progress.objects.filter(computation=asked).update(worker=f"{socket.gethostname()}/{2**22 + 1}/1")
    assert interrupted_requeued() == 1
    asked.refresh_from_db()
    assert asked.state == "waiting"
    assert "nterrupted" in asked.message
    assert computation_begun(str(asked.pk)) is not None


def test_a_process_that_has_the_number_of_a_dead_one_does_not_keep_its_work(demonstration: Trial) -> None:
    asked = computation_requested(SETUP, "trial")
    computation_begun(str(asked.pk))
    Progress.objects.filter(computation=asked).update(worker=f"{socket.gethostname()}/{os.getpid()}/1")
    assert interrupted_requeued() == 1


def test_what_another_living_process_computes_is_left_to_it(demonstration: Trial) -> None:
    asked = computation_requested(SETUP, "trial")
    computation_begun(str(asked.pk))
    assert Progress.objects.get(computation=asked).worker == this_process()
    assert interrupted_requeued() == 0
    Progress.objects.filter(computation=asked).update(worker="elsewhere/12/5", at=timezone.now())
    assert interrupted_requeued() == 0
    Progress.objects.filter(computation=asked).update(at=timezone.now() - timedelta(hours=2))
    assert interrupted_requeued() == 1


def test_the_same_task_delivered_twice_computes_once(computed_site: Computation) -> None:
    assert computed(str(computed_site.pk)) == "not waiting"
    assert ParticipantResultRow.objects.filter(participant__code="P01").count() == 1


def test_results_older_than_the_data_say_so_on_every_page(computed_site: Computation, client_of: ClientOf) -> None:
    client = client_of("investigator1")
    pages = ["/results/", "/results/participant/P01/", "/results/participant/P01/response/"]
    for page in pages:
        assert "older than the data" not in client.get(page).content.decode()
    record = Record.objects.filter(table="laboratory", participant__code="P01").first()
    assert record is not None
    cells = {**record.cells, "laboratory": "LAB-9"}
    record_change(user("coordinator1"), record, cells, seen_version=record.version, reason="other laboratory")
    for page in [*pages, "/results/participant/P01/gate/1/"]:
        shown = client.get(page).content.decode()
        assert re.search(r"older than the data: 1 change since", shown), page
    assert "older than the data" not in client.get("/results/participant/P02/").content.decode()


def test_list_page_and_gate_count_the_same_changes_and_no_batch_that_others_were_given(
    computed_site: Computation, client_of: ClientOf
) -> None:
    client, pharmacist = client_of("investigator1"), user("pharmacist1")
    given = Record.objects.filter(table="administrations", participant__code="P01", cells__session="1").get()
    batch = _batch_of(given)
    others = Record.objects.filter(table="administrations", participant__code="P02", cells__session="1").get()
    record_create(pharmacist, "batches", {**batch.cells, "batch_id": "NEW-1"}, participant=None, site=batch.site)
    shown = [_changes_shown(client, code) for code in ("P01", "P02")]
    assert shown == [[0, 0, 0], [0, 0, 0]]
    for one, found in ((batch, "91.25"), (batch, "92.25"), (_batch_of(others), "93.25")):
        current = Record.objects.get(pk=one.pk)
        cells = {**current.cells, "immunoreactive_fraction_percent": found}
        record_change(pharmacist, current, cells, seen_version=current.version, reason="read again")
    shown = [_changes_shown(client, code) for code in ("P01", "P02")]
    assert shown == [[2, 2, 2], [1, 1, 1]]


def _batch_of(administration: Record) -> Record:
    return Record.objects.get(table="batches", cells__batch_id=administration.cells["batch_id"])


def _changes_shown(client: Client, code: str) -> list[int]:
    """On the list of results, on her page, at her gate."""
    listed = client.get("/results/").content.decode().partition(f">{code}</a>")[2].partition("</tr>")[0]
    pages = [client.get(f"/results/participant/{code}/{one}").content.decode() for one in ("", "gate/1/")]
    found = [re.search(r'warn">(\d+)<', listed), *(re.search(r"data: (\d+) changes? since", page) for page in pages)]
    return [int(one[1]) if one else 0 for one in found]


def test_the_demonstrations_images_are_those_of_the_simulator(
    demonstration: Trial, virtual_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from theratrial.web.results import imagery

    seen: dict[str, dict[str, bytes]] = {}

    def received(folder: Path, participant: Participant) -> None:
        seen[participant.code] = {
            file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()
        }

    monkeypatch.setattr(imagery, "_received", received)
    asked = computation_requested(SETUP, "simulation", arguments={"participants": 2, "seed": 1, "small": True})
    assert computed(str(asked.pk)) == "done"
    for code, files in seen.items():
        root = virtual_folder / "images" / code
        assert files == {one.relative_to(root).as_posix(): one.read_bytes() for one in root.rglob("*") if one.is_file()}
    assert {"P01", "P02"} <= set(seen)
    assert Computation.objects.filter(kind="trial", state="waiting").count() == 1


def test_nothing_is_simulated_for_real_participants(demonstration: Trial) -> None:
    with act(WORKER, "test.set-up"):
        demonstration.simulated = False
        demonstration.save()
    asked = computation_requested(SETUP, "simulation", arguments={"participants": 2, "seed": 1})
    assert computed(str(asked.pk)) == "failed"
