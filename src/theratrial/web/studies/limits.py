"""How much the site takes at once; an installation may set others in the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass


def _environment(name: str, default: int) -> int:
    return int(os.environ.get(f"THERATRIAL_{name}", default))


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one delivery."""

    file_bytes: int = 4 * 1024**3
    delivery_bytes: int = 40 * 1024**3
    files: int = 40_000
    archive_bytes: int = 8 * 1024**3
    """Of all entries of one archive, unpacked."""
    archive_ratio: float = 200.0
    """Unpacked over packed; images of a camera compress 2 to 20 times, empty ones up to 100 times."""


def limits() -> Limits:
    """The bounds in force."""
    usual = Limits()
    return Limits(
        file_bytes=_environment("MOST_BYTES_PER_FILE", usual.file_bytes),
        delivery_bytes=_environment("MOST_BYTES_PER_UPLOAD", usual.delivery_bytes),
        files=_environment("MOST_FILES_PER_UPLOAD", usual.files),
        archive_bytes=_environment("MOST_BYTES_PER_ARCHIVE", usual.archive_bytes),
    )
