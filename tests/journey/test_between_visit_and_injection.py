"""What becomes known between the gate visit and the next injection, and what the injection itself tells."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.cohorts import shared_cohort, shared_run

from theratrial.pipeline.cohort import PENDING, counted, endpoint_outcome
from theratrial.pipeline.trial import TrialRun, trial_run
from theratrial.results.values import ParticipantResult
from theratrial.trialfolder import read_folder

Lines = list[dict[str, str]]


def _changed(folder: Path, table: str, how: Callable[[Lines], Lines]) -> None:
    path = folder / "records" / f"{table}.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        names = list(reader.fieldnames or [])
        lines = how(list(reader))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


@pytest.fixture(scope="session")
def small_trial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One participant is enough here, and half the time."""
    return shared_cohort(tmp_path_factory, participants=1)


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> TrialRun:
    return shared_run(tmp_path_factory, participants=1)


def _first(run: TrialRun) -> ParticipantResult:
    return run.result.participants[0]


def _second_injection(folder: Path) -> datetime:
    rows = read_folder(folder).rows("administrations", participant_id="P01", session=2)
    at: datetime = rows[0]["injected_at"]
    return at


def test_counts_that_fall_between_visit_and_injection_stop_the_gate(broken_trial: Path, small_run: TrialRun) -> None:
    before = _first(small_run).sessions[0].gate
    assert before is not None
    assert before.verdict == "proceed"
    day_before = (_second_injection(broken_trial) - timedelta(days=1)).isoformat(timespec="minutes")

    def fall(lines: Lines) -> Lines:
        last = next(line for line in lines if line["participant_id"] == "P01" and line["test"] == "platelets")
        # In the unit of the line: its limits are the laboratory's in that unit.
        value = {"/mm3": "20000", "10^9/L": "20"}[last["unit"]]
        return [*lines, {**last, "collected_at": day_before, "value": value}]

    _changed(broken_trial, "laboratory", fall)
    gate = _first(trial_run(broken_trial)).sessions[0].gate
    assert gate is not None
    assert gate.verdict == "stop"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("positive", "positive"),
        pytest.param("not_done", "not done", marks=pytest.mark.long),
        pytest.param("", "not recorded", marks=pytest.mark.long),
    ],
)
def test_an_injection_without_a_negative_pregnancy_test_is_a_major_deviation(
    broken_trial: Path, said: str, told: str
) -> None:
    def unclear(lines: Lines) -> Lines:
        return [line | {"pregnancy_test": said} if line["session"] == "1" else line for line in lines]

    _changed(broken_trial, "administrations", unclear)
    run = trial_run(broken_trial)
    assert any(
        note.severity == "deviation" and f"pregnancy test is {told}" in note.message for note in run.result.notes
    )
    assert "per_protocol" not in _first(run).analysis_sets


def test_an_activity_prescribed_off_the_protocol_is_a_deviation(broken_trial: Path) -> None:
    def less(lines: Lines) -> Lines:
        return [
            line | {"prescribed_activity_MBq": "900", "measured_activity_MBq": "930"}
            if line["participant_id"] == "P01" and line["session"] == "1"
            else line
            for line in lines
        ]

    _changed(broken_trial, "administrations", less)
    run = trial_run(broken_trial)
    assert any("as prescribed" in note.message and "of the protocol" in note.message for note in run.result.notes)
    assert "per_protocol" not in _first(run).analysis_sets


def test_a_response_that_is_still_to_come_is_not_a_failure(tmp_path_factory: pytest.TempPathFactory) -> None:
    two = shared_run(tmp_path_factory, participants=2)
    endpoint = read_folder(shared_cohort(tmp_path_factory, participants=2)).protocol.endpoint.reading
    assert endpoint is not None
    treated = [replace(one, response=None) for one in two.result.participants if one.treated]
    due = [counted(one, endpoint) for one in treated]
    assert {one.counted for one in due} == {"failure"}
    waiting = [counted(one, endpoint, pending=True) for one in treated]
    assert {(one.counted, one.counted_because) for one in waiting} == {("not analysed", PENDING)}
    outcome = endpoint_outcome([due[0], *waiting[1:]], endpoint, demonstration=())
    assert outcome.analysed == 1
    assert outcome.plain_words.startswith("Interim: 1 treated participant is not counted")


def test_the_walk_sees_that_a_response_is_still_to_come(broken_trial: Path) -> None:
    """The records end two weeks after the last session of P01, who alone is in the folder."""
    folder = read_folder(broken_trial)
    last = max(
        row["injected_at"]
        for row in folder.rows("administrations", participant_id="P01", product_id="lu177_trastuzumab")
    )
    end = (last + timedelta(days=14)).date().isoformat()
    for table in folder.tables:
        if table in ("batches", "calibrations", "recoveries"):
            continue

        def early(lines: Lines) -> Lines:
            kept = [line for line in lines if line["participant_id"] == "P01"]
            return [
                line
                for line in kept
                if all(not value[:4].isdigit() or "-" not in value[:5] or value[:10] <= end for value in line.values())
            ]

        _changed(broken_trial, table, early)
    for stranger in (broken_trial / "images").iterdir():
        if stranger.name != "P01":
            for path in stranger.rglob("*"):
                if path.is_file():
                    path.unlink()
    one = _first(trial_run(broken_trial))
    assert one.treated
    assert one.counted_because == PENDING
