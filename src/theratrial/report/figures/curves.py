"""Time-activity curves, and how many of them are in each state of determinacy."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from theratrial.report.dosimetry_values import is_population
from theratrial.report.figures.canvas import new_figure, short
from theratrial.report.style import DETERMINACY_MARKERS, FAINT, MUTED, determinacy_colour, determinacy_marker, drawing
from theratrial.report.texts import words
from theratrial.results.values import ParticipantResult, RegionDoseResult, TrialResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS: Final = 3
_PANEL_IN: Final = 2.1
_SHOWN_UNTIL_H: Final = 168.0


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve to draw, as share of the administered activity."""

    label: str
    state: str
    hours: tuple[float, ...]
    percent: tuple[float, ...]
    half_life_h: float | None
    """By the points alone; None where what is reported is by published kinetics."""
    band: tuple[tuple[float, float, float, float], ...] = ()
    """(hours, lower, middle, upper) in percent by published kinetics and the points; empty where not reported so."""


def _curve(label: str, dose: RegionDoseResult, administered_MBq: float | None) -> Curve | None:
    points = [
        (point.hours_after, point.activity_MBq.value)
        for point in dose.points
        if point.activity_MBq.value is not None and point.activity_MBq.value > 0
    ]
    if not points or not administered_MBq:
        return None
    percent = tuple(value / administered_MBq * 100 for _, value in points)
    band: tuple[tuple[float, float, float, float], ...] = ()
    if is_population(dose) and dose.details.population is not None:
        share = 100 / administered_MBq
        band = tuple(
            (hour, lower * share, middle * share, upper * share)
            for hour, lower, middle, upper in dose.details.population.band_h_MBq
        )
    half_life = None if band else dose.effective_half_life_h.value
    return Curve(label, dose.determinacy, tuple(hour for hour, _ in points), percent, half_life, band)


def organ_curves(result: TrialResult) -> dict[str, list[Curve]]:
    """Organ -> curves of all participants and sessions."""
    found: dict[str, list[Curve]] = {}
    for one in result.participants:
        for session in one.sessions:
            for dose in session.doses:
                label = f"{one.participant_id} s{session.session}"
                curve = _curve(label, dose, session.administered_activity_MBq.value)
                if curve is not None and dose.kind == "organ":
                    found.setdefault(dose.title, []).append(curve)
    return found


def participant_curves(one: ParticipantResult) -> dict[str, list[Curve]]:
    """Session -> curves of one participant, organs and lesions."""
    found: dict[str, list[Curve]] = {}
    for session in one.sessions:
        for dose in session.doses:
            label = dose.title if dose.kind == "organ" else words(dose.region_name)
            curve = _curve(label, dose, session.administered_activity_MBq.value)
            if curve is not None:
                found.setdefault(f"Session {session.session}", []).append(curve)
    return found


