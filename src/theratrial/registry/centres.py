"""The centres of a record beside the centres of its trial: compared by name, where there are names."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Final

from theratrial.registry.found import Sentence
from theratrial.registry.record import RegistrationRecord

_ALIKE: Final = 0.85
_CODE: Final = re.compile(r"[A-Za-z]{0,8}[-_ ]?\d{1,4}")
_SMALL: Final = frozenset({"of", "the", "and", "center", "centre", "department", "hospital", "university", "at", "in"})


def centres_lacking(record: RegistrationRecord, sites: tuple[str, ...]) -> tuple[tuple[str, ...], Sentence | None]:
    """Names of sites that no centre of the record has, and what could not be compared.

    A site that is known by a code alone (``site_01``) has no name to compare; that there are more of them than centres
    can be told all the same.
    """
    named = [one for one in sites if not _CODE.fullmatch(one)]
    coded = [one for one in sites if _CODE.fullmatch(one)]
    known = [words for centre in record.centres for words in (centre.organization.en, centre.organization.fa) if words]
    lacking = tuple(one for one in named if not any(same_place(one, other) for other in known))
    if coded and len(sites) > len(record.centres) + len(lacking):
        return lacking, Sentence(
            f"Centres: participants were enrolled at {len(sites)} sites ({', '.join(sites)}), the record names "
            f"{len(record.centres)}; a code alone does not say which one is lacking",
            f"مرکزها: شرکت‌کنندگان در {len(sites)} مرکز وارد شده‌اند ({'، '.join(sites)}) و سوابق {len(record.centres)} "
            "مرکز دارد؛ از روی کد نمی‌توان گفت کدام نیامده است",
        )
    return lacking, None


def same_place(one: str, other: str) -> bool:
    """Whether two names are of one place: equal, alike in spelling, or one made of words of the other.

    Examples
    --------
    >>> same_place("Persian Gulf Hospital", "Nuclear Medicine Center, Persian Gulf Hospital")
    True
    >>> same_place("Example Hospital", "Persian Gulf Hospital")
    False
    """
    first, second = _words(one), _words(other)
    if not first or not second:
        return " ".join(one.casefold().split()) == " ".join(other.casefold().split())
    if set(first) <= set(second) or set(second) <= set(first):
        return True
    return SequenceMatcher(None, " ".join(first), " ".join(second)).ratio() >= _ALIKE


def _words(name: str) -> list[str]:
    return [word for word in re.findall(r"\w+", name.casefold()) if word not in _SMALL]
