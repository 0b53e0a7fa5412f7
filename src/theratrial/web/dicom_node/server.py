"""The node: listens, gives every caller a thread, looks after the deliveries, and ends in order."""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from django.conf import settings as django_settings

from theratrial.errors import InputError
from theratrial.web.dicom_node.association import Association
from theratrial.web.dicom_node.config import NodeSettings, server_tls
from theratrial.web.dicom_node.deliveries import Deliveries, resumed
from theratrial.web.dicom_node.line import Line
from theratrial.web.dicom_node.negotiation import storage_classes
from theratrial.web.dicom_node.unread import UnreadWatch

LOG = logging.getLogger("theratrial.web.dicom_node")
_MORE_THAN_ALLOWED: Final = 16
"""So many callers beyond the limit still hear that there are too many; others are cut off."""
_LOOKED_AFTER_S: Final = 0.25
_ENDING_S: Final = 5.0


class Node:
    """A DICOM node of the site.

    Raises
    ------
    InputError
        Another node of this site runs, a port cannot be used, or the certificates cannot.
    """

    def __init__(self, settings: NodeSettings) -> None:
        self._settings = settings
        self._stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._only_one = _only_one()
        self.deliveries = Deliveries(settings)
        self._unread = UnreadWatch(settings.unread_s)
        self._listeners: list[tuple[socket.socket, ssl.SSLContext | None]] = []
        if settings.port is not None:
            self._listeners.append((_listening(settings.host, settings.port), None))
        if settings.tls_port is not None:
            self._listeners.append((_listening(settings.host, settings.tls_port), server_tls(settings)))
        if not self._listeners:
            raise InputError("no port is set: give --port, or THERATRIAL_DICOM_PORT or THERATRIAL_DICOM_TLS_PORT")
        storage_classes()

    @property
    def ports(self) -> tuple[int, ...]:
        """On which it listens."""
        return tuple(int(one.getsockname()[1]) for one, _tls in self._listeners)

    def start(self) -> None:
        """Take up what is left of an earlier run, then listen."""
        taken_up = resumed()
        if taken_up:
            LOG.info("%d deliveries of an earlier run are being read", taken_up)
        for listener, tls in self._listeners:
            self._begin(self._accepting, listener, tls)
        self._begin(self._looking_after)

    def stop(self) -> None:
        """Take no more calls, let go of those there are, hand over what is complete."""
        self._stopping.set()
        for listener, _tls in self._listeners:
            # Closing alone would leave the thread in accept().
            _hung_up(listener)
            listener.close()
        with self._lock:
            there = list(self._connections)
        for one in there:
            _hung_up(one)
        for thread in self._threads:
            thread.join(_ENDING_S)
        self.deliveries.looked_after(all_=True)
        os.close(self._only_one)

    def _begin(self, target: Callable[..., None], *given: object) -> None:
        thread = threading.Thread(target=target, args=given, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _looking_after(self) -> None:
        while not self._stopping.wait(_LOOKED_AFTER_S):
            try:
                self.deliveries.looked_after()
                self._unread.looked()
            except Exception:
                # Without this thread images would be taken and never handed over; whoever runs the node reads why.
                LOG.exception("a fault of ours in looking after the deliveries")

    def _accepting(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        while not self._stopping.is_set():
            try:
                connection, address = listener.accept()
            except OSError as error:
                if self._stopping.wait(0.1):
                    return
                LOG.error("a call could not be answered: %s", error)
                continue
            with self._lock:
                count = len(self._connections)
                if count >= self._settings.associations + _MORE_THAN_ALLOWED:
                    connection.close()
                    continue
                self._connections.add(connection)
            room = count < self._settings.associations
            caller = threading.Thread(target=self._called, args=(connection, str(address[0]), tls, room), daemon=True)
            try:
                caller.start()
            except RuntimeError:
                LOG.error("no thread for a call")
                self._let_go(connection)

    def _called(self, connection: socket.socket, address: str, tls: ssl.SSLContext | None, room: bool) -> None:
        line_socket = connection
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if tls is not None:
                connection.settimeout(self._settings.request_s)
                line_socket = tls.wrap_socket(connection, server_side=True)
                with self._lock:
                    self._connections.discard(connection)
                    self._connections.add(line_socket)
            line = Line(line_socket, idle_s=self._settings.idle_s, pdu_bytes=self._settings.pdu_bytes)
            Association(line, address, self._settings, self.deliveries, tls=tls is not None, room=room).run()
        except OSError as error:
            LOG.warning("%s: no connection (%s)", address, error)
        except Exception:
            # One caller must never take the node down with it; whoever runs it reads why.
            LOG.exception("a fault of ours in an association with %s", address)
        finally:
            self._let_go(line_socket)
            self._let_go(connection)

    def _let_go(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.discard(connection)
        _hung_up(connection)
        connection.close()


def _hung_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _listening(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise InputError(
            f"port {port} of {host} cannot be used ({error.strerror}); give another with --port"
        ) from error
    return listener


def _only_one() -> int:
    """A lock that ends with this process: two nodes would take each other's halves for their own."""
    folder = Path(django_settings.MEDIA_ROOT, "incoming")
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / ".dicom-node.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise InputError("another DICOM node of this site runs already; stop it first") from error
    return handle


__all__ = ["Node"]
