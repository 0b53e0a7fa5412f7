"""Planar course, height of one SPECT: what cancels, what stays, what is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.nuclides import nuclide
from theratrial.quantification.hybrid import hybrid_activities
from theratrial.quantification.values import MeasuredActivity, Part
from theratrial.trace import Trace

START = datetime(2026, 2, 1, 12, tzinfo=UTC)
COUNTS, CALIBRATION = Part("counts", 0.04), Part("calibration", 0.05)
LU = nuclide("Lu-177")


def _planar(hours: float, activity: float) -> MeasuredActivity:
    return MeasuredActivity(
        "liver",
        "planar",
        activity,
        START + timedelta(hours=hours),
        "Lu-177",
        (COUNTS, CALIBRATION),
        Trace("made", "1", {"planar": f"sha256:{hours:g}"}),
    )


def _spect(hours: float, activity: float) -> MeasuredActivity:
    return replace(
        _planar(hours, activity),
        route="spect",
        parts=(Part("counts", 0.01), Part("calibration", 0.03)),
        volume_mL=1500.0,
        trace=Trace("made", "1", {"spect": "sha256:s"}),
    )


@settings(deadline=None)
@given(st.floats(0.1, 10.0), st.floats(1.0, 1000.0))
def test_any_common_planar_error_cancels_and_the_course_stays(bias: float, activity: float) -> None:
    planar = [_planar(24, bias * activity), _planar(48, bias * activity * 0.8)]
    found = hybrid_activities(planar, _spect(24, activity))
    assert [f.activity_MBq for f in found] == pytest.approx([activity, 0.8 * activity])
    assert all(f.route == "hybrid" and f.volume_mL == 1500.0 for f in found)


def test_the_scaling_is_common_and_carries_the_spect_and_the_anchor() -> None:
    anchor, other = hybrid_activities([_planar(24, 90.0), _planar(48, 70.0)], _spect(24, 100.0))
    spect_sd = math.hypot(0.01, 0.03)
    assert anchor.uncorrelated_relative_sd == 0.0
    assert anchor.common_relative_sd == pytest.approx(spect_sd)
    assert other.uncorrelated_relative_sd == 0.04
    assert other.common_relative_sd == pytest.approx(math.hypot(spect_sd, 0.04))
    assert not any(p.name == "calibration" for p in other.parts)
    assert other.trace.inputs["planar.planar"] == "sha256:48"
    assert other.trace.inputs["spect.spect"] == "sha256:s"


def test_the_planar_scan_beside_the_spect_is_moved_by_decay() -> None:
    found = hybrid_activities([_planar(24, 90.0), _planar(48, 70.0)], _spect(25.5, 100.0))
    assert found[0].activity_MBq == pytest.approx(100.0 / LU.fraction_left(1.5))


def test_a_spect_far_from_any_planar_scan_needs_the_planar_curve() -> None:
    planar = [_planar(24, 90.0), _planar(120, 45.0)]
    with pytest.raises(InputError, match=r"'liver'.*48\.0 h"):
        hybrid_activities(planar, _spect(72, 100.0))

    def course(at: datetime) -> float:
        return 90.0 * 2 ** -((at - START).total_seconds() / 3600 / 96 - 0.25)

    found = hybrid_activities(planar, _spect(72, 100.0), curve=course, curve_relative_sd=0.05, curve_source="value:fit")
    factor = 100.0 / (90.0 * 2**-0.5)
    assert [f.activity_MBq for f in found] == pytest.approx([90 * factor, 45 * factor])
    assert found[0].common_relative_sd == pytest.approx(math.hypot(0.01, 0.03, 0.05))
    assert found[0].trace.inputs["curve"] == "value:fit"
    with pytest.raises(InputError, match="its source"):
        hybrid_activities(planar, _spect(72, 100.0), curve=course)


def test_points_that_are_not_one_course_are_refused() -> None:
    good = [_planar(24, 90.0), _planar(48, 70.0)]
    with pytest.raises(InputError, match="got none"):
        hybrid_activities([], _spect(24, 100.0))
    with pytest.raises(InputError, match="not one course"):
        hybrid_activities([replace(good[0], region="heart")], _spect(24, 100.0))
    with pytest.raises(InputError, match="takes planar points"):
        hybrid_activities([_spect(24, 3.0)], _spect(24, 100.0))
    with pytest.raises(InputError, match="at one time"):
        hybrid_activities([good[0], good[0]], _spect(24, 100.0))
    with pytest.raises(InputError, match="no activity"):
        hybrid_activities(good, _spect(24, 0.0))
    with pytest.raises(InputError, match="zero tells no course"):
        hybrid_activities([replace(good[0], activity_MBq=0.0)], _spect(24, 100.0))
