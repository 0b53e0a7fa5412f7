"""What the viewers load: manifests and contents, with an ETag, never stored by shared caches."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.http import http_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from theratrial.errors import TheratrialError
from theratrial.web.access import participant_or_404, requires
from theratrial.web.studies import shown
from theratrial.web.studies.contents import Kept, planar_contents, volume_contents
from theratrial.web.studies.models import Series
from theratrial.web.studies.pictures import picture_bytes
from theratrial.web.studies.series_views import series_or_404, short_titles, viewer_of


@require_safe
@requires("images.view")
def volume_manifest(request: HttpRequest, series_id: uuid.UUID) -> HttpResponse:
    """What the volume viewer loads of a series."""
    row = series_or_404(request, series_id)
    if viewer_of(row) != "volume":
        raise Http404(series_id)
    found = volume_contents(row)
    pairs = {
        role: (header, f"{reverse(f'studies:{role}', args=[row.pk])}?v={found.key[:16]}")
        for role, header in found.headers.items()
    }
    if "emission" not in pairs and "anatomy" not in pairs:
        why = found.problems.get("emission") or found.problems.get("anatomy") or _("it has no pixels")
        return JsonResponse({"error": why}, status=422)
    manifest = shown.volume_manifest(**pairs)
    _with_problems(manifest, found)
    return _json(request, manifest, found.key)


def _with_problems(manifest: dict[str, Any], found: Kept) -> None:
    """Why a part is not there stands among the notes of what is."""
    main = manifest.get("emission") or manifest["anatomy"]
    named = {"suv": _("Not shown as SUV"), "regions": _("Regions"), "anatomy": _("CT"), "mip": _("MIP")}
    main["notes"] = [*main["notes"], *(f"{named.get(role, role)}: {why}" for role, why in found.problems.items())]


@require_safe
@requires("images.view")
def volume_content(request: HttpRequest, series_id: uuid.UUID, role: str) -> HttpResponse:
    """One content of a series."""
    row = series_or_404(request, series_id)
    if viewer_of(row) != "volume":
        raise Http404(series_id)
    return _content(request, volume_contents(row), role)


@require_safe
@requires("images.view")
def planar_manifest(request: HttpRequest, code: str, session: int) -> HttpResponse:
    """What the planar viewer loads of a session's whole-body scans."""
    found = _pair(request, code, session)
    numbers = [n for n in range(len(found.headers) + len(found.problems)) if f"point{n}" in found.headers]
    if not numbers:
        return JsonResponse({"error": "; ".join(found.problems.values())}, status=422)
    headers = [found.headers[f"point{n}"] for n in numbers]
    urls = [f"{reverse('studies:planar-content', args=[code, session, n])}?v={found.key[:16]}" for n in numbers]
    manifest = shown.planar_manifest(headers, urls)
    manifest["not_comparable_because"] = [*manifest["not_comparable_because"], *found.problems.values()]
    return _json(request, manifest, found.key)


@require_safe
@requires("images.view")
def planar_content(request: HttpRequest, code: str, session: int, point: int) -> HttpResponse:
    """The views of one time point."""
    return _content(request, _pair(request, code, session), f"point{point}")


def _pair(request: HttpRequest, code: str, session: int) -> Kept:
    rows, labels = whole_body_rows(participant_or_404(request, code, "images.view"), session)
    if not rows:
        raise Http404(session)
    return planar_contents(rows, labels)


def whole_body_rows(participant: Any, session: int) -> tuple[list[Series], list[str]]:
    """The matched whole-body scans of a session in order of time, and what they are called."""
    matched = Series.objects.filter(
        participant=participant, session=session, state="matched", part="image", modality="NM"
    )
    rows = [row for row in matched.select_related("participant").order_by("acquired_at") if viewer_of(row) == "planar"]
    titles = short_titles()
    return rows, [titles.get(row.imaging, row.imaging) for row in rows]


@require_safe
@requires("images.view")
def picture(request: HttpRequest, series_id: uuid.UUID) -> HttpResponse:
    """A still picture, for lists and for browsers without the viewers' means."""
    row = series_or_404(request, series_id)
    try:
        content, key = picture_bytes(row)
    except TheratrialError:
        raise Http404(series_id) from None
    if request.headers.get("If-None-Match") == f'"{key}"':
        return _cached(HttpResponse(status=304), key)
    return _cached(HttpResponse(content, content_type="image/png"), key)


def _content(request: HttpRequest, found: Kept, role: str) -> HttpResponse:
    if role not in found.headers:
        raise Http404(role)
    key = f"{found.key}-{role}"
    if request.headers.get("If-None-Match") == f'"{key}"':
        return _cached(HttpResponse(status=304), key)
    path = found.path(role)
    response = FileResponse(path.open("rb"), content_type=found.headers[role]["content_type"])
    response.headers["Last-Modified"] = http_date(path.stat().st_mtime)
    return _cached(response, key)


def _json(request: HttpRequest, content: dict[str, Any], key: str) -> HttpResponse:
    return _cached(JsonResponse(content), f"{key}-manifest")


def _cached(response: Any, key: str) -> HttpResponse:
    """The browser may keep it but must ask each time, so that a right that ended ends here too."""
    response.headers["ETag"] = f'"{key}"'
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
