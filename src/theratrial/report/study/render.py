"""Chapters to one self-contained page of HTML, which is also what the PDF is made of."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from theratrial.errors import InputError
from theratrial.report.blocks import Picture, Table
from theratrial.report.pdf import pdf_bytes
from theratrial.report.study.blocks import TraceLines
from theratrial.report.study.parts import Chapter
from theratrial.report.study.register_pdf import finisher
from theratrial.report.study.state import DataState
from theratrial.report.study.voice import CODE, CODE_END, END, ENGLISH, Voice
from theratrial.report.texts import short_hash

_PERSIAN_RANGE: Final = "U+0600-06FF, U+0750-077F, U+200C-200D, U+FB50-FDFF, U+FE70-FEFC"
_DEEPEST_IN_CONTENTS: Final = 3
_POWERS: Final = (0.0, 0.35, 0.5, 0.75, 1.0, 1.5)
"""How much more of the page a column with longer texts gets."""
_LONGEST_WORD: Final = 22
_LETTERS_ACROSS: Final = 100
"""Letters of the table's size that fit across upright paper; `_BOLD` and `_PADDING` in the same unit."""
_BOLD, _PADDING = 1.15, 1.6
REGISTER: Final = (
    "The register of traces has {n} lines; on the following pages they are folded, and each number of a table leads to "
    "its own. A list of demonstration clauses has a name (D1 ...) that the end of the register explains; the HTML of "
    "the same state gives every line in full, with the names of the inputs and whole hashes."
)
_PERSIAN_MARKS: Final = ("پیش‌نویس", "نمایشی")
_ARABIC: Final = re.compile("[\u0600-\u06ff]")
_BREAKS: Final = re.compile(r"\s+|(?<=[A-Za-z])-(?=[A-Za-z])")
"""Where a line may end."""
_TALL: Final = 330
"""Letters of a cell beyond which its row may be broken between pages: whole, it would leave half a page empty."""
_ONE_KIND_OF_DIGITS: Final = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩٫٪", "01234567890123456789.%")
_VARIABLE: Final = re.compile(r"(--[a-z]+): ([^;]+);")
_UNSEEN: Final = re.compile("[\u2066-\u2069\ue000\ue001]")


@dataclass(frozen=True, slots=True)
class Document:
    """A document before it becomes a page."""

    title: str
    chapters: tuple[Chapter, ...]
    state: DataState
    paged: bool = False
    """Whether every chapter with sections of its own begins a page; else only what follows the title does."""


def page(document: Document, voice: Voice, *, printed: bool = False) -> str:
    """The document as HTML. Every text is escaped: names and reasons come from people and files.

    Parameters
    ----------
    printed
        Whether it is what `pdf` finishes: the register of traces is empty pages, and links to it are not links yet.
    """
    state = document.state
    names, listed, tagged = _numbered(document.chapters, voice)
    return (
        _environment(voice.language)
        .get_template("study.html")
        .render(
            title=f"{state.trial_id}: {document.title}",
            language=voice.language,
            direction="rtl" if voice.language == "fa" else "ltr",
            css=Markup(_css(voice)),  # ours; nothing of the trial is in it
            state=state,
            printed=printed,
            elsewhere=lambda block: voice(REGISTER, n=len(block.lines)),
            name=document.title,
            begins_page=lambda at: _begins_page(document, at),
            chapters=document.chapters,
            contents=[one for one in document.chapters if one.level <= _DEEPEST_IN_CONTENTS],
            listed=listed,
            name_of=lambda block: names[id(block)],
            id_of=lambda block: tagged[id(block)],
            mark=_watermark(state, voice),
            head_start=head_line(document, voice),
            head_end=" · ".join(standing(state, voice)),
            foot=foot_line(state, voice),
            widths_of=widths if printed else lambda _block: (),
            tall=lambda row: printed and any(len(cell.text) > _TALL for cell in row),
            sign=(voice("Name"), voice("Date"), voice("Signature")),
        )
    )


def pdf(document: Document, voice: Voice) -> bytes:
    """The document as PDF; the same document gives the same bytes.

    Raises
    ------
    InputError
        WeasyPrint or pango is not installed.
    """
    kept = [block for chapter in document.chapters for block in chapter.blocks if isinstance(block, TraceLines)]
    drawn = finisher(kept[0].register) if kept else None
    return pdf_bytes(page(document, voice, printed=True), finisher=drawn)


