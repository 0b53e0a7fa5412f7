"""The response read again under one change of rule or calibration. Method: docs/methods/response_replay.md."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeVar

from pydantic import ValidationError

from theratrial.errors import InputError
from theratrial.protocol.plans.criteria import RecistPlan
from theratrial.protocol.schema import ResponseRule
from theratrial.response.category import response_category
from theratrial.response.lesions import METRIC_NAMES, LesionReading

METHOD: Final = "response.replay"
VERSION: Final = "1"

PlanT = TypeVar("PlanT", ResponseRule, RecistPlan)

Kind = Literal["as_is", "metric", "threshold", "lesions", "confirmation", "missing", "calibration"]
Time = Literal["baseline", "response"]

POINTS: Final = (-10.0, -5.0, 5.0, 10.0)
"""Percentage points by which a threshold in percent is moved."""
SCALES: Final = (0.9, 0.95, 1.05, 1.1)
"""Factors on every uptake of one time point, as a wrong calibration would give."""
_ABSOLUTE: Final = (0.0, 0.5, 2.0)
"""Factors on a threshold in g/mL; 0: not asked for."""
_FIELD_KINDS: Final[Mapping[str, Kind]] = {
    "metric": "metric",
    "partial_decrease_percent": "threshold",
    "partial_decrease_absolute": "threshold",
    "progression_increase_percent": "threshold",
    "progression_increase_absolute": "threshold",
    "other_lesion_rise": "lesions",
    "new_lesion_is_progression": "lesions",
    "maximum_target_lesions": "lesions",
}
_NAMES: Final[Mapping[str, str]] = {
    "metric": "uptake judged:",
    "partial_decrease_percent": "partial response from a fall of",
    "partial_decrease_absolute": "partial response from a fall of",
    "progression_increase_percent": "progression above a rise of",
    "progression_increase_absolute": "progression above a rise of",
    "other_lesion_rise": "a rise of any lesion is:",
    "new_lesion_is_progression": "a new lesion is progression:",
    "maximum_target_lesions": "target lesions followed at most:",
    "confirmation_days": "days to confirmation:",
    "stable_days": "least days of stable disease:",
    "partial_stays": "a partial response stays one:",
    "not_evaluable_between": "assessments not evaluable before confirmation, at most:",
    "stable_between": "stable disease allowed before confirmation:",
    "reappeared_progresses": "disease seen again after a complete response progresses at once:",
    "normal_nodes_progress": "growth of nodes that stay below 10 mm may be progression:",
    "doubtful_dated": "a doubtful new lesion that is confirmed later progresses when:",
    "partial_after_complete": "a partial response after a complete one counts:",
    "early_complete_progresses": "a complete response that is lost before stable disease counts is progression:",
}
_UNITS: Final[Mapping[str, str]] = {
    "partial_decrease_percent": " %",
    "partial_decrease_absolute": " g/mL",
    "progression_increase_percent": " %",
    "progression_increase_absolute": " g/mL",
}
_RECIST: Final = "recist."
_RECIST_FIELDS: Final = (
    *("confirmation_days", "stable_days", "partial_stays"),
    *("not_evaluable_between", "stable_between"),
    *("reappeared_progresses", "normal_nodes_progress", "doubtful_dated"),
    *("partial_after_complete", "early_complete_progresses"),
)
_RECIST_TURNED: Final = (
    *("stable_between", "reappeared_progresses", "normal_nodes_progress"),
    *("partial_after_complete", "early_complete_progresses"),
)
"""Answers of yes or no, each of which is tried the other way."""
_CALIBRATION: Final[Mapping[str, Time]] = {"baseline_uptake": "baseline", "response_uptake": "response"}


@dataclass(frozen=True, slots=True)
class Change:
    """One change; what it does not name stays as the protocol has it."""

    kind: Kind
    name: str
    """``partial_decrease_percent=25``: what `parsed_change` reads."""
    words: str
    rule: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the protocol's rule and their other values."""
    scale: Mapping[Time, float] = field(default_factory=dict)
    missing: Literal["failure", "excluded"] | None = None
    recist: Mapping[str, Any] = field(default_factory=dict)
    """Fields of RECIST's options and their other values; such a change touches RECIST alone."""

    def applied(self, rule: ResponseRule) -> ResponseRule:
        """The rule with the change.

        Raises
        ------
        InputError
            The rule cannot have such a value.
        """
        return _valid(ResponseRule, rule.model_dump() | dict(self.rule), self.name) if self.rule else rule

    def recist_applied(self, plan: RecistPlan) -> RecistPlan:
        """The plan of RECIST with the change."""
        return _valid(RecistPlan, plan.model_dump() | dict(self.recist), self.name) if self.recist else plan


