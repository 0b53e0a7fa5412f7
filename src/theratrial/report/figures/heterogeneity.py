"""Lesions with and without uptake of the tracer: a bar for every participant and reader."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from theratrial.report.figures.canvas import new_figure, short
from theratrial.report.style import FAINT, INK, MUTED, drawing
from theratrial.results.criteria import Heterogeneity, ReaderHeterogeneity

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PARTS: Final = (
    ("positive", "with uptake", "#1f5f8b", ""),
    ("negative", "without uptake: out of the therapy's reach", "#b3402e", "///"),
    ("not_assessable", "not assessable", FAINT, "..."),
    ("tracer_only", "seen on the tracer alone, beside the count", "white", ""),
)


def heterogeneity_figure(patterns: Sequence[tuple[str, Heterogeneity]]) -> Figure | None:
    """Stacked counts of lesions; None where nobody classed any."""
    bars = [(who, one, len(found.readers)) for who, found in patterns for one in found.readers if one.lesions]
    if not bars:
        return None
    figure = new_figure(3.5)
    with drawing():
        axes = figure.subplots()
        places, names, x, last = [], [], 0.0, ""
        for who, one, readers in bars:
            x += 0.0 if not last else 0.62 if who == last else 1.0
            last = who
            _bar(axes, x, one)
            places.append(x)
            names.append(f"{short(who, 8)}\n{short(one.reader, 8)}" if readers > 1 else short(who, 8))
        axes.set_xticks(places, names, fontsize=7, rotation=90 if len(bars) > 16 else 0)
        axes.tick_params(axis="x", length=0)
        top = max(len(one.lesions) for _, one, _ in bars)
        axes.set_ylim(0, top + 0.9)
        axes.set_xlim(-0.7, max(places[-1] + 0.7, 5))
        axes.set_yticks(range(0, top + 1, 1 if top <= 8 else 2))
        axes.set_ylabel("Lesions")
        _legend(figure, bars)
    return figure


def _bar(axes: Any, x: float, one: ReaderHeterogeneity) -> None:
    bottom = 0
    for part, _, colour, hatch in _PARTS:
        number = sum(lesion.counts == part for lesion in one.lesions)
        if not number:
            continue
        line = MUTED if part in ("tracer_only", "not_assessable") else "white"
        axes.bar(
            x, number, bottom=bottom, width=0.54, color=colour, hatch=hatch, edgecolor=line, linewidth=0.8, gid=part
        )
        bottom += number
    axes.text(x, bottom + 0.12, one.pattern or "-", ha="center", va="bottom", fontsize=8.5, weight="bold", color=INK)


def _legend(figure: Any, bars: Sequence[tuple[str, ReaderHeterogeneity, int]]) -> None:
    from matplotlib.patches import Patch

    seen = {lesion.counts for _, one, _ in bars for lesion in one.lesions}
    handles = [
        Patch(facecolor=colour, hatch=hatch, edgecolor=MUTED, linewidth=0.6, label=label)
        for part, label, colour, hatch in _PARTS
        if part in seen
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=4, columnspacing=1.4)
