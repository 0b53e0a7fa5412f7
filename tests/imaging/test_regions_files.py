"""Regions of RTSTRUCT and SEG files on grids: volume, place, holes, refusals, speed."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from made_dicom import FRAME_UID, circle, rotation, rtstruct_dataset, saved, seg_dataset, sphere_contours, square
from matplotlib.path import Path as Outline

from theratrial.errors import InputError, Problems
from theratrial.imaging.regions import region_names, regions_from_file
from theratrial.imaging.series import series_from_folder
from theratrial.imaging.values import Grid, Region

GRID = Grid((24, 40, 40), (4.8, 4.8, 4.8), (-96.0, -90.0, -60.0), np.eye(3), FRAME_UID)


def centre_mm(region: Region) -> np.ndarray:
    index = np.argwhere(region.weights > 0)
    weights = region.weights[tuple(index.T)]
    return np.average(region.grid.patient_mm((index + region.corner).astype(float)), axis=0, weights=weights)


@settings(max_examples=12, deadline=None)
@given(
    radius_mm=st.floats(8, 30),
    step_mm=st.floats(1.5, 3),
    spacing=st.tuples(st.floats(1.5, 7), st.floats(1.5, 7), st.floats(1.5, 7)),
    shift=st.tuples(st.floats(-3, 3), st.floats(-3, 3), st.floats(-3, 3)),
)
def test_a_sphere_drawn_in_slices_keeps_its_volume_on_any_axial_grid(
    radius_mm: float,
    step_mm: float,
    spacing: tuple[float, float, float],
    shift: tuple[float, float, float],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = saved(
        rtstruct_dataset({"ball": sphere_contours(radius_mm, shift, step_mm)}),
        tmp_path_factory.mktemp("rs") / "rs.dcm",
    )
    shape = tuple(int(90 / s) for s in spacing)
    origin = tuple(-s * (n - 1) / 2 for s, n in zip(spacing[::-1], shape[::-1], strict=True))
    grid = Grid((shape[0], shape[1], shape[2]), spacing, origin, np.eye(3), FRAME_UID)
    (ball,) = regions_from_file(path, grid)
    assert ball.volume_mL == pytest.approx(ball.stated_volume_mL, rel=0.005)
    assert ball.inside_fraction == 1.0
    assert centre_mm(ball) == pytest.approx(shift, abs=0.35)
    # the slices themselves miss the sphere's volume by about (step / radius)^2 / 8
    exact_mL = 4 / 3 * np.pi * radius_mm**3 / 1000
    assert ball.stated_volume_mL == pytest.approx(exact_mL, rel=0.004 + 0.5 * (step_mm / radius_mm) ** 2)


ANGLE = st.floats(-0.6, 0.6)


@settings(max_examples=8, deadline=None)
@given(angles=st.tuples(ANGLE, ANGLE, ANGLE), radius_mm=st.floats(8, 25))
def test_a_sphere_drawn_in_slices_keeps_its_volume_on_an_oblique_grid(
    angles: tuple[float, float, float], radius_mm: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    contours = sphere_contours(radius_mm, (3.0, -2.0, 5.0), 2.5)
    path = saved(rtstruct_dataset({"ball": contours}), tmp_path_factory.mktemp("rs") / "rs.dcm")
    direction = rotation(*angles)
    origin = -direction @ np.array([48.0, 46.0, 45.0])
    grid = Grid((26, 24, 25), (3.6, 4.0, 4.0), (origin[0], origin[1], origin[2]), direction, FRAME_UID)
    (ball,) = regions_from_file(path, grid)
    assert ball.volume_mL == pytest.approx(ball.stated_volume_mL, rel=0.01)
    assert centre_mm(ball) == pytest.approx([3.0, -2.0, 5.0], abs=0.4)


def test_sagittal_contours_lie_where_they_were_drawn(tmp_path: Path) -> None:
    axial = sphere_contours(20, (0, 0, 0), 2.0)
    sagittal = [c[:, [2, 0, 1]] + np.array([10.0, -5.0, 8.0]) for c in axial]
    (ball,) = regions_from_file(saved(rtstruct_dataset({"ball": sagittal}), tmp_path / "rs.dcm"), GRID)
    assert ball.volume_mL == pytest.approx(ball.stated_volume_mL, rel=1e-4)
    assert centre_mm(ball) == pytest.approx([10.0, -5.0, 8.0], abs=0.05)


def test_a_hole_and_an_island_in_it_are_even_and_odd(tmp_path: Path) -> None:
    """Squares of 60, 40 and 20 mm inside each other on one 4.8 mm slab: (3600 - 1600 + 400) x 4.8 mm3."""
    nested = [square(side, (0, 0, 2.4)) for side in (40, 60, 20)]
    (ring,) = regions_from_file(saved(rtstruct_dataset({"ring": nested}), tmp_path / "rs.dcm"), GRID)
    assert ring.stated_volume_mL == pytest.approx(2400 * 4.8 / 1000, rel=1e-6)
    assert ring.volume_mL == pytest.approx(ring.stated_volume_mL, rel=1e-5)


def test_two_lesions_in_one_region_leave_the_gap_between_them_empty(tmp_path: Path) -> None:
    contours = [square(20, (0, 0, z)) for z in (-30, -27, -24, 21, 24, 27)]
    (both,) = regions_from_file(saved(rtstruct_dataset({"two": contours}), tmp_path / "rs.dcm"), GRID)
    assert both.stated_volume_mL == pytest.approx(6 * 3 * 0.4, rel=1e-6)
    middle = int(GRID.index_zyx(np.array([0.0, 0.0, 0.0]))[0]) - both.corner[0]
    assert not both.weights[middle].any()


def test_a_single_contour_takes_the_plane_spacing_of_the_file(tmp_path: Path) -> None:
    regions = {"thick": [square(20, (0, 0, z)) for z in (0, 3, 6)], "flat": [square(20, (40, 0, 3))]}
    thick, flat = regions_from_file(saved(rtstruct_dataset(regions), tmp_path / "rs.dcm"), GRID)
    assert thick.stated_volume_mL == pytest.approx(3 * 3 * 0.4)
    assert flat.stated_volume_mL == pytest.approx(3 * 0.4)


def test_a_region_that_leaves_the_image_says_how_much_is_inside(tmp_path: Path) -> None:
    edge = GRID.origin_mm[0] - 2.4
    cube = [square(48, (edge, 0, z)) for z in np.arange(-24, 24, 4.8)]
    (half,) = regions_from_file(saved(rtstruct_dataset({"edge": cube}), tmp_path / "rs.dcm"), GRID)
    assert half.inside_fraction == pytest.approx(0.5, abs=1e-4)
    assert half.volume_mL == pytest.approx(half.stated_volume_mL / 2, rel=1e-3)
    assert half.corner[2] == 0


def test_a_region_wholly_outside_is_refused(tmp_path: Path) -> None:
    far = {"far": [square(20, (900, 0, 0))], "near": [square(20, (0, 0, 0))]}
    path = saved(rtstruct_dataset(far), tmp_path / "rs.dcm")
    with pytest.raises(Problems, match=r"'far'.*wholly outside"):
        regions_from_file(path, GRID)
    assert [r.name for r in regions_from_file(path, GRID, ["near"])] == ["near"]


def test_another_frame_of_reference_is_refused_with_both_named(tmp_path: Path) -> None:
    path = saved(rtstruct_dataset({"a": [square(20, (0, 0, 0))]}, frame_uid="1.2.3.4.5"), tmp_path / "rs.dcm")
    with pytest.raises(InputError, match=rf"1\.2\.3\.4\.5, the image in {FRAME_UID}"):
        regions_from_file(path, GRID)


def test_a_region_cannot_be_put_on_an_image_without_frame_of_reference(tmp_path: Path) -> None:
    path = saved(rtstruct_dataset({"a": [square(20, (0, 0, 0))]}), tmp_path / "rs.dcm")
    with pytest.raises(InputError, match="none stated"):
        regions_from_file(path, Grid((4, 4, 4), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0)))


def test_an_unknown_name_lists_the_available(tmp_path: Path) -> None:
    path = saved(rtstruct_dataset({"liver": [square(20, (0, 0, 0))], "kidney": []}), tmp_path / "rs.dcm")
    with pytest.raises(InputError, match="no region 'Leber' -> available are 'liver', 'kidney'"):
        regions_from_file(path, GRID, ["Leber"])


def test_an_empty_region_is_refused_unless_it_is_not_asked_for(tmp_path: Path) -> None:
    path = saved(rtstruct_dataset({"liver": [square(20, (0, 0, 0))], "kidney": []}), tmp_path / "rs.dcm")
    with pytest.raises(Problems, match=r"'kidney'.*empty"):
        regions_from_file(path, GRID)
    assert len(regions_from_file(path, GRID, ["liver"])) == 1


def test_a_contour_that_encloses_nothing_is_empty(tmp_path: Path) -> None:
    line = np.array([[0, 0, 0], [10, 0, 0], [20, 0, 0]])
    with pytest.raises(Problems, match="enclose no area"):
        regions_from_file(saved(rtstruct_dataset({"line": [line]}), tmp_path / "rs.dcm"), GRID)


def test_names_that_stand_twice_get_their_number(tmp_path: Path) -> None:
    twice = {"lesion#1": [square(20, (0, 0, 0))], "lesion#2": [square(30, (0, 0, 0))]}
    path = saved(rtstruct_dataset(twice), tmp_path / "rs.dcm")
    assert region_names(path) == ("lesion [1]", "lesion [2]")
    (second,) = regions_from_file(path, GRID, ["lesion [2]"])
    assert second.stated_volume_mL == pytest.approx(0.9 * 4.8)


def test_a_region_of_another_patient_is_refused_when_asked(tmp_path: Path) -> None:
    path = saved(rtstruct_dataset({"a": [square(20, (0, 0, 0))]}), tmp_path / "rs.dcm")
    assert regions_from_file(path, GRID, patient_id="P01")
    with pytest.raises(InputError, match="of patient 'P01', the image of 'P02'"):
        regions_from_file(path, GRID, patient_id="P02")


@pytest.mark.parametrize(
    ("contour", "message"),
    [
        (np.array([[0, 0, 0], [10, 10, 0]]), "has 6 coordinates"),
        (np.array([[0, 0, 0], [10, 0, 0], [10, 10, np.nan]]), "not finite"),
        (np.array([[0, 0, 0], [10, 0, 0], [10, 10, 4], [0, 10, 0]]), "parallel planes"),
    ],
)
def test_contours_that_cannot_be_are_refused_by_name_and_number(
    contour: np.ndarray, message: str, tmp_path: Path
) -> None:
    dataset = rtstruct_dataset({"good": [square(20, (0, 0, 0))], "bad": [square(20, (0, 0, 0)), contour]})
    with pytest.raises(Problems, match=message) as caught:
        regions_from_file(saved(dataset, tmp_path / "rs.dcm"), GRID)
    assert len(caught.value.problems) == 1
    assert "'bad'" in str(caught.value)


def test_coordinates_that_are_no_numbers_or_miss_one_are_refused(tmp_path: Path) -> None:
    dataset = rtstruct_dataset({"a": [square(20, (0, 0, 0))]})
    contour = dataset.ROIContourSequence[0].ContourSequence[0]
    contour.ContourData = contour.ContourData[:-1]
    with pytest.raises(Problems, match="11 coordinates"):
        regions_from_file(saved(dataset, tmp_path / "a.dcm"), GRID)
    whole = saved(rtstruct_dataset({"a": [square(20, (0, 0, 0))]}), tmp_path / "b.dcm")
    whole.write_bytes(whole.read_bytes().replace(b"-10\\-10\\0", b"-10\\x10\\0", 1))
    with pytest.raises(Problems, match="no number"):
        regions_from_file(whole, GRID)


def test_exclusive_contours_that_cross_are_refused(tmp_path: Path) -> None:
    crossing = [square(20, (0, 0, 0)), square(18, (8, 8, 0))]
    path = saved(rtstruct_dataset({"x": crossing}, kind="CLOSEDPLANAR_XOR"), tmp_path / "rs.dcm")
    with pytest.raises(Problems, match="exclusive"):
        regions_from_file(path, GRID)


def test_a_file_of_another_kind_is_refused(shared: Path) -> None:
    with pytest.raises(InputError, match="modality 'CT'"):
        regions_from_file(shared / "data/seg_rwvm_sr_dcmqi/ct-3slice/01.dcm", GRID)


def ball_mask(shape: tuple[int, int, int], spacing: tuple[float, float, float], radius_mm: float) -> np.ndarray:
    z, y, x = np.meshgrid(
        *((np.arange(n) - (n - 1) / 2) * s for n, s in zip(shape, spacing, strict=True)), indexing="ij"
    )
    return np.sqrt(x**2 + y**2 + z**2) <= radius_mm


@pytest.mark.parametrize("fractional", [False, True])
@pytest.mark.parametrize("angles", [(0.0, 0.0, 0.0), (0.3, -0.2, 0.5)])
def test_segments_keep_volume_and_place_on_another_grid(
    fractional: bool, angles: tuple[float, float, float], tmp_path: Path
) -> None:
    spacing, shape = (3.0, 2.0, 2.5), (18, 28, 24)
    mask = ball_mask(shape, spacing, 21.0)
    small = ball_mask(shape, spacing, 9.0)
    small[9] = False  # an empty plane inside: the writer leaves the frame out
    direction = rotation(*angles)
    half = np.array([(shape[2] - 1) * 2.5, (shape[1] - 1) * 2.0, (shape[0] - 1) * 3.0]) / 2
    dataset = seg_dataset(
        {"liver": mask * (0.5 if fractional else 1.0), "spleen": small},
        spacing_mm=spacing,
        origin_mm=np.array([5.0, 6.0, 7.0]) - direction @ half,
        direction=direction,
        fractional=fractional,
    )
    liver, spleen = regions_from_file(saved(dataset, tmp_path / "seg.dcm"), GRID)
    share = 0.5 if fractional else 1.0
    assert liver.stated_volume_mL == pytest.approx(mask.sum() * 0.015 * share, rel=1e-6)
    assert spleen.stated_volume_mL == pytest.approx(small.sum() * 0.015, rel=1e-6)
    for region in (liver, spleen):
        assert region.volume_mL == pytest.approx(region.stated_volume_mL, rel=0.01)
        assert region.kind == "SEG"
    assert centre_mm(liver) == pytest.approx([5.0, 6.0, 7.0], abs=0.05)


def test_a_label_map_is_read_like_binary_segments(tmp_path: Path) -> None:
    labels = np.zeros((4, 6, 6), dtype=np.uint8)
    labels[1:3, 1:3, 1:3], labels[1:3, 3:5, 1:5] = 1, 2
    dataset = seg_dataset({"a": labels > 0}, spacing_mm=(5.0, 5.0, 5.0), origin_mm=np.zeros(3), direction=np.eye(3))
    dataset.SegmentationType = "LABELMAP"
    second = pydicom.Dataset()
    second.SegmentNumber, second.SegmentLabel = 2, "b"
    dataset.SegmentSequence.append(second)
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelData = labels[1:3].tobytes()
    a, b = regions_from_file(saved(dataset, tmp_path / "seg.dcm"), GRID)
    assert a.stated_volume_mL == pytest.approx(8 * 0.125)
    assert b.stated_volume_mL == pytest.approx(16 * 0.125)


def test_a_segmentation_in_another_frame_or_without_place_is_refused(tmp_path: Path) -> None:
    masks = {"a": np.ones((2, 4, 4))}
    place = {"spacing_mm": (5.0, 5.0, 5.0), "origin_mm": np.zeros(3), "direction": np.eye(3)}
    other = seg_dataset(masks, frame_uid="1.2.3", **place)
    with pytest.raises(InputError, match=rf"1\.2\.3, the image in {FRAME_UID}"):
        regions_from_file(saved(other, tmp_path / "a.dcm"), GRID)
    lost = seg_dataset(masks, **place)
    del lost.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence
    with pytest.raises(InputError, match="no position"):
        regions_from_file(saved(lost, tmp_path / "b.dcm"), GRID)
    fewer = seg_dataset(masks, **place)
    fewer.PerFrameFunctionalGroupsSequence = fewer.PerFrameFunctionalGroupsSequence[:1]
    with pytest.raises(InputError, match="2 frames but states the place of 1"):
        regions_from_file(saved(fewer, tmp_path / "c.dcm"), GRID)


def test_a_plane_or_contour_far_from_any_patient_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    lost = seg_dataset(
        {"a": np.ones((3, 4, 4))}, spacing_mm=(5.0, 5.0, 5.0), origin_mm=np.zeros(3), direction=np.eye(3)
    )
    lost.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence[0].ImagePositionPatient = [0, 0, 7_000_000]
    with pytest.raises(InputError, match="a patient does not"):
        regions_from_file(saved(lost, tmp_path / "seg.dcm"), GRID)
    far = rtstruct_dataset({"a": [square(20, (0, 0, 0)), square(20, (1e9, 0, 0))]})
    with pytest.raises(Problems, match="from the origin"):
        regions_from_file(saved(far, tmp_path / "rs.dcm"), GRID)
    fine = Grid((4, 4, 4), (0.5, 0.5, 0.5), (0.0, 0.0, 0.0), np.eye(3), FRAME_UID)
    wide = rtstruct_dataset({"a": [square(9000, (0, 0, 0))]})
    with pytest.raises(Problems, match="spans 18002 x 18002 pixels"):
        regions_from_file(saved(wide, tmp_path / "wide.dcm"), fine)


def test_an_empty_segment_is_refused(tmp_path: Path) -> None:
    dataset = seg_dataset(
        {"a": np.ones((2, 4, 4)), "b": np.zeros((2, 4, 4))},
        spacing_mm=(5.0, 5.0, 5.0),
        origin_mm=np.zeros(3),
        direction=np.eye(3),
    )
    with pytest.raises(Problems, match=r"'b'.*empty"):
        regions_from_file(saved(dataset, tmp_path / "seg.dcm"), GRID)


@pytest.mark.parametrize("scan", ["SCAN_001", "SCAN_002"])
def test_real_liver_lesions_have_the_volume_of_their_polygons(scan: str, shared: Path) -> None:
    """Independent: pydicom's numbers, the surveyor's formula and the image's slice distance of 1.95313 mm."""
    folder = shared / "data/lu177_spect_two_timepoints" / scan
    (path,) = (folder / "mask").iterdir()
    grid = series_from_folder(folder / "image", hashed=False).grid
    expected_mL = {}
    stored = pydicom.dcmread(path)
    for roi, item in zip(stored.StructureSetROISequence, stored.ROIContourSequence, strict=True):
        area_mm2 = 0.0
        for contour in item.ContourSequence:
            x, y = (np.array([float(v) for v in contour.ContourData[i::3]]) for i in (0, 1))
            area_mm2 += abs(float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))) / 2
        expected_mL[roi.ROIName] = area_mm2 * 1.95313 / 1000
    lesions = regions_from_file(path, grid)
    assert [r.name for r in lesions] == ["lesion1 liver R lobe", "lesion2 liver L lateral"]
    for lesion in lesions:
        assert lesion.stated_volume_mL == pytest.approx(expected_mL[lesion.name], rel=2e-3)
        assert lesion.volume_mL == pytest.approx(lesion.stated_volume_mL, rel=1e-3)
        coarse = Grid((90, 128, 128), (4.8, 4.8, 4.8), grid.origin_mm, np.eye(3), grid.frame_of_reference_uid)
        (again,) = regions_from_file(path, coarse, [lesion.name])
        assert again.volume_mL == pytest.approx(lesion.stated_volume_mL, rel=1e-3)


