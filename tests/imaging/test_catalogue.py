"""The catalogue of a folder: series from headers, everything wrong at once."""

from __future__ import annotations

import hashlib
import shutil
import time
from pathlib import Path

import numpy as np
import pydicom
import pytest
from made_dicom import base, nm_dataset, rtstruct_dataset, saved, seg_dataset, square

from theratrial.errors import InputError
from theratrial.imaging.catalogue import Catalogue, catalogue

PT_STORAGE = "1.2.840.10008.5.1.4.1.1.128"


def slice_dataset(z: float, *, series: str = "1.2.3.1", uid: str = "", patient_id: str = "P01") -> pydicom.Dataset:
    dataset = base("PT", PT_STORAGE, patient_id)
    dataset.SeriesInstanceUID = series
    dataset.SOPInstanceUID = uid or f"{series}.{int(z * 10) + 1000}"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.FrameOfReferenceUID = "1.2.3.9"
    dataset.SeriesDescription = "Körper"
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.ImagePositionPatient = [0, 0, z]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing = [4, 4]
    dataset.SliceThickness = 3
    dataset.Rows, dataset.Columns, dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 4, 4, 16, 16, 15
    dataset.SamplesPerPixel, dataset.PixelRepresentation, dataset.PhotometricInterpretation = 1, 0, "MONOCHROME2"
    dataset.PixelData = np.full((4, 4), int(z), "<u2").tobytes()
    return dataset


def write_series(folder: Path, count: int = 5, **stated: str) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    return [saved(slice_dataset(3.0 * i, **stated), folder / f"s{i}.dcm") for i in range(count)]


def messages(found: Catalogue) -> str:
    return "\n".join(map(str, found.problems))


def test_series_are_found_in_any_nesting_among_any_other_files(tmp_path: Path) -> None:
    write_series(tmp_path / "a/b/c")
    write_series(tmp_path / "d", series="1.2.3.2")
    (tmp_path / "a/readme.txt").write_text("no image")
    (tmp_path / "a/empty").touch()
    found = catalogue(tmp_path)
    assert not found.problems
    assert [(s.series_instance_uid, s.instances) for s in found.series] == [("1.2.3.1", 5), ("1.2.3.2", 5)]
    assert found.files_seen == 12
    assert {Path(n.place).name for n in found.notes} == {"readme.txt", "empty"}
    one = found.series[0]
    assert one.spacing_mm == (3.0, 4.0, 4.0)
    assert one.description == "Körper"
    assert (one.patient_id, one.patient_sex, one.patient_birth_date) == ("P01", "F", "19700101")
    assert one.acquired_at is not None
    assert one.acquired_at.isoformat() == "2026-03-01T10:15:00+03:30"
    assert one.time_zone_stated
    assert len(found.of_patient("P01")) == 2


def test_a_time_without_offset_stays_naive_and_says_so(tmp_path: Path) -> None:
    dataset = slice_dataset(0)
    del dataset.TimezoneOffsetFromUTC
    saved(dataset, tmp_path / "s.dcm")
    (one,) = catalogue(tmp_path).series
    assert one.acquired_at is not None
    assert one.acquired_at.tzinfo is None
    assert not one.time_zone_stated


def test_the_earliest_slice_gives_the_time_of_the_series(tmp_path: Path) -> None:
    for i, clock in enumerate(("101700", "101500.5", "101600")):
        dataset = slice_dataset(3.0 * i)
        dataset.AcquisitionTime = clock
        saved(dataset, tmp_path / f"{i}.dcm")
    (one,) = catalogue(tmp_path).series
    assert one.acquired_at is not None
    assert one.acquired_at.time().isoformat() == "10:15:00.500000"


def test_two_people_with_one_identifier_are_a_problem(tmp_path: Path) -> None:
    write_series(tmp_path / "a")
    other = slice_dataset(0, series="1.2.3.2")
    other.PatientBirthDate, other.PatientSex, other.PatientName = "19810203", "M", "Someone^Else"
    saved(other, tmp_path / "b.dcm")
    text = messages(catalogue(tmp_path))
    assert "PatientID P01" in text
    assert all(f"different {what}" in text for what in ("birth date", "sex", "name"))
    assert "Someone" not in text


def test_a_name_written_otherwise_is_the_same_person(tmp_path: Path) -> None:
    write_series(tmp_path / "a")
    other = slice_dataset(0, series="1.2.3.2")
    other.PatientName, other.PatientBirthDate, other.PatientSex = "TEST PHANTOM", "", "O"
    saved(other, tmp_path / "b.dcm")
    found = catalogue(tmp_path)
    assert not found.problems
    assert any("different sex" in n.message for n in found.notes)


def test_a_series_that_mixes_patients_is_a_problem(tmp_path: Path) -> None:
    write_series(tmp_path)
    saved(slice_dataset(15, patient_id="P02"), tmp_path / "wrong.dcm")
    assert "mixes patient_id: P01 in s0.dcm; P02 in wrong.dcm" in messages(catalogue(tmp_path))


def test_a_missing_identifier_is_a_problem(tmp_path: Path) -> None:
    saved(slice_dataset(0, patient_id=""), tmp_path / "s.dcm")
    assert "states no PatientID" in messages(catalogue(tmp_path))


def test_an_identical_copy_is_noted_and_another_content_is_a_problem(tmp_path: Path) -> None:
    files = write_series(tmp_path)
    shutil.copy(files[0], tmp_path / "t_copy.dcm")
    found = catalogue(tmp_path)
    assert not found.problems
    assert found.series[0].instances == 5
    assert any("identical copy" in n.message for n in found.notes)
    changed = slice_dataset(3.0)
    changed.PixelData = b"\1" * 32
    saved(changed, tmp_path / "u_changed.dcm")
    assert "but other content" in messages(catalogue(tmp_path))


