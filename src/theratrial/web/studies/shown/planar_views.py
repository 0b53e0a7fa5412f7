"""Whole-body anterior and posterior views at several times -> counts and the factor that makes them comparable.

What is compared is counts per second per pixel, decay-corrected to the injection: with one window for all views, a
region that looks paler at 48 h has washed out biologically, and is not merely older. Where a factor cannot be formed,
nothing is guessed: the views are sent as counts, and the reason with them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Final

import numpy as np

from theratrial.errors import TheratrialError
from theratrial.imaging.planar import planar_pair
from theratrial.imaging.values import FloatArray, PlanarPair
from theratrial.nuclides import nuclide
from theratrial.web.studies.shown.values import RAW, Shown, round_up

_MOST_PIXELS: Final = 64_000_000


@dataclass(frozen=True, slots=True)
class Outline:
    """A region drawn on a view: closed polygon in mm from the image's top left corner (head end, patient's right)."""

    name: str
    view: str
    """anterior, posterior, or both."""
    points_mm: tuple[tuple[float, float], ...]
    """(to the patient's left, towards the feet)."""


@dataclass(frozen=True, slots=True)
class TimePoint:
    """One whole-body acquisition and the injection it followed."""

    files: tuple[Path, ...]
    injected_at: datetime | None
    label: str
    """As the schedule calls it, for example ``24 h``."""
    nuclide: str | None = None
    """Of the trial's record; None takes the header's."""
    outlines: tuple[Outline, ...] = ()


def planar_shown(point: TimePoint, *, window: int | None = None, timezone: tzinfo | None = None) -> Shown:
    """Both views of one time point: little-endian float32 or uint16, anterior first, and how to normalise them.

    The value to show is ``stored x counts_per_s_at_injection_factor``, in counts per second per pixel, decay-corrected
    from the start of the scan to the injection; the factor is None where `not_comparable_because` says why.

    Parameters
    ----------
    window
        Index of the energy window; None takes the one with most counts.
    timezone
        Zone of the camera's clock, for files that do not state it.
    """
    pair = planar_pair(point.files, timezone)
    chosen = int(np.argmax(pair.anterior.sum(axis=(1, 2), dtype=float))) if window is None else window
    views = [pair.anterior[chosen]] + ([] if pair.posterior is None else [pair.posterior[chosen]])
    stored = _stored(views)
    factor, reason, hours = _factor(point, pair)
    dy, dx = pair.pixel_spacing_mm
    return Shown(
        b"".join(np.ascontiguousarray(one).tobytes() for one in stored),
        RAW,
        {
            "label": point.label,
            "views": ["anterior", "posterior"][: len(views)],
            "rows": int(views[0].shape[0]),
            "columns": int(views[0].shape[1]),
            "type": "uint16" if stored[0].dtype.itemsize == 2 else "float32",
            "pixel_mm": {"row": dy, "column": dx},
            "column_0": "patient right",
            "posterior_mirrored": True,
            "acquired_at": pair.acquired_at.isoformat() if pair.acquired_at else None,
            "hours_after_injection": hours,
            "duration_s": pair.duration_s,
            "nuclide": point.nuclide or pair.nuclide,
            "energy_window": {
                "name": pair.windows[chosen].name,
                "lower_keV": pair.windows[chosen].lower_keV,
                "upper_keV": pair.windows[chosen].upper_keV,
                "of": len(pair.windows),
            },
            "counts_per_s_at_injection_factor": factor,
            "not_comparable_because": reason,
            "total_counts": [float(one.sum(dtype=float)) for one in views],
            "usual_highest_counts": max(_usual_highest(one) for one in views),
            "view_rule": pair.view_rule,
            "view_confirmed": pair.view_confirmed,
            "outlines": [
                {"name": o.name, "view": o.view, "points_mm": [list(p) for p in o.points_mm]} for o in point.outlines
            ],
        },
    )


def planar_manifest(headers: Sequence[dict[str, Any]], urls: Sequence[str]) -> dict[str, Any]:
    """What the viewer loads: the time points with their addresses, and the window all views share.

    All views are comparable, or none is said to be: with one time point that cannot be normalised, counts are shown,
    each time point with its own window, and the reasons are given.
    """
    reasons = [f"{h['label']}: {h['not_comparable_because']}" for h in headers if h["not_comparable_because"]]
    if len({h["energy_window"]["name"] or (h["energy_window"]["lower_keV"],) for h in headers}) > 1:
        reasons.append("the time points were counted in different energy windows")
    if len({(round(h["pixel_mm"]["row"], 3), round(h["pixel_mm"]["column"], 3)) for h in headers}) > 1:
        reasons.append("the time points have different pixel sizes")
    comparable = not reasons
    top = (
        max(h["usual_highest_counts"] * h["counts_per_s_at_injection_factor"] for h in headers)
        if comparable and headers
        else None
    )
    return {
        "points": [{**header, "url": url} for header, url in zip(headers, urls, strict=True)],
        "comparable": comparable,
        "not_comparable_because": reasons,
        "window": {"low": 0.0, "high": round_up(top) if top else None},
        "unit": "counts/s at injection" if comparable else "counts",
    }


def _stored(views: Sequence[FloatArray]) -> list[np.ndarray[Any, Any]]:
    """Counts as uint16 where they are that, else as float32."""
    if sum(one.size for one in views) > _MOST_PIXELS:
        raise TheratrialError("a planar acquisition of this size is not shown in the browser")
    whole = all(one.min() >= 0 and one.max() <= 65535 and np.array_equal(one, np.rint(one)) for one in views)
    return [one.astype("<u2" if whole else "<f4") for one in views]


def _factor(point: TimePoint, pair: PlanarPair) -> tuple[float | None, str | None, float | None]:
    """Counts -> counts/s at injection; or why not; and hours after injection."""
    named = point.nuclide or pair.nuclide
    at, injected = pair.acquired_at, point.injected_at
    if at is None:
        return None, "the time of the scan is not stated in the file", None
    if injected is None:
        return None, "no injection is recorded for it", None
    if at.tzinfo is None or injected.tzinfo is None:
        return None, "the time zone of the scan or of the injection is not known", None
    hours = (at - injected).total_seconds() / 3600
    if hours < 0:
        return None, f"the scan is {-hours:.1f} h before the injection", hours
    if not pair.duration_s:
        return None, "the file states no acquisition time (ActualFrameDuration)", hours
    if named is None:
        return None, "neither the file nor the record names the nuclide", hours
    try:
        decay_per_h = math.log(2) / nuclide(named).half_life_h
    except TheratrialError as problem:
        return None, str(problem), hours
    return math.exp(decay_per_h * hours) / pair.duration_s, None, hours


def _usual_highest(view: FloatArray) -> float:
    """The 99.8th percentile of the pixels that counted at all: one hot spot does not darken everything else."""
    counted = view[view > 0]
    return float(np.percentile(counted, 99.8)) if counted.size else 0.0
