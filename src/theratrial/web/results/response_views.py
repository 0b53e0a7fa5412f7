"""Response: lesions by reader, agreement, adjudication, the computed category."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from theratrial.errors import InputError
from theratrial.web.access import may, participant_or_404, requires
from theratrial.web.capture.models import Record
from theratrial.web.capture.services import record_change, record_create
from theratrial.web.ledger.models import Signature
from theratrial.web.ledger.signing import NotConfirmed, content_digest, sign
from theratrial.web.participants.models import Participant
from theratrial.web.results import selectors
from theratrial.web.results.blinding import hidden_records
from theratrial.web.results.reading import (
    ADJUDICATION,
    READING,
    TABLE,
    Reading,
    Readings,
    adjudication_content,
    reading_key,
    readings_of,
)
from theratrial.web.trials.selectors import protocol_in_force, trial_zone

ROLES: Final = {
    "target": gettext_lazy("target"),
    "non_target": gettext_lazy("non-target"),
    "new": gettext_lazy("new"),
}
STATUSES: Final = {
    "present": gettext_lazy("present"),
    "resolved": gettext_lazy("resolved"),
    "not_assessable": gettext_lazy("not assessable"),
}
_COLUMNS: Final = ("timepoint", "lesion_id", "site", "role", "status", "region_name", "comment")


@requires("participants.view")
def response(request: HttpRequest, code: str) -> HttpResponse:
    """The readings that the user may see, and what the core makes of them."""
    return _page(request, participant_or_404(request, code, "participants.view"))


def may_see(request: HttpRequest, participant: Participant, readings: Readings) -> tuple[list[Reading], int]:
    """The readings without the lesions that are hidden from the user, and of how many readings some are."""
    hidden = hidden_records(request.user, participant).records
    seen, partly = [], 0
    for one in readings.readings:
        records = tuple(record for record in one.records if record.pk not in hidden)
        partly += len(records) < len(one.records)
        if records:
            seen.append(replace(one, records=records))
    return seen, partly


def _page(
    request: HttpRequest, participant: Participant, *, refusal: str = "", refused: str = "", status: int = 200
) -> HttpResponse:
    readings = readings_of(participant)
    seen, hidden = may_see(request, participant, readings)
    blind = hidden > 0
    row = selectors.latest_result(participant)
    rule = protocol_in_force().response.reading
    adjudicates = may(request.user, "response.adjudicate", site=participant.site)
    reads = may(request.user, "response.read", site=participant.site)
    own = readings.of(request.user.get_username()) if reads else None
    context: dict[str, Any] = {
        "participant": participant,
        "readings": seen,
        "all_readings": readings,
        "hidden": hidden,
        "blind": blind,
        "own": own,
        "may_read": reads,
        "outcome": None if row is None or blind else row.content.get("response"),
        "row": row,
        "age": selectors.age_of(row, participant),
        "rule": rule,
        "roles": ROLES,
        "statuses": STATUSES,
        "refusal": refusal,
        "refused": refused,
        "adjudication_forms": _adjudication_forms(participant, readings) if adjudicates and not blind else [],
        "adjudications": [] if blind else readings.adjudications,
        "part": "response",
    }
    return render(request, "results/response.html", context, status=status)


def _adjudication_forms(participant: Participant, readings: Readings) -> list[dict[str, Any]]:
    if len(readings.readings) < 2 or not readings.differing or readings.chosen:
        return []
    return [
        {
            "chosen": one.reader,
            "chosen_quoted": quote(one.reader),
            "digest": content_digest(
                ADJUDICATION, participant.code, adjudication_content(participant.code, readings.readings, one.reader)
            ),
        }
        for one in readings.readings
    ]


@requires("response.read")
def reading_new(request: HttpRequest, code: str) -> HttpResponse:
    """One lesion at one time point, by the reader who is signed in."""
    participant = participant_or_404(request, code, "response.read")
    if request.method != "POST":
        return _form(request, participant, None, {"status": "present", "role": "target"})
    cells, errors = _read(request.POST)
    taken = readings_of(participant).of(request.user.get_username())
    if taken is not None and (cells.get("timepoint", ""), cells.get("lesion_id", "")) in taken.statuses:
        errors["lesion_id"] = _("You have read this lesion at this time point; change that line.")
    if not errors:
        cells |= {"reader": request.user.get_username(), "read_at": _now()}
        try:
            record_create(request.user, TABLE, cells, participant=participant)
        except InputError as error:
            errors[""] = str(error)
    if errors:
        return _form(request, participant, None, request.POST, errors)
    messages.success(request, _("The lesion is recorded."))
    return redirect("results:response", code=code)


@requires("response.read")
def reading_edit(request: HttpRequest, code: str, pk: Any) -> HttpResponse:
    """Change a line of one's own reading; a signature on it becomes void."""
    participant = participant_or_404(request, code, "response.read")
    record = get_object_or_404(Record, pk=pk, participant=participant, table=TABLE, entered_in_error=False)
    if record.cells.get("reader") != request.user.get_username():
        raise PermissionDenied("a reading is changed by its own reader")
    if request.method != "POST":
        return _form(request, participant, record, record.cells)
    cells, errors = _read(request.POST)
    if not errors:
        cells |= {"reader": record.cells["reader"], "read_at": _now()}
        try:
            seen = int(request.POST.get("seen_version", "0") or 0)
            record_change(request.user, record, cells, seen_version=seen, reason=request.POST.get("change_reason", ""))
        except (InputError, ValueError) as error:
            errors[""] = str(error)
    if errors:
        return _form(request, participant, record, request.POST, errors)
    messages.success(request, _("The lesion is changed."))
    return redirect("results:response", code=code)


