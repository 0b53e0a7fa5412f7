"""What every page shows: the trial, whether it is simulated, the state of its data, what the user may do."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from theratrial.web.people.permissions import home_of, matrix, may


class Rights:
    """``{% if may.records_enter %}`` in a template."""

    def __init__(self, user: Any) -> None:
        self._user = user

    def __getitem__(self, name: str) -> bool:
        return may(self._user, name.replace("_", ".", 1)) if self._user.is_authenticated else False

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.replace("_", ".", 1) in matrix().permissions


def site(request: HttpRequest) -> dict[str, Any]:
    """Context of `base.html`."""
    from theratrial.web.trials.selectors import trial_or_none

    user = getattr(request, "user", None)
    return {
        "trial": trial_or_none(),
        "may": Rights(user) if user is not None else {},
        "home": home_of(user) if user is not None else "/",
        "idle_seconds": settings.IDLE_MINUTES * 60,
    }
