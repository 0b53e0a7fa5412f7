"""Recovery coefficients: the fit, its limits, and what it mends on simulated organs."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.merge import merged_region
from theratrial.imaging.values import Grid, Region, Source
from theratrial.protocol.reader import shipped_protocol
from theratrial.quantification.recovery import (
    Background,
    Recovery,
    RecoveryPoint,
    recovered_activity,
    recovery_curve,
)
from theratrial.quantification.recovery_matrix import (
    ShapeRecovery,
    blurred_region,
    resolution_from_spheres,
    sphere_recovery,
    transfer_matrix,
)
from theratrial.quantification.segmentation import shell_region
from theratrial.quantification.segmentation_sphere import sphere_region
from theratrial.simulation.camera import FULL, SPECT_FWHM_MM, spect_patches
from theratrial.simulation.cohort import SEED_PROTOCOL
from theratrial.simulation.patient import drawn_patient, session_truth
from theratrial.simulation.phantom import region_tissues
from theratrial.simulation.plan import plan_of
from theratrial.simulation.raster import Patch, blurred, combined, shares
from theratrial.simulation.scenario import Story

SOURCE = Source("P01", "1.2", "1.3", "NM", (Path("scan.dcm"),), "sha256:00")
DIAMETERS_MM = (10, 13, 17, 22, 28, 37, 60)
"""The NEMA/IEC set of spheres and one of 113 mL, as used for 177Lu."""


def curve_of(points, **changed):
    about = {"curve_id": "C1", "camera": "CAM1", "nuclide": "Lu-177", "reconstruction": "OSEM"} | changed
    return recovery_curve(points, **about)


def volume_mL(diameter_mm: float) -> float:
    return math.pi * diameter_mm**3 / 6000


def phantom_spheres(voxel_mm: float) -> list[RecoveryPoint]:
    """Spheres as the simulated camera sees them: shares of voxels, blurred by its resolution, summed in the outline."""
    n = round(110 / voxel_mm)
    grid = Grid((n, n, n), (voxel_mm,) * 3, (-(n - 1) / 2 * voxel_mm,) * 3)
    points = []
    for diameter in DIAMETERS_MM:
        sphere = sphere_region(grid, "sphere", (0.7, -1.1, 1.9), diameter, SOURCE)
        seen = blurred(Patch(sphere.corner, sphere.weights), grid, SPECT_FWHM_MM)
        image = combined({"s": seen}, {"s": 1.0}, grid.shape)
        recovery = sphere.weighted_sum(image) * grid.voxel_volume_mL / sphere.volume_mL
        points.append(RecoveryPoint(volume_mL(diameter), recovery, 0.03))
    return points


def test_a_curve_is_recovered_from_its_own_points() -> None:
    points = [RecoveryPoint(v, 1 - 1 / (1 + (v / 3.3) ** 0.75), 0.04) for v in (0.5, 1.2, 2.6, 5.6, 11.5, 26.5)]
    curve = curve_of(points)
    assert (curve.beta_mL, curve.gamma) == pytest.approx((3.3, 0.75), rel=1e-6)
    assert curve.reduced_chi_squared < 1e-12
    assert curve.at(5.0).recovery == pytest.approx(1 - 1 / (1 + (5 / 3.3) ** 0.75), rel=1e-6)


def test_the_covariance_is_what_repeated_measurements_scatter_by() -> None:
    volumes, rng = np.array([0.5, 1.2, 2.6, 5.6, 11.5, 26.5]), np.random.default_rng(3)
    true = 1 - 1 / (1 + (volumes / 4) ** 0.8)
    fits, stated = [], []
    for _ in range(400):
        seen = true * (1 + 0.05 * rng.standard_normal(6))
        points = [RecoveryPoint(v, r, 0.05) for v, r in zip(volumes, seen, strict=True)]
        fits.append(curve_of(points).fitted(3.0))
        stated.append(curve_of(points).at(3.0).relative_sd)
    # Birge's factor only enlarges, so the stated one is a little above the scatter, not below.
    scatter = np.std(fits) / np.mean(fits)
    assert 0.95 * scatter < np.mean(stated) < 1.35 * scatter


def test_weights_decide_between_points_that_disagree() -> None:
    sharp = [RecoveryPoint(v, 1 - 1 / (1 + (v / 4) ** 0.8), 0.01) for v in (1.0, 5.0, 25.0)]
    off = RecoveryPoint(5.1, 0.3, 0.5)
    assert curve_of([*sharp, off]).at(5.0).recovery == pytest.approx(curve_of(sharp).at(5.0).recovery, rel=0.01)


@given(st.floats(0.6, 26.0), st.floats(1.0, 8.0), st.floats(0.4, 1.5))
def test_the_derivative_is_that_of_the_curve(volume: float, beta: float, gamma: float) -> None:
    points = [RecoveryPoint(v, 1 - 1 / (1 + (v / beta) ** gamma), 0.05) for v in (0.5, 2.0, 8.0, 26.5)]
    curve = curve_of(points)
    step = 1e-4
    up, down = curve.fitted(volume * math.exp(step)), curve.fitted(volume * math.exp(-step))
    numeric = (math.log(up) - math.log(down)) / (2 * step)
    assert curve.at(volume).dln_recovery_dln_volume == pytest.approx(numeric, rel=1e-4)


def test_outside_the_measured_spheres_recovery_is_undetermined_with_bounds() -> None:
    curve = curve_of([RecoveryPoint(v, 1 - 1 / (1 + (v / 4) ** 0.8), 0.05) for v in (0.5, 2.6, 26.5)])
    small, large = curve.at(0.4), curve.at(100.0)
    assert small.recovery is None
    assert (small.lower, small.upper) == (0.0, pytest.approx(curve.fitted(0.5)))
    assert "below the smallest" in small.note
    assert large.recovery is None
    assert (large.lower, large.upper) == (pytest.approx(curve.fitted(26.5)), 1.0)
    with pytest.raises(NumericalError, match=r"region lesion: recovery of 0\.4 mL is undetermined"):
        recovered_activity(1.0, small, region="lesion")


def test_a_curve_that_has_reached_one_is_one_beyond_and_says_so() -> None:
    curve = curve_of([RecoveryPoint(v, 1 - 1 / (1 + (v / 0.3) ** 1.2), 0.02) for v in (0.5, 2.6, 26.5)])
    beyond = curve.at(400.0)
    assert beyond.recovery == 1.0
    assert "taken as 1" in beyond.note
    assert beyond.relative_sd >= (1 - curve.fitted(26.5)) / math.sqrt(3)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([(1.0, 0.3), (1.0, 0.31), (5.0, 0.6)], "2 volume"),
        ([(1.0, 0.8), (5.0, 0.5), (20.0, 0.3)], "does not grow"),
    ],
)
def test_points_that_are_no_curve_are_refused(points, message: str) -> None:
    with pytest.raises((InputError, NumericalError), match=message):
        curve_of([RecoveryPoint(v, r, 0.05) for v, r in points])


@pytest.mark.parametrize(
    "bad", [(0.0, 0.5, 0.1), (1.0, 1.7, 0.1), (1.0, -0.1, 0.1), (1.0, 0.5, 0.0), (math.nan, 0.5, 0.1)]
)
def test_a_point_that_cannot_be_is_refused(bad) -> None:
    with pytest.raises(InputError, match="recovery point"):
        RecoveryPoint(*bad)


@given(st.floats(0.1, 1.0), st.floats(0.1, 500.0), st.floats(0.0, 0.9), st.floats(0.1, 100.0))
def test_background_correction_returns_what_was_blurred(
    share: float, volume: float, contrast: float, hot: float
) -> None:
    """Seen = own activity times share, plus what a uniform background spills in: the correction undoes it."""
    true_MBq = hot * volume * 1e-3
    seen_MBq = share * true_MBq + (1 - share) * contrast * true_MBq
    recovery = Recovery(volume, share, 0.02, 0.1, share, share, "")
    found = recovered_activity(seen_MBq, recovery, background=Background(contrast * hot * 1e3, 0.05))
    assert found.activity_MBq == pytest.approx(true_MBq, rel=1e-9)


@given(st.floats(0.2, 0.95), st.floats(0.05, 0.8))
def test_sensitivities_are_derivatives(share: float, contrast: float) -> None:
    volume, slope, seen = 20.0, 0.2, 30.0

    def activity(*, measured=seen, scale=1.0, grown=1.0) -> float:
        by_volume = share * grown**slope
        recovery = Recovery(volume * grown, by_volume, 0.05, slope, 0, 1, "")
        around = Background(contrast * 1e6 * scale, 0.1)
        return recovered_activity(measured, recovery, background=around).activity_MBq

    recovery = Recovery(volume, share, 0.05, slope, 0, 1, "")
    found = recovered_activity(seen, recovery, background=Background(contrast * 1e6, 0.1))

    def log_slope(**step) -> float:
        up = {k: v * 1.0001 for k, v in step.items()}
        down = {k: v / 1.0001 for k, v in step.items()}
        return math.log(activity(**up) / activity(**down)) / (2 * math.log(1.0001))

    assert found.measured_sensitivity == pytest.approx(log_slope(measured=seen), rel=1e-3)
    assert found.background_relative_sd == pytest.approx(0.1 * abs(log_slope(scale=1.0)), rel=1e-3, abs=1e-9)
    assert found.dln_activity_dln_volume == pytest.approx(log_slope(grown=1.0), rel=1e-3, abs=1e-7)


def test_a_background_that_explains_everything_is_refused() -> None:
    recovery = Recovery(10.0, 0.5, 0.05, 0.2, 0.5, 0.5, "")
    with pytest.raises(NumericalError, match="background alone would spill"):
        recovered_activity(1.0, recovery, background=Background(1e6, 0.1))


def test_blurred_spheres_lose_what_geometry_says(validation) -> None:
    """Mean overlap of a ball with its displaced self over a Gaussian displacement, integrated numerically here."""
    from scipy.integrate import quad

    fine = phantom_spheres(1.5)
    sigma = math.hypot(SPECT_FWHM_MM / 2.354820045, 1.5 / math.sqrt(6))
    for diameter, point in zip(DIAMETERS_MM, fine, strict=True):
        radius = diameter / 2

        def overlap(r: float, radius: float = radius) -> float:
            density = 4 * math.pi * r * r * math.exp(-r * r / (2 * sigma**2)) / (2 * math.pi * sigma**2) ** 1.5
            return density * (1 - 0.75 * r / radius + r**3 / (16 * radius**3))

        expected, _ = quad(overlap, 0, 2 * radius)
        validation(
            f"recovery of a {diameter} mm sphere at {SPECT_FWHM_MM:g} mm FWHM",
            expected=expected,
            got=point.recovery,
            unit="1",
            source="set covariance of the ball (Matheron 1975) integrated over a Gaussian",
            relative=0.004,
        )
        assert sphere_recovery(point.volume_mL, sigma * 2.354820045) == pytest.approx(expected, rel=1e-6)


def test_spheres_give_the_resolution_of_the_simulated_camera() -> None:
    for voxel_mm in (2.4, 4.8):
        points = phantom_spheres(voxel_mm)
        found = resolution_from_spheres([p.volume_mL for p in points], [p.recovery for p in points], voxel_mm=voxel_mm)
        assert found == pytest.approx(SPECT_FWHM_MM, abs=0.1)


def test_the_logistic_curve_is_not_quite_that_of_blurred_spheres() -> None:
    """A known misfit of the form, not of the points: it rises above a Gaussian's curve at large volumes."""
    curve = curve_of(phantom_spheres(4.8))
    for point in curve.points:
        assert curve.fitted(point.volume_mL) == pytest.approx(point.recovery, rel=0.07)
    largest = max(curve.points, key=lambda p: p.volume_mL)
    assert curve.fitted(largest.volume_mL) > largest.recovery * 1.04
    assert curve.reduced_chi_squared > 1


