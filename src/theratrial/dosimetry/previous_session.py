"""The kinetics of an earlier session, scaled to the scans of this one (docs/methods/time_activity.md)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scipy.special import chdtrc

from theratrial.dosimetry.curve import Determinacy, TimeActivityCurve, ordered_points, time_activity_curve
from theratrial.dosimetry.exponentials import SumOfExponentials
from theratrial.dosimetry.fits import FittedCurve
from theratrial.dosimetry.plan import DosePlan, checked_relative_sd
from theratrial.dosimetry.points import TimeActivityPoint
from theratrial.dosimetry.time_integrated import (
    Z_95,
    TimeIntegratedActivity,
    common_relative_sd,
    observed_MBq_h,
    stated,
    with_slow_phase,
)
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import Nuclide

VERSION: Final = "1"


@dataclass(frozen=True, slots=True)
class EarlierKinetics:
    """Shape of a region's curve in an earlier session of the same patient.

    Parameters
    ----------
    kinetics
        Its sum of exponentials; only the shape is used.
    determinacy
        Of that curve; one without a value cannot be used again.
    tia_per_activity_relative_sd
        Of its time-integrated activity relative to an activity it goes through.
    source
        Which session and curve, for the trace and the reader.
    """

    kinetics: SumOfExponentials
    determinacy: Determinacy
    tia_per_activity_relative_sd: float
    source: str

    def __post_init__(self) -> None:
        checked_relative_sd(self.tia_per_activity_relative_sd, "uncertainty of the earlier curve")
        if not self.source:
            raise InputError("earlier kinetics name the session they are from")


def earlier_kinetics(
    curve: TimeActivityCurve | FittedCurve, tia: TimeIntegratedActivity, *, source: str
) -> EarlierKinetics:
    """The curve of an earlier session as it may be used again; its own uncertainty is taken whole.

    Raises
    ------
    NumericalError
        If that curve has no value: what one session could not determine, another cannot borrow.
    """
    if not curve.determinacy.has_value or curve.kinetics is None:
        raise NumericalError(f"the curve of {source} is {curve.determinacy} ({curve.because}) and cannot be used again")
    value, sd = tia.time_integrated_activity_MBq_h, tia.sd_MBq_h
    relative = sd / value if value and sd is not None else 0.0
    return EarlierKinetics(curve.kinetics, curve.determinacy, min(relative, 1.0), source)


@dataclass(frozen=True, slots=True)
class ScaledCurve:
    """The earlier curve times a factor that takes it through the scans of this session."""

    points: tuple[TimeActivityPoint, ...]
    kinetics: SumOfExponentials
    scale: float
    """This session over the earlier one."""
    chi_square: float
    """Of this session's points about the scaled curve; 0 for one point."""
    p_value: float | None
    """That points of the same shape differ as much; None for one point or where no noise is stated."""
    determinacy: Determinacy
    because: str
    tia: TimeIntegratedActivity


def _scaled(points: tuple[TimeActivityPoint, ...], earlier: EarlierKinetics) -> tuple[float, float, float]:
    """ln of the scale, its standard deviation and chi^2 [stated standard deviations]."""
    expected = [earlier.kinetics.activity_MBq(point.hours_after_administration) for point in points]
    if min(expected) <= 0:
        raise NumericalError(f"the curve of {earlier.source} has no activity at a scan of this session; scan later")
    sds = [point.uncorrelated_relative_sd for point in points]
    if any(sds) and not all(sds):
        raise InputError("some points state an uncertainty and some state none; state it for each point of the curve")
    weights = [1 / sd**2 if sd else 1.0 for sd in sds]
    logs = [math.log(point.activity_MBq / one) for point, one in zip(points, expected, strict=True)]
    total = math.fsum(weights)
    mean = math.fsum(w * y for w, y in zip(weights, logs, strict=True)) / total
    chi_square = math.fsum(w * (y - mean) ** 2 for w, y in zip(weights, logs, strict=True))
    return mean, (1 / math.sqrt(total) if all(sds) else 0.0), chi_square


