"""The investigator's endorsement of the data before they are locked: a signature on exactly these records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from django.db.models import QuerySet
from django.utils import timezone

from theratrial.web.capture.models import Query, Record
from theratrial.web.ledger.act import current_act
from theratrial.web.ledger.models import Head, Signature
from theratrial.web.ledger.signing import is_valid
from theratrial.web.trials.selectors import the_trial

KIND: Final = "data_endorsement"


def endorsed_content(key: str) -> dict[str, Any]:
    """What is signed: how many records, and one digest over every cell of them.

    Reading every cell of a large trial takes seconds, so it is done once per state of the ledger: nothing that is
    digested changes without an event.
    """
    head = Head.objects.first()
    if head is None or not head.seq:
        return _digested(key)
    return dict(_remembered(key, head.seq, head.hash))


@lru_cache(maxsize=32)
def _remembered(key: str, seq: int, head_hash: str) -> dict[str, Any]:
    return _digested(key)


def _digested(key: str) -> dict[str, Any]:
    records = _records(key)
    trial = the_trial()
    digest = hashlib.sha256()
    count = 0
    values = records.order_by("pk").values_list("pk", "version", "entered_in_error", "table", "cells")
    for count, (pk, version, in_error, table, cells) in enumerate(values.iterator(chunk_size=2000), start=1):  # noqa: B007
        line = [str(pk), version, in_error, table, sorted(cells.items())]
        digest.update(json.dumps(line, ensure_ascii=False).encode() + b"\n")
    return {
        "target": key,
        "trial": trial.trial_id,
        "protocol_sha256": trial.in_force.sha256 if trial.in_force else "",
        "records": count,
        "records_sha256": digest.hexdigest(),
        "queries": _queries(key).count(),
    }


def endorsement_in_force(key: str) -> Signature | None:
    """The valid endorsement of the data as they are now."""
    latest = Signature.objects.filter(kind=KIND, key=key, voided_at=None).order_by("-signed_at", "-pk").first()
    return latest if latest is not None and is_valid(latest, endorsed_content(key)) else None


def endorsements_of(key: str) -> QuerySet[Signature]:
    """All endorsements, the voided ones too: nothing that was signed disappears."""
    return Signature.objects.filter(kind=KIND, key=key).order_by("-signed_at", "-pk")


def endorsements_voided(keys: Iterable[str], because: str) -> int:
    """Void the endorsements of data that are open again; they stay to be seen, with the reason."""
    opened = current_act()
    assert opened is not None, "voiding is part of an act"
    return Signature.objects.filter(kind=KIND, key__in=list(keys), voided_at=None).update(
        voided_at=timezone.now(), voided_because=because
    )


def _records(key: str) -> QuerySet[Record]:
    kind, _sep, code = key.partition(":")
    return Record.objects.all() if kind == "trial" else Record.objects.filter(participant__code=code)


def _queries(key: str) -> QuerySet[Query]:
    kind, _sep, code = key.partition(":")
    return Query.objects.all() if kind == "trial" else Query.objects.filter(participant__code=code)
