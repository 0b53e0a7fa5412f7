"""Shares of voxels: how a shape drawn elsewhere becomes fractional membership on a grid, with its volume kept.

Three exact or near-exact transfers, from the most to the least common case: polygons on planes parallel to a grid axis
(exact area coverage times exact slab overlap), boxes on a parallel grid (exact overlap), boxes on an oblique grid
(supersampled, then the boundary is scaled so that the volume inside the grid is the one drawn).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import FloatArray, Grid

Floats = NDArray[np.float64]

_MOST_CELLS_AT_ONCE = 4_000_000
_MOST_CELLS_OF_A_PLANE = 60_000_000
_MOST_SAMPLES = 12_000_000
_SNAP_FRACTION = 0.003
"""Slab edges this close to a voxel edge (in voxels) are that edge: positions are written with three decimals."""


@dataclass(frozen=True, slots=True, eq=False)
class Membership:
    """Weights 0..1 on the box of a grid that starts at `corner`, and the share of the shape inside the grid."""

    corner: tuple[int, int, int]
    weights: FloatArray
    inside_fraction: float


@dataclass(frozen=True, slots=True, eq=False)
class Polygon:
    """A closed polygon on plane number `plane`, in pixel units; pixel (row, column) spans +-0.5 around its index.

    `sign` is +1 for an outline, -1 for a hole.
    """

    plane: int
    rows: Floats
    columns: Floats
    sign: int = 1


def polygon_area(rows: Floats, columns: Floats) -> float:
    """Signed area in units of the coordinates (shoelace)."""
    r, c = rows - rows[0], columns - columns[0]  # large offsets would cost digits
    return 0.5 * float(np.dot(c, np.roll(r, -1)) - np.dot(r, np.roll(c, -1)))


def share_of_vertices_inside(rows: Floats, columns: Floats, outer_rows: Floats, outer_columns: Floats) -> float:
    """Share of the points that lie inside the outer polygon (even-odd)."""
    r1, r2 = outer_rows, np.roll(outer_rows, -1)
    c1, c2 = outer_columns, np.roll(outer_columns, -1)
    span = np.where(r2 == r1, 1.0, r2 - r1)
    straddles = (r1[None, :] > rows[:, None]) != (r2[None, :] > rows[:, None])
    crossing = c1[None, :] + (rows[:, None] - r1[None, :]) / span[None, :] * (c2 - c1)[None, :]
    return float(np.mean(np.count_nonzero(straddles & (columns[:, None] < crossing), axis=1) % 2))


def plane_coverage(polygons: Sequence[Polygon], plane_count: int) -> tuple[tuple[int, int], Floats]:
    """Exact share of every pixel that the polygons cover.

    Each polygon is turned to positive orientation; outlines add, holes subtract, overlapping outlines count once.

    Returns
    -------
    corner, coverage
        Lowest row and column index, and ``(plane_count, rows, columns)`` in 0..1.

    Notes
    -----
    The signed area under each edge is accumulated per pixel after cutting the edge at every pixel border, and summed
    along the row: no sampling, so that the coverage sums to the polygon's area for any size of pixel.
    """
    row_low = int(np.floor(min(p.rows.min() for p in polygons) + 0.5))
    row_high = int(np.floor(max(p.rows.max() for p in polygons) + 0.5))
    column_low = int(np.floor(min(p.columns.min() for p in polygons) + 0.5))
    column_high = int(np.floor(max(p.columns.max() for p in polygons) + 0.5))
    height, width = row_high - row_low + 1, column_high - column_low + 2
    starts, ends, planes, signs = [], [], [], []
    for p in polygons:
        points = np.column_stack([p.rows + 0.5 - row_low, p.columns + 0.5 - column_low])
        starts.append(points)
        ends.append(np.roll(points, -1, axis=0))
        planes.append(np.full(len(points), p.plane))
        signs.append(np.full(len(points), -float(p.sign) if polygon_area(p.rows, p.columns) > 0 else float(p.sign)))
    start, end = np.concatenate(starts), np.concatenate(ends)
    edge, begin, finish = _cut_at_borders(start, end)
    first = start[edge] + (end - start)[edge] * begin[:, None]
    last = start[edge] + (end - start)[edge] * finish[:, None]
    middle = (first + last) / 2
    rise = (last[:, 0] - first[:, 0]) * np.concatenate(signs)[edge]
    row = np.clip(np.floor(middle[:, 0]).astype(np.int64), 0, height - 1)
    column = np.clip(np.floor(middle[:, 1]).astype(np.int64), 0, width - 2)
    within = middle[:, 1] - column
    flat = (np.concatenate(planes)[edge] * height + row) * width + column
    size = plane_count * height * width
    steps = np.bincount(flat, rise * (1 - within), size) + np.bincount(flat + 1, rise * within, size)
    covered = np.cumsum(steps.reshape(plane_count, height, width), axis=2)[:, :, : width - 1]
    covered = np.clip(np.abs(covered), 0.0, 1.0)
    covered[covered < 1e-9] = 0.0
    return (row_low, column_low), covered


def _cut_at_borders(start: Floats, end: Floats) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Edge number and the two path parameters of every piece between pixel borders."""
    edges = np.arange(len(start))
    numbers, parameters = [edges, edges], [np.zeros(len(start)), np.ones(len(start))]
    for axis in (0, 1):
        low = np.minimum(start[:, axis], end[:, axis])
        high = np.maximum(start[:, axis], end[:, axis])
        first = np.floor(low).astype(np.int64) + 1
        count = np.maximum(np.ceil(high).astype(np.int64) - first, 0)
        edge = np.repeat(edges, count)
        offset = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
        border = first[edge] + offset
        numbers.append(edge)
        parameters.append((border - start[edge, axis]) / (end[edge, axis] - start[edge, axis]))
    number, parameter = np.concatenate(numbers), np.concatenate(parameters)
    order = np.lexsort((parameter, number))
    number, parameter = number[order], parameter[order]
    same = number[:-1] == number[1:]
    return number[:-1][same], parameter[:-1][same], parameter[1:][same]


