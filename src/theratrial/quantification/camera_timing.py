"""How long every point of the body was seen: scan speed, length, duration and bed steps of a whole-body view."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from theratrial.errors import InputError
from theratrial.imaging.fastload import dataset_from_file

_AGREE: Final = 0.1
"""Speed, duration and length agree when within a tenth: stated lengths are rounded, ramps take seconds."""


@dataclass(frozen=True, slots=True)
class ScanTiming:
    """Time in which every point of the body gave counts.

    `dwell_s` is what counts are divided by; `row_s` the time the field of view needs to pass one row of pixels (None
    in a step-and-shoot or static view). `rule` says how it was found.
    """

    dwell_s: float
    rule: str
    row_s: float | None = None
    field_of_view_mm: float | None = None
    """Along the body; None for a static view."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.dwell_s) and self.dwell_s > 0):
            raise InputError(f"a point of the body was seen for {self.dwell_s} s; a positive time is needed")


@dataclass(frozen=True, slots=True)
class ScanStatement:
    """What a header says of the motion of a planar scan; None where it says nothing.

    Parameters
    ----------
    kind
        WHOLE BODY or STATIC.
    technique
        WholeBodyTechnique: 1PASS, 2PASS, PCN (continuous) or MSP (step and shoot).
    frame_duration_s
        ActualFrameDuration: of the sweep where the table moves, of one step where it does not.
    """

    kind: str
    technique: str
    frame_duration_s: float | None
    velocity_mm_per_s: float | None
    length_mm: float | None
    field_of_view_mm: float | None
    row_spacing_mm: float


def stated_scan(path: Path) -> ScanStatement:
    """What the header of a planar file says of its motion (PS3.3 C.8.4.8, C.8.4.9, C.8.4.11)."""
    header = dataset_from_file(path)
    kind = [str(v) for v in header.get("ImageType", None) or []][2:3]
    detectors = header.get("DetectorInformationSequence", None) or []
    sizes = [float(v) for v in (detectors[0].get("FieldOfViewDimensions", None) or [])] if detectors else []
    spacing = [float(v) for v in header.get("PixelSpacing", None) or []]
    if len(spacing) != 2:
        raise InputError(f"{path.name}: states no PixelSpacing -> export it again")
    duration = _positive(header.get("ActualFrameDuration", None))
    return ScanStatement(
        kind=kind[0].upper() if kind else "",
        technique=str(header.get("WholeBodyTechnique", "") or "").upper(),
        frame_duration_s=None if duration is None else duration / 1000,
        velocity_mm_per_s=_positive(header.get("ScanVelocity", None)),
        length_mm=_positive(header.get("ScanLength", None)),
        # C.8.4.11: diameter, or the dimension along rows and the one along columns; the latter lies along the body.
        field_of_view_mm=sizes[-1] if sizes and sizes[-1] > 0 else None,
        row_spacing_mm=spacing[0],
    )


def _positive(value: Any) -> float | None:
    number = None if value in (None, "") else float(value)
    return number if number is not None and number > 0 else None


def scan_timing(said: ScanStatement, *, dwell_s: float | None = None, steps: int | None = None) -> ScanTiming:
    """Time every point was seen, from what a header says.

    A continuous sweep sees a point for field of view / speed; the speed is taken from the header, or is the length the
    table moved over the duration. A step-and-shoot scan sees it for the duration of one step.

    Parameters
    ----------
    dwell_s
        The time as a person states it [s]; used instead of the header, which is then not asked.
    steps
        Number of bed steps, where ActualFrameDuration is known to be that of all of them together.

    Raises
    ------
    InputError
        If the header says too little, or contradicts itself.

    Examples
    --------
    A sweep of 2000 mm at 2 mm/s with a field of view of 400 mm: each point is seen for 200 s.

    >>> scan_timing(ScanStatement("WHOLE BODY", "1PASS", 1000.0, 2.0, 2000.0, 400.0, 2.4)).dwell_s
    200.0
    """
    if dwell_s is not None:
        return ScanTiming(dwell_s, f"{dwell_s:g} s for every point, as stated", None, said.field_of_view_mm)
    duration = said.frame_duration_s
    if said.kind != "WHOLE BODY":
        if duration is None:
            raise InputError("the static view states no ActualFrameDuration -> state for how long it was counted")
        return ScanTiming(duration, f"static view of {duration:g} s")
    if said.technique == "MSP":
        return _step_timing(said, duration, steps)
    if said.field_of_view_mm is None:
        raise InputError("the whole-body view states no FieldOfViewDimensions -> state dwell_s, the time per point")
    velocity, how = _velocity(said, duration)
    seen = said.field_of_view_mm / velocity
    return ScanTiming(
        seen,
        f"{said.field_of_view_mm:g} mm field of view at {velocity:.4g} mm/s ({how})",
        said.row_spacing_mm / velocity,
        said.field_of_view_mm,
    )


def _step_timing(said: ScanStatement, duration: float | None, steps: int | None) -> ScanTiming:
    if said.velocity_mm_per_s is not None:
        raise InputError(
            f"the header says both step and shoot (MSP) and a speed of {said.velocity_mm_per_s:g} mm/s -> state dwell_s"
        )
    if duration is None:
        raise InputError("the step-and-shoot view states no ActualFrameDuration -> state dwell_s, the time per step")
    if steps is None:
        return ScanTiming(duration, f"step and shoot, {duration:g} s a step", None, said.field_of_view_mm)
    if steps < 1:
        raise InputError(f"{steps} bed steps cannot be")
    seen = duration / steps
    return ScanTiming(seen, f"step and shoot, {duration:g} s in {steps} steps", None, said.field_of_view_mm)


def _velocity(said: ScanStatement, duration: float | None) -> tuple[float, str]:
    velocity, length, view = said.velocity_mm_per_s, said.length_mm, said.field_of_view_mm
    assert view is not None
    if velocity is None:
        if duration is None or length is None:
            raise InputError(
                "the whole-body view states neither its speed nor both duration and length -> state dwell_s"
            )
        # Nothing says whether the stated length includes the run-in of a field of view, so a point's time is uncertain
        # by that much, which no correction can mend afterwards.
        raise InputError(
            f"the whole-body view states no ScanVelocity; {length:g} mm in {duration:g} s leave open whether the table "
            f"moved the length or the length and the field of view of {view:g} mm -> state dwell_s"
        )
    if duration is not None and length is not None:
        moved = velocity * duration
        if not any(abs(moved / whole - 1) <= _AGREE for whole in (length, length + view)):
            raise InputError(
                f"the header contradicts itself: {velocity:g} mm/s for {duration:g} s are {moved:g} mm, but the length "
                f"is {length:g} mm ({length + view:g} mm with the field of view) -> state dwell_s, the time per point"
            )
        return velocity, "ScanVelocity, which agrees with duration and length"
    return velocity, "ScanVelocity, which nothing in the header confirms"
