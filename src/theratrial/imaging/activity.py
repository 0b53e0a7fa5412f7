"""A PT series in Bq/mL (PET, or SPECT stored as PT) -> activity concentration at the start of its scan."""

from __future__ import annotations

import math
from datetime import tzinfo
from typing import Final

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError, UnitError
from theratrial.imaging.series import Series, scaled
from theratrial.imaging.suv_injection import header_administered_at, tracer
from theratrial.imaging.suv_reference import average_count_rate_time_s, reference_time
from theratrial.imaging.suv_tags import Tags
from theratrial.imaging.times import aware, in_zone, seconds_between
from theratrial.imaging.values import ActivityMap
from theratrial.trace import Trace

METHOD: Final = "imaging.activity"
VERSION: Final = "1"


def activity_map(
    series: Series, *, timezone: tzinfo | None = None, calibration_relative_sd: float | None = None
) -> ActivityMap:
    """Activity concentration [Bq/mL] of all slices at one moment: the start of the scan.

    The decay correction of the file is undone with the file's own half-life and administration time, since those are
    what the scanner corrected with, whatever the trial's record says:

    * ADMIN: times ``exp(-lambda (t_scan - t_administered))``;
    * START: times ``exp(-lambda (t_scan - t_reference))``, 1 where the reference is the start of the scan;
    * NONE: each slice, a mean over its frame, is brought to the start of the scan.

    Parameters
    ----------
    timezone
        Zone of the scanner's clock where the file has no TimezoneOffsetFromUTC (0008,0201).
    calibration_relative_sd
        Relative standard deviation of the calibration, carried along; None is not known.

    Raises
    ------
    UnitError
        If the series is not in Bq/mL (or Philips counts with their activity factor).
    InputError
        If the nuclide, a time, the time zone or the decay correction is not known.
    """
    tags = Tags(series.header, series.zone(timezone))
    slices = series.slices
    if any(one.intercept != 0 for one in slices):
        raise InputError("RescaleIntercept must be 0 in a series of activity concentration")
    calibration = np.ones(len(slices))
    if series.unit == "CNTS" and all(one.activity_scale_factor for one in slices):
        calibration = np.array([one.activity_scale_factor for one in slices], dtype=float)
    elif series.unit != "BQML":
        raise UnitError(
            f"Units (0054,1001) is {series.unit or 'absent'!r}: activity needs BQML, or CNTS with Philips (7053,1009)"
        )
    warnings: list[str] = []
    half_life = tracer(tags, warnings)
    if not half_life.nuclide:
        raise InputError("the header does not name the nuclide (RadionuclideCodeSequence)")
    acquired = series.acquired_at(timezone)
    if acquired is None:
        raise InputError("AcquisitionDate and AcquisitionTime are absent: when the scan was made is not known")
    acquired = aware(acquired, "the time of the scan")
    decay_per_s = half_life.decay_per_s
    stored_over_scan: NDArray[np.float64]
    match series.decay_correction:
        case "ADMIN":
            at = header_administered_at(tags, acquired, half_life.half_life_s, warnings)
            if at is None:
                raise InputError(
                    "DecayCorrection is ADMIN but the header has no administration time: it cannot be undone"
                )
            stored_over_scan = np.full(len(slices), math.exp(decay_per_s * seconds_between(acquired, at)))
        case "START":
            reference = reference_time(series, tags, decay_per_s, None, warnings)
            stored_over_scan = np.full(len(slices), math.exp(decay_per_s * seconds_between(acquired, reference.at)))
        case "NONE":
            stored_over_scan = np.array([_mean_over_start(series, i, decay_per_s, tags) for i in range(len(slices))])
        case other:
            raise InputError(f"DecayCorrection (0054,1102) is {other or 'absent'}; START, ADMIN or NONE is needed")
    return ActivityMap(
        grid=series.grid,
        activity_Bq_per_mL=scaled(series, calibration / stored_over_scan),
        acquired_at=acquired,
        nuclide=half_life.nuclide,
        source=series.source,
        trace=Trace(
            METHOD,
            VERSION,
            {"series": series.source.content_hash or f"series_instance_uid:{series.source.series_instance_uid}"},
        ),
        stored_over_scan_time=float(stored_over_scan.mean()),
        stored_decay_correction=series.decay_correction,
        calibration_relative_sd=calibration_relative_sd,
    )


def _mean_over_start(series: Series, index: int, decay_per_s: float, tags: Tags) -> float:
    """Mean over the frame of an undecayed slice, over its value at the start of the scan."""
    one = series.slices[index]
    first, start = series.acquired_at(tags.zone), in_zone(one.acquired_at, tags.zone)
    if first is None or start is None or not one.frame_duration_s:
        raise InputError(
            f"{one.path}: DecayCorrection is NONE and AcquisitionTime or ActualFrameDuration is absent: "
            "the slice cannot be brought to the start of the scan"
        )
    seconds = seconds_between(start, first) + average_count_rate_time_s(one.frame_duration_s, decay_per_s)
    return math.exp(-decay_per_s * seconds)