def slab_overlap(low: Floats, high: Floats, count: int) -> Floats:
    """``(count, slabs)``: share of each voxel 0 to count - 1 (index +-0.5) that each slab fills."""
    low, high = _snapped(low), _snapped(high)
    voxel = np.arange(count, dtype=float)[:, None]
    share = np.minimum(high[None, :], voxel + 0.5) - np.maximum(low[None, :], voxel - 0.5)
    return np.clip(share, 0.0, 1.0)


def _snapped(edges: Floats) -> Floats:
    border = np.round(edges - 0.5) + 0.5
    return np.where(np.abs(edges - border) < _SNAP_FRACTION, border, edges)


def stacked_polygons(
    polygons: Sequence[Polygon], low: Floats, high: Floats, shape: tuple[int, int, int], axis: int
) -> tuple[Membership, float]:
    """Membership of a stack of polygons on planes across `axis` of a grid, and the drawn volume in voxels.

    `low` and `high` are the borders of each plane's slab in voxel indices along `axis`; the polygons' rows and columns
    are indices along the two other axes, in order.

    Raises
    ------
    InputError
        If the polygons are so large against the pixels that they cannot be a region of a patient.
    """
    rows_in, columns_in = (shape[a] for a in range(3) if a != axis)
    row0, height = _within(rows_in, [p.rows for p in polygons])
    column0, width = _within(columns_in, [p.columns for p in polygons])
    share = slab_overlap(low, high, shape[axis])
    used = np.flatnonzero(share.any(axis=1))
    slice0, depth = (int(used[0]), int(used[-1] - used[0] + 1)) if len(used) else (0, 0)
    weights = np.zeros((depth, height, width), dtype=np.float32)
    at_once = _planes_at_once(polygons)
    drawn = snapped_drawn = 0.0
    thickness, snapped_thickness = high - low, _snapped(high) - _snapped(low)
    for begin in range(0, len(low), at_once):
        planes = np.arange(begin, min(begin + at_once, len(low)))
        chosen = [Polygon(p.plane - begin, p.rows, p.columns, p.sign) for p in polygons if p.plane in planes]
        corner, covered = plane_coverage(chosen, len(planes))
        area = covered.sum(axis=(1, 2))
        drawn += float(area @ thickness[planes])
        snapped_drawn += float(area @ snapped_thickness[planes])
        if not weights.size:
            continue
        r, c = row0 - corner[0], column0 - corner[1]
        inside = covered[:, max(r, 0) : r + height, max(c, 0) : c + width]
        at = weights[:, max(-r, 0) : max(-r, 0) + inside.shape[1], max(-c, 0) : max(-c, 0) + inside.shape[2]]
        for z in np.flatnonzero(share[slice0 : slice0 + depth, planes].any(axis=1)):
            here = np.flatnonzero(share[slice0 + z, planes])
            at[z] += np.tensordot(share[slice0 + z, planes[here]], inside[here], axes=1).astype(np.float32)
    corner3 = [row0, column0]
    corner3.insert(axis, slice0)
    start = (corner3[0], corner3[1], corner3[2])
    return trimmed(np.moveaxis(weights, 0, axis), start, snapped_drawn), drawn


