"""Certified copies made in the background: asked for, made, kept for some days, removed."""

from __future__ import annotations

import hashlib
import logging
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from theratrial.sharing.archive.contents import STEPS
from theratrial.web.exports.archives import archive_written
from theratrial.web.exports.certified import manifest_digest, participant_copy, trial_copy
from theratrial.web.exports.derived import KIND as DERIVED
from theratrial.web.exports.derived import derived_files
from theratrial.web.exports.models import Package
from theratrial.web.exports.naming import failure_words
from theratrial.web.exports.odm import site_transactional_written
from theratrial.web.exports.scope import sha256, zipped
from theratrial.web.exports.standards import STANDARDS, standard_files
from theratrial.web.ledger.act import act, note
from theratrial.web.participants.models import Participant
from theratrial.web.results.services import on_the_queue, process_lives, this_process
from theratrial.web.trials.selectors import the_trial

KEPT: Final = timedelta(days=7)
"""How long a package can be fetched; the next request removes what is older."""
SILENT_TOO_LONG: Final = timedelta(hours=2)
"""After this a package that is still being made counts as interrupted."""
ARCHIVES: Final = ("archive", "images")
"""Kinds of package that are an inspector's archive, without and with the images."""
REQUESTED: Final = "export.certified-copy-request"
FETCHED: Final = "export.certified-copy"
LOG = logging.getLogger("theratrial.web.exports")


def package_folder() -> Path:
    """Where packages lie."""
    return Path(settings.SITE_FOLDER, "packages")


def package_file(package: Package) -> Path:
    """Where one lies, or would."""
    return package_folder() / f"{package.pk}.zip"


def package_requested(user: Any, participant: Participant | None, kind: str = "copy") -> Package:
    """Put a package on the queue; the same one that is under way already is given instead of a second."""
    from theratrial.web.exports.tasks import make

    old_removed()
    with act(user, REQUESTED):
        under_way = Package.objects.filter(
            participant=participant, requested_by=user, kind=kind, state__in=("waiting", "making")
        ).first()
        if under_way is not None:
            return under_way
        made = Package.objects.create(
            kind=kind,
            participant=participant,
            requested_by=user,
            requested_at=timezone.now(),
            language=translation.get_language() or "en",
        )
        note(
            REQUESTED,
            participant=participant.code if participant else "",
            site=participant.site.code if participant else "",
            package=str(made.pk),
            kind=kind,
        )
        # In the same transaction: neither a row that nobody works on nor work without a row.
        make.enqueue(str(made.pk))
    return made


def old_removed() -> None:
    """Take away packages that are too old, and say of those whose maker died that they failed."""
    for one in Package.objects.filter(~Q(state="removed"), requested_at__lt=kept_since()):
        package_file(one).unlink(missing_ok=True)
        Package.objects.filter(pk=one.pk).update(state="removed")
    for one in _interrupted():
        Package.objects.filter(pk=one.pk, state="making").update(
            state="failed", finished_at=timezone.now(), message=_("It was interrupted; ask for it again.")
        )


def _interrupted() -> list[Package]:
    """Those whose maker died; one on another machine when it was silent for too long."""
    now = timezone.now()
    return [
        one
        for one in Package.objects.filter(state="making")
        if not process_lives(one.worker, now - (one.begun_at or now), SILENT_TOO_LONG)
    ]


def packages_resumed() -> int:
    """Make again what ended with its process or lost its turn; for the start of a worker. Says how many."""
    from theratrial.web.exports.tasks import make

    again, queued = 0, on_the_queue()
    for pk in Package.objects.filter(state="waiting").values_list("pk", flat=True):
        if str(pk) not in queued:  # its turn failed before it began (full disk)
            make.enqueue(str(pk))
            again += 1
    for one in _interrupted():
        package_file(one).with_suffix(".half").unlink(missing_ok=True)
        with transaction.atomic():
            if Package.objects.filter(pk=one.pk, state="making").update(state="waiting", done=0, total=0):
                make.enqueue(str(one.pk))
                again += 1
    return again


