"""Figures of these documents: those of the trial report, drawn once more for this state of the data."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from theratrial.report.blocks import Picture
from theratrial.report.figures.counts import counts_figure
from theratrial.report.figures.doses import doses_figure
from theratrial.report.figures.flow import flow_figure
from theratrial.report.figures.interval import interval_figure
from theratrial.report.figures.swimmer import LANES, swimmer_figure
from theratrial.report.figures.waterfall import waterfall_figure
from theratrial.report.render import footline
from theratrial.report.studio import Studio
from theratrial.report.study.figure_words import persian_figure
from theratrial.report.study.inputs import Desk

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _drawn(desk: Desk, name: str, figure: Figure | None, caption: str, words: str) -> Iterator[Picture]:
    """The figure as SVG inside the document; nothing of it stays on the disk."""
    if figure is None:
        return
    studio = Studio(Path(), footline(desk.result))
    drawn = studio.embedded(name, figure, alternative=words, caption=caption)
    if desk.voice.language == "fa":
        head, _, content = drawn.source.partition(",")
        svg, left = persian_figure(base64.b64decode(content).decode(), desk.voice)
        note = f" {desk.voice('Some words in the figure are English.')}" if left else ""
        source = f"{head},{base64.b64encode(svg.encode()).decode()}"
        drawn = replace(drawn, source=source, caption=f"{caption}{note}")
    yield drawn


def flow(desk: Desk) -> tuple[Picture, ...]:
    """Participant flow."""
    caption = desk.voice("Participant flow, single arm.")
    return tuple(_drawn(desk, "flow", flow_figure(desk.result), caption, caption))


def interval(desk: Desk) -> tuple[Picture, ...]:
    """The proportion with its interval."""
    caption = desk.voice("Each participant of the analysis, and the proportion with its interval.")
    return tuple(_drawn(desk, "endpoint", interval_figure(desk.result.endpoint), caption, caption))


def waterfall(desk: Desk) -> tuple[Picture, ...]:
    """Best change of each participant."""
    caption = desk.voice("Change of the quantity that the protocol's rule judges, by participant.")
    return tuple(_drawn(desk, "waterfall", waterfall_figure(desk.treated), caption, caption))


def swimmers(desk: Desk) -> tuple[Picture, ...]:
    """Course of each participant."""
    caption = desk.voice("Course of each treated participant: sessions, scans, gates, response and end.")
    found: list[Picture] = []
    for start in range(0, len(desk.treated), LANES):
        part = desk.treated[start : start + LANES]
        found += _drawn(desk, f"course_{start}", swimmer_figure(part), caption, caption)
    return tuple(found)


def counts(desk: Desk) -> tuple[Picture, ...]:
    """Blood counts over time."""
    caption = desk.voice("Blood counts of all treated participants over time; bands are CTCAE grades 2 and worse.")
    return tuple(_drawn(desk, "counts", counts_figure(desk.result), caption, caption))


def doses(desk: Desk) -> tuple[Picture, ...]:
    """Organ doses against their limits."""
    caption = desk.voice("Absorbed dose of each participant against the limit, organ by organ, with 95 % intervals.")
    return tuple(_drawn(desk, "doses", doses_figure(desk.result), caption, caption))


Maker = Callable[[Desk], tuple[Any, ...]]
