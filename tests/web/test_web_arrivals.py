"""The answer to who sends images: accepted, asked about or in quarantine, on the page beside the camera."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from django.test import Client
from tests.web.web_dicom_files import ct_slices, whole_body

from theratrial.web.capture.models import Query, Record
from theratrial.web.dicom_node.peers import Sender
from theratrial.web.ledger.act import SystemActor, act
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Site, User
from theratrial.web.studies import arrivals, services, store
from theratrial.web.studies.models import Instance, Series, Upload

HOUR = timedelta(hours=1)


pytestmark = pytest.mark.usefixtures("own_images")


@pytest.fixture
def elsewhere(p01: Participant) -> Site:
    """A second site, at which the coordinator has no role."""
    with act(SystemActor("test"), "test"):
        return Site.objects.create(code="OTHER", name="Elsewhere", timezone="UTC")


def injected(session: int = 1) -> datetime:
    for record in Record.objects.filter(table="administrations", participant__code="P01"):
        if record.cells.get("session") == str(session):
            return datetime.fromisoformat(record.cells["injected_at"])
    raise AssertionError("the cohort has no such administration")


def delivered(site: Site, *files: bytes, known: bool = True, title: str = "CT01") -> Upload:
    """As the node hands over what a sender sent."""
    sender = Sender(title, site, known=known, key=1)
    upload = services.upload_begun(
        sender.actor, site, source="dicom", sender=sender.ae_title, unknown_sender=not sender.known
    )
    folder = store.incoming_folder(str(upload.pk))
    for number, content in enumerate(files):
        came = store.written(BytesIO(content).read, folder, most=10**9)
        arrivals.journalled(str(upload.pk), arrivals.Arrived(f"1.2.{number}.dcm", came.size, came.sha256))
    services.upload_finished(sender.actor, upload)
    services.upload_read(str(upload.pk))
    return Upload.objects.get(pk=upload.pk)


def changed(content: bytes, **values: Any) -> bytes:
    dataset = pydicom.dcmread(BytesIO(content))
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    stream = BytesIO()
    pydicom.dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()


def page(client: Client, *, persian: bool = False) -> str:
    if persian:
        client.cookies["theratrial_language"] = "fa"
    answer = client.get("/images/arrivals/", headers={"HX-Target": "arrivals"})
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_a_scan_in_its_window_is_accepted_and_one_outside_says_the_hours(
    p01: Participant, client_of: Callable[[str], Client]
) -> None:
    client = client_of("coordinator1")
    assert "Nothing has arrived yet" in page(client)
    delivered(p01.site, whole_body("P01", injected() + 24 * HOUR))
    first = page(client)
    assert "✓ Accepted" in first
    assert "CT01" in first
    assert "Whole-body scan 24 h after injection" in first
    assert "whole_body_24h" not in first, "the code of the protocol's clause says nothing to who stands at the camera"
    given = Record.objects.filter(table="administrations", participant=p01)
    last = max(int(one.cells["session"]) for one in given if one.cells.get("session"))
    delivered(p01.site, whole_body("P01", injected(last) + 90 * HOUR))
    second = page(client)
    assert second.index("✕ In quarantine") < second.index("✓ Accepted"), "the newest stands first"
    assert "90.0 h after it" in second
    assert "در قرنطینه" in page(client, persian=True)


def test_an_accepted_scan_with_questions_shows_them_and_links_to_the_queries(
    p01: Participant, client_of: Callable[[str], Client]
) -> None:
    at = injected() + 24 * HOUR
    delivered(p01.site, whole_body("P01", at, injected_at=injected() - 3 * HOUR))
    shown = page(client_of("physicist1"))
    query = Query.objects.get(rule="arrival.injection_time")
    assert "Accepted, with questions" in shown
    assert f"/records/queries/{query.pk}/" in shown
    assert "✓ Accepted" not in shown


def test_who_may_not_see_a_site_sees_nothing_of_its_arrivals(
    p01: Participant, elsewhere: Site, client_of: Callable[[str], Client]
) -> None:
    delivered(elsewhere, whole_body("P01", injected() + 24 * HOUR), title="OTHERCAM")
    assert "OTHERCAM" not in page(client_of("coordinator1"))


def test_frames_and_images_that_the_header_promises_and_that_are_missing_are_asked_for(p01: Participant) -> None:
    at = injected() + 24 * HOUR
    one_view = changed(whole_body("P01", at, views=1), NumberOfDetectors=2)
    delivered(p01.site, one_view)
    query = Query.objects.get(rule="arrival.incomplete")
    assert "states 2 views or slices, the image has 1 frames" in query.text
    row = Series.objects.get()
    assert (row.header["facts"]["frames"], row.header["facts"]["frames_stated"]) == (1, 2)


def test_what_a_ct_states_of_its_images_is_kept_for_the_check(p01: Participant) -> None:
    files = [changed(one, ImagesInAcquisition=9) for one in ct_slices("P01", injected(), 4, uid="1.2.3")]
    delivered(p01.site, *files)
    row = Series.objects.get()
    assert row.header["facts"]["images_stated"] == 9
    assert row.header["catalogue"]["instances"] == 4


def test_what_an_unknown_sender_sent_waits_though_it_would_fit(p01: Participant) -> None:
    upload = delivered(p01.site, whole_body("P01", injected() + 24 * HOUR), known=False)
    row = Series.objects.get()
    assert (row.state, [one["rule"] for one in row.because]) == ("quarantined", ["unknown_sender"])
    assert upload.received_by == "dicom:CT01"


def test_an_instance_that_came_by_another_way_is_known_and_no_conflict(p01: Participant) -> None:
    content = whole_body("P01", injected() + 24 * HOUR)
    delivered(p01.site, content)
    # Another program's file meta information and encoding; the same data set.
    dataset = pydicom.dcmread(BytesIO(content))
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    dataset.file_meta.ImplementationVersionName = "OTHER"
    stream = BytesIO()
    pydicom.dcmwrite(stream, dataset, enforce_file_format=True, implicit_vr=True, little_endian=True)
    assert stream.getvalue() != content
    assert delivered(p01.site, stream.getvalue()).known == 1
    assert Series.objects.count() == 1
    assert Instance.objects.count() == 1
    # One pixel more is another image.
    delivered(p01.site, changed(content, PixelData=b"\x09" + dataset.PixelData[1:]))
    assert {row.state for row in Series.objects.all()} == {"matched", "quarantined"}


def test_an_acknowledged_file_that_finds_no_place_is_kept_for_the_administrator(
    p01: Participant, settings: Any
) -> None:
    content = whole_body("P01", injected() + 24 * HOUR)
    other = changed(content, PatientComments="other content")
    upload = delivered(p01.site, content, other)
    assert len(upload.passed_over) == 1
    (kept,) = Path(settings.MEDIA_ROOT, "unregistered", str(upload.pk)).iterdir()
    assert kept.read_bytes() in (content, other)


def test_a_delivery_never_stands_under_the_account_of_the_same_name(p01: Participant) -> None:
    delivered(p01.site, whole_body("P01", injected() + 24 * HOUR), title="coordinator1")
    from theratrial.web.ledger.models import Event

    events = Event.objects.filter(entity__startswith="studies_", actor__contains="coordinator1")
    assert {(one.actor, one.actor_kind) for one in events} == {("dicom:coordinator1", "system")}


# Peers ----------------------------------------------------------------------------------------------------------

GOOD = {"name": "Camera", "ae_title": "CAM1", "host": "10.0.0.7", "port": "104", "may_send": "on"}


def test_an_administrator_enters_changes_and_closes_a_peer_with_its_acts_in_the_ledger(
    p01: Participant, client_of: Callable[[str], Client]
) -> None:
    from theratrial.web.dicom_node.models import Peer
    from theratrial.web.ledger.models import Event

    client, given = client_of("administrator1"), {**GOOD, "site": p01.site_id}
    assert client.post("/network/peers/enter/", given).status_code == 302
    row = Peer.objects.get()
    assert (row.ae_title, row.may_send, row.may_be_asked, row.site) == ("CAM1", True, False, p01.site)
    changing = {**given, "host": "10.0.0.8"}
    assert client.post(f"/network/peers/{row.pk}/", changing).status_code == 422, "without a reason"
    assert client.post(f"/network/peers/{row.pk}/", {**changing, "reason": "moved"}).status_code == 302
    assert Peer.objects.get().host == "10.0.0.8"
    assert client.post(f"/network/peers/{row.pk}/close/", {"reason": "sold"}).status_code == 302
    assert not Peer.objects.get().is_active
    assert client.post("/network/peers/enter/", given).status_code == 302, "its AE title is free again"
    events = Event.objects.filter(entity="dicom_node_peer").order_by("seq").values_list("action", "actor", "reason")
    assert list(events) == [
        ("dicom-peer.enter", "administrator1", ""),
        ("dicom-peer.change", "administrator1", "moved"),
        ("dicom-peer.close", "administrator1", "sold"),
        ("dicom-peer.enter", "administrator1", ""),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"ae_title": ""},
        {"ae_title": "A" * 17},
        {"ae_title": "A\\B"},
        {"ae_title": "دوربین"},
        {"port": "0"},
        {"port": "70000"},
        {"port": "abc"},
        {"host": ""},
        {"name": " "},
        {"site": "999"},
        {"may_send": None},
        {"may_be_asked": "on", "port": ""},
    ],
)
def test_a_peer_that_could_not_work_is_refused_with_words_and_the_form_keeps_what_was_typed(
    p01: Participant, client_of: Callable[[str], Client], wrong: dict[str, str | None]
) -> None:
    from theratrial.web.dicom_node.models import Peer

    given = {key: value for key, value in {**GOOD, "site": str(p01.site_id), **wrong}.items() if value is not None}
    answer = client_of("administrator1").post("/network/peers/enter/", given)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert Peer.objects.count() == 0


def test_a_peer_that_does_not_answer_leaves_the_form_for_another_one_as_it_was(
    p01: Participant, client_of: Callable[[str], Client]
) -> None:
    """The test of the connection is a form of its own: a refusal of it once took the tick of the other away."""
    from theratrial.web.dicom_node.models import Peer

    browser = client_of("administrator1")
    nobody = {**GOOD, "site": str(p01.site_id), "host": "127.0.0.1", "port": "1"}
    assert browser.post("/network/peers/enter/", nobody).status_code == 302
    answer = browser.post(f"/network/peers/{Peer.objects.get().pk}/echo/")
    assert answer.status_code == 422
    assert 'name="may_send" checked' in answer.content.decode()


def test_fetching_refuses_participants_and_peers_of_other_sites(
    p01: Participant, elsewhere: Site, client_of: Callable[[str], Client]
) -> None:
    from theratrial.web.dicom_node.models import Fetch
    from theratrial.web.dicom_node.peers import peer_recorded

    who = User.objects.get(username="administrator1")
    usual = {"host": "127.0.0.1", "port": "9", "may_send": True, "may_be_asked": True, "any_address": False}
    own = peer_recorded(who, name="PACS", ae_title="PACS1", site=p01.site, tls=False, **usual)
    foreign = peer_recorded(who, name="PACS", ae_title="PACS2", site=elsewhere, tls=False, **usual)
    with act(SystemActor("test"), "test"):
        Participant.objects.create(code="Q77", site=elsewhere, screened_on="2022-01-01")
    client = client_of("coordinator1")
    for peer, code in ((foreign.pk, "P01"), (own.pk, "Q77"), (own.pk, "NOBODY"), (own.pk, "*"), (999, "P01")):
        for address in ("find", "begin"):
            answer = client.post(f"/network/fetch/{address}/", {"peer": peer, "code": code, "study": "1.2.3"})
            assert answer.status_code == 422, (peer, code, address)
    assert Fetch.objects.count() == 0
    for study in ("", "*", "1.2.3\\4", "1" * 65):
        answer = client.post("/network/fetch/begin/", {"peer": own.pk, "code": "P01", "study": study})
        assert answer.status_code == 422, study
    assert client.post("/network/fetch/begin/", {"peer": own.pk, "code": "P01", "study": "1.2.3"}).status_code == 302
    assert client.post("/network/fetch/begin/", {"peer": own.pk, "code": "P01", "study": "1.2.3"}).status_code == 422
    assert Fetch.objects.count() == 1


def test_a_delivery_whose_reading_failed_is_read_again_when_the_worker_starts(
    p01: Participant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise store.DiskFull("the disk of the site is full; free some room and send the rest again")

    content = whole_body("P01", injected() + 24 * HOUR)
    with monkeypatch.context() as patch:
        patch.setattr(store, "moved_in", full)
        assert delivered(p01.site, content).state == "failed"
    assert Series.objects.count() == 0
    assert services.uploads_resumed() == 1
    services.upload_read(str(Upload.objects.get().pk))
    assert Upload.objects.get().state == "done"
    assert Series.objects.get().state == "matched"
