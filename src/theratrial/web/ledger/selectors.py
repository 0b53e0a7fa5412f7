"""The ledger, read: what a user may see of it, what changed in an event, what a row was at an instant."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.apps import apps
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from theratrial.web.access import may, sites_of
from theratrial.web.ledger.act import utc_text
from theratrial.web.ledger.chain import REDACTED
from theratrial.web.ledger.models import Event, Head, Payload
from theratrial.web.people.models import Site

BLINDED: Final = frozenset({"results_trialresultrow", "results_participantresultrow"})
"""Tables whose rows tell the endpoint; hidden from whom the protocol does not allow to see it."""
_SHARED: Final = ("capture_", "trials_", "studies_", "results_")
_OF_PEOPLE: Final = ("people_", "otp_")
_TECHNICAL: Final = frozenset({"id", "sequence", "group"})


@dataclass(frozen=True, slots=True)
class Change:
    """One field of one event; None is a value that is missing."""

    field: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class Shown:
    """An event as it is shown to one user."""

    event: Event
    changes: tuple[Change, ...]
    hidden: str = ""
    """Why its content is not shown: ``blinded``, ``redacted``, ``not known``."""
    about: str = ""
    """Record table of a record: ``laboratory``."""


def _starting(prefixes: Iterable[str]) -> Q:
    found = Q()
    for prefix in prefixes:
        found |= Q(entity__startswith=prefix)
    return found


def visible_events(user: Any) -> QuerySet[Event]:
    """Events that `user` may see.

    Those of participants at sites where she may read the ledger and participants; those of a site; what all sites
    share (batches, protocol); her own; everything without a site only for who reads the ledger at every site. Events
    about people need the right to see people. A reader sees nothing of lesion readings that are hidden from him.
    """
    from theratrial.web.results.blinding import hidden_events, hidden_records

    ledger_sites = set(sites_of(user, "ledger.view"))
    codes = dict(Site.objects.values_list("pk", "code"))
    at_sites = [codes[pk] for pk in ledger_sites]
    of_participants = [codes[pk] for pk in ledger_sites & set(sites_of(user, "participants.view"))]
    allowed = Q(site__in=of_participants) & ~Q(participant="") | Q(site__in=at_sites, participant="")
    shared = Q(site="", participant="")
    allowed |= shared if set(codes) == ledger_sites else shared & _starting(_SHARED)
    if not may(user, "people.view"):
        allowed &= ~_starting(_OF_PEOPLE)
    found = Event.objects.filter(allowed | Q(actor=user.get_username(), participant=""))
    hidden = hidden_records(user)
    return found.exclude(hidden_events(hidden, user.get_username())) if hidden else found


def flattened(image: Mapping[str, Any] | None) -> dict[str, Any]:
    """A row as field -> value; the cells of a record and other nested values by dotted names."""
    found: dict[str, Any] = {}
    for name, value in (image or {}).items():
        if isinstance(value, Mapping):
            found.update({f"{name}.{inner}": one for inner, one in flattened(value).items()})
        else:
            found[name] = value
    return found


def changes_between(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> tuple[Change, ...]:
    """Every field in which two rows differ, in the order of the row; of a first entry what has a value."""
    before, after = flattened(old), flattened(new)
    if old is None:
        after = {name: value for name, value in after.items() if value not in (None, "", False, [])}
    names = list(dict.fromkeys((*after, *before)))
    return tuple(
        Change(name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name) and name not in _TECHNICAL
    )


def shown_events(user: Any, events: Iterable[Event]) -> list[Shown]:
    """Events with what changed in them, as `user` may see it. One query."""
    listed = list(events)
    payloads = Payload.objects.in_bulk([event.seq for event in listed])
    endpoint = may(user, "endpoint.view")
    return [_shown(event, payloads.get(event.seq), endpoint) for event in listed]


def _shown(event: Event, payload: Payload | None, endpoint: bool) -> Shown:
    if event.entity in BLINDED and not endpoint:
        return Shown(event, (), "blinded")
    if payload is None:
        return Shown(event, (), "not known")
    if any(text is not None and text.startswith(REDACTED) for text in (payload.old, payload.new)):
        return Shown(event, (), "redacted")
    old, new = (None if text is None else json.loads(text) for text in (payload.old, payload.new))
    about = (new or old or {}).get("table", "")
    return Shown(event, changes_between(old, new), about=str(about))


def field_matches(name: str, wanted: str) -> bool:
    """Whether a flattened name is the field asked for: ``cells.anc`` is asked for as ``anc`` too."""
    return name == wanted or name == f"cells.{wanted}" or name.startswith(f"entered.{wanted}.")


def row_history(user: Any, entity: str, entity_id: str, field: str = "") -> list[Shown]:
    """What happened to a row, or to one field of it, oldest first. Two queries and the rights."""
    found = shown_events(user, visible_events(user).filter(entity=entity, entity_id=entity_id).order_by("seq")[:2000])
    if not field:
        return found
    made = []
    for one in found:
        of_field = tuple(change for change in one.changes if field_matches(change.field, field))
        if of_field or one.hidden:
            made.append(Shown(one.event, of_field, one.hidden))
    return made


@dataclass(frozen=True, slots=True)
class PastRow:
    """A record as it was at an instant."""

    entity_id: str
    participant: str
    cells: dict[str, Any] | None
    """None: redacted."""
    version: int
    entered_in_error: bool


def now_of_ledger() -> datetime:
    """Now, but never before the last event: with a clock set back, now must not hide what was entered already."""
    head = Head.objects.first()
    last = datetime.fromisoformat(head.effective_at) if head is not None and head.effective_at else timezone.now()
    return max(timezone.now(), last)


def records_as_of(user: Any, at: datetime, table: str, participant: str = "", *, limit: int = 0) -> list[PastRow]:
    """Records of a table as they stood at an instant, from the ledger alone, in the order of the exported file.

    What was entered later is not there; what was changed later is as it was.

    Parameters
    ----------
    limit
        The first so many are enough; 0: all of them.
    """
    # Clinical days lie mostly before the first entry: then there is nothing to look through.
    if not Event.objects.filter(effective_at__lte=utc_text(at)).exists():
        return []
    events = visible_events(user).filter(entity="capture_record", effective_at__lte=utc_text(at))
    if participant:
        events = events.filter(participant=participant)
    if limit:
        found = _first_as_of(events, table, participant, limit)
        if found is not None:
            return found
    return _as_of(events, table)


def _first_as_of(events: QuerySet[Event], table: str, participant: str, limit: int) -> list[PastRow] | None:
    """The first rows, looked for among the first records of today; None where they are not among these.

    A record keeps its place in its table, so the first of an earlier instant are among the first of now, unless
    the instant is long ago.
    """
    records = apps.get_model("capture", "Record").objects.filter(table=table).order_by("sequence", "id")
    if participant:
        records = records.filter(participant__code=participant)
    ids = [str(pk) for pk in records.values_list("pk", flat=True)[: 4 * limit]]
    # Mostly the first of now stood then as well; more are looked at only where one of them did not.
    found = _as_of(events.filter(entity_id__in=ids[:limit]), table)
    if len(found) < limit < len(ids):
        found = _as_of(events.filter(entity_id__in=ids), table)
    return found[:limit] if len(found) >= limit or len(ids) < 4 * limit else None


def _as_of(events: QuerySet[Event], table: str) -> list[PastRow]:
    last = events.values("entity_id").annotate(last=Max("seq")).values("last")
    # Cheap first look; the row itself decides below.
    payloads = Payload.objects.filter(seq__in=last).filter(
        Q(new__contains=f'"table":"{table}"') | Q(new__contains=f'"table": "{table}"') | Q(new__startswith=REDACTED)
    )
    rows = {payload.seq: payload.new for payload in payloads}
    found = []
    whose = Event.objects.filter(seq__in=list(rows)).order_by().values_list("seq", "entity_id", "participant")
    for seq, entity_id, participant in whose:
        text = rows[seq]
        if text is None or text.startswith(REDACTED):
            found.append((0, PastRow(entity_id, participant, None, 0, False)))
            continue
        image = json.loads(text)
        if image["table"] == table:
            row = PastRow(entity_id, participant, image["cells"], image["version"], image["entered_in_error"])
            found.append((image["sequence"], row))
    return [row for _sequence, row in sorted(found, key=lambda pair: (pair[0], pair[1].entity_id))]
