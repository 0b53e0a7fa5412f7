"""Pages of exports. Each export is made by a post, noted in the ledger with its digest, and sent as one zip."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from theratrial.errors import InputError
from theratrial.trialfolder.tables import TABLES
from theratrial.web.access import may, participant_or_404, requires, sites_of
from theratrial.web.capture.naming import table_label
from theratrial.web.exports.certified import manifest_digest, participant_copy, trial_copy
from theratrial.web.exports.packages import PROVENANCE_FILE, folder_package, ledger_lines, listing_package
from theratrial.web.exports.scope import everywhere, json_bytes, provenance, scope_of, sha256, tree_digest, zipped
from theratrial.web.ledger.act import act, note
from theratrial.web.ledger.models import Event, Payload
from theratrial.web.participants.models import Participant
from theratrial.web.results.blinding import hidden_records
from theratrial.web.trials.selectors import protocol_in_force, the_trial

SHOWN = 20


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
    return render(request, "exports/index.html", context)


def _past() -> list[dict[str, Any]]:
    import json

    events = list(Event.objects.filter(action__startswith="export.", op="note").order_by("-seq")[:SHOWN])
    payloads = {one.seq: one for one in Payload.objects.filter(seq__in=[event.seq for event in events])}
    found = []
    for event in events:
        new = payloads[event.seq].new if event.seq in payloads else None
        detail = json.loads(new).get("detail", {}) if new and not new.startswith("redacted:") else {}
        detail = json.loads(detail) if isinstance(detail, str) else detail
        found.append(
            {"event": event, "sha256": detail.get("sha256", ""), "manifest": detail.get("manifest_sha256", "")}
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
    _inspector(request, "exports.make", "ledger.view")
    about = provenance(request.user, None, timezone.now())
    lines = "".join(line + "\n" for line in ledger_lines())
    files = {"ledger.jsonl": lines.encode(), PROVENANCE_FILE: json_bytes(about)}
    return _sent(request, "export.ledger", "ledger", files, {"events": about["ledger"]["seq"]})


@requires("ledger.view")
@require_POST
def certified(request: HttpRequest) -> HttpResponse:
    """The certified copy of the trial."""
    _inspector(request, "exports.make", "ledger.view")
    files = trial_copy(request.user, timezone.now())
    return _sent(request, "export.certified-copy", "certified-copy", files, {"manifest_sha256": manifest_digest(files)})


@requires("ledger.view")
@require_POST
def certified_participant(request: HttpRequest) -> HttpResponse:
    """The certified copy of one participant."""
    code = request.POST.get("code", "")
    if "\x00" in code:
        raise Http404
    participant = participant_or_404(request, code, "ledger.view")
    if not may(request.user, "exports.make", site=participant.site):
        raise PermissionDenied("exports.make")
    _not_blind(request, participant)
    files = participant_copy(request.user, participant, timezone.now())
    detail = {"manifest_sha256": manifest_digest(files)}
    return _sent(request, "export.certified-copy", f"certified-copy-{code}", files, detail, participant)


def _not_blind(request: HttpRequest, participant: Participant | None = None) -> None:
    if hidden_records(request.user, participant):
        raise PermissionDenied(_("a reader may copy the records once his own readings are signed"))


def _inspector(request: HttpRequest, *permissions: str) -> None:
    _not_blind(request)
    if not everywhere(request.user, *permissions):
        raise PermissionDenied(_("what covers the whole trial needs the permission at every site"))


def _sent(
    request: HttpRequest,
    action: str,
    name: str,
    files: dict[str, bytes],
    detail: dict[str, Any],
    participant: Participant | None = None,
) -> HttpResponse:
    content = zipped(files)
    trial = the_trial()
    with act(request.user, action):
        note(
            action,
            participant=participant.code if participant else "",
            site=participant.site.code if participant else "",
            sha256=sha256(content),
            bytes=len(content),
            protocol_sha256=trial.in_force.sha256 if trial.in_force else "",
            **detail,
        )
    response = HttpResponse(content, content_type="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="{trial.trial_id}-{name}.zip"'
    response.headers["X-Content-SHA256"] = sha256(content)
    return response
