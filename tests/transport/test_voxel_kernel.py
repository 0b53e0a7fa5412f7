"""Voxel kernels: energy balance, symmetry, voxel size, density, refusals."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theratrial.dosimetry.transport.point_kernels import SHIPPED_NUCLIDES, point_kernel
from theratrial.dosimetry.transport.values import VoxelKernel
from theratrial.dosimetry.transport.voxel_kernel import voxel_kernel
from theratrial.errors import InputError, SourceError
from theratrial.units import delta_mGy_g_per_MBq_h

GY_G_PER_MBQ_H_PER_KEV = delta_mGy_g_per_MBq_h(1e-3) / 1000
EDGES = st.floats(0.8, 12.0)


def energies_keV(kernel: VoxelKernel) -> tuple[np.ndarray, np.ndarray]:
    """Energy per decay in each voxel [keV], electrons and photons."""
    scale = kernel.voxel_mass_g / GY_G_PER_MBQ_H_PER_KEV
    return kernel.electron_Gy_per_MBq_h * scale, kernel.photon_Gy_per_MBq_h * scale


def middle(array: np.ndarray, reach: int) -> np.ndarray:
    """The cube of half width `reach` around the source, zeros where the kernel has ended."""
    padded = np.pad(array, reach + 1)
    centre = [n // 2 for n in padded.shape]
    return padded[tuple(slice(c - reach, c + reach + 1) for c in centre)]


@pytest.mark.long
@settings(max_examples=12, deadline=None)
@given(st.tuples(EDGES, EDGES, EDGES), st.sampled_from(SHIPPED_NUCLIDES), st.floats(0.25, 1.9))
def test_electron_energy_is_balanced_in_any_voxel_size(
    spacing_mm: tuple[float, float, float], name: str, density: float
) -> None:
    extent_mm = max(spacing_mm)
    kernel = voxel_kernel(name, spacing_mm, density_g_per_mL=density, extent_mm=extent_mm)
    electron, _ = energies_keV(kernel)
    assert electron.sum() == pytest.approx(point_kernel(name).electron.deposited_keV, rel=1e-6)
    assert electron.min() >= 0
    assert all(n % 2 for n in electron.shape)


@pytest.mark.long
@pytest.mark.parametrize("name", ["Lu-177", "Ga-68"])
@pytest.mark.parametrize("spacing_mm", [(2.0, 2.0, 2.0), (4.8, 4.8, 4.8), (2.0, 3.0, 5.0), (1.2, 2.4, 6.0)])
def test_photon_energy_within_the_extent_is_that_of_the_point_kernel(
    name: str, spacing_mm: tuple[float, float, float]
) -> None:
    kernel = voxel_kernel(name, spacing_mm, extent_mm=60.0, density_g_per_mL=1.03)
    _, photon = energies_keV(kernel)
    # Independent of the kernel's own integration: random points of the source voxel, shells and directions.
    rng = np.random.default_rng(8)
    deposition = point_kernel(name).photon
    edges_mm = deposition.edges_g_per_cm2 * 10 / 1.03
    count = 2000
    within = 0.0
    half_mm = [n / 2 * d for n, d in zip(photon.shape, spacing_mm, strict=True)]
    for inner, outer, energy in zip(edges_mm[:-1], edges_mm[1:], deposition.energy_keV, strict=True):
        directions = rng.normal(size=(count, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        radius = inner + (outer - inner) * rng.random((count, 1))
        place = (rng.random((count, 3)) - 0.5) * spacing_mm + radius * directions
        within += energy * np.all(np.abs(place) < half_mm, axis=1).mean()
    assert photon.sum() == pytest.approx(within, rel=0.01)


@pytest.mark.long
@settings(max_examples=6, deadline=None)
@given(st.tuples(EDGES, EDGES, EDGES), st.permutations(range(3)))
def test_turning_the_voxel_turns_the_kernel(spacing_mm: tuple[float, float, float], order: list[int]) -> None:
    extent_mm = 2 * max(spacing_mm)
    one = voxel_kernel("Lu-177", spacing_mm, extent_mm=extent_mm)
    turned = voxel_kernel("Lu-177", [spacing_mm[k] for k in order], extent_mm=extent_mm)
    for part in ("electron_Gy_per_MBq_h", "photon_Gy_per_MBq_h"):
        expected = getattr(one, part).transpose(order)
        np.testing.assert_allclose(getattr(turned, part), expected, rtol=1e-9, atol=expected.max() * 1e-12)


def test_a_kernel_is_the_same_along_every_direction_and_mirrored() -> None:
    kernel = voxel_kernel("I-131", (3.0, 3.0, 3.0), extent_mm=30)
    for array in (kernel.electron_Gy_per_MBq_h, kernel.photon_Gy_per_MBq_h):
        for axis in range(3):
            np.testing.assert_array_equal(array, np.flip(array, axis))
        for order in itertools.permutations(range(3)):
            np.testing.assert_allclose(array, array.transpose(order), rtol=1e-9, atol=array.max() * 1e-13)


def test_energy_falls_with_distance_along_an_axis() -> None:
    kernel = voxel_kernel("Lu-177", (4.8, 4.8, 4.8), extent_mm=96)
    centre = kernel.photon_Gy_per_MBq_h.shape[0] // 2
    line = kernel.photon_Gy_per_MBq_h[centre, centre, centre:]
    assert (np.diff(line) < 0).all()
    assert (line > 0).all()


@pytest.mark.parametrize("part", [0, 1])
def test_voxels_of_twice_the_edge_hold_what_their_eight_parts_hold(part: int) -> None:
    fine = energies_keV(voxel_kernel("Lu-177", (2.0, 3.0, 2.5), extent_mm=20, density_g_per_mL=1.0))[part]
    coarse = energies_keV(voxel_kernel("Lu-177", (4.0, 6.0, 5.0), extent_mm=20, density_g_per_mL=1.0))[part]
    fine = middle(fine, 5)
    for offset in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 1, 1), (1, 1, 1)]:
        parts = 0.0
        for source in itertools.product((0, 1), repeat=3):
            for target in itertools.product((0, 1), repeat=3):
                step = [2 * o + t - s for o, t, s in zip(offset, target, source, strict=True)]
                parts += fine[tuple(5 + d for d in step)] / 8
        found = middle(coarse, 5)[tuple(5 + o for o in offset)]
        assert found == pytest.approx(parts, rel=2e-3, abs=1e-6)


def test_density_acts_as_a_change_of_voxel_size() -> None:
    dense = energies_keV(voxel_kernel("Lu-177", (2.0, 2.0, 2.0), density_g_per_mL=1.5, extent_mm=20))
    large = energies_keV(voxel_kernel("Lu-177", (3.0, 3.0, 3.0), density_g_per_mL=1.0, extent_mm=30))
    for one, other in zip(dense, large, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_two_calls_give_the_same_bits_and_the_trace_says_all() -> None:
    first = voxel_kernel("177Lu", (4.0, 4.0, 4.0), medium="water", density_g_per_mL=1.0, extent_mm=40)
    again = voxel_kernel("Lu-177", (4.0, 4.0, 4.0), medium="water", density_g_per_mL=1.0, extent_mm=40.0)
    assert np.array_equal(first.photon_Gy_per_MBq_h, again.photon_Gy_per_MBq_h)
    assert first.trace.inputs["kernel"].startswith("table:dosimetry/transport/point_kernel_lu177_water@")
    assert first.trace.inputs["spacing_mm"] == "given:4 4 4"
    assert first.trace.inputs["medium"] == "given:water, 1 g/mL"


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"spacing_mm": (0.0, 4.0, 4.0)}, "three positive lengths"),
        ({"spacing_mm": (4.0, 4.0)}, "three positive lengths"),
        ({"density_g_per_mL": 0.0}, "positive density"),
        ({"density_g_per_mL": float("nan")}, "positive density"),
        ({"extent_mm": -1.0}, "positive extent"),
        ({"extent_mm": 500.0}, "ask for less"),
        ({"spacing_mm": (0.3, 0.3, 0.3)}, "too many voxels"),
        ({"medium": "jelly"}, "no medium 'jelly'"),
    ],
)
def test_impossible_kernels_are_refused(changes: dict, match: str) -> None:
    arguments = {"spacing_mm": (4.0, 4.0, 4.0), **changes}
    with pytest.raises(InputError, match=match):
        voxel_kernel("Lu-177", **arguments)


def test_an_unknown_nuclide_is_refused() -> None:
    with pytest.raises(SourceError, match="Xx-999"):
        voxel_kernel("Xx-999", (4.0, 4.0, 4.0))


def test_without_an_extent_a_dense_medium_gets_what_its_point_kernel_reaches() -> None:
    dense = voxel_kernel("Lu-177", (8.0, 8.0, 8.0), density_g_per_mL=1.92)
    usual = voxel_kernel("Lu-177", (8.0, 8.0, 8.0))
    assert dense.photon_Gy_per_MBq_h.shape[0] < usual.photon_Gy_per_MBq_h.shape[0] == 31
