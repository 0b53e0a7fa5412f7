"""What an outline leaves open of a region's mass, by its size."""

from __future__ import annotations

import math

import pytest

from theratrial.dosimetry import DosePlan
from theratrial.dosimetry.uncertainty.volume import diameter_sd_mm, equivalent_diameter_mm
from theratrial.pipeline.session_regions import _mass_relative_sd
from theratrial.protocol.schema import DosimetryPlan, OutlinePlan

PLAN = DosePlan(
    clearance_significance=0.95, maximum_extrapolated_fraction=0.9, model_relative_sd=0.1, mass_relative_sd=0.02
)


def dosimetry(outline: OutlinePlan | None) -> DosimetryPlan:
    return DosimetryPlan(
        imaging=("spect_24h",),
        curve="best_supported",
        clearance_significance=0.95,
        maximum_extrapolated_fraction=0.9,
        repeatability_percent=5,
        model_relative_sd_percent=10,
        outline=outline,
    )


def test_a_small_lesion_has_a_less_certain_mass_than_a_liver() -> None:
    ct = dosimetry(OutlinePlan(voxel_mm=(5.0, 2.7, 2.7), fwhm_mm=1.5))
    lesion, liver = _mass_relative_sd(2.67, PLAN, ct), _mass_relative_sd(1400.0, PLAN, ct)
    assert lesion is not None
    assert liver is not None
    # 3 u(d) / d of the equivalent sphere with the mean u(d) of the three axes, and the plan's own 2 %.
    by_hand = sum(diameter_sd_mm(mm, 1.5) for mm in (5.0, 2.7, 2.7)) / equivalent_diameter_mm(2.67)
    assert lesion == pytest.approx(math.hypot(by_hand, 0.02))
    assert lesion > 5 * liver


def test_without_a_word_on_outlines_the_plans_own_figure_counts() -> None:
    assert _mass_relative_sd(2.67, PLAN, dosimetry(None)) == PLAN.mass_relative_sd


def test_an_outline_that_says_nothing_of_the_mass_is_not_more_than_wholly_uncertain() -> None:
    coarse = dosimetry(OutlinePlan(voxel_mm=(20.0, 20.0, 20.0), fwhm_mm=20.0))
    assert _mass_relative_sd(0.5, PLAN, coarse) == 1.0
