"""A small grey picture of a frame, for the person who looks at what was withheld."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WIDEST_PX = 512


def png(frame: NDArray[Any]) -> bytes:
    """PNG of a frame ``(ny, nx)`` or ``(ny, nx, 3)``, dark to bright over its own range, every pixel row kept."""
    values = np.asarray(frame, dtype=np.float64)
    values = values.max(axis=-1) if values.ndim == 3 else values
    step = max(1, -(-max(values.shape) // _WIDEST_PX))
    ny, nx = (n - n % step or n for n in values.shape)
    # the brightest of each block: thin strokes must not vanish in a smaller picture
    if step > 1:
        values = values[:ny, :nx].reshape(ny // step, step, nx // step, step).max(axis=(1, 3))
    low, high = float(values.min()), float(values.max())
    grey = np.zeros(values.shape, np.uint8) if high <= low else ((values - low) / (high - low) * 255).astype(np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in grey)
    size = struct.pack(">IIBBBBB", grey.shape[1], grey.shape[0], 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", size) + _chunk(b"IDAT", zlib.compress(rows, 6)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
