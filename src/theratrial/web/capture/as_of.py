"""Records of one participant as they stood at an instant, told by the ledger: what could be known then."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.db.models import Min, Q, QuerySet

from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import Rows, rows_of
from theratrial.web.ledger.act import utc_text
from theratrial.web.ledger.chain import REDACTED
from theratrial.web.ledger.models import Event, Payload
from theratrial.web.participants.models import Participant


def participant_rows_as_of(participant: Participant, at: datetime) -> Rows:
    """Her rows, her batches and the calibrations, as they stood at `at`. Seven queries at most.

    Walks back from today: a row that was changed since is as it was before the first change after `at`; one that was
    entered since is not there. What was redacted since cannot be told and is as it is today.
    """
    today = list(_in_order(Record.objects.filter(participant=participant)))
    batches = _batches(today)
    then = list(_stood(today, at))
    # A number that was corrected since: the batch that she had been given by what was known then.
    batches |= _batches(then)
    shared = Q(participant=None) & (~Q(table="batches") | Q(cells__batch_id__in=sorted(batches)))
    return rows_of([*then, *_stood(list(_in_order(Record.objects.filter(shared))), at)])


def _in_order(records: QuerySet[Record]) -> QuerySet[Record]:
    return records.order_by("table", "sequence", "id")


def _batches(records: Iterable[Record]) -> set[str]:
    """Numbers of the batches in administrations."""
    given = (one.cells.get("batch_id", "") for one in records if one.table == "administrations")
    return {batch for batch in given if batch}


def _stood(records: Sequence[Record], at: datetime) -> Iterator[Record]:
    """These rows as they stood; two queries for a thousand of them."""
    first: dict[str, int] = {}
    keys = [str(one.pk) for one in records]
    for start in range(0, len(keys), 1000):
        later = Event.objects.filter(
            entity=Record._meta.db_table, entity_id__in=keys[start : start + 1000], effective_at__gt=utc_text(at)
        ).order_by()
        first |= dict(later.values_list("entity_id").annotate(first=Min("seq")))
    before = Payload.objects.in_bulk(list(first.values()))
    for record in records:
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
