"""Eligibility criteria as readings: what each sentence speaks of, and the limit it sets, so that two wordings compare.

Words are looked up in a table of topics; a limit is a comparison beside a quantity, its unit turned into the core unit.
A reading is no eligibility decision: it serves to ask whether two texts say the same. What no topic covers is not read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, Literal

from theratrial.errors import UnitError
from theratrial.reference import table
from theratrial.registry import needles
from theratrial.registry.criteria_ranges import ecog_limit, range_after
from theratrial.registry.record import RegistrationRecord
from theratrial.units import converted

if TYPE_CHECKING:
    from theratrial.protocol.schema import Protocol

Comparator = Literal[">=", ">", "<=", "<", ""]
Side = Literal["inclusion", "exclusion"]

_DIGITS: Final = tuple(zip("۰۱۲۳۴۵۶۷۸۹٫\u200c", "0123456789. ", strict=True))
_COMPARATORS: Final[tuple[tuple[str, Comparator], ...]] = (
    (r"≥|>=|=>|⩾|> ?or ?=|at least|minimum of|not less than|greater than or equal to|حداقل|دست[\u200c ]?کم", ">="),
    (r"≤|<=|=<|⩽|< ?or ?=|at most|maximum of|up to|not more than|less than or equal to|حداکثر", "<="),
    (r">|more than|greater than|above|over|older than|بیش(?:تر)? از|بالای", ">"),
    (r"<|less than|fewer than|below|under|younger than|کمتر از|زیر", "<"),
)
_NUMBER: Final = r"(?P<number>\d{1,3}(?:[,٬]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
_POWER: Final = r"(?:\s*[x×*·]\s*10\s*(?:\^|\*\*|e)?\s*(?P<power>[0-9⁰¹²³⁴⁵⁶⁷⁸⁹]+))?"
_UNIT: Final = (
    r"\s*(?P<unit>(?:cells ?)?(?:/ ?|per )(?:mm³|mm3|µl|ul|μl|mcl|l)|(?:g|gpt|mg|mmol|µmol|μmol|umol) ?/ ?(?:dl|l)"
    r"|%|percent|years?|سال|درصد)?"
)
_AFTER: Final[tuple[tuple[str, Comparator], ...]] = (
    (r"(?:years?(?: old)?(?: of age)?\s*)?(?:and|or)\s+(?:older|above|over|more|higher)|به بالا", ">="),
    (r"(?:years?(?: old)?(?: of age)?\s*)?(?:and|or)\s+(?:younger|below|under|less|lower)", "<="),
)
_SUPERSCRIPT: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_LATEX: Final = (
    (("\\ge",), r"\\geq?\b|\\geqslant", "≥"),
    (("\\le",), r"\\leq?\b|\\leqslant", "≤"),
    (("\\times",), r"\\times\b", "×"),
    (("^{",), r"\^\{(\d+)\}", r"^\1"),
    (("\\text{", "\\mathrm{"), r"\\(?:text|mathrm)\{([^{}]*)\}", r"\1"),
)
# A unit in Persian that went unread would leave the number to the unit that is meant where none is written.
_WRITTEN_UNITS: Final = (
    (needles.sought(r"(\d) ?میلی ?گرم (?:در|بر) (?:هر )?دسی ?لیتر", having=("دسی",)), r"\1 mg/dL"),
    (needles.sought(r"(\d) ?گرم (?:در|بر) (?:هر )?دسی ?لیتر", having=("دسی",)), r"\1 g/dL"),
    (needles.sought(r"(\d) ?(?:میلیارد|گیگا) ?(?:در|بر) (?:هر )?لیتر", having=("میلیارد", "گیگا")), r"\1 G/L"),
    (needles.sought(r"(\d) ?گرم (?:در|بر) (?:هر )?لیتر"), r"\1 g/L"),
    (needles.sought(r"(\d) ?(?:سلول |عدد )?(?:در|بر) (?:هر )?میلی ?متر ?مکعب", having=("مکعب",)), r"\1/mm³"),
    (needles.sought(r"(\d) ?(?:سلول |عدد )?(?:در|بر) (?:هر )?میکرو ?لیتر"), r"\1/µL"),
    (needles.sought(r"(\d) ?(?:سلول |عدد )?(?:در|بر) (?:هر )?لیتر"), r"\1/L"),
    (needles.sought(r"mm\^3"), "mm³"),
    (needles.sought(r"(\d) ?(?:k(?= ?/)|thousand\b|هزار\b)", having=("k/", "k /", "thousand", "هزار")), r"\1 x10^3"),
)


@dataclass(frozen=True, slots=True)
class Topic:
    """What a criterion can speak of."""

    id: str
    quantity: bool
    unit: str
    """Core unit of a limit that can be compared; empty where limits are not."""
    substance: str
    words: needles.Words
    written_unit: str
    variable: str
    """The protocol's variable for it."""
    en: str
    fa: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing that a text demands or excludes."""

    topic: str
    side: Side
    comparator: Comparator
    value: float | None
    """In the topic's core unit; None where the topic is only named."""
    unit: str
    quote: str
    """The words it was read from."""

    @property
    def limit(self) -> str:
        """The limit as a person reads it; empty where there is none."""
        if self.value is None:
            return ""
        return f"{self.comparator} {self.value:g}{' ' if self.unit else ''}{self.unit}".strip()


