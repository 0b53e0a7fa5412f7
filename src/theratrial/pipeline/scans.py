"""Whole-body pairs counted, PET turned into uptake, and both cut into pictures for the report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy import ndimage

from theratrial.errors import TheratrialError
from theratrial.imaging.planar import planar_pair
from theratrial.imaging.regions import placeable_regions
from theratrial.imaging.scanner import Scanner, scanner
from theratrial.imaging.series import series_from_files, volume
from theratrial.imaging.suv import Administration, suv_map
from theratrial.imaging.values import EnergyWindow, FloatArray, Grid, Region, SuvMap, Volume
from theratrial.nuclides import Nuclide
from theratrial.pipeline.matching import PlannedImage
from theratrial.response import LesionUptake, lesion_uptake
from theratrial.results.pictures import FusionPicture, PlanarPicture
from theratrial.results.values import Note, PlanarCounts, ScanResult
from theratrial.trace import Quantity, Trace, joint_hash
from theratrial.trialfolder.records import TrialFolder

PLANAR_METHOD = "imaging.planar_counts"
PLANAR_VERSION = "1"

Hashes = Mapping[Path, str]
"""Content hash of every input file."""


def content_hash(files: Sequence[Path], hashes: Hashes) -> str:
    """Joint hash of files whose hashes are known already."""
    return joint_hash(hashes[path] for path in files)


def scan_result(image: PlannedImage, hashes: Hashes) -> ScanResult:
    """What became of a planned image."""
    status = "done" if image.series is not None else "missed" if image.missed is not None else "missing"
    inputs = {"plan": f"protocol:imaging.{image.plan.id}"}
    if image.series is not None:
        inputs["series"] = content_hash(image.series.files, hashes)
        if image.assigned is not None:
            inputs["assignment"] = image.assigned.source
    if image.administration is not None:
        inputs["administration"] = image.administration.source
    reason = ""
    if image.missed is not None:
        inputs["visit"] = image.missed.source
        reason = image.missed["reason"] or "no reason recorded"
    elif image.series is None:
        reason = "no administration yet" if image.administration is None else "no image fits"
    return ScanResult(
        imaging_id=image.plan.id,
        title=image.plan.title,
        timepoint=image.plan.timepoint,
        status=status,  # type: ignore[arg-type]
        acquired_at=image.acquired_at,
        hours_after=image.hours_after,
        in_window=image.in_window,
        series_instance_uid=image.series.series_instance_uid if image.series else "",
        reason=reason,
        trace=Trace("imaging.matched_scan", "1", inputs),
    )


def photopeak(windows: Sequence[EnergyWindow], nuclide: Nuclide) -> int:
    """Index of the window that holds most of the nuclide's gamma photons; the first where no window states its limits.

    Windows on scatter hold next to none, so the most probable line decides.
    """

    def photons(window: EnergyWindow) -> float:
        if window.lower_keV is None or window.upper_keV is None:
            return 0.0
        return sum(
            line.yield_per_decay
            for line in nuclide.photon_lines
            if line.kind != "x_ray" and window.lower_keV <= line.energy_keV <= window.upper_keV
        )

    return max(range(len(windows)), key=lambda index: (photons(windows[index]), -index))


def _counts(total: float, trace: Trace) -> Quantity:
    # Counts are Poisson: the standard deviation is their root.
    half = 1.96 * math.sqrt(max(total, 0.0))
    return Quantity(total, "counts", trace, lower=max(total - half, 0.0), upper=total + half)


def planar_scan(
    folder: TrialFolder, participant_id: str, image: PlannedImage, nuclide: Nuclide, hashes: Hashes
) -> tuple[PlanarCounts, PlanarPicture] | Note:
    """Counts and picture of a whole-body pair, or why it cannot be shown."""
    assert image.series is not None
    assert image.session is not None
    assert image.hours_after is not None
    try:
        pair = planar_pair(image.series.files, folder.zone)
    except TheratrialError as error:
        return Note(participant_id, "warning", f"session {image.session}, {image.plan.id}", f"not shown: {error}")
    window = photopeak(pair.windows, nuclide)
    trace = Trace(
        PLANAR_METHOD,
        PLANAR_VERSION,
        {
            "series": content_hash(image.series.files, hashes),
            "window": f"given:{pair.windows[window].name or f'number {window + 1}'}",
        },
    )
    anterior = float(pair.anterior[window].sum(dtype=np.float64))
    posterior = None if pair.posterior is None else float(pair.posterior[window].sum(dtype=np.float64))
    mean = None
    if posterior is not None:
        relative = 0.5 * math.sqrt(1 / anterior + 1 / posterior) if anterior > 0 and posterior > 0 else 0.0
        middle = math.sqrt(anterior * posterior)
        mean = Quantity(
            middle, "counts", trace, lower=middle * (1 - 1.96 * relative), upper=middle * (1 + 1.96 * relative)
        )
    counts = PlanarCounts(
        imaging_id=image.plan.id,
        timepoint=image.plan.timepoint,
        hours_after=image.hours_after,
        anterior_counts=_counts(anterior, trace),
        posterior_counts=None if posterior is None else _counts(posterior, trace),
        geometric_mean_counts=mean,
        view_rule=pair.view_rule,
        view_confirmed=pair.view_confirmed,
    )
    picture = PlanarPicture(
        participant_id=participant_id,
        session=image.session,
        timepoint=image.plan.timepoint,
        hours_after=image.hours_after,
        anterior=np.array(pair.anterior[window]),
        posterior=None if pair.posterior is None else np.array(pair.posterior[window]),
        pixel_spacing_mm=pair.pixel_spacing_mm,
        to_injection_factor=math.exp(nuclide.decay_constant_per_h * image.hours_after),
    )
    return counts, picture


@dataclass(frozen=True, slots=True, eq=False)
class PetScan:
    """A PET of the trial as SUV, with the regions drawn on it."""

    image: PlannedImage
    suv: SuvMap
    regions: Mapping[str, Region]
    """Lower-case name -> region."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Where the administration and the weight come from, for the traces."""
    scanner: Scanner | None = None
    administered_MBq: float | None = None
    measured: dict[str, LesionUptake | str] = field(default_factory=dict)
    """What `uptake` has found already: every rule asks for the same lesions, and the hottest sphere takes its time."""

    def uptake(self, name: str) -> LesionUptake | str:
        """Uptake by body weight of a drawn region by its lower-case name, or why it has none."""
        if name not in self.measured:
            try:
                self.measured[name] = lesion_uptake(self.suv, self.regions[name])
            except TheratrialError as error:
                self.measured[name] = str(error)
        return self.measured[name]


