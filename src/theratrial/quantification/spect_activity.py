"""Activities of regions in a SPECT, recovery and all contributions to their uncertainty. docs/methods/recovery.md."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from theratrial.errors import InputError, NumericalError, Problem, Problems, TheratrialError
from theratrial.imaging.values import ActivityMap, Region
from theratrial.quantification.recovery import Background, RecoveredActivity, RecoveryCurve, recovered_activity
from theratrial.quantification.recovery_matrix import ShapeRecovery
from theratrial.quantification.segmentation_sphere import overlaps
from theratrial.quantification.values import MeasuredActivity, Part
from theratrial.trace import Trace

METHOD: Final = "quantification.spect_activity"
VERSION: Final = "1"

_LEAST_INSIDE: Final = 0.98
_TOLERATED_OVERLAP: Final = 0.01
_PHANTOMS_APART_PERCENT: Final = 15


@dataclass(frozen=True, slots=True)
class SpectSettings:
    """What is known of the measurement besides the image.

    Parameters
    ----------
    repeatability_relative_sd
        Scan-to-scan relative standard deviation beyond counting noise.
    recovery
        Curve of the camera (by volume) or its resolution (by shape); None means that partial volume is not corrected,
        which every result then says.
    outside_curve
        What becomes of a region whose recovery the curve does not know: ``refuse``, or ``uncorrected``, with the bounds
        of its recovery in words.
    backgrounds
        Region name -> concentration around it, where its surrounding is warm.
    calibration_geometry, recovery_geometry
        Phantoms of the calibration and of the recovery curve (``sphere``, ``cylinder``); "" where not known.
    minimum_inside_fraction
        Least share of a region inside the field of view.
    """

    repeatability_relative_sd: float
    recovery: RecoveryCurve | ShapeRecovery | None = None
    outside_curve: Literal["refuse", "uncorrected"] = "refuse"
    backgrounds: Mapping[str, Background] | None = None
    calibration_geometry: str = ""
    recovery_geometry: str = ""
    minimum_inside_fraction: float = _LEAST_INSIDE

    def __post_init__(self) -> None:
        if not (math.isfinite(self.repeatability_relative_sd) and 0 <= self.repeatability_relative_sd < 1):
            raise InputError(
                f"repeatability relative standard deviation is {self.repeatability_relative_sd}; it is a fraction from "
                "0 to below 1"
            )
        if self.outside_curve not in ("refuse", "uncorrected"):
            raise InputError(f"outside_curve is {self.outside_curve!r}; allowed are 'refuse' and 'uncorrected'")


@dataclass(frozen=True, slots=True)
class SpectActivity:
    """A measured activity with what its correction was, for the covariance with the volume."""

    measured: MeasuredActivity
    uncorrected_MBq: float
    correction: RecoveredActivity | None
    """None where recovery was not corrected."""

    @property
    def dln_activity_dln_volume(self) -> float:
        """Change of the activity by the volume its recovery was taken at; 0 without correction."""
        return 0.0 if self.correction is None else self.correction.dln_activity_dln_volume


def spect_activities(
    scan: ActivityMap, regions: Sequence[Region], settings: SpectSettings
) -> tuple[MeasuredActivity, ...]:
    """Activities of regions at scan time, each with its contributions to uncertainty; see `spect_activity`.

    Raises
    ------
    Problems
        All regions that cannot be quantified, each with its reason.
    """
    return tuple(one.measured for one in corrected_activities(scan, regions, settings))


def corrected_activities(
    scan: ActivityMap, regions: Sequence[Region], settings: SpectSettings
) -> tuple[SpectActivity, ...]:
    """As `spect_activities`, with the correction of each region beside it.

    Raises
    ------
    InputError
        If no region is given, or a name stands twice.
    Problems
        All regions that cannot be quantified, each with its reason.
    """
    names = [region.name for region in regions]
    if not names or len(set(names)) < len(names):
        raise InputError(f"give each region once, got {', '.join(names) or 'none'}")
    unknown = sorted(set(settings.backgrounds or {}) - set(names))
    if unknown:
        raise InputError(f"backgrounds are given for {', '.join(unknown)}, which are no regions here")
    found, problems = [], []
    for region in regions:
        try:
            _require_fit(scan, region, settings.minimum_inside_fraction)
        except TheratrialError as error:
            problems.append(_problem(region, error))
    if not problems:
        shared = dict.fromkeys(names, "")
        for pair in overlaps(regions, tolerated_fraction=_TOLERATED_OVERLAP):
            for name, other in ((pair.first, pair.second), (pair.second, pair.first)):
                shared[name] = f"shares {pair.shared_mL:.3g} mL with {other}: what lies there counts for both"
        for region in regions:
            try:
                found.append(spect_activity(scan, region, settings, remark=shared[region.name]))
            except TheratrialError as error:
                problems.append(_problem(region, error))
    if problems:
        raise Problems("activities of regions", problems)
    return tuple(found)


def _problem(region: Region, error: TheratrialError) -> Problem:
    message, _, remedy = str(error).partition(" -> ")
    return Problem(f"region {region.name!r}", message, remedy)


def spect_activity(scan: ActivityMap, region: Region, settings: SpectSettings, *, remark: str = "") -> SpectActivity:
    """Activity of one region at scan time.

    Contributions: ``counts`` (where the image says how many), ``repeatability`` and, where stated, ``background`` are
    of the scan; ``calibration`` and ``recovery`` are common to the scans of a session. With a warm background the first
    grow by d ln A / d ln A_measured. What is not known stands in `not_in_interval`.

    Raises
    ------
    InputError
        If the region is on another grid or frame of reference, is empty, or the map has voxels in it that are no
        numbers.
    NumericalError
        If too much of it lies outside the field of view, its activity is negative, or its recovery is undetermined.
    """
    _require_fit(scan, region, settings.minimum_inside_fraction)
    seen_Bq = region.weighted_sum(scan.activity_Bq_per_mL) * scan.grid.voxel_volume_mL
    if not math.isfinite(seen_Bq):
        raise InputError(f"region {region.name}: the scan has voxels inside it that are no numbers -> export it again")
    if seen_Bq < 0:
        raise NumericalError(
            f"region {region.name}: its total activity is negative ({seen_Bq:.4g} Bq) -> check the scan's corrections"
        )
    seen_MBq = seen_Bq * 1e-6
    warnings = [remark] if remark else []
    missing: list[str] = []
    background = (settings.backgrounds or {}).get(region.name)
    correction = _correction(seen_MBq, region, settings, background, warnings, missing)
    activity, scale = (
        (seen_MBq, 1.0) if correction is None else (correction.activity_MBq, correction.measured_sensitivity)
    )
    parts = [Part("repeatability", settings.repeatability_relative_sd * scale, "given for the camera")]
    counting = counting_relative_sd(scan, region)
    if counting is None:
        missing.append("counting noise (the image does not say how many counts a Bq/mL is)")
    else:
        parts.append(Part("counts", counting * scale, "Poisson noise of the counts in the region"))
    if scan.calibration_relative_sd is None:
        missing.append("calibration (no uncertainty is stated with the image)")
    else:
        parts.append(Part("calibration", scan.calibration_relative_sd, "of the camera's calibration factor"))
    if correction is not None:
        parts.append(Part("recovery", correction.recovery_relative_sd, "of the recovery measured with spheres"))
        if background is not None:
            parts.append(
                Part("background", correction.background_relative_sd, "of the concentration around the region")
            )
    warnings += _geometry_warnings(settings)
    measured = MeasuredActivity(
        region=region.name,
        route="spect",
        activity_MBq=activity,
        acquired_at=scan.acquired_at,
        nuclide=scan.nuclide,
        parts=tuple(parts),
        trace=_trace(scan, region, settings, background),
        volume_mL=region.volume_mL,
        not_in_interval=tuple(missing),
        warnings=tuple(warnings),
    )
    return SpectActivity(measured, seen_MBq, correction)


def _correction(
    seen_MBq: float,
    region: Region,
    settings: SpectSettings,
    background: Background | None,
    warnings: list[str],
    missing: list[str],
) -> RecoveredActivity | None:
    curve = settings.recovery
    if curve is None:
        missing.append("partial volume (no recovery curve given: the activity of a hot region is too low)")
        return None
    recovery = curve.of(region)
    if recovery.recovery is None:
        if settings.outside_curve == "refuse":
            raise NumericalError(f"region {region.name}: {recovery.note}")
        missing.append(f"partial volume, not corrected: {recovery.note.partition(' -> ')[0]}")
        return None
    if recovery.note:
        warnings.append(recovery.note)
    if isinstance(curve, ShapeRecovery):
        missing.append("resolution away from its mean (taken as the same everywhere and in all directions)")
    else:
        missing.append("shape of the region (its recovery is that of a sphere)")
    if background is None:
        missing.append("activity around the region (taken as cold)")
    return recovered_activity(seen_MBq, recovery, background=background, region=region.name)


def _geometry_warnings(settings: SpectSettings) -> list[str]:
    one, other = settings.calibration_geometry.strip().casefold(), settings.recovery_geometry.strip().casefold()
    if settings.recovery is None:
        return []
    if isinstance(settings.recovery, ShapeRecovery):
        # Shares of a blurred region are relative to all of its activity, so the calibration must see all of it too.
        if one == "sphere":
            return [
                "calibration from a sphere's outline, recovery from the resolution: the sphere's own losses are in "
                "both; take a calibration from a large uniform phantom, or from all counts of the sphere"
            ]
        return []
    if not one or not other:
        return [
            "the phantom of the calibration or of the recovery curve is not stated: factors of a sphere and of a "
            f"cylinder have been {_PHANTOMS_APART_PERCENT} % apart, and recovery must be relative to that used"
        ]
    if one != other:
        return [
            f"calibration from a {one}, recovery from a {other}: recovery must be relative to the calibration used, "
            f"else up to {_PHANTOMS_APART_PERCENT} % are counted twice or not at all"
        ]
    return []


def counting_relative_sd(scan: ActivityMap, region: Region) -> float | None:
    """Poisson noise of the counts of a region, ``sqrt(sum w^2 n) / sum w n``; None where counts are not known.

    Assumes independent voxels, which reconstructed ones are not; see docs/methods/time_activity.md.
    """
    per = scan.counts_per_Bq_per_mL
    if per is None:
        return None
    if not (math.isfinite(per) and per > 0):
        raise InputError(f"counts without calibration: {per} counts per Bq/mL is no sensitivity")
    values = scan.activity_Bq_per_mL[region.box()]
    total = region.weighted_sum(scan.activity_Bq_per_mL) * per
    squares = float(np.einsum("zyx,zyx,zyx->", values, region.weights, region.weights, dtype=np.float64)) * per
    return math.sqrt(squares) / total if total > 0 and squares > 0 else None


def _require_fit(scan: ActivityMap, region: Region, minimum_inside_fraction: float) -> None:
    uids = region.grid.frame_of_reference_uid, scan.grid.frame_of_reference_uid
    if all(uids) and uids[0] != uids[1]:
        raise InputError(
            f"region {region.name} is drawn in frame of reference {uids[0]}, the scan is in {uids[1]} -> register the "
            "two scans, or use the region drawn on this one"
        )
    if not region.grid.same_place(scan.grid):
        raise InputError(f"region {region.name} is on another grid than the scan -> put it on the scan's grid first")
    if not region.weights.size or region.volume_mL <= 0:
        raise InputError(f"region {region.name} is empty -> draw it, or leave it out")
    if region.inside_fraction < minimum_inside_fraction:
        raise NumericalError(
            f"region {region.name}: only {region.inside_fraction:.1%} of it lie inside the field of view, at least "
            f"{minimum_inside_fraction:.1%} are needed -> its activity is undetermined at this scan"
        )


def _trace(scan: ActivityMap, region: Region, settings: SpectSettings, background: Background | None) -> Trace:
    inputs = {
        "image": scan.source.content_hash,
        "region": f"{region.source.content_hash}#{region.name}",
        "repeatability_relative_sd": f"given:{settings.repeatability_relative_sd:g}",
    }
    if settings.recovery is not None:
        inputs["recovery"] = settings.recovery.trace_input
        inputs["outside_curve"] = f"given:{settings.outside_curve}"
    if background is not None:
        inputs["background"] = f"given:{background.activity_Bq_per_mL:g} Bq/mL, {background.relative_sd:g}"
    return Trace(METHOD, VERSION, inputs, demonstration=scan.trace.demonstration)