@cache
def topics() -> dict[str, Topic]:
    """Topics by id, in the order of the table."""
    found = {}
    for row in table("registry/criteria_terms"):
        words = "|".join(row.text("words").split(";"))
        found[row.text("id")] = Topic(
            row.text("id"),
            row.text("kind") == "quantity",
            row.text("unit"),
            row.text("substance"),
            needles.sought(words),
            row.text("written_unit"),
            row.text("variable"),
            row.text("en"),
            row.text("fa"),
        )
    return found


def plain(text: str) -> str:
    """The text with LaTeX comparisons, digits of both scripts made one: ``$\\geq 100,000$`` is ``≥ 100,000``."""
    return plain_and_folded(text)[0]


def plain_and_folded(text: str) -> tuple[str, str]:
    """The `plain` text, and it `needles.folded`."""
    if "\\" in text or "^{" in text:
        for signs, written, sign in _LATEX:
            if any(one in text for one in signs):
                text = re.sub(written, sign, text)
    text = text.replace("$", "")
    if not text.isascii():
        for sign, plain_sign in _DIGITS:
            text = text.replace(sign, plain_sign)
    text = " ".join(text.split())
    small = needles.folded(text)
    changed = text
    for unit, sign in _WRITTEN_UNITS:
        if _may_be_written(unit, text, small):
            changed = unit.pattern.sub(sign, changed)
    if changed is not text:
        text, small = changed, needles.folded(changed)
    return text.replace("٪", "%"), small.replace("٪", "%")


_LONGEST_UNIT: Final = 60
"""Letters in no match of `_WRITTEN_UNITS` more than this."""


def _may_be_written(unit: needles.Words, text: str, small: str) -> bool:
    """Whether a match stands around one of its needles: to look there costs less than to look everywhere."""
    if len(small) != len(text):
        return unit.possible(small)
    for alternative in unit.alternatives:
        for needle in alternative.needles:
            at = small.find(needle)
            while at >= 0:
                if unit.pattern.search(text, max(0, at - _LONGEST_UNIT), at + _LONGEST_UNIT):
                    return True
                at = small.find(needle, at + 1)
    return False


@lru_cache(maxsize=64)
def readings(text: str, side: Side = "inclusion") -> tuple[Reading, ...]:
    """Everything that a text of criteria says about known topics; a part headed "Exclusion criteria" is of that side.

    Parameters
    ----------
    side
        Side of text that stands before any heading.

    Examples
    --------
    >>> for one in readings("Platelet count ≥ 100,000/mm³; Hemoglobin >= 9 g/dL. Exclusion criteria: Pregnancy"):
    ...     print(one.side, one.topic, one.limit or "-")
    inclusion platelets >= 100 e9_per_L
    inclusion haemoglobin >= 90 g_per_L
    exclusion pregnancy -
    """
    found: list[Reading] = []
    for part_side, part, small in _parts(text, side):
        # Named once, however many of its needles are there, and in the order of the table.
        possible: dict[str, dict[needles.Alternative, None]] = {}
        for topic, alternative in _alternatives(small):
            possible.setdefault(topic, {})[alternative] = None
        for topic, alternatives in possible.items():
            found += _of_topic(part, small, part_side, topics()[topic], tuple(alternatives))
    order = _order()
    return tuple(sorted(found, key=lambda one: (one.side == "exclusion", order[one.topic])))


