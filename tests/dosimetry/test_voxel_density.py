"""The shipped relation of CT number and density against the equations of its source."""

from __future__ import annotations

import numpy as np
import pytest

from theratrial.dosimetry.voxel.density import schneider_density


def _printed(hounsfield: float) -> float:
    """Schneider, Bortfeld and Schlegel, Phys Med Biol 2000;45:459: lines for soft tissue to 23 HU and for bone."""
    if hounsfield <= 14:
        return 1.018 + 0.893e-3 * hounsfield
    if hounsfield <= 23:
        return 1.03
    return 1.017 + 0.592e-3 * hounsfield


@pytest.mark.parametrize("hounsfield", [-98, -50, 0, 14, 20, 23, 100, 500, 1600])
def test_density_follows_the_published_lines(validation, hounsfield: float) -> None:
    relation = schneider_density()
    got = float(np.interp(hounsfield, relation.hounsfield, relation.density_g_per_mL))
    validation(
        f"density at {hounsfield} HU",
        expected=_printed(hounsfield),
        got=got,
        unit="g/mL",
        source="Schneider 2000, Phys Med Biol 45:459",
        absolute=0.001,
    )


def test_between_soft_tissue_and_bone_the_print_is_joined_within_what_the_table_says() -> None:
    relation = schneider_density()
    for hounsfield in np.linspace(23, 100, 50):
        got = float(np.interp(hounsfield, relation.hounsfield, relation.density_g_per_mL))
        assert -0.0445 < got - (1.003 + 1.169e-3 * hounsfield) < 1e-3
