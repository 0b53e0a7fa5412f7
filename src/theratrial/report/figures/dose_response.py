"""Lesions' absorbed dose over all sessions against their change of uptake. Exploratory: no line, no test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from theratrial.report.figures.canvas import new_figure
from theratrial.report.style import DETERMINACY_MARKERS, INK, MUTED, determinacy_colour, determinacy_marker, drawing
from theratrial.report.texts import count, words
from theratrial.results.criteria import LesionCourse, ParticipantCriteria

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CUT_PERCENT: Final = 150.0


def dose_response_figure(people: Sequence[ParticipantCriteria]) -> Figure | None:
    """The figure; None where no lesion has both a dose and a response."""
    lesions = [lesion for one in people for lesion in one.lesions]
    with_dose = [one for one in lesions if one.absorbed_dose_Gy is not None]
    points = [one for one in with_dose if _has_dose(one) and _change(one) is not None]
    resolved = [one for one in with_dose if _has_dose(one) and one.status_response == "resolved"]
    apart = [one for one in with_dose if not _has_dose(one) and _change(one) is not None]
    if not points and not resolved:
        return None
    figure = new_figure(4.2)
    with drawing():
        if apart:
            axes, beside = figure.subplots(1, 2, sharey=True, gridspec_kw={"width_ratios": [6, 1]})
        else:
            axes, beside = figure.subplots(), None
        axes.axhline(0, color=INK, linewidth=0.8, zorder=0)
        for one in points:
            _mark(axes, _dose(one), min(_change(one) or 0.0, _CUT_PERCENT), one, filled=True)
        changes = [min(_change(one) or 0.0, _CUT_PERCENT) for one in (*points, *apart)]
        low = min([*changes, -60.0])
        line = low - 22
        if resolved:
            axes.axhline(line, color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
            for one in resolved:
                _mark(axes, _dose(one), line, one, filled=False)
        axes.set_xlim(left=0)
        axes.set_ylim((line if resolved else low) - 10, max([*changes, 30.0]) + 12)
        ticks = [tick for tick in axes.get_yticks() if low - 8 <= tick]
        axes.set_yticks([*([line] if resolved else []), *ticks])
        axes.set_yticklabels([*(["resolved"] if resolved else []), *(f"{tick:g}" for tick in ticks)])
        cut = any((_change(one) or 0.0) > _CUT_PERCENT for one in (*points, *apart))
        axes.set_ylabel("Change of uptake [%]" + (f" (cut at {_CUT_PERCENT:g})" if cut else ""))
        axes.set_xlabel("Absorbed dose over all sessions [Gy]")
        whose = sum(any(_has_dose(one) and _change(one) is not None for one in person.lesions) for person in people)
        axes.set_title(
            f"{count(len(points), 'lesion')} of {count(whose, 'participant')}"
            + (f", {len(resolved)} resolved" if resolved else "")
        )
        if beside is not None:
            _beside(beside, apart)
        _legend(figure, [*points, *resolved, *apart])
    return figure


def has_points(people: Sequence[ParticipantCriteria]) -> bool:
    """Whether the figure has anything to show, without drawing it."""
    return any(
        _has_dose(one) and (_change(one) is not None or one.status_response == "resolved")
        for person in people
        for one in person.lesions
    )


def _has_dose(one: LesionCourse) -> bool:
    dose = one.absorbed_dose_Gy
    return dose is not None and dose.value is not None and dose.upper is not None and math.isfinite(dose.upper)


def _dose(one: LesionCourse) -> float:
    dose = one.absorbed_dose_Gy
    return 0.0 if dose is None or dose.value is None else dose.value


def _change(one: LesionCourse) -> float | None:
    return None if one.change_percent is None else one.change_percent.value


def _mark(axes: Any, x: float, y: float, one: LesionCourse, *, filled: bool) -> None:
    colour = determinacy_colour(one.determinacy)
    dose = one.absorbed_dose_Gy
    if dose is not None and dose.lower is not None and dose.upper is not None and math.isfinite(dose.upper):
        axes.plot([dose.lower, dose.upper], [y, y], color=colour, linewidth=0.8, alpha=0.45, zorder=1)
    axes.plot(
        [x],
        [y],
        marker=determinacy_marker(one.determinacy),
        color=colour if filled else "white",
        markeredgecolor=colour,
        markersize=5.5,
        linestyle="none",
        zorder=3,
        clip_on=False,
        gid="lesion",
    )


def _beside(axes: Any, apart: list[LesionCourse]) -> None:
    for at, one in enumerate(apart):
        _mark(axes, (at + 1) / (len(apart) + 1), min(_change(one) or 0.0, _CUT_PERCENT), one, filled=False)
    axes.axhline(0, color=INK, linewidth=0.8, zorder=0)
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    axes.tick_params(axis="y", length=0, labelleft=False)
    axes.spines["left"].set_linestyle((0, (2, 2)))
    axes.set_xlabel("dose\nundetermined")


def _legend(figure: Any, lesions: list[LesionCourse]) -> None:
    from matplotlib.lines import Line2D

    states = {one.determinacy for one in lesions}
    ordered = [state for state in DETERMINACY_MARKERS if state in states] + sorted(states - set(DETERMINACY_MARKERS))
    handles = [
        Line2D(
            [],
            [],
            marker=determinacy_marker(state),
            color=determinacy_colour(state),
            markersize=5.5,
            linestyle="none",
            label=words(state),
        )
        for state in ordered
    ]
    handles.append(Line2D([], [], color=MUTED, linewidth=0.9, label="95 % interval of the dose"))
    figure.legend(handles=handles, loc="outside upper left", ncols=6, columnspacing=1.3, handletextpad=0.4)