def _watermark(state: DataState, voice: Voice) -> str:
    if state.draft:
        return _PERSIAN_MARKS[0] if voice.language == "fa" else "DRAFT"
    if not state.simulated and not state.assumptions:
        return ""
    return _PERSIAN_MARKS[1] if voice.language == "fa" else "DEMONSTRATION"


def pdf_written(document: Document, voice: Voice, place: Path) -> str:
    """Write the PDF and return "", or why there is none."""
    try:
        content = pdf(document, voice)
    except InputError as error:
        return str(error)
    place.write_bytes(content)
    return ""


def _begins_page(document: Document, at: int) -> bool:
    """Whether that chapter begins a page: a short one, without sections, shares its page with what follows."""
    chapters = document.chapters
    if at == 0 or chapters[at].level != 1:
        return False
    has_sections = at + 1 < len(chapters) and chapters[at + 1].level > 1
    follows_sections = chapters[at - 1].level > 1
    return at <= 2 or (document.paged and (at == 3 or (has_sections and follows_sections)))


def head_line(document: Document, voice: Voice) -> str:
    """Trial, document, version of the protocol and as of when, at the top of every page."""
    state = document.state
    parts = [
        voice.inside(state.trial_id),
        document.title,
        voice("protocol version {version}", version=state.protocol_version),
    ]
    if state.cut_off is not None and not state.dates_moved:
        parts.append(voice("data to {day}", day=voice.day(state.cut_off)))
    return " · ".join(parts)


def standing(state: DataState, voice: Voice) -> list[str]:
    """What nobody may miss of the state: DRAFT or locked, virtual participants, demonstration assumptions."""
    settled = voice("locked") if state.cut_off is not None else voice("no clause is open")
    said = [voice("DRAFT") if state.draft else settled]
    if state.simulated:
        said.append(voice("virtual participants"))
    if state.assumptions:
        said.append(voice("{n} demonstration assumptions", n=state.assumptions))
    return said


def foot_line(state: DataState, voice: Voice) -> str:
    """Which bytes it was made from, by which program."""
    parts = [voice("data {source}", source=_short(state.source))] if state.source else []
    parts.append(voice("protocol {hash}", hash=short_hash(state.protocol_hash)))
    parts += [voice.inside(f"theratrial {state.product_version}"), voice("research software, not a medical device")]
    return " · ".join(parts)


def _short(source: str) -> str:
    return short_hash(source) if source.startswith("sha256:") else source


def widths(block: Table) -> tuple[float, ...]:
    """Percent of the page for each column, by what stands in it; none for a table that is as wide as its words.

    Columns of a known width need no measuring of every cell, which is most of what laying out a table takes.
    """
    if "narrow" in block.style or not block.rows:
        return ()
    columns = [_lengths(block, at) for at in range(len(block.head))]
    words = [
        max((len(one) for text in _texts(block, at) for one in _BREAKS.split(text)), default=1)
        for at in range(len(block.head))
    ]
    least = [min(word, _LONGEST_WORD) * _BOLD + _PADDING for word in words]
    more = [max(max(lengths) - word, 0) for lengths, word in zip(columns, words, strict=True)]
    # No word is broken while all of them fit; what is left goes to the columns with longer texts, in that of a few ways
    # that needs the fewest lines.
    left = max(_LETTERS_ACROSS - sum(least), 0)
    tried = [_shared(least, [one**power for one in more], left) for power in _POWERS]
    best = min(tried, key=lambda wanted: _lines(columns, wanted))
    return tuple(round(100 * one / sum(best), 2) for one in best)


def _texts(block: Table, at: int) -> list[str]:
    cells = [row[at] for row in block.rows if at < len(row)]
    return [_plain(block.head[at]), *(_plain(text) for cell in cells for text in (cell.text, cell.below))]


def _lengths(block: Table, at: int) -> list[int]:
    """Letters of the head and of each row's cell."""
    cells = [row[at] if at < len(row) else None for row in block.rows]
    below = [len(_plain(cell.text)) + len(_plain(cell.below)) if cell is not None else 0 for cell in cells]
    return [len(_plain(block.head[at])), *below]


