"""Pages of the schedule: one participant's visits, the to-do list, the calendar, worksheets."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.web.access import may, participant_or_404, requires
from theratrial.web.participants import months, schedule
from theratrial.web.participants.models import Participant
from theratrial.web.participants.plan import plan_of
from theratrial.web.participants.selectors import trial_now
from theratrial.web.participants.standing import Planned, standing
from theratrial.web.people.permissions import matrix
from theratrial.web.trials.selectors import protocol_in_force, the_trial


@requires("participants.view")
def schedule_page(request: HttpRequest, code: str) -> HttpResponse:
    """Visits and images with their windows and how they stand."""
    participant = participant_or_404(request, code, "participants.view")
    one, now = standing(participant), trial_now()
    visits = protocol_in_force().schedule
    context = {
        "participant": participant,
        "lines": plan_of(one, now),
        "sessions": [(planned, planned.status(now)) for planned in one.planned if planned.kind == "session"],
        "sheets": [key for key, clause in visits.items() if clause.reading is not None],
        "may_enter": may(request.user, "records.enter", site=participant.site) and participant.data_state == "open",
        "now": now,
    }
    return render(request, "participants/schedule.html", context)


def _planned(participant: Participant, kind: str, thing: str, session: int) -> Planned:
    for one in standing(participant).planned:
        if (one.kind, one.id, one.session or 0) == (kind, thing, session):
            return one
    raise Http404(thing)


@requires("records.enter")
def visit_record(request: HttpRequest, code: str, kind: str, thing: str, session: int) -> HttpResponse:
    """Record a visit or an image as done or missed."""
    participant = participant_or_404(request, code, "records.enter")
    planned = _planned(participant, kind, thing, session)
    known = schedule.visit_record(participant, planned.id, planned.session)
    values, refusal = request.POST.dict(), ""
    if request.method == "POST":
        try:
            record = schedule.visit_recorded(
                request.user, participant, planned, values, late=values.get("late") == "yes"
            )
        except InputError as error:
            refusal = str(error)
        else:
            if record.queries.filter(state="open", rule__startswith="schedule:").exists():
                messages.warning(request, _("Recorded. Queries were raised; look at them."))
            else:
                messages.success(request, _("Recorded."))
            return redirect("participants:schedule", code=code)
    elif known is not None:
        values = {
            "status": known.cells.get("status", ""),
            "on": known.cells.get("occurred_on", ""),
            "reason": known.cells.get("reason", ""),
        }
    line = next(one for one in plan_of(standing(participant), trial_now()) if one.planned == planned)
    context = {
        "participant": participant, "line": line, "known": known, "values": values, "refusal": refusal,
        "day_help": _("Gregorian or Jalali: 2022-03-05 or 1400/12/14."),
    }  # fmt: skip
    return render(request, "participants/visit.html", context, status=422 if refusal else 200)


@requires("participants.view")
def to_do(request: HttpRequest) -> HttpResponse:
    """What is due or overdue now, across participants."""
    role = request.GET.get("role", "")
    found = schedule.tasks(request.user, role=role)
    unsigned = schedule.to_sign_anew(request.user) if role in ("", "coordinator") else []
    page = Paginator(found, 100).get_page(request.GET.get("page"))
    roles = [(key, matrix().roles[key].label) for key in ("coordinator", "nuclear_medicine_physician")]
    overdue = sum(1 for one in found if one.days < 0)
    context = {
        "page": page, "role": role, "roles": roles, "overdue": overdue, "due": len(found) - overdue,
        "unsigned": unsigned, "the_trial": the_trial(),
        "query": f"role={role}", "now": trial_now(),
    }  # fmt: skip
    return render(request, "participants/to_do.html", context)


@requires("participants.view")
def calendar(request: HttpRequest) -> HttpResponse:
    """A month of all participants of the user's sites, of the calendar she chose; the other is one click away."""
    today = trial_now().date()
    calendar_of_hers = getattr(request.user, "calendar", months.GREGORIAN)
    chosen = months.month_asked(request.GET.get("month", ""), today=today, calendar=calendar_of_hers)
    jalali = chosen.calendar == months.JALALI
    saturday_first = jalali or (get_language() or "en").startswith("fa")
    weeks = schedule.month(request.user, chosen, saturday_first=saturday_first)
    context = {
        "weeks": weeks,
        "month": chosen,
        "jalali": jalali,
        "previous": months.month_of(chosen.first - timedelta(days=1), chosen.calendar).key,
        "current": months.month_of(today, chosen.calendar).key,
        "next": months.month_of(chosen.last + timedelta(days=1), chosen.calendar).key,
        "other": months.other_calendar(chosen, today),
        "empty": not any(day.entries for week in weeks for day in week),
    }
    return render(request, "participants/calendar.html", context)


def _sheet(request: HttpRequest, visit: str, participant: Participant | None, planned: Planned | None) -> HttpResponse:
    try:
        sheet = schedule.worksheet(visit, planned)
    except InputError as error:
        raise Http404(str(error)) from None
    context = {"participant": participant, "sheet": sheet, "planned": planned, "now": trial_now(), "blank": range(3)}
    return render(request, "participants/worksheet.html", context)


@requires("participants.view")
def worksheet(request: HttpRequest, code: str, visit: str, session: int) -> HttpResponse:
    """The paper of a participant's visit."""
    participant = participant_or_404(request, code, "participants.view")
    planned = next(
        (
            one
            for one in standing(participant).planned
            if (one.kind, one.id, one.session or 0) == ("visit", visit, session)
        ),
        None,
    )
    return _sheet(request, visit, participant, planned)


@requires("participants.view")
def blank_worksheet(request: HttpRequest, visit: str) -> HttpResponse:
    """The paper of a visit without a participant, to be kept in a drawer."""
    return _sheet(request, visit, None, None)
