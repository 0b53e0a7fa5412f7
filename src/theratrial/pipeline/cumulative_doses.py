"""Absorbed dose of every region over all sessions, beside its limit."""

from __future__ import annotations

import math
from collections.abc import Sequence

from theratrial.dosimetry import AbsorbedDose, cumulative
from theratrial.pipeline.session_doses import SessionDoses
from theratrial.pipeline.traces import retraced
from theratrial.protocol.schema import LimitsPlan, Protocol
from theratrial.results.places import dose_place
from theratrial.results.values import CumulativeDose, RegionDoseResult
from theratrial.trace import Quantity, Trace

_UNDETERMINED = "undetermined"


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
                judged_upper_Gy=_judged_upper(doses, quantity.trace),
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
    trace = Trace("gates.judged_upper", "1", summed.inputs, demonstration=summed.demonstration)
    uppers_Gy = [math.inf if dose is None else dose.upper_with_own_photons_Gy for dose in doses]
    total_Gy = math.fsum(uppers_Gy)
    if math.isfinite(total_Gy):
        note = "held against the limit: upper bound of every session given, the region's own photons included"
        return Quantity(total_Gy, "Gy", trace, note=note)
    unbounded = ", ".join(str(number) for number, upper_Gy in enumerate(uppers_Gy, 1) if not math.isfinite(upper_Gy))
    note = f"undetermined: no upper bound for session {unbounded}, so nothing can be held against the limit"
    return Quantity(None, "Gy", trace, upper=math.inf, note=note)
