"""Anterior and posterior whole-body or static views -> one pair of counts, the posterior mirrored.

Which view is which is decided by the first of these that answers, and the rule is told with the result: a standard view
code; the start angle (0 degrees at the patient's back, 180 in front, PS3.3 C.8.4.11); a name that says anterior or
posterior; the other view's complement. Only a standard code confirms; everything else waits for a person.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Final, Literal

import numpy as np

from theratrial.errors import InputError
from theratrial.imaging.guard import readable
from theratrial.imaging.nm import NmDetector, NmFrames, acquisition_start, nm_frames, radionuclide
from theratrial.imaging.values import EnergyWindow, FloatArray, PlanarPair, Source
from theratrial.trace import file_hash, joint_hash

View = Literal["anterior", "posterior"]

_VIEW_OF_CODE: Final[dict[tuple[str, str], View]] = {
    ("SCT", "399321004"): "anterior",
    ("SCT", "399001007"): "posterior",
    ("SRT", "G-5215"): "anterior",
    ("SRT", "G-5216"): "posterior",
    ("SNM3", "G-5215"): "anterior",
    ("SNM3", "G-5216"): "posterior",
    ("99SDM", "G-5215"): "anterior",
    ("99SDM", "G-5216"): "posterior",
}
"""DICOM CID 26, Nuclear Medicine Projections: SNOMED CT and the SNOMED-RT spelling of older files."""
_ANGLE_TOLERANCE_deg: Final = 20.0
_ANTERIOR_WORDS: Final = re.compile(r"(?<![A-Z])ANT(?:E|ERIOR|[EÉ]RIEURE?)?(?![A-Z])")
_POSTERIOR_WORDS: Final = re.compile(
    r"(?<![A-Z])POST(?:ERIOR|[EÉ]RIEURE?)?(?![A-Z])(?![\W_]*(?:INJ|THER|TREAT|TX|RX|DOSE|\d))"
)
"""``post injection``, ``post therapy`` and ``post 24 h`` name a time, not a view."""
_OUTLINE_MARGIN: Final = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class _Shot:
    """One detector's view in one file."""

    frames: NmFrames
    number: int
    detector: NmDetector | None
    names: tuple[str, ...]
    """Names that belong to this view alone."""

    @property
    def where(self) -> str:
        return f"{self.frames.path.name} detector {self.number}"


@dataclass(frozen=True, slots=True)
class ViewCounts:
    """Total counts of one view in one energy window."""

    view: View
    window: EnergyWindow
    counts: float


def view_counts(pair: PlanarPair) -> tuple[ViewCounts, ...]:
    """Total counts of every view and window, anterior first."""
    views: tuple[tuple[View, FloatArray | None], ...] = (("anterior", pair.anterior), ("posterior", pair.posterior))
    return tuple(
        ViewCounts(view, window, float(counts.sum(dtype=np.float64)))
        for view, images in views
        if images is not None
        for window, counts in zip(pair.windows, images, strict=True)
    )


def planar_pair(path_or_files: Path | Sequence[Path], timezone: tzinfo | None = None) -> PlanarPair:
    """Anterior and posterior view of one planar acquisition.

    Parameters
    ----------
    path_or_files
        One NM file with one or two detectors, a folder of such files, or the files of one acquisition (one view each).
    timezone
        Zone of the camera's clock, for files that do not state their offset from UTC.

    Returns
    -------
    PlanarPair
        Counts per energy window; posterior mirrored, row 0 towards the head. `posterior` is None where the acquisition
        has a single view; a single view that nothing identifies is given as anterior, unconfirmed.

    Raises
    ------
    InputError
        If the files are of another kind, patient or matrix, the views cannot be told apart, or a frame is missing.

    References
    ----------
    docs/methods/planar.md; DICOM PS3.3 C.8.4.8, C.8.4.11; PS3.16 CID 26.
    """
    files = _files(path_or_files)
    with readable(files[0]):
        return _pair(files, timezone)


