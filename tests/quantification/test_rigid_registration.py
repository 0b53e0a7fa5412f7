"""Registration of made and real scans against known motions; resampling that keeps activity and volume."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.regions import regions_from_file
from theratrial.imaging.spect import activity_map_from_files
from theratrial.imaging.values import ActivityMap, Grid, Source, Volume
from theratrial.quantification.lesion_identity import Outcome, lesion_matches
from theratrial.quantification.registration import RegistrationLimits, region_dice, rigid_registration
from theratrial.quantification.registration_transform import RigidTransform, centre_mm, moved_grid
from theratrial.quantification.resampling import resampled_map, resampled_region, resampled_values
from theratrial.quantification.segmentation_sphere import sphere_region
from theratrial.simulation.camera import spect_patches
from theratrial.simulation.phantom import patient_phantom
from theratrial.simulation.raster import combined, shares
from theratrial.trace import Trace

SOURCE = Source("P01", "1.2", "1.3", "NM", (Path("scan.dcm"),), "sha256:00")
GRID = Grid((56, 64, 64), (8.0, 8.0, 8.0), (-252.0, -252.0, 160.0))
HELD = {"liver": 3.0, "spleen": 2.0, "kidney_left": 4.0, "kidney_right": 4.0, "heart_blood": 1.5, "spine_marrow": 1.2}
LATER = {"liver": 3.2, "spleen": 1.6, "kidney_left": 2.2, "kidney_right": 2.6, "heart_blood": 0.6, "spine_marrow": 0.8}


def turn(axis: tuple[float, float, float], degrees: float) -> np.ndarray:
    unit = np.array(axis) / np.linalg.norm(axis)
    k = np.array([[0, -unit[2], unit[1]], [unit[2], 0, -unit[0]], [-unit[1], unit[0], 0]])
    a = math.radians(degrees)
    return np.eye(3) + math.sin(a) * k + (1 - math.cos(a)) * k @ k


def about(place: np.ndarray, rotation: np.ndarray, shift: tuple[float, float, float]) -> RigidTransform:
    x, y, z = (float(v) for v in place - rotation @ place + np.array(shift))
    return RigidTransform(rotation, (x, y, z))


def scan_of(values: np.ndarray, grid: Grid = GRID, digest: str = "sha256:00") -> ActivityMap:
    source = Source("P01", "1.2", "1.3", "NM", (Path("scan.dcm"),), digest)
    when = datetime(2026, 3, 1, 10, tzinfo=UTC)
    values = np.asarray(values, dtype=np.float32)
    return ActivityMap(grid, values, when, "Lu-177", source, Trace("made", "1"), 1.0, "NONE", 0.03, 2.0)


@pytest.fixture(scope="module")
def phantom_scans() -> tuple[np.ndarray, np.ndarray]:
    phantom = patient_phantom(163.0, 60.0)
    patches = spect_patches(shares(phantom, GRID), GRID)
    scans = []
    for held in (HELD, LATER):
        concentrations = {t.name: held.get(t.name, 0.25) for t in phantom.tissues}
        scans.append(1e5 * combined(patches, concentrations, GRID.shape))
    return scans[0], scans[1]


def moved_scan(values: np.ndarray, motion: RigidTransform, seed: int) -> ActivityMap:
    """The body after the motion on the same grid of the camera, by SimpleITK's resampling, with Poisson noise."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(values, dtype=np.float32))
    image.SetSpacing(GRID.spacing_mm[::-1])
    image.SetOrigin(GRID.origin_mm)
    back = motion.inverse()
    transform = sitk.AffineTransform(back.rotation.ravel().tolist(), [float(v) for v in back.translation_mm])
    laid = sitk.GetArrayFromImage(sitk.Resample(image, image, transform, sitk.sitkLinear, 0.0))
    rng = np.random.default_rng(seed)
    return scan_of(rng.poisson(np.maximum(laid, 0) / 2e3) * 2e3, digest="sha256:01")


