"""Computations: asked for, begun, finished, interrupted. What a run does is in `computing`."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.web.ledger.act import SystemActor, act, software_text
from theratrial.web.ledger.models import Head
from theratrial.web.participants.models import Participant
from theratrial.web.results.models import Computation, Progress

WORKER: Final = SystemActor("worker")
KINDS: Final = ("simulation", "trial", "participant")
_SILENT_TOO_LONG: Final = timedelta(minutes=30)


def computation_requested(
    actor: Any, kind: str, *, participant: Participant | None = None, arguments: Mapping[str, Any] | None = None
) -> Computation:
    """Put a computation on the queue; the one that waits already is given instead of a second.

    Raises
    ------
    InputError
        There is no such kind, or a computation of one participant names none.
    """
    from theratrial.web.results.tasks import compute

    if kind not in KINDS or (kind == "participant") != (participant is not None):
        raise InputError(f"a computation is one of {', '.join(KINDS)}; only that of a participant names her")
    with act(actor, "computation.request"):
        waiting = Computation.objects.filter(kind=kind, participant=participant, state="waiting").first()
        if waiting is not None:
            return waiting
        name = actor.name if isinstance(actor, SystemActor) else actor.get_username()
        made = Computation.objects.create(
            kind=kind,
            participant=participant,
            requested_by=name,
            requested_at=timezone.now(),
            arguments=dict(arguments or {}),
        )
        Progress.objects.create(computation=made, at=timezone.now())
        # In the same transaction: neither a row that nobody works on nor work without a row.
        compute.enqueue(str(made.pk))
    return made


def demonstration_requested(actor: Any, *, participants: int, seed: int, small: bool = False) -> Computation:
    """The demonstration's images, simulated in the background; its results follow by themselves."""
    arguments = {"participants": participants, "seed": seed, "small": small}
    return computation_requested(actor, "simulation", arguments=arguments)


def computation_begun(pk: str) -> Computation | None:
    """The computation, now running in this process; None where it is not waiting (any more)."""
    with act(WORKER, "computation.start"):
        found = Computation.objects.select_for_update().filter(pk=pk, state="waiting").first()
        if found is None:
            return None
        head = Head.objects.order_by("-seq").first()
        found.state = "running"
        found.started_at = timezone.now()
        found.software = software_text()[:80]
        found.ledger_seq = head.seq if head else 0
        found.message = ""
        found.save()
        Progress.objects.update_or_create(
            computation=found,
            defaults={"step": "", "done": 0, "total": 0, "at": timezone.now(), "worker": this_process()},
        )
    return found


def computation_failed(computation: Computation, message: str) -> None:
    """Nothing of it is kept but why."""
    with act(WORKER, "computation.fail"):
        found = Computation.objects.select_for_update().get(pk=computation.pk)
        found.state, found.message, found.finished_at = "failed", message, timezone.now()
        found.save()


def progressed(computation: Computation, step: str, *, done: int, total: int) -> None:
    """Say how far it is; not data, not in the ledger."""
    Progress.objects.filter(computation=computation).update(step=step[:200], done=done, total=total, at=timezone.now())


def this_process() -> str:
    """``machine/process/start``: the start tells a process from a later one of the same number."""
    return f"{socket.gethostname()}/{os.getpid()}/{_process_start(os.getpid())}"


def _process_start(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return ""


def process_lives(worker: str, silent: timedelta, too_long: timedelta = _SILENT_TOO_LONG) -> bool:
    """Whether the process that began a piece of work is still there; on another machine silence tells."""
    host, _sep, rest = worker.partition("/")
    number, _sep, start = rest.partition("/")
    if host != socket.gethostname() or not number.isdigit():
        return silent < too_long
    if not start:
        try:
            os.kill(int(number), 0)
        except OSError:
            return False
        return True
    return _process_start(int(number)) == start


def interrupted_requeued() -> int:
    """Begin again what ended with its process; for the start of a worker. Says how many."""
    from theratrial.web.results.tasks import compute

    again = 0
    for running in Computation.objects.filter(state="running").select_related("progress"):
        progress = getattr(running, "progress", None)
        if progress is not None and process_lives(progress.worker, timezone.now() - progress.at):
            continue
        with act(WORKER, "computation.interrupted"):
            found = Computation.objects.select_for_update().get(pk=running.pk)
            if found.state != "running":
                continue
            found.state = "waiting"
            found.message = _("Interrupted: the process ended in the middle. It was put on the queue again.")
            found.save()
            compute.enqueue(str(found.pk))
        again += 1
    return again


def lost_requeued() -> int:
    """Put on the queue what waits and is not there: its turn failed before it began (full disk). Says how many."""
    from theratrial.web.results.tasks import compute

    queued = on_the_queue()
    lost = [str(pk) for pk in Computation.objects.filter(state="waiting").values_list("pk", flat=True)]
    lost = [pk for pk in lost if pk not in queued]
    for pk in lost:
        compute.enqueue(pk)
    return len(lost)


def on_the_queue() -> frozenset[str]:
    """What the tasks that nobody has begun are about."""
    from django_tasks_db.models import DBTaskResult

    waiting = DBTaskResult.objects.filter(status="READY").values_list("args_kwargs", flat=True)
    return frozenset(str(one) for task in waiting for one in task["args"])
