"""Two versions side by side: what differs, field by field, and word by word in long texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final, Literal

from django.utils.translation import gettext as _

from theratrial.registry.difference import Change
from theratrial.registry.fields import Field
from theratrial.registry.shown import shown, shown_apart
from theratrial.registry.words import LANGUAGES, Coded, Language, Text
from theratrial.web.registration.shown import label_of, language, section_title

Piece = tuple[str, str]
"""(``same`` | ``out`` | ``in``, words)."""
_TOKENS: Final = re.compile(r"\s+|[^\s]+")
_MOST_TOKENS: Final = 4000
"""Beyond this a text is compared as a whole: the comparison takes the square of it at worst."""


@dataclass(frozen=True, slots=True)
class Side:
    """What a field said before and after, in one language or in none."""

    language: str
    """``en``, ``fa``; empty for what has no language."""
    old: tuple[Piece, ...]
    new: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class DrawnChange:
    """A field that differs."""

    path: str
    label: str
    section: str
    kind: str
    kind_words: str
    sign: str
    sides: tuple[Side, ...]


def kind_words(kind: str) -> str:
    """What happened to a field."""
    return {"added": _("added"), "removed": _("removed"), "changed": _("changed")}[kind]


def drawn_changes(changes: Iterable[Change], *, contacts: bool) -> list[DrawnChange]:
    """Changes as a page shows them.

    Parameters
    ----------
    contacts
        Whether what points at people is shown; else only that it changed.
    """
    return [
        DrawnChange(
            one.path, label_of(one.path), section_title(one.field.section), one.kind, kind_words(one.kind),
            {"added": "+", "removed": "−", "changed": "±"}[one.kind],
            tuple(_sides(one, contacts)),
        )
        for one in changes
    ]  # fmt: skip


def _sides(change: Change, contacts: bool) -> Iterator[Side]:
    if change.field.personal and not contacts:
        hidden = (("same", _("a person's name or address: not shown here")),)
        yield Side("", hidden if change.old is not None else (), hidden if change.new is not None else ())
        return
    tongues = _tongues(change.field, change.old, change.new)
    if change.kind == "changed" and not tongues:
        yield Side("", *words_compared(*shown_apart(change.field, change.old, change.new, language())))
        return
    spoken: tuple[Language | Literal[""], ...] = tongues or ("",)
    for tongue in spoken:
        old, new = (_words(change.field, value, tongue) for value in (change.old, change.new))
        if old != new or not tongues:
            yield Side(tongue, *words_compared(old, new))


def _tongues(field: Field, *values: Any) -> tuple[Language, ...]:
    """Languages that the field's values have words of their own in."""
    if field.kind in ("text", "texts"):
        return LANGUAGES
    spoken = any(isinstance(one, Coded) and one.text for one in values)
    return LANGUAGES if spoken else ()


def _words(field: Field, value: Any, tongue: Language | Literal[""]) -> str:
    return shown(field, value, tongue, either=False) if tongue else shown(field, value, language())


def words_compared(old: str, new: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Both texts, cut where they differ: whole words, blanks with them.

    Examples
    --------
    >>> words_compared("15 women", "15 people")
    ((('same', '15 '), ('out', 'women')), (('same', '15 '), ('in', 'people')))
    """
    if not old or not new:
        return (("out", old),) if old else (), (("in", new),) if new else ()
    first, second = _TOKENS.findall(old), _TOKENS.findall(new)
    if len(first) + len(second) > _MOST_TOKENS:
        return (("out", old),), (("in", new),)
    before: list[Piece] = []
    after: list[Piece] = []
    for what, a, b, c, d in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if what == "equal":
            _put(before, "same", first[a:b])
            _put(after, "same", second[c:d])
        else:
            _put(before, "out", first[a:b])
            _put(after, "in", second[c:d])
    return tuple(before), tuple(after)


def _put(pieces: list[Piece], kind: str, tokens: Sequence[str]) -> None:
    if tokens:
        pieces.append((kind, "".join(tokens)))


def plain_changes(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """Changes as plain JSON: what is signed. Of people only that their entry changed: a signature is read by many."""
    found = []
    for one in changes:
        line: dict[str, Any] = {"path": one.path, "kind": one.kind}
        if one.field.personal:
            line["values"] = "of a person; in the version itself"
        else:
            line |= {"old": _plain(one.field, one.old), "new": _plain(one.field, one.new)}
        found.append(line)
    return found


def _plain(field: Field, value: Any) -> Any:
    if isinstance(value, Text):
        return {"en": value.en, "fa": value.fa}
    return shown(field, value, "en")
