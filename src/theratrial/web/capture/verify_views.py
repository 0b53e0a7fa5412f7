"""Pages of source verification: progress of all participants, and one participant's cells with tick boxes."""

from __future__ import annotations

import uuid
from collections import defaultdict
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from theratrial.errors import InputError
from theratrial.trialfolder.tables import table as table_definition
from theratrial.web.access import may, participant_or_404, requires, sites_of
from theratrial.web.capture.models import Record
from theratrial.web.capture.naming import column_label, table_label
from theratrial.web.capture.value_words import cell_words, value_words
from theratrial.web.capture.verification import Row, cells_verified, progress, progress_by_participant, rows_to_verify
from theratrial.web.capture.verify_drawing import CellDrawing
from theratrial.web.ledger.act import act
from theratrial.web.participants.models import Participant
from theratrial.web.results.blinding import hidden_records
from theratrial.web.trials.selectors import protocol_in_force, trial_zone

PER_PAGE: Final = 25
SHOWN: Final = ("all", "unverified", "stale")


@requires("participants.view")
def verification_list(request: HttpRequest) -> HttpResponse:
    """How far source verification is, participant by participant."""
    sites = sites_of(request.user, "participants.view")
    wanted = Participant.objects.filter(site__in=sites).select_related("site")
    page = Paginator(wanted, PER_PAGE).get_page(request.GET.get("page"))
    found = progress_by_participant(list(page))
    lines = [(one, found[one.pk]) for one in page]
    return render(request, "capture/verify.html", {"lines": lines, "page": page, "parameters": ""})


@requires("participants.view")
def verification_page(request: HttpRequest, code: str) -> HttpResponse:
    """One participant's records, cell by cell."""
    participant = participant_or_404(request, code, "participants.view")
    if request.method == "POST":
        return _verified(request, participant)
    return _shown(request, participant)


def _verified(request: HttpRequest, participant: Participant) -> HttpResponse:
    if not may(request.user, "source.verify", site=participant.site):
        raise PermissionDenied("source.verify")
    try:
        with act(request.user, "source.verify"):
            count = sum(
                cells_verified(request.user, record, columns, seen_version=version)
                for record, columns, version in _ticked(request, participant)
            )
    except InputError as refusal:
        return _shown(request, participant, refusal=str(refusal), status=422)
    messages.success(request, ngettext("%d cell verified.", "%d cells verified.", count) % count)
    show = request.GET.get("show", "")
    address = reverse("capture:verify-participant", args=[participant.code])
    return redirect(f"{address}?show={show}" if show in SHOWN else address)


def _ticked(request: HttpRequest, participant: Participant) -> list[tuple[Record, list[str], int]]:
    columns: dict[uuid.UUID, list[str]] = defaultdict(list)
    for value in request.POST.getlist("cell"):
        key, _sep, column = value.partition(":")
        columns[_uuid(key)].append(column)
    if not columns:
        raise InputError(_("nothing was ticked; tick the cells that agree with their source"))
    hidden = hidden_records(request.user, participant).records
    records = Record.objects.filter(participant=participant, pk__in=columns.keys() - hidden).select_related("site")
    found = {record.pk: record for record in records}
    if found.keys() != columns.keys():
        raise Http404("record")
    seen = {key: request.POST.get(f"version:{key}", "") for key in found}
    return [(found[key], columns[key], int(seen[key]) if seen[key].isdecimal() else 0) for key in found]


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Http404("record") from None


def _shown(request: HttpRequest, participant: Participant, *, refusal: str = "", status: int = 200) -> HttpResponse:
    rows = rows_to_verify(participant, request.user)
    show = request.GET.get("show", "")
    show = show if show in SHOWN else "all"
    may_verify = may(request.user, "source.verify", site=participant.site)
    may_raise = may(request.user, "queries.raise", site=participant.site)
    may_view = may(request.user, "queries.view", site=participant.site)
    words = cell_words({"request": request}, value_words(protocol_in_force()))
    drawing = CellDrawing(request, may_verify, may_raise, may_view, words)
    context = {
        "participant": participant,
        "progress": progress(rows),
        "tables": _tables(rows, show, drawing),
        "show": show,
        "may_verify": may_verify,
        "refusal": refusal,
        "zone": trial_zone().key,
    }
    return render(request, "capture/verify_participant.html", context, status=status)


def _tables(rows: list[Row], show: str, drawing: CellDrawing) -> list[dict[str, Any]]:
    protocol = protocol_in_force()
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if show == "all" or any(cell.state == show for cell in row.cells):
            grouped[row.record.table].append(row)
    found = []
    for name, some in grouped.items():
        used = {cell.column for row in some for cell in row.cells}
        columns = [one.name for one in table_definition(name).columns if one.name in used]
        lines = [drawing.line(row, columns) for row in some]
        heads = [column_label(name, column, protocol) for column in columns]
        found.append({"name": name, "title": table_label(name, protocol), "heads": heads, "lines": lines})
    return found
