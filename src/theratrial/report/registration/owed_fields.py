"""What must be filled before a record is handed in and is empty, and what differs from the registered version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from theratrial.exchange.irct.text import REGISTRY
from theratrial.registry.completeness import completeness
from theratrial.registry.difference import Change, difference
from theratrial.registry.fields import Filled, filled_fields
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import LANGUAGES, Language, Text

_TYPED: tuple[str, ...] = ("registration.utn",)


@dataclass(frozen=True, slots=True)
class Lack:
    """A field that must be filled and is not; `language` where only its words in that one are missing."""

    path: str
    item: int
    """Of the WHO Trial Registration Data Set; 0 where the registry alone asks for it."""
    language: Language | None = None


def assigned_by_the_registry(one: Filled) -> bool:
    """Whether nobody types a field into the form: number, dates, timing and counts of the registration."""
    return one.field.section == "registration" and one.path not in _TYPED


def lacks(record: RegistrationRecord) -> tuple[Lack, ...]:
    """What is empty and due: fields of the WHO data set, and in IRCT the second language of words that have one."""
    due = [item for item in completeness(record).items if item.state in ("partial", "absent")]
    empty = [Lack(path, item.number) for item in due for path in item.lacking if _is_typed(path)]
    return (*empty, *(_one_language(record) if of_irct(record) else ()))


def differing(record: RegistrationRecord, earlier: RegistrationRecord | None) -> dict[str, Change]:
    """Changes since the registered version, by path; of fields that people type."""
    changes = difference(earlier, record) if earlier is not None else ()
    return {one.path: one for one in changes if one.field.section != "registration" or one.path in _TYPED}


def of_irct(record: RegistrationRecord) -> bool:
    """Whether it is a record of IRCT, which demands both languages."""
    registry = record.registration.registry
    return record.registration.number.startswith("IRCT") or (
        bool(registry) and (registry.en == REGISTRY["en"] or registry.fa == REGISTRY["fa"])
    )


def _is_typed(path: str) -> bool:
    return not path.startswith("registration.") or path in _TYPED


def _one_language(record: RegistrationRecord) -> Iterator[Lack]:
    for one in filled_fields(record):
        if one.field.kind != "text" or not isinstance(one.value, Text) or not one.value or not _is_typed(one.path):
            continue
        for language in LANGUAGES:
            if not one.value.said(language):
                yield Lack(one.path, 0, language)
