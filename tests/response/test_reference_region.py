"""Reference regions in phantoms whose mean and standard deviation are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import Grid, Region, Source
from theratrial.response.reference_region import blood_pool_reference, liver_reference

SOURCE = Source("P01", "1.2", "1.3", "PT", (), "sha256:0")


def region(name, grid, weights, corner=(0, 0, 0)):
    return Region(name, grid, corner, weights.astype(np.float32), SOURCE, "SEG", 1.0)


def block(grid, low_mm, high_mm):
    places = [np.arange(n) * d for n, d in zip(grid.shape, grid.spacing_mm, strict=True)]
    z, y, x = ((p >= a) & (p <= b) for p, a, b in zip(places, low_mm, high_mm, strict=True))
    return (z[:, None, None] & y[None, :, None] & x[None, None, :]).astype(np.float32)


GRID = Grid((50, 50, 50), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0))


def test_a_uniform_liver_has_its_uptake_and_no_spread():
    liver = region("liver", GRID, block(GRID, (20, 20, 20), (80, 80, 80)))
    found = liver_reference(np.full(GRID.shape, 2.5, np.float32), liver)
    assert found.mean == pytest.approx(2.5)
    assert found.sd == pytest.approx(0, abs=1e-9)
    assert found.centre_mm == (50.0, 50.0, 50.0)
    assert found.volume_mL == pytest.approx(14.137, abs=0.001)


def test_a_gradient_has_the_spread_of_a_sphere():
    """Along one axis the standard deviation over a uniform ball is r / sqrt(5)."""
    liver = region("liver", GRID, block(GRID, (10, 10, 10), (90, 90, 90)))
    z = (np.arange(50) * 2.0)[:, None, None]
    image = np.broadcast_to(1 + 0.01 * z, GRID.shape).astype(np.float32)
    found = liver_reference(image, liver)
    assert found.mean == pytest.approx(1.5, rel=1e-6)
    assert found.sd == pytest.approx(0.01 * 15 / math.sqrt(5), rel=0.01)


def test_the_blood_pool_is_measured_along_the_body_whatever_the_order_of_slices():
    """A vessel of 20 mm with cold surroundings; the cylinder of 10 mm by 20 mm never leaves it."""
    for direction in (np.eye(3), np.diag([1.0, 1.0, -1.0])):
        grid = Grid((40, 30, 30), (3.0, 2.0, 2.0), (0.0, 0.0, 0.0), direction)
        y, x = np.meshgrid(np.arange(30) * 2.0 - 29, np.arange(30) * 2.0 - 29, indexing="ij")
        tube = np.broadcast_to(y**2 + x**2 <= 100, grid.shape).astype(np.float32)
        image = np.where(tube > 0, 1.8, 0.2).astype(np.float32)
        found = blood_pool_reference(image, region("aorta", grid, tube))
        assert (found.mean, found.sd) == (pytest.approx(1.8), pytest.approx(0, abs=1e-6))
        assert found.volume_mL == pytest.approx(1.5708, abs=0.0001)


def test_a_lesion_in_the_liver_is_kept_clear_of():
    liver_weights = block(GRID, (10, 10, 10), (90, 90, 90))
    lesion_weights = block(GRID, (40, 40, 40), (60, 60, 60))
    image = (2 + 10 * lesion_weights).astype(np.float32)
    liver, lesion = region("liver", GRID, liver_weights), region("lesion", GRID, lesion_weights)
    assert liver_reference(image, liver).mean > 5
    assert liver_reference(image, liver, avoid=[lesion]).mean == pytest.approx(2.0)


def test_a_region_too_small_for_its_reference_is_refused():
    small = region("liver", GRID, block(GRID, (40, 40, 40), (60, 60, 60)))
    with pytest.raises(NumericalError, match="sphere of 3 cm"):
        liver_reference(np.ones(GRID.shape, np.float32), small)
    thin = region("aorta", GRID, block(GRID, (10, 48, 48), (90, 50, 50)))
    with pytest.raises(NumericalError, match="cylinder of 1 cm by 2 cm"):
        blood_pool_reference(np.ones(GRID.shape, np.float32), thin)
    with pytest.raises(NumericalError, match="no voxel"):
        liver_reference(np.ones(GRID.shape, np.float32), region("liver", GRID, np.zeros(GRID.shape)))


def test_a_liver_that_leaves_the_image_is_refused_where_the_sphere_would_leave_it():
    edge = region("liver", GRID, block(GRID, (0, 20, 20), (16, 80, 80)))
    with pytest.raises(NumericalError, match="would lie inside"):
        liver_reference(np.ones(GRID.shape, np.float32), edge)


def test_another_grid_and_values_that_are_no_numbers_are_refused():
    liver = region("liver", GRID, block(GRID, (20, 20, 20), (80, 80, 80)))
    with pytest.raises(InputError, match="grid"):
        liver_reference(np.ones((3, 3, 3), np.float32), liver)
    image = np.ones(GRID.shape, np.float32)
    image[25, 25, 25] = np.nan
    with pytest.raises(InputError, match="not numbers"):
        liver_reference(image, liver)
