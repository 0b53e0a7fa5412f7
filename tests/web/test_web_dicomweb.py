"""DICOMweb against a client that nobody here wrote (dicomweb-client), within the rights that the pages have."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from tests.web.web_dicom_files import ct_slices, whole_body

from theratrial.errors import InputError
from theratrial.web.capture.models import Record
from theratrial.web.dicom_node.dicomweb_store import Parts, boundary_of
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import User
from theratrial.web.studies import services
from theratrial.web.studies.models import Instance, Series, Upload

HOUR = timedelta(hours=1)


pytestmark = pytest.mark.usefixtures("own_images")


def injected() -> datetime:
    for record in Record.objects.filter(table="administrations", participant__code="P01"):
        if record.cells.get("session") == "1":
            return datetime.fromisoformat(record.cells["injected_at"])
    raise AssertionError("the cohort has no such administration")


class Adapter(requests.adapters.BaseAdapter):
    """Gives the requests of a program to Django's test client, and its answers back."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self.client = client

    def send(self, request: Any, **_rest: Any) -> requests.Response:
        method = getattr(self.client, request.method.lower())
        kind = request.headers.get("Content-Type", "")
        body = request.body if isinstance(request.body, bytes) else b"".join(request.body or ())
        given = {"data": body, "content_type": kind} if body else {}
        given["headers"] = {"Accept": request.headers.get("Accept", "*/*")}
        answer = method(request.path_url, **given)
        found = requests.Response()
        found.status_code, found.request, found.url = answer.status_code, request, request.url
        found.headers.update(dict(answer.items()))
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        found.raw = BytesIO(content)
        found._content = content
        return found

    def close(self) -> None:
        return None


def program(client: Client) -> DICOMwebClient:
    session = requests.Session()
    session.mount("http://", Adapter(client))
    return DICOMwebClient("http://testserver/dicomweb", session=session)


@pytest.fixture
def web(p01: Participant, client_of: Callable[[str], Client]) -> DICOMwebClient:
    return program(client_of("coordinator1"))


def datasets(*files: bytes) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(BytesIO(one)) for one in files]


def read() -> None:
    for one in Upload.objects.filter(state="reading"):
        services.upload_read(str(one.pk))


def test_what_is_stored_is_found_and_comes_back_as_it_was(web: DICOMwebClient, p01: Participant) -> None:
    scan = datasets(whole_body("P01", injected() + 24 * HOUR))[0]
    scan.private_block(0x0009, "SOMEBODY", create=True).add_new(0x10, "OB", bytes(5000))
    answer = web.store_instances([scan])
    assert [one.ReferencedSOPInstanceUID for one in answer.ReferencedSOPSequence] == [scan.SOPInstanceUID]
    assert "FailedSOPSequence" not in answer
    read()
    upload = Upload.objects.get()
    assert (upload.source, upload.received_by, upload.state) == ("dicomweb", "coordinator1", "done")
    (study,) = [pydicom.Dataset.from_json(one) for one in web.search_for_studies(search_filters={"PatientID": "P01"})]
    assert study.StudyInstanceUID == scan.StudyInstanceUID
    assert study.StudyDate == scan.StudyDate
    assert (study.ModalitiesInStudy, study.NumberOfStudyRelatedInstances) == ("NM", 1)
    (series,) = [pydicom.Dataset.from_json(one) for one in web.search_for_series(study.StudyInstanceUID)]
    assert series.SeriesInstanceUID == scan.SeriesInstanceUID
    (instance,) = [pydicom.Dataset.from_json(one) for one in web.search_for_instances(study.StudyInstanceUID)]
    assert (instance.SOPInstanceUID, instance.Rows, instance.NumberOfFrames) == (scan.SOPInstanceUID, 32, 2)
    (whole,) = web.retrieve_study(study.StudyInstanceUID)
    assert whole == scan
    place = (scan.StudyInstanceUID, scan.SeriesInstanceUID, scan.SOPInstanceUID)
    assert web.retrieve_instance(*place) == scan
    header = pydicom.Dataset.from_json(web.retrieve_instance_metadata(*place), lambda *_place: b"")
    assert header.EnergyWindowInformationSequence == scan.EnergyWindowInformationSequence
    assert header.PatientID == "P01"
    assert len(header[0x00091010].value or b"") == 0, "a private block of bytes stays in the file"
    frames = web.retrieve_instance_frames(*place, frame_numbers=[2, 1])
    ours = [np.frombuffer(one, "<u2").reshape(32, 8) for one in frames]
    assert np.array_equal(ours[0], scan.pixel_array[1])
    assert np.array_equal(ours[1], scan.pixel_array[0])


