"""What a broken or hostile header may do to a reader is turned into one message with the file's name."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom.errors import BytesLengthException, InvalidDicomError

from theratrial.errors import InputError, TheratrialError

_DECODING_ERRORS = (
    ArithmeticError,
    AttributeError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
"""pydicom decodes an element when it is first looked at, and raises whatever its bytes provoke."""


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Within it, an element that is missing or cannot be decoded becomes an InputError that names the file."""
    try:
        with warnings.catch_warnings():
            # pydicom remarks on every value that deviates; what matters of it is judged by who asks for the value
            warnings.filterwarnings("ignore", module=r"pydicom\.")
            yield
    except TheratrialError:
        raise
    except _DECODING_ERRORS as error:
        reason = str(error).strip().splitlines()
        raise InputError(
            f"{path.name}: an element of its header is missing or cannot be read "
            f"({reason[0] if reason else type(error).__name__}) -> export it again"
        ) from error
