"""What a header says of the injection, and a header completed with what a person states."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from theratrial.imaging.fastload import dataset_from_file
from theratrial.imaging.series import Series
from theratrial.imaging.suv_injection import header_dose_Bq
from theratrial.imaging.suv_tags import Tags
from theratrial.units import converted


@dataclass(frozen=True, slots=True)
class HeaderInjection:
    """Activity and time of the injection as the header of a PT states them; None where it does not."""

    activity_MBq: float | None
    at: datetime | None


def header_injection(path: Path, zone: tzinfo) -> HeaderInjection:
    """What a PT file says of the injection, to be held against what a person gives.

    Only RadiopharmaceuticalStartDateTime counts as a time: without a date the day would be a guess.
    """
    tags = Tags(dataset_from_file(path), zone)
    stored_Bq = header_dose_Bq(tags, [])
    at = tags.moment_from_dt("RadiopharmaceuticalStartDateTime", tags.tracers[0]) if tags.tracers else None
    return HeaderInjection(converted(stored_Bq, "Bq", "MBq") if stored_Bq else None, at)


def with_stated_nuclide(series: Series, name: str) -> Series:
    """The series, its header completed with the nuclide that a person states; for headers that name none."""
    header = copy.deepcopy(series.header)
    if not header.get("RadiopharmaceuticalInformationSequence", None):
        header.RadiopharmaceuticalInformationSequence = DicomSequence([Dataset()])
    code = Dataset()
    code.CodeMeaning = name
    header.RadiopharmaceuticalInformationSequence[0].RadionuclideCodeSequence = DicomSequence([code])
    return replace(series, header=header)