def package_made(pk: str) -> str:
    """Make what waits; says its state. Safe to be called again: only what waits is begun."""
    begun = {"state": "making", "begun_at": timezone.now(), "worker": this_process(), "message": ""}
    if not Package.objects.filter(pk=pk, state="waiting").update(**begun):
        return "not waiting"
    package = Package.objects.select_related("participant__site", "requested_by").get(pk=pk)
    with translation.override(package.language):
        try:
            _made(package)
        except Exception as error:
            LOG.exception("a package could not be made")
            package.state, package.message = "failed", failure_words(error)
    package.finished_at = timezone.now()
    package.save()
    return str(package.state)


def _made(package: Package) -> None:
    def advance(done: int, total: int) -> None:
        Package.objects.filter(pk=package.pk).update(done=done, total=total)

    now, user = timezone.now(), package.requested_by
    if package.kind == "odm":
        _odm_made(package)
        return
    if package.kind in ARCHIVES:
        _archive_made(package, advance)
        return
    if package.kind in STANDARDS:
        files = standard_files(package.kind)
    elif package.kind == DERIVED and package.participant is not None:
        files = derived_files(package.participant)
    elif package.participant is not None:
        files = participant_copy(user, package.participant, now)
    else:
        files = trial_copy(user, now, advance)
    content, place = zipped(files), package_file(package)
    place.parent.mkdir(parents=True, exist_ok=True)
    half = place.with_suffix(".half")
    half.write_bytes(content)
    half.rename(place)
    package.state, package.sha256, package.bytes = "ready", sha256(content), len(content)
    with_manifest = package.kind not in (*STANDARDS, DERIVED)
    package.manifest_sha256 = manifest_digest(files) if with_manifest else ""


def _archive_made(package: Package, advance: Callable[[int, int], None]) -> None:
    """The inspector's archive, written straight to the disk: with images it is larger than the memory."""
    place, done = package_file(package), 0

    def step(_what: str) -> None:
        nonlocal done
        done += 1
        advance(done, STEPS + 1)

    advance(0, STEPS + 1)
    for left_over in place.parent.glob(f".{place.name}.half-*"):
        left_over.unlink(missing_ok=True)
    images = package.kind == "images"
    package.manifest_sha256 = archive_written(
        package.requested_by, package.participant, place, images=images, advance=step
    )
    with place.open("rb") as stream:
        package.sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    package.state, package.bytes = "ready", place.stat().st_size


def _odm_made(package: Package) -> None:
    """The history of the whole trial as ODM, written straight into the zip: it may be larger than the memory."""
    place = package_file(package)
    place.parent.mkdir(parents=True, exist_ok=True)
    half = place.with_suffix(".half")
    entry = zipfile.ZipInfo(f"{the_trial().trial_id}-odm.xml", (1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(half, "w") as archive, archive.open(entry, "w", force_zip64=True) as out:
        site_transactional_written(out)  # type: ignore[arg-type]  # IO[bytes] that is only written to
    with half.open("rb") as stream:
        package.sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    half.rename(place)
    package.state, package.bytes = "ready", place.stat().st_size


def kept_since() -> datetime:
    """Packages asked for before this are gone."""
    return timezone.now() - KEPT


def package_fetched(user: Any, package: Package) -> None:
    """Note in the ledger that a package leaves the site, with its digests."""
    trial, participant = the_trial(), package.participant
    with act(user, FETCHED):
        note(
            FETCHED,
            participant=participant.code if participant else "",
            site=participant.site.code if participant else "",
            package=str(package.pk),
            kind=package.kind,
            sha256=package.sha256,
            bytes=package.bytes,
            manifest_sha256=package.manifest_sha256,
            protocol_sha256=trial.in_force.sha256 if trial.in_force else "",
        )


def packages_of(user: Any, *, standards: bool = False) -> list[Package]:
    """The packages that a person asked for and that are not gone, newest first: copies, or `standards` of others."""
    wanted = Package.objects.filter(requested_by=user, requested_at__gte=kept_since()).exclude(state="removed")
    wanted = wanted.filter(kind__in=STANDARDS) if standards else wanted.exclude(kind__in=STANDARDS)
    return list(wanted.select_related("participant").order_by("-requested_at"))