AS_IS: Final = Change("as_is", "", "as the protocol has it")


def systematic_changes(rule: ResponseRule, *, missing: str, recist: RecistPlan | None = None) -> tuple[Change, ...]:
    """Every change that the protocol's own rule gives rise to, in a fixed order; none is picked by hand.

    The other metrics, each threshold moved, each yes-or-no and either-or of the rule turned over, missing counted the
    other way, the uptake of one time point scaled; of RECIST every place that the paper leaves open, but the length of
    what is too small to be measured.
    """
    names = [f"metric={metric}" for metric in METRIC_NAMES if metric != rule.metric]
    for name in ("partial_decrease_percent", "progression_increase_percent"):
        now = getattr(rule, name)
        names += [f"{name}={now + points:g}" for points in POINTS if now + points > 0]
    for name in ("partial_decrease_absolute", "progression_increase_absolute"):
        now = getattr(rule, name)
        names += [f"{name}={now * factor:g}" for factor in _ABSOLUTE if now > 0]
    other = "blocks_response" if rule.other_lesion_rise == "progression" else "progression"
    names += [f"other_lesion_rise={other}", f"new_lesion_is_progression={_yes(not rule.new_lesion_is_progression)}"]
    names += [f"maximum_target_lesions={number}" for number in (1, 2, 5) if number != rule.maximum_target_lesions]
    names.append(f"missing={'excluded' if missing == 'failure' else 'failure'}")
    names += [f"{when}={factor:g}" for when in _CALIBRATION for factor in SCALES]
    if recist is not None:
        names += _of_recist(recist)
    return tuple(parsed_change(name, rule, missing=missing, recist=recist) for name in names)


def _of_recist(plan: RecistPlan) -> list[str]:
    now = plan.confirmation_days
    names = [f"{_RECIST}confirmation_days={'28' if now is None else 'none'}"]
    names += [f"{_RECIST}stable_days={days}" for days in (28, 42, 56) if days != plan.stable_days]
    stays = ("once_confirmed", "once_assigned", "never")
    names += [f"{_RECIST}partial_stays={one}" for one in stays if one != plan.partial_stays]
    names.append(f"{_RECIST}not_evaluable_between={0 if plan.not_evaluable_between else 1}")
    names += [f"{_RECIST}{name}={_yes(not getattr(plan, name))}" for name in _RECIST_TURNED]
    names.append(f"{_RECIST}doubtful_dated={'confirmed' if plan.doubtful_dated == 'first_seen' else 'first_seen'}")
    return names


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def parsed_change(text: str, rule: ResponseRule, *, missing: str, recist: RecistPlan | None = None) -> Change:
    """The change that a text such as ``partial_decrease_percent=25`` names.

    Raises
    ------
    InputError
        Nothing can be changed by that name, or not to that value; the message lists what can.
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not value:
        raise InputError(f"a change is written name=value, got {text!r}; names: {', '.join(change_names(recist))}")
    if name in _CALIBRATION:
        factor = _number(name, value)
        if not 0 < factor < math.inf:
            raise InputError(f"{name} is a factor above 0, got {value!r}")
        when = _CALIBRATION[name]
        said = f"every uptake at {when} {(factor - 1) * 100:+.3g} %"
        return Change("calibration", f"{name}={factor:g}", said, scale={when: factor})
    if name == "missing":
        if value not in ("failure", "excluded"):
            raise InputError(f"missing is failure or excluded, got {value!r}")
        said = f"missing counts as {value}" if value == "failure" else "missing is left out"
        return Change("missing", f"missing={value}", f"{said} (protocol: {missing})", missing=value)  # type: ignore[arg-type]
    if name.startswith(_RECIST):
        return _recist_change(name.removeprefix(_RECIST), value, recist)
    if name not in _FIELD_KINDS:
        raise InputError(f"nothing can be changed by the name {name!r}; names: {', '.join(change_names(recist))}")
    now = getattr(rule, name)
    new = _like(now, name, value)
    change = Change(_FIELD_KINDS[name], f"{name}={value}", _words(name, now, new), rule={name: new})
    change.applied(rule)
    return change


def change_names(recist: RecistPlan | None = None) -> tuple[str, ...]:
    """Names that `parsed_change` knows."""
    of_recist = [f"{_RECIST}{name}" for name in _RECIST_FIELDS] if recist is not None else []
    return (*_FIELD_KINDS, "missing", *_CALIBRATION, *of_recist)


def _recist_change(name: str, value: str, plan: RecistPlan | None) -> Change:
    if plan is None:
        raise InputError("the protocol does not judge by RECIST 1.1, so none of its options can be changed")
    if name not in _RECIST_FIELDS:
        raise InputError(f"of RECIST 1.1 {', '.join(_RECIST_FIELDS)} can be changed, not {name!r}")
    now = getattr(plan, name)
    if name == "confirmation_days":
        new: Any = None if value == "none" else _whole(name, value)
    else:
        new = _like(now, name, value)
    said = f"RECIST 1.1: {_words(name, now, new)}"
    change = Change("confirmation", f"{_RECIST}{name}={value}", said, recist={name: new})
    change.recist_applied(plan)
    return change


def _words(name: str, now: Any, new: Any) -> str:
    shown = METRIC_NAMES if name == "metric" else {}
    before, after = (shown.get(one, _said(one)) for one in (now, new))
    return f"{_NAMES[name]} {after}{_UNITS.get(name, '')} instead of {before}"


def _said(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return _yes(value)
    return f"{value:g}" if isinstance(value, int | float) else str(value).replace("_", " ")


def _like(now: Any, name: str, value: str) -> Any:
    """`value` as the kind of value that the field has now."""
    if isinstance(now, bool):
        if value not in ("yes", "no"):
            raise InputError(f"{name} is yes or no, got {value!r}")
        return value == "yes"
    if isinstance(now, int):
        return _whole(name, value)
    return _number(name, value) if isinstance(now, float) else value


def _number(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{name} is a number, got {value!r}")
    return number


def _whole(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise InputError(f"{name} is a whole number, got {value!r}") from None


def _valid(kind: type[PlanT], values: dict[str, Any], name: str) -> PlanT:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{name} cannot be: {error.errors()[0]['msg'].lower()}") from None


@dataclass(frozen=True, slots=True)
class Readings:
    """Every reader's lesions at both time points, in one metric; a time point without image is None."""

    baseline: Mapping[str, Sequence[LesionReading]] | None
    response: Mapping[str, Sequence[LesionReading]] | None


