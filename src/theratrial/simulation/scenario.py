"""What happens to whom: the default cohort's stories, so that every branch of the trial is walked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from theratrial.simulation.lesions import Response

Failure = Literal["her2_negative_pet", "platelets", "ecog", "infection"]


@dataclass(frozen=True, slots=True)
class Story:
    """What is destined for a treated participant; what follows from it is drawn and computed."""

    response: Response | None
    new_lesion: bool = False
    toxicity: bool = False
    """Platelets fall to grade 2 or worse and have not recovered at the gate visit."""
    heavy_marrow: bool = False
    """Marrow takes up so much that the dose limit ends the sessions early."""
    misses_last_scan_of_session: int | None = None
    withdraws_after_session: int | None = None
    stops_for_progression_after: int | None = None


STORIES: Final[tuple[Story, ...]] = (
    Story("PR"),
    Story("SD", toxicity=True),
    Story("PD", new_lesion=True, stops_for_progression_after=2),
    Story("SD", misses_last_scan_of_session=2),
    Story("CR"),
    Story(None, withdraws_after_session=1),
    Story("SD", heavy_marrow=True),
    Story("PR"),
    Story("SD"),
    Story("PD", stops_for_progression_after=1),
    Story("PR"),
    Story("SD", heavy_marrow=True),
    Story("PR", toxicity=True),
    Story("SD"),
    Story("PD", stops_for_progression_after=2),
)
FAILURES: Final[tuple[Failure, ...]] = ("her2_negative_pet", "platelets", "ecog", "infection")


def story(index: int) -> Story:
    """Story of the treated participant `index`, counted from 0; a larger cohort repeats the list."""
    return STORIES[index % len(STORIES)]


def failures(treated: int) -> tuple[Failure, ...]:
    """Why the screen failures of a cohort failed: about 4 to 15 treated, at least one."""
    count = max(1, round(treated * len(FAILURES) / len(STORIES)))
    return tuple(FAILURES[i % len(FAILURES)] for i in range(count))
