"""A site as large as one may grow, for measuring: the virtual cohort again and again under other codes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from theratrial.protocol.reader import parse_protocol, shipped_protocol_bytes
from theratrial.registry.reader import shipped_registration_bytes
from theratrial.simulation.cohort import SEED_PROTOCOL, cohort_records
from theratrial.trialfolder.tables import TABLES
from theratrial.trialfolder.writer import table_cells
from theratrial.web.capture.models import Query, QueryMessage, Record
from theratrial.web.ledger.act import act
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import EthicsApproval, Site
from theratrial.web.setup_site import SETUP, cast_made, tables_imported, trial_set_up
from theratrial.web.studies.models import Series, Upload
from theratrial.web.trials.models import Trial

Lines = Sequence[Mapping[str, str]]
SITE: Final = "site_01"
_SHARED: Final = ("calibrations", "recoveries")
"""Tables that are the centre's, not a participant's; entered once."""
_SCANS: Final = (("spect_24h", 24), ("spect_48h", 48), ("whole_body_24h", 24), ("whole_body_48h", 48))


def large_site_made(*, participants: int, records_each: int = 0, base: int = 15, seed: int = 1) -> Trial:
    """The shipped trial with its people and `participants` virtual participants; nothing is computed, no file stored.

    Parameters
    ----------
    records_each
        Whoever has fewer rows gets blood counts of further weeks until she has so many.
    base
        Treated participants of the cohort that is repeated.
    """
    content = shipped_protocol_bytes(SEED_PROTOCOL)
    trial = trial_set_up(content, shipped_registration_bytes(SEED_PROTOCOL), simulated=True)
    assert trial.in_force is not None, "a trial has a protocol from its set-up on"
    made = cohort_records(parse_protocol(content, "protocol"), participants=base, seed=seed)
    cohort = {table.name: table_cells(table, made[table.name]) for table in TABLES}
    with act(SETUP, "site.set-up"):
        site = Site.objects.create(code=SITE, name="Centre A (virtual)", timezone="Asia/Tehran")
        EthicsApproval.objects.create(
            site=site,
            committee="Committee",
            reference="L-1",
            approved_on="2022-01-01",
            protocol_version=trial.in_force,
        )
        for number, tables in enumerate(_copies(cohort, participants, records_each)):
            tables_imported(tables, source=f"large site: copy {number + 1} of seed {seed}")
        _queries_made(site)
        _series_made(site)
    cast_made(site=site)
    return trial


def _copies(
    cohort: Mapping[str, Lines], participants: int, records_each: int
) -> Iterator[dict[str, list[dict[str, str]]]]:
    """The cohort under new codes, as often as `participants` need."""
    codes = [line["participant_id"] for line in cohort["participants"]]
    mine = {code: _rows_of(cohort, code) for code in codes}
    for begin in range(0, participants, len(codes)):
        tables: dict[str, list[dict[str, str]]] = {table.name: [] for table in TABLES}
        if begin == 0:
            for name in _SHARED:
                tables[name] = [dict(line) for line in cohort[name]]
        for number, code in enumerate(codes[: participants - begin], start=begin + 1):
            new = f"L{number:04d}"
            rows = {name: [_renamed(line, code, new) for line in lines] for name, lines in mine[code].items()}
            _padded(rows, records_each)
            for name, lines in rows.items():
                tables[name] += lines
        yield tables


def _rows_of(cohort: Mapping[str, Lines], code: str) -> dict[str, Lines]:
    """Her rows, and the batches that she was injected with."""
    found = {name: [one for one in lines if one.get("participant_id") == code] for name, lines in cohort.items()}
    batches = {one.get("batch_id") for one in found["administrations"]}
    found["batches"] = [one for one in cohort["batches"] if one["batch_id"] in batches]
    return {name: lines for name, lines in found.items() if lines}


def _renamed(line: Mapping[str, str], old: str, new: str) -> dict[str, str]:
    cells = {**line}
    if "participant_id" in cells:
        cells["participant_id"] = new
    if "batch_id" in cells:
        cells["batch_id"] = cells["batch_id"].replace(old, new)
    return {**cells, **({"site_id": SITE} if "site_id" in cells else {})}


def _padded(rows: dict[str, list[dict[str, str]]], wanted: int) -> None:
    missing = wanted - sum(len(lines) for name, lines in rows.items() if name != "batches")
    counts = rows.get("laboratory", [])
    if missing <= 0 or not counts:
        return
    last = max(line["collected_at"] for line in counts)
    sample = [line for line in counts if line["collected_at"] == last]
    added = [
        {**sample[number % len(sample)], "collected_at": _later(last, weeks=1 + number // len(sample))}
        for number in range(missing)
    ]
    rows["laboratory"] = [*counts, *added]


def _later(at: str, *, weeks: int) -> str:
    return (datetime.fromisoformat(at) + timedelta(weeks=weeks)).isoformat()


def _queries_made(site: Site) -> None:
    """Two questions to everybody's blood counts: one open, one closed."""
    now, made = timezone.now(), []
    first: dict[int | None, Record] = {}
    for record in Record.objects.filter(table="laboratory").order_by("sequence").iterator():
        first.setdefault(record.participant_id, record)
    for record in first.values():
        for state in ("open", "closed"):
            made.append(
                Query(
                    participant_id=record.participant_id, site=site, record=record, column="value", state=state,
                    kind="manual", text="Please compare with the report of the laboratory.", opened_by="monitor1",
                    opened_at=now, closed_at=now if state == "closed" else None,
                )
            )  # fmt: skip
    Query.objects.bulk_create(made, batch_size=500)
    QueryMessage.objects.bulk_create(
        [QueryMessage(query=one, author="monitor1", at=now, step="open", text=one.text) for one in Query.objects.all()],
        batch_size=500,
    )


