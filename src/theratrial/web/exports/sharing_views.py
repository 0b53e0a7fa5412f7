"""Pages of sharing: the plan, what it would release, texts to read, the release log, signing and fetching."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from theratrial.errors import InputError
from theratrial.protocol.schema import Protocol
from theratrial.sharing.plan import IMAGES, TITLES
from theratrial.web.access import may, requires
from theratrial.web.capture.naming import table_label
from theratrial.web.exports import sharing_preview as preview
from theratrial.web.exports.models import SharedRelease
from theratrial.web.exports.scope import data_use_withdrawn, everywhere
from theratrial.web.exports.sharing_keeping import held_by, release_file
from theratrial.web.exports.sharing_log import (
    fetching_hindered,
    release_fetched,
    release_log,
    release_shown,
    release_signed,
    signing_hindered,
)
from theratrial.web.exports.sharing_making import FORMS, LARGEST_FORM_BYTES, hindered, release_requested
from theratrial.web.exports.sharing_texts import TextShown, text_decided, texts_shown
from theratrial.web.ledger.signing import NotConfirmed
from theratrial.web.results import selectors
from theratrial.web.results.blinding import hidden_records
from theratrial.web.trials.selectors import protocol_in_force, the_trial

MAKE: Final = ("release.make", "participants.view")
"""Who makes a release reads texts of every site and sees who may be recognised."""


@requires("exports.make")
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """The plan, what it would release, and the log."""
    return _page(request)


def _page(request: HttpRequest, refusal: str = "", status: int = 200) -> HttpResponse:
    plan, makes = preview.plan_now(), everywhere(request.user, *MAKE)
    blind = makes and bool(hidden_records(request.user))
    seen = _seen() if makes and not blind else None
    context: dict[str, Any] = {
        "plan": plan,
        "items": [
            {
                "item": one,
                "held": plan.holds(one.item),
                "home": plan.held_back(one.item),
                "remarks": [other for other in plan.hindrances if other.item == one.item],
                "personal": one.item == "individual_participant_data",
            }
            for one in plan.items
        ],
        "remarks": [one for one in plan.hindrances if not one.item],
        "images_held": IMAGES,
        "makes": makes,
        "blind": blind,
        "seen": seen,
        "age": selectors.trial_age() if seen is not None else None,
        "hindered": hindered() if makes and not blind else "",
        "asks_consent": plan.shared("informed_consent_form"),
        "forms": ",".join(FORMS),
        "locked": the_trial().data_state in ("locked", "hard_locked"),
        "refusal": refusal,
        "typed": request.POST.get("to_whom", ""),
    }
    if seen is not None:
        texts = texts_shown(seen.texts)
        context["texts"] = {
            "all": len(texts),
            "unread": sum(one.decision is None for one in texts),
            "allowed": sum(one.allowed for one in texts),
        }
    return render(request, "exports/sharing.html", context | _listed(), status=status)


def _seen() -> preview.Preview | None:
    row = selectors.latest_trial_result(whole=False)
    if row is None:
        return None
    try:
        return preview.previewed(row.computation)
    except InputError:
        return None  # the page says that its files are gone, as why no release can be made


def _listed() -> dict[str, Any]:
    found = release_log()
    return {"releases": found, "under_way": any(one.row.state in ("waiting", "making") for one in found)}


@requires("exports.make")
@require_GET
def listed(request: HttpRequest) -> HttpResponse:
    """The part of the page that shows how far a release is; the whole page anew once none is under way."""
    context = _listed()
    answer = render(request, "exports/sharing_list.html", context)
    if not context["under_way"]:
        answer["HX-Refresh"] = "true"
    return answer


@requires("release.make")
@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for a release."""
    _may_make(request)
    sent = request.FILES.get("consent")
    try:
        if sent is not None and (sent.size or 0) > LARGEST_FORM_BYTES:
            raise InputError(_("The consent form is a file of at most 20 MB: %(kinds)s.") % {"kinds": ", ".join(FORMS)})
        consent = (sent.name or "", sent.read()) if sent is not None else None
        release_requested(request.user, request.POST.get("to_whom", ""), consent)
    except InputError as refusal:
        return _page(request, str(refusal), 422)
    messages.success(request, _("The release is being made. This page shows when it can be signed."))
    return redirect("exports:sharing")


