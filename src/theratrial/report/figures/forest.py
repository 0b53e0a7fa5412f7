"""Every way of counting the endpoint, one below the other with its interval: a forest of one trial."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from theratrial.report.figures.canvas import lines, new_figure
from theratrial.report.style import ACCENT, FAINT, INK, MUTED, drawing
from theratrial.report.texts import in_percent
from theratrial.results.analysis import AnalysedProportion

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GROUPS: Final = {
    "primary": "Primary analysis",
    "interval": "The same counts, another interval",
    "strategy": "Supplementary: another strategy for an intercurrent event",
    "missing": "Sensitivity: another rule for a missing response",
    "analysis_set": "Supplementary: another analysis set",
    "evaluable": "Supplementary: evaluable participants",
}
_LETTERS: Final = 74
_ROW_IN: Final = 0.27
_LEFT, _WIDTH = 0.505, 0.27
"""Of the axes, in widths of the figure: names stand to the left, numbers to the right."""
_NAMES: Final = -(_LEFT - 0.004) / _WIDTH


def forest_figure(rows: Sequence[AnalysedProportion], null_fraction: float | None) -> Figure | None:
    """The rows grouped by what was varied; None where no row has a number.

    Parameters
    ----------
    null_fraction
        Of the exact test, drawn as a line; None: there is no test.
    """
    shown = [row for row in rows if row.proportion.value is not None]
    if not shown:
        return None
    primary = next((row for row in shown if row.kind == "primary"), shown[0])
    laid = _laid(shown)
    height = -laid[-1][0] + 1.0
    figure = new_figure(height * _ROW_IN + 0.9)
    with drawing():
        axes = figure.subplots()
        axes.axvline(_percent(primary.proportion.value), color=FAINT, linewidth=1.4, zorder=0)
        if null_fraction is not None:
            axes.axvline(null_fraction * 100, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
            axes.text(null_fraction * 100, 0.75, f"null {null_fraction * 100:g} %", ha="right", fontsize=7, color=MUTED)
        for y, row in laid:
            if isinstance(row, str):
                axes.text(_NAMES, y, row, ha="left", va="center", fontsize=8, weight="bold", transform=_beside(axes))
            else:
                _row(axes, y, row)
        axes.set_xlim(0, 100)
        axes.set_ylim(laid[-1][0] - 0.7, 1.1)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xticks(range(0, 101, 20), [f"{tick} %" for tick in range(0, 101, 20)])
        axes.set_xlabel("Proportion with its confidence interval")
        # Room for the names, which are text and no ticks so that groups can have heads.
        figure.set_layout_engine("none")
        foot, head = 0.62 / figure.get_figheight(), 0.12 / figure.get_figheight()
        axes.set_position((_LEFT, foot, _WIDTH, 1 - foot - head))
    return figure


def _laid(rows: Sequence[AnalysedProportion]) -> list[tuple[float, AnalysedProportion | str]]:
    laid: list[tuple[float, AnalysedProportion | str]] = []
    y = 0.0
    for kind, group in groupby(rows, key=lambda row: row.kind):
        laid.append((y, GROUPS[kind]))
        for row in group:
            y -= 1.0
            laid.append((y, row))
        y -= 1.25
    return laid


def _beside(axes: Any) -> Any:
    """Places in widths of the axes to the side, in rows up."""
    from matplotlib.transforms import blended_transform_factory

    return blended_transform_factory(axes.transAxes, axes.transData)


def _percent(fraction: float | None) -> float:
    assert fraction is not None
    return fraction * 100


def _row(axes: Any, y: float, row: AnalysedProportion) -> None:
    found = row.proportion
    colour = ACCENT if row.kind == "primary" else INK
    if found.lower is not None and found.upper is not None:
        ends = [found.lower * 100, found.upper * 100]
        axes.plot(ends, [y, y], color=colour, linewidth=2.6 if row.kind == "primary" else 1.4, gid="interval", zorder=2)
    axes.plot(
        [_percent(found.value)],
        [y],
        marker="D" if row.kind == "primary" else "s",
        color=colour if row.kind == "primary" or row.changed else "white",
        markeredgecolor=colour,
        markersize=6.5 if row.kind == "primary" else 4.5,
        gid="estimate",
        zorder=3,
    )
    name = row.name if row.kind != "primary" else f"as the protocol says ({row.analysis_set.replace('_', ' ')})"
    where = _beside(axes)
    axes.text(
        _NAMES + 0.03, y, "\n".join(lines(name, _LETTERS, 2)), ha="left", va="center", fontsize=7.5, transform=where
    )
    interval = ""
    if found.lower is not None and found.upper is not None:
        interval = f"{found.lower * 100:.1f} to {found.upper * 100:.1f}"
    said = f"{row.successes}/{row.analysed}   {in_percent(_percent(found.value) / 100)}   {interval}"
    axes.text(1.05, y, said, ha="left", va="center", fontsize=7.2, transform=where, color=INK)
