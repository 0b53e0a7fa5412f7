"""The form of a registration record: every field of the table as texts, and the record that they make.

An answer is a text under a name: ``v:summary.aim:en``, ``v:ethics[0].approved_on:t``, ``v:design.phase:code``.
Members of a repeating group are named by tokens: their place in the record that the form was filled from, or ``n1``,
``n2`` ... for new ones; ``m:ethics`` holds the tokens in their order. What nobody changed keeps its exact value, so
that what a form cannot show (a date as it was written, words of a registry) is not lost by looking at it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, Final, get_args

from django.utils.translation import gettext as _

from theratrial.errors import Problems
from theratrial.registry.codes import code_list
from theratrial.registry.dates import DateProblem, read_date
from theratrial.registry.fields import Field, fields, value_at
from theratrial.registry.reader import parse_registration, registration_yaml
from theratrial.registry.record import Age, RegistrationRecord
from theratrial.registry.words import Coded, RecordDate, Text

Answers = Mapping[str, str]

NOT_ASKED: Final = frozenset(
    {
        "registration.reason_for_update",
        "registration.printed_on",
        "registration.stated.timing",
        "registration.stated.last_update",
        "registration.stated.update_count",
    }
)
"""Written by the version itself, or by the registry: they follow from something else, and nobody types them."""
FIXED: Final = ("registration.number", "registration.registered_on")
"""Once they are there they stay: a record that was registered is not deleted."""
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("en", "fa"), "texts": ("en", "fa"), "code": ("code", "en", "fa"), "age": ("value", "unit", "en", "fa"),
    "string": ("t",), "strings": ("t",), "date": ("t",), "day": ("t",), "count": ("t",), "percent": ("t",),
}  # fmt: skip
UNITS: Final = ("years", "months", "weeks", "days")
LONGEST: Final = 40_000
_MOST_MEMBERS: Final = 200
_TOKEN: Final = re.compile(r"[0-9]{1,3}|n[0-9]{1,3}")
_NO_TEXT: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff]")
"""Control characters, and what YAML takes as the end of a line or refuses."""
_DIGITS: Final = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩٫", "01234567890123456789.")


@dataclass(frozen=True, slots=True)
class Read:
    """What a form says: the record, and why some fields cannot be read; such a field keeps its old value."""

    record: RegistrationRecord
    errors: Mapping[str, str]
    """Path with tokens -> message."""


class Refused(Exception):
    """Why a field's text is not taken."""


@cache
def asked_fields() -> tuple[Field, ...]:
    """Fields that the form asks for, in the order of the page."""
    return tuple(one for one in fields() if one.path not in NOT_ASKED)


@cache
def groups() -> Mapping[str, tuple[Field, ...]]:
    """Repeating group -> its fields."""
    found: dict[str, list[Field]] = {}
    for one in asked_fields():
        if one.group:
            found.setdefault(one.group, []).append(one)
    return {name: tuple(some) for name, some in found.items()}


def member_path(field: Field, token: str) -> str:
    """``ethics[].reference`` and ``n1`` -> ``ethics[n1].reference``."""
    return field.path.replace("[]", f"[{token}]", 1)


def tokens_of(answers: Answers, group: str, base: RegistrationRecord) -> list[str]:
    """Members of a group by the answers; those of the record where nothing was said. Nobody stands there twice."""
    said = answers.get(f"m:{group}")
    here = len(value_at(base, group))
    if said is None:
        return [str(index) for index in range(here)]
    found = [one for one in dict.fromkeys(said.split(",")) if _TOKEN.fullmatch(one)]
    return [one for one in found if one.startswith("n") or int(one) < here][:_MOST_MEMBERS]


def answers_of(record: RegistrationRecord) -> dict[str, str]:
    """A record as the texts of a form."""
    found: dict[str, str] = {}
    for group in groups():
        found[f"m:{group}"] = ",".join(str(index) for index in range(len(value_at(record, group))))
    for field, path in _places(found, record):
        for part, text in _texts(field, value_at(record, path)).items():
            found[f"v:{path}:{part}"] = text
    return found


def _places(answers: Answers, base: RegistrationRecord) -> Iterator[tuple[Field, str]]:
    """Every field of the form with its path, tokens in it."""
    for field in asked_fields():
        if not field.group:
            yield field, field.path
    for group, members in groups().items():
        for token in tokens_of(answers, group, base):
            for field in members:
                yield field, member_path(field, token)


def _texts(field: Field, value: Any) -> dict[str, str]:
    """A value as the texts of its parts."""
    if isinstance(value, Text):
        return {"en": value.en, "fa": value.fa}
    if isinstance(value, Coded):
        return {"code": value.code, "en": value.text.en, "fa": value.text.fa}
    if isinstance(value, Age):
        number = "" if value.value is None else f"{value.value:g}"
        return {"value": number, "unit": value.unit, "en": value.text.en, "fa": value.text.fa}
    if isinstance(value, RecordDate):
        return {"t": value.gregorian.isoformat() if value.precision == "day" else value.pair}
    if field.kind == "texts":
        lines = value or ()
        return {"en": "\n".join(one.en for one in lines), "fa": "\n".join(one.fa for one in lines)}
    if field.kind == "strings":
        return {"t": "\n".join(value or ())}
    if value is None:
        return dict.fromkeys(PARTS[field.kind], "") | ({"unit": "years"} if field.kind == "age" else {})
    return {"t": f"{value:g}" if isinstance(value, float) else str(value)}


def typed(answers: Answers) -> dict[str, str]:
    """What of a sent form are answers, line ends and outer blanks as a record has them."""
    return {
        name: value.replace("\r\n", "\n").replace("\r", "\n").strip()
        for name, value in answers.items()
        if name.startswith(("v:", "m:"))
    }


