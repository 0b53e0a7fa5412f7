"""One connection to a peer: PDUs read into one buffer, each within its time and its bound."""

from __future__ import annotations

import socket
import struct
import time
from typing import Final

from theratrial.web.dicom_node.pdu import ASSOCIATE_RQ, ProtocolError

_MOST_REQUEST: Final = 1 << 18
_KINDS: Final = range(0x01, 0x08)


class LineEnded(Exception):
    """The peer is gone, or silent for too long (`silent`)."""

    def __init__(self, what: str, *, silent: bool = False) -> None:
        super().__init__(what)
        self.silent = silent


class Line:
    """A socket that gives PDUs.

    A PDU must be complete within `idle_s` of its first byte, and its first byte come within that time: a peer that
    sends one byte now and then holds a place no longer than one that hangs.
    """

    def __init__(self, connection: socket.socket, *, idle_s: float, pdu_bytes: int) -> None:
        self._socket, self._idle_s, self._pdu_bytes = connection, idle_s, pdu_bytes
        self._buffer = bytearray(max(pdu_bytes, 4096))
        self._head = bytearray(6)

    def read(self, *, within_s: float | None = None) -> tuple[int, memoryview]:
        """Type and content of the next PDU; the content is good until the next call.

        Raises
        ------
        LineEnded
            The peer closed the connection, or nothing (complete) came in time.
        ProtocolError
            A PDU of unknown type, or longer than was agreed.
        """
        wait_s = within_s or self._idle_s
        until = time.monotonic() + wait_s
        self._filled(memoryview(self._head), until)
        if within_s is None:
            until = time.monotonic() + wait_s
        kind, _reserved, length = struct.unpack(">BBL", self._head)
        if kind not in _KINDS:
            raise ProtocolError(f"a PDU of the unknown type {kind:#04x}", reason=1)
        if length > (_MOST_REQUEST if kind == ASSOCIATE_RQ else self._pdu_bytes):
            raise ProtocolError(f"a PDU of {length} bytes; {self._pdu_bytes} were agreed")
        if length > len(self._buffer):
            self._buffer = bytearray(length)
        content = memoryview(self._buffer)[:length]
        self._filled(content, until)
        return kind, content

    def _filled(self, target: memoryview, until: float) -> None:
        got = 0
        while got < len(target):
            left = until - time.monotonic()
            if left <= 0:
                raise LineEnded("the peer was silent for too long", silent=True)
            self._socket.settimeout(left)
            try:
                count = self._socket.recv_into(target[got:])
            except TimeoutError as error:
                raise LineEnded("the peer was silent for too long", silent=True) from error
            except OSError as error:
                raise LineEnded(f"the connection broke: {error}") from error
            if not count:
                raise LineEnded("the peer closed the connection")
            got += count

    def send(self, data: bytes) -> None:
        """Send all of it; a peer that does not read is given the same time."""
        try:
            self._socket.settimeout(self._idle_s)
            self._socket.sendall(data)
        except TimeoutError as error:
            raise LineEnded("the peer does not read", silent=True) from error
        except OSError as error:
            raise LineEnded(f"the connection broke: {error}") from error


__all__ = ["Line", "LineEnded"]
