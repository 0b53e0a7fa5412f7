"""Records of one participant as they stood at an instant, told by the ledger: what could be known then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from django.db.models import Min, Q

from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import Rows, rows_of
from theratrial.web.ledger.act import utc_text
from theratrial.web.ledger.chain import REDACTED
from theratrial.web.ledger.models import Event, Payload
from theratrial.web.participants.models import Participant


def participant_rows_as_of(participant: Participant, at: datetime) -> Rows:
    """Her rows and those that all share, as they stood at `at`. Three queries.

    Walks back from today: a row that was changed since is as it was before the first change after `at`; one that was
    entered since is not there. What was redacted since cannot be told and is as it is today.
    """
    return rows_of(_stood(participant, at))


def _stood(participant: Participant, at: datetime) -> Iterator[Record]:
    entity = Record._meta.db_table
    later = Event.objects.filter(
        entity=entity, effective_at__gt=utc_text(at), participant__in=(participant.code, "")
    ).order_by()
    first = dict(later.values_list("entity_id").annotate(first=Min("seq")))
    before = Payload.objects.in_bulk(list(first.values()))
    records = Record.objects.filter(Q(participant=participant) | Q(participant=None))
    for record in records.order_by("table", "sequence", "id"):
        seq = first.get(str(record.pk))
        if seq is not None and seq in before:
            old = before[seq].old
            if old is None:
                continue
            if not old.startswith(REDACTED):
                image = json.loads(old)
                record.cells, record.version = image["cells"], image["version"]
                record.entered_in_error = bool(image["entered_in_error"])
        if not record.entered_in_error:
            yield record
