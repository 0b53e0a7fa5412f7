"""Pages of exports. Each export is made by a post, noted in the ledger with its digest, and sent as one zip."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from theratrial.errors import InputError
from theratrial.trialfolder.tables import TABLES
from theratrial.web.access import may, participant_or_404, requires, sites_of
from theratrial.web.capture.naming import table_label
from theratrial.web.exports import derived
from theratrial.web.exports.archives import MADE as ARCHIVE_MADE
from theratrial.web.exports.documents import DOCUMENT_FETCHED
from theratrial.web.exports.making import (
    ARCHIVES,
    FETCHED,
    KEPT,
    REQUESTED,
    kept_since,
    package_fetched,
    package_file,
    package_requested,
    packages_of,
)
from theratrial.web.exports.models import Package
from theratrial.web.exports.naming import export_words
from theratrial.web.exports.packages import PROVENANCE_FILE, folder_package, ledger_lines, listing_package
from theratrial.web.exports.scope import everywhere, json_bytes, provenance, scope_of, sha256, tree_digest, zipped
from theratrial.web.exports.sharing_log import FETCHED as RELEASE_FETCHED
from theratrial.web.exports.standards import STANDARDS
from theratrial.web.ledger.act import act, note
from theratrial.web.ledger.models import Event, Payload
from theratrial.web.participants.models import Participant
from theratrial.web.results.blinding import hidden_records
from theratrial.web.trials.selectors import protocol_in_force, the_trial

SHOWN = 20
_NAMES: Final = {
    "copy": "certified-copy",
    "odm": "odm",
    "archive": "archive",
    "images": "archive-with-images",
    derived.KIND: "derived-images",
}
_RESULTS: Final = {**dict.fromkeys(ARCHIVES, ("endpoint.view",)), derived.KIND: derived.PERMISSIONS}
"""What holds computed results is for those who may see them."""
ACTIONS: Final = (
    *("export.folder", "export.listing", "export.ledger", "export.completeness", "export.activity-ledger"),
    *("export.registration", "export.odm", REQUESTED, FETCHED, DOCUMENT_FETCHED, ARCHIVE_MADE),
    RELEASE_FETCHED,
)
"""Every export of the site by name: found by the index of actions, where a common beginning reads the whole ledger."""


@requires("exports.make")
def index(request: HttpRequest) -> HttpResponse:
    """What can be exported, and what was."""
    scope, protocol = scope_of(request.user), protocol_in_force()
    inspects = may(request.user, "ledger.view")
    sites = sites_of(request.user, "exports.make")
    context = {
        "scope": scope,
        "tables": [(table.name, table_label(table.name, protocol)) for table in TABLES],
        "inspects": inspects,
        "everywhere": everywhere(request.user, "exports.make", "ledger.view"),
        "codes": list(Participant.objects.filter(site__in=sites).values_list("code", flat=True)) if inspects else [],
        "past": _past() if inspects else [],
    }
    if inspects:
        context |= _packages(request)
        context["archives"] = any(may(request.user, "endpoint.view", site=site) for site in sites)
        context["derived"] = any(
            all(may(request.user, one, site=site) for one in derived.PERMISSIONS) for site in sites
        )
        context["whole_archive"] = everywhere(request.user, "exports.make", "ledger.view", "endpoint.view")
    return render(request, "exports/index.html", context)


def _past() -> list[dict[str, Any]]:
    import json

    events = list(Event.objects.filter(action__in=ACTIONS, op="note").order_by("-seq")[:SHOWN])
    payloads = {one.seq: one for one in Payload.objects.filter(seq__in=[event.seq for event in events])}
    found = []
    for event in events:
        new = payloads[event.seq].new if event.seq in payloads else None
        detail = json.loads(new).get("detail", {}) if new and not new.startswith("redacted:") else {}
        detail = json.loads(detail) if isinstance(detail, str) else detail
        found.append(
            {
                "event": event,
                "words": export_words(event.action, detail),
                "sha256": detail.get("sha256", ""),
                "manifest": detail.get("manifest_sha256", ""),
            }
        )
    return found


@requires("exports.make")
@require_POST
def folder(request: HttpRequest) -> HttpResponse:
    """The trial folder."""
    scope = scope_of(request.user)
    files = folder_package(request.user, scope, timezone.now())
    tree = {name: content for name, content in files.items() if name.startswith("trial/")}
    detail = {"participants": len(scope.participants), "left_out": scope.left_out, "tree_sha256": tree_digest(tree)}
    return _sent(request, "export.folder", "trial", files, detail)


@requires("exports.make")
@require_POST
def listing(request: HttpRequest) -> HttpResponse:
    """Some tables as CSV."""
    scope, tables = scope_of(request.user), request.POST.getlist("table")
    try:
        files = listing_package(request.user, scope, tables, timezone.now())
    except InputError as refusal:
        messages.error(request, str(refusal))
        return redirect("exports:index")
    detail = {"participants": len(scope.participants), "left_out": scope.left_out, "tables": tables}
    return _sent(request, "export.listing", "listings", files, detail)


@requires("ledger.view")
@require_POST
def ledger(request: HttpRequest) -> HttpResponse:
    """The whole ledger; of those who withdrew the use of their data only digests."""
    inspector_only(request, "exports.make", "ledger.view")
    about = provenance(request.user, None, timezone.now())
    lines = "".join(line + "\n" for line in ledger_lines())
    files = {"ledger.jsonl": lines.encode(), PROVENANCE_FILE: json_bytes(about)}
    return _sent(request, "export.ledger", "ledger", files, {"events": about["ledger"]["seq"]})


@requires("ledger.view")
@require_POST
def certified(request: HttpRequest) -> HttpResponse:
    """The certified copy of the trial."""
    inspector_only(request, "exports.make", "ledger.view")
    return _asked_for(request, None)


@requires("ledger.view")
@require_POST
def certified_participant(request: HttpRequest) -> HttpResponse:
    """The certified copy of one participant."""
    code = request.POST.get("code", "")
    if "\x00" in code:
        raise Http404
    return _asked_for(request, participant_to_copy(request, code))


def participant_to_copy(request: HttpRequest, code: str) -> Participant:
    """Of whom the user may have a copy."""
    participant: Participant = participant_or_404(request, code, "ledger.view")
    if not may(request.user, "exports.make", site=participant.site):
        raise PermissionDenied("exports.make")
    _not_blind(request, participant)
    return participant


def _asked_for(request: HttpRequest, participant: Participant | None) -> HttpResponse:
    package_requested(request.user, participant)
    messages.success(request, _("The copy is being made. This page shows when it can be fetched."))
    return redirect("exports:index")


@requires("ledger.view")
def packages(request: HttpRequest) -> HttpResponse:
    """The part of the page that shows how far copies are; the whole page anew once none is under way."""
    context = _packages(request)
    answer = render(request, "exports/packages.html", context)
    if not context["under_way"]:
        answer["HX-Refresh"] = "true"
    return answer


def _packages(request: HttpRequest) -> dict[str, Any]:
    found = packages_of(request.user)
    under_way = any(one.state in ("waiting", "making") for one in found)
    return {"packages": found, "under_way": under_way, "kept_days": KEPT.days}


@requires("ledger.view")
@require_POST
def package(request: HttpRequest, pk: Any) -> HttpResponse:
    """Fetch one's own package; who may no longer have such a copy gets none."""
    ready = Package.objects.filter(
        pk=pk, requested_by_id=request.user.pk, state="ready", requested_at__gte=kept_since()
    )
    found = ready.select_related("participant__site").exclude(kind__in=STANDARDS).first()
    if found is None or not package_file(found).is_file():
        raise Http404(str(pk))
    if found.participant is None:
        inspector_only(request, "exports.make", "ledger.view", *_RESULTS.get(found.kind, ()))
    elif not all(
        may(request.user, one, site=participant_to_copy(request, found.participant.code).site)
        for one in _RESULTS.get(found.kind, ("exports.make",))
    ):
        raise PermissionDenied("endpoint.view")
    package_fetched(request.user, found)
    name = _NAMES[found.kind]
    name = f"{name}-{found.participant.code}" if found.participant else name
    answer: HttpResponseBase = FileResponse(package_file(found).open("rb"), content_type="application/zip")
    answer.headers["Content-Disposition"] = f'attachment; filename="{the_trial().trial_id}-{name}.zip"'
    answer.headers["X-Content-SHA256"] = found.sha256
    return answer  # type: ignore[return-value]  # a stream has what a view needs


def _not_blind(request: HttpRequest, participant: Participant | None = None) -> None:
    if hidden_records(request.user, participant):
        raise PermissionDenied(_("a reader may copy the records once his own readings are signed"))


def inspector_only(request: HttpRequest, *permissions: str) -> None:
    """Refuse whoever lacks one of the rights at a site, or has still to sign a reading of her own."""
    _not_blind(request)
    if not everywhere(request.user, *permissions):
        raise PermissionDenied(_("what covers the whole trial needs the permission at every site"))


def _sent(
    request: HttpRequest,
    action: str,
    name: str,
    files: dict[str, bytes],
    detail: dict[str, Any],
) -> HttpResponse:
    content = zipped(files)
    trial = the_trial()
    with act(request.user, action):
        note(
            action,
            sha256=sha256(content),
            bytes=len(content),
            protocol_sha256=trial.in_force.sha256 if trial.in_force else "",
            **detail,
        )
    response = HttpResponse(content, content_type="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="{trial.trial_id}-{name}.zip"'
    response.headers["X-Content-SHA256"] = sha256(content)
    return response
