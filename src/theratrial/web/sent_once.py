"""A form sent twice (a double click, a page loaded again) is taken once: the second is led where the first went.

Every page draws its forms with a token of their own, so the same token with the same answers can only be the same form
again. Kept in the process that answers: several server processes each know their own.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

_KEPT: Final = 2000
_KEPT_SECONDS: Final = 600
_WAIT_SECONDS: Final = 30
_TOKEN: Final = "csrfmiddlewaretoken"


@dataclass
class _Sent:
    at: float
    answered: threading.Event = field(default_factory=threading.Event)
    led_to: str = ""


class SentOnce:
    """Lets the first of two equal forms through; the second waits for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._lock, self._sent = threading.Lock(), OrderedDict[str, _Sent]()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        key = _key(request)
        if key is None:
            return self.get_response(request)
        first = self._first(key)
        if first is None:
            return self._answered(request, key)
        first.answered.wait(_WAIT_SECONDS)
        if not first.led_to:  # it was refused: this one is judged by itself
            return self.get_response(request)
        messages.info(request, _("The same form was sent twice; it was taken once."))
        return redirect(first.led_to)

    def _first(self, key: str) -> _Sent | None:
        with self._lock:
            now = time.monotonic()
            while self._sent and (len(self._sent) > _KEPT or now - next(iter(self._sent.values())).at > _KEPT_SECONDS):
                self._sent.popitem(last=False)
            if key in self._sent:
                return self._sent[key]
            self._sent[key] = _Sent(now)
            return None

    def _answered(self, request: HttpRequest, key: str) -> HttpResponse:
        sent = self._sent[key]
        try:
            response = self.get_response(request)
            away = response.get("Location", "") if response.status_code in (302, 303) else ""
            sent.led_to = "" if away.startswith("/people/") else away
            return response
        finally:
            if not sent.led_to:
                with self._lock:
                    self._sent.pop(key, None)
            sent.answered.set()


def _key(request: HttpRequest) -> str | None:
    """The form that was sent, of which page, in which session; None where it is no form of a page."""
    if request.method != "POST" or not request.session.session_key or _TOKEN not in request.POST or request.FILES:
        return None
    digest = hashlib.sha256(f"{request.session.session_key}\n{request.get_full_path()}".encode())
    for name, values in request.POST.lists():
        digest.update(repr((name, values)).encode("utf-8", "backslashreplace"))
    return digest.hexdigest()