def test_a_lesion_of_one_scan_is_refused_on_the_other(shared: Path) -> None:
    folder = shared / "data/lu177_spect_two_timepoints"
    (path,) = (folder / "SCAN_001/mask").iterdir()
    grid = series_from_folder(folder / "SCAN_002/image", hashed=False).grid
    with pytest.raises(Problems, match="frame of reference") as caught:
        regions_from_file(path, grid)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("dro", ["DRO_0_0", "DRO_5_0"])
def test_the_region_of_a_reference_object_lies_inside_the_published_phantom(dro: str, shared: Path) -> None:
    """The authors drew the region one voxel within the phantom, whose mask they publish; SimpleITK reads the mask, and
    matplotlib counts the voxel centres inside the contours."""
    folder = shared / "data/suv_dro" / dro
    (path,) = (folder / "RS").iterdir()
    grid = series_from_folder(folder / "PT", hashed=False).grid
    (region,) = regions_from_file(path, grid)
    mask = sitk.ReadImage(str(folder / "mask/DRO_mask.nii.gz"))
    phantom = sitk.GetArrayFromImage(mask).astype(bool)
    assert mask.GetSpacing() == pytest.approx(grid.spacing_mm[::-1])
    assert mask.GetOrigin() == pytest.approx(grid.origin_mm)
    ours = np.zeros(grid.shape, dtype=np.float32)
    ours[region.box()] = region.weights
    assert not ours[~phantom].any()
    middle = (np.argwhere(phantom) * 4.0).mean(axis=0)[::-1]
    assert centre_mm(region) == pytest.approx(middle, abs=0.1)
    rows, columns = np.meshgrid(np.arange(256) * 4.0, np.arange(256) * 4.0, indexing="ij")
    places = np.column_stack([columns.ravel(), rows.ravel()])
    voxels = 0
    for contour in pydicom.dcmread(path).ROIContourSequence[0].ContourSequence:
        points = np.array([float(v) for v in contour.ContourData]).reshape(-1, 3)
        inside = Outline(points[:, :2]).contains_points(places).reshape(256, 256)
        voxels += np.count_nonzero(inside)
        whole = ours[round(points[0, 2] / 4.0)]
        assert np.count_nonzero((whole > 0.999) & ~inside) == 0
    # the contours run through voxel centres, of which counting takes some whole and leaves others
    assert region.volume_mL == pytest.approx(voxels * 0.064, rel=4e-3)
    assert region.volume_mL == pytest.approx(region.stated_volume_mL, rel=1e-5)


