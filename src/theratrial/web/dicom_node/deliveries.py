"""Deliveries over the network: which upload an instance belongs to, when it is complete, what a crash left.

A sender's images belong to one upload until its associations have ended for a moment or none came for a while: some
open an association per study, others one per image. Then the upload is read like any other.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, close_old_connections, connections

from theratrial.errors import TheratrialError
from theratrial.web.dicom_node.commands import NOT_AUTHORISED, OUT_OF_RESOURCES, PROCESSING_FAILURE
from theratrial.web.dicom_node.config import NodeSettings
from theratrial.web.dicom_node.instances import Incoming, Refused, spool
from theratrial.web.dicom_node.peers import Sender
from theratrial.web.studies import arrivals, services, store
from theratrial.web.studies.limits import limits
from theratrial.web.studies.models import Upload

LOG = logging.getLogger("theratrial.web.dicom_node")
_AGAIN_S = 10.0
_HEX = frozenset("0123456789abcdef")
GivenT = ParamSpec("GivenT")
AnswerT = TypeVar("AnswerT")


def in_database(function: Callable[GivenT, AnswerT]) -> Callable[GivenT, AnswerT]:
    """Every thread has its own connection, and threads come and go with associations: none is left open."""

    @wraps(function)
    def closing(*args: GivenT.args, **named: GivenT.kwargs) -> AnswerT:
        close_old_connections()
        try:
            return function(*args, **named)
        finally:
            connections.close_all()

    return closing


@dataclass(eq=False, slots=True)
class Delivery:
    """An upload that takes instances of one sender."""

    upload: str
    sender: Sender
    folder: Path
    journal: int
    """File descriptor, opened to append."""
    last: float
    """When the last instance came, on the monotonic clock."""
    files: int = 0
    bytes: int = 0
    busy: int = 0
    """Instances being moved into it now."""
    senders: set[int] = field(default_factory=set)
    """Associations that are open."""
    again_at: float = 0.0
    """When it is handed over again after that failed."""


class Deliveries:
    """The deliveries under way; used by all associations at once."""

    def __init__(self, settings: NodeSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._lock = threading.Lock()
        self._open: dict[Sender, Delivery] = {}
        self._beginning: dict[Sender, threading.Lock] = {}
        self._finished: list[Delivery] = []

    def kept(self, sender: Sender, association: int, instance: Incoming) -> None:
        """Keep a whole instance: on the disk and in the journal when this returns.

        Raises
        ------
        Refused
            It cannot be kept; nothing of it is left.
        """
        try:
            with self._taking(sender, association) as delivery:
                one = instance.kept(delivery.folder)
                _noted(delivery, one)
                with self._lock:
                    delivery.files += 1
                    delivery.bytes += one.bytes
        finally:
            instance.dropped()

    @contextmanager
    def _taking(self, sender: Sender, association: int) -> Iterator[Delivery]:
        """The sender's open delivery; it is not finished meanwhile."""
        delivery = self._joined(sender, association)
        try:
            yield delivery
        finally:
            with self._lock:
                delivery.busy -= 1
                delivery.last = self._clock()

    def _joined(self, sender: Sender, association: int) -> Delivery:
        with self._lock:
            one_at_a_time = self._beginning.setdefault(sender, threading.Lock())
        with one_at_a_time:
            bounds = limits()
            with self._lock:
                found = self._open.get(sender)
                if found is not None and (found.files >= bounds.files or found.bytes >= bounds.delivery_bytes):
                    self._closed(found)
                    found = None
            if found is None:
                begun = _begun(sender, self._clock())
                with self._lock:
                    self._open[sender] = found = begun
            with self._lock:
                # Between the look and now the delivery may have been closed; then another is begun.
                if self._open.get(sender) is found:
                    found.busy += 1
                    found.senders.add(association)
                    return found
        return self._joined(sender, association)

    def left(self, association: int) -> None:
        """An association is at its end."""
        with self._lock:
            for one in self._open.values():
                if association in one.senders:
                    one.senders.discard(association)
                    one.last = self._clock()

    def _closed(self, delivery: Delivery) -> None:
        """Takes no more; to be called with the lock."""
        self._open.pop(delivery.sender, None)
        self._finished.append(delivery)

    def looked_after(self, *, all_: bool = False) -> None:
        """Hand over what is complete; called every moment, and with all at the end."""
        now = self._clock()
        with self._lock:
            for one in list(self._open.values()):
                wait_s = self._settings.silent_s if one.senders else self._settings.grace_s
                if all_ or (not one.busy and now - one.last > wait_s):
                    self._closed(one)
            ready = [one for one in self._finished if not one.busy and (all_ or now >= one.again_at)]
            self._finished = [one for one in self._finished if one not in ready]
        for one in ready:
            if not _handed_over(one):
                one.again_at = now + _AGAIN_S
                with self._lock:
                    self._finished.append(one)