def test_searching_matches_by_day_list_wildcard_and_place(web: DICOMwebClient, p01: Participant) -> None:
    web.store_instances(datasets(whole_body("P01", injected() + 24 * HOUR), whole_body("P01", injected() + 48 * HOUR)))
    read()
    days = sorted(str(one["00080020"]["Value"][0]) for one in web.search_for_studies())
    assert len(days) == 2
    assert len(web.search_for_studies(search_filters={"StudyDate": days[0]})) == 1
    assert len(web.search_for_studies(search_filters={"StudyDate": f"{days[0]}-{days[1]}"})) == 2
    assert web.search_for_studies(search_filters={"StudyDate": f"-{int(days[0]) - 1}"}) == []
    assert len(web.search_for_studies(search_filters={"PatientID": "P0*"})) == 2
    assert web.search_for_studies(search_filters={"PatientID": "P.*"}) == []
    assert web.search_for_studies(search_filters={"Modality": "CT"}) == []
    assert len(web.search_for_studies(limit=1)) == 1
    assert len(web.search_for_studies(limit=1, offset=1)) == 1
    assert web.search_for_studies(offset=2) == []
    uids = [one["0020000D"]["Value"][0] for one in web.search_for_studies()]
    assert len(web.search_for_series(search_filters={"StudyInstanceUID": ",".join(uids)})) == 2


def test_only_what_has_its_place_is_given_out_and_nothing_of_other_sites(
    web: DICOMwebClient, client_of: Callable[[str], Client]
) -> None:
    scan = datasets(whole_body("NOBODY", injected() + 24 * HOUR))[0]
    web.store_instances([scan])
    read()
    assert Series.objects.get().state == "quarantined"
    assert web.search_for_studies() == []
    assert client_of("coordinator1").get(f"/dicomweb/studies/{scan.StudyInstanceUID}").status_code == 404


def test_an_image_of_an_assigned_series_bears_the_code_of_its_participant(
    web: DICOMwebClient, p01: Participant
) -> None:
    scan = datasets(whole_body("HOSPITAL-7", injected() + 24 * HOUR))[0]
    web.store_instances([scan])
    read()
    who = User.objects.get(username="coordinator1")
    services.series_assigned(who, Series.objects.get(), p01, "whole_body_24h", 1, "image", reason="pseudonym mistyped")
    (study,) = web.search_for_studies()
    assert study["00100020"]["Value"] == ["P01"]
    (whole,) = web.retrieve_study(scan.StudyInstanceUID)
    assert whole.PatientID == "P01"
    assert whole.PixelData == scan.PixelData


def test_storing_needs_the_right_to_upload_and_a_known_kind_of_body(
    p01: Participant, client_of: Callable[[str], Client]
) -> None:
    body = multipart(whole_body("P01", injected()))
    kind = 'multipart/related; type="application/dicom"; boundary=X'
    assert client_of("monitor1").post("/dicomweb/studies", body, content_type=kind).status_code == 403
    sender = client_of("coordinator1")
    assert sender.post("/dicomweb/studies", body, content_type="application/json").status_code == 415
    assert sender.post("/dicomweb/studies?site=NOWHERE", body, content_type=kind).status_code == 400
    for wrong in (b"nothing", b"--X", b"--X\r\n\r\n", b"--X\r\n" + b"a" * 9000, body[:-200]):
        assert sender.post("/dicomweb/studies", wrong, content_type=kind).status_code == 400, wrong[:20]
    assert {one.state for one in Upload.objects.all()} <= {"cancelled"}
    assert Client().post("/dicomweb/studies", body, content_type=kind).status_code == 302


