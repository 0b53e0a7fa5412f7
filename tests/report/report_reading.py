"""How the tests read a written page, and the report they share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from theratrial.results.values import TrialResult

VOID = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """Collects tags, attributes, text and ids, and notices tags that do not close."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text = ""
        self.wrong: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data + " "

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


def text_of(html: str) -> str:
    """Words of the page with single spaces."""
    return re.sub(r"\s+", " ", Page(html).text)


@dataclass(frozen=True)
class Written:
    """A report on disk with what it was made from."""

    result: TrialResult
    folder: Path
    html: str
