"""RT Structure Set -> regions on a grid (DICOM PS3.3 A.19; ROI Contour C.8.8.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from theratrial.errors import InputError
from theratrial.imaging.membership import (
    Floats,
    Membership,
    Polygon,
    polygon_area,
    resampled,
    share_of_vertices_inside,
    stacked_polygons,
)
from theratrial.imaging.values import Grid

_CLOSED: Final = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
_FLAT_mm: Final = 0.05
"""A contour leaves its plane by no more than this; coordinates are usually written with two or three decimals."""
_SAME_PLANE_mm: Final = 0.05
_FARTHEST_mm: Final = 10_000.0
_CONTOUR_DATA: Final = 0x30060050


@dataclass(frozen=True, slots=True, eq=False)
class Contour:
    """One closed contour: points ``(n, 3)`` in patient coordinates [mm]."""

    points_mm: Floats
    exclusive: bool
    """CLOSEDPLANAR_XOR: overlap with another contour of the plane is taken out."""
    slab_thickness_mm: float | None


@dataclass(frozen=True, slots=True)
class DrawnRegion:
    """A region of a structure set as drawn, not yet on any grid."""

    number: int
    name: str
    frame_of_reference_uid: str
    contours: tuple[Contour, ...]


def drawn_regions(dataset: Dataset) -> dict[int, DrawnRegion | InputError]:
    """ROI number -> region as drawn, or why it cannot be read; file order kept."""
    contours = {int(c.ReferencedROINumber): c for c in dataset.get("ROIContourSequence", [])}
    result: dict[int, DrawnRegion | InputError] = {}
    for roi in dataset.get("StructureSetROISequence", []):
        number = int(roi.ROINumber)
        name = str(roi.get("ROIName", "") or f"ROI {number}").strip()
        try:
            drawn = tuple(_contours(name, contours.get(number)))
        except InputError as problem:
            result[number] = problem
            continue
        result[number] = DrawnRegion(number, name, str(roi.get("ReferencedFrameOfReferenceUID", "") or ""), drawn)
    return result


def _contours(name: str, item: Dataset | None) -> list[Contour]:
    found: list[Contour] = []
    if item is None:
        return found
    for position, contour in enumerate(item.get("ContourSequence", []) or [], start=1):
        kind = str(contour.get("ContourGeometricType", ""))
        if kind not in _CLOSED:
            continue  # points and open lines mark places, they enclose no volume
        points = _points(contour, f"contour {position} of region {name!r}")
        thickness = contour.get("ContourSlabThickness", None)
        found.append(Contour(points, kind != "CLOSED_PLANAR", float(thickness) if thickness else None))
    return found


def _points(contour: Dataset, what: str) -> Floats:
    """Points ``(n, 3)``; the text is split here because building a DS object per number costs a second per file."""
    raw: Any = contour.get_item(_CONTOUR_DATA)
    try:
        if raw is None:
            numbers = np.empty(0)
        elif isinstance(raw, RawDataElement):
            numbers = np.array((raw.value or b"").strip(b" \0").split(b"\\"), dtype=np.float64)
        else:
            numbers = np.asarray(raw.value if raw.value is not None else [], dtype=np.float64)
    except ValueError:
        raise InputError(f"{what} holds text that is no number -> export the structure set again") from None
    if numbers.size % 3 or numbers.size < 9:
        raise InputError(
            f"{what} has {numbers.size} coordinates; a closed contour needs x, y, z of at least 3 points "
            "-> delete that contour where it was drawn and export again"
        )
    if not np.all(np.isfinite(numbers)):
        raise InputError(f"{what} has coordinates that are not finite -> export the structure set again")
    if np.abs(numbers).max() > _FARTHEST_mm:
        raise InputError(
            f"{what} reaches {np.abs(numbers).max():.3g} mm from the origin; allowed are {_FARTHEST_mm:g} mm "
            "-> check its coordinates and export the structure set again"
        )
    points = numbers.reshape(-1, 3)
    return points[:-1] if len(points) > 3 and np.array_equal(points[0], points[-1]) else points


def membership(region: DrawnRegion, grid: Grid, *, plane_spacing_mm: float | None) -> tuple[Membership, float]:
    """Membership of a drawn region on a grid, and the volume as drawn [mL].

    Parameters
    ----------
    plane_spacing_mm
        Spacing of contour planes to assume for a region drawn on a single plane.

    Notes
    -----
    Every contour stands for a slab that reaches half way to its neighbours; where neighbours are more than 1.5 times
    the usual spacing apart, the gap is taken as a true gap. Volume as drawn = sum of contour area times slab thickness.
    """
    axis = _axis_across(region, grid)
    if axis is not None:
        return _on_parallel_planes(region, grid, axis, plane_spacing_mm)
    own = _own_grid(region, grid, plane_spacing_mm)
    found, volume = _on_parallel_planes(region, own, 0, plane_spacing_mm)
    weights = np.zeros(own.shape, dtype=np.float32)
    box = tuple(slice(c, c + n) for c, n in zip(found.corner, found.weights.shape, strict=True))
    weights[box] = found.weights
    return resampled(weights, own, grid), volume


def _axis_across(region: DrawnRegion, grid: Grid) -> int | None:
    """Axis of the grid (0 slices, 1 rows, 2 columns) across which all contours are flat, if there is one."""
    for axis in range(3):
        normal = grid.direction[:, 2 - axis]
        if all(np.ptp(c.points_mm @ normal) <= _FLAT_mm for c in region.contours):
            return axis
    return None


def _on_parallel_planes(
    region: DrawnRegion, grid: Grid, axis: int, plane_spacing_mm: float | None
) -> tuple[Membership, float]:
    others = [a for a in range(3) if a != axis]
    indices = [grid.index_zyx(c.points_mm) for c in region.contours]
    step_mm = grid.spacing_mm[axis]
    heights_mm = np.array([i[:, axis].mean() for i in indices]) * step_mm
    planes_mm, plane_of = _planes(heights_mm)
    low_mm, high_mm = slab_borders_mm(planes_mm, _spacing_mm(region, planes_mm, plane_spacing_mm, step_mm))
    polygons = []
    for plane in range(len(planes_mm)):
        members = np.flatnonzero(plane_of == plane)
        outlines = [(indices[i][:, others[0]], indices[i][:, others[1]]) for i in members]
        exclusive = any(region.contours[i].exclusive for i in members)
        signs = _signs(outlines, exclusive, region.name)
        polygons += [Polygon(plane, r, c, s) for (r, c), s in zip(outlines, signs, strict=True)]
    found, voxels = stacked_polygons(polygons, low_mm / step_mm, high_mm / step_mm, grid.shape, axis)
    return found, voxels * grid.voxel_volume_mL


def _planes(heights_mm: Floats) -> tuple[Floats, Floats]:
    order = np.argsort(heights_mm, kind="stable")
    plane = np.concatenate([[0], np.cumsum(np.diff(heights_mm[order]) > _SAME_PLANE_mm)])
    plane_of = np.empty(len(heights_mm), dtype=int)
    plane_of[order] = plane
    return np.array([heights_mm[plane_of == p].mean() for p in range(plane[-1] + 1)]), plane_of


def _spacing_mm(region: DrawnRegion, planes_mm: Floats, given_mm: float | None, step_mm: float) -> float:
    if len(planes_mm) > 1:
        return float(np.median(np.diff(planes_mm)))
    stated = [c.slab_thickness_mm for c in region.contours if c.slab_thickness_mm]
    return stated[0] if stated else given_mm or step_mm


def slab_borders_mm(planes_mm: Floats, spacing_mm: float) -> tuple[Floats, Floats]:
    """Lower and upper border of each plane's slab: half way to near neighbours, half the usual spacing elsewhere."""
    gaps = np.diff(planes_mm)
    half = np.where(gaps <= 1.5 * spacing_mm, gaps / 2, spacing_mm / 2)
    low = planes_mm - np.concatenate([[spacing_mm / 2], half])
    high = planes_mm + np.concatenate([half, [spacing_mm / 2]])
    return low, high


