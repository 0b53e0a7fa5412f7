"""What changed in the data since a computation, participant by participant: one count for every page that tells it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Final

from django.db.models import BigIntegerField, Case, Count, F, QuerySet, Value, When
from django.db.models.fields.json import KT

from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import live_records
from theratrial.web.ledger.models import Event
from theratrial.web.studies.models import Series
from theratrial.web.trials.models import ProtocolVersion

INPUTS: Final = tuple(model._meta.db_table for model in (Record, Series, ProtocolVersion))
"""Tables whose changes can change a result."""


def changes_by_participant(computed_at: Mapping[str, int]) -> dict[str, int]:
    """Code -> changes that can move her result since it was computed; at most four queries for any number of people.

    Changes of her own records and images, and of what all share (cameras, the protocol). Of the batches only those
    that she was given: the delivery of another changes nothing of hers.

    Parameters
    ----------
    computed_at
        Code -> number of the last event of the ledger that her result includes.
    """
    if not computed_at:
        return {}
    since = min(computed_at.values())
    events = Event.objects.filter(seq__gt=since, entity__in=INPUTS).order_by()
    found = _own(events, computed_at, since)
    shared = list(events.filter(participant="").values_list("seq", "entity", "entity_id"))
    if not shared:
        return found
    batches = _batches({key for _seq, entity, key in shared if entity == Record._meta.db_table})
    given: dict[str, set[str]] = _given(computed_at) if batches else {}
    for code, seen in computed_at.items():
        own = given.get(code, set())
        found[code] += sum(seq > seen and (key not in batches or batches[key] in own) for seq, _entity, key in shared)
    return found


def _own(events: QuerySet[Event], computed_at: Mapping[str, int], since: int) -> dict[str, int]:
    """Changes of what is a participant's own."""
    later = [When(participant=code, then=Value(seq)) for code, seq in computed_at.items() if seq > since]
    wanted = events.filter(participant__in=list(computed_at))
    if later:
        seen = Case(*later, default=Value(since), output_field=BigIntegerField())
        wanted = wanted.annotate(seen=seen).filter(seq__gt=F("seen"))
    counted = Counter(dict(wanted.values_list("participant").annotate(n=Count("pk"))))
    return {code: counted[code] for code in computed_at}


def _batches(keys: set[str]) -> dict[str, str]:
    """Row's key in the ledger -> number of the batch, of those that are batches."""
    rows = Record.objects.filter(table="batches", pk__in=keys).order_by() if keys else Record.objects.none()
    return {str(pk): batch or "" for pk, batch in rows.values_list("pk", KT("cells__batch_id"))}


def _given(codes: Mapping[str, int]) -> dict[str, set[str]]:
    """Code -> numbers of the batches that she was given."""
    found: dict[str, set[str]] = defaultdict(set)
    rows = live_records().filter(table="administrations", participant__code__in=list(codes)).order_by()
    for code, batch in rows.values_list("participant__code", KT("cells__batch_id")):
        found[code].add(batch or "")
    return found
