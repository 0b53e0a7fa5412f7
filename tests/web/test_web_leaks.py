"""Leaks: two sites side by side; whoever works at one sees nothing of the other, whatever is asked for."""

from __future__ import annotations

import re
import uuid
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from urllib.parse import quote

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from theratrial.trialfolder.tables import table as table_definition
from theratrial.web.access import OPEN, SIGNED_IN
from theratrial.web.capture.models import Query, QueryMessage, Record, Verification
from theratrial.web.ledger.act import act, note
from theratrial.web.ledger.models import Signature, SignedRow, TwoPersonRequest
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Assignment, Delegation, EthicsApproval, Site, User
from theratrial.web.people.permissions import may
from theratrial.web.results.models import Computation
from theratrial.web.setup_site import CAST, SETUP
from theratrial.web.studies.models import Series, Upload
from theratrial.web.trials.models import Trial

MARK = "qzx"
"""Begins every value that belongs to the other site and to nothing else."""
_PARAMETER = re.compile(r"<(?:(?P<converter>\w+):)?(?P<name>\w+)>")
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


def routes(patterns: Any = None, before: str = "", space: str = "") -> Iterator[tuple[str, str, Any]]:
    """(name, route, view) of every address."""
    for one in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(one, URLResolver):
            yield from routes(
                one.url_patterns, before + str(one.pattern), f"{one.namespace}:" if one.namespace else space
            )
        elif isinstance(one, URLPattern):
            yield f"{space}{one.name}", before + str(one.pattern), one.callback


def _marked(record: Record, code: str) -> dict[str, str]:
    """Cells with a mark in everything that is free text."""
    cells = {**record.cells, "participant_id": code}
    for column in table_definition(record.table).columns:
        if column.name in _FREE:
            cells[column.name] = f"{MARK}-{record.table}-{column.name}".replace("_", "-")
        elif column.name in ("site_id",):
            cells[column.name] = f"{MARK}-site"
    return cells