def _within(count: int, indices: Sequence[Floats]) -> tuple[int, int]:
    """First index and number of the voxels 0 to count - 1 that indices from least to most can touch."""
    first = max(0, int(np.floor(min(i.min() for i in indices) + 0.5)))
    last = min(count - 1, int(np.floor(max(i.max() for i in indices) + 0.5)))
    return first, max(0, last - first + 1)


def _planes_at_once(polygons: Sequence[Polygon]) -> int:
    rows = max(p.rows.max() for p in polygons) - min(p.rows.min() for p in polygons) + 2
    columns = max(p.columns.max() for p in polygons) - min(p.columns.min() for p in polygons) + 2
    if rows * columns > _MOST_CELLS_OF_A_PLANE:
        raise InputError(
            f"the region spans {rows:.0f} x {columns:.0f} pixels of the image; a region of a patient does not -> check "
            "the coordinates of its contours"
        )
    return max(1, int(_MOST_CELLS_AT_ONCE / (rows * columns)))


def trimmed(weights: FloatArray, corner: tuple[int, int, int], drawn_voxels: float) -> Membership:
    """Membership cut to its own bounding box, with the share of the drawn voxels that it holds."""
    weights = np.clip(weights, 0.0, 1.0)
    box = []
    for axis in range(3):
        used = np.flatnonzero(weights.any(axis=tuple(a for a in range(3) if a != axis)))
        if not len(used):
            return Membership((0, 0, 0), np.zeros((0, 0, 0), dtype=np.float32), 0.0)
        box.append((int(used[0]), int(used[-1]) + 1))
    kept = np.ascontiguousarray(weights[tuple(slice(a, b) for a, b in box)], dtype=np.float32)
    fraction = float(kept.sum(dtype=np.float64)) / drawn_voxels
    start = (corner[0] + box[0][0], corner[1] + box[1][0], corner[2] + box[2][0])
    return Membership(start, kept, 1.0 if fraction > 1 - 1e-5 else fraction)


def resampled(weights: FloatArray, source: Grid, target: Grid) -> Membership:
    """Membership on `target` of source voxels of `source` (weights on the whole of its grid), their volume kept."""
    rotation = target.direction.T @ source.direction  # columns: source axes x, y, z in the target's axes
    nearest = np.round(rotation)
    if np.allclose(rotation, nearest, atol=1e-4) and np.all(np.abs(nearest).sum(axis=0) == 1):
        return _box_overlap(weights, source, target, nearest[::-1, ::-1])
    return _supersampled(weights, source, target)


def _box_overlap(weights: FloatArray, source: Grid, target: Grid, axes_zyx: Floats) -> Membership:
    """Exact for parallel grids, flips and permutations of axes included: the overlap factors into the three axes."""
    source_axis = [int(np.flatnonzero(axes_zyx[t])[0]) for t in range(3)]
    arranged = np.transpose(weights, source_axis).astype(np.float64)
    origin = target.index_zyx(np.asarray(source.origin_mm, dtype=float))
    drawn = arranged
    corner = []
    for t in range(3):
        s = source_axis[t]
        step = axes_zyx[t, s] * source.spacing_mm[s] / target.spacing_mm[t]
        centre = origin[t] + step * np.arange(source.shape[s])
        low, high = centre - abs(step) / 2, centre + abs(step) / 2
        share = slab_overlap(low, high, target.shape[t])
        used = np.flatnonzero(share.any(axis=1))
        first, last = (int(used[0]), int(used[-1])) if len(used) else (0, -1)
        corner.append(first)
        arranged = np.moveaxis(np.tensordot(share[first : last + 1], arranged, axes=(1, t)), 0, t)
        drawn = np.tensordot(_snapped(high) - _snapped(low), drawn, axes=(0, 0))
    return trimmed(arranged.astype(np.float32), (corner[0], corner[1], corner[2]), float(drawn))


