"""Kaplan-Meier curves with their band, the marks of who was censored, and the number at risk below."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from theratrial.report.figures.canvas import new_figure, quiet_axes
from theratrial.report.style import ACCENT, FAINT, INK, MUTED, drawing
from theratrial.results.analysis import SurvivalResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TICKS_MONTHS: Final = (0.5, 1, 2, 3, 6, 12, 24, 60)
_MOST_TICKS: Final = 10


def survival_figure(result: SurvivalResult) -> Figure | None:
    """The curve; None where nobody has a time."""
    if not result.steps:
        return None
    last = max(one.time_months for one in result.people)
    step = next((one for one in _TICKS_MONTHS if last / one <= _MOST_TICKS), 120.0)
    ticks = [index * step for index in range(math.floor(last / step) + 2)]
    figure = new_figure(3.4)
    with drawing():
        axes, below = figure.subplots(2, 1, height_ratios=[1, 0.24])
        _curve(axes, result)
        axes.set_ylim(-2, 104)
        for each in (axes, below):
            each.set_xlim(-0.02 * ticks[-1], ticks[-1])
        axes.set_yticks(range(0, 101, 25), [f"{tick} %" for tick in range(0, 101, 25)])
        axes.set_title(f"{result.title}: {result.events} of {result.analysed} had the event", fontsize=9)
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_xlabel("Months from the origin")
        _at_risk(below, result, ticks)
    return figure


def _curve(axes: Any, result: SurvivalResult) -> None:
    times, survival = [0.0], [100.0]
    lower: list[float] = [math.nan]
    upper: list[float] = [math.nan]
    for step in result.steps:
        times.append(step.time_months)
        survival.append(step.survival_fraction * 100)
        lower.append(math.nan if step.lower_fraction is None else step.lower_fraction * 100)
        upper.append(math.nan if step.upper_fraction is None else step.upper_fraction * 100)
    axes.fill_between(times, lower, upper, step="post", color=ACCENT, alpha=0.16, linewidth=0, gid="band")
    axes.step(times, survival, where="post", color=ACCENT, linewidth=1.8, gid="survival")
    cut = [(step.time_months, step.survival_fraction * 100) for step in result.steps if step.censored]
    if cut:
        axes.plot(*zip(*cut, strict=True), "|", color=INK, markersize=8, markeredgewidth=1.2, gid="censored")
    median = result.median_months.value
    if median is not None:
        axes.plot([0, median, median], [50, 50, 0], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)), gid="median")
    else:
        axes.axhline(50, color=FAINT, linewidth=0.9, zorder=0)


def _at_risk(axes: Any, result: SurvivalResult, ticks: list[float]) -> None:
    quiet_axes(axes)
    axes.set_ylim(0, 1)
    axes.text(0, 0.78, "Number at risk", fontsize=8, weight="bold", va="center", ha="left", color=INK)
    for tick in ticks:
        left = sum(one.time_months >= tick for one in result.people)
        axes.text(tick, 0.2, str(left), fontsize=8, ha="center", va="center", gid="at_risk")
