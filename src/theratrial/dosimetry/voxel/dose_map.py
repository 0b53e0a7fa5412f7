"""Absorbed dose by voxel, and what a region of it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from theratrial.dosimetry.voxel.density import DensityMap
from theratrial.dosimetry.voxel.scans import require_region
from theratrial.errors import InputError
from theratrial.imaging.values import FloatArray, Grid, Region
from theratrial.trace import Quantity, Trace

Engine = Literal["local_deposition", "kernel"]


@dataclass(frozen=True, slots=True)
class RegionVoxelDose:
    """Absorbed dose of a region of a dose map [Gy]; None where no voxel of it has a dose."""

    region: str
    mean_Gy: float | None
    """Energy over mass: weighted with membership, and with density where the map was made with one; with
    `shared_voxels_Gy` in it."""
    shared_voxels_Gy: float | None
    """What `mean_Gy` holds because electrons emitted by the region in a voxel that it shares stay in its share of it,
    and those of its neighbours in theirs; None where that cannot be known: no region of the map, or voxels left out."""
    volume_mean_Gy: float | None
    """Weighted with membership only: the mean of the dose-volume histogram."""
    minimum_Gy: float | None
    """Of the voxels that belong to the region by at least half; of all its voxels where none does."""
    maximum_Gy: float | None
    volume_mL: float
    """Of the region on the grid, what is excluded included."""
    excluded_fraction: float
    """Share of the volume without a dose: density below the floor or unknown."""
    electron_mean_Gy: float | None
    """Part of `mean_Gy`; None where the map does not keep the parts."""
    photon_mean_Gy: float | None
    engine: Engine
    trace: Trace

    def quantity(self) -> Quantity:
        """The mean as it may leave the product; its interval is that of the uncertainty budget, not known here."""
        note = f"{self.engine}; {self.excluded_fraction:.1%} of the volume without a dose"
        return Quantity(value=self.mean_Gy, unit="Gy", trace=self.trace, note=note)


@dataclass(frozen=True, slots=True)
class SharedActivity:
    """A region's activity in voxels that it shares, which the dose map cannot tell from its neighbours'."""

    volume_mL: float
    """Of the region, by which a dose map knows it again together with its name."""
    own_less_held_MBq_h: float
    """Its own time-integrated activity less that of the map under its memberships [MBq h]."""


@dataclass(frozen=True, slots=True, eq=False)
class AbsorbedDoseMap:
    """Absorbed dose by voxel from administration to infinity [Gy].

    Parameters
    ----------
    absorbed_dose_Gy
        ``(nz, ny, nx)`` float32; not a number where the dose is undetermined (density below the floor or unknown).
    electron_Gy, photon_Gy
        Its parts, where asked for.
    shared
        By region, where the time-integrated activity map was made region by region.
    electron_g_Gy_per_MBq_h
        Electron energy per time-integrated activity that stays near its emission [g Gy/(MBq h)].
    density
        The map it was weighted with; None for a uniform medium.
    notes
        What the dose rests on and lacks, in words.
    """

    grid: Grid
    absorbed_dose_Gy: FloatArray
    engine: Engine
    nuclide: str
    density: DensityMap | None
    notes: tuple[str, ...]
    trace: Trace
    electron_Gy: FloatArray | None = None
    photon_Gy: FloatArray | None = None
    shared: Mapping[str, SharedActivity] = field(default_factory=dict)
    electron_g_Gy_per_MBq_h: float = 0.0
    medium_g_per_mL: float = 1.0
    """Density of the uniform medium; of no use where the map was weighted."""

    def __post_init__(self) -> None:
        for name in ("absorbed_dose_Gy", "electron_Gy", "photon_Gy"):
            values = getattr(self, name)
            if values is None:
                continue
            if values.shape != self.grid.shape:
                raise InputError(f"array {values.shape} does not fit grid {self.grid.shape}")
            view = values.view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    def region_voxels(self, region: Region) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
        """Doses [Gy] and memberships of the region's voxels that have a dose, and the share of its volume without one.

        Raises
        ------
        InputError
            If the region is empty or on another grid.
        """
        require_region(region, self.grid)
        belongs = region.weights > 0
        doses, weights = self.absorbed_dose_Gy[region.box()][belongs], region.weights[belongs]
        if self.density is None:
            return doses, weights, 0.0
        known = np.isfinite(doses)
        whole = float(weights.sum(dtype=np.float64))
        excluded = float(weights[~known].sum(dtype=np.float64)) / whole
        return doses[known], weights[known], excluded

    def region_dose(self, region: Region) -> RegionVoxelDose:
        """Mean, least and greatest absorbed dose of a region.

        Raises
        ------
        InputError
            If the region is empty or on another grid.
        """
        doses, weights, excluded = self.region_voxels(region)
        box = region.box()
        masses = self._masses(region)
        trace = Trace(
            method="dosimetry.region_voxel_dose",
            version="1",
            inputs={
                **self.trace.inputs,
                "outline": region.source.content_hash,
                "dose map": f"value:{self.trace.method}",
            },
            demonstration=self.trace.demonstration,
        )

        def mean(values: FloatArray | None, by: NDArray[np.float32]) -> float | None:
            if values is None or not doses.size:
                return None
            return float(np.einsum("i,i->", values, by, dtype=np.float64) / by.sum(dtype=np.float64))

        def part(values: FloatArray | None) -> float | None:
            if values is None:
                return None
            inside = values[box][region.weights > 0]
            return mean(inside[np.isfinite(inside)], masses)

        plain = mean(doses, masses)
        shared = self._shared_Gy(region, masses) if not excluded else None
        electron = part(self.electron_Gy)
        core = doses[weights >= 0.5]
        core = core if core.size else doses
        return RegionVoxelDose(
            region=region.name,
            mean_Gy=None if plain is None else plain + (shared or 0.0),
            shared_voxels_Gy=shared,
            volume_mean_Gy=mean(doses, weights),
            minimum_Gy=float(core.min()) if core.size else None,
            maximum_Gy=float(core.max()) if core.size else None,
            volume_mL=region.volume_mL,
            excluded_fraction=excluded,
            electron_mean_Gy=None if electron is None else electron + (shared or 0.0),
            photon_mean_Gy=part(self.photon_Gy),
            engine=self.engine,
            trace=trace,
        )

    def _shared_Gy(self, region: Region, masses: NDArray[np.float32]) -> float | None:
        """Dose by what the region emits itself in shared voxels, less what its neighbours emit there [Gy]."""
        found = self.shared.get(region.name)
        if found is None or abs(found.volume_mL - region.volume_mL) > 1e-6 * region.volume_mL:
            return None
        density = 1.0 if self.density is not None else self.medium_g_per_mL
        mass_g = float(masses.sum(dtype=np.float64)) * self.grid.voxel_volume_mL * density
        return self.electron_g_Gy_per_MBq_h * found.own_less_held_MBq_h / mass_g

    def _masses(self, region: Region) -> NDArray[np.float32]:
        """Weights of the mean over the voxels that have a dose, up to a factor."""
        box, belongs = region.box(), region.weights > 0
        if self.density is None:
            return region.weights[belongs]
        known = np.isfinite(self.absorbed_dose_Gy[box][belongs])
        return (region.weights * self.density.density_g_per_mL[box])[belongs][known]
