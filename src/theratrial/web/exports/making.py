"""Certified copies made in the background: asked for, made, kept for some days, removed."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from theratrial.web.exports.certified import manifest_digest, participant_copy, trial_copy
from theratrial.web.exports.models import Package
from theratrial.web.exports.scope import sha256, zipped
from theratrial.web.ledger.act import act, note
from theratrial.web.participants.models import Participant
from theratrial.web.refusals import words
from theratrial.web.results.services import on_the_queue, process_lives, this_process
from theratrial.web.trials.selectors import the_trial

KEPT: Final = timedelta(days=7)
"""How long a package can be fetched; the next request removes what is older."""
SILENT_TOO_LONG: Final = timedelta(hours=2)
"""After this a package that is still being made counts as interrupted."""
REQUESTED: Final = "export.certified-copy-request"
FETCHED: Final = "export.certified-copy"
LOG = logging.getLogger("theratrial.web.exports")


def package_folder() -> Path:
    """Where packages lie."""
    return Path(settings.SITE_FOLDER, "packages")


def package_file(package: Package) -> Path:
    """Where one lies, or would."""
    return package_folder() / f"{package.pk}.zip"


def package_requested(user: Any, participant: Participant | None) -> Package:
    """Put a copy on the queue; the one of the same person that is under way already is given instead of a second."""
    from theratrial.web.exports.tasks import make

    old_removed()
    with act(user, REQUESTED):
        under_way = Package.objects.filter(
            participant=participant, requested_by=user, state__in=("waiting", "making")
        ).first()
        if under_way is not None:
            return under_way
        made = Package.objects.create(
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
            known = words(error)
            package.state, package.message = "failed", known[1] if known else f"{type(error).__name__}: {error}"
    package.finished_at = timezone.now()
    package.save()
    return str(package.state)


def _made(package: Package) -> None:
    def advance(done: int, total: int) -> None:
        Package.objects.filter(pk=package.pk).update(done=done, total=total)

    now, user = timezone.now(), package.requested_by
    if package.participant is not None:
        files = participant_copy(user, package.participant, now)
    else:
        files = trial_copy(user, now, advance)
    content, place = zipped(files), package_file(package)
    place.parent.mkdir(parents=True, exist_ok=True)
    half = place.with_suffix(".half")
    half.write_bytes(content)
    half.rename(place)
    package.state, package.sha256, package.bytes = "ready", sha256(content), len(content)
    package.manifest_sha256 = manifest_digest(files)


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
            sha256=package.sha256,
            bytes=package.bytes,
            manifest_sha256=package.manifest_sha256,
            protocol_sha256=trial.in_force.sha256 if trial.in_force else "",
        )


def packages_of(user: Any) -> list[Package]:
    """The packages that a person asked for and that are not gone, newest first."""
    wanted = Package.objects.filter(requested_by=user, requested_at__gte=kept_since()).exclude(state="removed")
    return list(wanted.select_related("participant").order_by("-requested_at"))
