"""A grid and its values -> NIfTI-1, gzipped, in memory.

The room `imaging` writes files for other programs; the browser needs bytes, in few bits, written in pieces, so that a
whole body is never held twice.
"""

from __future__ import annotations

import gzip
import io
import struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError
from theratrial.imaging.values import Grid

_HEADER_BYTES: Final = 352
_CODES: Final = {"uint8": (2, 8), "int16": (4, 16), "uint16": (512, 16), "float32": (16, 32)}
_INTENT_LABEL: Final = 1002
_COMPRESSION: Final = 1
"""Level 6 takes four times as long for a tenth less."""


def affine_ras(grid: Grid) -> NDArray[np.float64]:
    """4 x 4, voxel ``(x, y, z)`` -> RAS millimetres: LPS with x and y negated."""
    dz, dy, dx = grid.spacing_mm
    affine = np.eye(4)
    affine[:3, :3] = np.asarray(grid.direction) * np.array([dx, dy, dz])
    affine[:3, 3] = grid.origin_mm
    affine[:2] *= -1
    return affine


def nifti_bytes(grid: Grid, values: NDArray[Any], *, labels: bool = False, description: str = "") -> bytes:
    """A gzipped NIfTI-1 file. Nothing of the patient is written.

    Parameters
    ----------
    values
        ``(nz, ny, nx)``, uint8, int16, uint16 or float32; shown as stored.
    labels
        The values are names of regions (intent code 1002), not amounts.

    Raises
    ------
    InputError
        If the array does not fit the grid or is of another kind.
    """
    if values.shape != grid.shape:
        raise InputError(f"array {values.shape} does not fit grid {grid.shape}")
    kind = values.dtype.name
    if kind not in _CODES:
        raise InputError(f"a NIfTI for the browser holds {', '.join(_CODES)}, got {kind}")
    if max(grid.shape) > 32767:
        raise InputError(f"a NIfTI-1 has at most 32767 voxels along an axis, got {grid.shape}")
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=_COMPRESSION, mtime=0) as zipped:
        zipped.write(_header(grid, kind, labels, description))
        little = values.dtype.newbyteorder("<")
        for plane in values:
            zipped.write(np.ascontiguousarray(plane, dtype=little).tobytes())
    return stream.getvalue()


def _header(grid: Grid, kind: str, labels: bool, description: str) -> bytes:
    code, bits = _CODES[kind]
    nz, ny, nx = grid.shape
    dz, dy, dx = grid.spacing_mm
    affine = affine_ras(grid)
    quaternion, handedness = _quaternion(affine)
    header = bytearray(_HEADER_BYTES)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, nx, ny, nz, 1, 1, 1, 1)
    struct.pack_into("<hhh", header, 68, _INTENT_LABEL if labels else 0, code, bits)
    struct.pack_into("<8f", header, 76, handedness, dx, dy, dz, 0, 0, 0, 0)
    struct.pack_into("<fff", header, 108, float(_HEADER_BYTES), 1.0, 0.0)
    header[123] = 2  # millimetres
    header[148 : 148 + 79] = description.encode("ascii", "replace")[:79].ljust(79, b"\0")
    struct.pack_into("<hh", header, 252, 1, 1)  # qform and sform: scanner coordinates
    struct.pack_into("<6f", header, 256, *quaternion, *affine[:3, 3])
    struct.pack_into("<12f", header, 280, *affine[:3].ravel())
    header[344:348] = b"n+1\0"
    return bytes(header)


def _quaternion(affine: NDArray[np.float64]) -> tuple[tuple[float, float, float], float]:
    """The rotation as (b, c, d) of a unit quaternion with a >= 0, and the sign of the third axis."""
    turn = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    handedness = 1.0 if np.linalg.det(turn) > 0 else -1.0
    turn[:, 2] *= handedness
    # The eigenvector of the largest eigenvalue (Bar-Itzhack 2000) has no special cases at half turns.
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = turn
    matrix = np.array(
        [
            [xx - yy - zz, 0, 0, 0],
            [yx + xy, yy - xx - zz, 0, 0],
            [zx + xz, zy + yz, zz - xx - yy, 0],
            [zy - yz, xz - zx, yx - xy, xx + yy + zz],
        ]
    )
    b, c, d, a = np.linalg.eigh(matrix)[1][:, -1]
    sign = -1.0 if a < 0 else 1.0
    return (float(b * sign), float(c * sign), float(d * sign)), handedness
