"""PET series -> standardised uptake value by body weight, with the certificate that says how.

The rules and their order are in ``docs/methods/suv.md``. Every branch that would need a guess refuses instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError
from theratrial.imaging.series import Series, scaled
from theratrial.imaging.suv_body import body_weight_kg, body_weight_over
from theratrial.imaging.suv_injection import Administration, Tracer, header_administered_at, header_dose_Bq, tracer
from theratrial.imaging.suv_reference import ReferenceTime, average_count_rate_time_s, reference_time
from theratrial.imaging.suv_tags import Tags
from theratrial.imaging.times import aware, in_zone, seconds_between
from theratrial.imaging.values import SuvCertificate, SuvMap
from theratrial.trace import Trace

METHOD: Final = "imaging.suv"
VERSION: Final = "1"

_GRAMS_PER_KG: Final = 1000.0
_WORTH_TELLING_PERCENT: Final = 0.5
_CONTRADICTS_FACTOR: Final = 1.5
"""Header and record cannot both be of this injection: a unit, a digit, pounds, or an hour of 68Ga make more than this;
a residual or a clock makes less."""
_REFUSED_UNITS: Final = {
    "CPS": "counts per second, which are usually uncorrected and need a calibration the file does not carry",
    "PROPCNTS": "proportional to counts by an unstated factor",
    "PROPCPS": "proportional to counts per second by an unstated factor (a series without attenuation correction?)",
    "1CM": "an attenuation map",
    "PCNT": "percent",
    "": "not stated",
}


@dataclass(slots=True)
class _Work:
    """One conversion under way."""

    series: Series
    tags: Tags
    administration: Administration | None
    warnings: list[str]
    rejected: list[tuple[str, str]]
    tracer: Tracer | None = None
    reference: ReferenceTime | None = None
    weight_kg: float | None = None
    activity_Bq: float | None = None


def suv_map(series: Series, *, timezone: tzinfo | None = None, administration: Administration | None = None) -> SuvMap:
    """SUVbw [g/mL] of a PET series, with its certificate.

    Parameters
    ----------
    series
        Modality PT, RescaleIntercept 0 on every slice.
    timezone
        Zone of the scanner's clock where the file has no TimezoneOffsetFromUTC; needed with `administration`.
    administration
        The trial's own record, which then is the source of activity, time and (if given) weight; the header becomes a
        cross-check, and its effect on SUV in percent a warning; beyond a factor of 1.5 the two contradict each other.

    Raises
    ------
    InputError
        If the stored unit, decay correction, dose, times or weight do not allow the conversion without a guess.

    References
    ----------
    Vácha M et al. Comprehensive Manual for SUV Computation and Digital Reference Objects for its Verification
    (IBSI-SUV), CC BY 4.0. QIBA FDG-PET/CT profile, "SUV calculation". DICOM PS3.3 C.8.9.
    """
    factors, certificate = suv_certificate(series, timezone=timezone, administration=administration)
    inputs = {"series": series.source.content_hash or f"series_instance_uid:{series.source.series_instance_uid}"}
    if administration is not None:
        inputs["administration"] = f"given:{administration.activity_MBq:g} MBq at {administration.at.isoformat()}"
    return SuvMap(
        grid=series.grid,
        suv_g_per_mL=scaled(series, factors),
        acquired_at=series.acquired_at(timezone),
        source=series.source,
        certificate=certificate,
        trace=Trace(METHOD, VERSION, inputs),
    )


def suv_certificate(
    series: Series, *, timezone: tzinfo | None = None, administration: Administration | None = None
) -> tuple[NDArray[np.float64], SuvCertificate]:
    """SUVbw per rescaled value of each slice ``(nz,)``, and the certificate; the pixels are not read.

    Parameters and errors as in `suv_map`.
    """
    if series.modality != "PT":
        raise InputError(f"SUV needs a PET series (modality PT), this one is {series.modality or 'unknown'}")
    tags = Tags(series.header, series.zone(timezone))
    work = _Work(series, tags, administration, warnings=list(series.notes), rejected=[])
    if administration is not None and (at := series.acquired_at(timezone)) is not None:
        aware(at, "the time of the scan")
    _check_corrections(work)
    tags.add("(0028,1053)", "RescaleSlope", _range([one.slope for one in series.slices]))
    intercepts = sorted({one.intercept for one in series.slices})
    if intercepts != [0.0]:
        raise InputError(f"RescaleIntercept must be 0 in PET, got {', '.join(f'{i:g}' for i in intercepts)}; excluded")
    tags.add("(0028,1052)", "RescaleIntercept", "0")
    tags.add("(0054,1001)", "Units", series.unit)
    match series.unit:
        case "BQML":
            factors, rule = _from_activity(work, np.ones(len(series.slices)), "Units BQML")
        case "CNTS":
            factors, rule = _from_philips_counts(work)
        case "GML":
            factors, rule = _from_normalised(work, "BW", ("BW", "LBM", "LBMJAMES128", "LBMJANMA", "IBW"))
        case "CM2ML":
            factors, rule = _from_normalised(work, "BSA", ("BSA",))
        case other:
            reason = _REFUSED_UNITS.get(other, "not a unit SUV can be made from")
            raise InputError(f"Units (0054,1001) is {other!r}: {reason}; SUV cannot be calculated")
    slopes = np.array([one.slope for one in series.slices])
    reference = work.reference
    certificate = SuvCertificate(
        suv_type="BW",
        stored_unit=series.unit,
        rule=rule,
        alternatives_rejected=tuple(work.rejected) + (reference.rejected if reference else ()),
        tags_used=tags.used,
        factor_per_slice=tuple(float(f) for f in factors * slopes),
        weight_kg=work.weight_kg,
        administered_activity_Bq=work.activity_Bq,
        half_life_s=work.tracer.half_life_s if work.tracer else None,
        reference_time=reference.at if reference else None,
        reference_time_rule=reference.rule if reference else "not needed",
        reference_time_alternative_s=reference.alternative_s if reference else None,
        warnings=tuple(dict.fromkeys(work.warnings)),
    )
    return factors, certificate


def _check_corrections(work: _Work) -> None:
    """Refuse a series without attenuation correction: its values are no concentrations, whatever Units says."""
    applied = work.tags.text("CorrectedImage").upper().split("\\")
    if "ATTN" in applied or work.tags.text("AttenuationCorrected").upper() == "YES":
        return
    if applied == [""] and work.tags.text("AttenuationCorrected") == "":
        work.warnings.append("CorrectedImage (0028,0051) is absent: whether attenuation was corrected is not known")
        return
    raise InputError("the series is not attenuation corrected (no ATTN in CorrectedImage); SUV cannot be calculated")


def _from_philips_counts(work: _Work) -> tuple[NDArray[np.float64], str]:
    """Philips counts: (7053,1000) gives SUVbw, (7053,1009) gives Bq/mL; neither is refused."""
    to_suv = [one.suv_scale_factor for one in work.series.slices]
    to_activity = [one.activity_scale_factor for one in work.series.slices]
    if all(to_suv):
        work.tags.add("(7053,1000)", "Philips SUV scale factor", _range(to_suv))
        if all(to_activity):
            work.tags.add("(7053,1009)", "Philips activity concentration scale factor", _range(to_activity))
            work.rejected.append(
                ("Philips (7053,1009) counts to Bq/mL", "not needed: (7053,1000) gives SUVbw directly")
            )
        factors = np.array(to_suv, dtype=float)
        return factors * _record_over_header(work), "Units CNTS, Philips SUV scale factor (7053,1000) per slice"
    work.rejected.append(("Philips (7053,1000) counts to SUVbw", "absent or 0"))
    if all(to_activity):
        work.tags.add("(7053,1009)", "Philips activity concentration scale factor", _range(to_activity))
        return _from_activity(
            work, np.array(to_activity, dtype=float), "Units CNTS, Philips activity scale factor (7053,1009) per slice"
        )
    raise InputError(
        "Units is CNTS and neither Philips scale factor (7053,1000), (7053,1009) is present (or both are 0): counts "
        "cannot be converted; SUV cannot be calculated"
    )


def _range(values: Sequence[float | None]) -> str:
    known = [v for v in values if v is not None]
    return f"{known[0]:.10g}" if min(known) == max(known) else f"{min(known):.10g} to {max(known):.10g}"


def _from_normalised(work: _Work, default: str, allowed: tuple[str, ...]) -> tuple[NDArray[np.float64], str]:
    """Values the scanner has already normalised, back to body weight."""
    unit = work.series.unit
    suv_type = work.tags.text("SUVType").upper() or default
    if suv_type not in allowed:
        raise InputError(f"SUVType (0054,1006) is {suv_type!r} with Units {unit}; allowed are {', '.join(allowed)}")
    if not work.tags.text("SUVType"):
        work.warnings.append(f"SUVType is absent: {suv_type} is assumed, as the IBSI-SUV manual does")
    factor = 1.0
    if suv_type != "BW":
        weight = body_weight_kg(work.tags, work.warnings)
        if weight is None:
            raise InputError(f"PatientWeight (0010,1030) is absent: SUV by {suv_type} cannot be turned into SUVbw")
        work.weight_kg = weight
        factor = body_weight_over(suv_type, weight, work.tags, work.warnings)
    factor *= _record_over_header(work)
    name = {"BW": "already SUVbw", "BSA": "body surface area to body weight"}.get(
        suv_type, f"{suv_type} to body weight"
    )
    return np.full(len(work.series.slices), factor), f"Units {unit}, {name}"


def _record_over_header(work: _Work) -> float:
    """Factor that replaces the scanner's activity, time and weight by those of the administration record."""
    given = work.administration
    if given is None:
        return 1.0
    tags, warnings = work.tags, work.warnings
    half_life = _tracer(work)
    scan_at = work.series.acquired_at(tags.zone)
    activity = header_dose_Bq(tags, warnings)
    at = in_zone(header_administered_at(tags, scan_at, half_life.half_life_s, warnings), tags.zone)
    weight = body_weight_kg(tags, warnings)
    if activity is None or at is None or weight is None:
        raise InputError(
            "the scanner normalised this series, but its header lacks dose, administration time or weight: the "
            "administration record cannot replace them"
        )
    elapsed = seconds_between(given.at, at)
    header_at_record_Bq = activity * math.exp(-half_life.decay_per_s * elapsed)
    work.activity_Bq = given.activity_MBq * 1e6
    work.weight_kg = given.weight_kg or weight
    factor = header_at_record_Bq / work.activity_Bq * work.weight_kg / weight
    _tell_effect(work, 1 / factor)
    return factor


