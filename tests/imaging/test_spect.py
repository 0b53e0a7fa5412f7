"""Reconstructed SPECT to activity: made files with known activity, and the real 177Lu pair."""

from __future__ import annotations

import math
from datetime import UTC, date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_dicom import code, saved, spect_dataset
from pydicom.dataset import Dataset

from theratrial.errors import InputError, UnitError
from theratrial.imaging.nm import nm_frames
from theratrial.imaging.spect import SpectCalibration, acquisition_duration_s, activity_map_from_files

HALF_LIFE_H = 159.5
"""177Lu, 6.647 d (ICRP 107)."""


def calibration(**changes: Any) -> SpectCalibration:
    stated: dict[str, Any] = {
        "calibration_id": "CAL1",
        "camera": "CAM1",
        "nuclide": "177Lu",
        "factor_cps_per_MBq": 20.0,
        "relative_sd_fraction": 0.05,
        "valid_from": date(2026, 1, 1),
    }
    return SpectCalibration(**(stated | changes))


def test_activity_is_counts_over_time_factor_and_volume(tmp_path: Path) -> None:
    """60 views of 20 s are 1200 s; 4.8 mm voxels are 0.110592 mL: 1000 counts / 1200 s / 20 cps/MBq = 41.67 kBq."""
    path = saved(spect_dataset(np.full((4, 5, 6), 1000)), tmp_path / "s.dcm")
    found = activity_map_from_files(path, calibration())
    decay = math.log(2) / (HALF_LIFE_H * 3600) * 1200
    expected = 1000 / 1200 / 20 / 0.110592 * 1e6 * decay / (1 - math.exp(-decay))
    assert found.activity_Bq_per_mL == pytest.approx(expected, rel=1e-6)
    assert found.nuclide == "Lu-177"
    assert found.acquired_at.isoformat() == "2026-03-01T10:15:00+03:30"
    assert found.calibration_relative_sd == 0.05
    assert found.trace.inputs["calibration"] == "given:calibration CAL1"
    assert found.trace.inputs["image"].startswith("sha256:")


def test_counts_can_be_recovered_for_the_noise(tmp_path: Path) -> None:
    found = activity_map_from_files(saved(spect_dataset(np.full((2, 3, 3), 700)), tmp_path / "s.dcm"), calibration())
    assert found.counts_per_Bq_per_mL is not None
    assert found.activity_Bq_per_mL * found.counts_per_Bq_per_mL == pytest.approx(700, rel=1e-6)


@settings(max_examples=15, deadline=None)
@given(
    activity_MBq=st.floats(0.5, 5000),
    factor=st.floats(1, 100),
    slice_mm=st.sampled_from([-4.8, 2.0, 9.6]),
    view_s=st.integers(5, 60),
)
def test_the_activity_put_into_an_image_comes_out_whatever_voxel_time_and_factor(
    activity_MBq: float, factor: float, slice_mm: float, view_s: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    decay = math.log(2) / (HALF_LIFE_H * 3600) * 60 * view_s
    total = activity_MBq * factor * 60 * view_s * (1 - math.exp(-decay)) / decay
    counts = np.zeros((3, 4, 4))
    scale = 60000 / total
    counts[1, 1, 2] = 60000
    dataset = spect_dataset(counts, slice_spacing_mm=slice_mm, view_ms=view_s * 1000)
    dataset.RescaleSlope, dataset.RescaleIntercept = f"{1 / scale:.10g}", "0"
    path = saved(dataset, tmp_path_factory.mktemp("s") / "s.dcm")
    found = activity_map_from_files(path, calibration(factor_cps_per_MBq=factor))
    recovered = float(found.activity_Bq_per_mL.sum(dtype=np.float64)) * found.grid.voxel_volume_mL / 1e6
    assert recovered == pytest.approx(activity_MBq, rel=1e-5)


def test_counts_without_calibration_are_refused(tmp_path: Path) -> None:
    path = saved(spect_dataset(np.ones((2, 3, 3))), tmp_path / "s.dcm")
    with pytest.raises(InputError, match="no activity without a calibration"):
        activity_map_from_files(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"camera": "CAM2"}, "comes from station CAM1, calibration 'CAL1' is for 'CAM2'"),
        ({"nuclide": "I-131"}, "is of Lu-177, calibration 'CAL1' is for I-131"),
        ({"valid_from": date(2026, 3, 2)}, "holds from 2026-03-02"),
    ],
)
def test_a_calibration_that_does_not_hold_is_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = saved(spect_dataset(np.ones((2, 3, 3))), tmp_path / "s.dcm")
    with pytest.raises(InputError, match=message):
        activity_map_from_files(path, calibration(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"factor_cps_per_MBq": 0.0},
        {"factor_cps_per_MBq": math.nan},
        {"relative_sd_fraction": 5.0},
        {"relative_sd_fraction": -0.1},
        {"acquisition_duration_s": 0.0},
    ],
)
def test_a_calibration_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="CAL1"):
        calibration(**changes)


def test_an_image_that_is_decay_corrected_is_not_corrected_again(tmp_path: Path) -> None:
    dataset = spect_dataset(np.full((2, 3, 3), 1000))
    dataset.CorrectedImage = ["UNIF", "DECY"]
    found = activity_map_from_files(saved(dataset, tmp_path / "s.dcm"), calibration())
    assert found.activity_Bq_per_mL == pytest.approx(1000 / 1200 / 20 / 0.110592 * 1e6, rel=1e-6)
    assert found.stored_over_scan_time == 1.0