def test_shape_recovery_has_the_derivative_of_growing_regions() -> None:
    grid = Grid((40, 40, 40), (3.0,) * 3, (-58.5,) * 3)
    camera = ShapeRecovery("R1", "CAM1", "Lu-177", "OSEM", 9.0, 0.5)
    one = camera.of(sphere_region(grid, "s", (0.4, 0.2, -0.3), 28.0, SOURCE))
    larger = camera.of(sphere_region(grid, "s", (0.4, 0.2, -0.3), 29.0, SOURCE))
    slope = math.log(larger.recovery / one.recovery) / math.log(larger.volume_mL / one.volume_mL)
    # The voxels do not grow with the region, which is the rest of the difference.
    assert one.dln_recovery_dln_volume == pytest.approx(slope, rel=0.12)
    wider = ShapeRecovery("R1", "CAM1", "Lu-177", "OSEM", 9.5, 0.5)
    change = math.log(wider.of(sphere_region(grid, "s", (0.4, 0.2, -0.3), 28.0, SOURCE)).recovery / one.recovery)
    assert one.relative_sd == pytest.approx(abs(change), rel=0.1)


def test_nothing_is_lost_in_a_transfer_matrix() -> None:
    grid = Grid((40, 40, 40), (4.0,) * 3, (0.0,) * 3)
    sphere = sphere_region(grid, "sphere", (80.0, 78.0, 77.0), 40.0, SOURCE)
    rest = np.ones(grid.shape, dtype=np.float32)
    rest[sphere.box()] -= sphere.weights
    around = Region("around", grid, (0, 0, 0), rest, SOURCE, "REMAINDER", 1.0)
    found = transfer_matrix([sphere, around], 9.0)
    assert found.matrix[:, 0].sum() == pytest.approx(1.0, abs=1e-4)
    assert found.recovery("sphere") == pytest.approx(found.matrix[0, 0])
    _, seen = blurred_region(sphere, 9.0)
    assert seen.sum(dtype=float) == pytest.approx(sphere.weights.sum(dtype=float), rel=1e-4)
    # reciprocity: what of one is seen in the other, per volume, is the same both ways
    volumes = found.volumes_mL
    assert found.matrix[1, 0] * volumes[0] == pytest.approx(found.matrix[0, 1] * volumes[1], rel=1e-3)


