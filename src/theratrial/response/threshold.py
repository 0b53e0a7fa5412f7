"""Volume and uptake of what lies above a stated threshold inside a drawn region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from theratrial.errors import InputError
from theratrial.imaging.values import FloatArray, Region
from theratrial.response.uptake import suv_max

METHOD: Final = "response.threshold_volume"
VERSION: Final = "1"

ThresholdKind = Literal["fixed", "percent_of_maximum", "times_reference"]


@dataclass(frozen=True, slots=True)
class Threshold:
    """A rule for the threshold: a fixed uptake [g/mL], a percentage of the region's maximum, or k times a reference."""

    kind: ThresholdKind
    value: float

    def __post_init__(self) -> None:
        if not 0 < self.value < float("inf"):
            raise InputError(f"a threshold is above 0, got {self.value}")
        if self.kind == "percent_of_maximum" and self.value > 100:
            raise InputError(f"a percentage of the maximum is at most 100, got {self.value:g}")


@dataclass(frozen=True, slots=True)
class ThresholdVolume:
    """What lies at or above the threshold."""

    threshold_g_per_mL: float
    volume_mL: float
    mean_g_per_mL: float | None
    """None where nothing lies above."""
    total_g: float
    """Total lesion uptake: volume times mean; of FDG total lesion glycolysis [g]."""


def threshold_volume(
    suv_g_per_mL: FloatArray, region: Region, threshold: Threshold, *, reference_g_per_mL: float | None = None
) -> ThresholdVolume:
    """Voxels of the region at or above the threshold, each by its share in the region.

    Raises
    ------
    InputError
        The threshold asks for a reference that is not given, the image is on another grid, or holds values that are not
        numbers in the region.
    NumericalError
        The region is empty.
    """
    if suv_g_per_mL.shape != region.grid.shape:
        raise InputError(f"region {region.name!r} is on a grid {region.grid.shape}, the image is {suv_g_per_mL.shape}")
    values = suv_g_per_mL[region.box()].astype(np.float64)
    weights = np.asarray(region.weights, dtype=np.float64)
    if not np.all(np.isfinite(values[weights > 0])):
        raise InputError(f"the image holds values that are not numbers in region {region.name!r}")
    limit = _limit(suv_g_per_mL, region, threshold, reference_g_per_mL)
    above = np.where((values >= limit) & (weights > 0), weights, 0.0)
    share = float(above.sum())
    volume_mL = share * region.grid.voxel_volume_mL
    if share == 0:
        return ThresholdVolume(limit, 0.0, None, 0.0)
    mean = float((above * np.where(above > 0, values, 0.0)).sum()) / share
    return ThresholdVolume(limit, volume_mL, mean, volume_mL * mean)


def _limit(values: FloatArray, region: Region, threshold: Threshold, reference: float | None) -> float:
    highest = suv_max(values, region)
    if threshold.kind == "fixed":
        return threshold.value
    if threshold.kind == "percent_of_maximum":
        return highest * threshold.value / 100
    if reference is None or not reference > 0:
        raise InputError(f"a threshold of {threshold.value:g} times the reference needs its uptake, got {reference}")
    return reference * threshold.value
