"""Release of a batch: tests against the specification, the signature, its withdrawal, and whether it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.forms.answers import instant_cell
from theratrial.protocol.schema import Product
from theratrial.trialfolder.records import Row
from theratrial.web.capture.models import Record
from theratrial.web.capture.services import record_change
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Signature
from theratrial.web.ledger.signing import content_digest, is_authentic, sign, signer_confirmed
from theratrial.web.people.permissions import may
from theratrial.web.trials.selectors import protocol_in_force, the_trial, trial_zone

KIND: Final = "batch"
RELEASE_CELLS: Final = ("released", "released_at", "released_by")
"""Written by the act of release, typed by nobody."""


@dataclass(frozen=True, slots=True)
class ReleaseTest:
    """One line of the specification."""

    id: str
    label: str
    requirement: str
    value: str
    result: str
    """``meets``, ``fails``, ``not_known``, or ``none`` where the protocol requires nothing."""

    @property
    def hinders(self) -> bool:
        """Whether the batch must not be released for it: what is not known is never a pass."""
        return self.result in ("fails", "not_known")


@dataclass(frozen=True, slots=True)
class ReleaseState:
    """How the release of a batch stands."""

    state: str
    """``released``, ``imported`` (released without a signature of this site), ``void``, ``unsigned`` or ``no``."""
    signatures: tuple[Signature, ...] = ()
    because: str = ""

    @property
    def counts(self) -> bool:
        """Whether it may be injected as far as the release goes."""
        return self.state in ("released", "imported")

    @property
    def words(self) -> str:
        """In the user's language."""
        return {
            "released": _("released"),
            "imported": _("released before import, not signed here"),
            "void": _("release void: the record changed"),
            "unsigned": _("not released: no signature"),
            "no": _("not released"),
        }[self.state]

    @property
    def tone(self) -> str:
        """Class of its tag."""
        return {"released": "good", "imported": "neutral"}.get(self.state, "bad" if self.state == "void" else "warn")


def signed_cells(record: Record) -> dict[str, str]:
    """The record but what the release itself writes."""
    return {name: text for name, text in record.cells.items() if name not in RELEASE_CELLS}


def release_state(record: Record, signatures: Sequence[Signature]) -> ReleaseState:
    """How the release stands on the record as it is now."""
    told = tuple(signatures)
    standing = [one for one in told if _stands(one, record)]
    if record.cells.get("released") != "yes":
        return ReleaseState("no", told)
    if standing:
        return ReleaseState("released", told)
    if told:
        return ReleaseState("void", told, told[-1].voided_because or _("the record is not what was signed"))
    # Rows of a trial folder or of the demonstration were released elsewhere; a form of this site cannot claim it.
    if record.source == "form":
        return ReleaseState("unsigned", told)
    if record.version > 1:
        return ReleaseState("void", told, _("the record was changed here after it was released elsewhere"))
    return ReleaseState("imported", told)


def _stands(signature: Signature, record: Record) -> bool:
    if signature.voided_at is not None or not is_authentic(signature):
        return False
    return signature.key == str(record.pk) and signature.content.get("cells") == signed_cells(record)


def release_tests(record: Record, row: Row, product: Product | None) -> list[ReleaseTest]:
    """The batch against what the protocol requires of it, each line by itself."""
    name = product.name if product is not None else ""
    least = product.minimum_radiochemical_purity_percent if product is not None else None
    purity = row["radiochemical_purity_percent"]
    expiry, reference = row["expires_at"], row["reference_at"]
    limit = f"≥ {least:g} %" if least is not None else _("recorded; the protocol sets no limit")
    return [
        ReleaseTest(
            "product", _("Product"), _("a product of the protocol in force"), name, "meets" if product else "fails"
        ),
        ReleaseTest(
            "record", _("Labelling record"), _("complete"),
            _("incomplete") if record.incomplete else _("complete"), "fails" if record.incomplete else "meets",
        ),
        ReleaseTest(
            "activity", _("Activity at the reference time"), _("measured, above 0 MBq"),
            _with(row["activity_MBq"], "MBq"), _judged(row["activity_MBq"], lambda value: value > 0),
        ),
        ReleaseTest(
            "purity", _("Radiochemical purity"), limit,
            _with(purity, "%"), _judged(purity, lambda value: least is None or value >= least),
        ),
        ReleaseTest(
            "immunoreactivity", _("Immunoreactive fraction"), _("the protocol sets no limit"),
            _with(row["immunoreactive_fraction_percent"], "%"), "none",
        ),
        ReleaseTest(
            "antibody", _("Antibody mass"), _("the protocol sets no limit for a batch"),
            _with(row["antibody_mass_mg"], "mg"), "none",
        ),
        ReleaseTest(
            "expiry", _("Expiry"), _("stated, not before the reference time"),
            expiry.isoformat(sep=" ", timespec="minutes") if expiry else "",
            _judged(expiry if reference else None, lambda value: value >= reference),
        ),
    ]  # fmt: skip