ReadingsOf = Callable[[str], Readings]
"""Metric -> the readings in it."""


def replayed_category(
    readings: ReadingsOf, rule: ResponseRule, change: Change = AS_IS, *, adjudicated_to: str = ""
) -> tuple[str, str]:
    """Category and arithmetic of a participant under a change, by all readers as the protocol's response is.

    Each reader of the response is compared with her own baseline, without one with that of every reader of the
    baseline. One answer where they agree; else the adjudicated reader's; else not evaluable.
    """
    changed = change.applied(rule)
    found = readings(changed.metric)
    first = _scaled(found.baseline, change.scale.get("baseline", 1.0))
    second = _scaled(found.response, change.scale.get("response", 1.0))
    answers: dict[tuple[str, str], tuple[str, str]] = {}
    for before, after in reader_pairs(first, second):
        result = response_category(_lesions(first, before), _lesions(second, after), changed)
        answers[before, after] = (result.category, result.arithmetic)
    if len({category for category, _ in answers.values()}) == 1:
        return next(iter(answers.values()))
    chosen = {answer for (_, after), answer in answers.items() if after == adjudicated_to}
    if len({category for category, _ in chosen}) == 1:
        return min(chosen)
    named = ", ".join(f"{after} {category}" for (_, after), (category, _) in answers.items())
    return "NE", f"not evaluable: the readers differ ({named}) and no adjudication settles it"


def reader_pairs(
    baseline: Mapping[str, object] | None, response: Mapping[str, object] | None
) -> tuple[tuple[str, str], ...]:
    """Readers at baseline and at response whose lesions are compared."""
    first = tuple(baseline or ())
    if not response:
        return ((first[-1] if first else "", ""),)
    return tuple((before, after) for after in response for before in ((after,) if after in first else first or ("",)))


def _lesions(side: Mapping[str, Sequence[LesionReading]] | None, reader: str) -> Sequence[LesionReading] | None:
    return None if side is None else side.get(reader, ())


def _scaled(
    side: Mapping[str, Sequence[LesionReading]] | None, factor: float
) -> Mapping[str, Sequence[LesionReading]] | None:
    if side is None or factor == 1:
        return side
    return {
        reader: [
            replace(one, uptake_g_per_mL=None if one.uptake_g_per_mL is None else one.uptake_g_per_mL * factor)
            for one in lesions
        ]
        for reader, lesions in side.items()
    }
