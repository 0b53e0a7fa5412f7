"""What an export holds: whose records, who is left out, and where it comes from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.fields.json import KT

from theratrial.sharing.archive.packing import zip_bytes
from theratrial.trialfolder.withdrawals import data_use_withdrawn as withdrawn_of
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import live_records, rows_of
from theratrial.web.ledger.act import software_text
from theratrial.web.ledger.models import Head
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Site
from theratrial.web.people.permissions import may, sites_of
from theratrial.web.results.blinding import hidden_records
from theratrial.web.trials.selectors import the_trial


@dataclass(frozen=True, slots=True)
class Scope:
    """Participants of an export; `left_out` have withdrawn the use of their data and are only counted."""

    participants: tuple[Participant, ...]
    left_out: int
    sites: tuple[str, ...]
    batches_left_out: frozenset[str] = frozenset()
    """Batches that nobody else was given."""
    hidden: frozenset[UUID] = frozenset()
    """Lesion readings by others that whoever exports must not see before his own are signed."""

    def records(self) -> QuerySet[Record]:
        """Live rows of these participants, and those that belong to nobody (batches, calibrations)."""
        keys = [one.pk for one in self.participants]
        shared = Q(participant=None) & (Q(site=None) | Q(site__code__in=self.sites))
        hers = Q(table="batches", cells__batch_id__in=sorted(self.batches_left_out))
        found = live_records().filter(Q(participant__in=keys) | shared)
        if self.hidden:
            found = found.exclude(pk__in=self.hidden)
        return found.exclude(hers) if self.batches_left_out else found


def scope_of(user: Any, permission: str = "exports.make") -> Scope:
    """What the user may export: participants of her sites but those who withdrew the use of their data."""
    sites = Site.objects.filter(pk__in=sites_of(user, permission)).order_by("code")
    everybody = list(Participant.objects.filter(site__in=sites).select_related("site"))
    withdrawn = data_use_withdrawn()
    kept = tuple(one for one in everybody if one.code not in withdrawn)
    batches = batches_of_nobody_else(withdrawn)
    codes = tuple(site.code for site in sites)
    return Scope(kept, len(everybody) - len(kept), codes, batches, hidden_records(user).records)


def batches_of_nobody_else(codes: frozenset[str]) -> frozenset[str]:
    """A batch made for one person tells of her as much as the administration does."""
    if not codes:
        return frozenset()
    given = live_records().filter(table="administrations").values_list("participant__code", "cells__batch_id")
    users: dict[str, set[str]] = {}
    for code, batch in given:
        users.setdefault(batch, set()).add(code)
    return frozenset(batch for batch, some in users.items() if batch and some <= codes)


def data_use_withdrawn() -> frozenset[str]:
    """Codes of those who withdrew the use of their data and did not consent again later."""
    consents = Record.objects.filter(table__in=("consents", "withdrawals"), entered_in_error=False).order_by()
    told = consents.annotate(kind=KT("cells__withdrawal_kind"), at=KT("cells__withdrawn_at"))
    hers = {one for one, kind, at in told.values_list("participant_id", "kind", "at") if kind or at}
    if not hers:
        return frozenset()
    # The consents of the few who withdrew anything are read by the core; those of everybody else say nothing here.
    whose = Q(participant__in=hers - {None}) | Q(participant=None)
    lines = Record.objects.filter(whose, table__in=("consents", "withdrawals", "participants"), entered_in_error=False)
    rows = rows_of(lines).folder
    people = {row["participant_id"] for name in ("consents", "withdrawals") for row in rows.rows(name)}
    return frozenset(code for code in people if withdrawn_of(rows, code))


def everywhere(user: Any, *permissions: str) -> bool:
    """Whether the user may do all of these at every site: what covers the whole trial needs that."""
    return all(may(user, one, site=site) for one in permissions for site in Site.objects.all())


def provenance(user: Any, scope: Scope | None, now: datetime) -> dict[str, Any]:
    """Where an export comes from: who made it when, with which software, under which protocol, after which event."""
    trial, head = the_trial(), Head.objects.first()
    found: dict[str, Any] = {
        "trial": trial.trial_id,
        "virtual_participants": trial.simulated,
        "made_at": now.astimezone(UTC).isoformat(),
        "made_by": user.get_username(),
        "software": software_text(),
        "protocol_version": trial.in_force.label if trial.in_force else "",
        "protocol_sha256": trial.in_force.sha256 if trial.in_force else "",
        "ledger": {"seq": head.seq if head else 0, "hash": head.hash if head else ""},
        "data_state": trial.data_state,
    }
    if scope is not None:
        found["sites"] = list(scope.sites)
        found["participants"] = len(scope.participants)
        found["participants_left_out_because_data_use_is_withdrawn"] = scope.left_out
        found["readings_left_out_because_who_exports_has_not_signed_his_own"] = len(scope.hidden)
    return found


def json_bytes(content: Any) -> bytes:
    """JSON that people can read, the same bytes for the same content."""
    return (json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True, default=str) + "\n").encode()


def sha256(content: bytes) -> str:
    """Digest of a file."""
    return hashlib.sha256(content).hexdigest()


def tree_digest(files: Mapping[str, bytes]) -> str:
    """One digest over names and contents."""
    return sha256("".join(f"{sha256(files[name])}  {name}\n" for name in sorted(files)).encode())


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A sealed zip whose bytes depend on names and contents alone."""
    return zip_bytes(files)
