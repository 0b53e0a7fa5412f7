"""Organ names from structure sets and segmentations -> one controlled list. docs/methods/segmentation.md."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final, Literal

from theratrial.errors import SourceError
from theratrial.reference import table
from theratrial.reference.tables import Row

TABLE: Final = "quantification/organ_names"

Side = Literal["left", "right", "both", ""]
"""``both`` is a pair drawn as one; ``""`` an organ that has no side."""

_SIDES: Final[Mapping[str, Side]] = MappingProxyType(
    {
        "left": "left",
        "l": "left",
        "lt": "left",
        "right": "right",
        "r": "right",
        "rt": "right",
        "both": "both",
        "bilateral": "both",
        "total": "both",
    }
)
_SUGGESTIONS: Final = 3
_LIKENESS: Final = 0.6


@dataclass(frozen=True, slots=True)
class OrganName:
    """What a name stands for.

    Parameters
    ----------
    given
        As in the file.
    organ
        Name in the controlled list (``kidney``); None where the name is not known, and nothing is guessed.
    side
        Laterality of a paired organ.
    sct
        SNOMED CT code of the organ without side, "" where the list has none.
    tg263
        Name by AAPM report 263 with its side, "" where the list has none.
    suggestions
        For an unknown name, the most alike names of the list, most alike first; for a person to choose from.
    """

    given: str
    organ: str | None
    side: Side = ""
    sct: str = ""
    tg263: str = ""
    suggestions: tuple[str, ...] = ()

    @property
    def canonical(self) -> str | None:
        """Organ and side in one word: ``kidney_left``, ``kidneys`` are ``kidney_both``; None where unknown."""
        if self.organ is None:
            return None
        return f"{self.organ}_{self.side}" if self.side else self.organ


def organ_name(given: str) -> OrganName:
    """What a region's name stands for; case, blanks, underscores, hyphens and dots do not matter, spelling does.

    A side is a word of its own (``left``, ``l``, ``lt``) anywhere in the name. A paired organ without one is both. A
    side at an organ that has none makes the name unknown: ``liver left`` is a lobe, not the liver.

    Examples
    --------
    >>> organ_name("Kidney_L").canonical, organ_name("kidney_left").tg263
    ('kidney_left', 'Kidney_L')
    >>> organ_name("KIDNEYS").side
    'both'
    >>> unknown = organ_name("kidny left")
    >>> unknown.organ is None, unknown.suggestions[0]
    (True, 'kidney_left')
    """
    words = _words(given)
    plain = " ".join(words)
    by_name = _by_name()
    if (row := by_name.get(plain)) is not None:
        return _known(given, row, "both" if row.text("sides") == "pair" else "")
    sides = [word for word in words if word in _SIDES]
    rest = " ".join(word for word in words if word not in _SIDES)
    row = by_name.get(rest)
    if row is not None and len(sides) == 1 and row.text("sides") == "pair":
        return _known(given, row, _SIDES[sides[0]])
    return OrganName(given, None, suggestions=_suggestions(rest or plain, _SIDES[sides[0]] if len(sides) == 1 else ""))


def organ_names() -> tuple[str, ...]:
    """Organs of the controlled list, in its order."""
    return tuple(row.text("organ") for row in table(TABLE))


def _words(given: str) -> list[str]:
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", given.strip())
    joined = re.findall(r"[^\W_]+", given.casefold())
    apart = re.findall(r"[^\W_]+", split.casefold())
    # SpinalCord is one word in report 263 and two elsewhere; KidneyL is neither, but clear.
    return joined if " ".join(joined) in _by_name() else apart


@cache
def _by_name() -> Mapping[str, Row]:
    found: dict[str, Row] = {}
    for row in table(TABLE):
        if row.text("sides") not in ("pair", "one"):
            raise SourceError(
                f"table {TABLE} line {row.line}: sides is {row.text('sides')!r}; allowed are pair and one"
            )
        names = {*row.text("names").split(";"), " ".join(re.findall(r"[^\W_]+", row.text("organ").casefold()))}
        for name in names:
            if name in found and found[name] is not row:
                raise SourceError(
                    f"table {TABLE}: {name!r} stands for {found[name].text('organ')} and {row.text('organ')}"
                )
            found[name] = row
    return MappingProxyType(found)


def _known(given: str, row: Row, side: Side) -> OrganName:
    one, both = row.text("tg263"), row.text("tg263_both")
    suffix = {"left": "_L", "right": "_R"}.get(side, "")
    name = both if side == "both" else (one + suffix if one else "")
    return OrganName(given, row.text("organ"), side, row.text("sct"), name)


def _suggestions(plain: str, side: Side) -> tuple[str, ...]:
    by_name = _by_name()
    alike = difflib.get_close_matches(plain, sorted(by_name), n=4 * _SUGGESTIONS, cutoff=_LIKENESS)
    found: list[str] = []
    for name in alike:
        row = by_name[name]
        shown = row.text("organ") + (f"_{side}" if side and row.text("sides") == "pair" else "")
        if shown not in found:
            found.append(shown)
    return tuple(found[:_SUGGESTIONS])
