"""Pictures of the lesions on a PET: coronal projection of the maximum, and the axial plane of the hottest lesion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from theratrial.imaging.derived.segmentation import SegmentToWrite, membership
from theratrial.pipeline.scans import PetScan

View = Literal["mip", "axial"]

_HIGHEST_SUV: Final = 10.0
_INCHES: Final = (5.0, 8.0)
_DPI: Final = 100


def uptake_picture(
    scan: PetScan, segments: Sequence[SegmentToWrite], view: str, *, pseudonym: str, title: str
) -> NDArray[np.uint8] | None:
    """RGB ``(rows, columns, 3)`` in radiological convention, lesions outlined, scale and pseudonym written into it.

    None where the axial view has no lesion to show.
    """
    lesions = [one for one in segments if one.is_lesion]
    values, grid = np.asarray(scan.suv.suv_g_per_mL), scan.suv.grid
    dz, dy, dx = grid.spacing_mm
    if view == "mip":
        plane, outlines, shape = values.max(axis=1), [_projected(one) for one in lesions], (dz, dx)
        upright, where = grid.direction[2, 2] > 0, "maximum from the front"
    else:
        if not lesions:
            return None
        hottest = max(lesions, key=lambda one: float(one.region.inside(values).max(initial=0.0)))
        z = _hottest_plane(values, hottest)
        plane, outlines, shape = values[z], [_cut(one, z) for one in lesions], (dy, dx)
        height = float(grid.patient_mm(np.array([z, 0.0, 0.0]))[2])
        upright, where = grid.direction[1, 1] < 0, f"axial, z {height:.0f} mm"
    flip = grid.direction[0, 0] < 0
    # Head, or the front, above; the patient's right on the left.
    turned = [_turned(one, upright, flip) for one in (plane, *outlines)]
    named = [(one.tracking_id, outline) for one, outline in zip(lesions, turned[1:], strict=True)]
    return _drawn(turned[0], named, shape, f"{pseudonym}  {title}", f"{where}; SUVbw 0 to {_HIGHEST_SUV:g} g/mL")


def _turned(plane: NDArray[Any], upside: bool, sideways: bool) -> NDArray[Any]:
    return plane[:: -1 if upside else 1, :: -1 if sideways else 1]


def _projected(one: SegmentToWrite) -> NDArray[np.bool_]:
    nz, _, nx = one.region.grid.shape
    z, _, x = one.region.box()
    found = np.zeros((nz, nx), dtype=bool)
    found[z, x] = membership(one.region).any(axis=1)
    return found


def _cut(one: SegmentToWrite, plane: int) -> NDArray[np.bool_]:
    _, ny, nx = one.region.grid.shape
    z, y, x = one.region.box()
    found = np.zeros((ny, nx), dtype=bool)
    if z.start <= plane < z.stop:
        found[y, x] = membership(one.region)[plane - z.start]
    return found


def _hottest_plane(values: NDArray[Any], one: SegmentToWrite) -> int:
    inside = np.where(membership(one.region), values[one.region.box()], -np.inf)
    return int(np.unravel_index(int(np.argmax(inside)), inside.shape)[0]) + one.region.corner[0]


def _drawn(
    plane: NDArray[Any], outlines: Sequence[tuple[str, NDArray[np.bool_]]], spacing: tuple[float, float],
    title: str, foot: str,
) -> NDArray[np.uint8]:  # fmt: skip
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, columns = plane.shape
    figure = Figure(figsize=_INCHES, dpi=_DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.02, 0.05, 0.96, 0.89))
    axes.imshow(
        plane, cmap="gray_r", vmin=0, vmax=_HIGHEST_SUV, aspect=spacing[0] / spacing[1], interpolation="bilinear"
    )
    for name, mask in outlines:
        if not mask.any():
            continue
        axes.contour(np.pad(mask, 1).astype(float), levels=[0.5], colors="#c8102e", linewidths=1.2,
                     extent=(-1.5, columns + 0.5, -1.5, rows + 0.5))  # fmt: skip
        row, column = (float(v.max()) for v in np.nonzero(mask))
        axes.annotate(name, (column, row), (4, -4), textcoords="offset points", color="#c8102e", fontsize=8)
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_axis_off()
    figure.text(0.03, 0.965, title, fontsize=11)
    figure.text(0.03, 0.02, f"{foot}; patient's right on the left", fontsize=8)
    canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[:, :, :3])
