"""Two-dimensional pictures cut from the images for the report: small arrays, not results, never written to JSON."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class PlanarPicture:
    """A whole-body pair, photopeak counts, ``(ny, nx)``, head up, patient's right on the left of the anterior view.

    The posterior is mirrored like the anterior. `to_injection_factor` multiplies counts to undo physical decay, so that
    pictures of different times can be shown on equal scales.
    """

    participant_id: str
    session: int
    timepoint: str
    hours_after: float
    anterior: FloatArray
    posterior: FloatArray | None
    pixel_spacing_mm: tuple[float, float]
    to_injection_factor: float


@dataclass(frozen=True, slots=True, eq=False)
class FusionPicture:
    """A coronal cut and a maximum-intensity projection of a PET, with CT where there is one.

    ``(nz, nx)`` arrays, row 0 at the head, column 0 the patient's right (radiological convention).
    """

    participant_id: str
    timepoint: str
    suv_cut: FloatArray
    suv_mip: FloatArray
    ct_cut_HU: FloatArray | None
    """On the PET grid."""
    spacing_mm: tuple[float, float]
    lesion_marks: tuple[tuple[str, float, float], ...]
    """(lesion id, row, column) on the projection."""
    cut_position_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class OverlayPicture:
    """Two whole-body views of a session on one scale, for a person to judge their registration by.

    ``(ny, nx)``, geometric mean, counts per second with decay undone; `moved` is the later view laid on `fixed`,
    `before` the same where it lay.
    """

    participant_id: str
    session: int
    imaging_id: str
    onto: str
    fixed: FloatArray
    before: FloatArray
    moved: FloatArray
    pixel_spacing_mm: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """All pictures of a run."""

    planar: tuple[PlanarPicture, ...] = ()
    fusion: tuple[FusionPicture, ...] = ()
    overlays: tuple[OverlayPicture, ...] = ()
