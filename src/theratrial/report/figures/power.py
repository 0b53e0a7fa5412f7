"""What the exact test of this many participants can show: its power over the true proportion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from theratrial.report.figures.canvas import new_figure
from theratrial.report.style import ACCENT, FAINT, INK, MUTED, drawing
from theratrial.results.analysis import PowerPoint, TestResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def power_figure(points: Sequence[PowerPoint], test: TestResult, n: int) -> Figure | None:
    """The curve with the null, the alternative, the chance at each, and 80 %; None without points."""
    if not points:
        return None
    figure = new_figure(2.9)
    with drawing():
        axes = figure.subplots()
        axes.axhline(80, color=FAINT, linewidth=1, zorder=0)
        axes.text(1, 81.5, "80 %", fontsize=7, color=MUTED)
        axes.axvline(test.null_fraction * 100, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        axes.text(test.null_fraction * 100 + 0.8, 95, f"null {test.null_fraction * 100:g} %", fontsize=7, color=MUTED)
        x, y = [one.true_fraction * 100 for one in points], [one.power_fraction * 100 for one in points]
        axes.plot(x, y, color=ACCENT, linewidth=1.8, marker="o", markersize=3.2, gid="power")
        for one in points:
            if one.true_fraction in (test.null_fraction, test.alternative_fraction):
                axes.plot([one.true_fraction * 100], [one.power_fraction * 100], "D", color=INK, markersize=6)
                axes.annotate(
                    f"{one.power_fraction * 100:.1f} %",
                    (one.true_fraction * 100, one.power_fraction * 100),
                    xytext=(8, 7) if one.power_fraction < 0.5 else (9, -3),
                    textcoords="offset points",
                    fontsize=8,
                )
        axes.set_xlim(0, 100)
        axes.set_ylim(-2, 102)
        axes.set_xticks(range(0, 101, 10), [f"{tick} %" for tick in range(0, 101, 10)])
        axes.set_yticks(range(0, 101, 20), [f"{tick} %" for tick in range(0, 101, 20)])
        axes.set_xlabel("If the true proportion were ...")
        axes.set_ylabel("the test would reject the null")
        axes.set_title(f"{n} participants, rejecting from {test.reject_from} on", fontsize=9)
    return figure