def test_the_dcmqi_liver_has_the_volume_of_its_bits(shared: Path) -> None:
    """Independent: the set bits of the pixel data times 0.810547 x 0.810547 x 1 mm."""
    folder = shared / "data/seg_rwvm_sr_dcmqi"
    stored = pydicom.dcmread(folder / "liver.dcm")
    bits = int(np.unpackbits(np.frombuffer(stored.PixelData, np.uint8)).sum())
    grid = series_from_folder(folder / "ct-3slice", hashed=False).grid
    (liver,) = regions_from_file(folder / "liver.dcm", grid)
    assert liver.name == "Liver"
    assert liver.stated_volume_mL == pytest.approx(bits * 0.810547**2 / 1000, rel=1e-6)
    assert liver.volume_mL == pytest.approx(liver.stated_volume_mL, rel=1e-5)
    assert np.count_nonzero(liver.weights > 0.999) == bits


def test_twenty_regions_are_placed_within_a_second(tmp_path: Path) -> None:
    grid = Grid((96, 128, 128), (4.8, 4.8, 4.8), (-305.0, -305.0, -230.0), np.eye(3), FRAME_UID)
    regions = {f"r{i}": sphere_contours(15 + 3 * i, (10.0 * (i - 10), 5.0 * (i - 10), 0.0), 3.0) for i in range(20)}
    path = saved(rtstruct_dataset(regions), tmp_path / "rs.dcm")
    start = time.perf_counter()
    found = regions_from_file(path, grid)
    seconds = time.perf_counter() - start
    assert len(found) == 20
    assert seconds < 2.0, f"{seconds:.2f} s; usually below 1 s, twice that allowed for a busy machine"


def test_a_circle_of_many_points_has_the_area_of_its_circle(tmp_path: Path) -> None:
    path = saved(rtstruct_dataset({"c": [circle(17.3, (1.1, 2.2, 0.0), 2000)]}), tmp_path / "rs.dcm")
    (disc,) = regions_from_file(path, GRID)
    assert disc.stated_volume_mL == pytest.approx(np.pi * 17.3**2 * 4.8 / 1000, rel=1e-4)
