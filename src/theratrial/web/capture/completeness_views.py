"""Missing and late data: the matrix of participants and visits, one participant's list, and the same as CSV."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from theratrial.web.access import participant_or_404, requires, sites_of
from theratrial.web.capture.completeness import STATES, Expected, Standing, late_entry_days, standings
from theratrial.web.capture.naming import planned_label
from theratrial.web.ledger.act import act, note
from theratrial.web.participants.models import Participant
from theratrial.web.trials.selectors import protocol_in_force

PER_PAGE: Final = 25
CHUNK: Final = 50
TONES: Final = {
    "missing": "bad", "incomplete": "warn", "late": "due", "due": "open", "complete": "good", "missed": "neutral",
    "not_due": "neutral", "not_expected": "neutral",
}  # fmt: skip
CSV_COLUMNS: Final = (
    "participant_id", "site_id", "kind", "item", "session", "visit", "state", "window_from", "window_to", "occurred_on",
    "entered_on", "note",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """A visit, or the images of a session, of one participant: its worst state, and how much of it is there."""

    state: str
    label: str
    tone: str
    done: int
    expected: int


def state_label(state: str) -> str:
    """A state in the user's language."""
    return {
        "missing": _("missing"), "incomplete": _("incomplete"), "late": _("late"), "due": _("due"),
        "complete": _("complete"), "missed": _("missed, with reason"), "not_due": _("not due"),
        "not_expected": _("not expected"),
    }[state]  # fmt: skip


@requires("participants.view")
def matrix(request: HttpRequest) -> HttpResponse:
    """Participants by visits."""
    wanted = _participants(request)
    text = request.GET.get("participant", "").replace("\x00", "").strip()
    if text:
        wanted = wanted.filter(code__icontains=text)
    page = Paginator(wanted, PER_PAGE).get_page(request.GET.get("page"))
    found = standings(list(page), timezone.now())
    columns, labels = _columns(found), {state: state_label(state) for state in STATES}
    totals = Counter(one.state for standing in found for one in standing.expected)
    context = {
        "heads": [_head(column) for column in columns],
        "lines": [(one, _cells(one, columns, labels), _open_items(one)) for one in found],
        "totals": [(labels[state], TONES[state], totals[state]) for state in STATES[:5]],
        "page": page,
        "parameters": f"participant={text}" if text else "",
        "participant_text": text,
        "late_days": late_entry_days(),
    }
    return render(request, "capture/completeness.html", context)


@requires("participants.view")
def participant_matrix(request: HttpRequest, code: str) -> HttpResponse:
    """Everything expected of one participant."""
    participant = participant_or_404(request, code, "participants.view")
    found = standings([participant], timezone.now())[0]
    protocol = protocol_in_force()
    show = request.GET.get("show", "")
    wanted = [one for one in found.expected if show == "all" or one.state not in ("not_due", "not_expected")]
    lines = [
        {
            "one": one,
            "title": planned_label(one.identifier, protocol),
            "visit": planned_label(one.visit, protocol) if one.visit else "",
            "kind": {"visit": _("visit"), "image": _("image"), "form": _("form")}[one.kind],
            "state": state_label(one.state),
            "tone": TONES[one.state],
            "subject": f"{one.kind}:{one.identifier}" + (f"/{one.session}" if one.session else ""),
        }
        for one in sorted(wanted, key=lambda one: STATES.index(one.state))
    ]
    totals = [(state_label(state), TONES[state], found.count(state)) for state in STATES[:5]]
    context = {
        "participant": participant,
        "lines": lines,
        "totals": totals,
        "show": show,
        "late_days": late_entry_days(),
    }
    return render(request, "capture/completeness_participant.html", context)


@requires("exports.make")
@require_POST
def matrix_csv(request: HttpRequest) -> HttpResponse:
    """Every expected item of every participant as CSV; an export, so it is noted in the ledger."""
    people = list(_participants(request, "exports.make"))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for start in range(0, len(people), CHUNK):
        for standing in standings(people[start : start + CHUNK], timezone.now()):
            writer.writerows(_csv_rows(standing))
    content = text.getvalue().encode()
    with act(request.user, "export.completeness"):
        note("export.completeness", sha256=hashlib.sha256(content).hexdigest(), participants=len(people))
    response = HttpResponse(content, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="completeness.csv"'
    return response


def _participants(request: HttpRequest, permission: str = "participants.view") -> Any:
    sites = sites_of(request.user, permission)
    return Participant.objects.filter(site__in=sites).select_related("site")


def _csv_rows(standing: Standing) -> Iterator[list[Any]]:
    for one in standing.expected:
        yield [
            standing.code, standing.site, one.kind, one.identifier, one.session or "", one.visit, one.state,
            one.earliest or "", one.latest or "", one.occurred_on or "", one.entered_on or "", one.note,
        ]  # fmt: skip


def _column(one: Expected) -> tuple[str, int]:
    return one.visit, one.session or 0


def _columns(found: Sequence[Standing]) -> list[tuple[str, int]]:
    """Visit (empty: between visits) and session, in the order in which they happen."""
    protocol = protocol_in_force()
    order = {name: number for number, name in enumerate(protocol.schedule)}
    anchors = {name: clause.reading.anchor for name, clause in protocol.schedule.items() if clause.reading is not None}
    seen = {_column(one) for standing in found for one in standing.expected}

    def place(column: tuple[str, int]) -> tuple[int, int, int]:
        visit, session = column
        if not session:
            return (0 if visit and anchors.get(visit) == "screening" else 2, 0, order.get(visit, 0))
        return (1, session, order.get(visit, -1))

    return sorted(seen, key=place)


def _head(column: tuple[str, int]) -> tuple[str, int]:
    visit, session = column
    return (planned_label(visit) if visit else _("Injection, images and their reads")), session


def _cells(
    standing: Standing, columns: Sequence[tuple[str, int]], labels: Mapping[str, str]
) -> list[MatrixCell | None]:
    """One participant's line, a cell per column; None where nothing is planned for her."""
    planned: dict[tuple[str, int], list[str]] = defaultdict(list)
    for one in standing.expected:
        planned[_column(one)].append(one.state)
    return [_cell(planned[column], labels) if column in planned else None for column in columns]


def _cell(states: Sequence[str], labels: Mapping[str, str]) -> MatrixCell:
    worst = min(states, key=STATES.index)
    counted = sum(state not in ("not_due", "not_expected", "missed") for state in states)
    done = sum(state in ("complete", "late") for state in states)
    return MatrixCell(worst, labels[worst], TONES[worst], done, counted)


def _open_items(standing: Standing) -> int:
    return standing.count("missing") + standing.count("incomplete")