def _pair(files: list[Path], timezone: tzinfo | None) -> PlanarPair:
    images = [nm_frames(path) for path in files]
    _check_together(images)
    shots = [shot for image in images for shot in _shots(image)]
    views, rule, confirmed = _views(shots)
    windows = _windows(shots)
    anterior = _counts(views["anterior"], windows) if "anterior" in views else None
    posterior = _counts(views["posterior"], windows) if "posterior" in views else None
    if anterior is None:
        raise InputError(
            f"{files[0].name}: holds a posterior view only ({rule}) -> give the anterior view of the acquisition too"
        )
    anterior, posterior, place_rule, doubtful = _in_place(views, anterior, posterior)
    header = images[0].header
    starts = [s for s in (acquisition_start(i.header, timezone) for i in images) if s is not None]
    nuclides = {n for n in (radionuclide(i.header, i.path.name) for i in images) if n}
    if len(nuclides) > 1:
        raise InputError(f"{files[0].name}: the views name different nuclides ({', '.join(sorted(nuclides))})")
    return PlanarPair(
        anterior=anterior,
        posterior=posterior,
        windows=tuple(windows),
        pixel_spacing_mm=images[0].pixel_spacing_mm,
        acquired_at=_earliest(starts),
        duration_s=_duration_s(images),
        nuclide=next(iter(nuclides), None),
        source=Source(
            patient_id=str(header.get("PatientID", "") or ""),
            study_instance_uid=str(header.get("StudyInstanceUID", "") or ""),
            series_instance_uid=str(header.get("SeriesInstanceUID", "") or ""),
            modality="NM",
            files=tuple(files),
            content_hash=joint_hash(file_hash(path) for path in files),
        ),
        view_rule=f"{rule}; {place_rule}",
        view_confirmed=confirmed and not doubtful,
    )


def _files(path_or_files: Path | Sequence[Path]) -> list[Path]:
    if isinstance(path_or_files, (str, Path)):
        path = Path(path_or_files)
        if not path.is_dir():
            return [path]
        found = sorted(p for p in path.iterdir() if p.is_file() and _is_dicom(p))
        if not found:
            raise InputError(f"{path}: holds no DICOM file -> give the file or folder of one planar acquisition")
        return found
    files = [Path(p) for p in path_or_files]
    if not files:
        raise InputError("a planar acquisition needs at least one file, got none")
    return files


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def _check_together(images: Sequence[NmFrames]) -> None:
    first = images[0]
    for image in images:
        if image.kind not in ("STATIC", "WHOLE BODY"):
            raise InputError(
                f"{image.path.name}: is of kind {image.kind or 'unknown'!r} -> give a WHOLE BODY or STATIC acquisition"
            )
        if set(image.axes) - {"energy_window", "detector"}:
            raise InputError(f"{image.path.name}: varies along {', '.join(image.axes)} -> give a static view")
        for keyword in ("PatientID", "StudyInstanceUID"):
            ours, theirs = str(first.header.get(keyword, "")), str(image.header.get(keyword, ""))
            if ours != theirs:
                raise InputError(
                    f"{image.path.name}: {keyword} is {theirs!r}, that of {first.path.name} is {ours!r} -> give the "
                    "views of one acquisition"
                )
        same_matrix = image.counts.shape[1:] == first.counts.shape[1:]
        if not same_matrix or not np.allclose(image.pixel_spacing_mm, first.pixel_spacing_mm, rtol=1e-3):
            raise InputError(f"{image.path.name}: differs in matrix or pixel size from {first.path.name}")


