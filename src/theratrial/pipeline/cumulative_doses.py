"""Absorbed dose of every region over all sessions, beside its limit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from theratrial.dosimetry import AbsorbedDose, cumulative
from theratrial.gates import LimitProbability
from theratrial.pipeline.session_values import PosteriorDose, SessionDoses
from theratrial.pipeline.traces import retraced
from theratrial.protocol.schema import DoseLimit, LimitsPlan, Protocol
from theratrial.results.dosimetry import Exceedance
from theratrial.results.places import dose_place
from theratrial.results.values import CumulativeDose, RegionDoseResult
from theratrial.trace import Quantity, Trace

_UNDETERMINED = "undetermined"
_MASS_NODES: Final = 41


def cumulative_doses(
    protocol: Protocol, participant_id: str, sessions: Sequence[SessionDoses]
) -> tuple[CumulativeDose, ...]:
    """Dose of every region over all sessions; a session that gave no dose leaves the sum undetermined."""
    limits: LimitsPlan | None = protocol.dose_limits.reading
    first_seen: dict[str, RegionDoseResult] = {}
    for session in sessions:
        for result in session.results:
            first_seen.setdefault(result.region_name, result)
    summed = []
    for name, result in first_seen.items():
        doses = [session.absorbed.get(name) for session in sessions]
        known = [dose for dose in doses if dose is not None]
        inputs = {
            f"session {number}": f"value:{dose_place(participant_id, number, name)}.absorbed_dose_Gy"
            for number, session in enumerate(sessions, 1)
            if any(one.region_name == name for one in session.results)
        }
        inputs["region"] = f"protocol:dose_regions.{result.region_id}"
        if len(known) == len(doses):
            total = cumulative(known)
            quantity, determinacy = retraced(total.quantity(), inputs, only=True), str(total.determinacy)
        else:
            lacking = ", ".join(str(number) for number, dose in enumerate(doses, 1) if dose is None)
            floor = math.fsum(dose.lower_Gy for dose in known if dose.lower_Gy is not None)
            trace = Trace("dosimetry.cumulative", "1", inputs)
            note = f"undetermined: no dose for session {lacking}"
            quantity = Quantity(None, "Gy", trace, lower=floor, upper=math.inf, note=note)
            determinacy = _UNDETERMINED
        limit = limits.limits.get(result.region_id) if limits is not None and result.kind == "organ" else None
        judged = [session.judged.get(name) for session in sessions]
        posteriors = [session.posteriors for session in sessions]
        summed.append(
            CumulativeDose(
                region_id=result.region_id,
                title=result.title if result.kind == "organ" else name,
                kind=result.kind,
                absorbed_dose_Gy=quantity,
                limit_Gy=limit.absorbed_dose_Gy if limit else None,
                limit_citation=limit.citation if limit else "",
                sessions_counted=len(known),
                sessions_given=len(sessions),
                determinacy=determinacy,
                judged_upper_Gy=_judged_upper(judged, quantity.trace),
                exceedance=_exceedance(protocol, posteriors, name, limit, quantity.trace),
                bed_Gy=_summed_bed(participant_id, sessions, name, quantity.trace),
            )
        )
    return tuple(summed)


def _judged_upper(doses: Sequence[AbsorbedDose | None], summed: Trace) -> Quantity:
    """What the gate holds against a limit: the sum of the sessions' upper bounds, own photons included.

    Parameters
    ----------
    doses
        One entry per session given; None where there was nothing to compute a dose from.
    summed
        Trace of the sum of the doses; the bound rests on the same inputs.
    """
    trace = Trace("gates.judged_upper", "2", summed.inputs, demonstration=summed.demonstration)
    uppers_Gy = [math.inf if dose is None else dose.upper_with_own_photons_Gy for dose in doses]
    total_Gy = math.fsum(uppers_Gy)
    if math.isfinite(total_Gy):
        note = "held against the limit: upper bound of every session given by the points alone, photons included"
        return Quantity(total_Gy, "Gy", trace, note=note)
    unbounded = ", ".join(str(number) for number, upper_Gy in enumerate(uppers_Gy, 1) if not math.isfinite(upper_Gy))
    note = f"undetermined: no upper bound for session {unbounded}, so nothing can be held against the limit"
    return Quantity(None, "Gy", trace, upper=math.inf, note=note)


def exceedance_probability(sessions: Sequence[NDArray[np.float64]], limit_Gy: float, mass_relative_sd: float) -> float:
    """Probability that the sum of the sessions' doses exceeds a limit.

    Assumes that what is not known of a patient's kinetics is the same in every session (a patient who is at the
    upper end in one session is so in all), which widens the sum, and one mass in all of them. Where the middle of the
    sum lies above the limit already, a wider sum makes the probability smaller.

    Parameters
    ----------
    sessions
        Quantiles of each session's dose at equally spaced probabilities ``(n,)`` [Gy].

    Examples
    --------
    >>> even = np.linspace(0.0, 10.0, 999)
    >>> round(exceedance_probability([even, even], 15.0, 0.0), 2)
    0.25
    """
    total_Gy = np.sum(np.array(sessions), axis=0)
    nodes, weights = np.polynomial.hermite_e.hermegauss(_MASS_NODES)
    factors = np.exp(-mass_relative_sd * nodes)
    above = (total_Gy[None, :] * factors[:, None] > limit_Gy).mean(axis=1)
    return float(weights @ above / weights.sum())


def _exceedance(
    protocol: Protocol,
    posteriors: Sequence[Mapping[str, PosteriorDose]],
    name: str,
    limit: DoseLimit | None,
    summed: Trace,
) -> Exceedance | None:
    if limit is None or not all(name in one for one in posteriors):
        return None
    therapy = protocol.sessions.reading
    given = [one[name] for one in posteriors]
    mass_sd = max(one.mass_relative_sd for one in given)
    trace = Trace("dosimetry.exceedance", "1", summed.inputs, demonstration=summed.demonstration)
    so_far = exceedance_probability([one.absorbed_dose_Gy for one in given], limit.absorbed_dose_Gy, mass_sd)
    note = "by published kinetics and the points; informs, the gate holds the upper bound by the points alone"
    following = Quantity(None, "probability", trace, note="the activity of a next session is not in the protocol")
    if therapy is not None:
        # What a next session adds: the mean of the sessions so far, for the activity that the protocol plans.
        planned = therapy.administered_activity_MBq
        per_MBq = np.mean([one.absorbed_dose_Gy / one.administered_MBq for one in given], axis=0)
        doses = [*(one.absorbed_dose_Gy for one in given), per_MBq * planned]
        probability = exceedance_probability(doses, limit.absorbed_dose_Gy, mass_sd)
        following = Quantity(probability, "probability", trace, note=f"{note}; next session of {planned:g} MBq")
    return Exceedance(limit.absorbed_dose_Gy, Quantity(so_far, "probability", trace, note=note), following)


def limit_probabilities(protocol: Protocol, sessions: Sequence[SessionDoses]) -> tuple[LimitProbability, ...]:
    """Probability of exceeding each limit after these sessions, for the gate to say beside its judgement."""
    limits = protocol.dose_limits.reading
    if limits is None:
        return ()
    trace = Trace("dosimetry.exceedance", "1")
    found = []
    for region_id, limit in limits.limits.items():
        one = _exceedance(protocol, [session.posteriors for session in sessions], region_id, limit, trace)
        if one is not None and one.so_far_probability.value is not None:
            found.append(
                LimitProbability(region_id, one.so_far_probability.value, one.with_next_session_probability.value)
            )
    return tuple(found)


def _summed_bed(participant_id: str, sessions: Sequence[SessionDoses], name: str, summed: Trace) -> Quantity | None:
    found = [
        (number, one.details.biological.bed_Gy)
        for number, session in enumerate(sessions, 1)
        for one in session.results
        if one.region_name == name and one.details.biological is not None
    ]
    if not found:
        return None
    inputs = {
        f"session {number}": f"value:{dose_place(participant_id, number, name)}.details.biological.bed_Gy"
        for number, _ in found
    }
    trace = Trace("dosimetry.cumulative_biological_dose", "1", inputs, demonstration=summed.demonstration)
    lacking = [str(number) for number, bed in found if bed.value is None]
    if lacking or len(found) < len(sessions):
        missing = ", ".join(lacking) or "some"
        return Quantity(None, "Gy", trace, note=f"undetermined: no biologically effective dose for session {missing}")
    lower = [bed.lower for _, bed in found]
    upper = [bed.upper for _, bed in found]
    return Quantity(
        math.fsum(bed.value or 0.0 for _, bed in found),
        "Gy",
        trace,
        None if any(low is None for low in lower) else math.fsum(low or 0.0 for low in lower),
        None if any(high is None for high in upper) else math.fsum(high or 0.0 for high in upper),
        "sessions weeks apart: the damage of one is repaired before the next",
    )
