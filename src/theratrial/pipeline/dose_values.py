"""What `theratrial dose` is given and what it finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from theratrial.dosimetry import DosePlan, RegionActivity, RegionDose
from theratrial.dosimetry.dose_volume import DoseVolume
from theratrial.dosimetry.exponentials import SumOfExponentials
from theratrial.dosimetry.organ.findings import TableFinding
from theratrial.dosimetry.population.posterior import PosteriorTia
from theratrial.dosimetry.voxel.dose_map import AbsorbedDoseMap
from theratrial.imaging.values import ActivityMap, Source
from theratrial.nuclides import Nuclide
from theratrial.pipeline.dose_methods import DoseMethods
from theratrial.pipeline.dose_scenario import ScenarioDose
from theratrial.trace import Trace
from theratrial.units import converted

if TYPE_CHECKING:
    from theratrial.pipeline.dose_images import GivenImage


@dataclass(frozen=True, slots=True)
class DoseSettings:
    """What the images and the injection do not say; every default is an assumption that the result names.

    Parameters
    ----------
    nuclide
        Of images whose header names none; any spelling. Where the header names one, both must agree.
    calibration_cps_per_MBq
        Of images that hold counts (NM).
    calibration_relative_sd
        Relative standard deviation of the calibration of all images; None is not known, never zero.
    timezone
        Of clocks that state none, IANA name; empty: the injection's own, or all clocks are taken as the same.
    density_g_per_mL
        From volume to mass.
    repeatability_relative_sd
        Of a region's activity from scan to scan, beyond counting noise.
    mass_relative_sd
        Of a region's mass (outline and density); None is not known, never zero.
    """

    nuclide: str = ""
    calibration_cps_per_MBq: float | None = None
    calibration_relative_sd: float | None = None
    timezone: str = ""
    density_g_per_mL: float = 1.05
    density_source: str = "assumed: soft tissue, as muscle, liver and kidneys of ICRP Publication 110"
    repeatability_relative_sd: float = 0.05
    clearance_significance: float = 0.95
    maximum_extrapolated_fraction: float = 0.85
    model_relative_sd: float = 0.10
    minimum_inside_fraction: float = 0.98
    mass_relative_sd: float | None = None

    def plan(self) -> DosePlan:
        """As the dosimetry takes it."""
        return DosePlan(
            clearance_significance=self.clearance_significance,
            maximum_extrapolated_fraction=self.maximum_extrapolated_fraction,
            model_relative_sd=self.model_relative_sd,
            calibration_relative_sd=self.calibration_relative_sd,
            mass_relative_sd=self.mass_relative_sd,
            clause="given:settings of theratrial dose",
        )


@dataclass(frozen=True, slots=True)
class ImageActivity:
    """One image as activity."""

    path: Path
    series_instance_uid: str
    modality: str
    description: str
    acquired_at: datetime
    hours_after_injection: float
    in_field_activity_MBq: float
    """In the whole field of view, at the time of the scan."""
    in_field_activity_as_stored_MBq: float
    """As the file holds it, before its decay correction is undone."""
    stored_decay_correction: str
    stored_over_scan_time: float
    region_files: tuple[Path, ...]
    content_hash: str


@dataclass(frozen=True, slots=True)
class RegionPoint:
    """A region on one image."""

    image: int
    """Position of the image, from 0, in order of time."""
    hours_after_injection: float
    activity: RegionActivity


@dataclass(frozen=True, slots=True)
class RegistrationShown:
    """How well one scan was laid on another, for a person to judge."""

    fixed: Path
    moving: Path
    shift_mm: tuple[float, float, float]
    rotation_deg: float
    correlation_before: float | None
    correlation_after: float | None
    round_trip_mm: float
    overlap_fraction: float
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ReportedCurve:
    """Time-integrated activity of a region by the curve asked for."""

    method: str
    time_integrated_activity_MBq_h: float | None
    lower_MBq_h: float | None
    upper_MBq_h: float
    note: str
    kinetics: SumOfExponentials | None
    """Of the curve, for the dose rate; None where it has no value or is a posterior."""
    posterior: PosteriorTia | None
    trace: Trace


@dataclass(frozen=True, slots=True)
class EngineShown:
    """The reported time-integrated activity by one engine; `why` where it has no value."""

    engine: str
    absorbed_dose_Gy: float | None
    lower_Gy: float | None
    upper_Gy: float
    electron_Gy: float | None
    photon_self_Gy: float | None
    photon_cross_Gy: float | None
    alpha_Gy: float | None
    mass_g: float | None
    difference_fraction: float | None
    """Against local deposition of the same time-integrated activity."""
    because: str
    missing: tuple[str, ...]
    why: str
    own_Gy_per_MBq_h: float | None
    """From the region's own activity, for the ends of intervals and probabilities."""
    trace: Trace


