"""Shares of voxels: exact area of polygons, exact overlap of boxes, volume kept on oblique grids."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_dicom import rotation
from matplotlib.path import Path as Outline

from theratrial.imaging.membership import Polygon, plane_coverage, polygon_area, resampled, slab_overlap
from theratrial.imaging.values import Grid


def star(radii: list[float], row: float, column: float) -> tuple[np.ndarray, np.ndarray]:
    """A simple polygon: vertices at the given radii, evenly around a centre."""
    angle = np.arange(len(radii)) * 2 * np.pi / len(radii)
    return row + np.array(radii) * np.sin(angle), column + np.array(radii) * np.cos(angle)


RADII = st.lists(st.floats(0.05, 12), min_size=3, max_size=25)
CENTRE = st.floats(-30, 30)


@settings(max_examples=150, deadline=None)
@given(radii=RADII, row=CENTRE, column=CENTRE, clockwise=st.booleans())
def test_coverage_sums_to_the_area_of_any_simple_polygon(
    radii: list[float], row: float, column: float, clockwise: bool
) -> None:
    rows, columns = star(radii, row, column)
    if clockwise:
        rows, columns = rows[::-1], columns[::-1]
    _, covered = plane_coverage([Polygon(0, rows, columns)], 1)
    assert covered.min() >= 0
    assert covered.max() <= 1
    # area of a star polygon: sum of its triangles from the centre
    r = np.array(radii)
    area = 0.5 * np.sin(2 * np.pi / len(r)) * float(np.sum(r * np.roll(r, -1)))
    if len(r) > 3 or area > 0:
        assert float(covered.sum()) == pytest.approx(area, rel=1e-6, abs=1e-6)


def test_coverage_of_every_pixel_agrees_with_counted_points() -> None:
    """Against matplotlib's point-in-polygon test on 100 x 100 points per pixel."""
    rows, columns = star([3.1, 1.2, 4.4, 0.6, 2.9, 3.7, 1.1], 4.3, 5.8)
    (row0, column0), covered = plane_coverage([Polygon(0, rows, columns)], 1)
    height, width = covered.shape[1:]
    fine = (np.arange(100) + 0.5) / 100 - 0.5
    y = (row0 + np.arange(height)[:, None] + fine[None, :]).ravel()
    x = (column0 + np.arange(width)[:, None] + fine[None, :]).ravel()
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    inside = Outline(np.column_stack([columns, rows])).contains_points(grid).reshape(len(y), len(x))
    counted = inside.reshape(height, 100, width, 100).mean(axis=(1, 3))
    assert covered[0] == pytest.approx(counted, abs=0.01)


def test_a_square_on_pixel_borders_fills_whole_pixels() -> None:
    corner, covered = plane_coverage([Polygon(0, np.array([1.5, 1.5, 4.5, 4.5]), np.array([2.5, 4.5, 4.5, 2.5]))], 1)
    row, column = 2 - corner[0], 3 - corner[1]
    assert np.array_equal(covered[0, row : row + 3, column : column + 2], np.ones((3, 2)))
    assert float(covered.sum()) == 6.0


def test_overlapping_outlines_count_once_and_holes_are_taken_out() -> None:
    def box(low: float, high: float, sign: int = 1) -> Polygon:
        return Polygon(0, np.array([low, low, high, high]), np.array([low, high, high, low]), sign)

    assert float(plane_coverage([box(0.5, 4.5), box(0.5, 4.5)], 1)[1].sum()) == pytest.approx(16)
    assert float(plane_coverage([box(0.5, 4.5), box(1.5, 2.5, -1)], 1)[1].sum()) == pytest.approx(15)
    assert float(plane_coverage([box(0.5, 2.5), box(4.5, 5.5)], 1)[1].sum()) == pytest.approx(5)


def test_area_far_from_the_origin_keeps_its_digits() -> None:
    rows, columns = star([2.0] * 360, 1e7, -1e7)
    exact = 360 / 2 * 4 * np.sin(2 * np.pi / 360)
    assert abs(polygon_area(rows, columns)) == pytest.approx(exact, rel=1e-6)


@settings(max_examples=100, deadline=None)
@given(start=st.floats(-20, 20), thickness=st.lists(st.floats(0.05, 4), min_size=1, max_size=12))
def test_slabs_side_by_side_keep_their_thickness(start: float, thickness: list[float]) -> None:
    edges = 30 + start + np.concatenate([[0], np.cumsum(thickness)])
    share = slab_overlap(edges[:-1], edges[1:], 120)
    assert share.sum() == pytest.approx(edges[-1] - edges[0], abs=0.0061)  # edges within 0.003 snap to a border
    assert share.sum(axis=1).max() <= 1 + 1e-9


