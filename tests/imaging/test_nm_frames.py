"""NM frames through their vectors; real files of three cameras and made ones with known content."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from made_dicom import code, nm_dataset, saved, spect_dataset

from theratrial.errors import InputError
from theratrial.imaging.nm import acquisition_start, nm_frames, radionuclide, stacked_volume

WINDOWS = ((187.2, 228.8), (166.4, 187.2))


def four_frames(order: list[int]) -> pydicom.Dataset:
    """Two windows x two detectors; every pixel of a frame is 10 x window + detector; stored in the given order."""
    pairs = [(w, d) for w in (1, 2) for d in (1, 2)]
    chosen = [pairs[i] for i in order]
    frames = np.stack([np.full((6, 5), 10 * w + d) for w, d in chosen])
    vectors = {"EnergyWindowVector": [w for w, _ in chosen], "DetectorVector": [d for _, d in chosen]}
    return nm_dataset(frames, "WHOLE BODY", vectors, detectors=[{}, {}], windows=WINDOWS)


@settings(max_examples=12, deadline=None)
@given(order=st.permutations([0, 1, 2, 3]))
def test_frames_are_found_by_their_vectors_in_whatever_order_they_are_stored(
    order: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = saved(four_frames(order), tmp_path_factory.mktemp("nm") / "wb.dcm")
    frames = nm_frames(path)
    for window in (1, 2):
        for detector in (1, 2):
            found = frames.frame(energy_window=window, detector=detector)
            assert found.shape == (6, 5)
            assert np.all(found == 10 * window + detector)


def test_a_frame_that_is_not_told_from_another_is_refused(tmp_path: Path) -> None:
    frames = nm_frames(saved(four_frames([0, 1, 2, 3]), tmp_path / "wb.dcm"))
    with pytest.raises(InputError, match="2 frames are energy_window 1; exactly one"):
        frames.frame(energy_window=1)
    with pytest.raises(InputError, match="0 frames"):
        frames.frame(energy_window=3, detector=1)


def test_a_vector_of_the_wrong_length_is_refused(tmp_path: Path) -> None:
    dataset = four_frames([0, 1, 2, 3])
    dataset.DetectorVector = [1, 2, 1]
    with pytest.raises(InputError, match="DetectorVector has 3 entries for 4 frames"):
        nm_frames(saved(dataset, tmp_path / "wb.dcm"))


def test_two_frames_with_the_same_numbers_are_refused(tmp_path: Path) -> None:
    dataset = four_frames([0, 1, 2, 3])
    dataset.DetectorVector = [1, 1, 1, 2]
    with pytest.raises(InputError, match="two frames carry the same energy_window, detector"):
        nm_frames(saved(dataset, tmp_path / "wb.dcm"))


def test_without_pointer_the_vectors_that_the_standard_asks_of_the_kind_are_used(tmp_path: Path) -> None:
    dataset = four_frames([3, 2, 1, 0])
    del dataset.FrameIncrementPointer
    assert np.all(nm_frames(saved(dataset, tmp_path / "a.dcm")).frame(energy_window=2, detector=1) == 21)
    del dataset.EnergyWindowVector, dataset.DetectorVector
    with pytest.raises(InputError, match="FrameIncrementPointer is missing"):
        nm_frames(saved(dataset, tmp_path / "b.dcm"))


def test_a_pointer_to_something_that_is_no_vector_is_refused(tmp_path: Path) -> None:
    dataset = four_frames([0, 1, 2, 3])
    dataset.FrameIncrementPointer = 0x00181063
    with pytest.raises(InputError, match="00181063, which is no vector"):
        nm_frames(saved(dataset, tmp_path / "wb.dcm"))


@pytest.mark.parametrize("cut_bytes", [2, 60, 200])
def test_a_truncated_file_is_refused(cut_bytes: int, tmp_path: Path) -> None:
    path = saved(four_frames([0, 1, 2, 3]), tmp_path / "wb.dcm")
    path.write_bytes(path.read_bytes()[:-cut_bytes])
    with pytest.raises(InputError, match=r"wb\.dcm.*(decoded|pixel)"):
        nm_frames(path)


def test_fewer_frames_than_stated_are_refused(tmp_path: Path) -> None:
    dataset = four_frames([0, 1, 2, 3])
    dataset.PixelData = dataset.PixelData[: 3 * 6 * 5 * 2]
    with pytest.raises(InputError, match="cannot be decoded"):
        nm_frames(saved(dataset, tmp_path / "wb.dcm"))


def test_a_missing_slice_of_a_reconstruction_is_refused(tmp_path: Path) -> None:
    dataset = spect_dataset(np.ones((4, 3, 3)))
    dataset.SliceVector = [1, 2, 3, 5]
    with pytest.raises(InputError, match="slice numbers are not 1 to 4"):
        stacked_volume(nm_frames(saved(dataset, tmp_path / "s.dcm")))


def test_slices_stored_backwards_are_stacked_by_their_number(tmp_path: Path) -> None:
    counts = np.arange(4)[:, None, None] * np.ones((4, 3, 3))
    dataset = spect_dataset(counts[::-1])
    dataset.SliceVector = [4, 3, 2, 1]
    _, values = stacked_volume(nm_frames(saved(dataset, tmp_path / "s.dcm")))
    assert np.array_equal(values, counts)


def test_rescaled_counts_are_used(tmp_path: Path) -> None:
    """PyTomography issue 232: projections whose rescale slope is ignored are wrong by that factor."""
    dataset = four_frames([0, 1, 2, 3])
    dataset.RescaleSlope, dataset.RescaleIntercept = "0.5", "1"
    assert np.all(nm_frames(saved(dataset, tmp_path / "wb.dcm")).frame(energy_window=2, detector=2) == 12.0)


@pytest.mark.parametrize("spacing_mm", [4.8, -4.8])
def test_the_sign_of_the_slice_spacing_says_where_each_slice_lies(spacing_mm: float, tmp_path: Path) -> None:
    """Compared with SimpleITK, which reads the sign too (dcm2niix issue 885 is what happens otherwise)."""
    rng = np.random.default_rng(3)
    counts = rng.integers(0, 1000, (7, 5, 6))
    turned = (0.0, 0.6, 0.8, 1.0, 0.0, 0.0)
    path = saved(
        spect_dataset(counts, slice_spacing_mm=spacing_mm, orientation=turned, position_mm=(-3, 20, 50)),
        tmp_path / "s.dcm",
    )
    grid, values = stacked_volume(nm_frames(path))
    assert np.linalg.det(grid.direction) == pytest.approx(1)
    image = sitk.ReadImage(str(path))
    for index in rng.integers(0, [7, 5, 6], (40, 3)):
        place = grid.patient_mm(index.astype(float))
        assert values[tuple(index)] == image.GetPixel(image.TransformPhysicalPointToIndex(place.tolist()))


def test_the_jaszczak_with_negative_spacing_lies_where_simpleitk_puts_it(shared: Path) -> None:
    path = shared / "data/nm_gammacamera_qc_mediso/Jaszack.dcm"
    grid, values = stacked_volume(nm_frames(path))
    image = sitk.ReadImage(str(path))
    assert image.GetDirection()[8] == -1.0
    assert float(values.sum(dtype=np.float64)) == sitk.GetArrayViewFromImage(image).sum(dtype=np.int64)
    rng = np.random.default_rng(1)
    for index in rng.integers(0, grid.shape, (200, 3)):
        place = grid.patient_mm(index.astype(float))
        assert values[tuple(index)] == image.GetPixel(image.TransformPhysicalPointToIndex(place.tolist()))


def test_a_reconstruction_without_geometry_still_has_its_frames_but_no_place(shared: Path) -> None:
    """Old cardiac SPECT: dates of the retired spelling, no detector information, no patient identifier."""
    path = shared / "data/nm_spect_recon/NM-MONO2-16-13x-heart"
    frames = nm_frames(path)
    content = path.read_bytes()
    start = content.index(b"\xe0\x7f\x10\x00OW\0\0") + 12
    pixels = np.frombuffer(content, "<u2", 13 * 64 * 64, start).reshape(13, 64, 64)
    assert pixels.max() == int(frames.header.LargestImagePixelValue) == 141
    assert np.array_equal(frames.stack("slice"), pixels)
    start = acquisition_start(frames.header)
    assert start is not None
    assert start.isoformat() == "1993-11-24T09:53:00"
    with pytest.raises(InputError, match="no position or orientation"):
        stacked_volume(frames)


@pytest.mark.parametrize(
    ("date", "time"), [("", ""), ("20261345", "101500"), ("20260301", "9999"), ("yesterday", "noon")]
)
def test_impossible_dates_do_not_hinder_the_reading_of_counts(date: str, time: str, tmp_path: Path) -> None:
    dataset = four_frames([0, 1, 2, 3])
    dataset.add_new(0x00080022, "LO", date)
    dataset.add_new(0x00080032, "LO", time)
    frames = nm_frames(saved(dataset, tmp_path / "wb.dcm"))
    assert acquisition_start(frames.header) is None
    assert np.all(frames.frame(energy_window=1, detector=1) == 11)


LOSSLESS = ("J2KR/NM1_J2KR", "JLSL/NM1_JLSL", "JPLL/NM1_JPLL", "RLE/NM1_RLE", "JPEG-LL.dcm")
LOSSY = ("J2KI/NM1_J2KI", "JLSN/NM1_JLSN", "JPLY/NM1_JPLY")


def test_every_lossless_transfer_syntax_gives_the_counts_the_camera_counted(shared: Path) -> None:
    """CountsAccumulated (0018,0070) was written by the camera before anybody compressed the image."""
    folder = shared / "data/nm_wholebody_wg04_nm1"
    images = [nm_frames(folder / name) for name in LOSSLESS]
    assert len({i.header.file_meta.TransferSyntaxUID for i in images}) == 4
    for image in images:
        assert np.array_equal(image.counts, images[0].counts)
        assert float(image.counts.sum(dtype=np.float64)) == int(image.header.CountsAccumulated) == 3596452


@pytest.mark.parametrize("name", LOSSY)
def test_counts_compressed_with_loss_are_refused(name: str, shared: Path) -> None:
    with pytest.raises(InputError, match="compressed with loss"):
        nm_frames(shared / "data/nm_wholebody_wg04_nm1" / name)


def test_another_modality_is_refused_by_name(shared: Path) -> None:
    with pytest.raises(InputError, match="modality 'SEG'"):
        nm_frames(shared / "data/seg_rwvm_sr_dcmqi/liver.dcm")


def test_a_code_and_a_meaning_that_differ_are_refused_unless_the_half_life_decides() -> None:
    dataset = four_frames([0, 1, 2, 3])
    item = dataset.RadiopharmaceuticalInformationSequence[0]
    assert radionuclide(dataset, "x") == "Lu-177"
    item.RadionuclideCodeSequence = [code("SRT", "C-163A8", "^177^Lutetium")]  # the code of 99mTc
    with pytest.raises(InputError, match="more than one nuclide"):
        radionuclide(dataset, "x")
    item.RadionuclideHalfLife = "574300"
    assert radionuclide(dataset, "x") == "Lu-177"


def test_a_nuclide_that_is_not_stated_is_none() -> None:
    assert radionuclide(nm_dataset(np.ones((1, 2, 2)), "STATIC", {}, nuclide=None), "x") is None
