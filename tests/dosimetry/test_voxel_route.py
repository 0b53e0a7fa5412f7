"""The voxel route in one call, against the organ route and against itself."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from voxel_cast import INJECTED, PLAN, SHAPE, kernel, region, scan

from theratrial.dosimetry import Determinacy, region_activity, region_dose
from theratrial.dosimetry.voxel.density import DensityMap
from theratrial.dosimetry.voxel.route import VoxelRoute, voxel_route
from theratrial.dosimetry.voxel.tia_map import RemainderLeftOut, RemainderVoxelWise
from theratrial.errors import InputError
from theratrial.nuclides import nuclide
from theratrial.trace import Trace

LU = nuclide("Lu-177")
LIVER = region("liver", (0, 0, 0), (4, 6, 5))
LESION = region("lesion", (5, 7, 6), (8, 10, 9))


def maps(lesion_half_life_h: float = 60.0, liver_half_life_h: float = 75.0, seed: int = 1):
    pattern = np.random.default_rng(seed).uniform(0.8, 1.2, SHAPE)
    found = []
    for hours in (24.0, 48.0):
        values = np.full(SHAPE, 2e4 * math.exp(-math.log(2) / 80 * hours))
        values[LIVER.box()] = 4e5 * math.exp(-math.log(2) / liver_half_life_h * hours)
        values[LESION.box()] = 9e5 * math.exp(-math.log(2) / lesion_half_life_h * hours)
        found.append(scan(values * pattern, hours))
    return found


def route(scans, regions=(LIVER, LESION), **others) -> VoxelRoute:
    stated = {
        "administered_at": INJECTED,
        "administered_activity_MBq": 7400.0,
        "nuclide": LU,
        "plan": PLAN,
        "repeatability_relative_sd": 0.02,
    }
    return voxel_route(scans, list(regions), **(stated | others))


def test_local_deposition_gives_the_organ_routes_dose() -> None:
    made = route(maps(), density_g_per_mL=1.05)
    for outline in (LIVER, LESION):
        points = [
            region_activity(one, outline, repeatability_relative_sd=0.02).point(administered_at=INJECTED)
            for one in maps()
        ]
        organ = region_dose(
            points,
            region=outline.name,
            nuclide=LU,
            administered_activity_MBq=7400.0,
            mass_g=outline.volume_mL * 1.05,
            plan=PLAN,
        )
        found = made.regions[outline.name]
        assert found.dose is not None
        assert organ.dose.absorbed_dose_Gy is not None
        assert found.dose.mean_Gy == pytest.approx(organ.dose.absorbed_dose_Gy, rel=1e-5)
        assert found.tia.upper_MBq_h == pytest.approx(organ.tia.upper_MBq_h)


def shared_liver_and_lesion():
    """A lesion whose surface voxels belong half to the liver around it."""
    weights = np.full((3, 3, 3), 0.5, dtype=np.float32)
    weights[1, 1, 1] = 1.0
    lesion = replace(region("lesion", (1, 1, 1), (4, 4, 4)), weights=weights)
    around = np.ones((6, 8, 6), dtype=np.float32)
    around[1:4, 1:4, 1:4] -= weights
    return replace(region("liver", (0, 0, 0), (6, 8, 6)), weights=around), lesion


def test_regions_that_share_voxels_keep_the_organ_routes_dose() -> None:
    outlines = shared_liver_and_lesion()
    made = route(maps(), regions=outlines, density_g_per_mL=1.05)
    delta = 0.08532 / 1.05
    for outline in outlines:
        found = made.regions[outline.name]
        assert found.dose is not None
        expected = found.tia.time_integrated_activity_MBq_h * delta / outline.volume_mL
        assert found.dose.mean_Gy == pytest.approx(expected, rel=1e-4)
        assert abs(found.dose.shared_voxels_Gy) > 1e-4 * expected
    held = sum(one.shared_MBq_h for one in made.tia_map.scaled if one.region != "remainder")
    assert held == pytest.approx(0.0, abs=1e-4 * made.tia_map.total_MBq_h)


def test_shared_voxels_are_not_told_apart_where_some_have_no_dose() -> None:
    liver, lesion = shared_liver_and_lesion()
    local = np.full(SHAPE, 1.05, dtype=np.float32)
    whole = route(maps(), regions=(liver, lesion), density=DensityMap(liver.grid, local, 0.2, Trace("density", "1")))
    uniform = route(maps(), regions=(liver, lesion), density_g_per_mL=1.05)
    assert whole.regions["lesion"].dose.mean_Gy == pytest.approx(uniform.regions["lesion"].dose.mean_Gy, rel=1e-5)
    gas = local.copy()
    gas[5, 7, 5] = 0.001
    made = route(maps(), regions=(liver, lesion), density=DensityMap(liver.grid, gas, 0.2, Trace("density", "1")))
    assert made.regions["liver"].dose.excluded_fraction > 0
    assert made.regions["liver"].dose.shared_voxels_Gy is None
    assert made.regions["lesion"].dose.shared_voxels_Gy == whole.regions["lesion"].dose.shared_voxels_Gy


def test_another_outline_of_the_same_name_is_not_taken_for_the_regions() -> None:
    made = route(maps(), regions=shared_liver_and_lesion(), density_g_per_mL=1.05)
    assert made.dose_map.region_dose(region("lesion", (1, 1, 1), (3, 4, 4))).shared_voxels_Gy is None
    assert made.dose_map.region_dose(region("spleen", (1, 1, 1), (3, 4, 4))).shared_voxels_Gy is None


def test_the_map_holds_every_region_and_the_remainder() -> None:
    made = route(maps(), kernel=kernel())
    values = [one.tia.time_integrated_activity_MBq_h for one in made.regions.values()]
    assert [made.tia_map.region_MBq_h(outline) for outline in (LIVER, LESION)] == pytest.approx(values, rel=1e-6)
    remainder = next(one for one in made.tia_map.scaled if one.region == "remainder")
    assert made.tia_map.total_MBq_h == pytest.approx(sum(values) + remainder.time_integrated_activity_MBq_h, rel=1e-5)


def test_a_rising_region_has_no_dose_but_its_neighbours_get_its_radiation() -> None:
    rising = maps(lesion_half_life_h=-100.0)
    made = route(rising, kernel=kernel((12, 12, 12)))
    lesion = made.regions["lesion"]
    assert lesion.tia.determinacy is Determinacy.RISING
    assert lesion.dose is None
    assert "physical decay through the last scan" in lesion.because
    assert any("lesion: rising" in note for note in made.dose_map.notes)
    last = region_activity(rising[1], LESION, repeatability_relative_sd=0.02).activity_MBq
    physical = LU.decay_constant_per_h
    assert made.tia_map.region_MBq_h(LESION) == pytest.approx(last * math.exp(physical * 48) / physical, rel=1e-5)
    without = route(
        maps(lesion_half_life_h=-100.0), kernel=kernel((12, 12, 12)), remainder=RemainderLeftOut("liver alone is asked")
    )
    assert made.regions["liver"].dose is not None
    assert without.regions["liver"].dose is not None
    assert made.regions["liver"].dose.mean_Gy > without.regions["liver"].dose.mean_Gy


def test_a_stated_time_integrated_activity_replaces_the_fit() -> None:
    fitted = route(maps(), kernel=kernel())
    liver = fitted.regions["liver"]
    assert liver.tia.time_integrated_activity_MBq_h is not None
    twice = replace(liver.tia, time_integrated_activity_MBq_h=2 * liver.tia.time_integrated_activity_MBq_h)
    made = route(maps(), kernel=kernel(), tias={"liver": twice})
    assert made.tia_map.region_MBq_h(LIVER) == pytest.approx(2 * fitted.tia_map.region_MBq_h(LIVER), rel=1e-5)
    assert made.tia_map.region_MBq_h(LESION) == pytest.approx(fitted.tia_map.region_MBq_h(LESION), rel=1e-6)
    with pytest.raises(InputError, match="no such region"):
        route(maps(), kernel=kernel(), tias={"spleen": twice})


def test_order_of_maps_and_threads_change_nothing() -> None:
    one = route(maps(), kernel=kernel())
    other = route(maps()[::-1], kernel=kernel(), workers=2)
    np.testing.assert_array_equal(one.dose_map.absorbed_dose_Gy, other.dose_map.absorbed_dose_Gy)
    assert one.dose_map.trace.as_dict() == other.dose_map.trace.as_dict()


def test_a_voxel_wise_remainder_names_what_was_held() -> None:
    made = route(maps(), kernel=kernel(), remainder=RemainderVoxelWise())
    assert made.tia_map.held is not None
    assert any("held to physical decay" in note for note in made.dose_map.notes)


def test_the_trace_names_every_input() -> None:
    inputs = route(maps(), kernel=kernel()).regions["liver"].dose.trace.inputs
    assert {"scan 1", "scan 2", "region liver", "region remainder", "kernel", "kernel medium", "outline"} <= set(inputs)
    assert inputs["outline"] == "sha256:liver"
    assert inputs["region liver"].startswith("value:dosimetry.time_integrated_activity@")


def test_what_rests_on_a_demonstration_decision_says_so() -> None:
    made = route(maps(), kernel=kernel(), plan=replace(PLAN, demonstration=("dosimetry.model",)))
    assert made.regions["liver"].dose.trace.demonstration == ("dosimetry.model",)
    assert made.dose_map.trace.demonstration == ("dosimetry.model",)


def test_contradictions_are_refused() -> None:
    with pytest.raises(InputError, match="kernel brings the density"):
        route(maps(), kernel=kernel(), density_g_per_mL=1.0)
    with pytest.raises(InputError, match="either a uniform density or a density map"):
        route(maps())
    with pytest.raises(InputError, match="is not after it"):
        route(maps(), density_g_per_mL=1.0, administered_at=INJECTED + timedelta(hours=30))
    with pytest.raises(InputError, match="time zone"):
        route(maps(), density_g_per_mL=1.0, administered_at=INJECTED.replace(tzinfo=None))
    overlapping = region("kidney", (3, 0, 0), (6, 6, 5))
    with pytest.raises(InputError, match="overlap by"):
        route(maps(), regions=(LIVER, overlapping), density_g_per_mL=1.0)
