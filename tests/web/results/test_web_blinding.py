"""A reader sees nothing of another reader's lesions before his own reading is signed: on no page, in no export."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from theratrial.web.capture.models import Query, Record
from theratrial.web.capture.queries import query_raised
from theratrial.web.capture.verification import rows_to_verify
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Event, Signature
from theratrial.web.ledger.signing import content_digest
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Assignment, Site, User
from theratrial.web.results.blinding import hidden_records
from theratrial.web.results.models import Computation
from theratrial.web.results.reading import READING
from theratrial.web.setup_site import SETUP
from theratrial.web.studies.reads import lesions
from theratrial.web.trials.selectors import the_trial

ClientOf = Callable[[str], Client]
PASSWORD = "a-password-for-trying-out"
MARK = "secretpelvis"
ADDRESS = "/results/participant/P01/response/"
LESION = {
    **{"i-timepoint": "baseline", "i-lesion_id": "own_1", "i-site": "liver", "i-role": "target", "i-status": "present"},
    **{"i-region_name": "own_1", "i-comment": ""},
}


@pytest.fixture
def other(demonstration: Any) -> list[Record]:
    """The lesions of P01 by another reader, both time points, each with a word that stands nowhere else."""
    with act(SETUP, "test.set-up", reason="marked"):
        Record.objects.filter(table="lesion_readings").update(source="form")
        found = list(Record.objects.filter(table="lesion_readings", participant__code="P01").order_by("sequence"))
        for one in found:
            one.cells = {**one.cells, "site": MARK + one.cells["timepoint"], "comment": MARK + one.cells["timepoint"]}
            one.form = "lesion_reading"
            one.save()
        assert {one.cells["timepoint"] for one in found} == {"baseline", "response"}
    return found


def page(client: Client, address: str) -> tuple[int, str]:
    answer = client.get(address)
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
    return answer.status_code, content.decode()


def read_and_signed(client: Client, timepoint: str, lesion: str = "own_1") -> None:
    """nuclear1 reads a lesion at a time point and signs all of his reading."""
    given = {**LESION, "i-timepoint": timepoint, "i-lesion_id": lesion}
    assert client.post(f"{ADDRESS}reading/", given).status_code == 302
    from theratrial.web.results.reading import readings_of

    own = readings_of(Participant.objects.get(code="P01")).of("nuclear1")
    assert own is not None
    fields = {
        **{"kind": READING, "key": own.key, "digest": content_digest(READING, own.key, own.content)},
        **{"meaning": "entered", "sign_username": "nuclear1", "sign_password": PASSWORD},
    }
    assert client.post(f"{ADDRESS}sign/", fields).status_code == 302


def pages(records: list[Record]) -> dict[str, str]:
    """Every page on which a lesion reading of P01 is shown."""
    one = records[0]
    asked = Query.objects.get(record=one)
    return {
        "forms": "/records/participant/P01/",
        "entry": f"/records/participant/P01/entry/{one.group}/",
        "edit": f"/records/participant/P01/form/lesion_reading/{one.group}/",
        "response": ADDRESS,
        "images of the whole body": "/images/participant/P01/whole-body/1/",
        "ledger": "/ledger/?participant=P01&entity=capture_record",
        "ledger of the participant": "/ledger/participant/P01/?entity=capture_record",
        "ledger of queries": "/ledger/?entity=capture_query",
        "as of": "/ledger/as-of/?table=lesion_readings&participant=P01",
        "row": f"/ledger/row/capture_record/{one.pk}/",
        "field": f"/ledger/row/capture_record/{one.pk}/?field=site",
        "queries": "/records/queries/",
        "queries of the participant": "/records/queries/participant/P01/",
        "query": f"/records/queries/{asked.pk}/",
        "question beside the field": f"/records/queries/ask/{one.pk}/site/",
        "verification": "/records/verification/P01/",
        "locks": "/records/locks/participant/P01/",
    }


def roles_added(name: str, *roles: str) -> None:
    """The reader gets every right that leads to the records; the right to read makes him blind all the same."""
    with act(SETUP, "test.set-up"):
        for role in roles:
            Assignment.objects.create(
                user=User.objects.get(username=name),
                role=role,
                site=Site.objects.first(),
                starts_at="2020-01-01T00:00Z",
            )


@pytest.fixture
def asked(other: list[Record]) -> Query:
    return query_raised(User.objects.get(username="monitor1"), f"Is it {MARK}baseline?", record=other[0], column="site")


def test_every_page_hides_the_readings_of_others(client_of: ClientOf, other: list[Record], asked: Query) -> None:
    roles_added("nuclear1", "monitor", "data_manager", "principal_investigator")
    client = client_of("nuclear1")
    for name, address in pages(other).items():
        assert MARK not in page(client, address)[1], name
    locks = page(client, pages(other)["locks"])[1]
    assert "record:" in locks
    assert not any(f"record:{one.pk}" in locks for one in other)
    for name in ("entry", "edit", "row", "field", "query", "question beside the field"):
        assert page(client, pages(other)[name])[0] == 404, name
    group = other[0].group
    preview = f"/records/participant/P01/form/lesion_reading/{group}/preview/"
    assert client.post(preview, {}).status_code == 404
    assert client.post(f"/records/entry/{group}/in-error/", {"reason": "x"}).status_code == 404
    assert client.post("/records/verification/P01/", {"cell": f"{other[0].pk}:site"}).status_code in (404, 422)


def test_who_reads_nothing_sees_them_on_the_same_pages(client_of: ClientOf, other: list[Record], asked: Query) -> None:
    with act(SETUP, "test.set-up"):
        for role in ("data_manager", "principal_investigator"):
            Assignment.objects.create(
                user=User.objects.get(username="monitor1"),
                role=role,
                site=Site.objects.first(),
                starts_at="2020-01-01T00:00Z",
            )
    seen = pages(other)
    # Pages of images and signatures need what this test does not make; the form is edited by readers alone.
    for name in ("edit", "images of the whole body"):
        del seen[name]
    locks = page(client_of("monitor1"), seen.pop("locks"))[1]
    assert all(f"record:{one.pk}" in locks for one in other)
    for name, address in seen.items():
        status, text = page(client_of("monitor1"), address)
        assert (status, MARK in text) == (200, True), name


def test_a_signed_time_point_shows_the_others_readings_of_it_alone(client_of: ClientOf, other: list[Record]) -> None:
    client = client_of("nuclear1")
    read_and_signed(client, "baseline")
    text = page(client, ADDRESS)[1]
    assert (f"{MARK}baseline" in text, f"{MARK}response" in text) == (True, False)
    ledger = page(client, "/ledger/as-of/?table=lesion_readings&participant=P01")[1]
    assert (f"{MARK}baseline" in ledger, f"{MARK}response" in ledger) == (True, False)
    read_and_signed(client, "response")
    assert f"{MARK}response" in page(client, ADDRESS)[1]
    assert not hidden_records(User.objects.get(username="nuclear1"), Participant.objects.get(code="P01"))


def test_a_reading_that_is_not_signed_or_whose_signature_is_void_opens_nothing(
    client_of: ClientOf, other: list[Record]
) -> None:
    client = client_of("nuclear1")
    assert client.post(f"{ADDRESS}reading/", LESION).status_code == 302
    assert MARK not in page(client, ADDRESS)[1]
    read_and_signed(client, "response")
    assert MARK in page(client, ADDRESS)[1]
    with act(SETUP, "test.change", reason="changed"):
        own = Record.objects.get(table="lesion_readings", cells__reader="nuclear1", cells__timepoint="baseline")
        own.cells = {**own.cells, "status": "resolved"}
        own.version += 1
        own.save()
    assert MARK not in page(client, ADDRESS)[1]


def test_the_signature_of_another_reader_tells_his_lesions_to_nobody_blind(
    client_of: ClientOf, other: list[Record]
) -> None:
    read_and_signed(client_of("nuclear1"), "baseline", "telltale_9")
    event = Event.objects.filter(entity="ledger_signature").latest("seq")
    signature = Signature.objects.get(pk=event.entity_id)
    assert signature.kind == READING
    address = f"/ledger/row/ledger_signature/{signature.pk}/"
    assert "telltale_9" in page(client_of("monitor1"), address)[1]
    assert page(client_of("nuclear2"), address)[0] == 404
    assert "telltale_9" not in page(client_of("nuclear2"), "/ledger/?participant=P01")[1]
    assert "telltale_9" in page(client_of("nuclear1"), address)[1]


def test_exports_leave_the_readings_out_and_copies_are_refused(client_of: ClientOf, other: list[Record]) -> None:
    roles_added("nuclear1", "principal_investigator")
    client = client_of("nuclear1")
    for address, given in (("/exports/listings/", {"table": "lesion_readings"}), ("/exports/folder/", {})):
        answer = client.post(address, given)
        archive = zipfile.ZipFile(io.BytesIO(answer.content))
        assert not any(MARK.encode() in archive.read(name) for name in archive.namelist()), address
        whole = zipfile.ZipFile(io.BytesIO(client_of("investigator1").post(address, given).content))
        assert any(MARK.encode() in whole.read(name) for name in whole.namelist()), address
    assert MARK not in b"".join(client.post("/ledger/export/", {}).streaming_content).decode()  # type: ignore[attr-defined]
    assert client.post("/exports/ledger/").status_code == 403
    assert client.post("/exports/certified-copy/").status_code == 403
    assert client.post("/exports/certified-copy/participant/", {"code": "P01"}).status_code == 403


def test_the_report_and_the_category_wait_for_the_readers_signature(
    client_of: ClientOf, other: list[Record], computed_site: Computation
) -> None:
    roles_added("nuclear1", "principal_investigator")
    report = f"/results/computation/{computed_site.pk}/report.html"
    assert client_of("nuclear1").get(report).status_code == 403
    assert client_of("investigator1").get(report).status_code == 200


def test_the_lesions_offered_beside_the_scans_are_those_that_the_reader_may_know(
    client_of: ClientOf, other: list[Record]
) -> None:
    one = Participant.objects.select_related("site").get(code="P01")
    reader, monitor = (User.objects.get(username=name) for name in ("nuclear1", "monitor1"))
    assert {lesion.site for lesion in lesions(one, monitor)} == {f"{MARK}baseline"}
    assert lesions(one, reader) == []
    assert len(rows_to_verify(one, monitor)) == len(rows_to_verify(one, reader)) + len(other)


def test_the_rule_costs_the_same_few_queries_for_everybody(
    other: list[Record], django_assert_max_num_queries: Any
) -> None:
    reader = User.objects.get(username="nuclear1")
    with django_assert_max_num_queries(6):
        hidden = hidden_records(reader)
    assert hidden.participants >= {"P01", "P02"}
    assert {one.pk for one in other} <= hidden.records


def test_monitors_and_investigators_are_not_blind(other: list[Record]) -> None:
    for name in ("monitor1", "investigator1", "manager1"):
        assert not hidden_records(User.objects.get(username=name)), name


def test_readings_imported_with_a_trial_folder_are_hidden_from_nobody(demonstration: Any) -> None:
    assert Record.objects.filter(table="lesion_readings").exists()
    assert not hidden_records(User.objects.get(username="nuclear1"))


@pytest.mark.parametrize(("source", "said"), [("form", "without knowledge of any other"), ("import", "open to me")])
def test_who_signs_says_no_more_of_her_independence_than_is_so(
    client_of: ClientOf, other: list[Record], source: str, said: str
) -> None:
    with act(SETUP, "test.set-up", reason="moved in"):
        Record.objects.filter(table__in=FURTHER_FORMS).update(source="form")
        Record.objects.filter(pk__in=[one.pk for one in other]).update(source=source)
    client = client_of("nuclear1")
    assert client.post(f"{ADDRESS}reading/", LESION).status_code == 302
    _status, text = page(client, ADDRESS)
    assert [one in text for one in ("without knowledge of any other", "open to me")] == [
        one == said for one in ("without knowledge of any other", "open to me")
    ]


MEASURED = {
    **{"organ": f"{MARK}organ", "role": "target", "nodal": "no", "status": "measured", "length_mm": "77.7"},
    **{"measured_on": "2022-01-24", "modality": "CT", "comment": f"{MARK}comment"},
}
CLASSED = {
    **{"timepoint": "baseline", "read_at": "2022-01-24T18:40:00+03:30", "known_from": "ct", "uptake_class": "high"},
    **{"volume_mL": "77.7"},
}
FURTHER_FORMS = {"tumour_measurements": "tumour_measurement", "lesion_classes": "lesion_class"}


def row_made(table: str, reader: str, lesion: str, **cells: str) -> Record:
    """A line that was typed into the form."""
    base = MEASURED if table == "tumour_measurements" else CLASSED
    one = Participant.objects.select_related("site").get(code="P01")
    with act(SETUP, "test.set-up", reason="typed"):
        return Record.objects.create(
            table=table,
            participant=one,
            site=one.site,
            sequence=9_000_000 + Record.objects.count(),
            cells={"participant_id": "P01", "reader": reader, "lesion_id": lesion, **base, **cells},
            form=FURTHER_FORMS[table],
            protocol_version=the_trial().in_force,
            source="form",
        )


def signed_by(client: Client, reader: str) -> int:
    """The reader signs what he has by now."""
    from theratrial.web.results.reading import readings_of

    own = readings_of(Participant.objects.get(code="P01")).of(reader)
    assert own is not None
    fields = {
        **{"kind": READING, "key": own.key, "digest": content_digest(READING, own.key, own.content)},
        **{"meaning": "entered", "sign_username": reader, "sign_password": PASSWORD},
    }
    return client.post(f"{ADDRESS}sign/", fields).status_code


@pytest.mark.parametrize("table", sorted(FURTHER_FORMS))
def test_diameters_and_classes_of_another_reader_are_on_no_page_of_a_blind_one(
    client_of: ClientOf, demonstration: Any, table: str
) -> None:
    told = row_made(table, "nuclear2", f"{MARK}_1")
    query = query_raised(User.objects.get(username="monitor1"), f"Is it {MARK}?", record=told, column="lesion_id")
    roles_added("nuclear1", "monitor", "data_manager", "principal_investigator")
    roles_added("monitor1", "data_manager", "principal_investigator")
    form, group = FURTHER_FORMS[table], told.group
    addresses = {
        "forms": "/records/participant/P01/",
        "entry": f"/records/participant/P01/entry/{group}/",
        "response": ADDRESS,
        "completeness": "/records/completeness/participant/P01/",
        "ledger": "/ledger/?participant=P01&entity=capture_record",
        "ledger of the participant": "/ledger/participant/P01/?entity=capture_record",
        "as of": f"/ledger/as-of/?table={table}&participant=P01",
        "row": f"/ledger/row/capture_record/{told.pk}/",
        "queries": "/records/queries/",
        "query": f"/records/queries/{query.pk}/",
        "verification": "/records/verification/P01/",
        "locks": "/records/locks/participant/P01/",
        "images of the whole body": "/images/participant/P01/whole-body/1/",
    }
    client, monitor = client_of("nuclear1"), client_of("monitor1")
    for name, address in addresses.items():
        text = page(client, address)[1]
        assert MARK not in text, name
        assert f"record:{told.pk}" not in text, name
    edit = f"/records/participant/P01/form/{form}/{group}/"
    for address in (addresses["entry"], addresses["row"], addresses["query"], edit):
        assert page(client, address)[0] == 404, address
    assert client.post(f"{edit}preview/", {}).status_code == 404
    assert client.post(f"/records/entry/{group}/in-error/", {"reason": "x"}).status_code == 404
    # The same pages tell it to who reads nothing: the test would otherwise pass on pages that show nobody anything.
    for name in set(addresses) - {"completeness", "locks", "images of the whole body"}:
        assert MARK in page(monitor, addresses[name])[1], name
    for address, given in (("/exports/listings/", {"table": table}), ("/exports/folder/", {})):
        archive = zipfile.ZipFile(io.BytesIO(client.post(address, given).content))
        assert not any(MARK.encode() in archive.read(name) for name in archive.namelist()), address


@pytest.mark.parametrize("table", sorted(FURTHER_FORMS))
def test_one_signature_opens_what_was_read_of_the_same_images_and_no_other_table(
    client_of: ClientOf, demonstration: Any, table: str
) -> None:
    place = "measured_on" if table == "tumour_measurements" else "timepoint"
    same, later = ("2022-01-24", "2022-06-30") if place == "measured_on" else ("baseline", "response")
    other_table = next(one for one in FURTHER_FORMS if one != table)
    seen = row_made(table, "nuclear2", "theirs", **{place: same})
    hidden = {
        row_made(table, "nuclear2", "theirs", **{place: later}).pk,
        row_made(other_table, "nuclear2", "theirs").pk,
    }
    reader, one = User.objects.get(username="nuclear1"), Participant.objects.get(code="P01")
    assert hidden_records(reader, one).records == {seen.pk, *hidden}
    own = row_made(table, "nuclear1", "mine", **{place: same})
    assert hidden_records(reader, one).records == {seen.pk, *hidden}, "entered is not signed"
    client = client_of("nuclear1")
    assert "mine" in page(client, ADDRESS)[1]
    assert signed_by(client, "nuclear1") == 302
    assert hidden_records(reader, one).records == hidden
    with act(SETUP, "test.change", reason="changed"):
        own.cells = {**own.cells, "lesion_id": "mine_after_all"}
        own.version += 1
        own.save()
    assert hidden_records(reader, one).records == {seen.pk, *hidden}, "a change after the signature blinds again"


def test_a_signed_reading_of_the_pet_opens_no_diameters(client_of: ClientOf, other: list[Record]) -> None:
    told = row_made("tumour_measurements", "nuclear2", "theirs")
    client = client_of("nuclear1")
    read_and_signed(client, "baseline")
    read_and_signed(client, "response")
    reader, one = User.objects.get(username="nuclear1"), Participant.objects.get(code="P01")
    assert hidden_records(reader, one).records == {told.pk}


def test_who_measured_alone_is_no_reader_to_be_adjudicated(demonstration: Any) -> None:
    from theratrial.web.results.reading import adjudication_content, readings_of

    one = Participant.objects.get(code="P01")
    before = readings_of(one)
    row_made("tumour_measurements", "nuclear2", "theirs")
    after = readings_of(one)
    assert after.differing == before.differing
    assert [reading.reader for reading in after.of_lesions] == [reading.reader for reading in before.of_lesions]
    chosen = before.of_lesions[0].reader
    assert adjudication_content("P01", after.readings, chosen) == adjudication_content("P01", before.readings, chosen)
