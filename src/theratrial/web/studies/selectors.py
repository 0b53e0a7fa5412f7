"""Images, read: uploads, quarantine, planned against received, files for the results' trial folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db.models import Count, QuerySet

from theratrial.imaging.catalogue import Catalogue
from theratrial.pipeline.matching import PlannedImage, matched_images
from theratrial.web.capture.selectors import live_records, rows_of
from theratrial.web.participants.models import Participant
from theratrial.web.people.permissions import sites_of
from theratrial.web.studies import arrivals
from theratrial.web.studies.corrected import corrected_copy
from theratrial.web.studies.models import Instance, Series, Upload
from theratrial.web.studies.store import stored_path

_TABLES = ("participants", "administrations", "visits")


@dataclass(frozen=True, slots=True)
class Planned:
    """A planned image of a participant, what was received for it, whether it is missing."""

    participant: str
    imaging: str
    title: str
    kind: str
    session: int | None
    window: str
    administered: bool
    missed: str
    """The reason, where the visits table says that it was missed."""
    image: Series | None
    ct: tuple[Series, ...]
    regions: tuple[Series, ...]
    hours_after: float | None
    in_window: bool | None
    wants_ct: bool
    wants_regions: bool

    @property
    def is_missing(self) -> bool:
        """Administered, not missed, and no image."""
        return self.administered and not self.missed and self.image is None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an upload is."""

    upload: Upload
    done: int
    total: int

    @property
    def under_way(self) -> bool:
        """Whether the page should ask again."""
        return self.upload.state in ("receiving", "reading")


def visible_series(user: Any) -> QuerySet[Series]:
    """Series of the user's sites; those of no site at all go to who may settle quarantine everywhere."""
    return Series.objects.filter(site__in=sites_of(user, "images.view")).select_related("participant", "site", "upload")


def quarantined(user: Any) -> QuerySet[Series]:
    """What waits for somebody's decision, newest first."""
    return (
        visible_series(user)
        .filter(state="quarantined")
        .annotate(files=Count("instances"))
        .order_by("-upload__received_at", "patient_id", "acquired_at", "pk")
    )


def visible_uploads(user: Any) -> QuerySet[Upload]:
    """Deliveries to the user's sites."""
    return Upload.objects.filter(site__in=sites_of(user, "images.view")).select_related("site")


def uploads_with_progress(uploads: Iterable[Upload]) -> list[Progress]:
    """Deliveries and how far each is; only those under way have a journal to look at."""
    return [upload_progress(one) for one in uploads]


def upload_progress(upload: Upload) -> Progress:
    """How far one delivery is."""
    if upload.state == "receiving":
        count = len(arrivals.journal(str(upload.pk)))
        return Progress(upload, count, count)
    if upload.state == "reading":
        said = arrivals.progress(str(upload.pk))
        return Progress(upload, int(said.get("read", 0)), int(said.get("total", upload.files)))
    return Progress(upload, upload.files, upload.files)


def planned_of(participant: Participant) -> list[Planned]:
    """Planned images of one participant against what was received. A few queries."""
    rows = list(Series.objects.filter(participant=participant, state="matched").exclude(imaging="").defer("header"))
    by_place: dict[tuple[str, int | None], list[Series]] = {}
    for row in rows:
        by_place.setdefault((row.imaging, row.session), []).append(row)
    # Without the many lines of the laboratory, which say nothing of images.
    folder = rows_of(live_records().filter(table__in=_TABLES, participant=participant)).folder
    found = matched_images(folder, Catalogue((), (), (), 0)).get(participant.code)
    images = found.images if found is not None else ()
    return [_one(participant.code, image, by_place.pop((image.plan.id, image.session), [])) for image in images]


def _one(code: str, image: PlannedImage, here: Sequence[Series]) -> Planned:
    plan, given = image.plan, image.administration
    row = next((one for one in here if one.part == "image"), None)
    hours = None
    if row is not None and row.acquired_at is not None and given is not None:
        hours = (row.acquired_at - given["injected_at"]).total_seconds() / 3600
    return Planned(
        participant=code,
        imaging=plan.id,
        title=plan.title,
        kind=plan.kind,
        session=image.session,
        window=f"{plan.window_h.minimum:g}–{plan.window_h.maximum:g} h",
        administered=given is not None and plan.required,
        missed=(image.missed["reason"] or "–") if image.missed is not None else "",
        image=row,
        ct=tuple(one for one in here if one.part == "ct"),
        regions=tuple(one for one in here if one.part == "regions"),
        hours_after=hours,
        in_window=None if hours is None else plan.window_h.holds(hours),
        wants_ct=plan.kind == "pet_ct",
        wants_regions="dosimetry" in plan.purpose,
    )


def image_files_of(participant: Participant) -> list[tuple[str, Path]]:
    """Matched files of a participant as (relative name, path), for the results' trial folder to link.

    A series whose header names another patient than the one it was assigned to comes as copies in which the PatientID
    is hers; their names say so (``PatientID-corrected``), and the stored bytes stay as they are.
    """
    lines = (
        Instance.objects.filter(series__participant=participant, series__state="matched")
        .order_by("series__series_instance_uid", "file_id")
        .values_list("file_id", "series_id", "series__modality", "series__patient_id")
    )
    files = []
    for sha256, series, modality, patient_id in lines:
        name = f"{participant.code}/{modality}-{str(series)[:8]}"
        if patient_id == participant.code:
            files.append((f"{name}/{sha256}.dcm", stored_path(sha256)))
        else:
            path = corrected_copy(sha256, participant.code)
            files.append((f"{name}-PatientID-corrected/{sha256}.dcm", path))
    return files


__all__ = [
    "Planned",
    "Progress",
    "image_files_of",
    "planned_of",
    "quarantined",
    "upload_progress",
    "uploads_with_progress",
    "visible_series",
    "visible_uploads",
]
