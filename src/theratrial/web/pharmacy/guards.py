"""What must hold before an injection, judged in one place: on the bedside page, and when an administration is saved.

An injection that really happened must be recordable: what should not have been is then a deviation with its reason, and
a query. What cannot have been (another batch's product, more than the batch held) is corrected, not excused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.errors import InputError, Problems
from theratrial.pipeline.activity import net_administered_activity
from theratrial.pipeline.activity_ledger import MOST_OF_BATCH
from theratrial.protocol.schema import Product, Protocol, Sessions
from theratrial.safety.pregnancy import pregnancy_test_needed
from theratrial.trialfolder.records import Row
from theratrial.web.capture.models import Query, Record
from theratrial.web.capture.queries import system_query, system_query_resolved
from theratrial.web.capture.selectors import live_records
from theratrial.web.ledger.act import note
from theratrial.web.ledger.selectors import now_of_ledger
from theratrial.web.participants.guards import may_inject
from theratrial.web.participants.models import Participant
from theratrial.web.pharmacy.rows import BatchEntry, batch_entries, book_of, nuclide_of, product_of, typed_row
from theratrial.web.results.guards import gate_at
from theratrial.web.trials.selectors import protocol_in_force, trial_zone

DEVIATION: Final = "administration.deviation"
PREFIX: Final = "administration:"
"""Rule of the queries raised here: ``administration:<code>``."""
_AHEAD: Final = timedelta(minutes=15)
"""By which a clock in the ward may run before that of the site."""
Kind = Literal["impossible", "refusal", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that speaks against an administration."""

    code: str
    column: str
    text: str
    kind: Kind

    @property
    def rule(self) -> str:
        """Rule of its query."""
        return f"{PREFIX}{self.code}"


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that speaks against an administration."""

    all: tuple[Finding, ...] = ()

    @property
    def impossible(self) -> tuple[Finding, ...]:
        """What cannot have been: corrected before anything is saved."""
        return tuple(one for one in self.all if one.kind == "impossible")

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """What must not be; recorded only as a deviation."""
        return tuple(one for one in self.all if one.kind == "refusal")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What is saved and asked about."""
        return tuple(one for one in self.all if one.kind == "warning")


class AdministrationRefused(InputError):
    """The administration was not saved; `findings` say why."""

    def __init__(self, findings: Findings) -> None:
        super().__init__(
            _("Not saved: correct what cannot have been so.")
            if findings.impossible
            else _("Not saved: this must not be injected. If it was injected, tick 'deviation' below and say why.")
        )
        self.findings = findings


def administration_findings(
    participant: Participant, cells: Mapping[str, str], *, record: Record | None = None
) -> Findings:
    """What speaks against an administration as typed.

    Parameters
    ----------
    cells
        Column -> text, as they would be stored.
    record
        The stored administration that `cells` are a new state of.
    """
    protocol, zone = protocol_in_force(), trial_zone()
    row = typed_row("administrations", cells, zone, "given:the form")
    product = product_of(protocol, str(cells.get("product_id", "")))
    batches = live_records().filter(table="batches", cells__batch_id=cells.get("batch_id", ""))
    entry = next(iter(batch_entries(batches[:1], protocol, zone)), None)
    found = [
        *_batch(entry, row, product, record),
        *_participant(participant, row, product),
        *_pregnancy(protocol, participant, row),
        *_session(protocol, participant, row, record, zone),
        *_activity(protocol, row, product),
        *_ahead(row),
    ]
    return Findings(tuple(found))


def _batch(entry: BatchEntry | None, row: Row, product: Product | None, record: Record | None) -> Iterator[Finding]:
    batch_id, at = row["batch_id"], row["injected_at"]
    if not batch_id:
        return
    if entry is None:
        text = _("Batch %(batch)s is not recorded. Enter it under Radiopharmacy first.")
        yield Finding("batch_unknown", "batch_id", text % {"batch": batch_id}, "impossible")
        return
    if entry.row["product_id"] != row["product_id"]:
        text = _("Batch %(batch)s is of %(product)s. Correct the batch or the product.")
        values = {"batch": batch_id, "product": entry.product.name if entry.product else entry.row["product_id"]}
        yield Finding("batch_product", "batch_id", text % values, "impossible")
        return
    yield from _release(entry, at)
    yield from _drawn(entry, row, product, record)


def _release(entry: BatchEntry, at: datetime | None) -> Iterator[Finding]:
    name = {"batch": entry.batch_id}
    if not entry.release.counts:
        text = _("Batch %(batch)s: %(state)s. The radiopharmacist releases it before any injection.")
        yield Finding("batch_not_released", "batch_id", text % {**name, "state": entry.release.words}, "refusal")
    released_at, expires_at = entry.row["released_at"], entry.row["expires_at"]
    if at is None:
        return
    if entry.release.counts and released_at is not None and at < released_at:
        text = _("Injected before batch %(batch)s was released. Correct the time, or report the deviation.")
        yield Finding("before_release", "injected_at", text % name, "refusal")
    if expires_at is not None and at > expires_at:
        text = _("Batch %(batch)s had expired by the time of the injection. Take another batch.")
        yield Finding("batch_expired", "injected_at", text % name, "refusal")


