"""Any file of a registry as a record: the format is found by its content, and every failed try is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final

from theratrial.errors import InputError, TheratrialError
from theratrial.exchange.compressed import is_packed, unpacked
from theratrial.registry.imported import Imported

Read = Callable[[bytes, str, date], Imported]

MAXIMUM_BYTES: Final = 20_000_000
"""Of a single record; a dump of many is streamed (`theratrial.exchange.ictrp`)."""


def read_registry_file(content: bytes, name: str, *, today: date) -> Imported:
    """The record of a file in any format that is read.

    Parameters
    ----------
    name
        Of the file, for messages and, where content leaves it open, for its ending.
    today
        For judging dates.

    Raises
    ------
    InputError
        No format fits: which were tried and why each failed. A file that plainly is of one format (it begins like a
        PDF) is told that format's own fault alone.
    """
    if len(content) > MAXIMUM_BYTES:
        raise InputError(
            f"{name} has {len(content)} bytes; a record has at most {MAXIMUM_BYTES}. Is it a dump of many?"
        )
    if not content.strip():
        raise InputError(f"{name} is empty; give a record as YAML, a saved page (text, HTML, PDF), XML or JSON")
    if is_packed(content):
        content, name = unpacked(content, name, most=MAXIMUM_BYTES), name.removesuffix(".gz")
        if is_packed(content):
            raise InputError(f"{name} is packed twice; unpack it first")
        return read_registry_file(content, name, today=today)
    tried: list[str] = []
    for format_, read in _candidates(content, name):
        try:
            return read(content, name, today)
        except TheratrialError as error:
            tried.append(f"{format_}: {error}")
    if len(tried) == 1:
        raise InputError(f"{name}: {tried[0]}")
    raise InputError(f"{name} is no registration record that can be read. Tried:\n  " + "\n  ".join(tried))


def _candidates(content: bytes, name: str) -> list[tuple[str, Read]]:
    head = content[:4096].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if head.startswith(b"%pdf"):
        return [("PDF of IRCT's page", _pdf)]
    if head.startswith((b"{", b"[")):
        return [("ClinicalTrials.gov v2 JSON", _ctgov)]
    if b"<html" in head or b"<!doctype html" in head or name.lower().endswith((".html", ".htm")):
        return [("HTML of IRCT's page", _html)]
    if head.startswith(b"<"):
        return [("ICTRP XML", _ictrp), ("HTML of IRCT's page", _html)]
    if name.lower().endswith((".yaml", ".yml")) or b"schema_version:" in content[:4096]:
        return [("YAML", _yaml)]
    return [("text of IRCT's page", _text), ("YAML", _yaml)]


def _yaml(content: bytes, name: str, today: date) -> Imported:  # noqa: ARG001
    from theratrial.registry.reader import parse_registration

    return Imported(parse_registration(content, name), "yaml")


def _text(content: bytes, name: str, today: date) -> Imported:  # noqa: ARG001
    from theratrial.exchange.irct.html import decoded
    from theratrial.exchange.irct.text import read_irct_text

    text, encoding = decoded(content)
    found = read_irct_text(text, today=today)
    notes = () if encoding == "utf-8" else (f"read as {encoding}",)
    return Imported(found.record, found.format, found.unplaced, notes)


def _html(content: bytes, name: str, today: date) -> Imported:  # noqa: ARG001
    from theratrial.exchange.irct.html import read_irct_html

    return read_irct_html(content, today=today)


def _pdf(content: bytes, name: str, today: date) -> Imported:  # noqa: ARG001
    from theratrial.exchange.irct.pdf import read_irct_pdf

    return read_irct_pdf(content, today=today)


def _ictrp(content: bytes, name: str, today: date) -> Imported:
    from theratrial.exchange.ictrp.read import read_ictrp

    found = read_ictrp(content, today=today)
    if len(found) != 1:
        raise InputError(f"{name} holds {len(found)} trials; give a file of one, or check it as a dump")
    return found[0]


def _ctgov(content: bytes, name: str, today: date) -> Imported:  # noqa: ARG001
    from theratrial.exchange.ctgov.read import read_ctgov

    return read_ctgov(content, today=today)
