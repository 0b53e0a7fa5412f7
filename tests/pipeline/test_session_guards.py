"""What must not slip: the gate's bound, voxels counted once, a sample weighed as the whole it stands for."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from theratrial.dosimetry import DosePlan, TimeActivityPoint, region_dose
from theratrial.dosimetry.population.prior import kinetic_prior
from theratrial.dosimetry.population.tables import reference_mass_g
from theratrial.imaging.values import Grid, Region, Source
from theratrial.nuclides import nuclide
from theratrial.pipeline.session_doses import judged_dose
from theratrial.pipeline.session_population import region_posterior
from theratrial.pipeline.session_scans import _without_overlap
from theratrial.protocol.schema import DoseRegion

LUTETIUM = nuclide("Lu-177")
PLAN = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.95, model_relative_sd=0.1)
GRID = Grid((10, 10, 10), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0))


def reading(kind: str = "organ", drawn: str = "whole") -> DoseRegion:
    return DoseRegion(
        id="red_marrow",
        title="Marrow",
        kind=kind,  # type: ignore[arg-type]
        region_names=("marrow",),
        density_g_per_mL=1.03,
        density_source="test",
        prior_region="red_marrow",
        drawn=drawn,  # type: ignore[arg-type]
    )


def cube(name: str, first: int, last: int) -> Region:
    weights = np.zeros(GRID.shape, dtype=np.float32)
    weights[first:last, first:last, first:last] = 1
    return Region(name, GRID, (0, 0, 0), weights, Source("P", "1", "2", "NM", (), "sha256:0"), "SEG", 1.0)


@pytest.mark.parametrize(("factor", "held"), [(0.5, 1.0), (1.5, 1.5)])
def test_the_gate_holds_the_higher_upper_end_so_that_a_prior_raises_and_never_lowers(
    factor: float, held: float
) -> None:
    points = [TimeActivityPoint(24, 100, 0.02, 0.03), TimeActivityPoint(48, 70, 0.02, 0.03)]
    local = region_dose(
        points, region="liver", nuclide=LUTETIUM, administered_activity_MBq=1500, mass_g=1400, plan=PLAN
    ).dose
    reported = replace(local, upper_Gy=local.upper_Gy * factor)
    region: Any = SimpleNamespace(local=local, is_population=True, mass_g=1400.0)
    assert judged_dose(region, None, reported, LUTETIUM).upper_Gy == pytest.approx(local.upper_Gy * held)
    alone: Any = SimpleNamespace(local=local, is_population=False, mass_g=1400.0)
    assert judged_dose(alone, None, reported, LUTETIUM).upper_Gy == local.upper_Gy


def test_a_voxel_belongs_to_the_lesion_then_to_the_smaller_region_and_to_nobody_twice() -> None:
    merged = {"liver": cube("liver", 0, 8), "kidney": cube("kidney", 6, 9), "lesion_1": cube("lesion_1", 5, 7)}
    wanted = {name: (reading("lesion" if name == "lesion_1" else "organ"), (name,)) for name in merged}
    cut = _without_overlap(merged, wanted)
    voxels = {name: round(float(region.weights.sum())) for name, region in cut.items()}
    assert voxels == {"lesion_1": 8, "kidney": 27 - 1, "liver": 512 - 8 - 8 + 1}
    assert sum(region.weights for region in cut.values()).max() == 1


def test_a_sample_is_weighed_with_the_kinetics_of_the_whole_that_it_stands_for() -> None:
    whole_g = reference_mass_g("red_marrow", "female")
    assert whole_g is not None
    prior = kinetic_prior("trastuzumab_igg")
    whole_points = [TimeActivityPoint(24, 90, 0.05, 0.03), TimeActivityPoint(48, 65, 0.05, 0.03)]
    tenth_points = [replace(point, activity_MBq=point.activity_MBq / 10) for point in whole_points]

    def median(points: list[TimeActivityPoint], drawn: str, mass_g: float) -> float:
        found, why = region_posterior(
            points, reading(drawn=drawn), "red_marrow", prior, LUTETIUM, PLAN,
            administered_MBq=1500.0, mass_g=mass_g, sex="female",
        )  # fmt: skip
        assert found is not None, why
        assert found.draws is not None
        mean = float(found.draws.weight @ found.draws.time_integrated_activity_MBq_h)
        assert found.mean_MBq_h == pytest.approx(mean)
        assert found.median_MBq_h is not None
        return found.median_MBq_h

    whole = median(whole_points, "whole", whole_g)
    assert median(tenth_points, "sample", whole_g / 10) == pytest.approx(whole / 10)
    assert not math.isclose(median(tenth_points, "whole", whole_g / 10), whole / 10, rel_tol=1e-3)
