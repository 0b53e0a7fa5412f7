"""A page of IRCT saved as HTML: its blocks as lines, read like a page of text; a page of ours carries the record."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date
from html.parser import HTMLParser
from typing import Final

from theratrial.errors import InputError
from theratrial.exchange.irct.text import read_irct_lines
from theratrial.registry.imported import Imported

_BLOCKS: Final = frozenset(
    (
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "html",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "title",
        "tr",
        "ul",
    )
)
_UNSHOWN: Final = frozenset({"script", "style", "head", "noscript", "template", "svg", "nav", "button", "select"})
_NEVER_CLOSED: Final = frozenset({"br", "hr", "img", "input", "link", "meta", "col", "source", "wbr"})
_DEEPEST: Final = 200
EMBEDDED: Final = "theratrial-registration"
"""Id of the element in which a page of ours carries the record as YAML."""


class _Lines(HTMLParser):
    """The shown words of a page, a line for each block."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[tuple[int, str]] = []
        self.embedded: list[str] = []
        self._now: list[str] = []
        self._unshown: list[str] = []
        self._in_record = False
        self._started = 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script" and ("id", EMBEDDED) in attrs:
            self._in_record = True
            return
        if tag in _UNSHOWN and tag not in _NEVER_CLOSED:
            if len(self._unshown) > _DEEPEST:
                raise InputError(f"the page nests <{tag}> deeper than {_DEEPEST} levels; no registry's page does")
            self._unshown.append(tag)
        if tag == "br":
            self._break(paragraph=False)
        elif tag in _BLOCKS:
            self._break()

    def handle_endtag(self, tag: str) -> None:
        if tag == "script" and self._in_record:
            self._in_record = False
            return
        if tag in self._unshown:
            while self._unshown and self._unshown.pop() != tag:
                pass
        if tag in _BLOCKS:
            self._break()

    def handle_data(self, data: str) -> None:
        if self._in_record:
            self.embedded.append(data)
        elif not self._unshown:
            if not self._now:
                self._started = self.getpos()[0]
            self._now.append(data)

    def close(self) -> None:
        super().close()
        self._break()

    def _break(self, *, paragraph: bool = True) -> None:
        words = " ".join("".join(self._now).split())
        if words:
            self.lines.append((self._started, words))
        if (words and paragraph) or (not words and not paragraph):
            self.lines.append((self._started, ""))
        self._now = []


def read_irct_html(content: bytes, *, today: date) -> Imported:
    """The record of a saved page.

    A page that theratrial wrote carries the whole record and gives it back unchanged; of any other page the shown words
    are read, never its scripts.

    Raises
    ------
    InputError
        It is no such page, or its encoding is none of UTF-8, UTF-16 and Windows-1256.
    """
    text, encoding = decoded(content)
    parser = _Lines()
    parser.feed(text)
    parser.close()
    if parser.embedded:
        from theratrial.registry.reader import parse_registration

        source = "".join(parser.embedded).replace("<\\/", "</")
        return Imported(parse_registration(source.encode(), "record in the page"), "irct-html")
    found = read_irct_lines(parser.lines, today=today, format_="irct-html")
    notes = () if encoding == "utf-8" else (f"read as {encoding}",)
    return Imported(found.record, found.format, found.unplaced, notes)


def decoded(content: bytes) -> tuple[str, str]:
    """The text of a file and the encoding that it was found to have.

    Raises
    ------
    InputError
        It is none of the encodings in which registries' pages are saved.
    """
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            try:
                return content.decode(encoding), "utf-8" if encoding == "utf-8-sig" else encoding
            except UnicodeDecodeError as error:
                raise InputError(
                    f"the file begins like {encoding} and is not ({error.reason}); save it as UTF-8"
                ) from None
    # Text with many empty bytes, all at every second place, is UTF-16 that lost its first mark; of a Persian page only
    # blanks, digits and Latin letters have them.
    odd, even = content[1:4000:2].count(0), content[0:4000:2].count(0)
    for empty, full, encoding in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        if empty > len(content[:4000]) // 40 and full < empty // 20:
            with suppress(UnicodeDecodeError):
                return content.decode(encoding), encoding
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        place = content[: error.start].count(b"\n") + 1
    declared = re.search(rb"charset=[\"']?([\w-]+)", content[:4096])
    for encoding in dict.fromkeys([declared[1].decode().casefold() if declared else "", "windows-1256"]):
        if encoding in ("windows-1256", "windows-1252", "iso-8859-1", "iso-8859-6"):
            try:
                return content.decode(encoding), encoding
            except UnicodeDecodeError:
                continue
    raise InputError(f"line {place} is no UTF-8, and the file is no Windows-1256 either; save it again as UTF-8")
