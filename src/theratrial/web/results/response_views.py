"""Response: lesions by reader, agreement, adjudication, the computed category."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from theratrial.errors import InputError
from theratrial.forms import FormDefinition
from theratrial.web.access import may, participant_or_404, requires
from theratrial.web.capture import forms
from theratrial.web.capture.form_page import Setting, form_page
from theratrial.web.capture.forms import Filling, Place
from theratrial.web.capture.listing import Listing, choice_text, listing
from theratrial.web.capture.models import Record
from theratrial.web.capture.services import record_create
from theratrial.web.capture.value_words import value_words
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Signature
from theratrial.web.ledger.signing import NotConfirmed, content_digest, sign, signer_confirmed
from theratrial.web.participants.models import Participant
from theratrial.web.results import selectors
from theratrial.web.results.blinding import hidden_records
from theratrial.web.results.criteria_shown import criteria_shown
from theratrial.web.results.reading import (
    ADJUDICATED,
    ADJUDICATIONS,
    FURTHER,
    MEASUREMENTS,
    READING,
    TABLE,
    Reading,
    Readings,
    adjudication_content,
    reading_key,
    readings_of,
)
from theratrial.web.results.side_by_side import side_by_side, state_text
from theratrial.web.trials.selectors import protocol_in_force, trial_zone


@dataclass(frozen=True, slots=True)
class ShownReading:
    """A reading and its lines under the items of the protocol's forms."""

    reading: Reading
    listing: Listing | None
    """Lines of the PET; None where she read none."""
    further: tuple[tuple[str, Listing], ...]
    """(title of the form, lines): diameters and classes."""


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
        further = tuple(record for record in one.further if record.pk not in hidden)
        partly += len(records) + len(further) < len(one.lines)
        if records or further:
            seen.append(replace(one, records=records, further=further))
    return seen, partly


def _page(
    request: HttpRequest, participant: Participant, *, refusal: str = "", refused: str = "", status: int = 200
) -> HttpResponse:
    readings = readings_of(participant)
    seen, hidden = may_see(request, participant, readings)
    blind = hidden > 0
    row = selectors.latest_result(participant)
    rule = protocol_in_force().response.reading
    definition = _definition()
    adjudicates = may(request.user, "response.adjudicate", site=participant.site)
    reads = may(request.user, "response.read", site=participant.site)
    own = readings.of(request.user.get_username()) if reads else None
    if blind:
        # Imported diameters and classes are hidden from nobody, but need not stand beside a reading under way.
        seen = [one if own and one.reader == own.reader else replace(one, further=()) for one in seen]
        seen = [one for one in seen if one.lines]
    outcome = None if row is None or blind else row.content.get("response")
    context: dict[str, Any] = {
        "participant": participant,
        "readings": _shown(definition, seen),
        "formless": definition is None,
        "all_readings": readings,
        "hidden": hidden,
        "blind": blind,
        "own": own,
        "open_before": any(record.source != "form" for one in seen if one != own for record in one.lines),
        "may_read": reads,
        "outcome": outcome,
        "outcome_lesions": _lesions(definition, outcome),
        "criteria": [] if row is None or blind else criteria_shown(row.content),
        "differing": [
            (choice_text(definition, "timepoint", timepoint) if definition else timepoint, lesion)
            for timepoint, lesion in readings.differing
        ],
        "row": row,
        "age": selectors.age_of(row, participant),
        "rule": rule,
        "refusal": refusal,
        "refused": refused,
        "typed_reason": request.POST.get("reason", ""),
        "adjudication_forms": _adjudication_forms(participant, readings) if adjudicates and not blind else [],
        "adjudications": []
        if blind
        else [(one, *given) for one in ADJUDICATED for given in readings.compared(one).adjudications],
        "lengths_differ": [] if blind else readings.measurements.differing,
        "side_by_side": {}
        if blind
        else {one: side_by_side(readings.compared(one), _definition(one)) for one in ADJUDICATED},
        "part": "response",
    }
    return render(request, "results/response.html", context, status=status)


def _definition(table: str = TABLE) -> FormDefinition | None:
    try:
        return forms.definition_of(forms.form_over(table))
    except InputError:
        return None


def _shown(definition: FormDefinition | None, readings: Iterable[Reading]) -> list[ShownReading]:
    words = value_words(protocol_in_force())
    further = {name: form for name in FURTHER if (form := _definition(name)) is not None}

    def tables(one: Reading) -> Iterable[tuple[str, Listing]]:
        for name, form in further.items():
            if records := [record for record in one.further if record.table == name]:
                yield form.title, listing(form, records, words, without=("reader",))

    return [
        ShownReading(
            one,
            listing(definition, one.records, words, without=("reader",)) if definition and one.records else None,
            tuple(tables(one)),
        )
        for one in readings
    ]


