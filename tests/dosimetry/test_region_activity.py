from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from theratrial.dosimetry import region_activity
from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import ActivityMap, Grid, Region, Source
from theratrial.trace import Trace

SCANNED = datetime(2024, 3, 2, 9, 0, tzinfo=UTC)
GRID = Grid((6, 7, 8), (5.0, 4.0, 3.0), (0.0, 0.0, 0.0), frame_of_reference_uid="1.2.3")
SOURCE = Source("P1", "1.1", "1.2", "NM", (), "sha256:scan")


def activity_map(values=1000.0, **other) -> ActivityMap:
    array = np.broadcast_to(np.asarray(values, np.float32), GRID.shape).copy()
    fields = {"calibration_relative_sd": 0.04} | other
    return ActivityMap(GRID, array, SCANNED, "Lu-177", SOURCE, Trace("imaging.spect", "1"), 1.0, "NONE", **fields)


def region(weights=None, *, grid: Grid = GRID, inside: float = 1.0) -> Region:
    box = np.ones((2, 3, 4), np.float32) if weights is None else np.asarray(weights, np.float32)
    return Region("liver", grid, (1, 2, 3), box, SOURCE, "SEG", float(box.sum()) * grid.voxel_volume_mL, inside)


def test_activity_is_concentration_times_volume() -> None:
    # By hand: 24 voxels of 60 mm3 are 1.44 mL; 1000 Bq/mL.
    found = region_activity(activity_map(), region(), repeatability_relative_sd=0.05)
    assert found.volume_mL == pytest.approx(1.44)
    assert found.activity_MBq == pytest.approx(1.44e-3)
    assert found.calibration_relative_sd == 0.04
    assert found.uncorrelated_relative_sd == 0.05
    assert found.trace.inputs["region"] == "sha256:scan#liver"


def test_counting_noise_is_that_of_the_counts_where_they_are_known() -> None:
    # 24 voxels of 1000 Bq/mL at 0.5 counts per Bq/mL: 12000 counts, 1/sqrt(12000) = 0.9129 %.
    found = region_activity(activity_map(counts_per_Bq_per_mL=0.5), region(), repeatability_relative_sd=0.05)
    assert found.counting_relative_sd == pytest.approx(0.009129, rel=1e-3)
    assert found.uncorrelated_relative_sd == pytest.approx(math.hypot(0.05, 0.009129), rel=1e-5)
    assert region_activity(activity_map(), region(), repeatability_relative_sd=0.05).counting_relative_sd is None


def test_stated_counting_noise_is_the_scatter_of_repeated_poisson_images() -> None:
    rng = np.random.default_rng(3)
    weights = rng.uniform(0.1, 1.0, (2, 3, 4))
    sums, stated = [], []
    for _ in range(2000):
        counts = rng.poisson(40.0, GRID.shape)
        found = region_activity(
            activity_map(counts / 0.5, counts_per_Bq_per_mL=0.5), region(weights), repeatability_relative_sd=0.0
        )
        sums.append(found.activity_MBq)
        stated.append(found.counting_relative_sd)
    assert np.mean(stated) == pytest.approx(np.std(sums) / np.mean(sums), rel=0.06)


def test_a_scan_without_counts_in_the_region_is_a_measured_zero() -> None:
    found = region_activity(activity_map(0.0, counts_per_Bq_per_mL=0.5), region(), repeatability_relative_sd=0.05)
    assert found.activity_MBq == 0
    assert found.counting_relative_sd is None
    assert found.point(administered_at=SCANNED - timedelta(hours=24)).activity_MBq == 0


def test_a_point_carries_hours_uncertainties_and_source() -> None:
    found = region_activity(activity_map(), region(), repeatability_relative_sd=0.05)
    tehran_like = SCANNED.astimezone(tz=None) - timedelta(hours=24, minutes=30)
    point = found.point(administered_at=tehran_like)
    assert point.hours_after_administration == pytest.approx(24.5)
    assert (point.uncorrelated_relative_sd, point.common_relative_sd) == (0.05, 0.04)
    assert (point.source, point.nuclide) == ("sha256:scan", "Lu-177")


