"""Verification of an exported ledger: a file, this module and `chain`; no database, no Django."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from theratrial.errors import InputError
from theratrial.web.ledger.chain import META, Anchor, ChainCheck


def file_verified(lines: Iterable[str], advance: Callable[[int], None] = lambda _count: None) -> ChainCheck:
    """Verify the lines of `theratrial ledger export`.

    Raises
    ------
    InputError
        A line is no event.
    """
    check, head = ChainCheck(), None
    for number, line in enumerate(lines, start=1):
        try:
            found = json.loads(line)
            if "head" in found:
                head = Anchor(int(found["head"]["seq"]), str(found["head"]["hash"]), "the file's last line")
                continue
            check.take(_event(found))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"line {number} is no event of a ledger ({error!r}); give a file of `ledger export`"
            ) from error
        advance(1)
    check.finish(head or Anchor(check.seq + 1, "", "the file's last line, which is missing,"))
    return check


def _event(found: dict[str, Any]) -> dict[str, Any]:
    for name in (*META, "payload_digest", "previous_hash", "hash"):
        if not isinstance(found[name], int if name == "seq" else str):
            raise ValueError(f"{name} is {found[name]!r}")
    payload = found["payload"]
    if payload is not None and not all(isinstance(payload[name], str | None) for name in ("salt", "old", "new")):
        raise ValueError("the payload holds no text")
    return found
