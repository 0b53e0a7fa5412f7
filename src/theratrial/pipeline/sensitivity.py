"""The proportion counted otherwise: generated from the protocol's plan, one row for each thing that is changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from theratrial.pipeline.counting import STRATEGY_WORDS, Count, CountingRule, count, primary_rule
from theratrial.pipeline.intercurrent import Happened
from theratrial.protocol.plans.analysis import AnalysisPlan
from theratrial.protocol.schema import Endpoint, Protocol
from theratrial.results.analysis import AnalysedProportion, IntercurrentOccurrence
from theratrial.results.values import ParticipantResult
from theratrial.statistics import proportion
from theratrial.statistics.intervals import NAMES
from theratrial.trace import Quantity, Trace

VERSION = "1"

Kind = Literal["primary", "interval", "strategy", "missing", "analysis_set", "evaluable"]

_MISSING_WORDS = {
    "failure": "a missing response counts as a failure",
    "excluded": "a missing response is left out",
    "success": "a missing response counts as a success (best case)",
}


@dataclass(frozen=True, slots=True)
class Person:
    """A participant with what decides how she counts."""

    result: ParticipantResult
    events: tuple[Happened, ...]
    pending: bool
    assessed: date | None

    def counts(self, rule: CountingRule) -> tuple[Count, str]:
        """How she counts under a rule, and why."""
        return count(self.result, rule, self.events, pending=self.pending, assessed=self.assessed)


@dataclass(frozen=True, slots=True)
class _Way:
    """One way of counting."""

    name: str
    kind: Kind
    rule: CountingRule
    method: str


def occurrences(people: Sequence[Person], endpoint: Endpoint, plan: AnalysisPlan) -> tuple[IntercurrentOccurrence, ...]:
    """Every intercurrent event with what it did to the participant's count."""
    rule = primary_rule(endpoint, plan)
    return tuple(
        IntercurrentOccurrence(
            participant_id=person.result.participant_id,
            event=event.event,
            title=rule.titles[event.event],
            strategy=rule.strategies[event.event],
            effect=_effect(person, event, rule),
            because=event.because,
            on=event.on,
            record=event.record,
        )
        for person in people
        for event in person.events
    )


def _effect(person: Person, event: Happened, rule: CountingRule) -> str:
    now, because = person.counts(rule)
    if now == "not analysed":
        return f"none: {because}"
    without = replace(person, events=tuple(one for one in person.events if one is not event))
    before, _ = without.counts(rule)
    if before == now:
        return f"counts as {_words(now)} with or without it"
    return f"counts as {_words(now)} in place of {_words(before)}"


def _words(how: Count) -> str:
    return {"success": "a success", "failure": "a failure", "excluded": "left out"}.get(how, how)


def proportions(
    people: Sequence[Person],
    endpoint: Endpoint,
    plan: AnalysisPlan,
    protocol: Protocol,
    demonstration: tuple[str, ...],
) -> tuple[AnalysedProportion, ...]:
    """The primary proportion, the further intervals, and every sensitivity analysis."""
    primary = primary_rule(endpoint, plan)
    ways = [
        _Way("primary", "primary", primary, endpoint.interval_method),
        *(
            _Way(f"interval {NAMES[method]}", "interval", primary, method)
            for method in plan.further_intervals
            if method != endpoint.interval_method
        ),
        *_ways(endpoint, plan, protocol, primary),
    ]
    base = {person.result.participant_id: person.counts(primary)[0] for person in people}
    return tuple(_analysed(way, people, base, endpoint.confidence_level, demonstration) for way in ways)


def _ways(endpoint: Endpoint, plan: AnalysisPlan, protocol: Protocol, primary: CountingRule) -> Iterator[_Way]:
    method = endpoint.interval_method
    for event in plan.estimand.intercurrent_events:
        for other in event.alternatives:
            name = f"{event.title}: {STRATEGY_WORDS[other]} in place of {STRATEGY_WORDS[event.strategy]}"
            rule = replace(primary, strategies={**primary.strategies, event.event: other})
            yield _Way(name, "strategy", rule, method)
    # The rule for missing answers is asked only where the strategy for what cannot be assessed leaves it the word.
    unruled = {event: how for event, how in primary.strategies.items() if event != "not_assessable"}
    for missing, said in _MISSING_WORDS.items():
        if missing == _missing(primary):
            continue
        rule = replace(primary, missing=missing, strategies=unruled)  # type: ignore[arg-type]
        yield _Way(said, "missing", rule, method)
    for key, clause in protocol.analysis_sets.items():
        if key != primary.analysis_set and clause.reading is not None:
            yield _Way(
                f"analysis set: {clause.reading.title}", "analysis_set", replace(primary, analysis_set=key), method
            )
    yield _Way(
        "the response as it was read, whatever else happened; evaluable participants only",
        "evaluable",
        replace(primary, missing="excluded", strategies={}),
        method,
    )


def _missing(rule: CountingRule) -> str:
    """What a response that cannot be assessed counts as under the rule."""
    ruled: dict[str | None, str] = {
        "composite": "failure",
        "hypothetical": "excluded",
        "principal_stratum": "excluded",
    }
    return ruled.get(rule.strategies.get("not_assessable"), rule.missing)


def _analysed(
    way: _Way, people: Sequence[Person], base: Mapping[str, Count], level: float, demonstration: tuple[str, ...]
) -> AnalysedProportion:
    counts = {person.result.participant_id: person.counts(way.rule) for person in people}
    analysed = [who for who, (how, _) in counts.items() if how in ("success", "failure")]
    successes = sum(counts[who][0] == "success" for who in analysed)
    return AnalysedProportion(
        name=way.name,
        kind=way.kind,
        analysis_set=way.rule.analysis_set,
        successes=successes,
        analysed=len(analysed),
        left_out=tuple(f"{who}: {because}" for who, (how, because) in counts.items() if how == "excluded"),
        changed=tuple(
            f"{who}: {_words(how)} in place of {_words(base[who])} ({because})"
            for who, (how, because) in counts.items()
            if how != base[who]
        ),
        proportion=_proportion(way, people, set(analysed), successes, level, demonstration),
        interval_method=way.method,
        counts=tuple((who, how) for who, (how, _) in counts.items() if how != "not analysed"),
    )


def _proportion(
    way: _Way, people: Sequence[Person], analysed: set[str], successes: int, level: float, resting: tuple[str, ...]
) -> Quantity:
    inputs = {"endpoint": "protocol:endpoint", "estimand": "protocol:analysis"}
    inputs["analysis set"] = f"protocol:analysis_sets.{way.rule.analysis_set}"
    for person in people:
        who = person.result.participant_id
        if who in analysed:
            inputs[who] = f"value:participants[{who}].response"
            inputs |= {f"{who} {one.event}": one.record for one in person.events}
    trace = Trace(f"analysis.proportion.{way.method}", VERSION, inputs, demonstration=resting)
    if not analysed:
        return Quantity(None, "fraction", trace, note="nobody is analysed in this way")
    found = proportion(successes, len(analysed), way.method, level)
    return Quantity(found.estimate_fraction, "fraction", trace, found.lower_fraction, found.upper_fraction)