def test_regions_that_cannot_be_told_apart_are_refused() -> None:
    grid = Grid((30, 30, 30), (4.0,) * 3, (0.0,) * 3)
    one = sphere_region(grid, "one", (58.0, 58.0, 58.0), 30.0, SOURCE)
    same = sphere_region(grid, "same", (58.0, 58.0, 58.2), 30.0, SOURCE)
    with pytest.raises(NumericalError, match="cannot be told apart"):
        transfer_matrix([one, same], 9.0).true_activities_MBq([1.0, 1.0])
    with pytest.raises(InputError, match="different names"):
        transfer_matrix([one, one], 9.0)


@pytest.fixture(scope="module")
def body():
    """A simulated patient 24 h after the injection as the camera sees her, without noise: regions, seen and true."""
    plan, rng = plan_of(shipped_protocol(SEED_PROTOCOL)), np.random.default_rng([0, 5])
    patient = drawn_patient("P0", plan, rng, story=Story("SD"), failure=None)
    truth = session_truth(patient, plan, 1, 5000.0, rng)
    phantom = patient.phantom(with_new_lesions=False)
    grid = FULL.spect_grid(patient.height_cm / 163, (200, 500))
    tissues = shares(phantom, grid)
    held = {
        t.name: truth.curves[t.name].activity_MBq(5000.0, 24, plan.therapy_nuclide) / t.volume_mL * 1e6
        for t in phantom.tissues
    }
    image = combined(spect_patches(tissues, grid), held, grid.shape)

    def part(tissue: str) -> Region:
        patch = tissues[tissue]
        return Region(tissue, grid, patch.corner, patch.values, SOURCE, "SEG", 1.0)

    names = ["liver", "kidney_left", "kidney_right", "spleen", "spine_marrow", "heart"]
    regions = {name: merged_region(name, [part(t) for t in region_tissues(name)]) for name in names}
    true = {name: sum(held[t] * part(t).volume_mL * 1e-6 for t in region_tissues(name)) for name in names}
    everything = [part(t) for t in tissues]
    seen = {name: region.weighted_sum(image) * grid.voxel_volume_mL * 1e-6 for name, region in regions.items()}
    return regions, seen, true, image, everything


