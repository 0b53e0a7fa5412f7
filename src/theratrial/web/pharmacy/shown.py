"""Batches, syringes and administrations as the pages show them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from theratrial.errors import InputError, Problems
from theratrial.nuclides import nuclide
from theratrial.pipeline.activity import METHOD, VERSION, decayed_MBq, net_administered_activity
from theratrial.pipeline.activity_ledger import Balance, balance
from theratrial.protocol.schema import Protocol
from theratrial.trace import Quantity
from theratrial.web.access import may
from theratrial.web.capture.models import Query, Record
from theratrial.web.capture.queries import state_label
from theratrial.web.pharmacy.rows import BatchEntry, Syringe, nuclide_of, product_of, record_row
from theratrial.web.sentences.shown import said_plain


def expiry_state(expires_at: datetime | None, at: datetime) -> dict[str, str]:
    """Whether a batch has expired, in words."""
    if expires_at is None:
        return {"words": _("no expiry recorded"), "tone": "warn"}
    if at > expires_at:
        return {"words": _("expired"), "tone": "bad"}
    return {"words": _("not expired"), "tone": "good"}


def batch_line(entry: BatchEntry, at: datetime) -> dict[str, Any]:
    """One batch as of an instant."""
    book = balance(entry.book, at) if entry.book is not None else None
    least = entry.product.minimum_radiochemical_purity_percent if entry.product else None
    purity = entry.row["radiochemical_purity_percent"]
    return {
        "entry": entry,
        "pk": entry.record.pk,
        "batch_id": entry.batch_id,
        "product": entry.product.name if entry.product else entry.record.cells.get("product_id", ""),
        "nuclide": nuclide_of(entry.product).name if entry.product else "",
        "reference_at": entry.row["reference_at"],
        "expires_at": entry.row["expires_at"],
        "expiry": expiry_state(entry.row["expires_at"], at),
        "purity": purity,
        "least": least,
        "purity_state": purity_state(purity, least),
        "immunoreactive": entry.row["immunoreactive_fraction_percent"],
        "antibody_mg": entry.row["antibody_mass_mg"],
        "release": entry.release,
        "book": book,
        "whole_MBq": entry.book.activity_at(at) if book is not None and entry.book is not None else None,
        "drawn_percent": 100 * entry.book.drawn_share if entry.book is not None else None,
        "syringes": len(entry.syringes),
        "problem": entry.problem,
    }


def purity_state(purity: float | None, least: float | None) -> dict[str, str]:
    """Radiochemical purity against the protocol's minimum; what is not recorded is not met."""
    if purity is None:
        return {"words": _("not known"), "tone": "not_known"}
    if least is None:
        return {"words": _("no limit set"), "tone": "neutral"}
    return {"words": _("meets"), "tone": "good"} if purity >= least else {"words": _("fails"), "tone": "bad"}


def syringe_name(syringe: Syringe, user: Any) -> str:
    """For whom it was drawn; empty for who may not see that participant."""
    person = syringe.record.participant
    if person is None or not may(user, "participants.view", site=person.site):
        return ""
    return str(person.code)


def syringe_lines(entry: BatchEntry, book: Balance | None, user: Any) -> list[dict[str, Any]]:
    """Every syringe of a batch, in the order of drawing, and where its activity is."""
    where = {one.draw.label: one for one in book.draws} if book is not None else {}
    return [
        {
            "number": number,
            "code": syringe_name(one, user),
            "row": one.row,
            "group": one.record.group,
            "balance": where.get(one.label),
        }
        for number, one in enumerate(sorted(entry.syringes, key=_drawn), start=1)
    ]


def told(entry: BatchEntry, book: Balance | None) -> list[str]:
    """What the readings of a batch contradict, its syringes named by their number."""
    said = list(book.contradictions) if book is not None else []
    for number, one in enumerate(sorted(entry.syringes, key=_drawn), start=1):
        said = [text.replace(one.label, str(number)) for text in said]
    return said


def _drawn(syringe: Syringe) -> tuple[bool, str]:
    at = syringe.row["measured_at"]
    return (at is None, at.isoformat() if at is not None else "")


def administration_line(
    record: Record, protocol: Protocol, zone: Any, batch: BatchEntry | None, queries: list[Query]
) -> dict[str, Any]:
    """One administration: readings decay-corrected to the injection, net activity with its trace, deviation."""
    row = record_row(record, zone)
    product = product_of(protocol, record.cells.get("product_id", ""))
    therapy = protocol.sessions.reading
    of_therapy = therapy if therapy is not None and therapy.product == row["product_id"] else None
    found: dict[str, Any] = {"syringe": None, "residual": None, "net": None, "problem": "", "off_percent": None}
    if product is None or any(row[name] is None for name in ("measured_activity_MBq", "measured_at", "injected_at")):
        found["problem"] = _("Not computed: product, calibrator reading or a time is missing.")
    else:
        found |= _readings(row, nuclide(product.nuclide))
    net: Quantity | None = found["net"]
    prescribed = row["prescribed_activity_MBq"]
    if net is not None and net.value is not None and prescribed:
        found["off_percent"] = 100 * (net.value / prescribed - 1)
    tolerance = of_therapy.activity_tolerance_percent if of_therapy else None
    off = found["off_percent"]
    return found | {
        "record": record,
        "row": row,
        "product": product.name if product else record.cells.get("product_id", ""),
        "nuclide": product.nuclide if product else "",
        "prescribed": prescribed,
        "tolerance": tolerance,
        "beyond": off is not None and tolerance is not None and abs(off) > tolerance,
        "batch": batch,
        "queries": [{"query": one, "state": state_label(one.state)} for one in queries],
        "method": f"{METHOD} {VERSION}",
        "trace": sorted(net.trace.inputs.items()) if net is not None else [],
        "demonstration": _demonstration(protocol, of_therapy is not None),
    }


def _demonstration(protocol: Protocol, therapy: bool) -> bool:
    return therapy and protocol.sessions.decision.status == "demonstration"


def _readings(row: Any, substance: Any) -> dict[str, Any]:
    at = row["injected_at"]
    try:
        syringe = decayed_MBq(row["measured_activity_MBq"], measured_at=row["measured_at"], at=at, nuclide=substance)
        residual = None
        if row["residual_activity_MBq"] is not None:
            read_at = row["residual_measured_at"] or at
            residual = decayed_MBq(row["residual_activity_MBq"], measured_at=read_at, at=at, nuclide=substance)
        return {"syringe": syringe, "residual": residual, "net": net_administered_activity(row, substance)}
    except (Problems, InputError, OverflowError) as error:
        return {"problem": _("Not computed: %(why)s") % {"why": said_plain(error)}}
