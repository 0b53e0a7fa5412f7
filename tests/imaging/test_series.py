"""A slice series is put in the order of the patient, or refused with the name of what is wrong."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from slice_files import SERIES, saved, series_folder, slice_dataset, tracer

from theratrial.errors import InputError, Problems, UnitError
from theratrial.imaging.activity import activity_map
from theratrial.imaging.series import series_from_files, series_from_folder, volume

TEHRAN = timezone(timedelta(hours=3.5))


def test_slices_are_ordered_by_position_not_by_name_or_number(tmp_path: Path) -> None:
    series = series_from_folder(series_folder(tmp_path))
    assert series.grid.shape == (4, 6, 5)
    assert series.grid.spacing_mm == (3.0, 2.0, 2.5)
    assert series.grid.origin_mm == (-10.0, -20.0, 0.0)
    assert volume(series).values[:, 0, 0].tolist() == [100, 110, 120, 130]
    assert [s.path.name for s in series.slices] == ["004.dcm", "003.dcm", "002.dcm", "001.dcm"]


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(5)), angles=st.tuples(st.floats(-3, 3), st.floats(-1.5, 1.5), st.floats(-3, 3)))
def test_any_order_of_files_and_any_orientation_gives_simpleitk_s_volume(
    tmp_path: Path, order: list[int], angles: tuple[float, float, float]
) -> None:
    turn = np.eye(3)
    for axis, angle in enumerate(angles):
        c, s = np.cos(angle), np.sin(angle)
        one = np.eye(3)
        i, j = (axis + 1) % 3, (axis + 2) % 3
        one[i, i], one[i, j], one[j, i], one[j, j] = c, -s, s, c
        turn = turn @ one
    paths = []
    for number in range(5):
        words = np.random.default_rng(number).integers(-50, 3000, (4, 3)).astype(np.int16)
        position = turn @ np.array([7.0, -8.0, 3.0 * number])
        dataset = slice_dataset(
            words,
            number,
            modality="CT",
            ImagePositionPatient=[f"{v:.8f}" for v in position],
            ImageOrientationPatient=[f"{v:.10f}" for v in [*turn[:, 0], *turn[:, 1]]],
        )
        paths.append(saved(dataset, tmp_path / f"{number}.dcm"))
    ours = volume(series_from_files([paths[i] for i in order], hashed=False))
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([str(p) for p in paths])
    theirs = reader.Execute()
    assert np.array_equal(ours.values, SimpleITK.GetArrayFromImage(theirs))
    index = np.array([[3.0, 2.0, 1.0]])
    point = theirs.TransformContinuousIndexToPhysicalPoint((1.0, 2.0, 3.0))
    assert ours.grid.patient_mm(index)[0] == pytest.approx(point, abs=1e-4)
    assert ours.unit == "HU"


def test_the_content_hash_does_not_depend_on_names_or_order(tmp_path: Path) -> None:
    series_folder(tmp_path / "a")
    (tmp_path / "b").mkdir()
    for path in (tmp_path / "a").iterdir():
        shutil.copy(path, tmp_path / "b" / f"z{9 - int(path.stem)}")
    one = series_from_folder(tmp_path / "a").source.content_hash
    assert one.startswith("sha256:")
    assert series_from_folder(tmp_path / "b").source.content_hash == one
    changed = tmp_path / "b" / "z8"
    changed.write_bytes(changed.read_bytes()[:-1] + b"\7")
    assert series_from_folder(tmp_path / "b").source.content_hash != one
    assert series_from_folder(tmp_path / "a", hashed=False).source.content_hash == ""


def _refused(tmp_path: Path, match: str) -> None:
    with pytest.raises(InputError, match=match):
        series_from_files(sorted(tmp_path.rglob("*.dcm")), hashed=False)


def test_a_missing_slice_is_named_by_gap_and_position(tmp_path: Path) -> None:
    series_folder(tmp_path, 6)
    (tmp_path / "004.dcm").unlink()
    _refused(tmp_path, r"gap of 6\.000 mm between \(-10\.00, -20\.00, 3\.00\) mm.*9\.00\) mm.*1 slice\(s\) missing")


def test_a_slice_missing_at_the_end_is_noted_where_the_file_says_how_many_there_are(tmp_path: Path) -> None:
    series = series_from_folder(series_folder(tmp_path, NumberOfSlices=5), hashed=False)
    assert series.notes == ("NumberOfSlices is 5, 4 are here: slices may be missing at an end",)
    assert series_from_folder(series_folder(tmp_path, NumberOfSlices=4), hashed=False).notes == ()


def test_a_slice_at_an_odd_distance_is_refused(tmp_path: Path) -> None:
    series_folder(tmp_path, 6)
    saved(slice_dataset(np.zeros((6, 5), np.int16), 6, ImagePositionPatient=[-10, -20, 16.2]), tmp_path / "7.dcm")
    _refused(tmp_path, "not evenly spaced")


def test_rounded_positions_are_tolerated_with_a_note(tmp_path: Path) -> None:
    for number in range(6):
        position = [-10, -20, round(3.27 * number, 1)]
        saved(
            slice_dataset(np.zeros((6, 5), np.int16), number, ImagePositionPatient=position), tmp_path / f"{number}.dcm"
        )
    series = series_from_folder(tmp_path, hashed=False)
    assert series.grid.spacing_mm[0] == pytest.approx(3.27, abs=0.02)
    assert "rounded" in series.notes[0]


def test_an_identical_copy_is_dropped_with_a_note(tmp_path: Path) -> None:
    series_folder(tmp_path)
    shutil.copy(tmp_path / "002.dcm", tmp_path / "copy.dcm")
    series = series_from_folder(tmp_path)
    assert series.grid.shape[0] == 4
    assert "copy.dcm is an identical copy of 002.dcm" in series.notes[0]


def test_a_differing_instance_of_the_same_uid_is_refused(tmp_path: Path) -> None:
    series_folder(tmp_path)
    saved(slice_dataset(np.ones((6, 5), np.int16), 1), tmp_path / "other.dcm")
    _refused(tmp_path, r"same SOPInstanceUID 1\.2\.3\.2\.2 .*but other content")


def test_two_slices_at_one_position_are_refused(tmp_path: Path) -> None:
    series_folder(tmp_path)
    saved(slice_dataset(np.ones((6, 5), np.int16), 1, SOPInstanceUID="1.2.9"), tmp_path / "second_frame.dcm")
    _refused(tmp_path, "several slices at one position")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"PatientID": "P2"}, "2 different patient_id: P1.*P2"),
        ({"SeriesInstanceUID": "1.2.3.7"}, r"2 different series_instance_uid: 1\.2\.3\.2 .*1\.2\.3\.7 .*choose one"),
        ({"FrameOfReferenceUID": "1.2.3.8"}, "2 different frame_of_reference_uid"),
        ({"Units": "CNTS"}, "2 different unit"),
        ({"DecayCorrection": "NONE"}, "2 different decay_correction"),
        ({"ImageOrientationPatient": [0, 1, 0, 1, 0, 0]}, "ImageOrientationPatient"),
        ({"PixelSpacing": [2, 2]}, "PixelSpacing"),
        ({"ImagePositionPatient": [-4, -20, 12.0]}, "shifted in their plane"),
        ({"ImagePositionPatient": None}, "has no ImagePositionPatient"),
        ({"PixelSpacing": [0, 2]}, "positive numbers"),
        ({"RescaleSlope": "0"}, "every value would vanish"),
    ],
)
def test_a_slice_that_does_not_belong_is_refused(tmp_path: Path, changes: dict[str, Any], match: str) -> None:
    series_folder(tmp_path)
    saved(slice_dataset(np.zeros((6, 5), np.int16), 4, **changes), tmp_path / "odd.dcm")
    _refused(tmp_path, match)


def test_slices_of_another_size_are_refused(tmp_path: Path) -> None:
    series_folder(tmp_path)
    saved(slice_dataset(np.zeros((6, 6), np.int16), 4), tmp_path / "odd.dcm")
    _refused(tmp_path, "6 x 5, 16 bit.*6 x 6, 16 bit")


def test_files_and_folders_given_for_each_other_are_named(tmp_path: Path) -> None:
    folder = series_folder(tmp_path / "s")
    with pytest.raises(InputError, match="is a file, a folder with a series was expected"):
        series_from_folder(folder / "001.dcm")
    with pytest.raises(Problems, match="is a folder, a file was expected"):
        series_from_files([folder])
    with pytest.raises(InputError, match="no such folder"):
        series_from_folder(tmp_path / "none")
    with pytest.raises(Problems, match="no such file"):
        series_from_files([folder / "001.dcm", tmp_path / "none.dcm"])
    with pytest.raises(InputError, match="at least one file"):
        series_from_files([])


def test_every_bad_file_is_named_at_once(tmp_path: Path) -> None:
    series_folder(tmp_path)
    (tmp_path / "text.dcm").write_text("no image")
    whole = (tmp_path / "001.dcm").read_bytes()
    (tmp_path / "cut.dcm").write_bytes(whole[:-20])
    with pytest.raises(Problems) as refused:
        series_from_files(sorted(tmp_path.glob("*.dcm")))
    assert [Path(p.place).name for p in refused.value.problems] == ["cut.dcm", "text.dcm"]
    assert "20 of 60 bytes of pixel data are missing" in refused.value.problems[0].message


def test_a_folder_passes_over_what_is_no_image_but_not_over_a_broken_slice(tmp_path: Path) -> None:
    series_folder(tmp_path / "deep" / "er")
    (tmp_path / "notes.txt").write_text("bed 3")
    structure_set = slice_dataset(np.zeros((1, 1), np.int16), Rows=None, PixelData=None, SOPInstanceUID="1.2.3.50")
    structure_set.Modality = "RTSTRUCT"
    saved(structure_set, tmp_path / "rs.dcm")
    assert series_from_folder(tmp_path).grid.shape[0] == 4
    broken = tmp_path / "deep" / "er" / "002.dcm"
    broken.write_bytes(broken.read_bytes()[:-4])
    with pytest.raises(Problems, match=r"002\.dcm.*truncated"):
        series_from_folder(tmp_path)


def test_a_folder_of_several_series_asks_which(tmp_path: Path) -> None:
    series_folder(tmp_path / "pet")
    series_folder(tmp_path / "ct", modality="CT", SeriesInstanceUID="1.2.3.4")
    with pytest.raises(Problems, match=r"2 image series.*\n.*1\.2\.3\.2 \(PT, 4 file\(s\)\).*\n.*1\.2\.3\.4 \(CT"):
        series_from_folder(tmp_path)
    assert series_from_folder(tmp_path, "1.2.3.4").modality == "CT"
    assert series_from_folder(tmp_path, modality="PT").source.series_instance_uid == SERIES
    with pytest.raises(InputError, match=r"holds no series 9\.9"):
        series_from_folder(tmp_path, "9.9")


def test_a_single_slice_takes_its_thickness_and_says_so(tmp_path: Path) -> None:
    series = series_from_folder(series_folder(tmp_path, 1))
    assert series.grid.spacing_mm[0] == 3.0
    assert "single slice" in series.notes[0]


def _item(**values: Any) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def _enhanced(path: Path, frames: int = 3) -> Path:
    """An enhanced PET: frames stored from the head down, a slope per frame."""
    words = np.stack([np.full((4, 3), 10 * (n + 1), np.int16) for n in range(frames)])
    dataset = slice_dataset(words[0])
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.130"
    dataset.NumberOfFrames, dataset.PixelData = frames, words.tobytes()
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "Units"):
        delattr(dataset, keyword)
    dataset.DecayCorrection = None
    dataset.DecayCorrected, dataset.DecayCorrectionDateTime = "YES", "20250101110000"
    dataset.SharedFunctionalGroupsSequence = Sequence(
        [
            _item(
                PlaneOrientationSequence=Sequence([_item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]),
                PixelMeasuresSequence=Sequence([_item(PixelSpacing=[2, 2], SliceThickness=3)]),
            )
        ]
    )
    dataset.PerFrameFunctionalGroupsSequence = Sequence(
        [
            _item(
                PlanePositionSequence=Sequence([_item(ImagePositionPatient=[0, 0, -3.0 * n])]),
                FrameContentSequence=Sequence(
                    [_item(FrameAcquisitionDateTime=f"2025010111{n:02d}00", FrameAcquisitionDuration=60000.0)]
                ),
                RealWorldValueMappingSequence=Sequence(
                    [
                        _item(
                            RealWorldValueSlope=float(n + 1),
                            RealWorldValueIntercept=0.0,
                            MeasurementUnitsCodeSequence=Sequence([_item(CodeValue="Bq/ml")]),
                        )
                    ]
                ),
            )
            for n in range(frames)
        ]
    )
    return saved(dataset, path)


def test_an_enhanced_multi_frame_pet_is_a_series(tmp_path: Path) -> None:
    series = series_from_files([_enhanced(tmp_path / "e.dcm")])
    assert (series.unit, series.decay_correction) == ("BQML", "START")
    assert series.grid.origin_mm == (0.0, 0.0, -6.0)
    assert volume(series).values[:, 0, 0].tolist() == [90, 40, 10]
    assert series.acquired_at() == datetime(2025, 1, 1, 11, 0)
    slow = series_from_files([tmp_path / "e.dcm"], walk=False)
    assert np.array_equal(volume(slow).values, volume(series).values)
    assert series.source.files == (tmp_path / "e.dcm",)


def test_frames_without_functional_groups_are_refused(tmp_path: Path) -> None:
    words = np.zeros((4, 3), np.int16)
    path = saved(slice_dataset(words, NumberOfFrames=2, PixelData=words.tobytes() * 2), tmp_path / "m.dcm")
    with pytest.raises(InputError, match="2 frames without functional groups"):
        series_from_files([path])


def _activity(tmp_path: Path, **changes: Any) -> Any:
    return activity_map(series_from_folder(series_folder(tmp_path, **changes), hashed=False), timezone=TEHRAN)


def test_admin_correction_is_undone_with_the_header_s_own_time(tmp_path: Path) -> None:
    """One hour of 68Ga with T1/2 = 4062.6 s: stored over scan is 2^(3600/4062.6)."""
    found = _activity(tmp_path, DecayCorrection="ADMIN")
    assert found.stored_over_scan_time == pytest.approx(2 ** (3600 / 4062.6), rel=1e-9)
    assert found.activity_Bq_per_mL[0, 0, 0] == pytest.approx(100 / 2 ** (3600 / 4062.6), rel=1e-6)
    assert (found.nuclide, found.stored_decay_correction) == ("Ga-68", "ADMIN")
    assert found.acquired_at == datetime(2025, 1, 1, 11, 0, tzinfo=TEHRAN)


def test_start_correction_to_the_start_of_the_scan_changes_nothing(tmp_path: Path) -> None:
    found = _activity(tmp_path)
    assert found.stored_over_scan_time == 1.0
    assert found.activity_Bq_per_mL[3, 0, 0] == 130


def test_start_correction_to_an_earlier_moment_is_brought_to_the_scan(tmp_path: Path) -> None:
    found = _activity(tmp_path, SeriesTime="105000")
    assert found.stored_over_scan_time == pytest.approx(2 ** (600 / 4062.6), rel=1e-9)


def test_an_uncorrected_mean_over_the_frame_is_brought_to_its_start(tmp_path: Path) -> None:
    """Mean over T of exp(-lambda t) is (1 - exp(-lambda T)) / (lambda T)."""
    found = _activity(tmp_path, DecayCorrection="NONE")
    x = np.log(2) * 180 / 4062.6
    assert found.stored_over_scan_time == pytest.approx((1 - np.exp(-x)) / x, rel=1e-9)


def test_the_file_s_own_time_zone_wins_and_none_at_all_is_refused(tmp_path: Path) -> None:
    found = _activity(tmp_path / "a", TimezoneOffsetFromUTC="+0000")
    assert found.acquired_at == datetime(2025, 1, 1, 11, 0, tzinfo=UTC)
    with pytest.raises(InputError, match="without a time zone"):
        activity_map(series_from_folder(series_folder(tmp_path / "b"), hashed=False))


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"Units": "CNTS"}, UnitError, "Units .* is 'CNTS'"),
        ({"RescaleIntercept": "1"}, InputError, "RescaleIntercept must be 0"),
        ({"DecayCorrection": None}, InputError, "DecayCorrection .* is absent"),
        ({"AcquisitionTime": "99"}, InputError, "when the scan was made"),
        ({"RadiopharmaceuticalInformationSequence": None}, InputError, "decay is not known"),
    ],
)
def test_a_series_without_known_activity_is_refused(
    tmp_path: Path, changes: dict[str, Any], error: Any, match: str
) -> None:
    with pytest.raises(error, match=match):
        _activity(tmp_path, **changes)


def test_a_half_life_that_is_not_the_nuclide_s_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one of them is wrong"):
        _activity(tmp_path, RadiopharmaceuticalInformationSequence=Sequence([tracer(RadionuclideHalfLife="6586.2")]))


def test_the_real_lutetium_pair_holds_its_known_activities(shared: Path) -> None:
    """Stored in-field activity 1.351 and 0.996 GBq (README of the data); ADMIN undone over 3.741 h and 27.726 h."""
    for scan, stored_GBq, hours in (("SCAN_001", 1.351, 3.741), ("SCAN_002", 0.996, 27.7255)):
        series = series_from_folder(shared / "data/lu177_spect_two_timepoints" / scan / "image", hashed=False)
        found = activity_map(series, timezone=UTC)
        in_field = float(found.activity_Bq_per_mL.sum(dtype="f8")) * found.grid.voxel_volume_mL / 1e9
        assert in_field * found.stored_over_scan_time == pytest.approx(stored_GBq, abs=6e-4)
        assert found.stored_over_scan_time == pytest.approx(2 ** (hours * 3600 / 574300), rel=2e-5)
        assert found.nuclide == "Lu-177"
