"""An English sentence of the core said in Persian: its template is found, its values are said in the same way.

Of all ways to read a sentence the one that leaves the fewest English letters wins; of those, the one with the most
constant text. What no template made stays English, marked, so that a page can show it left to right.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from theratrial.errors import InputError
from theratrial.registry.calendars import jalali_text
from theratrial.web.sentences.table import VALUE, Template, table

ENGLISH, END = "\ue000", "\ue001"
"""Around what stays English; private characters, so that no text of ours holds them."""
CODE, CODE_END = "\u2066", "\u2069"
"""Around numbers with their units, dates and codes: isolated left to right."""
Words = Callable[[str], str]
"""The interface's own catalogue: the same text where it has none."""

_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}:\d{2})(?::\d{2}(?:\.\d+)?)?([+-]\d{2}:\d{2}|Z)?)?")
_DATED = re.compile(r"(\d{4}-\d{2}-\d{2}) (.+)")
_UNIT = (
    r"(?:Gy|mGy|MBq|kBq|Bq|GBq|MBq h|Gy/MBq|Gy per MBq|mL|L|g|mg|kg|cm|mm|keV|h|s|min|d|g/L|g/dL|g/mL|mg/dL|umol/L|"
    r"mmol/L|U/L|IU/L|1?0\^\d+/[a-zA-Z]+|/mm3|cells/mm3|Bq/mL|SUV|SUL|LLN|ULN|kcps|cps/MBq|1/h|e9_per_L|[a-zA-Z]+_per_[a-zA-Z]+|%|½|CTCAE|years?)"
)
_NUMBER = re.compile(rf"[<>=≥≤+\-−±~ ]*\(?[\d.,/:–\-×^ ]*\d[\d.,%]*\)?(?: ?{_UNIT})?|{_UNIT}")
# A code has a digit or capitals inside: P-01, LU177-P01-S1, NM-01, IRCT2021N3, ¹⁷⁷Lu-Trastuzumab, 'x.csv', a path.
_CODE = re.compile(
    r"['\"`]?(?:[A-Za-z_.:/-]*\d[\w.:/+-]*|[A-Z][A-Z0-9/-]+|[⁰¹²³⁴-⁹]+[A-Z][a-z]?(?:-[A-Za-z]+)?|[\w/]+\.(?:csv|yaml|dcm)"
    r"|lesion_\d+|SUV\w*|SUL\w*|Asia/Tehran|DICOM|CT|SPECT/CT|PET/CT|PET)['\"`]?"
)
_JOINTS = (
    ("; ", "؛ "),
    (" · ", " · "),
    (": ", ": "),
    (", ", "، "),
    (" + ", " + "),
    (" = ", " = "),
    (" or ", " یا "),
    (" and ", " و "),
    (" -> ", "، سپس "),
)
_LETTER = re.compile(r"[A-Za-z]")
_DEEPEST = 12
_ENOUGH_LETTERS = 6
_JOINS_ONLY = 2
_NUMBER_THEN_UNIT = re.compile(f"{CODE}([^{CODE}{CODE_END}]*){CODE_END} (Gy|MBq|g/mL|kg|mm|mL|keV|%)(?![A-Za-z])")
_SIGN = re.compile(f"([-+])(?<=[ (][-+]){CODE}(?=\\d)")
_CTCAE_VERSION = re.compile(f"CTCAE {CODE}([^{CODE}{CODE_END}]*){CODE_END}")
_OF_SENTENCES = ("; ", " · ", " -> ")


@dataclass(frozen=True, slots=True)
class Said:
    """A text in Persian, and how well it was understood."""

    text: str
    left: int
    """English letters in it."""
    strays: int = 0
    """Values that were a list of sentences: the list probably belongs to what stands around the value."""
    leaf: bool = True
    """A word, a number, a code, or a list of such."""

    @property
    def rank(self) -> tuple[int, int]:
        """Less is better."""
        return self.left, self.strays


def said(text: str, *, jalali: bool, words: Words) -> Said:
    """A sentence of the core in Persian, with the marks `ENGLISH` and `CODE` around what keeps its direction.

    Parameters
    ----------
    jalali
        Whether dates are said in the Jalali calendar.
    words
        Looks a whole text up in the interface's catalogue; gives it back where it is not there.
    """
    return _best(text, jalali, words, 0)


@lru_cache(maxsize=8192)
def _best(text: str, jalali: bool, words: Words, depth: int) -> Said:
    stripped = text.strip()
    if (leaf := _leaf(text, stripped, jalali, words)) is not None:
        return leaf
    found = Said(f"{ENGLISH}{text}{END}", len(_LETTER.findall(text)))
    if depth >= _DEEPEST:
        return found
    for template in table().templates:
        if template.anchor not in text:
            continue
        if found.rank == (0, 0):
            return found
        if (match := template.pattern.fullmatch(text)) is None:
            continue
        one = _filled(template, match, jalali, words, depth)
        # A few letters in common (`{1} by {2}`) prove nothing about a text that is not understood otherwise.
        if one.rank < found.rank and (one.left == 0 or template.weight >= _ENOUGH_LETTERS):
            found = one
    return found if found.rank == (0, 0) else _taken_apart(text, found, jalali, words, depth)


