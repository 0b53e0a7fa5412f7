"""One error tree. A message says what, what was got, what is allowed, and what to do next.

A patient whose treatment stops is not an error: that is a `gates.Finding`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class TheratrialError(Exception):
    """Root of every error theratrial raises on purpose; the command line shows it without a traceback."""


class InputError(TheratrialError):
    """Something given by a person or a file cannot be used as it is."""


class UnitError(InputError):
    """A unit is missing, unknown, or of another quantity."""


class SourceError(TheratrialError):
    """A shipped or loaded reference table is not what its passport says, or lacks what is asked."""


class NumericalError(TheratrialError):
    """A computation has no valid answer for these inputs."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the input, with its place and its remedy.

    `place` is what a person can open: ``records/consents.csv line 4, column signed_at`` or a file path.
    """

    place: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.place}: {self.message}"
        return f"{text} -> {self.remedy}" if self.remedy else text


class Problems(InputError):
    """All problems of one input at once, so that a person mends them in one go."""

    def __init__(self, what: str, problems: Sequence[Problem]) -> None:
        if not problems:
            raise ValueError("Problems needs at least one problem")
        self.what = what
        self.problems = tuple(problems)
        super().__init__(f"{what}: {len(self.problems)} problem(s)\n" + "\n".join(f"  {p}" for p in self.problems))
