"""A page around a record: language, title, font, margins of A4 with the number of the record and of the page."""

from __future__ import annotations

import base64
import re
from functools import cache
from importlib import resources
from typing import Final

from markupsafe import Markup

from theratrial.registry.words import Language
from theratrial.report.registration.said import DIRECTION

# Persian letters and their signs; all others come from the reader's own fonts, which know ¹⁷⁷ and ≥ alike.
_PERSIAN_RANGE: Final = "U+0600-06FF, U+0750-077F, U+200C-200D, U+FB50-FDFF, U+FE70-FEFC"


def document(*, title: str, language: Language, running: str, body: Markup, css: str, script: str = "") -> str:
    """A whole page of HTML."""
    return str(
        Markup(
            '<!DOCTYPE html>\n<html lang="{language}" dir="{direction}">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="generator" '
            'content="theratrial">\n<title>{title}</title>\n<style>\n{css}</style>\n</head>\n<body>\n{body}\n{script}'
            "</body>\n</html>\n"
        ).format(
            language=language,
            direction=DIRECTION[language],
            title=title,
            # Style and script are ours; of the record only its number is in them, escaped as CSS.
            css=Markup(_font() + packaged("page.css") + css + _margins(running, language)),
            body=body,
            script=Markup(f"<script>\n{script}</script>\n") if script else Markup(""),
        )
    )


@cache
def packaged(name: str) -> str:
    """A style sheet or script that comes with theratrial, as text."""
    return resources.files("theratrial.report.registration").joinpath(f"assets/{name}").read_text(encoding="utf-8")


@cache
def _font() -> str:
    file = resources.files("theratrial").joinpath("web/static/theratrial/vendor/vazirmatn/Vazirmatn-wght.woff2")
    data = base64.b64encode(file.read_bytes()).decode()
    return (
        f'@font-face {{ font-family: "Vazirmatn"; font-weight: 100 900; unicode-range: {_PERSIAN_RANGE}; '
        f"src: url(data:font/woff2;base64,{data}) format('woff2'); }}\n"
    )


def _margins(running: str, language: Language) -> str:
    start, end = ("right", "left") if language == "fa" else ("left", "right")
    count = (
        '"صفحهٔ " counter(page, persian) " از " counter(pages, persian)'
        if language == "fa"
        else '"Page " counter(page) " of " counter(pages)'
    )
    common = f"direction: {DIRECTION[language]}; font: 8pt var(--record-font); color: #55606d"
    return (
        f"@page {{ @top-{start} {{ content: {_quoted(running)}; {common} }}\n"
        f"  @bottom-{end} {{ content: {count}; {common} }} }}\n"
    )


def _quoted(text: str) -> str:
    """A text as CSS writes it: all but letters, digits and a few signs escaped."""
    return '"' + re.sub(r"[^A-Za-z0-9 /._-]", lambda found: f"\\{ord(found[0]):x} ", text) + '"'
