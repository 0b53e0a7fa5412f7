"""An empty figure with the room that every figure of the report keeps."""

from __future__ import annotations

from textwrap import shorten, wrap
from typing import TYPE_CHECKING, Any, Final

from theratrial.report.style import drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH_IN: Final = 9.0
"""So that letters have the same size in every figure, on the page and in print."""
_FOOT_IN: Final = 0.17
FULL: Final = "full"


def new_figure(height_in: float, *, width_in: float = WIDTH_IN) -> Figure:
    """An empty figure whose layout leaves the foot to the footline; draw in it inside `drawing()`."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    with drawing():
        foot = _FOOT_IN / height_in
        layout = ConstrainedLayoutEngine(rect=(0.0, foot, 1.0, 1.0 - foot), h_pad=0.06, w_pad=0.06)
        return Figure(figsize=(width_in, height_in), layout=layout)


def lines(text: str, width: int, most: int = 3) -> list[str]:
    """Text in at most `most` lines of `width` letters; longer words are cut, what is too long ends in an ellipsis."""
    text = " ".join(text.split())
    wrapped = wrap(text, width)
    if len(wrapped) > most:
        wrapped = [*wrapped[: most - 1], shorten(" ".join(wrapped[most - 1 :]), width, placeholder=" …")]
        if wrapped[-1] == " …".strip():
            wrapped[-1] = wrap(text, width)[most - 1][: width - 1] + "…"
    return wrapped or [""]


def short(text: str, width: int = 12) -> str:
    """A label of at most that many letters."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"


def quiet_axes(axes: Any) -> None:
    """Axes without ticks and frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
