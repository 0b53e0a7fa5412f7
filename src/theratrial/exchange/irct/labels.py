"""What a line of the registry's page is: a label, a heading, a number of an entry, or words of a value."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Final

from theratrial.registry.fields import Field, fields, sections

HEADINGS: Final[dict[str, tuple[str, str]]] = {
    "document": ("Clinical Trial Protocol", "پروتکل کارآزمایی بالینی"),
    "registry": ("Iranian Registry of Clinical Trials", "مرکز ثبت کارآزمایی بالینی ایران"),
    "general": ("General information", "اطلاعات عمومی"),
    "criteria": ("Inclusion/Exclusion criteria", "شرایط ورود و عدم ورود"),
    "age": ("Age", "سن"),
    "sample_size": ("Sample size", "حجم نمونه"),
    "contact": ("Contact", "اطلاعات تماس"),
    "ethics": ("Ethics committee", "کمیته اخلاق"),
    "centres": ("Recruitment center", "مرکز بیمارگیری"),
    "sponsors": ("Sponsor", "حمایت کننده مالی"),
    "withheld": (
        "Names, telephone and fax numbers, e-mail and web addresses are left out of this copy",
        "نام‌ها، شماره‌های تلفن و نمابر و نشانی‌های ایمیل و وب در این نسخه نیامده است",
    ),
}
"""Headings that carry no value and that no field has as its label, in English and Persian; the last one is ours."""
STRUCTURE: Final = frozenset(words for name, pair in HEADINGS.items() if name != "age" for words in pair)
AGE_LABELS: Final = frozenset(words.casefold() for words in HEADINGS["age"])
EMPTY_WORDS: Final = ("empty", "خالی")
"""What the page prints for an empty field that says so."""
EMPTY: Final = frozenset(EMPTY_WORDS)
MORE_THAN_ONE: Final = re.compile(r"\d{1,2}")


@dataclass(frozen=True, slots=True)
class Step:
    """A field in the order of the page."""

    index: int
    field: Field
    labels: frozenset[str]


def plain(text: str) -> str:
    """A line for comparison: one kind of letters and spaces, no mark-up, no colon at its end, lower case."""
    text = unicodedata.normalize("NFKC", text).translate(_LETTERS)
    return " ".join(text.replace("*", " ").split()).rstrip(":").strip().casefold()


# Arabic letters where Persian has its own, signs of direction, the half space.
_LETTERS: Final = str.maketrans({"ي": "ی", "ك": "ک", "ۀ": "ه", "\u200c": " ", "\u200e": "", "\u200f": "", "\u00ad": ""})


@cache
def steps() -> tuple[Step, ...]:
    """Every field, in the order of the page."""
    return tuple(
        Step(index, field, frozenset({plain(field.en), plain(field.fa)})) for index, field in enumerate(fields())
    )


@cache
def section_titles() -> dict[str, str]:
    """Plain heading -> section."""
    return {plain(title): section.name for section in sections() for title in (section.en, section.fa)}


@cache
def first_step(section: str) -> int:
    """Index of the first field of a section."""
    return next(step.index for step in steps() if step.field.section == section)


@cache
def structure() -> frozenset[str]:
    """Plain headings without a value."""
    return frozenset(plain(one) for one in STRUCTURE)
