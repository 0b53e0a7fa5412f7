"""Where the uncertainty of each region's dose comes from: its contributions as shares of the variance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from theratrial.report.figures.canvas import short
from theratrial.report.figures.vector import Drawing
from theratrial.report.style import MUTED

PART_NAMES: Final = {
    "kinetics": "kinetics",
    "fit": "points and fit",
    "model": "unseen kinetics",
    "volume": "outline",
    "calibration": "calibration",
    "recovery_curve": "recovery",
    "counting": "counts",
    "s_value": "S value",
    "density": "density",
}
"""What a contribution is called on the page; others keep their own name."""
PART_COLOURS: Final = {
    "kinetics": "#1f5f8b",
    "fit": "#6a4c93",
    "model": "#9c2f1f",
    "volume": "#8a5208",
    "calibration": "#0b6e4f",
    "recovery_curve": "#4d5763",
    "counting": "#7a3b6d",
    "s_value": "#333333",
    "density": "#5c4a10",
}
"""Dark enough for white letters."""
_OTHER: Final = "#444444"
_ROW_PX, _BAR_PX = 24, 17
_LEFT, _BAR_WIDTH = 210.0, 500.0


@dataclass(frozen=True, slots=True)
class ContributionBar:
    """One region: share of the variance by contribution, the whole relative standard deviation, and what would help."""

    label: str
    shares: tuple[tuple[str, float], ...]
    relative_sd: float | None
    remark: str


def part_name(part: str) -> str:
    """A contribution in words."""
    return PART_NAMES.get(part, part.replace("_", " "))


def contributions_figure(bars: Sequence[ContributionBar], footline: str, *, head: str) -> Drawing | None:
    """A bar per region; None where there is none.

    Parameters
    ----------
    head
        What stands over the words to the right of the bars.
    """
    if not bars:
        return None
    drawing = Drawing(22 + _ROW_PX * len(bars) + 42, footline=footline)
    drawing.text(_LEFT, 13, "share of the variance", size=10.5, colour=MUTED)
    drawing.text(_LEFT + _BAR_WIDTH + 14, 13, head, size=10.5, colour=MUTED)
    for index, bar in enumerate(bars):
        _bar(drawing, bar, 22 + index * _ROW_PX)
    bottom = 22 + _ROW_PX * len(bars)
    for percent in range(0, 101, 25):
        x = _LEFT + _BAR_WIDTH * percent / 100
        drawing.line(x, bottom, x, bottom + 3, colour=MUTED)
        drawing.text(x, bottom + 14, f"{percent} %", size=9.5, anchor="middle")
    parts = dict.fromkeys(part for bar in bars for part, share in bar.shares if share >= 0.005)
    x = _LEFT
    for part in parts:
        drawing.box(x, bottom + 22, 12, 12, colour=PART_COLOURS.get(part, _OTHER))
        drawing.text(x + 17, bottom + 32, part_name(part), size=10.5)
        x += 30 + 7 * len(part_name(part))
    return drawing


def _bar(drawing: Drawing, bar: ContributionBar, top: float) -> None:
    middle = top + _BAR_PX / 2 + 4
    drawing.text(_LEFT - 8, middle, short(bar.label, 30), size=11, anchor="end")
    left = _LEFT
    for part, share in bar.shares:
        width = share * _BAR_WIDTH
        drawing.box(left, top, width, _BAR_PX, colour=PART_COLOURS.get(part, _OTHER), edge="white")
        said = f"{part_name(part)} {share * 100:.0f} %"
        if width > 6.6 * len(said) + 6:
            drawing.text(left + width / 2, middle - 0.5, said, size=10, colour="white", anchor="middle")
        elif width > 30:
            drawing.text(
                left + width / 2, middle - 0.5, f"{share * 100:.0f} %", size=10, colour="white", anchor="middle"
            )
        left += width
    sd = f"± {bar.relative_sd * 100:.0f} %" if bar.relative_sd is not None and math.isfinite(bar.relative_sd) else ""
    said = ": ".join(part for part in (sd, bar.remark) if part)
    drawing.text(_LEFT + _BAR_WIDTH + 14, middle, short(said, 56), size=11)
