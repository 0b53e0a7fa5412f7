"""What RECIST 1.1 leaves open, each as an option with its default and the reason for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from theratrial.errors import InputError

PartialStays = Literal["once_confirmed", "once_assigned", "never"]


@dataclass(frozen=True, slots=True)
class RecistOptions:
    """How the open places of the criteria are read. Lengths in millimetres, times in days.

    References
    ----------
    Eisenhauer et al., Eur J Cancer 2009;45:228. Schwartz et al., Eur J Cancer 2016;62:132 (clarifications). EORTC,
    questions and answers on RECIST 1.1.
    """

    partial_stays: PartialStays = "once_confirmed"
    """Whether a partial response stays one while the sum rises without progression: EORTC says so, once it is confirmed
    where confirmation is asked for. ``never`` derives each visit from the baseline anew, as some programs do."""
    confirmation_days: int | None = 28
    """Shortest time to the assessment that confirms CR or PR; None: none is asked for. The paper asks for four weeks in
    trials that are not randomized and whose primary endpoint is response."""
    stable_days: int = 42
    """Shortest time from the reference day to an assessment that counts as stable disease; the paper says six to eight
    weeks and leaves it to the protocol."""
    not_evaluable_between: int = 1
    """How many assessments that are not evaluable may lie between a response and its confirmation."""
    stable_between: bool = False
    """Whether one stable disease may lie between a partial response and its confirmation."""
    beyond_progression: bool = False
    """Whether assessments after the first progression count; the paper does not foresee it."""
    missing_is_not_evaluable: bool = False
    """Whether a participant without any assessment is told as NE; else as MISSING, which says more."""
    too_small_mm: float = 5.0
    """What a lesion that is seen and too small to be measured counts as."""
    reappeared_progresses: bool = True
    """Whether a target that is no node and is seen again after a complete response is progression at once, as the paper
    says (appendix, frequent questions: the status was complete, so its return is progression). Else it is measured and
    added to the sum, whose growth of 5 mm from nothing then decides."""
    largest_targets: int = 5
    largest_targets_per_organ: int = 2

    def __post_init__(self) -> None:
        if self.confirmation_days is not None and self.confirmation_days < 0:
            raise InputError(f"confirmation_days is 0 or more, or none, got {self.confirmation_days}")
        for name in ("stable_days", "not_evaluable_between"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} is 0 or more, got {getattr(self, name)}")
        if not 0 <= self.too_small_mm < float("inf"):
            raise InputError(f"too_small_mm is 0 or more, got {self.too_small_mm}")
