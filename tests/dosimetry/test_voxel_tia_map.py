"""Time-integrated activity maps: region by region and voxel by voxel."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voxel_cast import SHAPE, grid, region, scan, scans

from theratrial.dosimetry.voxel.overlap import without_overlap
from theratrial.dosimetry.voxel.scans import SessionScans
from theratrial.dosimetry.voxel.tia_map import (
    RegionTia,
    RemainderLeftOut,
    RemainderTia,
    RemainderVoxelWise,
    region_wise_tia_map,
    voxel_wise_tia_map,
)
from theratrial.errors import InputError
from theratrial.nuclides import nuclide

LU = nuclide("Lu-177")
NOTHING = RemainderLeftOut("the test looks at the regions only")


def noise(seed: int, shape=SHAPE) -> np.ndarray:
    return np.random.default_rng(seed).uniform(100, 1000, shape).astype(np.float32)


def test_regions_and_remainder_hold_exactly_their_totals() -> None:
    session = scans([noise(1), noise(2)], [24, 48])
    liver, spleen = region("liver", (0, 0, 0), (4, 6, 5)), region("spleen", (5, 7, 6), (8, 10, 9))
    made = region_wise_tia_map(
        session, [RegionTia(liver, 123.0), RegionTia(spleen, 45.0)], remainder=RemainderTia(678.0)
    )
    assert made.region_MBq_h(liver) == pytest.approx(123.0, rel=1e-6)
    assert made.region_MBq_h(spleen) == pytest.approx(45.0, rel=1e-6)
    assert made.total_MBq_h == pytest.approx(123 + 45 + 678, rel=1e-6)


def test_half_a_voxel_takes_half_from_each_side() -> None:
    values = np.full(SHAPE, 500.0)
    session = scans([values, values / 2], [24, 48])
    left = region("left", (0, 0, 0), (1, 1, 2), weight=0.5)
    right = region("right", (0, 0, 1), (1, 1, 3), weight=0.5)
    made = region_wise_tia_map(session, [RegionTia(left, 3.0), RegionTia(right, 5.0)], remainder=NOTHING)
    per_mL = made.MBq_h_per_mL[0, 0] * made.grid.voxel_volume_mL
    assert per_mL[:4] == pytest.approx([1.5, 1.5 + 2.5, 2.5, 0.0], rel=1e-6)


def test_within_a_region_the_pattern_of_the_chosen_scan_is_kept() -> None:
    first, second = noise(3), noise(4)
    liver = region("liver", (1, 1, 1), (6, 8, 7))
    for pattern, values in ((0, first), (1, second)):
        made = region_wise_tia_map(
            scans([first, second], [24, 48]), [RegionTia(liver, 10.0, pattern=pattern)], remainder=NOTHING
        )
        box = liver.box()
        assert np.ptp(made.MBq_h_per_mL[box] / values[box]) / np.mean(made.MBq_h_per_mL[box] / values[box]) < 1e-5
        assert made.scaled[-1].pattern_hours == (24, 48)[pattern]


def test_the_pattern_is_that_of_the_scan_with_the_most_counts_where_counts_are_known() -> None:
    early, late = noise(5), noise(5) * 0.9
    liver = region("liver", (1, 1, 1), (6, 8, 7))
    known = SessionScans((scan(early, 24, counts=1.0), scan(late, 48, counts=3.0)), (24, 48))
    unknown = SessionScans((scan(early, 24), scan(late, 48, counts=3.0)), (24, 48))
    hours = [
        region_wise_tia_map(s, [RegionTia(liver, 1.0)], remainder=NOTHING).scaled[0].pattern_hours
        for s in (known, unknown)
    ]
    assert hours == [48, 24]


def test_order_of_scans_does_not_matter() -> None:
    one, other = scan(noise(6), 24), scan(noise(7), 48)
    liver = RegionTia(region("liver", (1, 1, 1), (6, 8, 7)), 10.0)
    made = [
        region_wise_tia_map(SessionScans(maps, hours), [liver], remainder=RemainderVoxelWise(), nuclide=LU)
        for maps, hours in (((one, other), (24, 48)), ((other, one), (48, 24)))
    ]
    np.testing.assert_array_equal(made[0].MBq_h_per_mL, made[1].MBq_h_per_mL)
    assert made[0].trace.as_dict() == made[1].trace.as_dict()


@settings(max_examples=20, deadline=None)
@given(factor=st.floats(1e-3, 1e3), seed=st.integers(0, 100))
def test_maps_are_linear_in_activity(factor: float, seed: int) -> None:
    first = noise(seed)
    second = first * np.random.default_rng(seed + 1).uniform(0.4, 1.1, SHAPE).astype(np.float32)
    small = voxel_wise_tia_map(scans([first, second], [24, 48]), LU).MBq_h_per_mL
    large = voxel_wise_tia_map(scans([first * factor, second * factor], [24, 48]), LU).MBq_h_per_mL
    np.testing.assert_allclose(large, small * factor, rtol=2e-4)


def test_voxel_wise_gives_back_a_known_exponential_in_every_voxel() -> None:
    rng = np.random.default_rng(8)
    start, half_life = rng.uniform(1e3, 1e4, SHAPE), rng.uniform(20, 150, SHAPE)
    rate = math.log(2) / half_life
    made = voxel_wise_tia_map(scans([start * np.exp(-rate * t) for t in (24, 48, 120)], [24, 48, 120]), LU)
    np.testing.assert_allclose(made.MBq_h_per_mL, start / rate * 1e-6, rtol=3e-5)
    assert made.held is not None
    assert made.held.held_tia_fraction == 0
    assert made.held.unfitted_tia_fraction == 0
    early = (start / rate * -np.expm1(-rate * 24)).sum() / (start / rate).sum()
    assert made.held.before_first_scan_tia_fraction == pytest.approx(early, rel=1e-4)


def test_rising_voxels_are_held_to_physical_decay_and_counted() -> None:
    first = np.full(SHAPE, 100.0)
    second = first * 0.5
    second[0] = 150.0
    made = voxel_wise_tia_map(scans([first, second], [24, 48]), LU)
    physical = LU.decay_constant_per_h
    held = math.sqrt(100 * 150) * math.exp(physical * 36) / physical * 1e-6
    assert made.MBq_h_per_mL[0] == pytest.approx(held, rel=1e-5)
    assert made.held is not None
    assert made.held.held_activity_fraction == pytest.approx(1 / SHAPE[0])
    assert f"{1 / SHAPE[0]:.1%} of the activity" in made.notes[0]


def test_voxels_that_are_not_positive_are_kept_signed_and_counted() -> None:
    first, second = np.full(SHAPE, 100.0), np.full(SHAPE, 50.0)
    first[1], second[1] = -10.0, 2.0
    made = voxel_wise_tia_map(scans([first, second], [24, 48]), LU)
    physical = LU.decay_constant_per_h
    mean = (-10 * math.exp(physical * 24) + 2 * math.exp(physical * 48)) / 2
    assert made.MBq_h_per_mL[1] == pytest.approx(mean / physical * 1e-6, rel=1e-5)
    assert made.held is not None
    assert made.held.unfitted_activity_fraction == pytest.approx(10 / (10 + 100 * (SHAPE[0] - 1)))


def test_a_measured_zero_is_no_exponential_and_not_a_held_one() -> None:
    first, second = np.full(SHAPE, 100.0), np.full(SHAPE, 50.0)
    first[1] = 0.0
    made = voxel_wise_tia_map(scans([first, second], [24, 48]), LU)
    assert np.isfinite(made.MBq_h_per_mL).all()
    assert made.held is not None
    assert made.held.held_tia_fraction == 0
    assert made.held.unfitted_tia_fraction > 0.05


def test_a_voxel_wise_remainder_equals_the_voxel_wise_map_outside() -> None:
    session = scans([noise(1), noise(1) * 0.6], [24, 48])
    liver = region("liver", (0, 0, 0), (4, 6, 5), weight=0.25)
    mixed = region_wise_tia_map(session, [RegionTia(liver, 0.0)], remainder=RemainderVoxelWise(), nuclide=LU)
    whole = voxel_wise_tia_map(session, LU).MBq_h_per_mL.copy()
    whole[liver.box()] *= 0.75
    np.testing.assert_allclose(mixed.MBq_h_per_mL, whole, rtol=1e-6)


def test_overlapping_regions_are_refused_with_names_and_volume() -> None:
    session = scans([noise(1), noise(2)], [24, 48])
    liver, lesion = region("liver", (0, 0, 0), (4, 6, 5)), region("lesion", (1, 1, 1), (2, 2, 3))
    with pytest.raises(InputError, match=r"overlap by 0.12 mL, among them liver, lesion"):
        region_wise_tia_map(session, [RegionTia(liver, 1.0), RegionTia(lesion, 1.0)], remainder=NOTHING)


def test_without_overlap_cuts_the_later_region() -> None:
    liver, lesion = region("liver", (0, 0, 0), (4, 6, 5)), region("lesion", (1, 1, 1), (2, 2, 3), weight=0.75)
    first, second = without_overlap([lesion, liver])
    assert first.volume_mL == pytest.approx(lesion.volume_mL)
    assert second.volume_mL == pytest.approx(liver.volume_mL - lesion.volume_mL, rel=1e-6)
    with pytest.raises(InputError, match="nothing is left of region lesion"):
        without_overlap([liver, lesion])


def test_what_cannot_be_scaled_is_refused() -> None:
    values = noise(1)
    values[:2] = 0
    session = scans([values, values], [24, 48])
    cold, liver = region("cold", (0, 0, 0), (2, 3, 3)), region("liver", (4, 0, 0), (6, 6, 5))
    with pytest.raises(InputError, match="region cold: 0 MBq at 24 h give no pattern"):
        region_wise_tia_map(session, [RegionTia(cold, 1.0)], remainder=NOTHING)
    with pytest.raises(InputError, match="liver: a time-integrated activity of nan"):
        RegionTia(liver, math.nan)
    with pytest.raises(InputError, match="given twice"):
        region_wise_tia_map(session, [RegionTia(liver, 1.0), RegionTia(liver, 1.0)], remainder=NOTHING)
    with pytest.raises(InputError, match="pattern 2 is none of the 2 scans"):
        region_wise_tia_map(session, [RegionTia(liver, 1.0, pattern=2)], remainder=NOTHING)
    other = region("far", (0, 0, 0), (2, 2, 2), grid((9, 12, 11)))
    with pytest.raises(InputError, match="region far is on another grid"):
        region_wise_tia_map(session, [RegionTia(other, 1.0)], remainder=NOTHING)
    with pytest.raises(InputError, match="region none is empty"):
        region_wise_tia_map(
            session, [RegionTia(region("none", (0, 0, 0), (1, 1, 1), weight=0.0), 1.0)], remainder=NOTHING
        )


def test_scans_that_do_not_belong_together_are_refused() -> None:
    values = noise(1)
    with pytest.raises(InputError, match="two scans at 24 h"):
        scans([values, values], [24, 24])
    with pytest.raises(InputError, match="is not after it"):
        scans([values, values], [24, -1])
    with pytest.raises(InputError, match="different grids"):
        SessionScans((scan(values, 24), scan(values[:-1], 48)), (24, 48))
    with pytest.raises(InputError, match="frames of reference"):
        SessionScans((scan(values, 24, grid(frame="1.1")), scan(values, 48, grid(frame="1.2"))), (24, 48))
    with pytest.raises(InputError, match="Lu-177 and Y-90"):
        SessionScans((scan(values, 24), scan(values, 48, nuclide="Y-90")), (24, 48))
    with pytest.raises(InputError, match="one scan says nothing"):
        voxel_wise_tia_map(scans([values], [24]), LU)
    broken = values.copy()
    broken[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="24 h has voxels that are not numbers"):
        voxel_wise_tia_map(scans([broken, values], [24, 48]), LU)
