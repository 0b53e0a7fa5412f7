"""Coarser pixels: the same counts, the same place, the same mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planar_slab import pair_of

from theratrial.errors import InputError
from theratrial.imaging.values import Grid, Source, Volume
from theratrial.quantification.coarser import coarser_pair, coarser_volume

SOURCE = Source("P01", "1.2", "1.2.3", "CT", (), "sha256:00")


@settings(max_examples=20, deadline=None)
@given(st.integers(5, 40), st.integers(5, 40), st.floats(1.0, 12.0))
def test_no_count_is_lost_whatever_the_size(ny: int, nx: int, least_mm: float) -> None:
    rng = np.random.default_rng(ny * 100 + nx)
    counts = [rng.poisson(5.0, (ny, nx)).astype(np.float32) for _ in range(2)]
    pair = replace(pair_of(*counts), pixel_spacing_mm=(2.4, 1.2))
    found = coarser_pair(pair, least_mm)
    assert found.posterior is not None
    assert pair.posterior is not None
    for one, other in ((pair.anterior, found.anterior), (pair.posterior, found.posterior)):
        assert float(other.sum()) == pytest.approx(float(one.sum()), rel=1e-6)
    assert max(found.pixel_spacing_mm) <= max(least_mm, 2.4) + 1e-9


def test_a_block_lies_at_the_middle_of_its_voxels_also_on_a_turned_grid() -> None:
    turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    grid = Grid((6, 9, 8), (5.0, 2.0, 2.0), (10.0, -20.0, 30.0), turn, "1.2.9")
    z, y, x = np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij")
    place = grid.patient_mm(np.stack([z, y, x], axis=-1).astype(float))
    volume = Volume(grid, place[..., 0].astype(np.float32), "HU", None, SOURCE)
    found = coarser_volume(volume, 4.0)
    assert found.grid.shape == (6, 4, 4)
    assert found.grid.frame_of_reference_uid == "1.2.9"
    # Every voxel holds its own x: the mean of a block is the x of its middle.
    zz, yy, xx = np.meshgrid(*(np.arange(n) for n in found.grid.shape), indexing="ij")
    middle = found.grid.patient_mm(np.stack([zz, yy, xx], axis=-1).astype(float))
    assert np.allclose(found.values, middle[..., 0], atol=1e-4)


def test_a_size_that_cannot_be_is_refused() -> None:
    volume = Volume(
        Grid((2, 2, 2), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)), np.zeros((2, 2, 2), np.float32), "HU", None, SOURCE
    )
    with pytest.raises(InputError, match="0 mm"):
        coarser_volume(volume, 0)
    with pytest.raises(InputError, match="cannot be averaged"):
        coarser_volume(volume, 10.0)
