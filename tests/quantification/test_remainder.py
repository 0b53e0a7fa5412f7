"""Remainder of the body by voxels and by subtraction."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import Grid, Region, Source
from theratrial.quantification.remainder import body_cut_at, remainder_activity, remainder_region
from theratrial.quantification.segmentation_sphere import sphere_region
from theratrial.quantification.values import MeasuredActivity, Part
from theratrial.trace import Trace

SOURCE = Source("P01", "1.2", "1.3", "NM", (Path("scan.dcm"),), "sha256:00")
GRID = Grid((30, 32, 34), (5.0, 5.0, 5.0), (-80.0, -75.0, 100.0))
WHEN = datetime(2026, 3, 1, 10, tzinfo=UTC)


def body(grid: Grid = GRID, slices: slice = slice(4, 26)) -> Region:
    weights = np.zeros(grid.shape, dtype=np.float32)
    weights[slices, 4:28, 4:30] = 1.0
    return Region("body", grid, (0, 0, 0), weights, SOURCE, "SEG", 1.0)


def measured(region: str, MBq: float, *parts: Part, **changed) -> MeasuredActivity:
    inputs = {"image": "sha256:00", "region": f"sha256:11#{region}"}
    about = {"volume_mL": 100.0, "acquired_at": WHEN, "nuclide": "Lu-177"} | changed
    return MeasuredActivity(
        region=region, route="spect", activity_MBq=MBq, parts=parts, trace=Trace("made", "1", inputs), **about
    )


def test_body_is_the_sum_of_regions_and_remainder() -> None:
    liver = sphere_region(GRID, "liver", (0.0, 0.0, 170.0), 60.0, SOURCE)
    spleen = sphere_region(GRID, "spleen", (52.0, 0.0, 170.0), 30.0, SOURCE)
    whole = body()
    found = remainder_region(whole, [liver, spleen])
    assert found.region.volume_mL + liver.volume_mL + spleen.volume_mL - found.double_counted_mL == pytest.approx(
        whole.volume_mL, rel=1e-6
    )
    assert found.double_counted_mL == 0
    values = np.random.default_rng(1).random(GRID.shape).astype(np.float32)
    parts = sum(r.weighted_sum(values) for r in (liver, spleen, found.region))
    assert parts == pytest.approx(whole.weighted_sum(values), rel=1e-6)
    assert found.cut_at == ()
    assert found.region.kind == "REMAINDER"


def test_what_two_regions_share_is_taken_out_once() -> None:
    one = sphere_region(GRID, "one", (0.0, 0.0, 170.0), 50.0, SOURCE)
    same = sphere_region(GRID, "same", (0.0, 0.0, 170.0), 50.0, SOURCE)
    single, double = remainder_region(body(), [one]), remainder_region(body(), [one, same])
    assert double.double_counted_mL > 0.8 * one.volume_mL
    assert double.region.volume_mL <= single.region.volume_mL
    # Fractions at the rim add up to at most a voxel: the difference is what of the rim the bound claims.
    assert double.region.volume_mL == pytest.approx(
        single.region.volume_mL - (one.volume_mL - double.double_counted_mL)
    )


def test_a_region_that_reaches_out_of_the_body_is_counted() -> None:
    out = sphere_region(GRID, "out", (-62.5, 0.0, 170.0), 30.0, SOURCE)
    assert remainder_region(body(), [out]).outside_body_mL == pytest.approx(out.volume_mL / 2, rel=0.1)


def test_a_field_of_view_that_cuts_the_body_says_where() -> None:
    assert body_cut_at(body()) == ()
    assert body_cut_at(body(slices=slice(0, 30))) == ("feet", "head")
    assert body_cut_at(body(slices=slice(0, 20))) == ("feet",)
    turned = Grid(GRID.shape, GRID.spacing_mm, GRID.origin_mm, np.diag([1.0, -1.0, -1.0]))
    assert body_cut_at(body(turned, slices=slice(0, 20))) == ("head",)


def test_nothing_listed_and_nothing_left_are_refused() -> None:
    with pytest.raises(InputError, match="no region listed"):
        remainder_region(body(), [])
    with pytest.raises(InputError, match="nothing of body is left"):
        remainder_region(body(), [body()])
    elsewhere = Grid(GRID.shape, GRID.spacing_mm, (0.0, 0.0, 0.0))
    with pytest.raises(InputError, match="another grid"):
        remainder_region(body(), [sphere_region(elsewhere, "x", (50.0, 50.0, 50.0), 20.0, SOURCE)])


@given(st.floats(10, 500), st.floats(10, 500), st.floats(0.01, 0.2), st.floats(0.0, 0.1))
def test_uncertainty_is_that_of_a_monte_carlo_of_the_difference(one, two, noise, calibration) -> None:
    whole_MBq = one + two + 800.0
    terms = [whole_MBq, one, two]
    sds = [noise / 4, noise, noise]
    made = [
        measured(name, value, Part("counts", sd), Part("calibration", calibration))
        for name, value, sd in zip(("body", "liver", "spleen"), terms, sds, strict=True)
    ]
    found = remainder_activity(made[0], made[1:])
    assert found.activity_MBq == pytest.approx(800.0)
    expected = math.sqrt(sum((v * s) ** 2 for v, s in zip(terms, sds, strict=True))) / 800.0
    assert found.uncorrelated_relative_sd == pytest.approx(expected)
    # The calibration multiplies whole and regions alike, and so their difference: it does not grow.
    assert found.common_relative_sd == pytest.approx(calibration, abs=1e-12)


def test_recovery_of_each_region_is_independent_and_grows_in_a_small_remainder() -> None:
    found = remainder_activity(
        measured("body", 1000.0, Part("counts", 0.001)),
        [
            measured("liver", 500.0, Part("recovery", 0.05), Part("counts", 0.01)),
            measured("spleen", 400.0, Part("recovery", 0.05), Part("counts", 0.01)),
        ],
        cut_at=("feet", "head"),
    )
    recovery = next(p.relative_sd for p in found.parts if p.name == "recovery")
    assert recovery == pytest.approx(math.hypot(25, 20) / 100)
    assert any("cuts the body at feet, head" in text for text in found.warnings)
    # Made volumes of 100 mL each leave -100 mL, which is no volume.
    assert found.volume_mL is None


def test_terms_of_different_scans_and_regions_above_the_whole_are_refused() -> None:
    whole, liver = measured("body", 100.0, Part("counts", 0.01)), measured("liver", 30.0, Part("counts", 0.01))
    later = measured("liver", 30.0, acquired_at=WHEN + timedelta(hours=24))
    with pytest.raises(InputError, match="take all from one scan"):
        remainder_activity(whole, [later])
    with pytest.raises(NumericalError, match="more than body"):
        remainder_activity(whole, [measured("liver", 130.0)])
    with pytest.raises(InputError, match="each region once"):
        remainder_activity(whole, [liver, liver])
    lacking = remainder_activity(whole, [measured("liver", 30.0)])
    assert any("counts of liver (not stated)" in text for text in lacking.not_in_interval)
