"""Regions from structure sets and segmentations -> a label map on the image's grid, with names and colours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from theratrial.errors import InputError, Problems
from theratrial.imaging.regions import placeable_regions
from theratrial.imaging.values import Grid, Region
from theratrial.web.studies.shown.nifti_bytes import nifti_bytes
from theratrial.web.studies.shown.values import NIFTI, Shown

COLOURS: Final = (
    "#e69f00",
    "#56b4e9",
    "#009e73",
    "#f0e442",
    "#cc79a7",
    "#d55e00",
    "#4f8df5",
    "#7ee0c3",
    "#c4a1ff",
    "#ff9d9d",
    "#b5d33d",
    "#8fb8de",
)
"""The first six are Okabe and Ito's, told apart by readers of any colour vision."""
_MOST_REGIONS: Final = 255


def regions_shown(
    region_files: Sequence[Path], grid: Grid, *, patient_id: str | None = None, at_least: float = 0.5
) -> Shown:
    """A label map (uint8, 0 is none) of all regions of the files that can be placed on the grid.

    Where regions overlap, the smaller is shown. Regions that cannot be placed are named in the header with the reason.

    Raises
    ------
    Problems
        If no region at all can be placed.
    """
    regions: list[Region] = []
    refused: dict[str, str] = {}
    for path in region_files:
        try:
            placed, why_not = placeable_regions(path, grid, patient_id=patient_id)
        except (InputError, Problems) as problem:
            refused[Path(path).name] = str(problem)
            continue
        regions += placed
        refused |= why_not
    if not regions:
        reasons = "; ".join(f"{name}: {why}" for name, why in refused.items()) or "no region file was given"
        raise InputError(f"no region can be laid over this image ({reasons})")
    if len(regions) > _MOST_REGIONS:
        raise InputError(f"{len(regions)} regions; at most {_MOST_REGIONS} can be shown at once")
    labels = np.zeros(grid.shape, dtype=np.uint8)
    by_size = sorted(range(len(regions)), key=lambda i: -regions[i].volume_mL)
    for i in by_size:
        belongs = regions[i].weights >= at_least
        if not belongs.any():
            belongs = regions[i].weights >= regions[i].weights.max()
        labels[regions[i].box()][belongs] = i + 1
    content = nifti_bytes(grid, labels, labels=True, description="region labels")
    return Shown(content, NIFTI, {"labels": [_label(i, one) for i, one in enumerate(regions)], "not_placed": refused})


def _label(index: int, region: Region) -> dict[str, Any]:
    return {
        "label": index + 1,
        "name": region.name,
        "colour": COLOURS[index % len(COLOURS)],
        "volume_mL": region.stated_volume_mL,
        "inside_fraction": region.inside_fraction,
        "centre_mm_lps": _centre_mm_lps(region),
    }


def _centre_mm_lps(region: Region) -> list[float]:
    """Centre of mass, so that choosing a name can go there."""
    weights = region.weights.astype(float)
    total = weights.sum()
    index = [
        float((weights.sum(axis=tuple(a for a in range(3) if a != axis)) * np.arange(n)).sum() / total)
        for axis, n in enumerate(weights.shape)
    ]
    return [float(v) for v in region.grid.patient_mm(np.array(index) + np.array(region.corner))]
