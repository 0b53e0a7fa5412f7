"""What pages and checks need of a series' header, as plain JSON; no name of a person is ever kept."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Final

from pydicom.multival import MultiValue

from theratrial.errors import InputError, TheratrialError
from theratrial.imaging.catalogue import CatalogueSeries
from theratrial.imaging.fastload import dataset_from_file
from theratrial.imaging.nm import energy_windows
from theratrial.imaging.suv_injection import header_administered_at, header_dose_Bq
from theratrial.imaging.suv_tags import Tags
from theratrial.imaging.times import in_zone
from theratrial.units import converted

_TEXTS: Final = (
    "Manufacturer",
    "ManufacturerModelName",
    "StationName",
    "StudyDescription",
    "SeriesDescription",
    "BodyPartExamined",
    "SeriesNumber",
    "Units",
    "DecayCorrection",
    "CorrectedImage",
    "AttenuationCorrectionMethod",
    "ScatterCorrectionMethod",
    "ReconstructionMethod",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "SliceThickness",
    "PixelSpacing",
    "ImageType",
    "CountsAccumulated",
    "ActualFrameDuration",
    "TimezoneOffsetFromUTC",
    "BurnedInAnnotation",
)
_PERSONAL: Final = (
    "OtherPatientNames",
    "PatientBirthName",
    "PatientMotherBirthName",
    "PatientAddress",
    "PatientTelephoneNumbers",
)
_NO_NAME: Final = frozenset(("virtual", "anonymous", "anonymized", "anonymised", "anon", "none", "unknown", "patient"))
_LONG_LIVED_S: Final = 24 * 3600.0
_SURELY_BQ: Final = 1e6
"""No patient is given 1 TBq."""
_DATASET_ERRORS: Final = (AttributeError, KeyError, TypeError, ValueError, NotImplementedError, OverflowError)


def header_facts(series: CatalogueSeries, *, zone: tzinfo, pseudonyms: Iterable[str]) -> dict[str, Any]:
    """Facts of the first file of a series.

    Parameters
    ----------
    pseudonyms
        What may stand as a name besides the usual words for none: the PatientID, the trial's identifier.
    """
    try:
        dataset = dataset_from_file(series.files[0])
    except TheratrialError as error:
        return {"unreadable": _message(error, series.files[0])}
    facts: dict[str, Any] = {key: text for key in _TEXTS if (text := _text(dataset, key))}
    facts["identifying"] = _identifying(dataset, pseudonyms)
    facts["weight_kg"] = _number(dataset, "PatientWeight")
    facts["images_stated"] = _images_stated(dataset, series.modality)
    if series.modality in ("PT", "NM"):
        facts |= _injection(dataset, series, zone)
    if series.modality == "NM":
        facts["energy_windows_keV"] = _windows(dataset)
        facts["frames"], facts["frames_stated"] = _whole(dataset, "NumberOfFrames"), _frames_stated(dataset, series)
    return facts


def _images_stated(dataset: Any, modality: str) -> int | None:
    """How many images the series has, where the header of one says so (PS3.3 C.8.9.1, C.7.6.1)."""
    if modality == "PT":
        slices = _whole(dataset, "NumberOfSlices")
        return slices * (_whole(dataset, "NumberOfTimeSlices") or 1) if slices else None
    return _whole(dataset, "ImagesInAcquisition") if modality == "CT" else None


def _frames_stated(dataset: Any, series: CatalogueSeries) -> int | None:
    """How many frames an NM image should have at least by its own counts of what they stand for (PS3.3 C.8.4.8)."""
    if series.image_kind in ("WHOLE BODY", "STATIC"):
        windows, detectors = _whole(dataset, "NumberOfEnergyWindows"), _whole(dataset, "NumberOfDetectors")
        return windows * detectors if windows and detectors else None
    return _whole(dataset, "NumberOfSlices") if series.image_kind == "RECON TOMO" else None


def _whole(dataset: Any, keyword: str) -> int | None:
    found = _number(dataset, keyword)
    return int(found) if found is not None and 0 < found < 1e6 else None


def _identifying(dataset: Any, pseudonyms: Iterable[str]) -> list[str]:
    """Keywords of elements that may name the person; never what they say."""
    allowed = {word for one in pseudonyms for word in _words(one)} | _NO_NAME
    found = [] if set(_words(_text(dataset, "PatientName"))) <= allowed else ["PatientName"]
    return found + [keyword for keyword in _PERSONAL if set(_words(_text(dataset, keyword))) - allowed]


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\^=\s,;]+", text.strip(" \0").casefold()) if word]


def _injection(dataset: Any, series: CatalogueSeries, zone: tzinfo) -> dict[str, Any]:
    found: dict[str, Any] = {}
    try:
        tags = Tags(dataset, zone)
        found["injected_activity_MBq"] = _activity_MBq(tags, series.modality)
        half_life_s = _half_life_h(series) * 3600.0 if series.radionuclide else None
        scan_at = in_zone(series.acquired_at, zone)
        if half_life_s:
            # A time without a date says nothing about a tracer that is scanned for days.
            assume = half_life_s < _LONG_LIVED_S
            try:
                at = header_administered_at(tags, scan_at, half_life_s, [], assume_day=assume)
            except InputError:
                # A date that cannot belong to the scan is still what the header says: it is asked about.
                at = tags.moment_from_dt("RadiopharmaceuticalStartDateTime", tags.tracers[0]) if tags.tracers else None
            found["injected_at"] = at.isoformat() if isinstance(at, datetime) else None
    except (TheratrialError, *_DATASET_ERRORS):
        # A header that contradicts itself here is told by the SUV check, with its own words.
        found.setdefault("injected_activity_MBq", None)
    return found


def _activity_MBq(tags: Tags, modality: str) -> float | None:
    """PS3.3 gives the dose of a PET in Bq and of an NM in MBq."""
    if modality == "PT":
        stored_Bq = header_dose_Bq(tags, [])
        return converted(stored_Bq, "Bq", "MBq") if stored_Bq else None
    stated = tags.number("RadionuclideTotalDose", tags.tracers[0]) if tags.tracers else None
    if not stated or stated <= 0:
        return None
    return converted(stated, "Bq", "MBq") if stated > _SURELY_BQ else stated


def _half_life_h(series: CatalogueSeries) -> float:
    from theratrial.nuclides import nuclide

    return nuclide(series.radionuclide or "").half_life_h


def _windows(dataset: Any) -> list[list[float | str | None]]:
    try:
        return [[one.name, one.lower_keV, one.upper_keV] for one in energy_windows(dataset)]
    except (TheratrialError, *_DATASET_ERRORS):
        return []


def _text(dataset: Any, keyword: str) -> str:
    try:
        value = dataset.get(keyword, "")
        if isinstance(value, list | tuple | MultiValue):
            return "\\".join(str(one) for one in value)[:200]
        return str(value if value is not None else "").strip(" \0")[:200]
    except _DATASET_ERRORS:
        return ""


def _number(dataset: Any, keyword: str) -> float | None:
    try:
        return float(_text(dataset, keyword))
    except ValueError:
        return None


def _message(error: Exception, path: Path) -> str:
    return str(error).replace(str(path), "the file").replace(path.name, "the file")[:500]


__all__ = ["header_facts"]
