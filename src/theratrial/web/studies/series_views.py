"""Quarantine, a participant's images, one series."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from theratrial.errors import InputError
from theratrial.web.access import may, participant_or_404, requires, sites_of
from theratrial.web.capture.models import Query
from theratrial.web.participants.models import Participant
from theratrial.web.studies import selectors, services
from theratrial.web.studies.arrival_checks import PREFIX, subject_of
from theratrial.web.studies.models import Series
from theratrial.web.studies.shown.words import WORDS
from theratrial.web.trials.selectors import protocol_in_force

_PER_PAGE = 25
_MOST_CHOICES = 400


def state_words(state: str) -> str:
    """The state of a series in the user's language."""
    return {"quarantined": _("in quarantine"), "matched": _("matched"), "set_aside": _("set aside")}.get(state, state)


def short_titles() -> dict[str, str]:
    """Planned image -> what the protocol's forms call it in a list (24 h, 48 h); its title where they do not."""
    language = (get_language() or "en")[:2]
    found = plan_titles()
    clause = protocol_in_force().forms.get("biodistribution_read")
    for item in clause.reading.items if clause and clause.reading else ():
        if item.id == "imaging_id":
            labels: dict[str, str] = dict(item.choice_labels).get(language, {})
            found |= {key: text for key, text in labels.items() if key in found}
    return found


def part_words(part: str) -> str:
    """What a series is to its planned image."""
    return {"image": _("image"), "ct": _("CT"), "regions": _("regions")}.get(part, "")


def viewer_words() -> dict[str, str]:
    """The words of the viewers in the user's language."""
    return {word: _(word) for word in WORDS}


def plan_titles() -> dict[str, str]:
    """Planned image -> its title in the user's language."""
    language = (get_language() or "en")[:2]
    plans = [one.reading for one in protocol_in_force().imaging.values() if one.reading is not None]
    return {plan.id: plan.titles.get(language, plan.title) for plan in plans}


@require_safe
@requires("images.view")
def quarantine(request: HttpRequest) -> HttpResponse:
    """What waits for a decision, why, and what can be done."""
    page = Paginator(selectors.quarantined(request.user), _PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "reasons": [(row, _reasons(row)) for row in page.object_list]} | _settling(request)
    return render(request, "studies/quarantine.html", context)


def _settling(request: HttpRequest) -> dict[str, Any]:
    """What the forms of settling offer."""
    sites = sites_of(request.user, "images.upload")
    people = Participant.objects.filter(site__in=sites).values_list("code", flat=True)[:_MOST_CHOICES]
    return {"may_settle": sites, "people": list(people), "plans": plan_titles()}


def _reasons(row: Series) -> list[dict[str, str]]:
    """Why a series is in quarantine, what can be translated translated."""
    return [
        {**one, "message": _(one["message"]), "remedy": _(one["remedy"]) if one["remedy"] else ""}
        for one in row.because
    ]


@require_safe
@requires("images.view")
def participant(request: HttpRequest, code: str) -> HttpResponse:
    """Planned images against what was received."""
    found = participant_or_404(request, code, "images.view")
    planned = selectors.planned_of(found)
    titles = plan_titles()
    elsewhere = (
        Series.objects.filter(participant=found).exclude(state="matched").defer("header").order_by("acquired_at")
    )
    context = {
        "participant": found,
        "groups": _by_session(planned, titles),
        "elsewhere": [(row, state_words(row.state)) for row in elsewhere],
        "queries": _queries(found),
    }
    return render(request, "studies/participant.html", context)


def _by_session(planned: list[selectors.Planned], titles: dict[str, str]) -> list[dict[str, Any]]:
    groups: dict[int | None, list[tuple[str, selectors.Planned]]] = {}
    for one in planned:
        groups.setdefault(one.session, []).append((titles.get(one.imaging, one.title), one))
    keys = sorted(groups, key=lambda session: (session is not None, session or 0))
    return [
        {
            "session": key,
            "lines": groups[key],
            "pair": key is not None and any(one.kind == "whole_body_planar" and one.image for _t, one in groups[key]),
        }
        for key in keys
    ]


def _queries(found: Participant, subject: str = "") -> list[Query]:
    queries = Query.objects.filter(participant=found, rule__startswith=PREFIX, state__in=("open", "answered"))
    return list(queries.filter(subject=subject) if subject else queries)


