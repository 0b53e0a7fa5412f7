"""The stopping boundary and the participants judged, in the order in which they could be."""

from __future__ import annotations

from typing import Final

from theratrial.report.figures.vector import Drawing
from theratrial.report.style import ACCENT, FAINT, INK, MUTED, VERDICT_COLOURS
from theratrial.results.toxicity import StoppingResult

_WIDTH: Final = 720.0
_LEFT: Final = 58.0
_TOP: Final = 34.0
_STEP: Final = 42.0


def stopping_figure(result: StoppingResult, footline: str = "") -> Drawing | None:
    """Steps of the boundary above, the count of toxicities below it; None without a boundary."""
    count = len(result.boundary)
    limits = [one for one in result.boundary if one is not None]
    if not count or not limits:
        return None
    most = max(*limits, *(step.events for step in result.steps), 1) + 1
    unit_y = 190.0 / most
    bottom = _TOP + 190.0
    across = min(_STEP, (_WIDTH - _LEFT - 20) / count)
    drawing = Drawing(bottom + 46, width_px=_WIDTH, footline=footline)

    def x(participants: float) -> float:
        return _LEFT + across * participants

    def y(events: float) -> float:
        return bottom - unit_y * events

    for events in range(most + 1):
        drawing.line(_LEFT, y(events), x(count), y(events), colour=FAINT, width=0.6)
        drawing.text(_LEFT - 6, y(events) + 3.5, f"{events}", size=9.5, anchor="end")
    stop = VERDICT_COLOURS["stop"]
    for k, limit in enumerate(result.boundary, 1):
        if limit is None:
            continue
        drawing.box(x(k - 1), _TOP, across, y(limit - 0.5) - _TOP, colour=stop, opacity=0.13)
        drawing.line(x(k - 1), y(limit - 0.5), x(k), y(limit - 0.5), colour=stop, width=1.6)
    drawing.text(x(count) - 4, _TOP + 13, "stop", size=11, colour=stop, anchor="end", bold=True)
    drawing.path([(x(step.participants - 0.5), y(step.events)) for step in result.steps], colour=INK, width=1.4)
    for step in result.steps:
        limited = step.limiting == "yes"
        drawing.marker(
            x(step.participants - 0.5),
            y(step.events),
            "X" if limited else "o",
            colour=stop if limited else ACCENT,
            size=4.5,
        )
    for k in range(1, count + 1):
        drawing.text(x(k - 0.5), bottom + 14, f"{k}", size=9.5, anchor="middle")
    drawing.text(x(count), bottom + 30, "participants judged, in the order of that day", size=10, anchor="end")
    drawing.text(14, _TOP + 95, "dose-limiting toxicities", size=10, anchor="middle", turned=True)
    drawing.marker(_LEFT + 6, 15, "X", colour=stop, size=4.5)
    drawing.text(_LEFT + 16, 19, "with a dose-limiting toxicity", size=10, colour=MUTED)
    drawing.marker(_LEFT + 206, 15, "o", colour=ACCENT, size=4.5)
    drawing.text(_LEFT + 216, 19, "without", size=10, colour=MUTED)
    return drawing
