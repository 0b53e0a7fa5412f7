"""Maps as float32 NIfTI, with the patient's left and front where NIfTI wants them. docs/methods/dose_objects.md."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from theratrial.errors import InputError
from theratrial.imaging.values import FloatArray, Grid

_SUFFIXES = (".nii", ".nii.gz")


def write_nifti(path: Path, grid: Grid, values: FloatArray, *, description: str = "") -> Path:
    """Write a map ``(nz, ny, nx)`` as float32 NIfTI-1; the affine is in RAS millimetres, so x and y change sign.

    Parameters
    ----------
    description
        Quantity and unit, as "absorbed dose Gy": up to 79 characters. Nothing of the patient is written.

    Raises
    ------
    InputError
        If the array does not fit the grid, the name does not end in .nii or .nii.gz, or the description is too long.
    """
    path = Path(path)
    if not path.name.endswith(_SUFFIXES):
        raise InputError(f"{path.name}: a NIfTI file is named .nii or .nii.gz")
    if values.shape != grid.shape:
        raise InputError(f"array {values.shape} does not fit grid {grid.shape}")
    if len(description.encode()) > 79:
        raise InputError(f"the description of a NIfTI file has at most 79 bytes, got {len(description.encode())}")
    image = sitk.GetImageFromArray(np.ascontiguousarray(values, dtype=np.float32))
    dz, dy, dx = grid.spacing_mm
    image.SetSpacing((dx, dy, dz))
    image.SetOrigin([float(v) for v in grid.origin_mm])
    image.SetDirection([float(v) for v in np.asarray(grid.direction).ravel()])
    if description:
        image.SetMetaData("ITK_FileNotes", description)
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path))
    return path


def read_nifti(path: Path, *, frame_of_reference_uid: str = "") -> tuple[Grid, FloatArray]:
    """Grid in patient coordinates (LPS) and values of a three-dimensional NIfTI file.

    A NIfTI file names no frame of reference; who knows it gives it.

    Raises
    ------
    InputError
        If it cannot be read or is not three-dimensional.
    """
    path = Path(path)
    try:
        image = sitk.ReadImage(str(path), sitk.sitkFloat32)
    except RuntimeError as error:
        raise InputError(f"{path.name}: cannot be read as NIfTI ({str(error).strip().splitlines()[-1]})") from None
    if image.GetDimension() != 3:
        raise InputError(f"{path.name}: has {image.GetDimension()} dimensions; a map has 3")
    values = sitk.GetArrayFromImage(image)
    dx, dy, dz = image.GetSpacing()
    x, y, z = image.GetOrigin()
    direction = np.array(image.GetDirection()).reshape(3, 3)
    nz, ny, nx = values.shape
    return Grid((nz, ny, nx), (dz, dy, dx), (x, y, z), direction, frame_of_reference_uid), values
