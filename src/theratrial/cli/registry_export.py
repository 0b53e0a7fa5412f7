"""What `theratrial registry export` writes: pages and sheets for people, files for other registries."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import typer

from theratrial.cli import console

if TYPE_CHECKING:
    from theratrial.registry.record import RegistrationRecord
    from theratrial.registry.words import Language


WITHHELD: Final = {
    "en": "(withheld; --contacts shows it)",
    "fa": "(پنهان؛ با ‎--contacts‎ دیده می‌شود)",
}


class Format(StrEnum):
    """What a record is written as."""

    IRCT_HTML = "irct-html"
    IRCT_PDF = "irct-pdf"
    SHEET_HTML = "sheet-html"
    ICTRP_XML = "ictrp-xml"
    ICTRP_XML_131 = "ictrp-xml-131"
    CTGOV_JSON = "ctgov-json"
    YAML = "yaml"


class PageTongue(StrEnum):
    """Language of a page."""

    EN = "en"
    FA = "fa"
    BOTH = "both"


PAGES: Final = (Format.IRCT_HTML, Format.IRCT_PDF, Format.SHEET_HTML)


def refuse_idle_options(to: Format, language: PageTongue | None, earlier: str) -> None:
    """Refuse an option that the format has no use for, rather than pass over it.

    Raises
    ------
    InputError
        Names the option and what it is for.
    """
    from theratrial.errors import InputError

    if language is not None and to not in PAGES:
        raise InputError(f"{to.value} has no choice of language; leave --language out")
    if language is PageTongue.BOTH and to is Format.SHEET_HTML:
        raise InputError("the sheet shows values in both languages; --language en or fa is that of its headings")
    if earlier and to is not Format.SHEET_HTML:
        raise InputError(
            f"--earlier is for sheet-html, not for {to.value}; `theratrial registry diff` compares two records"
        )


def exported(
    record: RegistrationRecord,
    to: Format,
    language: PageTongue,
    *,
    earlier: RegistrationRecord | None,
    contacts: bool,
) -> bytes:
    """The record in a format; without `contacts`, without what points at a person."""
    if to not in PAGES:
        return _for_registries(record, to, contacts=contacts)
    if to is Format.SHEET_HTML:
        from theratrial.report.registration.sheet import paste_sheet

        tongue: Language = "fa" if language is PageTongue.FA else "en"
        return paste_sheet(record, language=tongue, earlier=earlier, contacts=contacts).encode()
    if to is Format.IRCT_PDF:
        from theratrial.report.registration.pdf import record_pdf

        return record_pdf(record, language=language.value, contacts=contacts)
    from theratrial.report.registration.page import record_page

    return record_page(record, language=language.value, contacts=contacts).encode()


def _for_registries(record: RegistrationRecord, to: Format, *, contacts: bool) -> bytes:
    if to is Format.YAML:
        from theratrial.registry.people import public_record
        from theratrial.registry.reader import registration_yaml

        return registration_yaml(record if contacts else public_record(record)).encode()
    if to is Format.CTGOV_JSON:
        import json

        from theratrial.exchange.ctgov.write import ctgov_study

        return (json.dumps(ctgov_study(record, contacts=contacts), ensure_ascii=False, indent=2) + "\n").encode()
    from theratrial.exchange.ictrp.write import ictrp_131, ictrp_2009

    return (ictrp_2009 if to is Format.ICTRP_XML else ictrp_131)(record, contacts=contacts)


def tell_addresses_in_words(record: RegistrationRecord) -> None:
    """Say, beside the export, where an address stands in a field of words, which no export alters."""
    from theratrial.registry.contact_words import contacts_in_prose
    from theratrial.registry.fields import field_of, filled_fields

    found = dict.fromkeys(one.path for one in contacts_in_prose(filled_fields(record, blank=False)))
    if found:
        names = ", ".join(field_of(path).en for path in found)
        console.note(
            f"note: an e-mail address or telephone number stands in the words of {names}; words stay as they are"
        )


def to_standard_output(content: bytes, to: Format) -> None:
    """Write bytes; a PDF never to a terminal."""
    import sys

    from theratrial.errors import InputError

    if to is Format.IRCT_PDF and sys.stdout.isatty():
        raise InputError("a PDF is no text for a terminal; give a file with --out")
    typer.echo(content, nl=False)
