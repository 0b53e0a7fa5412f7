"""Images that may not be used: each fault named with its place and remedy, all at once, before any computing."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pydicom
import pytest

from theratrial.errors import Problems
from theratrial.imaging.catalogue import CatalogueSeries, catalogue
from theratrial.pipeline.matching import matched_images
from theratrial.pipeline.trial import trial_run
from theratrial.trialfolder import read_folder

Edit = Callable[[str, Callable[[str], str]], None]
Series = tuple[CatalogueSeries, ...]


def _pick(series: Series, patient_id: str, modality: str) -> CatalogueSeries:
    return next(one for one in series if one.patient_id == patient_id and one.modality == modality)


def _in(folder: Path, trial: Path, path: Path) -> Path:
    return folder / path.relative_to(trial)


def _change(path: Path, how: Callable[[Any], None]) -> None:
    dataset = pydicom.dcmread(path)
    how(dataset)
    path.unlink()  # it is a link to the shared bytes
    dataset.save_as(path)


def _set(keyword: str, value: Any) -> Callable[[Any], None]:
    return lambda dataset: setattr(dataset, keyword, value)


def _problems(folder: Path) -> list[str]:
    with pytest.raises(Problems) as caught:
        trial_run(folder)
    for problem in caught.value.problems:
        assert problem.remedy, problem
        assert str(folder) not in problem.place, "places are relative to what was given"
    return [str(problem) for problem in caught.value.problems]


def _by_height(one: CatalogueSeries) -> list[Path]:
    return sorted(
        one.files, key=lambda path: float(pydicom.dcmread(path, stop_before_pixels=True).ImagePositionPatient[2])
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("MR_truncated.dcm", "62 bytes of its pixels are missing"),
        ("UN_sequence.dcm", "states no SOPInstanceUID, SeriesInstanceUID, Modality"),
        ("badVR.dcm", "'id11111', who is not in records/participants.csv"),
        ("meta_missing_tsyntax.dcm", "states no SOPInstanceUID"),
        ("no_meta.dcm", "is not a DICOM file"),
        ("priv_SQ.dcm", "states no SOPInstanceUID"),
        ("reportsi.dcm", "states no PatientID"),
        ("rtdose.dcm", "'id11111', who is not in"),
        ("rtplan_truncated.dcm", "265 bytes beyond the file"),
        ("rtstruct.dcm", "'tPhantom30sep', who is not in"),
        ("test-SR.dcm", "states no PatientID"),
    ],
)
def test_each_odd_file_is_refused_by_name_and_only_once(name: str, said: str, broken_trial: Path, shared: Path) -> None:
    shutil.copy(shared / "data/odd_dicom" / name, broken_trial / "images" / name)
    found = _problems(broken_trial)
    assert len(found) == 1
    assert found[0].startswith(f"images/{name}: ")
    assert said in found[0]


def test_no_odd_file_is_missed_above(shared: Path) -> None:
    tested = {mark.args[1][i][0] for mark in _ODD for i in range(len(mark.args[1]))}
    assert tested == {path.name for path in (shared / "data/odd_dicom").iterdir()} - {"LICENSE"}


_ODD = [mark for mark in test_each_odd_file_is_refused_by_name_and_only_once.pytestmark if mark.name == "parametrize"]  # type: ignore[attr-defined]


def test_a_file_that_is_no_dicom_is_passed_over_and_noted(broken_trial: Path, shared: Path) -> None:
    shutil.copy(shared / "data/odd_dicom/LICENSE", broken_trial / "images/LICENSE")
    found = catalogue(broken_trial / "images")
    assert not found.problems
    assert [Path(note.place).name for note in found.notes] == ["LICENSE"]


def test_two_patients_with_one_id_are_told_apart_by_birth_date(
    broken_trial: Path, small_trial: Path, series: Series
) -> None:
    for one, born in ((_pick(series, "P01", "PT"), "19500101"), (_pick(series, "P01", "CT"), "19710203")):
        _change(_in(broken_trial, small_trial, one.files[0]), _set("PatientBirthDate", born))
    (found,) = _problems(broken_trial)
    assert "different birth date" in found
    assert "two people" in found


def test_a_copy_of_an_instance_is_passed_over_and_another_content_under_its_uid_refused(
    broken_trial: Path, small_trial: Path, series: Series
) -> None:
    original = _in(broken_trial, small_trial, _pick(series, "P01", "CT").files[3])
    shutil.copy(original, broken_trial / "images/copy")
    assert matched_images(read_folder(broken_trial), catalogue(broken_trial / "images"))
    _change(broken_trial / "images/copy", lambda d: setattr(d, "PixelData", bytes(len(d.PixelData))))
    (found,) = _problems(broken_trial)
    assert "other content" in found
    assert "images/copy" in found
    assert str(original.relative_to(broken_trial)) in found


@pytest.mark.parametrize("modality", ["CT", "PT"])
def test_a_missing_slice_is_named_with_its_height(
    modality: str, broken_trial: Path, small_trial: Path, series: Series
) -> None:
    one = _pick(series, "P01", modality)
    _in(broken_trial, small_trial, _by_height(one)[len(one.files) // 2]).unlink()
    (found,) = _problems(broken_trial)
    assert re.search(rf"\({modality}\) has a gap of .* mm at .*1 slice\(s\) missing", found)


def test_images_of_a_stranger_and_of_another_participant_are_refused_together(
    broken_trial: Path, small_trial: Path, series: Series
) -> None:
    for path in _pick(series, "P01", "PT").files:
        _change(_in(broken_trial, small_trial, path), _set("PatientID", "X99"))
    _change(_in(broken_trial, small_trial, _pick(series, "P02", "CT").files[0]), _set("PatientID", "P01"))
    found = _problems(broken_trial)
    assert any("PatientID 'X99', who is not in records/participants.csv" in one for one in found)
    assert any("mixes patient_id: " in one for one in found)


def test_images_before_consent_stop_the_run_each_with_its_time(broken_trial: Path, edit: Edit) -> None:
    edit("records/consents.csv", lambda text: re.sub(r"(?m)^(P01,[^,]*,[^,]*),[^,]*", r"\1,2022-02-20T09:00", text))
    found = _problems(broken_trial)
    assert len(found) >= 2
    for one in found:
        assert "image of P01 made 2022-0" in one
        assert "before consent (2022-02-20T09:00+03:30, records/consents.csv line" in one
        assert "report the deviation" in one


def test_images_without_any_consent_are_one_problem_per_participant(broken_trial: Path, edit: Edit) -> None:
    edit("records/consents.csv", lambda text: text.splitlines()[0] + "\n")
    found = _problems(broken_trial)
    assert len(found) == 3
    assert all("whose consent is not recorded" in one for one in found)


def test_a_region_of_another_frame_of_reference_is_refused(
    broken_trial: Path, small_trial: Path, series: Series
) -> None:
    def astray(dataset: Any) -> None:
        dataset.FrameOfReferenceUID = "1.2.3.4"
        for frame in dataset.ReferencedFrameOfReferenceSequence:
            frame.FrameOfReferenceUID = "1.2.3.4"
            for study in frame.RTReferencedStudySequence:
                for referenced in study.RTReferencedSeriesSequence:
                    referenced.SeriesInstanceUID = "1.2.3.5"
        for roi in dataset.StructureSetROISequence:
            roi.ReferencedFrameOfReferenceUID = "1.2.3.4"

    path = _pick(series, "P01", "RTSTRUCT").files[0]
    _change(_in(broken_trial, small_trial, path), astray)
    (found,) = _problems(broken_trial)
    assert found.startswith(str(path.relative_to(small_trial)))
    assert "frame of reference that no image of the participant has (1.2.3.4)" in found


def test_a_region_drawn_in_two_files_is_refused_with_both(
    broken_trial: Path, small_trial: Path, series: Series
) -> None:
    def again(dataset: Any) -> None:
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.7"
        dataset.SeriesInstanceUID = "1.2.3.8"

    regions = _pick(series, "P01", "RTSTRUCT")
    shutil.copy(regions.files[0], broken_trial / "images/again")
    _change(broken_trial / "images/again", again)
    found = _problems(broken_trial)
    assert len(found) == len(regions.region_names)
    assert all("images/again" in one and str(regions.files[0].relative_to(small_trial)) in one for one in found)


def test_an_image_of_another_nuclide_than_the_product_fits_no_plan_and_is_said(
    broken_trial: Path, small_trial: Path, series: Series
) -> None:
    pet = _pick(series, "P01", "PT")

    def other(dataset: Any) -> None:
        code = dataset.RadiopharmaceuticalInformationSequence[0].RadionuclideCodeSequence[0]
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "C-111A1", "SRT", "^18^Fluorine"
        dataset.RadiopharmaceuticalInformationSequence[0].RadionuclideHalfLife = 6586.2

    for path in pet.files:
        _change(_in(broken_trial, small_trial, path), other)
    images = matched_images(read_folder(broken_trial), catalogue(broken_trial / "images"))["P01"]
    said = [note.message for note in images.notes if note.severity == "warning"]
    assert any("no image fits" in one for one in said)
    assert any("PT series" in one and "was not used" in one for one in said)


def test_a_scan_before_its_injection_belongs_to_none_and_is_said(
    broken_trial: Path, edit: Edit, series: Series
) -> None:
    acquired = _pick(series, "P01", "PT").acquired_at
    assert acquired is not None
    # One hour too late: a PET that is taken at half an hour would still be near enough without looking at the order.
    after = (acquired + timedelta(hours=1)).isoformat()
    edit(
        "records/administrations.csv",
        lambda text: re.sub(
            r"(?m)^(P01,ga68_trastuzumab,,baseline,(?:[^,]*,){4})[^,]*,[^,]*,[^,]*", rf"\1,,{after}", text
        ),
    )
    images = matched_images(read_folder(broken_trial), catalogue(broken_trial / "images"))["P01"]
    assert next(one for one in images.images if one.plan.timepoint == "baseline").series is None
    said = [note.message for note in images.notes if note.severity == "warning"]
    assert any("PT series" in one and "fits no planned image and was not used" in one for one in said)
    assert any("no image fits" in one for one in said)


def test_a_broken_link_among_the_images_is_named(broken_trial: Path) -> None:
    (broken_trial / "images/gone").symlink_to(broken_trial / "nowhere")
    assert "images/gone: is not a file -> is it a broken link?" in _problems(broken_trial)
