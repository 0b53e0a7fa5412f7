"""What the check found in many records: how often each rule, how complete they are; the records are let go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from theratrial.registry.check import RULES
from theratrial.registry.completeness import Completeness
from theratrial.registry.found import Finding, Severity

CLASSES = 10
"""Of completeness: under 10 %, 10 to under 20 % ..., 90 % and more."""


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How often one rule spoke."""

    rule: str
    severity: Severity
    records: int
    findings: int


@dataclass(slots=True)
class Tally:
    """Counts over the records of a dump; it holds numbers alone, however many records there are."""

    records: int = 0
    with_error: int = 0
    without_finding: int = 0
    unplaced: int = 0
    """Pieces of the records that found no place."""
    findings: Counter[str] = field(default_factory=Counter)
    records_by_rule: Counter[str] = field(default_factory=Counter)
    records_by_severity: Counter[str] = field(default_factory=Counter)
    items_present: Counter[int] = field(default_factory=Counter)
    items_due: Counter[int] = field(default_factory=Counter)
    shares: Counter[int] = field(default_factory=Counter)
    """Records by the share of items that are wholly there, in per cent, rounded down."""

    def add(self, findings: Sequence[Finding], score: Completeness, unplaced: int = 0) -> None:
        """Count a record that was checked."""
        self.records += 1
        self.unplaced += unplaced
        severities = {one.severity for one in findings}
        self.with_error += Severity.ERROR in severities
        self.without_finding += not findings
        self.findings.update([one.rule for one in findings])
        self.records_by_rule.update({one.rule for one in findings})
        self.records_by_severity.update([one.value for one in severities])
        for item in score.items:
            if item.state not in ("not_yet_due", "not_applicable"):
                self.items_due[item.number] += 1
                self.items_present[item.number] += item.state == "present"
        self.shares[100 * score.present // max(score.applicable, 1)] += 1

    def rules(self) -> tuple[RuleCount, ...]:
        """Rules that spoke, the gravest first, then those of most records."""
        order = list(Severity)
        counts = [
            RuleCount(name, RULES[name].severity, records, self.findings[name])
            for name, records in self.records_by_rule.items()
        ]
        return tuple(sorted(counts, key=lambda one: (order.index(one.severity), -one.records, one.rule)))

    def classes(self) -> tuple[int, ...]:
        """Records in each tenth of completeness, the least complete first."""
        found = [0] * CLASSES
        for share, records in self.shares.items():
            found[min(share * CLASSES // 100, CLASSES - 1)] += records
        return tuple(found)

    def median_share(self) -> int | None:
        """Per cent of items that half of the records have at least; None where there is no record."""
        seen = 0
        for share in sorted(self.shares, reverse=True):
            seen += self.shares[share]
            if 2 * seen >= self.records:
                return share
        return None
