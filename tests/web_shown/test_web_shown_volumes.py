"""What the browser is sent of a volume: geometry and values against SimpleITK and dcm2niix, which we did not write."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from web_shown_cohort import Participant

from theratrial.errors import InputError
from theratrial.imaging.regions import regions_from_file
from theratrial.imaging.series import series_from_files
from theratrial.imaging.values import Grid
from theratrial.web.studies.shown import (
    Image,
    bounded,
    mip_shown,
    regions_shown,
    stored_image,
    suv_image,
    volume_manifest,
    volume_shown,
)
from theratrial.web.studies.shown.mip import projections
from theratrial.web.studies.shown.nifti_bytes import nifti_bytes


def _read(content: bytes, folder: Path) -> sitk.Image:
    path = folder / "shown.nii.gz"
    path.write_bytes(content)
    return sitk.ReadImage(str(path))


def _turned() -> Grid:
    """A grid that is oblique about two axes, so that no sign can be wrong by luck."""
    a, b = 0.4, -0.25
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return Grid((4, 5, 6), (3.0, 2.5, 2.0), (-10.0, 20.0, -300.0), about_x @ about_z)


@pytest.mark.parametrize("coded", ["sform", "qform"])
@pytest.mark.parametrize("flipped", [False, True], ids=["right-handed", "left-handed"])
def test_every_voxel_lies_where_simpleitk_reads_it_to_be(tmp_path: Path, coded: str, flipped: bool) -> None:
    grid = _turned()
    if flipped:
        grid = Grid(grid.shape, grid.spacing_mm, grid.origin_mm, grid.direction * np.array([1, 1, -1]))
    values = np.arange(120, dtype=np.float32).reshape(grid.shape)
    plain = bytearray(gzip.decompress(nifti_bytes(grid, values)))
    plain[254 if coded == "qform" else 252] = 0
    image = _read(gzip.compress(bytes(plain)), tmp_path)
    assert np.array_equal(sitk.GetArrayFromImage(image), values)
    for index in ((0, 0, 0), (3, 1, 2), (2, 4, 5)):
        z, y, x = index
        ours = grid.patient_mm(np.array(index, dtype=float))
        assert image.TransformIndexToPhysicalPoint((x, y, z)) == pytest.approx(tuple(ours), abs=1e-3)


@pytest.mark.parametrize("modality", ["pet", "ct"])
def test_dcm2niix_puts_the_same_values_at_the_same_places(
    tmp_path: Path, participant: Participant, modality: str
) -> None:
    series = getattr(participant, modality)
    image = stored_image(series.files)
    ours = _read(volume_shown(image).content, tmp_path)
    (tmp_path / "in").mkdir()
    for number, path in enumerate(series.files):
        (tmp_path / "in" / f"{number}.dcm").write_bytes(Path(path).read_bytes())
    program = Path(sys.executable).parent / "dcm2niix"
    subprocess.run([program, "-b", "n", "-z", "y", "-f", "theirs", "-o", tmp_path, tmp_path / "in"], check=True)
    theirs = sitk.ReadImage(str(tmp_path / "theirs.nii.gz"))
    stored = sitk.GetArrayFromImage(theirs)
    rng = np.random.default_rng(1)
    assert theirs.GetSize() == ours.GetSize()
    for x, y, z in rng.integers(0, theirs.GetSize(), size=(300, 3)).tolist():
        place = theirs.TransformIndexToPhysicalPoint((x, y, z))
        i, j, k = ours.TransformPhysicalPointToIndex(place)
        centre = ours.TransformIndexToPhysicalPoint((i, j, k))
        assert centre == pytest.approx(place, abs=1e-3)
        assert ours.GetPixel(i, j, k) == pytest.approx(float(stored[z, y, x]), rel=1e-6)


def test_a_ct_of_whole_hu_is_sent_in_two_bytes_and_a_pet_in_four(participant: Participant) -> None:
    def kind(content: bytes) -> int:
        return int.from_bytes(gzip.decompress(content)[70:72], "little")

    ct, pet = stored_image(participant.ct.files), suv_image(participant.pet.files)
    assert (kind(volume_shown(ct).content), kind(volume_shown(pet).content)) == (4, 16)
    halved = Image(ct.grid, ct.values + np.float32(0.5), "HU", "CT", "", None)
    assert kind(volume_shown(halved).content) == 16


def test_nothing_of_the_patient_is_in_the_bytes(participant: Participant) -> None:
    plain = gzip.decompress(volume_shown(suv_image(participant.pet.files)).content)
    assert b"P01" not in plain[:352]


def test_a_large_ct_is_averaged_says_so_and_stays_in_place() -> None:
    grid = Grid((6, 64, 64), (5.0, 1.0, 1.0), (-31.5, -31.5, 0.0))
    x = np.broadcast_to(np.arange(64, dtype=np.float32), grid.shape)
    image = Image(grid, np.ascontiguousarray(x), "HU", "CT", "", None)
    small = bounded(image, most_voxels=6 * 32 * 32)
    assert small.grid.shape == (6, 32, 32)
    assert not small.exact
    assert "2" in small.notes[-1]
    # A ramp in x: the mean of a block is the ramp at the block's centre.
    places = small.grid.patient_mm(np.array([[0, 3, 5], [2, 31, 31]], dtype=float))
    assert places[:, 0] + 31.5 == pytest.approx([small.values[0, 3, 5], small.values[2, 31, 31]])
    assert bounded(image) is image


def test_projections_from_front_and_side_are_the_maxima_along_the_axes() -> None:
    rng = np.random.default_rng(2)
    grid = Grid((9, 12, 12), (4.0, 3.0, 3.0), (-16.5, -16.5, 0.0))
    values = rng.random(grid.shape).astype(np.float32) + 0.01
    views, width_mm = projections(grid, values, views=4)
    assert width_mm == 3.0
    margin = (views.shape[2] - 12) // 2
    inside = slice(margin, margin + 12)
    # Head up: row 0 is the last slice. From the front the columns run from the patient's right.
    assert np.array_equal(views[0][::-1, inside], values.max(axis=1))
    assert np.array_equal(views[2][::-1, inside], values.max(axis=2))


def test_every_projection_keeps_the_hottest_voxel(participant: Participant) -> None:
    image = suv_image(participant.pet.files)
    views, _ = projections(image.grid, image.values)
    assert np.all(views.max(axis=(1, 2)) == image.values.max())
    shown = mip_shown(image)
    stored = np.frombuffer(shown.content, "<u2")
    assert stored.max() * shown.header["scale"] == pytest.approx(float(image.values.max()), rel=1e-4)


def test_projections_of_slices_that_are_not_transverse_are_refused() -> None:
    direction = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])
    grid = Grid((9, 4, 5), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), direction)
    with pytest.raises(InputError, match="not transverse"):
        projections(grid, np.zeros(grid.shape, dtype=np.float32))


def test_a_single_slice_is_not_projected() -> None:
    grid = Grid((1, 4, 5), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    with pytest.raises(InputError, match="at least 8"):
        projections(grid, np.zeros(grid.shape, dtype=np.float32))


def test_region_labels_lie_where_the_regions_are(tmp_path: Path, participant: Participant) -> None:
    image = suv_image(participant.pet.files)
    shown = regions_shown(participant.regions.files, image.grid, patient_id="P01")
    labels = sitk.GetArrayFromImage(_read(shown.content, tmp_path))
    drawn = {r.name: r for r in regions_from_file(Path(participant.regions.files[0]), image.grid)}
    assert {one["name"] for one in shown.header["labels"]} == set(drawn)
    liver = next(one for one in shown.header["labels"] if one["name"] == "liver")
    # The simulated liver is at the patient's right (x < 0) and its label's centre of mass is its own.
    index = np.argwhere(labels == liver["label"]).mean(axis=0)
    assert liver["centre_mm_lps"][0] < -20
    assert image.grid.patient_mm(index) == pytest.approx(np.array(liver["centre_mm_lps"]), abs=6.0)
    volume_mL = int((labels == liver["label"]).sum()) * image.grid.voxel_volume_mL
    assert volume_mL == pytest.approx(drawn["liver"].stated_volume_mL, rel=0.15)


def test_regions_of_another_patient_or_image_are_not_laid_over(participant: Participant) -> None:
    image = suv_image(participant.pet.files)
    with pytest.raises(InputError, match="P02"):
        regions_shown(participant.regions.files, image.grid, patient_id="P02")
    elsewhere = Grid(image.grid.shape, image.grid.spacing_mm, image.grid.origin_mm, image.grid.direction, "1.2.3")
    with pytest.raises(InputError, match="frame of reference"):
        regions_shown(participant.regions.files, elsewhere)


def test_a_pet_looked_at_as_stored_names_its_own_unit_and_not_suv(shared: Path) -> None:
    files = list((shared / "data/pet_single_siemens_mct").glob("*.dcm"))
    image = stored_image(files)
    assert image.unit == "Bq/mL as stored"
    assert volume_shown(image).header["unit"] == "Bq/mL as stored"


@pytest.mark.walk
def test_the_values_sent_of_a_real_spect_are_those_of_the_imaging_room(tmp_path: Path, shared: Path) -> None:
    folder = shared / "data/lu177_spect_two_timepoints/SCAN_001"
    files = [p for p in folder.rglob("*") if p.is_file() and _is_pt(p)]
    image = stored_image(files)
    read = sitk.GetArrayFromImage(_read(volume_shown(image).content, tmp_path))
    series = series_from_files(files, hashed=False)
    slices: dict[float, Any] = {}
    for path in files:  # GDCM reads and rescales each slice for itself
        one = sitk.ReadImage(str(path), sitk.sitkFloat64)
        slices[round(one.GetOrigin()[2], 2)] = sitk.GetArrayFromImage(one)[0]
    assert series.grid.shape == read.shape
    assert np.stack([slices[z] for z in sorted(slices)]) == pytest.approx(read, rel=1e-5)


def _is_pt(path: Path) -> bool:
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return False
    return bool(reader.GetMetaData("0008|0060").strip() == "PT")


def test_the_manifest_holds_only_what_there_is() -> None:
    assert volume_manifest(emission=({"unit": "SUVbw"}, "/pet")) == {"emission": {"unit": "SUVbw", "url": "/pet"}}
