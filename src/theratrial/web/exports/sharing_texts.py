"""Typed texts that a person reads before they are shared: one decision for each, in the ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.sharing.tables.values import WithheldText
from theratrial.web.exports.models import SharingDecision
from theratrial.web.ledger.act import act

DECIDED = "release.text"


@dataclass(frozen=True, slots=True)
class TextShown:
    """A typed text with what was decided of it; without a decision it is withheld."""

    text: WithheldText
    digest: str
    decision: SharingDecision | None

    @property
    def allowed(self) -> bool:
        """Whether it is shared."""
        return self.decision is not None and self.decision.allowed


def text_digest(table: str, column: str, value: str) -> str:
    """Of a text in its place: a comment that is harmless in one column is not allowed in another."""
    return hashlib.sha256("\x00".join((table, column, value)).encode()).hexdigest()


def texts_shown(texts: Iterable[WithheldText]) -> list[TextShown]:
    """The texts with their decisions, in the order of the tables: a decision moves none of them away."""
    decided = {one.digest: one for one in SharingDecision.objects.filter(kind="text")}
    shown = []
    for one in texts:
        digest = text_digest(one.table, one.column, one.value)
        shown.append(TextShown(one, digest, decided.get(digest)))
    return shown


def allowed_texts(texts: Iterable[WithheldText]) -> frozenset[tuple[str, str, str]]:
    """(table, column, value) of those that a person allowed."""
    return frozenset((one.text.table, one.text.column, one.text.value) for one in texts_shown(texts) if one.allowed)


def text_decided(user: Any, texts: Iterable[WithheldText], digest: str, *, allowed: bool) -> None:
    """Allow or withhold a text.

    Raises
    ------
    InputError
        There is no such text in the latest computation.
    """
    if digest not in {text_digest(one.table, one.column, one.value) for one in texts}:
        raise InputError(_("This text is no longer in the data; look at the list again."))
    with act(user, DECIDED):
        found = SharingDecision.objects.filter(kind="text", digest=digest).first()
        if found is not None and found.allowed == allowed:
            return
        found = found or SharingDecision(kind="text", digest=digest)
        found.allowed, found.decided_by, found.decided_at = allowed, user.get_username(), timezone.now()
        found.save()
