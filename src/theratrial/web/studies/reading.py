"""From the files of a delivery to rows: series and instances, each file registered once, nothing lost by a crash.

Done again after a crash it finds what is there and goes on: a file that is stored is not stored again, an instance that
is registered is not registered again, and the delivery's own copies go only when all is said in the database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Final

from django.utils import timezone
from django.utils.translation import gettext_noop as _

from theratrial.imaging.catalogue import Catalogue, CatalogueSeries, catalogue
from theratrial.imaging.catalogue_header import read_header
from theratrial.imaging.times import in_zone
from theratrial.web.studies import store
from theratrial.web.studies.belonging import Reason
from theratrial.web.studies.header_facts import header_facts
from theratrial.web.studies.models import Instance, Series, StoredFile, Upload
from theratrial.web.studies.same_content import same_instance
from theratrial.web.studies.series_json import as_json

_GAP: Final = " has a gap of "


@dataclass(frozen=True, slots=True)
class Delivered:
    """A file of a delivery: where it lies now, the name it came under, its hash."""

    path: Path
    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Read:
    """What the headers of a delivery say."""

    found: Catalogue
    files: Mapping[Path, Delivered]
    sop_instance_uids: Mapping[Path, str]
    facts: Mapping[str, dict[str, Any]]
    """By SeriesInstanceUID."""


def read(
    files: Sequence[Delivered],
    *,
    zone: tzinfo,
    trial_id: str,
    found: Catalogue | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Read:
    """The headers of files, before anything is written.

    Parameters
    ----------
    found
        The catalogue of these files, where it has been made already.
    """
    by_path = {one.path: one for one in files}
    made = found or catalogue(list(by_path), progress=progress)
    uids = {path: read_header(path).sop_instance_uid for one in made.series for path in one.files}
    facts = {
        one.series_instance_uid: header_facts(one, zone=zone, pseudonyms=(one.patient_id, trial_id))
        for one in made.series
    }
    return Read(made, by_path, uids, facts)


def passed_over(done: Read) -> list[dict[str, str]]:
    """Files that are in no series, under the names they came with, and why."""
    result = []
    taken = {path for one in done.found.series for path in one.files}
    for problem in (*done.found.problems, *done.found.notes):
        file = done.files.get(Path(problem.place))
        if file is not None and file.path not in taken:
            reason = _without_paths(problem.message, done.files)
            result.append({"name": file.name, "reason": f"{reason} -> {problem.remedy}" if problem.remedy else reason})
    return result


def registered(
    upload: Upload, done: Read, *, kept: Callable[[Delivered], None], zone: tzinfo
) -> tuple[list[Series], int]:
    """Store the files and make or complete the rows; call inside an act.

    Returns
    -------
    The series that are new or have new files, and the number of files that were there already.
    """
    now = timezone.now()
    touched: list[Series] = []
    known = 0
    for one in done.found.series:
        same = Series.objects.filter(series_instance_uid=one.series_instance_uid)
        rows = list(same.select_related("participant", "upload"))
        have = _instances(rows)
        fresh, other = [], []
        for path in one.files:
            uid, sha256 = done.sop_instance_uids[path], done.files[path].sha256
            shas = have.get(uid, {})
            if sha256 in shas or any(same_instance(path, store.stored_path(had)) for had in shas):
                known += 1
            elif shas:
                other.append(path)
            else:
                fresh.append(path)
        if fresh:
            row = _growing(rows, one) or _new_row(upload, one, done, zone)
            _instances_made(row, fresh, done, kept, now)
            _described(row, one, done, zone)
            touched.append(row)
        if other:
            row = _new_row(upload, one, done, zone)
            row.header["blocking"].append(_CONFLICT.as_json())
            _instances_made(row, other, done, kept, now)
            row.save()
            touched.append(row)
    return touched, known


_CONFLICT: Final = Reason(
    "conflicting_duplicate",
    "The site has instances with the same SOP Instance UID but other content.",
    _("Find out which one is the original; set the other aside."),
)


def _instances(rows: Sequence[Series]) -> dict[str, dict[str, Series]]:
    """SOPInstanceUID -> hash -> row."""
    by_pk = {row.pk: row for row in rows}
    found: dict[str, dict[str, Series]] = {}
    lines = Instance.objects.filter(series__in=by_pk).values_list("sop_instance_uid", "file_id", "series_id")
    for uid, sha256, pk in lines if by_pk else ():
        found.setdefault(uid, {})[sha256] = by_pk[pk]
    return found


def _growing(rows: Sequence[Series], one: CatalogueSeries) -> Series | None:
    """The row that further files of a series belong to."""
    for row in rows:
        rules = {reason["rule"] for reason in row.header["blocking"]}
        if row.patient_id == one.patient_id and "conflicting_duplicate" not in rules:
            return row
    return None


def _new_row(upload: Upload, one: CatalogueSeries, done: Read, zone: tzinfo) -> Series:
    facts = done.facts[one.series_instance_uid]
    row = Series(
        upload=upload,
        series_instance_uid=one.series_instance_uid[:64],
        study_instance_uid=one.study_instance_uid[:64],
        patient_id=one.patient_id[:64],
        modality=one.modality[:16],
        description=one.description[:200],
        acquired_at=in_zone(one.acquired_at, zone),
        header={
            "catalogue": as_json(one),
            "facts": facts,
            "blocking": _blocking(one, done, facts, upload),
            "gap": _gap(one.series_instance_uid, done.found, done.files),
        },
        site=upload.site,
    )
    row.save(force_insert=True)
    return row


def _described(row: Series, one: CatalogueSeries, done: Read, zone: tzinfo) -> None:
    """What is said of a series again, over all its files, where some came earlier."""
    if row.instances.count() == len(one.files):
        return
    paths = [store.stored_path(sha256) for sha256 in row.instances.values_list("file_id", flat=True)]
    whole = catalogue(paths)
    again = next((s for s in whole.series if s.series_instance_uid == one.series_instance_uid), one)
    row.header["catalogue"] = as_json(again)
    row.header["gap"] = _gap(one.series_instance_uid, whole, {})
    row.header["blocking"] = _blocking(one, done, row.header["facts"], row.upload)
    row.acquired_at = in_zone(again.acquired_at, zone)
    row.save()


def _instances_made(
    row: Series, paths: Sequence[Path], done: Read, kept: Callable[[Delivered], None], now: datetime
) -> None:
    files = [done.files[path] for path in paths]
    for file in files:
        kept(file)
    there = set(StoredFile.objects.filter(pk__in=[one.sha256 for one in files]).values_list("pk", flat=True))
    new = {one.sha256: StoredFile(one.sha256, one.bytes, now) for one in files if one.sha256 not in there}
    StoredFile.objects.bulk_create(new.values(), batch_size=500)
    Instance.objects.bulk_create(
        [
            Instance(
                series=row, file_id=file.sha256, sop_instance_uid=done.sop_instance_uids[path][:64], name=file.name
            )
            for path, file in zip(paths, files, strict=True)
        ],
        batch_size=500,
    )


_STRANGER: Final = Reason(
    "unknown_sender",
    "It was sent over the network by a sender that is no peer of this site.",
    _("Find out who sent it and whether it is genuine; then assign the series, or set it aside."),
)


def _blocking(one: CatalogueSeries, done: Read, facts: Mapping[str, Any], upload: Upload) -> list[dict[str, str]]:
    """What keeps a series in quarantine whatever its place would be."""
    reasons = [_STRANGER] if upload.unknown_sender else []
    if facts.get("unreadable"):
        reasons.append(Reason("unreadable", str(facts["unreadable"]), _("Export the series again.")))
    if facts.get("identifying"):
        reasons.append(
            Reason(
                "identifying_name",
                f"The header may name the person: {', '.join(facts['identifying'])} is not the pseudonym.",
                _("Pseudonymise the series where it comes from and send it again; set this one aside."),
            )
        )
    for problem in done.found.problems:
        about_person = problem.place == f"PatientID {one.patient_id}"
        about_series = one.series_instance_uid in problem.message and " mixes " in problem.message
        if about_person or about_series:
            rule = "identity_differs" if about_person else "mixed_series"
            message = _without_paths(
                f"{problem.place} {problem.message}" if about_person else problem.message, done.files
            )
            reasons.append(Reason(rule, message, problem.remedy))
    return [reason.as_json() for reason in reasons]


def _gap(uid: str, found: Catalogue, files: Mapping[Path, Delivered]) -> str:
    said = [problem.message for problem in found.problems if uid in problem.message and _GAP in problem.message]
    return _without_paths(said[0], files) if said else ""


def _without_paths(message: str, files: Mapping[Path, Delivered]) -> str:
    """A message of the core under the names that people know."""
    for path, file in files.items():
        if str(path) in message:
            message = message.replace(str(path), file.name)
        if path.name in message:
            message = message.replace(path.name, file.name)
    return message


__all__ = ["Delivered", "Read", "passed_over", "read", "registered"]
