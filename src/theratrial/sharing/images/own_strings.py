"""The strings that would give a participant away, from the participant's own files, and the search for them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from theratrial.sharing.images.words import is_ordinary

_WORD: Final = re.compile(r"[^\W_]+")
_LONG_LETTERS: Final = 6
"""From here on a name is looked for inside words too; shorter ones as whole words (Anna is in cannabis)."""
_LONGEST_REMEMBERED: Final = 256
_BYTES_LETTERS: Final = 4
_BYTES_DIGITS: Final = 6
"""Shorter strings stand in any file by chance: they are looked for as whole words of text elements only."""
_TWO_LETTERS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae"})
_ARABIC: Final = str.maketrans({"\u06cc": "\u064a", "\u06a9": "\u0643"})
_ENCODINGS: Final = (
    "utf-8",
    "latin-1",
    "iso8859-2",
    "iso8859-5",
    "iso8859-6",
    "iso8859-7",
    "iso8859-8",
    "iso8859-9",
    "cp1251",
    "cp1256",
    "shift_jis",
    "gb18030",
    "euc_kr",
    "utf-16-le",
    "utf-16-be",
)


@dataclass(slots=True)
class OwnStrings:
    """What must not be found in what leaves: names and numbers, dates, UIDs."""

    strings: set[str] = field(default_factory=set)
    name_parts: set[str] = field(default_factory=set)
    """Ordinary words that are part of a person's name (Head^Jonathan): looked for in texts all the same."""
    dates: set[date] = field(default_factory=set)
    uids: set[str] = field(default_factory=set)
    offsets_minutes: set[int] = field(default_factory=set)

    def add(self, text: str) -> None:
        """A name, number, address or title that identifies: the whole and each of its words."""
        whole = " ".join(text.replace("^", " ").replace("=", " ").split()).strip().casefold()
        for one in _spellings(whole) if whole else ():
            self.strings.add(one)
            self.strings.update(word.group() for word in _WORD.finditer(one))

    def add_name(self, text: str) -> None:
        """A person's name; its ordinary words count unless all of it is ordinary (Liver Phantom is no person)."""
        self.add(text)
        parts = [word.group().casefold() for word in _WORD.finditer(text)]
        ordinary = {part for part in parts if is_ordinary(part)}
        if len(ordinary) < len(set(parts)):
            self.name_parts |= {part for part in ordinary if len(part) > 1}

    def merged(self, others: Iterable[OwnStrings]) -> OwnStrings:
        """These and others together."""
        result = OwnStrings(
            set(self.strings), set(self.name_parts), set(self.dates), set(self.uids), set(self.offsets_minutes)
        )
        for one in others:
            result.strings |= one.strings
            result.name_parts |= one.name_parts
            result.dates |= one.dates
            result.uids |= one.uids
            result.offsets_minutes |= one.offsets_minutes
        return result

    def search(self, *, shifted: Iterable[date] = ()) -> Search:
        """The search for these strings; dates that are also shifted dates cannot be told apart and are left out."""
        words, inside = set(), set()
        ordinary = 0
        for text in self.strings:
            if all(is_ordinary(word.group()) for word in _WORD.finditer(text)):
                ordinary += 1
            elif _goes_by_bytes(text):
                inside.add(text)
            elif len(text) > 1:
                words.add(text)
        return Search(
            frozenset(inside),
            frozenset(words),
            frozenset(self.name_parts),
            frozenset(self.dates - set(shifted)),
            frozenset(self.uids),
            ordinary,
            sum(len(text) == 1 for text in self.strings),
        )


def _spellings(text: str) -> set[str]:
    """A name as it may have been typed: with and without accents, ue for u-umlaut, Arabic for Persian letters."""
    spelled = text.translate(_TWO_LETTERS)
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return {text, spelled, bare, text.translate(_ARABIC)}


