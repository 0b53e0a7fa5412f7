"""Studies fetched from a PACS: who asked for what, and what became of it."""

from __future__ import annotations

import functools
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.web.dicom_node.asking import FoundStudy, Moved, PeerFailed, found_studies, study_moved
from theratrial.web.dicom_node.models import Fetch, Peer
from theratrial.web.ledger.act import SystemActor, act, note
from theratrial.web.participants.models import Participant
from theratrial.web.people.permissions import sites_of
from theratrial.web.studies import arrivals

_WORKER = SystemActor("dicom-fetch")


def studies_asked(
    actor: Any, peer: Peer, participant: Participant, *, first: date | None, last: date | None
) -> list[FoundStudy]:
    """Ask a peer for a participant's studies; the question is in the ledger, whatever the answer.

    Raises
    ------
    InputError
        The peer is of another site, is not asked, or fails.
    """
    if participant.site_id != peer.site_id:
        raise InputError(_("This participant belongs to another site than the peer."))
    if not (peer.is_active and peer.may_be_asked):
        raise InputError(_("This peer is not asked for images; an administrator can change that."))
    if first and last and last < first:
        raise InputError(_("The last day lies before the first."))
    days = {"first": first.isoformat() if first else "", "last": last.isoformat() if last else ""}
    with act(actor, "dicom-peer.ask"):
        note("dicom-peer.ask", participant=participant.code, site=peer.site.code, peer=peer.ae_title, **days)
    return found_studies(peer, participant.code, first=first, last=last)


def fetch_begun(actor: Any, peer: Peer, participant: Participant, study_instance_uid: str) -> Fetch:
    """Have a study fetched in the background.

    Raises
    ------
    InputError
        The peer may not send to us, or the study is being fetched already.
    """
    from theratrial.web.dicom_node.tasks import study_fetched

    if not (peer.is_active and peer.may_be_asked and participant.site_id == peer.site_id):
        raise InputError(_("This peer is not asked for images; an administrator can change that."))
    if not peer.may_send:
        raise InputError(_("This peer may not send to us, so what it is asked for could not arrive."))
    if not study_instance_uid or len(study_instance_uid) > 64 or not study_instance_uid.replace(".", "").isdigit():
        raise InputError(_("This is no Study Instance UID."))
    with act(actor, "dicom-fetch.begin"):
        under_way = Fetch.objects.filter(peer=peer, study_instance_uid=study_instance_uid, ended_at=None)
        if under_way.exists():
            raise InputError(_("This study is being fetched already."))
        row = Fetch.objects.create(
            peer=peer,
            site=peer.site,
            asked_by=actor.get_username(),
            asked_at=timezone.now(),
            study_instance_uid=study_instance_uid,
            patient_id=participant.code,
        )
        note("dicom-fetch.begin", participant=participant.code, site=peer.site.code, peer=peer.ae_title)
        transaction.on_commit(functools.partial(study_fetched.enqueue, str(row.pk)))
    return row


def fetch_made(fetch_id: str) -> None:
    """Fetch a study; broken off, it may be done again: what came already is known."""
    with act(_WORKER, "dicom-fetch.move"):
        row = Fetch.objects.select_for_update().get(pk=fetch_id)
        if row.ended_at is not None:
            return
        row.state = "moving"
        row.save()
    row = Fetch.objects.select_related("peer").get(pk=fetch_id)
    key = str(row.pk)

    def told(moved: Moved) -> None:
        arrivals.progress_written(key, completed=moved.completed, failed=moved.failed, remaining=moved.remaining)

    try:
        moved = study_moved(row.peer, row.study_instance_uid, told)
        _ended(key, moved, "")
    except PeerFailed as error:
        said = arrivals.progress(key)
        _ended(key, Moved(int(said.get("completed", 0)), int(said.get("failed", 0)), None), str(error))
    arrivals.discarded(key)


def _ended(key: str, moved: Moved, message: str) -> None:
    with act(_WORKER, "dicom-fetch.end"):
        row = Fetch.objects.select_for_update().get(pk=key)
        row.completed, row.failed = moved.completed, moved.failed
        row.state = "failed" if message or moved.failed or not moved.completed else "done"
        row.message = message or (
            _("%(failed)s images did not arrive; fetch the study again.") % {"failed": moved.failed}
            if moved.failed
            else ""
            if moved.completed
            else _("The peer sent no image.")
        )
        row.ended_at = timezone.now()
        row.save()


def fetches_resumed() -> int:
    """Put fetches that were interrupted back into the queue; call at the start of the worker.

    Returns
    -------
    How many.
    """
    from theratrial.web.dicom_node.tasks import study_fetched

    waiting = list(Fetch.objects.filter(ended_at=None).values_list("pk", flat=True))
    for pk in waiting:
        study_fetched.enqueue(str(pk))
    return len(waiting)


def visible_fetches(user: Any) -> QuerySet[Fetch]:
    """Fetches of the user's sites."""
    return Fetch.objects.filter(site__in=sites_of(user, "images.view")).select_related("peer", "site")


def fetch_progress(row: Fetch) -> tuple[int, int | None]:
    """Images that came, and how many there are to be; None: the peer has not said."""
    if row.ended_at is not None:
        return row.completed, row.completed + row.failed
    said = arrivals.progress(str(row.pk))
    completed, remaining = int(said.get("completed", 0)), said.get("remaining")
    return completed, None if remaining is None else completed + int(said.get("failed", 0)) + int(remaining)


__all__ = [
    "fetch_begun",
    "fetch_made",
    "fetch_progress",
    "fetches_resumed",
    "studies_asked",
    "visible_fetches",
]