def _alternatives(small: str) -> list[tuple[str, needles.Alternative]]:
    """Topics, and those of their alternatives of which the text, `needles.folded`, holds a needle."""
    if small.isascii():
        return [(topic, one) for plain, needle, topic, one in _needles() if plain and needle in small]
    # To look for plain letters is faster where there are no others, and finds the same.
    ascii_only = small.encode("ascii", "replace").decode("ascii")
    return [(topic, one) for plain, needle, topic, one in _needles() if needle in (ascii_only if plain else small)]


@cache
def _needles() -> tuple[tuple[bool, str, str, needles.Alternative], ...]:
    """Whether a needle is ASCII, the needle, its topic and alternative; each has one, or the empty one of all texts."""
    return tuple(
        (needle.isascii() and "?" not in needle, needle, topic.id, one)
        for topic in topics().values()
        for one in topic.words.alternatives
        for needle in one.needles or ("",)
    )


@cache
def _order() -> dict[str, int]:
    return {name: index for index, name in enumerate(topics())}


def speaks_of(text: str, topic: str) -> bool:
    """Whether a text says anything of one topic."""
    words = topics()[topic]
    return any(
        _of_topic(part, small, side, words, possible)
        for side, part, small in _parts(text, "inclusion")
        if (possible := words.words.possible_alternatives(small))
    )


_HEADING: Final = needles.sought(
    r"(?P<in>inclusion criteria|شرایط (?:عمده )?ورود)\s*:"
    r"|(?P<out>exclusion criteria|شرایط (?:عمده )?(?:عدم ورود|خروج))\s*:"
)


def _parts(text: str, side: Side) -> list[tuple[Side, str, str]]:
    """Side, words and folded words of each part of a text, made `plain`."""
    text, small = plain_and_folded(text)
    parts: list[tuple[Side, int, int]] = []
    start, current = 0, side
    for match in _HEADING.finditer(text, small):
        parts.append((current, start, match.start()))
        start, current = match.end(), "inclusion" if match.lastgroup == "in" else "exclusion"
    parts.append((current, start, len(text)))
    # No sign folds into none: where the lengths are alike, the places are.
    alike = len(small) == len(text)
    return [
        (one, words, small[first:last] if alike else needles.folded(words))
        for one, first, last in parts
        if (words := text[first:last]).strip()
    ]


def _of_topic(
    text: str, small: str, side: Side, topic: Topic, possible: tuple[needles.Alternative, ...]
) -> list[Reading]:
    matches = topic.words.finditer_of(possible, text, small)
    named = [match for match in matches if topic.id not in _MAY_BE_OTHER or not _part_of_other(topic, text, match)]
    if not named:
        return []
    first = named[0]
    if topic.quantity:
        limits = [limit for match in named for limit in _limits(text, match, topic, side)]
        if limits:
            return limits[:2]
        if topic.id == "age":
            return []
    return [Reading(topic.id, side, "", None, "", _around(text, first.start(), first.end()))]


_MAY_BE_OTHER: Final = ("consent", "female", "metastatic", "infection")


