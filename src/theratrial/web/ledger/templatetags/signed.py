"""Signatures in templates: how one stands, and what the form must ask for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from theratrial.web.capture.models import Record
from theratrial.web.ledger.models import Signature
from theratrial.web.ledger.signing import is_authentic, needs_both_components, needs_code
from theratrial.web.ledger.void_words import records_named, void_words
from theratrial.web.sentences.shown import said_markup

register = template.Library()
_ROWS = "theratrial_void_rows"


@register.filter
def signature_state(signature: Signature) -> str:
    """``valid``, ``voided`` or ``altered`` (its digest is not that of its content)."""
    if not is_authentic(signature):
        return "altered"
    return "valid" if signature.voided_at is None else "voided"


@register.filter
def role_label(role: str) -> str:
    """The role as people say it, in the language of the page."""
    from theratrial.web.people.labels import role_text

    return role_text(role)


@register.filter
def task_label(task: str) -> str:
    """The name of a task of the delegation log, in the language of the page."""
    from theratrial.web.people.labels import task_text

    return task_text(task)


@register.filter
def task_labels(tasks: Iterable[str]) -> str:
    """The names of tasks in one line."""
    from theratrial.web.people.labels import tasks_text

    return tasks_text(tasks)


@register.simple_tag(takes_context=True)
def signing_needs(context: Any) -> dict[str, bool]:
    """Which components the form asks for: account name, one-time code."""
    request = context["request"]
    return {"name": needs_both_components(request), "code": needs_code(request.user)}


@register.simple_tag(takes_context=True)
def void_because(context: Any, text: str, among: Iterable[Signature] = ()) -> SafeString:
    """Why a signature is void, in words; `among` are the signatures of the page, whose rows are then asked for once."""
    request = context.get("request")
    user = getattr(request, "user", None)
    asked, known = getattr(request, _ROWS, (frozenset[str](), dict[str, Record]()))
    if text not in asked:
        fresh = {text, *(one.voided_because for one in among)}
        asked, known = asked | fresh, {**known, **records_named(fresh)}
        if request is not None:
            setattr(request, _ROWS, (asked, known))
    told = void_words(text, user, known)
    if told is None:
        return said_markup(text, user)
    if not told.address:
        return format_html("{}", told.text)
    return format_html('<a href="{}">{}</a>', told.address, told.text)
