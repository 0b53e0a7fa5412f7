"""What a process of the web server does once before it answers anybody, so that nobody waits for it.

Importing every page and parsing the protocol takes seconds; where a thousand participants stand takes as long again.
Nothing is decided here: what is remembered is what the pages themselves would remember at their first request, under
the same keys.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.urls import URLResolver, get_resolver
from django.utils import translation

_LOG = logging.getLogger(__name__)


def warmed() -> None:
    """Import the pages, read the languages, the protocol in force, and where everybody stands."""
    _imported(get_resolver().url_patterns)
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            translation.gettext("Participants")
    try:
        _read()
    except DatabaseError as error:
        # The pages say what is wrong with the database; the server must come up to show them.
        _LOG.warning("nothing was read ahead: %s", error)


def _imported(patterns: Iterable[Any]) -> None:
    for one in patterns:
        if isinstance(one, URLResolver):
            _imported(one.url_patterns)


def _read() -> None:
    from theratrial.web.participants.models import Participant
    from theratrial.web.participants.standing import standings
    from theratrial.web.registration.brief import state_now
    from theratrial.web.trials.overview import conflicts
    from theratrial.web.trials.results_brief import briefs_of, latest_computation
    from theratrial.web.trials.selectors import trial_or_none

    trial = trial_or_none()
    if trial is None or trial.in_force is None:
        return
    conflicts(trial.in_force)
    standings(Participant.objects.all())
    state_now()
    if (latest := latest_computation()) is not None:
        briefs_of(latest.computation_id)


__all__ = ["warmed"]
