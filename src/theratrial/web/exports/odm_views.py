"""ODM from the browser: the history in the background, for inspection; the state at once, for exchange."""

from __future__ import annotations

import hashlib
import tempfile
from typing import Final

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from theratrial.web.access import may, requires
from theratrial.web.exports.making import package_requested
from theratrial.web.exports.odm_snapshot import Version, site_snapshot_written
from theratrial.web.exports.scope import scope_of
from theratrial.web.exports.views import inspector_only
from theratrial.web.ledger.act import act, note
from theratrial.web.trials.selectors import the_trial

_VERSIONS: Final[dict[str, Version]] = {"1.3.2": "1.3.2", "2.0": "2.0"}


@requires("ledger.view")
@require_POST
def history(request: HttpRequest) -> HttpResponse:
    """Every change of the trial as ODM 1.3.2, made in the background."""
    inspector_only(request, "exports.make", "ledger.view")
    package_requested(request.user, None, "odm")
    messages.success(request, _("The file is being made. This page shows when it can be fetched."))
    return redirect("exports:index")


@requires("exports.make")
@require_POST
def snapshot(request: HttpRequest) -> HttpResponse:
    """The state of the user's sites as ODM; queries for who may see them."""
    version = _VERSIONS.get(request.POST.get("version", ""))
    if version is None:
        raise Http404("version")
    scope, trial = scope_of(request.user), the_trial()
    # Closed by the answer, when the last of it is sent.
    out = tempfile.TemporaryFile()  # noqa: SIM115
    site_snapshot_written(out, version, scope, queries=may(request.user, "queries.view"))
    size = out.tell()
    out.seek(0)
    digest = hashlib.file_digest(out, "sha256").hexdigest()
    out.seek(0)
    with act(request.user, "export.odm"):
        note(
            "export.odm", sha256=digest, bytes=size, kind="snapshot", odm=version, left_out=scope.left_out,
            participants=len(scope.participants), protocol_sha256=trial.in_force.sha256 if trial.in_force else "",
        )  # fmt: skip
    answer: HttpResponseBase = FileResponse(out, content_type="application/xml")
    answer.headers["Content-Length"] = str(size)
    answer.headers["Content-Disposition"] = f'attachment; filename="{trial.trial_id}-odm-{version}.xml"'
    answer.headers["X-Content-SHA256"] = digest
    return answer  # type: ignore[return-value]  # a stream has what a view needs