def test_drawn_outlines_see_too_little_of_simulated_organs(body) -> None:
    _, seen, true, _, _ = body
    bias = {name: seen[name] / true[name] - 1 for name in true}
    assert -0.08 < bias["liver"] < -0.04
    for name in ("kidney_left", "kidney_right", "spleen", "spine_marrow"):
        assert -0.20 < bias[name] < -0.10


def test_recovery_by_volume_mends_organs_only_as_far_as_they_are_spheres(body) -> None:
    """The spheres' recovery at the organ's volume: within 4 % without background where the organ is compact, and over-
    corrected the other way with it, because an ellipsoid loses more than a sphere; marrow is a rod and stays low."""
    regions, seen, true, image, _ = body
    for name, without, with_background in (
        ("kidney_left", 0.04, -0.03),
        ("kidney_right", 0.04, -0.03),
        ("spleen", 0.04, -0.035),
        ("spine_marrow", -0.04, -0.09),
    ):
        region = regions[name]
        share = sphere_recovery(region.volume_mL, 10.1)
        recovery = Recovery(region.volume_mL, share, 0.03, 0.0, share, share, "")
        ring = shell_region(region, 9.0, 18.0, without=tuple(r for n, r in regions.items() if n != name))
        around = Background(float(np.mean(ring.inside(image))), 0.1)
        cold = recovered_activity(seen[name], recovery).activity_MBq / true[name] - 1
        warm = recovered_activity(seen[name], recovery, background=around).activity_MBq / true[name] - 1
        assert min(0.0, without) - 0.02 < cold < max(0.0, without) + 0.02
        assert with_background - 0.02 < warm < 0.01
        assert abs(cold) < abs(seen[name] / true[name] - 1)


