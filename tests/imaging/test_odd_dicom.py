"""Odd, broken and hostile files at every door of this part: a clear message, never another kind of exception."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_dicom import FRAME_UID, nm_dataset, rtstruct_dataset, saved, seg_dataset, spect_dataset, square

from theratrial.errors import TheratrialError
from theratrial.imaging.catalogue import catalogue
from theratrial.imaging.nm import nm_frames
from theratrial.imaging.planar import planar_pair
from theratrial.imaging.regions import region_names, regions_from_file
from theratrial.imaging.spect import activity_map_from_files
from theratrial.imaging.values import Grid

GRID = Grid((8, 8, 8), (5.0, 5.0, 5.0), (-20.0, -20.0, -20.0), np.eye(3), FRAME_UID)

ODD = {
    "MR_truncated.dcm": "is truncated: 62 bytes of its pixels are missing",
    "UN_sequence.dcm": "states no SOPInstanceUID, SeriesInstanceUID, Modality",
    "badVR.dcm": "",
    "meta_missing_tsyntax.dcm": "states no SOPInstanceUID, SeriesInstanceUID, Modality",
    "no_meta.dcm": "is named as DICOM but is not a DICOM file",
    "priv_SQ.dcm": "states no SOPInstanceUID, SeriesInstanceUID, Modality",
    "reportsi.dcm": "states no PatientID",
    "rtdose.dcm": "but other content",
    "rtplan_truncated.dcm": "is truncated",
    "rtstruct.dcm": "",
    "test-SR.dcm": "states no PatientID",
}
"""File -> what the catalogue says of it; empty where it is readable and belongs to a series."""

DOORS: dict[str, Callable[[Path], Any]] = {
    "nm": nm_frames,
    "planar": planar_pair,
    "spect": activity_map_from_files,
    "regions": lambda path: regions_from_file(path, GRID),
    "names": region_names,
}


def test_every_odd_file_is_named_with_what_is_wrong_or_sorted_into_a_series(shared: Path) -> None:
    folder = shared / "data/odd_dicom"
    found = catalogue(folder)
    said = "\n".join(map(str, (*found.problems, *found.notes)))
    held = {path.name for series in found.series for path in series.files}
    assert {p.name for p in folder.iterdir()} == {*ODD, "LICENSE"}
    for name, message in ODD.items():
        if message:
            places = [str(p) for p in found.problems if name in p.place or name in p.message or message in p.message]
            assert any(message in place for place in places), f"{name}: {said}"
        else:
            assert name in held
    assert any("LICENSE" in n.place for n in found.notes)
    for problem in found.problems:
        assert problem.remedy


@pytest.mark.parametrize("name", sorted(ODD))
@pytest.mark.parametrize("door", sorted(DOORS))
def test_an_odd_file_at_any_door_gives_a_message(door: str, name: str, shared: Path) -> None:
    path = shared / "data/odd_dicom" / name
    if name == "rtstruct.dcm" and door == "names":
        assert region_names(path) == ("patient", "Isocenter 1", "Isocenter 2")
        return
    with pytest.raises(TheratrialError) as caught:
        DOORS[door](path)
    assert len(str(caught.value)) > 20


@pytest.mark.parametrize("door", sorted(DOORS))
def test_a_folder_a_missing_file_and_an_empty_file_give_a_message(door: str, tmp_path: Path) -> None:
    empty = tmp_path / "empty.dcm"
    empty.touch()
    for place in (tmp_path, tmp_path / "nowhere.dcm", empty):
        with pytest.raises(TheratrialError):
            DOORS[door](place)


def made(kind: str) -> Any:
    if kind == "planar":
        return nm_dataset(np.ones((1, 8, 8)), "STATIC", {"EnergyWindowVector": [1], "DetectorVector": [1]})
    if kind == "spect":
        return spect_dataset(np.ones((3, 8, 8)))
    if kind == "rtstruct":
        return rtstruct_dataset({"a": [square(20, (0, 0, z)) for z in (-5, 0, 5)]})
    return seg_dataset(
        {"a": np.ones((3, 6, 6))},
        spacing_mm=(5.0, 5.0, 5.0),
        origin_mm=np.array([-15.0, -15.0, -10.0]),
        direction=np.eye(3),
    )


@pytest.mark.parametrize("kind", ["planar", "spect", "rtstruct", "seg"])
def test_a_file_with_flipped_bytes_or_a_cut_end_never_gives_another_exception(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(20260301)
    path = saved(made(kind), tmp_path / "x.dcm")
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    refused = 0
    for _ in range(60):
        content = whole.copy()
        content[rng.integers(132, len(content), rng.integers(1, 5))] = rng.integers(0, 256)
        path.write_bytes(content[: rng.integers(140, len(content) + 1) if rng.random() < 0.3 else None].tobytes())
        catalogue(tmp_path)
        for door in DOORS.values():
            try:
                door(path)
            except TheratrialError:
                refused += 1
    assert refused > 60
