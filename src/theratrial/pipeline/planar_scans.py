"""Whole-body views of a session as activity of the regions drawn on the participant's CT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.planar import planar_pair
from theratrial.imaging.regions import placeable_regions
from theratrial.imaging.series import series_from_files, volume
from theratrial.imaging.values import PlanarPair, Region
from theratrial.nuclides import Nuclide, nuclide_name
from theratrial.pipeline.matching import PlannedImage
from theratrial.pipeline.scans import photopeak
from theratrial.protocol.schema import Protocol
from theratrial.quantification.attenuation import MuMap, mu_map
from theratrial.quantification.attenuation_projection import (
    LEAST_INSIDE,
    Collimator,
    DepthSums,
    depth_sums,
    inside_fraction,
    projected_body,
)
from theratrial.quantification.camera import PlanarSensitivity
from theratrial.quantification.camera_dead_time import DeadTime
from theratrial.quantification.camera_timing import scan_timing, stated_scan
from theratrial.quantification.coarser import coarser_pair, coarser_volume
from theratrial.quantification.conjugate_view import head_counts
from theratrial.quantification.conjugate_view_activity import PlanarCamera, planar_activities
from theratrial.quantification.planar_registration import registered_to_ct
from theratrial.quantification.values import MeasuredActivity
from theratrial.quantification.whole_body import WholeBodyCounts, whole_body_counts
from theratrial.results.values import Note
from theratrial.trialfolder.records import Row, TrialFolder

_LEAST_FOR_REGISTRATION_ML = 50.0
"""Regions smaller than this say nothing of where the patient lay."""


_PIXEL_MM, _VOXEL_MM = 5.0, 6.0
"""Half of what a whole-body camera resolves: finer pixels and voxels cost time and tell nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Anatomy:
    """CT and regions of a participant that whole-body views are laid on."""

    mu: MuMap
    regions: tuple[Region, ...]
    guides: tuple[Region, ...]
    """Large ones, by which a view is laid on the CT."""
    made: dict[tuple[bool, Collimator | None], DepthSums] = field(default_factory=dict)
    """What does not depend on where a view lies, kept for the next view: for guides or all, by collimator."""

    def sums(self, collimator: Collimator | None, *, guides: bool) -> DepthSums:
        """Sums along the view of the guides or of all regions."""
        key = (guides, collimator)
        if key not in self.made:
            self.made[key] = depth_sums(self.mu, self.guides if guides else self.regions, collimator)
        return self.made[key]


@dataclass(frozen=True, slots=True, eq=False)
class PlanarScan:
    """A whole-body view as activities."""

    image: PlannedImage
    activities: Mapping[str, MeasuredActivity]
    """Lower-case drawn name -> activity."""
    undetermined: Mapping[str, str]
    correlation: float
    whole_body: WholeBodyCounts
    pair: PlanarPair
    photopeak: int


def participant_anatomy(
    protocol: Protocol, images: Sequence[PlannedImage], folder: TrialFolder, energy_keV: float
) -> Anatomy | str:
    """The anatomy that the protocol names, or why there is none."""
    plan = protocol.dosimetry.reading
    assert plan is not None
    assert plan.planar is not None
    image = next((one for one in images if one.plan.id == plan.planar.anatomy and one.series is not None), None)
    if image is None or image.ct is None:
        return f"no CT of {plan.planar.anatomy}"
    ct = coarser_volume(volume(series_from_files(image.ct.files), timezone=folder.zone), _VOXEL_MM)
    regions: dict[str, Region] = {}
    for drawn in image.regions:
        for path in drawn.files:
            for region in placeable_regions(path, ct.grid, patient_id=image.ct.patient_id)[0]:
                regions.setdefault(region.name.casefold(), region)
    if not regions:
        return f"no region is drawn on {image.plan.title}"
    found = tuple(replace(region, name=name) for name, region in regions.items())
    guides = tuple(
        region
        for region in found
        if region.volume_mL > _LEAST_FOR_REGISTRATION_ML and region.inside_fraction >= LEAST_INSIDE
    )
    return Anatomy(mu_map(ct, energy_keV, regions=found), found, guides)


def imaged_energy_keV(isotope: Nuclide) -> float:
    """Energy of the line that a gamma camera images: the strongest gamma line between 70 and 400 keV [keV].

    Of two lines of similar strength the upper one, because scatter of the upper lies under the lower.

    Raises
    ------
    InputError
        If there is none.
    """
    lines = [line for line in isotope.photon_lines if line.kind == "gamma" and 70 <= line.energy_keV <= 400]
    strongest = max((line.yield_per_decay for line in lines), default=0.0)
    if strongest < 0.005:
        raise InputError(f"{isotope.name} has no gamma line that a gamma camera images; no planar activity")
    return max(line.energy_keV for line in lines if line.yield_per_decay >= strongest / 2)