def _drawn(entry: BatchEntry, row: Row, product: Product | None, record: Record | None) -> Iterator[Finding]:
    others = [(one.label, one.row) for one in entry.syringes if record is None or one.record.pk != record.pk]
    if row["measured_activity_MBq"] is None or row["measured_at"] is None or row["injected_at"] is None:
        return
    try:
        share = book_of(entry.row, product, [*others, ("this one", row)]).drawn_share
    except InputError as error:
        yield Finding("batch_book", "measured_at", str(error), "impossible")
        return
    text = _("With this syringe %(percent)s %% of batch %(batch)s are drawn, decay-corrected, over %(count)s syringes.")
    said = text % {"percent": f"{100 * share:.1f}", "batch": entry.batch_id, "count": len(others) + 1}
    if share > MOST_OF_BATCH:
        more = _("Check unit, time and batch of each.")
        yield Finding("batch_overdrawn", "measured_activity_MBq", f"{said} {more}", "impossible")
    elif share > 1:
        yield Finding("batch_overdrawn", "measured_activity_MBq", said, "warning")


def _participant(participant: Participant, row: Row, product: Product | None) -> Iterator[Finding]:
    if row["injected_at"] is None or product is None:
        return
    reasons = may_inject(participant, row["product_id"], row["injected_at"])
    if reasons:
        yield Finding("consent_eligibility", "injected_at", " ".join(dict.fromkeys(reasons)), "refusal")


def _pregnancy(protocol: Protocol, participant: Participant, row: Row) -> Iterator[Finding]:
    test = row["pregnancy_test"]
    if test == "negative":
        return
    known = live_records().filter(table="participants", participant=participant).first()
    sex = known.cells.get("sex", "") if known else ""
    if not pregnancy_test_needed(protocol, row["product_id"] or "", sex):
        return
    if test == "not_applicable":
        if sex == "female":
            text = _("The pregnancy test is given as not applicable. Say in the answer why (menopause, operation).")
            yield Finding("pregnancy_test", "pregnancy_test", text, "warning")
        return
    text = _("A negative pregnancy test is needed before each injection; it is: %(test)s.")
    words = {"positive": _("positive"), "not_done": _("not done"), None: _("not recorded")}
    yield Finding("pregnancy_test", "pregnancy_test", text % {"test": words.get(test, test)}, "refusal")


def _session(
    protocol: Protocol, participant: Participant, row: Row, record: Record | None, zone: Any
) -> Iterator[Finding]:
    therapy = protocol.sessions.reading
    if therapy is None or row["product_id"] != therapy.product or row["session"] is None:
        return
    number = row["session"]
    if row["injected_at"] is not None:
        expected = 1 + sum(at < row["injected_at"] for at in therapy_times(therapy, participant, record, zone))
        if number != expected:
            text = _("By the time of its injection this is session %(expected)s, not %(got)s. Correct number or time.")
            yield Finding("session_number", "session", text % {"expected": expected, "got": number}, "impossible")
            return
    if number > therapy.maximum_sessions:
        text = _("The protocol allows %(most)s sessions; this is session %(got)s.")
        values = {"most": therapy.maximum_sessions, "got": number}
        yield Finding("session_maximum", "session", text % values, "refusal")
    if number <= 1:
        return
    gate = gate_at(participant, number, row["injected_at"])
    if gate.against:
        yield Finding("gate", "session", " ".join(dict.fromkeys(gate.against)), "refusal")
    if gate.since:
        text = _("Judged at the time of this injection, the gate says otherwise on today's records: %(what)s")
        yield Finding("gate_since", "session", text % {"what": " ".join(gate.since)}, "warning")


def therapy_times(therapy: Sessions, participant: Participant, record: Record | None, zone: Any) -> list[datetime]:
    """When the participant's other sessions were injected."""
    rows = live_records().filter(table="administrations", participant=participant)
    found = [
        typed_row("administrations", one.cells, zone)["injected_at"]
        for one in rows
        if one.cells.get("product_id") == therapy.product and (record is None or one.pk != record.pk)
    ]
    return sorted(at for at in found if at is not None)


