"""What tables, items, visits and images are called on pages: the protocol's words in the language of the request."""

from __future__ import annotations

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from theratrial.protocol.schema import Form, Protocol
from theratrial.trialfolder.tables import table as table_definition
from theratrial.web.capture.table_words import COLUMNS
from theratrial.web.trials.selectors import protocol_in_force


def _form_of(protocol: Protocol, table: str) -> Form | None:
    readings = (clause.reading for clause in protocol.forms.values())
    return next((form for form in readings if form is not None and form.table == table), None)


def language() -> str:
    """Two letters, as the protocol keys its words."""
    return (get_language() or "en")[:2]


def _said(words: str) -> str:
    """A description in the language of the request; `table_words` has them."""
    return _(words.rstrip(".")) if words else ""


def table_label(table: str, protocol: Protocol | None = None) -> str:
    """Title of the form that fills the table; the table's own description where no form does."""
    form = _form_of(protocol or protocol_in_force(), table)
    return form.titles.get(language(), form.title) if form else _said(table_definition(table).doc)


def column_label(table: str, column: str, protocol: Protocol | None = None) -> str:
    """Label of the item that fills the column; the a short word where several share it or none does."""
    form = _form_of(protocol or protocol_in_force(), table)
    filling = [item for item in form.items if (item.column or item.id) == column] if form else []
    if len(filling) == 1:
        unit = f" [{filling[0].unit}]" if filling[0].unit else ""
        return filling[0].labels.get(language(), filling[0].label) + unit
    if column in COLUMNS:
        return _(COLUMNS[column])
    known = {one.name: one.doc for one in table_definition(table).columns}
    return _said(known.get(column, column))


def planned_label(identifier: str, protocol: Protocol | None = None) -> str:
    """Title of a visit, image or form of the protocol."""
    protocol = protocol or protocol_in_force()
    for clauses in (protocol.schedule, protocol.imaging, protocol.forms):
        clause = clauses.get(identifier)
        if clause is not None and clause.reading is not None:
            return str(clause.reading.titles.get(language(), clause.reading.title))
    return identifier.replace("_", " ")


def subject_label(subject: str, protocol: Protocol | None = None) -> str:
    """``visit:follow_up/1`` as people say it."""
    kind, _sep, rest = subject.partition(":")
    if kind not in ("visit", "image", "form") or not rest:
        return subject
    identifier, _sep, session = rest.partition("/")
    title = planned_label(identifier, protocol)
    return _("%(title)s, session %(session)s") % {"title": title, "session": session} if session else title
