"""Cells of source verification as HTML: a participant has a thousand, too many to draw one by one in a template."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from theratrial.web.capture.verification import Cell, Row
from theratrial.web.templatetags.shown import instant, number

LONG: Final = 40
"""Characters from which a cell is given more room."""
_NOBODY: Final = UUID(int=0)


@dataclass(slots=True)
class CellDrawing:
    """Draws cells for one request; what is the same in every cell is said and translated once."""

    request: HttpRequest
    may_verify: bool
    may_raise: bool
    may_view: bool
    words: Callable[[str, str, str], str] | None = None
    """Says a cell of a table; None: it is shown as it is stored."""
    _verified: str = field(init=False)
    _asked: str = field(init=False)
    _line: str = field(init=False)
    _version: str = field(init=False)
    _own: str = field(init=False)
    _address: str = field(init=False)

    def __post_init__(self) -> None:
        self._verified = escape(_("verified"))
        self._asked = escape(_("Queries about this cell"))
        self._line, self._version = escape(_("Whole line")), escape(_("version"))
        self._own = f"<br><small>{escape(_('last changed by you'))}</small>"
        self._address = reverse("capture:query-ask", args=[_NOBODY, "column"]).removesuffix(f"{_NOBODY}/column/")

    def line(self, row: Row, columns: Iterable[str]) -> SafeString:
        """A record's line: a tick for the whole of it, its cells under these columns, its version."""
        cells = {cell.column: cell for cell in row.cells}
        texts = [self._cell(row, cells[column]) if column in cells else "<td></td>" for column in columns]
        # Every text from outside is escaped where it is drawn.
        return mark_safe(f"<tr>{self._tick(row)}{''.join(texts)}{self._last(row)}</tr>")

    def _tick(self, row: Row) -> str:
        if not self.may_verify:
            return ""
        tick = "" if row.done or row.own else f'<input type="checkbox" data-row aria-label="{self._line}">'
        return f"<td>{tick}</td>"

    def _last(self, row: Row) -> str:
        version, own = row.record.version, self._own if row.own else ""
        seen = f'<input type="hidden" name="version:{row.record.pk}" value="{version}">'
        told = f"{self._version} {number(self._context, version)}"
        return f'<td class="quiet nowrap">{seen}{told}{own}</td>'

    def _cell(self, row: Row, cell: Cell) -> str:
        key = f"c-{row.record.pk}-{cell.column}"
        shown = self.words(row.record.table, cell.column, cell.text) if self.words is not None else cell.text
        long = " long" if len(shown) > LONG else ""
        label = f'<label for="{key}"><bdi>{escape(shown)}</bdi></label>'
        return f'<td class="{cell.state}{long}">{self._mark(row, cell, key)}{label}{self._beside(row, cell)}</td>'

    def _mark(self, row: Row, cell: Cell, key: str) -> str:
        if cell.state == "verified":
            told = escape(f"{cell.verified_by} · {instant(self._context, cell.verified_at)}")
            sign = f'✓<span class="visually-hidden">{self._verified}</span>'
            return f'<span class="sign good" title="{told}">{sign}</span> '
        if self.may_verify and not row.own:
            value = f"{row.record.pk}:{cell.column}"
            return f'<input type="checkbox" name="cell" value="{value}" data-cell id="{key}"> '
        return ""

    def _beside(self, row: Row, cell: Cell) -> str:
        found = ""
        if cell.state == "stale":
            words = _("changed since version %(n)s, verified by %(who)s")
            told = words % {"n": cell.record_version, "who": cell.verified_by}
            found = f' <small class="warn">↻ {escape(told)}</small>'
        if self.may_raise or (cell.queries and self.may_view):
            asked, count = (" asked", number(self._context, cell.queries)) if cell.queries else ("", "")
            found += (
                f' <button type="button" class="ask-about{asked}" tabindex="-1" title="{self._asked}"'
                f' data-dialog="{self._address}{row.record.pk}/{cell.column}/">?{escape(count)}</button>'
            )
        return found

    @property
    def _context(self) -> dict[str, Any]:
        return {"request": self.request}
