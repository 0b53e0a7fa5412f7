"""The change of each treated participant, from the greatest rise to the greatest fall."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

from theratrial.report.change import change_word, shown_change_percent
from theratrial.report.figures.canvas import new_figure, short
from theratrial.report.style import CATEGORY_COLOURS, CATEGORY_HATCHES, CATEGORY_NAMES, INK, MUTED, drawing
from theratrial.results.values import ParticipantResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CUT_PERCENT: Final = 150.0
"""A rise above this would flatten all others; its bar is cut and carries its number."""
_UPRIGHT_FROM: Final = 17
"""More bars than this are too narrow for level labels."""
_CLEAR: Final = {"facecolor": "white", "edgecolor": "none", "pad": 1}
"""Behind a label, so that no threshold runs through it."""


def waterfall_figure(treated: Sequence[ParticipantResult]) -> Figure | None:
    """Bars, and a place for everyone whose change is not known; None where nobody is treated."""
    if not treated:
        return None
    known = sorted(
        ((change, one) for one in treated if (change := shown_change_percent(one.response)) is not None),
        key=lambda e: (-e[0], e[1].participant_id),
    )
    unknown = [one for one in treated if shown_change_percent(one.response) is None]
    upright = len(treated) > _UPRIGHT_FROM
    figure = new_figure(4.3 if upright else 3.8)
    with drawing():
        axes = figure.subplots()
        for x, (change, one) in enumerate(known):
            _bar(axes, x, change, one, upright=upright)
        for x, one in enumerate(unknown, len(known)):
            if one.response is not None and one.response.category == "CR":
                _resolved_bar(axes, x)
                continue
            said = "not assessed"
            if one.response:
                said = f"{one.response.category}: {change_word(one.response) or 'change not known'}"
            axes.plot([x], [0], marker="X", color=MUTED, markersize=6, linestyle="none", gid="unknown", zorder=3)
            axes.text(x, 6, said, rotation=90, ha="center", va="bottom", fontsize=7, color=INK, bbox=_CLEAR)
        axes.axhline(0, color=INK, linewidth=0.9)
        thresholds = _thresholds(axes, treated)
        names = [short(one.participant_id, 8) for one in (*(one for _, one in known), *unknown)]
        axes.set_xticks(range(len(names)), names, rotation=90 if len(names) > 12 else 0, fontsize=7.5)
        axes.tick_params(axis="x", length=0)
        axes.spines["bottom"].set_visible(False)
        axes.set_xlim(-0.7, max(len(names), 6) - 0.3)
        resolved = any(one.response is not None and one.response.category == "CR" for one in unknown)
        low = min([change for change, _ in known] + [-100.0 if resolved else -60.0])
        high = max([min(change, _CUT_PERCENT) for change, _ in known] + [60.0])
        room = 0.62 if upright else 0.5 if any(change_word(one.response) for one in treated) else 0.25
        axes.set_ylim(low - room * (high - low) / 2, high + room * (high - low) / 2)
        axes.set_yticks([tick for tick in axes.get_yticks() if tick >= -100 and axes.get_ylim()[1] >= tick])
        axes.set_ylabel("Change of the hottest target [%]")
        _legend(figure, treated, thresholds)
    return figure


def whole_percent(change: float) -> str:
    """A change to the whole percent; what rounds to nothing has no sign."""
    return f"{round(change):+d} %" if round(change) else "0 %"


def _resolved_bar(axes: Any, x: int) -> None:
    """An outline down to -100 %: everything resolved, so that there was nothing left to measure."""
    colour = CATEGORY_COLOURS["CR"]
    axes.bar(x, -100, width=0.78, fill=False, edgecolor=colour, linewidth=1.3, linestyle=(0, (3, 2)), gid="resolved")
    axes.text(x, -95, "CR: all resolved", rotation=90, ha="center", va="bottom", fontsize=7, color=INK)


def _bar(axes: Any, x: int, change: float, one: ParticipantResult, *, upright: bool) -> None:
    assert one.response is not None
    category = one.response.category
    shown = min(change, _CUT_PERCENT)
    axes.bar(
        x,
        shown,
        width=0.78,
        color=CATEGORY_COLOURS[category],
        hatch=CATEGORY_HATCHES[category],
        edgecolor="white",
        linewidth=0,
        gid="change",
    )
    cut = " (cut)" if change > _CUT_PERCENT else ""
    word = change_word(one.response)
    parts = [f"{whole_percent(change)}{cut}", category]
    words = [word] if upright and word else wrap(word, 11)
    rising = change >= 0
    # The number stands next to the end of its bar.
    parts = [*words, *reversed(parts)] if rising and not upright else [*parts, *words]
    axes.annotate(
        " ".join(parts) if upright else "\n".join(parts),
        (x, shown),
        (0, 4 if rising else -4),
        textcoords="offset points",
        rotation=90 if upright else 0,
        ha="center",
        va="bottom" if rising else "top",
        fontsize=7,
        linespacing=1.05,
        bbox=_CLEAR,
        gid="label",
    )


def _thresholds(axes: Any, treated: Sequence[ParticipantResult]) -> str:
    """Draw the rule's thresholds and return what they mean."""
    responses = [one.response for one in treated if one.response is not None]
    falls = sorted({r.partial_decrease_percent for r in responses if r.partial_decrease_percent is not None})
    rises = sorted({r.progression_increase_percent for r in responses if r.progression_increase_percent is not None})
    for at in [*(-fall for fall in falls), *rises]:
        axes.axhline(at, color=MUTED, linewidth=1, linestyle=(0, (4, 2)), zorder=0, gid="threshold")
    said = [f"partial response at {-fall:+g} % or below" for fall in falls]
    return ", ".join([*said, *(f"progression above {rise:+g} %" for rise in rises)])


def _legend(figure: Any, treated: Sequence[ParticipantResult], thresholds: str) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    present = {one.response.category for one in treated if one.response is not None}
    handles: list[Any] = [
        Patch(
            facecolor=colour,
            hatch=CATEGORY_HATCHES[category],
            edgecolor="white",
            label=f"{category} {CATEGORY_NAMES[category]}",
        )
        for category, colour in CATEGORY_COLOURS.items()
        if category in present
    ]
    if thresholds:
        handles.append(Line2D([], [], color=MUTED, linewidth=1, linestyle=(0, (4, 2)), label=thresholds))
    if handles:
        figure.legend(handles=handles, loc="outside upper left", ncols=4, columnspacing=1.4)
