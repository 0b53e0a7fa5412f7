"""Makes small DICOM series that are full of an invented person, for the tests of sharing images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

STUDY, FRAME = "1.2.826.0.1.55.1", "1.2.826.0.1.55.9"
NAME = "Quendolin^Ophelia Maribel"
PATIENT_ID = "MRN-7734519"


def code(scheme: str, value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def tracer(*, dated: bool = True) -> Dataset:
    item = Dataset()
    item.RadiopharmaceuticalStartTime = "100000"
    item.RadiopharmaceuticalStopTime = "100100"
    if dated:
        item.RadiopharmaceuticalStartDateTime = "20240311100000"
        item.RadiopharmaceuticalStopDateTime = "20240311100100"
    item.RadionuclideTotalDose = "200000000"
    item.RadionuclideHalfLife = "4062.6"
    item.RadionuclideCodeSequence = Sequence([code("SRT", "C-131A3", "^68^Gallium")])
    return item


def pet_slice(
    number: int = 0, *, day: str = "20240311", series: str = "1.2.826.0.1.55.2", dated: bool = True
) -> Dataset:
    """One 68Ga PET slice of an invented person, scanned an hour after 200 MBq."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.128"
    ds.SOPInstanceUID = f"{series}.{number + 1}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = f"{STUDY}.{day}", series, FRAME
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = NAME, PATIENT_ID, "19310502", "F"
    ds.PatientAge, ds.PatientWeight, ds.PatientSize = "092Y", "61.5", "1.62"
    ds.OtherPatientIDs, ds.PatientAddress, ds.PatientTelephoneNumbers = (
        "AB99887766",
        "Zypressenweg 17",
        "0049-351-99887",
    )
    ds.AccessionNumber, ds.StudyID = "ACC20240311-77", "S-20077"
    ds.InstitutionName, ds.InstitutionAddress = "Sankt Quirinus Klinikum", "Xantenstrasse 4"
    ds.ReferringPhysicianName, ds.OperatorsName = "Dr^Holdernesse", "Tupperwein^Gustaf"
    ds.StationName, ds.DeviceSerialNumber, ds.Manufacturer = "QUIRPET2", "SN-556677", "MAKER"
    ds.ManufacturerModelName = "Model 690"
    ds.Modality, ds.StudyDescription, ds.SeriesDescription = "PT", "PET Quendolin whole body", "PET AC Dr Holdernesse"
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = day
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = "110000"
    ds.ContentTime = "110500.250000"
    ds.TimezoneOffsetFromUTC = "+0330"
    ds.SeriesType = ["STATIC", "IMAGE"]
    ds.Units, ds.DecayCorrection, ds.CorrectedImage = "BQML", "START", ["DECY", "ATTN"]
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.NumberOfSlices, ds.InstanceNumber = 3, number + 1
    ds.ImagePositionPatient, ds.ImageOrientationPatient = [-20, -20, 4.0 * number], [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.SliceThickness = [4, 4], "4"
    ds.RadiopharmaceuticalInformationSequence = Sequence([tracer(dated=dated)])
    ds.FrameReferenceTime, ds.ActualFrameDuration = "0", "120000"
    ds.Rows = ds.Columns = 16
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
    ds.RescaleSlope, ds.RescaleIntercept = "0.5", "0"
    words = np.random.default_rng(number).integers(0, 4000, (16, 16)).astype("<u2")
    ds.PixelData = words.tobytes()
    ds["PixelData"].VR = "OW"
    return ds


def saved(ds: Dataset, path: Path, *, syntax: str = ExplicitVRLittleEndian, preamble: bytes = b"") -> Path:
    """Write a data set as a file, with a preamble of one's own."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    ds.file_meta = meta
    ds.preamble = preamble.ljust(128, b"\0")
    path.parent.mkdir(parents=True, exist_ok=True)
    dcmwrite(path, ds, enforce_file_format=True, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True)
    return path


def series(folder: Path, *, count: int = 3, **of: str | bool) -> Path:
    """A series of slices in a folder."""
    for number in range(count):
        saved(pet_slice(number, **of), folder / f"Quendolin_{number}.dcm")  # type: ignore[arg-type]
    return folder
