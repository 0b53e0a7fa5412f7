"""Files of a registry that are packed (gzip): unpacked piece by piece, and not without bounds."""

from __future__ import annotations

import gzip
import zlib
from io import BytesIO
from typing import IO, Final

from theratrial.errors import InputError

LARGEST_RATIO: Final = 200
"""Bytes out of a packed one. XML of registries gives 5 to 30; gzip can give 1000, of a file made to fill a memory."""
_ALLOWED_ANYWAY: Final = 20_000_000
_MAGIC: Final = b"\x1f\x8b"


def is_packed(head: bytes) -> bool:
    """Whether bytes begin as a gzip file does."""
    return head.startswith(_MAGIC)


def unpacked(content: bytes, name: str, *, most: int) -> bytes:
    """The bytes inside.

    Raises
    ------
    InputError
        More than `most` bytes, or the file is damaged or cut off.
    """
    found = Unpacked(BytesIO(content)).read(most + 1)
    if len(found) > most:
        raise InputError(f"{name} holds more than {most} bytes once unpacked; is it a dump of many records?")
    return found


class Unpacked:
    """A packed file, read as if it were not."""

    def __init__(self, file: IO[bytes]) -> None:
        self._packed = file
        self._file = gzip.GzipFile(fileobj=file, mode="rb")
        self._given = 0

    def read(self, size: int) -> bytes:
        """The next bytes, at most `size`; none at the end.

        Raises
        ------
        InputError
            The file is damaged or cut off, or gives more than `LARGEST_RATIO` times its bytes.
        """
        try:
            found = self._file.read(size)
        except EOFError:
            raise InputError("the packed file is cut off before its end; copy it anew") from None
        except (OSError, zlib.error) as error:
            raise InputError(f"the packed file is damaged ({error}); copy it anew") from None
        self._given += len(found)
        if self._given > _ALLOWED_ANYWAY and self._given > LARGEST_RATIO * max(self._packed.tell(), 1):
            raise InputError(
                f"the packed file gives more than {LARGEST_RATIO} times its size, as no registry's does; unpack it "
                "yourself if it is to be trusted"
            )
        return found
