"""Derived images on the site: who may ask for them, what is in them, and who is not."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest
from django.test import Client

from theratrial.web.exports import derived
from theratrial.web.exports.making import package_made
from theratrial.web.exports.models import Package
from theratrial.web.results.models import Computation

pytestmark = pytest.mark.django_db
ADDRESS = "/exports/derived-images/"
MAY = {"investigator1"}
"""Who may export, read the ledger, and see images and doses."""


@pytest.fixture(autouse=True)
def _place(settings: Any, tmp_path: Path) -> None:
    settings.SITE_FOLDER = tmp_path / "site"


def test_the_objects_of_a_participant_are_made_and_fetched(
    computed_files: Computation, client_of: Callable[[str], Client]
) -> None:
    browser = client_of("investigator1")
    assert ADDRESS.encode() in browser.get("/exports/").content
    assert browser.post(ADDRESS, {"code": "P01"}).status_code == 302
    package = Package.objects.latest("requested_at")
    assert package.kind == "dicom"
    assert package_made(str(package.pk)) == "ready", package.message
    answer = browser.post(f"/exports/packages/{package.pk}/")
    assert "derived-images-P01.zip" in answer.headers["Content-Disposition"]
    content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    with zipfile.ZipFile(io.BytesIO(content)) as files:
        index = json.loads(files.read("index.json"))
        named = {one["file"] for one in index["objects"]}
        assert named == set(files.namelist()) - {"index.json"}
        assert {one["kind"] for one in index["objects"]} == {"seg", "sr", "rwvm", "rtdose", "rrdsr", "sc"}
        for name in sorted(named):
            read = pydicom.dcmread(io.BytesIO(files.read(name)), stop_before_pixels=True)
            assert (str(read.PatientID), str(read.PatientName)) == ("P01", "P01^")
    # Whose right ended meanwhile gets nothing, and a stranger never does.
    assert client_of("manager1").post(f"/exports/packages/{package.pk}/").status_code == 404


@pytest.mark.parametrize(
    "who", ["investigator1", "manager1", "monitor1", "coordinator1", "statistician1", "physicist1"]
)
def test_only_who_may_export_and_see_images_and_doses_gets_them(
    who: str, computed_files: Computation, client_of: Callable[[str], Client]
) -> None:
    answer = client_of(who).post(ADDRESS, {"code": "P01"})
    assert (answer.status_code == 302) is (who in MAY)
    assert Package.objects.exists() is (who in MAY)


def test_nobody_and_a_broken_name_are_refused(computed_files: Computation, client_of: Callable[[str], Client]) -> None:
    browser = client_of("investigator1")
    for code in ("", "P99", "a\x00b"):
        assert browser.post(ADDRESS, {"code": code}).status_code in (404, 422)
    assert not Package.objects.exists()


def test_who_withdrew_the_use_of_her_data_is_told_so(
    computed_files: Computation, client_of: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(derived, "data_use_withdrawn", lambda: frozenset({"P01"}))
    assert client_of("investigator1").post(ADDRESS, {"code": "P01"}).status_code == 302
    package = Package.objects.latest("requested_at")
    assert package_made(str(package.pk)) == "failed"
    package.refresh_from_db()
    assert "withdrawn" in package.message
