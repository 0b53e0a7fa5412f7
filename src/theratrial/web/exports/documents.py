"""The documents of the trial made in the background: study report, analysis plan, data-safety report."""

from __future__ import annotations

import logging
from datetime import date
from pathlib import Path
from typing import Any, Final, cast

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from theratrial.errors import InputError
from theratrial.pipeline.outputs import RUN
from theratrial.pipeline.study_documents import opened, plan_inputs, study_inputs, study_inputs_as_of
from theratrial.pipeline.trial import steps
from theratrial.report.study.inputs import PlanInputs, StudyInputs
from theratrial.report.study.make import document, voice_of
from theratrial.report.study.render import page, pdf_written
from theratrial.report.study.state import DocumentKind
from theratrial.report.study.voice import DocumentLanguage
from theratrial.results.values import TrialResult
from theratrial.trialfolder.records import TrialFolder
from theratrial.web.exports.making import SILENT_TOO_LONG, kept_since
from theratrial.web.exports.models import StudyDocument
from theratrial.web.exports.naming import failure_words
from theratrial.web.exports.scope import sha256
from theratrial.web.ledger.act import act, note
from theratrial.web.ledger.models import Event
from theratrial.web.registration.selectors import record_now
from theratrial.web.results.models import Computation
from theratrial.web.results.selectors import computation_folder, latest_trial_result
from theratrial.web.results.services import on_the_queue, process_lives, this_process
from theratrial.web.sentences.matching import said
from theratrial.web.trials.selectors import protocol_in_force

PERMISSIONS: Final[dict[str, str]] = {
    "csr": "endpoint.view",
    "safety": "endpoint.view",
    "sap": "trial.view",
    "m11": "trial.view",
}
"""Who may have which: what holds data of every site is for those who may see the endpoint; the plan is for all."""
WITH_DATA: Final = frozenset({"csr", "safety"})
DOCUMENT_REQUESTED: Final = "study-document.request"
DOCUMENT_FETCHED: Final = "export.study-document"
LOG = logging.getLogger("theratrial.web.exports")


def document_file(one: StudyDocument, ending: str) -> Path:
    """Where it lies as ``html`` or ``pdf``, or would."""
    return Path(settings.SITE_FOLDER, "documents", f"{one.pk}.{ending}")


def document_requested(user: Any, kind: str, language: str, cut_off: date | None) -> StudyDocument:
    """Put a document on the queue; the same one that is under way already is given instead of a second.

    Raises
    ------
    InputError
        There is no such document or language, only the safety report is cut at a day, or nothing is computed yet.
    """
    from theratrial.web.exports.tasks import make_document

    if kind not in PERMISSIONS or language not in ("en", "fa"):
        raise InputError(_("there is no such document, or not in this language"))
    if cut_off is not None and kind != "safety":
        raise InputError(_("only the data-safety report is cut at a day"))
    if kind in WITH_DATA and latest_trial_result() is None:
        raise InputError(_("nothing is computed yet: compute the trial first"))
    old_documents_removed()
    wanted = {"kind": kind, "language": language, "cut_off": cut_off, "requested_by": user}
    with act(user, DOCUMENT_REQUESTED):
        under_way = StudyDocument.objects.filter(**wanted, state__in=("waiting", "making")).first()
        if under_way is not None:
            return under_way
        made = StudyDocument.objects.create(**wanted, requested_at=timezone.now())
        day = cut_off.isoformat() if cut_off else ""
        note(DOCUMENT_REQUESTED, document=str(made.pk), kind=kind, language=language, cut_off=day)
        # In the same transaction: neither a row that nobody works on nor work without a row.
        make_document.enqueue(str(made.pk))
    return made


def old_documents_removed() -> None:
    """Take away documents that are too old, and say of those whose maker died that they failed."""
    for one in StudyDocument.objects.filter(~Q(state="removed"), requested_at__lt=kept_since()):
        for ending in ("html", "pdf"):
            document_file(one, ending).unlink(missing_ok=True)
        StudyDocument.objects.filter(pk=one.pk).update(state="removed")
    for one in _interrupted():
        StudyDocument.objects.filter(pk=one.pk, state="making").update(
            state="failed", finished_at=timezone.now(), message=_("It was interrupted; ask for it again.")
        )


def _interrupted() -> list[StudyDocument]:
    now = timezone.now()
    return [
        one
        for one in StudyDocument.objects.filter(state="making")
        if not process_lives(one.worker, now - (one.begun_at or now), SILENT_TOO_LONG)
    ]