def test_a_missing_slice_is_a_problem_with_its_place(tmp_path: Path) -> None:
    write_series(tmp_path, 8)[3].unlink()
    assert "a gap of 6.00 mm at 6.0 mm, its slices are 3.00 mm apart: 1 slice(s) missing" in messages(
        catalogue(tmp_path)
    )


@pytest.mark.parametrize("cut", [1, 31, 200])
def test_a_truncated_file_is_a_problem(cut: int, tmp_path: Path) -> None:
    path = write_series(tmp_path)[2]
    path.write_bytes(path.read_bytes()[:-cut])
    found = catalogue(tmp_path)
    assert [Path(p.place).name for p in found.problems if "slice(s) missing" not in p.message] == ["s2.dcm"]


def test_something_else_named_dcm_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"%PDF-1.7 " * 40)
    (tmp_path / "b.dcm").touch()
    found = catalogue(tmp_path)
    assert "named as DICOM but is not a DICOM file" in messages(found)
    assert "named as DICOM but is empty" in messages(found)


def test_region_files_tell_what_they_refer_to(tmp_path: Path) -> None:
    structures = rtstruct_dataset({"liver": [square(20, (0, 0, 0))], "spleen": []}, frame_uid="1.2.3.9")
    series, study, frame = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
    series.SeriesInstanceUID = "1.2.3.1"
    study.RTReferencedSeriesSequence = [series]
    frame.FrameOfReferenceUID, frame.RTReferencedStudySequence = "1.2.3.9", [study]
    structures.ReferencedFrameOfReferenceSequence = [frame]
    saved(structures, tmp_path / "rs.dcm")
    segmentation = seg_dataset(
        {"kidney": np.ones((1, 4, 4))}, spacing_mm=(3.0, 4.0, 4.0), origin_mm=np.zeros(3), direction=np.eye(3)
    )
    segmentation.ReferencedSeriesSequence = [series]
    saved(segmentation, tmp_path / "seg.dcm")
    found = {s.modality: s for s in catalogue(tmp_path).series}
    assert found["RTSTRUCT"].region_names == ("liver", "spleen")
    assert found["SEG"].region_names == ("kidney",)
    assert found["RTSTRUCT"].referenced_frame_of_reference_uids == ("1.2.3.9",)
    for one in found.values():
        assert one.referenced_series_uids == ("1.2.3.1",)


def test_planar_images_tell_kind_camera_and_nuclide(tmp_path: Path) -> None:
    saved(nm_dataset(np.ones((1, 4, 4)), "WHOLE BODY", {}), tmp_path / "wb.dcm")
    (one,) = catalogue(tmp_path).series
    assert (one.image_kind, one.station_name, one.radionuclide) == ("WHOLE BODY", "CAM1", "Lu-177")


def test_hashes_are_those_of_the_bytes(tmp_path: Path) -> None:
    write_series(tmp_path)
    (one,) = catalogue(tmp_path, with_hashes=True).series
    expected = tuple("sha256:" + hashlib.sha256(f.read_bytes()).hexdigest() for f in one.files)
    assert one.hashes == expected
    assert catalogue(tmp_path).series[0].hashes == ()


def test_a_list_of_files_and_several_workers_give_the_same_catalogue(tmp_path: Path) -> None:
    for i in range(3):
        write_series(tmp_path / str(i), 140, series=f"1.2.3.{i}")
    seen: list[tuple[int, int]] = []
    alone = catalogue(tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(200, 420), (400, 420), (420, 420)]
    assert catalogue(tmp_path, workers=2) == alone
    assert catalogue(sorted(tmp_path.rglob("*.dcm"))) == alone


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        catalogue(tmp_path / "nowhere")


def test_the_real_two_scans_are_sorted_by_patient_and_time(shared: Path) -> None:
    found = catalogue(shared / "data/lu177_spect_two_timepoints")
    assert not found.problems
    images = [s for s in found.series if s.modality == "PT"]
    structures = [s for s in found.series if s.modality == "RTSTRUCT"]
    assert [s.instances for s in images] == [199, 199]
    assert [s.radionuclide for s in images] == ["Lu-177", "Lu-177"]
    assert all(s.spacing_mm == pytest.approx((1.95313, 1.95313, 1.95313)) for s in images)
    assert {s.referenced_series_uids for s in structures} == {(s.series_instance_uid,) for s in images}
    assert {s.referenced_frame_of_reference_uids for s in structures} == {(s.frame_of_reference_uid,) for s in images}


def test_a_wrong_code_beside_a_right_meaning_does_not_hide_the_nuclide(shared: Path) -> None:
    """Reference object 5_0 codes 66Ga and means 68Ga, whose half-life it states."""
    found = catalogue(shared / "data/suv_dro/DRO_5_0")
    assert [s.radionuclide for s in found.series if s.modality == "PT"] == ["Ga-68"]


@pytest.mark.long
def test_fifteen_thousand_files_take_less_than_twelve_seconds(tmp_path: Path) -> None:
    template = saved(slice_dataset(0), tmp_path / "t.dcm").read_bytes()
    (tmp_path / "t.dcm").unlink()
    uid = b"1.2.3.1.1000"
    assert template.count(uid) == 2
    folder = tmp_path / "many"
    folder.mkdir()
    for i in range(15_000):
        (folder / str(i)).write_bytes(template.replace(uid, f"1.2.{i:08d}".encode()))
    start = time.perf_counter()
    found = catalogue(folder)
    assert found.series[0].instances == 15_000
    assert time.perf_counter() - start < 12
