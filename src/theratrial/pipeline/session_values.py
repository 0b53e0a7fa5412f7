"""What a session's images become, before it is put into the results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from theratrial.dosimetry import AbsorbedDose, Determinacy, DosePlan, TimeActivityPoint, TimeIntegratedActivity
from theratrial.dosimetry.exponentials import SumOfExponentials
from theratrial.dosimetry.population.hierarchical import CohortPatient
from theratrial.dosimetry.population.posterior import PosteriorTia
from theratrial.gates import SessionDose
from theratrial.pipeline.session_scans import SeenRegion
from theratrial.protocol.schema import DoseRegion
from theratrial.results.dosimetry import ViewAlignment, WholeBody
from theratrial.results.pictures import OverlayPicture
from theratrial.results.values import CurvePoint, Note, RegionDoseResult
from theratrial.trace import Quantity, Trace

Z_95: Final = 1.959963984540054
"""Two-sided 95 % quantile of the standard normal."""

EXCEEDANCE_STEPS: Final = (np.arange(999) + 0.5) / 999
"""Probabilities at which the doses of a posterior are kept."""


@dataclass(frozen=True, slots=True)
class ClassicalCurve:
    """What the points alone give, by the curve that the protocol asks for."""

    determinacy: Determinacy
    because: str
    tia: TimeIntegratedActivity
    kinetics: SumOfExponentials | None
    half_life_h: float | None
    half_life_sd_h: float | None
    held_to_physical_decay: bool
    physical_per_h: float


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredRegion:
    """A region of a session from its points to its time-integrated activity."""

    name: str
    reading: DoseRegion
    value: str
    """``value:`` and its place in the results."""
    seen: Sequence[SeenRegion]
    curve_points: tuple[TimeActivityPoint, ...]
    points: tuple[CurvePoint, ...]
    volume_mL: float
    mass_g: float
    mass_source: str
    classical: ClassicalCurve
    local: AbsorbedDose
    """By local deposition from the classical curve."""
    posterior: PosteriorTia | None
    posterior_lacks: str
    """Why there is no posterior; empty where there is one."""
    is_population: bool
    """Whether the posterior is what is reported."""
    plan: DosePlan
    """With the relative standard deviation of this region's mass."""
    sex: str
    wants_population: bool
    """Whether the protocol asks for it."""
    administered_MBq: float

    @property
    def tia_MBq_h(self) -> float | None:
        """As reported [MBq h]."""
        if self.is_population and self.posterior is not None:
            return self.posterior.median_MBq_h
        return self.classical.tia.time_integrated_activity_MBq_h

    @property
    def tia_ends_MBq_h(self) -> tuple[float | None, float]:
        """95 % interval as reported [MBq h]."""
        if self.is_population and self.posterior is not None:
            return self.posterior.lower_MBq_h, self.posterior.upper_MBq_h
        return self.classical.tia.lower_MBq_h, self.classical.tia.upper_MBq_h

    @property
    def judged_upper_MBq_h(self) -> float:
        """The larger upper end of the points alone and of what is reported [MBq h]."""
        return max(self.classical.tia.upper_MBq_h, self.tia_ends_MBq_h[1])

    @property
    def note(self) -> str:
        """State of the curve and why; with the prior where that is what is reported."""
        said = f"{self.classical.determinacy}: {self.classical.because}"
        if self.wants_population and not self.is_population:
            return f"{said}; not by published kinetics: {self.posterior_lacks}"
        if self.is_population and self.posterior is not None:
            return f"by published kinetics and the points ({self.posterior.because}); the points alone are {said}"
        return said


@dataclass(frozen=True, slots=True, eq=False)
class PosteriorDose:
    """A session's dose to a region by published kinetics and the points, without the uncertainty of the mass."""

    absorbed_dose_Gy: NDArray[np.float64]
    """Quantiles at `EXCEEDANCE_STEPS`."""
    administered_MBq: float
    mass_relative_sd: float


@dataclass(frozen=True, slots=True)
class SessionDoses:
    """Doses of one session: for the results, for the gate, and for the sum over sessions."""

    results: tuple[RegionDoseResult, ...]
    for_gate: tuple[SessionDose, ...]
    absorbed: Mapping[str, AbsorbedDose | None]
    """Region name -> dose as reported; None where there was nothing to compute it from."""
    judged: Mapping[str, AbsorbedDose | None]
    """Region name -> dose by the points alone, photons in its upper end: what the gate holds against a limit."""
    posteriors: Mapping[str, PosteriorDose]
    """Region name -> dose by published kinetics, where the protocol names a prior and the points agree with it."""
    notes: tuple[Note, ...]
    whole_body: WholeBody | None = None
    view_alignments: tuple[ViewAlignment, ...] = ()
    overlays: tuple[OverlayPicture, ...] = ()
    kinetics: tuple[tuple[str, CohortPatient], ...] = ()
    """(region of the prior, points) of every organ, for the cohort's own kinetics."""


def spread_ends(best: float, lower: float | None, upper: float, relative_sd: float) -> tuple[float | None, float]:
    """Ends of an interval after an independent relative uncertainty is added on the log scale."""
    low = lower
    if lower is not None and lower > 0:
        low = best * math.exp(-math.hypot(math.log(best / lower), Z_95 * relative_sd))
    high = upper
    if math.isfinite(upper):
        high = best * math.exp(math.hypot(math.log(upper / best), Z_95 * relative_sd))
    return low, high


def half_life(curve: ClassicalCurve, trace: Trace) -> Quantity:
    """Effective half-life of a classical curve [h] with its interval: the rate is normal, physical decay its least."""
    if curve.half_life_h is None:
        return Quantity(None, "h", trace, note=curve.because)
    note = "held to physical decay" if curve.held_to_physical_decay else ""
    if curve.half_life_sd_h is None:
        return Quantity(curve.half_life_h, "h", trace, note=note)
    rate = math.log(2) / curve.half_life_h
    spread = Z_95 * rate * curve.half_life_sd_h / curve.half_life_h
    slowest = max(rate - spread, curve.physical_per_h)
    return Quantity(curve.half_life_h, "h", trace, math.log(2) / (rate + spread), math.log(2) / slowest, note)
