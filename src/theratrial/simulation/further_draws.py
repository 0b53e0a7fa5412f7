"""What the further record tables show, drawn once per participant from streams of their own.

Every topic has its own generator, so that one more draw here changes nothing else of the cohort.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from theratrial.simulation.course import Course
from theratrial.simulation.lesions import Lesion

AMBIENT_RATE_UNSHIELDED: Final = {"Lu-177": 0.0062, "I-131": 0.066}
"""Ambient dose equivalent rate of a bare point source at 1 m [uSv/h per MBq], rounded; the body holds back a share."""
_SHRINKING: Final = {"CR": (0.0, 0.0), "PR": (0.5, 0.62), "SD": (0.93, 1.05), "PD": (1.32, 1.5)}
"""Length at response over that at baseline, of lesions that hold the target."""


def stream(course: Course, topic: str) -> np.random.Generator:
    """Draws for one topic of one participant, the same whenever they are asked for."""
    letters = [ord(c) for c in f"{course.patient.participant_id}/{topic}"]
    return np.random.default_rng([*letters, course.screened_on.toordinal()])


def number(course: Course) -> int:
    """Place of a treated participant in the list of stories; -1 for a screen failure."""
    name = course.patient.participant_id
    return int(name[1:]) - 1 if course.patient.story is not None else -1


@dataclass(frozen=True, slots=True)
class TumourTruth:
    """Length of a lesion on CT at baseline, at response and at the image after it [mm]; 0 where it is gone."""

    lesion: Lesion
    baseline_mm: float
    response_mm: float
    later_mm: float


def tumour_truths(course: Course) -> tuple[TumourTruth, ...]:
    """Lengths of every lesion. Lesions without the target do not shrink with the others."""
    story = course.patient.story
    response = (story.response if story else None) or "SD"
    rng = stream(course, "tumour")
    grows_later = story is not None and story.response in ("PR", "SD") and number(course) % 5 == 3
    found = []
    for lesion in course.patient.lesions:
        low, high = _SHRINKING[response] if lesion.her2_positive or response == "PD" else (0.96, 1.04)
        factor = float(rng.uniform(low, high)) if not lesion.new else 1.0
        later = float(rng.uniform(1.28, 1.4)) if grows_later else float(rng.uniform(0.97, 1.02))
        after = lesion.diameter_mm * factor
        found.append(TumourTruth(lesion, 0.0 if lesion.new else lesion.diameter_mm, after, after * later))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class DoseRateTruth:
    """Dose rate at 1 m per activity in the body, and how the body loses activity."""

    uSv_per_h_per_MBq: float
    body_half_life_h: float

    def at_1_m(self, administered_MBq: float, hours: float, fraction_left: float) -> float:
        """Dose rate at 1 m [uSv/h] some hours after an administration."""
        return self.uSv_per_h_per_MBq * administered_MBq * 0.5 ** (hours / self.body_half_life_h) * fraction_left


def dose_rate_truth(course: Course, nuclide: str) -> DoseRateTruth | None:
    """Truth of the dose rates; None for a nuclide whose rate is not listed here."""
    bare = AMBIENT_RATE_UNSHIELDED.get(nuclide)
    if bare is None:
        return None
    share = float(stream(course, "dose rates").uniform(0.68, 0.8))
    return DoseRateTruth(bare * share, course.patient.kinetics.body_half_life_h)


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a participant after treatment; days count from the last administration."""

    progresses_after_days: int | None
    dies_after_days: int | None
    lost_after_days: int | None
    known_until_days: int


def fate(course: Course) -> Fate:
    """Progression and death, sooner where the response is progression."""
    rng = stream(course, "fate")
    story = course.patient.story
    response = story.response if story else None
    scale = {"CR": 900.0, "PR": 420.0, "SD": 300.0, "PD": 0.0}.get(response or "SD", 300.0)
    progresses = 20 if response == "PD" else 130 + int(scale * float(rng.weibull(1.4)))
    if number(course) % 5 == 3 and response != "PD":
        progresses = min(progresses, 90)
    dies = progresses + 60 + int(330 * float(rng.weibull(1.3)))
    lost = 170 if number(course) % 15 == 13 else None
    return Fate(progresses, dies, lost, 370)


def last_administration(course: Course) -> date:
    """Day of the last administration of the therapy product."""
    return course.therapy_injections[-1].injected_at.date()


def later_images_on(course: Course) -> date | None:
    """Day of the CT after the response assessment; None where there is none."""
    story = course.patient.story
    if course.response_on is None or story is None or story.response == "PD":
        return None
    return course.response_on + timedelta(days=int(stream(course, "later image").integers(35, 50)))
