"""Sensitivity records, dead time and the time every point was seen."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theratrial.errors import InputError, NumericalError
from theratrial.quantification.camera import PlanarSensitivity, sensitivity_in_force
from theratrial.quantification.camera_dead_time import DeadTime, row_rates_cps, two_source_tau_s
from theratrial.quantification.camera_timing import ScanStatement, scan_timing, stated_scan

RECORD = PlanarSensitivity("CAM-1", "177Lu", "208 keV 20 %", 6.0, 6.2, 0.03, date(2026, 1, 1), "dish in air", "given:x")
DEAD = DeadTime(2e-6, 0.1, 150_000.0, "all windows", "given:decaying source")
SWEEP = ScanStatement("WHOLE BODY", "1PASS", 1000.0, 2.0, 2000.0, 400.0, 2.4)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_latest_record_not_after_the_scan_is_in_force() -> None:
    newer = replace(RECORD, valid_from=date(2026, 2, 1), anterior_cps_per_MBq=5.0)
    future = replace(RECORD, valid_from=date(2026, 3, 2))
    assert sensitivity_in_force((newer, RECORD, future), camera="CAM-1", nuclide="Lu-177", at=NOON) is newer


@pytest.mark.parametrize(
    ("records", "camera", "message"),
    [
        ((), "CAM-1", "known are none"),
        ((RECORD,), "CAM-2", "known are CAM-1 with Lu-177"),
        ((replace(RECORD, valid_from=date(2026, 3, 2)),), "CAM-1", "holds from 2026-03-02"),
        ((RECORD, RECORD), "CAM-1", "2 sensitivities"),
    ],
)
def test_counts_without_a_calibration_in_force_are_refused(
    records: tuple[PlanarSensitivity, ...], camera: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        sensitivity_in_force(records, camera=camera, nuclide="Lu-177", at=NOON)


@pytest.mark.parametrize("wrong", [{"anterior_cps_per_MBq": 0.0}, {"relative_sd": 0.0}, {"geometry": " "}])
def test_a_sensitivity_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match="CAM-1"):
        replace(RECORD, **wrong)  # type: ignore[arg-type]


@settings(deadline=None)
@given(st.floats(0.0, 1.0))
def test_dead_time_is_undone_exactly(part: float) -> None:
    true = part * 0.9 * 250_000  # tau 2 us: observed stays below 144 000 cps
    observed = true * math.exp(-true * DEAD.tau_s)
    assert DEAD.true_cps(observed) == pytest.approx(true, rel=1e-9, abs=1e-6)


@settings(deadline=None)
@given(st.floats(1.0, 149_000.0), st.floats(1.0, 149_000.0))
def test_more_observed_counts_mean_more_true_counts(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert low <= DEAD.true_cps(low) <= DEAD.true_cps(high)


def test_a_rate_beyond_the_measured_range_is_refused_with_what_to_do() -> None:
    with pytest.raises(InputError, match=r"150000 cps.*later scan"):
        DEAD.true_cps(151_000.0)


def test_a_range_beyond_the_top_of_the_model_is_refused() -> None:
    with pytest.raises(InputError, match=r"0\.9 / \(e tau\)"):
        DeadTime(2e-6, 0.1, 180_000.0, "all windows", "given:x")


def test_the_deviation_of_the_factor_is_that_of_tau_put_through_the_model() -> None:
    observed, step = 100_000.0, 1e-4
    up = replace(DEAD, tau_s=DEAD.tau_s * (1 + step)).factor(observed)
    slope = (up / DEAD.factor(observed) - 1) / step
    assert DEAD.factor_relative_sd(observed) == pytest.approx(slope * DEAD.relative_sd, rel=1e-3)


@settings(deadline=None)
@given(st.floats(0.5e-6, 8e-6), st.floats(5_000.0, 30_000.0), st.floats(0.8, 1.25))
def test_two_sources_give_the_dead_time_they_were_made_with(tau: float, first: float, ratio: float) -> None:
    def observed(n: float) -> float:
        return n * math.exp(-n * tau)

    second = first * ratio
    found = two_source_tau_s(observed(first), observed(second), observed(first + second))
    assert found == pytest.approx(tau, rel=1e-5)


def test_two_sources_without_loss_give_no_dead_time() -> None:
    with pytest.raises(NumericalError, match="no loss"):
        two_source_tau_s(1000.0, 1000.0, 2000.0)


def test_a_static_view_counts_all_rows_at_once_and_a_sweep_what_is_in_view() -> None:
    counts = np.zeros((200, 4), dtype=np.float32)
    counts[100] = 250.0  # one line source of 1000 counts
    assert row_rates_cps(counts, 10.0, row_spacing_mm=4.0, field_of_view_mm=None) == pytest.approx(np.full(200, 100.0))
    sweep = row_rates_cps(counts, 10.0, row_spacing_mm=4.0, field_of_view_mm=80.0)
    # While the row of the source itself is in view, the source is: the rate is the whole one. 40 rows off never.
    assert sweep[100] == pytest.approx(100.0, rel=0.06)
    assert sweep[100 + 45] == 0.0


def test_a_sweep_sees_each_point_for_its_field_of_view_over_its_speed() -> None:
    timing = scan_timing(SWEEP)
    assert timing.dwell_s == 200.0
    assert timing.row_s == pytest.approx(1.2)


@pytest.mark.parametrize("length", [2000.0, 1600.0])
def test_speed_times_duration_may_be_the_length_with_or_without_the_field_of_view(length: float) -> None:
    assert scan_timing(replace(SWEEP, length_mm=length)).dwell_s == 200.0


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (replace(SWEEP, length_mm=1200.0), "contradicts itself"),
        (replace(SWEEP, velocity_mm_per_s=None), "no ScanVelocity"),
        (replace(SWEEP, field_of_view_mm=None), "FieldOfViewDimensions"),
        (replace(SWEEP, technique="MSP"), "step and shoot"),
        (replace(SWEEP, technique="MSP", velocity_mm_per_s=None, frame_duration_s=None), "ActualFrameDuration"),
        (replace(SWEEP, kind="STATIC", frame_duration_s=None), "ActualFrameDuration"),
    ],
)
def test_a_header_that_says_too_little_or_contradicts_itself_is_refused(said: ScanStatement, message: str) -> None:
    with pytest.raises(InputError, match=message):
        scan_timing(said)
    assert scan_timing(said, dwell_s=123.0).dwell_s == 123.0


def test_bed_steps_share_the_duration_only_when_told_so() -> None:
    steps = replace(SWEEP, technique="MSP", velocity_mm_per_s=None, frame_duration_s=1200.0)
    assert scan_timing(steps).dwell_s == 1200.0
    assert scan_timing(steps, steps=5).dwell_s == 240.0


def test_the_real_static_pair_states_its_duration(shared: Path) -> None:
    said = stated_scan(shared / "data/nm_planar_antpost_siemens/poumonsReins_scrubbed.dcm")
    timing = scan_timing(said)
    assert said.kind == "STATIC"
    assert timing.dwell_s == said.frame_duration_s
    assert timing.field_of_view_mm is None
