"""A form sent twice (a double click, a page loaded again) is taken once: the second is led where the first went.

Every page draws its forms with a token of their own, so the same token with the same answers can only be the same form
again. A row with a unique key says so to every server process; within one process the second waits for the first.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from django.contrib import messages
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.web.people.models import SentForm

_LOG: Final = logging.getLogger(__name__)
_KEPT: Final = 2000
_KEPT_SECONDS: Final = 600
_WAIT_SECONDS: Final = 30
_LOOK_SECONDS: Final = 0.02
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
        return _taken_once(request, first.led_to)

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
            elsewhere = _elsewhere(key)
            if elsewhere:
                sent.led_to = elsewhere
                return _taken_once(request, elsewhere)
            try:
                response = self.get_response(request)
                away = response.get("Location", "") if response.status_code in (302, 303) else ""
                sent.led_to = "" if away.startswith("/people/") else away
                return response
            finally:
                _told(key, sent.led_to)
        finally:
            if not sent.led_to:
                with self._lock:
                    self._sent.pop(key, None)
            sent.answered.set()


def _taken_once(request: HttpRequest, led_to: str) -> HttpResponse:
    messages.info(request, _("The same form was sent twice; it was taken once."))
    return redirect(led_to)


def _elsewhere(key: str) -> str:
    """Where another process was led by the same form, waiting for it; empty: this process is to answer it."""
    try:
        until = time.monotonic() + _WAIT_SECONDS
        while not _claimed(key):
            led_to = SentForm.objects.filter(key=key).values_list("led_to", flat=True).first()
            if led_to:
                return led_to
            if time.monotonic() > until:  # its process has died on it
                return ""
            time.sleep(_LOOK_SECONDS)
    except DatabaseError as error:  # no room, or locked: the form itself will say so
        _LOG.warning("a sent form was not noted: %s", error)
    return ""


def _claimed(key: str) -> bool:
    """Write the form down as sent; False where it is there already. One statement, so two processes cannot both."""
    now = timezone.now()
    SentForm.objects.filter(sent_at__lt=now - timedelta(seconds=_KEPT_SECONDS)).delete()
    statement = (
        f"INSERT INTO {SentForm._meta.db_table} (key, sent_at, led_to) VALUES (%s, %s, '') ON CONFLICT DO NOTHING"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [key, now])
        return bool(cursor.rowcount == 1)


def _told(key: str, led_to: str) -> None:
    """Say to the other processes where the form led; one that was refused may be sent again."""
    sent = SentForm.objects.filter(key=key)
    try:
        if led_to:
            sent.update(led_to=led_to)
        else:
            sent.delete()
    except DatabaseError as error:
        _LOG.warning("the answer of a sent form was not noted: %s", error)


def _key(request: HttpRequest) -> str | None:
    """The form that was sent, of which page, in which session; None where it is no form of a page."""
    if request.method != "POST" or not request.session.session_key or _TOKEN not in request.POST or request.FILES:
        return None
    digest = hashlib.sha256(f"{request.session.session_key}\n{request.get_full_path()}".encode())
    for name, values in request.POST.lists():
        digest.update(repr((name, values)).encode("utf-8", "backslashreplace"))
    return digest.hexdigest()
