"""The change of uptake to show of a participant, also where the rule judged by new or resolved lesions instead."""

from __future__ import annotations

from theratrial.results.places import participant_place
from theratrial.results.values import LesionResult, ResponseOutcome
from theratrial.trace import Quantity, Trace


def _value(quantity: Quantity | None) -> float | None:
    return None if quantity is None else quantity.value


def shown_change_percent(response: ResponseOutcome | None) -> float | None:
    """The change that the rule judged; else that of the hottest target, where every target was measured.

    The hottest at baseline is compared with the hottest at response, whichever lesions they are. A resolved target
    without an uptake counts as colder than those measured; any other gap leaves the change not known.
    """
    if response is None:
        return None
    if (judged := _value(response.change_percent)) is not None:
        return judged
    targets = [lesion for lesion in response.lesions if lesion.role == "target"]
    before = [_value(lesion.baseline_uptake) for lesion in targets]
    after = [_value(lesion.response_uptake) for lesion in targets if not _gone_unmeasured(lesion)]
    first = [value for value in before if value is not None]
    last = [value for value in after if value is not None]
    if not first or not last or len(first) < len(before) or len(last) < len(after) or max(first) <= 0:
        return None
    return (max(last) / max(first) - 1) * 100


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


def _gone_unmeasured(lesion: LesionResult) -> bool:
    return lesion.status_response == "resolved" and _value(lesion.response_uptake) is None


def change_word(response: ResponseOutcome | None) -> str:
    """What decided beside the change: "all lesions resolved", "new lesion" or nothing."""
    if response is None or response.category not in ("CR", "PD"):
        return ""
    if response.category == "CR":
        return "all lesions resolved"
    new = any(lesion.role == "new" and lesion.status_response != "resolved" for lesion in response.lesions)
    return "new lesion" if new else ""
