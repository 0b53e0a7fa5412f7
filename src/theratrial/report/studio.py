"""Figures to files and to data in the page. The same figure gives the same bytes: no date, version or random id."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from theratrial.report.blocks import Picture
from theratrial.report.figures.canvas import WIDTH_IN
from theratrial.report.figures.vector import Drawing
from theratrial.report.style import MUTED, drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_JPEG_QUALITY: Final = 88
_PNG_DPI: Final = 160
_FOOT_PX: Final = 16
_STRIP_FULL_PX: Final = 1700
"""Width of a strip that fills the page."""
_PIXELS_DPI: Final = 170
"""Images are drawn a little finer than a screen shows the page."""


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


class Studio:
    """Where the figures of one report are saved.

    Parameters
    ----------
    folder
        Existing folder for the files.
    footline
        Small words in every figure, so that a figure that leaves the report still says what it rests on.
    """

    def __init__(self, folder: Path, footline: str) -> None:
        self._folder = folder
        self._footline = footline
        self.names: list[str] = []

    def _finish(self, figure: Figure) -> None:
        """Lay the figure out once and sign it: every later drawing keeps the layout."""
        engine = figure.get_layout_engine()
        if engine is not None:
            engine.execute(figure)
            figure.set_layout_engine("none")
            # The solver's last bits change from call to call, and the SVG's names are made from them.
            for axes in figure.axes:
                left, bottom, width, height = (round(edge, 5) for edge in axes.get_position(original=True).bounds)
                axes.set_position((left, bottom, width, height))
        if self._footline:
            figure.text(0.998, 0.03 / figure.get_figheight(), self._footline, ha="right", fontsize=6, color=MUTED)

    def vector(self, name: str, figure: Figure, *, alternative: str, caption: str) -> Picture:
        """Save a drawing as SVG and PNG and return it for the page."""
        self.names.append(name)
        with drawing():
            self._finish(figure)
            svg, png = BytesIO(), BytesIO()
            figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
            figure.savefig(png, format="png", dpi=_PNG_DPI, metadata={"Software": None})
        (self._folder / f"{name}.svg").write_bytes(svg.getvalue())
        (self._folder / f"{name}.png").write_bytes(png.getvalue())
        return Picture(name, _data("image/svg+xml", svg.getvalue()), alternative, caption, "wide")

    def embedded(self, name: str, figure: Figure, *, alternative: str, caption: str) -> Picture:
        """Return a drawing as SVG for the page alone; no file, and no PNG that nobody asked for.

        Its words are words, not outlines: a third of the bytes, and paper is laid out in a fifth less time.
        """
        import matplotlib as mpl

        self.names.append(name)
        with drawing(), mpl.rc_context({"svg.fonttype": "none"}):
            self._finish(figure)
            svg = BytesIO()
            figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        return Picture(name, _data("image/svg+xml", svg.getvalue()), alternative, caption, "wide")

    def drawing(self, name: str, drawn: Drawing, *, alternative: str, caption: str) -> Picture:
        """Save a drawing that is SVG already."""
        self.names.append(name)
        (self._folder / f"{name}.svg").write_text(drawn.svg(), encoding="utf-8")
        return Picture(name, drawn.source(), alternative, caption, "wide")

    @property
    def footline(self) -> str:
        """What every figure says of itself."""
        return self._footline

    def raster(self, name: str, figure: Figure, *, alternative: str, caption: str) -> Picture:
        """Save a figure made of images as PNG and return it, as JPEG, for the page."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from PIL import Image

        self.names.append(name)
        with drawing():
            figure.set_dpi(_PIXELS_DPI)
            self._finish(figure)
            canvas = FigureCanvasAgg(figure)
            canvas.draw()
        whole = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
        share = min(figure.get_figwidth() / WIDTH_IN, 1.0)
        return self._embedded(name, whole, alternative, caption, "raster", share)

    def image(self, name: str, image: Any, *, alternative: str, caption: str) -> Picture:
        """Save an image as it is."""
        from PIL import Image, ImageDraw

        self.names.append(name)
        if self._footline:
            taller = Image.new("RGB", (image.width, image.height + _FOOT_PX), "white")
            taller.paste(image, (0, 0))
            ImageDraw.Draw(taller).text((2, image.height + 2), self._footline, fill=MUTED)
            image = taller
        return self._embedded(name, image, alternative, caption, "strip", min(image.width / _STRIP_FULL_PX, 1.0))

    def _embedded(self, name: str, image: Any, alternative: str, caption: str, style: str, share: float) -> Picture:
        image.save(self._folder / f"{name}.png", format="PNG", compress_level=6)
        jpeg = BytesIO()
        image.save(jpeg, format="JPEG", quality=_JPEG_QUALITY, optimize=True)
        return Picture(name, _data("image/jpeg", jpeg.getvalue()), alternative, caption, style, share)