@pytest.mark.parametrize(
    ("shift", "degrees"), [((0.0, 0.0, 0.0), 0.0), ((6.0, -4.0, 12.0), 0.0), ((-9.0, 5.0, -20.0), 5.0)]
)
def test_a_known_motion_is_found_though_the_activity_moved_between_organs(phantom_scans, shift, degrees: float) -> None:
    first, later = phantom_scans
    motion = about(np.array([0.0, 0.0, 350.0]), turn((0.3, 1.0, 0.2), degrees), shift)
    found = rigid_registration(scan_of(first), moved_scan(later, motion, 4))
    assert found.refusal == ""
    # Our transform takes the moving scan to the fixed one: it undoes the motion, everywhere in the trunk.
    box = np.array([[x, y, z] for x in (-130.0, 130.0) for y in (-70.0, 90.0) for z in (200.0, 520.0)])
    missed = np.linalg.norm(found.accepted().moved(motion.moved(box)) - box, axis=1)
    assert missed.mean() < 2.5
    assert missed.max() < 4.0
    assert found.round_trip_mm < 4.0
    assert found.rotation_deg == pytest.approx(degrees, abs=1.0)
    assert found.correlation_after >= found.correlation_before - 0.01
    if degrees:
        assert found.correlation_after > found.correlation_before + 0.1


@pytest.mark.long
def test_the_same_images_give_the_same_registration(phantom_scans) -> None:
    first, later = phantom_scans
    motion = about(np.array([0.0, 0.0, 350.0]), turn((0, 0, 1), 2.0), (5.0, 3.0, 4.0))
    one, again = (rigid_registration(scan_of(first), moved_scan(later, motion, 4)) for _ in range(2))
    assert np.array_equal(one.transform.matrix, again.transform.matrix)
    assert one.trace.inputs["fixed"] == "sha256:00"
    assert one.trace.inputs["moving"] == "sha256:01"


def test_two_ct_are_registered_by_mutual_information() -> None:
    phantom = patient_phantom(163.0, 60.0)
    patches = shares(phantom, GRID)
    values = combined(patches, {t.name: t.hounsfield + 1000 for t in phantom.tissues}, GRID.shape) - 1000
    shifted = moved_grid(GRID, RigidTransform(np.eye(3), (11.0, -6.0, 9.0)), "")
    noise = np.random.default_rng(2).normal(0, 25, GRID.shape)
    fixed = Volume(GRID, values.astype(np.float32), "HU", None, SOURCE)
    moving = Volume(shifted, (values + noise).astype(np.float32), "HU", None, SOURCE)
    found = rigid_registration(fixed, moving)
    assert "mutual information" in found.metric
    assert found.shift_mm == pytest.approx((-11.0, 6.0, -9.0), abs=1.0)
    assert found.refusal == ""
    with pytest.raises(InputError, match="CT with a SPECT"):
        rigid_registration(fixed, scan_of(np.ones(GRID.shape)))


@pytest.mark.long
def test_scans_of_different_things_are_refused(phantom_scans) -> None:
    first, _ = phantom_scans
    rng = np.random.default_rng(9)
    noise = rng.poisson(np.full(GRID.shape, 3.0)) * 1e4
    found = rigid_registration(scan_of(first), scan_of(noise))
    assert "correlation over the body" in found.refusal
    with pytest.raises(NumericalError, match="registration refused"):
        found.accepted()


@pytest.mark.long
def test_limits_decide_what_is_flagged(phantom_scans) -> None:
    first, _ = phantom_scans
    motion = RigidTransform(np.eye(3), (0.0, 0.0, 24.0))
    strict = RegistrationLimits(flagged_shift_mm=10.0)
    found = rigid_registration(scan_of(first), moved_scan(first, motion, 1), limits=strict)
    assert found.shift_mm == pytest.approx((0.0, 0.0, -24.0), abs=1.0)
    assert "mm elsewhere than the headers say" in found.warnings[0]
    assert rigid_registration(scan_of(first), moved_scan(first, motion, 1)).warnings == ()


