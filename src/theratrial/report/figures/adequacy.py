"""What a protocol's scan times leave open: width of the intervals by region, and a lesion's and the blood's curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from theratrial.dosimetry.population.adequacy import RegionAdequacy
from theratrial.dosimetry.population.panels import CurvePanel
from theratrial.report.figures.canvas import new_figure, short
from theratrial.report.style import ACCENT, FAINT, INK, MUTED, drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CLASSICAL: Final = "#b3402e"
_IMPROVED: Final = "#0b6e4f"
_ROW_IN: Final = 0.46


def adequacy_figure(
    planned: Sequence[RegionAdequacy],
    improved: Sequence[RegionAdequacy],
    panels: Sequence[CurvePanel],
    *,
    title: str,
    added_h: float | None,
) -> Figure:
    """Interval widths of every region for the planned scans and with one more, above one or two curves.

    Parameters
    ----------
    planned, improved
        The same regions in the same order; `improved` may be empty.
    """
    figure = new_figure(4.9 + _ROW_IN * len(planned))
    with drawing():
        parts: Any = figure.subfigures(2, 1, height_ratios=[1.3 + _ROW_IN * len(planned), 3.6])
        top, bottom = parts
        _widths(top.subplots(), planned, improved, title=title, added_h=added_h)
        axes = bottom.subplots(1, max(len(panels), 1), squeeze=False)[0]
        for one, panel in zip(axes, panels, strict=False):
            _curves(one, panel, first=panel is panels[0])
    return figure


def _widths(
    axes: Any,
    planned: Sequence[RegionAdequacy],
    improved: Sequence[RegionAdequacy],
    *,
    title: str,
    added_h: float | None,
) -> None:
    hours = " + ".join(f"{hour:g} h" for hour in planned[0].hours)
    series: list[tuple[str, Sequence[RegionAdequacy], str, str, str, float]] = [
        ("one exponential", planned, "classical", "o", _CLASSICAL, 0.22),
        ("with population prior", planned, "posterior", "s", ACCENT, 0.0),
    ]
    if improved:
        series.append((f"with prior, {added_h:g} h added", improved, "posterior", "^", _IMPROVED, -0.22))
    widest = 1.5
    for label, regions, method, marker, colour, lift in series:
        found = [(-row + lift, getattr(one, method)) for row, one in enumerate(regions)]
        drawn = [(y, quality.interval_ratio) for y, quality in found if quality.interval_ratio is not None]
        widest = max([widest, *(ratio for _, ratio in drawn)])
        for y, ratio in drawn:
            axes.plot([1, ratio], [y, y], color=colour, linewidth=1.6, alpha=0.55, zorder=1)
        axes.plot(
            [ratio for _, ratio in drawn],
            [y for y, _ in drawn],
            marker,
            color=colour,
            markersize=6,
            label=label,
            zorder=2,
        )
    for row, one in enumerate(planned):
        open_percent = 100 * (1 - one.classical.bounded_fraction)
        axes.text(
            1.0,
            -row,
            f"{open_percent:.0f} % have no upper end",
            transform=axes.get_yaxis_transform(),
            ha="right",
            va="center",
            color=_CLASSICAL if open_percent >= 1 else MUTED,
            fontsize=8,
        )
    axes.set_yticks([-row for row in range(len(planned))], [short(one.region.title, 34) for one in planned])
    axes.set_ylim(-len(planned) + 0.45, 0.6)
    axes.set_xlim(1, widest * 1.45)
    axes.set_xlabel("Median width of the 95 % interval of time-integrated activity: upper over lower end (1 = exact)")
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    axes.set_title(short(f"{title}: what scans at {hours} determine", 104), pad=24)
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, borderaxespad=0.1, columnspacing=1.6)


def _curves(axes: Any, panel: CurvePanel, *, first: bool) -> None:
    days = panel.hours / 24
    top = 1.25 * max(float(panel.true_percent.max()), float(panel.posterior_percent[:, 2].max()))
    axes.fill_between(
        days, panel.prior_percent[:, 0], panel.prior_percent[:, 2], color=FAINT, linewidth=0, label="before any scan"
    )
    axes.fill_between(
        days,
        panel.posterior_percent[:, 0],
        panel.posterior_percent[:, 2],
        color=ACCENT,
        alpha=0.3,
        linewidth=0,
        label="after the planned scans",
    )
    if panel.improved_percent is not None:
        axes.plot(days, panel.improved_percent[:, 0], color=_IMPROVED, linewidth=1.2, linestyle="--")
        axes.plot(
            days,
            panel.improved_percent[:, 2],
            color=_IMPROVED,
            linewidth=1.2,
            linestyle="--",
            label=f"with a scan at {panel.added_h:g} h",
        )
    axes.plot(days, panel.true_percent, color=INK, linewidth=1.4, label="typical patient")
    for hour in panel.scans_h:
        axes.plot([hour / 24], [_at(panel, hour)], "s", color=ACCENT, markersize=6, zorder=4)
    if panel.added_h is not None:
        axes.plot([panel.added_h / 24], [_at(panel, panel.added_h)], "^", color=_IMPROVED, markersize=7, zorder=4)
    axes.set_ylim(0, top)
    axes.set_xlim(0, days[-1])
    axes.locator_params(axis="x", integer=True)
    axes.set_xlabel("Days after administration")
    axes.set_title(short(panel.title, 44), fontsize=9)
    if first:
        axes.set_ylabel("% of administered activity in the region")
        axes.legend(loc="upper right")


def _at(panel: CurvePanel, hour: float) -> float:
    import numpy as np

    return float(np.interp(hour, panel.hours, panel.true_percent))
