"""QIDO-RS: which studies, series and instances of the trial a user may see.

Only what is matched: quarantine is for the site's own pages. Where a series was assigned to another participant than
its header names, she is the patient (`studies.corrected`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pydicom
from django.db.models import Count, Min, QuerySet
from pydicom.dataset import Dataset

from theratrial.errors import InputError
from theratrial.web.dicom_node.dicomweb_json import attributes, element, keyword_of
from theratrial.web.studies.models import Instance, Series
from theratrial.web.studies.selectors import visible_series
from theratrial.web.studies.store import stored_path

MOST: Final = 1000
_USUAL: Final = 100
_BY_COLUMN: Final = {
    "PatientID": "series__participant__code",
    "StudyInstanceUID": "series__study_instance_uid",
    "SeriesInstanceUID": "series__series_instance_uid",
    "SOPInstanceUID": "sop_instance_uid",
    "Modality": "series__modality",
    "ModalitiesInStudy": "series__modality",
}
_STUDY_TAGS: Final = ("StudyDate", "StudyTime", "StudyDescription", "StudyID", "AccessionNumber")
_INSTANCE_TAGS: Final = ("SOPClassUID", "InstanceNumber", "Rows", "Columns", "BitsAllocated", "NumberOfFrames")
_NOT_KEYS: Final = ("limit", "offset", "includefield", "fuzzymatching", "emptyvaluematching", "multiplevaluematching")


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked: matching by column, by the day of the study, how many from where; what is not matched by."""

    columns: Mapping[str, str]
    study_date: str
    limit: int
    offset: int
    ignored: tuple[str, ...]


def query_of(given: Mapping[str, str], **places: str) -> Query:
    """A query out of its parameters and of the address.

    Raises
    ------
    InputError
        A number is none, or a day is none.
    """
    columns = {_BY_COLUMN[keyword]: value for keyword, value in places.items()}
    ignored, study_date = [], ""
    for name, value in given.items():
        keyword = keyword_of(name)
        if name in _NOT_KEYS:
            continue
        if keyword in _BY_COLUMN and value:
            columns[_BY_COLUMN[keyword]] = value
        elif keyword == "StudyDate":
            study_date = _days(value)
        elif value:
            ignored.append(name[:40])
    limit = min(MOST, _number(given, "limit", _USUAL)) or MOST
    return Query(columns, study_date, limit, _number(given, "offset", 0), tuple(ignored))


def _days(text: str) -> str:
    first, _dash, last = text.partition("-")
    if any(one and not (one.isascii() and one.isdigit() and len(one) == 8) for one in (first, last)):
        raise InputError(f"StudyDate={text[:40]!r} is no day or range of days (20220501, 20220501-20220507)")
    return text


def _number(given: Mapping[str, str], name: str, usual: int) -> int:
    text = given.get(name, "")
    if not text:
        return usual
    if not (text.isascii() and text.isdecimal() and len(text) < 9):
        raise InputError(f"{name}={text[:20]!r} is no whole number")
    return int(text)


def instances_of(user: Any, query: Query) -> QuerySet[Instance]:
    """Instances that match, of series that the user may see and that have their place."""
    series = visible_series(user).filter(state="matched", participant__isnull=False)
    found = Instance.objects.filter(series__in=series).select_related("series__participant")
    for column, value in query.columns.items():
        found = _matching(found, column, value)
    return found.order_by("series__study_instance_uid", "series__series_instance_uid", "sop_instance_uid")


def _matching(found: QuerySet[Instance], column: str, value: str) -> QuerySet[Instance]:
    """Lists of UIDs, wildcards and plain values (PS3.4 C.2.2.2)."""
    if column.endswith("uid"):
        return found.filter(**{f"{column}__in": value.replace("\\", ",").split(",")[:MOST]})
    if set(value) & {"*", "?"}:
        pattern = "".join(".*" if c == "*" else "." if c == "?" else f"\\{c}" if not c.isalnum() else c for c in value)
        return found.filter(**{f"{column}__regex": f"^{pattern}$"})
    return found.filter(**{column: value})


def header_of(sha256: str, *keywords: str) -> Dataset:
    """A few elements of a stored file."""
    return pydicom.dcmread(stored_path(sha256), stop_before_pixels=True, specific_tags=list(keywords))


def studies(user: Any, query: Query, address: str) -> list[dict[str, Any]]:
    """Answers about studies, in the DICOM JSON model."""
    answers, passed = [], 0
    groups = (
        instances_of(user, query)
        .order_by("series__study_instance_uid")
        .values("series__study_instance_uid", "series__participant__code")
        .annotate(any_file=Min("file_id"))
    )
    for one in groups.iterator():
        header = header_of(one["any_file"], *_STUDY_TAGS)
        day = str(header.get("StudyDate", "") or "")
        if not _within(day, query.study_date):
            continue
        passed += 1
        if passed <= query.offset:
            continue
        uid = one["series__study_instance_uid"]
        answers.append(_study(user, uid, one["series__participant__code"], header, address))
        if len(answers) == query.limit:
            break
    return answers


