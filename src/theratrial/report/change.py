"""Words and trace of the change of uptake that is shown of a participant."""

from __future__ import annotations

from theratrial.results.places import participant_place
from theratrial.results.shown_change import shown_change_percent
from theratrial.results.values import ResponseOutcome
from theratrial.trace import Trace

__all__ = ["change_word", "shown_change_percent", "shown_change_trace"]


def shown_change_trace(participant_id: str, response: ResponseOutcome) -> Trace:
    """Where the change comes from that is shown where lesions alone decided: every target's uptake at both times."""
    place = f"value:{participant_place(participant_id)}.response.lesions"
    inputs = {
        f"{lesion.lesion_id} {time}": f"{place}[{lesion.lesion_id}].{field}"
        for lesion in response.lesions
        if lesion.role == "target"
        for time, field in (("baseline", "baseline_uptake"), ("response", "response_uptake"))
        if getattr(lesion, field) is not None
    }
    demonstration = response.trace.demonstration
    return Trace("report.hottest_target_change", "1", inputs, demonstration=demonstration)


def change_word(response: ResponseOutcome | None) -> str:
    """What decided beside the change: "all lesions resolved", "new lesion" or nothing."""
    if response is None or response.category not in ("CR", "PD"):
        return ""
    if response.category == "CR":
        return "all lesions resolved"
    new = any(lesion.role == "new" and lesion.status_response != "resolved" for lesion in response.lesions)
    return "new lesion" if new else ""
