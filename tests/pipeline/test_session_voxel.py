"""The dose map of a session: energy, the sphere model, densities, blur and what is left outside the regions."""

import math
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theratrial.dosimetry import DosePlan, TimeActivityPoint
from theratrial.dosimetry.dose_volume import DoseVolume
from theratrial.dosimetry.transport.spheres import sphere_s_value
from theratrial.dosimetry.voxel.tia_map import RemainderLeftOut, RemainderTia
from theratrial.imaging.values import ActivityMap, Grid, Region, Source
from theratrial.nuclides import nuclide
from theratrial.pipeline.dose_voxel_map import (
    MappedRegion,
    curve_of,
    cut_apart,
    difference_text,
    own_photon_Gy,
    region_voxels,
    remainder_of,
    session_dose_map,
    stand_in_MBq_h,
)
from theratrial.pipeline.trial import trial_run
from theratrial.simulation.cohort import simulate
from theratrial.trace import Trace

LU = nuclide("Lu-177")
PLAN = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.85, model_relative_sd=0.1)
SPACING_mm = 4.8
SPHERES = "published sphere model, 177Lu in soft tissue (100 %/0 %); the print's own reference is to be named"
NOTHING = RemainderLeftOut("the test has none")
SOURCE = Source("P", "1.2", "1.3", "PT", (Path("x"),), "sha256:" + "0" * 64)


def grid(shape=(40, 40, 40)):
    return Grid(shape, (SPACING_mm,) * 3, (0.0, 0.0, 0.0), np.eye(3), "1.9")


def scan(values):
    return ActivityMap(
        grid(values.shape),
        values.astype(np.float32),
        datetime(2026, 3, 1, 9, tzinfo=UTC),
        "Lu-177",
        SOURCE,
        Trace("test", "1"),
        1.0,
        "NONE",
    )


