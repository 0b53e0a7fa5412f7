"""Several texts of the record in one text of the registry, and back: headings on lines of their own.

A line of the record that looks like such a heading gets a backslash before it, as the registry's own text has before
its marks, and loses it on reading.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from theratrial.exchange.ctgov.parsed import BLANK
from theratrial.registry.fields import field_of

_CRITERIA: Final = re.compile(
    r"(?P<marks>\\*)[\s*#_-]*(?:(?:key|main|major)\s+)?(?P<kind>inclusion|exclusion)\s+criteria[\s:.*_]*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Prose:
    """Fields that stand together in one text; `free` is the one that a text without headings belongs to."""

    section: str
    names: tuple[str, ...]
    free: str

    def heading(self, name: str) -> str:
        """The line above a field: its label."""
        return f"{field_of(f'{self.section}.{name}').label('en')}:"

    def written(self, values: Mapping[str, str]) -> str:
        """All in one text."""
        filled = [name for name in self.names if values.get(name)]
        if filled == [self.free]:
            return self._marked(values[self.free])
        return "\n\n".join(f"{self.heading(name)}\n{self._marked(values[name])}" for name in filled)

    def read(self, text: str) -> dict[str, str]:
        """The texts of one text."""
        by_heading = {self.heading(name): name for name in self.names}
        lines = text.strip(BLANK).split("\n")
        found: dict[str, list[str]] = {}
        name = ""
        for line in lines:
            heading = by_heading.get(line)
            if (heading is None and not name) or heading in found:
                return {self.free: self._unmarked(text)}
            if heading is not None:
                name = heading
                found[name] = []
            else:
                found[name].append(line)
        return {one: self._unmarked("\n".join(kept)) for one, kept in found.items()}

    def _marked(self, text: str) -> str:
        return "\n".join("\\" + line if self._looks(line) else line for line in text.split("\n"))

    def _unmarked(self, text: str) -> str:
        lines = text.strip(BLANK).split("\n")
        return "\n".join(line[1:] if line.startswith("\\") and self._looks(line) else line for line in lines)

    def _looks(self, line: str) -> bool:
        return line.lstrip("\\") in {self.heading(name) for name in self.names}


DESCRIPTION: Final = Prose(
    "summary",
    ("design", "settings_and_conduct", "participants", "intervention_groups", "main_outcome_variables"),
    "settings_and_conduct",
)
SHARING_DESCRIPTION: Final = Prose("sharing", ("title_and_details", "comments"), "title_and_details")
SHARING_ACCESS: Final = Prose("sharing", ("to_whom", "conditions", "where", "how"), "conditions")


def criteria_text(inclusion: str, exclusion: str) -> str:
    """Criteria as the registry sets them."""
    parts = [("Inclusion Criteria:", inclusion), ("Exclusion Criteria:", exclusion)]
    return "\n\n".join(f"{heading}\n\n{_criteria_marked(text)}" for heading, text in parts if text)


def criteria_of(text: str) -> tuple[str, str, bool]:
    """Inclusion, exclusion, and whether the text said which is which.

    Without headings, or with headings that come more than once (cohorts), everything stands under inclusion as written.
    """
    lines = text.split("\n")
    heads: list[tuple[int, Literal["inclusion", "exclusion"]]] = []
    for number, line in enumerate(lines):
        match = _CRITERIA.fullmatch(line)
        if match and not match["marks"]:
            heads.append((number, "inclusion" if match["kind"][0] in "iI" else "exclusion"))
    kinds = [kind for _, kind in heads]
    if kinds not in (["inclusion"], ["exclusion"], ["inclusion", "exclusion"]):
        return _criteria_unmarked(text), "", False
    places = {kind: number for number, kind in heads}
    start, end = places.get("inclusion"), places.get("exclusion", len(lines))
    before = lines[:end] if start is None else [*lines[:start], *lines[start + 1 : end]]
    return _criteria_unmarked("\n".join(before)), _criteria_unmarked("\n".join(lines[end + 1 :])), True


def _criteria_marked(text: str) -> str:
    return "\n".join("\\" + line if _CRITERIA.fullmatch(line) else line for line in text.split("\n"))


def _criteria_unmarked(text: str) -> str:
    lines = text.strip(BLANK).split("\n")
    return "\n".join(line[1:] if line.startswith("\\") and _CRITERIA.fullmatch(line) else line for line in lines)
