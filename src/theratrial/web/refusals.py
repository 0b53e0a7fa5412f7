"""What cannot be taken is refused with words: the character NUL, closed data, a full disk; never a fault page."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from typing import Any, Final

from django.db import DataError, Error, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.web.capture.services import ConflictError, LockedError

_LOG: Final = logging.getLogger(__name__)
READING: Final = ("GET", "HEAD")
_NO_SPACE: Final = (errno.ENOSPC, errno.EDQUOT)


class Refusals:
    """Refuses texts that no database keeps, and answers what a view did not foresee."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Django reads such a form never, and its own page for that fails on the same form again.
        if request.encoding not in (None, "utf-8", "UTF-8", "utf8", "UTF8") and request.method not in READING:
            return refusal(request, 415, _("A form is sent as UTF-8 text. Open the page again and send it from there."))
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]) -> HttpResponse | None:
        """The request against forged requests has read the fields already; a stream of files has none."""
        texts = [str(value) for value in kwargs.values()]
        for fields in (request.GET, request.POST):
            for name, values in fields.lists():
                texts += [name, *values]
        if any("\x00" in text for text in texts):
            text = _("What was sent holds the character NUL, which is no text. Remove it, then send it again.")
            return refusal(request, 422, text)
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Words for what went wrong; None leaves it a fault."""
        found = words(error)
        if found is None:
            return None
        status, text = found
        if status == 503 and request.method in READING and no_room(error):
            text = _(
                "The disk of the site is full. Who opens this page is written down for inspection, which cannot be "
                "done now, so it is not shown. Pages that only show records can still be read. Tell the administrator."
            )
        _LOG.warning("refused with %s at %s: %s", status, request.path, error)
        return refusal(request, status, text)


def words(error: BaseException | None) -> tuple[int, str] | None:
    """Status and words for an error that has a remedy."""
    match error:
        case ConflictError() | LockedError():
            return 409, str(error)
        case InputError():
            return 422, str(error)
        case Error() if "frozen or locked" in str(error):
            return 409, _("The data are frozen or locked: nothing was saved. Two people can unlock them.")
        case OperationalError() if no_room(error):
            return 503, _no_space()
        case OperationalError() if "is locked" in str(error):
            return 503, _("Others are saving just now: nothing of yours was saved. Try again in a moment.")
        case PermissionError():
            return 403, _("Your roles, or what is delegated to you, do not allow it. Nothing was saved.")
        case OSError() if error.errno in _NO_SPACE:
            return 503, _no_space()
        case DataError():
            return 422, _("Something that was typed is too long or too large to be kept. Shorten it, then save again.")
    return None


def no_room(error: BaseException | None) -> bool:
    """Whether something could not be written because the disk is full."""
    if isinstance(error, OperationalError):
        return "disk is full" in str(error) or "No space left" in str(error)
    return isinstance(error, OSError) and error.errno in _NO_SPACE


def _no_space() -> str:
    return _("The disk of the site is full: nothing was saved. Tell the administrator, and keep this page open.")


def refusal(request: HttpRequest, status: int, text: str) -> HttpResponse:
    """The page that says why."""
    return render(request, "theratrial/not_taken.html", {"text": text}, status=status)
