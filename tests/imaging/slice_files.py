"""Writes small slice series for the tests of series, fast loading, SUV and image info."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

STUDY, SERIES, FRAME = "1.2.3.1", "1.2.3.2", "1.2.3.3"


def tracer(**changes: Any) -> Dataset:
    """A RadiopharmaceuticalInformationSequence item: 200 MBq of 68Ga at 10:00."""
    item, code = Dataset(), Dataset()
    item.RadiopharmaceuticalStartDateTime = "20250101100000"
    item.RadiopharmaceuticalStartTime = "100000"
    item.RadionuclideTotalDose = "200000000"
    item.RadionuclideHalfLife = "4062.6"
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "C-131A3", "SRT", "^68^Gallium"
    item.RadionuclideCodeSequence = Sequence([code])
    changed(item, changes)
    return item


def changed(dataset: Dataset, changes: dict[str, Any]) -> None:
    """Set the given keywords; None removes."""
    for keyword, value in changes.items():
        if value is None:
            if keyword in dataset:
                delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)


def slice_dataset(
    words: NDArray[Any], number: int = 0, *, modality: str = "PT", syntax: str = ExplicitVRLittleEndian, **changes: Any
) -> Dataset:
    """One slice at z = 3 mm x number; keywords in `changes` replace, None removes."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.128" if modality == "PT" else "1.2.840.10008.5.1.4.1.1.2"
    dataset.SOPInstanceUID = f"{SERIES}.{number + 1}"
    dataset.Modality, dataset.PatientID = modality, "P1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = STUDY, SERIES, FRAME
    dataset.SeriesDate = dataset.AcquisitionDate = "20250101"
    dataset.SeriesTime = dataset.AcquisitionTime = "110000"
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [-10, -20, 3.0 * number], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, dataset.SliceThickness, dataset.InstanceNumber = [2, 2.5], 3, 99 - number
    dataset.Rows, dataset.Columns = words.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    bits = words.dtype.itemsize * 8
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, int(words.dtype.kind == "i")
    dataset.RescaleSlope, dataset.RescaleIntercept = "1", "0" if modality == "PT" else "-1024"
    if modality == "PT":
        dataset.Units, dataset.DecayCorrection, dataset.CorrectedImage = "BQML", "START", ["ATTN", "DECY"]
        dataset.FrameReferenceTime, dataset.ActualFrameDuration = "90000", "180000"
        dataset.PatientWeight, dataset.PatientSize, dataset.PatientSex = "70", "1.75", "F"
        dataset.RadiopharmaceuticalInformationSequence = Sequence([tracer()])
    dataset.PixelData = words.tobytes() + b"\0" * (words.nbytes % 2)
    dataset["PixelData"].VR = "OW" if bits > 8 else "OB"
    changed(dataset, changes)
    return dataset


def saved(dataset: Dataset, path: Path) -> Path:
    """The data set as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def series_folder(folder: Path, count: int = 4, *, modality: str = "PT", **changes: Any) -> Path:
    """A series of `count` slices of 6 x 5 pixels holding 100 + 10 x number, files named against the order."""
    for number in range(count):
        words = np.full((6, 5), 100 + 10 * number, np.int16)
        saved(slice_dataset(words, number, modality=modality, **changes), folder / f"{count - number:03d}.dcm")
    return folder
