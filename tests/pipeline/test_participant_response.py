"""Several readers of one response, and who may say that the selection image is positive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.cohorts import shared_cohort

from theratrial.imaging.catalogue import catalogue
from theratrial.pipeline import participant_response as room
from theratrial.pipeline.context import Context
from theratrial.pipeline.manifest import folder_files, input_files
from theratrial.pipeline.matching import ParticipantImages, matched_images
from theratrial.pipeline.participant import participant_outcome
from theratrial.pipeline.scans import PetScan, pet_scan
from theratrial.protocol.check import demonstration_clauses
from theratrial.results.values import Note, ResponseOutcome
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.records import Row, TrialFolder

WHO = "P01"


class Trial:
    """One virtual participant with a partial response, her PETs read once."""

    def __init__(self, path: Path) -> None:
        self.folder: TrialFolder = read_folder(path)
        self.images: ParticipantImages = matched_images(self.folder, catalogue(self.folder.image_files))[WHO]
        latest = max(row["read_at"] for row in self.folder.tables["lesion_readings"])
        hashes = {path / file.path: file.content_hash for file in input_files(path, folder_files(path))}
        self.context = Context(hashes, latest + timedelta(days=30), demonstration_clauses(self.folder.protocol))
        self.scans: dict[str, PetScan] = {}

    def scan(self, folder: TrialFolder, image: Any, **how: Any) -> PetScan:
        if image.plan.id not in self.scans:
            self.scans[image.plan.id] = pet_scan(folder, image, **how)
        return self.scans[image.plan.id]

    def response(self, lines: list[Row], *adjudications: Row) -> tuple[ResponseOutcome, list[Note]]:
        tables = dict(self.folder.tables) | {"lesion_readings": tuple(lines), "adjudications": adjudications}
        notes: list[Note] = []
        found, _ = room.participant_response(
            replace(self.folder, tables=tables), self.images, treated=True, context=self.context, notes=notes
        )
        assert found is not None
        return found, notes

    def lines(self, timepoint: str, **changes: Any) -> list[Row]:
        """The lesions of one time point as another reader would have written them."""
        rows = self.folder.rows("lesion_readings", participant_id=WHO, timepoint=timepoint)
        return [_changed(row, changes) for row in rows]


def _changed(row: Row, changes: Mapping[str, Any]) -> Row:
    return Row(row.table, row.line, dict(row.values) | dict(changes))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    return Trial(shared_cohort(tmp_path_factory, participants=1))


@pytest.fixture
def trial(made: Trial, monkeypatch: pytest.MonkeyPatch) -> Trial:
    monkeypatch.setattr(room, "pet_scan", made.scan)
    return made


GONE = {"status": "resolved", "region_name": None}


def _later(row: Row) -> Any:
    return row["read_at"] + timedelta(days=2)


def test_a_later_read_that_all_is_resolved_does_not_replace_the_first(trial: Trial) -> None:
    before, first = trial.lines("baseline"), trial.lines("response")
    assert trial.response(before + first)[0].category == "PR"
    second = [_changed(row, {"reader": "NM-77", "read_at": _later(row), **GONE}) for row in first]
    assert trial.response(before + second)[0].category == "CR"

    for lines in (before + first + second, second + first + before):
        found, notes = trial.response(lines)
        assert found.category == "NE"
        assert found.arithmetic == (
            "not evaluable: the readers differ (NM-02 PR, NM-77 CR) and adjudication is not recorded"
        )
        assert found.change_percent is None
        warned = [note for note in notes if note.severity == "warning" and note.place == "pet_response"]
        assert len(warned) == 1
        assert "NM-02: PR, hottest target SUVpeak" in warned[0].message
        assert "NM-77: CR, all " in warned[0].message


def _adjudication(trial: Trial, lines: list[Row], **changes: Any) -> Row:
    at = max(row["read_at"] for row in lines) + timedelta(days=1)
    values = {
        "participant_id": WHO, "adjudicated_at": at, "adjudicator": "NM-09", "chosen_reader": "NM-77", "of_table": None,
        "reason": "the CT shows it",
    }  # fmt: skip
    return Row("adjudications", 2, values | changes)


def test_where_readers_differ_the_adjudicated_category_stands_and_says_by_whom(trial: Trial) -> None:
    before, first = trial.lines("baseline"), trial.lines("response")
    second = [_changed(row, {"reader": "NM-77", "read_at": _later(row), **GONE}) for row in first]
    lines = before + first + second
    for chosen, category in (("NM-77", "CR"), ("NM-02", "PR")):
        found, notes = trial.response(lines, _adjudication(trial, lines, chosen_reader=chosen))
        assert found.category == category
        assert f"adjudicated by NM-09 to {chosen}: the CT shows it" in found.arithmetic
        assert found.trace.inputs["adjudication"] == "record:records/adjudications.csv#2"
        assert [one.severity for one in notes if one.place == "pet_response"] == ["info"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"chosen_reader": "NM-55"}, "NM-55 has no reading"),
        ({"adjudicator": "NM-77"}, "is one of the readers"),
        ({"adjudicated_at": None}, "a reading was changed after it"),
    ],
)
def test_an_adjudication_that_does_not_cover_the_readings_leaves_the_response_not_evaluable(
    trial: Trial, changes: dict[str, Any], said: str
) -> None:
    before, first = trial.lines("baseline"), trial.lines("response")
    second = [_changed(row, {"reader": "NM-77", "read_at": _later(row), **GONE}) for row in first]
    lines = before + first + second
    if "adjudicated_at" in changes:
        changes = {"adjudicated_at": max(row["read_at"] for row in lines) - timedelta(minutes=1)}
    found, notes = trial.response(lines, _adjudication(trial, lines, **changes))
    assert found.category == "NE"
    assert any(said in one.message for one in notes)


def test_readers_who_agree_give_their_category_and_are_named(trial: Trial) -> None:
    before, first = trial.lines("baseline"), trial.lines("response")
    alone, none = trial.response(before + first)
    assert [note for note in none if note.place == "pet_response"] == []
    second = [_changed(row, {"reader": "NM-77", "read_at": _later(row)}) for row in first]
    found, notes = trial.response(before + first + second)
    assert found.category == alone.category == "PR"
    assert found.arithmetic == f"{alone.arithmetic} (by NM-77; the readers agree: NM-02 PR, NM-77 PR)"
    assert found.change_percent is not None
    assert alone.change_percent is not None
    assert found.change_percent.value == alone.change_percent.value
    assert [note.severity for note in notes if note.place == "pet_response"] == ["info"]
    assert "response lesion_1 by NM-02" in found.trace.inputs


def test_a_reader_is_compared_with_her_own_baseline_where_she_has_one(trial: Trial) -> None:
    before, first = trial.lines("baseline"), trial.lines("response")
    own = trial.lines("baseline", reader="NM-77", role="non_target")
    second = trial.lines("response", reader="NM-77")
    found, notes = trial.response(before + own + first + second)
    assert (found.category, "NM-02 PR, NM-77 NE" in found.arithmetic) == ("NE", True)
    assert any("NM-77: NE, not evaluable: the reader named no target lesion" in note.message for note in notes)
    # Alone at response she is judged by her own baseline, not by the better one of somebody else.
    assert trial.response(before + own + second)[0].arithmetic.startswith("not evaluable: the reader named no target")
    assert trial.response(before + own + first)[0].category == "PR"


def test_a_reader_without_baseline_needs_every_baseline_to_say_the_same(trial: Trial) -> None:
    before, after = trial.lines("baseline"), trial.lines("response", reader="NM-77")
    assert trial.response(before + after)[0].category == "PR"
    other = trial.lines("baseline", reader="NM-55", role="non_target")
    found, _ = trial.response(before + other + after)
    assert found.category == "NE"
    assert "NM-77 with the baseline of NM-02 PR" in found.arithmetic
    assert "NM-77 with the baseline of NM-55 NE" in found.arithmetic


def test_a_response_image_that_nobody_read_is_not_evaluable_by_no_reader(trial: Trial) -> None:
    found, _ = trial.response(trial.lines("baseline") + trial.lines("baseline", reader="NM-55"))
    assert found.category == "NE"
    assert found.arithmetic.startswith("not evaluable: no uptake at response of target")


def _selected(trial: Trial, how: Callable[[Row], list[Row]]) -> Any:
    rows = [line for row in trial.folder.rows("selection_reads", participant_id=WHO) for line in how(row)]
    bare = {"selection_reads": tuple(rows), "administrations": (), "lesion_readings": ()}
    folder = replace(trial.folder, tables=dict(trial.folder.tables) | bare)
    images = replace(trial.images, images=())
    return participant_outcome(folder, images, trial.context).result.selection


def test_only_a_reader_of_the_protocols_role_says_that_the_selection_image_is_positive(trial: Trial) -> None:
    """The protocol's clause selection_read names nuclear_medicine_physician."""
    nurse = {"reader": "ST-01", "reader_role": "study_nurse"}
    assert _selected(trial, lambda row: [row]).result == "positive"
    alone = _selected(trial, lambda row: [_changed(row, nurse)])
    assert (alone.result, alone.read_at) == ("not read", None)
    assert alone.because == "read only by ST-01 (study_nurse); the protocol asks for nuclear_medicine_physician"
    both = _selected(
        trial,
        lambda row: [
            _changed(row, {"result": "negative"}),
            _changed(row, nurse | {"read_at": row["read_at"] + timedelta(days=1)}),
        ],
    )
    assert both.result == "negative"
    assert _selected(trial, lambda _: []).because == "no read of the selection image is recorded"
