"""Releases made in the background: asked for by one person, made whole or not at all, signed by another."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import PurePath
from typing import Any, Final

from django.db import transaction
from django.db.models import Max
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.pipeline.sharing_release import STEPS, Release, ReleaseAsked, release_made, sealed, shared_images
from theratrial.sharing.archive.packing import Packing, packing
from theratrial.sharing.images.mapping import read_people, write_people
from theratrial.sharing.images.release import make_release
from theratrial.sharing.images.values import Asked
from theratrial.sharing.readme import SharedImages
from theratrial.sharing.tables.clocks import clocks_of
from theratrial.trialfolder.records import TrialFolder
from theratrial.web.exports import sharing_preview as preview
from theratrial.web.exports.models import SharedRelease
from theratrial.web.exports.naming import failure_words
from theratrial.web.exports.sharing_keeping import (
    consent_file,
    digest_on_disk,
    kept_private,
    mapping_file,
    release_file,
    the_key,
    work_folder,
)
from theratrial.web.exports.sharing_texts import allowed_texts
from theratrial.web.ledger.act import SystemActor, act
from theratrial.web.ledger.models import Event
from theratrial.web.results.selectors import latest_trial_result
from theratrial.web.results.services import on_the_queue, process_lives, this_process
from theratrial.web.sentences.matching import said
from theratrial.web.trials.selectors import the_trial

WORKER: Final = SystemActor("worker")
REQUESTED: Final = "release.request"
SILENT_TOO_LONG: Final = timedelta(hours=6)
FORMS: Final = (".pdf", ".docx", ".odt", ".html")
LARGEST_FORM_BYTES: Final = 20_000_000
LONGEST_TO_WHOM: Final = 500
LOG = logging.getLogger("theratrial.web.exports")
Consent = tuple[str, bytes]


def hindered() -> str:
    """Why no release can be made now; empty where one can."""
    plan = preview.plan_now()
    if not any(one.answer == "yes" for one in plan.items):
        return _("The sharing plan says yes to nothing; undecided is no yes.")
    if any(one.blocks for one in plan.hindrances):
        return _("Protocol and registration disagree on what is shared; nothing may leave before they agree.")
    if plan.nothing:
        return _("Every item with a yes stays home: the reasons stand with the plan.")
    row = latest_trial_result(whole=False)
    if row is None:
        return _("Nothing is computed yet. Compute the trial under Results.")
    try:
        seen = preview.previewed(row.computation)
    except InputError as refusal:
        return str(refusal)
    if preview.withdrawn_since(seen.excluded):
        return _("The use of data was withdrawn after the computation: compute the trial again first.")
    why = preview.differs_from_now(seen.folder)
    return why[:1].upper() + why[1:]


def release_requested(user: Any, to_whom: str, consent: Consent | None) -> SharedRelease:
    """Put a release on the queue.

    Raises
    ------
    InputError
        None can be made now, one is under way, nobody is named to whom it goes, or the consent form is missing.
    """
    from theratrial.web.exports.tasks import make_release as make

    to_whom = to_whom.strip()
    if not to_whom or len(to_whom) > LONGEST_TO_WHOM:
        raise InputError(_("Say to whom the release goes, in at most %(n)s characters.") % {"n": LONGEST_TO_WHOM})
    if why := hindered():
        raise InputError(why)
    row = latest_trial_result(whole=False)
    assert row is not None, "without a result it is hindered"
    form = _form(consent) if preview.plan_now().shared("informed_consent_form") else None
    with act(user, REQUESTED):
        if SharedRelease.objects.filter(state__in=("waiting", "making")).exists():
            raise InputError(_("A release is being made already; wait for it."))
        number = (SharedRelease.objects.aggregate(last=Max("number"))["last"] or 0) + 1
        made = SharedRelease(
            number=number,
            to_whom=to_whom,
            requested_by=user,
            requested_at=timezone.now(),
            language=translation.get_language() or "en",
            computation=row.computation,
            consent_name=form[0] if form else "",
        )
        if form is not None:
            kept_private(consent_file(made), form[1])
        made.save()
        # In the same transaction: neither a row that nobody works on nor work without a row.
        make.enqueue(str(made.pk))
    return made


def _form(consent: Consent | None) -> Consent:
    if consent is None or not consent[1]:
        raise InputError(_("The plan shares the consent form: give the file of the blank form."))
    ending = PurePath(consent[0]).suffix.lower()
    if ending not in FORMS or len(consent[1]) > LARGEST_FORM_BYTES:
        raise InputError(_("The consent form is a file of at most 20 MB: %(kinds)s.") % {"kinds": ", ".join(FORMS)})
    # Whoever named the file may have put a person's name into it.
    return f"consent-form{ending}", consent[1]


def releases_resumed() -> int:
    """Make again what ended with its process or lost its turn; for the start of a worker. Says how many."""
    from theratrial.web.exports.tasks import make_release as make

    again, queued, now = 0, on_the_queue(), timezone.now()
    for pk in SharedRelease.objects.filter(state="waiting").values_list("pk", flat=True):
        if str(pk) not in queued:
            make.enqueue(str(pk))
            again += 1
    for one in SharedRelease.objects.filter(state="making"):
        if process_lives(one.worker, now - (one.begun_at or now), SILENT_TOO_LONG):
            continue
        _leftovers_removed(one)
        with transaction.atomic(), act(WORKER, "release.interrupted"):
            if SharedRelease.objects.filter(pk=one.pk, state="making").update(state="waiting", done=0, total=0):
                make.enqueue(str(one.pk))
                again += 1
    return again


def _leftovers_removed(one: SharedRelease) -> None:
    shutil.rmtree(work_folder(one), ignore_errors=True)
    place = release_file(one)
    place.unlink(missing_ok=True)
    for half in place.parent.glob(f".{place.name}.half-*"):
        half.unlink(missing_ok=True)


def shared_release_made(pk: str) -> str:
    """Make the release that waits; says its state. Safe to be called again: only what waits is begun."""
    with act(WORKER, "release.start"):
        begun = {"state": "making", "begun_at": timezone.now(), "worker": this_process(), "message": ""}
        if not SharedRelease.objects.filter(pk=pk, state="waiting").update(**begun):
            return "not waiting"
    one = SharedRelease.objects.select_related("requested_by", "computation").get(pk=pk)
    with translation.override(one.language):
        try:
            _leftovers_removed(one)
            _made(one)
            one.state = "made"
        except Exception as error:
            LOG.exception("a release could not be made")
            one.state, one.message = "failed", failure_words(error)
            _leftovers_removed(one)
        finally:
            shutil.rmtree(work_folder(one), ignore_errors=True)
    one.finished_at = timezone.now()
    with act(WORKER, "release.finish" if one.state == "made" else "release.fail"):
        one.save()
    # Not before: who begins it again after a kill needs it.
    consent_file(one).unlink(missing_ok=True)
    return str(one.state)


def _made(one: SharedRelease) -> None:
    def advance(_what: str) -> None:
        one.done = min(one.done + 1, one.total)
        SharedRelease.objects.filter(pk=one.pk).update(done=one.done, total=one.total)

    one.done, one.total = 0, STEPS + 2
    folder, result = preview.folder_and_result(one.computation)
    if why := preview.differs_from_now(folder):
        raise InputError(why)
    texts = preview.previewed(one.computation).texts
    key, trial = the_key(), the_trial().trial_id
    asked = ReleaseAsked(
        key,
        read_people(mapping_file(), key, trial),
        allowed_texts(texts),
        (one.consent_name, consent_file(one).read_bytes()) if one.consent_name else None,
        speaker=lambda text: said(text, jalali=True, words=str).text,
    )
    made = release_made(folder, result, asked, advance)
    if preview.withdrawn_since(frozenset(made.excluded)):
        raise InputError(_("the use of data was withdrawn after the computation: compute the trial again first"))
    write_people(mapping_file(), key, dict(made.people), trial)
    with packing(release_file(one)) as package:
        package.add_all(made.files)
        images, shared = _images(one, folder, asked, made, package, advance)
        package.add_all(sealed(made, shared))
        package.finished({"trial": result.trial_id, "release": one.number, "virtual_participants": result.simulated})
    advance("package")
    one.content = _content(one, made, images)
    personal = made.plan.shared("individual_participant_data") or made.plan.shared("clinical_study_report")
    one.participants = sorted(made.people) if personal else []
    one.sha256, one.bytes = digest_on_disk(one), release_file(one).stat().st_size


def _images(
    one: SharedRelease,
    folder: TrialFolder,
    asked: ReleaseAsked,
    made: Release,
    package: Packing,
    advance: Callable[[str], None],
) -> tuple[dict[str, int], SharedImages | None]:
    if not (made.plan.with_images and made.plan.shared("individual_participant_data")):
        return {}, None
    identity, out = folder.protocol.identity.reading, work_folder(one) / "images"
    out.parent.mkdir(mode=0o700, exist_ok=True)
    done = make_release(
        Asked(
            folder.path / "images",
            out,
            asked.key,
            dict(made.people),
            protocol_id=identity.trial_id if identity is not None else "",
            excluded=frozenset(made.excluded),
            clocks=clocks_of(folder),
        )
    )
    for file in sorted(path for path in out.rglob("*") if path.is_file()):
        package.add_file(f"images/{file.relative_to(out).as_posix()}", file)
    advance("images")
    counts = {
        "objects": done.report.objects,
        "participants": done.report.participants,
        "withheld": len(done.withheld),
        "waiting_for_a_look": sum(seen.needs_a_look for seen in done.withheld),
    }
    return counts, shared_images(out, done.report)


def _content(one: SharedRelease, made: Release, images: dict[str, int]) -> dict[str, Any]:
    """What the log says of a release and what is signed; it names no participant."""
    terms = ("item", "when", "to_whom", "conditions", "where")
    seq = one.computation.ledger_seq
    head = Event.objects.filter(seq=seq).values_list("hash", flat=True).first()
    return {
        "items": [{name: getattr(item, name) for name in terms} for item in made.plan.leaving],
        "participants": made.risk.participants if made.risk is not None else len(made.people),
        "left_out": len(made.excluded),
        "texts_withheld": len(made.withheld_texts),
        "images": images,
        "files": len(made.files),
        "proof": {
            "numbers": made.proof.numbers,
            "dates": made.proof.dates,
            "searched": made.proof.searched,
            "changed_or_found": made.proof.numbers_off + made.proof.dates_off + len(made.proof.leaks),
        },
        "risk": list(made.risk.sentences) if made.risk is not None else [],
        "ledger_seq": seq,
        "ledger_hash": head or "",
        "data_state": the_trial().data_state,
        "virtual_participants": the_trial().simulated,
    }
