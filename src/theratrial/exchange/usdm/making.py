"""Makes instances of USDM's classes: ids counted by class, codes from the table, values with units."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from typing import Any, Final

from pydantic import BaseModel

from theratrial.errors import SourceError
from theratrial.protocol.reader import stated
from theratrial.reference import table

Instance = dict[str, Any]

CDISC: Final = "http://www.cdisc.org"
TERMINOLOGY: Final = "2025-09-26"
"""Edition of CDISC's terminology packages (DDF, SDTM, Protocol) that codes are said to be of: one for a whole file."""
CLAUSE_URL: Final = "urn:theratrial:protocol:clause:"
"""Followed by the path of a clause: the extension holds the whole clause as JSON."""
CONDITION_URL: Final = "urn:theratrial:condition:cel"
"""The extension holds a condition in theratrial's expression language (a subset of CEL)."""
VERBATIM_URL: Final = "urn:theratrial:verbatim"
"""The extension holds the sentences of the registered document."""


@cache
def _codes() -> dict[str, tuple[str, str]]:
    rows = table("exchange/usdm/codes").by("key")
    return {key: (row.text("code"), row.text("decode")) for key, row in rows.items()}


def said(value: float) -> str:
    """A number as people write it."""
    return f"{value:g}"


class Maker:
    """Makes instances; the same calls in the same order give the same ids."""

    def __init__(self, terminology: str = TERMINOLOGY) -> None:
        self._counts: Counter[str] = Counter()
        self.terminology = terminology

    def make(self, kind: str, **fields: Any) -> Instance:
        """An instance of a class, its id first and its type last as the published examples have it."""
        return {"id": self.new_id(kind), "extensionAttributes": [], **fields, "instanceType": kind}

    def new_id(self, kind: str) -> str:
        """The next id of a class."""
        self._counts[kind] += 1
        return f"{kind}_{self._counts[kind]}"

    def code(self, key: str) -> Instance:
        """A code of `data/codes.csv`.

        Raises
        ------
        SourceError
            The table has no such key.
        """
        try:
            code, decode = _codes()[key]
        except KeyError:
            raise SourceError(f"exchange/usdm/codes has no key {key!r}") from None
        return self.plain_code(code, decode, CDISC, self.terminology)

    def plain_code(self, code: str, decode: str, system: str, version: str) -> Instance:
        """A code of another system."""
        return self.make("Code", code=code, codeSystem=system, codeSystemVersion=version, decode=decode)

    def alias(self, key: str) -> Instance:
        """A code that may carry aliases."""
        return self.make("AliasCode", standardCode=self.code(key), standardCodeAliases=[])

    def quantity(self, value: float, unit: str = "") -> Instance:
        """A number with its unit (key of the table of codes)."""
        return self.make("Quantity", value=value, unit=self.alias(unit) if unit else None)

    def value_range(self, low: float, high: float, unit: str) -> Instance:
        """Both ends of a range."""
        return self.make(
            "Range", minValue=self.quantity(low, unit), maxValue=self.quantity(high, unit), isApproximate=False
        )

    def extension(self, url: str, value: str) -> Instance:
        """An extension attribute that holds a text."""
        return {"id": self.new_id("ExtensionAttribute"), "url": url, "valueString": value} | {
            "instanceType": "ExtensionAttribute"
        }

    def clause(self, path: str, clause: Any) -> Instance:
        """The extension that holds a whole clause as it was stated (a pydantic model, or plain data)."""
        plain = stated(clause) if isinstance(clause, BaseModel) else clause
        text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
        return self.extension(CLAUSE_URL + path, text)


def chained(instances: list[Instance]) -> list[Instance]:
    """The same instances, each knowing the one before and after it."""
    for one, before, after in zip(instances, [None, *instances], [*instances[1:], None], strict=False):
        one["previousId"] = before["id"] if before else None
        one["nextId"] = after["id"] if after else None
    return instances