def _part_of_other(topic: Topic, text: str, match: re.Match[str]) -> bool:
    """A consent that somebody is unable to give is not a signed one; a pregnancy to be prevented is not one."""
    before = text[max(0, match.start() - 60) : match.start()].casefold()
    if topic.id == "consent":
        return bool(re.search(r"(?:(?:inability|unable|failure) to|ناتوان\w* (?:در|از)) [^.;,،؛]*$", before))
    if topic.id == "female":
        return bool(re.search(r"(?:pregnant|lactating|nursing|باردار|شیرده)\W*$", before)) or bool(
            re.match(r"\W*(?:of|with) child", text[match.end() :], re.IGNORECASE)
        )
    if topic.id == "metastatic":
        return bool(re.search(r"(?:brain|cns|cerebral) $", before)) or text[match.end() :].lstrip().startswith("مغز")
    if topic.id == "infection":
        return "hiv" in before[-12:]
    return False


def _limits(text: str, match: re.Match[str], topic: Topic, side: Side) -> list[Reading]:
    """A limit, or the ends of a range: ``ECOG 0-2`` is ``<= 2``, ``age 18 to 75`` has two."""
    one = _limit(text, match, topic, side)
    if one is not None and topic.id == "ecog":
        on_scale = ecog_limit(one.comparator, one.value)
        one = replace(one, comparator=on_scale[0], value=on_scale[1]) if on_scale else None
    if one is not None:
        return [one]
    found = range_after(topic.id, text[match.end() : match.end() + 60])
    if found is None:
        return []
    quote = _around(text, match.start(), match.end() + found.length)
    ends: list[tuple[Comparator, float]] = [(">=", found.low)] if found.low else []
    return [Reading(topic.id, side, sign, value, topic.unit, quote) for sign, value in [*ends, ("<=", found.high)]]


def _limit(text: str, match: re.Match[str], topic: Topic, side: Side) -> Reading | None:
    """The comparison that follows the name, before the next sentence or list entry."""
    rest = text[match.end() : match.end() + 60]
    if _DIGIT.search(rest) is None:
        return None
    if ended := _CLAUSE_END.search(rest):
        rest = rest[: ended.start()]
        if _DIGIT.search(rest) is None:
            return None
    small = needles.folded(rest)
    for words, comparator in _BESIDE:
        beside = words.pattern.match(rest) if words.possible(small) else None
        if beside:
            return _read_limit(text, match.start(), match.end() + beside.end(), beside, comparator, topic, side)
    return None


_DIGIT: Final = re.compile(r"\d")
_CLAUSE_END: Final = re.compile(r"[;]|\.\s|\(i+v?\)")
_BESIDE: Final[tuple[tuple[needles.Words, Comparator], ...]] = (
    *(
        (
            needles.sought(rf"[^0-9≥≤<>=]{{0,25}}?(?:{words})\s*(?:of\s+|or equal to\s+)?{_NUMBER}{_POWER}{_UNIT}"),
            comparator,
        )
        for words, comparator in _COMPARATORS
    ),
    *(
        (needles.sought(rf"[^0-9]{{0,15}}{_NUMBER}{_POWER}{_UNIT}\s*(?:{words})"), comparator)
        for words, comparator in _AFTER
    ),
)


def _read_limit(
    text: str, start: int, end: int, beside: re.Match[str], comparator: Comparator, topic: Topic, side: Side
) -> Reading:
    quote = _around(text, start, end)
    if not topic.unit:
        value = float(beside["number"].replace(",", "").replace("٬", ""))
        unit = (beside["unit"] or "").strip()
        return Reading(topic.id, side, comparator, None if topic.id != "ecog" else value, unit, quote)
    value = float(beside["number"].replace(",", "").replace("٬", ""))
    power = int(beside["power"].translate(_SUPERSCRIPT)) if beside["power"] else 0
    unit = (beside["unit"] or "").casefold().replace("per ", "/").replace("mcl", "ul").replace(" ", "")
    unit = unit.replace("mm³", "mm3").replace("μ", "u").replace("µ", "u")
    try:
        return Reading(topic.id, side, comparator, round(_core(value, power, unit, topic), 6), topic.unit, quote)
    except UnitError:
        return Reading(topic.id, side, comparator, None, "", quote)