@requires("release.make")
@require_GET
def texts(request: HttpRequest) -> HttpResponse:
    """Typed texts that are withheld until somebody has read them."""
    _may_make(request)
    seen, protocol = _seen(), protocol_in_force()
    found = texts_shown(seen.texts) if seen is not None else []
    lines = [_text_line(one, protocol) for one in found]
    unread = sum(one.decision is None for one in found)
    return render(request, "exports/sharing_texts.html", {"lines": lines, "unread": unread})


def _text_line(one: TextShown, protocol: Protocol) -> dict[str, Any]:
    return {"one": one, "table": table_label(one.text.table, protocol), "anchor": f"t{one.digest[:12]}"}


@requires("release.make")
@require_POST
def decide(request: HttpRequest) -> HttpResponse:
    """Allow or withhold a text."""
    _may_make(request)
    seen, answer = _seen(), request.POST.get("answer", "")
    if seen is None or answer not in ("allow", "withhold"):
        raise Http404
    digest = request.POST.get("digest", "")
    try:
        text_decided(request.user, seen.texts, digest, allowed=answer == "allow")
    except InputError as refusal:
        messages.error(request, str(refusal))
        return redirect("exports:sharing-texts")
    decided = texts_shown(seen.texts)
    line = _text_line(next(one for one in decided if one.digest == digest), protocol_in_force())
    if request.headers.get("HX-Target") == line["anchor"]:
        context = {"line": line, "unread": sum(one.decision is None for one in decided), "alone": True}
        return render(request, "exports/sharing_text.html", context)
    return redirect(f"{reverse('exports:sharing-texts')}#{line['anchor']}")


@requires("exports.make")
@require_GET
def release(request: HttpRequest, pk: Any) -> HttpResponse:
    """One release: what is signed."""
    return _release(request, _row(pk))


def _row(pk: Any) -> SharedRelease:
    return get_object_or_404(SharedRelease.objects.select_related("requested_by", "computation"), pk=pk)


def _release(request: HttpRequest, row: SharedRelease, refusal: str = "", status: int = 200) -> HttpResponse:
    shown = release_shown(row, data_use_withdrawn())
    signs, makes = everywhere(request.user, "release.sign"), everywhere(request.user, *MAKE)
    context = {
        "shown": shown,
        "row": row,
        "items": [{"title": TITLES[one["item"]], "terms": one} for one in row.content.get("items", ())],
        "signs": signs,
        "sign_hindered": signing_hindered(request.user, shown) if signs else "",
        "files": held_by(row) if row.state == "made" and (signs or makes) else [],
        "fetches": makes,
        "fetch_hindered": fetching_hindered(request.user, shown) if makes else "",
        "refusal": refusal,
    }
    return render(request, "exports/sharing_release.html", context, status=status)


@requires("release.sign")
@require_POST
def sign(request: HttpRequest, pk: Any) -> HttpResponse:
    """Sign a release, so that it may leave."""
    row = _row(pk)
    if not everywhere(request.user, "release.sign"):
        raise PermissionDenied("release.sign")
    try:
        release_signed(request, row)
    except (NotConfirmed, InputError) as refusal:
        return _release(request, row, str(refusal), 422)
    messages.success(request, _("Release %(number)s is signed and can be fetched.") % {"number": row.number})
    return redirect("exports:sharing-release", pk=row.pk)


@requires("release.make")
@require_POST
def fetched(request: HttpRequest, pk: Any) -> HttpResponse:
    """Fetch the package of a signed release; noted in the ledger, for it leaves the site."""
    row = _row(pk)
    if not everywhere(request.user, *MAKE):
        raise PermissionDenied(_("what covers the whole trial needs the permission at every site"))
    if fetching_hindered(request.user, release_shown(row, data_use_withdrawn())):
        return _release(request, row, status=409)
    release_fetched(request.user, row)
    name = f"{the_trial().trial_id}-release-{row.number}.zip"
    answer: HttpResponseBase = FileResponse(release_file(row).open("rb"), content_type="application/zip")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["X-Content-SHA256"] = row.sha256
    return answer  # type: ignore[return-value]  # a stream has what a view needs


def _may_make(request: HttpRequest) -> None:
    if not may(request.user, "release.make") or not everywhere(request.user, *MAKE):
        raise PermissionDenied(_("what covers the whole trial needs the permission at every site"))
    if hidden_records(request.user):
        raise PermissionDenied(_("readers see the report once their own readings are signed"))
