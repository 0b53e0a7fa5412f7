"""Absorbed dose over all sessions of every participant, organ by organ, against the limit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from theratrial.report.figures.canvas import new_figure, short
from theratrial.report.style import (
    DETERMINACY_MARKERS,
    INK,
    MUTED,
    VERDICT_COLOURS,
    determinacy_colour,
    determinacy_marker,
    drawing,
)
from theratrial.report.texts import number, words
from theratrial.results.values import CumulativeDose, TrialResult
from theratrial.trace import Quantity

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS: Final = 2
_PANEL_IN: Final = 2.25


def limited_organs(result: TrialResult) -> dict[str, list[tuple[str, CumulativeDose]]]:
    """Region -> (participant, dose) of every organ that has a limit, in the order of the protocol."""
    found: dict[str, list[tuple[str, CumulativeDose]]] = {}
    for one in result.participants:
        for dose in one.cumulative_doses:
            if dose.limit_Gy is not None:
                found.setdefault(dose.region_id, []).append((one.participant_id, dose))
    return found


def doses_figure(result: TrialResult) -> Figure | None:
    """A panel per organ with a limit; None where there is none."""
    organs = limited_organs(result)
    if not organs:
        return None
    widest = max(len(doses) for doses in organs.values())
    columns = COLUMNS if widest <= 20 else 1
    rows = math.ceil(len(organs) / columns)
    figure = new_figure(0.75 + _PANEL_IN * rows)
    with drawing():
        panels = figure.subplots(rows, columns, squeeze=False)
        for axes, doses in zip(panels.flat, organs.values(), strict=False):
            _panel(axes, doses)
        for axes in list(panels.flat)[len(organs) :]:
            axes.set_visible(False)
        _legend(figure, organs)
    return figure


def _held_Gy(dose: CumulativeDose) -> float | None:
    """What the gate holds against the limit; None where it has no upper bound or was not computed."""
    judged = dose.judged_upper_Gy
    return judged.value if judged is not None else None


def _top(doses: list[tuple[str, CumulativeDose]], limit_Gy: float) -> float:
    seen = [limit_Gy]
    for _, dose in doses:
        quantity = dose.absorbed_dose_Gy
        seen += [
            end for end in (quantity.value, quantity.upper, quantity.lower) if end is not None and math.isfinite(end)
        ]
        if (held_Gy := _held_Gy(dose)) is not None:
            seen.append(held_Gy)
    return max(seen) * 1.12


def _panel(axes: Any, doses: list[tuple[str, CumulativeDose]]) -> None:
    limit_Gy = doses[0][1].limit_Gy or 0.0
    top = _top(doses, limit_Gy)
    axes.set_ylim(0, top)
    axes.axhline(limit_Gy, color=VERDICT_COLOURS["stop"], linewidth=1.4, zorder=1, gid="limit")
    axes.axhspan(limit_Gy, top, color=VERDICT_COLOURS["stop"], alpha=0.07, zorder=0)
    for x, (_, dose) in enumerate(doses):
        _mark(axes, x, dose.absorbed_dose_Gy, dose.determinacy, top)
        if (held_Gy := _held_Gy(dose)) is not None:
            _held(axes, x, dose.absorbed_dose_Gy.upper, held_Gy)
    names = [short(participant, 8) for participant, _ in doses]
    axes.set_xticks(range(len(names)), names, rotation=90 if len(names) > 6 else 0, fontsize=7)
    axes.set_xlim(-0.7, len(names) - 0.3)
    axes.set_ylabel("Absorbed dose [Gy]")
    title = short(doses[0][1].title, 37)
    axes.set_title(f"{title}, limit {number(limit_Gy)} Gy")


def _mark(axes: Any, x: float, quantity: Quantity, state: str, top: float) -> None:
    """One dose: a marker with its interval; an arrow up where nothing bounds it."""
    colour = determinacy_colour(state)
    open_ended = quantity.upper is None or math.isinf(quantity.upper) or quantity.value is None
    known = [end for end in (quantity.lower, quantity.value) if end is not None]
    bottom = min(known) if known else 0.0
    if open_ended:
        axes.annotate(
            "",
            (x, top * 0.985),
            (x, bottom),
            arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 1.1, "linestyle": (0, (3, 2)), "shrinkA": 0},
        )
    elif quantity.lower is not None and quantity.upper is not None:
        axes.plot([x, x], [quantity.lower, quantity.upper], color=colour, linewidth=1.6, zorder=2)
    at = quantity.value if quantity.value is not None else bottom
    axes.plot(
        [x],
        [at],
        marker=determinacy_marker(state),
        color=colour if quantity.value is not None else "white",
        markeredgecolor=colour,
        markeredgewidth=1.2,
        markersize=6,
        linestyle="none",
        clip_on=False,
        zorder=3,
        gid="dose",
    )


def _held(axes: Any, x: float, upper_Gy: float | None, held_Gy: float) -> None:
    """A cross stroke at what the gate holds against the limit, led to from the interval below it."""
    if upper_Gy is not None and math.isfinite(upper_Gy):
        axes.plot([x, x], [upper_Gy, held_Gy], color=INK, linewidth=0.7, linestyle=(0, (1, 1.5)), zorder=2)
    axes.plot(
        [x], [held_Gy], marker="_", color=INK, markersize=9, markeredgewidth=1.6, linestyle="none", zorder=4, gid="held"
    )


def _legend(figure: Any, organs: dict[str, list[tuple[str, CumulativeDose]]]) -> None:
    from matplotlib.lines import Line2D

    states = {dose.determinacy for doses in organs.values() for _, dose in doses}
    ordered = [state for state in DETERMINACY_MARKERS if state in states] + sorted(states - set(DETERMINACY_MARKERS))
    handles = [
        Line2D(
            [],
            [],
            marker=determinacy_marker(state),
            color=determinacy_colour(state),
            markersize=6,
            linestyle="none",
            label=words(state),
        )
        for state in ordered
    ]
    handles.append(Line2D([], [], color=VERDICT_COLOURS["stop"], label="limit"))
    handles.append(Line2D([], [], color=INK, linewidth=1.6, label="95 % interval"))
    if any(_held_Gy(dose) is not None for doses in organs.values() for _, dose in doses):
        handles.append(
            Line2D(
                [],
                [],
                marker="_",
                color=INK,
                markersize=9,
                markeredgewidth=1.6,
                linestyle="none",
                label="held by the gate against the limit",
            )
        )
    handles.append(Line2D([], [], color=MUTED, linestyle=(0, (3, 2)), label="no upper bound (hollow: no value)"))
    figure.legend(handles=handles, loc="outside upper left", ncols=4, columnspacing=1.2, handletextpad=0.4)
