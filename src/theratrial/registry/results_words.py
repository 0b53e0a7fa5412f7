"""Words and numbers of reported results as every format writes them."""

from __future__ import annotations

import math
import re
from typing import Final

from theratrial.registry.found import Sentence
from theratrial.registry.results_reported import OutcomeReported, ReportedResults
from theratrial.registry.words import Language

_METHODS: Final = {
    "clopper_pearson": Sentence("exact (Clopper-Pearson)", "دقیق (کلوپر-پیرسون)"),
    "wilson": Sentence("Wilson score", "ویلسون"),
}
SIMULATED: Final = Sentence(
    "The participants are virtual: every value was simulated, and no patient is behind any number.",
    "شرکت‌کنندگان مجازی‌اند: همهٔ داده‌ها شبیه‌سازی شده و پشت هیچ عددی بیماری نیست.",
)
UNLOCKED: Final = Sentence(
    "Draft: the data were not locked when this was computed. It must not be registered.",
    "پیش‌نویس: هنگام محاسبه، داده‌ها قفل نشده بودند. این نتایج نباید ثبت شود.",
)


def caveats(reported: ReportedResults) -> tuple[Sentence, ...]:
    """What a reader must know first: virtual participants, a draft, then the limitations."""
    marks = ((reported.simulated, SIMULATED), (not reported.locked, UNLOCKED))
    return (*(sentence for holds, sentence in marks if holds), *reported.limitations)


def said(sentence: Sentence, language: Language) -> str:
    """The sentence in a language; the English one where it was never said in Persian."""
    return (sentence.fa or sentence.en) if language == "fa" else sentence.en


def method_words(method: str) -> Sentence:
    """An interval's method as readers know it."""
    return _METHODS.get(method, Sentence(method.replace("_", " "), method.replace("_", " ")))


def number(value: float, *, digits: int = 3) -> str:
    """A number with so many significant digits, never in powers of ten; a whole number stays whole."""
    if float(value).is_integer():
        return f"{value:.0f}"
    return f"{value:.{_decimals(value, digits)}f}"


def mean_and_spread(mean: float, deviation: float | None, *, digits: int = 3) -> tuple[str, str]:
    """Mean and standard deviation to the same decimals: ``160.87`` and ``4.53``; no spread is an empty text."""
    if deviation is None:
        return number(mean, digits=digits + 1), ""
    decimals = _decimals(deviation or mean, digits)
    return f"{mean:.{decimals}f}", f"{deviation:.{decimals}f}"


def _decimals(value: float, digits: int) -> int:
    """Decimals that show so many significant digits of a value."""
    if not value:
        return 0
    before = math.floor(math.log10(abs(value))) + 1
    return min(max(digits - before, 0), 12)


def percent(fraction: float) -> str:
    """A fraction as percent with one decimal: ``66.7``."""
    return f"{fraction * 100:.1f}"


def level_percent(one: OutcomeReported) -> str:
    """The confidence level in percent: ``95``; empty where there is none."""
    return "" if one.confidence_level is None else f"{one.confidence_level * 100:g}"


_PERSIAN_DIGITS: Final = str.maketrans("0123456789.", "۰۱۲۳۴۵۶۷۸۹٫")
_NUMERAL: Final = re.compile(r"(?<![A-Za-z0-9^_./-])(?<!\d:)\d+(?:\.\d+)?(?![A-Za-z0-9^_/]|[.:-]\d)")


def persian_numerals(text: str) -> str:
    """Numbers in a Persian text in Persian digits; those of names, units, versions and dates stay: ``HER2``, ``10^9``.

    Examples
    --------
    >>> persian_numerals("درجهٔ 3، 66.7٪، HER2، 2022-03-05")
    'درجهٔ ۳، ۶۶٫۷٪، HER2، 2022-03-05'
    """
    return _NUMERAL.sub(lambda match: match[0].translate(_PERSIAN_DIGITS), text)
