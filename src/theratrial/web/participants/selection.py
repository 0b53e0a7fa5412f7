"""The selection read: by the signed-in reader, beside the image, stored as a row and signed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.protocol.expressions import Truth, condition
from theratrial.protocol.schema import SelectionRead
from theratrial.protocol.vocabulary import SELECTION_FACTS, fact_types
from theratrial.web.capture.models import Record
from theratrial.web.capture.services import record_create
from theratrial.web.ledger.models import Signature
from theratrial.web.ledger.signing import sign, signatures_of
from theratrial.web.participants.guards import consent_needed
from theratrial.web.participants.models import Participant
from theratrial.web.participants.selectors import trial_now
from theratrial.web.people.permissions import roles_held
from theratrial.web.studies.models import Series
from theratrial.web.trials.selectors import protocol_in_force

RESULTS = ("positive", "negative", "equivocal")


def rule() -> SelectionRead | None:
    """How the selection image is read, by the protocol."""
    clause = protocol_in_force().selection_read
    return clause.reading if clause is not None else None


def reader_role(user: Any, participant: Participant) -> str:
    """The role in which the user reads: one that the protocol allows; empty where she holds none."""
    reading = rule()
    allowed = reading.reader_roles if reading else ()
    return next((role for role in roles_held(user, site=participant.site) if role in allowed), "")


def reads_of(participant: Participant) -> list[dict[str, Any]]:
    """Her selection reads, each with its signature."""
    lines = []
    for record in Record.objects.filter(participant=participant, table="selection_reads", entered_in_error=False):
        signed = [one for one in signatures_of("record", str(record.pk)) if one.voided_at is None]
        lines.append({"record": record, "signature": signed[-1] if signed else None})
    return sorted(lines, key=lambda line: line["record"].cells.get("read_at", ""))


def read_checked(values: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with what was typed, by field."""
    errors: dict[str, str] = {}
    counts: dict[str, int] = {}
    for name in ("lesions_total", "lesions_positive"):
        text = values.get(name, "").strip()
        if not text.isdecimal() or len(text) > 4:
            errors[name] = _("Write a whole number, 0 where there is none.")
        else:
            counts[name] = int(text)
    if len(counts) == 2 and counts["lesions_positive"] > counts["lesions_total"]:
        errors["lesions_positive"] = _("More lesions have uptake than are known; correct one of the counts.")
    if values.get("result") not in RESULTS:
        errors["result"] = _("Choose one.")
    if not errors and not values.get("comment", "").strip() and _against_the_rule(counts, values["result"]):
        errors["result"] = _(
            "By the rule above these counts are not positive, and eligibility follows the rule. Correct what is wrong, "
            "or say in the remark why you call it positive."
        )
    return errors


def _against_the_rule(counts: Mapping[str, int], result: str) -> bool:
    """Whether a read is called positive that the protocol's condition does not hold for."""
    reading = rule()
    if reading is None or result != "positive":
        return False
    stated = condition(reading.condition, fact_types(SELECTION_FACTS))
    return stated.evaluate({**counts, "result": result}).truth is Truth.NOT_MET


def pictures_of(participant: Participant) -> list[Series]:
    """Her selection images that have been received and matched."""
    reading = rule()
    if reading is None:
        return []
    return list(Series.objects.filter(participant=participant, imaging=reading.imaging, part="image", state="matched"))


def selection_read_recorded(actor: Any, participant: Participant, values: Mapping[str, str]) -> Record:
    """The read as a row; reader, role and moment are filled in, not typed.

    Raises
    ------
    InputError
        The user holds no role that the protocol lets read, or consent is missing.
    """
    role, now = reader_role(actor, participant), trial_now()
    if not role:
        reading = rule()
        raise InputError(
            _("The protocol lets these roles read: %(roles)s. You hold none of them at this site.")
            % {"roles": ", ".join(reading.reader_roles) if reading else "-"}
        )
    if missing := consent_needed(participant, now):
        raise InputError(" ".join(missing))
    cells = {name: str(int(values[name])) for name in ("lesions_total", "lesions_positive")}
    return record_create(
        actor,
        "selection_reads",
        {
            **cells,
            "read_at": now.isoformat(timespec="seconds"),
            "reader": actor.get_username(),
            "reader_role": role,
            "result": values["result"],
            "comment": values.get("comment", ""),
        },
        participant=participant,
        form="selection_read",
        visit="screening",
        action="selection.read",
    )


def content_of(record: Record) -> dict[str, Any]:
    """What is signed of a read."""
    reading = rule()
    return {
        "table": record.table,
        "version": record.version,
        "cells": dict(record.cells),
        "rule": reading.rule if reading else "",
    }


def statement() -> str:
    """The sentence that is signed."""
    return _("I read the selection PET/CT by the rule shown; this is my read.")


def selection_read_signed(request: HttpRequest, participant: Participant, record: Record) -> Signature:
    """Sign one's own read.

    Raises
    ------
    NotConfirmed, InputError
        As `signing.sign`; or the read is another reader's.
    """
    if record.cells.get("reader") != request.user.get_username():
        raise InputError(
            _("The read is %(reader)s's; only who read may sign it.") % {"reader": record.cells.get("reader", "?")}
        )
    return sign(
        request, kind="record", key=str(record.pk), content=content_of(record), meaning="entered",
        statement=statement(), rows=[record], participant=participant, permission="selection.read",
    )  # fmt: skip