def scaled_from_earlier(
    points: Sequence[TimeActivityPoint],
    earlier: EarlierKinetics,
    nuclide: Nuclide,
    plan: DosePlan,
    *,
    administered_activity_MBq: float,
    inter_session_relative_sd: float,
) -> ScaledCurve:
    """Time-integrated activity of this session from the shape of an earlier one and at least one scan of this one.

    Assumes that the region clears as it did then; by how much it may not is stated by `inter_session_relative_sd`
    (of the time-integrated activity at a given activity) and enters the interval. With one scan nothing of this session
    checks that: the state is ``single_point`` and there is no upper end. With more, points that rise or do not fit the
    earlier shape take the value away; otherwise the state of the earlier curve goes on.

    Raises
    ------
    InputError
        If there is no point, one has no activity, or uncertainties are given for some only.
    NumericalError
        If the earlier curve has no activity at a scan of this session.
    """
    checked_relative_sd(inter_session_relative_sd, "inter_session_relative_sd")
    ordered = ordered_points(points, nuclide)
    if not ordered:
        raise InputError("no scan of this session; the curve of an earlier one needs at least one to be scaled to")
    if any(point.activity_MBq == 0 for point in ordered):
        raise InputError("a scan of this session found no activity; an earlier curve cannot be scaled to nothing")
    log_scale, scale_sd, chi_square = _scaled(ordered, earlier)
    kinetics = earlier.kinetics.times(math.exp(log_scale))
    p_value = None
    state, because = (
        earlier.determinacy,
        f"kinetics of {earlier.source} ({earlier.determinacy}), scaled to this session",
    )
    if len(ordered) == 1:
        state = Determinacy.SINGLE_POINT
        because += "; one scan of this session does not check them"
    else:
        own = time_activity_curve(ordered, nuclide, plan)
        if scale_sd:
            p_value = float(chdtrc(len(ordered) - 1, chi_square))
        if own.determinacy is Determinacy.RISING:
            state, because = own.determinacy, own.because
        elif p_value is not None and p_value < 1 - plan.clearance_significance:
            state = Determinacy.UNDETERMINED
            because = f"the scans of this session do not fit the kinetics of {earlier.source} (p = {p_value:.2g})"
    common = common_relative_sd(ordered, plan) or 0.0
    log_sd = math.hypot(
        scale_sd, common, plan.model_relative_sd, inter_session_relative_sd, earlier.tia_per_activity_relative_sd
    )
    value = kinetics.time_integrated_activity_MBq_h
    usable = state.has_value or state is Determinacy.SINGLE_POINT
    lower: float | None = value * math.exp(-Z_95 * log_sd)
    if not usable:
        lower = observed_MBq_h(ordered) * math.exp(
            -Z_95 * math.hypot(max(point.uncorrelated_relative_sd for point in ordered), common)
        )
    last_h = ordered[-1].hours_after_administration
    flat = kinetics.between_MBq_h(0.0, last_h) + kinetics.activity_MBq(last_h) / nuclide.decay_constant_per_h
    log_bound = math.log(max(flat, value)) + Z_95 * log_sd
    own_upper = math.exp(
        with_slow_phase(
            math.log(value),
            math.log(value) + Z_95 * log_sd,
            math.log(max(flat, value)),
            log_bound,
            state,
            plan.slow_phase_probability,
        )
    )
    after = kinetics.between_MBq_h(last_h, math.inf) / value
    before = kinetics.between_MBq_h(0.0, ordered[0].hours_after_administration) / value
    tia = stated(
        ordered,
        nuclide,
        plan,
        administered_activity_MBq=administered_activity_MBq,
        value_MBq_h=value if usable else None,
        ends_MBq_h=(lower, own_upper, math.exp(log_bound)) if state.has_value else (lower, math.inf, math.inf),
        log_sd=log_sd,
        shares=(before, after) if usable else (None, None),
        determinacy=state,
        because=because,
        method="dosimetry.scaled_from_earlier",
        version=VERSION,
        inputs={
            "earlier_curve": earlier.source if ":" in earlier.source else f"given:{earlier.source}",
            "inter_session_relative_sd": f"given:{inter_session_relative_sd!r}",
        },
        assumptions=(f"kinetics of {earlier.source}, {inter_session_relative_sd:.0%} between sessions",),
    )
    return ScaledCurve(ordered, kinetics, math.exp(log_scale), chi_square, p_value, state, because, tia)
