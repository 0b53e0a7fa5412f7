"""Saving the session at the end of a request: a full disk must not take a page away that only shows something."""

from __future__ import annotations

import logging
from typing import Final

from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse

from theratrial.web.refusals import READING, no_room

_LOG: Final = logging.getLogger(__name__)


class SessionsThatMayNotBeSaved(SessionMiddleware):
    """Django's, but a page that was only read is given although its session could not be written.

    What is lost is when the person was last seen: she may be signed out a little early. Everything else that a request
    writes (signing in, saving, signing) is refused as before.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """The response, with the session saved where it can be."""
        try:
            return super().process_response(request, response)
        except (SessionInterrupted, DatabaseError, OSError) as error:
            if request.method not in READING or response.status_code >= 300 or not _for_want_of_room(error):
                raise
            _LOG.warning("the session was not saved at %s: %s", request.path, error)
            return response


def _for_want_of_room(error: BaseException | None) -> bool:
    """Django says of any session that could not be written that it was deleted; the reason stands behind it."""
    while error is not None:
        if no_room(error):
            return True
        error = error.__cause__ or error.__context__
    return False