def _tell_effect(work: _Work, header_over_record: float) -> None:
    effect = (header_over_record - 1) * 100
    if not 1 / _CONTRADICTS_FACTOR <= header_over_record <= _CONTRADICTS_FACTOR:
        raise InputError(
            f"the header contradicts the administration record: with the header SUV would be {effect:+.0f} % off; "
            "check activity, its unit, time and weight of both, and correct the wrong one"
        )
    if abs(effect) >= _WORTH_TELLING_PERCENT:
        work.warnings.append(
            f"the header differs from the administration record: with the header SUV would be {effect:+.2f} % off"
        )


def _from_activity(work: _Work, to_Bq_per_mL: NDArray[np.float64], source: str) -> tuple[NDArray[np.float64], str]:
    """Values in Bq/mL (after `to_Bq_per_mL`), normalised by the decayed dose and the body weight."""
    _tracer(work)
    correction = work.series.decay_correction
    work.tags.add("(0054,1102)", "DecayCorrection", correction or "absent")
    match correction:
        case "START":
            factors = _started(work)
        case "ADMIN":
            factors = _administered(work)
        case "NONE":
            factors = _undecayed(work)
        case _:
            raise InputError(
                f"DecayCorrection (0054,1102) is {correction or 'absent'}; START, ADMIN or NONE is needed to know "
                "which moment the values belong to"
            )
    return factors * to_Bq_per_mL, f"{source}, DecayCorrection {correction}"


