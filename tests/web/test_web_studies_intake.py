"""Taking images in: what arrives is stored once and whole, matched to the plan or explained."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pydicom.uid import generate_uid
from tests.web.web_dicom_files import batch, ct_slices, whole_body, zipped

from theratrial.web.capture.models import Query, Record
from theratrial.web.capture.services import record_change
from theratrial.web.ledger.act import SystemActor, act
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Site, User
from theratrial.web.studies import arrivals, reading, selectors, services, store
from theratrial.web.studies.judging import participant_judged
from theratrial.web.studies.models import Instance, Series, StoredFile, Upload

HOUR = timedelta(hours=1)
ROBOT = SystemActor("test")


pytestmark = pytest.mark.usefixtures("own_images")


@pytest.fixture
def sender(p01: Participant, client_of: Callable[[str], Client]) -> Client:
    return client_of("coordinator1")


def injected(code: str, session: int) -> datetime:
    for record in Record.objects.filter(table="administrations", participant__code=code):
        if record.cells.get("session") == str(session):
            return datetime.fromisoformat(record.cells["injected_at"])
    raise AssertionError("the cohort has no such administration")


def begun(client: Client) -> str:
    answer = client.post("/images/upload/begin/", {"site": Site.objects.order_by("pk")[0].pk})
    assert answer.status_code == 201
    return str(answer.json()["id"])


def put(client: Client, upload: str, body: bytes) -> Any:
    return client.put(f"/images/uploads/{upload}/files/", body, content_type="application/octet-stream")


def sent(client: Client, *files: tuple[str, bytes]) -> Upload:
    upload = begun(client)
    assert put(client, upload, batch(files)).status_code == 200
    assert client.post(f"/images/uploads/{upload}/finish/").status_code == 200
    services.upload_read(upload)
    return Upload.objects.get(pk=upload)


def stored_names() -> set[str]:
    root = store.stored_path("0" * 64).parents[2]
    return {path.name for path in root.rglob("*") if path.is_file() and "incoming" not in path.parts}


def test_a_scan_in_its_window_is_matched_and_its_bytes_are_kept_as_they_came(sender: Client, p01: Participant) -> None:
    content = whole_body("P01", injected("P01", 1) + 24 * HOUR)
    upload = sent(sender, ("folder/one.dcm", content), ("folder/readme.txt", b"hello"))
    row = Series.objects.get()
    assert (row.participant, row.imaging, row.session, row.part, row.state) == (
        p01,
        "whole_body_24h",
        1,
        "image",
        "matched",
    )
    sha256 = hashlib.sha256(content).hexdigest()
    assert store.stored_path(sha256).read_bytes() == content
    assert Instance.objects.get().name == "folder/one.dcm"
    assert upload.state == "done"
    assert upload.passed_over == [{"name": "folder/readme.txt", "reason": "is not a DICOM file"}]
    assert selectors.image_files_of(p01) == [(f"P01/NM-{str(row.pk)[:8]}/{sha256}.dcm", store.stored_path(sha256))]


def test_the_same_folder_again_stores_nothing_and_says_that_it_is_known(sender: Client) -> None:
    content = whole_body("P01", injected("P01", 1) + 24 * HOUR)
    sent(sender, ("a.dcm", content))
    again = sent(sender, ("other/name.dcm", content))
    assert again.known == 1
    assert (Series.objects.count(), Instance.objects.count(), StoredFile.objects.count()) == (1, 1, 1)
    assert stored_names() == {hashlib.sha256(content).hexdigest()}


def test_one_instance_with_other_content_is_kept_apart_as_a_conflict(sender: Client) -> None:
    at, uid, sop = injected("P01", 1) + 24 * HOUR, generate_uid(), generate_uid()
    sent(sender, ("a.dcm", whole_body("P01", at, uid=uid, sop=sop)))
    sent(sender, ("b.dcm", whole_body("P01", at, uid=uid, sop=sop, counts=5)))
    states = {row.state: [one["rule"] for one in row.because] for row in Series.objects.all()}
    assert states == {"matched": [], "quarantined": ["conflicting_duplicate"]}


def test_slices_that_come_later_complete_their_series_and_close_the_query_about_the_gap(sender: Client) -> None:
    at, uid = injected("P01", 1) + 24 * HOUR, "1.2.3.4"
    slices = ct_slices("P01", at, 6, uid=uid)
    sent(sender, *((f"{n}.dcm", one) for n, one in enumerate(slices) if n != 3))
    row = Series.objects.get()
    assert "1 slice(s) missing" in row.header["gap"]
    sent(sender, ("3.dcm", slices[3]))
    row.refresh_from_db()
    assert row.header["gap"] == ""
    assert row.instances.count() == 6
    assert Series.objects.count() == 1


@pytest.mark.parametrize(("hours", "rule"), [(35.9, "outside_windows"), (-5.0, "outside_windows")])
def test_a_scan_far_outside_every_window_is_quarantined_with_the_hours(sender: Client, hours: float, rule: str) -> None:
    last = max(injected("P01", n) for n in sessions("P01"))
    at = (last + 90 * HOUR) if hours > 0 else (injected("P01", 1) + hours * HOUR)
    sent(sender, ("a.dcm", whole_body("P01", at)))
    row = Series.objects.get()
    assert [one["rule"] for one in row.because] == [rule]
    assert "h after it" in row.because[0]["message"]


def sessions(code: str) -> list[int]:
    records = Record.objects.filter(table="administrations", participant__code=code)
    return sorted(int(one.cells["session"]) for one in records if one.cells.get("session"))


def test_a_stranger_and_a_participant_of_another_site_get_the_same_words(sender: Client, p01: Participant) -> None:
    with act(ROBOT, "test"):
        other = Site.objects.create(code="OTHER", name="Other", timezone="UTC")
        Participant.objects.create(code="Q77", site=other, screened_on="2022-01-01")
    at = injected("P01", 1) + 24 * HOUR
    sent(sender, ("a.dcm", whole_body("NOBODY", at)), ("b.dcm", whole_body("Q77", at)))
    because = [row.because for row in Series.objects.all()]
    assert because[0] == because[1]
    assert because[0][0]["rule"] == "patient_unknown"
    assert not Series.objects.exclude(participant=None).exists()


def test_a_name_in_the_header_keeps_the_series_back_and_is_written_nowhere(sender: Client, p01: Participant) -> None:
    sent(sender, ("a.dcm", whole_body("P01", injected("P01", 1) + 24 * HOUR, name="Invented^Person")))
    row = Series.objects.get()
    assert row.state == "quarantined"
    assert [one["rule"] for one in row.because] == ["identifying_name"]
    assert "Invented" not in str(row.header) + str(row.because)
    assert "Invented" not in sender.get("/images/quarantine/").content.decode()
    assert selectors.image_files_of(p01) == []


def test_an_image_before_consent_is_quarantined_until_the_date_is_corrected(sender: Client, p01: Participant) -> None:
    consent = Record.objects.filter(table="consents", participant=p01).first()
    assert consent is not None
    at = datetime.fromisoformat(consent.cells["signed_at"]) - 48 * HOUR
    sent(sender, ("a.dcm", whole_body("P01", at)))
    row = Series.objects.get()
    assert [one["rule"] for one in row.because] == ["before_consent"]


def test_a_corrected_administration_releases_the_scan_when_checked_again(sender: Client, p01: Participant) -> None:
    record = next(
        one
        for one in Record.objects.filter(table="administrations", participant=p01)
        if one.cells.get("session") == str(max(sessions("P01")))
    )
    right = datetime.fromisoformat(record.cells["injected_at"])
    sent(sender, ("a.dcm", whole_body("P01", right + 100 * HOUR)))
    row = Series.objects.get()
    assert row.state == "quarantined"
    moved = {**record.cells}
    for column in ("injected_at", "measured_at", "residual_measured_at"):
        if moved.get(column):
            moved[column] = (datetime.fromisoformat(moved[column]) + 76 * HOUR).isoformat()
    coordinator = User.objects.get(username="coordinator1")
    record_change(coordinator, record, moved, seen_version=record.version, reason="typed the wrong day")
    answer = sender.post(f"/images/series/{row.pk}/check-again/")
    assert answer.status_code == 302
    row.refresh_from_db()
    assert (row.state, row.imaging) == ("matched", "whole_body_24h")


def test_assigning_needs_a_reason_and_maps_a_wrong_patient_id_without_touching_the_file(
    sender: Client, p01: Participant
) -> None:
    content = whole_body("P-01", injected("P01", 1) + 24 * HOUR)
    sent(sender, ("a.dcm", content))
    row = Series.objects.get()
    form = {"participant": "P01", "imaging": "whole_body_24h", "session": "1", "part": "image", "reason": " "}
    assert sender.post(f"/images/series/{row.pk}/assign/", form).status_code == 422
    assert sender.post(f"/images/series/{row.pk}/assign/", form | {"reason": "worklist typo"}).status_code == 302
    row.refresh_from_db()
    assert (row.participant, row.patient_id, row.settled_by, row.state) == (p01, "P-01", "coordinator1", "matched")
    sha256 = hashlib.sha256(content).hexdigest()
    assert store.stored_path(sha256).read_bytes() == content
    [(name, path)] = selectors.image_files_of(p01)
    assert "PatientID-corrected" in name
    import pydicom

    assert pydicom.dcmread(path).PatientID == "P01"
    assert pydicom.dcmread(path).PixelData == pydicom.dcmread(store.stored_path(sha256)).PixelData


def test_a_second_scan_of_one_time_point_waits_until_the_first_is_set_aside(sender: Client) -> None:
    at = injected("P01", 1)
    sent(sender, ("a.dcm", whole_body("P01", at + 24 * HOUR)))
    sent(sender, ("b.dcm", whole_body("P01", at + 25 * HOUR)))
    first = Series.objects.get(state="matched")
    second = Series.objects.get(state="quarantined")
    assert second.because[0]["rule"] == "second_image"
    assert sender.post(f"/images/series/{first.pk}/set-aside/", {"reason": "moved"}).status_code == 302
    second.refresh_from_db()
    assert (second.state, second.imaging) == ("matched", "whole_body_24h")


def test_a_late_scan_opens_one_query_however_often_it_is_judged_and_it_closes_itself(
    sender: Client, p01: Participant
) -> None:
    sent(sender, ("a.dcm", whole_body("P01", injected("P01", 1) + 31 * HOUR)))
    row = Series.objects.get()
    assert row.state == "matched"
    window = Query.objects.get(rule="arrival.window")
    assert (window.state, window.subject) == ("open", "image:whole_body_24h/1")
    sender.post(f"/images/series/{row.pk}/check-again/")
    assert Query.objects.filter(rule="arrival.window").count() == 1
    sender.post(f"/images/series/{row.pk}/set-aside/", {"reason": "wrong patient"})
    window.refresh_from_db()
    assert window.state == "closed"
    assert window.messages.last().author.startswith("system:")


def test_one_view_and_a_foreign_energy_window_are_asked_about(sender: Client) -> None:
    at = injected("P01", 1) + 24 * HOUR
    sent(sender, ("a.dcm", whole_body("P01", at, views=1, window_keV=(126.0, 154.0))))
    rules = set(Query.objects.values_list("rule", flat=True))
    assert {"arrival.views", "arrival.energy_windows"} <= rules


@pytest.mark.parametrize(
    ("fact", "stated", "rule", "said"),
    [
        ("weight_kg", 140.0, "arrival.weight", "140 kg"),
        ("injected_activity_MBq", 15000.0, "arrival.activity", "1.5e+04 MBq injected"),
        ("injected_at", "2022-01-01T00:00:00+03:30", "arrival.injection_time", "2022-01-01 00:00"),
    ],
)
def test_a_header_that_differs_from_the_record_is_asked_about_and_agreement_closes_it(
    sender: Client, p01: Participant, fact: str, stated: Any, rule: str, said: str
) -> None:
    sent(sender, ("a.dcm", whole_body("P01", injected("P01", 1) + 24 * HOUR)))
    row = Series.objects.get()
    for value, state in ((stated, "open"), (None, "closed")):
        with act(ROBOT, "test"):
            row.header = {**row.header, "facts": {**row.header["facts"], fact: value}}
            row.save()
        participant_judged(ROBOT, p01)
        query = Query.objects.get(rule=rule)
        assert query.state == state
        assert said in query.text


def test_an_injection_in_the_header_that_cannot_belong_to_the_scan_is_asked_about(
    sender: Client, p01: Participant
) -> None:
    at = injected("P01", 1)
    sent(sender, ("a.dcm", whole_body("P01", at + 24 * HOUR, injected_at=at - timedelta(days=1700))))
    assert f"{at - timedelta(days=1700):%Y-%m-%d}" in Query.objects.get(rule="arrival.injection_time").text


def test_an_acquisition_after_its_reception_is_asked_about(sender: Client, p01: Participant) -> None:
    at = injected("P01", 1) + 24 * HOUR
    sent(sender, ("a.dcm", whole_body("P01", at)))
    for minutes, asked in ((14, False), (16, True)):
        with act(ROBOT, "test"):
            Upload.objects.update(received_at=at - timedelta(minutes=minutes))
        participant_judged(ROBOT, p01)
        assert Query.objects.filter(rule="arrival.ahead").exists() is asked


def test_two_files_of_one_name_and_size_are_both_taken(sender: Client) -> None:
    at = injected("P01", 1)
    files = [("0000.dcm", whole_body("P01", at + hours * HOUR)) for hours in (24, 48)]
    assert len(files[0][1]) == len(files[1][1])
    upload = sent(sender, *files)
    assert upload.files == 2
    assert Series.objects.filter(state="matched").count() == 2


def test_a_good_scan_raises_no_query(sender: Client) -> None:
    sent(sender, ("a.dcm", whole_body("P01", injected("P01", 1) + 24 * HOUR)))
    assert list(Query.objects.filter(rule__startswith="arrival.")) == []


def test_a_broken_line_keeps_whole_files_and_the_rest_is_sent_again(sender: Client) -> None:
    at = injected("P01", 1)
    files = [("a.dcm", whole_body("P01", at + 24 * HOUR)), ("b.dcm", whole_body("P01", at + 48 * HOUR))]
    upload = begun(sender)
    answer = put(sender, upload, batch(files)[:-100])
    assert answer.status_code == 400
    assert answer.json() == {"error": answer.json()["error"], "taken": 1, "again": True}
    have = sender.get(f"/images/uploads/{upload}/have/").json()["have"]
    assert have == [["a.dcm", len(files[0][1])]]
    assert not [path for path in store.incoming_folder(upload).iterdir() if path.name.startswith(".part")]
    assert put(sender, upload, batch(files[1:])).status_code == 200
    sender.post(f"/images/uploads/{upload}/finish/")
    services.upload_read(upload)
    assert Series.objects.filter(state="matched").count() == 2


def test_a_full_disk_answers_507_and_leaves_nothing(sender: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    upload = begun(sender)
    monkeypatch.setattr(os, "fsync", full)
    answer = put(sender, upload, batch([("a.dcm", whole_body("P01", injected("P01", 1) + 24 * HOUR))]))
    assert answer.status_code == 507
    assert "disk" in answer.json()["error"]
    assert list(store.incoming_folder(upload).iterdir()) == []


def test_a_cancelled_upload_leaves_no_file(sender: Client) -> None:
    upload = begun(sender)
    put(sender, upload, batch([("a.dcm", whole_body("P01", injected("P01", 1) + 24 * HOUR))]))
    assert store.incoming_folder(upload).exists()
    assert sender.post(f"/images/uploads/{upload}/cancel/").status_code == 302
    assert not store.incoming_folder(upload).exists()
    assert put(sender, upload, batch([("a.dcm", b"x")])).status_code == 422
    assert Upload.objects.get(pk=upload).state == "cancelled"


def test_reading_that_was_killed_halfway_goes_on_and_registers_every_file_once(
    sender: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = injected("P01", 1)
    upload = begun(sender)
    put(sender, upload, batch([(f"{h}.dcm", whole_body("P01", at + h * HOUR)) for h in (24, 48)]))
    sender.post(f"/images/uploads/{upload}/finish/")
    moved: list[str] = []
    really = store.moved_in

    def killed(source: Path, sha256: str) -> None:
        if moved:
            raise KeyboardInterrupt
        really(source, sha256)
        moved.append(sha256)

    monkeypatch.setattr(store, "moved_in", killed)
    with pytest.raises(KeyboardInterrupt):
        services.upload_read(upload)
    assert (Series.objects.count(), StoredFile.objects.count()) == (0, 0)
    monkeypatch.setattr(store, "moved_in", really)
    assert services.uploads_resumed() == 1
    services.upload_read(upload)
    assert Series.objects.filter(state="matched").count() == 2
    assert len(stored_names()) == 2
    services.upload_read(upload)
    assert Instance.objects.count() == 2


def test_a_folder_of_this_machine_is_linked_in_and_stays_as_it_is(p01: Participant, tmp_path: Path) -> None:
    content = whole_body("P01", injected("P01", 1) + 24 * HOUR)
    folder = tmp_path / "P01"
    folder.mkdir()
    (folder / "a.dcm").write_bytes(content)
    upload = services.folder_received(folder, ROBOT, p01.site)
    kept = store.stored_path(hashlib.sha256(content).hexdigest())
    assert upload.state == "done"
    assert kept.samefile(folder / "a.dcm")
    assert services.folder_received(folder, ROBOT, p01.site).known == 1


def test_two_uploads_of_one_folder_at_the_same_time_register_it_once(
    sender: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = injected("P01", 1)
    files = batch([(f"{h}.dcm", whole_body("P01", at + h * HOUR)) for h in (24, 48)])
    first, second = begun(sender), begun(sender)
    for upload in (first, second):
        put(sender, upload, files)
        sender.post(f"/images/uploads/{upload}/finish/")
    really = reading.read

    def overtaken(*args: Any, **named: Any) -> reading.Read:
        done = really(*args, **named)
        monkeypatch.setattr(reading, "read", really)
        services.upload_read(second)
        return done

    monkeypatch.setattr(reading, "read", overtaken)
    services.upload_read(first)
    assert (Series.objects.count(), Instance.objects.count(), StoredFile.objects.count()) == (2, 2, 2)
    assert {str(one.pk): one.known for one in Upload.objects.all()} == {first: 2, second: 0}
    assert len(stored_names()) == 2


def test_a_zip_is_unpacked_and_its_files_are_matched(sender: Client) -> None:
    at = injected("P01", 1)
    content = zipped([(f"x/{h}.dcm", whole_body("P01", at + h * HOUR)) for h in (24, 48)] + [("notes.txt", b"n")])
    upload = sent(sender, ("scans.zip", content))
    assert Series.objects.filter(state="matched").count() == 2
    assert upload.passed_over == [{"name": "scans.zip/notes.txt", "reason": "is not a DICOM file"}]


def test_every_odd_file_is_taken_or_explained(sender: Client, shared: Path) -> None:
    odd = shared / "data" / "odd_dicom"
    files = [(path.name, path.read_bytes()) for path in sorted(odd.iterdir())]
    upload = sent(sender, *files)
    assert upload.state == "done"
    explained = {one["name"] for one in upload.passed_over}
    taken = set(Instance.objects.values_list("name", flat=True))
    assert explained | taken == {name for name, _content in files}
    assert not explained & taken
    for row in Series.objects.all():
        assert sender.get(f"/images/series/{row.pk}/").status_code == 200


def test_names_lead_nowhere() -> None:
    assert arrivals.harmless("../../etc/passwd") == "etc/passwd"
    assert arrivals.harmless("/abs/C:\\x\\..\\y.dcm") == "abs/x/y.dcm"
    assert arrivals.harmless("\x00..") == "(no name)"