def pet_scan(
    folder: TrialFolder, image: PlannedImage, *, administered_MBq: float, weight_kg: float | None, hashes: Hashes
) -> PetScan:
    """A PET as SUV by the trial's own record of the administration, the header beside it as a cross-check.

    Raises
    ------
    InputError
        The series cannot become SUV, or a region cannot be put on it; the message says why.
    """
    assert image.series is not None
    assert image.administration is not None
    files = image.series.files
    series = series_from_files(files, content_hash=content_hash(files, hashes))
    record = Administration(administered_MBq, image.administration["injected_at"], weight_kg)
    suv = suv_map(series, timezone=folder.zone, administration=record)
    regions = {
        region.name.casefold(): region
        for drawn in image.regions
        for path in drawn.files
        for region in placeable_regions(path, suv.grid, patient_id=image.series.patient_id)[0]
    }
    return PetScan(image, suv, regions, scanner=scanner(series), administered_MBq=administered_MBq)


def _upright(grid: Grid, plane: FloatArray) -> FloatArray:
    """A ``(nz, nx)`` plane with the head in row 0 and the patient's right in column 0."""
    if grid.direction[2, 2] > 0:
        plane = plane[::-1]
    if grid.direction[0, 0] < 0:
        plane = plane[:, ::-1]
    return np.ascontiguousarray(plane)


def _marks(scan: PetScan, lesions: Sequence[str]) -> list[tuple[str, float, float, float]]:
    """(lesion, row, column, y index) of the centre of every drawn lesion, on the upright picture."""
    grid = scan.suv.grid
    marks = []
    for lesion in lesions:
        region = scan.regions.get(lesion.casefold())
        if region is None:
            continue
        z, y, x = (index + corner for index, corner in zip(_centre(region), region.corner, strict=True))
        row = grid.shape[0] - 1 - z if grid.direction[2, 2] > 0 else z
        column = grid.shape[2] - 1 - x if grid.direction[0, 0] < 0 else x
        marks.append((lesion, row, column, y))
    return marks


def _centre(region: Region) -> tuple[float, float, float]:
    z, y, x = ndimage.center_of_mass(region.weights)
    return float(z), float(y), float(x)


def fusion_picture(
    folder: TrialFolder,
    participant_id: str,
    scan: PetScan,
    lesions: Sequence[tuple[str, str]],
    *,
    otherwise_at_mm: float | None = None,
) -> FusionPicture:
    """A coronal cut through the hottest drawn lesion, else where it is said, else the middle; CT and the projection.

    Parameters
    ----------
    lesions
        (lesion id, region name), hottest first.
    otherwise_at_mm
        Where to cut a scan on which no lesion is drawn: the plane of the other scan, in the patient's coordinates.
    """
    grid = scan.suv.grid
    values = scan.suv.suv_g_per_mL
    names = [name for _, name in lesions]
    marks = _marks(scan, names)
    row_index = grid.shape[1] // 2
    if marks:
        row_index = round(marks[0][3])
    elif otherwise_at_mm is not None:
        first_mm, second_mm = (float(grid.patient_mm(np.array([0.0, row, 0.0]))[1]) for row in (0.0, 1.0))
        row_index = round((otherwise_at_mm - first_mm) / (second_mm - first_mm))
    row_index = min(max(row_index, 0), grid.shape[1] - 1)
    ct_cut = None
    if scan.image.ct is not None:
        ct = volume(series_from_files(scan.image.ct.files, hashed=False), timezone=folder.zone)
        ct_cut = _upright(grid, _resampled_plane(ct, grid, row_index))
    by_name = {name.casefold(): lesion for lesion, name in lesions}
    return FusionPicture(
        participant_id=participant_id,
        timepoint=scan.image.plan.timepoint,
        suv_cut=_upright(grid, values[:, row_index, :]),
        suv_mip=_upright(grid, values.max(axis=1)),
        ct_cut_HU=ct_cut,
        spacing_mm=(grid.spacing_mm[0], grid.spacing_mm[2]),
        lesion_marks=tuple((by_name[name.casefold()], row, column) for name, row, column, _ in marks),
        cut_position_mm=float(grid.patient_mm(np.array([0.0, row_index, 0.0]))[1]),
    )


def _resampled_plane(source: Volume, grid: Grid, row_index: int) -> FloatArray:
    """The plane ``[:, row_index, :]`` of `grid` cut out of another volume, linear; air outside."""
    z, x = np.meshgrid(np.arange(grid.shape[0]), np.arange(grid.shape[2]), indexing="ij")
    index = np.stack([z, np.full_like(z, row_index), x], axis=-1).astype(float)
    at = source.grid.index_zyx(grid.patient_mm(index))
    plane: FloatArray = ndimage.map_coordinates(source.values, np.moveaxis(at, -1, 0), order=1, cval=-1000.0)
    return plane.astype(np.float32)