def _shots(image: NmFrames) -> list[_Shot]:
    numbers = image.numbers_along("detector")
    item_of = {d.number: d for d in image.detectors}
    # names of the whole file tell a view only where the file holds one view
    own = ("ImageID", "SeriesDescription") if len(numbers) == 1 else ()
    shots = []
    for number in numbers:
        detector = item_of.get(number)
        if detector is None and len(image.detectors) == len(numbers) == 1:
            detector = image.detectors[0]  # a file per detector keeps the camera's detector number
        codes = tuple(meaning for _, _, meaning in detector.view_codes) if detector else ()
        names = codes + tuple(str(image.header.get(k, "") or "") for k in own)
        shots.append(_Shot(image, number, detector, tuple(n for n in names if n)))
    return shots


def _view(shot: _Shot) -> tuple[View | None, str, bool]:
    """View, the rule that said so, and whether it needs no confirmation."""
    detector = shot.detector
    for scheme, value, meaning in detector.view_codes if detector else ():
        view = _VIEW_OF_CODE.get((scheme, value))
        if view is not None:
            return view, f"view code {value} ({scheme}, {meaning})", True
    angle = detector.start_angle_deg if detector else None
    if angle is not None:
        off = angle % 360.0
        if abs(off - 180.0) <= _ANGLE_TOLERANCE_deg:
            return "anterior", f"start angle {angle:g} degrees", False
        if min(off, 360.0 - off) <= _ANGLE_TOLERANCE_deg:
            return "posterior", f"start angle {angle:g} degrees", False
    for name in shot.names:
        front, back = _ANTERIOR_WORDS.search(name.upper()), _POSTERIOR_WORDS.search(name.upper())
        if front and not back:
            return "anterior", f"name {name!r}", False
        if back and not front:
            return "posterior", f"name {name!r}", False
    return None, "", False


def _views(shots: Sequence[_Shot]) -> tuple[dict[View, list[_Shot]], str, bool]:
    found = [_view(shot) for shot in shots]
    views: dict[View, list[_Shot]] = {}
    rules: dict[View, str] = {}
    for shot, (view, why, _) in zip(shots, found, strict=True):
        if view is not None:
            views.setdefault(view, []).append(shot)
            rules.setdefault(view, why)
    unknown = [shot for shot, (view, _, _) in zip(shots, found, strict=True) if view is None]
    confirmed = all(sure for _, _, sure in found)
    if len(shots) == 1 and unknown:
        return {"anterior": unknown}, "single view, nothing says which; taken as anterior", False
    if len(unknown) == 1 and len(shots) == 2 and len(views) == 1:
        other: View = "posterior" if "anterior" in views else "anterior"
        views[other], rules[other] = unknown, "the other of two views"
        unknown = []
    if unknown:
        raise InputError(
            f"nothing says which view {', '.join(s.where for s in unknown)} is: no view code, no start angle near 0 or "
            "180 degrees, no name with ANT or POST -> set ViewCodeSequence at the camera, or give the views as files "
            "named in ImageID"
        )
    for view, members in views.items():
        covered = [(s.frames.windows[n - 1 : n], s) for s in members for n in s.frames.numbers_along("energy_window")]
        windows = [w for w, _ in covered]
        if any(windows.count(w) > 1 for w in windows) and len(members) > 1:
            raise InputError(
                f"{' and '.join(s.where for s in members)} both are {view} ({rules[view]}) -> correct ViewCodeSequence "
                "or the start angles, or give the files of one acquisition"
            )
    ordered: tuple[View, View] = ("anterior", "posterior")
    return views, ", ".join(f"{v} by {rules[v]}" for v in ordered if v in views), confirmed


def _windows(shots: Sequence[_Shot]) -> list[EnergyWindow]:
    """All windows that occur, in the order of their first file."""
    found: list[EnergyWindow] = []
    for shot in shots:
        for number in shot.frames.numbers_along("energy_window"):
            window = _window(shot, number)
            if window not in found:
                found.append(window)
    return found


def _window(shot: _Shot, number: int) -> EnergyWindow:
    windows = shot.frames.windows
    return windows[number - 1] if number <= len(windows) else EnergyWindow(f"window {number}", None, None)