@dataclass(frozen=True, slots=True)
class BiologicalShown:
    """Biologically effective dose and 2 Gy equivalent; None where dose or kinetics are not known, and why."""

    bed_Gy: float | None
    eqd2_Gy: float | None
    dose_rate_factor: float | None
    alpha_beta_Gy: float
    repair_half_life_h: float
    note: str


@dataclass(frozen=True, slots=True)
class ExceedanceShown:
    """Probability that the dose of this injection exceeds a limit; None where nothing says."""

    limit_Gy: float
    probability: float | None
    note: str


@dataclass(frozen=True, slots=True, eq=False)
class PatientDoseMap:
    """The dose map with the image whose grid and pattern it has."""

    image: int
    dose: AbsorbedDoseMap
    source: Source
    """Of that image: its files name patient and study of what is written."""
    undetermined_voxels: int
    """Without a dose: density below the floor or not known."""


@dataclass(frozen=True, slots=True)
class RegionResult:
    """A region over all images; `dose` None where no image gives its activity."""

    name: str
    points: tuple[RegionPoint, ...]
    not_on: tuple[str, ...]
    """Images without its activity, and why."""
    mass_g: float | None
    dose: RegionDose | None
    scenario: ScenarioDose | None
    """Only where the curve gives no value: what `dose_scenario.SCENARIO` would give."""
    reported: ReportedCurve | None = None
    """The time-integrated activity that the engines take, by the curve asked for."""
    engines: tuple[EngineShown, ...] = ()
    """In the order asked for."""
    biological: BiologicalShown | None = None
    exceedance: ExceedanceShown | None = None
    histogram: DoseVolume | None = None
    own_recovery: tuple[float | None, ...] = ()
    """By point: share of its own activity that the outline shows; None where no recovery was applied."""
    read_as: str = ""
    """Region of the phantom that the name stands for, or why none."""


@dataclass(frozen=True, slots=True)
class PatientDoses:
    """Images, regions and doses of one patient after one injection."""

    patient_id: str
    nuclide: Nuclide
    administered_activity_MBq: float
    injected_at: datetime
    settings: DoseSettings
    images: tuple[ImageActivity, ...]
    regions: tuple[RegionResult, ...]
    assumptions: tuple[str, ...]
    zone_known: bool
    """False where neither injection, nor images, nor settings state a time zone: then times are local clock times."""
    notes: tuple[str, ...] = ()
    methods: DoseMethods = field(default_factory=DoseMethods)
    registrations: tuple[RegistrationShown, ...] = ()
    dose_map: PatientDoseMap | None = None
    findings: tuple[TableFinding, ...] = ()
    """Of the linter, on the user's S table."""


def image_activity(given: GivenImage, activity: ActivityMap) -> ImageActivity:
    """What is shown of an image: its time and the activity in its field of view."""
    total_Bq = float(activity.activity_Bq_per_mL.sum(dtype=np.float64)) * activity.grid.voxel_volume_mL
    in_field_MBq = converted(total_Bq, "Bq", "MBq")
    return ImageActivity(
        path=given.path,
        series_instance_uid=given.series.series_instance_uid,
        modality=given.series.modality,
        description=given.series.description,
        acquired_at=activity.acquired_at,
        hours_after_injection=given.hours_after_injection,
        in_field_activity_MBq=in_field_MBq,
        in_field_activity_as_stored_MBq=in_field_MBq * activity.stored_over_scan_time,
        stored_decay_correction=activity.stored_decay_correction,
        stored_over_scan_time=activity.stored_over_scan_time,
        region_files=given.region_files,
        content_hash=activity.source.content_hash,
    )