def curves_figure(panels: dict[str, list[Curve]], *, labelled: bool = False) -> Figure | None:
    """A panel per key; None where there is no curve.

    The line between scans is straight on the logarithmic scale, as the fit is. Beyond the last scan it is dashed: with
    its band where published kinetics are reported, else by the effective half-life where there is one. A rising curve
    without published kinetics ends at its last scan.
    """
    if not panels:
        return None
    columns = min(COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = new_figure(0.5 + (_PANEL_IN if not labelled else 3.2) * rows)
    with drawing():
        grid = figure.subplots(rows, columns, squeeze=False, sharex=True)
        for axes, (title, curves) in zip(grid.flat, panels.items(), strict=False):
            _panel(axes, title, curves, labelled)
        for axes in list(grid.flat)[len(panels) :]:
            axes.set_visible(False)
        for row in grid:
            row[0].set_ylabel("% of administered activity")
        for axes in list(grid.flat)[max(len(panels) - columns, 0) : len(panels)]:
            axes.set_xlabel("Hours after injection")
            axes.tick_params(labelbottom=True)
        _legend(figure, [curve for curves in panels.values() for curve in curves])
    return figure


def _panel(axes: Any, title: str, curves: Sequence[Curve], labelled: bool) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    last = max(curve.hours[-1] for curve in curves)
    until = max(_SHOWN_UNTIL_H, last * 1.3)
    axes.axvspan(last, until, color=FAINT, alpha=0.35, linewidth=0, zorder=0)
    ends = []
    for curve in curves:
        colour = determinacy_colour(curve.state)
        width = 1.3 if labelled else 0.8
        axes.plot(
            curve.hours,
            curve.percent,
            color=colour,
            linewidth=width,
            alpha=0.9,
            marker=determinacy_marker(curve.state),
            markersize=4.5 if labelled else 3,
            gid="curve",
        )
        end = (curve.hours[-1], curve.percent[-1])
        if curve.half_life_h:
            decay = math.log(2) / curve.half_life_h
            later = curve.percent[-1] * math.exp(-decay * (until - curve.hours[-1]))
            axes.plot(
                [curve.hours[-1], until],
                [curve.percent[-1], later],
                color=colour,
                linewidth=width * 0.8,
                linestyle=(0, (4, 2)),
                alpha=0.6,
                gid="extrapolated",
            )
            end = (until, later)
        if curve.band:
            end = _draw_band(axes, curve, until, labelled)
        ends.append((end, curve))
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high / low < 60 else (1.0,)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(0, until * (1.62 if labelled else 1))
    axes.set_xticks(list(range(0, int(until) + 1, 48 if labelled else 24)))
    axes.set_title(short(title, 38), fontsize=8.5)
    axes.tick_params(labelsize=7.5)
    if labelled:
        _end_labels(axes, ends, until)


def _draw_band(axes: Any, curve: Curve, until: float, labelled: bool) -> tuple[float, float]:
    """Published kinetics after the last scan, as far as the panel goes; returns where the middle ends."""
    import numpy as np

    hours, *ends = (np.array(column) for column in zip(*curve.band, strict=True))
    shown = np.linspace(curve.hours[-1], until, 24)
    # Straight on the logarithmic scale between the hours of the band, as everywhere in the panel.
    lower, middle, upper = (np.exp(np.interp(shown, hours, np.log(np.maximum(end, 1e-9)))) for end in ends)
    colour = determinacy_colour(curve.state)
    axes.fill_between(shown, lower, upper, color=colour, alpha=0.12 if labelled else 0.05, linewidth=0, gid="band")
    axes.plot(
        shown,
        middle,
        color=colour,
        linewidth=0.9 if labelled else 0.6,
        linestyle=(0, (4, 2)),
        alpha=0.7,
        gid="kinetics",
    )
    return until, float(middle[-1])


def _end_labels(axes: Any, ends: list[tuple[tuple[float, float], Curve]], until: float) -> None:
    """Names at the ends of the lines, pushed apart so that none covers another."""
    lower, upper = (math.log10(limit) for limit in axes.get_ylim())
    room = (upper - lower) / 21
    placed: list[float] = []
    for (x, y), curve in sorted(ends, key=lambda entry: entry[0][1]):
        at = math.log10(y)
        at = max(at, placed[-1] + room) if placed else at
        placed.append(at)
        axes.annotate(
            short(curve.label, 15),
            (x, y),
            (until * 1.04, 10**at),
            fontsize=7,
            va="center",
            color=determinacy_colour(curve.state),
            arrowprops={"arrowstyle": "-", "color": FAINT, "linewidth": 0.7, "shrinkB": 2},
            annotation_clip=False,
        )


def _legend(figure: Any, curves: Sequence[Curve]) -> None:
    from matplotlib.lines import Line2D

    states = {curve.state for curve in curves}
    ordered = [state for state in DETERMINACY_MARKERS if state in states] + sorted(states - set(DETERMINACY_MARKERS))
    handles: list[Any] = [
        Line2D(
            [],
            [],
            color=determinacy_colour(state),
            marker=determinacy_marker(state),
            markersize=5,
            label=words(state) + (" at the last scan" if state == "rising" else ""),
        )
        for state in ordered
    ]
    handles.append(Line2D([], [], color=MUTED, linestyle=(0, (4, 2)), label="after the last scan: not measured"))
    if any(curve.band for curve in curves):
        from matplotlib.patches import Patch

        handles.append(Patch(color=MUTED, alpha=0.3, label="95 % by published kinetics and the points"))
    figure.legend(handles=handles, loc="outside upper left", ncols=4, columnspacing=1.4)


def states_figure(states: dict[str, Counter[str]], order: Sequence[str]) -> Figure:
    """How many curves of each region are in each state, as bars with their numbers."""
    figure = new_figure(1.15 + 0.29 * len(states))  # legend, axis label and foot take the first part
    with drawing():
        axes = figure.subplots()
        widest = max(sum(counts.values()) for counts in states.values())
        for row, counts in enumerate(states.values()):
            left, narrow = 0, []
            for state in order:
                number = counts[state]
                if not number:
                    continue
                axes.barh(-row, number, left=left, height=0.72, color=determinacy_colour(state), gid=f"state {state}")
                if number < 0.03 * widest:
                    narrow.append(f"{number} {words(state)}")
                    left += number
                    continue
                axes.text(
                    left + number / 2,
                    -row,
                    str(number),
                    ha="center",
                    va="center",
                    color="white",
                    fontsize=7.5,
                    weight="bold",
                )
                left += number
            if narrow:
                axes.text(left + 0.008 * widest, -row, ", ".join(narrow), va="center", fontsize=7.5)
        axes.set_yticks([-row for row in range(len(states))], [short(region, 36) for region in states])
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("Curves (participants and sessions)")
        axes.margins(x=0.01)
        axes.set_ylim(0.55 - len(states), 0.45)
        _state_legend(figure, [state for state in order if any(counts[state] for counts in states.values())])
    return figure


def _state_legend(figure: Any, states: Sequence[str]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=determinacy_colour(state), label=words(state)) for state in states]
    figure.legend(handles=handles, loc="outside upper left", ncols=6, columnspacing=1.4)
