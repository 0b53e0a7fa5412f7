"""May the patient leave? A dated criterion held against the upper bound of the dose rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from theratrial.errors import InputError, NumericalError
from theratrial.reference import table
from theratrial.safety.protection.curve import Curve, Curves, Interval, earliest_h
from theratrial.safety.protection.geometry import Geometry, distance_factor

CRITERIA: Final = "safety/release_criteria"
OCCUPANCY_AT_1_M: Final = 0.25
"""Share of the time that the nearest person spends at 1 m (NRC Regulatory Guide 8.39)."""


@dataclass(frozen=True, slots=True)
class ReleaseLimit:
    """A criterion; `value` None where none is established."""

    limit_id: str
    title: str
    quantity: Literal["dose_rate", "dose_to_other", "no_value"]
    value: float | None
    distance_m: float
    minimum_stay_h: float
    instructions_above_mSv: float | None
    source: str
    dated: str
    trust: str

    @property
    def text(self) -> str:
        """The criterion with its source, in one sentence."""
        stay = f", after at least {self.minimum_stay_h:g} h" if self.minimum_stay_h else ""
        if self.value is None:
            what = "no value is established"
        elif self.quantity == "dose_rate":
            what = f"at most {self.value:g} uSv/h at {self.distance_m:g} m{stay}"
        else:
            what = f"at most {self.value:g} mSv to any other person{stay}"
        return f"{self.title}: {what} ({self.source}; {self.dated}; {self.trust})"


def release_limit(
    limit_id: str, own_uSv_per_h: float | None = None, own_distance_m: float | None = None, own_citation: str = ""
) -> ReleaseLimit:
    """A criterion of the shipped table, with the limit that the protocol enters where the table has none.

    Raises
    ------
    InputError
        There is no such criterion; an own limit stands beside an established one, or without citation.
    """
    rows = table(CRITERIA).by("limit")
    if limit_id not in rows:
        raise InputError(f"there is no release criterion {limit_id!r}; there are {', '.join(rows)}")
    row = rows[limit_id]
    quantity = row.text("quantity")
    value = row.number("value") if row.text("value") else None
    distance_m = row.number("distance_m") if row.text("distance_m") else 1.0
    source = row.text("source")
    if own_uSv_per_h is not None:
        if value is not None:
            raise InputError(f"criterion {limit_id} has its value -> name 'own' to hold to another")
        if not own_citation.strip() or not own_uSv_per_h > 0:
            raise InputError("an own release limit is positive and says who established it and when")
        quantity, value, distance_m, source = "dose_rate", own_uSv_per_h, own_distance_m or 1.0, own_citation
    assert quantity in ("dose_rate", "dose_to_other", "no_value")
    return ReleaseLimit(
        limit_id,
        row.text("title"),
        quantity,  # type: ignore[arg-type]
        value,
        distance_m,
        row.number("minimum_stay_h") if row.text("minimum_stay_h") else 0.0,
        row.number("instructions_above_mSv") if row.text("instructions_above_mSv") else None,
        source,
        row.text("dated"),
        row.text("trust"),
    )


@dataclass(frozen=True, slots=True)
class Release:
    """The verdict at one time, and the time from which the patient may leave."""

    verdict: Literal["may_leave", "may_not_leave", "undetermined"]
    because: str
    from_h: Interval | None
    judged: Interval | None
    """What was held against the limit, in its unit."""


def judged_value(limit: ReleaseLimit, geometry: Geometry) -> Callable[[Curve, float], float]:
    """What is held against a limit, of a curve and a time."""
    if limit.quantity == "dose_rate":
        factor = distance_factor(limit.distance_m, geometry)
        return lambda curve, hours: curve.rate(hours) * factor
    return lambda curve, hours: OCCUPANCY_AT_1_M * curve.integral_from(hours) / 1000


def release(limit: ReleaseLimit, curves: Curves, at_h: float, *, geometry: Geometry = "line") -> Release:
    """Whether the upper bound keeps to the limit at a time; never yes where no limit is established."""
    if limit.value is None:
        return Release("undetermined", f"{limit.title}; enter the value with its citation", None, None)
    value = judged_value(limit, geometry)
    allowed = limit.value
    found = curves.interval(lambda curve: value(curve, at_h))
    try:
        from_h = curves.interval(
            lambda curve: max(earliest_h(lambda hours: value(curve, hours), allowed), limit.minimum_stay_h)
        )
    except NumericalError as error:
        return Release("undetermined", str(error), None, found)
    unit = f"uSv/h at {limit.distance_m:g} m" if limit.quantity == "dose_rate" else "mSv to another person"
    said = f"{found.value:.3g} (95 % {found.lower:.3g} to {found.upper:.3g}) {unit} at {at_h:.1f} h"
    if at_h < limit.minimum_stay_h:
        return Release("may_not_leave", f"{said}; at least {limit.minimum_stay_h:g} h are asked for", from_h, found)
    if found.upper > allowed:
        why = f"{said}; the upper bound is above {allowed:g}, it is reached at {from_h.upper:.1f} h"
        return Release("may_not_leave", why, from_h, found)
    return Release("may_leave", f"{said}; the upper bound keeps to {allowed:g}", from_h, found)