def _counts(members: Sequence[_Shot], windows: Sequence[EnergyWindow]) -> FloatArray:
    images = []
    for window in windows:
        hits = [
            shot.frames.frame(energy_window=number, detector=shot.number)
            for shot in members
            for number in shot.frames.numbers_along("energy_window")
            if _window(shot, number) == window
        ]
        if len(hits) != 1:
            raise InputError(
                f"{members[0].where}: {len(hits)} frames for energy window {window.name!r}; every view needs one "
                "frame of every window -> export the acquisition again, complete"
            )
        images.append(hits[0])
    return np.stack(images)


def _in_place(
    views: dict[View, list[_Shot]], anterior: FloatArray, posterior: FloatArray | None
) -> tuple[FloatArray, FloatArray | None, str, bool]:
    """Both views with the head at row 0 and the patient's right at column 0, how, and whether to doubt it.

    A stated orientation is believed for the columns only where the two views' orientations oppose each other, as those
    of two cameras facing each other must; many cameras write the same one for both.
    """
    x_front, z_front = _axes(views["anterior"][0])
    x_back, z_back = _axes(views["posterior"][0]) if "posterior" in views else (0.0, 0.0)
    anterior = anterior[:, ::-1, :] if z_front > 0.5 else anterior
    turned = z_front > 0.5 or z_back > 0.5
    rows = "rows turned head up by orientation" if turned else "rows as stored"
    if posterior is None:
        return np.ascontiguousarray(anterior), None, f"columns as seen by the detector, {rows}", False
    posterior = posterior[:, ::-1, :] if z_back > 0.5 else posterior
    if x_front * x_back < -0.25:
        anterior = anterior if x_front > 0 else anterior[:, :, ::-1]
        posterior = posterior if x_back > 0 else posterior[:, :, ::-1]
        rule = "columns by the orientation of each view"
    else:
        posterior = posterior[:, :, ::-1]
        rule = "posterior mirrored, as cameras store what the detector sees"
        if x_front * x_back > 0.25:
            rule += " (both views state the same orientation, which cannot be)"
    together = _likeness(anterior, posterior)
    apart = _likeness(anterior, posterior[:, :, ::-1])
    doubtful = apart > together + _OUTLINE_MARGIN
    rule += f", likeness of the views {together:.2f} so and {apart:.2f} otherwise"
    if doubtful:
        rule += ": a person must look"
    return np.ascontiguousarray(anterior), np.ascontiguousarray(posterior), f"{rule}, {rows}", doubtful


def _axes(shot: _Shot) -> tuple[float, float]:
    """x of the column direction and z of the row direction (LPS); zeros where not stated."""
    stated = shot.detector.orientation if shot.detector else None
    return (0.0, 0.0) if stated is None else (stated[0], stated[5])


def _likeness(one: FloatArray, other: FloatArray) -> float:
    """Correlation of the square roots of the counts of all windows together (the root evens the counting noise)."""
    a, b = np.sqrt(np.clip(one.sum(axis=0), 0, None)), np.sqrt(np.clip(other.sum(axis=0), 0, None))
    if float(a.std()) == 0 or float(b.std()) == 0:
        return 0.0
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def _earliest(starts: Sequence[datetime]) -> datetime | None:
    if len({s.tzinfo is None for s in starts}) > 1:
        raise InputError("one view states its time zone and the other does not -> name the zone (timezone=...)")
    return min(starts) if starts else None


def _duration_s(images: Sequence[NmFrames]) -> float | None:
    """ActualFrameDuration [s], the same in all files; None where not stated or not the same."""
    stated = set()
    for image in images:
        value = image.header.get("ActualFrameDuration", None)
        stated.add(None if value in (None, "") else float(value) / 1000.0)
    only = stated.pop() if len(stated) == 1 else None
    return only if only is not None and only > 0 else None
