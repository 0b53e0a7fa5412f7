"""Descriptions cleaned by a list of words that may stay: whatever is not on it goes."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from theratrial.reference import table

_DATE_OR_PHONE: Final = re.compile(r"\+?\d+(?:[./\- :]\d+){2,}")
_TOKEN: Final = re.compile(r"[^\W_]+")
_NUMBER: Final = re.compile(r"\d{1,3}")
_NUMBER_AND_UNIT: Final = re.compile(
    r"(\d{1,3}(mm|cm|ml|s|sec|min|h|hr|d|kv|kev|ma|mbq|gbq|it|i|s|hz|p)|[a-z]{1,2}\d{1,2}|\d{1,2}d|p\d{1,2})"
)
_NUCLIDE: Final = re.compile(
    r"(\d{1,3}m?(ga|lu|tc|f|zr|cu|i|in|y|re|ac|tb|sm|ho|c|n|o|rb)|(ga|lu|tc|zr|cu|in|re|ac|tb|sm|ho|rb)\d{2,3}m?)"
)
_KEPT_BETWEEN: Final = re.compile(r"[^\w \-+./,()\[\]%^]")
_LOOSE_LINE: Final = re.compile(r"_+(?![^\W_])|(?<![^\W_])_+")


@cache
def _words() -> dict[str, str]:
    return {row.text("word"): row.text("kind") for row in table("sharing/images/safe_words")}


def is_ordinary(word: str) -> bool:
    """Whether a word names nobody: it stands on the list of words that may stay, whatever its case."""
    return word.casefold() in _words()


def _stays(token: str) -> bool:
    low = token.casefold()
    return (
        low in _words()
        or _NUMBER.fullmatch(token) is not None
        or _NUMBER_AND_UNIT.fullmatch(low) is not None
        or _NUCLIDE.fullmatch(low) is not None
    )


def cleaned(text: str) -> str:
    """The words of a description that may stay, with short numbers, in their order; "" where nothing is left.

    Numbers of more than three digits go, and anything that looks like a date or a telephone number.

    Examples
    --------
    >>> cleaned("PET AC WholeBody Dr. Smith 12.03.1965 ext 0912-345-678")
    'PET AC WholeBody'
    >>> cleaned("177Lu SPECT 24h, lesion_3 (Mueller)")
    '177Lu SPECT 24h, lesion_3'
    """
    left = _DATE_OR_PHONE.sub(" ", text)
    left = _TOKEN.sub(lambda m: m.group() if _stays(m.group()) else "", left)
    left = _LOOSE_LINE.sub(" ", _KEPT_BETWEEN.sub(" ", left))
    left = re.sub(r"\(\s*\)|\[\s*\]", " ", left)
    left = " ".join(part for part in left.split() if re.search(r"[^\W_]", part))
    return left.strip(" -+./,^%")
