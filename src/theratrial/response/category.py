"""Image-based response of a participant, as the protocol's rule reads. Method: docs/methods/response.md."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from theratrial.protocol.schema import ResponseRule
from theratrial.response.lesions import (
    METRIC_NAMES,
    LesionReading,
    fall_can_reach,
    fell_enough,
    percent_change,
    progressed,
    resolved_yet_hot,
    risen_lesions,
    uncompared_lesions,
)
from theratrial.trace import Trace

METHOD: Final = "response.category"
VERSION: Final = "2"

Category = Literal["CR", "PR", "SD", "PD", "NE"]
CATEGORIES: Final[tuple[Category, ...]] = ("CR", "PR", "SD", "PD", "NE")


@dataclass(frozen=True, slots=True)
class LesionChange:
    """A lesion at both time points."""

    lesion_id: str
    role: str
    status_baseline: str
    status_response: str
    baseline_g_per_mL: float | None
    response_g_per_mL: float | None
    change_percent: float | None
    """None where one of the two is missing or the baseline is zero; a resolved lesion has none."""


@dataclass(frozen=True, slots=True)
class ResponseResult:
    """Category with its arithmetic in words."""

    category: Category
    arithmetic: str
    changes: tuple[LesionChange, ...]
    hottest_baseline_g_per_mL: float | None
    hottest_response_g_per_mL: float | None
    change_percent: float | None
    """Of the hottest target; None where the rule did not need it or could not form it."""
    rule_name: str
    metric: str
    exploratory: bool
    trace: Trace


@dataclass(frozen=True, slots=True)
class _Judged:
    category: Category
    said: str
    before: float | None = None
    after: float | None = None

    @property
    def change_percent(self) -> float | None:
        return percent_change(self.before, self.after)


def response_category(
    baseline: Sequence[LesionReading] | None,
    response: Sequence[LesionReading] | None,
    rule: ResponseRule,
    *,
    demonstration: tuple[str, ...] = (),
) -> ResponseResult:
    """Response category of a participant from the reader's lesions at baseline and at response.

    The hottest target is compared at each time point; it need not be the same lesion. A fall needs both the percentage
    and the absolute difference (at least), a rise both (more than). Anything missing that could change the category
    gives NE with the reason, never a better category.

    Parameters
    ----------
    baseline, response
        One reading per lesion; None where the image does not exist.
    rule
        The protocol's.
    demonstration
        Clause ids of demonstration assumptions that the rule rests on, for the trace.

    References
    ----------
    The protocol's clause ``response``; thresholds after PERCIST 1.0 (Wahl 2009), which is validated for FDG only.
    """
    judged = _judged(baseline, response, rule)
    inputs = {"rule": "protocol:response"}
    for when, readings in (("baseline", baseline or ()), ("response", response or ())):
        for reading in readings:
            if place := reading.value or reading.record:
                inputs[f"{when} {reading.lesion_id}"] = place
    return ResponseResult(
        category=judged.category,
        arithmetic=judged.said,
        changes=_changes(baseline or (), response or ()),
        hottest_baseline_g_per_mL=judged.before,
        hottest_response_g_per_mL=judged.after,
        change_percent=judged.change_percent,
        rule_name=rule.name,
        metric=rule.metric,
        exploratory=rule.exploratory,
        trace=Trace(METHOD, VERSION, inputs, demonstration=demonstration),
    )


def _changes(baseline: Sequence[LesionReading], response: Sequence[LesionReading]) -> tuple[LesionChange, ...]:
    before = {r.lesion_id: r for r in baseline}
    after = {r.lesion_id: r for r in response}
    found = []
    for lesion_id in dict.fromkeys([*before, *after]):
        one, other = before.get(lesion_id), after.get(lesion_id)
        first = one.uptake_g_per_mL if one else None
        second = other.uptake_g_per_mL if other else None
        gone = other is not None and other.status == "resolved"
        found.append(
            LesionChange(
                lesion_id,
                (one or other).role,  # type: ignore[union-attr]
                one.status if one else "not read",
                other.status if other else "not read",
                first,
                second,
                None if gone else percent_change(first, second),
            )
        )
    return tuple(found)


def _judged(
    baseline: Sequence[LesionReading] | None, response: Sequence[LesionReading] | None, rule: ResponseRule
) -> _Judged:
    for when, name, readings in (
        ("baseline", rule.imaging_baseline, baseline),
        ("response", rule.imaging_response, response),
    ):
        if readings is None:
            return _Judged("NE", f"not evaluable: the {when} image ({name}) is missing")
        if problem := _unusable(when, readings):
            return _Judged("NE", f"not evaluable: {problem}")
    assert baseline is not None
    assert response is not None
    targets, problem = _targets(baseline)
    new = _new_lesion(response, rule)
    if new is not None and new.category == "PD":
        return new
    if problem:
        # A lesion without uptake at baseline has no percentage: where nothing else is sure, its rise is not either.
        risen = risen_lesions([r for r in baseline if r.uptake_g_per_mL], response, rule)
        if risen and rule.other_lesion_rise == "progression":
            return _capped(None, "PD", risen)
        return new or _Judged("NE", f"not evaluable: {problem}")
    compared = _compared(baseline, targets, response, rule)
    if compared.category == "PD":
        return compared  # what is doubtful beside it could not take the progression back
    risen = risen_lesions(baseline, response, rule)
    if risen and rule.other_lesion_rise == "progression":
        return _capped(compared, "PD", risen)
    if new is not None:
        return new
    known = {r.lesion_id for r in baseline}
    strangers = [r.lesion_id for r in response if r.lesion_id not in known and r.role != "new"]
    if strangers:
        return _Judged(
            "NE", f"not evaluable: {', '.join(strangers)} read at response, neither known from baseline nor marked new"
        )
    if contradicted := resolved_yet_hot(baseline, response, rule):
        return _Judged("NE", f"not evaluable: {contradicted}", compared.before)
    if compared.category == "NE":
        return compared
    # A rise that nobody could see: where it would change the answer there is no answer.
    unseen = uncompared_lesions(baseline, response)
    if unseen and (rule.other_lesion_rise == "progression" or compared.category in ("CR", "PR")):
        said = f"not evaluable: no uptake at response of {', '.join(unseen)}, which may have risen"
        return _Judged("NE", said, compared.before)
    if risen and compared.category in ("CR", "PR"):
        return _capped(compared, "SD", risen)
    return compared


def _capped(compared: _Judged | None, category: Literal["PD", "SD"], risen: str) -> _Judged:
    """No better than `category`, because of lesions that rose."""
    verdict = {"PD": "progression", "SD": "no better than stable"}[category]
    said = f"{risen}: {verdict}"
    if compared is None:
        return _Judged(category, said)
    if compared.category != "NE":
        said = f"{compared.said}, but {said}"
    return _Judged(category, said, compared.before, compared.after)


def _unusable(when: str, readings: Sequence[LesionReading]) -> str:
    seen: dict[str, LesionReading] = {}
    for reading in readings:
        value = reading.uptake_g_per_mL
        if value is not None and not (math.isfinite(value) and value >= 0):
            return f"{reading.lesion_id} at {when} has an uptake of {value}"
        other = seen.setdefault(reading.lesion_id, reading)
        if (other.role, other.status, other.uptake_g_per_mL) != (reading.role, reading.status, value):
            return f"{reading.lesion_id} was read twice at {when} with different answers, nobody adjudicated"
    return ""


def _targets(baseline: Sequence[LesionReading]) -> tuple[list[LesionReading], str]:
    """Target lesions at baseline, hottest first, or why there are none to compare."""
    own = list({r.lesion_id: r for r in baseline if r.role == "target"}.values())
    if not own:
        return [], "the reader named no target lesion at baseline"
    lacking = [r.lesion_id for r in own if r.status != "present" or r.uptake_g_per_mL is None]
    if lacking:
        return [], f"no uptake at baseline of target {', '.join(lacking)}"
    own.sort(key=lambda r: (-(r.uptake_g_per_mL or 0.0), r.lesion_id))
    if not own[0].uptake_g_per_mL:
        return [], "the hottest target has no uptake at baseline"
    return own, ""


def _new_lesion(response: Sequence[LesionReading], rule: ResponseRule) -> _Judged | None:
    if not rule.new_lesion_is_progression:
        return None
    new = list(dict.fromkeys(r.lesion_id for r in response if r.role == "new" and r.status == "present"))
    if new:
        return _Judged("PD", f"new lesion at response: {', '.join(new)}")
    doubtful = [r.lesion_id for r in response if r.role == "new" and r.status == "not_assessable"]
    if doubtful:
        return _Judged("NE", f"not evaluable: possibly new lesion {', '.join(doubtful)} could not be assessed")
    return None


def _compared(
    baseline: Sequence[LesionReading],
    targets: Sequence[LesionReading],
    response: Sequence[LesionReading],
    rule: ResponseRule,
) -> _Judged:
    after = {r.lesion_id: r for r in response}
    hottest = targets[0]
    before = hottest.uptake_g_per_mL
    assert before is not None
    # The hottest at response may be any target: one beyond the number followed that grows is growth all the same.
    read = [after[t.lesion_id] for t in targets if t.lesion_id in after]
    present = [r for r in read if r.status == "present" and r.uptake_g_per_mL is not None]
    gaps = [
        t.lesion_id
        for t in targets[: rule.maximum_target_lesions]
        if (r := after.get(t.lesion_id)) is None
        or r.status == "not_assessable"
        or (r.status == "present" and r.uptake_g_per_mL is None)
    ]
    now_hottest = max(present, key=lambda r: r.uptake_g_per_mL or 0.0, default=None)
    now = now_hottest.uptake_g_per_mL if now_hottest else None
    said = _arithmetic(hottest, now_hottest, rule)
    # What is missing can only make the hottest target hotter: progression stands without it, nothing else does.
    if now is not None and progressed(before, now, rule):
        return _Judged("PD", f"{said}: progression", before, now)
    if gaps:
        return _Judged("NE", f"not evaluable: no uptake at response of target {', '.join(gaps)}", before, None)
    if now is None:
        return _without_targets(baseline, after, before, rule)
    if fell_enough(before, now, rule):
        return _Judged("PR", f"{said}: partial response", before, now)
    return _Judged("SD", f"{said}: neither partial response nor progression", before, now)


def _without_targets(
    baseline: Sequence[LesionReading], after: dict[str, LesionReading], before: float, rule: ResponseRule
) -> _Judged:
    """Every target is resolved: complete if every other lesion is too."""
    others = [r.lesion_id for r in baseline if r.role != "target"]
    left = [i for i in others if i not in after or after[i].status != "resolved"]
    targets_beyond = [
        r.lesion_id
        for r in baseline
        if r.role == "target" and (r.lesion_id not in after or after[r.lesion_id].status != "resolved")
    ]
    left += targets_beyond + [r.lesion_id for r in after.values() if r.role == "new" and r.status != "resolved"]
    if not left:
        return _Judged(
            "CR", f"all {len({r.lesion_id for r in baseline})} lesions of baseline resolved, no new lesion", before
        )
    said = f"all target lesions resolved, not so (or not read): {', '.join(left)}"
    if fall_can_reach(before, rule):
        return _Judged("PR", f"{said}: partial response", before)
    return _Judged(
        "SD",
        f"{said}; the fall from {before:.2f} cannot reach {rule.partial_decrease_absolute:g}: stable",
        before,
    )


def _arithmetic(hottest: LesionReading, now: LesionReading | None, rule: ResponseRule) -> str:
    before = hottest.uptake_g_per_mL
    metric = METRIC_NAMES[rule.metric]
    if now is None or now.uptake_g_per_mL is None or before is None:
        return f"hottest target {metric} {before} ({hottest.lesion_id})"
    after = now.uptake_g_per_mL
    percent = percent_change(before, after)
    return (
        f"hottest target {metric} {before:.2f} ({hottest.lesion_id}) to {after:.2f} ({now.lesion_id}), "
        f"{after - before:+.2f} g/mL, {percent:+.1f} % "
        f"(PR: at least -{rule.partial_decrease_percent:g} % and -{rule.partial_decrease_absolute:g}; "
        f"PD: more than +{rule.progression_increase_percent:g} % and +{rule.progression_increase_absolute:g})"
    )