def test_images_that_show_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="no activity"):
        rigid_registration(scan_of(np.zeros(GRID.shape)), scan_of(np.zeros(GRID.shape)))
    broken = np.ones(GRID.shape)
    broken[3, 3, 3] = np.nan
    with pytest.raises(InputError, match="not numbers"):
        rigid_registration(scan_of(broken), scan_of(np.ones(GRID.shape)))


@given(
    st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda a: np.linalg.norm(a) > 0.1),
    st.floats(0, 179),
    st.tuples(*[st.floats(-200, 200)] * 3),
)
def test_there_and_back_is_where_one_was(axis, degrees, shift) -> None:
    motion = RigidTransform(turn(axis, degrees), shift)
    points = np.array([[10.0, -20.0, 300.0], [0.0, 0.0, 0.0]])
    assert np.allclose(motion.inverse().moved(motion.moved(points)), points, atol=1e-8)
    assert np.allclose(motion.then(motion.inverse()).matrix, np.eye(4), atol=1e-8)
    assert motion.rotation_deg == pytest.approx(degrees, abs=1e-4)
    assert np.allclose(motion.matrix[:3, :3] @ points[0] + motion.matrix[:3, 3], motion.moved(points[0]))


def test_a_transform_that_stretches_or_mirrors_is_refused() -> None:
    for bad in (np.eye(3) * 1.1, np.diag([1.0, 1.0, -1.0]), np.eye(3) * np.nan):
        with pytest.raises(InputError):
            RigidTransform(bad)


@settings(max_examples=15, deadline=None)
@given(
    st.tuples(st.floats(2.0, 7.0), st.floats(2.0, 7.0), st.floats(2.0, 7.0)),
    st.floats(0, 20),
    st.tuples(*[st.floats(-20, 20)] * 3),
)
def test_resampling_keeps_the_activity_and_the_volume(spacing, degrees, shift) -> None:
    own = Grid((30, 30, 30), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0))
    sphere = sphere_region(own, "s", (58.0, 60.0, 55.0), 34.0, SOURCE)
    values = np.zeros(own.shape, dtype=np.float32)
    values[sphere.box()] = 1e5 * sphere.weights
    motion = about(centre_mm(own), turn((0.2, 0.5, 1.0), degrees), shift)
    shape = tuple(math.ceil(200 / s) for s in spacing)
    target = Grid(shape, spacing, (-40.0, -40.0, -40.0))
    scan = scan_of(values, own)
    there = resampled_map(scan, target, motion)
    before = values.sum(dtype=float) * own.voxel_volume_mL
    after = there.activity_Bq_per_mL.sum(dtype=float) * target.voxel_volume_mL
    assert after == pytest.approx(before, rel=0.01)
    assert there.counts_per_Bq_per_mL is None
    region = resampled_region(sphere, target, motion)
    assert region.volume_mL == pytest.approx(sphere.volume_mL, rel=1e-3)  # thick slices, up to 8 x 8 x 8 points
    assert region.inside_fraction == 1.0
    centre = np.array([58.0, 60.0, 55.0])
    index = np.argwhere(region.weights > 0) + np.array(region.corner)
    weight = region.weights[region.weights > 0][:, None]
    found = (target.patient_mm(index.astype(float)) * weight).sum(axis=0) / weight.sum()
    assert np.linalg.norm(found - motion.moved(centre)) < 0.5


def test_resampling_on_the_same_grid_changes_nothing() -> None:
    values = np.random.default_rng(1).random((9, 10, 11)).astype(np.float32)
    grid = Grid(values.shape, (3.0, 2.0, 2.5), (1.0, 2.0, 3.0))
    laid, covered = resampled_values(values, grid, grid, RigidTransform())
    assert np.allclose(laid, values, rtol=1e-6)
    assert covered.all()


