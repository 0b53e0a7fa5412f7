"""The words of a page's fields as values of the record; what cannot be a value is told, with the line it stands on."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Final

from theratrial.exchange.irct.labels import EMPTY, plain
from theratrial.exchange.irct.walk import Piece, Walked
from theratrial.registry.codes import code_list, code_of
from theratrial.registry.dates import DateProblem, read_date
from theratrial.registry.fields import Field, field_of
from theratrial.registry.imported import Unplaced
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import Language

_AGE: Final = re.compile(
    r"(?P<value>\d+(?:\.\d+)?)\s*(?P<unit>years?|months?|weeks?|days?|سال(?:ه|گی)?|ماه(?:ه|گی)?|هفته|روز)?",
    re.IGNORECASE,
)
_UNITS: Final = {
    "y": "years",
    "m": "months",
    "w": "weeks",
    "d": "days",
    "س": "years",
    "م": "months",
    "ه": "weeks",
    "ر": "days",
}
_DIGITS: Final = str.maketrans("۰۱۲۳۴۵۶۷۸۹", "0123456789")
_NO_LIMIT: Final = ("no age limit", "no limit", "بدون محدودیت")


def record_of(
    walked: Walked, *, today: date, language: Language = "en"
) -> tuple[RegistrationRecord, tuple[Unplaced, ...]]:
    """The record of a walked page, and what found no place in it.

    Parameters
    ----------
    today
        For judging dates that lie too far ahead.
    language
        Of the page's words: they go into that side of each text.
    """
    tree: dict[str, Any] = {}
    unplaced: list[Unplaced] = []
    seen: dict[str, Any] = {}
    for piece in walked.pieces:
        if piece.path == "?age":
            _ages(tree, piece, unplaced, language)
            continue
        field = field_of(piece.path)
        if not piece.words or plain(piece.words) in EMPTY:
            _touch(tree, piece.path)
            continue
        value = _value(field, piece, today, language, unplaced)
        if value is None:
            continue
        if piece.path in seen and seen[piece.path] != value:
            unplaced.append(_unplaced(piece, field, "stands twice with two values; the first was taken"))
            continue
        seen[piece.path] = value
        _put(tree, piece.path, value)
    unplaced += [
        Unplaced(f"line {stray.line}", stray.after or "before the first label", stray.words, "stands under no label")
        for stray in walked.strays
        # "empty" below the heading of a group says that the group has no entry.
        if plain(stray.words) not in EMPTY
    ]
    return RegistrationRecord.model_validate(tree), tuple(unplaced)


def _value(field: Field, piece: Piece, today: date, language: Language, unplaced: list[Unplaced]) -> Any:
    words = piece.words
    if field.kind == "text":
        return {language: words}
    if field.kind == "string":
        return re.sub(r"^<(https?://[^>]+)>$", r"\1", words.strip())
    if field.kind == "code":
        return _coded(field, words, language)
    if field.kind == "age":
        return _age(words, language)
    if field.kind in ("texts", "strings"):
        parts = [one.strip() for one in re.split(r"[\n;]", words) if one.strip()]
        return [{language: one} for one in parts] if field.kind == "texts" else parts
    if field.kind == "date":
        try:
            return read_date(words, today=today).model_dump()
        except DateProblem as problem:
            unplaced.append(_unplaced(piece, field, problem.why, problem.suggestion))
            return None
    return _number(field, piece, unplaced)


def _number(field: Field, piece: Piece, unplaced: list[Unplaced]) -> Any:
    written = piece.words.strip().translate(_DIGITS).replace("٫", ".").rstrip("%").strip()
    if field.kind == "count" and re.fullmatch(r"\d{1,9}", written):
        return int(written)
    if field.kind == "percent" and re.fullmatch(r"\d{1,3}(?:\.\d+)?", written) and float(written) <= 100:
        return float(written)
    unplaced.append(_unplaced(piece, field, "is not a number that this field takes"))
    return None


def _coded(field: Field, words: str, language: Language) -> Any:
    code = code_of(field.list_name, words)
    if not code:
        return {"text": {language: words}}
    entry = code_list(field.list_name)[code]
    own = entry.fa if language == "fa" else entry.en
    return code if " ".join(words.split()) == own else {"code": code, "text": {language: words}}


def _ages(tree: dict[str, Any], piece: Piece, unplaced: list[Unplaced], language: Language) -> None:
    """``From 18 years old to 70 years old``."""
    words = " ".join(piece.words.translate(_DIGITS).split())
    if not words:
        return
    match = re.fullmatch(r"(?:(?:from|از)\s*(?P<low>.*?))?\s*(?:(?:\bto\b|تا)\s*(?P<high>.*))?", words, re.IGNORECASE)
    if match is None or not (match["low"] or match["high"]):
        unplaced.append(Unplaced(f"line {piece.line}", "Age", piece.words, "is no range of age"))
        return
    for name, part in (("age_from", match["low"]), ("age_to", match["high"])):
        if part:
            _put(tree, f"eligibility.{name}", _age(part, language))


def _age(words: str, language: Language) -> dict[str, Any]:
    text = " ".join(words.translate(_DIGITS).split())
    match = _AGE.match(text)
    if text.casefold() in _NO_LIMIT or match is None:
        return {"text": {language: words.strip()}}
    unit = _UNITS[match["unit"][0].casefold()] if match["unit"] else "years"
    value = float(match["value"])
    usual = {f"{value:g} {unit}", f"{value:g} {unit} old", f"{value:g} ساله", f"{value:g} سال"}
    kept = {} if text in usual else {"text": {language: words.strip()}}
    return {"value": value, "unit": unit} | kept


def _unplaced(piece: Piece, field: Field, why: str, suggestion: str = "") -> Unplaced:
    return Unplaced(f"line {piece.line}", field.en, piece.words, why, suggestion)


def _put(tree: dict[str, Any], path: str, value: Any) -> None:
    place, last = _place(tree, path)
    place[last] = value


def _touch(tree: dict[str, Any], path: str) -> None:
    """An empty field of a repeating group still counts its entry."""
    if "[" in path:
        _place(tree, path)


def _place(tree: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    steps = re.findall(r"[a-z0-9_]+|\[\d+\]", path)
    here: Any = tree
    for index, step in enumerate(steps[:-1]):
        if step.startswith("["):
            number = int(step[1:-1])
            while len(here) <= number:
                here.append({})
            here = here[number]
        else:
            here = here.setdefault(step, [] if steps[index + 1].startswith("[") else {})
    return here, steps[-1]