def mapping(unit: str, slope: float) -> Dataset:
    item = Dataset()
    item.MeasurementUnitsCodeSequence = [code("UCUM", unit, unit)]
    item.RealWorldValueSlope, item.RealWorldValueIntercept = slope, 0.0
    item.add_new(0x00409216, "US", 0)
    item.add_new(0x00409211, "US", 2000)
    return item


def test_a_mapping_in_the_file_is_honoured_and_needs_no_calibration(tmp_path: Path) -> None:
    """STIR issue 1123: a mapping that is ignored leaves an image scaled to 65535."""
    dataset = spect_dataset(np.full((2, 3, 3), 1000))
    dataset.RealWorldValueMappingSequence = [mapping("{counts}", 1.0), mapping("kBq/ml", 0.25)]
    dataset.CorrectedImage = ["DECY"]
    found = activity_map_from_files(saved(dataset, tmp_path / "s.dcm"), calibration(camera="another"))
    assert found.activity_Bq_per_mL == pytest.approx(250_000.0)
    assert found.calibration_relative_sd is None
    assert "calibration" not in found.trace.inputs


def test_pixels_beyond_the_range_of_their_mapping_are_refused(tmp_path: Path) -> None:
    dataset = spect_dataset(np.full((2, 3, 3), 2001))
    dataset.RealWorldValueMappingSequence = [mapping("Bq/ml", 0.25)]
    with pytest.raises(InputError, match="holds for 0 to 2000 only"):
        activity_map_from_files(saved(dataset, tmp_path / "s.dcm"))


def test_units_that_are_no_activity_are_refused(tmp_path: Path) -> None:
    dataset = spect_dataset(np.ones((2, 3, 3)))
    dataset.Units = "PROPCNTS"
    with pytest.raises(UnitError, match="PROPCNTS"):
        activity_map_from_files(saved(dataset, tmp_path / "s.dcm"), calibration())


def test_a_scan_without_time_or_zone_is_refused(tmp_path: Path) -> None:
    dataset = spect_dataset(np.ones((2, 3, 3)))
    del dataset.TimezoneOffsetFromUTC
    path = saved(dataset, tmp_path / "s.dcm")
    with pytest.raises(InputError, match="time zone"):
        activity_map_from_files(path, calibration())
    assert activity_map_from_files(path, calibration(), UTC).acquired_at.tzinfo is UTC
    dataset.AcquisitionTime = ""
    with pytest.raises(InputError, match="absent or invalid"):
        activity_map_from_files(saved(dataset, path), calibration(), UTC)


def test_a_measuring_time_that_contradicts_itself_is_asked_for(shared: Path) -> None:
    """The Jaszczak's header gives its number of slices (45) as number of views; 45 x 2.8125 degrees is no circle."""
    path = shared / "data/nm_gammacamera_qc_mediso/Jaszack.dcm"
    held = calibration(camera="DHV", nuclide="Tc-99m", valid_from=date(2014, 1, 1))
    with pytest.raises(InputError, match=r"45 views of 2\.8125 degrees do not make an arc of 360"):
        activity_map_from_files(path, held, UTC)
    with_time = calibration(
        camera="DHV", nuclide="Tc-99m", valid_from=date(2014, 1, 1), acquisition_duration_s=64 * 45.0
    )
    assert activity_map_from_files(path, with_time, UTC).activity_Bq_per_mL.max() > 0


@pytest.mark.parametrize(("step", "arc"), [(6.0, 360.0), (3.0, 180.0), (3.0, 360.0), (None, None)])
def test_measuring_time_counts_the_views_of_one_head(step: float | None, arc: float | None, tmp_path: Path) -> None:
    dataset = spect_dataset(np.ones((2, 3, 3)))
    rotation = dataset.RotationInformationSequence[0]
    rotation.AngularStep, rotation.ScanArc = step, arc
    frames = nm_frames(saved(dataset, tmp_path / "s.dcm"))
    assert acquisition_duration_s(frames.header, "s.dcm") == pytest.approx(1200.0)


def test_two_images_at_one_door_are_refused(tmp_path: Path) -> None:
    for name in ("a.dcm", "b.dcm"):
        saved(spect_dataset(np.ones((2, 3, 3))), tmp_path / name)
    with pytest.raises(InputError, match="more than one image"):
        activity_map_from_files(tmp_path, calibration())


def test_a_folder_without_an_image_of_activity_is_refused(shared: Path) -> None:
    with pytest.raises(InputError, match="no image of activity, only CT"):
        activity_map_from_files(shared / "data/seg_rwvm_sr_dcmqi/ct-3slice")


@pytest.mark.parametrize(("scan", "stored_GBq"), [("SCAN_001", 1.351), ("SCAN_002", 0.996)])
def test_the_real_177Lu_pair_holds_the_activity_measured_independently(
    scan: str, stored_GBq: float, shared: Path
) -> None:
    """In-field activity as stored, before undoing the ADMIN correction, measured with another program."""
    found = activity_map_from_files(shared / "data/lu177_spect_two_timepoints" / scan / "image", timezone=UTC)
    in_field_GBq = float(found.activity_Bq_per_mL.sum(dtype=np.float64)) * found.grid.voxel_volume_mL / 1e9
    assert in_field_GBq * found.stored_over_scan_time == pytest.approx(stored_GBq, abs=0.0006)
    assert found.stored_decay_correction == "ADMIN"
    hours = {"SCAN_001": 3.7411, "SCAN_002": 27.7253}[scan]  # published with the data set
    assert found.stored_over_scan_time == pytest.approx(2 ** (hours / HALF_LIFE_H), rel=3e-4)