def _started(work: _Work) -> NDArray[np.float64]:
    """START: all slices were corrected to the start of the scan; the dose is decayed to that moment."""
    half_life = _tracer(work)
    dated = work.administration.at if work.administration else _dated_start(work.tags)
    work.reference = reference_time(work.series, work.tags, half_life.decay_per_s, dated, work.warnings)
    return np.full(len(work.series.slices), _grams_per_Bq(work, work.reference.at))


def _administered(work: _Work) -> NDArray[np.float64]:
    """ADMIN: all slices were corrected to the administration as the scanner knew it."""
    at: datetime | None = None
    if work.administration is not None:
        scan_at = work.series.acquired_at(work.tags.zone)
        half_life_s = _tracer(work).half_life_s
        at = header_administered_at(work.tags, scan_at, half_life_s, work.warnings, assume_day=True)
        if at is None:
            raise InputError(
                "DecayCorrection is ADMIN but the header has no administration time: the moment the values belong to "
                "is not known"
            )
    return np.full(len(work.series.slices), _grams_per_Bq(work, at))


def _undecayed(work: _Work) -> NDArray[np.float64]:
    """NONE: each slice holds the mean over its own frame."""
    series, decay_per_s = work.series, _tracer(work).decay_per_s
    starts = [in_zone(one.acquired_at, work.tags.zone) for one in series.slices]
    durations = [one.frame_duration_s for one in series.slices]
    first = series.acquired_at(work.tags.zone)
    if first is None or None in starts or not all(durations):
        raise InputError(
            "DecayCorrection is NONE and AcquisitionTime or ActualFrameDuration is absent on some slice: its decay "
            "cannot be corrected"
        )
    work.tags.add("(0008,0032)", "AcquisitionTime", f"{first} to {max(s for s in starts if s is not None)}")
    work.tags.add("(0018,1242)", "ActualFrameDuration", f"{_range(durations)} s")
    work.warnings.append(
        "DecayCorrection NONE: the mean over the frame is taken as that of pure decay (IBSI-SUV manual)"
    )
    to_first = [
        math.exp(decay_per_s * (seconds_between(start, first) + average_count_rate_time_s(duration, decay_per_s)))
        for start, duration in zip(starts, durations, strict=True)
        if start is not None and duration
    ]
    return np.array(to_first) * _grams_per_Bq(work, first)


