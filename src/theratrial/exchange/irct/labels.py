"""What a line of the registry's page is: a label, a heading, a number of an entry, or words of a value."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Final

from theratrial.registry.fields import Field, fields, sections

# Headings that carry no value and that no field has as its label.
STRUCTURE: Final = frozenset(
    {
        "clinical trial protocol",
        "iranian registry of clinical trials",
        "general information",
        "inclusion/exclusion criteria",
        "sample size",
        "contact",
        "ethics committee",
        "recruitment center",
        "sponsor",
        "پروتکل کارآزمایی بالینی",
        "مرکز ثبت کارآزمایی‌های بالینی ایران",
        "اطلاعات عمومی",
        "شرایط ورود و عدم ورود",
        "حجم نمونه",
        "اطلاعات تماس",
        "کمیته اخلاق",
        "مرکز بیمارگیری",
        "حمایت کننده مالی",
    }
)
AGE_LABELS: Final = frozenset({"age", "سن"})
EMPTY: Final = frozenset({"empty", "خالی"})
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
