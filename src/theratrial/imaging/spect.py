"""Reconstructed SPECT -> activity concentration, by a dated calibration or by what the file itself maps.

Counts mean nothing without the camera's calibration: they are refused without one. SPECT that a scanner stored as PT in
Bq/mL goes the way of every PT series.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import Final

from pydicom.dataset import Dataset

from theratrial.errors import InputError, SourceError, UnitError
from theratrial.imaging.activity import activity_map
from theratrial.imaging.fastload import header
from theratrial.imaging.guard import readable
from theratrial.imaging.nm import NmFrames, acquisition_start, nm_frames, radionuclide, stacked_volume
from theratrial.imaging.series import series_from_files
from theratrial.imaging.times import aware
from theratrial.imaging.values import ActivityMap, FloatArray, Grid, Source
from theratrial.nuclides.library import nuclide
from theratrial.nuclides.names import nuclide_name
from theratrial.trace import Trace, file_hash, joint_hash
from theratrial.units import converted

METHOD: Final = "imaging.spect"
VERSION: Final = "1"

_FRACTION_OF_ARC: Final = 0.02
_MOST_HEADS: Final = 4


@dataclass(frozen=True, slots=True)
class SpectCalibration:
    """Volume sensitivity of a camera for reconstructed counts of one nuclide, measured with a phantom.

    Parameters
    ----------
    calibration_id
        Name in ``records/calibrations.csv``.
    camera
        StationName of the images it holds for.
    nuclide
        Any spelling; kept as ``Lu-177``.
    factor_cps_per_MBq
        Reconstructed counts in the phantom per second of acquisition and per MBq in it. The second is a second of
        measuring time at each head; the counts are those of all heads together.
    relative_sd_fraction
        Relative standard deviation of the factor.
    valid_from
        First day it holds.
    geometry
        Phantom it was measured with. A factor from a large cylinder and one from a small sphere differ by 15 %.
    acquisition_duration_s
        Measuring time per head of the images it is used on, where their headers do not state it rightly.
    """

    calibration_id: str
    camera: str
    nuclide: str
    factor_cps_per_MBq: float
    relative_sd_fraction: float
    valid_from: date
    geometry: str = ""
    acquisition_duration_s: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.factor_cps_per_MBq) and self.factor_cps_per_MBq > 0):
            raise InputError(
                f"calibration {self.calibration_id!r}: factor is {self.factor_cps_per_MBq} cps/MBq; it must be positive"
            )
        if not 0 <= self.relative_sd_fraction < 1:
            raise InputError(
                f"calibration {self.calibration_id!r}: relative standard deviation is {self.relative_sd_fraction}; it "
                "is a fraction from 0 to below 1"
            )
        if self.acquisition_duration_s is not None and not self.acquisition_duration_s > 0:
            raise InputError(f"calibration {self.calibration_id!r}: acquisition_duration_s must be positive")
        object.__setattr__(self, "nuclide", nuclide_name(self.nuclide))


def activity_map_from_files(
    files: Path | Sequence[Path], calibration: SpectCalibration | None = None, timezone: tzinfo | None = None
) -> ActivityMap:
    """Activity map of one PET or SPECT image, whatever it is stored as.

    Parameters
    ----------
    files
        The files of one image, or a folder that holds one image (other objects in it are passed over).
    calibration
        Needed where the image holds counts; carried along as uncertainty only where it was used.
    timezone
        Zone of the scanner's clock, for files that do not state their offset from UTC.

    Raises
    ------
    InputError
        If there is no or more than one image, or the image cannot become an activity map; the message says why.
    """
    paths, modality = _one_image(files)
    if modality == "PT":
        with readable(paths[0]):
            return activity_map(series_from_files(paths), timezone=timezone)
    return spect_activity_map(paths[0], calibration, timezone)


def _one_image(files: Path | Sequence[Path]) -> tuple[list[Path], str]:
    if isinstance(files, (str, Path)):
        place = Path(files)
        listed = [place] if not place.is_dir() else sorted(p for p in place.rglob("*") if p.is_file() and _is_dicom(p))
        what = str(place)
    else:
        listed = [Path(p) for p in files]
        what = f"{len(listed)} file(s)"
    kinds: dict[str, list[Path]] = {}
    for path in listed:
        with readable(path):
            kinds.setdefault(str(header(path, ("Modality",)).get("Modality", "") or ""), []).append(path)
    images = {kind: kinds[kind] for kind in ("PT", "NM") if kind in kinds}
    if not images:
        seen = ", ".join(kind or "unknown" for kind in kinds) or "nothing"
        raise InputError(
            f"{what}: holds no image of activity, only {seen} -> give a PET (PT) or SPECT (PT or NM) image"
        )
    if len(images) > 1 or len(images.get("NM", [])) > 1:
        shown = ", ".join(f"{len(paths)} {kind}" for kind, paths in images.items())
        raise InputError(f"{what}: holds more than one image ({shown} files) -> give the files of one")
    modality, paths = next(iter(images.items()))
    return paths, modality


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def spect_activity_map(
    path: Path, calibration: SpectCalibration | None = None, timezone: tzinfo | None = None
) -> ActivityMap:
    """Activity concentration [Bq/mL] at the start of the scan, of a reconstructed SPECT stored as NM.

    A mapping to Bq/mL in the file (RealWorldValueMappingSequence, or Units BQML) is honoured and then no calibration
    is used. Otherwise the pixel values are taken as reconstructed counts, which the calibration turns into activity:
    ``counts / duration / factor / voxel volume``. The mean over the acquisition is brought to its start, unless the
    file says it is decay corrected.

    Raises
    ------
    InputError
        If counts come without calibration, the calibration is of another camera or nuclide or not yet valid, or
        nuclide, time, time zone, duration or geometry is not known.

    References
    ----------
    docs/methods/spect.md; Ljungberg M et al., MIRD pamphlet 26, J Nucl Med 2016;57:151-162 (quantitative 177Lu SPECT).
    """
    with readable(Path(path)):
        return _spect_activity_map(nm_frames(Path(path)), calibration, timezone)


def _spect_activity_map(frames: NmFrames, calibration: SpectCalibration | None, timezone: tzinfo | None) -> ActivityMap:
    name = frames.path.name
    if len(frames.numbers_along("energy_window")) > 1:
        raise InputError(f"{name}: holds several energy windows -> give the reconstruction of the photopeak alone")
    grid, values = stacked_volume(frames)
    start = acquisition_start(frames.header, timezone)
    if start is None:
        raise InputError(
            f"{name}: AcquisitionDate and AcquisitionTime are absent or invalid: when it was made is not known"
        )
    start = aware(start, f"{name}: the time of the scan")
    source = Source(
        patient_id=str(frames.header.get("PatientID", "") or ""),
        study_instance_uid=str(frames.header.get("StudyInstanceUID", "") or ""),
        series_instance_uid=str(frames.header.get("SeriesInstanceUID", "") or ""),
        modality="NM",
        files=(frames.path,),
        content_hash=joint_hash([file_hash(frames.path)]),
    )
    named = radionuclide(frames.header, name)
    mapped = _mapped_Bq_per_mL(frames, values)
    if mapped is None:
        if calibration is None:
            raise InputError(
                f"{name}: holds counts, which mean no activity without a calibration of the camera -> give one (a line "
                "of records/calibrations.csv)"
            )
        _check_calibration(calibration, frames.header, named, start, name)
        duration_s = calibration.acquisition_duration_s or acquisition_duration_s(frames.header, name)
        counts_per_Bq_per_mL = calibration.factor_cps_per_MBq / 1e6 * duration_s * grid.voxel_volume_mL
        return _at_start(
            frames, grid, values / counts_per_Bq_per_mL, named or calibration.nuclide, start, source, calibration,
            counts_per_Bq_per_mL, duration_s,
        )  # fmt: skip
    if named is None:
        raise InputError(f"{name}: does not name its nuclide (RadionuclideCodeSequence) -> correct the header")
    stated_s = None if calibration is None else calibration.acquisition_duration_s
    return _at_start(frames, grid, mapped, named, start, source, None, None, stated_s)


def _at_start(
    frames: NmFrames,
    grid: Grid,
    mean_Bq_per_mL: FloatArray,
    named: str,
    start: datetime,
    source: Source,
    calibration: SpectCalibration | None,
    counts_per_Bq_per_mL: float | None,
    duration_s: float | None,
) -> ActivityMap:
    """The map at the start of the scan: an uncorrected image is the mean over its acquisition."""
    name = frames.path.name
    stated = str(frames.header.get("DecayCorrection", "") or "")
    if stated in ("ADMIN", "START") and calibration is None:
        raise InputError(
            f"{name}: an NM image with DecayCorrection {stated} is not supported, as NM does not define its reference "
            "time -> export it as PT, or without decay correction"
        )
    corrected = "DECY" in [str(v) for v in _listed(frames.header.get("CorrectedImage", None))]
    mean_over_start = 1.0
    if not corrected:
        try:
            decay_per_s = math.log(2) / (nuclide(named).half_life_h * 3600.0)
        except SourceError as error:
            raise InputError(f"{name}: {error}") from None
        elapsed = decay_per_s * (duration_s or acquisition_duration_s(frames.header, name))
        mean_over_start = -math.expm1(-elapsed) / elapsed
    inputs = {"image": source.content_hash}
    if calibration is not None:
        inputs["calibration"] = f"given:calibration {calibration.calibration_id}"
    return ActivityMap(
        grid=grid,
        activity_Bq_per_mL=(mean_Bq_per_mL / mean_over_start).astype("float32"),
        acquired_at=start,
        nuclide=named,
        source=source,
        trace=Trace(METHOD, VERSION, inputs),
        stored_over_scan_time=mean_over_start,
        stored_decay_correction="START" if corrected else "NONE",
        calibration_relative_sd=None if calibration is None else calibration.relative_sd_fraction,
        counts_per_Bq_per_mL=None if counts_per_Bq_per_mL is None else counts_per_Bq_per_mL * mean_over_start,
    )


def _listed(value: object) -> list[object]:
    if value in (None, ""):
        return []
    return [value] if isinstance(value, str) else list(value)  # type: ignore[call-overload]


def _check_calibration(
    calibration: SpectCalibration, dataset: Dataset, named: str | None, start: datetime, name: str
) -> None:
    station = str(dataset.get("StationName", "") or "").strip()
    if station.casefold() != calibration.camera.strip().casefold():
        raise InputError(
            f"{name}: comes from station {station or '(none stated)'}, calibration {calibration.calibration_id!r} is "
            f"for {calibration.camera!r} -> give the calibration of the camera, named as in StationName"
        )
    if named is not None and named != calibration.nuclide:
        raise InputError(
            f"{name}: is of {named}, calibration {calibration.calibration_id!r} is for {calibration.nuclide} -> give "
            "the calibration for the nuclide"
        )
    if start.date() < calibration.valid_from:
        raise InputError(
            f"{name}: was made on {start.date()}, calibration {calibration.calibration_id!r} holds from "
            f"{calibration.valid_from} -> give the calibration that held on that day"
        )


def acquisition_duration_s(dataset: Dataset, name: str) -> float:
    """Measuring time per head [s]: ActualFrameDuration times the angular views of each rotation, summed.

    The number of views is believed only if it fits ScanArc and AngularStep (up to the number of heads), since
    reconstruction programs have been seen to write the number of slices there.

    Raises
    ------
    InputError
        If the header does not state it, or contradicts itself.
    """
    remedy = "-> give acquisition_duration_s with the calibration"
    total = 0.0
    for rotation in dataset.get("RotationInformationSequence", None) or []:
        stated = [rotation.get(k, None) for k in ("ActualFrameDuration", "NumberOfFramesInRotation")]
        if any(v in (None, "") for v in stated) or float(stated[0]) <= 0 or int(stated[1]) <= 0:
            raise InputError(f"{name}: states no frame duration and number of views for a rotation {remedy}")
        views = int(stated[1])
        step, arc = rotation.get("AngularStep", None), rotation.get("ScanArc", None)
        if step not in (None, "") and arc not in (None, "") and float(step) > 0 and float(arc) > 0:
            heads = float(arc) / (views * float(step))
            whole = round(heads)
            if not 1 <= whole <= _MOST_HEADS or abs(heads / whole - 1) > _FRACTION_OF_ARC:
                raise InputError(
                    f"{name}: {views} views of {float(step):g} degrees do not make an arc of {float(arc):g} degrees, "
                    f"so that the measuring time is not known {remedy}"
                )
        total += float(stated[0]) / 1000.0 * views
    if total <= 0:
        raise InputError(f"{name}: states no measuring time (RotationInformationSequence) {remedy}")
    return total


def _mapped_Bq_per_mL(frames: NmFrames, values: FloatArray) -> FloatArray | None:
    """Values the file itself maps to Bq/mL; None where it maps nothing."""
    name = frames.path.name
    for mapping in frames.header.get("RealWorldValueMappingSequence", None) or []:
        units = mapping.get("MeasurementUnitsCodeSequence", None)
        unit = str(units[0].get("CodeValue", "") or "") if units else ""
        try:
            factor = converted(1.0, unit.replace("/ml", "/mL"), "Bq_per_mL")
        except UnitError:
            continue  # a file may carry several mappings, of which one is an activity
        slope, intercept = mapping.get("RealWorldValueSlope", None), mapping.get("RealWorldValueIntercept", None)
        if slope is None:
            raise InputError(
                f"{name}: maps to {unit} through a look-up table, which is not supported -> export a slope"
            )
        stored = (values - frames.rescale[1]) / frames.rescale[0]
        low = mapping.get("RealWorldValueFirstValueMapped", mapping.get("DoubleFloatRealWorldValueFirstValueMapped"))
        high = mapping.get("RealWorldValueLastValueMapped", mapping.get("DoubleFloatRealWorldValueLastValueMapped"))
        if (
            low is not None
            and high is not None
            and (stored.min() < float(low) - 0.5 or stored.max() > float(high) + 0.5)
        ):
            raise InputError(
                f"{name}: has pixel values from {stored.min():g} to {stored.max():g}, but its mapping to {unit} holds "
                f"for {float(low):g} to {float(high):g} only -> export it again"
            )
        return ((stored * float(slope) + float(intercept or 0.0)) * factor).astype("float32")
    unit = str(frames.header.get("Units", "") or "")
    if unit == "BQML":
        return values
    if unit not in ("", "CNTS"):
        raise UnitError(f"{name}: Units (0054,1001) is {unit!r}; allowed in a SPECT are CNTS and BQML")
    return None
