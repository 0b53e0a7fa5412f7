"""Names that our ODM files use in every version of the standard: items beside the cells, flags, meanings, words."""

from __future__ import annotations

import re
from typing import Final

LAYOUT_VERSION: Final = 1
"""Of how rows become elements; a file of a later one is refused."""
NAMESPACE_13: Final = "http://www.cdisc.org/ns/odm/v1.3"
NAMESPACE_20: Final = "http://www.cdisc.org/ns/odm/v2.0"
SOURCE_SYSTEM: Final = "theratrial"
XML_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"

COMMON_EVENT: Final = "SE.common"
NO_SESSION: Final = "0"
"""Repeat key of an event that repeats, for a row without session; sessions count from 1."""
ALIAS_LAYOUT: Final = "theratrial.layout"
ALIAS_PROTOCOL: Final = "theratrial.protocol.sha256"
ALIAS_IN_FORCE: Final = "theratrial.protocol.in_force"

BESIDE_CELLS: Final[dict[str, tuple[str, str, str]]] = {
    "form": ("text", "Form it was entered with, where the FormOID does not say; empty: taken in from a file", ""),
    "visit": ("text", "Visit in whose context it was entered, where the StudyEventOID does not say", ""),
    "session": ("integer", "Session in whose context it was entered, where the StudyEventRepeatKey does not say", ""),
    "group": ("text", "Rows of one filling of a form share it, where the FormRepeatKey does not say", ""),
    "site": ("text", "Site of the row, where it is not that of the subject", ""),
    "version": ("integer", "Counts the changes of the row", ""),
    "incomplete": ("text", "Saved with required items missing", "no"),
    "entered_in_error": ("text", "Taken out as entered in error; its content stays in the history", "no"),
    "data_state": ("text", "open, frozen or locked", "open"),
    "entered_late": ("text", "Typed from paper after a failure", "no"),
    "source": ("text", "Where it came from: form, import, system", "form"),
    "sequence": ("integer", "Order within its table", "0"),
    "entered": ("text", "What was typed, its unit and calendar, where that differs from the cells; JSON", ""),
    "other_cells": ("text", "Cells of columns that the table no longer has; JSON", ""),
}
"""What a record holds beside its cells: name -> (data type, meaning, value that is not written)."""

ENTITIES: Final[dict[str, str]] = {
    "subject": "a participant: screening and state of the data",
    "query": "a query",
    "message": "a step in the thread of a query",
    "verification": "source verification of one item",
    "signature": "a signature: its words, and whether it was voided",
    "signed_row": "a row that a signature rests on",
    "redacted": "content that two people took out of the history",
}
ENUMERATED: Final[dict[str, tuple[str, ...]]] = {
    "entity": tuple(ENTITIES),
    "state": ("open", "answered", "closed", "cancelled"),
    "data_state": ("open", "frozen", "locked"),
    "query_kind": ("manual", "system"),
    "step": ("open", "answer", "reopen", "close", "cancel", "comment"),
}
"""Flags whose values are a closed list; the values of the others are free text."""
FLAGS: Final = (
    *("entity", "id", "screened_on", "data_state"),
    *("state", "query_kind", "rule", "record", "column", "subject", "site", "opened_by", "opened_at", "closed_at"),
    *("query", "author", "at", "step"),
    *("record_version", "verified_by", "verified_at"),
    *("signer", "printed_name", "role", "signed_at", "meaning", "kind", "key", "digest", "ledger_seq", "ledger_hash"),
    *("software", "voided_at", "voided_because", "signature", "table"),
)
MEANINGS: Final[dict[str, str]] = {
    "entered": "entered by me and correct",
    "reviewed": "reviewed",
    "approved": "approved",
    "responsible": "responsibility for the data",
    "overruled": "decision against the computed verdict",
}
"""Meanings of a signature, as the site has them."""
LEGAL_REASON: Final = (
    "The signer confirmed herself by account and password and signed exactly the content whose digest is given"
    " (21 CFR 11.50, 11.70)."
)

_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\\\\u\\{")
_WRITTEN: Final = re.compile(r"\\u\{([0-9a-f]{1,6})\}")


def writable(text: str) -> str:
    r"""Text as XML can hold it: a character that XML has no place for is spelled ``\u{b}``; `read_back` reverses it.

    >>> writable("a\x0bb")
    'a\\u{b}b'
    >>> read_back(writable("\\u{b} \x00")) == "\\u{b} \x00"
    True
    """
    if _FORBIDDEN.search(text) is None:
        return text
    return _FORBIDDEN.sub(lambda m: "\\u{5c}u{" if len(m[0]) > 1 else f"\\u{{{ord(m[0]):x}}}", text)


def read_back(text: str) -> str:
    """The text that `writable` was given."""
    return _WRITTEN.sub(lambda m: chr(int(m[1], 16)), text) if "\\u{" in text else text
