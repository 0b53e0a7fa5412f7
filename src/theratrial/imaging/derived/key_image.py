"""A picture for people -> Secondary Capture image (PS3.3 A.8), told truthfully as what it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from theratrial.errors import InputError
from theratrial.imaging.derived.making import (
    MANUFACTURER,
    Making,
    SourceImages,
    object_base,
    source_references,
    stamp,
    without_side,
)

_SOP_CLASS = "1.2.840.10008.5.1.4.1.1.7"


def key_image(
    source: SourceImages, picture: NDArray[np.uint8], making: Making, key: str, *, description: str, annotated: bool
) -> Dataset:
    """A Secondary Capture of an RGB picture ``(rows, columns, 3)``.

    Parameters
    ----------
    annotated
        Whether the picture holds text that names the patient or the image: BurnedInAnnotation says so.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise InputError(f"a key image is RGB of 8 bits, got {picture.dtype} {picture.shape}")
    dataset = object_base(source.first, making, _SOP_CLASS, "OT", "sc", key)
    dataset.SeriesNumber = 9501
    dataset.ConversionType = "WSD"
    dataset.SecondaryCaptureDeviceManufacturer = dataset.SecondaryCaptureDeviceManufacturerModelName = MANUFACTURER
    dataset.SecondaryCaptureDeviceSoftwareVersions = making.software[:64]
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.DerivationDescription = description[:1024]
    dataset.BurnedInAnnotation = "YES" if annotated else "NO"
    dataset.LossyImageCompression = "00"
    dataset.PatientOrientation = ""
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.Rows, dataset.Columns = picture.shape[:2]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    source_references(dataset, source)
    without_side(dataset, source.first)
    stamp(dataset, making, source.first, description=description)
    content = np.ascontiguousarray(picture).tobytes()
    dataset.PixelData = content + b"\0" * (len(content) % 2)
    dataset["PixelData"].VR = "OB"
    return dataset
