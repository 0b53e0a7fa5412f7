"""A planned image that is there already: whatever comes later waits until a person has looked at both.

Found by sending the rest of a PET under new UIDs with dcmtk's storescu: it took the place of the whole one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pydicom
import pytest
from tests.web.web_dicom_files import ct_slices, whole_body

from theratrial.web.capture.models import Record
from theratrial.web.dicom_node.peers import Sender
from theratrial.web.ledger.act import SystemActor, act
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import User
from theratrial.web.studies import arrivals, services, store
from theratrial.web.studies.judging import participant_judged
from theratrial.web.studies.models import Series

HOUR = timedelta(hours=1)


pytestmark = pytest.mark.usefixtures("own_images")


@pytest.fixture
def injected(p01: Participant) -> Callable[[int], datetime]:
    def of(session: int) -> datetime:
        for record in Record.objects.filter(table="administrations", participant=p01):
            if record.cells.get("session") == str(session):
                return datetime.fromisoformat(record.cells["injected_at"])
        raise AssertionError("the cohort has no such administration")

    return of


def delivered(p01: Participant, *files: bytes) -> list[Series]:
    """As the DICOM node hands over what a camera sent; the series that are new, by modality."""
    sender = Sender("CAMERA", p01.site, known=True, key=1)
    upload = services.upload_begun(sender.actor, p01.site, source="dicom", sender=sender.ae_title)
    for number, content in enumerate(files):
        came = store.written(BytesIO(content).read, store.incoming_folder(str(upload.pk)), most=10**9)
        arrivals.journalled(str(upload.pk), arrivals.Arrived(f"{number}.dcm", came.size, came.sha256))
    services.upload_finished(sender.actor, upload)
    services.upload_read(str(upload.pk))
    return list(Series.objects.filter(upload=upload).order_by("modality"))


def changed(content: bytes, **values: Any) -> bytes:
    dataset = pydicom.dcmread(BytesIO(content))
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    stream = BytesIO()
    pydicom.dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()


def places(*rows: Series) -> list[tuple[str, str]]:
    for row in rows:
        row.refresh_from_db()
    return [(row.state, row.imaging) for row in rows]


WHOLE_BODY = [("matched", "whole_body_24h"), ("quarantined", "")]


@pytest.mark.parametrize(
    ("hours", "first_uid", "second_uid"),
    [(24, "1.2.9", "1.2.1"), (24, "1.2.1", "1.2.9"), (20, "1.2.1", "1.2.9"), (31, "1.2.1", "1.2.9")],
    ids=["same moment, lower UID later", "same moment, higher UID later", "nearer the middle", "inside the window"],
)
def test_a_later_scan_never_takes_the_place_of_the_accepted_one(
    p01: Participant, injected: Callable[[int], datetime], hours: float, first_uid: str, second_uid: str
) -> None:
    [first] = delivered(p01, whole_body("P01", injected(1) + hours * HOUR, uid=first_uid))
    assert places(first) == [("matched", "whole_body_24h")]
    [second] = delivered(p01, whole_body("P01", injected(1) + 24 * HOUR, uid=second_uid))
    assert places(first, second) == WHOLE_BODY
    assert [one["rule"] for one in second.because] == ["second_image"]
    for _again in range(2):
        participant_judged(SystemActor("test"), p01)
        assert places(first, second) == WHOLE_BODY


def test_a_scan_assigned_by_a_person_takes_the_place_and_the_first_then_waits(
    p01: Participant, injected: Callable[[int], datetime]
) -> None:
    [first] = delivered(p01, whole_body("P01", injected(1) + 24 * HOUR))
    [second] = delivered(p01, whole_body("P01", injected(1) + 25 * HOUR))
    physicist = User.objects.get(username="physicist1")
    services.series_assigned(physicist, second, p01, "whole_body_24h", 1, "image", reason="moved in the first")
    assert places(first, second) == [("quarantined", ""), ("matched", "whole_body_24h")]
    assert [one["rule"] for one in first.because] == ["second_image"]


def test_a_corrected_injection_still_moves_accepted_scans_to_where_they_belong(
    p01: Participant, injected: Callable[[int], datetime]
) -> None:
    """What keeps its place is what still fits it: rules that change are not held back by what was."""
    [early] = delivered(p01, whole_body("P01", injected(1) + 24 * HOUR))
    [late] = delivered(p01, whole_body("P01", injected(1) + 48 * HOUR))
    assert places(early, late) == [("matched", "whole_body_24h"), ("matched", "whole_body_48h")]
    with act(SystemActor("test"), "test"):
        Series.objects.filter(pk=early.pk).update(imaging="whole_body_48h")
        Series.objects.filter(pk=late.pk).update(imaging="whole_body_24h")
    participant_judged(SystemActor("test"), p01)
    assert places(early, late) == [("matched", "whole_body_24h"), ("matched", "whole_body_48h")]


def test_a_second_scan_is_told_which_image_has_its_place_and_not_another_of_the_same_hours(
    p01: Participant, injected: Callable[[int], datetime]
) -> None:
    """Planar and SPECT of one time point have the same window."""
    at = injected(1) + 24 * HOUR
    tomo = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]
    [planar] = delivered(p01, whole_body("P01", at))
    [spect] = delivered(p01, changed(whole_body("P01", at + HOUR / 2), ImageType=tomo))
    assert places(planar, spect) == [("matched", "whole_body_24h"), ("matched", "spect_24h")]
    [again] = delivered(p01, changed(whole_body("P01", at + HOUR / 2), ImageType=tomo))
    assert places(spect, again) == [("matched", "spect_24h"), ("quarantined", "")]
    assert "SPECT" in again.because[0]["message"]


def test_a_second_ct_of_an_examination_waits_and_says_why(
    p01: Participant, injected: Callable[[int], datetime]
) -> None:
    at = injected(1) + 24 * HOUR
    frame = "1.2.3.4"
    spect = changed(
        whole_body("P01", at), ImageType=["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"], FrameOfReferenceUID=frame
    )
    ct, _image = delivered(p01, spect, *ct_slices("P01", at, 3, uid="1.2.9", frame=frame))
    assert places(ct) == [("matched", "spect_24h")]
    [again] = delivered(p01, *ct_slices("P01", at, 3, uid="1.2.1", frame=frame))
    assert places(ct, again) == [("matched", "spect_24h"), ("quarantined", "")]
    assert [one["rule"] for one in again.because] == ["second_image"]
