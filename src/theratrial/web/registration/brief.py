"""What the record owes to the trial, today; and the little of it that the overview shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from theratrial.registry.check import check
from theratrial.registry.conscience import Owed, owed
from theratrial.registry.found import Finding
from theratrial.registry.history import History
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.trial_facts import TrialFacts
from theratrial.web.ledger.models import Head
from theratrial.web.participants.selectors import trial_now
from theratrial.web.registration.facts import facts_now
from theratrial.web.registration.selectors import history_now
from theratrial.web.trials.selectors import protocol_in_force


@dataclass(frozen=True, slots=True)
class State:
    """Record and trial side by side: the versions, the facts, what is owed."""

    history: History
    facts: TrialFacts
    owed: Owed
    today: date

    @property
    def overdue(self) -> int:
        """How many of the proposals and duties are overdue."""
        days = [one.overdue_days for one in self.owed.proposals] + [one.overdue_days for one in self.owed.duties]
        return sum(1 for one in days if one)


def state_now(today: date | None = None) -> State | None:
    """The state as of the ledger's head; None where the trial has no registration record.

    Judged once per process, event of the ledger and day: whatever it rests on is written there.

    Parameters
    ----------
    today
        Of the trial's zone, where the caller knows it already.
    """
    head, today = Head.objects.first(), today or trial_now().date()
    if head is None or not head.seq:
        return _judged(today)
    return _remembered(head.seq, head.hash, today)


@lru_cache(maxsize=2)
def _remembered(seq: int, hash_: str, today: date) -> State | None:
    return _judged(today)


def _judged(today: date) -> State | None:
    history = history_now()
    if history is None:
        return None
    facts = facts_now()
    found = owed(history.current.record, facts, today=today, history=history, protocol=protocol_in_force())
    return State(history, facts, found, today)


def findings_now(record: RegistrationRecord | None = None) -> tuple[Finding, ...]:
    """The check of a record, or of the newest version, with protocol and live trial; remembered as the state is."""
    head, state = Head.objects.first(), state_now()
    if state is None:
        return ()
    wanted = record or state.history.current.record
    if head is None or not head.seq:
        return _checked(wanted, state)
    return _findings(wanted, head.seq, head.hash, state.today)


@lru_cache(maxsize=4)
def _findings(record: RegistrationRecord, seq: int, hash_: str, today: date) -> tuple[Finding, ...]:
    state = _remembered(seq, hash_, today)
    return _checked(record, state) if state is not None else ()


def _checked(record: RegistrationRecord, state: State) -> tuple[Finding, ...]:
    return check(record, today=state.today, protocol=protocol_in_force(), facts=state.facts, history=state.history)


def brief(state: State | None) -> dict[str, Any] | None:
    """For the overview: proposals, overdue, days since the record was true; None where there is no record."""
    if state is None:
        return None
    return {
        "number": state.history.current.number,
        "proposals": len(state.owed.proposals),
        "overdue": state.overdue,
        "owed": state.owed,
    }


def forget() -> None:
    """Empty the memory of this process; for tests."""
    _remembered.cache_clear()
    _findings.cache_clear()