def _noted(delivery: Delivery, one: arrivals.Arrived) -> None:
    """A line in the journal, in one call; were it lost with the power, the file itself says what it is.

    It begins a line of its own, so that one that a full disk cut short does not take the next one with it.
    """
    line = f"\n{json.dumps({'name': one.name, 'bytes': one.bytes, 'sha256': one.sha256})}\n".encode()
    try:
        whole = os.write(delivery.journal, line) == len(line)
    except OSError:
        whole = False
    if not whole:
        raise Refused(OUT_OF_RESOURCES, "the disk of the site is full")


@in_database
def _begun(sender: Sender, now: float) -> Delivery:
    try:
        upload = services.upload_begun(
            sender.actor, sender.site, source="dicom", sender=sender.ae_title, unknown_sender=not sender.known
        )
    except (TheratrialError, DatabaseError) as error:
        if "frozen or locked" in str(error):
            raise Refused(NOT_AUTHORISED, "the data of the trial are locked") from error
        LOG.error("no upload could be begun for %s: %s", sender.ae_title, error)
        raise Refused(PROCESSING_FAILURE, "the site cannot take images now") from error
    folder = store.incoming_folder(str(upload.pk))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        journal = os.open(folder / arrivals.JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    except OSError as error:
        raise Refused(OUT_OF_RESOURCES, "the disk of the site is full") from error
    return Delivery(str(upload.pk), sender, folder, journal, now)


@in_database
def _handed_over(delivery: Delivery) -> bool:
    """Have the upload read; what fails is tried again by and by, and at the next start at the latest."""
    try:
        upload = Upload.objects.get(pk=delivery.upload)
        if delivery.files:
            # From here on its lines are no longer compared with its files: they must outlast a power cut.
            os.fsync(delivery.journal)
            services.upload_finished(delivery.sender.actor, upload)
        else:
            services.upload_cancelled(delivery.sender.actor, upload)
    except (TheratrialError, DatabaseError, OSError) as error:
        LOG.error("upload %s of %s could not be handed over yet: %s", delivery.upload, delivery.sender.ae_title, error)
        return False
    os.close(delivery.journal)
    LOG.info("%s sent %d instances: upload %s", delivery.sender.ae_title, delivery.files, delivery.upload)
    return True


@in_database
def resumed() -> int:
    """Take up what an earlier run left: halves are deleted, what was acknowledged is read.

    Returns
    -------
    How many uploads were handed over.
    """
    from theratrial.web.ledger.act import SystemActor

    spool().mkdir(parents=True, exist_ok=True)
    for half in spool().iterdir():
        half.unlink(missing_ok=True)
    count = 0
    for upload in Upload.objects.filter(source="dicom", state="receiving"):
        actor = SystemActor(upload.received_by)
        if reconciled(str(upload.pk)):
            services.upload_finished(actor, upload)
            count += 1
        else:
            services.upload_cancelled(actor, upload)
    return count


def reconciled(delivery: str) -> int:
    """Bring the journal of a delivery in line with its folder after a crash.

    A file whose content is not what its name says was never acknowledged and goes; a line without its file goes; a
    whole file without a line gets one.

    Returns
    -------
    How many files it has.
    """
    folder = store.incoming_folder(delivery)
    if not folder.is_dir():
        return 0
    whole = {}
    for path in sorted(folder.iterdir()):
        if len(path.name) != 64 or not set(path.name) <= _HEX:
            continue
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == path.name:
                whole[path.name] = path.stat().st_size
            else:
                path.unlink()
    lines = [one for one in arrivals.journal(delivery) if one.sha256 in whole or store.stored_path(one.sha256).exists()]
    named = {one.sha256 for one in lines}
    lines += [arrivals.Arrived(f"{sha256}.dcm", size, sha256) for sha256, size in whole.items() if sha256 not in named]
    (folder / arrivals.JOURNAL).unlink(missing_ok=True)
    if lines:
        arrivals.journalled(delivery, *lines)
    return len(lines)


def new_association() -> int:
    """A number that no other association of this process has."""
    return uuid.uuid4().int


__all__ = ["Deliveries", "Delivery", "in_database", "new_association", "reconciled", "resumed"]
