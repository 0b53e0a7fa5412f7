"""Nadir, dose-limiting toxicity, stopping and the other CTCAE version: of one and over the participants."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from theratrial.report.figures.stopping import stopping_figure
from theratrial.report.figures.vector import Drawing
from theratrial.report.texts import unit_text
from theratrial.results.rebuild import rebuilt
from theratrial.results.toxicity import NadirResult, ParticipantToxicity, StoppingStep, TrialToxicity
from theratrial.web.access import participant_or_404, requires, sites_of
from theratrial.web.participants.models import Participant
from theratrial.web.results import selectors
from theratrial.web.results.models import ParticipantResultRow, TrialResultRow
from theratrial.web.sentences.shown import speaks_persian


@requires("participants.view")
def toxicity(request: HttpRequest, code: str) -> HttpResponse:
    """Nadirs, dose-limiting toxicity and the other version's grades of one participant, from her latest result."""
    participant = participant_or_404(request, code, "participants.view")
    row = selectors.latest_result(participant)
    context: dict[str, Any] = {"participant": participant, "row": row, "part": "toxicity"}
    if row is not None:
        found = _of_participant(row)
        tests = dict.fromkeys(one.test for one in found.nadirs)
        context |= {
            "age": selectors.age_of(row, participant),
            "found": found,
            "tests": list(tests),
            "nadirs": [(_named(one), unit_text(one.nadir.unit)) for one in found.nadirs],
            "versions": _versions(),
        }
    return render(request, "results/toxicity.html", context)


def _named(one: NadirResult) -> NadirResult:
    """With its test in words; Persian ones are kept under the identifier."""
    return one if speaks_persian() else replace(one, test=one.test.replace("_", " "))


@requires("gate.view")
def safety_over_all(request: HttpRequest) -> HttpResponse:
    """The stopping rule, who had a dose-limiting toxicity, and what the other CTCAE version would change."""
    row = selectors.latest_trial_result(whole=False)
    context: dict[str, Any] = {"row": row, "age": selectors.trial_age() if row is not None else None}
    if row is not None:
        own = set(
            Participant.objects.filter(site__in=sites_of(request.user, "gate.view")).values_list("code", flat=True)
        )
        found = _of_trial(row)
        everybody = set(found.participants_affected) <= own
        people = _people(row, own)
        context |= {
            "found": found,
            "stopping": found.stopping,
            "boundary": _boundary(found),
            "steps": [(step, step.participant_id in own) for step in _steps(found)],
            "people": people,
            "impact": found.impact_sentence if everybody else "",
            "recoveries": [one for one in found.recoveries if one.participant_id in own],
            "gate_changes": [(code, change) for code, one in people for change in one.gate_changes],
        }
    return render(request, "results/safety_over_all.html", context)


@requires("gate.view")
def stopping_drawing(request: HttpRequest) -> HttpResponse:
    """The boundary with the participants judged; it names nobody."""
    row = selectors.latest_trial_result(whole=False)
    found = _of_trial(row) if row is not None else None
    if row is None or found is None or found.stopping is None:
        raise Http404("no stopping rule")
    drawing: Drawing | None = stopping_figure(found.stopping, row.digest[:12])
    if drawing is None:
        raise Http404("nothing to draw")
    answer = HttpResponse(drawing.svg(), content_type="image/svg+xml")
    answer.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    return answer


def _of_participant(row: ParticipantResultRow) -> ParticipantToxicity:
    return rebuilt(ParticipantToxicity, row.content.get("toxicity", {}))


def _of_trial(row: TrialResultRow) -> TrialToxicity:
    return _trial_toxicity_of(row.computation_id)


@lru_cache(maxsize=2)
def _trial_toxicity_of(computation: UUID) -> TrialToxicity:
    rows = TrialResultRow.objects.filter(computation=computation)
    return rebuilt(TrialToxicity, rows.values_list("content__toxicity", flat=True).first() or {})


def _versions() -> tuple[str, str]:
    row = selectors.latest_trial_result(whole=False)
    return _of_trial(row).versions if row is not None else ("", "")


def _steps(found: TrialToxicity) -> tuple[StoppingStep, ...]:
    return found.stopping.steps if found.stopping is not None else ()


def _boundary(found: TrialToxicity) -> list[tuple[int, int, int]]:
    """(from participant, up to, fewest events that stop), where it can stop."""
    parts: list[tuple[int, int, int]] = []
    for k, limit in enumerate(found.stopping.boundary if found.stopping is not None else (), 1):
        if limit is None:
            continue
        if parts and parts[-1][2] == limit:
            parts[-1] = (parts[-1][0], k, limit)
        else:
            parts.append((k, k, limit))
    return parts


def _people(row: TrialResultRow, own: set[str]) -> list[tuple[str, ParticipantToxicity]]:
    """The participants of that computation whom the user may see and who were given anything."""
    return [
        (code, one)
        for code, one in _toxicity_of(row.computation_id)
        if code in own and (one.limiting is not None or one.nadirs)
    ]


@lru_cache(maxsize=2)
def _toxicity_of(computation: UUID) -> tuple[tuple[str, ParticipantToxicity], ...]:
    """Of everybody, without the large rest; what is computed is written once, each process rebuilds it once."""
    rows = ParticipantResultRow.objects.filter(computation=computation).order_by("participant__code")
    stored = rows.values_list("participant__code", "content__toxicity")
    return tuple((code, rebuilt(ParticipantToxicity, one or {})) for code, one in stored)