def documents_resumed() -> int:
    """Make again what ended with its process or lost its turn; for the start of a worker. Says how many."""
    from theratrial.web.exports.tasks import make_document

    again, queued = 0, on_the_queue()
    for pk in StudyDocument.objects.filter(state="waiting").values_list("pk", flat=True):
        if str(pk) not in queued:
            make_document.enqueue(str(pk))
            again += 1
    for one in _interrupted():
        with transaction.atomic():
            if StudyDocument.objects.filter(pk=one.pk, state="making").update(state="waiting", done=0, total=0):
                make_document.enqueue(str(one.pk))
                again += 1
    return again


def document_made(pk: str) -> str:
    """Make the document that waits; says its state. Safe to be called again: only what waits is begun."""
    begun = {"state": "making", "begun_at": timezone.now(), "worker": this_process(), "message": ""}
    if not StudyDocument.objects.filter(pk=pk, state="waiting").update(**begun):
        return "not waiting"
    one = StudyDocument.objects.select_related("requested_by").get(pk=pk)
    with override(one.language):
        try:
            _made(one)
        except Exception as error:
            LOG.exception("a document could not be made")
            one.state, one.message = "failed", failure_words(error)
    one.finished_at = timezone.now()
    one.save()
    return str(one.state)


def _made(one: StudyDocument) -> None:
    inputs = _plan() if one.kind not in WITH_DATA else _with_data(one)
    protocol = inputs.folder.protocol if isinstance(inputs, StudyInputs) else inputs.protocol
    voice = voice_of(
        protocol, cast(DocumentLanguage, one.language), lambda text: said(text, jalali=True, words=str).text
    )
    made = document(cast(DocumentKind, one.kind), inputs, voice)
    html, places = page(made, voice).encode(), {ending: document_file(one, ending) for ending in ("html", "pdf")}
    places["html"].parent.mkdir(parents=True, exist_ok=True)
    half = places["html"].with_suffix(".half")
    half.write_bytes(html)
    half.rename(places["html"])
    one.message = pdf_written(made, voice, places["pdf"])
    one.pdf_sha256 = "" if one.message else sha256(places["pdf"].read_bytes())
    one.state, one.html_sha256, one.draft, one.source = "ready", sha256(html), inputs.state.draft, inputs.state.source


def _plan() -> PlanInputs:
    return plan_inputs(protocol_in_force(), record_now())


def _with_data(one: StudyDocument) -> StudyInputs:
    row = latest_trial_result()
    if row is None:
        raise InputError(_("nothing is computed yet: compute the trial first"))
    folder, result = computed(row.computation)
    source = ledger_place(row.computation)
    if one.cut_off is None:
        return study_inputs(folder, result, source=source)
    done, total = 0, steps(folder) + 1

    def advance(_step: str) -> None:
        nonlocal done
        done += 1
        # The run of an earlier day may have fewer steps than that of today.
        StudyDocument.objects.filter(pk=one.pk).update(done=done, total=max(total, done))

    made = study_inputs_as_of(folder, one.cut_off, source=source, workers=settings.COMPUTING_PROCESSES, advance=advance)
    one.done = one.total = max(total, done)
    return made


def computed(computation: Computation) -> tuple[TrialFolder, TrialResult]:
    """The folder and the results of a computation of the trial.

    Raises
    ------
    InputError
        They are gone, or another version of the software computed them.
    """
    place = computation_folder(computation)
    if place is None or not Path(place, "out", RUN).is_file():
        raise InputError(_("the files of the latest computation are gone: compute the trial again"))
    folder, result = opened(Path(place, "out"))
    if result is None:
        raise InputError(_("the files of the latest computation are gone: compute the trial again"))
    return folder, result


def ledger_place(computation: Computation) -> str:
    """Number and hash of the ledger's event that the results of a computation reach to."""
    found = Event.objects.filter(seq=computation.ledger_seq).values_list("hash", flat=True).first()
    return f"ledger {computation.ledger_seq}, {found[:16]}" if found else f"ledger {computation.ledger_seq}"


def document_fetched(user: Any, one: StudyDocument) -> None:
    """Note in the ledger that the PDF leaves the site, with its digest."""
    with act(user, DOCUMENT_FETCHED):
        note(DOCUMENT_FETCHED, document=str(one.pk), kind=one.kind, language=one.language, sha256=one.pdf_sha256)


def documents_of(user: Any) -> list[StudyDocument]:
    """The documents that a person asked for and that are not gone, newest first."""
    wanted = StudyDocument.objects.filter(requested_by=user, requested_at__gte=kept_since()).exclude(state="removed")
    return list(wanted.order_by("-requested_at"))
