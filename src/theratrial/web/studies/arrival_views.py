"""The live page of a camera's staff: what has arrived, whether it is accepted, and why not."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from theratrial.web.access import requires
from theratrial.web.capture.models import Query
from theratrial.web.capture.queries import PENDING
from theratrial.web.studies.arrival_checks import PREFIX, subject_of
from theratrial.web.studies.models import Series, Upload
from theratrial.web.studies.selectors import upload_progress, visible_series, visible_uploads
from theratrial.web.trials.selectors import protocol_in_force

_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Verdict:
    """A series of a delivery and what is to be asked about it."""

    series: Series
    questions: tuple[Query, ...]
    title: str = ""
    """What people call the planned image; empty where it has no place."""

    @property
    def state(self) -> str:
        """``accepted``, ``asked`` (accepted with questions), ``quarantined``, ``set_aside``."""
        if self.series.state != "matched":
            return self.series.state
        return "asked" if self.questions else "accepted"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery, how far it is, and what became of its series."""

    upload: Upload
    files: int
    """So far."""
    verdicts: tuple[Verdict, ...]

    @property
    def settled(self) -> tuple[Verdict, ...]:
        """Series about which nothing is left to do."""
        return tuple(one for one in self.verdicts if one.state in ("accepted", "set_aside"))

    @property
    def waiting(self) -> tuple[Verdict, ...]:
        """Series in quarantine, or with questions."""
        return tuple(one for one in self.verdicts if one.state not in ("accepted", "set_aside"))

    @property
    def state(self) -> str:
        """The worst of its parts, or where it is under way."""
        if self.upload.state != "done":
            return str(self.upload.state)
        states = {one.state for one in self.verdicts}
        if "quarantined" in states or (self.upload.passed_over and not self.verdicts):
            return "quarantined"
        if "asked" in states or self.upload.passed_over:
            return "asked"
        if not self.verdicts:
            return "known"
        return "accepted" if "accepted" in states else "set_aside"


def arrivals_of(user: Any, *, most: int = _SHOWN) -> list[Arrival]:
    """The newest deliveries to the user's sites with their verdicts; a few queries however many there are."""
    uploads = list(visible_uploads(user).exclude(state="cancelled")[:most])
    rows: dict[Any, list[Series]] = defaultdict(list)
    for row in visible_series(user).filter(upload__in=uploads).defer("header"):
        rows[row.upload_id].append(row)
    people = {row.participant_id for found in rows.values() for row in found if row.participant_id}
    questions: dict[tuple[int | None, str], list[Query]] = defaultdict(list)
    asked = Query.objects.filter(participant__in=people, rule__startswith=PREFIX, state__in=PENDING)
    for one in asked.order_by("pk"):
        questions[one.participant_id, one.subject].append(one)
    titles = {c.reading.id: c.reading.title for c in protocol_in_force().imaging.values() if c.reading is not None}

    def verdict(row: Series) -> Verdict:
        its_own = row.state == "matched" and row.part == "image"
        asked_of_it = questions[row.participant_id, subject_of(row.imaging, row.session)] if its_own else ()
        return Verdict(row, tuple(asked_of_it), titles.get(row.imaging, row.imaging))

    return [
        Arrival(upload, upload_progress(upload).total, tuple(verdict(row) for row in rows[upload.pk]))
        for upload in uploads
    ]


@requires("images.view")
@require_safe
def arrivals(request: HttpRequest) -> HttpResponse:
    """The page; it asks again by itself."""
    context = {"arrivals": arrivals_of(request.user)}
    part = request.headers.get("HX-Target") == "arrivals"
    return render(request, "studies/arrivals_part.html" if part else "studies/arrivals.html", context)


__all__ = ["Arrival", "Verdict", "arrivals", "arrivals_of"]
