"""The endpoint drawn: every participant as a square, and below them the proportion with its interval."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from theratrial.report.figures.canvas import new_figure, quiet_axes
from theratrial.report.style import ACCENT, CATEGORY_COLOURS, CATEGORY_TEXT, FAINT, INK, MUTED, drawing
from theratrial.results.values import EndpointOutcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PER_ROW: Final = 30


def interval_figure(endpoint: EndpointOutcome) -> Figure | None:
    """Squares and interval; None where nobody is analysed."""
    value = endpoint.proportion.value
    if value is None or not endpoint.analysed:
        return None
    everyone = [category for category, number in endpoint.categories for _ in range(number)]
    rows = max(1, math.ceil(len(everyone) / _PER_ROW))
    figure = new_figure(1.35 + 0.32 * rows)
    with drawing():
        squares, scale = figure.subplots(2, 1, height_ratios=[0.35 * rows, 0.8])
        quiet_axes(squares)
        for index, category in enumerate(everyone):
            x, y = index % _PER_ROW, -(index // _PER_ROW)
            colour = CATEGORY_COLOURS.get(category, MUTED)
            squares.add_patch(_square(x, y, colour))
            squares.text(
                x + 0.46,
                y + 0.42,
                category,
                ha="center",
                va="center",
                fontsize=7.5,
                weight="bold",
                color=CATEGORY_TEXT.get(category, "white"),
            )
        squares.set_xlim(-0.1, max(min(len(everyone), _PER_ROW), 24) + 0.1)
        squares.set_ylim(1 - rows - 0.1, 1.0)
        squares.set_aspect("equal", anchor="W")
        squares.set_title(f"Response category of each of the {endpoint.analysed} analysed", fontsize=8.5)
        _interval(scale, endpoint, value)
    return figure


def _square(x: float, y: float, colour: str):  # type: ignore[no-untyped-def]
    from matplotlib.patches import Rectangle

    return Rectangle((x, y), 0.92, 0.86, facecolor=colour, edgecolor="none")


def _interval(axes, endpoint: EndpointOutcome, value: float) -> None:  # type: ignore[no-untyped-def]
    lower, upper = endpoint.proportion.lower, endpoint.proportion.upper
    axes.set_xlim(0, 100)
    axes.set_ylim(-0.75, 0.75)
    axes.axhline(0, color=FAINT, linewidth=8, solid_capstyle="butt", zorder=1)
    if lower is not None and upper is not None:
        axes.plot([lower * 100, upper * 100], [0, 0], color=ACCENT, linewidth=8, solid_capstyle="butt", gid="interval")
        for end, side in ((lower, "right"), (upper, "left")):
            nudge = -0.7 if side == "right" else 0.7
            axes.text(end * 100 + nudge, 0, f"{end * 100:.1f} %", ha=side, va="center", fontsize=8.5, color=INK)
    axes.plot(
        [value * 100], [0], marker="D", color="white", markeredgecolor=INK, markersize=9, gid="estimate", zorder=4
    )
    axes.text(value * 100, 0.36, f"{value * 100:.1f} %", ha="center", va="bottom", weight="bold", fontsize=9)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xticks(range(0, 101, 10), [f"{tick} %" for tick in range(0, 101, 10)])
    axes.set_xlabel(f"True proportion: {endpoint.confidence_level * 100:g} % confidence interval")
