"""NIfTI maps: the bytes of the header against the NIfTI-1 definition, and back."""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path

import numpy as np
import pytest

from theratrial.errors import InputError
from theratrial.imaging.nifti import read_nifti, write_nifti
from theratrial.imaging.values import Grid


def turned(degrees: float) -> np.ndarray:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


@pytest.mark.parametrize("direction", [np.eye(3), turned(21.0), np.diag([1.0, 1.0, -1.0])])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_values_and_place_come_back(direction: np.ndarray, suffix: str, tmp_path: Path) -> None:
    grid = Grid((5, 6, 7), (4.8, 3.0, 2.5), (-101.5, -50.25, 1203.5), direction, "1.2.3")
    values = np.random.default_rng(3).random(grid.shape).astype(np.float32)
    path = write_nifti(tmp_path / f"dose{suffix}", grid, values, description="absorbed dose Gy")
    found, back = read_nifti(path, frame_of_reference_uid="1.2.3")
    assert np.array_equal(back, values)
    assert found.same_place(grid)
    assert found.frame_of_reference_uid == "1.2.3"


@pytest.mark.parametrize("direction", [np.eye(3), turned(21.0)])
def test_the_affine_is_right_anterior_superior(direction: np.ndarray, tmp_path: Path) -> None:
    """NIfTI-1: bytes 280-327 hold srow_x, srow_y, srow_z; +x is right, +y front, +z head, so LPS x and y turn over."""
    grid = Grid((5, 6, 7), (4.8, 3.0, 2.5), (-101.5, -50.25, 1203.5), direction)
    values = np.arange(210, dtype=np.float32).reshape(grid.shape)
    raw = gzip.decompress(write_nifti(tmp_path / "dose.nii.gz", grid, values, description="dose Gy").read_bytes())
    header = struct.unpack_from("<i", raw, 0)[0], struct.unpack_from("<8h", raw, 40), struct.unpack_from("<hh", raw, 70)
    assert header == (348, (3, 7, 6, 5, 1, 1, 1, 1), (16, 32))  # DT_FLOAT32
    assert raw[344:347] == b"n+1"
    assert raw[148:228].rstrip(b"\0") == b"dose Gy"
    assert struct.unpack_from("<h", raw, 254)[0] > 0  # sform_code: the affine holds
    affine = np.array(struct.unpack_from("<12f", raw, 280)).reshape(3, 4)
    index = np.array([3.0, 2.0, 1.0])  # z, y, x
    x, y, z = grid.patient_mm(index)
    assert affine @ np.array([1.0, 2.0, 3.0, 1.0]) == pytest.approx([-x, -y, z], abs=1e-3)
    first = struct.unpack_from("<f", raw, int(struct.unpack_from("<f", raw, 108)[0]) + 4 * (1 + 7 * (2 + 6 * 3)))[0]
    assert first == values[3, 2, 1]


def test_the_same_map_gives_the_same_bytes(tmp_path: Path) -> None:
    grid = Grid((5, 6, 7), (4.8, 3.0, 2.5), (0.0, 0.0, 0.0))
    values = np.ones(grid.shape, dtype=np.float32)
    one, again = (write_nifti(tmp_path / name / "d.nii.gz", grid, values).read_bytes() for name in ("a", "b"))
    assert one == again


def test_names_shapes_and_files_that_cannot_be_are_refused(tmp_path: Path) -> None:
    grid = Grid((5, 6, 7), (4.8, 3.0, 2.5), (0.0, 0.0, 0.0))
    values = np.ones(grid.shape, dtype=np.float32)
    with pytest.raises(InputError, match=r"named \.nii"):
        write_nifti(tmp_path / "dose.img", grid, values)
    with pytest.raises(InputError, match="does not fit"):
        write_nifti(tmp_path / "dose.nii", grid, values[1:])
    with pytest.raises(InputError, match="79 bytes"):
        write_nifti(tmp_path / "dose.nii", grid, values, description="x" * 80)
    (tmp_path / "broken.nii").write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be read as NIfTI"):
        read_nifti(tmp_path / "broken.nii")
