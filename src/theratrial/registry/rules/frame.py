"""What a rule is: a name, how grave, its source, and a function that looks at a record and what is around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from theratrial.registry.fields import field_of, value_at
from theratrial.registry.found import Finding, Quote, Sentence, Severity
from theratrial.registry.history import History
from theratrial.registry.imported import Unplaced
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.shown import shown
from theratrial.registry.trial_facts import TrialFacts

if TYPE_CHECKING:
    from theratrial.protocol.schema import Protocol


@dataclass(frozen=True, slots=True)
class Case:
    """What is looked at. None: not given, and rules that need it stay silent."""

    record: RegistrationRecord
    today: date
    protocol: Protocol | None = None
    facts: TrialFacts | None = None
    history: History | None = None
    unplaced: tuple[Unplaced, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule yields: the field to mend, what is wrong, what to do, the words that clash."""

    path: str
    message: Sentence
    remedy: Sentence
    quotes: tuple[Quote, ...] = ()


Look = Callable[[Case], Iterator[Found]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A named rule."""

    id: str
    severity: Severity
    title: Sentence
    source: str
    look: Look

    def findings(self, case: Case) -> Iterator[Finding]:
        """What the rule says of a case; one that compares with a protocol file says nothing without it."""
        if case.protocol is None and self.source == PROTOCOL:
            return
        for one in self.look(case):
            yield Finding(self.id, self.severity, one.path, one.message, one.remedy, self.source, one.quotes)


RULES: Final[dict[str, Rule]] = {}
"""Every rule by id; filled when the modules of this package are imported, see `theratrial.registry.check`."""

# Where rules come from, as a reader can look them up.
TRDS: Final = "WHO Trial Registration Data Set 1.3.1, item {}"
ICMJE: Final = "ICMJE Recommendations, clinical trial registration"
WHO_RESULTS: Final = "WHO Joint statement on public disclosure of results from clinical trials (2017)"
IRCT: Final = "IRCT, registration rules (help pages)"
CONSISTENCY: Final = "internal consistency of the record"
PHYSICS: Final = "physics of the radionuclide"
PHARMACOLOGY: Final = "pharmacology of the antibody"
SPIRIT: Final = "SPIRIT 2025 statement"
LIVE: Final = "the trial's own data"
PROTOCOL: Final = "the trial's protocol file"


def rule(id_: str, severity: Severity, source: str, en: str, fa: str) -> Callable[[Look], Look]:
    """Register a rule: ``@rule("status-without-dates", Severity.ERROR, CONSISTENCY, "...", "...")``.

    Ids are kebab-case and stay: people quote them.
    """

    def registered(look: Look) -> Look:
        if id_ in RULES:
            raise ValueError(f"two rules are named {id_}")
        RULES[id_] = Rule(id_, severity, Sentence(en, fa), source, look)
        return look

    return registered


def quote(case: Case, path: str) -> Quote:
    """The words of a field of the record."""
    return Quote(shown(field_of(path), value_at(case.record, path)), path)
