"""Dose-volume histograms: exact on voxels that can be counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from voxel_cast import grid, region

from theratrial.dosimetry.dose_volume import DoseVolume, dose_volume
from theratrial.dosimetry.voxel.density import DensityMap
from theratrial.dosimetry.voxel.dose_map import AbsorbedDoseMap
from theratrial.errors import InputError, NumericalError
from theratrial.trace import Trace

MADE = Trace("test", "1")


def dose_map(doses: np.ndarray, density: DensityMap | None = None) -> AbsorbedDoseMap:
    return AbsorbedDoseMap(
        grid(doses.shape), np.asarray(doses, dtype=np.float32), "kernel", "Lu-177", density, (), MADE
    )


def histogram(doses: list[float], weights: list[float]) -> DoseVolume:
    on = grid((1, 1, len(doses)))
    lesion = replace(
        region("lesion", (0, 0, 0), (1, 1, len(doses)), on), weights=np.array([[weights]], dtype=np.float32)
    )
    return dose_volume(dose_map(np.array([[doses]])), lesion)


def test_ten_equal_voxels_by_hand() -> None:
    made = histogram([3, 1, 2, 10, 4, 5, 7, 6, 8, 9], [1.0] * 10)
    assert made.mean_Gy == 5.5
    assert (made.minimum_Gy, made.maximum_Gy) == (1, 10)
    assert [made.volume_fraction(x) for x in (0, 1, 1.5, 5, 10, 10.5)] == pytest.approx([1, 1, 0.9, 0.6, 0.1, 0])
    assert [made.dose_at_percent_Gy(x) for x in (2, 10, 10.1, 50, 95, 98, 100)] == [10, 10, 9, 6, 1, 1, 1]
    assert made.homogeneity_index == pytest.approx((10 - 1) / 6)
    assert made.volume_mL == pytest.approx(10 * grid().voxel_volume_mL)


def test_fractional_voxels_count_by_their_share() -> None:
    made = histogram([1, 2, 3], [0.5, 1.0, 0.5])
    assert made.mean_Gy == 2.0
    assert made.volume_fraction(2.5) == 0.25
    assert [made.dose_at_percent_Gy(x) for x in (25, 26, 75, 76)] == [3, 2, 2, 1]
    assert made.differential_mL([0, 2, 4]) == pytest.approx(np.array([0.5, 1.5]) * grid().voxel_volume_mL)
    assert made.cumulative_fraction([0, 2, 3, 9]) == pytest.approx([1, 0.75, 0.25, 0])


def test_a_voxel_outside_the_region_does_not_count() -> None:
    made = histogram([1, 99], [1.0, 0.0])
    assert made.maximum_Gy == 1


values = hnp.arrays(np.float32, st.integers(1, 60), elements=st.floats(0, 100, width=32))


@given(doses=values, seed=st.integers(0, 1000), percent=st.floats(0.1, 100), dose=st.floats(0, 101))
def test_histogram_agrees_with_its_definitions(doses: np.ndarray, seed: int, percent: float, dose: float) -> None:
    weights = np.random.default_rng(seed).uniform(0.05, 1, doses.size).astype(np.float32)
    made = histogram(list(doses), list(weights))
    assert made.mean_Gy == pytest.approx(np.average(doses, weights=weights.astype(float)), rel=1e-6, abs=1e-6)
    assert made.volume_fraction(dose) == pytest.approx(
        weights[doses.astype(float) >= dose].sum(dtype=float) / weights.sum(dtype=float), abs=1e-6
    )
    at = made.dose_at_percent_Gy(percent)
    assert made.volume_fraction(at) >= percent / 100 - 1e-9
    assert made.volume_fraction(np.nextafter(at, np.inf)) < percent / 100 + 1e-9
    assert made.minimum_Gy <= at <= made.maximum_Gy
    assert made.cumulative_fraction([dose])[0] == pytest.approx(made.volume_fraction(dose))
    edges = np.linspace(0, 101, 12)
    assert made.differential_mL(edges).sum() == pytest.approx(made.volume_mL)


def test_volume_at_dose_never_grows_with_dose() -> None:
    rng = np.random.default_rng(1)
    made = histogram(list(rng.gamma(3, 2, 200)), list(rng.uniform(0.1, 1, 200)))
    curve = made.cumulative_fraction(np.linspace(0, 40, 400))
    assert curve[0] == 1
    assert (np.diff(curve) <= 0).all()
    assert curve[-1] == 0


def test_voxels_without_a_dose_are_left_out_and_their_volume_is_stated() -> None:
    doses = np.array([[[1.0, np.nan, 3.0, np.nan]]])
    density = DensityMap(grid((1, 1, 4)), np.ones((1, 1, 4), dtype=np.float32), 0.2, MADE)
    lung = region("lung", (0, 0, 0), (1, 1, 4), grid((1, 1, 4)))
    made = dose_volume(dose_map(doses, density), lung)
    assert made.mean_Gy == 2.0
    assert made.excluded_mL == pytest.approx(2 * grid().voxel_volume_mL)
    gas = region("gas", (0, 0, 1), (1, 1, 2), grid((1, 1, 4)))
    with pytest.raises(NumericalError, match="region gas: no voxel of it has a dose"):
        dose_volume(dose_map(doses, density), gas)


def test_questions_without_an_answer_are_refused() -> None:
    made = histogram([0, 0, 0, 5], [1.0] * 4)
    with pytest.raises(InputError, match="got 0 %"):
        made.dose_at_percent_Gy(0)
    with pytest.raises(InputError, match="do not hold its doses"):
        made.differential_mL([0, 4])
    with pytest.raises(InputError, match="increase"):
        made.differential_mL([0, 0, 6])
    with pytest.raises(NumericalError, match="homogeneity"):
        _ = made.homogeneity_index
    with pytest.raises(InputError, match="ascending"):
        DoseVolume("x", np.array([2.0, 1.0]), np.array([1.0, 1.0]), 0.0, MADE)
    with pytest.raises(InputError, match="positive"):
        DoseVolume("x", np.array([1.0, 2.0]), np.array([1.0, 0.0]), 0.0, MADE)
    with pytest.raises(InputError, match="not empty"):
        DoseVolume("x", np.array([]), np.array([]), 0.0, MADE)
