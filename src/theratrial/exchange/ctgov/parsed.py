"""A foreign JSON file as plain values, and a walk over it that remembers which values were taken."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from theratrial.errors import InputError
from theratrial.registry.dates import DateProblem, read_date
from theratrial.registry.words import RecordDate

MAXIMUM_BYTES: Final = 50_000_000
MAXIMUM_DEPTH: Final = 60
BLANK: Final = "".join(
    letter for letter in map(chr, range(0x3001)) if letter.isspace() and not "\x1c" <= letter <= "\x1f"
)
"""What a record trims at both ends of a text: white space of Unicode; the separators of ASCII are none of it."""
_SHOWN: Final = 2_000
_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")


def parsed_json(content: bytes) -> Any:
    """The values of a JSON file.

    Raises
    ------
    InputError
        No JSON in UTF-8, too large or too deep, a key twice in one object, or a number or text that is none.
    """
    if len(content) > MAXIMUM_BYTES:
        raise InputError(f"the file has {len(content)} bytes; at most {MAXIMUM_BYTES} are read: give one study")
    try:
        value = json.loads(
            content.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_constant, parse_float=_finite
        )
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 text at byte {error.start}; save the file with encoding UTF-8") from None
    except RecursionError:
        raise InputError(f"nested deeper than {MAXIMUM_DEPTH} levels; a study is not") from None
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"not JSON: {error}; save the file again as the registry gives it") from None
    _refuse_depth_and_halves(value)
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise InputError(f"key '{key[:80]}' stands twice in one object; keep the one that is meant")
        found[key] = value
    return found


def _no_constant(word: str) -> float:
    raise InputError(f"'{word}' is no number of JSON; write a number or leave the key out")


def _finite(written: str) -> float:
    value = float(written)
    if not math.isfinite(value):
        raise InputError(f"the number {written[:40]} is too large to be read")
    return value


def _refuse_depth_and_halves(value: Any) -> None:
    """Depth, and halves of a letter (lone surrogates) that no file can hold."""
    waiting: list[tuple[Any, int]] = [(value, 1)]
    while waiting:
        here, depth = waiting.pop()
        if depth > MAXIMUM_DEPTH:
            raise InputError(f"nested deeper than {MAXIMUM_DEPTH} levels; a study is not")
        if isinstance(here, str):
            _refuse_half(here)
        elif isinstance(here, dict):
            for key, member in here.items():
                _refuse_half(key)
                waiting.append((member, depth + 1))
        elif isinstance(here, list):
            waiting.extend((member, depth + 1) for member in here)


def _refuse_half(words: str) -> None:
    if any("\ud800" <= letter <= "\udfff" for letter in words):
        raise InputError("a text holds half of a letter (a lone surrogate); save the file again")


class Book:
    """Which values were taken, and why others were not."""

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self.reasons: dict[str, tuple[str, str]] = {}
        self.notes: list[str] = []


class Node:
    """A place in the JSON; a place that is not there gives nothing."""

    __slots__ = ("book", "path", "value")

    def __init__(self, value: Any, path: str, book: Book) -> None:
        self.value, self.path, self.book = value, path, book

    def __getitem__(self, key: str) -> Node:
        value = self.value.get(key) if isinstance(self.value, dict) else None
        # A key with a dot in it must not look like two steps.
        step = key if _PLAIN_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)
        return Node(value, f"{self.path}.{step}" if self.path else step, self.book)

    def __bool__(self) -> bool:
        return self.value is not None

    def entries(self) -> list[Node]:
        """Members of a list; none where it is no list."""
        if not isinstance(self.value, list):
            return []
        return [Node(member, f"{self.path}[{index}]", self.book) for index, member in enumerate(self.value)]

    def first(self) -> Node:
        """The first member of a list, or a place that is not there."""
        return (self.entries() or [Node(None, f"{self.path}[0]", self.book)])[0]

    def take(self) -> None:
        """Say that this value has its place."""
        self.book.taken.add(self.path)

    def leave(self, why: str, suggestion: str = "") -> None:
        """Say why this value has none."""
        self.book.reasons[self.path] = (why, suggestion)

    @property
    def words(self) -> str:
        """The text, without taking it."""
        return self.value.strip(BLANK) if isinstance(self.value, str) else ""

    def text(self) -> str:
        """The text, taken."""
        if isinstance(self.value, str):
            self.take()
        elif self.value is not None and not isinstance(self.value, dict | list):
            self.leave("a text is expected here")
        return self.words

    def count(self) -> int | None:
        """A whole number of people, taken."""
        if isinstance(self.value, int) and not isinstance(self.value, bool) and 0 <= self.value < 10**9:
            self.take()
            return self.value
        if self.value is not None:
            self.leave("a whole number from 0 on is expected here")
        return None

    def date(self, *, today: date) -> RecordDate | None:
        """A date, taken; one that does not exist is left."""
        if not self.words:
            self.text()
            return None
        try:
            found = read_date(self.words, today=today)
        except DateProblem as problem:
            self.leave(problem.why, problem.suggestion)
            return None
        self.take()
        return found

    def leaves(self) -> Iterator[Node]:
        """Every value below: texts, numbers, yes and no. What is null or empty says nothing."""
        if isinstance(self.value, dict):
            for key in self.value:
                yield from self[key].leaves()
        elif isinstance(self.value, list):
            for member in self.entries():
                yield from member.leaves()
        elif self.value is not None:
            yield self

    @property
    def shown(self) -> str:
        """The value as a person reads it."""
        if isinstance(self.value, str):
            return self.value
        return json.dumps(self.value, ensure_ascii=False)[:_SHOWN]