def _now() -> str:
    return timezone.now().astimezone(trial_zone()).replace(microsecond=0).isoformat()


def _timepoints() -> list[str]:
    protocol = protocol_in_force()
    rule = protocol.response.reading
    if rule is None:
        return []
    plans = [protocol.imaging.get(name) for name in (rule.imaging_baseline, rule.imaging_response)]
    return [plan.reading.timepoint for plan in plans if plan is not None and plan.reading is not None]


def _read(posted: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    cells = {name: posted.get(name, "").strip() for name in _COLUMNS}
    errors = {}
    if cells["timepoint"] not in _timepoints():
        errors["timepoint"] = _("Choose the time point.")
    if not cells["lesion_id"] or " " in cells["lesion_id"]:
        errors["lesion_id"] = _("Give the lesion a name without spaces, the same at both time points.")
    if not cells["site"]:
        errors["site"] = _("Say where it is.")
    if cells["role"] not in ROLES:
        errors["role"] = _("Choose the role.")
    if cells["status"] not in STATUSES:
        errors["status"] = _("Choose what you see.")
    if cells["status"] == "present" and not cells["region_name"]:
        errors["region_name"] = _("A lesion that is present is measured in its region: name it as it is drawn.")
    return {name: text for name, text in cells.items() if text}, errors


def _form(
    request: HttpRequest,
    participant: Participant,
    record: Record | None,
    values: Mapping[str, Any],
    errors: Mapping[str, str] | None = None,
) -> HttpResponse:
    context = {
        "participant": participant,
        "record": record,
        "values": {name: values.get(name, "") for name in (*_COLUMNS, "change_reason")},
        "errors": dict(errors or {}),
        "other_error": (errors or {}).get("", ""),
        "timepoints": _timepoints(),
        "roles": ROLES,
        "statuses": STATUSES,
        "part": "response",
    }
    return render(request, "results/reading_form.html", context, status=422 if errors else 200)


@require_POST
@requires("response.read")
def sign_reading(request: HttpRequest, code: str) -> HttpResponse:
    """Sign one's own reading."""
    participant = participant_or_404(request, code, "response.read")
    own = readings_of(participant).of(request.user.get_username())
    if own is None:
        raise Http404(code)
    try:
        sign(
            request,
            kind=READING,
            key=reading_key(participant.code, own.reader),
            content=own.content,
            meaning=Signature.Meaning.ENTERED,
            rows=own.records,
            participant=participant,
            site=participant.site,
            permission="response.read",
        )
    except (NotConfirmed, InputError) as error:
        return _page(request, participant, refusal=str(error), refused="reading", status=422)
    messages.success(request, _("Your reading is signed."))
    return redirect("results:response", code=code)


@require_POST
@requires("response.adjudicate")
def adjudicate(request: HttpRequest, code: str) -> HttpResponse:
    """Say whose reading stands, with the reason."""
    participant = participant_or_404(request, code, "response.adjudicate")
    readings = readings_of(participant)
    chosen, reason = request.GET.get("chosen", ""), request.POST.get("reason", "").strip()
    try:
        if readings.of(chosen) is None or not readings.differing:
            raise InputError(
                _("There is nothing to adjudicate: the readings do not differ, or there is no such reader.")
            )
        if not reason:
            raise InputError(_("Say why this reading stands."))
        if request.user.get_username() in {one.reader for one in readings.readings}:
            raise InputError(_("Who read the images does not adjudicate them."))
        unsigned = [one.reader for one in readings.readings if not one.signed and _is_account(one.reader)]
        if unsigned:
            raise InputError(_("Not signed yet by: %(who)s") % {"who": ", ".join(unsigned)})
        sign(
            request,
            kind=ADJUDICATION,
            key=participant.code,
            content=adjudication_content(participant.code, readings.readings, chosen),
            meaning=Signature.Meaning.APPROVED,
            statement=reason,
            rows=[record for one in readings.readings for record in one.records],
            participant=participant,
            site=participant.site,
            permission="response.adjudicate",
        )
    except (NotConfirmed, InputError) as error:
        return _page(request, participant, refusal=str(error), refused=chosen, status=422)
    messages.success(request, _("The adjudication is signed. The next computation uses it."))
    return redirect("results:response", code=code)


def _is_account(reader: str) -> bool:
    """Readers of imported readings have no account here, and cannot sign."""
    from theratrial.web.people.models import User

    return User.objects.filter(username=reader).exists()
