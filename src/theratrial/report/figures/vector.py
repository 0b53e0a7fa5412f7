"""A drawing written as SVG by hand: fast where a page has many small panels, and its words stay words."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from html import escape
from typing import Final

from theratrial.report.style import FAINT, INK, MUTED

WIDTH_PX: Final = 1080
_FOOT_PX: Final = 16
_FONTS: Final = "DejaVu Sans, Segoe UI, Noto Sans, sans-serif"


def at(value: float) -> str:
    """A coordinate, short and the same on every machine."""
    return f"{round(value, 1) + 0.0:g}"


class Drawing:
    """An SVG that grows; everything written into it is escaped.

    Parameters
    ----------
    footline
        Small words in the corner, so that a figure that leaves the page still says what it rests on.
    """

    def __init__(self, height_px: float, *, width_px: float = WIDTH_PX, footline: str = "") -> None:
        self.width_px = width_px
        self.height_px = height_px + (_FOOT_PX if footline else 0)
        self._parts: list[str] = []
        self._clips = 0
        if footline:
            self.text(width_px - 4, self.height_px - 4, footline, size=9, colour=MUTED, anchor="end")

    def line(
        self, x1: float, y1: float, x2: float, y2: float, *, colour: str = INK, width: float = 1, dash: str = ""
    ) -> None:
        """A straight line."""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(
            f'<line x1="{at(x1)}" y1="{at(y1)}" x2="{at(x2)}" y2="{at(y2)}" stroke="{colour}" '
            f'stroke-width="{at(width)}"{dashed}/>'
        )

    def path(
        self, points: Sequence[tuple[float, float]], *, colour: str = INK, width: float = 1.5, dash: str = ""
    ) -> None:
        """A line through points."""
        if len(points) < 2:
            return
        steps = " ".join(f"{at(x)},{at(y)}" for x, y in points)
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(
            f'<polyline points="{steps}" fill="none" stroke="{colour}" stroke-width="{at(width)}"{dashed}/>'
        )

    def area(self, points: Sequence[tuple[float, float]], *, colour: str, opacity: float) -> None:
        """A filled polygon."""
        steps = " ".join(f"{at(x)},{at(y)}" for x, y in points)
        self._parts.append(f'<polygon points="{steps}" fill="{colour}" fill-opacity="{opacity:g}"/>')

    def box(
        self, x: float, y: float, width: float, height: float, *, colour: str, opacity: float = 1, edge: str = ""
    ) -> None:
        """A filled rectangle."""
        stroke = f' stroke="{edge}"' if edge else ""
        self._parts.append(
            f'<rect x="{at(x)}" y="{at(y)}" width="{at(width)}" height="{at(height)}" fill="{colour}" '
            f'fill-opacity="{opacity:g}"{stroke}/>'
        )

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = 11,
        colour: str = INK,
        anchor: str = "start",
        bold: bool = False,
        turned: bool = False,
    ) -> None:
        """Words; `anchor` is ``start``, ``middle`` or ``end``."""
        weight = ' font-weight="bold"' if bold else ""
        turn = f' transform="rotate(-90 {at(x)} {at(y)})"' if turned else ""
        self._parts.append(
            f'<text x="{at(x)}" y="{at(y)}" font-size="{at(size)}" fill="{colour}" text-anchor="{anchor}"'
            f"{weight}{turn}>{escape(words)}</text>"
        )

    def marker(self, x: float, y: float, shape: str, *, colour: str, size: float = 4.5, filled: bool = True) -> None:
        """One of the marks of the report: ``o``, ``v``, ``^``, ``D``, ``s``, ``X`` or ``x``."""
        fill = colour if filled else "white"
        style = f'fill="{fill}" stroke="{colour}" stroke-width="1.3"'
        if shape == "o":
            self._parts.append(f'<circle cx="{at(x)}" cy="{at(y)}" r="{at(size)}" {style}/>')
            return
        if shape in ("X", "x"):
            for side in (-1, 1):
                self.line(x - size, y - side * size, x + size, y + side * size, colour=colour, width=1.8)
            return
        corners = {
            "v": ((-1, -0.8), (1, -0.8), (0, 1.1)),
            "^": ((-1, 0.8), (1, 0.8), (0, -1.1)),
            "D": ((0, -1.2), (1.2, 0), (0, 1.2), (-1.2, 0)),
            "s": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
        }[shape]
        steps = " ".join(f"{at(x + size * dx)},{at(y + size * dy)}" for dx, dy in corners)
        self._parts.append(f'<polygon points="{steps}" {style}/>')

    def ring(self, x: float, y: float, *, colour: str, size: float) -> None:
        """A circle around a mark."""
        self._parts.append(
            f'<circle cx="{at(x)}" cy="{at(y)}" r="{at(size)}" fill="none" stroke="{colour}" stroke-width="1"/>'
        )

    def clip(self, x: float, y: float, width: float, height: float) -> None:
        """Begin a part of which only what lies in the rectangle is seen; `unclip` ends it."""
        self._clips += 1
        self._parts.append(
            f'<clipPath id="c{self._clips}"><rect x="{at(x)}" y="{at(y)}" width="{at(width)}" height="{at(height)}"/>'
            f'</clipPath><g clip-path="url(#c{self._clips})">'
        )

    def unclip(self) -> None:
        """End what `clip` began."""
        self._parts.append("</g>")

    def svg(self) -> str:
        """The drawing as text."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {at(self.width_px)} {at(self.height_px)}" '
            f'width="{at(self.width_px)}" height="{at(self.height_px)}" font-family="{_FONTS}">'
            + "".join(self._parts)
            + "</svg>"
        )

    def source(self) -> str:
        """The drawing as a ``data:`` URI."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.svg().encode()).decode('ascii')}"


class Axes:
    """A panel: a linear axis of hours to the right and a logarithmic one of positive values upwards."""

    def __init__(
        self,
        drawing: Drawing,
        place: tuple[float, float, float, float],
        *,
        until: float,
        low: float,
        high: float,
    ) -> None:
        self.drawing = drawing
        self.left, self.top, self.width, self.height = place
        self.until, self.low, self.high = until, low, high

    def x(self, hours: float) -> float:
        """Place of a time."""
        return self.left + self.width * hours / self.until

    def y(self, value: float) -> float:
        """Place of a value; what is not positive lies far below."""
        share = math.log(max(value, 1e-12) / self.low) / math.log(self.high / self.low)
        return self.top + self.height * (1 - max(share, -3.0))

    def frame(self, *, step_h: float, label_x: str = "", label_y: str = "") -> None:
        """Axes with ticks and quiet lines across."""
        draw, bottom, right = self.drawing, self.top + self.height, self.left + self.width
        for tick in log_ticks(self.low, self.high):
            draw.line(self.left, self.y(tick), right, self.y(tick), colour=FAINT, width=0.6)
            draw.text(self.left - 4, self.y(tick) + 3.5, f"{tick:g}", size=9.5, anchor="end")
        hours = 0.0
        while hours <= self.until:
            draw.line(self.x(hours), bottom, self.x(hours), bottom + 3, colour=MUTED)
            draw.text(self.x(hours), bottom + 13, f"{hours:g}", size=9.5, anchor="middle")
            hours += step_h
        draw.line(self.left, self.top, self.left, bottom, colour=MUTED)
        draw.line(self.left, bottom, right, bottom, colour=MUTED)
        if label_x:
            draw.text(right, bottom + 26, label_x, size=10, anchor="end")
        if label_y:
            draw.text(self.left - 34, self.top + self.height / 2, label_y, size=10, anchor="middle", turned=True)


def log_ticks(low: float, high: float) -> tuple[float, ...]:
    """Round values in a range: 1, 2, 5 in each decade, or the decades alone where there are many.

    Examples
    --------
    >>> log_ticks(0.9, 11.0)
    (1.0, 2.0, 5.0, 10.0)
    """
    steps = (1.0, 2.0, 5.0) if high / low < 200 else (1.0,)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    ticks = (float(f"{step}e{decade}") for decade in range(first, last + 1) for step in steps)
    return tuple(tick for tick in ticks if low <= tick <= high)
