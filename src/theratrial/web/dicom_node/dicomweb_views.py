"""DICOMweb (PS3.18): search, retrieve and store, for who is signed in, within the rights that the pages have."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from theratrial.errors import InputError
from theratrial.web.access import requires, sites_of
from theratrial.web.dicom_node import dicomweb_retrieve as retrieve
from theratrial.web.dicom_node import dicomweb_search as search
from theratrial.web.dicom_node.dicomweb_json import attributes, element, referenced
from theratrial.web.dicom_node.dicomweb_store import boundary_of, stored
from theratrial.web.people.models import Site
from theratrial.web.studies import store
from theratrial.web.studies.models import Instance

JSON: Final = "application/dicom+json"
Reference = tuple[str, str, Mapping[str, Any]]
_LEVELS: Final[dict[str, Callable[[Any, search.Query, str], list[dict[str, Any]]]]] = {
    "studies": search.studies,
    "series": search.series,
    "instances": search.instances,
}


def _address(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("dicomweb:studies")).removesuffix("/studies")


def _refused(text: str, status: int) -> HttpResponse:
    return HttpResponse(json.dumps({"error": text}), status=status, content_type="application/json")


def _searched(request: HttpRequest, level: str, **places: str) -> HttpResponse:
    try:
        query = search.query_of(request.GET.dict(), **places)
        found = _LEVELS[level](request.user, query, _address(request))
    except InputError as error:
        return _refused(str(error), 400)
    answer = HttpResponse(json.dumps(found), content_type=JSON) if found else HttpResponse(status=204)
    return _warned(answer, f"not matched by: {', '.join(query.ignored)}" if query.ignored else "")


def _warned(answer: HttpResponse, text: str) -> HttpResponse:
    if text:
        plain = "".join(one if " " <= one <= "~" and one != '"' else "?" for one in text)
        answer["Warning"] = f'299 theratrial "{plain[:200]}"'
    return answer


@requires("images.view")
def studies(request: HttpRequest) -> HttpResponseBase:
    """Search for studies; with POST, store instances."""
    if request.method == "POST":
        return store_(request)
    return _searched(request, "studies")


@requires("images.view")
@require_safe
def all_series(request: HttpRequest) -> HttpResponse:
    """Search for series of any study."""
    return _searched(request, "series")


@requires("images.view")
@require_safe
def all_instances(request: HttpRequest) -> HttpResponse:
    """Search for instances of any study."""
    return _searched(request, "instances")


@requires("images.view")
@require_safe
def series_of(request: HttpRequest, study: str) -> HttpResponse:
    """Search for series of a study."""
    return _searched(request, "series", StudyInstanceUID=study)


@requires("images.view")
@require_safe
def instances_of_study(request: HttpRequest, study: str) -> HttpResponse:
    """Search for instances of a study."""
    return _searched(request, "instances", StudyInstanceUID=study)


@requires("images.view")
@require_safe
def instances_of_series(request: HttpRequest, study: str, series: str) -> HttpResponse:
    """Search for instances of a series."""
    return _searched(request, "instances", StudyInstanceUID=study, SeriesInstanceUID=series)


def _found(request: HttpRequest, **places: str) -> Any:
    query = search.query_of({}, **places)
    return search.instances_of(request.user, query)


def _files(request: HttpRequest, found: Any) -> HttpResponseBase:
    if not found.exists():
        return _refused("there is no such image, or you may not see it", 404)
    mark = retrieve.boundary()
    return _streamed(retrieve.files_sent(found.iterator(500), mark), mark, "application/dicom")


def _streamed(body: Iterable[bytes], mark: str, kind: str) -> HttpResponseBase:
    return StreamingHttpResponse(body, content_type=f'multipart/related; type="{kind}"; boundary={mark}')


def _metadata(request: HttpRequest, found: Any) -> HttpResponseBase:
    if not found.exists():
        return _refused("there is no such image, or you may not see it", 404)
    return StreamingHttpResponse(retrieve.metadata_sent(found.iterator(500), _address(request)), content_type=JSON)


@requires("images.view")
def study(request: HttpRequest, study: str) -> HttpResponseBase:
    """Retrieve a study; with POST, store instances of it."""
    if request.method == "POST":
        return store_(request, study)
    return _files(request, _found(request, StudyInstanceUID=study))


@requires("images.view")
@require_safe
def study_metadata(request: HttpRequest, study: str) -> HttpResponseBase:
    """Headers of a study."""
    return _metadata(request, _found(request, StudyInstanceUID=study))


@requires("images.view")
@require_safe
def series(request: HttpRequest, study: str, series: str) -> HttpResponseBase:
    """Retrieve a series."""
    return _files(request, _found(request, StudyInstanceUID=study, SeriesInstanceUID=series))


@requires("images.view")
@require_safe
def series_metadata(request: HttpRequest, study: str, series: str) -> HttpResponseBase:
    """Headers of a series."""
    return _metadata(request, _found(request, StudyInstanceUID=study, SeriesInstanceUID=series))


def _one(request: HttpRequest, study: str, series: str, instance: str) -> Any:
    return _found(request, StudyInstanceUID=study, SeriesInstanceUID=series, SOPInstanceUID=instance)


@requires("images.view")
@require_safe
def instance(request: HttpRequest, study: str, series: str, instance: str) -> HttpResponseBase:
    """Retrieve an instance."""
    return _files(request, _one(request, study, series, instance))


@requires("images.view")
@require_safe
def instance_metadata(request: HttpRequest, study: str, series: str, instance: str) -> HttpResponseBase:
    """Header of an instance."""
    return _metadata(request, _one(request, study, series, instance))


@requires("images.view")
@require_safe
def frames(request: HttpRequest, study: str, series: str, instance: str, numbers: str) -> HttpResponseBase:
    """Frames of an instance, uncompressed."""
    found: Instance | None = _one(request, study, series, instance).first()
    if found is None:
        return _refused("there is no such image, or you may not see it", 404)
    wanted = numbers.split(",")
    if len(wanted) > retrieve.MOST_FRAMES or not all(one.isdecimal() and len(one) < 8 for one in wanted):
        return _refused("frames are numbers from 1, separated by commas", 400)
    try:
        parts = retrieve.frames(found, [int(one) for one in wanted])
    except retrieve.NoSuchFrame as error:
        return _refused(str(error), 404)
    except InputError as error:
        return _refused(str(error), 406)
    mark = retrieve.boundary()
    return _streamed(retrieve.frames_sent(parts, mark), mark, "application/octet-stream")


def store_(request: HttpRequest, study: str = "") -> HttpResponse:
    """Store instances (PS3.18 10.5): 200 all, 202 some, 409 none."""
    allowed = sites_of(request.user, "images.upload")
    if not allowed:
        return _refused("you may not upload images", 403)
    sites = Site.objects.filter(pk__in=allowed)
    if code := request.GET.get("site", ""):
        sites = sites.filter(code=code)
    if sites.count() != 1:
        return _refused("say for which site: ?site=CODE", 400)
    try:
        mark = boundary_of(request.headers.get("Content-Type", ""))
    except InputError as error:
        return _refused(str(error), 415)
    try:
        answers, cut = stored(request.user, sites.get(), request.read, mark, study=study)
    except store.DiskFull as error:
        return _refused(str(error), 507)
    except (InputError, OSError) as error:
        return _refused(str(error), 400)
    address = _address(request)
    good: list[Reference] = [(one.sop_class, one.sop_instance, {}) for one in answers if not one.failure]
    bad: list[Reference] = [
        (one.sop_class, one.sop_instance, element("FailureReason", "US", one.failure)) for one in answers if one.failure
    ]
    body = attributes(
        element("RetrieveURL", "UR", f"{address}/studies/{study}" if study else ""),
        {"00081199": referenced(good)} if good else {},
        {"00081198": referenced(bad)} if bad else {},
    )
    status = 200 if good and not (bad or cut) else 202 if good else 409
    return _warned(JsonResponse(body, status=status, content_type=JSON), f"not read to its end: {cut}" if cut else "")
