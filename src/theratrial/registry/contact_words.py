"""E-mail addresses and telephone numbers in prose: `public_record` empties fields and rewrites no sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from theratrial.registry.fields import Filled
from theratrial.registry.words import Text

_EMAIL: Final = re.compile(r"[\w.+-]{1,64}(?:@| ?[(\[]at[)\]] ?)[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}", re.IGNORECASE)
_REST: Final = r"(?:[ ().-]{0,2}\d){%s}"
_PHONE: Final = re.compile(
    rf"(?<![\w.+/-])(?:\+|[0۰٠]{{2}})[1-9۱-۹]{_REST % '7,13'}(?![\w/])"
    rf"|(?<![\w.+/-])[0۰٠][1-9۱-۹]{_REST % '8,9'}(?![\w/])"
    rf"|(?:\b(?:tel|telephone|phone|fax|mobile|cell|call)\b|تلفن|همراه|موبایل|نمابر)\W{{0,4}}(?:no\W{{0,3}})?"
    rf"[+(]?\d{_REST % '6,14'}",
    re.IGNORECASE,
)
# No number is shorter; most texts have no such run of digits, and finding that out is cheap.
_RUN: Final = re.compile(rf"\d{_REST % '6'}")


@dataclass(frozen=True, slots=True)
class ContactWords:
    """Words by which somebody can be reached, in a field that every public copy carries."""

    path: str
    words: str
    start: int
    end: int
    """Where in the words it stands."""
    kind: Literal["email", "phone"]


def contacts_in_prose(filled: Iterable[Filled]) -> Iterator[ContactWords]:
    """The first of each kind in every text that is no contact field of its own; web addresses are none."""
    for one in filled:
        if one.field.kind not in ("text", "string", "texts") or one.field.personal:
            continue
        values = one.value if isinstance(one.value, tuple) else (one.value,)
        told: set[str] = set()
        for words in (said for value in values for said in _languages(value)):
            for kind, match in _matches(words):
                if match[0].casefold() not in told:
                    told.add(match[0].casefold())
                    yield ContactWords(one.path, words, match.start(), match.end(), kind)


def _languages(value: Text | str) -> tuple[str, ...]:
    return (value.en, value.fa) if isinstance(value, Text) else (value,)


def _matches(words: str) -> Iterator[tuple[Literal["email", "phone"], re.Match[str]]]:
    if ("@" in words or "at)" in words or "at]" in words) and (match := _EMAIL.search(words)):
        yield "email", match
    if _RUN.search(words) and (match := _PHONE.search(words)):
        yield "phone", match
