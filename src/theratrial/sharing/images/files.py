"""One file in, one file out: read whatever it is, cleaned, written anew with nothing of the old file around it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from theratrial.imaging.fastload import dataset_from_file
from theratrial.imaging.guard import readable
from theratrial.sharing.images import elements
from theratrial.sharing.images.admission import has_pixels
from theratrial.sharing.images.cleaning import Cleaner
from theratrial.sharing.images.profile import METHOD_CODES

IMPLEMENTATION_UID: Final = "2.25.215484617187543093466474427264402153233"
IMPLEMENTATION_NAME: Final = "THERATRIAL"
METHOD: Final = "DICOM PS3.15 Annex E, basic profile with options, proven"


def read_object(path: Path) -> Dataset:
    """A DICOM file with its pixels, undecoded.

    Raises
    ------
    InputError
        If it is not DICOM or cannot be read.
    """
    dataset: Dataset = dataset_from_file(path, pixels=True)
    return dataset


def write_cleaned(source: Path, target: Path, cleaner: Cleaner) -> Dataset:
    """Write `source` without identity to `target`; the folder must exist. Returns what was written.

    The preamble, the file's meta information, group lengths and whatever follows the data set are not carried over;
    the transfer syntax and every byte of the pixels are.

    Raises
    ------
    InputError
        If the file cannot be read, or an element cannot be decoded and so cannot be judged.
    """
    with readable(source):
        dataset = read_object(source)
        syntax = _transfer_syntax(dataset)
        cleaner.clean(dataset)
        _mark(dataset, cleaner)
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        meta.TransferSyntaxUID = syntax
        meta.ImplementationClassUID = IMPLEMENTATION_UID
        meta.ImplementationVersionName = IMPLEMENTATION_NAME
        dataset.file_meta = meta
        dataset.preamble = b"\0" * 128
        dcmwrite(target, dataset, enforce_file_format=True)
    return dataset


def _transfer_syntax(dataset: Any) -> str:
    meta = getattr(dataset, "file_meta", None)
    stated = str(meta.get("TransferSyntaxUID", "") or "") if meta is not None else ""
    if stated:
        return stated
    implicit, little = dataset.original_encoding
    if implicit:
        return str(ImplicitVRLittleEndian)
    return str(ExplicitVRLittleEndian if little else ExplicitVRBigEndian)


def _mark(dataset: Dataset, cleaner: Cleaner) -> None:
    """Say in the object what was done to it (PS3.15 E.1.1), and whose it now is."""
    dataset.PatientID = cleaner.code
    dataset.PatientName = cleaner.code
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = METHOD
    dataset.DeidentificationMethodCodeSequence = Sequence([_code(value, text) for value, text in METHOD_CODES])
    dataset.LongitudinalTemporalInformationModified = "MODIFIED"
    if has_pixels(dataset):
        dataset.BurnedInAnnotation = "NO"


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def pixel_hash(dataset: Dataset) -> str:
    """sha256 of the stored pixel bytes, compressed or not, as they lie in the file; "" where there are none."""
    digest = hashlib.sha256()
    seen = False
    for name in elements.PIXELS:
        if name in dataset:
            value = dataset.get_item(name).value
            digest.update(name.encode())
            digest.update(value or b"")
            seen = True
    return digest.hexdigest() if seen else ""


def bytes_beside_pixels(data: bytes, dataset: Dataset) -> bytes:
    """All bytes of a file but those of its pixels: preamble, meta information, header, whatever stands behind."""
    if str(dataset.file_meta.get("TransferSyntaxUID", "")) == DeflatedExplicitVRLittleEndian:
        return data  # the deflated body is searched element by element, and inflated by `texts`
    for name in elements.PIXELS:
        if name in dataset and (value := dataset.get_item(name).value):
            before, found, after = data.partition(value)
            data = before + after if found else data
    return data


def texts(dataset: Dataset, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str, bool]]:
    """(element with its path, text, whether a term of the standard) of all that may hold text, at every level."""
    for tag in dataset.keys():  # noqa: SIM118 - keys, so that pixels are not decoded
        item = dataset[tag] if tag.is_private else dataset.get_item(tag)
        name = elements.keyword(tag)
        vr = elements.representation(item, private=tag.is_private)
        if vr == "SQ" or isinstance(item.value, Sequence):
            for inner in dataset[tag].value or ():
                yield from texts(inner, (*path, name))
        elif (
            name in elements.PIXELS
            or vr in elements.NUMBERS
            or (vr in elements.NUMBERS_AS_TEXT and elements.numbers_only(item))
        ):
            continue
        else:
            place = " > ".join((*path, name))
            value = dataset[tag].value
            if isinstance(value, bytes):
                yield place, value.decode("latin-1"), False
                yield place, value.replace(b"\0", b"").decode("utf-8", "replace"), False
            elif value is not None:
                yield place, "\\".join(str(one) for one in elements.listed(value)), vr == "CS"