def _tracer(work: _Work) -> Tracer:
    if work.tracer is None:
        work.tracer = tracer(work.tags, work.warnings)
    return work.tracer


def _dated_start(tags: Tags) -> datetime | None:
    return tags.moment_from_dt("RadiopharmaceuticalStartDateTime", tags.tracers[0]) if tags.tracers else None


def _grams_per_Bq(work: _Work, at: datetime | None) -> float:
    """Body weight [g] over the activity [Bq] then; None: the moment of administration as the header has it."""
    given = work.administration
    if given is None:
        activity_Bq, left, weight_kg = _by_header(work, at)
        work.activity_Bq, work.weight_kg = activity_Bq, weight_kg
        return weight_kg * _GRAMS_PER_KG / (activity_Bq * left)
    weight = given.weight_kg or body_weight_kg(work.tags, work.warnings)
    if weight is None:
        raise InputError("neither the administration record nor PatientWeight (0010,1030) gives the body weight")
    assert at is not None
    elapsed = seconds_between(at, given.at)
    if elapsed < 0 and work.series.decay_correction != "ADMIN":
        raise InputError(
            f"the administration record ({given.at.isoformat(sep=' ')}) is after the scan ({at.isoformat(sep=' ')}); "
            "is this another session's record, or the wrong time zone?"
        )
    work.activity_Bq, work.weight_kg = given.activity_MBq * 1e6, weight
    grams_per_Bq = weight * _GRAMS_PER_KG / (work.activity_Bq * math.exp(-_tracer(work).decay_per_s * elapsed))
    try:
        activity_Bq, left, weight_kg = _by_header(work, at)
    except InputError as error:
        work.warnings.append(f"the header gives no cross-check of the administration record: {error}")
    else:
        _tell_effect(work, weight_kg * _GRAMS_PER_KG / (activity_Bq * left) / grams_per_Bq)
    return grams_per_Bq


def _by_header(work: _Work, at: datetime | None) -> tuple[float, float, float]:
    """Administered activity [Bq], the share of it left then, and the body weight [kg], all from the header."""
    tags, warnings = work.tags, work.warnings
    weight = body_weight_kg(tags, warnings)
    if weight is None:
        raise InputError("PatientWeight (0010,1030) is absent or 0; give the weight with the administration record")
    activity = header_dose_Bq(tags, warnings)
    if activity is None:
        raise InputError("RadionuclideTotalDose (0018,1074) is absent or 0; give the administration record")
    if at is None:
        return activity, 1.0, weight
    half_life = _tracer(work)
    administered = header_administered_at(
        tags, at, half_life.half_life_s, warnings, assume_day=work.series.decay_correction == "ADMIN"
    )
    if administered is None:
        raise InputError(
            "neither RadiopharmaceuticalStartDateTime (0018,1078) nor RadiopharmaceuticalStartTime (0018,1072) is "
            "present; give the administration record"
        )
    return activity, math.exp(-half_life.decay_per_s * seconds_between(at, administered)), weight