def _record(folder: TrialFolder, image: PlannedImage, isotope: Nuclide) -> Row:
    assert image.series is not None
    assert image.acquired_at is not None
    day, camera = image.acquired_at.date(), image.series.station_name.casefold()
    fitting = [
        row
        for row in folder.rows("calibrations", kind="planar")
        if row["camera"].casefold() == camera
        and row["valid_from"] <= day
        and nuclide_name(row["nuclide"]) == isotope.name
    ]
    row = max(fitting, key=lambda one: one["valid_from"], default=None)
    if row is None:
        raise InputError(
            f"counts without calibration: no planar line of records/calibrations.csv holds for camera "
            f"{image.series.station_name!r} and {isotope.name} on {day.isoformat()}"
        )
    return row


def _collimator(row: Row) -> Collimator | None:
    values = [row[name] for name in ("intrinsic_fwhm_mm", "face_fwhm_mm", "fwhm_mm_per_mm", "gap_mm")]
    return None if any(value is None for value in values) else Collimator(*values)


def _dead_time(row: Row) -> DeadTime | None:
    if not row["dead_time_us"] or not row["dead_time_valid_kcps"]:
        return None
    return DeadTime(
        tau_s=row["dead_time_us"] * 1e-6,
        relative_sd=(row["dead_time_sd_percent"] or 0.0) / 100,
        highest_observed_cps=row["dead_time_valid_kcps"] * 1000,
        rate_of="all windows",
        source=row.source,
    )


def planar_scan_activities(folder: TrialFolder, image: PlannedImage, anatomy: Anatomy, isotope: Nuclide) -> PlanarScan:
    """A whole-body view as activities of the regions of the anatomy.

    Raises
    ------
    InputError, NumericalError
        The view cannot be quantified or laid on the CT; the message says why.
    """
    assert image.series is not None
    row = _record(folder, image, isotope)
    pair = coarser_pair(planar_pair(image.series.files, folder.zone), _PIXEL_MM)
    if pair.posterior is None:
        raise InputError("only one view: the conjugate view needs both")
    window = photopeak(pair.windows, isotope)
    collimator = _collimator(row)
    camera = PlanarCamera(
        PlanarSensitivity(
            camera=row["camera"],
            nuclide=isotope.name,
            window="photopeak",
            anterior_cps_per_MBq=row["factor_cps_per_MBq"],
            posterior_cps_per_MBq=row["factor_cps_per_MBq"],
            relative_sd=row["relative_sd_percent"] / 100,
            valid_from=row["valid_from"],
            geometry=row["geometry"] or "not stated",
            source=row.source,
        ),
        scan_timing(stated_scan(image.series.files[0])),
        window,
        dead_time=_dead_time(row),
    )
    views = [
        head_counts(
            view,
            pair.windows,
            photopeak=window,
            scatter=camera.scatter,
            timing=camera.timing,
            row_spacing_mm=pair.pixel_spacing_mm[0],
            dead_time=camera.dead_time,
        ).primary
        for view in (pair.anterior, pair.posterior)
    ]
    laid = registered_to_ct(
        views[0],
        views[1],
        pair.pixel_spacing_mm,
        anatomy.mu,
        anatomy.guides,
        collimator,
        anatomy.sums(collimator, guides=True),
    )
    shares = {region.name: inside_fraction(anatomy.mu, region, laid.placement) for region in anatomy.regions}
    inside = tuple(region for region in anatomy.regions if shares[region.name] >= LEAST_INSIDE)
    made = anatomy.sums(collimator, guides=False) if len(inside) == len(anatomy.regions) else None
    body = projected_body(anatomy.mu, inside, laid.placement, collimator, made)
    result = planar_activities(pair, body, camera)
    outside = {
        name: f"{share:.0%} of it lies inside the CT and the view; {LEAST_INSIDE:.0%} are needed"
        for name, share in shares.items()
        if share < LEAST_INSIDE
    }
    return PlanarScan(
        image,
        {one.region: one for one in result.activities},
        {**dict(result.undetermined), **outside},
        laid.correlation,
        whole_body_counts(pair, camera),
        pair,
        window,
    )


def session_planar(
    folder: TrialFolder,
    participant_id: str,
    session: int,
    images: Sequence[PlannedImage],
    anatomy: Anatomy | str | None,
    isotope: Nuclide,
    notes: list[Note],
) -> tuple[PlanarScan, ...]:
    """The whole-body views of a session that the protocol wants quantified; why one cannot be is a note."""
    plan = folder.protocol.dosimetry.reading
    if plan is None or plan.planar is None or anatomy is None:
        return ()
    found = []
    for image in images:
        if image.plan.id not in plan.planar.imaging or image.series is None:
            continue
        place = f"session {session}, {image.plan.id}"
        if isinstance(anatomy, str):
            notes.append(Note(participant_id, "warning", place, f"not quantified as planar: {anatomy}"))
            continue
        try:
            found.append(planar_scan_activities(folder, image, anatomy, isotope))
        except (InputError, NumericalError) as error:
            notes.append(Note(participant_id, "warning", place, f"not quantified as planar: {error}"))
    return tuple(found)
