"""The words in a figure in Persian: figures hold their words as words, so that they are said after the drawing."""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Final

from theratrial.report.study.figure_letters import seen
from theratrial.report.study.voice import ENGLISH, Voice

_WORDS: Final = re.compile(r"(<text\b[^>]*>)([^<]*)(</text>)")
_COUNTED: Final = re.compile(r"(\d+) (\D.*)")
_SPEECH: Final = re.compile(r"[A-Za-z]{2}")
_SIGNS: Final = re.compile(r"[A-Z]{2,3}|[A-Z]{1,4}\d+|PET/CT|SPECT/CT|[a-zA-Z]{1,3}/m?L|10⁹/L")
"""What is written so in both languages: abbreviations, participants, units."""
_MARKS: Final = re.compile("[\u2066-\u2069\ue000\ue001]")


def persian_figure(svg: str, voice: Voice) -> tuple[str, bool]:
    """The drawing with Persian words, and whether any stayed English."""
    left = False

    def said(found: re.Match[str]) -> str:
        nonlocal left
        start, text, end = found.groups()
        english = html.unescape(text.strip())
        persian = _said(english, voice)
        if persian is None:
            left = left or (bool(_SPEECH.search(english)) and not _SIGNS.fullmatch(english))
            return found[0]
        return f"{start}{html.escape(seen(_unmarked(persian)), quote=False)}{end}"

    return _WORDS.sub(said, svg), left


def _unmarked(text: str) -> str:
    return _MARKS.sub("", text)


def _said(text: str, voice: Voice) -> str | None:
    """The Persian of a text of a figure; None where nothing is known of it."""
    if _SIGNS.fullmatch(text) or (not _SPEECH.search(text) and not text.startswith("n =")):
        return None
    for shape, persian in _shapes():
        if (found := shape.fullmatch(text)) is not None:
            parts = {name: _said(part, voice) or part for name, part in found.groupdict().items()}
            if persian != "{what}: {why}" or any(parts[name] != found[name] for name in parts):
                return persian.format(**parts)
    if (counted := _COUNTED.fullmatch(text)) is not None and (rest := _said(counted[2], voice)) is not None:
        return f"{counted[1]} {rest}"
    spoken = voice.core(text)
    return None if ENGLISH in spoken or spoken == text else spoken


@cache
def _shapes() -> Sequence[tuple[re.Pattern[str], str]]:
    """A pattern of each English text, those without places for values first."""
    file = resources.files(__package__).joinpath("figure_words_fa.csv").read_text(encoding="utf-8")
    rows = sorted(csv.DictReader(file.splitlines()), key=lambda row: "{" in row["english"])
    return [
        (re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+?)", re.escape(row["english"]))), row["persian"])
        for row in rows
    ]
