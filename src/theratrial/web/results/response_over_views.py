"""Response over the participants: criteria side by side, the tracer, lesions, agreement, and other rules.

It tells of each participant how she responds and counts, so it is for those alone who may see the endpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from io import BytesIO
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.report.figures.dose_response import dose_response_figure, has_points
from theratrial.report.figures.heterogeneity import heterogeneity_figure
from theratrial.report.figures.spider import spider_figure, spider_line
from theratrial.report.style import drawing
from theratrial.results.criteria import CriteriaResult, ParticipantCriteria, Replay, TrialCriteria
from theratrial.results.rebuild import rebuilt
from theratrial.web.access import requires
from theratrial.web.results import selectors
from theratrial.web.results.blinding import hidden_records
from theratrial.web.results.models import ParticipantResultRow, TrialResultRow

_SVG_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class Person:
    """What the page shows of one participant."""

    code: str
    criteria: ParticipantCriteria
    started_on: date | None


@requires("endpoint.view")
def over_participants(request: HttpRequest) -> HttpResponse:
    """Criteria side by side, patterns of uptake, lesions, agreement, and whose category another rule would change."""
    row = _row(request)
    people = _people(row)
    found = _trial_criteria(row)
    replays = found.replays if found is not None else ()
    drawn = {name for name in FIGURES if _drawable(name, people)}
    titles: dict[str, str] = {one.criteria: one.title for person in people for one in person.criteria.criteria}
    context = {
        "result": row,
        "age": selectors.trial_age(),
        "people": people,
        "found": found,
        "titles": list(titles.values()),
        "side_by_side": [_side_by_side(person, titles) for person in people if person.criteria.criteria],
        "patterns": [person for person in people if person.criteria.heterogeneity is not None],
        "falls": [person for person in people if person.criteria.uptake_fall is not None],
        "unreached": _unreached(people),
        "kappas": [(one, _kappas(one)) for one in found.agreements] if found is not None else [],
        # As it is stands first, then whatever moves anybody.
        "moved": [(one, _kind(one)) for one in replays if one.flipped or one.kind == "as_is"],
        "still": [(one, _kind(one)) for one in replays if not one.flipped and one.kind != "as_is"],
        "drawn": drawn,
    }
    return render(request, "results/response_over.html", context)


@requires("endpoint.view")
def figure(request: HttpRequest, name: str) -> HttpResponse:
    """A figure of the page as SVG."""
    row = _row(request)
    content = _drawn(name, row.computation_id) if row is not None and name in FIGURES else b""
    if not content:
        raise Http404(name)
    answer = HttpResponse(content, content_type="image/svg+xml")
    answer.headers["Content-Security-Policy"] = _SVG_POLICY
    return answer


@lru_cache(maxsize=6)
def _drawn(name: str, computation: UUID) -> bytes:
    """A figure of a computation as SVG, drawn once by each process; empty where there is nothing to draw."""
    drawn = _figure(name, _people_of(computation))
    if drawn is None:
        return b""
    content = BytesIO()
    with drawing():
        drawn.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    return content.getvalue()


FIGURES: Final = ("spider", "heterogeneity", "dose-response")


def _drawable(name: str, people: Sequence[Person]) -> bool:
    """Whether a figure has anything to show; drawing it to find out would take seconds."""
    if name == "spider":
        return any(spider_line(one.code, one.started_on, one.criteria) is not None for one in people)
    if name == "heterogeneity":
        found = [one.criteria.heterogeneity for one in people]
        return any(reader.lesions for one in found if one is not None for reader in one.readers)
    return has_points([one.criteria for one in people])


def _figure(name: str, people: Sequence[Person]) -> Any:
    if name == "spider":
        lines = [spider_line(one.code, one.started_on, one.criteria) for one in people]
        return spider_figure([line for line in lines if line is not None])
    if name == "heterogeneity":
        return heterogeneity_figure([(one.code, found) for one in people if (found := one.criteria.heterogeneity)])
    return dose_response_figure([one.criteria for one in people])


def _row(request: HttpRequest) -> TrialResultRow | None:
    if hidden_records(request.user):
        raise PermissionDenied(_("readers see the report once their own readings are signed"))
    return selectors.latest_trial_result(whole=False)


def _trial_criteria(row: TrialResultRow | None) -> TrialCriteria | None:
    """None where nothing was computed, or by a version that did not compare."""
    return None if row is None else _trial_criteria_of(row.computation_id)


@lru_cache(maxsize=2)
def _trial_criteria_of(computation: UUID) -> TrialCriteria | None:
    """What is computed is written once: each process rebuilds it once."""
    stored = TrialResultRow.objects.filter(computation=computation).values_list("content__criteria", flat=True).first()
    if stored is None:
        return None
    try:
        return rebuilt(TrialCriteria, stored)
    except InputError:
        return None


def _people(row: TrialResultRow | None) -> tuple[Person, ...]:
    """The participants of the cohort's result; of their large results only what the page shows is fetched."""
    return () if row is None else _people_of(row.computation_id)


@lru_cache(maxsize=2)
def _people_of(computation: UUID) -> tuple[Person, ...]:
    rows = ParticipantResultRow.objects.filter(computation=computation).order_by("participant__code")
    found = []
    for code, criteria, injected_at in rows.values_list(
        "participant__code", "content__criteria", "content__sessions__0__injected_at"
    ):
        try:
            value = rebuilt(ParticipantCriteria, criteria or {})
        except InputError:
            continue
        found.append(Person(code, value, datetime.fromisoformat(injected_at).date() if injected_at else None))
    return tuple(found)


def _side_by_side(person: Person, titles: dict[str, str]) -> dict[str, Any]:
    by_name: dict[str, CriteriaResult] = {one.criteria: one for one in person.criteria.criteria}
    return {"code": person.code, "cells": [by_name.get(name) for name in titles]}


def _unreached(people: Sequence[Person]) -> list[tuple[str, list[str], list[str]]]:
    """Participant, lesions without uptake by every reader, and those by one reader only."""
    found = []
    for one in people:
        readers = one.criteria.heterogeneity.readers if one.criteria.heterogeneity is not None else ()
        lesions = {lesion for reader in readers for lesion in reader.discordant}
        agreed = {lesion for lesion in lesions if all(lesion in reader.discordant for reader in readers)}
        if lesions:
            found.append((one.code, sorted(agreed), sorted(lesions - agreed)))
    return found


def _kappas(one: Any) -> list[Any]:
    by_weight = {kappa.weighting: kappa.kappa for kappa in one.kappas}
    return [by_weight.get(weight) for weight in ("unweighted", "linear", "quadratic")]


def _kind(one: Replay) -> str:
    return {
        "as_is": _("As it is"),
        "metric": _("Uptake judged"),
        "threshold": _("Thresholds"),
        "lesions": _("Lesions"),
        "confirmation": _("RECIST 1.1"),
        "missing": _("Missing response"),
        "calibration": _("Calibration"),
    }[one.kind]
