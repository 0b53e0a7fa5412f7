"""Accounts: opened, closed, their passwords and devices; every change is an act."""

from __future__ import annotations

import re
import secrets
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django_otp.plugins.otp_totp.models import TOTPDevice, default_key

from theratrial.errors import InputError
from theratrial.web.ledger.act import act, note
from theratrial.web.people.credentials import code_is_right
from theratrial.web.people.models import User

CALENDARS: Final = ("gregorian", "jalali")
_NAME: Final = re.compile(r"[a-z][a-z0-9._-]{2,63}")
# Without letters and digits that are mistaken for each other when read aloud or copied from paper.
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789"


def _temporary_password() -> str:
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))


def _reason(reason: str) -> str:
    if not reason.strip():
        raise InputError(_("Give the reason; it goes into the ledger."))
    return reason.strip()


def account_open(actor: Any, *, username: str, printed_name: str) -> tuple[User, str]:
    """A new account and its temporary password, which is shown once and must be changed at the first sign-in.

    Raises
    ------
    InputError
        The name is not of the right form, was ever used before, or no printed name is given.
    """
    if not _NAME.fullmatch(username):
        raise InputError(
            _("“%(name)s” is no account name: a small letter, then letters, digits, dots or dashes, 3 to 64 in all.")
            % {"name": username}
        )
    if not printed_name.strip():
        raise InputError(_("Give the name that will stand beside the signatures."))
    if User.objects.filter(username__iexact=username).exists():
        raise InputError(_("The account name was used before; names are never given again. Choose another one."))
    password = _temporary_password()
    with act(actor, "account.open"):
        user = User.objects.create_user(
            username, password, printed_name=printed_name.strip(), must_change_password=True
        )
    return user, password


def account_close(actor: Any, user: User, *, reason: str) -> None:
    """Close an account; its sessions end with this, its name and signatures stay.

    Raises
    ------
    InputError
        It is one's own, it is closed, or no reason is given.
    """
    if user.pk == actor.pk:
        raise InputError(_("Another administrator has to close your account."))
    with act(actor, "account.close", reason=_reason(reason)):
        current = User.objects.select_for_update().get(pk=user.pk)
        if not current.is_active:
            raise InputError(_("The account is closed already."))
        current.is_active = False
        current.session_generation += 1
        current.save()


def account_reopen(actor: Any, user: User, *, reason: str) -> str:
    """Open a closed account of the same person again; its new temporary password."""
    with act(actor, "account.reopen", reason=_reason(reason)):
        current = User.objects.select_for_update().get(pk=user.pk)
        if current.is_active:
            raise InputError(_("The account is open."))
        current.is_active = True
        return _new_temporary(current)


def password_reset(actor: Any, user: User, *, reason: str) -> str:
    """A temporary password, shown once; every session of the account ends.

    Raises
    ------
    InputError
        It is one's own account, it is closed, or no reason is given.
    """
    if user.pk == actor.pk:
        raise InputError(_("Change your own password on your account page."))
    with act(actor, "account.password-reset", reason=_reason(reason)):
        current = User.objects.select_for_update().get(pk=user.pk)
        if not current.is_active:
            raise InputError(_("The account is closed; open it again first."))
        return _new_temporary(current)


def _new_temporary(user: User) -> str:
    password = _temporary_password()
    user.set_password(password)
    user.must_change_password = True
    user.password_changed_at = timezone.now()
    user.session_generation += 1
    user.save()
    return password


def device_taken_off(actor: Any, user: User, *, reason: str) -> None:
    """Take the device for one-time codes off an account whose owner lost it.

    Raises
    ------
    InputError
        It is one's own, there is none, or no reason is given.
    """
    if user.pk == actor.pk:
        raise InputError(_("Another administrator has to take the device off your account."))
    with act(actor, "account.device-off", reason=_reason(reason)):
        found = TOTPDevice.objects.filter(user=user)
        if not found.exists():
            raise InputError(_("The account has no device."))
        for device in found:
            device.delete()
        note("account.device-off", account=user.username)


def password_change(user: User, *, old: str, new: str, again: str) -> None:
    """Change one's own password; other sessions of the account end.

    Raises
    ------
    InputError
        The old one is not right, the two new ones differ, or the new one is weak or the old one.
    """
    if not user.check_password(old):
        raise InputError(_("The password you have now is not right."))
    if new != again:
        raise InputError(_("The two new passwords are not the same."))
    if new == old:
        raise InputError(_("The new password is the old one."))
    try:
        validate_password(new, user)
    except ValidationError as error:
        raise InputError(" ".join(error.messages)) from None
    with act(user, "account.password"):
        user.set_password(new)
        user.must_change_password = False
        user.password_changed_at = timezone.now()
        user.save()


def display_change(user: User, *, language: str, calendar: str, persian_digits: bool) -> None:
    """Language, calendar and digits of the account's pages.

    Raises
    ------
    InputError
        The site has no such language or calendar.
    """
    if language not in dict(settings.LANGUAGES) or calendar not in CALENDARS:
        raise InputError(f"unknown language or calendar: {language}, {calendar}; known calendars: {CALENDARS}")
    with act(user, "account.display"):
        user.language, user.calendar, user.persian_digits = language, calendar, persian_digits
        user.save(update_fields=["language", "calendar", "persian_digits"])


def sessions_end(user: User) -> None:
    """End every session of one's own account, this one too."""
    with act(user, "account.sign-out-everywhere"):
        current = User.objects.select_for_update().get(pk=user.pk)
        current.session_generation += 1
        current.save(update_fields=["session_generation"])


def device_begun(user: User) -> TOTPDevice:
    """A device with a new secret, which counts once a code of it was given.

    Raises
    ------
    InputError
        The account has a device.
    """
    with act(user, "account.device-begin"):
        if TOTPDevice.objects.filter(user=user, confirmed=True).exists():
            raise InputError(_("Your account has a device; an administrator can take it off."))
        device = TOTPDevice.objects.filter(user=user, confirmed=False).first() or TOTPDevice(user=user)
        device.key, device.confirmed, device.name = default_key(), False, "authenticator"
        device.save()
    return device


def device_confirmed(user: User, code: str) -> None:
    """Put the device to use, where the code is its own.

    Raises
    ------
    InputError
        The code is not the device's.
    """
    with act(user, "account.device"):
        if not code_is_right(user, code, confirmed=False):
            raise InputError(_("The code is not the one of this device now. Check its clock, wait for the next code."))
        device = TOTPDevice.objects.get(user=user, confirmed=False)
        device.confirmed = True
        device.save()
