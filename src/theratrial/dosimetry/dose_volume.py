"""Dose-volume histogram of a region with fractional membership (docs/methods/dose_volume.md)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from theratrial.dosimetry.voxel.dose_map import AbsorbedDoseMap
from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import Region
from theratrial.trace import Trace

VERSION: Final = "1"
_ROUNDING: Final = 1e-12
"""Relative; a volume that is equal to the one asked for but for the order of a sum counts as equal."""


@dataclass(frozen=True, slots=True, eq=False)
class DoseVolume:
    """How the volume of a region is spread over absorbed dose.

    The histogram is that of the voxels, not of bins: every quantity is exact for the given voxels. A voxel's dose holds
    for all of its share in the region.

    Parameters
    ----------
    doses_Gy
        1-d float64, ascending.
    volumes_mL
        Volume at each dose, positive.
    excluded_mL
        Volume of the region without a dose; in no quantity of this value.

    Examples
    --------
    >>> import numpy as np
    >>> histogram = DoseVolume("lesion", np.array([1.0, 2.0, 4.0]), np.array([1.0, 1.0, 2.0]), 0.0,
    ...                        Trace("example", "1"))
    >>> histogram.mean_Gy, histogram.volume_fraction(2.0), histogram.dose_at_percent_Gy(50)
    (2.75, 0.75, 4.0)
    """

    region: str
    doses_Gy: NDArray[np.float64]
    volumes_mL: NDArray[np.float64]
    excluded_mL: float
    trace: Trace

    def __post_init__(self) -> None:
        if self.doses_Gy.ndim != 1 or self.doses_Gy.shape != self.volumes_mL.shape or not self.doses_Gy.size:
            raise InputError(f"region {self.region}: doses and volumes of a histogram are two equal rows, not empty")
        if not (np.isfinite(self.doses_Gy).all() and (np.diff(self.doses_Gy) >= 0).all()):
            raise InputError(f"region {self.region}: doses of a histogram are numbers in ascending order")
        if not (np.isfinite(self.volumes_mL).all() and (self.volumes_mL > 0).all()):
            raise InputError(f"region {self.region}: volumes of a histogram are positive")

    @property
    def volume_mL(self) -> float:
        """Volume that has a dose [mL]."""
        return math.fsum(self.volumes_mL)

    @property
    def mean_Gy(self) -> float:
        """Mean over the volume [Gy]."""
        return math.fsum(self.doses_Gy * self.volumes_mL) / self.volume_mL

    @property
    def minimum_Gy(self) -> float:
        """Least dose of any voxel, however small its share in the region [Gy]."""
        return float(self.doses_Gy[0])

    @property
    def maximum_Gy(self) -> float:
        """Greatest dose of any voxel, however small its share in the region [Gy]."""
        return float(self.doses_Gy[-1])

    def volume_fraction(self, dose_Gy: float) -> float:
        """V_x: share of the volume that receives at least `dose_Gy`."""
        first = int(np.searchsorted(self.doses_Gy, dose_Gy, side="left"))
        return math.fsum(self.volumes_mL[first:]) / self.volume_mL

    def dose_at_percent_Gy(self, percent: float) -> float:
        """D_x %: the greatest dose that at least `percent` of the volume receives [Gy].

        Raises
        ------
        InputError
            If the percentage is not above 0 and at most 100.
        """
        if not 0 < percent <= 100:
            raise InputError(f"a dose is received by more than 0 % and at most 100 % of a volume, got {percent} %")
        from_top = np.cumsum(self.volumes_mL[::-1])
        asked = percent / 100 * from_top[-1] * (1 - _ROUNDING)
        return float(self.doses_Gy[::-1][int(np.searchsorted(from_top, asked, side="left"))])

    @property
    def homogeneity_index(self) -> float:
        """``(D2% - D98%) / D50%``; 0 is homogeneous.

        Raises
        ------
        NumericalError
            If half of the volume receives no dose.

        References
        ----------
        ICRU Report 83, J ICRU 2010;10(1), section 3.7.1.
        """
        middle = self.dose_at_percent_Gy(50)
        if middle <= 0:
            raise NumericalError(f"region {self.region}: D50% is {middle} Gy; homogeneity means nothing there")
        return (self.dose_at_percent_Gy(2) - self.dose_at_percent_Gy(98)) / middle

    def cumulative_fraction(self, at_Gy: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of the volume that receives at least each of the doses, for a drawing or a table."""
        first = np.searchsorted(self.doses_Gy, np.asarray(at_Gy, dtype=float), side="left")
        at_least = np.concatenate([np.cumsum(self.volumes_mL[::-1])[::-1], [0.0]])
        return np.asarray(at_least[first] / at_least[0])

    def differential_mL(self, edges_Gy: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """Volume per bin [mL]: a bin holds its lower edge, the last one both.

        Raises
        ------
        InputError
            If the edges do not increase, or do not hold all doses: volume would be lost silently.
        """
        edges = np.asarray(edges_Gy, dtype=float)
        if edges.size < 2 or (np.diff(edges) <= 0).any():
            raise InputError("bin edges of a dose-volume histogram increase")
        if edges[0] > self.minimum_Gy or edges[-1] < self.maximum_Gy:
            raise InputError(
                f"region {self.region}: bins from {edges[0]:g} to {edges[-1]:g} Gy do not hold its doses from "
                f"{self.minimum_Gy:.4g} to {self.maximum_Gy:.4g} Gy"
            )
        return np.histogram(self.doses_Gy, bins=edges, weights=self.volumes_mL)[0]


def dose_volume(dose_map: AbsorbedDoseMap, region: Region) -> DoseVolume:
    """Dose-volume histogram of a region of a dose map.

    A voxel that belongs to the region by 0.3 counts with 0.3 of its volume. Voxels without a dose are left out and
    their volume is stated.

    Raises
    ------
    InputError
        If the region is empty or on another grid.
    NumericalError
        If no voxel of the region has a dose.
    """
    doses, weights, excluded = dose_map.region_voxels(region)
    if not doses.size:
        raise NumericalError(f"region {region.name}: no voxel of it has a dose; its density is below the floor")
    order = np.argsort(doses, kind="stable")
    return DoseVolume(
        region=region.name,
        doses_Gy=doses[order].astype(np.float64),
        volumes_mL=weights[order].astype(np.float64) * dose_map.grid.voxel_volume_mL,
        excluded_mL=excluded * region.volume_mL,
        trace=Trace(
            method="dosimetry.dose_volume",
            version=VERSION,
            inputs={
                **dose_map.trace.inputs,
                "outline": region.source.content_hash,
                "dose map": f"value:{dose_map.trace.method}",
            },
            demonstration=dose_map.trace.demonstration,
        ),
    )
