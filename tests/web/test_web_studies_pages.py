"""Pages of images: bounded queries, contents with permissions and ETag, the read beside the pair and its signature."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from tests.web.web_dicom_files import whole_body

from theratrial.web.capture.models import Record
from theratrial.web.ledger.act import SystemActor, act
from theratrial.web.ledger.models import Signature
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Site
from theratrial.web.setup_site import DEMONSTRATION_PASSWORD, demonstration_made
from theratrial.web.studies import services
from theratrial.web.studies.models import Series, Upload
from theratrial.web.trials.models import Trial

ROBOT = SystemActor("test")
HOUR = timedelta(hours=1)
PAIR = "/images/participant/P01/whole-body/1/"


pytestmark = pytest.mark.usefixtures("own_images")


def injected(code: str, session: int) -> datetime:
    records = Record.objects.filter(table="administrations", participant__code=code)
    return next(
        datetime.fromisoformat(one.cells["injected_at"]) for one in records if one.cells.get("session") == str(session)
    )


@pytest.fixture
def scanned(cohort: Trial, tmp_path: Path) -> Participant:
    """P01 with both whole-body scans of session 1; the simulated reads are taken away by their reader's name."""
    p01 = Participant.objects.select_related("site").get(code="P01")
    with act(ROBOT, "test"):
        # The lesions of the PET are the reader's own: another's would be hidden from her until hers are signed.
        for one in Record.objects.filter(table="lesion_readings", participant=p01):
            one.cells = {**one.cells, "reader": "nuclear1"}
            one.save()
    folder = tmp_path / "in"
    folder.mkdir()
    for hours in (24, 48):
        (folder / f"{hours}.dcm").write_bytes(whole_body("P01", injected("P01", 1) + hours * HOUR))
    services.folder_received(folder, ROBOT, p01.site)
    return p01


def test_each_view_of_images_is_for_its_sites_only(scanned: Participant, client_of: Callable[[str], Client]) -> None:
    row = Series.objects.get(imaging="whole_body_24h")
    addresses = [
        f"/images/series/{row.pk}/",
        f"/images/series/{row.pk}/picture.png",
        "/images/participant/P01/",
        PAIR,
        f"{PAIR}planar.json",
        f"{PAIR}planar-0.bin",
    ]
    monitor, statistician = client_of("monitor1"), client_of("statistician1")
    for address in addresses:
        assert monitor.get(address).status_code == 200, address
        assert statistician.get(address).status_code == 403, address
    with act(ROBOT, "test"):
        elsewhere = Site.objects.create(code="OTHER", name="Other", timezone="UTC")
        scanned.site = elsewhere
        scanned.save()
        row.site = elsewhere
        row.save()
    for address in addresses:
        assert monitor.get(address).status_code == 404, address


def test_contents_come_with_an_etag_and_are_not_sent_twice(
    scanned: Participant, client_of: Callable[[str], Client]
) -> None:
    client = client_of("nuclear1")
    manifest = client.get(f"{PAIR}planar.json").json()
    assert manifest["comparable"] is True
    assert [one["label"] for one in manifest["points"]] == ["24 h", "48 h"]
    first = client.get(manifest["points"][0]["url"])
    counts = np.frombuffer(b"".join(first.streaming_content), dtype="<u2").reshape(2, 32, 8)  # type: ignore[attr-defined]
    assert counts[0, 10, 3] == 11
    assert first["Cache-Control"] == "private, no-cache"
    again = client.get(manifest["points"][0]["url"], headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_moved_injection_gives_other_contents_under_another_tag(
    scanned: Participant, client_of: Callable[[str], Client]
) -> None:
    client = client_of("nuclear1")
    before = client.get(f"{PAIR}planar.json")
    record = next(
        one
        for one in Record.objects.filter(table="administrations", participant=scanned)
        if one.cells.get("session") == "1"
    )
    with act(ROBOT, "test"):
        moved = datetime.fromisoformat(record.cells["injected_at"]) - HOUR
        record.cells = {**record.cells, "injected_at": moved.isoformat()}
        record.save()
    after = client.get(f"{PAIR}planar.json")
    assert after["ETag"] != before["ETag"]
    hours = [one.json()["points"][0]["hours_after_injection"] for one in (before, after)]
    assert hours[1] - hours[0] == pytest.approx(1.0)


def answers(**more: str | list[str]) -> dict[str, Any]:
    return {
        "whole_body_24h-result": "expected",
        "whole_body_24h-lesions": ["lesion_1"],
        "whole_body_24h-version": "0",
        "whole_body_48h-result": "not_assessable",
        "whole_body_48h-version": "0",
        "reason": "",
    } | more


def own_reads(reader: str) -> dict[str, dict[str, str]]:
    records = Record.objects.filter(table="biodistribution_reads", entered_in_error=False)
    return {one.cells["imaging_id"]: one.cells for one in records if one.cells["reader"] == reader}


def test_a_read_is_kept_with_reader_and_role_of_the_signed_in_person(
    scanned: Participant, client_of: Callable[[str], Client]
) -> None:
    client = client_of("nuclear1")
    assert client.post(f"{PAIR}record/", answers()).status_code == 302
    kept = own_reads("nuclear1")
    assert kept["whole_body_24h"]["reader_role"] == "nuclear_medicine_physician"
    assert (kept["whole_body_24h"]["result"], kept["whole_body_24h"]["lesions_seen"]) == ("expected", "1")
    assert "lesions_seen" not in kept["whole_body_48h"], "what cannot be assessed is missing, not zero"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"whole_body_24h-result": "fine"}, "none of the protocol"),
        ({"whole_body_24h-lesions": ["lesion_99"]}, "no lesion lesion_99"),
        ({"whole_body_24h-result": "", "whole_body_48h-result": ""}, "at least one scan"),
    ],
)
def test_a_read_that_cannot_be_is_refused_with_the_reason(
    scanned: Participant, client_of: Callable[[str], Client], change: dict[str, Any], said: str
) -> None:
    answer = client_of("nuclear1").post(f"{PAIR}record/", answers(**change))
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert own_reads("nuclear1") == {}


