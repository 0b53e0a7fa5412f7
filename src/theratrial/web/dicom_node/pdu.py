"""The upper layer's PDUs as an acceptor needs them (PS3.8 9.3): read within bounds, written whole.

Everything here comes from a stranger: each length is compared with what is there before it is believed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from theratrial.web.dicom_node.config import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION

ASSOCIATE_RQ: Final = 0x01
ASSOCIATE_RJ: Final = 0x03
DATA: Final = 0x04
RELEASE_RQ: Final = 0x05
ABORT: Final = 0x07
APPLICATION_CONTEXT: Final = "1.2.840.10008.3.1.1.1"

ACCEPTED: Final = 0
ABSTRACT_SYNTAX_NOT_SUPPORTED: Final = 3
TRANSFER_SYNTAXES_NOT_SUPPORTED: Final = 4

RELEASE_RP: Final = struct.pack(">BBLL", 0x06, 0, 4, 0)
_FIXED: Final = 68
"""Bytes of an A-ASSOCIATE-RQ between its length and its items."""
_MOST_CONTEXTS: Final = 128
"""Identifiers are the odd numbers to 255."""
_MOST_SYNTAXES: Final = 64


class ProtocolError(Exception):
    """What came is no DICOM upper layer, or against its rules; `reason` is of the A-ABORT (PS3.8 9.3.8)."""

    def __init__(self, what: str, *, reason: int = 6) -> None:
        super().__init__(what)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Context:
    """A presentation context as it was proposed."""

    id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """An A-ASSOCIATE-RQ."""

    calling: str
    called: str
    titles: bytes
    """As they came, to be sent back."""
    application_context: str
    most_pdu_bytes: int
    """That the peer takes; 0: any."""
    version: int = 1
    contexts: tuple[Context, ...] = field(default=())


def _items(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    at = 0
    while at < len(data):
        if len(data) - at < 4:
            raise ProtocolError("an item is cut off")
        kind, length = data[at], int.from_bytes(data[at + 2 : at + 4], "big")
        if at + 4 + length > len(data):
            raise ProtocolError("an item is longer than what holds it")
        yield kind, data[at + 4 : at + 4 + length]
        at += 4 + length


def _uid(data: memoryview) -> str:
    return bytes(data[:128]).decode("ascii", "replace").strip(" \0")


def request_read(body: memoryview) -> Request:
    """An A-ASSOCIATE-RQ from what follows its length.

    Raises
    ------
    ProtocolError
        It is none.
    """
    if len(body) < _FIXED:
        raise ProtocolError("an association request is cut off")
    titles = bytes(body[4:36])
    contexts: list[Context] = []
    application, most = "", 0
    for kind, item in _items(body[_FIXED:]):
        if kind == 0x10:
            application = _uid(item)
        elif kind == 0x20:
            if len(contexts) == _MOST_CONTEXTS:
                raise ProtocolError("more presentation contexts than there are identifiers")
            contexts.append(_context(item))
        elif kind == 0x50:
            most = _most_pdu(item)
    called, calling = (part.decode("latin-1").strip(" \0") for part in (titles[:16], titles[16:]))
    version = int.from_bytes(body[:2], "big")
    return Request(calling, called, titles, application, most, version, tuple(contexts))


def _context(item: memoryview) -> Context:
    if len(item) < 4:
        raise ProtocolError("a presentation context is cut off")
    abstract = ""
    syntaxes: list[str] = []
    for kind, inside in _items(item[4:]):
        if kind == 0x30:
            abstract = _uid(inside)
        elif kind == 0x40 and len(syntaxes) < _MOST_SYNTAXES:
            syntaxes.append(_uid(inside))
    return Context(item[0], abstract, tuple(syntaxes))


def _most_pdu(item: memoryview) -> int:
    found = 0
    for kind, inside in _items(item):
        if kind == 0x51 and len(inside) == 4:
            found = int.from_bytes(inside, "big")
    return found


def _item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(value)) + value


def acceptance(request: Request, answers: Sequence[tuple[int, int, str]], *, pdu_bytes: int) -> bytes:
    """An A-ASSOCIATE-AC.

    Parameters
    ----------
    answers
        Of each context its identifier, the result, the transfer syntax that was chosen.
    pdu_bytes
        The longest PDU that we take.
    """
    items = _item(0x10, APPLICATION_CONTEXT.encode())
    for number, result, syntax in answers:
        items += _item(0x21, bytes((number, 0, result, 0)) + _item(0x40, syntax.encode()))
    user = _item(0x51, struct.pack(">L", pdu_bytes)) + _item(0x52, IMPLEMENTATION_CLASS_UID.encode())
    items += _item(0x50, user + _item(0x55, IMPLEMENTATION_VERSION.encode()))
    body = struct.pack(">HH", 1, 0) + request.titles + bytes(32) + items
    return struct.pack(">BBL", 0x02, 0, len(body)) + body


def rejection(result: int, source: int, reason: int) -> bytes:
    """An A-ASSOCIATE-RJ (PS3.8 9.3.4): result 1 for good, 2 for now."""
    return struct.pack(">BBLBBBB", ASSOCIATE_RJ, 0, 4, 0, result, source, reason)


def abort(reason: int) -> bytes:
    """An A-ABORT of the service provider."""
    return struct.pack(">BBLBBBB", ABORT, 0, 4, 0, 0, 2, reason)


def values(body: memoryview) -> Iterator[tuple[int, bool, bool, memoryview]]:
    """The presentation data values of a P-DATA-TF: context, whether of a command, whether the last, the fragment."""
    at = 0
    while at < len(body):
        if len(body) - at < 6:
            raise ProtocolError("a presentation data value is cut off")
        length = int.from_bytes(body[at : at + 4], "big")
        if length < 2 or at + 4 + length > len(body):
            raise ProtocolError("a presentation data value is longer than its PDU")
        control = body[at + 5]
        yield body[at + 4], bool(control & 1), bool(control & 2), body[at + 6 : at + 4 + length]
        at += 4 + length


def command_data(context: int, command: bytes) -> bytes:
    """A P-DATA-TF that holds a whole command."""
    value = struct.pack(">LBB", len(command) + 2, context, 0x03) + command
    return struct.pack(">BBL", DATA, 0, len(value)) + value


__all__ = [
    "ABORT",
    "ABSTRACT_SYNTAX_NOT_SUPPORTED",
    "ACCEPTED",
    "APPLICATION_CONTEXT",
    "ASSOCIATE_RJ",
    "ASSOCIATE_RQ",
    "DATA",
    "RELEASE_RP",
    "RELEASE_RQ",
    "TRANSFER_SYNTAXES_NOT_SUPPORTED",
    "Context",
    "ProtocolError",
    "Request",
    "abort",
    "acceptance",
    "command_data",
    "rejection",
    "request_read",
    "values",
]
