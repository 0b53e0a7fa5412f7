"""S values of spheres: geometry, limits, interpolation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.dosimetry.transport.point_kernels import SHIPPED_NUCLIDES
from theratrial.dosimetry.transport.spheres import (
    LARGEST_g,
    SMALLEST_g,
    computed_sphere_s_value,
    log_log_interpolated,
    share_in_sphere,
    sphere_s_value,
    sphere_s_value_Gy_per_MBq_h,
    sphere_table,
    sphere_trace,
)
from theratrial.errors import InputError, SourceError
from theratrial.nuclides import nuclide
from theratrial.units import delta_mGy_g_per_MBq_h

MASSES = st.floats(math.log(SMALLEST_g * 1.001), math.log(LARGEST_g * 0.999)).map(math.exp)


def test_share_in_sphere_is_what_random_points_give() -> None:
    rng = np.random.default_rng(5)
    directions = rng.normal(size=(2, 200_000, 3))
    directions /= np.linalg.norm(directions, axis=2, keepdims=True)
    start = directions[0] * rng.random((200_000, 1)) ** (1 / 3)
    for radius in (0.2, 0.9, 1.7):
        inside = np.linalg.norm(start + radius * directions[1], axis=1) < 1
        assert float(share_in_sphere(np.array(radius), 1.0)) == pytest.approx(inside.mean(), abs=0.004)


@given(MASSES, st.sampled_from(SHIPPED_NUCLIDES))
def test_table_and_point_kernel_agree_at_any_mass(mass_g: float, name: str) -> None:
    table, direct = sphere_s_value(name, mass_g), computed_sphere_s_value(name, mass_g)
    assert table.electron_Gy_per_MBq_h == pytest.approx(direct.electron_Gy_per_MBq_h, rel=0.004)
    assert table.photon_Gy_per_MBq_h == pytest.approx(direct.photon_Gy_per_MBq_h, rel=0.02)


@given(MASSES, MASSES, st.sampled_from(SHIPPED_NUCLIDES))
def test_a_heavier_sphere_absorbs_more_energy_and_gets_less_dose(first: float, second: float, name: str) -> None:
    light, heavy = sorted((first, second))
    if heavy < light * 1.01:
        return
    small, large = sphere_s_value(name, light), sphere_s_value(name, heavy)
    assert small.total_Gy_per_MBq_h > large.total_Gy_per_MBq_h
    assert small.electron_Gy_per_MBq_h * light <= large.electron_Gy_per_MBq_h * heavy * (1 + 1e-9)
    assert small.photon_Gy_per_MBq_h * light <= large.photon_Gy_per_MBq_h * heavy * (1 + 1e-9)
    absorbed = large.electron_Gy_per_MBq_h * 1000 * heavy
    assert absorbed <= delta_mGy_g_per_MBq_h(nuclide(name).electron_MeV) * (1 + 1e-6)


@pytest.mark.parametrize("name", SHIPPED_NUCLIDES)
def test_each_interior_mass_of_our_table_left_out_is_interpolated_within_2_percent(name: str) -> None:
    rows = [row for row in sphere_table() if row.text("nuclide") == name]
    masses = np.array([row.number("mass_g") for row in rows])
    values = np.array([row.number("electron_Gy_per_MBq_h") + row.number("photon_Gy_per_MBq_h") for row in rows])
    assert len(masses) >= 40
    for left_out in range(1, len(masses) - 1):
        kept = np.arange(len(masses)) != left_out
        found = log_log_interpolated(masses[left_out], masses[kept], values[kept])
        assert found == pytest.approx(values[left_out], rel=0.02)


@pytest.mark.parametrize("mass_g", [0.0, -1.0, 0.003, 7000.0, math.nan, math.inf])
def test_masses_outside_the_table_are_refused_not_extrapolated(mass_g: float) -> None:
    with pytest.raises(InputError, match="not extrapolated"):
        sphere_s_value("Lu-177", mass_g)


def test_unknown_nuclides_and_media_are_refused() -> None:
    with pytest.raises(SourceError, match="Xx-999"):
        sphere_s_value("Xx-999", 10.0)
    with pytest.raises(InputError, match="no medium 'jelly'"):
        sphere_s_value("Lu-177", 10.0, "jelly")
    with pytest.raises(InputError, match="positive density"):
        computed_sphere_s_value("Lu-177", 10.0, density_g_per_mL=0.0)


def test_total_is_electrons_plus_photons_and_the_trace_names_the_table() -> None:
    parts = sphere_s_value("177Lu", 20.0)
    assert sphere_s_value_Gy_per_MBq_h("177Lu", 20.0) == parts.electron_Gy_per_MBq_h + parts.photon_Gy_per_MBq_h
    assert 0 < parts.photon_relative_sd < 0.02
    assert sphere_trace("177Lu", 20.0).inputs["table"] == f"{sphere_table().trace_key}#Lu-177"


def test_water_and_tissue_spheres_of_one_mass_differ_little() -> None:
    tissue, water = (
        computed_sphere_s_value("Y-90", 5.0, medium, density_g_per_mL=1.0) for medium in ("soft_tissue", "water")
    )
    assert tissue.total_Gy_per_MBq_h == pytest.approx(water.total_Gy_per_MBq_h, rel=0.01)
    assert tissue.total_Gy_per_MBq_h != water.total_Gy_per_MBq_h
