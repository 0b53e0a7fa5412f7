"""One palette and one set of shapes for every figure. Colour never stands alone: a shape or word says the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

INK: Final = "#1d2733"
MUTED: Final = "#6b7785"
FAINT: Final = "#d9dee4"
ACCENT: Final = "#1f5f8b"

CATEGORY_COLOURS: Final = {"CR": "#0b6e4f", "PR": "#a5cf6b", "SD": "#d8a31a", "PD": "#b3402e", "NE": "#b9c0c8"}
"""Okabe-Ito-like order from good to bad, told apart in print by the label that always stands beside it."""
CATEGORY_TEXT: Final = {"CR": "white", "PR": "#1d2733", "SD": "#1d2733", "PD": "white", "NE": "#1d2733"}
"""Letters on those colours, each with a contrast of at least 4.5."""
CATEGORY_NAMES: Final = {
    "CR": "complete response",
    "PR": "partial response",
    "SD": "stable disease",
    "PD": "progressive disease",
    "NE": "not evaluable",
}
CATEGORY_HATCHES: Final = {"CR": "", "PR": "", "SD": "///", "PD": "xxx", "NE": "..."}

VERDICT_COLOURS: Final = {"proceed": "#0b6e4f", "stop": "#b3402e", "undetermined": "#8a6d1a", "complete": "#4d5763"}
"""Verdicts of a gate, and ``complete`` for the gate that stops because every session was given."""
VERDICT_MARKERS: Final = {"proceed": "^", "stop": "s", "undetermined": "D", "complete": "o"}
VERDICT_LETTERS: Final = {"proceed": "P", "stop": "S", "undetermined": "U", "complete": "C"}
VERDICT_SIGNS: Final = {
    "proceed": "▲ proceed",
    "stop": "■ stop",
    "undetermined": "◆ undetermined",
    "complete": "● complete",
}
VERDICT_REMARKS: Final = {"complete": "all sessions given"}
"""What a verdict that is none of the gate's own means."""


def verdict_words(verdict: str) -> str:
    """A verdict without its sign, with what it means where that is not plain."""
    remark = VERDICT_REMARKS.get(verdict)
    return VERDICT_SIGNS[verdict][2:] + (f" ({remark})" if remark else "")


DETERMINACY_COLOURS: Final = {
    "determined": "#1f5f8b",
    "bounded": "#6a4c93",
    "rising": "#b3402e",
    "extrapolated": "#b86e14",
    "single_point": "#4d4d4d",
    "undetermined": "#6b7785",
}
DETERMINACY_MARKERS: Final = {
    "determined": "o",
    "bounded": "v",
    "rising": "^",
    "extrapolated": "D",
    "single_point": "s",
    "undetermined": "X",
}
DETERMINACY_SIGNS: Final = {
    "determined": "●",
    "bounded": "▼",
    "rising": "▲",
    "extrapolated": "◆",
    "single_point": "■",
    "undetermined": "✖",
}
_OTHER_COLOUR: Final = "#8a929c"


def determinacy_colour(state: str) -> str:
    """Colour of a determinacy state; a state this palette does not know is grey."""
    return DETERMINACY_COLOURS.get(state, _OTHER_COLOUR)


def determinacy_marker(state: str) -> str:
    """Marker of a determinacy state."""
    return DETERMINACY_MARKERS.get(state, "x")


_RC: Final[Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "grid.color": FAINT,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.dpi": 100,
    "savefig.dpi": 160,
    "svg.hashsalt": "theratrial",
    "svg.fonttype": "path",
    "image.interpolation": "nearest",
    # A dollar sign in somebody's text is a dollar sign.
    "text.parse_math": False,
}


@contextmanager
def drawing() -> Iterator[None]:
    """Settings under which every figure is drawn, so that the same values give the same bytes."""
    import matplotlib as mpl

    with mpl.rc_context(_RC):
        yield
