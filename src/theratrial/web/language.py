"""Language, calendar and digits of a request: the account's, or those chosen before signing in."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

COOKIE = "theratrial_language"


class LanguageAndCalendar:
    """Activates the language; `templatetags.shown` reads calendar and digits from the account."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        known = [code for code, _ in settings.LANGUAGES]
        chosen = request.COOKIES.get(COOKIE, "")
        if chosen not in known:
            chosen = translation.get_language_from_request(request)
        with translation.override(chosen if chosen in known else "en"):
            request.LANGUAGE_CODE = translation.get_language()
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language() or "en")
        return response
