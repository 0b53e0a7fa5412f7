"""Change of RECIST's sum of diameters over time, a line for each participant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from theratrial.report.figures.canvas import new_figure, short
from theratrial.report.style import CATEGORY_COLOURS, CATEGORY_NAMES, INK, MUTED, drawing
from theratrial.results.criteria import ParticipantCriteria
from theratrial.results.values import ParticipantResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LINES: Final[dict[str, Any]] = {
    "CR": "-",
    "PR": "-",
    "SD": (0, (5, 2)),
    "PD": (0, (1.2, 1.2)),
    "NE": (0, (4, 2, 1, 2)),
}
_APART: Final = 0.045
"""Least distance of two labels, as share of the height."""

Point = tuple[int, float, str]
"""Days since the first session, change in percent, category of the assessment."""


@dataclass(frozen=True, slots=True)
class SpiderLine:
    """One participant's line."""

    participant_id: str
    best: str
    """Best overall response."""
    points: tuple[Point, ...]


def spider_line(participant_id: str, started_on: date | None, criteria: ParticipantCriteria) -> SpiderLine | None:
    """RECIST's assessments of a participant that have a sum; None where there are fewer than two.

    Parameters
    ----------
    started_on
        Day of the first session.
    """
    found = next((each for each in criteria.criteria if each.criteria == "recist_1_1"), None)
    if found is None or started_on is None:
        return None
    points = sorted(
        ((each.on - started_on).days, each.change_percent.value, each.category)
        for each in found.assessments
        if each.on is not None
        and each.change_percent is not None
        and each.change_percent.value is not None
        and each.reader in ("", found.reader)
    )
    if points and points[0][0] > 0:
        points.insert(0, (0, 0.0, ""))
    return SpiderLine(participant_id, found.category, tuple(points)) if len(points) > 1 else None


def spider_lines(judged: Sequence[ParticipantResult]) -> list[SpiderLine]:
    """The lines of those who have one."""
    found = []
    for one in judged:
        started_on = min((session.injected_at for session in one.sessions), default=None)
        line = spider_line(one.participant_id, None if started_on is None else started_on.date(), one.criteria)
        found += [] if line is None else [line]
    return found


def spider_figure(lines: Sequence[SpiderLine]) -> Figure | None:
    """The figure; None without a line."""
    if not lines:
        return None
    figure = new_figure(4.2)
    with drawing():
        axes = figure.subplots()
        for at, said in ((-30, "-30 %"), (20, "+20 %")):
            axes.axhline(at, color=MUTED, linewidth=1, linestyle=(0, (4, 2)), zorder=0, gid="threshold")
            axes.annotate(
                said,
                (1, at),
                (4, 0),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                va="center",
                fontsize=7,
                color=MUTED,
            )
        axes.axhline(0, color=INK, linewidth=0.8, zorder=0)
        ends = []
        for one in lines:
            label = f"{short(one.participant_id, 8)} {one.best}"
            ends.append((*_line(axes, one.points, _drawn_as(one.best)), label))
        values = [change for one in lines for _, change, _ in one.points]
        low, high = min([*values, -40.0]), max([*values, 30.0])
        axes.set_ylim(low - 0.06 * (high - low), high + 0.08 * (high - low))
        last = max(days for one in lines for days, _, _ in one.points)
        first = min(days for one in lines for days, _, _ in one.points)
        axes.set_xlim(min(first, 0) - 2, last * 1.14 + 2)
        _labels(axes, ends, high - low)
        axes.set_xlabel("Days since the first session")
        axes.set_ylabel("Change of the sum of diameters [%]")
        _legend(figure, {_drawn_as(one.best) for one in lines})
    return figure


def _drawn_as(best: str) -> str:
    return best if best in CATEGORY_COLOURS else "NE"


def _line(axes: Any, points: Sequence[Point], category: str) -> tuple[float, float]:
    colour = CATEGORY_COLOURS[category]
    days, changes = [one[0] for one in points], [one[1] for one in points]
    axes.plot(days, changes, color=colour, linewidth=1.5, linestyle=_LINES[category], zorder=2, gid="line")
    for at, change, judged in points:
        open_mark = judged == "NE"
        axes.plot(
            [at],
            [change],
            marker="o",
            markersize=4.5,
            color="white" if open_mark else colour,
            markeredgecolor=colour,
            linestyle="none",
            zorder=3,
            gid="assessment",
        )
    return float(days[-1]), float(changes[-1])


def _labels(axes: Any, ends: Sequence[tuple[float, float, str]], height: float) -> None:
    """A label at the end of each line, moved up where two would cover each other."""
    taken: list[tuple[float, float]] = []
    for x, y, said in sorted(ends, key=lambda end: (end[1], end[2])):
        at = y
        # Labels of lines that end far apart in time cannot cover each other.
        while any(abs(at - other) < _APART * height and abs(x - there) < 25 for there, other in taken):
            at += 0.005 * height
        taken.append((x, at))
        axes.annotate(
            said,
            (x, y),
            (x + 2.5, at),
            textcoords="data",
            va="center",
            fontsize=7,
            color=INK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85},
            arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.4, "shrinkA": 0, "shrinkB": 2},
        )


def _legend(figure: Any, present: set[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=colour, linestyle=_LINES[category], marker="o", markersize=4, label=f"{category} {name}")
        for category, colour in CATEGORY_COLOURS.items()
        if category in present and (name := CATEGORY_NAMES[category])
    ]
    if handles:
        figure.legend(handles=handles, loc="outside upper left", ncols=5, columnspacing=1.4)
