"""The options of further response criteria in words: a reader of the plan knows no field of the protocol file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from theratrial.protocol.plans.criteria import MetabolicPlan, RecistPlan
from theratrial.protocol.schema import Protocol
from theratrial.report.study.voice import Voice


def options_in_words(voice: Voice, protocol: Protocol, plan: RecistPlan | MetabolicPlan) -> str:
    """Every option that is set, in a sentence; one that has no words yet, by its name."""
    words = _recist(voice) if isinstance(plan, RecistPlan) else _metabolic(voice, protocol)
    said = []
    for name, value in plan.model_dump().items():
        if value is None:
            continue
        said.append(words[name](value) if name in words else f"{voice.word(name)}: {value}")
    return ("؛ " if voice.language == "fa" else "; ").join(said)


_Words = dict[str, Callable[[Any], str]]


def _recist(voice: Voice) -> _Words:
    def yes(value: bool) -> str:
        return voice("yes") if value else voice("no")

    return {
        "partial_stays": lambda one: voice("partial response stays until progression: {value}", value=voice.word(one)),
        "confirmation_days": lambda one: voice("confirmed after at least {n} days", n=one),
        "stable_days": lambda one: voice("stable disease lasts at least {n} days", n=one),
        "not_evaluable_between": lambda one: voice(
            "assessments between response and confirmation that may be not evaluable: {n}", n=one
        ),
        "stable_between": lambda one: voice(
            "stable disease allowed between response and confirmation: {value}", value=yes(one)
        ),
        "too_small_mm": lambda one: voice("seen but too small to measure: {n} mm", n=f"{one:g}"),
        "reappeared_progresses": lambda one: voice("a lesion that comes back is progression: {value}", value=yes(one)),
        "normal_nodes_progress": lambda one: voice("nodes of normal size can progress: {value}", value=yes(one)),
        "doubtful_dated": lambda one: voice(
            "progression by a new lesion that was in doubt, dated when: {value}", value=voice.word(one)
        ),
        "partial_after_complete": lambda one: voice(
            "partial after complete response counts as partial: {value}", value=yes(one)
        ),
        "early_complete_progresses": lambda one: voice(
            "too early complete response and no response after it is progression: {value}", value=yes(one)
        ),
    }


def _metabolic(voice: Voice, protocol: Protocol) -> _Words:
    def image(key: str) -> str:
        clause = protocol.imaging.get(key)
        found = clause.reading if clause is not None else None
        return voice.core(found.title) if found is not None else voice.word(key)

    return {
        "imaging_baseline": lambda one: voice("image at baseline: {image}", image=image(one)),
        "imaging_response": lambda one: voice("image of the response: {image}", image=image(one)),
        "lean_body_mass": lambda one: voice("lean body mass by the formula of {name}", name=voice.word(one)),
        "liver_region": lambda one: voice("liver reference in the region {region}", region=voice.word(one)),
        "blood_pool_region": lambda one: voice("blood pool reference in the region {region}", region=voice.word(one)),
        "earliest_uptake_min": lambda one: voice("scan not before {n} min after injection", n=f"{one:g}"),
        "latest_uptake_min": lambda one: voice("scan not after {n} min after injection", n=f"{one:g}"),
        "uptake_by": lambda one: voice("uptake by {measure}", measure=voice.word(one)),
        "volume_threshold": lambda one: voice("metabolic volume from {threshold}", threshold=_threshold(voice, one)),
    }


def _threshold(voice: Voice, rule: dict[str, Any]) -> str:
    value = f"{rule['value']:g}"
    if rule["kind"] == "percent_of_maximum":
        return voice("{n} % of the lesion's maximum", n=value)
    if rule["kind"] == "times_liver":
        return voice("{n} times the mean of the liver", n=value)
    return voice("an uptake of {n}", n=value)
