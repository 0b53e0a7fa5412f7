"""What stands in the way of freezing and locking."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from theratrial.schedule.sessions import given_sessions
from theratrial.trialfolder.histories import participant_history
from theratrial.web.capture.completeness import standings
from theratrial.web.capture.models import Query, Record
from theratrial.web.capture.selectors import live_records, rows_of
from theratrial.web.ledger.models import Event, Signature
from theratrial.web.participants.models import Participant
from theratrial.web.results.models import Computation, ParticipantResultRow
from theratrial.web.trials.models import Trial
from theratrial.web.trials.selectors import protocol_in_force


@dataclass(frozen=True, slots=True)
class Blocker:
    """Something outstanding, in words."""

    kind: str
    text: str
    count: int


def blockers_of(target: Trial | Participant | Record) -> tuple[Blocker, ...]:
    """Everything outstanding; empty where the data may be locked."""
    match target:
        case Trial():
            found = _of_trial()
        case Participant():
            found = _of_participant(target)
        case _:
            found = [_queries(Query.objects.filter(record=target, state__in=("open", "answered")).count())]
            if target.incomplete:
                found.append(Blocker("incomplete", _("the record was saved with required items missing"), 1))
    return tuple(one for one in found if one is not None)


def _queries(count: int) -> Blocker | None:
    if not count:
        return None
    return Blocker("queries", ngettext("%d query is not closed", "%d queries are not closed", count) % count, count)


def _of_trial() -> list[Blocker | None]:
    waiting = Participant.objects.exclude(data_state="locked").count()
    shared = Query.objects.filter(participant=None, state__in=("open", "answered")).count()
    found: list[Blocker | None] = [_queries(shared)]
    if waiting:
        text = ngettext("%d participant is not locked", "%d participants are not locked", waiting) % waiting
        found.append(Blocker("participants", text, waiting))
    latest = _latest_computation()
    if latest is None:
        found.append(Blocker("results", _("the trial's results have not been computed"), 1))
    elif _changed_since(latest, ""):
        found.append(Blocker("results", _("records changed after the results were computed"), 1))
    return found


def _of_participant(participant: Participant) -> list[Blocker | None]:
    open_queries = Query.objects.filter(participant=participant, state__in=("open", "answered")).count()
    found = [_queries(open_queries), *_incomplete(participant), *_unsigned(participant)]
    latest = _latest_computation()
    computed = latest and ParticipantResultRow.objects.filter(computation=latest, participant=participant).exists()
    if not computed:
        found.append(Blocker("results", _("her results have not been computed"), 1))
    elif latest and _changed_since(latest, participant.code):
        found.append(Blocker("results", _("her records changed after the results were computed"), 1))
    return found


def _incomplete(participant: Participant) -> list[Blocker | None]:
    standing = standings([participant], timezone.now())[0]
    found: list[Blocker | None] = []
    if missing := standing.count("missing"):
        text = ngettext("%d expected item is missing", "%d expected items are missing", missing) % missing
        found.append(Blocker("missing", text, missing))
    if incomplete := standing.count("incomplete"):
        text = ngettext("%d form lacks required items", "%d forms lack required items", incomplete) % incomplete
        found.append(Blocker("incomplete", text, incomplete))
    return found


def _unsigned(participant: Participant) -> list[Blocker | None]:
    """Eligibility of the treated, and every gate that another session followed, need their signatures."""
    wanted = live_records().filter(participant=participant, table__in=("participants", "administrations", "batches"))
    folder = rows_of(list(wanted)).folder
    if not folder.rows("participants", participant_id=participant.code):
        return []
    given = given_sessions(protocol_in_force(), participant_history(folder, participant.code))
    sessions = [one.session for one in given]
    if not sessions:
        return []
    valid = Signature.objects.filter(participant=participant.code, kind__in=("eligibility", "gate"), voided_at=None)
    signed = set(valid.values_list("kind", "key"))
    found: list[Blocker | None] = []
    if ("eligibility", participant.code) not in signed:
        found.append(Blocker("eligibility", _("eligibility is not signed"), 1))
    passed = [number for number in sessions[:-1] if ("gate", f"{participant.code}/{number}") not in signed]
    if passed:
        text = _("the gate after session %(sessions)s is not signed") % {"sessions": ", ".join(map(str, passed))}
        found.append(Blocker("gate", text, len(passed)))
    return found


def _latest_computation() -> Computation | None:
    return Computation.objects.filter(kind="trial", state="done").order_by("-finished_at").first()


def _changed_since(computation: Computation, code: str) -> bool:
    events = Event.objects.filter(entity=Record._meta.db_table)
    events = events.filter(participant=code) if code else events
    return (events.aggregate(last=Max("seq"))["last"] or 0) > computation.ledger_seq
