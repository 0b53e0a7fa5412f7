"""Pictures of the lesions on a PET: coronal projection of the maximum, and the axial plane of the hottest lesion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from theratrial.imaging.derived.segmentation import SegmentToWrite, membership
from theratrial.pipeline.scans import PetScan

View = Literal["mip", "axial"]
VIEWS: Final[tuple[View, ...]] = ("mip", "axial")

_HIGHEST_SUV: Final = 10.0
_INCHES: Final = {"mip": (5.6, 8.0), "axial": (5.6, 4.6)}
_NAMES_APART: Final = 0.035
"""Of the picture's height, so that no name covers another."""
_DPI: Final = 100
_RED: Final = "#c8102e"


def uptake_picture(
    scan: PetScan, segments: Sequence[SegmentToWrite], view: View, *, pseudonym: str, title: str
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
    foot = f"{where}; SUVbw 0 to {_HIGHEST_SUV:g} g/mL"
    return _drawn(turned[0], named, shape, f"{pseudonym}  {title}", foot, _INCHES[view])


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
    title: str, foot: str, inches: tuple[float, float],
) -> NDArray[np.uint8]:  # fmt: skip
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows, columns = plane.shape
    figure = Figure(figsize=inches, dpi=_DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    margin = 0.4 / inches[1]
    axes = figure.add_axes((0.02, margin, 0.82, 1 - 2 * margin))
    aspect = spacing[0] / spacing[1]
    axes.imshow(plane, cmap="gray_r", vmin=0, vmax=_HIGHEST_SUV, aspect=aspect, interpolation="bilinear")
    shown = [(name, mask) for name, mask in outlines if mask.any()]
    for _, mask in shown:
        axes.contour(np.pad(mask, 1).astype(float), levels=[0.5], colors=_RED, linewidths=1.2,
                     extent=(-1.5, columns + 0.5, -1.5, rows + 0.5))  # fmt: skip
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_axis_off()
    _named(axes, shown, rows)
    figure.text(0.03, 1 - 0.6 * margin, title, fontsize=10)
    figure.text(0.03, 0.3 * margin, f"{foot}; patient's right on the left", fontsize=8)
    canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[:, :, :3])


def _named(axes: Any, shown: Sequence[tuple[str, NDArray[np.bool_]]], rows: int) -> None:
    """The names beside the picture, one under the other, each with a line to its lesion."""
    places: list[tuple[float, float, str]] = []
    for name, mask in shown:
        inside = np.nonzero(mask)
        places.append((float(inside[0].mean()), float(inside[1].max()), name))
    least = 0.0
    for row, column, name in sorted(places):
        height = max(least, row / rows)
        least = height + _NAMES_APART * _INCHES["mip"][1] / float(axes.figure.get_size_inches()[1])
        axes.annotate(
            name, (column, row), (1.01, 1 - height), xycoords="data", textcoords="axes fraction", va="center",
            color=_RED, fontsize=8, arrowprops={"arrowstyle": "-", "color": _RED, "linewidth": 0.5},
        )  # fmt: skip
