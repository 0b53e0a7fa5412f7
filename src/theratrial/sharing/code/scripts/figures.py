"""The published figures, drawn again from the shared data sets, as SVG."""

# mypy: disable-error-code=import-not-found
# ruff: noqa: ARG001 (every figure is called alike)

from collections.abc import Callable
from functools import partial
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import tables
from methods import INTERVALS, kaplan_meier, median_of

Record = dict[str, Any]
Data = dict[str, list[Record]]
Plan = dict[str, Any]

INK, GREY, BLUE = "#1f2933", "#7b8794", "#2f6f9f"
CATEGORY = {"CR": "#1b7837", "PR": "#5aae61", "SD": "#a6a6a6", "PD": "#c2543b", "NE": "#dddddd"}
GRADE = {1: "#fde0c5", 2: "#f9b58c", 3: "#e0684b", 4: "#a8322d", 5: "#4d0f18"}
CUT = 150.0

matplotlib.rcParams.update(
    {
        "svg.hashsalt": "recomputed",  # the same data give the same bytes
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "figure.constrained_layout.use": True,
    }
)


def every_figure(data: Data, plan: Plan, folder: Path) -> list[tuple[str, str]]:
    """Draw and write every figure that there are data for; returns (file name, title)."""
    made = []
    drawn: list[tuple[str, str, Callable[[Data, Plan], Any]]] = [
        ("response", "Response by participant", _response),
        ("sensitivity", "Sensitivity analyses", _forest),
    ]
    drawn += [
        (f"survival_{one['parameter'].lower()}", one["title"], partial(_survival, one=one)) for one in plan["survival"]
    ]
    drawn += [
        ("adverse", "Adverse events by worst grade", _adverse),
        ("organ_doses", "Absorbed dose by organ", _organs),
        ("dose_response", "Dose and response of lesions", _dose_response),
    ]
    for name, title, draw in drawn:
        figure = draw(data, plan)
        if figure is None:
            continue
        if plan["simulated"]:
            figure.supxlabel("SIMULATED DATA: no person exists", fontsize=7, color="#c2543b", x=0.99, ha="right")
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None, "Title": title})
        plt.close(figure)
        made.append((f"{name}.svg", title))
    return made