def _within(day: str, wanted: str) -> bool:
    if not wanted:
        return True
    first, dash, last = wanted.partition("-")
    return day == wanted if not dash else bool(day) and (first or day) <= day <= (last or day)


def _study(user: Any, uid: str, code: str, header: Dataset, address: str) -> dict[str, Any]:
    rows = visible_series(user).filter(study_instance_uid=uid, state="matched", participant__code=code)
    modalities = sorted(set(rows.values_list("modality", flat=True)))
    texts = {keyword: str(header.get(keyword, "") or "") for keyword in _STUDY_TAGS}
    return attributes(
        element("StudyDate", "DA", texts["StudyDate"]),
        element("StudyTime", "TM", texts["StudyTime"]),
        element("AccessionNumber", "SH", texts["AccessionNumber"]),
        element("InstanceAvailability", "CS", "ONLINE"),
        element("ModalitiesInStudy", "CS", *modalities),
        element("StudyDescription", "LO", texts["StudyDescription"]),
        element("RetrieveURL", "UR", f"{address}/studies/{uid}"),
        element("PatientName", "PN", code),
        element("PatientID", "LO", code),
        element("StudyInstanceUID", "UI", uid),
        element("StudyID", "SH", texts["StudyID"]),
        element("NumberOfStudyRelatedSeries", "IS", rows.count()),
        element("NumberOfStudyRelatedInstances", "IS", Instance.objects.filter(series__in=rows).count()),
    )


def series(user: Any, query: Query, address: str) -> list[dict[str, Any]]:
    """Answers about series."""
    keys = instances_of(user, query).order_by().values("series_id")
    rows = Series.objects.filter(pk__in=keys).select_related("participant").annotate(files=Count("instances"))
    rows = rows.order_by("study_instance_uid", "series_instance_uid", "pk")
    return [_series(one, address) for one in rows[query.offset : query.offset + query.limit]]


def _series(row: Any, address: str) -> dict[str, Any]:
    place = f"{address}/studies/{row.study_instance_uid}/series/{row.series_instance_uid}"
    return attributes(
        element("Modality", "CS", row.modality),
        element("SeriesDescription", "LO", row.description),
        element("RetrieveURL", "UR", place),
        element("PatientID", "LO", row.participant.code),
        element("StudyInstanceUID", "UI", row.study_instance_uid),
        element("SeriesInstanceUID", "UI", row.series_instance_uid),
        element("SeriesNumber", "IS", *_whole(row.header.get("facts", {}).get("SeriesNumber"))),
        element("NumberOfSeriesRelatedInstances", "IS", row.files),
    )


def _whole(text: Any) -> tuple[int, ...]:
    return (int(text),) if str(text or "").strip().isdecimal() else ()


def instances(user: Any, query: Query, address: str) -> list[dict[str, Any]]:
    """Answers about instances."""
    found = instances_of(user, query)[query.offset : query.offset + query.limit]
    return [_instance(one, address) for one in found]


def _instance(one: Instance, address: str) -> dict[str, Any]:
    row = one.series
    header = header_of(one.file_id, *_INSTANCE_TAGS)
    place = f"{address}/studies/{row.study_instance_uid}/series/{row.series_instance_uid}"
    assert row.participant is not None
    return attributes(
        element("SOPClassUID", "UI", str(header.get("SOPClassUID", ""))),
        element("SOPInstanceUID", "UI", one.sop_instance_uid),
        element("InstanceAvailability", "CS", "ONLINE"),
        element("RetrieveURL", "UR", f"{place}/instances/{one.sop_instance_uid}"),
        element("PatientID", "LO", row.participant.code),
        element("StudyInstanceUID", "UI", row.study_instance_uid),
        element("SeriesInstanceUID", "UI", row.series_instance_uid),
        element("InstanceNumber", "IS", *_whole(header.get("InstanceNumber"))),
        element("Rows", "US", header.get("Rows")),
        element("Columns", "US", header.get("Columns")),
        element("BitsAllocated", "US", header.get("BitsAllocated")),
        element("NumberOfFrames", "IS", *_whole(header.get("NumberOfFrames"))),
    )


def file_of(one: Instance) -> Path:
    """The file to give out: the stored one, or its copy under the participant's code."""
    from theratrial.web.studies.corrected import corrected_copy

    participant = one.series.participant
    assert participant is not None
    if one.series.patient_id == participant.code:
        return stored_path(one.file_id)
    return corrected_copy(one.file_id, participant.code)


__all__ = ["MOST", "Query", "file_of", "header_of", "instances", "instances_of", "query_of", "series", "studies"]
