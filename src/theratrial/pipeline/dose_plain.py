"""The result of `theratrial dose` as plain values, with the unit in every key."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import numpy as np

from theratrial.dosimetry import RegionDose
from theratrial.dosimetry.dose_volume import DoseVolume
from theratrial.pipeline.dose_methods import DoseMethods
from theratrial.pipeline.dose_scenario import SCENARIO, ScenarioDose
from theratrial.pipeline.dose_values import (
    BiologicalShown,
    EngineShown,
    ExceedanceShown,
    ImageActivity,
    PatientDoses,
    RegionPoint,
    RegionResult,
    RegistrationShown,
    ReportedCurve,
)


def as_plain(result: PatientDoses, notice: str) -> dict[str, Any]:
    """Everything the command knows, with the unit in every key; what is not known is None."""
    settings = result.settings
    return {
        "patient_id": result.patient_id,
        "nuclide": result.nuclide.name,
        "half_life_h": result.nuclide.half_life_h,
        "administered_activity_MBq": result.administered_activity_MBq,
        "injected_at": _clock(result.injected_at, result),
        "time_zone_known": result.zone_known,
        "images": [_image(one, result) for one in result.images],
        "regions": [_region(one, result.images) for one in result.regions],
        "settings": {
            "density_g_per_mL": settings.density_g_per_mL,
            "density_source": settings.density_source,
            "calibration_cps_per_MBq": settings.calibration_cps_per_MBq,
            "calibration_relative_sd_fraction": settings.calibration_relative_sd,
            "repeatability_relative_sd_fraction": settings.repeatability_relative_sd,
            "model_relative_sd_fraction": settings.model_relative_sd,
            "clearance_significance_fraction": settings.clearance_significance,
            "maximum_extrapolated_fraction": settings.maximum_extrapolated_fraction,
            "minimum_inside_fraction": settings.minimum_inside_fraction,
            "mass_relative_sd_fraction": settings.mass_relative_sd,
        },
        "methods": _methods(result.methods),
        "registrations": [_registration(one) for one in result.registrations],
        "dose_map": _dose_map(result),
        "s_table_findings": [str(finding) for finding in result.findings],
        "assumptions": result.assumptions,
        "scenario": SCENARIO,
        "notes": result.notes,
        "notice": notice,
    }


def _clock(moment: datetime, result: PatientDoses) -> datetime:
    """Without an offset where no time zone is known, so that none is claimed."""
    return moment if result.zone_known else moment.replace(tzinfo=None)


def _image(image: ImageActivity, result: PatientDoses) -> dict[str, Any]:
    return {
        "path": image.path,
        "series_instance_uid": image.series_instance_uid,
        "modality": image.modality,
        "description": image.description,
        "acquired_at": _clock(image.acquired_at, result),
        "hours_after_injection": image.hours_after_injection,
        "in_field_activity_MBq": image.in_field_activity_MBq,
        "in_field_activity_as_stored_MBq": image.in_field_activity_as_stored_MBq,
        "stored_decay_correction": image.stored_decay_correction,
        "stored_over_scan_time": image.stored_over_scan_time,
        "region_files": image.region_files,
        "content_hash": image.content_hash,
    }


def _region(region: RegionResult, images: tuple[ImageActivity, ...]) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "name": region.name,
        "points": [_point(point, images) for point in region.points],
        "without_activity": region.not_on,
        "mass_g": region.mass_g,
    }
    found = region.dose
    if found is None:
        return plain | {"determinacy": "undetermined", "because": "; ".join(region.not_on), "absorbed_dose_Gy": None}
    return (
        plain
        | _dose(found)
        | {"scenario": _scenario(region.scenario)}
        | {
            "read_as": region.read_as,
            "own_recovery_fraction": list(region.own_recovery),
            "reported_curve": _curve(region.reported),
            "engines": [_engine(one) for one in region.engines],
            "biological": _biological(region.biological),
            "exceedance": _exceedance(region.exceedance),
            "dose_volume": _dose_volume(region.histogram),
        }
    )


def _dose(found: RegionDose) -> dict[str, Any]:
    curve, tia, absorbed = found.curve, found.tia, found.dose
    return {
        "determinacy": str(curve.determinacy),
        "because": curve.because,
        "effective_half_life_h": curve.effective_half_life_h,
        "effective_half_life_sd_h": curve.effective_half_life_sd_h,
        "clearance_per_h": curve.clearance_per_h,
        "fitted_clearance_per_h": curve.line.clearance_per_h if curve.line else None,
        "held_to_physical_decay": curve.held_to_physical_decay,
        "before_first_scan_fraction": curve.before_first_scan_fraction,
        "extrapolated_fraction": curve.extrapolated_fraction,
        "time_integrated_activity_MBq_h": tia.time_integrated_activity_MBq_h,
        "time_integrated_activity_lower_MBq_h": tia.lower_MBq_h,
        "time_integrated_activity_upper_MBq_h": _finite(tia.upper_MBq_h),
        "time_integrated_activity_coefficient_h": tia.coefficient_h,
        "absorbed_dose_Gy": absorbed.absorbed_dose_Gy,
        "absorbed_dose_lower_Gy": absorbed.lower_Gy,
        "absorbed_dose_upper_Gy": _finite(absorbed.upper_Gy),
        "absorbed_dose_upper_with_own_photons_Gy": _finite(absorbed.upper_with_own_photons_Gy),
        "has_upper_bound": math.isfinite(absorbed.upper_Gy),
        "missing": absorbed.missing,
        "not_in_interval": absorbed.not_in_interval,
        "trace": absorbed.trace.as_dict(),
    }


def _point(point: RegionPoint, images: tuple[ImageActivity, ...]) -> dict[str, Any]:
    activity = point.activity
    return {
        "image": images[point.image].path,
        "hours_after_injection": point.hours_after_injection,
        "activity_MBq": activity.activity_MBq,
        "volume_mL": activity.volume_mL,
        "inside_fraction": activity.inside_fraction,
        "counting_relative_sd_fraction": activity.counting_relative_sd,
        "uncorrelated_relative_sd_fraction": activity.uncorrelated_relative_sd,
        "trace": activity.trace.as_dict(),
    }


def _scenario(scenario: ScenarioDose | None) -> dict[str, float] | None:
    if scenario is None:
        return None
    return {
        "time_integrated_activity_MBq_h": scenario.time_integrated_activity_MBq_h,
        "absorbed_dose_Gy": scenario.absorbed_dose_Gy,
        "after_last_scan_fraction": scenario.after_last_scan_fraction,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _curve(curve: ReportedCurve | None) -> dict[str, Any] | None:
    if curve is None:
        return None
    return {
        "method": curve.method,
        "time_integrated_activity_MBq_h": curve.time_integrated_activity_MBq_h,
        "lower_MBq_h": curve.lower_MBq_h,
        "upper_MBq_h": _finite(curve.upper_MBq_h),
        "note": curve.note,
        "trace": curve.trace.as_dict(),
    }


def _engine(one: EngineShown) -> dict[str, Any]:
    return {
        "engine": one.engine,
        "absorbed_dose_Gy": one.absorbed_dose_Gy,
        "lower_Gy": one.lower_Gy,
        "upper_Gy": _finite(one.upper_Gy),
        "electron_Gy": one.electron_Gy,
        "photon_self_Gy": one.photon_self_Gy,
        "photon_cross_Gy": one.photon_cross_Gy,
        "alpha_Gy": one.alpha_Gy,
        "mass_g": one.mass_g,
        "difference_to_local_fraction": one.difference_fraction,
        "because": one.because,
        "missing": one.missing,
        "why_no_value": one.why,
        "trace": one.trace.as_dict(),
    }


def _biological(found: BiologicalShown | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "bed_Gy": found.bed_Gy,
        "eqd2_Gy": found.eqd2_Gy,
        "dose_rate_factor_fraction": found.dose_rate_factor,
        "alpha_beta_Gy": found.alpha_beta_Gy,
        "repair_half_life_h": found.repair_half_life_h,
        "note": found.note,
    }


def _exceedance(found: ExceedanceShown | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"limit_Gy": found.limit_Gy, "probability_fraction": found.probability, "note": found.note}


def _dose_volume(histogram: DoseVolume | None) -> dict[str, Any] | None:
    if histogram is None:
        return None
    return {
        "mean_Gy": histogram.mean_Gy,
        "d98_Gy": histogram.dose_at_percent_Gy(98),
        "d50_Gy": histogram.dose_at_percent_Gy(50),
        "d2_Gy": histogram.dose_at_percent_Gy(2),
        "volume_mL": histogram.volume_mL,
        "excluded_mL": histogram.excluded_mL,
        "trace": histogram.trace.as_dict(),
    }


def _methods(methods: DoseMethods) -> dict[str, Any]:
    return {
        "curve": methods.curve,
        "prior": methods.prior if methods.curve == "population" else None,
        "engines": methods.engines,
        "phantom": methods.phantom or None,
        "reference": {name: list(parts) for name, parts in methods.reference.items()},
        "recovery": methods.recovery or None,
        "recovery_source": methods.recovery_source or None,
        "register": methods.register,
        "ct": None if methods.ct is None else str(methods.ct),
        "overlap": methods.overlap,
        "s_table": None if methods.s_table is None else methods.s_table.source,
    }


def _registration(one: RegistrationShown) -> dict[str, Any]:
    x, y, z = one.shift_mm
    return {
        "fixed": str(one.fixed),
        "moving": str(one.moving),
        "shift_x_mm": x,
        "shift_y_mm": y,
        "shift_z_mm": z,
        "rotation_degrees": one.rotation_deg,
        "correlation_before_fraction": one.correlation_before,
        "correlation_after_fraction": one.correlation_after,
        "round_trip_mm": one.round_trip_mm,
        "overlap_fraction": one.overlap_fraction,
        "warnings": one.warnings,
    }


def _dose_map(result: PatientDoses) -> dict[str, Any] | None:
    found = result.dose_map
    if found is None:
        return None
    values = found.dose.absorbed_dose_Gy
    dz, dy, dx = found.dose.grid.spacing_mm
    return {
        "image": str(result.images[found.image].path),
        "shape_zyx": list(values.shape),
        "spacing_z_mm": dz,
        "spacing_y_mm": dy,
        "spacing_x_mm": dx,
        "highest_Gy": float(np.nanmax(values)),
        "undetermined_voxels": found.undetermined_voxels,
        "notes": found.dose.notes,
        "trace": found.dose.trace.as_dict(),
    }