def ball(radius_mm, centre=(20.0, 20.0, 20.0), shape=(40, 40, 40), name="ball"):
    """Memberships by 5 x 5 x 5 points in each voxel."""
    fine = (np.arange(5) - 2) / 5
    axes = [(np.arange(n)[:, None] + fine - c).ravel() * SPACING_mm for n, c in zip(shape, centre, strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    inside = (z**2 + y**2 + x**2 <= radius_mm**2).astype(np.float32)
    nz, ny, nx = shape
    weights = inside.reshape(nz, 5, ny, 5, nx, 5).mean(axis=(1, 3, 5)).astype(np.float32)
    return Region(name, grid(shape), (0, 0, 0), weights, SOURCE, "RTSTRUCT", 0.0)


def mapped(region, tia, density=1.05, **kwargs):
    return MappedRegion(region.name, region, tia, density, kwargs.get("stand_in", False), kwargs.get("recovery", 1.0))


@pytest.mark.parametrize(("mass_g", "s_Gy_per_Bq_s", "relative"), [(34.5, 6.93e-13, 0.02), (276.0, 8.81e-14, 0.02)])
def test_a_uniform_sphere_has_the_dose_of_the_published_sphere_table(mass_g, s_Gy_per_Bq_s, relative, validation):
    radius_mm = (3 * mass_g / 1.05 / (4 * math.pi)) ** (1 / 3) * 10
    region = ball(radius_mm)
    made = session_dose_map(scan(region.weights * 1e4), 24.0, [mapped(region, 1000.0)], NOTHING)
    found = region_voxels(made, mapped(region, 1000.0))
    validation(
        f"mean dose of a sphere of {mass_g:g} g in 4.8 mm voxels by the session's voxel kernel",
        source=SPHERES,
        unit="Gy per 1000 MBq h",
        expected=s_Gy_per_Bq_s * 1e6 * 3600 * 1000,
        got=found.mean_Gy,
        relative=relative,
    )
    own = sphere_s_value("Lu-177", mass_g).photon_Gy_per_MBq_h * 1000
    assert found.photon_self_Gy == pytest.approx(own, rel=0.03)
    assert found.photon_cross_Gy < 0.01 * own


def test_own_photons_and_those_of_a_neighbour_are_told_apart():
    near, far = ball(12.0, (20, 20, 12), name="near"), ball(12.0, (20, 20, 30), name="far")
    activity = scan((near.weights + far.weights) * 1e4)
    alone = session_dose_map(activity, 24.0, [mapped(near, 500.0), mapped(far, 0.0)], NOTHING)
    both = session_dose_map(activity, 24.0, [mapped(near, 500.0), mapped(far, 2000.0)], NOTHING)
    one, other = region_voxels(alone, mapped(near, 500.0)), region_voxels(both, mapped(near, 500.0))
    assert other.photon_self_Gy == pytest.approx(one.photon_self_Gy, rel=1e-4)
    # 8.6 cm apart: energy of the far sphere by the photon kernel's own value at that distance, summed by hand.
    kernel = both.kernel.photon_Gy_per_MBq_h
    middle = kernel.shape[0] // 2
    assert other.photon_cross_Gy == pytest.approx(2000.0 * kernel[middle, middle, middle + 18], rel=0.05)
    assert own_photon_Gy(both, far) == pytest.approx(4 * own_photon_Gy(both, near), rel=1e-3)


def test_electrons_are_divided_by_the_regions_own_density_and_photons_are_not():
    region = ball(30.0)
    made = session_dose_map(scan(region.weights * 1e4), 24.0, [mapped(region, 1000.0)], NOTHING)
    tissue, lung = region_voxels(made, mapped(region, 1000.0)), region_voxels(made, mapped(region, 1000.0, 0.3))
    assert lung.electron_Gy == pytest.approx(tissue.electron_Gy * 1.05 / 0.3, rel=1e-9)
    assert lung.photon_self_Gy == tissue.photon_self_Gy
    # The histogram follows: its mean rises with the electrons alone.
    rise = lung.histogram.mean_Gy - tissue.histogram.mean_Gy
    electron = made.dose.electron_Gy
    mean = float((electron * region.weights).sum(dtype=float) / region.weights.sum(dtype=float))
    assert rise == pytest.approx(mean * (1.05 / 0.3 - 1), rel=1e-4)


def test_a_blurred_pattern_keeps_the_recovered_mean_but_not_the_spread():
    from scipy.ndimage import gaussian_filter

    region = ball(20.0)
    sharp = session_dose_map(scan(region.weights * 1e4), 24.0, [mapped(region, 1000.0)], NOTHING)
    soft_values = gaussian_filter(region.weights * 1e4, 10.0 / 2.355 / SPACING_mm)
    one = mapped(region, 1000.0, recovery=0.7)
    soft = session_dose_map(scan(soft_values), 24.0, [one], NOTHING)
    crisp, blurred = region_voxels(sharp, mapped(region, 1000.0)), region_voxels(soft, one)
    assert blurred.mean_Gy == pytest.approx(crisp.mean_Gy, rel=0.01)
    spread = [v.histogram.dose_at_percent_Gy(2) / v.histogram.dose_at_percent_Gy(50) for v in (crisp, blurred)]
    assert spread[1] > spread[0] * 1.05
    assert any("recovered" in note for note in blurred.notes)
    assert not any("recovered" in note for note in crisp.notes)


def test_the_difference_to_local_deposition_is_named_by_cause_and_sums_up():
    region = ball(20.0)
    made = session_dose_map(scan(region.weights * 1e4), 24.0, [mapped(region, 1000.0)], NOTHING)
    found = region_voxels(made, mapped(region, 1000.0))
    percent, because = difference_text("ball", 1000.0, LU, region.volume_mL, found)
    local = 1000.0 * 0.08532 / (region.volume_mL * 1.05)
    assert percent == pytest.approx((found.mean_Gy / local - 1) * 100, abs=0.02)
    assert "own photons" in because
    assert sum(float(p.split()[-1].rstrip("%")) for p in because.split(", ")) == pytest.approx(percent, abs=0.2)


def test_what_is_left_of_the_field_is_integrated_and_said_where_it_cannot_be():
    hours = (24.0, 96.0)
    falling = [TimeActivityPoint(h, 500 * math.exp(-0.012 * h), 0.05) for h in hours]
    found = remainder_of(falling, LU, PLAN, administered_MBq=1000.0)
    assert isinstance(found, RemainderTia)
    assert found.time_integrated_activity_MBq_h == pytest.approx(500 / 0.012, rel=1e-6)
    assert found.note == ""
    rising = [TimeActivityPoint(24.0, 100.0, 0.02), TimeActivityPoint(96.0, 200.0, 0.02)]
    stand_in = remainder_of(rising, LU, PLAN, administered_MBq=1000.0)
    assert isinstance(stand_in, RemainderTia)
    assert "physical decay" in stand_in.note
    assert stand_in.time_integrated_activity_MBq_h == pytest.approx(stand_in_MBq_h(rising, LU))
    for empty in ([], [TimeActivityPoint(24.0, 0.0, 0.05)]):
        assert isinstance(remainder_of(empty, LU, PLAN, administered_MBq=1000.0), RemainderLeftOut)


def test_the_stand_in_is_physical_decay_through_the_last_scan():
    points = [TimeActivityPoint(48.0, 10.0, 0.05), TimeActivityPoint(24.0, 99.0, 0.05)]
    # 177Lu: 159.528 h; 10 MBq at 48 h were 12.319 MBq at the start and make 2835 MBq h.
    assert stand_in_MBq_h(points, LU) == pytest.approx(10 * 2 ** (48 / 159.528) * 159.528 / math.log(2), rel=1e-6)


def test_regions_that_overlap_are_cut_for_the_smaller_and_the_swallowed_is_named():
    big, small, same = ball(30.0, name="big"), ball(10.0, name="small"), ball(10.0, name="same")
    kept, lost = cut_apart([mapped(big, 1.0), mapped(small, 1.0)])
    by_name = {one.name: one.region for one in kept}
    assert by_name["small"].volume_mL == pytest.approx(small.volume_mL)
    assert by_name["big"].volume_mL == pytest.approx(big.volume_mL - small.volume_mL, rel=1e-5)
    assert not lost
    whole = [replace(one, weights=(one.weights > 0.5).astype(np.float32)) for one in (small, same)]
    _, lost = cut_apart([mapped(one, 1.0) for one in whole])
    assert list(lost) == ["same"]
    assert "nothing is left" in lost["same"]
    untouched, none = cut_apart([mapped(small, 1.0)])
    assert untouched[0].region is small
    assert none == {}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.01, 50), min_size=1, max_size=300), st.integers(2, 60))
