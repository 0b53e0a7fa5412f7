"""Why a signature is void, as people say it; the database wrote it down by table, key and act."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from theratrial.web.capture.models import Record
from theratrial.web.capture.naming import table_label
from theratrial.web.people.permissions import may

_CHANGED: Final = re.compile(
    r"(?P<entity>[a-z][a-z_]*) (?P<key>\S+) was changed \((?P<act>\S*) by (?P<who>[^()]*)\): (?P<why>.*)", re.DOTALL
)
_RECORD: Final = "capture_record"
_OTHERS: Final = {
    "studies_series": gettext_noop("An image"),
    "studies_instance": gettext_noop("An image"),
    "participants_participant": gettext_noop("The participant's entry"),
    "results_participantresultrow": gettext_noop("A computed result"),
    "results_trialresultrow": gettext_noop("A computed result"),
    "trials_protocolversion": gettext_noop("The version of the protocol"),
    "trials_trial": gettext_noop("The trial's entry"),
}
"""Database table -> what a row of it is called at the beginning of a sentence."""


@dataclass(frozen=True, slots=True)
class VoidWords:
    """The reason in the language of the page, and the history of the row for whom may see it."""

    text: str
    address: str = ""


def records_named(texts: Iterable[str]) -> dict[str, Record]:
    """Key -> record, of all that these reasons name; one query, none where they name none."""
    found = [match for text in texts if (match := _CHANGED.fullmatch(text)) is not None]
    keys = {key for one in found if one["entity"] == _RECORD and (key := _uuid(one["key"])) is not None}
    rows = Record.objects.filter(pk__in=keys).select_related("participant", "site") if keys else ()
    return {str(one.pk): one for one in rows}


def void_words(because: str, user: Any, records: Mapping[str, Record] | None = None) -> VoidWords | None:
    """What the database wrote of the change that voided a signature, in words; None for what a person wrote.

    Parameters
    ----------
    records
        `records_named` of all that a page shows; None: they are looked up.
    """
    match = _CHANGED.fullmatch(because)
    if match is None:
        return None
    known = records_named([because]) if records is None else records
    record = known.get(match["key"]) if match["entity"] == _RECORD else None
    parts = {"what": _named(match["entity"], record), "who": _isolated(match["who"]), "why": match["why"].strip()}
    text = _sentence(match["act"]) % parts
    why = f"\u2068{parts['why']}\u2069"
    whole = _("%(what)s: %(why)s") % {"what": text, "why": why} if parts["why"] else text
    return VoidWords(whole, _history(user, record))


def _sentence(act: str) -> str:
    if act == "record.entered-in-error":
        return _("%(what)s was marked as entered in error by %(who)s")
    if act in ("data.thaw", "data.unlock"):
        return _("%(what)s was opened to changes again by %(who)s")
    return _("%(what)s was changed by %(who)s")


def _named(entity: str, record: Record | None) -> str:
    if record is None:
        return _(_OTHERS[entity]) if entity in _OTHERS else _("A row on which it rests")
    of = record.participant.code if record.participant else record.cells.get("batch_id", "")
    title = {"form": table_label(record.table), "of": _isolated(of)}
    return _("“%(form)s” of %(of)s") % title if of else _("“%(form)s”") % title


def _isolated(text: str) -> str:
    """A code keeps its direction among Persian words."""
    return f"\u2068{text}\u2069" if text else ""


def _history(user: Any, record: Record | None) -> str:
    """Only who may see the row's history is led to it; others would meet a page that is not there for them."""
    if record is None or not may(user, "ledger.view", site=record.site):
        return ""
    if record.participant is not None and not may(user, "participants.view", site=record.participant.site_id):
        return ""
    return reverse("ledger:row", args=[_RECORD, str(record.pk)])


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
