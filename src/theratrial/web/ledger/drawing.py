"""What changed in an event, and cells of a table, as HTML.

A page of the ledger holds a thousand values. Drawn one by one in a template they take longer than all else together,
so they are drawn here; every text that comes from outside is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any, Final

from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator
from django.utils.translation import get_language_bidi, ngettext
from django.utils.translation import gettext as _

from theratrial.web.ledger.selectors import Change, Shown

LONGEST: Final = 300
"""Characters of a value; the export has all of them."""
AT_A_GLANCE: Final = 4
"""Fields of an event that a list shows without being asked."""
_SHOWN_NEW_ONLY: Final = ("insert", "note")


def value_drawn(value: Any) -> SafeString:
    """A value, or that there was none."""
    return mark_safe(_value(value, _empty()))


def changes_drawn(one: Shown, *, folded: bool = False) -> SafeString:
    """Every field that changed, or why it is not shown; many of them `folded` until they are asked for."""
    if one.hidden:
        return mark_safe(_hidden(one.hidden))
    if not one.changes:
        return mark_safe('<span class="quiet">–</span>')
    count = len(one.changes)
    listed = f'<ul class="changes">{"".join(_lines(one.changes, one.event.op))}</ul>'
    if folded and count > AT_A_GLANCE:
        words = escape(ngettext("%(n)s field", "%(n)s fields", count) % {"n": count})
        listed = f"<details><summary>{words}</summary>{listed}</details>"
    return mark_safe(listed)


def cells_drawn(texts: Iterable[str | None]) -> SafeString:
    """The cells of a line of a table; a dash where one is empty."""
    return mark_safe("".join([f'<td dir="auto">{escape(text) if text else "–"}</td>' for text in texts]))


def _lines(changes: Iterable[Change], op: str) -> Iterable[str]:
    empty, with_old = _empty(), op not in _SHOWN_NEW_ONLY
    sign = "←" if get_language_bidi() else "→"
    arrow = f' <span class="arrow" aria-label="{escape(_("became"))}">{sign}</span> '
    for change in changes:
        old = f"{_value(change.old, empty)}{arrow}" if with_old else ""
        yield f'<li><span class="code">{escape(change.field)}</span>: {old}{_value(change.new, empty)}</li>'


def _value(value: Any, empty: str) -> str:
    if value is None or value == "":
        return empty
    text = str(value)
    return f'<b dir="auto">{escape(text if len(text) <= LONGEST else Truncator(text).chars(LONGEST))}</b>'


def _empty() -> str:
    return f'<em class="quiet">{escape(_("(empty)"))}</em>'


def _hidden(why: str) -> str:
    if why == "blinded":
        return f'<span class="tag neutral">{escape(_("not shown: tells the endpoint"))}</span>'
    if why == "redacted":
        return f'<span class="tag neutral">{escape(_("redacted by two people"))}</span>'
    return f'<span class="tag bad">{escape(_("content is missing"))}</span>'