@pytest.fixture
def theirs(cohort: Trial) -> dict[str, list[str]]:
    """The whole of site B: a copy of what site A has, every text marked, ids in the answer by parameter name."""
    mine = Site.objects.get()
    with act(SETUP, "test.set-up", reason=f"{MARK}-why"):
        site = Site.objects.create(code=f"{MARK}-site", name=f"{MARK} centre", timezone="Asia/Tehran")
        EthicsApproval.objects.create(
            site=site, committee=f"{MARK} committee", reference=f"{MARK}-ref", approved_on="2022-01-01",
            protocol_version=cohort.in_force,
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
            upload=upload, series_instance_uid="1.2.3", study_instance_uid="1.2", patient_id=f"{MARK}-patient",
            modality="PT",
            description=f"{MARK}-description", acquired_at=timezone.now(), site=site, participant=first.participant,
            imaging="spect_24h", session=1, because=[{"rule": "x", "message": f"{MARK}-because", "remedy": "y"}],
        )  # fmt: skip
        adrift = Series.objects.create(
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


def _clients(usernames: list[str]) -> dict[str, Client]:
    made = {}
    for username in usernames:
        made[username] = Client(raise_request_exception=False)
        made[username].force_login(User.objects.get(username=username), "theratrial.web.people.backend.AccountBackend")
    return made


def _texts(answer: Any) -> list[str]:
    """Everything in an answer, archives opened."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    found = [body.decode("utf-8", "replace"), str(answer.headers)]
    if body[:2] == b"PK":
        with zipfile.ZipFile(BytesIO(body)) as archive:
            found += [archive.read(name).decode("utf-8", "replace") + name for name in archive.namelist()]
    return found


def _filled(name: str, route: str, values: dict[str, list[str]]) -> Iterator[str]:
    app = name.split(":")[0]
    for number in range(2):

        def value(match: re.Match[str], number: int = number) -> str:
            choices = values.get(f"{app}.{match['name']}") or values.get(match["name"]) or ["1"]
            return quote(choices[min(number, len(choices) - 1)], safe="")

        yield "/" + _PARAMETER.sub(value, route)


def _shown_of_theirs(text: str, path: str) -> list[str]:
    """Marks in an answer that the question itself did not hold."""
    return [
        one
        for one in re.findall(MARK + r"[\w -]{0,40}", text)
        if quote(one.strip()) not in path and one.strip() not in path
    ]


SITE_ROLES = [
    member.username
    for member in CAST
    if member.role not in ("statistician", "registrant", "administrator", "principal_investigator")
]


@pytest.mark.timeout(300)
def test_U1_no_page_of_one_site_holds_anything_of_another(cohort: Trial, theirs: dict[str, list[str]]) -> None:
    """Asked with the other site's ids and with one's own, in every address."""
    own = _own_values()
    leaks: dict[str, str] = {}
    users = {user.username: user for user in User.objects.all()}
    clients = _clients(SITE_ROLES)
    for name, route, view in routes():
        permission = view.theratrial_permission
        if permission == OPEN:
            continue
        askers = [one for one in SITE_ROLES if permission == SIGNED_IN or may(users[one], permission)]
        for username in _one_per_kind(askers):
            paths = list(dict.fromkeys([*_filled(name, route, theirs), *_filled(name, route, own)]))
            for path in paths:
                for method in ("get", "post"):
                    with transaction.atomic():
                        answer = getattr(clients[username], method)(
                            path, {"reason": "looked at", "meaning": "approved"}
                        )
                        for text in _texts(answer):
                            if shown := _shown_of_theirs(text, path):
                                leaks[f"{name} {method} {username}"] = (
                                    f"{answer.status_code} {path} {sorted(set(shown))[:4]}"
                                )
                        transaction.set_rollback(True)
                    if name == "people:sign-out" or name == "people:everywhere":
                        clients = _clients(SITE_ROLES)
    assert not leaks, "\n" + "\n".join(f"{key}: {value}" for key, value in leaks.items())


def _one_per_kind(askers: list[str]) -> list[str]:
    """Few who differ most in what they may see."""
    wanted = ("manager1", "coordinator1", "nuclear1", "monitor1", "pharmacist1")
    return [one for one in wanted if one in askers][:1] or askers[:1]


def _own_values() -> dict[str, list[str]]:
    site = Site.objects.order_by("pk").first()
    assert site is not None
    first = Record.objects.filter(table="administrations", site=site).order_by("sequence").first()
    batch = Record.objects.filter(table="batches").first()
    assert first is not None
    assert first.participant is not None
    assert batch is not None
    return {
        "code": [first.participant.code], "session": ["1"], "username": ["coordinator1"], "visit": ["follow_up"],
        "thing": ["follow_up"],
        "form": ["laboratory", "administration"], "column": ["value"], "table": ["consents"],
        "entity": ["capture_record"],
        "entity_id": [str(first.pk)], "record_id": [str(first.pk)], "group": [str(first.group), str(batch.group)],
        "number": ["1"],
        "site": [str(site.pk)], "kind": ["organ"], "test": ["platelets"], "region": ["liver"], "point": ["0"],
        "pharmacy.pk": [str(batch.pk)],
    }  # fmt: skip


LISTS = (
    ("ledger:list", "?participant=" + MARK + "-P01"), ("ledger:list", "?entity=capture_record&page=1"),
    ("ledger:list", "?entity=people_assignment"),
    ("ledger:as-of", "?table=administrations"), ("ledger:as-of", "?table=participants"), ("ledger:as-of",
    "?table=lesion_readings"),
    ("ledger:as-of", "?table=laboratory&participant=" + MARK + "-P01"), ("capture:queries", "?state=all"),
    ("capture:queries", "?q=" + MARK),
    ("participants:list", "?q=" + MARK), ("participants:list", "?state=all"), ("participants:calendar",
    "?month=2022-05"),
    ("trials:overview", "?all=1"), ("people:who", "?permission=records.enter&on=2026-11-23"), ("capture:verify",
    "?show=all"),
)  # fmt: skip


@pytest.mark.timeout(300)
@pytest.mark.parametrize("username", ["coordinator1", "manager1", "monitor1", "pharmacist1", "nuclear1"])
def test_U1_no_list_of_one_site_can_be_filtered_to_another(theirs: dict[str, list[str]], username: str) -> None:
    from django.urls import reverse

    client = _clients([username])[username]
    leaks = {}
    for name, query in LISTS:
        answer = client.get(reverse(name) + query)
        for text in _texts(answer):
            if shown := _shown_of_theirs(text, query):
                leaks[name + query] = sorted(set(shown))[:5]
    assert not leaks


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("path", "data"),
    [("/exports/folder/", {}), ("/exports/listings/", {"table": "administrations"}), ("/exports/listings/", {}),
    ("/exports/ledger/", {}),
     ("/ledger/export/", {}), ("/exports/certified-copy/", {}), ("/exports/certified-copy/participant/",
     {"participant": MARK + "-P01"}),
     ("/records/completeness/csv/", {})],
)  # fmt: skip
def test_U1_no_export_of_one_site_holds_anything_of_another(
    theirs: dict[str, list[str]], path: str, data: dict[str, str]
) -> None:
    client = _clients(["manager1"])["manager1"]
    if path == "/exports/certified-copy/participant/":
        data = {"participant": theirs["code"][0], "code": theirs["code"][0]}
    answer = client.post(path, data)
    shown = [one for text in _texts(answer) for one in _shown_of_theirs(text, str(data))]
    assert not shown, (answer.status_code, sorted(set(shown))[:10])


def test_the_marks_are_seen_by_who_may_see_them(theirs: dict[str, list[str]]) -> None:
    """Else the tests above would find nothing whatever leaked."""
    client = _clients(["investigator1"])["investigator1"]
    code = theirs["code"][0]
    for path in (
        f"/participants/{code}/",
        f"/ledger/participant/{code}/",
        f"/records/participant/{code}/",
        "/ledger/as-of/?table=administrations",
    ):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert f"{MARK}-" in answer.content.decode(), path
