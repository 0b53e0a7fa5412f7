"""Anterior and posterior pairs: which is which, mirrored, complete."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from made_dicom import code, nm_dataset, saved

from theratrial.errors import InputError
from theratrial.imaging.planar import planar_pair, view_counts

ANTERIOR = code("SCT", "399321004", "Anterior projection")
POSTERIOR = code("SCT", "399001007", "Posterior projection")
WINDOWS = ((187.2, 228.8), (166.4, 187.2))


def body(liver_column: int, shape: tuple[int, int] = (20, 12)) -> np.ndarray:
    """A body with its head (a bright pixel) in row 1 and its liver in the given column."""
    image = np.full(shape, 5)
    image[1, shape[1] // 2] = 40
    image[8, liver_column] = 100
    return image


def whole_body(detectors: list[dict[str, Any]], *, posterior_first: bool = False, names: str = "") -> pydicom.Dataset:
    """As cameras store it: liver at the left of the anterior image (patient's right) and the right of the posterior."""
    front, back = body(2), body(12 - 1 - 2)
    pair = [back, front] if posterior_first else [front, back]
    frames = np.stack([pair[0], pair[1], pair[0] // 5, pair[1] // 5])
    vectors = {"EnergyWindowVector": [1, 1, 2, 2], "DetectorVector": [1, 2, 1, 2]}
    dataset = nm_dataset(frames, "WHOLE BODY", vectors, detectors=detectors, windows=WINDOWS)
    dataset.ActualFrameDuration = 600_000
    if names:
        dataset.ImageID = names
    return dataset


def one_view(image: np.ndarray, name: str, **stated: Any) -> pydicom.Dataset:
    dataset = nm_dataset(
        image[None], "STATIC", {"EnergyWindowVector": [1], "DetectorVector": [1]}, detectors=[stated] if stated else []
    )
    dataset.ImageID = name
    return dataset


def test_a_view_code_decides_and_confirms(tmp_path: Path) -> None:
    detectors = [{"ViewCodeSequence": [ANTERIOR]}, {"ViewCodeSequence": [POSTERIOR]}]
    pair = planar_pair(saved(whole_body(detectors), tmp_path / "wb.dcm"))
    assert pair.view_confirmed
    assert "399321004" in pair.view_rule
    assert pair.duration_s == 600.0
    assert pair.nuclide == "Lu-177"
    assert pair.acquired_at is not None
    assert pair.acquired_at.isoformat() == "2026-03-01T10:15:00+03:30"
    assert [(w.lower_keV, w.upper_keV) for w in pair.windows] == list(WINDOWS)


def test_the_liver_is_at_the_same_column_in_both_views(tmp_path: Path) -> None:
    detectors = [{"ViewCodeSequence": [ANTERIOR]}, {"ViewCodeSequence": [POSTERIOR]}]
    pair = planar_pair(saved(whole_body(detectors), tmp_path / "wb.dcm"))
    assert pair.posterior is not None
    for view in (pair.anterior, pair.posterior):
        assert view.shape == (2, 20, 12)
        for window in view:
            assert np.unravel_index(np.argmax(window), window.shape) == (8, 2)


def test_detectors_are_told_apart_by_code_and_not_by_their_order(tmp_path: Path) -> None:
    detectors = [{"ViewCodeSequence": [POSTERIOR]}, {"ViewCodeSequence": [ANTERIOR]}]
    straight = planar_pair(saved(whole_body(detectors[::-1]), tmp_path / "a.dcm"))
    swapped = planar_pair(saved(whole_body(detectors, posterior_first=True), tmp_path / "b.dcm"))
    assert swapped.posterior is not None
    assert straight.posterior is not None
    assert np.array_equal(straight.anterior, swapped.anterior)
    assert np.array_equal(straight.posterior, swapped.posterior)


@pytest.mark.parametrize(("front", "back"), [(180.0, 0.0), (180.0, 360.0), (-180.0, 0.0), (175.0, 355.0)])
def test_start_angles_decide_but_do_not_confirm(front: float, back: float, tmp_path: Path) -> None:
    detectors = [{"StartAngle": back}, {"StartAngle": front}]
    pair = planar_pair(saved(whole_body(detectors, posterior_first=True), tmp_path / "wb.dcm"))
    assert not pair.view_confirmed
    assert "start angle" in pair.view_rule
    assert np.argmax(pair.anterior[0][8]) == 2


def test_one_known_view_makes_the_other_its_complement(tmp_path: Path) -> None:
    pair = planar_pair(saved(whole_body([{"ViewCodeSequence": [ANTERIOR]}, {}]), tmp_path / "wb.dcm"))
    assert pair.posterior is not None
    assert "the other of two views" in pair.view_rule
    assert not pair.view_confirmed


def test_two_views_that_nothing_tells_apart_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing says which view"):
        planar_pair(saved(whole_body([{}, {"StartAngle": 90.0}]), tmp_path / "wb.dcm"))


def test_two_anterior_views_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="both are anterior"):
        planar_pair(saved(whole_body([{"StartAngle": 180.0}, {"StartAngle": 181.0}]), tmp_path / "wb.dcm"))


def test_opposing_orientations_decide_the_columns(tmp_path: Path) -> None:
    """A workstation that stored both views mirrored, and says so: the liver still ends at the patient's right."""
    detectors = [
        {"StartAngle": 180.0, "ImageOrientationPatient": [-1, 0, 0, 0, 0, -1]},
        {"StartAngle": 0.0, "ImageOrientationPatient": [1, 0, 0, 0, 0, -1]},
    ]
    dataset = whole_body(detectors)
    frames = np.frombuffer(dataset.PixelData, "<u2").reshape(4, 20, 12)[:, :, ::-1]
    dataset.PixelData = frames.tobytes()
    pair = planar_pair(saved(dataset, tmp_path / "wb.dcm"))
    assert pair.posterior is not None
    assert np.argmax(pair.anterior[0][8]) == np.argmax(pair.posterior[0][8]) == 2


def test_a_view_stored_feet_up_is_turned(tmp_path: Path) -> None:
    detectors = [
        {"StartAngle": 180.0, "ImageOrientationPatient": [1, 0, 0, 0, 0, 1]},
        {"StartAngle": 0.0, "ImageOrientationPatient": [-1, 0, 0, 0, 0, 1]},
    ]
    dataset = whole_body(detectors)
    frames = np.frombuffer(dataset.PixelData, "<u2").reshape(4, 20, 12)[:, ::-1]
    dataset.PixelData = frames.tobytes()
    pair = planar_pair(saved(dataset, tmp_path / "wb.dcm"))
    assert pair.posterior is not None
    for view in (pair.anterior[0], pair.posterior[0]):
        assert np.unravel_index(np.argmax(view), view.shape) == (8, 2)
    assert "head up" in pair.view_rule


def test_a_posterior_mirrored_before_is_doubted_aloud(tmp_path: Path) -> None:
    detectors = [{"ViewCodeSequence": [ANTERIOR]}, {"ViewCodeSequence": [POSTERIOR]}]
    dataset = whole_body(detectors)
    frames = np.frombuffer(dataset.PixelData, "<u2").reshape(4, 20, 12).copy()
    frames[1::2] = frames[1::2, :, ::-1]
    dataset.PixelData = frames.tobytes()
    pair = planar_pair(saved(dataset, tmp_path / "wb.dcm"))
    assert "a person must look" in pair.view_rule
    assert not pair.view_confirmed


@pytest.mark.parametrize(
    "names", [("FACE ANT", "FACE POST"), ("STATIC_ANTERIOR", "STATIC_POSTERIOR"), ("24 h Ant", "24 h post")]
)
def test_two_files_are_paired_by_their_names(names: tuple[str, str], tmp_path: Path) -> None:
    files = [
        saved(one_view(body(9), names[1]), tmp_path / "1.dcm"),
        saved(one_view(body(2), names[0]), tmp_path / "2.dcm"),
    ]
    pair = planar_pair(files)
    assert pair.posterior is not None
    assert np.argmax(pair.anterior[0][8]) == np.argmax(pair.posterior[0][8]) == 2
    assert "name" in pair.view_rule
    assert np.array_equal(planar_pair(tmp_path).anterior, pair.anterior)


@pytest.mark.parametrize("name", ["PLANT POSTURE", "WB POST THERAPY", "24H POST-INJ", "POST 24 H", "post_treatment"])
def test_words_that_only_look_like_a_view_decide_nothing(name: str, tmp_path: Path) -> None:
    pair = planar_pair(saved(one_view(body(2), name), tmp_path / "1.dcm"))
    assert "nothing says which" in pair.view_rule


def test_views_of_two_patients_are_refused(tmp_path: Path) -> None:
    other = one_view(body(9), "POST")
    other.PatientID = "P02"
    files = [saved(one_view(body(2), "ANT"), tmp_path / "1.dcm"), saved(other, tmp_path / "2.dcm")]
    with pytest.raises(InputError, match="PatientID is 'P02'"):
        planar_pair(files)


def test_a_missing_window_of_one_view_is_refused(tmp_path: Path) -> None:
    detectors = [{"ViewCodeSequence": [ANTERIOR]}, {"ViewCodeSequence": [POSTERIOR]}]
    frames = np.stack([body(2), body(9), body(2)])
    dataset = nm_dataset(
        frames,
        "WHOLE BODY",
        {"EnergyWindowVector": [1, 1, 2], "DetectorVector": [1, 2, 1]},
        detectors=detectors,
        windows=WINDOWS,
    )
    with pytest.raises(InputError, match="frames"):
        planar_pair(saved(dataset, tmp_path / "wb.dcm"))


def test_a_posterior_view_alone_is_refused(shared: Path) -> None:
    with pytest.raises(InputError, match="posterior view only"):
        planar_pair(shared / "data/nm_gammacamera_qc_mediso/FourBar.dcm")


def test_a_tomogram_is_refused(shared: Path) -> None:
    with pytest.raises(InputError, match="RECON TOMO"):
        planar_pair(shared / "data/nm_gammacamera_qc_mediso/Jaszack.dcm")


def test_counts_of_every_view_and_window_are_told(tmp_path: Path) -> None:
    detectors = [{"ViewCodeSequence": [ANTERIOR]}, {"ViewCodeSequence": [POSTERIOR]}]
    pair = planar_pair(saved(whole_body(detectors), tmp_path / "wb.dcm"))
    expected = body(2).sum(), (body(2) // 5).sum()
    found = {(c.view, c.window.lower_keV): c.counts for c in view_counts(pair)}
    assert found == {
        ("anterior", 187.2): expected[0],
        ("anterior", 166.4): expected[1],
        ("posterior", 187.2): expected[0],
        ("posterior", 166.4): expected[1],
    }


def test_the_siemens_pair_is_told_apart_by_its_angles_alone(shared: Path) -> None:
    """ViewCodeSequence empty, both views with one orientation. The heart's notch in the left lung, at the image's
    right, shows frame 1 to be the anterior view; the kidneys show frame 2 to be the posterior one."""
    path = shared / "data/nm_planar_antpost_siemens/poumonsReins_scrubbed.dcm"
    stored = pydicom.dcmread(path)
    frames = stored.pixel_array
    pair = planar_pair(path)
    assert pair.posterior is not None
    assert np.array_equal(pair.anterior[0], frames[0])
    assert np.array_equal(pair.posterior[0], frames[1][:, ::-1])
    assert not pair.view_confirmed
    assert "start angle 180" in pair.view_rule
    assert "start angle 360" in pair.view_rule
    assert pair.nuclide == "Tc-99m"
    assert sum(c.counts for c in view_counts(pair)) == int(stored.CountsAccumulated) == 1596488


def test_the_bone_scan_with_one_view_is_given_unconfirmed(shared: Path) -> None:
    pair = planar_pair(shared / "data/nm_wholebody_wg04_nm1/JPEG-LL.dcm")
    assert pair.posterior is None
    assert pair.anterior.shape == (1, 1024, 256)
    assert not pair.view_confirmed
    assert pair.acquired_at is not None
    assert pair.acquired_at.isoformat() == "1997-08-06T12:29:31-04:00"
    assert [c.view for c in view_counts(pair)] == ["anterior"]
