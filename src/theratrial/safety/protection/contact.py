"""Dose from daily contact with a treated patient, and when it may begin."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final

from theratrial.errors import InputError, SourceError
from theratrial.reference import table
from theratrial.safety.protection.curve import Curve, earliest_h
from theratrial.safety.protection.geometry import Geometry, distance_factor

HOURS: Final = "safety/contact_pattern_hours"
NAMES: Final = "safety/contact_patterns"
_DAY_h: Final = 24.0


@dataclass(frozen=True, slots=True)
class ContactElement:
    """A part of every day spent at one distance."""

    start_h: float
    """Hour of the day."""
    duration_h: float
    distance_m: float


@dataclass(frozen=True, slots=True)
class ContactPattern:
    """What a day together looks like."""

    pattern_id: str
    title: str
    elements: tuple[ContactElement, ...]

    def __post_init__(self) -> None:
        ends = sorted((one.start_h, one.start_h + one.duration_h) for one in self.elements)
        if not ends or any(start < 0 or end > _DAY_h or end <= start for start, end in ends):
            raise InputError(f"contact pattern {self.pattern_id}: every part lies within one day and takes some time")
        if any(former[1] > later[0] + 1e-9 for former, later in pairwise(ends)):
            raise InputError(f"contact pattern {self.pattern_id}: two parts of the day overlap")

    @property
    def text(self) -> str:
        """``8 h at 0.3 m, 6 h at 1 m``, nearest first."""
        hours: dict[float, float] = {}
        for one in self.elements:
            hours[one.distance_m] = hours.get(one.distance_m, 0.0) + one.duration_h
        parts = ", ".join(f"{hours[distance]:.3g} h at {distance:g} m" for distance in sorted(hours))
        return f"{self.title}: {parts} every day"


@cache
def contact_pattern(pattern_id: str) -> ContactPattern:
    """A shipped pattern.

    Raises
    ------
    SourceError
        There is no such pattern.
    """
    names = table(NAMES).by("pattern")
    if pattern_id not in names:
        raise SourceError(f"there is no contact pattern {pattern_id!r}; there are {', '.join(names)}")
    return ContactPattern(
        pattern_id,
        names[pattern_id].text("title"),
        tuple(
            ContactElement(row.number("start_h"), row.number("duration_min") / 60, row.number("distance_m"))
            for row in table(HOURS)
            if row.text("pattern") == pattern_id
        ),
    )


def contact_dose_mSv(
    curve: Curve, pattern: ContactPattern, *, from_h: float, injected_hour: float, geometry: Geometry = "line"
) -> float:
    """Dose from a pattern kept every day from a time on, for ever [mSv].

    Exact for exponentials: the days are a geometric series (the algebra of Cormack and Shearer). A part of the day that
    is running at `from_h` counts with what is left of it, so that the dose never rises with a later beginning.

    Parameters
    ----------
    from_h
        Hours after the administration at which contact begins.
    injected_hour
        Hour of the local day of the administration, 0 to 24.
    """
    phase = (injected_hour + from_h) % _DAY_h
    total = 0.0
    for element in pattern.elements:
        factor = distance_factor(element.distance_m, geometry)
        wait_h = (element.start_h - phase) % _DAY_h
        since_h = (phase - element.start_h) % _DAY_h
        left_h = element.duration_h - since_h if 0 < since_h < element.duration_h else 0.0
        for rate, constant in zip(curve.rates_uSv_per_h, curve.constants_per_h, strict=True):
            days = math.exp(-constant * wait_h) / -math.expm1(-constant * _DAY_h)
            each = -math.expm1(-constant * element.duration_h) * days - math.expm1(-constant * left_h)
            total += factor * rate * math.exp(-constant * from_h) * each / constant
    return total / 1000


def restricted_until_h(
    curve: Curve,
    pattern: ContactPattern,
    constraint_mSv: float,
    *,
    start_h: float,
    injected_hour: float,
    geometry: Geometry = "line",
) -> float:
    """When the pattern may begin so that what is still received keeps to the constraint [h after administration].

    `start_h` itself where it may begin at once.

    Raises
    ------
    InputError
        The constraint is not positive.
    """
    if not constraint_mSv > 0:
        raise InputError(f"dose constraint {constraint_mSv:g} mSv: it must be positive")
    return earliest_h(
        lambda hours: contact_dose_mSv(curve, pattern, from_h=hours, injected_hour=injected_hour, geometry=geometry),
        constraint_mSv,
        start_h,
    )