def _with(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:g} {unit}"


def _judged(value: Any, holds: Any) -> str:
    if value is None:
        return "not_known"
    return "meets" if holds(value) else "fails"


def release_content(record: Record, tests: Sequence[ReleaseTest]) -> dict[str, Any]:
    """What is signed: the record and each test with its requirement, as shown."""
    version = the_trial().in_force
    return {
        "batch_id": record.cells.get("batch_id", ""),
        "cells": signed_cells(record),
        "tests": [
            {"test": one.id, "requirement": one.requirement, "value": one.value, "result": one.result} for one in tests
        ],
        "protocol": version.sha256 if version else "",
    }


def release_hindrances(record: Record, row: Row, tests: Sequence[ReleaseTest], at: datetime) -> list[str]:
    """Why the batch cannot be released at `at`, each with what to do; there is no way around them."""
    found = []
    for one in tests:
        if one.result == "fails":
            text = _(
                "%(test)s does not meet the requirement (%(requirement)s): %(value)s. "
                "The batch is not used; correct the record if it is wrong."
            )
            found.append(text % {"test": one.label, "requirement": one.requirement, "value": one.value or "–"})
        elif one.result == "not_known":
            found.append(
                _("%(test)s is not recorded. Do the test and enter it in the batch's record.") % {"test": one.label}
            )
    if row["expires_at"] is not None and at > row["expires_at"]:
        found.append(_("The batch has expired. It is not used; make a new one."))
    if record.cells.get("product_id", "") not in protocol_in_force().products:
        found.append(_("The product is not in the protocol in force. Correct the product."))
    return found


def batch_released(request: HttpRequest, record: Record, row: Row, product: Product | None) -> Signature:
    """Release: the cells of the release are written and the signature given, both or neither.

    Raises
    ------
    InputError
        A test fails or is missing, the batch expired, or it is released already.
    NotConfirmed
        The signer is not confirmed, or the record changed after it was shown.
    PermissionError
        The signer may not release at the batch's site.
    """
    user = request.user
    if not may(user, "batches.release", site=record.site):
        raise PermissionError("batches.release")
    now = timezone.now()
    tests = release_tests(record, row, product)
    if hindrances := release_hindrances(record, row, tests, now):
        raise InputError(" ".join(hindrances))
    signer_confirmed(request)
    content = release_content(record, tests)
    with act(user, "batch.release"):
        current = Record.objects.select_for_update().get(pk=record.pk)
        if release_state(current, list(Signature.objects.filter(kind=KIND, key=str(record.pk)))).state == "released":
            raise InputError(_("The batch is released already."))
        cells = {
            **current.cells,
            "released": "yes",
            # Injections are typed to the minute: one in the minute of the release is not before it.
            "released_at": instant_cell(now.replace(second=0, microsecond=0), trial_zone()),
            "released_by": user.get_username(),
        }
        changed = record_change(
            user, current, cells, seen_version=record.version, reason="release of the batch", action="batch.release"
        )
        return sign(
            request,
            kind=KIND,
            key=str(record.pk),
            content=content,
            meaning=Signature.Meaning.APPROVED,
            statement="",
            rows=[changed],
            site=record.site,
            permission="batches.release",
        )


def release_withdrawn(user: Any, record: Record, *, reason: str) -> Record:
    """Take a release back; its signature becomes void and stays visible.

    Raises
    ------
    InputError
        No reason is given, or the batch is not released.
    PermissionError
        The person may not release at the batch's site.
    """
    if not may(user, "batches.release", site=record.site):
        raise PermissionError("batches.release")
    if not reason.strip():
        raise InputError(_("Say why the release is withdrawn."))
    if record.cells.get("released") != "yes":
        raise InputError(_("The batch is not released, so there is nothing to withdraw."))
    cells = {**signed_cells(record), "released": "no"}
    return record_change(user, record, cells, seen_version=record.version, reason=reason, action="batch.withdraw")


def release_digest(record: Record, tests: Sequence[ReleaseTest]) -> str:
    """Digest of what the page shows for signing."""
    return content_digest(KIND, str(record.pk), release_content(record, tests))
