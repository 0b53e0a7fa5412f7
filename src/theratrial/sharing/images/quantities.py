"""The numbers of an image that a trial rests on, recomputed from its files: once before and once after.

Each quantity is an array; a quantity that cannot be computed (no dose in the header, say) is None, and must then not be
computable after either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, tzinfo
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import TheratrialError
from theratrial.imaging import rtstruct, seg
from theratrial.imaging.activity import activity_map
from theratrial.imaging.catalogue import CatalogueSeries
from theratrial.imaging.fastload import dataset_from_file
from theratrial.imaging.guard import readable
from theratrial.imaging.nm import NmFrames, acquisition_start, nm_frames, radionuclide, stacked_volume
from theratrial.imaging.planar import planar_pair
from theratrial.imaging.regions import placeable_regions
from theratrial.imaging.rtdose import read_rtdose
from theratrial.imaging.series import Series, scaled, series_from_files
from theratrial.imaging.spect import SpectCalibration, spect_activity_map
from theratrial.imaging.suv import suv_map
from theratrial.imaging.suv_injection import header_administered_at, tracer
from theratrial.imaging.suv_tags import Tags
from theratrial.imaging.times import header_zone, in_zone, seconds_between
from theratrial.imaging.values import FloatArray, Grid

Floats = NDArray[np.float64]
Quantities = Mapping[str, Floats | None]
_SLICES: Final = frozenset(("PT", "CT", "MR"))
_REGIONS: Final = frozenset(("RTSTRUCT", "SEG"))


def quantities(
    series: CatalogueSeries, images: Sequence[CatalogueSeries], zone: tzinfo | None = None
) -> dict[str, Floats | None]:
    """Name and unit of each quantity of a series -> its values; of regions on the images they were drawn on.

    Parameters
    ----------
    images
        The other series of the same participant, from which the image of a region is chosen.
    zone
        Where the clock of an object stands that does not state its offset from UTC.
    """
    found: dict[str, Floats | None] = {}
    if series.modality in _SLICES:
        _of_slices(series, found, zone)
    elif series.modality == "NM":
        _of_nm(series, found, zone)
    elif series.modality in _REGIONS:
        _of_regions(series, images, found)
    elif series.modality == "RTDOSE":
        found["absorbed dose: sum and largest [Gy]"] = _tried(lambda: _sum_and_top(_dose(series.files[0])))
    else:
        _of_contents(series, found)
    return found


def _tried(compute: Callable[[], Floats | Sequence[float]]) -> Floats | None:
    try:
        return np.atleast_1d(np.asarray(compute(), dtype=np.float64))
    except TheratrialError:
        return None


def _sum_and_top(values: FloatArray) -> tuple[float, float]:
    return float(values.sum(dtype=np.float64)), float(values.max())


# -- slices: PET, CT, MR ---------------------------------------------------------------------------------------------


def _of_slices(one: CatalogueSeries, found: dict[str, Floats | None], zone: tzinfo | None) -> None:
    try:
        series = series_from_files(one.files, hashed=False)
    except TheratrialError:
        found["series that can be read"] = None
        return
    grid = series.grid
    found["voxel spacing, origin, direction [mm]"] = np.concatenate(
        [grid.spacing_mm, grid.origin_mm, grid.direction.ravel()]
    )
    if one.modality != "PT":
        found["rescaled values: sum and largest"] = _tried(lambda: _sum_and_top(scaled(series)))
        return
    found["SUV per stored value, slice by slice [g/mL]"] = None
    try:
        suv = suv_map(series, timezone=zone)
        found["SUV per stored value, slice by slice [g/mL]"] = np.array(suv.certificate.factor_per_slice)
        found["SUV: sum and largest [g/mL]"] = np.array(_sum_and_top(suv.suv_g_per_mL))
        del suv
    except TheratrialError:
        found["SUV: sum and largest [g/mL]"] = None
    found["activity concentration at the scan: sum and largest [Bq/mL]"] = None
    found["decay factor, stored over scan time"] = None
    try:
        activity = activity_map(series, timezone=zone or UTC)
        found["activity concentration at the scan: sum and largest [Bq/mL]"] = np.array(
            _sum_and_top(activity.activity_Bq_per_mL)
        )
        found["decay factor, stored over scan time"] = np.array([activity.stored_over_scan_time])
    except TheratrialError:
        pass
    found["decay from administration to scan"] = _tried(lambda: [_decay_since_administration(series, zone)])


def _decay_since_administration(series: Series, elsewhere: tzinfo | None) -> float:
    zone = series.zone(elsewhere)
    tags = Tags(series.header, zone)
    decay_per_s = tracer(tags, []).decay_per_s
    scan = series.acquired_at(elsewhere)
    return _decay(tags, scan, decay_per_s, zone)


def _decay(tags: Tags, scan: Any, decay_per_s: float, zone: Any) -> float:
    at = in_zone(header_administered_at(tags, scan, np.log(2) / decay_per_s, [], assume_day=True), zone)
    if at is None or scan is None:
        raise _NotKnown("no administration or no scan time")
    return float(np.exp(-decay_per_s * seconds_between(scan, at)))


class _NotKnown(TheratrialError):
    """A quantity that a header does not allow; before and after alike."""


# -- nuclear medicine ------------------------------------------------------------------------------------------------


def _of_nm(one: CatalogueSeries, found: dict[str, Floats | None], zone: tzinfo | None) -> None:
    for number, path in enumerate(one.files, start=1):
        at = f", object {number}" if len(one.files) > 1 else ""
        try:
            frames = nm_frames(path)
        except TheratrialError:
            found[f"counts{at}"] = None
            continue
        found[f"counts, frame by frame{at}"] = frames.counts.sum(axis=(1, 2), dtype=np.float64)
        found[f"pixel spacing [mm]{at}"] = np.array(frames.pixel_spacing_mm)
        found[f"decay from administration to scan{at}"] = _tried(lambda frames=frames: [_nm_decay(frames, zone)])  # type: ignore[misc]
        if "TOMO" in frames.kind:
            found[f"SPECT activity at 1 cps/MBq: sum and largest [Bq/mL]{at}"] = _tried(
                lambda path=path, frames=frames: _sum_and_top(_spect(path, frames, zone))  # type: ignore[misc]
            )
    found["planar counts of each view, spacing [mm], duration [s]"] = _tried(lambda: _planar(one.files, zone))


def _spect(path: Path, frames: NmFrames, zone: tzinfo | None) -> FloatArray:
    nuclide = radionuclide(frames.header, path.name)
    if nuclide is None:
        raise _NotKnown("no nuclide")
    camera = str(frames.header.get("StationName", "") or "")
    unit = SpectCalibration("unit", camera, nuclide, 1.0, 0.0, date(1, 1, 1))
    return spect_activity_map(path, unit, zone or UTC).activity_Bq_per_mL


def _planar(files: Sequence[Path], zone: tzinfo | None) -> Floats:
    pair = planar_pair(list(files), zone)
    views = [view.sum(dtype=np.float64) for view in (pair.anterior, pair.posterior) if view is not None]
    return np.array([*views, *pair.pixel_spacing_mm, pair.duration_s or 0.0])


def _nm_decay(frames: NmFrames, elsewhere: tzinfo | None) -> float:
    with readable(frames.path):
        zone = header_zone(frames.header, elsewhere)
        tags = Tags(frames.header, zone)
        return _decay(tags, acquisition_start(frames.header, zone), tracer(tags, []).decay_per_s, zone)


# -- regions ---------------------------------------------------------------------------------------------------------


def _of_regions(one: CatalogueSeries, images: Sequence[CatalogueSeries], found: dict[str, Floats | None]) -> None:
    image = _image_of(one, images)
    for number, path in enumerate(one.files, start=1):
        at = f", object {number}" if len(one.files) > 1 else ""
        found[f"volume of each region as drawn [mL]{at}"] = _tried(lambda path=path: _drawn_mL(path))  # type: ignore[misc]
        if image is None:
            continue
        for name in ("volume of each region on its image [mL]", "sum in each region on its image"):
            found[name + at] = None
        try:
            grid, values = _grid_and_values(image)
            placed, _ = placeable_regions(path, grid)
        except TheratrialError:
            continue
        found[f"volume of each region on its image [mL]{at}"] = np.array([r.volume_mL for r in placed])
        found[f"sum in each region on its image{at}"] = np.array([r.weighted_sum(values) for r in placed])


def _image_of(one: CatalogueSeries, images: Sequence[CatalogueSeries]) -> CatalogueSeries | None:
    usable = [i for i in images if i.modality in _SLICES or (i.modality == "NM" and "TOMO" in i.image_kind.upper())]
    named = [i for i in usable if i.series_instance_uid in one.referenced_series_uids]
    frame = {uid for uid in (*one.referenced_frame_of_reference_uids, one.frame_of_reference_uid) if uid}
    same_place = [i for i in usable if i.frame_of_reference_uid in frame]
    order = {"PT": 0, "NM": 1}
    ranked = sorted(named or same_place, key=lambda i: (order.get(i.modality, 2), str(i.acquired_at), -i.instances))
    return ranked[0] if ranked else None


def _grid_and_values(image: CatalogueSeries) -> tuple[Grid, FloatArray]:
    if image.modality == "NM":
        return stacked_volume(nm_frames(image.files[0]))
    return _slices_of(image.files)


@cache
def _slices_once(files: tuple[Path, ...]) -> tuple[Grid, FloatArray]:
    series = series_from_files(files, hashed=False)
    return series.grid, scaled(series)


def _slices_of(files: tuple[Path, ...]) -> tuple[Grid, FloatArray]:
    """The image of the last regions is kept: structure sets of one image come one after the other."""
    if _slices_once.cache_info().currsize >= 1:
        _slices_once.cache_clear()
    return _slices_once(files)


def _drawn_mL(path: Path) -> Floats:
    """Volume of each region on its own planes, without any image."""
    with readable(path):
        dataset = dataset_from_file(path, pixels=True)
        if "SegmentSequence" in dataset:
            frames = seg.segmentation_frames(dataset)
            regions = [frames.region(segment) for segment in seg.segments(dataset)]
            return np.array(
                [0.0 if r is None else r.weights.sum(dtype=np.float64) * r.grid.voxel_volume_mL for r in regions]
            )
        drawn = [r for r in rtstruct.drawn_regions(dataset).values() if isinstance(r, rtstruct.DrawnRegion)]
        spacing = rtstruct.usual_plane_spacing_mm(drawn) or 1.0
        return np.array([sum(_area_mm2(c.points_mm) for c in region.contours) * spacing / 1000.0 for region in drawn])


def _area_mm2(points_mm: Floats) -> float:
    around = points_mm - points_mm[0]
    return float(np.linalg.norm(np.cross(around, np.roll(around, -1, axis=0)).sum(axis=0)) / 2)


# -- everything else -------------------------------------------------------------------------------------------------


def _dose(path: Path) -> FloatArray:
    return read_rtdose(path).absorbed_dose_Gy


def _of_contents(one: CatalogueSeries, found: dict[str, Floats | None]) -> None:
    """Measured values of a structured report, mappings of stored values: what the object states as numbers."""
    measured: list[float] = []
    for path in one.files:
        with readable(path):
            for element in dataset_from_file(path).iterall():
                if element.keyword in (
                    "NumericValue",
                    "RealWorldValueSlope",
                    "RealWorldValueIntercept",
                    "FloatingPointValue",
                ):
                    value = element.value
                    many = value if hasattr(value, "__iter__") and not isinstance(value, str) else [value]
                    measured += [float(v) for v in many if v is not None]
    found["stated numbers (measurements, mappings)"] = np.array(measured)