def _series_made(site: Site) -> None:
    """Rows of the scans after each session, as matched, without files; every two-hundredth waits in quarantine."""
    now = timezone.now()
    made: list[Series] = []
    uploads: list[Upload] = []
    people = {one.pk: one for one in Participant.objects.all()}
    given = Record.objects.filter(table="administrations").order_by("participant_id", "sequence")
    for record in given:
        one = people[record.participant_id or 0]
        upload = Upload(received_at=now, received_by="nuclear1", site=site, state="done", files=len(_SCANS), bytes=1)
        uploads.append(upload)
        for imaging, hours in _SCANS if record.session else ((f"pet_{record.cells['timepoint']}", 1),):
            at = datetime.fromisoformat(record.cells["injected_at"]) + timedelta(hours=hours)
            waits = len(made) % 200 == 199
            made.append(
                Series(
                    upload=upload, series_instance_uid=f"2.25.{one.pk}.{record.session}.{len(made)}", modality="NM",
                    study_instance_uid=f"2.25.{one.pk}.{record.session}", patient_id=one.code, description=imaging,
                    acquired_at=at, site=site, participant=None if waits else one, imaging="" if waits else imaging,
                    session=None if waits else record.session, part="" if waits else "image",
                    state="quarantined" if waits else "matched",
                    because=[{"rule": "patient", "message": "for measuring", "remedy": "assign"}] if waits else [],
                )
            )  # fmt: skip
    Upload.objects.bulk_create(uploads, batch_size=500)
    Series.objects.bulk_create(made, batch_size=500)


def first_treated() -> str:
    """Code of a participant with two sessions or more, whose pages are the fullest."""
    found = Record.objects.filter(table="administrations", session=2).order_by("participant__code").first()
    assert found is not None, "somebody was treated twice"
    assert found.participant is not None, "an injection is a participant's"
    return found.participant.code


__all__ = ["first_treated", "large_site_made"]
