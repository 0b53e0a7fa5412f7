"""The issue log: what people report about the system itself, and the answers (ICH E6(R3) 4.3.7)."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.web.ledger.act import act
from theratrial.web.people.models import Issue

_PAGE_CHARACTERS = 300


def issue_report(actor: Any, *, page: str, text: str) -> Issue:
    """Report something about the system.

    Raises
    ------
    InputError
        Nothing is said.
    """
    if not text.strip():
        raise InputError(_("Say what you did, what you expected, and what happened."))
    with act(actor, "issue.report"):
        return Issue.objects.create(
            reported_by=actor.get_username(),
            reported_at=timezone.now(),
            page=page.strip()[:_PAGE_CHARACTERS],
            text=text.strip(),
        )


def issue_answer(actor: Any, issue: Issue, *, answer: str, close: bool) -> Issue:
    """Answer an issue, or close it.

    Raises
    ------
    InputError
        It is closed, or no answer is given.
    """
    if not answer.strip():
        raise InputError(_("Give an answer; it is what an inspector reads."))
    with act(actor, "issue.answer"):
        current = Issue.objects.select_for_update().get(pk=issue.pk)
        if current.state == Issue.State.CLOSED:
            raise InputError(_("The issue is closed; report a new one."))
        current.state = Issue.State.CLOSED if close else Issue.State.ANSWERED
        current.answer, current.answered_by, current.answered_at = answer.strip(), actor.get_username(), timezone.now()
        current.save()
    return current
