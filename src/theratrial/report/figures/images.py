"""Pictures of the images: fused PET/CT and whole-body pairs, each set on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from theratrial.report.figures.canvas import WIDTH_IN, new_figure, quiet_axes, short
from theratrial.report.style import INK, MUTED, drawing
from theratrial.report.texts import words
from theratrial.results.pictures import FusionPicture, PlanarPicture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUV_TOP: Final = 10.0
"""Upper end of every SUV scale, so that pictures of different people can be compared."""
_HU_WINDOW: Final = (-160.0, 240.0)
_BAR_IN: Final = 0.72
"""Room of the scale beside the panels."""
_FUSION_WIDTH_IN: Final = 2.4
_PLANAR_WIDTH_IN: Final = 1.5
_SCALE_BAR_CM: Final = 10.0
_PET_SHOWN_FROM: Final = 0.12
"""Share of the scale below which PET leaves the CT uncovered."""

Image = NDArray[np.floating[Any]]


def _places(panels: int, width_in: float, height_in: float, *, head_in: float) -> tuple[Figure, list[Any], Any]:
    """A figure with that many panels side by side and the place of a scale beside them, laid out in inches."""
    foot_in, gap_in = 0.2, 0.06
    whole_in = (panels * width_in + _BAR_IN, head_in + height_in + foot_in)
    figure = new_figure(whole_in[1], width_in=whole_in[0])
    figure.set_layout_engine("none")
    with drawing():
        grid = [
            figure.add_axes(
                (
                    index * width_in / whole_in[0],
                    foot_in / whole_in[1],
                    (width_in - gap_in) / whole_in[0],
                    height_in / whole_in[1],
                )
            )
            for index in range(panels)
        ]
        left, bottom = panels * width_in + 0.04, foot_in + 0.25 * height_in
        beside = figure.add_axes(
            (left / whole_in[0], bottom / whole_in[1], 0.09 / whole_in[0], 0.5 * height_in / whole_in[1])
        )
    return figure, grid, beside


def _extent(shape: tuple[int, ...], spacing_mm: tuple[float, float]) -> tuple[float, float, float, float]:
    """Edges in centimetres, so that axes have the proportions of the body."""
    return (0.0, shape[1] * spacing_mm[1] / 10, shape[0] * spacing_mm[0] / 10, 0.0)


def fused(suv: Image, ct_HU: Image | None) -> NDArray[np.float64]:
    """RGB of PET over CT: CT grey in a soft-tissue window, PET hot, opaque by uptake; PET alone in inverted grey."""
    from matplotlib import colormaps

    share = np.clip(np.nan_to_num(suv) / SUV_TOP, 0, 1)
    if ct_HU is None:
        grey = 1 - share
        return np.repeat(grey[..., None], 3, axis=-1).astype(np.float64)
    low, high = _HU_WINDOW
    base = np.clip((np.nan_to_num(ct_HU, nan=-1000.0) - low) / (high - low), 0, 1)[..., None]
    hot = colormaps["hot"](0.25 + 0.7 * share)[..., :3]
    cover = np.clip((share - _PET_SHOWN_FROM) / 0.35, 0, 0.9)[..., None]
    return np.asarray(base * (1 - cover) + hot * cover, dtype=np.float64)


def _sides(axes: Any, *, colour: str) -> None:
    for x, side in ((0.02, "R"), (0.98, "L")):
        axes.text(
            x,
            0.985,
            side,
            transform=axes.transAxes,
            ha="left" if side == "R" else "right",
            va="top",
            fontsize=8,
            weight="bold",
            color=colour,
        )


def _scale_bar(axes: Any, extent: tuple[float, float, float, float], *, colour: str) -> None:
    width, height = extent[1], extent[2] - extent[3]
    length = min(_SCALE_BAR_CM, round(width / 3) or 1)
    y = extent[2] - 0.015 * height
    axes.plot(
        [width * 0.96 - length, width * 0.96], [y, y], color=colour, linewidth=2, solid_capstyle="butt", gid="scale bar"
    )
    axes.text(
        width * 0.96 - length / 2,
        y - height * 0.008,
        f"{length:g} cm",
        ha="center",
        va="bottom",
        fontsize=6.5,
        color=colour,
    )


def _marks(axes: Any, picture: FusionPicture) -> None:
    """A ring round each lesion and its name, lower where another name stands already."""
    dz, dx = picture.spacing_mm[0] / 10, picture.spacing_mm[1] / 10
    width = picture.suv_mip.shape[1] * dx
    room = picture.suv_mip.shape[0] * dz / 30
    placed: dict[bool, list[float]] = {False: [], True: []}
    for name, row, column in sorted(picture.lesion_marks, key=lambda mark: mark[1]):
        x, y = (column + 0.5) * dx, (row + 0.5) * dz
        right = x > width / 2
        at = max([y, *(other + room for other in placed[right][-1:])])
        placed[right].append(at)
        axes.plot(
            [x], [y], marker="o", markerfacecolor="none", markeredgecolor="#1f5f8b", markersize=9, markeredgewidth=1
        )
        axes.annotate(
            short(words(name), 10),
            (x, y),
            (width * (0.99 if right else 0.01), at),
            ha="right" if right else "left",
            va="center",
            fontsize=6.5,
            color="#1f5f8b",
            weight="bold",
            arrowprops={"arrowstyle": "-", "color": "#1f5f8b", "linewidth": 0.6, "shrinkB": 5},
            gid="lesion",
        )


def fusion_figure(pictures: Sequence[FusionPicture]) -> Figure | None:
    """Coronal cut (fused) and projection of each time point side by side, all on one SUV scale."""
    if not pictures:
        return None
    tallest = max(p.suv_cut.shape[0] * p.spacing_mm[0] / (p.suv_cut.shape[1] * p.spacing_mm[1]) for p in pictures)
    panels = 2 * len(pictures)
    width = min((WIDTH_IN - _BAR_IN) / panels, _FUSION_WIDTH_IN)
    figure, grid, beside = _places(panels, width, width * tallest, head_in=0.42)
    with drawing():
        for index, picture in enumerate(pictures):
            cut, projection = grid[2 * index], grid[2 * index + 1]
            extent = _extent(picture.suv_cut.shape, picture.spacing_mm)
            cut.imshow(fused(picture.suv_cut, picture.ct_cut_HU), extent=extent, interpolation="bilinear")
            projection.imshow(
                np.clip(picture.suv_mip, 0, SUV_TOP),
                extent=extent,
                cmap="gray_r",
                vmin=0,
                vmax=SUV_TOP,
                interpolation="bilinear",
            )
            for axes in (cut, projection):
                quiet_axes(axes)
                axes.set_xlim(extent[0], extent[1])
                axes.set_ylim(extent[2], extent[3])
            over = "white" if picture.ct_cut_HU is not None else INK
            _sides(cut, colour=over)
            _sides(projection, colour=INK)
            _scale_bar(cut, extent, colour=over)
            _scale_bar(projection, extent, colour=INK)
            _marks(projection, picture)
            title = words(picture.timepoint).capitalize()
            what = "PET on CT" if picture.ct_cut_HU is not None else "PET (no CT)"
            cut.set_title(f"{title}\n{what}, cut at y = {picture.cut_position_mm:.0f} mm", fontsize=8)
            projection.set_title("\nPET, projection", fontsize=8)
        _suv_bar(figure, beside)
    return figure


def _suv_bar(figure: Any, beside: Any) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    bar = figure.colorbar(ScalarMappable(Normalize(0, SUV_TOP), "gray_r"), cax=beside)
    bar.set_label("SUV (body weight) [g/mL]", fontsize=7.5)
    bar.ax.tick_params(labelsize=7)


def planar_top(pictures: Sequence[PlanarPicture]) -> float:
    """Upper end of the shared scale: decay-corrected counts that hardly any pixel of the body exceeds."""
    tops = [float(np.percentile(view, 99.7)) * p.to_injection_factor for p in pictures for view in _views(p)]
    return max([*tops, 1.0])


def _views(picture: PlanarPicture) -> list[Image]:
    return [picture.anterior] if picture.posterior is None else [picture.anterior, picture.posterior]


def body_rows_cm(pictures: Sequence[PlanarPicture]) -> tuple[float, float]:
    """First and last row worth showing [cm from the top], the same for all: where counts are, and a margin."""
    first, last = [], []
    for picture in pictures:
        profile = picture.anterior.sum(axis=1)
        rows = np.flatnonzero(profile > 0.01 * profile.max()) if profile.max() > 0 else np.arange(len(profile))
        step = picture.pixel_spacing_mm[0] / 10
        first.append(max(rows[0] * step - 6.0, 0.0))
        last.append(min(rows[-1] * step + 9.0, len(profile) * step))
    return float(min(first)), float(max(last))


def planar_figure(pictures: Sequence[PlanarPicture]) -> Figure | None:
    """Anterior and posterior of each scan of one session on one decay-corrected scale."""
    if not pictures:
        return None
    top = planar_top(pictures)
    rows_cm = body_rows_cm(pictures)
    first = pictures[0]
    tall = (rows_cm[1] - rows_cm[0]) / (first.anterior.shape[1] * first.pixel_spacing_mm[1] / 10)
    panels = 2 * len(pictures)
    width = min((WIDTH_IN - _BAR_IN) / panels, _PLANAR_WIDTH_IN)
    figure, grid, beside = _places(panels, width, width * tall, head_in=0.42)
    with drawing():
        for index, picture in enumerate(pictures):
            extent = _extent(picture.anterior.shape, picture.pixel_spacing_mm)
            views = (("anterior", picture.anterior), ("posterior, mirrored", picture.posterior))
            for axes, (name, counts) in zip(grid[2 * index : 2 * index + 2], views, strict=True):
                quiet_axes(axes)
                if name == "anterior":
                    head = f"Session {picture.session}, {picture.hours_after:.1f} h"
                    axes.annotate(
                        head,
                        (0, 1),
                        (0, 13),
                        xycoords="axes fraction",
                        textcoords="offset points",
                        fontsize=8,
                        weight="bold",
                    )
                axes.annotate(name, (0, 1), (0, 3), xycoords="axes fraction", textcoords="offset points", fontsize=6.6)
                if counts is None:
                    axes.text(
                        0.5,
                        0.5,
                        "no posterior\nview",
                        transform=axes.transAxes,
                        ha="center",
                        va="center",
                        fontsize=7,
                        color=MUTED,
                    )
                    continue
                shown = np.sqrt(np.clip(counts * picture.to_injection_factor / top, 0, 1))
                axes.imshow(shown, extent=extent, cmap="gray_r", vmin=0, vmax=1, interpolation="bilinear", gid="planar")
                axes.set_xlim(extent[0], extent[1])
                axes.set_ylim(rows_cm[1], rows_cm[0])
                _sides(axes, colour=INK)
                _scale_bar(axes, (extent[0], extent[1], rows_cm[1], rows_cm[0]), colour=INK)
        _count_bar(figure, beside, top)
    return figure


def _count_bar(figure: Any, beside: Any, top: float) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import PowerNorm

    bar = figure.colorbar(ScalarMappable(PowerNorm(0.5, 0, top), "gray_r"), cax=beside)
    bar.set_label("counts, decay-corrected\nto injection (square-root grey)", fontsize=7)
    bar.ax.tick_params(labelsize=7)
    bar.set_ticks([0, round(top / 4), round(top / 2), round(top)])
