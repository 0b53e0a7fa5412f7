"""From what a person types to a CTCAE term: search while typing, likely terms for a misspelt one, what is odd."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from functools import cache, lru_cache
from typing import Final

from theratrial.reference import table
from theratrial.safety.adverse.terms import EVENT_TABLES, EventTerm, as_written, event_term, event_terms

_LIKENESS: Final = 0.72
_WORD_LIKENESS: Final = 0.8
# Longer than any term with its specification; what is longer is prose, and likeness of prose takes seconds.
_LONGEST: Final = 250


@dataclass(frozen=True, slots=True)
class TermFinding:
    """What is odd about a recorded term and its grade; nothing where both lists are empty."""

    term: EventTerm | None
    problems: tuple[str, ...]


def _american(text: str) -> str:
    """Written the way NCI spells: anaemia, diarrhoea, oedema and haemorrhage lose a letter."""
    return as_written(text).replace("ae", "e").replace("oe", "e").replace("tumour", "tumor")


@cache
def _by_spelling(version: str) -> dict[str, EventTerm]:
    return {_american(one.term): one for one in event_terms(version).values()}


@cache
def _by_word(version: str) -> dict[str, tuple[EventTerm, ...]]:
    """Everyday words, and names of the other version, for terms of this one."""
    found: dict[str, tuple[EventTerm, ...]] = {}
    for row in table("safety/event_words"):
        term, word = event_term(row.text("term"), version), _american(row.text("word"))
        if term is not None and word not in _by_spelling(version):
            found[word] = (*found.get(word, ()), term)
    return found


@lru_cache(maxsize=4096)
def likely_terms(name: str, version: str, most: int = 3) -> tuple[str, ...]:
    """Terms of a version that a name may stand for, the likeliest first; none where nothing is alike.

    Examples
    --------
    >>> likely_terms("Anaemia", "5.0")
    ('Anemia',)
    >>> likely_terms("Thrombocytopenia", "5.0")
    ('Platelet count decreased',)
    >>> likely_terms("thing", "5.0")
    ()
    """
    known = _by_spelling(version)
    sought = _american(name)[:_LONGEST]
    if not sought:
        return ()
    if sought in known:
        return (known[sought].term,)
    if sought in (by_word := _by_word(version)):
        return tuple(one.term for one in by_word[sought][:most])
    close = get_close_matches(sought, known, n=most, cutoff=_LIKENESS)
    return tuple(known[one].term for one in close)


def terms_matching(typed: str, version: str, most: int = 12) -> tuple[EventTerm, ...]:
    """Terms for a person who is typing, best first: the same, beginning so, a word beginning so, containing, alike.

    Examples
    --------
    >>> [one.term for one in terms_matching("naus", "5.0")]
    ['Nausea']
    >>> [one.term for one in terms_matching("platelet", "5.0")]
    ['Platelet count decreased']
    """
    sought = _american(typed)[:_LONGEST]
    if not sought:
        return ()
    ranked = []
    for place, (spelled, one) in enumerate(_by_spelling(version).items()):
        rank = _rank(sought, spelled)
        if rank is not None:
            ranked.append((rank, one.is_other, place, one))
    ranked += [
        ((1 if word == sought else 2), False, -1, one)
        for word, found in _by_word(version).items()
        if word.startswith(sought)
        for one in found
    ]
    if not ranked:
        return tuple(alike for name in _alike(sought, version, most) if (alike := event_term(name, version)))
    ordered = sorted(ranked, key=lambda entry: entry[:3])
    return tuple({one.term: one for *_, one in ordered}.values())[:most]


def _rank(sought: str, spelled: str) -> int | None:
    if spelled == sought:
        return 0
    if spelled.startswith(sought):
        return 1
    words = spelled.replace("-", " ").replace(",", " ").split()
    wanted = sought.split()
    if all(any(word.startswith(one) for word in words) for one in wanted):
        return 2
    return 3 if sought in spelled else None


def _alike(sought: str, version: str, most: int) -> tuple[str, ...]:
    """Misspelt: like a whole term, or like a word of one."""
    whole = likely_terms(sought, version, most)
    if whole:
        return whole
    found = []
    for spelled, one in _by_spelling(version).items():
        best = max((SequenceMatcher(None, sought, word).ratio() for word in spelled.split()), default=0.0)
        if best >= _WORD_LIKENESS:
            found.append((-best, one.term))
    return tuple(term for _, term in sorted(found)[:most])


def term_finding(name: str, grade: int | None, version: str) -> TermFinding:
    """Whether a recorded term is one of its version, and whether its grade exists for the term.

    Both are warnings to a person, never a refusal: what happened to the participant stays recorded.

    Examples
    --------
    >>> term_finding("Alopecia", 3, "5.0").problems
    ('CTCAE 5.0 has no grade 3 for Alopecia; its grades are 1 and 2',)
    """
    found = event_term(name, version)
    if found is None:
        return TermFinding(None, (_not_a_term(name, version),))
    if grade is None or grade in found.grades:
        return TermFinding(found, ())
    has = [str(one) for one in sorted(found.grades)]
    listed = f"its grades are {', '.join(has[:-1])} and {has[-1]}" if len(has) > 1 else f"its one grade is {has[0]}"
    return TermFinding(found, (f"CTCAE {version} has no grade {grade} for {found.term}; {listed}",))


def _not_a_term(name: str, version: str) -> str:
    others = [other for other in EVENT_TABLES if other != version and event_term(name, other)]
    hint = f"; it is a term of version {others[0]}" if others else ""
    if likely := likely_terms(name, version):
        hint += f"; did you mean {' or '.join(likely)}?"
    return f"{name!r} is not a CTCAE {version} term{hint}; choose a term, or '<system organ class> - Other, specify'"
