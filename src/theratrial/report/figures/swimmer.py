"""One lane per treated participant: sessions, scans, gates, response, end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from theratrial.report.figures.canvas import WIDTH_IN, lines, new_figure, short
from theratrial.report.outcome import gate_outcome
from theratrial.report.style import (
    ACCENT,
    CATEGORY_COLOURS,
    CATEGORY_TEXT,
    FAINT,
    INK,
    MUTED,
    VERDICT_COLOURS,
    VERDICT_LETTERS,
    VERDICT_MARKERS,
    drawing,
    verdict_words,
)
from theratrial.report.texts import words
from theratrial.results.values import ParticipantResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LANES: Final = 24
"""Lanes of one figure; more participants get more figures, so that none is longer than a sheet."""
_LANE_IN: Final = 0.46
_LETTER_PT: Final = 4.2
"""Mean width of a letter of the words behind a lane."""
_WIDEST: Final = 60
"""Letters of a line that still reads well."""
_GATE_RAISED: Final = 0.42
"""Share of a lane by which a gate stands above it, so that it never covers the session of the same day."""


def _days(moment: date | datetime | None, first: datetime) -> int | None:
    if moment is None:
        return None
    day = moment.date() if isinstance(moment, datetime) else moment
    return (day - first.date()).days


def _end(one: ParticipantResult) -> int:
    """The day her course ends: as recorded, else the last day anything is known of."""
    first = one.sessions[0].injected_at
    if (recorded := _days(one.disposition_on, first)) is not None:
        return recorded
    moments: list[date | datetime | None] = [*(s.injected_at for s in one.sessions)]
    moments += [scan.acquired_at for scan in one.pet_scans]
    moments += [session.gate.judged_on for session in one.sessions if session.gate]
    return max(day for moment in moments if (day := _days(moment, first)) is not None)


def _last_mark(one: ParticipantResult) -> int:
    """The last day at which anything stands in her lane; what is said of her stands behind it."""
    first = one.sessions[0].injected_at
    sessions = [day for session in one.sessions if (day := _days(session.injected_at, first)) is not None]
    return max([_end(one), *sessions, *_pet_days(one)])


def _pet_days(one: ParticipantResult) -> list[int]:
    first = one.sessions[0].injected_at
    return [day for scan in one.pet_scans if (day := _days(scan.acquired_at, first)) is not None]


def swimmer_figure(treated: Sequence[ParticipantResult]) -> Figure:
    """Lanes of at most `LANES` participants."""
    figure = new_figure(1.35 + _LANE_IN * len(treated))
    with drawing():
        axes = figure.subplots()
        longest = max(_last_mark(one) for one in treated)
        right = max(longest, 30) * 1.52
        first = min([0, *(day for one in treated for day in _pet_days(one))])
        left = first - 0.018 * (right - first)
        names_pt = 16 + 6 * max(len(short(one.participant_id)) for one in treated)
        per_day_pt = (WIDTH_IN * 72 - names_pt) / (right - left)
        step = max(longest, 30) / 75  # room of one small mark, in days
        axes.set_xlim(left, right)
        for lane, one in enumerate(treated):
            _lane(axes, -lane, one, step, per_day_pt)
        axes.set_yticks([-lane for lane in range(len(treated))], [short(one.participant_id) for one in treated])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_ylim(-len(treated) + 0.5, 0.75)
        axes.set_xlabel("Days since the first injection")
        axes.grid(axis="x", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.set_xlim(left, right)
        axes.set_xticks([tick for tick in axes.get_xticks() if left <= tick <= max(longest, 30)])
        axes.set_xlim(left, right)
        axes.spines["bottom"].set_bounds(axes.get_xlim()[0], max(longest, 30))
        _legend(figure)
    return figure


def _lane(axes: Any, y: float, one: ParticipantResult, step: float, per_day_pt: float) -> None:
    first = one.sessions[0].injected_at
    end = _end(one)
    axes.plot([0, max(end, 1)], [y, y], color=FAINT, linewidth=7, solid_capstyle="butt", zorder=1, gid="lane")
    for day in _pet_days(one):
        axes.plot([day], [y], marker="P", color=ACCENT, markersize=6, linestyle="none", zorder=3, gid="pet")
    for session in one.sessions:
        x = _days(session.injected_at, first) or 0
        axes.plot([x], [y], marker="o", color=ACCENT, markersize=12, linestyle="none", zorder=4, gid="session")
        axes.text(
            x, y, str(session.session), color="white", ha="center", va="center", fontsize=7.5, weight="bold", zorder=5
        )
        for index, scan in enumerate(session.scans):
            done = scan.status == "done"
            axes.plot(
                [x + step * (1.35 + 0.85 * index)],
                [y - 0.02],
                marker="o" if done else "X",
                color=INK if done else VERDICT_COLOURS["stop"],
                markersize=3.2 if done else 5,
                linestyle="none",
                zorder=4,
                gid="scan",
            )
        gate = session.gate
        if gate is not None:
            judged = _days(gate.judged_on, first)
            # Judged later than her end only because nothing else came: it stands at the end.
            at = end if judged is None else min(judged, end)
            _gate(axes, at, y + _GATE_RAISED, gate_outcome(gate))
    category = one.response.category if one.response else ""
    box = {"boxstyle": "square,pad=0.25", "facecolor": CATEGORY_COLOURS.get(category, "white"), "edgecolor": MUTED}
    behind = _last_mark(one)
    axes.annotate(
        category or "not assessed",
        (behind, y),
        (11, 0),
        textcoords="offset points",
        fontsize=7.5,
        weight="bold" if category else "normal",
        color=CATEGORY_TEXT.get(category, INK),
        va="center",
        bbox=box,
        gid="category",
    )
    said = words(one.disposition) or "still in the trial"
    if one.disposition_reason:
        said += f": {words(one.disposition_reason)}"
    away = 34 if category else 76
    room_pt = (axes.get_xlim()[1] - behind) * per_day_pt - away
    letters = max(int(room_pt / _LETTER_PT), 16)
    axes.annotate(
        "\n".join(lines(said, min(letters, _WIDEST), 3)),
        (behind, y),
        (away, 0),
        textcoords="offset points",
        fontsize=7.5,
        linespacing=1.0,
        va="center",
        color=INK,
        gid="end",
    )


def _gate(axes: Any, x: float, y: float, verdict: str) -> None:
    colour = VERDICT_COLOURS[verdict]
    axes.plot(
        [x],
        [y],
        marker=VERDICT_MARKERS[verdict],
        color=colour,
        markeredgecolor="white",
        markersize=12 if verdict == "proceed" else 10,
        linestyle="none",
        zorder=6,
        gid="gate",
    )
    nudge = -0.06 if verdict == "proceed" else 0.0
    axes.text(
        x,
        y + nudge,
        VERDICT_LETTERS[verdict],
        color="white",
        ha="center",
        va="center",
        fontsize=6,
        weight="bold",
        zorder=7,
    )


def _legend(figure: Any) -> None:
    from matplotlib.lines import Line2D

    def mark(marker: str, colour: str, size: float, label: str) -> Line2D:
        return Line2D([], [], marker=marker, color=colour, markersize=size, linestyle="none", label=label)

    handles = [
        mark("o", ACCENT, 9, "session, with its number"),
        mark("P", ACCENT, 6, "PET/CT"),
        mark("o", INK, 3.2, "scan of a session, done"),
        mark("X", VERDICT_COLOURS["stop"], 5, "scan not done"),
        *(
            mark(VERDICT_MARKERS[verdict], VERDICT_COLOURS[verdict], 8, f"gate: {verdict_words(verdict)} ({letter})")
            for verdict, letter in VERDICT_LETTERS.items()
        ),
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=4, fontsize=8, columnspacing=1.4, handletextpad=0.4)
