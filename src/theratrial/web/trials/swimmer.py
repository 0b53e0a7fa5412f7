"""The swimmer of the overview: one lane per participant, as shapes for an SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.utils.translation import gettext as _

from theratrial.web.participants.standing import Standing
from theratrial.web.participants.states import Shown

LANES: Final = 25
"""Lanes of one page of the picture."""
_LEFT, _RIGHT, _TOP, _LANE = 110.0, 1000.0, 26.0, 26.0
_WORDS: Final = 190.0
"""Room behind the lanes for response and end."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark in a lane; `kind` is its class, `title` what it says when asked."""

    kind: str
    x: float
    title: str
    text: str = ""
    width: float = 0.0


@dataclass(frozen=True, slots=True)
class Lane:
    """One participant."""

    code: str
    y: float
    start: float
    width: float
    marks: tuple[Mark, ...]
    words: str
    row: tuple[str, ...]
    """The same in words: sessions, scans done and due, gates, response, end."""


@dataclass(frozen=True, slots=True)
class Swimmer:
    """The picture."""

    lanes: tuple[Lane, ...]
    ticks: tuple[tuple[float, int], ...]
    width: float
    height: float
    bottom: float


@dataclass(frozen=True, slots=True)
class _Scale:
    first: int
    last: int

    def x(self, day: int) -> float:
        share = (day - self.first) / max(self.last - self.first, 1)
        return round(_LEFT + share * (_RIGHT - _WORDS - _LEFT), 1)


def zero_of(one: Standing) -> date:
    """Day 0 of a lane: the first injection, else screening."""
    return one.sessions[0][1].date() if one.sessions else one.screened_on


def swimmer(people: Sequence[Shown], gates: Mapping[str, str], responses: Mapping[str, str], now: datetime) -> Swimmer:
    """Lanes of at most `LANES` participants.

    Parameters
    ----------
    gates
        ``P01/1`` -> ``signed`` or ``waiting``.
    responses
        Code -> computed response category.
    """
    spans = [_span(one.standing, now) for one in people]
    scale = _Scale(min([0, *(low for low, _high in spans)]), max([60, *(high for _low, high in spans)]))
    lanes = tuple(
        _lane(one, number, scale, span, gates, responses, now)
        for number, (one, span) in enumerate(zip(people, spans, strict=True))
    )
    step = 28 if scale.last - scale.first <= 400 else 56 if scale.last - scale.first <= 900 else 182
    ticks = tuple((scale.x(day), day) for day in range(-(-scale.first // step) * step, scale.last + 1, step))
    bottom = _TOP + _LANE * len(people)
    return Swimmer(lanes, ticks, _RIGHT, bottom + 34, bottom)


def _span(one: Standing, now: datetime) -> tuple[int, int]:
    zero = zero_of(one)
    days = [one.screened_on, *(at.date() for _n, at in one.sessions), *(end[1] for end in one.ends)]
    days += [at.date() for _t, at in one.pets]
    for planned in one.planned:
        if planned.on_day is not None:
            days.append(planned.on_day)
        elif planned.status(now) in ("due", "not_due") and planned.last_day is not None and planned.kind != "session":
            days.append(planned.last_day)
    return (min(days) - zero).days, (max(days) - zero).days


def _lane(
    one: Shown,
    number: int,
    scale: _Scale,
    span: tuple[int, int],
    gates: Mapping[str, str],
    responses: Mapping[str, str],
    now: datetime,
) -> Lane:
    standing, zero = one.standing, zero_of(one.standing)

    def at(day: date) -> float:
        return scale.x((day - zero).days)

    marks = [*_windows(standing, at, now), *_pets(standing, at), *_done(standing, at, now)]
    for session, given in standing.sessions:
        title = _("session %(number)s, %(day)s") % {"number": session, "day": given.date().isoformat()}
        marks.append(Mark("session", at(given.date()), title, str(session)))
    marks += _gates(one, at, gates, now)
    marks += [
        Mark(
            "withdrawal",
            at(when.date()),
            _("consent withdrawn (%(kind)s), %(day)s") % {"kind": kind, "day": when.date().isoformat()},
        )
        for kind, when in standing.withdrawals.items()
    ]
    category = responses.get(one.participant.code, "")
    words = " · ".join(word for word in (category, one.treatment.words) if word)
    start, end = scale.x(span[0]), scale.x(span[1])
    return Lane(
        one.participant.code, _TOP + _LANE * number, start, max(end - start, 2.0), tuple(marks), words,
        _in_words(one, gates, category, now),
    )  # fmt: skip


def _windows(standing: Standing, at, now: datetime) -> list[Mark]:  # type: ignore[no-untyped-def]
    found = []
    for planned in standing.planned:
        if planned.kind != "visit" or planned.first_day is None or planned.last_day is None:
            continue
        status = planned.status(now)
        if status in ("due", "not_due", "overdue"):
            left, right = at(planned.first_day), at(planned.last_day)
            if status == "overdue" and right > _RIGHT - _WORDS:
                continue
            title = f"{planned.id}: {planned.first_day.isoformat()} – {planned.last_day.isoformat()}"
            found.append(Mark(f"window {status}", left, title, width=max(right - left, 2.0)))
    return found


def _pets(standing: Standing, at) -> list[Mark]:  # type: ignore[no-untyped-def]
    return [Mark("pet", at(when.date()), f"PET/CT {name}, {when.date().isoformat()}") for name, when in standing.pets]


def _done(standing: Standing, at, now: datetime) -> list[Mark]:  # type: ignore[no-untyped-def]
    found = []
    for planned in standing.planned:
        if planned.kind != "image" or planned.session is None:
            continue
        status = planned.status(now)
        if status == "done" and planned.on_day is not None:
            found.append(Mark("scan", at(planned.on_day), f"{planned.id}, {planned.on_day.isoformat()}"))
        elif status == "missed" and planned.first_day is not None:
            found.append(Mark("scan-missed", at(planned.first_day), _("%(scan)s: missed") % {"scan": planned.id}))
    return found


def _gates(one: Shown, at, gates: Mapping[str, str], now: datetime) -> list[Mark]:  # type: ignore[no-untyped-def]
    found = []
    for session, given in one.standing.sessions:
        state = gates.get(f"{one.participant.code}/{session}")
        if state is None:
            continue
        visit = next((v for v in one.standing.planned if v.kind == "visit" and v.session == session), None)
        day = visit.on_day or visit.first_day if visit else given.date()
        words = (
            _("gate after session %(number)s signed") if state == "signed" else _("gate after session %(number)s waits")
        )
        found.append(Mark(f"gate {state}", at(day or given.date()), words % {"number": session}))
    return found


def _in_words(one: Shown, gates: Mapping[str, str], category: str, now: datetime) -> tuple[str, ...]:
    standing = one.standing
    scans = [planned for planned in standing.planned if planned.kind == "image" and planned.session is not None]
    done = sum(1 for planned in scans if planned.status(now) == "done")
    mine = [gates.get(f"{one.participant.code}/{session}", "") for session, _at in standing.sessions]
    gate_words = ", ".join({"signed": _("signed"), "waiting": _("waits")}.get(state, "–") for state in mine) or "–"
    sessions = ", ".join(given.date().isoformat() for _n, given in standing.sessions) or "–"
    return (sessions, f"{done} / {len(scans)}", gate_words, category or "–", one.treatment.words)
