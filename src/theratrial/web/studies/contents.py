"""What viewers load, made once and kept beside the site: keyed by the files' hashes, the records used, and the method.

A folder ``shown/<key>`` holds the contents and their headers; it may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from theratrial.errors import TheratrialError
from theratrial.imaging.suv_injection import Administration
from theratrial.protocol.schema import ImagingPlan
from theratrial.trialfolder.records import TrialFolder
from theratrial.web.capture.selectors import participant_rows
from theratrial.web.ledger.act import software_text
from theratrial.web.studies import shown
from theratrial.web.studies.arrival_checks import Examined, administration_of, net_MBq, recorded_weight, series_paths
from theratrial.web.studies.models import Instance, Series
from theratrial.web.studies.shown import Image, Shown

VERSION: Final = "1"
"""Raise it when what is shown of the same files changes."""
ROLES: Final = ("emission", "anatomy", "regions", "mip")
_TYPES: Final = {".gz": shown.values.NIFTI, ".bin": shown.values.RAW}


@dataclass(frozen=True, slots=True)
class Kept:
    """A set of contents of one key: role -> header; the bytes lie beside."""

    key: str
    headers: Mapping[str, dict[str, Any]]
    problems: Mapping[str, str]
    """Role -> why it cannot be shown."""

    def path(self, role: str) -> Path:
        """File of a role's content."""
        return _folder(self.key) / f"{role}.content"


def _folder(key: str) -> Path:
    return Path(settings.SITE_FOLDER, "shown", key[:2], key)


def kept(inputs: Mapping[str, Any], made: Callable[[], tuple[Mapping[str, Shown], Mapping[str, str]]]) -> Kept:
    """The contents of these inputs, from the disk or made now; all of a key appear at once."""
    words = {"version": VERSION, "software": software_text(), **inputs}
    key = hashlib.sha256(json.dumps(words, sort_keys=True, default=str).encode()).hexdigest()
    folder = _folder(key)
    if not (folder / "headers.json").exists():
        contents, problems = made()
        _written(folder, contents, problems)
    said = json.loads((folder / "headers.json").read_text(encoding="utf-8"))
    return Kept(key, said["headers"], said["problems"])


def _written(folder: Path, contents: Mapping[str, Shown], problems: Mapping[str, str]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.parent / f".part-{secrets.token_hex(8)}"
    part.mkdir()
    try:
        for role, one in contents.items():
            (part / f"{role}.content").write_bytes(one.content)
        headers = {role: {**one.header, "content_type": one.content_type} for role, one in contents.items()}
        (part / "headers.json").write_text(
            json.dumps({"headers": headers, "problems": dict(problems)}), encoding="utf-8"
        )
        os.replace(part, folder)
    except OSError:
        # Another request was quicker, which is as good; a full disk is told.
        if not (folder / "headers.json").exists():
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def volume_contents(row: Series) -> Kept:
    """Volume, CT, regions and MIP of a PET, SPECT or CT series.

    A PET with a recorded administration is shown as SUV by that record; what cannot become SUV is shown in its own unit
    with the reason.
    """
    beside = _beside(row)
    folder, examined = _examined(row, beside)
    record = _administration(examined)
    inputs: dict[str, Any] = {
        "what": "volume",
        "files": {part: [_hashes(one) for one in rows] for part, rows in beside.items()},
        "image": _hashes(row),
        "administration": [record.activity_MBq, record.at, record.weight_kg] if record else None,
    }
    as_suv = row.modality == "PT" and (examined is None or examined.plan.kind == "pet_ct")
    inputs["as_suv"] = as_suv
    return kept(inputs, lambda: _volume(row, beside, record, folder, as_suv))


def _volume(
    row: Series,
    beside: Mapping[str, Sequence[Series]],
    record: Administration | None,
    folder: TrialFolder | None,
    as_suv: bool,
) -> tuple[dict[str, Shown], dict[str, str]]:
    contents: dict[str, Shown] = {}
    problems: dict[str, str] = {}
    zone = folder.zone if folder is not None else None
    image: Image | None = None
    if row.modality == "CT":
        with _told(problems, "anatomy"):
            contents["anatomy"] = shown.volume_shown(shown.stored_image(series_paths(row), timezone=zone))
        return contents, problems
    with _told(problems, "suv"):
        # A SPECT may be stored as PT: it stays activity. A PET without a record is SUV by its header.
        if as_suv:
            image = shown.suv_image(series_paths(row), timezone=zone, administration=record)
    with _told(problems, "emission"):
        image = shown.bounded(image or shown.stored_image(series_paths(row), timezone=zone))
        contents["emission"] = shown.volume_shown(image)
    if image is None:
        return contents, problems
    with _told(problems, "mip"):
        contents["mip"] = shown.mip_shown(image)
    for one in beside["ct"][:1]:
        with _told(problems, "anatomy"):
            contents["anatomy"] = shown.volume_shown(shown.stored_image(series_paths(one), timezone=zone))
    regions = [path for one in beside["regions"] for path in series_paths(one)]
    if regions:
        with _told(problems, "regions"):
            contents["regions"] = shown.regions_shown(regions, image.grid)
    return contents, problems


class _told:
    """Keeps the message of an error under a role, and goes on."""

    def __init__(self, problems: dict[str, str], role: str) -> None:
        self._problems, self._role = problems, role

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, TheratrialError):
            self._problems[self._role] = str(error)[:1000]
            return True
        return False


