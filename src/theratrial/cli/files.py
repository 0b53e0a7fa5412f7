"""Files that a command reads whole."""

from __future__ import annotations

from pathlib import Path


def csv_text(file: Path) -> str:
    """Text of a CSV file.

    Raises
    ------
    InputError
        The file cannot be read, or is not UTF-8.
    """
    from theratrial.errors import InputError

    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 (byte {error.start}); save it as CSV UTF-8 (comma delimited)") from None
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror or error}") from None
