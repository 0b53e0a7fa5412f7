"""Language of a request: that of the account (kept in a cookie at sign-in), or the one chosen before signing in."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

COOKIE = "theratrial_language"
_YEAR_SECONDS = 365 * 24 * 3600


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


def language_kept(response: HttpResponse, language: str) -> HttpResponse:
    """The answer with the language in a cookie, where it is one of the site's."""
    if language in [code for code, _ in settings.LANGUAGES]:
        secure = settings.SESSION_COOKIE_SECURE
        response.set_cookie(COOKIE, language, max_age=_YEAR_SECONDS, httponly=True, samesite="Lax", secure=secure)
    return response
