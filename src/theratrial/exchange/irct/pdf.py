"""A page of IRCT saved as PDF: a file of ours carries the record, of any other the words are read in their order."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Final

from theratrial.errors import InputError, TheratrialError
from theratrial.exchange.irct.text import read_irct_lines
from theratrial.registry.imported import Imported

ATTACHED: Final = "registration.yaml"
"""Name under which a PDF of ours carries the record."""
_MOST_PAGES: Final = 200
_MOST_TRIED: Final = 200
"""Objects of a damaged file that are looked through for its beginning; each costs a search of the whole file."""
_MOST_FAULTS: Final = 300
"""Faults that pypdf may pass over in one file; some damage makes it try for minutes."""


def read_irct_pdf(content: bytes, *, today: date) -> Imported:
    """The record of a PDF.

    Words are read line by line as they stand; a paragraph that the print broke comes back with its lines joined.

    Raises
    ------
    InputError
        The package that reads PDFs is not installed, the file is none, is encrypted, or is no page of the registry.
    """
    try:
        from pypdf import PdfReader
    except ModuleNotFoundError:
        raise InputError(
            "reading PDF needs the package pypdf; install theratrial with [pdf], or save the page as text"
        ) from None
    with _quiet():
        try:
            reader = PdfReader(io.BytesIO(content), root_object_recovery_limit=_MOST_TRIED)
            if reader.is_encrypted:
                raise InputError("the PDF is encrypted; save it again without a password")
            if ATTACHED in reader.attachments:
                from theratrial.registry.reader import parse_registration

                return Imported(
                    parse_registration(reader.attachments[ATTACHED][0], f"{ATTACHED} in the PDF"), "irct-pdf"
                )
            if len(reader.pages) > _MOST_PAGES:
                raise InputError(f"the PDF has {len(reader.pages)} pages; a record has a few")
            lines = [line for page in reader.pages for line in [*page.extract_text().splitlines(), ""]]
        except Exception as error:  # of damaged files pypdf raises about everything there is
            if isinstance(error, TheratrialError):
                raise
            raise InputError(f"the PDF cannot be read: {error}; save the page as text or HTML") from None
    return read_irct_lines(enumerate(lines, 1), today=today, format_="irct-pdf")


class _Faults(logging.Handler):
    """Counts the faults that pypdf tells of in this thread, prints none, and ends the reading of a hopeless file."""

    def __init__(self) -> None:
        super().__init__()
        self.thread, self.count = threading.get_ident(), 0

    def emit(self, record: logging.LogRecord) -> None:
        """Count one; each may cost a search that begins anew within the next."""
        self.count += record.thread == self.thread
        if self.count > _MOST_FAULTS:
            raise ValueError(f"it has more than {_MOST_FAULTS} faults")


@contextmanager
def _quiet() -> Iterator[None]:
    """pypdf logs every fault of a damaged file, a line for each try: what cannot be read is told once, by us."""
    log, faults = logging.getLogger("pypdf"), _Faults()
    before, log.propagate = log.propagate, False
    log.addHandler(faults)
    try:
        yield
    finally:
        log.removeHandler(faults)
        log.propagate = before