def _leaf(text: str, stripped: str, jalali: bool, words: Words) -> Said | None:
    """What needs no template: known words, dates, numbers, codes, texts without a letter."""
    known = table().words
    for one in (text, stripped, stripped.lower(), stripped.replace(" ", "_"), stripped.replace("_", " ")):
        if one in known:
            return Said(text.replace(stripped, known[one]) if one is not text else known[one], 0)
    if (match := _DATE.fullmatch(stripped)) is not None:
        return Said(_isolated(text, stripped, _day_said(match, jalali)), 0)
    if not _LETTER.search(stripped):
        return Said(_isolated(text, stripped), 0)
    if (there := words(stripped)) != stripped:
        return Said(text.replace(stripped, there), 0)
    if _NUMBER.fullmatch(stripped) or _CODE.fullmatch(stripped):
        return Said(_isolated(text, stripped), 0)
    return None


def _isolated(text: str, stripped: str, shown: str = "") -> str:
    """Numbers, dates and codes keep their direction among Persian letters; bare punctuation does not need it."""
    if not any(map(str.isalnum, stripped)):
        return text
    inside = (shown or stripped).replace("e9_per_L", "10^9/L").replace("_per_", "/")
    return text.replace(stripped, f"{CODE}{inside}{CODE_END}")


def _day_said(match: re.Match[str], jalali: bool) -> str:
    try:
        day = date(int(match[1]), int(match[2]), int(match[3]))
        written = jalali_text(day) if jalali else day.isoformat()
    except (InputError, ValueError):
        written = match[0][:10]
    return f"{written} {match[4]}" if match[4] else written


def _filled(template: Template, match: re.Match[str], jalali: bool, words: Words, depth: int) -> Said:
    values = [_best(value, jalali, words, depth + 1) for value in match.groups()]
    text = VALUE.sub(lambda place: values[int(place[1]) - 1].text, template.persian)
    strays = sum(
        value.strays + (not value.leaf and _is_list(one)) for value, one in zip(values, match.groups(), strict=True)
    )
    # `{1} or {2}` of words is a list of words.
    leaf = template.weight <= _JOINS_ONLY and all(value.leaf for value in values)
    return Said(_measured(text), sum(value.left for value in values), strays, leaf)


def _measured(text: str) -> str:
    """A number and its unit in one direction: 1.9 Gy, not Gy 1.9."""
    text = _SIGN.sub(lambda match: f"{CODE}{match[1]}", text)
    text = _NUMBER_THEN_UNIT.sub(lambda match: f"{CODE}{match[1]} {match[2]}{CODE_END}", text)
    return _CTCAE_VERSION.sub(lambda match: f"{CODE}CTCAE {match[1]}{CODE_END}", text)


def _is_list(text: str) -> bool:
    return len(_split(text, ", ")) > 1 or len(_split(text, "; ")) > 1


def _taken_apart(text: str, found: Said, jalali: bool, words: Words, depth: int) -> Said:
    """A list or a heading with what follows, its parts said each for itself; brackets are not entered."""
    if (dated := _DATED.fullmatch(text)) is not None:
        parts = [_best(part, jalali, words, depth + 1) for part in dated.groups()]
        if not any(part.left for part in parts):
            return Said(" ".join(part.text for part in parts), 0)
    for joint, persian in _JOINTS:
        pieces = _split(text, joint)
        if len(pieces) > 1:
            one = _joined([_best(piece, jalali, words, depth + 1) for piece in pieces], persian)
            if one.rank < found.rank and (one.left == 0 or joint in _OF_SENTENCES):
                found = one
    if found.left and text.endswith(")") and (opened := _opening(text)) > 0:
        head = _best(text[:opened].rstrip(), jalali, words, depth + 1)
        inside = _best(text[opened + 1 : -1], jalali, words, depth + 1)
        # What stands in brackets behind something understood may be a citation.
        if head.left == 0 and inside.left < found.left:
            found = Said(f"{head.text} ({inside.text})", inside.left, head.strays + inside.strays, leaf=head.leaf)
    return found


def _joined(parts: list[Said], joint: str) -> Said:
    return Said(
        joint.join(part.text for part in parts),
        sum(part.left for part in parts),
        sum(part.strays for part in parts),
        all(part.leaf for part in parts),
    )


def _split(text: str, joint: str) -> list[str]:
    """The parts between joints that stand outside of brackets."""
    if joint not in text:
        return [text]
    parts, depth, start = [], 0, 0
    for found in re.finditer(rf"[()]|{re.escape(joint)}", text):
        if found[0] in ("(", ")"):
            depth += 1 if found[0] == "(" else -1
        elif depth == 0:
            parts.append(text[start : found.start()])
            start = found.end()
    return [*parts, text[start:]]


def _opening(text: str) -> int:
    """Where the bracket opens that closes the text."""
    depth = 0
    for i in range(len(text) - 1, -1, -1):
        depth += (text[i] == ")") - (text[i] == "(")
        if depth == 0:
            return i
    return -1