def test_only_who_may_read_keeps_a_read(scanned: Participant, client_of: Callable[[str], Client]) -> None:
    for username in ("coordinator1", "physicist1", "monitor1"):
        assert client_of(username).post(f"{PAIR}record/", answers()).status_code == 403
        assert own_reads(username) == {}


def test_a_signature_holds_the_read_and_a_change_needs_a_reason_and_voids_it(
    scanned: Participant, client_of: Callable[[str], Client]
) -> None:
    client = client_of("nuclear1")
    client.post(f"{PAIR}record/", answers())
    page = client.get(PAIR).content.decode()
    found = re.search(r'name="digest" value="(\w{64})"', page)
    assert found is not None
    signing = {"digest": found.group(1), "sign_username": "nuclear1", "sign_password": "wrong"}
    assert client.post(f"{PAIR}sign/", signing).status_code == 422
    assert not Signature.objects.exists()
    assert client.post(f"{PAIR}sign/", signing | {"sign_password": DEMONSTRATION_PASSWORD}).status_code == 302
    signature = Signature.objects.get()
    assert signature.content["reads"][0]["lesions"] == "lesion_1"
    changed = answers(**{"whole_body_24h-result": "unexpected", "whole_body_24h-version": "1"})
    assert client.post(f"{PAIR}record/", changed).status_code == 422
    assert own_reads("nuclear1")["whole_body_24h"]["result"] == "expected"
    assert client.post(f"{PAIR}record/", changed | {"reason": "seen again"}).status_code == 302
    assert own_reads("nuclear1")["whole_body_24h"]["result"] == "unexpected"
    signature.refresh_from_db()
    assert signature.voided_at is not None


def test_a_read_changed_by_somebody_meanwhile_is_not_overwritten(
    scanned: Participant, client_of: Callable[[str], Client]
) -> None:
    client = client_of("nuclear1")
    client.post(f"{PAIR}record/", answers())
    client.post(
        f"{PAIR}record/", answers(**{"whole_body_24h-comment": "x", "whole_body_24h-version": "1", "reason": "r"})
    )
    late = client.post(
        f"{PAIR}record/", answers(**{"whole_body_24h-comment": "y", "whole_body_24h-version": "1", "reason": "r"})
    )
    assert late.status_code == 422
    assert own_reads("nuclear1")["whole_body_24h"]["comment"] == "x"


def test_missing_planned_images_are_listed_and_vanish_when_they_come(
    scanned: Participant, client_of: Callable[[str], Client]
) -> None:
    from theratrial.web.people.models import User
    from theratrial.web.studies.missing import missing_planned

    missing = {
        (one.participant, one.imaging, one.session) for one in missing_planned(User.objects.get(username="nuclear1"))
    }
    assert ("P01", "whole_body_24h", 1) not in missing
    assert ("P01", "spect_24h", 1) in missing


def _rows(count: int) -> None:
    """Uploads with series in quarantine."""
    site = Site.objects.get()
    with act(ROBOT, "test"):
        for number in range(count):
            upload = Upload.objects.create(
                received_at="2026-01-01T00:00Z", received_by="coordinator1", site=site, state="done"
            )
            Series.objects.create(
                upload=upload,
                series_instance_uid=f"1.2.{number}",
                study_instance_uid="1",
                patient_id=f"X{number}",
                modality="NM",
                site=site,
                header={"catalogue": {}, "facts": {}, "blocking": [], "gap": ""},
                because=[{"rule": "patient_unknown", "message": "m", "remedy": "r"}],
            )


@pytest.mark.parametrize("size", [3, 30])
def test_lists_take_a_bounded_number_of_queries(
    db: None, client_of: Callable[[str], Client], django_assert_max_num_queries: Any, size: int
) -> None:
    demonstration_made(participants=size)
    _rows(size)
    client = client_of("coordinator1")
    for address in ("/images/", "/images/quarantine/", "/images/participant/P01/"):
        client.get(address)
        with django_assert_max_num_queries(30):
            assert client.get(address).status_code == 200