def _supersampled(weights: FloatArray, source: Grid, target: Grid) -> Membership:
    used = np.argwhere(weights > 0)
    ends = np.stack([used.min(axis=0) - 0.5, used.max(axis=0) + 0.5])
    corners = np.array([[ends[i, 0], ends[j, 1], ends[k, 2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    box = target.index_zyx(source.patient_mm(corners))
    first = np.clip(np.floor(box.min(axis=0) + 0.5), 0, None).astype(int)
    last = np.minimum(np.floor(box.max(axis=0) + 0.5), np.array(target.shape) - 1).astype(int)
    size = last - first + 1
    # the drawn share inside the target is counted from the source side, where every sample has the same volume
    inside_volume_mL, total_volume_mL = _volume_inside(weights, used, source, target)
    if inside_volume_mL == 0 or size.min() < 1:
        return Membership((0, 0, 0), np.zeros((0, 0, 0), dtype=np.float32), 0.0)
    n = 8
    while n > 2 and int(np.prod(size)) * n**3 > _MOST_SAMPLES:
        n -= 1
    offsets = (np.arange(n) + 0.5) / n - 0.5
    zero = source.index_zyx(target.patient_mm(first.astype(float)))
    unit = np.eye(3)
    steps = [source.index_zyx(target.patient_mm(first + unit[a])) - zero for a in range(3)]
    along = [np.arange(size[a])[:, None] * steps[a][None, :] for a in range(3)]
    base = along[0][:, None, None, :] + along[1][None, :, None, :] + along[2][None, None, :, :] + zero + 0.5
    share = np.zeros(tuple(size), dtype=np.float64)
    padded = np.pad(weights, 1)
    limit = np.array(weights.shape)
    for oz in offsets:
        for oy in offsets:
            for ox in offsets:
                index = np.floor(base + (oz * steps[0] + oy * steps[1] + ox * steps[2])).astype(np.int32)
                index = np.clip(index, -1, limit) + 1
                share += padded[index[..., 0], index[..., 1], index[..., 2]]
    share /= n**3
    wanted = inside_volume_mL / target.voxel_volume_mL
    kept = _scaled_to_volume(share.astype(np.float32), wanted)
    found = trimmed(kept, (int(first[0]), int(first[1]), int(first[2])), wanted)
    return Membership(found.corner, found.weights, min(1.0, inside_volume_mL / total_volume_mL))


def _volume_inside(weights: FloatArray, used: NDArray[np.int64], source: Grid, target: Grid) -> tuple[float, float]:
    values = weights[tuple(used.T)].astype(np.float64)
    inside = np.zeros(len(used))
    quarters = (-0.25, 0.25)
    limit = np.array(target.shape) - 0.5
    for dz in quarters:
        for dy in quarters:
            for dx in quarters:
                at = target.index_zyx(source.patient_mm(used + np.array([dz, dy, dx])))
                inside += np.all((at >= -0.5) & (at < limit), axis=1) / 8
    volume = source.voxel_volume_mL
    return float(values @ inside) * volume, float(values.sum()) * volume


def _scaled_to_volume(weights: FloatArray, wanted_voxels: float) -> FloatArray:
    """Boundary voxels scaled so that the sum is `wanted_voxels`; whole voxels stay whole."""
    values = weights.astype(np.float64)
    for _ in range(20):
        missing = wanted_voxels - values.sum()
        if abs(missing) <= 1e-6 * wanted_voxels:
            break
        boundary = (values > 0) & (values < 1)
        held = values[boundary].sum()
        if held <= 0:
            break
        values[boundary] = np.clip(values[boundary] * max(0.0, 1 + missing / held), 0.0, 1.0)
    if abs(values.sum() - wanted_voxels) > 0.01 * wanted_voxels:
        raise NumericalError(
            f"a region of {wanted_voxels:.4g} voxels became {values.sum():.4g} voxels on an oblique grid; allowed is a "
            "difference of 1 % -> give an image of finer voxels"
        )
    return values.astype(np.float32)
