"""Participants, read: who is there, how they stand, what is next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from theratrial.web.access import sites_of
from theratrial.web.participants.models import Participant
from theratrial.web.participants.states import Shown, last_day, shown
from theratrial.web.trials.selectors import trial_zone


def participants_of(user: Any, permission: str = "participants.view") -> QuerySet[Participant]:
    """Everybody screened at the sites at which `user` may do `permission`."""
    return Participant.objects.filter(site__in=sites_of(user, permission)).select_related("site")


def trial_now() -> datetime:
    """This moment, in the trial's zone."""
    return timezone.now().astimezone(trial_zone())


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the list."""

    one: Shown
    overdue: int
    due: int
    latest: date


def _sorts(key: str) -> Callable[[Line], Any]:
    return {
        "code": lambda line: line.one.participant.code,
        "screened": lambda line: line.one.participant.screened_on,
        "treatment": lambda line: (line.one.treatment.words, line.one.participant.code),
        "overdue": lambda line: (-line.overdue, line.one.participant.code),
        "latest": lambda line: line.latest,
    }.get(key, lambda line: line.one.participant.code)


def participant_lines(user: Any, *, text: str = "", state: str = "", sort: str = "code") -> list[Line]:
    """The list, filtered and sorted; a bounded number of queries.

    Parameters
    ----------
    state
        Key of a treatment or consent state, or ``overdue``; empty for all.
    """
    wanted = participants_of(user)
    if text:
        wanted = wanted.filter(code__icontains=text)
    now = trial_now()
    lines = [
        Line(one, len(one.standing.of("overdue", now)), len(one.standing.of("due", now)), last_day(one.standing))
        for one in shown(wanted)
    ]
    if state == "overdue":
        lines = [line for line in lines if line.overdue]
    elif state:
        lines = [
            line for line in lines if state in (line.one.treatment.key, line.one.consent.key, line.one.eligibility.key)
        ]
    return sorted(lines, key=_sorts(sort.removeprefix("-")), reverse=sort.startswith("-"))
