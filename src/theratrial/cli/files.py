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


def file_written(out: Path, content: bytes, *, replace: bool = False) -> None:
    """Write a file whole or not at all: beside first, then into its place.

    Raises
    ------
    InputError
        It is there already and `replace` is not given, or it cannot be written.
    """
    import os
    import tempfile

    from theratrial.errors import InputError

    if out.is_dir():
        raise InputError(f"{out} is a folder; name the file to write")
    if out.exists() and not replace:
        raise InputError(f"{out} is there already; name another file, or give --force to replace it")
    partial = ""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(prefix=f".{out.name}-", dir=out.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(partial, 0o644)
        os.replace(partial, out)
    except OSError as error:
        if partial:
            Path(partial).unlink(missing_ok=True)
        raise InputError(f"{out} cannot be written: {error.strerror or error}") from error