def _response(data: Data, plan: Plan) -> Any:
    bars = tables.bars(data)
    if not bars:
        return None
    figure, axes = plt.subplots(figsize=(7.2, 3.6))
    for x, (value, category) in enumerate(bars):
        if value is None and category == "CR":
            axes.bar(x, -100, width=0.78, fill=False, edgecolor=CATEGORY["CR"], linewidth=1.2, linestyle=(0, (3, 2)))
            axes.text(x, -95, "CR: all resolved", rotation=90, ha="center", va="bottom", fontsize=7, color=INK)
            continue
        if value is None:
            axes.plot(x, 0, "x", color=GREY, markersize=6)
            axes.text(
                x,
                5,
                "change not known" if category != "NE" else "not assessed",
                rotation=90,
                ha="center",
                va="bottom",
                fontsize=7,
                color=INK,
            )
            continue
        shown = min(value, CUT)
        axes.bar(x, shown, color=CATEGORY.get(category, GREY), width=0.78)
        said = f"{value:+.0f} %" + (" (cut)" if value > CUT else "")
        axes.annotate(
            f"{category}\n{said}",
            (x, shown),
            (0, 3 if shown >= 0 else -3),
            textcoords="offset points",
            ha="center",
            va="bottom" if shown >= 0 else "top",
            fontsize=6.5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
    for at in plan["response_lines"]:
        axes.axhline(at, color=GREY, linewidth=0.9, linestyle=(0, (4, 2)), zorder=0)
        axes.text(len(bars) - 0.2, at, f"{at:+g} %", fontsize=7, color=GREY, va="center")
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.margins(y=0.22)
    axes.set_xlim(-0.7, len(bars) - 0.3)
    axes.set_xticks([])
    axes.set_xlabel("Treated participants")
    axes.set_ylabel("Change of the hottest target [%]")
    return figure


def _forest(data: Data, plan: Plan) -> Any:
    rows = []
    for way in plan["sensitivity"]:
        counted = tables.answers(data, way["parameter"])
        if counted:
            x, n = sum(one == "Y" for one in counted.values()), len(counted)
            rows.append((way["name"], x, n, *INTERVALS[way["method"]](x, n, plan["endpoint"]["level"])))
    if not rows:
        return None
    figure, axes = plt.subplots(figsize=(7.2, 0.6 + 0.3 * len(rows)))
    for at, (_, x, n, lower, upper) in enumerate(rows):
        y = len(rows) - at
        axes.plot([100 * lower, 100 * upper], [y, y], color=BLUE if at else INK, linewidth=1.3)
        axes.plot(100 * x / n, y, "s", color=BLUE if at else INK, markersize=4.5)
        axes.text(102, y, f"{x} of {n}", fontsize=7, va="center")
    axes.axvline(100 * rows[0][1] / rows[0][2], color=GREY, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
    names = [fill(one[0], 58) for one in rows]
    axes.set_yticks(range(len(rows), 0, -1), names, fontsize=6.5, linespacing=1.05)
    axes.set_xlim(0, 112)
    axes.set_xticks(range(0, 101, 25))
    axes.set_xlabel("Proportion [%] with its interval")
    return figure


def _survival(data: Data, plan: Plan, one: Plan) -> Any:
    times, had = tables.curve(data, one)
    if not times:
        return None
    steps = kaplan_meier(times, had, one["transform"], one["level"])
    figure, (axes, below) = plt.subplots(2, 1, figsize=(7.2, 3.6), sharex=True, height_ratios=(5, 1))
    x = [0.0] + [step[0] for step in steps]
    axes.step(x, [100] + [100 * step[4] for step in steps], where="post", color=BLUE, linewidth=1.7)
    limits = [(float("nan"), float("nan"))]
    limits += [(100 * step[5], 100 * step[6]) if step[5] is not None else limits[0] for step in steps]
    axes.fill_between(x, *zip(*limits, strict=True), step="post", color=BLUE, alpha=0.15, linewidth=0)
    cut = [(step[0], 100 * step[4]) for step in steps if step[3]]
    if cut:
        axes.plot(*zip(*cut, strict=True), "|", color=INK, markersize=8)
    median = median_of(steps)[0]
    if median is not None:
        axes.plot([0, median, median], [50, 50, 0], color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.set_ylim(0, 104)
    axes.set_ylabel("Without the event [%]")
    axes.set_title(f"{one['title']}: {sum(had)} of {len(had)} had the event", fontsize=9)
    last = max(times) or 1.0
    step = next((width for width in (0.5, 1, 2, 3, 6, 12, 24) if last / width <= 10), 60)
    ticks = [index * step for index in range(int(last / step) + 2)]
    below.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    below.set_xlim(-0.02 * ticks[-1], ticks[-1])
    below.set_ylim(0, 1)
    below.set_yticks([])
    for tick in ticks:
        below.text(tick, 0.35, str(sum(time >= tick for time in times)), ha="center", fontsize=8)
    below.text(0, 0.95, "Number at risk", fontsize=7.5, weight="bold", ha="left", va="center")
    below.spines["left"].set_visible(False)
    below.set_xlabel("Months from the origin")
    return figure


def _adverse(data: Data, plan: Plan) -> Any:
    terms: dict[str, list[Record]] = {}
    for one in tables.emergent(data):
        terms.setdefault(one["AEDECOD"].casefold(), []).append(one)
    if not terms:
        return None
    by_number = sorted(terms.values(), key=lambda one: (len({e["USUBJID"] for e in one}), tables.term_name(one[0])))
    held = by_number[-20:]
    figure, axes = plt.subplots(figsize=(7.2, 0.9 + 0.24 * len(held)))
    for y, events in enumerate(held):
        worst, left = list(tables.worst_grades(events).values()), 0
        for grade in tables.GRADES:
            axes.barh(y, worst.count(grade), left=left, color=GRADE[grade], edgecolor="white", linewidth=0.5)
            left += worst.count(grade)
    axes.set_yticks(range(len(held)), [tables.term_name(one[0]) for one in held], fontsize=7.5)
    axes.set_xlabel("Participants, by their worst grade")
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))
    handles = [plt.Rectangle((0, 0), 1, 1, color=GRADE[grade]) for grade in tables.GRADES]
    figure.legend(
        handles,
        [f"Grade {grade}" for grade in tables.GRADES],
        loc="outside upper right",
        ncols=5,
        fontsize=7.5,
        frameon=False,
    )
    return figure


def _organs(data: Data, plan: Plan) -> Any:
    rows = []
    for organ in plan["organs"]:
        records = [one for one in data["ADDOS"] if one["PARAMCD"] == "CUMDOSE" and one["REGION"] == organ["region"]]
        if any(one["AVAL"] is not None for one in records):
            rows.append((organ["title"], records))
    if not rows:
        return None
    figure, axes = plt.subplots(figsize=(7.2, 0.9 + 0.36 * len(rows)))
    for at, (_, records) in enumerate(rows):
        y = len(rows) - at
        values = [one["AVAL"] for one in records if one["AVAL"] is not None]
        open_above = [one["AVAL"] for one in records if one["AVAL"] is not None and one["NOUPFL"] == "Y"]
        axes.plot(values, [y] * len(values), "o", color=BLUE, markersize=4.5, alpha=0.6, markeredgewidth=0)
        axes.plot(open_above, [y] * len(open_above), ">", color="white", markeredgecolor=BLUE, markersize=6)
        limits = [one["DOSLIM"] for one in records if one["DOSLIM"] is not None]
        if limits:
            axes.plot([limits[-1]] * 2, [y - 0.3, y + 0.3], color="#c2543b", linewidth=1.8)
    axes.set_yticks(range(len(rows), 0, -1), [one[0] for one in rows], fontsize=7.5)
    axes.set_xlim(left=0)
    axes.set_ylim(0.4, len(rows) + 0.6)
    axes.set_xlabel("Absorbed dose over all sessions [Gy]; red: limit; open triangle: no upper bound")
    return figure


def _dose_response(data: Data, plan: Plan) -> Any:
    points = tables.dose_points(data)
    if not points:
        return None
    figure, axes = plt.subplots(figsize=(7.2, 3.8))
    for _, dose, moved in points:
        y = min(moved, CUT)
        axes.plot([dose["AVALLO"], dose["AVALHI"]], [y, y], color=BLUE, linewidth=0.8, alpha=0.4)
        axes.plot(dose["AVAL"], y, "o", color=BLUE, markersize=5)
    axes.axhline(0, color=INK, linewidth=0.8, zorder=0)
    axes.set_xlim(left=0)
    axes.set_xlabel("Absorbed dose of the lesion over all sessions [Gy], with its 95 % interval")
    axes.set_ylabel("Change of uptake [%]" + (f" (cut at {CUT:g})" if any(one[2] > CUT for one in points) else ""))
    whose = len({who for who, _, _ in points})
    axes.set_title(f"{len(points)} lesions of {whose} participants; exploratory, no test", fontsize=9)
    return figure
