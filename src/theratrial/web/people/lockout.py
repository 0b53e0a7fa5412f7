"""Accounts locked after too many failures: what their owner sees, what administrators see, and the release."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings
from django.db.models import Max, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from theratrial.errors import InputError
from theratrial.web.ledger.act import act, note


@dataclass(frozen=True, slots=True)
class Locked:
    """A locked account name, and when the lock ends by itself (None: an administrator ends it)."""

    username: str
    failures: int
    ends_at: datetime | None


def locked_accounts(usernames: Iterable[str] | None = None) -> list[Locked]:
    """Account names, existing or not, that are locked now."""
    cool_off: timedelta | None = get_cool_off()
    attempts = AccessAttempt.objects.all()
    if cool_off:
        attempts = attempts.filter(attempt_time__gte=timezone.now() - cool_off)
    if usernames is not None:
        attempts = attempts.filter(username__in=list(usernames))
    counted = attempts.values("username").annotate(failures=Sum("failures_since_start"), last=Max("attempt_time"))
    return [
        Locked(one["username"], one["failures"], one["last"] + cool_off if cool_off else None)
        for one in counted.order_by("username")
        if one["failures"] >= settings.AXES_FAILURE_LIMIT
    ]


def lock_release(actor: Any, username: str, *, reason: str) -> None:
    """Release a locked account name.

    Raises
    ------
    InputError
        It is not locked, it is one's own, or no reason is given.
    """
    if not reason.strip():
        raise InputError("say why the lock is released: how it was made sure who failed to sign in")
    if username == actor.get_username():
        raise InputError("another administrator has to release your account")
    if not locked_accounts([username]):
        raise InputError(f"{username} is not locked")
    with act(actor, "account.release", reason=reason.strip()):
        note("account.release", account=username)
        reset(username=username)


def locked_out(request: HttpRequest, response: Any = None, credentials: Any = None) -> HttpResponse:
    """The lock-out page, in place of the answer to the last failure."""
    username = (credentials or {}).get("username", "")
    found = locked_accounts([username])
    return render(request, "people/locked_out.html", {"locked": found[0] if found else None}, status=403)
