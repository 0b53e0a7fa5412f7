"""The record as files: what it is written as."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import Language

Write = Callable[[RegistrationRecord, Language, bool], bytes]


@dataclass(frozen=True, slots=True)
class Format:
    """A format of an export."""

    id: str
    title: Promise
    about: Promise
    ending: str
    content_type: str
    write: Write
    spoken: bool = False
    """Whether it is written in one language or the other."""


def _yaml(record: RegistrationRecord, language: Language, contacts: bool) -> bytes:
    from theratrial.registry.people import public_record
    from theratrial.registry.reader import registration_yaml

    return registration_yaml(record if contacts else public_record(record)).encode()


def _ictrp(record: RegistrationRecord, language: Language, contacts: bool) -> bytes:
    from theratrial.exchange.ictrp.write import ictrp_2009

    return ictrp_2009(record, contacts=contacts)


def _ictrp_131(record: RegistrationRecord, language: Language, contacts: bool) -> bytes:
    from theratrial.exchange.ictrp.write import ictrp_131

    return ictrp_131(record, contacts=contacts)


def _ctgov(record: RegistrationRecord, language: Language, contacts: bool) -> bytes:
    from theratrial.exchange.ctgov.write import ctgov_study

    return (json.dumps(ctgov_study(record, contacts=contacts), ensure_ascii=False, indent=2) + "\n").encode()


def _html(record: RegistrationRecord, language: Language, contacts: bool) -> bytes:
    from theratrial.report.registration.page import record_page

    return record_page(record, language=language, contacts=contacts).encode()


def _pdf(record: RegistrationRecord, language: Language, contacts: bool) -> bytes:
    from theratrial.report.registration.pdf import record_pdf

    return record_pdf(record, language=language, contacts=contacts)


def _sheet(record: RegistrationRecord, language: Language, contacts: bool) -> bytes:
    from theratrial.report.registration.sheet import paste_sheet

    return paste_sheet(record, language=language, contacts=contacts).encode()


_FORMATS: Final = (
    Format("irct-html", _("Page of the registry, HTML"), _("As readers of the registry know it; it can be read again."),
           "html", "text/html; charset=utf-8", _html, spoken=True),
    Format("irct-pdf", _("Page of the registry, PDF"), _("To print or attach; the record is inside."), "pdf",
           "application/pdf", _pdf, spoken=True),
    Format("sheet", _("Sheet to paste"), _("Field by field in the order of the registry's form, with buttons to copy."),
           "html", "text/html; charset=utf-8", _sheet, spoken=True),
    Format("ictrp-xml", _("ICTRP XML, 2009"), _("WHO's exchange format; validates against its DTD."), "xml",
           "application/xml", _ictrp),
    Format("ictrp-xml-131", _("ICTRP XML, data set 1.3.1"), _("All 24 items, ethics and sharing among them."), "xml",
           "application/xml", _ictrp_131),
    Format("ctgov-json", _("ClinicalTrials.gov JSON"), _("Version 2 of its API."), "json", "application/json", _ctgov),
    Format("yaml", _("theratrial YAML"), _("Everything, without loss."), "yaml", "application/yaml", _yaml),
)  # fmt: skip
FORMATS: Final[Mapping[str, Format]] = {one.id: one for one in _FORMATS}
