"""Figures as SVG: drawn by the report's own code, served as images so that no style stands in the page."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from theratrial.report.figures.limit_bars import limit_bars_figure
from theratrial.report.figures.time_activity import time_activity_figure
from theratrial.report.figures.vector import Drawing
from theratrial.results.values import ParticipantResult
from theratrial.web.access import participant_or_404, requires
from theratrial.web.capture.selectors import participant_rows
from theratrial.web.results import selectors
from theratrial.web.results.laboratory import laboratory_drawing, laboratory_points
from theratrial.web.results.models import ParticipantResultRow
from theratrial.web.trials.selectors import the_trial


def _result(request: HttpRequest, code: str) -> tuple[ParticipantResult, ParticipantResultRow]:
    row = selectors.latest_result(participant_or_404(request, code, "doses.view"))
    if row is None:
        raise Http404(code)
    return selectors.participant_result(row), row


def _footline(code: str, row: ParticipantResultRow) -> str:
    virtual = ", virtual" if the_trial().simulated else ""
    return f"{code}{virtual} · {row.digest[:12]}"


def _svg(drawing: Drawing | None) -> HttpResponse:
    if drawing is None:
        raise Http404("nothing to draw")
    answer = HttpResponse(drawing.svg(), content_type="image/svg+xml")
    answer.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    return answer


@requires("doses.view")
def curves(request: HttpRequest, code: str, session: int, kind: str) -> HttpResponse:
    """Activity over time of the organs or lesions of a session."""
    one, row = _result(request, code)
    doses = [d for s in one.sessions if s.session == session for d in s.doses if d.kind == kind]
    return _svg(time_activity_figure(doses, _footline(code, row)))


@requires("doses.view")
def limits(request: HttpRequest, code: str) -> HttpResponse:
    """Doses so far as shares of their limits."""
    one, row = _result(request, code)
    return _svg(limit_bars_figure(one.cumulative_doses, _footline(code, row)))


@requires("participants.view")
def laboratory(request: HttpRequest, code: str, test: str) -> HttpResponse:
    """A laboratory test over the course, with the injections."""
    participant = participant_or_404(request, code, "participants.view")
    folder: Any = participant_rows(participant).folder
    points = [one for one in laboratory_points(folder, code) if one.test == test]
    return _svg(laboratory_drawing(folder, code, points))
