"""A rigid motion between two scans of one patient, in patient coordinates. docs/methods/registration.md."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError
from theratrial.imaging.values import Grid

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RigidTransform:
    """``to = rotation @ from + translation``, points in patient coordinates (x, y, z; LPS) [mm].

    Examples
    --------
    A quarter turn about z, then 10 mm towards the head; there and back is where one was:

    >>> turn = RigidTransform(np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), (0.0, 0.0, 10.0))
    >>> [round(float(v), 6) for v in turn.moved(np.array([1.0, 0.0, 0.0]))]
    [0.0, 1.0, 10.0]
    >>> round(turn.rotation_deg, 6)
    90.0
    >>> bool(np.allclose(turn.then(turn.inverse()).matrix, np.eye(4)))
    True
    """

    rotation: Floats = field(default_factory=lambda: np.eye(3))
    translation_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Where the origin of the coordinates goes; what a patient moved by is `shift_mm` at a place in her."""

    def __post_init__(self) -> None:
        rotation = np.array(self.rotation, dtype=float)
        if rotation.shape != (3, 3) or not np.isfinite(rotation).all() or not np.all(np.isfinite(self.translation_mm)):
            raise InputError("a rigid transform has a rotation of 3 x 3 and a translation of 3 finite numbers")
        if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-6) or np.linalg.det(rotation) < 0:
            raise InputError("the matrix is no rotation: it stretches, shears or mirrors -> give a rigid transform")
        rotation.flags.writeable = False
        object.__setattr__(self, "rotation", rotation)

    @property
    def matrix(self) -> Floats:
        """4 x 4 for homogeneous coordinates."""
        whole = np.eye(4)
        whole[:3, :3] = self.rotation
        whole[:3, 3] = self.translation_mm
        return whole

    @property
    def rotation_deg(self) -> float:
        """Angle of the rotation about its own axis [degrees]."""
        r = self.rotation
        axis = np.array([r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]])
        return math.degrees(math.atan2(float(np.linalg.norm(axis)), float(np.trace(r)) - 1))

    def moved(self, points_mm: Floats) -> Floats:
        """Points ``(..., 3)`` after the motion."""
        return np.asarray(np.asarray(points_mm, dtype=float) @ self.rotation.T + np.asarray(self.translation_mm))

    def shift_mm(self, place_mm: Floats) -> Floats:
        """By how much a place ``(3,)`` moves."""
        return np.asarray(self.moved(place_mm) - np.asarray(place_mm, dtype=float))

    def inverse(self) -> RigidTransform:
        """The way back."""
        back = self.rotation.T
        x, y, z = (float(v) for v in -back @ np.asarray(self.translation_mm))
        return RigidTransform(back, (x, y, z))

    def then(self, following: RigidTransform) -> RigidTransform:
        """This motion, then another."""
        x, y, z = (float(v) for v in following.moved(np.asarray(self.translation_mm)))
        return RigidTransform(following.rotation @ self.rotation, (x, y, z))


def moved_grid(grid: Grid, transform: RigidTransform, frame_of_reference_uid: str) -> Grid:
    """The same voxels after the motion: a grid that is turned and shifted, in the frame of reference moved to."""
    x, y, z = (float(v) for v in transform.moved(np.asarray(grid.origin_mm)))
    return Grid(grid.shape, grid.spacing_mm, (x, y, z), transform.rotation @ grid.direction, frame_of_reference_uid)


def centre_mm(grid: Grid) -> Floats:
    """Patient coordinates of the middle of a grid."""
    return grid.patient_mm((np.array(grid.shape, dtype=float) - 1) / 2)
