"""When the gate after a session was or is judged."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from theratrial.trialfolder.records import Row, TrialFolder


def gate_moment(
    folder: TrialFolder, participant_id: str, session: int, injection: Row, following: Row | None, end: datetime
) -> datetime:
    """The moment to which the gate looks.

    Where a session followed, its injection: what became known between the visit and the syringe counts. Else the end
    of the day of the visit; without a visit the last day on which it could have been, or `end` if earlier.

    Parameters
    ----------
    injection, following
        Administration of the session, and of the next one where it was given.
    end
        Instant up to which the records speak.
    """
    if following is not None:
        at: datetime = following["injected_at"]
        return at
    gate = folder.protocol.safety_gate.reading
    visits = (
        folder.rows("visits", participant_id=participant_id, visit_id=gate.visit, session=session)
        if gate is not None
        else ()
    )
    days = [row["occurred_on"] for row in visits if row["occurred_on"] is not None]
    plan = folder.protocol.schedule.get(gate.visit) if gate is not None else None
    if not days and plan is not None and plan.reading is not None:
        injected_on = injection["injected_at"].astimezone(folder.zone).date()
        days = [injected_on + timedelta(days=plan.reading.window_days.maximum)]
    at = end
    if days:
        midnight = datetime.combine(days[0] + timedelta(days=1), time(), folder.zone)
        at = min(midnight - timedelta(seconds=1), end)
    return max(at, injection["injected_at"])
