"""Whether two files are the same instance, though they differ: sent by another way, written by another program."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pydicom
from pydicom.dataset import Dataset

_DATASET_ERRORS: Final = (AttributeError, KeyError, TypeError, ValueError, NotImplementedError, OverflowError, OSError)


def same_instance(one: Path, other: Path) -> bool:
    """Whether both hold the same data set, whatever their file meta information and uncompressed encoding.

    Pixels compressed in two ways count as different: whether they are the same picture is for a person to say.
    """
    try:
        first, second = pydicom.dcmread(one), pydicom.dcmread(other)
        return _contents(first) == _contents(second)
    except _DATASET_ERRORS:
        return False


def _contents(dataset: Dataset) -> dict[int, Any]:
    compressed = dataset.file_meta.TransferSyntaxUID.is_compressed
    order = "" if dataset.original_encoding[1] else "big"
    found: dict[int, Any] = {-1: str(dataset.file_meta.TransferSyntaxUID) if compressed else order}
    for element in dataset:
        # Group lengths count bytes of an encoding; trailing padding fills up a file.
        if element.tag.element != 0 and element.tag != 0xFFFCFFFC:
            found[int(element.tag)] = (
                [_contents_of(item) for item in element.value] if element.VR == "SQ" else element.value
            )
    return found


def _contents_of(item: Dataset) -> dict[int, Any]:
    return {
        int(one.tag): [_contents_of(inner) for inner in one.value] if one.VR == "SQ" else one.value
        for one in item
        if one.tag.element != 0
    }


__all__ = ["same_instance"]
