"""How dates, instants and numbers are shown: in the user's calendar and digits, the other calendar beside it."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.utils.translation import get_language_bidi

from theratrial.errors import InputError
from theratrial.registry.calendars import jalali_text

register = template.Library()
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d)?([+-]\d\d:\d\d)")
_PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")


def _user(context: Any) -> Any:
    request = context.get("request")
    return getattr(request, "user", None) if request is not None else None


def _digits(context: Any, text: str) -> str:
    shown = text.translate(_PERSIAN) if getattr(_user(context), "persian_digits", False) else text
    # Right to left, a date would otherwise be reordered by what stands around it.
    return f"\u2066{shown}\u2069" if get_language_bidi() else shown


@lru_cache(maxsize=8192)
def _jalali(day: date) -> str:
    """A list of a thousand lines shows few different days."""
    return jalali_text(day)


def _pair(context: Any, day: date) -> str:
    try:
        jalali = _jalali(day)
    except InputError:
        return day.isoformat()
    if getattr(_user(context), "calendar", "gregorian") == "jalali":
        return f"{jalali} · {day.isoformat()}"
    return f"{day.isoformat()} · {jalali}"


@register.filter
def as_written(value: Any) -> Any:
    """A core's value with unit and instant as people write them: ``4.2 10^9/L``; in Persian `said` does it."""
    if get_language_bidi() or not isinstance(value, str):
        return value
    return _INSTANT.sub(r"\1 \2 \3", value.replace("e9_per_L", "10^9/L").replace("_per_", "/"))


@register.simple_tag(takes_context=True)
def day(context: Any, value: date | datetime | str | None) -> str:
    """A day in both calendars, the user's first: ``2021-10-18 · 1400/07/26``; a dash where there is none."""
    if not value:
        return "–"
    found = date.fromisoformat(value[:10]) if isinstance(value, str) else value
    return _digits(context, _pair(context, found.date() if isinstance(found, datetime) else found))


@register.simple_tag(takes_context=True)
def instant(context: Any, value: datetime | str | None) -> str:
    """An instant in the trial's zone, which is named: ``2021-10-18 · 1400/07/26 09:30 Asia/Tehran``."""
    if not value:
        return "–"
    local = _in_zone(context, value)
    return _digits(context, f"{_pair(context, local.date())} {local:%H:%M} {local.tzinfo}")


def moment(context: Any, value: datetime | str) -> str:
    """As `instant`, without the name of the zone: for tables under which it is named once."""
    local = _in_zone(context, value)
    return _digits(context, f"{_pair(context, local.date())} {local:%H:%M}")


def _in_zone(context: Any, value: datetime | str) -> datetime:
    from theratrial.web.trials.selectors import trial_zone

    found = datetime.fromisoformat(value.replace("Z", "+00:00")) if isinstance(value, str) else value
    request = context.get("request")
    # Once per request: a list shows an instant in every line.
    zone: ZoneInfo = getattr(request, "theratrial_zone", None) or trial_zone()
    if request is not None:
        request.theratrial_zone = zone
    return found.astimezone(zone)


@register.simple_tag(takes_context=True)
def number(context: Any, value: float | int | str | None, places: int | None = None) -> str:
    """A number in the user's digits; a dash where it is missing, never a zero."""
    if value is None or value == "":
        return "–"
    text = f"{value:.{places}f}" if places is not None and not isinstance(value, str) else f"{value}"
    return _digits(context, text)
