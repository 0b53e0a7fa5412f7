"""One association with a peer that calls us: verification and storage, from its request to its end.

Own code on the upper layer and not pynetdicom's acceptor, for three reasons that are measured or tested
(``docs/dicom_node.md``): an instance goes to the disk as it comes and is never held in memory; every wait has an end,
also in the middle of a PDU; and it keeps up with the senders.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Final

from theratrial.web.dicom_node import commands, pdu
from theratrial.web.dicom_node.commands import Command
from theratrial.web.dicom_node.config import NodeSettings
from theratrial.web.dicom_node.deliveries import Deliveries, in_database, new_association
from theratrial.web.dicom_node.instances import Announced, Incoming, Refused
from theratrial.web.dicom_node.line import Line, LineEnded
from theratrial.web.dicom_node.negotiation import answered
from theratrial.web.dicom_node.pdu import ProtocolError, Request
from theratrial.web.dicom_node.peers import CALLED_NOT_RECOGNISED, CALLING_NOT_RECOGNISED, Sender, sender_of
from theratrial.web.studies.limits import limits

LOG = logging.getLogger("theratrial.web.dicom_node")
_UID: Final = re.compile(r"[0-9]+(\.[0-9]+)*")
_TOO_MANY: Final = pdu.rejection(2, 3, 2)
_NO_REASON: Final = pdu.rejection(1, 1, 1)
_CONTEXT_NAME: Final = pdu.rejection(1, 1, 2)
_VERSION: Final = pdu.rejection(1, 2, 2)


class Association:
    """An association; `run` returns when it is over."""

    def __init__(
        self, line: Line, address: str, settings: NodeSettings, deliveries: Deliveries, *, tls: bool, room: bool
    ) -> None:
        self._line, self._address, self._settings, self._deliveries = line, address, settings, deliveries
        self._tls, self._room = tls, room
        self._key = new_association()
        self._sender: Sender | None = None
        self._contexts: Mapping[int, tuple[str, str]] = {}
        self._command = bytearray()
        self._command_context = 0
        self._store: Command | None = None
        self._incoming: Incoming | None = None
        self._refused: Refused | None = None
        self._passed_bytes = 0

    def run(self) -> None:
        """Serve the peer to the end, whatever it does."""
        try:
            if self._begun():
                while self._served():
                    pass
        except LineEnded as ended:
            LOG.info("%s: %s", self._address, ended)
            if ended.silent:
                self._told_last(pdu.abort(0))
        except ProtocolError as error:
            LOG.warning("%s broke the protocol: %s", self._address, error)
            self._told_last(pdu.abort(error.reason))
        finally:
            if self._incoming is not None:
                self._incoming.dropped()
            self._deliveries.left(self._key)

    def _told_last(self, data: bytes) -> None:
        try:
            self._line.send(data)
        except LineEnded:
            return

    def _begun(self) -> bool:
        """Whether the association stands."""
        kind, body = self._line.read(within_s=self._settings.request_s)
        if kind != pdu.ASSOCIATE_RQ:
            raise ProtocolError("the first PDU is no association request", reason=2)
        request = pdu.request_read(body)
        refusal = self._refusal(request)
        if refusal is not None:
            self._line.send(refusal)
            return False
        answers, self._contexts = answered(request.contexts)
        self._line.send(pdu.acceptance(request, answers, pdu_bytes=self._settings.pdu_bytes))
        return True

    def _refusal(self, request: Request) -> bytes | None:
        """The A-ASSOCIATE-RJ, where it is refused."""
        if not self._room:
            return _TOO_MANY
        if not request.version & 1:
            return _VERSION
        if request.application_context != pdu.APPLICATION_CONTEXT:
            return _CONTEXT_NAME
        if request.called != self._settings.ae_title:
            LOG.warning("%s calls %r, which is not our AE title", self._address, request.called)
            return pdu.rejection(1, 1, CALLED_NOT_RECOGNISED)
        find = in_database(sender_of)
        self._sender = find(request.calling, self._address, tls=self._tls, unknown_site=self._settings.unknown_site)
        if self._sender is None:
            LOG.warning("%s calls as %r, which may not send from there", self._address, request.calling)
            return pdu.rejection(1, 1, CALLING_NOT_RECOGNISED)
        return None if request.contexts else _NO_REASON

    def _served(self) -> bool:
        """Take one PDU; False at the end of the association."""
        kind, body = self._line.read()
        if kind == pdu.RELEASE_RQ:
            self._line.send(pdu.RELEASE_RP)
            return False
        if kind == pdu.ABORT:
            return False
        if kind != pdu.DATA:
            raise ProtocolError(f"a PDU of type {kind} in the middle of an association", reason=2)
        for context, is_command, is_last, fragment in pdu.values(body):
            if context not in self._contexts:
                raise ProtocolError(f"data in the context {context}, which was not accepted")
            if is_command:
                self._command_came(context, fragment, last=is_last)
            else:
                self._data_came(context, fragment, last=is_last)
        return True

    def _command_came(self, context: int, fragment: memoryview, *, last: bool) -> None:
        if self._store is not None:
            raise ProtocolError("a command in the middle of a data set", reason=2)
        if self._command and context != self._command_context:
            raise ProtocolError("a command in two contexts")
        self._command_context = context
        self._command += fragment
        if len(self._command) > commands.MOST_COMMAND:
            raise ProtocolError("a command that does not end")
        if last:
            command = commands.command_read(bytes(self._command))
            self._command.clear()
            self._asked(context, command)

    def _asked(self, context: int, command: Command) -> None:
        if command.field == commands.C_CANCEL_RQ:
            return
        if command.field == commands.C_STORE_RQ and command.has_data_set:
            self._store, self._refused, self._passed_bytes = command, None, 0
            self._instance_begun(context, command)
        elif command.field == commands.C_STORE_RQ:
            self._answer(context, command, commands.CANNOT_UNDERSTAND, "no data set came with it")
        elif command.has_data_set:
            raise ProtocolError(f"the operation {command.field:#06x} is not offered here", reason=2)
        elif command.field == commands.C_ECHO_RQ:
            self._answer(context, command, commands.SUCCESS)
        else:
            self._answer(context, command, commands.UNRECOGNISED_OPERATION)

    def _instance_begun(self, context: int, command: Command) -> None:
        abstract, syntax = self._contexts[context]
        uid = command.sop_instance
        try:
            if command.sop_class != abstract:
                raise Refused(commands.DOES_NOT_MATCH, "the SOP class is not the one of the context")
            if len(uid) > 64 or not _UID.fullmatch(uid):
                raise Refused(commands.CANNOT_UNDERSTAND, "the SOP Instance UID is none")
            self._incoming = Incoming(
                Announced(abstract, uid, syntax),
                most_bytes=limits().file_bytes,
                reserve_bytes=self._settings.reserve_bytes,
            )
        except Refused as refused:
            self._refused = refused

    def _data_came(self, context: int, fragment: memoryview, *, last: bool) -> None:
        if self._store is None or context != self._command_context:
            raise ProtocolError("a data set that no command announced", reason=2)
        if self._incoming is not None:
            try:
                self._incoming.write(fragment)
            except Refused as refused:
                self._refused, self._incoming = refused, None
        else:
            # What was refused is read to its end, so that the peer hears why; but not for ever.
            self._passed_bytes += len(fragment)
            if self._passed_bytes > limits().file_bytes:
                raise ProtocolError("a refused instance that does not end")
        if last:
            self._instance_ended(context)

    def _instance_ended(self, context: int) -> None:
        command, incoming = self._store, self._incoming
        assert command is not None
        self._store = self._incoming = None
        if incoming is not None:
            try:
                incoming.looked_at()
                assert self._sender is not None
                self._deliveries.kept(self._sender, self._key, incoming)
            except Refused as refused:
                self._refused = refused
            finally:
                incoming.dropped()
        if self._refused is None:
            self._answer(context, command, commands.SUCCESS)
        else:
            LOG.warning("%s: an instance is refused: %s", self._address, self._refused)
            self._answer(context, command, self._refused.status, str(self._refused))

    def _answer(self, context: int, command: Command, status: int, comment: str = "") -> None:
        self._line.send(pdu.command_data(context, commands.response(command, status, comment)))


__all__ = ["Association"]
