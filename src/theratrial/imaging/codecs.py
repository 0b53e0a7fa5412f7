"""Stored pixel values of a slice series -> float32, by the short way where it holds, else through pydicom's decoders.

Pixels of uncompressed 16-bit files go from the file straight into the caller's float32 array through one slice-sized
buffer. Both ways end in the same two functions, so that they agree to the bit.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError
from theratrial.imaging.fastload import Elements, dataset_from_file

_MADV_POPULATE_WRITE: Final = 23
"""linux/mman.h; Python's mmap module does not name it."""


class PixelLayout(NamedTuple):
    """How stored pixel values lie in their words."""

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    frames: int = 1

    @property
    def frame_bytes(self) -> int:
        return self.rows * self.columns * self.bits_allocated // 8

    @property
    def dtype(self) -> np.dtype[Any]:
        """Little-endian type of one stored value."""
        return np.dtype(f"<{'i' if self.signed else 'u'}{self.bits_allocated // 8}")


def can_read_directly(found: Elements, layout: PixelLayout) -> bool:
    """Whether the pixels are native 16-bit little-endian words that lie complete in the file."""
    needed = layout.frame_bytes * layout.frames
    return (
        found.pixel_start >= 0
        and layout.bits_allocated == 16
        and needed <= found.pixel_bytes <= needed + 1
        and found.pixel_start + needed <= found.file_bytes
    )


def stored_values(words: NDArray[Any], layout: PixelLayout) -> NDArray[Any]:
    """`words` without the bits that do not belong to the stored value; a signed value keeps its sign.

    Old files keep overlays in the unused high bits, and some writers do not extend the sign into them.
    """
    unused = layout.bits_allocated - layout.bits_stored
    shift = layout.high_bit + 1 - layout.bits_stored
    if unused == 0 or words.dtype.kind not in "iu" or words.dtype.itemsize * 8 != layout.bits_allocated:
        return words
    if layout.signed:
        return np.right_shift(np.left_shift(words, unused - shift), unused)
    if shift == 0 and int(words.max()) >> layout.bits_stored == 0:
        return words
    return (words >> shift) & words.dtype.type((1 << layout.bits_stored) - 1)


def scaled_into(out: NDArray[np.float32], stored: NDArray[Any], slope: float, intercept: float) -> None:
    """Write ``stored * slope + intercept`` into `out`.

    Words of up to 16 bits are scaled in float32 (relative error at most 1.2e-7 per step), wider ones in float64 and
    rounded once.
    """
    if stored.dtype.itemsize > 2 or stored.dtype.kind not in "iu":
        out[...] = stored.astype(np.float64) * slope + intercept
        return
    if slope == 1.0:
        out[...] = stored
    else:
        np.multiply(stored, np.float32(slope), out=out, dtype=np.float32)
    if intercept != 0.0:
        out += np.float32(intercept)


@cache
def _madvise() -> Any:
    """The C library's madvise(address, length, advice)."""
    function = ctypes.CDLL(None).madvise
    function.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return function


class PlaneMemory:
    """A float32 volume whose memory is asked for block by block, by the threads that fill it.

    Small pages are asked for: where a virtual machine hands free memory back to its host, first touching a huge page
    costs ten times what it saves. Elsewhere than on Linux it is an ordinary array.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self._plane_bytes = shape[1] * shape[2] * 4
        self._memory: mmap.mmap | None = None
        if sys.platform == "linux":
            self._memory = mmap.mmap(-1, shape[0] * self._plane_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            with suppress(OSError):
                self._memory.madvise(mmap.MADV_NOHUGEPAGE)
            self.values: NDArray[np.float32] = np.frombuffer(self._memory, np.float32).reshape(shape)
        else:
            self.values = np.empty(shape, np.float32)

    def prepare(self, first: int, last: int) -> None:
        """Have the planes from `first` up to, not including, `last` in memory before they are written."""
        if self._memory is None:
            return
        start = first * self._plane_bytes // mmap.PAGESIZE * mmap.PAGESIZE
        # Through ctypes and not mmap.madvise, which would hold the interpreter lock and so the other thread. A kernel
        # before 5.14 does not know the advice, says so, and gives the pages one by one as they are written.
        _madvise()(self.values.ctypes.data + start, last * self._plane_bytes - start, _MADV_POPULATE_WRITE)


class DirectReader:
    """Reads native 16-bit frames of one layout into float32 slices through a single buffer."""

    def __init__(self, layout: PixelLayout) -> None:
        self.layout = layout
        self._words: NDArray[Any] = np.empty((layout.rows, layout.columns), layout.dtype)
        self._bytes = self._words.data.cast("B")

    def words(self, path: str | Path, offset: int) -> NDArray[Any]:
        """Stored values of the frame at byte `offset`; the array is overwritten by the next call.

        Raises
        ------
        InputError
            If the file is shorter than it was when its header was read.
        """
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            done = 0
            while done < len(self._bytes):
                got = os.preadv(descriptor, [self._bytes[done:]], offset + done)
                if got <= 0:
                    raise InputError(f"{path}: ends within its pixel data; the file changed or is truncated")
                done += got
        finally:
            os.close(descriptor)
        return stored_values(self._words, self.layout)


def decoded_words(path: str | Path, layout: PixelLayout) -> NDArray[Any]:
    """Stored values ``(frames, rows, columns)`` of a whole file, decoded by pydicom.

    Raises
    ------
    InputError
        If the pixels are truncated, or no installed decoder handles the transfer syntax.
    """
    dataset = dataset_from_file(path, pixels=True)
    if "PixelData" not in dataset and "FloatPixelData" not in dataset and "DoubleFloatPixelData" not in dataset:
        raise InputError(f"{path}: has no pixel data")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            words = dataset.pixel_array
    except Exception as error:  # noqa: BLE001 - decoders raise whatever a broken byte provokes
        syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", "")
        name = getattr(syntax, "name", syntax) or "unknown transfer syntax"
        raise InputError(f"{path}: its pixels cannot be decoded ({name}): {error}") from None
    shape = (layout.frames, layout.rows, layout.columns)
    if words.size != layout.frames * layout.rows * layout.columns:
        raise InputError(f"{path}: pixel array is {words.shape}, the header says {shape}")
    return stored_values(words.reshape(shape), layout)