def _signs(outlines: Sequence[tuple[Floats, Floats]], exclusive: bool, name: str) -> list[int]:
    """+1 for outlines, -1 for holes: an outline inside an odd number of others is a hole."""
    if len(outlines) == 1:
        return [1]
    areas = [abs(polygon_area(*o)) for o in outlines]
    boxes = [(r.min(), r.max(), c.min(), c.max()) for r, c in outlines]
    signs = []
    for i, inner in enumerate(outlines):
        depth = 0
        for j, outer in enumerate(outlines):
            a, b = boxes[i], boxes[j]
            if areas[j] <= areas[i] * (1 + 1e-9) or a[1] < b[0] or a[0] > b[1] or a[3] < b[2] or a[2] > b[3]:
                continue
            share = share_of_vertices_inside(*inner, *outer)
            depth += share > 0.5
            if exclusive and 0.02 < share < 0.98:
                raise InputError(
                    f"region {name!r} has exclusive (XOR) contours that cross each other on one plane; allowed are "
                    "contours beside or inside each other -> draw the hole inside its outline and export again"
                )
        signs.append(-1 if depth % 2 else 1)
    return signs


def _own_grid(region: DrawnRegion, target: Grid, plane_spacing_mm: float | None) -> Grid:
    """A grid in the contours' own planes, one slice per slab and fine in the plane, that holds the whole region."""
    normal = _common_normal(region)
    points = np.concatenate([c.points_mm for c in region.contours])
    along = np.eye(3)[np.argmin(np.abs(normal))]
    u = np.cross(normal, along)
    u /= np.linalg.norm(u)
    v = np.cross(normal, u)
    planes, _ = _planes(np.array([(c.points_mm @ normal).mean() for c in region.contours]))
    usual = _spacing_mm(region, planes, plane_spacing_mm, min(target.spacing_mm))
    even = len(planes) == 1 or bool(np.all(np.abs(np.diff(planes) / usual - np.round(np.diff(planes) / usual)) < 0.02))
    dw = usual if even else usual / 4
    extent = [np.ptp(points @ axis) for axis in (u, v)]
    fine = max(min(target.spacing_mm) / 4, max(extent) / 400)
    low = np.array([(points @ u).min(), (points @ v).min()])
    nw = int(np.ceil((planes[-1] - planes[0]) / dw)) + (1 if even else 5)
    w0 = planes[0] if even else planes[0] - usual / 2
    origin = u * (low[0] - fine) + v * (low[1] - fine) + normal * w0
    shape = (nw, int(np.ceil(extent[1] / fine)) + 3, int(np.ceil(extent[0] / fine)) + 3)
    return Grid(shape, (dw, fine, fine), tuple(origin), np.column_stack([u, v, normal]), target.frame_of_reference_uid)


