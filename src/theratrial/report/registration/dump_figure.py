"""A figure of many records checked: in how many of them each rule spoke."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from theratrial.errors import InputError
from theratrial.registry.check import RULES
from theratrial.registry.found import Severity
from theratrial.registry.tally import RuleCount, Tally
from theratrial.registry.words import Language
from theratrial.report.figures.canvas import new_figure, short
from theratrial.report.style import ACCENT, FAINT, INK, MUTED, drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ROW_IN: Final = 0.21
_LONGEST_TITLE: Final = 74
_COLOURS: Final = {Severity.ERROR: "#b3402e", Severity.WARNING: "#d8a31a", Severity.INFO: ACCENT}
_HATCHES: Final = {Severity.ERROR: "", Severity.WARNING: "////", Severity.INFO: "...."}
_NAMES: Final = {
    "en": {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "info"},
    "fa": {Severity.ERROR: "خطا", Severity.WARNING: "هشدار", Severity.INFO: "آگاهی"},
}


def dump_figure(tally: Tally, *, language: Language = "en", footline: str = "") -> Figure:
    """A bar per rule that spoke, the gravest first: share of the records, and their number beside it.

    Raises
    ------
    InputError
        No record was checked: there is nothing to draw.
    """
    if not tally.records:
        raise InputError("no record was checked, so there is no figure of it")
    counts = tally.rules()
    persian = language == "fa"
    figure = new_figure(1.1 + _ROW_IN * max(len(counts), 2))
    with drawing():
        axes = figure.subplots()
        _bars(axes, counts, tally.records, persian=persian)
        _frame(axes, counts, tally, persian=persian)
        _legend(figure, counts, language)
        if footline:
            figure.text(0.995, 0.004, footline, ha="right", va="bottom", fontsize=6.5, color=MUTED)
    return figure


def _bars(axes: Any, counts: tuple[RuleCount, ...], records: int, *, persian: bool) -> None:
    for row, one in enumerate(counts):
        share = 100 * one.records / records
        axes.barh(
            row,
            share,
            height=0.72,
            color=_COLOURS[one.severity],
            hatch=_HATCHES[one.severity],
            edgecolor="white",
            linewidth=0,
            gid=one.rule,
        )
        axes.annotate(
            f"{one.records:,}",
            (share, row),
            (-4 if persian else 4, 0),
            textcoords="offset points",
            ha="right" if persian else "left",
            va="center",
            fontsize=7,
            color=INK,
        )


def _frame(axes: Any, counts: tuple[RuleCount, ...], tally: Tally, *, persian: bool) -> None:
    titles = [RULES[one.rule].title for one in counts]
    axes.set_yticks(range(len(counts)))
    axes.set_yticklabels([short(one.fa if persian else one.en, _LONGEST_TITLE) for one in titles], fontsize=7.5)
    axes.set_ylim(len(counts) - 0.4, -0.6)
    # Room behind the longest bar for its number.
    axes.set_xlim(*((112, 0) if persian else (0, 112)))
    axes.set_xticks(range(0, 101, 20))
    axes.xaxis.grid(visible=True, color=FAINT, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    if persian:
        axes.yaxis.tick_right()
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    records, clean = f"{tally.records:,}", f"{tally.without_finding:,}"
    axes.set_xlabel(
        f"درصد رکوردهایی که قاعده در آن‌ها یافته‌ای دارد ({records} رکورد؛ {clean} بی یافته)"
        if persian
        else f"per cent of {records} records in which the rule found something ({clean} without finding)"
    )


def _legend(figure: Any, counts: tuple[RuleCount, ...], language: Language) -> None:
    from matplotlib.patches import Patch

    there = [one for one in Severity if any(count.severity is one for count in counts)]
    handles = [
        Patch(facecolor=_COLOURS[one], hatch=_HATCHES[one], edgecolor="white", label=_NAMES[language][one])
        for one in there
    ]
    if handles:
        figure.legend(handles=handles, loc="outside upper " + ("right" if language == "fa" else "left"), ncols=3)


def write_dump_figure(tally: Tally, path: Path, *, language: Language = "en", footline: str = "") -> None:
    """Write the figure as SVG, its words as words, or as PNG.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    figure = dump_figure(tally, language=language, footline=footline)
    with drawing():
        try:
            figure.savefig(path, format=path.suffix.lower().removeprefix("."), dpi=150)
        except OSError as error:
            raise InputError(f"'{path}' cannot be written: {error.strerror or error}") from None
