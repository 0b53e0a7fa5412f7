"""Voxel kernels of any voxel size from point kernels.

Two points drawn uniformly in equal boxes differ by a displacement whose density is a product of triangles. The energy a
voxel gets per decay in the source voxel is therefore the point kernel weighted with the triangles around that voxel;
summed over all voxels the triangles are 1 everywhere, so that no energy is lost or made.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from theratrial.dosimetry.transport.point_kernels import point_kernel
from theratrial.dosimetry.transport.point_kernels_values import (
    PointKernel,
    RadialDeposition,
    medium_density_g_per_mL,
)
from theratrial.dosimetry.transport.values import VoxelKernel
from theratrial.errors import InputError
from theratrial.trace import Trace
from theratrial.units import delta_mGy_g_per_MBq_h

Float64 = NDArray[np.float64]
Spacing = tuple[float, float, float]

METHOD: Final = "dosimetry.transport.voxel_kernel"
VERSION: Final = "1"
DEFAULT_EXTENT_mm: Final = 120.0
_LATTICE: Final = 384
"""Directions of an octant before their axes are swapped: six times as many are used."""
_RADII: Final = 2
_NEAR: Final = 2.5
_MIDDLE: Final = 6.0
"""The photon kernel is integrated as a cloud up to the first many of the largest voxel edge, by five Gauss points on
each axis up to the second, by three beyond."""
_LARGEST_VOXELS: Final = 40_000_000


def _octant_directions(spacing_mm: Spacing) -> Float64:
    """Unit vectors in the first octant, evenly spread, and with each also the ones that swap its axes."""
    # Flat voxels are thin in one direction: more points find them.
    count = _LATTICE * min(4, round(max(spacing_mm) / min(spacing_mm)))
    index = np.arange(count) + 0.5
    third = index / count
    angle = (index * (math.sqrt(5) - 1) / 2 % 1) * math.pi / 2
    across = np.sqrt(1 - third**2)
    lattice = np.stack([third, across * np.sin(angle), across * np.cos(angle)], axis=1)
    return np.concatenate([lattice[:, order] for order in itertools.permutations(range(3))])


def _folded(octant: Float64) -> Float64:
    """The whole kernel from its first octant, which got the energy of all eight; neighbours share theirs."""
    whole = octant.copy()
    for axis in range(3):
        whole = np.moveaxis(whole, axis, 0)
        outer = whole[1:] / 2
        whole = np.moveaxis(np.concatenate([outer[::-1], whole[:1], outer]), 0, axis)
    return whole


def _cloud(radii_mm: Float64, energy: Float64, spacing_mm: Spacing, half: Sequence[int]) -> Float64:
    """First octant ``(nz, ny, nx)`` of the energy that shells of points give to voxels, by triangles."""
    shape = tuple(n + 2 for n in half)
    total = np.zeros(math.prod(shape))
    directions = _octant_directions(spacing_mm)
    for start in range(0, len(radii_mm), 64):
        radius, part = radii_mm[start : start + 64], energy[start : start + 64]
        share = np.repeat(part / len(directions), len(directions))
        place = [(radius[:, None] * directions[:, axis] / spacing_mm[axis]).ravel() for axis in range(3)]
        inside = np.all([p < n + 1 for p, n in zip(place, half, strict=True)], axis=0)
        share, place = share[inside], [p[inside] for p in place]
        low = [p.astype(np.intp) for p in place]
        rest = [p - cell for p, cell in zip(place, low, strict=True)]
        for corner in np.ndindex(2, 2, 2):
            weight = share.copy()
            for upper, part_of in zip(corner, rest, strict=True):
                weight *= part_of if upper else 1 - part_of
            cells = [cell + upper for cell, upper in zip(low, corner, strict=True)]
            flat = np.ravel_multi_index(cells, shape)
            total += np.bincount(flat, weight, minlength=total.size)
    return total.reshape(shape)[: half[0] + 1, : half[1] + 1, : half[2] + 1]


def _points_of_shells(kernel: RadialDeposition, density: float, up_to_mm: float) -> tuple[Float64, Float64]:
    """Radii [mm] and energies [keV] of points spread evenly over each shell that begins within a distance."""
    edges = kernel.edges_g_per_cm2 * 10 / density
    kept = (edges[:-1] < up_to_mm) & (kernel.energy_keV > 0)
    inner, outer, energy = edges[:-1][kept], edges[1:][kept], kernel.energy_keV[kept]
    place = (np.arange(_RADII) + 0.5) / _RADII
    radii = inner[:, None] + (outer - inner)[:, None] * place
    return radii.ravel(), np.repeat(energy / _RADII, _RADII)


def _per_volume(kernel: RadialDeposition, density: float) -> tuple[Float64, Float64]:
    """Logarithm of distance [mm] and of energy per volume times squared distance [keV/mm] there."""
    edges = kernel.edges_g_per_cm2 * 10 / density
    keep = (edges[:-1] > 0) & (kernel.energy_keV > 0)
    middle = np.sqrt(edges[:-1][keep] * edges[1:][keep])
    return np.log(middle), np.log(kernel.energy_keV[keep] / np.diff(edges)[keep] / (4 * math.pi))


def _gauss_triangle(points: int) -> tuple[Float64, Float64]:
    """Nodes and weights that integrate polynomials up to degree 2 `points` - 1 against the triangle on [-1, 1]."""
    if points == 3:
        side = math.sqrt(2 / 5)
        return np.array([-side, 0.0, side]), np.array([5 / 24, 7 / 12, 5 / 24])
    # The triangle's even moments 2/((n + 1)(n + 2)), solved for the nodes of a symmetric five-point rule.
    m2, m4, m6, m8 = (2 / ((n + 1) * (n + 2)) for n in (2, 4, 6, 8))
    linear, constant = np.linalg.solve([[m4, m2], [m6, m4]], [-m6, -m8])
    squares = np.sort(np.roots([1.0, linear, constant]).real)
    sides = np.linalg.solve(np.array([squares, squares**2]), np.array([m2 / 2, m4 / 2]))
    a, b = np.sqrt(squares)
    return np.array([-b, -a, 0.0, a, b]), np.array([sides[1], sides[0], 1 - 2 * sides.sum(), sides[0], sides[1]])


def _gauss(kernel: RadialDeposition, density: float, spacing_mm: Spacing, half: Sequence[int], points: int) -> Float64:
    """First octant, each voxel whole, by Gauss points in the triangles: good where the kernel varies slowly."""
    log_r, log_k = _per_volume(kernel, density)
    nodes, weights = _gauss_triangle(points)
    total = np.zeros(tuple(n + 1 for n in half))
    squares = [[((np.arange(n + 1) + node) * d) ** 2 for node in nodes] for n, d in zip(half, spacing_mm, strict=True)]
    for a, b, c in np.ndindex(points, points, points):
        squared = squares[0][a][:, None, None] + squares[1][b][None, :, None] + squares[2][c][None, None, :]
        squared = np.maximum(squared, 1e-12)
        total += weights[a] * weights[b] * weights[c] * np.exp(np.interp(np.log(squared) / 2, log_r, log_k)) / squared
    return total * math.prod(spacing_mm)


def _within(half: Sequence[int], spacing_mm: Spacing, distance_mm: float) -> tuple[list[int], NDArray[np.bool_]]:
    """Half widths of the window that holds all voxels with their middle within a distance, and which they are."""
    window = [min(n, math.floor(distance_mm / d)) for n, d in zip(half, spacing_mm, strict=True)]
    axes = [(np.arange(n + 1) * d) ** 2 for n, d in zip(window, spacing_mm, strict=True)]
    squared = axes[0][:, None, None] + axes[1][None, :, None] + axes[2][None, None, :]
    return window, squared <= distance_mm**2


def _photon_octant(kernel: RadialDeposition, density: float, spacing_mm: Spacing, half: Sequence[int]) -> Float64:
    """Energy of each voxel of the first octant [keV]: near, middle and far voxels each by their rule."""
    largest = max(spacing_mm)
    octant = _gauss(kernel, density, spacing_mm, half, 3)
    window, chosen = _within(half, spacing_mm, _MIDDLE * largest)
    inside = tuple(slice(0, n + 1) for n in window)
    octant[inside] = np.where(chosen, _gauss(kernel, density, spacing_mm, window, 5), octant[inside])
    window, chosen = _within(half, spacing_mm, _NEAR * largest)
    inside = tuple(slice(0, n + 1) for n in window)
    radii, energy = _points_of_shells(kernel, density, (_NEAR + math.sqrt(3)) * largest)
    near = _cloud(radii, energy, spacing_mm, window)
    for axis in range(3):
        outer = [slice(None)] * 3
        outer[axis] = slice(1, None)
        near[tuple(outer)] /= 2
    octant[inside] = np.where(chosen, near, octant[inside])
    return octant


def _mirrored(octant: Float64) -> Float64:
    whole = octant
    for axis in range(3):
        whole = np.moveaxis(whole, axis, 0)
        whole = np.moveaxis(np.concatenate([whole[1:][::-1], whole]), 0, axis)
    return whole


def _checked_spacing(spacing_mm: Sequence[float]) -> Spacing:
    if len(spacing_mm) != 3 or not all(math.isfinite(d) and d > 0 for d in spacing_mm):
        raise InputError(f"voxel spacing is three positive lengths (dz, dy, dx) in mm, got {tuple(spacing_mm)}")
    dz, dy, dx = (float(d) for d in spacing_mm)
    return dz, dy, dx


def voxel_kernel(
    nuclide: str,
    spacing_mm: Sequence[float],
    *,
    medium: str = "soft_tissue",
    density_g_per_mL: float | None = None,
    extent_mm: float | None = None,
) -> VoxelKernel:
    """Absorbed dose per time-integrated activity around a voxel of any size, in a uniform infinite medium.

    Assumes activity spread evenly in the source voxel and gives the mean dose of each target voxel. Alpha particles
    are not in it. The same arguments give the same kernel to the last bit.

    Parameters
    ----------
    nuclide
        In any usual spelling.
    spacing_mm
        ``(dz, dy, dx)``, may differ.
    medium, density_g_per_mL
        A shipped medium; its shipped density if none is given [g/mL].
    extent_mm
        From the middle of the source voxel to the middle of the last on each axis, at least [mm]; 120 mm if not given,
        less where the point kernel of a dense medium ends before. Photon energy deposited farther away is not in the
        kernel; electrons are always whole.

    Raises
    ------
    InputError
        If a spacing, density or extent is not positive, the extent is beyond the point kernel or the kernel would have
        more than 40 million voxels.
    SourceError
        If the nuclide is not known.

    References
    ----------
    Bolch WE et al. MIRD Pamphlet No. 17. J Nucl Med 1999;40:11S-36S.

    Examples
    --------
    >>> kernel = voxel_kernel("177Lu", (4.8, 4.8, 4.8), density_g_per_mL=1.0, extent_mm=24)
    >>> kernel.electron_Gy_per_MBq_h.shape, kernel.photon_Gy_per_MBq_h.shape
    ((3, 3, 3), (11, 11, 11))
    """
    spacing = _checked_spacing(spacing_mm)
    density = medium_density_g_per_mL(medium) if density_g_per_mL is None else float(density_g_per_mL)
    if not (math.isfinite(density) and density > 0):
        raise InputError(f"a voxel kernel needs a positive density, got {density} g/mL")
    kernel = point_kernel(nuclide, medium)
    if extent_mm is None:
        reach_mm = kernel.photon.edges_g_per_cm2[-1] * 10 / density
        extent_mm = max(min(DEFAULT_EXTENT_mm, reach_mm / math.sqrt(3) - 2 * max(spacing)), max(spacing))
    if not (math.isfinite(extent_mm) and extent_mm > 0):
        raise InputError(f"a voxel kernel needs a positive extent, got {extent_mm} mm")
    return _voxel_kernel(kernel, spacing, density, float(extent_mm))


@lru_cache(maxsize=16)
def _voxel_kernel(kernel: PointKernel, spacing: Spacing, density: float, extent_mm: float) -> VoxelKernel:
    half = [math.ceil(extent_mm / d - 1e-9) for d in spacing]
    corner_mm = math.hypot(*((n + 1) * d for n, d in zip(half, spacing, strict=True)))
    largest_mm = kernel.photon.edges_g_per_cm2[-1] * 10 / density
    if corner_mm > largest_mm:
        raise InputError(
            f"the corner of a kernel of extent {extent_mm} mm lies {corner_mm:.0f} mm away; the point kernel of "
            f"{kernel.nuclide} in {kernel.medium} ends at {largest_mm:.0f} mm for {density} g/mL; ask for less"
        )
    if math.prod(2 * n + 1 for n in half) > _LARGEST_VOXELS:
        raise InputError(f"a kernel of {half} half widths has too many voxels; lower the extent of {extent_mm} mm")
    dose_Gy = delta_mGy_g_per_MBq_h(1e-3) / 1000 / (math.prod(spacing) / 1000 * density)
    electron_mm = kernel.electron.edges_g_per_cm2[-1] * 10 / density
    electron_half = [math.ceil(electron_mm / d) for d in spacing]
    radii, energy = _points_of_shells(kernel.electron, density, math.inf)
    electron = _trimmed(_folded(_cloud(radii, energy, spacing, electron_half)))
    photon = _mirrored(_photon_octant(kernel.photon, density, spacing, half))
    return VoxelKernel(
        nuclide=kernel.nuclide,
        medium=kernel.medium,
        density_g_per_mL=density,
        spacing_mm=spacing,
        electron_Gy_per_MBq_h=electron * dose_Gy,
        photon_Gy_per_MBq_h=photon * dose_Gy,
        trace=Trace(
            METHOD,
            VERSION,
            {
                **kernel.trace.inputs,
                "spacing_mm": f"given:{spacing[0]:g} {spacing[1]:g} {spacing[2]:g}",
                "medium": f"given:{kernel.medium}, {density:g} g/mL",
                "extent_mm": f"given:{extent_mm:g}",
            },
        ),
    )


def _trimmed(whole: Float64) -> Float64:
    """Without outer layers that got no energy."""
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        filled = np.flatnonzero(whole.sum(axis=others))
        cut = int(filled[0]) if len(filled) else whole.shape[axis] // 2
        index = [slice(None)] * 3
        index[axis] = slice(cut, whole.shape[axis] - cut)
        whole = whole[tuple(index)]
    return np.ascontiguousarray(whole)
