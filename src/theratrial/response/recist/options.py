"""What RECIST 1.1 leaves open, each as an option with its default and the reason for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from theratrial.errors import InputError

PartialStays = Literal["once_confirmed", "once_assigned", "never"]
DoubtfulDated = Literal["first_seen", "confirmed"]


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
    """Whether a target or non-target that is no node and is seen again after a complete response is progression at
    once, as the paper says (footnote of table 3: any disease seen after CR; appendix, frequent questions). Else a
    target is added to the sum, whose growth of 5 mm from nothing then decides. A node of 10 mm or more after one below
    counts with the sum alone either way (EORTC)."""
    normal_nodes_progress: bool = False
    """Whether growth of nodes that all stay below 10 mm, every other target gone, can be progression by the sum. The
    paper's definitions of CR and PD both fit then; such nodes are normal (4.3.1), so that the default is CR."""
    doubtful_dated: DoubtfulDated = "first_seen"
    """Day of the progression by a new lesion that was in doubt and is confirmed later: the paper (4.3.5) says that of
    the initial scan. ``confirmed`` leaves the earlier visits as they were judged then."""
    partial_after_complete: bool = False
    """Whether a partial response after a complete one shows that the complete one was partial, and counts so. Table 3
    of the paper allows it where the first reading was in error, which the reader must say; else neither counts."""
    early_complete_progresses: bool = False
    """Whether CR and then SD or PR, none late enough for stable disease, is PD, as table 3 says ("otherwise PD"). By
    default NE, as other programs have it: at none of the visits had anything progressed."""
    largest_targets: int = 5
    largest_targets_per_organ: int = 2

    def __post_init__(self) -> None:
        if self.confirmation_days is not None and self.confirmation_days < 0:
            raise InputError(f"confirmation_days is 0 or more, or none, got {self.confirmation_days}")
        for name in ("stable_days", "not_evaluable_between"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} is 0 or more, got {getattr(self, name)}")
        for name in ("largest_targets", "largest_targets_per_organ"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is 1 or more, got {getattr(self, name)}")
        if not 0 <= self.too_small_mm < float("inf"):
            raise InputError(f"too_small_mm is 0 or more, got {self.too_small_mm}")
