"""Activities of regions in a SPECT with every contribution to their uncertainty."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.dosimetry.activity import region_activity
from theratrial.errors import InputError, Problems
from theratrial.imaging.values import ActivityMap, Grid, Source
from theratrial.quantification.recovery import Background, RecoveryPoint, recovery_curve
from theratrial.quantification.recovery_matrix import ShapeRecovery, blurred_region
from theratrial.quantification.segmentation_sphere import sphere_region
from theratrial.quantification.spect_activity import SpectSettings, corrected_activities, spect_activities
from theratrial.trace import Trace

SOURCE = Source("P01", "1.2", "1.3", "NM", (Path("scan.dcm"),), "sha256:00")
GRID = Grid((40, 44, 44), (4.8, 4.8, 4.8), (-100.0, -100.0, 0.0), frame_of_reference_uid="1.2.3")
MIDDLE = (3.0, 4.0, 95.0)
CURVE = recovery_curve(
    [RecoveryPoint(v, 1 - 1 / (1 + (v / 4) ** 0.7), 0.04) for v in (0.5, 1.2, 2.6, 5.6, 11.5, 26.5, 113.0)],
    curve_id="RC-2026",
    camera="CAM1",
    nuclide="Lu-177",
    reconstruction="OSEM",
)
CAMERA = ShapeRecovery("PSF-2026", "CAM1", "Lu-177", "OSEM", 9.0, 0.4)
KNOWN = {"calibration_geometry": "cylinder", "recovery_geometry": "cylinder"}


def scan_of(values: np.ndarray, **changed) -> ActivityMap:
    when = datetime(2026, 3, 1, 10, tzinfo=UTC)
    made = ActivityMap(
        GRID, values.astype(np.float32), when, "Lu-177", SOURCE, Trace("made", "1"), 1.0, "NONE", 0.03, 2.0
    )
    return replace(made, **changed)


def blurred_sphere(diameter_mm: float, inside_Bq_per_mL: float, outside_Bq_per_mL: float):
    region = sphere_region(GRID, "lesion", MIDDLE, diameter_mm, SOURCE)
    corner, seen = blurred_region(region, 9.0)
    values = np.full(GRID.shape, outside_Bq_per_mL)
    box = tuple(slice(c, c + n) for c, n in zip(corner, seen.shape, strict=True))
    values[box] += (inside_Bq_per_mL - outside_Bq_per_mL) * seen
    return scan_of(values), region


def test_without_recovery_it_is_the_activity_of_the_existing_route() -> None:
    scan, region = blurred_sphere(30.0, 2e5, 1e4)
    (ours,) = spect_activities(scan, [region], SpectSettings(0.05))
    theirs = region_activity(scan, region, repeatability_relative_sd=0.05)
    assert ours.activity_MBq == pytest.approx(theirs.activity_MBq, rel=1e-12)
    assert ours.uncorrelated_relative_sd == pytest.approx(theirs.uncorrelated_relative_sd, rel=1e-12)
    assert ours.common_relative_sd == theirs.calibration_relative_sd
    assert ours.volume_mL == theirs.volume_mL
    assert any("partial volume (no recovery curve" in text for text in ours.not_in_interval)


def test_recovery_by_shape_with_background_returns_what_was_put_in() -> None:
    scan, region = blurred_sphere(24.0, 3e5, 4e4)
    true_MBq = 3e5 * region.volume_mL * 1e-6
    settings = SpectSettings(0.05, CAMERA, backgrounds={"lesion": Background(4e4, 0.1)}, **KNOWN)
    (found,) = corrected_activities(scan, [region], settings)
    assert found.uncorrected_MBq < 0.75 * true_MBq
    assert found.measured.activity_MBq == pytest.approx(true_MBq, rel=2e-3)
    assert {p.name for p in found.measured.parts} == {
        "repeatability", "counts", "calibration", "recovery", "background"
    }  # fmt: skip
    assert found.dln_activity_dln_volume < 0
    assert found.measured.trace.inputs["recovery"] == "given:PSF-2026, resolution 9 +- 0.4 mm"


@given(st.floats(0.01, 0.3), st.floats(0.0, 0.6))
def test_contributions_combine_as_first_order_propagation(repeatability: float, contrast: float) -> None:
    scan, region = blurred_sphere(30.0, 2e5, 2e5 * contrast)
    around = {"lesion": Background(2e5 * contrast, 0.1)} if contrast else None
    (found,) = corrected_activities(scan, [region], SpectSettings(repeatability, CURVE, backgrounds=around, **KNOWN))
    parts = {p.name: p.relative_sd for p in found.measured.parts}
    grown = found.correction.measured_sensitivity
    assert grown >= 1.0
    assert parts["repeatability"] == pytest.approx(repeatability * grown)
    assert parts["calibration"] == 0.03
    assert found.measured.common_relative_sd == pytest.approx(math.hypot(0.03, parts["recovery"]))
    if not contrast:
        assert parts["recovery"] == pytest.approx(CURVE.at(region.volume_mL).relative_sd)
        assert found.measured.activity_MBq == pytest.approx(found.uncorrected_MBq / CURVE.at(region.volume_mL).recovery)
        assert any("taken as cold" in text for text in found.measured.not_in_interval)


def test_counting_noise_is_that_of_repeated_scans() -> None:
    scan, region = blurred_sphere(30.0, 40.0, 5.0)
    rng = np.random.default_rng(4)
    mean_counts = scan.activity_Bq_per_mL * 2.0
    seen = [region.weighted_sum((rng.poisson(mean_counts) / 2.0).astype(np.float32)) for _ in range(300)]
    (found,) = spect_activities(scan, [region], SpectSettings(0.0))
    stated = next(p.relative_sd for p in found.parts if p.name == "counts")
    assert stated == pytest.approx(np.std(seen) / np.mean(seen), rel=0.12)


def test_a_region_outside_the_curve_is_refused_or_uncorrected_with_bounds() -> None:
    scan, large = blurred_sphere(80.0, 2e5, 0.0)
    with pytest.raises(Problems, match=r"lesion.*undetermined"):
        spect_activities(scan, [large], SpectSettings(0.05, CURVE, **KNOWN))
    settings = SpectSettings(0.05, CURVE, outside_curve="uncorrected", **KNOWN)
    (found,) = corrected_activities(scan, [large], settings)
    assert found.measured.activity_MBq == found.uncorrected_MBq
    assert found.correction is None
    assert any("it lies between 0.9" in text for text in found.measured.not_in_interval)
    assert "recovery" not in {p.name for p in found.measured.parts}


def test_phantoms_that_do_not_match_are_warned_of() -> None:
    scan, region = blurred_sphere(30.0, 2e5, 0.0)

    def warned(**geometry) -> tuple[str, ...]:
        (found,) = spect_activities(scan, [region], SpectSettings(0.05, CURVE, **geometry))
        return found.warnings

    assert warned(**KNOWN) == ()
    assert "15 %" in warned()[0]
    mixed = warned(calibration_geometry="Cylinder", recovery_geometry="sphere")[0]
    assert "calibration from a cylinder, recovery from a sphere" in mixed


def test_regions_that_overlap_are_warned_of_and_named() -> None:
    scan, region = blurred_sphere(30.0, 2e5, 1e4)
    other = sphere_region(GRID, "liver", (15.0, 4.0, 95.0), 60.0, SOURCE)
    one, two = spect_activities(scan, [region, other], SpectSettings(0.05))
    assert "shares" in one.warnings[0]
    assert "liver" in one.warnings[0]
    assert "lesion" in two.warnings[0]


def test_what_is_not_known_is_named_and_never_zero() -> None:
    scan, region = blurred_sphere(30.0, 2e5, 1e4)
    scan = replace(scan, counts_per_Bq_per_mL=None, calibration_relative_sd=None)
    (found,) = spect_activities(scan, [region], SpectSettings(0.05))
    assert {p.name for p in found.parts} == {"repeatability"}
    assert any("counting noise" in text for text in found.not_in_interval)
    assert any("calibration" in text for text in found.not_in_interval)


def test_all_regions_that_cannot_be_quantified_are_named_at_once() -> None:
    scan, region = blurred_sphere(30.0, 2e5, 1e4)
    low = tuple(GRID.patient_mm(np.array([-0.5, 20.0, 20.0])))
    cut = sphere_region(GRID, "cut", low, 40.0, SOURCE)
    empty = replace(region, name="empty", weights=np.zeros((1, 1, 1), np.float32))
    framed = Grid(GRID.shape, GRID.spacing_mm, GRID.origin_mm, GRID.direction, "9.9.9")
    foreign = sphere_region(framed, "foreign", MIDDLE, 20.0, SOURCE)
    with pytest.raises(Problems) as raised:
        spect_activities(scan, [cut, empty, foreign, region], SpectSettings(0.05))
    said = str(raised.value)
    assert "3 problem(s)" in said
    for words in ("'cut'", "inside the field of view", "'empty'", "is empty", "'foreign'", "9.9.9"):
        assert words in said
    with pytest.raises(InputError, match="once"):
        spect_activities(scan, [region, region], SpectSettings(0.05))
    with pytest.raises(InputError, match="no regions here"):
        spect_activities(scan, [region], SpectSettings(0.05, CURVE, backgrounds={"liver": Background(1.0, 0.1)}))
    values = scan.activity_Bq_per_mL.copy()
    values[20, 20, 20] = np.nan
    with pytest.raises(Problems, match="no numbers"):
        spect_activities(scan_of(values), [sphere_region(GRID, "l", MIDDLE, 60.0, SOURCE)], SpectSettings(0.05))
    with pytest.raises(Problems, match="negative"):
        spect_activities(scan_of(-scan.activity_Bq_per_mL), [region], SpectSettings(0.05))


@pytest.mark.parametrize("bad", [{"repeatability_relative_sd": -0.1}, {"repeatability_relative_sd": 1.0}])
def test_settings_that_cannot_be_are_refused(bad) -> None:
    with pytest.raises(InputError, match="repeatability"):
        SpectSettings(**bad)
    with pytest.raises(InputError, match="outside_curve"):
        SpectSettings(0.05, outside_curve="ignore")  # type: ignore[arg-type]
