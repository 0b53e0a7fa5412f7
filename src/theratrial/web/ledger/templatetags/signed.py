"""Signatures in templates: how one stands, and what the form must ask for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import template

from theratrial.web.ledger.models import Signature
from theratrial.web.ledger.signing import is_authentic, needs_both_components, needs_code

register = template.Library()


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
