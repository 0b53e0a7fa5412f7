"""Letters without which a pattern cannot match: a test that costs a hundredth of the pattern's own search.

A check looks for a hundred patterns in a record, and nearly all are not there. `in` finds that out at the speed of
memory; a regular expression with many alternatives does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

_QUANTIFIERS: Final = "?*+{"
_OPENING: Final = re.compile(r"\(\?P<\w+>|\(\?:|\(\?[=!]|\(\?<[=!]|\((?!\?)")
_REPEATED: Final = re.compile(r"\{(\d+)?(?:,\d*)?\}")


def folded(words: str) -> str:
    """The words as needles are looked for: small letters, and those that `re.IGNORECASE` takes for an i as one."""
    return words.lower() if words.isascii() else words.replace("İ", "i").replace("ı", "i").casefold()


def needles(pattern: str) -> frozenset[str]:
    """Pieces in small letters of which each match holds at least one; empty where none can be told.

    Read from the pattern: of each alternative the longest piece of plain letters that is not optional.

    Examples
    --------
    >>> sorted(needles(r"\\bplatelets?(?: count)?|\\bplt\\b"))
    ['platelet', 'plt']
    """
    found, end = _alternatives(pattern, 0)
    assert end == len(pattern), f"unbalanced: {pattern}"
    return frozenset(one for one in found if not any(other in one for other in found - {one}))


def _alternatives(pattern: str, at: int) -> tuple[frozenset[str], int]:
    """Of a pattern or the inside of a group, up to its closing bracket."""
    kept: list[frozenset[str]] = []
    while True:
        pieces, at = _sequence(pattern, at)
        kept.append(max(pieces, key=_worth, default=frozenset()))
        if at == len(pattern) or pattern[at] == ")":
            break
        at += 1
    # One alternative of which nothing can be told, and nothing can be told of the whole.
    return (frozenset().union(*kept) if all(kept) else frozenset()), at


def _worth(piece: frozenset[str]) -> tuple[int, int]:
    return min((len(one) for one in piece), default=0), -len(piece)


def _sequence(pattern: str, at: int) -> tuple[list[frozenset[str]], int]:
    """Pieces that every match of one alternative has, up to its end."""
    pieces: list[frozenset[str]] = []
    run = ""

    def closed() -> None:
        nonlocal run
        if run:
            pieces.append(frozenset([folded(run)]))
        run = ""

    while at < len(pattern) and pattern[at] not in "|)":
        letter, group, following = _atom(pattern, at)
        optional, after = _quantifier(pattern, following)
        if letter and not optional:
            run += letter
        if not letter or after != following:
            closed()
        if group and not optional:
            pieces.append(group)
        at = after
    closed()
    return pieces, at


def _atom(pattern: str, at: int) -> tuple[str, frozenset[str], int]:
    """The letter or group that begins there, and where it ends; neither for a class, an anchor or a look around."""
    first = pattern[at]
    if first == "\\":
        plain = not pattern[at + 1].isalnum()
        return (pattern[at + 1] if plain else ""), frozenset(), at + 2
    if first == "[":
        end = at + 2 + (pattern[at + 1] == "^")
        while pattern[end] != "]":
            end += 1 + (pattern[end] == "\\")
        return "", frozenset(), end + 1
    if first == "(":
        named = _OPENING.match(pattern, at)
        assert named, f"a group of another kind: {pattern[at:]}"
        inside, end = _alternatives(pattern, named.end())
        looks = named[0].startswith(("(?=", "(?!", "(?<"))
        return "", frozenset() if looks else inside, end + 1
    return ("" if first in ".^$" else first), frozenset(), at + 1


def _quantifier(pattern: str, at: int) -> tuple[bool, int]:
    """Whether what stands before may be missing, and where the quantifier ends."""
    if at == len(pattern) or pattern[at] not in _QUANTIFIERS:
        return False, at
    repeated = _REPEATED.match(pattern, at)
    optional = pattern[at] in "?*" or (repeated is not None and not int(repeated[1] or 0))
    end = repeated.end() if repeated else at + 1
    return optional, end + (end < len(pattern) and pattern[end] == "?")


@dataclass(frozen=True, slots=True, eq=False)
class Alternative:
    """What stands between two bars of a pattern; each is itself alone, so that sets of them are found at once."""

    source: str
    needles: tuple[str, ...]
    whole: bool
    """Whether it is a piece of plain letters and nothing else: its needle is the match."""
    head: str = ""
    """Plain letters with which every match begins, in small letters; empty where it may begin otherwise."""

    def possible(self, folded_text: str) -> bool:
        """Whether a text, `folded`, may hold a match."""
        for one in self.needles:
            if one in folded_text:
                return True
        return not self.needles


@dataclass(frozen=True, slots=True)
class Words:
    """A pattern, capitals and small letters alike; searched only where its needles are.

    It is compiled when a text may hold a match, not before: most are never needed, and a command has to start.
    """

    source: str
    alternatives: tuple[Alternative, ...]

    @property
    def pattern(self) -> re.Pattern[str]:
        """The whole pattern, for texts with their capitals."""
        return _ignoring_case(self.source)

    def possible(self, folded_text: str) -> bool:
        """Whether a text, `folded`, may hold a match."""
        for one in self.alternatives:  # noqa: SIM110  a generator costs more than the search
            if one.possible(folded_text):
                return True
        return False

    def within(self, folded_text: str) -> bool:
        """Whether a text, `folded`, holds a match."""
        for one in self.alternatives:
            if one.possible(folded_text) and (one.whole or next(matches((one,), folded_text), None) is not None):
                return True
        return False

    def search(self, text: str, folded_text: str = "") -> re.Match[str] | None:
        """The first match, with the text's own capitals."""
        folded_text = folded_text or folded(text)
        # One sign that folds into two (a German sharp s) may part a match or join one.
        alike = len(folded_text) == len(text)
        found = self.within(folded_text) if alike else self.possible(folded_text)
        return self.pattern.search(text) if found else None

    def finditer(self, text: str, folded_text: str) -> Iterator[re.Match[str]]:
        """All matches; their places are those of the text, their letters may be the folded ones."""
        return self.finditer_of(self.possible_alternatives(folded_text), text, folded_text)

    def possible_alternatives(self, folded_text: str) -> tuple[Alternative, ...]:
        """Those that a text, `folded`, may hold."""
        return tuple([one for one in self.alternatives if one.possible(folded_text)])

    def finditer_of(self, possible: tuple[Alternative, ...], text: str, folded_text: str) -> Iterator[re.Match[str]]:
        """Like `finditer`, where it is known which alternatives are possible."""
        if not possible:
            return iter(())
        if len(folded_text) != len(text):
            return self.pattern.finditer(text)
        return matches(possible, folded_text)


