"""Pages of the protocol: clauses with their sentences, conflicts, versions."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from theratrial.errors import InputError, Problems
from theratrial.protocol.check import protocol_findings
from theratrial.protocol.findings import clauses
from theratrial.web.access import may, requires
from theratrial.web.ledger.signing import NotConfirmed, content_digest, signatures_of
from theratrial.web.participants.plan import said
from theratrial.web.trials import services
from theratrial.web.trials.models import ProtocolVersion
from theratrial.web.trials.selectors import protocol_of, the_trial

DECISIONS = ("open", "demonstration", "decided", "as_written")


def decision_words(status: str) -> str:
    """How far a clause is settled."""
    return {
        "as_written": _("as written"),
        "open": _("open"),
        "demonstration": _("assumption of the demonstration"),
        "decided": _("decided"),
    }[status]


def _tone(status: str) -> str:
    return {"as_written": "good", "open": "bad", "demonstration": "warn", "decided": "good"}[status]


def _decision(decision: Any) -> dict[str, Any]:
    status = decision.status.value
    return {
        "status": status,
        "words": decision_words(status),
        "tone": _tone(status),
        "by": decision.by,
        "on": decision.on,
        "why": decision.why,
    }


def _reading(value: Any) -> str:
    if value is None:
        return ""
    plain = value.model_dump(mode="json", exclude_defaults=True)
    return json.dumps(plain, ensure_ascii=False, indent=1)


@requires("trial.view")
def protocol_page(request: HttpRequest, number: int = 0) -> HttpResponse:
    """Clauses: verbatim, reading, decision; and the conflicts, first."""
    trial = the_trial()
    version = ProtocolVersion.objects.filter(number=number).first() if number else trial.in_force
    if version is None:
        raise Http404(str(number))
    protocol = protocol_of(version)
    wanted = request.GET.get("show", "")
    lines = [
        {
            "path": path,
            "title": said(clause.reading) if hasattr(clause.reading, "title") else "",
            "verbatim": clause.verbatim,
            "reading": _reading(clause.reading),
            "note": clause.note,
            "decision": _decision(clause.decision),
        }
        for path, clause in clauses(protocol)
        if not wanted or clause.decision.status.value == wanted
    ]
    found = [
        {
            "conflict": one,
            "title": said(one),
            "question": one.questions.get((get_language() or "en").split("-")[0], one.question),
            "decision": _decision(one.decision),
        }
        for one in protocol.conflicts
        if not wanted or one.decision.status.value == wanted
    ]
    context = {
        "version": version, "clauses": lines, "conflicts": found, "wanted": wanted,
        "choices": [("", _("all")), *((one, decision_words(one)) for one in DECISIONS)],
    }  # fmt: skip
    return render(request, "trials/protocol.html", context)


@requires("trial.view")
def versions(request: HttpRequest) -> HttpResponse:
    """Every version of the protocol that was loaded."""
    return _versions(request)


def _versions(request: HttpRequest, *, problems: Any = (), refusal: str = "", status: int = 200) -> HttpResponse:
    context = {
        "versions": ProtocolVersion.objects.defer("yaml").order_by("-number"), "problems": problems, "refusal": refusal,
        "may_release": may(request.user, "protocol.release"),
    }  # fmt: skip
    return render(request, "trials/versions.html", context, status=status)


@requires("protocol.release")
def version_load(request: HttpRequest) -> HttpResponse:
    """Load a protocol file; what is wrong in it is listed with its lines."""
    if request.method != "POST":
        return redirect("trials:versions")
    file = request.FILES.get("file")
    if file is None or (file.size or 0) > services.LARGEST_FILE_BYTES:
        return _versions(request, refusal=_("Choose a protocol file (YAML) of at most 4 MB."), status=422)
    try:
        made = services.protocol_loaded(request.user, file.read())
    except Problems as error:
        return _versions(
            request, problems=error.problems, refusal=_("The file cannot be run; nothing was loaded."), status=422
        )
    except InputError as error:
        return _versions(request, refusal=str(error), status=422)
    messages.success(
        request, _("Version %(number)s is loaded. Look at its findings, then release it.") % {"number": made.number}
    )
    return redirect("trials:version", number=made.number)


@requires("trial.view")
def version_page(request: HttpRequest, number: int) -> HttpResponse:
    """A version's findings, its release and signatures."""
    return _version(request, number)


def _version(request: HttpRequest, number: int, refusal: str = "", status: int = 200) -> HttpResponse:
    version = ProtocolVersion.objects.filter(number=number).first()
    if version is None:
        raise Http404(str(number))
    context = {
        "version": version, "in_force": the_trial().in_force_id == version.pk,
        "findings": protocol_findings(protocol_of(version)),
        "hindered": services.release_hindered(version), "statement": services.release_statement(version),
        "digest": content_digest("protocol", str(number), services.release_content(version)), "refusal": refusal,
        "signatures": signatures_of("protocol", str(number)), "may_release": may(request.user, "protocol.release"),
        "reason": request.POST.get("reason", ""),
    }  # fmt: skip
    return render(request, "trials/version.html", context, status=status)


@requires("protocol.release")
def version_release(request: HttpRequest, number: int) -> HttpResponse:
    """Put a version into force."""
    version = ProtocolVersion.objects.filter(number=number).first()
    if version is None:
        raise Http404(str(number))
    if request.method != "POST":
        return redirect("trials:version", number=number)
    try:
        services.protocol_released(request, version, reason=request.POST.get("reason", ""))
    except (NotConfirmed, InputError) as error:
        return _version(request, number, str(error), 422)
    messages.success(
        request, _("Version %(number)s is in force. Record each site's ethics approval of it.") % {"number": number}
    )
    return redirect("trials:version", number=number)