def multipart(*files: bytes) -> bytes:
    parts = b"".join(b"--X\r\nContent-Type: application/dicom\r\n\r\n" + one + b"\r\n" for one in files)
    return parts + b"--X--\r\n"


def test_each_instance_is_answered_for_itself_and_what_came_whole_stays_when_the_body_breaks_off(
    p01: Participant, client_of: Callable[[str], Client]
) -> None:
    sender, kind = client_of("coordinator1"), 'multipart/related; type="application/dicom"; boundary=X'
    first, second = ct_slices("P01", injected(), 2, uid="1.2.3")
    mixed = sender.post("/dicomweb/studies", multipart(first, second[:-30], b"junk"), content_type=kind)
    assert mixed.status_code == 202
    said = mixed.json()
    assert len(said["00081199"]["Value"]) == 1
    assert [one["00081197"]["Value"] for one in said["00081198"]["Value"]] == [[0xC000], [0xC000]]
    other = sender.post("/dicomweb/studies/9.9", multipart(second), content_type=kind)
    assert other.status_code == 409, "of another study than the address"
    assert other.json()["00081198"]["Value"][0]["00081197"]["Value"] == [0xA900]
    broken = sender.post("/dicomweb/studies", multipart(second, first)[:-100], content_type=kind)
    assert broken.status_code == 202
    assert "not read to its end" in broken["Warning"]
    read()
    assert Instance.objects.count() == 2


def test_wrong_questions_are_answered_with_400_and_unknown_ones_with_a_warning(
    p01: Participant, client_of: Callable[[str], Client]
) -> None:
    client = client_of("physicist1")
    for wrong in ("limit=x", "offset=-1", "StudyDate=yesterday", "limit=1e9"):
        assert client.get(f"/dicomweb/studies?{wrong}").status_code == 400, wrong
    answer = client.get("/dicomweb/studies?ReferringPhysicianName=x&PatientID=(((&00100020=%5B")
    assert answer.status_code == 204
    assert "ReferringPhysicianName" in answer["Warning"]
    for path in ("studies/1/metadata", "studies/1/series/2", "studies/1/series/2/instances/3/frames/1"):
        assert client.get(f"/dicomweb/{path}").status_code == 404


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5), st.integers(1, 40))
def test_parts_come_out_as_they_went_in_however_the_line_cuts_them(files: list[bytes], step: int) -> None:
    mark = "b0undary"
    body = b"preamble" + b"".join(f"\r\n--{mark}\r\nA: b\r\n\r\n".encode() + one for one in files)
    stream = BytesIO(body + f"\r\n--{mark}--".encode())
    parts = Parts(lambda most: stream.read(min(step, most)), mark)
    found = []
    while parts.next_part():
        found.append(b"".join(iter(lambda: parts.read(7), b"")))
    assert found == files


@given(st.binary(max_size=400))
def test_any_body_is_read_or_refused(data: bytes) -> None:
    stream = BytesIO(data)
    parts = Parts(stream.read, "X")
    try:
        while parts.next_part():
            while parts.read(50):
                continue
    except InputError:
        return


@pytest.mark.parametrize("text", ["", "multipart/related", "application/dicom", "multipart/form-data; boundary=X"])
def test_other_kinds_of_body_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="multipart/related"):
        boundary_of(text)


def test_answers_are_the_dicom_json_model_as_pydicom_reads_it(web: DICOMwebClient, p01: Participant) -> None:
    web.store_instances(datasets(whole_body("P01", injected() + 24 * HOUR)))
    read()
    for answers in (web.search_for_studies(), web.search_for_series(), web.search_for_instances()):
        for one in answers:
            again = json.loads(pydicom.Dataset.from_json(one).to_json())
            assert again == one
