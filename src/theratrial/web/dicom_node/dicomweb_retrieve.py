"""WADO-RS: instances as they are stored, their metadata, their frames."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator
from typing import Final

import pydicom

from theratrial.errors import InputError
from theratrial.web.dicom_node.dicomweb_json import metadata
from theratrial.web.dicom_node.dicomweb_search import file_of
from theratrial.web.studies.models import Instance

_BLOCK: Final = 1 << 18
_DATASET_ERRORS: Final = (AttributeError, KeyError, TypeError, ValueError, NotImplementedError, OverflowError, OSError)
MOST_FRAMES: Final = 2000


class NoSuchFrame(InputError):
    """An image has fewer frames."""


def boundary() -> str:
    """Separates the parts; nobody can know it beforehand and write it into an image."""
    return f"theratrial-{secrets.token_hex(16)}"


def files_sent(found: Iterable[Instance], mark: str) -> Iterator[bytes]:
    """The body of a multipart answer with the files as they are, one after the other."""
    for one in found:
        yield f"--{mark}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        with file_of(one).open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
        yield b"\r\n"
    yield f"--{mark}--\r\n".encode()


def metadata_sent(found: Iterable[Instance], address: str) -> Iterator[bytes]:
    """A JSON array of the headers, one instance at a time."""
    yield b"["
    for number, one in enumerate(found):
        dataset = pydicom.dcmread(file_of(one), stop_before_pixels=True)
        row = one.series
        place = f"{address}/studies/{row.study_instance_uid}/series/{row.series_instance_uid}"
        text = json.dumps(metadata(dataset, f"{place}/instances/{one.sop_instance_uid}"))
        yield (b"," if number else b"") + text.encode()
    yield b"]"


def frames(one: Instance, numbers: Iterable[int]) -> list[bytes]:
    """Frames of an image, uncompressed little endian.

    Raises
    ------
    NoSuchFrame
        A number is not one of its frames.
    InputError
        It has no pixels, or they cannot be decoded.
    """
    from pydicom.pixels import pixel_array

    path = file_of(one)
    header = pydicom.dcmread(path, stop_before_pixels=True)
    count = int(header.get("NumberOfFrames", 1) or 1)
    found = []
    for number in numbers:
        if not 1 <= number <= count:
            raise NoSuchFrame(f"frame {number}: the image has {count}")
        try:
            array = pixel_array(path, index=number - 1, raw=True)
        except _DATASET_ERRORS as error:
            raise InputError(f"the pixels cannot be read ({type(error).__name__})") from error
        found.append(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    return found


def frames_sent(parts: Iterable[bytes], mark: str) -> Iterator[bytes]:
    """The body of a multipart answer with frames."""
    for part in parts:
        yield f"--{mark}\r\nContent-Type: application/octet-stream\r\n\r\n".encode()
        yield part
        yield b"\r\n"
    yield f"--{mark}--\r\n".encode()


__all__ = ["MOST_FRAMES", "NoSuchFrame", "boundary", "files_sent", "frames", "frames_sent", "metadata_sent"]