def test_a_decimated_curve_falls_from_all_to_the_hottest_voxel(doses, points):
    ordered = np.sort(np.array(doses))
    curve = curve_of(DoseVolume("r", ordered, np.ones_like(ordered), 0.0, Trace("t", "1")), points)
    shares = [share for _, share in curve]
    assert len(curve) == points
    assert shares[0] == 1.0
    assert all(a >= b for a, b in pairwise(shares))
    for dose, share in curve[1:-1]:
        # The kept dose is rounded to six digits; the share lies between those on either side of the rounding.
        assert np.mean(ordered >= dose * (1 + 1e-5)) - 1e-5 <= share <= np.mean(ordered >= dose * (1 - 1e-5)) + 1e-5


def test_the_dose_is_linear_in_the_time_integrated_activity():
    region = ball(12.0)
    activity = scan(region.weights * 1e4 + 50.0)
    rest = RemainderTia(300.0)
    one = session_dose_map(activity, 24.0, [mapped(region, 100.0)], rest)
    three = session_dose_map(activity, 24.0, [mapped(region, 300.0)], RemainderTia(900.0))
    np.testing.assert_allclose(three.dose.absorbed_dose_Gy, 3 * one.dose.absorbed_dose_Gy, rtol=1e-3, atol=1e-6)


@pytest.mark.long
def test_a_run_that_asks_for_voxel_doses_shows_them_beside_the_s_values(tmp_path):
    folder = tmp_path / "trial"
    simulate(folder, participants=1, seed=1, small=True)
    path = folder / "protocol.yaml"
    text = path.read_text(encoding="utf-8")
    if "voxel_doses" not in text:
        path.write_text(
            text.replace("    curve: population\n", "    curve: population\n    voxel_doses: true\n"), "utf-8"
        )
    run = trial_run(folder)
    doses = [dose for p in run.result.participants for s in p.sessions for dose in s.doses]
    shown = [dose for dose in doses if dose.details.dose_volume is not None]
    assert {"liver", "kidneys", "spleen"} <= {dose.region_name for dose in shown}
    for dose in shown:
        engines = {one.engine: one for one in dose.details.engines}
        voxel, volume = engines["voxel_kernel"], dose.details.dose_volume
        assert voxel.because
        assert voxel.absorbed_dose_Gy.value == pytest.approx(
            voxel.electron_Gy + voxel.photon_self_Gy + voxel.photon_cross_Gy
        )
        assert len(volume.curve) <= 60
        assert volume.d98_Gy <= volume.d50_Gy <= volume.d2_Gy  # a lesion may be one coarse voxel
        assert "blurred" in volume.mean_Gy.note
        if dose.region_name in ("liver", "kidneys", "spleen"):
            # The Monte Carlo of the phantom against the point kernel on this patient: no code in common.
            assert voxel.absorbed_dose_Gy.value == pytest.approx(engines["s_values"].absorbed_dose_Gy.value, rel=0.04)