def test_recovery_by_shape_with_background_mends_compact_organs_to_one_percent(body) -> None:
    regions, seen, true, image, _ = body
    camera = ShapeRecovery("R1", "CAM1", "Lu-177", "OSEM", SPECT_FWHM_MM, 0.3)
    for name in ("liver", "kidney_left", "kidney_right", "spleen", "spine_marrow"):
        region = regions[name]
        ring = shell_region(region, 9.0, 18.0, without=tuple(r for n, r in regions.items() if n != name))
        around = Background(float(np.mean(ring.inside(image))), 0.1)
        found = recovered_activity(seen[name], camera.of(region), background=around)
        assert found.activity_MBq == pytest.approx(true[name], rel=0.015)


def test_the_transfer_matrix_of_all_tissues_returns_the_truth(body) -> None:
    _, _, true, image, everything = body
    voxel_mL = everything[0].grid.voxel_volume_mL
    seen = [region.weighted_sum(image) * voxel_mL * 1e-6 for region in everything]
    matrix = transfer_matrix(everything, SPECT_FWHM_MM)
    found = dict(zip(matrix.regions, matrix.true_activities_MBq(seen), strict=True))
    for name in ("liver", "kidney_left", "kidney_right", "spleen", "spine_marrow"):
        assert found[name] == pytest.approx(true[name], rel=0.01)
    assert found["heart_blood"] + found["heart_wall"] == pytest.approx(true["heart"], rel=0.01)