def _lesions(definition: FormDefinition | None, outcome: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The computed lesions, their roles and states in the words of the form."""
    pairs = (
        ("role_text", "role", "role"),
        ("baseline_text", "status", "status_baseline"),
        ("response_text", "status", "status_response"),
    )
    return [
        one | {name: state_text(definition, column, str(one.get(key) or "")) for name, column, key in pairs}
        for one in (outcome or {}).get("lesions", ())
    ]


def _adjudication_forms(participant: Participant, readings: Readings) -> list[dict[str, Any]]:
    found = []
    for table, kind in ADJUDICATED.items():
        compared = readings.compared(table)
        if len(compared.readings) < 2 or not compared.differing or compared.chosen:
            continue
        for one in compared.readings:
            content = adjudication_content(participant.code, compared.readings, one.reader, table)
            found.append(
                {
                    "table": table,
                    "kind": kind,
                    "of_lengths": table == MEASUREMENTS,
                    "chosen": one.reader,
                    "asked": f"?chosen={quote(one.reader)}" + ("" if table == TABLE else f"&of={table}"),
                    "key": f"{table}:{one.reader}",
                    "digest": content_digest(kind, participant.code, content),
                }
            )
    return found


@requires("response.read")
def reading_new(request: HttpRequest, code: str) -> HttpResponse:
    """One lesion at one time point, by the reader who is signed in."""
    participant = participant_or_404(request, code, "response.read")
    try:
        form = forms.form_over(TABLE)
    except InputError as none:
        raise Http404(str(none)) from none
    return form_page(request, Place(form, participant, participant.site), None, _setting(request, participant, None))


@requires("response.read")
def reading_edit(request: HttpRequest, code: str, pk: Any) -> HttpResponse:
    """Change a line of one's own reading; a signature on it becomes void."""
    participant = participant_or_404(request, code, "response.read")
    record = get_object_or_404(Record, pk=pk, participant=participant, table=TABLE, entered_in_error=False)
    if record.cells.get("reader") != request.user.get_username():
        raise PermissionDenied("a reading is changed by its own reader")
    form = forms.form_of(Filling(record.group, (record,)))
    place = Place(form, participant, participant.site)
    return form_page(request, place, record.group, _setting(request, participant, record))


def _setting(request: HttpRequest, participant: Participant, record: Record | None) -> Setting:
    now = timezone.now().astimezone(trial_zone()).replace(microsecond=0).isoformat()
    return Setting(
        template="results/reading_form.html",
        back=reverse("results:response", args=[participant.code]),
        context={"record": record, "part": "response"},
        starts_with={"status": "present", "role": "target"},
        written={"reader": request.user.get_username(), "read_at": now},
        said={"repeated": _("You have read this lesion at this time point; change that line.")},
    )


@require_POST
@requires("response.read")
def sign_reading(request: HttpRequest, code: str) -> HttpResponse:
    """Sign one's own reading."""
    participant = participant_or_404(request, code, "response.read")
    own = readings_of(participant).of(request.user.get_username())
    if own is None:
        raise Http404(code)
    try:
        if any(one.incomplete for one in own.lines):
            raise InputError(_("A line of your reading is incomplete; complete it before you sign."))
        sign(
            request,
            kind=READING,
            key=reading_key(participant.code, own.reader),
            content=own.content,
            meaning=Signature.Meaning.ENTERED,
            rows=own.lines,
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
    """Say whose reading stands, of the PET or of the diameters on CT or MRI, with the reason."""
    participant = participant_or_404(request, code, "response.adjudicate")
    readings = readings_of(participant)
    table = request.GET.get("of", TABLE)
    if table not in ADJUDICATED:
        raise Http404(table)
    compared = readings.compared(table)
    chosen, reason = request.GET.get("chosen", ""), request.POST.get("reason", "").strip()
    try:
        if chosen not in {one.reader for one in compared.readings} or not compared.differing:
            raise InputError(
                _("There is nothing to adjudicate: the readings do not differ, or there is no such reader.")
            )
        if not reason:
            raise InputError(_("Say why this reading stands."))
        if request.user.get_username() in {one.reader for one in readings.readings}:
            raise InputError(_("Who read the images does not adjudicate them."))
        unsigned = [one.reader for one in compared.readings if not one.signed and _is_account(one.reader)]
        if unsigned:
            raise InputError(_("Not signed yet by: %(who)s") % {"who": ", ".join(unsigned)})
        signer_confirmed(request)
        with act(request.user, "response.adjudicate", reason=reason):
            line = record_create(
                request.user,
                ADJUDICATIONS,
                {
                    "adjudicated_at": timezone.now().astimezone(trial_zone()).isoformat(timespec="seconds"),
                    "adjudicator": request.user.get_username(),
                    "chosen_reader": chosen,
                    "reason": reason,
                    "of_table": table,
                },
                participant=participant,
                action="response.adjudicate",
            )
            sign(
                request,
                kind=ADJUDICATED[table],
                key=participant.code,
                content=adjudication_content(participant.code, compared.readings, chosen, table),
                meaning=Signature.Meaning.APPROVED,
                statement=reason,
                rows=[line, *(record for one in compared.readings for record in one.of_table(table))],
                participant=participant,
                site=participant.site,
                permission="response.adjudicate",
            )
    except (NotConfirmed, InputError) as error:
        return _page(request, participant, refusal=str(error), refused=f"{table}:{chosen}", status=422)
    messages.success(request, _("The adjudication is signed. The next computation uses it."))
    return redirect("results:response", code=code)


def _is_account(reader: str) -> bool:
    """Readers of imported readings have no account here, and cannot sign."""
    from theratrial.web.people.models import User

    return User.objects.filter(username=reader).exists()
