"""Uptake of a lesion on a SUV map, with its trace."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from theratrial.errors import InputError
from theratrial.imaging.values import Grid, Region, Source, SuvCertificate, SuvMap
from theratrial.response import lesion_uptake
from theratrial.trace import Trace

SOURCE = Source("P01", "1.2", "1.3", "PT", (), "sha256:aa")
GRID = Grid((15, 15, 15), (3.0, 3.0, 3.0), (0.0, 0.0, 0.0), frame_of_reference_uid="1.9")
CERTIFICATE = SuvCertificate("BW", "GML", "as stored", (), (), (), None, None, None, None, "", None)


def suv_map(values):
    at = datetime(2024, 1, 1, tzinfo=UTC)
    trace = Trace("imaging.suv", "1", {"series": "sha256:bb"}, demonstration=("imaging.pet_baseline",))
    return SuvMap(GRID, values.astype(np.float32), at, SOURCE, CERTIFICATE, trace)


def lesion(corner=(6, 6, 6), size=3, grid=GRID):
    return Region("lesion_1", grid, corner, np.ones((size,) * 3, np.float32), SOURCE, "RTSTRUCT", 0.7)


def test_uptake_names_its_image_and_region_in_the_trace():
    found = lesion_uptake(suv_map(np.full(GRID.shape, 4.0)), lesion())
    assert found.quantity("suv_peak").value == pytest.approx(4.0)
    assert (found.suv_max_g_per_mL, found.suv_mean_g_per_mL) == (4.0, 4.0)
    assert dict(found.trace.inputs) == {"series": "sha256:bb", "region": "sha256:aa#lesion_1"}
    assert found.trace.demonstration == ("imaging.pet_baseline",)


def test_a_lesion_at_the_border_has_maximum_and_mean_but_says_why_it_has_no_peak():
    found = lesion_uptake(suv_map(np.full(GRID.shape, 4.0)), lesion(corner=(0, 0, 0), size=1))
    quantity = found.quantity("suv_peak")
    assert quantity.value is None
    assert "border" in quantity.note
    assert found.quantity("suv_max").value == 4.0


def test_a_region_on_another_grid_is_refused():
    with pytest.raises(InputError, match="another grid"):
        lesion_uptake(suv_map(np.ones(GRID.shape)), lesion(grid=replace(GRID, spacing_mm=(3.0, 3.0, 2.0))))


def test_voxels_that_are_not_numbers_are_refused():
    values = np.ones(GRID.shape)
    values[7, 7, 7] = np.inf
    with pytest.raises(InputError, match="not numbers"):
        lesion_uptake(suv_map(values), lesion())
