"""Images that a person assigned by hand: used though they lie outside every window, and said to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.cohorts import shared_cohort

from theratrial.imaging.catalogue import Catalogue, catalogue
from theratrial.pipeline.matching import ParticipantImages, PlannedImage, matched_images
from theratrial.pipeline.scans import scan_result
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.records import Row, TrialFolder

WHO = "P01"
Match = Callable[..., ParticipantImages]


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrialFolder, Catalogue]:
    """A participant whose response PET is recorded far outside its window: its injection is moved by twenty hours."""
    folder = read_folder(shared_cohort(tmp_path_factory, participants=1))
    rows = tuple(
        Row(row.table, row.line, dict(row.values) | {"injected_at": row["injected_at"] - timedelta(days=20)})
        if row["timepoint"] == "response"
        else row
        for row in folder.tables["administrations"]
    )
    return replace(folder, tables=dict(folder.tables) | {"administrations": rows}), catalogue(folder.image_files)


@pytest.fixture
def matched(late: tuple[TrialFolder, Catalogue]) -> Match:
    def made(**assignment: Any) -> ParticipantImages:
        folder, found = late
        lines: tuple[Row, ...] = ()
        if assignment:
            at = max(row["injected_at"] for row in folder.tables["administrations"]) + timedelta(days=60)
            values = {
                "participant_id": WHO, "imaging_id": "pet_response", "session": None, "assigned_at": at,
                "assigned_by": "NM-02", "reason": "camera out of order", "series_instance_uid": "", **assignment,
            }  # fmt: skip
            lines = (Row("image_assignments", 2, values),)
        return matched_images(replace(folder, tables=dict(folder.tables) | {"image_assignments": lines}), found)[WHO]

    return made


def planned(found: ParticipantImages) -> PlannedImage:
    return next(one for one in found.images if one.plan.id == "pet_response")


def series_uid(late: tuple[TrialFolder, Catalogue]) -> str:
    pets = [one for one in late[1].of_patient(WHO) if one.modality == "PT" and one.acquired_at is not None]
    return max(pets, key=lambda one: str(one.acquired_at)).series_instance_uid


def test_an_image_assigned_by_hand_outside_its_window_is_used_traced_and_noted(
    late: tuple[TrialFolder, Catalogue], matched: Match
) -> None:
    assert planned(matched()).series is None
    found = matched(series_instance_uid=series_uid(late))
    image = planned(found)
    assert image.series is not None
    assert image.series.series_instance_uid == series_uid(late)
    assert image.in_window is False
    said = [one for one in found.notes if "assigned by hand by NM-02" in one.message]
    assert [one.severity for one in said] == ["deviation"]
    assert "camera out of order" in said[0].message
    trace = scan_result(image, dict.fromkeys(image.series.files, "sha256:" + "0" * 64)).trace
    assert trace.inputs["assignment"] == "record:records/image_assignments.csv#2"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"series_instance_uid": "1.2.3"}, "no such series"),
        ({"imaging_id": "whole_body_24h", "session": 1}, "another kind or nuclide"),
        ({"imaging_id": "whole_body_24h", "session": 9}, "is not recorded"),
    ],
)
def test_an_assignment_that_cannot_be_used_is_said(
    late: tuple[TrialFolder, Catalogue], matched: Match, changed: dict[str, Any], why: str
) -> None:
    found = matched(**{"series_instance_uid": series_uid(late), **changed})
    assert planned(found).series is None
    assert any(why in one.message and one.severity == "warning" for one in found.notes)
