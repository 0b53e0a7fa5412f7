"""Command sets (PS3.7 6.3): always implicit VR little endian, short, and the only part of a message read at once."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from theratrial.web.dicom_node.pdu import ProtocolError

C_STORE_RQ: Final = 0x0001
C_ECHO_RQ: Final = 0x0030
C_CANCEL_RQ: Final = 0x0FFF
NO_DATA_SET: Final = 0x0101

SUCCESS: Final = 0x0000
PROCESSING_FAILURE: Final = 0x0110
NOT_AUTHORISED: Final = 0x0124
UNRECOGNISED_OPERATION: Final = 0x0211
OUT_OF_RESOURCES: Final = 0xA700
DOES_NOT_MATCH: Final = 0xA900
CANNOT_UNDERSTAND: Final = 0xC000

_GROUP_LENGTH, _SOP_CLASS, _FIELD, _MESSAGE_ID, _RESPONDED_TO = 0x0000, 0x0002, 0x0100, 0x0110, 0x0120
_DATA_SET_TYPE, _STATUS, _COMMENT, _SOP_INSTANCE = 0x0800, 0x0900, 0x0902, 0x1000
MOST_COMMAND: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Command:
    """A request."""

    field: int
    message_id: int
    sop_class: str
    sop_instance: str
    has_data_set: bool


def command_read(data: bytes) -> Command:
    """A command set.

    Raises
    ------
    ProtocolError
        It is none, or lacks what every command has.
    """
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        if len(data) - at < 8:
            raise ProtocolError("a command element is cut off")
        group, element, length = struct.unpack_from("<HHL", data, at)
        if group != 0 or at + 8 + length > len(data):
            raise ProtocolError("a command set holds what does not belong there")
        found[element] = data[at + 8 : at + 8 + length]
        at += 8 + length
    return Command(
        _short(found, _FIELD),
        _short(found, _MESSAGE_ID) if _MESSAGE_ID in found else 0,
        _text(found, _SOP_CLASS),
        _text(found, _SOP_INSTANCE),
        _short(found, _DATA_SET_TYPE) != NO_DATA_SET,
    )


def _short(found: dict[int, bytes], element: int) -> int:
    value = found.get(element, b"")
    if len(value) != 2:
        raise ProtocolError(f"a command lacks (0000,{element:04X})")
    return int.from_bytes(value, "little")


def _text(found: dict[int, bytes], element: int) -> str:
    return found.get(element, b"").decode("ascii", "replace").strip(" \0")


def _element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHL", 0, number, len(value)) + value


def _padded(text: str, with_: bytes) -> bytes:
    raw = text.encode("ascii", "replace")
    return raw + with_ * (len(raw) % 2)


def response(command: Command, status: int, comment: str = "") -> bytes:
    """The answer to a request, with its status; a comment says in words what is wrong."""
    body = _element(_SOP_CLASS, _padded(command.sop_class, b"\0")) if command.sop_class else b""
    body += _element(_FIELD, struct.pack("<H", command.field | 0x8000))
    body += _element(_RESPONDED_TO, struct.pack("<H", command.message_id))
    body += _element(_DATA_SET_TYPE, struct.pack("<H", NO_DATA_SET))
    body += _element(_STATUS, struct.pack("<H", status))
    if comment:
        body += _element(_COMMENT, _padded(comment.replace("\\", "/")[:64], b" "))
    if command.field == C_STORE_RQ:
        body += _element(_SOP_INSTANCE, _padded(command.sop_instance, b"\0"))
    return _element(_GROUP_LENGTH, struct.pack("<L", len(body))) + body


__all__ = [
    "CANNOT_UNDERSTAND",
    "C_CANCEL_RQ",
    "C_ECHO_RQ",
    "C_STORE_RQ",
    "DOES_NOT_MATCH",
    "MOST_COMMAND",
    "NOT_AUTHORISED",
    "OUT_OF_RESOURCES",
    "PROCESSING_FAILURE",
    "SUCCESS",
    "UNRECOGNISED_OPERATION",
    "Command",
    "command_read",
    "response",
]