def _activity(protocol: Protocol, row: Row, product: Product | None) -> Iterator[Finding]:
    therapy = protocol.sessions.reading
    prescribed = row["prescribed_activity_MBq"]
    of_therapy = therapy if therapy is not None and therapy.product == row["product_id"] else None
    if of_therapy is not None and prescribed is not None and prescribed != of_therapy.administered_activity_MBq:
        text = _("Prescribed are %(got)s MBq; the protocol prescribes %(planned)s MBq.")
        values = {"got": f"{prescribed:g}", "planned": f"{of_therapy.administered_activity_MBq:g}"}
        yield Finding("prescribed_activity", "prescribed_activity_MBq", text % values, "warning")
    if row["extravasation"]:
        text = _("Extravasation was seen: how much stayed at the site of injection, and what was done?")
        yield Finding("extravasation", "extravasation", text, "warning")
    if product is not None and row["route"] and row["route"].strip().casefold() != product.route.casefold():
        text = _("The route is %(got)s; the protocol says %(planned)s.")
        yield Finding("route", "route", text % {"got": row["route"], "planned": product.route}, "warning")
    yield from _net(row, product, of_therapy)


def _ahead(row: Row) -> Iterator[Finding]:
    """What lies ahead has not happened; a site's clock that was set back does not make it so."""
    for name in ("measured_at", "injected_at"):
        at = row[name]
        if at is not None and at > timezone.now() + _AHEAD and at > now_of_ledger() + _AHEAD:
            text = _(
                "This lies ahead of now. An injection is recorded once it was given; correct the date or the time."
            )
            yield Finding("ahead", name, text, "impossible")
            return


def _net(row: Row, product: Product | None, therapy: Sessions | None) -> Iterator[Finding]:
    needed = ("measured_activity_MBq", "measured_at", "injected_at")
    if product is None or any(row[name] is None for name in needed):
        return
    try:
        net = net_administered_activity(row, nuclide_of(product)).value
    except (Problems, OverflowError):
        text = _(
            "The residual is not less than the syringe's activity, decay-corrected. Check both readings and times."
        )
        yield Finding("residual", "residual_activity_MBq", text, "impossible")
        return
    prescribed = row["prescribed_activity_MBq"]
    if therapy is None or not prescribed or net is None:
        return
    off_percent = 100 * (net / prescribed - 1)
    if abs(off_percent) > therapy.activity_tolerance_percent:
        text = _(
            "Net administered are %(net)s MBq, %(off)s %% off the prescribed %(planned)s MBq; "
            "the protocol tolerates %(limit)s %%."
        )
        values = {
            "net": f"{net:.0f}",
            "off": f"{off_percent:+.1f}",
            "planned": f"{prescribed:g}",
            "limit": f"{therapy.activity_tolerance_percent:g}",
        }
        yield Finding("activity_deviation", "measured_activity_MBq", text % values, "warning")


@dataclass(frozen=True, slots=True)
class Judged:
    """Findings of the row that is about to be saved; `recorded` raises their queries afterwards."""

    participant: Participant
    findings: Findings
    deviation: str

    def recorded(self, record: Record) -> None:
        """Raise what is asked, close what no longer is, note the deviation. Inside the act of saving."""
        asked = {one.rule for one in self.findings.all}
        for one in self.findings.all:
            text = one.text
            if one.kind == "refusal" and self.deviation:
                text = _("Deviation: %(what)s Reason given: %(why)s") % {"what": text, "why": self.deviation}
            system_query(one.rule, text, record=record, column=one.column)
        for query in Query.objects.filter(record=record, rule__startswith=PREFIX, state__in=("open", "answered")):
            if query.rule not in asked:
                system_query_resolved(query.rule, record=record, column=query.column)
        if self.deviation and self.findings.refusals:
            note(
                DEVIATION,
                participant=self.participant.code,
                site=self.participant.site.code,
                record=str(record.pk),
                against=[one.code for one in self.findings.refusals],
                reason=self.deviation,
            )


def administration_judged(
    participant: Participant, cells: Mapping[str, str], *, record: Record | None = None, deviation: str = ""
) -> Judged:
    """Judge an administration that is about to be saved.

    Parameters
    ----------
    record
        The stored state; what was so before is not asked again.
    deviation
        Reason with which it is recorded though it must not have been.

    Raises
    ------
    AdministrationRefused
        It cannot have been so, or it must not be and no deviation is given.
    """
    found = administration_findings(participant, cells, record=record)
    known: set[str] = set()
    if record is not None and found.all:
        known = {one.code for one in administration_findings(participant, record.cells, record=record).all}
    fresh = [one for one in found.all if one.code not in known]
    hard = any(one.kind == "impossible" for one in fresh)
    if hard or (any(one.kind == "refusal" for one in fresh) and not deviation.strip()):
        raise AdministrationRefused(Findings(tuple(fresh)))
    return Judged(participant, found, deviation.strip())


def deviations_of(records: Sequence[Record]) -> dict[Any, list[Query]]:
    """Record id -> what was asked of it here, in every state."""
    found: dict[Any, list[Query]] = {}
    for query in Query.objects.filter(record__in=[one.pk for one in records], rule__startswith=PREFIX):
        found.setdefault(query.record_id, []).append(query)
    return found