def ball(grid: Grid, radius_mm: float, centre_mm: np.ndarray) -> np.ndarray:
    index = np.stack(np.meshgrid(*(np.arange(n, dtype=float) for n in grid.shape), indexing="ij"), axis=-1)
    distance = np.linalg.norm(grid.patient_mm(index) - centre_mm, axis=-1)
    return (distance <= radius_mm).astype(np.float32)


ANGLE = st.floats(-0.7, 0.7)
STEP = st.floats(1.5, 6.0)


@settings(max_examples=25, deadline=None)
@given(angles=st.tuples(ANGLE, ANGLE, ANGLE), spacing=st.tuples(STEP, STEP, STEP), radius_mm=st.floats(5, 16))
def test_a_ball_keeps_its_volume_and_centre_on_any_oblique_grid(
    angles: tuple[float, float, float], spacing: tuple[float, float, float], radius_mm: float
) -> None:
    source = Grid((20, 26, 26), (2.5, 1.8, 1.9), (-23.0, -22.0, -24.0))
    centre = np.array([0.6, -0.3, 0.2])
    weights = ball(source, radius_mm, centre)
    direction = rotation(*angles)
    shape = tuple(int(80 / s) + 2 for s in spacing)
    half = np.array([(shape[2] - 1) * spacing[2], (shape[1] - 1) * spacing[1], (shape[0] - 1) * spacing[0]]) / 2
    origin = centre - direction @ half
    target = Grid((shape[0], shape[1], shape[2]), spacing, (origin[0], origin[1], origin[2]), direction)
    found = resampled(weights, source, target)
    volume = float(weights.sum()) * source.voxel_volume_mL
    kept = float(found.weights.sum(dtype=np.float64)) * target.voxel_volume_mL
    assert kept == pytest.approx(volume, rel=0.01)
    assert found.inside_fraction == 1.0
    assert found.weights.min() >= 0
    assert found.weights.max() <= 1
    index = np.stack(np.meshgrid(*(np.arange(n, dtype=float) for n in found.weights.shape), indexing="ij"), axis=-1)
    middle = target.patient_mm((index + found.corner).reshape(-1, 3))
    drawn = source.patient_mm(np.argwhere(weights > 0).astype(float)).mean(axis=0)
    assert np.average(middle, axis=0, weights=found.weights.ravel()) == pytest.approx(drawn, abs=0.2)


@settings(max_examples=40, deadline=None)
@given(
    axes=st.permutations([0, 1, 2]),
    flips=st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3),
    spacing=st.tuples(STEP, STEP, STEP),
    shift=st.tuples(*[st.floats(-2, 2)] * 3),
)
def test_parallel_grids_keep_the_volume_exactly_through_flips_and_permutations(
    axes: list[int], flips: tuple[float, ...], spacing: tuple[float, float, float], shift: tuple[float, ...]
) -> None:
    rng = np.random.default_rng(5)
    source = Grid((6, 7, 8), (2.5, 1.8, 1.9), (0.0, 0.0, 0.0))
    weights = rng.random(source.shape).astype(np.float32)
    direction = np.eye(3)[:, axes] * np.array(flips)
    shape = tuple(int(60 / s) for s in spacing)
    half = np.array([(shape[2] - 1) * spacing[2], (shape[1] - 1) * spacing[1], (shape[0] - 1) * spacing[0]]) / 2
    origin = np.array([6.6, 5.4, 6.2]) + np.array(shift) - direction @ half
    target = Grid((shape[0], shape[1], shape[2]), spacing, (origin[0], origin[1], origin[2]), direction)
    found = resampled(weights, source, target)
    volume = float(weights.sum(dtype=np.float64)) * source.voxel_volume_mL
    # a border that snaps moves by at most 0.003 of a voxel
    assert float(found.weights.sum(dtype=np.float64)) * target.voxel_volume_mL == pytest.approx(volume, rel=0.006)


def test_the_same_grid_gives_the_weights_back() -> None:
    rng = np.random.default_rng(6)
    grid = Grid((5, 6, 7), (4.8, 4.8, 4.8), (-100.0, 20.0, 3.0), rotation(0.2, 0.1, -0.4))
    weights = rng.random(grid.shape).astype(np.float32)
    assert resampled(weights, grid, grid).weights == pytest.approx(weights, abs=1e-6)
