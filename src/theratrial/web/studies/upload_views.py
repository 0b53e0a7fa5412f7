"""Pages and answers of uploading."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from theratrial.errors import InputError
from theratrial.web.access import requires, sites_of
from theratrial.web.people.models import Site
from theratrial.web.studies import arrivals, selectors, services, store
from theratrial.web.studies.limits import limits
from theratrial.web.studies.missing import missing_planned
from theratrial.web.studies.models import Upload

_PER_PAGE = 20


def shown_state(state: str) -> str:
    """The state of an upload in the user's language."""
    return {
        "receiving": _("receiving"),
        "reading": _("being read"),
        "done": _("done"),
        "failed": _("failed"),
        "cancelled": _("cancelled"),
    }.get(state, state)


@require_safe
@requires("images.view")
def index(request: HttpRequest) -> HttpResponse:
    """Recent uploads, quarantine, planned images that are missing."""
    page = Paginator(selectors.visible_uploads(request.user), _PER_PAGE).get_page(request.GET.get("page"))
    lines = selectors.uploads_with_progress(page.object_list)
    for line in lines:
        line.upload.words = shown_state(line.upload.state)  # type: ignore[attr-defined]
    context = {
        "page": page,
        "lines": lines,
        "under_way": any(line.under_way for line in lines),
        "may_upload": bool(sites_of(request.user, "images.upload")),
    }
    if request.headers.get("HX-Target") == "uploads":
        return render(request, "studies/uploads_part.html", context)
    missing = Paginator(missing_planned(request.user), _PER_PAGE).get_page(request.GET.get("missing"))
    context |= {
        "quarantined": selectors.quarantined(request.user).order_by().count(),
        "missing": missing,
        "missing_count": missing.paginator.count,
    }
    return render(request, "studies/index.html", context)


@require_safe
@requires("images.upload")
def upload_page(request: HttpRequest) -> HttpResponse:
    """Where a folder is dropped."""
    sites = Site.objects.filter(pk__in=sites_of(request.user, "images.upload")).order_by("code")
    bounds = limits()
    words = {
        "choose": _("{count} files chosen, {size}"),
        "sending": _("{done} of {total} files sent, {size} of {whole}"),
        "there": _("{count} files were there already"),
        "retry": _("The connection broke; trying again in {seconds} s …"),
        "failed": _("Not sent: {reason} Press Send to go on where it stopped."),
        "finished": _("All files have arrived. They are being read …"),
        "cancelled": _("Cancelled; what had been sent was deleted."),
        "empty": _("No files in it."),
    }
    context = {"sites": sites, "words": words, "most_file_GB": bounds.file_bytes / 1024**3, "most_files": bounds.files}
    return render(request, "studies/upload.html", context)


@require_POST
@requires("images.upload")
def begin(request: HttpRequest) -> HttpResponse:
    """A new upload: answers its addresses."""
    allowed = sites_of(request.user, "images.upload")
    given = request.POST.get("site", "")
    site = Site.objects.filter(pk__in=allowed, pk=int(given) if given.isdecimal() else 0).first()
    if site is None and len(allowed) == 1 and not given:
        site = Site.objects.get(pk=allowed[0])
    if site is None:
        return _answer({"error": _("choose the site these images belong to")}, 422)
    upload = services.upload_begun(request.user, site)
    return JsonResponse({"id": str(upload.pk)}, status=201)


@require_safe
@requires("images.upload")
def have(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """What an upload has by now, as [[name, bytes]]: a browser sends the rest."""
    upload = _own(request, upload_id)
    there = [[one.name, one.bytes] for one in arrivals.journal(str(upload.pk))]
    return JsonResponse({"state": upload.state, "have": there})


@requires("images.upload")
def files(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Receive one batch as a stream; answers what was taken, what was passed over, and why it ended."""
    if request.method != "PUT":
        return _answer({"error": _("send a batch with PUT")}, 405)
    upload = _own(request, upload_id)
    taken, passed = 0, []
    try:
        for one in services.files_received(upload, request.read):
            taken += not one.reason
            if one.reason:
                passed.append([one.name, one.reason])
    except store.DiskFull as error:
        return _answer({"error": str(error), "taken": taken}, 507)
    except (store.BodyCut, OSError) as error:
        return _answer({"error": str(error), "taken": taken, "again": True}, 400)
    except InputError as error:
        return _answer({"error": str(error), "taken": taken}, 413 if "larger" in str(error) else 422)
    return JsonResponse({"taken": taken, "passed_over": passed[:100]})


@require_POST
@requires("images.upload")
def finish(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Every file is there."""
    upload = _own(request, upload_id)
    try:
        services.upload_finished(request.user, upload)
    except InputError as error:
        return _answer({"error": str(error)}, 422)
    return JsonResponse({"state": "reading"})


@require_POST
@requires("images.upload")
def cancel(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Forget an upload that was not read."""
    upload = _own(request, upload_id)
    try:
        services.upload_cancelled(request.user, upload)
    except InputError as error:
        return _answer({"error": str(error)}, 409)
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse({"state": "cancelled"})
    return redirect("studies:index")


@require_safe
@requires("images.view")
def detail(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """One upload: what became of its files."""
    upload = selectors.visible_uploads(request.user).filter(pk=upload_id).first()
    if upload is None:
        raise Http404(upload_id)
    line = selectors.upload_progress(upload)
    counted = ngettext("%(count)s file", "%(count)s files", upload.files) % {"count": upload.files}
    context = {
        "upload": upload,
        "line": line,
        "words": shown_state(upload.state),
        "counted": counted,
        "series": list(selectors.visible_series(request.user).filter(upload=upload).defer("header")),
    }
    template = (
        "studies/upload_part.html" if request.headers.get("HX-Target") == "upload" else "studies/upload_detail.html"
    )
    return render(request, template, context)


def _own(request: HttpRequest, upload_id: uuid.UUID) -> Upload:
    """An upload to a site where the user may upload; else there is none."""
    allowed = sites_of(request.user, "images.upload")
    found = Upload.objects.filter(pk=upload_id, site__in=allowed, source__in=("browser", "dicomweb")).first()
    if found is None:
        raise Http404(upload_id)
    return found


def _answer(content: dict[str, Any], status: int) -> HttpResponse:
    return HttpResponse(json.dumps(content), status=status, content_type="application/json")
