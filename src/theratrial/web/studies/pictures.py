"""A still picture of a series as PNG: the body from the front, or the first view."""

from __future__ import annotations

import struct
import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError
from theratrial.imaging.nm import nm_frames
from theratrial.imaging.planar import planar_pair
from theratrial.web.studies.arrival_checks import series_paths
from theratrial.web.studies.contents import kept, volume_contents
from theratrial.web.studies.models import Instance, Series
from theratrial.web.studies.shown import Shown

_HEIGHT: Final = 320


def picture_bytes(row: Series) -> tuple[bytes, str]:
    """The PNG and its key.

    Raises
    ------
    InputError
        The series has no picture (regions, documents).
    """
    if row.modality == "NM" and "RECON" not in row.header["catalogue"]["image_kind"]:
        return _planar(row)
    if row.modality not in ("PT", "NM"):
        raise InputError(f"a series of modality {row.modality} has no still picture")
    found = volume_contents(row)
    header = found.headers.get("mip")
    if header is None:
        raise InputError(found.problems.get("emission") or "no projection can be made of it")
    views, rows, columns = header["views"], header["rows"], header["columns"]
    stored = np.frombuffer(found.path("mip").read_bytes(), dtype="<u2").reshape(views, rows, columns)
    tall, wide = header["pixel_mm"]
    return _png(stored[0].astype(np.float32), tall / wide), f"{found.key}-picture"


def _planar(row: Series) -> tuple[bytes, str]:
    files = list(Instance.objects.filter(series=row).order_by("file_id").values_list("file_id", flat=True))

    def made() -> tuple[dict[str, Shown], dict[str, str]]:
        views, (dy, dx) = _views(row)
        return {"picture": Shown(_png(np.hstack(views), dy / dx), "image/png", {})}, {}

    found = kept({"what": "planar picture", "files": files}, made)
    return found.path("picture").read_bytes(), found.key


def _views(row: Series) -> tuple[list[NDArray[np.float32]], tuple[float, float]]:
    """Anterior and posterior in the window with most counts; where nobody can tell which is which, the frames."""
    paths = series_paths(row)
    try:
        pair = planar_pair(paths)
    except InputError:
        frames = nm_frames(paths[0])
        return [np.asarray(one, dtype=np.float32) for one in frames.counts[:2]], frames.pixel_spacing_mm
    best = int(np.argmax(pair.anterior.sum(axis=(1, 2))))
    views = [pair.anterior[best]] + ([] if pair.posterior is None else [pair.posterior[best]])
    return views, pair.pixel_spacing_mm


def _png(values: NDArray[np.float32], aspect: float) -> bytes:
    """Inverse grey, 0 to the 99.8th percentile of what is not zero, every pixel shown a stored one."""
    positive = values[values > 0]
    top = float(np.percentile(positive, 99.8)) if positive.size else 1.0
    grey = 255 - np.clip(values / max(top, 1e-9) * 255, 0, 255).astype(np.uint8)
    wide = max(1, round(_HEIGHT * values.shape[1] / (values.shape[0] * aspect)))
    rows = np.arange(_HEIGHT) * values.shape[0] // _HEIGHT
    columns = np.arange(wide) * values.shape[1] // wide
    small = grey[rows][:, columns]
    lines = b"".join(b"\0" + line.tobytes() for line in small)
    size = struct.pack(">IIBBBBB", wide, _HEIGHT, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", size) + _chunk(b"IDAT", zlib.compress(lines)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


__all__ = ["picture_bytes"]
