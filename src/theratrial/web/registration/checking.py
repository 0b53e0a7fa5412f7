"""The findings of the check as a registrant works through them: by task, then by field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from theratrial.registry.check import RULES
from theratrial.registry.completeness import Completeness, completeness
from theratrial.registry.fields import field_of, value_at
from theratrial.registry.found import Finding, Quote
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.rules.quoting import shortened
from theratrial.web.registration.brief import State
from theratrial.web.registration.form import NOT_ASKED
from theratrial.web.registration.form_drawing import field_id
from theratrial.web.registration.shown import (
    in_words,
    item_state_words,
    item_tone,
    label_of,
    severity_words,
    task_of,
    task_words,
    tone,
    without_codes,
)

SEVERITIES = ("error", "warning", "info")
_LONGEST_QUOTE = 300


@dataclass(frozen=True, slots=True)
class DrawnFinding:
    """One finding in the reader's language."""

    rule: str
    severity: str
    words: str
    tone: str
    title: str
    message: str
    remedy: str
    source: str
    quotes: tuple[dict[str, str], ...]


@dataclass(slots=True)
class Place:
    """The findings of one field."""

    path: str
    label: str
    id: str
    """Of its row in the form; empty where the form has none."""
    findings: list[DrawnFinding]


@dataclass(slots=True)
class Task:
    """What one sitting settles."""

    id: str
    title: str
    asks: str
    places: list[Place]
    counts: Counter[str]

    @property
    def count(self) -> int:
        return sum(self.counts.values())


def tasks_of(
    findings: Iterable[Finding], record: RegistrationRecord, *, severity: str = "", hidden: frozenset[str] = frozenset()
) -> list[Task]:
    """Findings as tasks, those with errors first.

    Parameters
    ----------
    record
        The one that was checked.
    severity
        Only these; empty for all.
    hidden
        Participants whose codes are left out of every sentence.
    """
    found: dict[str, Task] = {}
    for one in findings:
        if severity and one.severity.value != severity:
            continue
        id_ = task_of(one.rule)
        title, asks = task_words(id_)
        task = found.setdefault(id_, Task(id_, title, asks, [], Counter()))
        task.counts[one.severity.value] += 1
        place = next((some for some in task.places if some.path == one.path), None)
        if place is None:
            place = Place(one.path, label_of(one.path), place_in_form(one.path, record), [])
            task.places.append(place)
        place.findings.append(_drawn(one, hidden))
    return sorted(found.values(), key=lambda task: tuple(-task.counts[one] for one in SEVERITIES))


def place_in_form(path: str, record: RegistrationRecord) -> str:
    """Where the form asks for a field: its row, or the group that such a member is added to."""
    try:
        found = field_of(path)
    except KeyError:
        return ""
    if found.path in NOT_ASKED:
        return ""
    if found.group and value_at(record, path.partition(".")[0]) is None:
        return f"s-{found.section}"
    return field_id(path)


def _drawn(one: Finding, hidden: frozenset[str]) -> DrawnFinding:
    title = in_words(RULES[one.rule].title) if one.rule in RULES else one.rule
    quotes = tuple(_quote(each, hidden) for each in one.quotes)
    severity = one.severity.value
    return DrawnFinding(
        one.rule, severity, severity_words(severity), tone(severity), title,
        without_codes(in_words(one.message), hidden),
        without_codes(in_words(one.remedy), hidden), one.source, quotes,
    )  # fmt: skip


def _quote(quote: Quote, hidden: frozenset[str]) -> dict[str, str]:
    words = without_codes(" ".join(quote.text.split()), hidden)
    short = shortened(words, longest=_LONGEST_QUOTE)
    label = label_of(quote.path) if quote.path else quote.source
    return {"label": label, "text": short, "whole": words if short != words else "", "path": quote.path}


def items_of(found: Completeness, record: RegistrationRecord) -> list[dict[str, Any]]:
    """The 24 items as lines of a table."""
    return [
        {
            "number": one.number, "title": in_words(one.title), "state": item_state_words(one.state),
            "tone": item_tone(one.state),
            "lacking": [
                {"label": label_of(path), "id": place_in_form(path, record)}
                for path in one.lacking
                if one.state in _OPEN
            ],
        }
        for one in found.items
    ]  # fmt: skip


_OPEN = ("partial", "absent")


def completeness_of(state: State) -> Completeness:
    """By the WHO data set."""
    return completeness(state.history.current.record, today=state.today)