def _core(value: float, power: int, unit: str, topic: Topic) -> float:
    """In the topic's core unit.

    Raises
    ------
    UnitError
        A unit of another quantity: the limit is then named and not compared.
    """
    if topic.unit == "years":
        if unit not in ("", "year", "years", "سال"):
            raise UnitError(f"{unit} is no unit of age here")
        return value
    if topic.unit == "e9_per_L":
        unit = unit.removeprefix("cells")
        # G/L and Gpt/L are 10^9 a litre.
        per_litre = {"/l": 1.0, "/mm3": 1e6, "/ul": 1e6, "": 1e6, "g/l": 1e9, "gpt/l": 1e9}
        if unit not in per_litre:
            raise UnitError(f"{unit} is no unit of a cell count")
        # "≥ 1.5 x 10^9" without "per litre" can only mean that; "≥ 100,000" can only mean per mm3.
        factor = 1.0 if not unit and power >= 9 else per_litre[unit]
        return converted(value * 10**power * factor * 1e-9, "10^9/L", "e9_per_L")
    spelled = {"g/dl": "g/dL", "g/l": "g/L", "%": "%", "percent": "%", "درصد": "%", "": topic.written_unit}
    return converted(value * 10**power, spelled.get(unit, unit), topic.unit, topic.substance)


def _around(text: str, start: int, end: int) -> str:
    """The words read and what is left of their clause, for showing."""
    near = max(0, start - 82)
    begin = max([text.rfind(mark, near, start) for mark in (". ", "; ", ", ", ": ", ") ")]) + 2
    begin = begin if start - begin < 80 and begin >= 2 else max(0, start - 40 if start > 80 else 0)
    return text[begin:end].strip(" ,;.") or text[start:end]


def record_readings(record: RegistrationRecord, *, summary: bool = False) -> tuple[Reading, ...]:
    """Readings of the criteria, or with `summary` of the summary's paragraph on participants.

    Age and sex that a registry keeps in fields of their own count with the criteria.
    """
    if summary:
        return readings(str(record.summary.participants))
    eligibility = record.eligibility
    found = [*readings(str(eligibility.inclusion)), *readings(str(eligibility.exclusion), "exclusion")]
    for limit, comparator, path in ((eligibility.age_from, ">=", "from"), (eligibility.age_to, "<=", "to")):
        if limit.value is not None and limit.unit == "years" and not _has(found, "age", comparator):
            found.append(Reading("age", "inclusion", comparator, limit.value, "years", f"Age {path} {limit}"))  # type: ignore[arg-type]
    if eligibility.sex.code == "female" and not any(one.topic == "female" for one in found):
        found.append(Reading("female", "inclusion", "", None, "", "Gender: Female"))
    return tuple(found)


def _has(found: list[Reading], topic: str, comparator: str) -> bool:
    return any(one.topic == topic and one.comparator[:1] == comparator[:1] for one in found)


def protocol_readings(protocol: Protocol) -> tuple[Reading, ...]:
    """Readings of the protocol's criteria: of its conditions, not of their words."""
    by_variable = {topic.variable: topic for topic in topics().values() if topic.variable}
    found: list[Reading] = []
    for clause in protocol.eligibility.values():
        if clause.reading is None:
            continue
        criterion = clause.reading
        for topic, comparator, value in _conditions(criterion.condition, by_variable):
            side: Side = criterion.kind
            name = topic.id
            if topic.id == "consent" and criterion.kind == "exclusion":
                name = "unable_to_consent"
            if topic.id == "female" and '"female"' not in criterion.condition:
                continue
            unit = topic.unit if value is not None else ""
            found.append(Reading(name, side, comparator, value, unit, criterion.title))
    return tuple(found)


def _conditions(condition: str, by_variable: dict[str, Topic]) -> list[tuple[Topic, Comparator, float | None]]:
    found: list[tuple[Topic, Comparator, float | None]] = []
    for name, topic in by_variable.items():
        if not re.search(rf"\b{re.escape(name)}\b", condition):
            continue
        limit = re.search(rf"\b{re.escape(name)}\s*(>=|<=|>|<)\s*(\d+(?:\.\d+)?)", condition)
        if limit:
            found.append((topic, limit[1], float(limit[2])))  # type: ignore[arg-type]
        else:
            found.append((topic, "", None))
    return found
