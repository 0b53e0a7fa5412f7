"""One lesion at two time points: did it rise, did it fall enough, is what was read of it possible.

Method: docs/methods/response.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from theratrial.protocol.schema import ResponseRule

METRIC_NAMES: Final = {"suv_peak": "SUVpeak", "suv_max": "SUVmax", "suv_mean": "SUVmean"}

_SAME: Final = 1e-9
"""Relative noise of binary floats: 7.0 against 10.0 is a fall of 30 %, not of 29.999999999999993 %."""


@dataclass(frozen=True, slots=True)
class LesionReading:
    """What the reader says of a lesion at one time point, and its uptake as computed from the image.

    `uptake_g_per_mL` is in the rule's metric; None where no region or no value is there. `record` is the reader's line
    and `value` the key of the computed uptake.
    """

    lesion_id: str
    role: Literal["target", "non_target", "new"]
    status: Literal["present", "resolved", "not_assessable"]
    uptake_g_per_mL: float | None
    record: str = ""
    value: str = ""


def _at_least(value: float, threshold: float) -> bool:
    return value >= threshold * (1 - _SAME)


def _above(value: float, threshold: float) -> bool:
    return value > threshold * (1 + _SAME)


def percent_change(before: float | None, after: float | None) -> float | None:
    """Change in percent; None where a value is missing or the first is zero."""
    if before is None or after is None or before <= 0:
        return None
    return (after - before) / before * 100


def progressed(before: float, now: float, rule: ResponseRule) -> bool:
    """Whether the rise is above both thresholds of progression [g/mL]."""
    rise = now - before
    return _above(rise, rule.progression_increase_percent / 100 * before) and _above(
        rise, rule.progression_increase_absolute
    )


def fall_can_reach(before: float, rule: ResponseRule) -> bool:
    """Whether an uptake of this height [g/mL] can fall by the absolute difference at all."""
    return _at_least(before, rule.partial_decrease_absolute)


def fell_enough(before: float, now: float, rule: ResponseRule) -> bool:
    """Whether the fall is at least both thresholds of partial response [g/mL]."""
    fall = before - now
    return _at_least(fall, rule.partial_decrease_percent / 100 * before) and _at_least(
        fall, rule.partial_decrease_absolute
    )


def _pairs(
    baseline: Sequence[LesionReading], response: Sequence[LesionReading]
) -> Iterator[tuple[LesionReading, float, LesionReading | None]]:
    """Lesions with an uptake at baseline, that uptake, and their reading at response; by name, whatever the order."""
    after = {r.lesion_id: r for r in response}
    for lesion_id, reading in sorted({r.lesion_id: r for r in baseline}.items()):
        if reading.uptake_g_per_mL is not None and reading.status != "not_assessable":
            yield reading, reading.uptake_g_per_mL, after.get(lesion_id)


def risen_lesions(baseline: Sequence[LesionReading], response: Sequence[LesionReading], rule: ResponseRule) -> str:
    """The lesions of baseline, target or not, that rose above both thresholds of progression, with their arithmetic."""
    risen = []
    for reading, before, later in _pairs(baseline, response):
        if later is None or later.status != "present" or later.uptake_g_per_mL is None:
            continue
        now = later.uptake_g_per_mL
        if progressed(before, now, rule):
            percent = percent_change(before, now)
            share = "" if percent is None else f", {percent:+.1f} %"
            risen.append(f"{reading.lesion_id} rose from {before:.2f} to {now:.2f}, {now - before:+.2f} g/mL{share}")
    if not risen:
        return ""
    return (
        f"{METRIC_NAMES[rule.metric]} of {'; '.join(risen)} (more than +{rule.progression_increase_percent:g} % and "
        f"+{rule.progression_increase_absolute:g})"
    )


def resolved_yet_hot(baseline: Sequence[LesionReading], response: Sequence[LesionReading], rule: ResponseRule) -> str:
    """Lesions read as resolved whose drawn uptake denies it: the fall is below the thresholds of partial response.

    Where the uptake at baseline is too low to fall by the absolute difference, the percentage alone judges.
    """
    denied = []
    for reading, before, later in _pairs(baseline, response):
        if later is None or later.status != "resolved" or later.uptake_g_per_mL is None:
            continue
        now = later.uptake_g_per_mL
        reachable = rule
        if not fall_can_reach(before, rule):
            reachable = rule.model_copy(update={"partial_decrease_absolute": 0.0})
        if not fell_enough(before, now, reachable):
            denied.append(f"{reading.lesion_id} is read as resolved, yet its drawn uptake is {now:.2f} of {before:.2f}")
    if not denied:
        return ""
    return (
        f"{'; '.join(denied)} (resolved: a fall of at least {rule.partial_decrease_percent:g} % and "
        f"{rule.partial_decrease_absolute:g}), so not assessable"
    )


def uncompared_lesions(baseline: Sequence[LesionReading], response: Sequence[LesionReading]) -> list[str]:
    """Lesions measured at baseline that are neither measured nor resolved at response.

    Targets without a line at response are left out: up to the number followed their gap is found before, and beyond it
    the protocol does not ask for them.
    """
    unseen = []
    for reading, _, later in _pairs(baseline, response):
        if later is None:
            missing = reading.role != "target"
        else:
            missing = later.status == "not_assessable" or (later.status == "present" and later.uptake_g_per_mL is None)
        if missing:
            unseen.append(reading.lesion_id)
    return unseen
