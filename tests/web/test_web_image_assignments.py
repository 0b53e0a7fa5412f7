"""An image settled by hand is a record with who and why, so that the folder and the computation know it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.utils import timezone

from theratrial.imaging.catalogue import CatalogueSeries
from theratrial.trialfolder import read_folder
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import live_records
from theratrial.web.exports.folder import folder_written
from theratrial.web.ledger.act import act
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import User
from theratrial.web.setup_site import SETUP
from theratrial.web.studies.models import Series, Upload
from theratrial.web.studies.series_json import as_json
from theratrial.web.studies.services import series_assigned, series_checked_again, series_set_aside
from theratrial.web.trials.models import Trial

SERIES = CatalogueSeries(
    series_instance_uid="1.2.3", study_instance_uid="1.2", patient_id="P01", patient_sex="F", patient_birth_date="",
    modality="PT", sop_class_uid="1", image_kind="", description="", station_name="PET", frame_of_reference_uid="1.9",
    acquired_at=datetime(2026, 1, 1, tzinfo=UTC), time_zone_stated=True, radionuclide="68Ga", instances=1, files=(),
    hashes=(), spacing_mm=None, referenced_series_uids=(), referenced_frame_of_reference_uids=(), region_names=(),
)  # fmt: skip


@pytest.fixture
def late(cohort: Trial) -> Series:
    """A PET in quarantine."""
    person = Participant.objects.select_related("site").get(code="P01")
    with act(SETUP, "test.receive"):
        upload = Upload.objects.create(received_at=timezone.now(), received_by="x", site=person.site, state="done")
        return Series.objects.create(
            upload=upload, series_instance_uid="1.2.3", study_instance_uid="1.2", patient_id="P01", modality="PT",
            acquired_at=timezone.now(), site=person.site, participant=person, state="quarantined",
            header={"catalogue": as_json(SERIES), "facts": {}, "blocking": [], "gap": ""},
        )  # fmt: skip


def assigned(late: Series, reason: str, code: str = "P01") -> Series:
    user, person = User.objects.get(username="physicist1"), Participant.objects.select_related("site").get(code=code)
    return series_assigned(user, late, person, "pet_response", None, "image", reason=reason)


def lines(folder: Path) -> list[tuple[str, str, str, str]]:
    folder_written(folder, live_records(), ())
    return [
        (row["participant_id"], row["series_instance_uid"], row["assigned_by"], row["reason"])
        for row in read_folder(folder).tables["image_assignments"]
    ]


def test_an_assignment_reaches_the_folder_with_who_and_why(late: Series, tmp_path: Path) -> None:
    assert lines(tmp_path / "before") == []
    assigned(late, "camera out of order")
    assert lines(tmp_path / "after") == [("P01", "1.2.3", "physicist1", "camera out of order")]


def test_an_image_moved_to_somebody_else_is_hers_alone(late: Series, tmp_path: Path) -> None:
    assigned(late, "camera out of order")
    assigned(Series.objects.get(pk=late.pk), "was of the other woman", "P02")
    assert lines(tmp_path / "moved") == [("P02", "1.2.3", "physicist1", "was of the other woman")]


@pytest.mark.parametrize("how", ["set aside", "checked again"])
def test_what_is_no_longer_settled_by_hand_leaves_the_folder_and_stays_readable(
    late: Series, tmp_path: Path, how: str
) -> None:
    assigned(late, "camera out of order")
    user, row = User.objects.get(username="physicist1"), Series.objects.get(pk=late.pk)
    if how == "set aside":
        series_set_aside(user, row, reason="blurred")
    else:
        series_checked_again(user, row)
    assert lines(tmp_path / "none") == []
    assert Record.objects.get(table="image_assignments").entered_in_error