def test_a_scan_before_the_administration_is_refused_with_both_times() -> None:
    found = region_activity(activity_map(), region(), repeatability_relative_sd=0.05)
    with pytest.raises(InputError, match=r"liver.*1\.50 h before"):
        found.point(administered_at=SCANNED + timedelta(minutes=90))
    with pytest.raises(InputError, match="time zone"):
        found.point(administered_at=datetime(2024, 3, 1))


def test_noise_larger_than_the_activity_is_no_point() -> None:
    found = region_activity(activity_map(counts_per_Bq_per_mL=1e-5), region(), repeatability_relative_sd=0.05)
    with pytest.raises(NumericalError, match="too few counts"):
        found.point(administered_at=SCANNED - timedelta(hours=1))


def test_a_region_cut_by_the_field_of_view_is_undetermined_and_not_smaller() -> None:
    with pytest.raises(NumericalError, match=r"97\.0%.*undetermined"):
        region_activity(activity_map(), region(inside=0.97), repeatability_relative_sd=0.05)
    found = region_activity(
        activity_map(), region(inside=0.97), repeatability_relative_sd=0.05, minimum_inside_fraction=0.95
    )
    assert found.inside_fraction == 0.97


OTHER_FRAME = Grid(GRID.shape, GRID.spacing_mm, GRID.origin_mm, frame_of_reference_uid="9.9")
SHIFTED = Grid(GRID.shape, GRID.spacing_mm, (5.0, 0.0, 0.0), frame_of_reference_uid="1.2.3")


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (region(grid=OTHER_FRAME), "frame of reference 9.9"),
        (region(grid=SHIFTED), "another grid"),
        (region(np.zeros((2, 3, 4))), "empty"),
        (region(np.zeros((0, 0, 0))), "empty"),
    ],
)
def test_a_region_of_another_place_or_of_nothing_is_refused_by_name(bad: Region, word: str) -> None:
    with pytest.raises(InputError, match=f"liver.*{word}"):
        region_activity(activity_map(), bad, repeatability_relative_sd=0.05)


def test_voxels_that_are_not_numbers_are_refused() -> None:
    with pytest.raises(InputError, match="not numbers"):
        region_activity(activity_map(np.nan), region(), repeatability_relative_sd=0.05)


def test_negative_totals_are_undetermined() -> None:
    with pytest.raises(NumericalError, match="negative"):
        region_activity(activity_map(-1.0), region(), repeatability_relative_sd=0.05)


@pytest.mark.parametrize("sensitivity", [0.0, -1.0, math.nan])
def test_counts_without_calibration_are_refused(sensitivity: float) -> None:
    with pytest.raises(InputError, match="counts without calibration"):
        region_activity(activity_map(counts_per_Bq_per_mL=sensitivity), region(), repeatability_relative_sd=0.05)


@pytest.mark.parametrize("sd", [5.0, -0.1, math.nan])
def test_a_repeatability_that_is_a_percentage_is_refused(sd: float) -> None:
    with pytest.raises(InputError, match="0 to 1"):
        region_activity(activity_map(), region(), repeatability_relative_sd=sd)


def test_the_hours_after_administration_are_those_that_passed_when_the_clocks_changed_between() -> None:
    # Python subtracts two times of one ZoneInfo as clock readings; on 31 March 2024 an hour was left out in Berlin.
    berlin = ZoneInfo("Europe/Berlin")
    scan = replace(activity_map(), acquired_at=datetime(2024, 3, 31, 10, tzinfo=berlin))
    found = region_activity(scan, region(), repeatability_relative_sd=0.05)
    point = found.point(administered_at=datetime(2024, 3, 30, 10, tzinfo=berlin))
    assert point.hours_after_administration == 23
