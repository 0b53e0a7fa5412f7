"""Rules on protocols."""

from __future__ import annotations

from collections.abc import Iterator

from theratrial.registry.found import Finding
from theratrial.registry.rules.frame import RULES, Case


def findings(case: Case) -> Iterator[Finding]:
    """What the rules of this module say."""
    for one in RULES.values():
        if one.look.__module__ == __name__:
            yield from one.findings(case)