@pytest.mark.parametrize("degrees", [0.0, 11.0])
def test_resampling_agrees_with_simpleitk(degrees: float) -> None:
    values = np.random.default_rng(5).random((20, 22, 24)).astype(np.float32)
    own = Grid(values.shape, (4.0, 3.0, 3.0), (-30.0, -35.0, 100.0))
    target = Grid((18, 20, 20), (4.0, 3.0, 3.0), (-25.0, -30.0, 104.0))
    motion = about(centre_mm(own), turn((1, 2, 3), degrees), (3.1, -2.2, 5.3))
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(own.spacing_mm[::-1])
    image.SetOrigin(own.origin_mm)
    frame = sitk.Image(target.shape[::-1], sitk.sitkFloat32)
    frame.SetSpacing(target.spacing_mm[::-1])
    frame.SetOrigin(target.origin_mm)
    back = motion.inverse()
    transform = sitk.AffineTransform(back.rotation.ravel().tolist(), [float(v) for v in back.translation_mm])
    theirs = sitk.GetArrayFromImage(sitk.Resample(image, frame, transform, sitk.sitkLinear, -1.0))
    ours, covered = resampled_values(values, own, target, motion)
    both = covered & (theirs >= 0)
    assert both.sum() > 0.95 * covered.sum() > 1000
    assert np.abs(ours - theirs)[both].max() < 1e-5


def test_a_region_moved_out_of_the_image_is_refused() -> None:
    sphere = sphere_region(GRID, "lesion", (0.0, 0.0, 300.0), 30.0, SOURCE)
    with pytest.raises(InputError, match="lesion lies wholly outside"):
        resampled_region(sphere, GRID, RigidTransform(np.eye(3), (2000.0, 0.0, 0.0)))
    half = resampled_region(sphere, GRID, RigidTransform(np.eye(3), (0.0, 0.0, -(300.0 - 156.0))))
    assert half.inside_fraction == pytest.approx(0.5, abs=0.02)


@pytest.mark.long
def test_two_real_scans_of_a_patient_are_laid_on_each_other(shared: Path, validation) -> None:
    """177Lu-DOTATATE 3.7 h and 27.7 h after injection; a physician drew two liver lesions on each scan."""
    eastern = timezone(timedelta(hours=-5))
    folder = shared / "data" / "lu177_spect_two_timepoints"
    scans = [activity_map_from_files(folder / name / "image", timezone=eastern) for name in ("SCAN_001", "SCAN_002")]
    drawn = []
    for name, scan in zip(("SCAN_001", "SCAN_002"), scans, strict=True):
        (path,) = sorted((folder / name / "mask").iterdir())
        drawn.append(regions_from_file(path, scan.grid))
    found = rigid_registration(*scans)
    assert found.refusal == ""
    assert found.correlation_before < 0.5
    assert found.correlation_after > 0.75
    assert found.round_trip_mm < 4.0
    assert found.overlap_fraction > 0.9
    assert any("elsewhere than the headers" in text for text in found.warnings)
    source = "outlines of a physician on both scans, doi 10.7302/0n8e-rz46"
    for name, least in (("lesion1 liver R lobe", 0.12), ("lesion2 liver L lateral", 0.45)):
        one, other = (next(r for r in regions if r.name == name) for regions in drawn)
        dice = region_dice(found, one, other)
        validation(
            f"Dice of {name} ({one.volume_mL:.0f} mL) after registration",
            expected=1.0,
            got=dice,
            unit="1",
            source=source,
            absolute=least,
            not_matched_because="each scan was outlined anew and the liver moves with breathing; 1 is not expected",
        )
    laid = [resampled_region(r, scans[0].grid, found.accepted()) for r in drawn[1]]
    for region, before in zip(laid, drawn[1], strict=True):
        assert region.volume_mL == pytest.approx(before.volume_mL, rel=0.002)
    matches = lesion_matches(drawn[0], laid)
    assert [(m.outcome, m.earlier, m.later) for m in matches] == [
        (Outcome.SAME, (name,), (name,)) for name in ("lesion1 liver R lobe", "lesion2 liver L lateral")
    ]
    there = resampled_map(scans[1], scans[0].grid, found.accepted())
    assert there.activity_Bq_per_mL.max() < scans[1].activity_Bq_per_mL.max() * 1.0001
