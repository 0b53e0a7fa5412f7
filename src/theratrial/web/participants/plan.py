"""Visits and images of the schedule in words, for pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from theratrial.web.participants.standing import Planned, Standing
from theratrial.web.trials.selectors import protocol_in_force


@dataclass(frozen=True, slots=True)
class PlanLine:
    """A planned thing with its title and status in words."""

    planned: Planned
    title: str
    status: str
    words: str
    outside: str


def said(reading: Any) -> str:
    """The title of a clause in the user's language, where the protocol has it."""
    titles = getattr(reading, "titles", None) or {}
    return str(titles.get((get_language() or "en").split("-")[0], reading.title))


def titles() -> dict[tuple[str, str], str]:
    """(kind, id) -> title of every visit and image of the protocol in force."""
    protocol = protocol_in_force()
    found = {("visit", key): said(one.reading) for key, one in protocol.schedule.items() if one.reading}
    found |= {("image", key): said(one.reading) for key, one in protocol.imaging.items() if one.reading}
    return found


def status_words(status: str) -> str:
    """A status of the schedule."""
    return {
        "done": _("done"),
        "missed": _("missed"),
        "overdue": _("overdue"),
        "due": _("due"),
        "not_due": _("not due"),
        "not_expected": _("not expected"),
    }[status]


def outside_words(planned: Planned) -> str:
    """How far outside its window something was done; empty inside."""
    if not planned.outside:
        return ""
    if planned.kind == "image":
        hours = abs(round(planned.outside, 1))
        return (_("%(hours)s h before its window") if planned.outside < 0 else _("%(hours)s h after its window")) % {
            "hours": f"{hours:g}"
        }
    days = abs(int(planned.outside))
    if planned.outside < 0:
        return ngettext("%(days)s day before its window", "%(days)s days before its window", days) % {"days": days}
    return ngettext("%(days)s day after its window", "%(days)s days after its window", days) % {"days": days}


def plan_of(standing: Standing, now: datetime, known: Mapping[tuple[str, str], str] | None = None) -> list[PlanLine]:
    """Visits and images of a participant at `now`; the sessions themselves are not among them.

    `known` are the `titles`, where many participants are looked at.
    """
    known = titles() if known is None else known
    lines = []
    for one in standing.planned:
        if one.kind == "session":
            continue
        status = one.status(now)
        lines.append(
            PlanLine(one, known.get((one.kind, one.id), one.id), status, status_words(status), outside_words(one))
        )
    return lines
