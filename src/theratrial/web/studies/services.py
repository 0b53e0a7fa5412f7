"""What can be done with images: begin, receive, finish or cancel an upload, take a folder in, settle quarantine."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.imaging.catalogue import catalogue
from theratrial.web.ledger.act import act, note
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Site, User
from theratrial.web.studies import arrivals, reading, store
from theratrial.web.studies.archives import ArchiveRefused, unpacked
from theratrial.web.studies.arrivals import Arrived
from theratrial.web.studies.assignments import assignment_recorded
from theratrial.web.studies.judging import judged, participant_judged
from theratrial.web.studies.limits import limits
from theratrial.web.studies.models import Series, Upload
from theratrial.web.studies.reading import Delivered
from theratrial.web.trials.models import Trial
from theratrial.web.trials.selectors import the_trial, trial_zone

_GONE: Final = "{name} was received but is not there any more; send it again in a new upload"


def upload_begun(
    actor: Any, site: Site | None, *, source: str = "browser", sender: str = "", unknown_sender: bool = False
) -> Upload:
    """A new delivery, waiting for its files.

    Parameters
    ----------
    sender, unknown_sender
        Over the network: the AE title that sends, and whether it is no peer of the site.
    """
    with act(actor, "images.upload"):
        return Upload.objects.create(
            received_at=timezone.now(),
            received_by=_name(actor),
            site=site,
            source=source,
            sender=sender,
            unknown_sender=unknown_sender,
        )


def files_received(upload: Upload, read: Callable[[int], bytes]) -> Iterator[Arrived]:
    """Receive one batch (`arrivals`); not an act, since nothing is data before it is registered.

    Raises
    ------
    InputError
        The upload is finished or cancelled, the batch is broken, a limit is passed.
    BodyCut, DiskFull
        The line ended, or the disk.
    """
    if upload.state != "receiving":
        raise InputError(
            _("this upload takes no more files (it is %(state)s); begin another") % {"state": upload.state}
        )
    return arrivals.files_of_body(read, str(upload.pk))


def upload_finished(actor: Any, upload: Upload) -> Upload:
    """All files are there: have them read in the background; done twice it changes nothing."""
    from theratrial.web.studies.tasks import read_upload

    with act(actor, "images.upload"):
        current = Upload.objects.select_for_update().get(pk=upload.pk)
        if current.state != "receiving":
            return current
        had = arrivals.journal(str(current.pk))
        if not had:
            raise InputError(_("no file has arrived yet; choose a folder or files first"))
        current.state, current.files, current.bytes = "reading", len(had), sum(one.bytes for one in had)
        current.save()
        transaction.on_commit(functools.partial(read_upload.enqueue, str(current.pk)))
    return current


def upload_cancelled(actor: Any, upload: Upload) -> None:
    """Forget a delivery that has not been read; its files are deleted."""
    with act(actor, "images.cancel"):
        current = Upload.objects.select_for_update().get(pk=upload.pk)
        if current.state not in ("receiving", "failed"):
            raise InputError(_("this upload is being read or done; set its series aside instead"))
        current.state = "cancelled"
        current.save()
    arrivals.discarded(str(upload.pk))


def uploads_resumed() -> int:
    """Put uploads whose reading was interrupted back into the queue; call at the start of the worker.

    Returns
    -------
    How many.
    """
    from theratrial.web.studies.tasks import read_upload

    for failed in Upload.objects.filter(state="failed", source="dicom"):
        # Its sender was told that the images are here and may have deleted them: nobody else can bring them again.
        with act(_actor(failed), "images.receive"):
            failed.state, failed.message = "reading", ""
            failed.save()
    waiting = list(Upload.objects.filter(state="reading").exclude(source="folder").values_list("pk", flat=True))
    for pk in waiting:
        read_upload.enqueue(str(pk))
    return len(waiting)


def upload_read(upload_id: str) -> None:
    """Read what a delivery has brought; may be broken off and done again at any moment."""
    upload = Upload.objects.select_related("site").get(pk=upload_id)
    if upload.state != "reading":
        return
    try:
        _read(upload)
    except (InputError, store.DiskFull) as error:
        with act(_actor(upload), "images.receive"):
            upload.state, upload.message = "failed", str(error)[:2000]
            upload.save()
        return
    arrivals.discarded(str(upload.pk))


def _read(upload: Upload) -> None:
    delivery = str(upload.pk)
    _all_there_or_refused(upload)
    passed, files = _delivered(delivery)
    done = reading.read(
        files,
        zone=trial_zone(),
        trial_id=the_trial().trial_id,
        progress=lambda read, total: arrivals.progress_written(delivery, read=read, total=total),
    )
    with act(_actor(upload), "images.receive"):
        current = Upload.objects.select_for_update().get(pk=upload.pk)
        if current.state != "reading":
            return
        _registered(current, done, _into_store, passed)
    if upload.source == "dicom":
        _unregistered_kept(delivery, {one["name"] for one in reading.passed_over(done)})


def _registered(
    upload: Upload, done: reading.Read, kept: Callable[[Delivered], None], passed: list[dict[str, str]]
) -> list[Series]:
    """Rows, places and queries of a delivery, inside one act."""
    # One delivery after the other: two of the same folder would both find nothing there yet.
    Trial.objects.select_for_update().get()
    rows, known = reading.registered(upload, done, kept=kept, zone=trial_zone())
    store.flushed()
    judged(_actor(upload), rows)
    upload.state, upload.known, upload.message = "done", known, ""
    upload.files = len(done.files) + len(passed)
    upload.bytes = sum(one.bytes for one in done.files.values())
    upload.passed_over = [*passed, *reading.passed_over(done)][:1000]
    upload.save()
    return rows


def _unregistered_kept(delivery: str, names: set[str]) -> None:
    """Keep what was acknowledged to its sender, who may have deleted it, and yet found no place among the series."""
    for one in arrivals.journal(delivery):
        waiting = store.incoming_folder(delivery) / one.sha256
        if one.name in names and waiting.is_file():
            store.set_apart(waiting, delivery)


def _into_store(file: Delivered) -> None:
    store.moved_in(file.path, file.sha256)


def _all_there_or_refused(upload: Upload) -> None:
    """Refuse a delivery that has less than was received: nothing lost may come out as done."""
    there, received = len(arrivals.journal(str(upload.pk))), max(upload.files, 1)
    if there < received:
        raise InputError(
            f"{received - there} of the {received} files of this delivery are not on the site any more "
            "(was it restored from a backup without them?); have them sent again in a new upload"
        )


def _delivered(delivery: str) -> tuple[list[dict[str, str]], list[Delivered]]:
    """Files of a delivery with their archives unpacked, and what was passed over."""
    passed: list[dict[str, str]] = []
    found: dict[str, Delivered] = {}
    had = arrivals.journal(delivery)
    room = limits().files - len(had)
    for one in had:
        if one.reason:
            passed.append({"name": one.name, "reason": one.reason})
        elif one.archive:
            inside = _unpacked(delivery, one, room, passed)
            room -= len(inside)
            for file in inside:
                found.setdefault(file.sha256, file)
        else:
            found.setdefault(one.sha256, _placed(delivery, one))
    return passed, list(found.values())


def _unpacked(delivery: str, archive: Arrived, room: int, passed: list[dict[str, str]]) -> list[Delivered]:
    folder = store.incoming_folder(delivery)
    files = []
    if not (folder / archive.sha256).is_file():
        raise InputError(_GONE.format(name=archive.name))
    try:
        for one in unpacked(folder / archive.sha256, archive.name, folder, room=room):
            if one.reason:
                passed.append({"name": one.name, "reason": one.reason})
            else:
                files.append(_placed(delivery, one))
    except ArchiveRefused as error:
        # All or nothing: half an archive would look like a whole one.
        passed.append({"name": archive.name, "reason": str(error).removeprefix(f"{archive.name}: ")})
        return []
    return files


def _placed(delivery: str, one: Arrived) -> Delivered:
    """A file where it lies: still with its delivery, or in the store already after a crash."""
    waiting = store.incoming_folder(delivery) / one.sha256
    path = waiting if waiting.exists() else store.stored_path(one.sha256)
    if not path.exists():
        raise InputError(_GONE.format(name=one.name))
    return Delivered(path, one.name, one.sha256, one.bytes)


def folder_received(path: Path, actor: Any, site: Site) -> Upload:
    """Take a folder of this machine in, by hard links where the file system allows; the folder stays as it is.

    For the background simulation and for the import of a trial folder. Done again it finds everything known.

    Raises
    ------
    InputError
        There is no such folder.
    """
    found = catalogue(path, with_hashes=True)
    files = [
        Delivered(file, arrivals.harmless(os.path.relpath(file, path)), digest.removeprefix("sha256:"), size)
        for one in found.series
        for file, digest in zip(one.files, one.hashes, strict=True)
        for size in (file.stat().st_size,)
    ]
    done = reading.read(files, zone=trial_zone(), trial_id=the_trial().trial_id, found=found)
    with act(actor, "images.receive", reason=_("folder taken in")):
        upload = Upload.objects.create(
            received_at=timezone.now(), received_by=_name(actor), site=site, source="folder", state="reading"
        )
        _registered(upload, done, lambda file: store.linked(file.path, file.sha256), [])
    return upload


def _actor(upload: Upload) -> Any:
    """Who sent it: the registration is hers, though a worker does it."""
    from theratrial.web.ledger.act import SystemActor

    if upload.source == "dicom":
        # An AE title is typed in at a camera: it must not pass for the account of that name.
        return SystemActor(upload.received_by)
    return User.objects.filter(username=upload.received_by).first() or SystemActor(upload.received_by or "worker")


def _name(actor: Any) -> str:
    return str(actor.get_username() if hasattr(actor, "get_username") else actor.name)


def series_assigned(
    actor: Any, row: Series, participant: Participant, imaging: str, session: int | None, part: str, *, reason: str
) -> Series:
    """Say where a series belongs, against the rules if need be; the stored bytes are never touched.

    Where the PatientID of the header is another one, the mapping is in this row and in the ledger.

    Raises
    ------
    InputError
        No reason is given, or the protocol plans no such image.
    """
    if not reason.strip():
        raise InputError(_("say why the series belongs there; the reason is kept in the ledger"))
    _planned_or_refused(participant, imaging, session, part)
    with act(actor, "images.assign", reason=reason.strip()):
        current = (
            Series.objects.select_for_update(of=("self",)).select_related("participant__site", "site").get(pk=row.pk)
        )
        before = current.participant
        current.participant, current.site = participant, participant.site
        current.imaging, current.session, current.part = imaging, session, part
        current.settled_by, current.state, current.because = _name(actor), "matched", []
        current.save()
        whose = {"participant": participant.code, "site": participant.site.code}
        note("images.assign", **whose, series=str(current.pk), header_patient_id=current.patient_id)
        _moved_away(before, current)
        assignment_recorded(actor, current, reason=reason.strip())
        participant_judged(actor, participant)
        if before is not None and before.pk != participant.pk:
            participant_judged(actor, before)
    return current


def _moved_away(before: Participant | None, row: Series) -> None:
    """Say in the ledger of whom a series was taken from that it went; the row's own event bears the new one's code."""
    if before is not None and before.pk != row.participant_id:
        whose = {"participant": before.code, "site": before.site.code}
        note("images.moved-away", **whose, series=str(row.pk), header_patient_id=row.patient_id)


def _planned_or_refused(participant: Participant, imaging: str, session: int | None, part: str) -> None:
    from theratrial.web.trials.selectors import protocol_in_force

    plans = {one.reading.id: one.reading for one in protocol_in_force().imaging.values() if one.reading is not None}
    if imaging not in plans:
        raise InputError(
            _("the protocol plans no image %(got)s; it plans %(known)s") % {"got": imaging, "known": ", ".join(plans)}
        )
    if plans[imaging].per_session and (session is None or not 1 <= session <= 99):
        raise InputError(_("this image is planned for every session; say for which one"))
    if not plans[imaging].per_session and session is not None:
        raise InputError(_("this image belongs to no session; leave the session empty"))
    if part not in ("image", "ct", "regions"):
        raise InputError(_("a series is the image, its CT or its regions"))


def series_set_aside(actor: Any, row: Series, *, reason: str) -> Series:
    """Take a series out of everything; it stays stored and listed.

    Raises
    ------
    InputError
        No reason is given.
    """
    if not reason.strip():
        raise InputError(_("say why the series is set aside; the reason is kept in the ledger"))
    with act(actor, "images.set-aside", reason=reason.strip()):
        current = Series.objects.select_for_update(of=("self",)).select_related("participant", "site").get(pk=row.pk)
        current.state, current.imaging, current.session, current.part = "set_aside", "", None, ""
        assignment_recorded(actor, current, reason=reason.strip())
        current.settled_by = _name(actor)
        current.because = [{"rule": "set_aside", "message": reason.strip(), "remedy": ""}]
        current.save()
        if current.participant is not None:
            participant_judged(actor, current.participant)
    return current


def series_checked_again(actor: Any, row: Series) -> Series:
    """Judge a series anew by the rules: after a correction, or to undo what was settled by hand."""
    with act(actor, "images.check-again"):
        current = (
            Series.objects.select_for_update(of=("self",)).select_related("participant__site", "site").get(pk=row.pk)
        )
        was = current.participant
        if current.settled_by:
            current.settled_by, current.state = "", "quarantined"
            current.imaging, current.session, current.part = "", None, ""
            assignment_recorded(actor, current, reason=_("judged by the rules again"))
        if was is not None and was.code != current.patient_id:
            current.participant = None
        current.save()
        judged(actor, [current])
        _moved_away(was, current)
        if was is not None and current.participant is None:
            participant_judged(actor, was)
    current.refresh_from_db()
    return current


__all__ = [
    "files_received",
    "folder_received",
    "series_assigned",
    "series_checked_again",
    "series_set_aside",
    "upload_begun",
    "upload_cancelled",
    "upload_finished",
    "upload_read",
    "uploads_resumed",
]
