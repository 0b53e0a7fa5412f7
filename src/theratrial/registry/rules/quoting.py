"""The words of a field that a finding quotes: whole words as registered, ``…`` where they are cut."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from theratrial.registry.found import Quote
from theratrial.registry.needles import folded
from theratrial.registry.readings import Reading, readings, topics
from theratrial.registry.rules.frame import Case, quote

_CLAUSE: Final = re.compile(r"\n+|(?<=[;؛])\s|(?<=[^\W\d]\.)\s+(?=\S)|(?<=[^\W\d][.:])\s+(?=[A-Z\d])")
_MARKS: Final = " \t,;.:،؛-•*·"
_BEFORE: Final = 60
_LONGEST: Final = 160
_LONGEST_WORD: Final = 60
_FIELDS: Final = {"Age from ": "eligibility.age_from", "Age to ": "eligibility.age_to", "Gender: ": "eligibility.sex"}


def quoted(case: Case, reading: Reading, path: str) -> Quote:
    """What a reading of a field was read from, in the words of that field."""
    for beginning, field in _FIELDS.items():
        if reading.quote.startswith(beginning):
            return quote(case, field)
    text = quote(case, path).text
    words, at = _clause_of(text, reading)
    return Quote(shortened(words or reading.quote, at), path)


def opening(case: Case, path: str) -> Quote:
    """The beginning of a field in which something is missing: there is nothing else to point at."""
    return Quote(shortened(" ".join(quote(case, path).text.split())), path)


def whole_words(text: str, start: int, end: int) -> str:
    """A piece of a text, widened to whole words; ``…`` where the sentence goes on.

    Examples
    --------
    >>> whole_words("Scans to assess radiotracer distribution. More", 9, 30)
    '… to assess radiotracer …'
    """
    least, most = max(0, start - _LONGEST_WORD), min(len(text), end + _LONGEST_WORD)
    while start > least and not text[start - 1].isspace() and not text[start].isspace():
        start -= 1
    while end < most and not text[end].isspace() and not text[end - 1].isspace():
        end += 1
    after = " …" if text[start:end].rstrip()[-1:].isalnum() and text[end:].strip() else ""
    before = "… " if text[:start].rstrip()[-1:] not in ("", ".", ";", "؛", ":", "!", "?", "؟") else ""
    return f"{before}{' '.join(text[start:end].split())}{after}"


def shortened(words: str, around: int = 0, longest: int = _LONGEST) -> str:
    """At most so many letters, cut between words; the place `around` stays in.

    Examples
    --------
    >>> shortened("Women of at least eighteen years", longest=20)
    'Women of at least …'
    >>> shortened("Women of at least eighteen years, ECOG 0 or 1", 34, 20)
    '… ECOG 0 or 1'
    """
    if len(words) <= longest:
        return words
    begin, before = 0, min(_BEFORE, longest // 2)
    if around > before:
        part = words[around - before : around]
        mark = max(part.rfind(one) for one in (", ", "، ", "; ", "؛ ", ". ", ": ", ") "))
        begin = around - before + (mark + 2 if mark >= 0 else part.find(" ") + 1)
    end = len(words)
    if end - begin > longest:
        cut = words.rfind(" ", begin + 1, begin + longest + 1)
        end = cut if cut > around else begin + longest
    said = words[begin:end].strip(_MARKS if end < len(words) else " ")
    return f"{'… ' if begin else ''}{said}{' …' if end < len(words) else ''}"


def _clause_of(text: str, reading: Reading) -> tuple[str, int]:
    """The entry or sentence with such a reading, and where in it the topic is named; of none: no words."""
    topic = topics()[reading.topic]
    named = ("", 0)
    for clause, small in _clauses(text):
        if not topic.words.possible(small):
            continue
        found = [one for one in readings(clause, reading.side) if one.topic == reading.topic]
        if not found:
            continue
        match = topic.words.search(clause.replace("\u200c", " "))
        here = (clause, match.start() if match else 0)
        if any(one.value == reading.value for one in found):
            return here
        named = named if named[0] else here
    return named


@lru_cache(maxsize=8)
def _clauses(text: str) -> tuple[tuple[str, str], ...]:
    parts = (" ".join(one.split()).strip(_MARKS) for one in _CLAUSE.split(text))
    return tuple((one, folded(one.replace("\u200c", " "))) for one in parts if one)
