"""Which sessions' images are not those that a computation saw."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from theratrial.web.ledger.act import utc_text
from theratrial.web.ledger.chain import REDACTED
from theratrial.web.ledger.models import Event, Payload
from theratrial.web.studies.models import Instance, Series

_SERIES, _INSTANCE = Series._meta.db_table, Instance._meta.db_table
_DECIDES: Final = ("participant_id", "session", "imaging", "part", "state", "acquired_at", "header")
"""Columns of a series that decide what is computed from it."""


def sessions_with_changed_images(computed: Mapping[int, int], *, until: datetime | None = None) -> dict[int, set[int]]:
    """Participant -> sessions of which an image was received, moved, changed or set aside after a computation.

    Read from the ledger, which also knows whose an image was before it was moved. At most three queries.

    Parameters
    ----------
    computed
        Participant -> last event that her latest computation holds.
    until
        Changes up to this instant; None: up to now.
    """
    found: dict[int, set[int]] = defaultdict(set)
    if not computed:
        return found
    changed = Event.objects.filter(seq__gt=min(computed.values()), entity__in=(_SERIES, _INSTANCE))
    if until is not None:
        changed = changed.filter(effective_at__lte=utc_text(until))
    events = list(changed.values_list("seq", "entity"))
    if not events:
        return found
    payloads = Payload.objects.in_bulk([seq for seq, entity in events if entity == _SERIES])
    for seq, payload in payloads.items():
        for participant, session in _places(payload.old, payload.new):
            if seq > computed.get(participant, seq):
                found[participant].add(session)
    for seq, participant, session in _files_added([seq for seq, entity in events if entity == _INSTANCE]):
        if seq > computed.get(participant, seq):
            found[participant].add(session)
    return found


def _places(old: str | None, new: str | None) -> Iterator[tuple[int, int]]:
    """(participant, session) where a series stood before or stands after a change that matters."""
    rows = [_row(text) for text in (old, new)]
    if all(row is not None for row in rows) and all(rows[0].get(n) == rows[1].get(n) for n in _DECIDES):  # type: ignore[union-attr]
        return
    for row in rows:
        if row and row.get("state") == "matched" and row.get("participant_id") and row.get("session"):
            yield row["participant_id"], row["session"]


def _row(text: str | None) -> dict[str, Any] | None:
    if text is None or text.startswith(REDACTED):
        return None
    found: dict[str, Any] = json.loads(text)
    return found


def _files_added(seqs: list[int]) -> Iterator[tuple[int, int, int]]:
    """(event, participant, session) of files that a matched series got or lost."""
    if not seqs:
        return
    keys = dict(Event.objects.filter(seq__in=seqs).values_list("seq", "entity_id"))
    rows = Instance.objects.filter(pk__in=set(keys.values()), series__state="matched", series__session__isnull=False)
    places = {
        str(pk): (participant, session)
        for pk, participant, session in rows.values_list("pk", "series__participant_id", "series__session")
    }
    for seq, key in keys.items():
        participant, session = places.get(key, (None, None))
        if participant is not None and session is not None:
            yield seq, participant, session
