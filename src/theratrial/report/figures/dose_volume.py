"""Dose-volume histograms of one session."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from theratrial.report.figures.canvas import short
from theratrial.report.figures.time_activity import region_label
from theratrial.report.figures.vector import Drawing
from theratrial.report.style import FAINT, MUTED
from theratrial.results.values import RegionDoseResult

_LEFT, _TOP, _WIDTH, _HEIGHT = 56.0, 12.0, 720.0, 260.0
_COLOURS: Final = ("#1f5f8b", "#9c2f1f", "#0b6e4f", "#6a4c93", "#8a5208", "#111111", "#c0398b", "#4a8bc2")
_DASHES: Final = ("", "6 3", "2 2")


def dose_volume_figure(doses: Sequence[RegionDoseResult], footline: str) -> Drawing | None:
    """A line per region with a histogram; None where there is none."""
    shown = [(dose, dose.details.dose_volume) for dose in doses]
    curves = [(dose, volume.curve) for dose, volume in shown if volume is not None and len(volume.curve) > 1]
    if not curves:
        return None
    most = max(gray for _, curve in curves for gray, _ in curve)
    step = 10 ** math.floor(math.log10(most)) if most > 0 else 1.0
    step = step / 2 if most / step < 4 else step
    drawing = Drawing(_TOP + _HEIGHT + 34, footline=footline)

    def place(gray: float, share: float) -> tuple[float, float]:
        return _LEFT + _WIDTH * gray / most, _TOP + _HEIGHT * (1 - share)

    for percent in (0, 25, 50, 75, 100):
        y = place(0, percent / 100)[1]
        drawing.line(_LEFT, y, _LEFT + _WIDTH, y, colour=FAINT, width=0.7)
        drawing.text(_LEFT - 5, y + 3.5, f"{percent} %", size=9.5, anchor="end")
    for tick in range(int(most / step) + 1):
        x = place(tick * step, 0)[0]
        drawing.text(x, _TOP + _HEIGHT + 14, f"{tick * step:g}", size=9.5, anchor="middle")
    drawing.text(_LEFT + _WIDTH, _TOP + _HEIGHT + 28, "absorbed dose [Gy]", size=10, anchor="end", colour=MUTED)
    for index, (dose, curve) in enumerate(curves):
        colour, dash = _COLOURS[index % len(_COLOURS)], _DASHES[index // len(_COLOURS) % len(_DASHES)]
        drawing.path([place(gray, share) for gray, share in curve], colour=colour, width=1.7, dash=dash)
        y = _TOP + 14 + 17 * index
        drawing.line(_LEFT + _WIDTH + 20, y - 4, _LEFT + _WIDTH + 48, y - 4, colour=colour, width=2, dash=dash)
        drawing.text(_LEFT + _WIDTH + 54, y, short(region_label(dose), 30), size=11)
    return drawing