def _goes_by_bytes(text: str) -> bool:
    if text.isascii() and text.isdigit():
        return len(text) >= _BYTES_DIGITS
    return len(text) >= (_BYTES_LETTERS if text.isascii() else 2)


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for, and how: see `in_text` and `in_bytes`."""

    inside: frozenset[str]
    words: frozenset[str]
    name_parts: frozenset[str]
    """Ordinary words that are part of a person's name: looked for in free text, not in terms of the standard."""
    dates: frozenset[date]
    uids: frozenset[str]
    ordinary: int
    """Strings made of ordinary words alone (anonymous, patient, university): they identify nobody, not looked for."""
    too_short: int
    _needles: tuple[tuple[bytes, str, bool], ...] = field(init=False, repr=False)
    _judged: dict[tuple[str, bool], tuple[str, ...]] = field(init=False, repr=False, compare=False)
    """Texts already searched: the slices of a series repeat them."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_judged", {})
        object.__setattr__(self, "_needles", tuple(_needles(self.inside)))

    def in_text(self, text: str, *, term: bool = False) -> tuple[str, ...]:
        """What of it stands in a text of a file, by kind: ``string``, ``date`` or ``UID``; each kind once.

        Parameters
        ----------
        term
            Whether the text is a term of the standard (CS: HEAD), in which ordinary words name nobody.
        """
        known = self._judged.get((text, term))
        if known is None:
            known = tuple(self._kinds_in(text, self.words if term else self.words | self.name_parts))
            if len(text) <= _LONGEST_REMEMBERED:
                self._judged[(text, term)] = known
        return known

    def _kinds_in(self, text: str, words: frozenset[str]) -> Iterator[str]:
        low = " ".join(text.replace("^", " ").replace("=", " ").split()).casefold()
        if any(word.group() in words for word in _WORD.finditer(low)) or any(
            _stands(low, needle) for needle in self.inside
        ):
            yield "string"
        if any(form in text for day in self.dates for form in _forms(day)):
            yield "date"
        if any(uid.group() in self.uids for uid in _UID_TEXT.finditer(text)):
            yield "UID"

    def in_bytes(self, data: bytes) -> Iterator[tuple[str, int]]:
        """Kind and place of what stands in the raw bytes, in any of fifteen encodings, in any case of letters."""
        low = data.lower()
        for needle, _, whole in self._needles:
            place = low.find(needle)
            while place >= 0:
                if not whole or _alone(low, place, len(needle)):
                    yield "string", place
                    break
                place = low.find(needle, place + 1)
        plain = data.replace(b"\0", b"")  # also finds ASCII written in two bytes a letter
        for day in self.dates:
            for form in _forms(day):
                found = re.search(rb"(?<![\d.])" + re.escape(form.encode()), plain)
                if found:
                    yield "date", found.start()
                    break
        for uid in _UID_BYTES.finditer(plain):
            if uid.group().decode("ascii") in self.uids:
                yield "UID", uid.start()
                break

    def without(self, text: str, *, term: bool = False) -> str:
        """A text without the strings looked for; words in which one stands go as a whole."""
        if not self.in_text(text, term=term):
            return text
        words = self.words if term else self.words | self.name_parts
        left = text
        for needle in sorted(self.inside, key=len, reverse=True):
            left = re.sub(rf"(?i)[^\W_]*{re.escape(needle)}[^\W_]*", "", left)
        left = _WORD.sub(lambda m: "" if m.group().casefold() in words else m.group(), left)
        left = " ".join(left.split()).strip(" ,;:-_/^=")
        return "" if self.in_text(left, term=term) else left


_UID_TEXT: Final = re.compile(r"[0-2](?:\.\d+){3,}")
_UID_BYTES: Final = re.compile(rb"[0-2](?:\.\d+){3,}")


def _needles(strings: frozenset[str]) -> Iterator[tuple[bytes, str, bool]]:
    """Bytes to look for in lower-cased data, each once, and whether only as a whole word."""
    seen: set[bytes] = set()
    for text in sorted(strings):
        whole = len(text) < _LONG_LETTERS
        spellings = {text} if text.isascii() else {text, text.upper(), text.title()}
        spellings |= {one.replace(" ", "^") for one in spellings}
        for spelling in spellings:
            for encoding in _ENCODINGS if not spelling.isascii() else ("ascii", "utf-16-le", "utf-16-be"):
                try:
                    needle = spelling.encode(encoding).lower()
                except UnicodeEncodeError:
                    continue
                if len(needle) >= _BYTES_LETTERS and needle not in seen:
                    seen.add(needle)
                    yield needle, text, whole and spelling.isascii()


def _alone(data: bytes, place: int, length: int) -> bool:
    """Whether no letter or digit touches the find (a zero byte may: two bytes a letter)."""
    before = data[max(0, place - 1) : place]
    after = data[place + length : place + length + 1]
    return not (before.isalnum() or after.isalnum())


def _stands(low: str, needle: str) -> bool:
    if len(needle) >= _LONG_LETTERS or not needle.isascii():
        return needle in low
    return re.search(rf"(?<![^\W_]){re.escape(needle)}(?![^\W_])", low) is not None


def _forms(day: date) -> tuple[str, ...]:
    y, m, d = f"{day.year:04d}", f"{day.month:02d}", f"{day.day:02d}"
    return (
        f"{y}{m}{d}",
        f"{y}-{m}-{d}",
        f"{y}/{m}/{d}",
        f"{y}.{m}.{d}",
        f"{d}.{m}.{y}",
        f"{d}/{m}/{y}",
        f"{m}/{d}/{y}",
    )
