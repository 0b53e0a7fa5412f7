"""Participant flow as boxes and arrows, after CONSORT, without randomisation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from theratrial.report.figures.canvas import lines, new_figure, quiet_axes
from theratrial.report.style import ACCENT, FAINT, INK, MUTED, drawing
from theratrial.report.texts import words
from theratrial.results.values import ParticipantResult, TrialResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LINE_IN: Final = 0.165
_GAP_IN: Final = 0.26
_MAIN: Final = (0.15, 3.3)
_SIDE: Final = (4.3, 8.85)


@dataclass(frozen=True, slots=True)
class _Step:
    """A box of the main line with what leaves it to the side, below."""

    main: tuple[str, ...]
    side: tuple[str, ...]


def _entry(number: int, reason: str) -> list[str]:
    first, *rest = lines(f"{number}  {words(reason)}", 62, 2)
    return [first, *(f"    {line}" for line in rest)]


def _steps(result: TrialResult) -> list[_Step]:
    flow = result.flow
    treated = [one for one in result.participants if one.treated]
    failed = [line for reason, number in flow.screen_failures for line in _entry(number, reason)]
    steps = [_Step(("Screened", f"n = {flow.screened}"), _side("Not treated", flow.screened - flow.treated, failed))]
    for session, number in flow.sessions_given:
        name = "Treated, session 1" if session == 1 else f"Session {session}"
        ended = [one for one in treated if len(one.sessions) == session]
        reasons = Counter(_ending(one) for one in ended)
        said = [
            line for reason, n in sorted(reasons.items(), key=lambda e: (-e[1], e[0])) for line in _entry(n, reason)
        ]
        settled = all(one.disposition for one in ended)
        title = "This was the last session" if settled else "No further session so far"
        steps.append(_Step((name, f"n = {number}"), _side(title, len(ended), said)))
    if not flow.sessions_given:
        steps.append(_Step(("Treated", f"n = {flow.treated}"), ()))
    without = flow.treated - flow.response_assessed
    steps.append(
        _Step(
            ("Response assessed", f"n = {flow.response_assessed}"),
            _side("Treated, response not evaluable or not assessed", without, []),
        )
    )
    ends = [line for reason, number in flow.ended for line in _entry(number, reason)]
    steps.append(_Step(("Analysed", f"n = {flow.analysed}"), ("How the treated ended", *ends) if ends else ()))
    return steps


def _ending(one: ParticipantResult) -> str:
    """Why no further session came, without dates, so that equal reasons count together."""
    if not one.disposition:
        return one.last_session_because or "no reason recorded"
    return (
        f"{words(one.disposition)}: {words(one.disposition_reason)}"
        if one.disposition_reason
        else words(one.disposition)
    )


def _side(title: str, number: int, said: list[str]) -> tuple[str, ...]:
    if number <= 0:
        return ()
    return (f"{title}, n = {number}", *said)


def flow_figure(result: TrialResult) -> Figure:
    """The flow; always drawn, also of nobody."""
    steps = _steps(result)
    heights = [max(len(step.main), len(step.side)) * _LINE_IN + 0.2 for step in steps]
    total = sum(heights) + _GAP_IN * (len(steps) - 1) + 0.25
    figure = new_figure(total)
    figure.set_layout_engine("none")
    with drawing():
        axes = figure.add_axes((0, 0, 1, 1))
        quiet_axes(axes)
        axes.set_xlim(0, 9.0)
        axes.set_ylim(0, total)
        top = total - 0.05
        for index, (step, height) in enumerate(zip(steps, heights, strict=True)):
            middle = top - height / 2
            _box(axes, _MAIN, middle, step.main, main=True)
            if step.side:
                _box(axes, _SIDE, middle, step.side, main=False)
                _arrow(axes, (_MAIN[1], middle), (_SIDE[0], middle))
            if index + 1 < len(steps):
                half = _box_height(step.main) / 2
                below = top - height - _GAP_IN
                next_half = _box_height(steps[index + 1].main) / 2
                target = below - heights[index + 1] / 2 + next_half
                centre = sum(_MAIN) / 2
                _arrow(axes, (centre, middle - half), (centre, target))
            top -= height + _GAP_IN
    return figure


def _box_height(said: tuple[str, ...]) -> float:
    return len(said) * _LINE_IN + 0.14


def _box(axes: Any, ends: tuple[float, float], middle: float, said: tuple[str, ...], *, main: bool) -> None:
    from matplotlib.patches import Rectangle

    height = _box_height(said)
    axes.add_patch(
        Rectangle(
            (ends[0], middle - height / 2),
            ends[1] - ends[0],
            height,
            facecolor="#eef3f7" if main else "white",
            edgecolor=ACCENT if main else FAINT,
            linewidth=1.2,
        )
    )
    for index, line in enumerate(said):
        y = middle + height / 2 - 0.07 - (index + 0.5) * _LINE_IN
        x = sum(ends) / 2 if main else ends[0] + 0.1
        axes.text(
            x,
            y,
            line,
            ha="center" if main else "left",
            va="center",
            fontsize=8.5,
            weight="bold" if index == 0 else "normal",
            color=INK,
        )


def _arrow(axes: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate(
        "", end, start, arrowprops={"arrowstyle": "-|>", "color": MUTED, "linewidth": 1, "shrinkA": 0, "shrinkB": 0}
    )
