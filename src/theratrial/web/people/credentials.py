"""Checking that somebody is who she says: password and one-time code, every failure counted towards the lock."""

from __future__ import annotations

import copy
from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest, QueryDict
from django_otp.plugins.otp_totp.models import TOTPDevice

from theratrial.web.ledger.act import SystemActor, act
from theratrial.web.people.models import User

SIGN_IN = SystemActor("sign-in")


def confirmed_account(request: HttpRequest, username: str, password: str) -> User | None:
    """The account, where name and password are right and it is not locked; failures count towards the lock.

    Call outside an act, or the count is undone with it.
    """
    bare = _without_content(request)
    found = authenticate(bare, username=username, password=password)
    _taken_back(request, bare)
    return found if isinstance(found, User) else None


def failure_counted(request: HttpRequest, username: str) -> None:
    """Count a failure that is not a wrong password (a wrong code, another's name) towards the lock of `username`."""
    bare = _without_content(request)
    user_login_failed.send(sender=__name__, credentials={"username": username}, request=bare)
    _taken_back(request, bare)


def is_locked(request: HttpRequest) -> bool:
    """Whether the last check on this request met a locked account, or locked it."""
    return bool(getattr(request, "axes_locked_out", False))


def code_device(user: Any) -> TOTPDevice | None:
    """The device whose codes the account must give; None where none is confirmed."""
    found: TOTPDevice | None = TOTPDevice.objects.filter(user=user, confirmed=True).first()
    return found


def code_is_right(user: User, code: str, *, confirmed: bool = True) -> bool:
    """Whether `code` is the device's at this moment. A code counts once."""
    with act(SIGN_IN, "code.check"):
        device = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=confirmed).first()
        return bool(device is not None and device.verify_token(code.replace(" ", "").translate(_WESTERN)))


_WESTERN = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789")


def _without_content(request: HttpRequest) -> HttpRequest:
    """The request without what was typed: the counters of failures keep no clinical content and no password."""
    bare = copy.copy(request)
    bare.GET = QueryDict()
    bare.POST = QueryDict()
    return bare


def _taken_back(request: HttpRequest, bare: HttpRequest) -> None:
    request.axes_locked_out = getattr(bare, "axes_locked_out", False)  # type: ignore[attr-defined]
    request.axes_credentials = getattr(bare, "axes_credentials", None)  # type: ignore[attr-defined]