def matches(possible: tuple[Alternative, ...], folded_text: str) -> Iterator[re.Match[str]]:
    """All matches of a pattern of which these alternatives alone are possible."""
    # Without those that cannot match the others match just the same, and faster.
    pattern = _joined(possible)
    heads = [one.head for one in possible]
    if "" in heads:
        return pattern.finditer(folded_text)
    return _from_heads(pattern, heads, folded_text)


def _from_heads(pattern: re.Pattern[str], heads: list[str], folded_text: str) -> Iterator[re.Match[str]]:
    """Matches of a pattern that begins with one of these: tried there and nowhere else."""
    places = set()
    for head in heads:
        at = folded_text.find(head)
        while at >= 0:
            places.add(at)
            at = folded_text.find(head, at + 1)
    end = 0
    for at in sorted(places):
        if at >= end and (found := pattern.match(folded_text, at)) is not None:
            yield found
            end = found.end()


@lru_cache(maxsize=512)
def _ignoring_case(source: str) -> re.Pattern[str]:
    return re.compile(source, re.IGNORECASE)


@lru_cache(maxsize=2048)
def _joined(alternatives: tuple[Alternative, ...]) -> re.Pattern[str]:
    return re.compile("|".join(one.source for one in alternatives))


def sought(pattern: str, *, having: tuple[str, ...] = ()) -> Words:
    """The pattern; written in small letters.

    Parameters
    ----------
    having
        Needles, where better ones are known than can be read from the pattern: of any match of the whole.
    """
    assert not _CAPITAL.search(pattern), f"capitals: {pattern}"
    small = pattern if pattern.isascii() else "".join(one if one.isascii() else folded(one) for one in pattern)
    if having:
        found = [Alternative(small, having, False)]
    else:
        read = [(one, needles(one)) for one in _split(small)]
        found = [Alternative(one, tuple(sorted(its, key=len)), its == {one}, _head(one)) for one, its in read]
    return Words(pattern, tuple(found))


def _head(alternative: str) -> str:
    """The plain letters with which every match of it begins."""
    at = 2 if alternative.startswith("\\b") else 0
    head = ""
    while at < len(alternative):
        letter, _, following = _atom(alternative, at)
        optional, after = _quantifier(alternative, following)
        if not letter or optional:
            break
        head += letter
        if after != following:
            break
        at = after
    return head


_CAPITAL: Final = re.compile(r"(?<![\\?])[A-Z]")


def _split(pattern: str) -> list[str]:
    bars = [-1]
    at = 0
    while at < len(pattern):
        at = _sequence(pattern, at)[1] + 1
        bars.append(at - 1)
    return [pattern[first + 1 : last] for first, last in pairwise(bars)]
