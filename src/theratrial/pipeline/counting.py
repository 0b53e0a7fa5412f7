"""How one participant counts: analysis set, estimand, rule for missing answers, category; in that order.

docs/methods/estimand.md says why the estimand comes before the rule for missing answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

from theratrial.pipeline.intercurrent import Happened
from theratrial.protocol.plans.analysis import AnalysisPlan, Strategy
from theratrial.protocol.schema import Endpoint
from theratrial.results.values import ParticipantResult

VERSION: Final = "3"
"""Of counting where an estimand rules; without one it is as it always was."""

PENDING: Final = "the response assessment is still to come; not counted yet"

Count = Literal["success", "failure", "excluded", "not analysed"]

_STRICTEST_FIRST: Final[tuple[Count, ...]] = ("failure", "excluded", "success")

STRATEGY_WORDS: Final[Mapping[Strategy, str]] = {
    "treatment_policy": "treatment policy",
    "composite": "composite",
    "hypothetical": "hypothetical",
    "while_on_treatment": "while on treatment",
    "principal_stratum": "principal stratum",
}


@dataclass(frozen=True, slots=True)
class CountingRule:
    """Everything that decides how a participant counts."""

    analysis_set: str
    categories: tuple[str, ...]
    """That are a success."""
    missing: Literal["failure", "excluded", "success"]
    """What no assessable response counts as, where no event of the estimand has decided."""
    strategies: Mapping[str, Strategy] = field(default_factory=dict)
    """Intercurrent event -> strategy; an event that is not named here changes nothing."""
    titles: Mapping[str, str] = field(default_factory=dict)


def primary_rule(endpoint: Endpoint, plan: AnalysisPlan | None) -> CountingRule:
    """The rule of the protocol."""
    events = plan.estimand.intercurrent_events if plan is not None else ()
    return CountingRule(
        endpoint.analysis_set,
        tuple(endpoint.counted_categories),
        endpoint.missing,
        {one.event: one.strategy for one in events},
        {one.event: one.title for one in events},
    )


def count(
    result: ParticipantResult,
    rule: CountingRule,
    events: Sequence[Happened] = (),
    *,
    pending: bool = False,
    assessed: date | None = None,
) -> tuple[Count, str]:
    """How she counts, and why.

    Parameters
    ----------
    events
        Her intercurrent events.
    pending
        The response is missing only because its visit is still to come: she waits, whatever has happened to her, for
        failures are known sooner than successes and an interim proportion would be too low.
    assessed
        Day of the response image.
    """
    if rule.analysis_set not in result.analysis_sets:
        return "not analysed", f"not in analysis set {rule.analysis_set}"
    if pending:
        return "not analysed", PENDING
    decided = _decided(rule, events, assessed)
    if decided is not None:
        return decided
    response = result.response
    if response is None or response.category == "NE":
        return _missing(rule, "no assessable response" if response is None else f"not evaluable: {response.arithmetic}")
    return "success" if response.category in rule.categories else "failure", f"response {response.category}"


def _decided(rule: CountingRule, events: Sequence[Happened], assessed: date | None) -> tuple[Count, str] | None:
    """What the events decide: a failure before being left out, so that of two events the stricter rules.

    While on treatment only what was read before the event is the variable (ICH E9(R1), A.3.2). There is one assessment:
    where it does not lie before the event the variable has no value, and the rule for missing answers has the word.
    """
    found: list[tuple[Count, str]] = []
    for one in events:
        strategy = rule.strategies.get(one.event)
        if strategy is None or strategy == "treatment_policy":
            continue
        said = f"{rule.titles.get(one.event, one.event)} ({one.because})"
        if strategy == "composite":
            found.append(("failure", f"{said}; counts as failure: composite strategy"))
        elif strategy == "while_on_treatment":
            if assessed is None or one.on is None or assessed >= one.on:
                found.append(_missing(rule, f"{said}; while on treatment: no response was read before it"))
        else:
            found.append(("excluded", f"{said}; left out: {STRATEGY_WORDS[strategy]} strategy"))
    # The first of the strictest; sorting keeps the order of equals.
    return min(found, key=lambda one: _STRICTEST_FIRST.index(one[0]), default=None)


def _missing(rule: CountingRule, reason: str) -> tuple[Count, str]:
    """What a missing answer counts as."""
    if rule.missing == "failure":
        return "failure", f"{reason}; missing counts as failure"
    if rule.missing == "success":
        return "success", f"{reason}; missing counts as success"
    return "excluded", f"{reason}; missing is left out"
