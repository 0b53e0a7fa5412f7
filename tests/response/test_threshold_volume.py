"""Volumes above a stated threshold in steps whose volume is counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.imaging.values import Grid, Region, Source
from theratrial.response.threshold import Threshold, threshold_volume

SOURCE = Source("P01", "1.2", "1.3", "PT", (), "sha256:0")
GRID = Grid((1, 1, 4), (10.0, 10.0, 10.0), (0.0, 0.0, 0.0))
IMAGE = np.array([[[10.0, 5.0, 4.0, 100.0]]], np.float32)
LESION = Region("lesion", GRID, (0, 0, 0), np.array([[[1.0, 1.0, 0.5, 0.0]]], np.float32), SOURCE, "SEG", 2.5)


@pytest.mark.parametrize(
    ("threshold", "reference", "limit", "volume", "total"),
    [
        (Threshold("fixed", 4.0), None, 4.0, 2.5, 17.0),
        (Threshold("fixed", 4.5), None, 4.5, 2.0, 15.0),
        (Threshold("percent_of_maximum", 50.0), None, 5.0, 2.0, 15.0),
        (Threshold("percent_of_maximum", 51.0), None, 5.1, 1.0, 10.0),
        (Threshold("times_reference", 1.5), 2.0, 3.0, 2.5, 17.0),
        (Threshold("fixed", 11.0), None, 11.0, 0.0, 0.0),
    ],
)
def test_voxels_at_or_above_the_threshold_count_by_their_share(threshold, reference, limit, volume, total):
    found = threshold_volume(IMAGE, LESION, threshold, reference_g_per_mL=reference)
    assert found.threshold_g_per_mL == pytest.approx(limit)
    assert found.volume_mL == pytest.approx(volume)
    assert found.total_g == pytest.approx(total)
    assert (found.mean_g_per_mL is None) == (volume == 0)


@given(st.floats(0.1, 12), st.floats(0.1, 12))
def test_a_higher_threshold_never_holds_more(one, other):
    low, high = sorted((one, other))
    more, less = (threshold_volume(IMAGE, LESION, Threshold("fixed", value)) for value in (low, high))
    assert less.volume_mL <= more.volume_mL
    assert less.total_g <= more.total_g


def test_a_threshold_by_a_reference_that_was_not_measured_is_refused():
    for reference in (None, 0.0, float("nan")):
        with pytest.raises(InputError, match="reference"):
            threshold_volume(IMAGE, LESION, Threshold("times_reference", 1.5), reference_g_per_mL=reference)


@pytest.mark.parametrize(("kind", "value"), [("fixed", 0.0), ("percent_of_maximum", 101.0), ("fixed", float("nan"))])
def test_a_threshold_that_means_nothing_is_refused(kind, value):
    with pytest.raises(InputError):
        Threshold(kind, value)