def planar_contents(rows: Sequence[Series], labels: Sequence[str]) -> Kept:
    """Whole-body views of one session, made comparable by decay."""
    points, inputs = [], []
    for row, label in zip(rows, labels, strict=True):
        _, examined = _examined(row, {"ct": [], "regions": []})
        given = examined.administration if examined else None
        nuclide = examined.nuclide.name if examined and examined.nuclide else None
        injected_at = given["injected_at"] if given is not None else None
        zone = examined.folder.zone if examined else None
        points.append((row, label, injected_at, nuclide, zone))
        inputs.append([_hashes(row), label, injected_at, nuclide])
    return kept({"what": "planar", "points": inputs}, lambda: _planar(points))


def _planar(points: Sequence[tuple[Any, ...]]) -> tuple[dict[str, Shown], dict[str, str]]:
    contents: dict[str, Shown] = {}
    problems: dict[str, str] = {}
    for number, (row, label, injected_at, nuclide, zone) in enumerate(points):
        with _told(problems, f"point{number}"):
            point = shown.TimePoint(tuple(series_paths(row)), injected_at, label, nuclide)
            contents[f"point{number}"] = shown.planar_shown(point, timezone=zone)
    return contents, problems


def _hashes(row: Series) -> list[str]:
    return list(Instance.objects.filter(series=row).order_by("file_id").values_list("file_id", flat=True))


def _beside(row: Series) -> dict[str, list[Series]]:
    """CT and regions of a matched image; a series in quarantine is shown alone."""
    if row.state != "matched" or row.part != "image":
        return {"ct": [], "regions": []}
    rows = Series.objects.filter(
        participant=row.participant, imaging=row.imaging, session=row.session, state="matched"
    ).exclude(part="image")
    return {"ct": [one for one in rows if one.part == "ct"], "regions": [one for one in rows if one.part == "regions"]}


def _examined(row: Series, beside: Mapping[str, Sequence[Series]]) -> tuple[TrialFolder | None, Examined | None]:
    if row.participant is None:
        return None, None
    folder = participant_rows(row.participant).folder
    plan = _plan(folder, row.imaging)
    if plan is None:
        return folder, None
    given = administration_of(folder, row.participant.code, plan, row.session)
    found = Examined(
        plan, row.session, row, tuple(beside["ct"]), tuple(beside["regions"]), given, folder, row.participant
    )
    return folder, found


def _plan(folder: TrialFolder, imaging: str) -> ImagingPlan | None:
    for clause in folder.protocol.imaging.values():
        if clause.reading is not None and clause.reading.id == imaging:
            return clause.reading
    return None


def _administration(examined: Examined | None) -> Administration | None:
    if examined is None or examined.administration is None:
        return None
    given_MBq = net_MBq(examined)
    if given_MBq is None:
        return None
    return Administration(given_MBq, examined.administration["injected_at"], recorded_weight(examined)[0])


__all__ = ["ROLES", "Kept", "kept", "planar_contents", "volume_contents"]
