"""Two sites side by side: a copy of what the cast's site has, at a second site, every text of it marked."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils import timezone

from theratrial.trialfolder.tables import table as table_definition
from theratrial.web.capture.models import Query, QueryMessage, Record, Verification
from theratrial.web.ledger.act import act, note
from theratrial.web.ledger.models import Signature, SignedRow, TwoPersonRequest
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Assignment, Delegation, EthicsApproval, Site, User
from theratrial.web.results.models import Computation
from theratrial.web.setup_site import SETUP
from theratrial.web.studies.models import Series, Upload
from theratrial.web.trials.models import Trial

MARK = "qzx"
"""Begins every value that belongs to the other site and to nothing else."""
_FREE = (
    "comment",
    "note",
    "term",
    "site",
    "region_name",
    "agent",
    "reason",
    "lesion_id",
    "answer",
    "where",
    "description",
)


def _marked(record: Record, code: str) -> dict[str, str]:
    """Cells with a mark in everything that is free text."""
    cells = {**record.cells, "participant_id": code}
    for column in table_definition(record.table).columns:
        if column.name in _FREE:
            cells[column.name] = f"{MARK}-{record.table}-{column.name}".replace("_", "-")
        elif column.name in ("site_id",):
            cells[column.name] = f"{MARK}-site"
    return cells


def other_site_planted(trial: Trial) -> dict[str, list[str]]:
    """The whole of site B: a copy of what site A has, every text marked, ids in the answer by parameter name."""
    mine = Site.objects.get()
    with act(SETUP, "test.set-up", reason=f"{MARK}-why"):
        site = Site.objects.create(code=f"{MARK}-site", name=f"{MARK} centre", timezone="Asia/Tehran")
        EthicsApproval.objects.create(
            site=site, committee=f"{MARK} committee", reference=f"{MARK}-ref", approved_on="2022-01-01",
            protocol_version=trial.in_force,
        )  # fmt: skip
        people = {}
        for one in Participant.objects.filter(site=mine):
            people[one.pk] = Participant.objects.create(
                code=f"{MARK}-{one.code}", site=site, screened_on=one.screened_on
            )
        records = []
        groups: dict[Any, uuid.UUID] = {}
        for record in Record.objects.filter(participant__in=people).order_by("table", "sequence"):
            person = people[record.participant_id]
            records.append(
                Record(
                    table=record.table, form=record.form, group=groups.setdefault(record.group, uuid.uuid4()),
                    protocol_version=record.protocol_version, participant=person, site=site, visit=record.visit,
                    session=record.session, cells=_marked(record, person.code), sequence=record.sequence + 10_000,
                    entered={"comment": {"text": f"{MARK}-typed"}}, source=f"import:{MARK}",
                )
            )  # fmt: skip
        Record.objects.bulk_create(records)
        user = User.objects.create_user(f"{MARK}-coordinator", printed_name=f"{MARK} Coordinator")
        assignment = Assignment.objects.create(
            user=user, role="coordinator", site=site, starts_at=timezone.now(), granted_by=f"{MARK}-granter"
        )
        delegation = Delegation.objects.create(
            user=user,
            site=site,
            tasks=["enter"],
            trained_on="2022-01-01",
            starts_on="2022-01-01",
            authorised_by=f"{MARK}-authoriser",
        )
        first = next(one for one in records if one.table == "administrations")
        query = Query.objects.create(
            record=first, participant=first.participant, site=site, column="comment", kind="manual",
            text=f"{MARK}-question",
            opened_by=f"{MARK}-monitor", opened_at=timezone.now(),
        )  # fmt: skip
        QueryMessage.objects.create(
            query=query, author=f"{MARK}-monitor", at=timezone.now(), text=f"{MARK}-thread", step="open"
        )
        Verification.objects.create(
            record=first, column="comment", verified_by=f"{MARK}-monitor", verified_at=timezone.now(), record_version=1
        )
        signature = Signature.objects.create(
            signer=f"{MARK}-physicist", printed_name=f"{MARK} Physicist", role="medical_physicist",
            signed_at=timezone.now(),
            meaning="approved", statement=f"{MARK}-statement", kind="gate", key=f"{first.participant.code}/1",
            participant=first.participant.code, site=site.code, content={"text": f"{MARK}-content",
            "judged_at": "2022-05-01T00:00:00+00:00"},
            digest="0" * 64, ledger_seq=1, ledger_hash="0" * 64, software="test",
        )  # fmt: skip
        SignedRow.objects.create(signature=signature, entity="capture_record", entity_id=str(first.pk))
        asked = TwoPersonRequest.objects.create(
            kind="unlock", target=f"participant:{first.participant.code}", reason=f"{MARK}-reason",
            requested_by=f"{MARK}-manager",
            requested_at=timezone.now(),
        )  # fmt: skip
        note("record.print", participant=first.participant.code, site=site.code, text=f"{MARK}-note")
        upload = Upload.objects.create(
            received_at=timezone.now(), received_by=f"{MARK}-coordinator", site=site, state="done",
            message=f"{MARK}-message",
            passed_over=[{"name": f"{MARK}-file", "reason": "no image"}],
        )  # fmt: skip
        series = Series.objects.create(
            header={"facts": {}, "catalogue": {"image_kind": ""}},
            upload=upload, series_instance_uid="1.2.3", study_instance_uid="1.2", patient_id=f"{MARK}-patient",
            modality="PT",
            description=f"{MARK}-description", acquired_at=timezone.now(), site=site, participant=first.participant,
            imaging="spect_24h", session=1, because=[{"rule": "x", "message": f"{MARK}-because", "remedy": "y"}],
        )  # fmt: skip
        adrift = Series.objects.create(
            header={"facts": {}, "catalogue": {"image_kind": ""}},
            upload=upload, series_instance_uid="1.2.4", study_instance_uid="1.2", patient_id=f"{MARK}-patient2",
            modality="PT",
            description=f"{MARK}-adrift", site=site, because=[{"rule": "x", "message": f"{MARK}-because",
            "remedy": "y"}],
        )  # fmt: skip
        computation = Computation.objects.create(
            kind="participant", participant=first.participant, state="failed", requested_by=f"{MARK}-coordinator",
            requested_at=timezone.now(), message=f"{MARK}-error",
        )  # fmt: skip
    return {
        "code": [first.participant.code], "session": ["1"], "username": [f"{MARK}-coordinator"], "visit": ["follow_up"],
        "form": ["administration", "laboratory"], "column": ["value"], "table": ["consents"],
        "entity": ["capture_record"],
        "entity_id": [str(first.pk)], "record_id": [str(first.pk)], "group": [str(first.group)],
        "number": [str(query.pk)],
        "site": [str(site.pk)], "series_id": [str(series.pk), str(adrift.pk)], "upload_id": [str(upload.pk)],
        "record": [str(one.pk) for one in records if one.table == "selection_reads"][:1] or [str(first.pk)],
        "kind": ["organ"], "test": ["platelets"], "region": ["liver"], "point": ["0"], "thing": ["follow_up"],
        "people.pk": [str(assignment.pk), str(delegation.pk)], "results.pk": [str(computation.pk), str(first.pk)],
        "pk": [str(asked.pk)], "capture:locks-decide": [str(asked.pk)],
    }  # fmt: skip
