"""One participant's doses so far as shares of their limits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from theratrial.report.figures.canvas import short
from theratrial.report.figures.vector import Drawing
from theratrial.report.style import FAINT, INK, MUTED, VERDICT_COLOURS, determinacy_colour, determinacy_marker
from theratrial.report.texts import number
from theratrial.results.values import CumulativeDose

_ROW_PX: Final = 30
_LEFT, _WIDTH = 250.0, 560.0


def limit_bars_figure(doses: Sequence[CumulativeDose], footline: str) -> Drawing | None:
    """A line per organ with a limit; None where there is none."""
    shown = [dose for dose in doses if dose.limit_Gy is not None and dose.limit_Gy > 0]
    if not shown:
        return None
    top_percent = max(110.0, *(_largest_percent(dose) * 1.08 for dose in shown))
    drawing = Drawing(24 + _ROW_PX * len(shown) + 30, footline=footline)
    bottom = 24 + _ROW_PX * len(shown)

    def x(percent: float) -> float:
        return _LEFT + _WIDTH * percent / top_percent

    drawing.box(x(100), 20, x(top_percent) - x(100), bottom - 20, colour=VERDICT_COLOURS["stop"], opacity=0.08)
    step = 25 if top_percent <= 220 else 100
    for percent in range(0, int(top_percent) + 1, step):
        drawing.line(x(percent), 20, x(percent), bottom, colour=FAINT, width=0.7)
        drawing.text(x(percent), bottom + 14, f"{percent} %", size=9.5, anchor="middle")
    drawing.line(x(100), 16, x(100), bottom, colour=VERDICT_COLOURS["stop"], width=1.8)
    drawing.text(x(100), 12, "limit", size=10.5, anchor="middle", colour=VERDICT_COLOURS["stop"], bold=True)
    drawing.text(_LEFT + _WIDTH, bottom + 27, "of the limit", size=10, anchor="end", colour=MUTED)
    for index, dose in enumerate(shown):
        _row(drawing, dose, 24 + index * _ROW_PX + _ROW_PX / 2, x, top_percent)
    return drawing


def _largest_percent(dose: CumulativeDose) -> float:
    assert dose.limit_Gy
    quantity, held = dose.absorbed_dose_Gy, dose.judged_upper_Gy
    ends = [quantity.value, quantity.upper, quantity.lower, None if held is None else held.value]
    return max((end / dose.limit_Gy * 100 for end in ends if end is not None and math.isfinite(end)), default=0.0)


def _row(drawing: Drawing, dose: CumulativeDose, y: float, x: Callable[[float], float], top_percent: float) -> None:
    assert dose.limit_Gy
    per_Gy = 100 / dose.limit_Gy
    quantity, colour = dose.absorbed_dose_Gy, determinacy_colour(dose.determinacy)
    drawing.text(_LEFT - 10, y + 4, short(dose.title, 34), size=11, anchor="end")
    lower, value, upper = quantity.lower, quantity.value, quantity.upper
    if upper is None or math.isinf(upper):
        start = x((lower if lower is not None else value or 0.0) * per_Gy)
        drawing.line(start, y, x(top_percent) - 6, y, colour=colour, width=1.4, dash="4 3")
        drawing.marker(x(top_percent) - 6, y, "^", colour=colour, size=4)
    elif lower is not None:
        drawing.line(x(lower * per_Gy), y, x(upper * per_Gy), y, colour=colour, width=3)
    known = value if value is not None else lower
    if known is not None:
        mark = determinacy_marker(dose.determinacy)
        drawing.marker(x(known * per_Gy), y, mark, colour=colour, size=5, filled=value is not None)
    held = None if dose.judged_upper_Gy is None else dose.judged_upper_Gy.value
    if held is not None:
        drawing.line(x(held * per_Gy), y - 9, x(held * per_Gy), y + 9, colour=INK, width=2.4)
    said = "undetermined" if value is None else f"{number(value)} Gy"
    drawing.text(_LEFT + _WIDTH + 12, y + 4, f"{said} of {number(dose.limit_Gy)} Gy", size=11, bold=True)
    drawing.text(_LEFT + _WIDTH + 160, y + 4, "no upper end" if held is None else f"gate: {number(held)} Gy", size=11)
