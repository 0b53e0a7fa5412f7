"""The check of a registration record: every rule over one record, what its surroundings add, the gravest first."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Final

from theratrial.registry.found import Finding, Severity
from theratrial.registry.history import History
from theratrial.registry.imported import Unplaced
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.rules import (
    answers,
    criteria,
    dates,
    live,
    live_days,
    outcomes,
    people,
    people_in_text,
    protocol_criteria,
    protocol_treatment,
    protocol_visits,
    protocols,
    required,
    results,
    treatment,
)
from theratrial.registry.rules.frame import PROTOCOL, RULES, Case, Rule
from theratrial.registry.trial_facts import TrialFacts

if TYPE_CHECKING:
    from theratrial.protocol.schema import Protocol

__all__ = ["RULES", "Case", "Rule", "check"]

_MODULES: Final = (
    *(required, answers, dates, criteria, outcomes, treatment, people, people_in_text, results),
    *(protocols, protocol_criteria, protocol_treatment, protocol_visits, live, live_days),
)
_ORDER: Final = list(Severity)


def check(
    record: RegistrationRecord,
    *,
    today: date,
    protocol: Protocol | None = None,
    facts: TrialFacts | None = None,
    history: History | None = None,
    unplaced: tuple[Unplaced, ...] = (),
) -> tuple[Finding, ...]:
    """Everything that the rules say of a record, the gravest first, then in the order of the rules.

    Parameters
    ----------
    today
        Day on which it is checked: what is overdue depends on it.
    protocol, facts, history
        The trial's protocol, the state of its data, and the versions of the record; without them the rules that compare
        with them stay silent.
    unplaced
        What an import could not place: garbled dates among it are findings.
    """
    case = Case(record, today, protocol, facts, history, unplaced)
    rules = RULES.values() if protocol is not None else _without_protocol()
    found = [finding for one in rules for finding in one.findings(case)]
    return tuple(sorted(found, key=lambda finding: _ORDER.index(finding.severity)))


@cache
def _without_protocol() -> tuple[Rule, ...]:
    """Rules that have something to say of a record alone."""
    return tuple(one for one in RULES.values() if one.source != PROTOCOL)