def record_read(answers: Answers, base: RegistrationRecord, *, today: date) -> Read:
    """The record that the answers make of the one the form was filled from.

    Parameters
    ----------
    answers
        Of `typed`; a name that is not there was not changed.
    """
    errors: dict[str, str] = {}
    record: Any = base
    for field in asked_fields():
        if not field.group:
            value = _value(field, field.path, answers, value_at(base, field.path), today, errors)
            record = _with(record, field.path.split("."), value)
    for group, members in groups().items():
        made = []
        for token in tokens_of(answers, group, base):
            member = _member(group)() if token.startswith("n") else value_at(base, f"{group}[{token}]")
            for field in members:
                path, own = member_path(field, token), field.path.partition("[].")[2]
                value = _value(field, path, answers, _at(member, own), today, errors)
                member = _with(member, own.split("."), value)
            made.append(member)
        record = record.model_copy(update={group: tuple(made)})
    for path in FIXED:
        old = value_at(base, path)
        if old and value_at(record, path) != old:
            errors.setdefault(path, _("It was given at registration and does not change."))
            record = _with(record, path.split("."), old)
    return Read(record, errors)


def kept(record: RegistrationRecord) -> tuple[RegistrationRecord, str]:
    """The record as it will be read again, and its text.

    Raises
    ------
    Problems
        It cannot be written so that the same comes back.
    """
    text = registration_yaml(record)
    return parse_registration(text.encode(), "record"), text


def _value(field: Field, path: str, answers: Answers, old: Any, today: date, errors: dict[str, str]) -> Any:
    before = _texts(field, old)
    given = {part: answers.get(f"v:{path}:{part}", before.get(part, "")) for part in PARTS[field.kind]}
    if all(given[part] == before.get(part, "").strip() for part in given):
        return old
    try:
        if any(len(text) > LONGEST for text in given.values()):
            raise Refused(_("This is longer than %(n)s characters; shorten it.") % {"n": LONGEST})
        if any(_NO_TEXT.search(text) for text in given.values()):
            raise Refused(_("This holds a control character, which is no text; remove it."))
        return _made(field, given, today)
    except Refused as refusal:
        errors[path] = str(refusal)
    except DateProblem as problem:
        errors[path] = date_words(problem)
    return old


def date_words(problem: DateProblem) -> str:
    """Why a date is not taken, and what may be written."""
    if problem.suggestion:
        return _("“%(text)s” is not taken as a date. Probably %(meant)s was meant.") % {
            "text": problem.text, "meant": problem.suggestion,
        }  # fmt: skip
    return _("“%(text)s” is not taken as a date. Write year-month-day: 2021-10-18 or 1400/07/26.") % {
        "text": problem.text
    }


def _made(field: Field, given: Mapping[str, str], today: date) -> Any:
    """The value of a field from its texts."""
    match field.kind:
        case "text":
            return Text(en=given["en"], fa=given["fa"])
        case "texts":
            return _lines(given["en"].split("\n"), given["fa"].split("\n"))
        case "string":
            return " ".join(given["t"].split("\n"))
        case "strings":
            return tuple(line.strip() for line in given["t"].split("\n") if line.strip())
        case "code":
            if given["code"] and given["code"] not in code_list(field.list_name):
                raise Refused(_("Choose one of the list."))
            return Coded(code=given["code"], text=Text(en=given["en"], fa=given["fa"]))
        case "date":
            return read_date(given["t"], today=today) if given["t"] else None
        case "day":
            return read_date(given["t"], today=today).gregorian if given["t"] else None
        case "count":
            return _count(given["t"])
        case "percent":
            return _number(given["t"], 100)
    return _age(given)


def _lines(en: list[str], fa: list[str]) -> tuple[Text, ...]:
    """Line by line: the first English one goes with the first Persian one."""
    longest = max(len(en), len(fa))
    pairs = zip(en + [""] * (longest - len(en)), fa + [""] * (longest - len(fa)), strict=True)
    return tuple(Text(en=one.strip(), fa=other.strip()) for one, other in pairs if one.strip() or other.strip())


def _count(text: str) -> int | None:
    plain = text.translate(_DIGITS)
    if not plain:
        return None
    if not plain.isascii() or not plain.isdecimal() or len(plain) > 9:
        raise Refused(_("Write a whole number, 0 or more."))
    return int(plain)


def _number(text: str, highest: float) -> float | None:
    plain = text.translate(_DIGITS).removesuffix("%").strip()
    if not plain:
        return None
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", plain) or float(plain) > highest:
        raise Refused(_("Write a number from 0 to %(highest)s.") % {"highest": f"{highest:g}"})
    return float(plain)


def _age(given: Mapping[str, str]) -> Age:
    if given["unit"] not in UNITS:
        raise Refused(_("Choose one of the list."))
    value = _number(given["value"], 50_000)
    return Age(value=value, unit=given["unit"], text=Text(en=given["en"], fa=given["fa"]))


def _at(piece: Any, path: str) -> Any:
    for step in path.split("."):
        piece = getattr(piece, step)
    return piece


def _with(piece: Any, steps: list[str], value: Any) -> Any:
    first, *rest = steps
    old = getattr(piece, first)
    new = _with(old, rest, value) if rest else value
    return piece if new is old else piece.model_copy(update={first: new})


@cache
def _member(group: str) -> type[Any]:
    """The type of a group's members."""
    found: type[Any] = get_args(RegistrationRecord.model_fields[group].annotation)[0]
    return found


__all__ = [
    "Answers",
    "Problems",
    "Read",
    "answers_of",
    "asked_fields",
    "groups",
    "kept",
    "member_path",
    "record_read",
    "tokens_of",
    "typed",
]
