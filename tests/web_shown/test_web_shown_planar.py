"""Whole-body views for the browser: one scale for all, or the reason why not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from web_shown_cohort import Participant

from theratrial.imaging.planar import planar_pair
from theratrial.web.studies.shown import Outline, TimePoint, planar_manifest, planar_shown

LU177_HALF_LIFE_h = 6.647 * 24  # ICRP publication 107


def _points(participant: Participant) -> list[TimePoint]:
    return [
        TimePoint((Path(one.files[0]),), participant.injected_at, label)
        for one, label in zip(participant.whole_bodies, ("24 h", "48 h"), strict=True)
    ]


def test_counts_become_counts_per_second_at_injection(participant: Participant) -> None:
    for point, series in zip(_points(participant), participant.whole_bodies, strict=True):
        header = planar_shown(point).header
        assert series.acquired_at is not None
        hours = (series.acquired_at - participant.injected_at) / timedelta(hours=1)
        assert header["hours_after_injection"] == pytest.approx(hours)
        by_hand = 2 ** (hours / LU177_HALF_LIFE_h) / header["duration_s"]
        assert header["counts_per_s_at_injection_factor"] == pytest.approx(by_hand, rel=1e-3)


def test_pure_decay_between_two_scans_shows_equal_values(participant: Participant) -> None:
    """The same acquisition, said to be a half-life later, is shown twice as high."""
    point = _points(participant)[0]
    later = replace(point, injected_at=participant.injected_at - timedelta(hours=LU177_HALF_LIFE_h))
    first, second = (planar_shown(one).header["counts_per_s_at_injection_factor"] for one in (point, later))
    assert second / first == pytest.approx(2, rel=1e-3)


def test_the_pixels_sent_are_the_counts_of_the_pair(participant: Participant) -> None:
    point = _points(participant)[0]
    shown = planar_shown(point)
    header = shown.header
    sent = np.frombuffer(shown.content, "<u2" if header["type"] == "uint16" else "<f4")
    views = sent.reshape(2, header["rows"], header["columns"])
    pair = planar_pair(point.files)
    assert pair.posterior is not None
    window = int(np.argmax(pair.anterior.sum(axis=(1, 2))))
    assert np.array_equal(views[0], pair.anterior[window])
    assert np.array_equal(views[1], pair.posterior[window])


def test_all_views_share_one_window(participant: Participant) -> None:
    headers = [planar_shown(one).header for one in _points(participant)]
    manifest = planar_manifest(headers, ["/a", "/b"])
    assert manifest["comparable"]
    usual = [h["usual_highest_counts"] * h["counts_per_s_at_injection_factor"] for h in headers]
    assert max(usual) <= manifest["window"]["high"] <= 1.1 * max(usual)
    assert [p["url"] for p in manifest["points"]] == ["/a", "/b"]


def test_one_scan_without_an_injection_takes_the_common_scale_from_all(participant: Participant) -> None:
    first, second = _points(participant)
    headers = [planar_shown(one).header for one in (first, replace(second, injected_at=None))]
    manifest = planar_manifest(headers, ["/a", "/b"])
    assert not manifest["comparable"]
    assert manifest["window"]["high"] is None
    assert manifest["not_comparable_because"] == ["48 h: no injection is recorded for it"]
    assert manifest["unit"] == "counts"


def test_a_scan_before_its_injection_is_not_normalised(participant: Participant) -> None:
    point = replace(_points(participant)[0], injected_at=participant.injected_at + timedelta(hours=30))
    header = planar_shown(point).header
    assert header["counts_per_s_at_injection_factor"] is None
    assert "before the injection" in header["not_comparable_because"]


def test_views_counted_in_different_pixels_are_not_compared(participant: Participant) -> None:
    headers = [planar_shown(one).header for one in _points(participant)]
    headers[1] = {**headers[1], "pixel_mm": {"row": 1.0, "column": 1.0}}
    assert planar_manifest(headers, ["/a", "/b"])["not_comparable_because"] == [
        "the time points have different pixel sizes"
    ]


def test_a_real_pair_of_inferred_views_waits_for_a_person(shared: Path) -> None:
    file = shared / "data/nm_planar_antpost_siemens/poumonsReins_scrubbed.dcm"
    header = planar_shown(TimePoint((file,), None, "0 h")).header
    assert header["view_confirmed"] is False
    assert header["views"] == ["anterior", "posterior"]
    assert header["counts_per_s_at_injection_factor"] is None


def test_outlines_travel_with_their_view(participant: Participant) -> None:
    triangle = Outline("lesion", "posterior", ((0.0, 0.0), (10.0, 0.0), (0.0, 10.0)))
    header = planar_shown(replace(_points(participant)[0], outlines=(triangle,))).header
    assert header["outlines"] == [
        {"name": "lesion", "view": "posterior", "points_mm": [[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]]}
    ]