@require_safe
@requires("images.view")
def series(request: HttpRequest, series_id: uuid.UUID) -> HttpResponse:
    """One series: what its header says, and what it shows."""
    row = series_or_404(request, series_id)
    facts = row.header["facts"]
    queries = _queries(row.participant, subject_of(row.imaging, row.session)) if row.participant and row.imaging else []
    context = {
        "row": row,
        "facts": [
            (key, facts[key])
            for key in sorted(facts)
            if key not in ("identifying",) and facts[key] not in ("", None, [])
        ],
        "catalogue": row.header["catalogue"],
        "state": state_words(row.state),
        "part": part_words(row.part),
        "title": plan_titles().get(row.imaging, row.imaging),
        "reasons": _reasons(row),
        "instances": row.instances.count(),
        "queries": queries,
        "viewer": viewer_of(row),
        "words_json": json.dumps(viewer_words(), ensure_ascii=False),
        "may_here": may(request.user, "images.upload", site=row.site),
        "missing": {"image": _("image"), "ct": "CT", "regions": _("regions")},
    } | _settling(request)
    return render(request, "studies/series.html", context)


def _shown_facts(facts: dict[str, Any]) -> list[tuple[str, Any]]:
    """What the header states, by keyword; what it does not state is left out."""
    stated = {key: value for key, value in facts.items() if key != "identifying" and value not in ("", None, [])}
    return [(key, f"{one:.6g}" if isinstance(one, float) else one) for key, one in sorted(stated.items())]


def viewer_of(row: Series) -> str:
    """Which viewer shows it: ``volume``, ``planar``, or none."""
    said = row.header["catalogue"]
    if row.modality in ("PT", "CT", "MR") or (row.modality == "NM" and "RECON" in said["image_kind"]):
        return "volume"
    return "planar" if row.modality == "NM" else ""


def series_or_404(request: HttpRequest, series_id: uuid.UUID, permission: str = "images.view") -> Series:
    """The series, where the user may see it; else there is none."""
    row = get_object_or_404(Series.objects.select_related("participant", "site", "upload"), pk=series_id)
    if row.site is None or not may(request.user, permission, site=row.site):
        raise Http404(series_id)
    return row


@require_POST
@requires("images.upload")
def assign(request: HttpRequest, series_id: uuid.UUID) -> HttpResponse:
    """Say where a series belongs."""
    row = series_or_404(request, series_id, "images.upload")
    given = request.POST
    whose = Participant.objects.select_related("site").filter(code=given.get("participant", "").strip()).first()
    if whose is None or not may(request.user, "images.upload", site=whose.site):
        return _refused(request, row, _("There is no such participant at your site; choose one of the list."))
    session = given.get("session", "").strip()
    if session and not session.isdecimal():
        return _refused(request, row, _("A session is a whole number, or empty for an image that belongs to none."))
    try:
        services.series_assigned(
            request.user,
            row,
            whose,
            given.get("imaging", ""),
            int(session) if session else None,
            given.get("part", "image"),
            reason=given.get("reason", ""),
        )
    except InputError as error:
        return _refused(request, row, str(error))
    messages.success(request, _("The series is assigned. Who did it and why is in the ledger."))
    return redirect("studies:series", series_id=row.pk)


@require_POST
@requires("images.upload")
def set_aside(request: HttpRequest, series_id: uuid.UUID) -> HttpResponse:
    """Take a series out of everything."""
    row = series_or_404(request, series_id, "images.upload")
    try:
        services.series_set_aside(request.user, row, reason=request.POST.get("reason", ""))
    except InputError as error:
        return _refused(request, row, str(error))
    messages.success(request, _("The series is set aside. It stays stored and can be taken back with Check again."))
    return redirect("studies:quarantine")


@require_POST
@requires("images.upload")
def check_again(request: HttpRequest, series_id: uuid.UUID) -> HttpResponse:
    """Judge it anew."""
    row = services.series_checked_again(request.user, series_or_404(request, series_id, "images.upload"))
    words = (
        _("Checked again: it is matched now.")
        if row.state == "matched"
        else _("Checked again: it stays in quarantine.")
    )
    messages.info(request, words)
    return redirect("studies:series", series_id=row.pk)


def _refused(request: HttpRequest, row: Series, message: str) -> HttpResponse:
    messages.error(request, message)
    response = series(_as_get(request), row.pk)
    response.status_code = 422
    return response


def _as_get(request: HttpRequest) -> HttpRequest:
    request.method = "GET"
    return request