def _shared(least: Sequence[float], weights: Sequence[float], left: float) -> list[float]:
    whole = sum(weights)
    return [one + (left * weight / whole if whole else 0) for one, weight in zip(least, weights, strict=True)]


def _lines(columns: Sequence[Sequence[int]], wanted: Sequence[float]) -> float:
    """About how many lines the table needs with columns of these letters."""
    rows = zip(*columns, strict=True)
    return sum(max(-(-n // max(width - _PADDING, 1)) for n, width in zip(row, wanted, strict=True)) for row in rows)


def _plain(text: str) -> str:
    return _UNSEEN.sub("", text)


_Listed = list[tuple[str, str, str]]


def _numbered(chapters: Sequence[Chapter], voice: Voice) -> tuple[dict[int, str], _Listed, dict[int, str]]:
    """Name of each table and figure (by identity), the list of them in their order, and their fragments."""
    names: dict[int, str] = {}
    tagged: dict[int, str] = {}
    listed: dict[str, _Listed] = {"table": [], "picture": []}
    words = {"table": voice("Table"), "picture": voice("Figure")}
    for chapter in chapters:
        counts = {"table": 0, "picture": 0}
        for block in chapter.blocks:
            if not isinstance(block, Table | Picture):
                continue
            counts[block.kind] += 1
            number = f"{chapter.number}-{counts[block.kind]}"
            names[id(block)] = f"{words[block.kind]} {voice.inside(number)}."
            tagged[id(block)] = f"{'t' if block.kind == 'table' else 'f'}-{number.replace('.', '-')}"
            caption = block.caption
            listed[block.kind].append((names[id(block)], caption, tagged[id(block)]))
    return names, listed["table"] + listed["picture"], tagged


def said(text: str) -> Markup:
    """A text escaped, with what stays English marked as such."""
    return _marked(text)


def said_in_persian(text: str) -> Markup:
    """As `said`; numbers, codes and English words keep their own direction.

    Titles of a protocol and a record may have Persian digits, values never do: in a document all are of one kind.
    """
    text = text.translate(_ONE_KIND_OF_DIGITS)
    if text and not _ARABIC.search(text) and text[0] not in (CODE, ENGLISH):
        return _marked(f"{CODE}{text}{CODE_END}")
    return _marked(text)


def _marked(text: str) -> Markup:
    escaped = html.escape(text, quote=False)
    if ENGLISH in escaped:
        # The isolating characters serve the PDF, whose renderer knows them and not the attribute.
        escaped = escaped.replace(ENGLISH, f'<span lang="en" dir="ltr">{CODE}').replace(END, f"{CODE_END}</span>")
    return Markup(escaped)


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("theratrial.report.study"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["said"] = said_in_persian if language == "fa" else said
    return environment


@cache
def _font() -> str:
    file = resources.files("theratrial").joinpath("web/static/theratrial/vendor/vazirmatn/Vazirmatn-wght.woff2")
    data = base64.b64encode(file.read_bytes()).decode()
    return (
        f'@font-face {{ font-family: "Vazirmatn"; font-weight: 100 900; unicode-range: {_PERSIAN_RANGE}; '
        f"src: url(data:font/woff2;base64,{data}) format('woff2'); }}\n"
    )


def _css(voice: Voice) -> str:
    css = resources.files("theratrial.report.study").joinpath("templates/study.css").read_text(encoding="utf-8")
    persian = voice.language == "fa"
    start, end = ("right", "left") if persian else ("left", "right")
    pages = '"صفحهٔ " counter(page) " از " counter(pages)' if persian else '"page " counter(page) " of " counter(pages)'
    family = '"Vazirmatn", "DejaVu Sans"' if persian else '"DejaVu Sans"'
    filled: dict[str, Any] = {"START": start, "END": end, "DIRECTION": "rtl" if persian else "ltr", "PAGES": pages}
    for name, value in filled.items():
        css = css.replace(name, value)
    css = css.replace(" FONT", f" font-family: {family};")
    # Set in here: WeasyPrint reads a rule with a variable again for every element.
    for name, value in _VARIABLE.findall(css):
        css = css.replace(f"var({name})", value)
    return (_font() if persian else "") + css