def _common_normal(region: DrawnRegion) -> Floats:
    largest = max(region.contours, key=lambda c: float(np.linalg.norm(_area_vector(c.points_mm))))
    vector = _area_vector(largest.points_mm)
    length = np.linalg.norm(vector)
    if length == 0:
        raise InputError(f"the contours of region {region.name!r} enclose no area -> draw the region again")
    normal = vector / length
    worst = max(float(np.ptp(c.points_mm @ normal)) for c in region.contours)
    if worst > 4 * _FLAT_mm:
        raise InputError(
            f"the contours of region {region.name!r} do not lie on parallel planes (they leave them by {worst:.2f} mm; "
            f"allowed {4 * _FLAT_mm} mm) -> export the region as planar contours or as a segmentation"
        )
    return normal


def _area_vector(points_mm: Floats) -> Floats:
    moved = points_mm - points_mm[0]
    return np.cross(moved, np.roll(moved, -1, axis=0)).sum(axis=0) / 2


def usual_plane_spacing_mm(regions: Sequence[DrawnRegion]) -> float | None:
    """The spacing most regions of the file are drawn with; None if every region has a single plane."""
    spacings = []
    for region in regions:
        normal = _area_vector(region.contours[0].points_mm)
        length = np.linalg.norm(normal)
        if length == 0:
            continue
        planes, _ = _planes(np.array([(c.points_mm @ (normal / length)).mean() for c in region.contours]))
        if len(planes) > 1:
            spacings.append(float(np.median(np.diff(planes))))
    return float(np.median(spacings)) if spacings else None
