"""The record's page as PDF: tagged, with title and language, and the record attached."""

from __future__ import annotations

from theratrial.errors import InputError
from theratrial.exchange.irct.pdf import ATTACHED
from theratrial.registry.people import public_record
from theratrial.registry.reader import registration_yaml
from theratrial.registry.record import RegistrationRecord
from theratrial.report.pdf import pdf_bytes
from theratrial.report.registration.page import PageLanguage, page_for_pdf


def record_pdf(record: RegistrationRecord, *, language: PageLanguage = "en", contacts: bool = False) -> bytes:
    """The page of `record_page` on A4, with the record inside as ``registration.yaml``.

    The file is tagged (PDF/UA-1), so that it can be read aloud and by its headings.

    Raises
    ------
    InputError
        WeasyPrint or its libraries are not installed.
    """
    given = record if contacts else public_record(record)
    page = page_for_pdf(record, language=language, contacts=contacts)
    try:
        return pdf_bytes(page, attached={ATTACHED: registration_yaml(given).encode()}, variant="pdf/ua-1")
    except InputError as error:
        raise InputError(f"no PDF can be made: {error}; export as irct-html and print it from a browser") from None
