"""Which images and region files were given, what belongs together, and when each was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, tzinfo
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from theratrial.errors import InputError, Problem, Problems, SourceError
from theratrial.imaging.activity import activity_map
from theratrial.imaging.catalogue import CatalogueSeries, catalogue
from theratrial.imaging.series import series_from_files
from theratrial.imaging.spect import SpectCalibration, spect_activity_map
from theratrial.imaging.stated_injection import header_injection, with_stated_nuclide
from theratrial.imaging.times import seconds_between
from theratrial.imaging.values import ActivityMap
from theratrial.nuclides import nuclide, nuclide_name
from theratrial.units import converted

if TYPE_CHECKING:
    from theratrial.pipeline.dose_values import DoseSettings

_REGION_MODALITIES = ("RTSTRUCT", "SEG")
_PLANAR_KINDS = ("WHOLE BODY", "STATIC")
_SAME_ACTIVITY_FRACTION = 0.05
_SAME_TIME_S = 300.0
_ONE_CLOCK = (
    "no time zone is stated: the clocks of injection and scanner are taken as one, without change of summer time"
)


@dataclass(frozen=True, slots=True)
class GivenImage:
    """One image with the region files that belong to it."""

    path: Path
    series: CatalogueSeries
    hours_after_injection: float
    region_files: tuple[Path, ...]

    def activity_map(self, found: DoseImages, settings: DoseSettings) -> ActivityMap:
        """The image as activity at the time of the scan.

        Raises
        ------
        InputError
            If it cannot become activity; the message starts with its path.
        """
        try:
            mapped = _activity_map(self.series, found, settings)
        except InputError as error:
            text = str(error)
            raise InputError(text if str(self.path) in text else f"{self.path}: {text}") from error
        # What is not known of a calibration must not look like a calibration without error.
        return replace(mapped, calibration_relative_sd=settings.calibration_relative_sd)


@dataclass(frozen=True, slots=True)
class DoseImages:
    """The images of one patient in order of time."""

    images: tuple[GivenImage, ...]
    injected_at: datetime
    zone: tzinfo
    """Of clocks that state none."""
    zone_known: bool
    """False where no zone is stated anywhere: then times are local clock times, whatever `zone` is."""
    stated_nuclide: str
    notes: tuple[str, ...]


def given_images(
    images: Sequence[Path],
    regions: Sequence[Path],
    *,
    administered_activity_MBq: float,
    injected_at: datetime,
    settings: DoseSettings,
    carries_regions: bool = False,
) -> DoseImages:
    """The images and region files, checked against each other.

    With `carries_regions` an image without a file of its own stays without: its regions come by registration.

    Raises
    ------
    InputError
        If an image or region file cannot be used, or they do not belong together.
    """
    stated = _stated_nuclide(settings)
    listed = [(Path(path), _one_series(Path(path))) for path in images]
    zone, at, known = _clock([series for _, series in listed], injected_at, settings.timezone)
    notes = [] if known else [_ONE_CLOCK]
    _one_patient(listed)
    for path, series in listed:
        _check_nuclide(path, series, stated)
    timed = sorted(((path, series, _hours(path, series, zone, at)) for path, series in listed), key=lambda one: one[2])
    _different(timed)
    files = _region_series(regions)
    paired = _paired(timed, files, carries_regions)
    given = tuple(
        GivenImage(path, series, hours, tuple(file for one in paired[series.series_instance_uid] for file in one.files))
        for path, series, hours in timed
    )
    for path, series in listed:
        notes += _header_differs(path, series, zone, at, administered_activity_MBq)
    bare = [str(image.path) for image in given if not image.region_files]
    notes += [f"no region is drawn on {path}" for path in bare if not carries_regions]
    return DoseImages(given, at, zone, known, stated, tuple(notes))


def _stated_nuclide(settings: DoseSettings) -> str:
    if not settings.nuclide:
        return ""
    try:
        return nuclide(settings.nuclide).name
    except SourceError as error:
        raise InputError(f"--nuclide: {error}") from None


def _one_series(path: Path) -> CatalogueSeries:
    found = catalogue(path)
    images = [series for series in found.series if series.modality in ("PT", "NM")]
    if not images:
        problems = "".join(f"\n  {problem}" for problem in found.problems[:10])
        kinds = ", ".join(sorted({series.modality for series in found.series}))
        seen = f"only {kinds}" if kinds else "and no readable DICOM at all"
        raise InputError(
            f"{path}: holds no image of activity, {seen} -> give a folder with a PET (PT) or SPECT (PT or NM){problems}"
        )
    if len(images) > 1:
        raise Problems(
            f"{path} holds {len(images)} images of activity; give each with its own --image",
            [
                Problem(str(one.files[0]), f"{one.modality} {one.description or one.series_instance_uid}")
                for one in images
            ],
        )
    (image,) = images
    if image.modality == "NM" and image.image_kind in _PLANAR_KINDS:
        raise InputError(
            f"{path}: is a planar image ({image.image_kind}), which this command does not quantify -> give a "
            "reconstructed SPECT"
        )
    # The loaders name what is broken in a series; what the catalogue found elsewhere in the folder is no concern here.
    return image


def _clock(series: Sequence[CatalogueSeries], injected_at: datetime, timezone: str) -> tuple[tzinfo, datetime, bool]:
    """Zone of clocks that state none, the injection with a zone, and whether that zone is known."""
    zone: tzinfo | None = None
    if timezone:
        try:
            zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise InputError(
                f"--timezone {timezone!r} is no known time zone; give a name such as Asia/Tehran"
            ) from None
    if injected_at.tzinfo is not None:
        return zone or injected_at.tzinfo, injected_at, True
    zone = zone or next((s.acquired_at.tzinfo for s in series if s.acquired_at and s.acquired_at.tzinfo), None)
    if zone is not None:
        return zone, injected_at.replace(tzinfo=zone), True
    return UTC, injected_at.replace(tzinfo=UTC), False


def _header_differs(
    path: Path, series: CatalogueSeries, zone: tzinfo, injected_at: datetime, administered_MBq: float
) -> list[str]:
    """What the header of a PT says of the injection, where it differs from what was given."""
    if series.modality != "PT":
        return []
    stated = header_injection(series.files[0], zone)
    found = []
    activity_MBq = stated.activity_MBq
    if activity_MBq is not None and abs(activity_MBq / administered_MBq - 1) > _SAME_ACTIVITY_FRACTION:
        found.append(
            f"{path}: the header says {activity_MBq:.1f} MBq were injected, given are {administered_MBq:g} MBq; what "
            "is given counts"
        )
    if stated.at is not None and abs(seconds_between(stated.at, injected_at)) > _SAME_TIME_S:
        found.append(
            f"{path}: the header says the injection was at {stated.at.isoformat(sep=' ')}, given is "
            f"{injected_at.isoformat(sep=' ')}; what is given counts, and the header's where its own decay correction "
            "is undone"
        )
    return found


def _one_patient(listed: Sequence[tuple[Path, CatalogueSeries]]) -> None:
    patients: dict[str, Path] = {}
    for path, series in listed:
        patients.setdefault(series.patient_id, path)
    if len(patients) > 1:
        shown = "; ".join(f"{name or '(none)'} in {path}" for name, path in patients.items())
        raise InputError(f"the images are of different patients ({shown}) -> give images of one patient")


def _check_nuclide(path: Path, series: CatalogueSeries, stated: str) -> None:
    if series.radionuclide is None and not stated:
        raise InputError(f"{path}: the header names no nuclide -> state it (--nuclide Lu-177)")
    if series.radionuclide is not None:
        try:
            nuclide(series.radionuclide)
        except SourceError as error:
            raise InputError(f"{path}: {error}") from None
        if stated and nuclide_name(series.radionuclide) != stated:
            raise InputError(
                f"{path}: the header names {series.radionuclide}, --nuclide says {stated} -> one of them is wrong"
            )


def _hours(path: Path, series: CatalogueSeries, zone: tzinfo, injected_at: datetime) -> float:
    at = series.acquired_at
    if at is None:
        raise InputError(f"{path}: AcquisitionDate and AcquisitionTime are absent: when it was made is not known")
    aware = at if at.tzinfo is not None else at.replace(tzinfo=zone)
    hours = converted((aware - injected_at).total_seconds(), "s", "h")
    if hours < 0:
        raise InputError(
            f"{path}: was made at {aware.isoformat()}, {-hours:.2f} h before the injection at "
            f"{injected_at.isoformat()} -> check both times and --timezone"
        )
    return hours


def _different(timed: Sequence[tuple[Path, CatalogueSeries, float]]) -> None:
    for (one, series, hours), (other, other_series, other_hours) in pairwise(timed):
        if series.series_instance_uid == other_series.series_instance_uid:
            raise InputError(f"{one} and {other} are the same series -> give each image once")
        if other_hours - hours < 1e-6:
            raise InputError(
                f"{one} and {other} were both made {hours:.4g} h after the injection -> give images of different times"
            )


def _region_series(regions: Sequence[Path]) -> list[CatalogueSeries]:
    if not regions:
        raise InputError("no regions are given -> give RTSTRUCT or SEG files (--regions)")
    found: dict[str, CatalogueSeries] = {}
    problems: list[Problem] = []
    for path in regions:
        look = catalogue(Path(path))
        own = [series for series in look.series if series.modality in _REGION_MODALITIES]
        if not own:
            problems += look.problems or [Problem(str(path), "holds no regions", "give an RTSTRUCT or SEG file")]
        for series in own:
            found.setdefault(str(series.files[0].resolve()), series)
    if problems:
        raise Problems("regions", problems)
    return list(found.values())


def _paired(
    timed: Sequence[tuple[Path, CatalogueSeries, float]], files: Sequence[CatalogueSeries], carries_regions: bool
) -> dict[str, list[CatalogueSeries]]:
    """Series of an image -> its region files.

    A file belongs to the images whose series it references; one that references none of them, to the images of its
    frame of reference. An image that is left without file takes those of its frame of reference.
    """
    images = [image for _, image, _ in timed]
    given = {image.series_instance_uid for image in images}
    paired: dict[str, list[CatalogueSeries]] = {}
    for image in images:
        uid = image.series_instance_uid
        near = [one for one in files if image.frame_of_reference_uid in one.referenced_frame_of_reference_uids]
        free = [one for one in near if not given & set(one.referenced_series_uids)]
        own = [one for one in files if uid in one.referenced_series_uids or one in free]
        paired[uid] = own if own or carries_regions else near
    used = {id(one) for own in paired.values() for one in own}
    stray = [one for one in files if id(one) not in used]
    if stray:
        raise Problems(
            "regions that belong to no image given",
            [
                Problem(
                    str(one.files[0]),
                    f"is drawn in frame of reference {', '.join(one.referenced_frame_of_reference_uids) or '(none)'}, "
                    f"the images are in {', '.join(image.frame_of_reference_uid or '(none)' for _, image, _ in timed)}",
                    "give the image it was drawn on, or draw the regions on the images",
                )
                for one in stray
            ],
        )
    return paired


def _activity_map(series: CatalogueSeries, found: DoseImages, settings: DoseSettings) -> ActivityMap:
    if series.modality == "PT":
        slices = series_from_files(series.files)
        if series.radionuclide is None:
            slices = with_stated_nuclide(slices, found.stated_nuclide)
        return activity_map(slices, timezone=found.zone)
    if len(series.files) > 1:
        raise InputError(f"{len(series.files)} NM files in one series -> give the one file of the reconstruction")
    return spect_activity_map(series.files[0], _calibration(series, found, settings), found.zone)


def _calibration(series: CatalogueSeries, found: DoseImages, settings: DoseSettings) -> SpectCalibration | None:
    if settings.calibration_cps_per_MBq is None:
        return None
    return SpectCalibration(
        calibration_id="--calibration-cps-per-MBq",
        camera=series.station_name,
        nuclide=series.radionuclide or found.stated_nuclide,
        factor_cps_per_MBq=settings.calibration_cps_per_MBq,
        relative_sd_fraction=settings.calibration_relative_sd or 0.0,
        valid_from=date.min,
    )
