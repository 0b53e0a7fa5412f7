"""Activity over time of every region of one session: points, the curve through them, and published kinetics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from theratrial.report.figures.canvas import short
from theratrial.report.figures.vector import WIDTH_PX, Axes, Drawing
from theratrial.report.style import ACCENT, FAINT, INK, MUTED, determinacy_colour, determinacy_marker
from theratrial.report.texts import number, words
from theratrial.results.dosimetry import CurvePoint, PlanarPoint
from theratrial.results.values import RegionDoseResult

COLUMNS: Final = 3
_PANEL_PX: Final = 232
_LEGEND_PX: Final = 24
_SHOWN_UNTIL_H: Final = 216.0
_ROUTE_SHAPES: Final = {"planar": "s", "hybrid": "D"}
_STEPS: Final = 60


def region_label(dose: RegionDoseResult) -> str:
    """What a region is called on the page."""
    return dose.title if dose.kind == "organ" else words(dose.region_name)


def fitted_line(points: Sequence[CurvePoint], half_life_h: float | None) -> tuple[float, float] | None:
    """Activity at injection [MBq] and decay [1/h] of one exponential through the middle of the points.

    The middle is the mean of the logarithms, so that two points that gave the half-life lie on the line.

    Examples
    --------
    >>> fitted_line((), 50.0) is None
    True
    """
    seen = [(p.hours_after, p.activity_MBq.value) for p in points if p.activity_MBq.value and p.activity_MBq.value > 0]
    if not seen or not half_life_h or not math.isfinite(half_life_h):
        return None
    decay = math.log(2) / half_life_h
    mean = math.fsum(math.log(value) + decay * hours for hours, value in seen) / len(seen)
    return math.exp(mean), decay


def time_activity_figure(doses: Sequence[RegionDoseResult], footline: str) -> Drawing | None:
    """A panel per region that was measured; None where there is none."""
    shown = [dose for dose in doses if any((p.activity_MBq.value or 0) > 0 for p in dose.points)]
    if not shown:
        return None
    rows = math.ceil(len(shown) / COLUMNS)
    drawing = Drawing(_LEGEND_PX + rows * _PANEL_PX, footline=footline)
    _legend(drawing, shown)
    width = WIDTH_PX / COLUMNS
    for index, dose in enumerate(shown):
        row, column = divmod(index, COLUMNS)
        _panel(drawing, dose, column * width, _LEGEND_PX + row * _PANEL_PX, width, first=column == 0)
    return drawing


def _range(dose: RegionDoseResult, until: float) -> tuple[float, float]:
    """Lowest and highest activity that the panel shows [MBq]: all that is known where something was measured."""
    seen: list[float] = []
    for point in dose.points:
        quantity = point.activity_MBq
        seen += [end for end in (quantity.lower, quantity.value, quantity.upper) if end and math.isfinite(end)]
    for route in dose.details.routes:
        seen += [p.activity_MBq.value for p in route.points if p.activity_MBq.value]
    first = min(point.hours_after for point in dose.points)
    if dose.details.population is not None:
        for hours, lower, _, upper in dose.details.population.band_h_MBq:
            if first * 0.5 <= hours <= until:
                seen += [lower, upper]
    line = fitted_line(dose.points, dose.effective_half_life_h.value)
    if line is not None:
        seen.append(line[0] * math.exp(-line[1] * until))
    positive = [value for value in seen if value > 0]
    low, high = min(positive), max(positive)
    # Three decades hold every curve that a physicist would read; what is lower leaves the panel.
    return max(low / 1.25, high / 1000), high * 1.35


def _panel(drawing: Drawing, dose: RegionDoseResult, left: float, top: float, width: float, *, first: bool) -> None:
    last = max(point.hours_after for point in dose.points)
    until = max(_SHOWN_UNTIL_H, last * 1.5)
    low, high = _range(dose, until)
    axes = Axes(drawing, (left + 44, top + 36, width - 56, _PANEL_PX - 36 - 36), until=until, low=low, high=high)
    colour = determinacy_colour(dose.determinacy)
    drawing.text(left + 6, top + 14, short(region_label(dose), 40), size=12.5, bold=True)
    half_life = dose.effective_half_life_h.value
    said = f"points alone: {words(dose.determinacy)}"
    said += f", half-life {number(half_life)} h" if half_life is not None else ", no half-life"
    drawing.text(left + 6, top + 28, said, size=10, colour=colour)
    drawing.box(axes.x(last), axes.top, axes.x(until) - axes.x(last), axes.height, colour=FAINT, opacity=0.4)
    axes.frame(step_h=48, label_x="hours after injection", label_y="activity [MBq]" if first else "")
    drawing.clip(axes.left, axes.top, axes.width, axes.height)
    _band(axes, dose)
    line = fitted_line(dose.points, half_life)
    if line is not None:
        hours = [until * step / _STEPS for step in range(_STEPS + 1)]
        curve = [(axes.x(h), axes.y(line[0] * math.exp(-line[1] * h))) for h in hours]
        drawing.path(curve, colour=colour, width=1.4, dash="5 3")
    drawing.unclip()
    for route in dose.details.routes:
        for other in route.points:
            _route_mark(axes, other, _ROUTE_SHAPES.get(route.route, "x"))
    for point in dose.points:
        _mark(axes, point, determinacy_marker(dose.determinacy), colour)


def _band(axes: Axes, dose: RegionDoseResult) -> None:
    population = dose.details.population
    if population is None or len(population.band_h_MBq) < 2:
        return
    band = population.band_h_MBq
    edge = [(axes.x(h), axes.y(upper)) for h, _, _, upper in band]
    edge += [(axes.x(h), axes.y(lower)) for h, lower, _, _ in reversed(band)]
    axes.drawing.area(edge, colour=ACCENT, opacity=0.2)
    axes.drawing.path([(axes.x(h), axes.y(middle)) for h, _, middle, _ in band], colour=ACCENT, width=1.6)


def _mark(axes: Axes, point: CurvePoint, shape: str, colour: str) -> None:
    quantity, x = point.activity_MBq, axes.x(point.hours_after)
    if not quantity.value or quantity.value <= 0:
        return
    if quantity.lower is not None and quantity.upper is not None and math.isfinite(quantity.upper):
        bottom = min(axes.y(quantity.lower), axes.top + axes.height)
        axes.drawing.line(x, bottom, x, axes.y(quantity.upper), colour=INK, width=1.4)
        for y in (bottom, axes.y(quantity.upper)):
            axes.drawing.line(x - 3, y, x + 3, y, colour=INK, width=1.2)
    axes.drawing.marker(x, axes.y(quantity.value), shape, colour=colour, size=4)


def _route_mark(axes: Axes, point: PlanarPoint, shape: str) -> None:
    value = point.activity_MBq.value
    if value and axes.low <= value <= axes.high:
        # A little to the right: planar and SPECT of one day are an hour apart and would hide each other.
        x = axes.x(point.hours_after) + (7 if shape == "s" else 12)
        axes.drawing.marker(x, axes.y(value), shape, colour=MUTED, size=3.2, filled=False)


def _legend(drawing: Drawing, shown: Sequence[RegionDoseResult]) -> None:
    x, y = 6.0, 13.0
    drawing.line(x + 6, y - 9, x + 6, y + 3, colour=INK, width=1.4)
    drawing.marker(x + 6, y - 3, "o", colour=INK, size=4)
    drawing.text(x + 18, y, "SPECT, 95 % interval")
    x += 158
    if any(dose.effective_half_life_h.value is not None for dose in shown):
        drawing.line(x, y - 3, x + 26, y - 3, width=1.4, dash="5 3")
        drawing.text(x + 32, y, "one exponential by the points alone")
        x += 252
    if any(dose.details.population is not None for dose in shown):
        drawing.box(x, y - 10, 26, 13, colour=ACCENT, opacity=0.2)
        drawing.line(x, y - 3, x + 26, y - 3, colour=ACCENT, width=1.6)
        drawing.text(x + 32, y, "published kinetics and the points: middle, 95 %")
        x += 322
    names = {route.route for dose in shown for route in dose.details.routes}
    for name in [name for name in _ROUTE_SHAPES if name in names]:
        drawing.marker(x + 6, y - 3, _ROUTE_SHAPES[name], colour=MUTED, size=3.2, filled=False)
        drawing.text(x + 16, y, name)
        x += 64
    drawing.box(x, y - 10, 22, 13, colour=FAINT, opacity=0.6)
    drawing.text(x + 28, y, "not measured")
