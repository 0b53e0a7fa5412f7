"""Blood counts over time: every participant, grades as bands, sessions and gates marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from theratrial.errors import TheratrialError
from theratrial.report.figures.canvas import new_figure, short
from theratrial.report.outcome import COMPLETE, gate_outcome
from theratrial.report.style import ACCENT, INK, MUTED, VERDICT_COLOURS, VERDICT_MARKERS, drawing, verdict_words
from theratrial.report.texts import unit_text, words
from theratrial.results.values import GateResult, ParticipantResult, TrialResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS: Final = 2
_SMALL_COLUMNS: Final = 4
_CORE_UNITS: Final = {"10^9/L": "e9_per_L", "g/L": "g_per_L"}
_SAFETY_CLAUSES: Final = "safety_gate"
_BAND_COLOURS: Final = {1: "#fff8e5", 2: "#fdeecb", 3: "#f8d9d2", 4: "#efb9af"}
_HIGHLIGHTS: Final = ("#b3402e", "#6a4c93", "#b86e14", "#1f5f8b", "#0b6e4f", "#7a1f5c")


@dataclass(frozen=True, slots=True)
class Course:
    """The values of one test of one participant, in days since the first injection."""

    participant_id: str
    days: tuple[float, ...]
    values: tuple[float, ...]
    stopped: bool
    """A gate of hers said stop because of toxicity."""


def _days(one: ParticipantResult, moment: Any) -> float:
    return (moment - one.sessions[0].injected_at).total_seconds() / 86400


def _stops_for_toxicity(gate: GateResult | None) -> bool:
    """Whether a clause of the safety gate itself stops: counts, events, examinations; not doses or a full number."""
    return (
        gate is not None
        and gate_outcome(gate) != COMPLETE
        and any(
            finding.verdict == "stop" and not finding.informs_only and finding.clause.startswith(_SAFETY_CLAUSES)
            for finding in gate.findings
        )
    )


def courses(result: TrialResult) -> dict[tuple[str, str], list[Course]]:
    """(test, unit) -> courses of the treated participants; values of different units are never on one axis."""
    found: dict[tuple[str, str], list[Course]] = {}
    for one in result.participants:
        if not one.treated:
            continue
        stopped = any(_stops_for_toxicity(session.gate) for session in one.sessions)
        values: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for point in one.laboratory:
            if point.value.value is not None:
                key = (point.test, point.value.unit)
                values.setdefault(key, []).append((_days(one, point.collected_at), point.value.value))
        for key, points in values.items():
            points.sort()
            days, numbers = zip(*points, strict=True)
            found.setdefault(key, []).append(Course(one.participant_id, days, numbers, stopped))
    return found


def grade_bands(result: TrialResult, test: str, unit: str) -> tuple[tuple[int, float, float], ...]:
    """(grade, from, to) of the printed grades 2 and worse, by the table the grades of the result rest on.

    Grade 1 begins at each laboratory's own lower limit and is left out.
    """
    from theratrial.safety.intervals import TABLES, grade_scale

    used = {place for one in result.participants for point in one.laboratory for place in point.trace.inputs.values()}
    for version, name in TABLES.items():
        if not any(name in place for place in used):
            continue
        try:
            scales = grade_scale(version)
        except TheratrialError:
            return ()
        for (scale_test, printed), scale in scales.items():
            if scale_test == test and _CORE_UNITS.get(printed) == unit:
                return tuple(
                    (
                        interval.grade,
                        float(interval.at_least.number) if interval.at_least and interval.at_least.number else 0.0,
                        float(interval.below.number),
                    )
                    for interval in scale.intervals
                    if interval.grade >= 2 and interval.below is not None and interval.below.number is not None
                )
    return ()


def _at(course: Course, day: float) -> float | None:
    """The last value not later than that day."""
    earlier = [value for at, value in zip(course.days, course.values, strict=True) if at <= day + 1]
    return earlier[-1] if earlier else None


def counts_figure(result: TrialResult) -> Figure | None:
    """A panel per test with all participants; those whose gate stopped are in colour and named."""
    found = courses(result)
    if not found:
        return None
    rows = math.ceil(len(found) / COLUMNS)
    figure = new_figure(0.7 + 2.9 * rows)
    people = {one.participant_id: one for one in result.participants}
    stopped = list(dict.fromkeys(c.participant_id for entries in found.values() for c in entries if c.stopped))
    colours = {name: _HIGHLIGHTS[index % len(_HIGHLIGHTS)] for index, name in enumerate(stopped)}
    with drawing():
        grid = figure.subplots(rows, COLUMNS, squeeze=False, sharex=True)
        for axes, ((test, unit), entries) in zip(grid.flat, found.items(), strict=False):
            _bands(axes, grade_bands(result, test, unit), entries)
            _sessions(axes, [people[course.participant_id] for course in entries])
            for course in sorted(entries, key=lambda entry: entry.stopped):
                _line(axes, course, colours.get(course.participant_id, "#9aa5b1"))
                _gates(axes, course, people[course.participant_id])
            _name_ends(axes, [course for course in entries if course.stopped], colours)
            axes.set_title(words(test).capitalize())
            axes.set_ylabel(unit_text(unit))
            axes.set_ylim(bottom=0)
        for axes in list(grid.flat)[len(found) :]:
            axes.set_visible(False)
        for axes in list(grid.flat)[max(len(found) - COLUMNS, 0) : len(found)]:
            axes.set_xlabel("Days since the first injection")
            axes.tick_params(labelbottom=True)
        _legend(figure, any_stopped=bool(stopped))
    return figure


def _bands(axes: Any, bands: Sequence[tuple[int, float, float]], entries: Sequence[Course]) -> None:
    top = max(max(course.values) for course in entries) * 1.08
    axes.set_ylim(0, max(top, max((high for _, _, high in bands), default=0.0) * 1.1))
    for grade, low, high in bands:
        axes.axhspan(low, high, color=_BAND_COLOURS.get(grade, "#efb9af"), linewidth=0, zorder=0, gid=f"grade {grade}")
        axes.annotate(
            f"grade {grade}",
            (0.995, (low + high) / 2),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="center",
            fontsize=6.5,
            color=MUTED,
        )


def _sessions(axes: Any, everyone: Sequence[ParticipantResult]) -> None:
    """The days of all sessions as ticks along the foot."""
    days = [_days(one, session.injected_at) for one in everyone for session in one.sessions]
    axes.plot(
        days,
        [0.025] * len(days),
        transform=axes.get_xaxis_transform(),
        marker="|",
        color=ACCENT,
        markersize=9,
        linestyle="none",
        gid="sessions",
        zorder=4,
    )


def _line(axes: Any, course: Course, colour: str) -> None:
    width = 1.5 if course.stopped else 0.7
    axes.plot(
        course.days, course.values, color=colour, linewidth=width, zorder=3 if course.stopped else 2, gid="course"
    )


def _gates(axes: Any, course: Course, one: ParticipantResult) -> None:
    for session in one.sessions:
        gate = session.gate
        if gate is None or gate.judged_on is None:
            continue
        # Judged after her last value only because nothing else came: it stands at that value.
        day = min(float((gate.judged_on - one.sessions[0].injected_at.date()).days), course.days[-1])
        value = _at(course, day)
        if value is not None:
            _gate_mark(axes, day, value, gate)


def _gate_mark(axes: Any, day: float, value: float, gate: GateResult) -> None:
    outcome = gate_outcome(gate)
    size = 4.5 if outcome in ("proceed", COMPLETE) else 6.0
    axes.plot(
        [day],
        [value],
        marker=VERDICT_MARKERS[outcome],
        color=VERDICT_COLOURS[outcome],
        markeredgecolor="white",
        markeredgewidth=0.4,
        markersize=size,
        linestyle="none",
        zorder=5,
        gid="gate",
    )


def _nadirs(axes: Any, one: ParticipantResult, test: str) -> None:
    """A ring around the lowest count after each session."""
    found = [course for course in one.toxicity.nadirs if course.test == test and course.nadir_at is not None]
    axes.plot(
        [_days(one, course.nadir_at) for course in found],
        [course.nadir.value for course in found],
        marker="o",
        markerfacecolor="none",
        markeredgecolor=INK,
        markeredgewidth=0.9,
        markersize=6.5,
        linestyle="none",
        zorder=6,
        gid="nadir",
    )


def _name_ends(axes: Any, entries: Sequence[Course], colours: dict[str, str]) -> None:
    lower, upper = axes.get_ylim()
    room = (upper - lower) / 18
    placed = -math.inf
    for course in sorted(entries, key=lambda entry: entry.values[-1]):
        placed = max(course.values[-1], placed + room)
        axes.annotate(
            short(course.participant_id, 10),
            (course.days[-1], course.values[-1]),
            (course.days[-1] + 4, placed),
            fontsize=7,
            va="center",
            color=colours[course.participant_id],
            weight="bold",
            zorder=6,
        )


def _legend(figure: Any, *, any_stopped: bool) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color="#9aa5b1", linewidth=0.8, label="a participant")]
    if any_stopped:
        handles.append(Line2D([], [], color=_HIGHLIGHTS[0], linewidth=1.5, label="gate stopped for toxicity: named"))
    handles.append(Line2D([], [], marker="|", color=ACCENT, linestyle="none", markersize=9, label="a session"))
    handles += [
        Line2D(
            [],
            [],
            marker=VERDICT_MARKERS[verdict],
            color=colour,
            linestyle="none",
            markersize=5,
            label=f"gate: {verdict_words(verdict)}",
        )
        for verdict, colour in VERDICT_COLOURS.items()
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=4, columnspacing=1.4)


def participant_counts_figure(result: TrialResult, test: str) -> Figure | None:
    """One small panel per treated participant for one test, with her sessions and gates."""
    found = {
        course.participant_id: (course, unit)
        for (name, unit), entries in courses(result).items()
        if name == test
        for course in entries
    }
    if not found:
        return None
    people = {one.participant_id: one for one in result.participants}
    rows = math.ceil(len(found) / _SMALL_COLUMNS)
    figure = new_figure(0.45 + 1.25 * rows)
    units = {unit for _, unit in found.values()}
    top = max(max(course.values) for course, _ in found.values()) * 1.08
    with drawing():
        grid = figure.subplots(rows, _SMALL_COLUMNS, squeeze=False, sharex=True, sharey=len(units) == 1)
        for axes, (name, (course, unit)) in zip(grid.flat, found.items(), strict=False):
            for _, low, high in bands if (bands := grade_bands(result, test, unit)) else ():
                axes.axhspan(low, high, color="#fdeecb", linewidth=0, zorder=0)
            for session in people[name].sessions:
                day = _days(people[name], session.injected_at)
                axes.axvline(day, color=ACCENT, linewidth=0.9, linestyle=(0, (2, 1.5)), zorder=1, gid="session")
            axes.plot(course.days, course.values, color=INK, linewidth=1, marker=".", markersize=3, gid="course")
            _gates(axes, course, people[name])
            _nadirs(axes, people[name], test)
            axes.set_title(short(name, 16), fontsize=8, pad=2)
            axes.set_ylim(0, top)
            axes.tick_params(labelsize=7)
        for axes in list(grid.flat)[len(found) :]:
            axes.set_visible(False)
        for axes in list(grid.flat)[max(len(found) - _SMALL_COLUMNS, 0) : len(found)]:
            axes.tick_params(labelbottom=True)
        figure.supxlabel("Days since the first injection", fontsize=8)
        figure.supylabel(
            f"{words(test).capitalize()} [{', '.join(unit_text(unit) for unit in sorted(units))}]", fontsize=8
        )
    return figure
