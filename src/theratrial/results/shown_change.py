"""The change of uptake to show of a participant, also where the rule judged by new or resolved lesions instead."""

from __future__ import annotations

from theratrial.results.values import LesionResult, ResponseOutcome
from theratrial.trace import Quantity


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


def _value(quantity: Quantity | None) -> float | None:
    return None if quantity is None else quantity.value


def _gone_unmeasured(lesion: LesionResult) -> bool:
    return lesion.status_response == "resolved" and _value(lesion.response_uptake) is None
