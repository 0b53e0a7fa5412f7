"""Planned images of the user's sites that were never received, of any number of participants in a few queries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import get_language

from theratrial.protocol.schema import ImagingPlan
from theratrial.web.participants.models import Participant
from theratrial.web.participants.standing import Planned, Standing, standings
from theratrial.web.people.permissions import sites_of
from theratrial.web.studies.models import Series
from theratrial.web.studies.selectors import planned_of
from theratrial.web.trials.selectors import protocol_in_force


@dataclass(frozen=True, slots=True)
class Missing:
    """An image whose injection was given, that was not recorded as missed, and that is not here."""

    participant: str
    imaging: str
    title: str
    session: int | None
    window: str


def missing_planned(user: Any) -> list[Missing]:
    """What is missing at the user's sites, by participant, in the order of the protocol."""
    hers = Participant.objects.filter(site__in=sites_of(user, "images.view"))
    people = {one.code: one for one in hers}
    plans = {one.reading.id: one.reading for one in protocol_in_force().imaging.values() if one.reading is not None}
    images = Series.objects.filter(state="matched", part="image", participant__in=hers)
    there = set(images.values_list("participant_id", "imaging", "session").order_by())
    found: list[Missing] = []
    for code, one in sorted(standings(people.values()).items()):
        # A standing that says nothing must not pass for one that lacks nothing.
        lacking = (
            _by_records(people[code])
            if one.unreadable
            else [
                (item.id, item.session)
                for item in _administered(one, plans)
                if (one.pk, item.id, item.session) not in there
            ]
        )
        found += [_missing(code, plans[imaging], session) for imaging, session in lacking]
    return found


def _administered(one: Standing, plans: dict[str, ImagingPlan]) -> Iterator[Planned]:
    """Required images whose injection was given and which nobody recorded as missed."""
    timepoints = {timepoint for timepoint, _at in one.pets}
    for item in one.planned:
        plan = plans.get(item.id) if item.kind == "image" else None
        if plan is None or not plan.required or item.fixed == "missed":
            continue
        if item.session is None:
            given = plan.timepoint in timepoints
        else:
            given = plan.after != "administration" or item.first is not None
        if given:
            yield item


def _by_records(participant: Participant) -> list[tuple[str, int | None]]:
    return [(one.imaging, one.session) for one in planned_of(participant) if one.is_missing]


def _missing(code: str, plan: ImagingPlan, session: int | None) -> Missing:
    window = f"{plan.window_h.minimum:g}–{plan.window_h.maximum:g} h"
    title = plan.titles.get((get_language() or "en")[:2], plan.title)
    return Missing(code, plan.id, title, session, window)
