"""Blood counts over time: marrow dose makes them fall, with the nadir in weeks 4-6 and recovery in weeks 8-10."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from theratrial.safety.grades import BLOOD_COUNTS, laboratory_grade


@dataclass(frozen=True, slots=True)
class TestModel:
    """How a test behaves: median at the start, spread, noise, fall per marrow dose, and how a laboratory reports it."""

    baseline: float
    spread: float
    lowest: float
    highest: float
    noise: float
    fall_per_Gy: float
    units: tuple[str, ...]
    """As the two laboratories report it, core unit first."""
    factors: tuple[float, ...]
    limits: tuple[float | None, float | None]
    decimals: tuple[int, ...]


MODELS: Final[dict[str, TestModel]] = {
    "neutrophils": TestModel(3.9, 0.22, 2.8, 7.0, 0.06, 0.75, ("10^9/L", "/mm3"), (1, 1000), (1.8, 7.7), (2, 0)),
    "platelets": TestModel(255, 0.18, 185, 390, 0.04, 1.1, ("10^9/L", "/mm3"), (1, 1000), (150, 400), (0, 0)),
    "haemoglobin": TestModel(124, 0.05, 113, 146, 0.015, 0.1, ("g/L", "g/dL"), (1, 0.1), (120, 155), (0, 1)),
    "white_cells": TestModel(6.6, 0.16, 5.2, 10.0, 0.05, 0.6, ("10^9/L", "10^9/L"), (1, 1), (4.0, 10.0), (1, 1)),
    "lymphocytes": TestModel(1.8, 0.15, 1.3, 2.8, 0.05, 0.9, ("10^9/L", "/mm3"), (1, 1000), (1.0, 4.0), (2, 0)),
    "creatinine": TestModel(68, 0.12, 50, 85, 0.04, 0.0, ("umol/L", "umol/L"), (1, 1), (45, 90), (0, 0)),
    "bilirubin": TestModel(9, 0.2, 4, 15, 0.08, 0.0, ("umol/L", "umol/L"), (1, 1), (3, 21), (0, 0)),
    "albumin": TestModel(41, 0.05, 36, 48, 0.02, 0.0, ("g/L", "g/dL"), (1, 0.1), (35, 52), (0, 1)),
    "alanine_aminotransferase": TestModel(22, 0.2, 12, 33, 0.08, 0.0, ("U/L", "U/L"), (1, 1), (5, 35), (0, 0)),
    "aspartate_aminotransferase": TestModel(24, 0.2, 12, 33, 0.08, 0.0, ("U/L", "U/L"), (1, 1), (5, 35), (0, 0)),
    "alkaline_phosphatase": TestModel(80, 0.15, 50, 110, 0.06, 0.0, ("U/L", "U/L"), (1, 1), (40, 130), (0, 0)),
    "ejection_fraction": TestModel(62, 0.04, 57, 68, 0.01, 0.0, ("%", "%"), (1, 1), (55, 75), (0, 0)),
}
NADIR_DAY: Final = 34.0
SLOW_NADIR_DAY: Final = 46.0
_SHARPNESS: Final = 6.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One result as the laboratory reports it."""

    collected_at: datetime
    test: str
    value: float
    unit: str
    lower_limit: float | None
    upper_limit: float | None
    laboratory: str

    def grade(self, ctcae_version: str) -> int | None:
        """CTCAE grade; None for a test that is not graded here."""
        if self.test not in BLOOD_COUNTS:
            return None
        return laboratory_grade(
            self.test, self.value, self.unit, self.lower_limit, self.upper_limit, ctcae_version
        ).grade


@dataclass(frozen=True, slots=True)
class Marrow:
    """A participant's blood at the start and how her marrow answers to dose."""

    baselines: dict[str, float]
    sensitivity: dict[str, float]
    nadir_day: float
    laboratory: int
    """Index of the laboratory that reports: they use different units."""


def drawn_marrow(rng: np.random.Generator, tests: tuple[str, ...], *, toxicity: bool, dose_Gy: float) -> Marrow:
    """Blood of a participant; in a case of toxicity platelets fall to about a fifth and recover late."""
    baselines, sensitivity = {}, {}
    for test in tests:
        model = MODELS.get(test)
        if model is None:
            continue
        value = model.baseline * math.exp(model.spread * rng.standard_normal())
        baselines[test] = float(np.clip(value, model.lowest, model.highest))
        sensitivity[test] = model.fall_per_Gy * float(np.exp(0.15 * rng.standard_normal()))
    if toxicity and "platelets" in baselines:
        baselines["platelets"] = min(baselines["platelets"], 205.0)
        sensitivity["platelets"] = float(rng.uniform(1.4, 1.6)) / dose_Gy
    return Marrow(baselines, sensitivity, SLOW_NADIR_DAY if toxicity else NADIR_DAY, int(rng.integers(0, 2)))


def fall_shape(days: float, nadir_day: float) -> float:
    """Share of the deepest fall `days` after a session: 1 at the nadir, a fifth by nine and a half weeks.

    Examples
    --------
    >>> [round(fall_shape(d, 34.0), 2) for d in (7, 34, 66)]
    [0.01, 1.0, 0.19]
    """
    if days <= 0:
        return 0.0
    part = days / nadir_day
    return part**_SHARPNESS * math.exp(_SHARPNESS * (1 - part))


def sample(
    marrow: Marrow,
    test: str,
    at: datetime,
    sessions: list[tuple[datetime, float]],
    rng: np.random.Generator,
) -> Sample:
    """A result at `at`, after sessions given as (when, marrow dose in Gy)."""
    model = MODELS[test]
    value = marrow.baselines[test]
    for when, dose_Gy in sessions:
        deepest = 1 - math.exp(-marrow.sensitivity[test] * dose_Gy)
        value *= 1 - deepest * fall_shape((at - when).total_seconds() / 86400, marrow.nadir_day)
    value *= math.exp(model.noise * float(np.clip(rng.standard_normal(), -2, 2)))
    lab = marrow.laboratory
    factor, decimals = model.factors[lab], model.decimals[lab]
    reported = round(value * factor, decimals)
    if model.units[lab] == "/mm3":
        reported = float(round(reported, -3 if test == "platelets" else -1))
    low, high = (None if v is None else round(v * factor, decimals) for v in model.limits)
    return Sample(at, test, reported, model.units[lab], low, high, f"LAB-{lab + 1}")
