"""The moment to which the scanner corrected the decay of a series stored as START: two ways to know it.

Option A (QIBA) trusts the header's series time where it can be right; option B computes it back from each slice:
``t_ref = t_acq + T_ave - FrameReferenceTime`` with ``T_ave = ln(x / (1 - exp(-x))) / lambda``, ``x = lambda T``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from theratrial.errors import InputError
from theratrial.imaging.series import Series, Slice
from theratrial.imaging.suv_tags import Tags
from theratrial.imaging.times import in_zone, seconds_between

_SLICES_DISAGREE_S: Final = 60.0
_SAME_MOMENT_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class ReferenceTime:
    """The moment the stored values belong to, and how it was found."""

    at: datetime
    rule: str
    alternative_s: float | None
    """Option B less this [s]; None where B cannot be formed, or is the rule itself and A gives nothing."""
    rejected: tuple[tuple[str, str], ...]


def average_count_rate_time_s(duration_s: float, decay_per_s: float) -> float:
    """Time after the start of a frame at which its mean count rate is the momentary one [s].

    Parameters
    ----------
    duration_s
        Length of the frame [s].
    decay_per_s
        Decay constant [1/s].

    Examples
    --------
    A 300 s frame of 18F, a little before its middle:

    >>> round(average_count_rate_time_s(300, math.log(2) / 6586.2), 3)
    149.605
    """
    x = decay_per_s * duration_s
    if x < 1e-6:
        return duration_s / 2
    return math.log(x / -math.expm1(-x)) / decay_per_s


def back_computed(one: Slice, decay_per_s: float) -> datetime | None:
    """Option B for one slice; None where its acquisition time, duration or frame reference time is absent."""
    if one.acquired_at is None or one.frame_reference_time_s is None or not one.frame_duration_s:
        return None
    mean_s = average_count_rate_time_s(one.frame_duration_s, decay_per_s)
    return one.acquired_at + timedelta(seconds=mean_s - one.frame_reference_time_s)


def reference_time(
    series: Series, tags: Tags, decay_per_s: float, administered_at: datetime | None, warnings: list[str]
) -> ReferenceTime:
    """Reference time of a series with DecayCorrection START: option A, with option B beside it.

    In order: DecayCorrectionDateTime (0018,9701) where the file states it; SeriesDate and SeriesTime if not after the
    acquisition; the scanner's private moment (GE 0009,100D, Siemens 0071,1022); option B; the earliest acquisition
    time. Option B comes before the earliest acquisition time because the latter is late by the frame's own offset
    (reference object 3_2 of the IBSI-SUV suite).

    Parameters
    ----------
    administered_at
        Known moment of administration; candidates before it are rejected.

    Raises
    ------
    InputError
        If the administration is after the scan, or no candidate is left.
    """
    acquired = series.acquired_at(tags.zone)
    if administered_at is not None and acquired is not None and seconds_between(acquired, administered_at) < 0:
        raise InputError(
            f"the administration ({administered_at.isoformat(sep=' ')}) is after the scan "
            f"({acquired.isoformat(sep=' ')}): another session's record, a shifted date, or the wrong time zone?"
        )
    _note_slices(series, tags)
    computed, why_not = _option_b(series, tags, decay_per_s)
    stated = tags.moment_from_dt("DecayCorrectionDateTime")
    by_series = tags.moment("SeriesDate", "SeriesTime")
    ge = tags.private_moment(0x0009, 0x100D, "GE PET scan datetime")
    siemens = tags.private_moment(0x0071, 0x1022, "Siemens decay correction datetime")
    candidates: list[tuple[str, datetime | None, str]] = [
        ("DecayCorrectionDateTime (0018,9701)", stated, "absent"),
        ("option A: SeriesDate and SeriesTime", by_series, "absent or malformed"),
        ("option A: GE PET scan datetime (0009,100D)", ge, "absent"),
        ("option A: Siemens decay correction datetime (0071,1022)", siemens, "absent"),
        ("option B: back from acquisition, frame duration and frame reference time", computed, why_not),
        ("option A: earliest AcquisitionDate and AcquisitionTime", acquired, "absent or malformed"),
    ]
    chosen: tuple[str, datetime] | None = None
    rejected: list[tuple[str, str]] = []
    for rule, at, absent in candidates:
        if at is None:
            rejected.append((rule, absent))
        elif chosen is not None:
            apart = seconds_between(at, chosen[1])
            same = "the same moment" if abs(apart) < _SAME_MOMENT_S else f"{apart:+.1f} s from the rule chosen"
            rejected.append((rule, f"not needed; {same}"))
        elif administered_at is not None and seconds_between(at, administered_at) < 0:
            rejected.append((rule, f"{at.isoformat(sep=' ')} is before the administration"))
        elif "SeriesTime" in rule and acquired is not None and seconds_between(at, acquired) > 0:
            late = seconds_between(at, acquired)
            rejected.append((rule, f"{late:.0f} s after the first acquisition: written by later processing"))
        else:
            chosen = rule, at
    if chosen is None:
        raise InputError("no reference time of the decay correction: " + "; ".join(f"{r}: {w}" for r, w in rejected))
    rule, at = chosen
    if rule.endswith("AcquisitionTime"):
        warnings.append(
            "the reference time is the earliest AcquisitionTime, which is late where a bed position is missing"
        )
    alternative = seconds_between(computed, at) if computed is not None else None
    if alternative is not None and abs(alternative) > _SLICES_DISAGREE_S:
        effect = math.expm1(decay_per_s * alternative) * 100
        warnings.append(
            f"the reference times of option A and option B are {alternative:+.0f} s apart; "
            f"option B would change SUV by {effect:+.2f} %"
        )
    return ReferenceTime(at, rule, alternative, tuple(rejected))


def _option_b(series: Series, tags: Tags, decay_per_s: float) -> tuple[datetime | None, str]:
    """Option B of the whole series, and why not."""
    moments = [back_computed(one, decay_per_s) for one in series.slices]
    known = sorted(m for m in moments if m is not None)
    if len(known) < len(moments):
        return None, "AcquisitionTime, ActualFrameDuration or FrameReferenceTime absent"
    spread = seconds_between(known[-1], known[0])
    if spread > _SLICES_DISAGREE_S:
        return None, f"the slices give moments that are {spread:.0f} s apart"
    return in_zone(known[len(known) // 2], tags.zone), ""


def _note_slices(series: Series, tags: Tags) -> None:
    """Remember the per-slice elements that the options use, as first and last."""
    for tag, keyword, attribute in (
        ("(0008,0032)", "AcquisitionTime", "acquired_at"),
        ("(0018,1242)", "ActualFrameDuration", "frame_duration_s"),
        ("(0054,1300)", "FrameReferenceTime", "frame_reference_time_s"),
    ):
        values = [v for one in series.slices if (v := getattr(one, attribute)) is not None]
        if not values:
            continue
        low, high = min(values), max(values)
        unit = "" if isinstance(low, datetime) else " s"
        tags.add(tag, keyword, f"{low}{unit}" if low == high else f"{low} to {high}{unit}")
