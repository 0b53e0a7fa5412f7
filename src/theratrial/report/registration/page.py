"""The record as the registry's page, in English, Persian or both side by side; for the screen and for print."""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

from markupsafe import Markup

from theratrial.exchange.irct.labels import HEADINGS
from theratrial.exchange.irct.text import REGISTRY
from theratrial.registry.people import public_record
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import Language
from theratrial.report.registration import one_language, two_languages
from theratrial.report.registration.carried import carried
from theratrial.report.registration.frame import document, packaged
from theratrial.report.registration.one_language import DEFINITIONS, ITEMS, Listing
from theratrial.report.registration.rows import parts
from theratrial.report.registration.said import DIRECTION, Said, dated, element

PageLanguage = Literal["en", "fa", "both"]

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def record_page(record: RegistrationRecord, *, language: PageLanguage = "en", contacts: bool = False) -> str:
    """The record as one page of HTML that needs nothing from outside and gives the record back when it is imported.

    Parameters
    ----------
    language
        Of labels and words; ``both`` sets English and Persian side by side.
    contacts
        Whether names, telephone and fax numbers, e-mail and web addresses are in it; without them the page carries and
        shows the public record, and says so.

    Examples
    --------
    >>> from theratrial.registry.reader import shipped_registration
    >>> page = record_page(shipped_registration("IRCT20210612051548N3"))
    >>> "Study aim</dt>" in page
    True
    """
    return _page(record, language, contacts=contacts, listing=DEFINITIONS)


def page_for_pdf(record: RegistrationRecord, *, language: PageLanguage, contacts: bool) -> str:
    """The page of `record_page` in elements that become a list with items in a tagged PDF."""
    return _page(record, language, contacts=contacts, listing=ITEMS)


def _page(record: RegistrationRecord, language: PageLanguage, *, contacts: bool, listing: Listing) -> str:
    given = record if contacts else public_record(record)
    main: Language = "en" if language == "both" else language
    return document(
        title=_title(record, main),
        language=main,
        running=record.registration.number,
        body=Markup("<main>\n{}</main>\n{}").format(_body(record, given, language, 1, listing), carried(given)),
        css=record_css(),
    )


def record_page_body(
    record: RegistrationRecord, *, language: PageLanguage = "en", contacts: bool = False, top: int = 1
) -> str:
    """The page's words alone, as an ``article`` to set into a page of the site: no style, no script, no record inside.

    Parameters
    ----------
    top
        Level of its highest heading: 2 where the page around it has an ``h1`` of its own.

    Notes
    -----
    Rules of style for it are in `record_css`, all below ``.registration-record``. Each field has an id,
    `rows.path_id`.
    """
    given = record if contacts else public_record(record)
    return str(_body(record, given, language, top, DEFINITIONS))


def _body(
    record: RegistrationRecord, given: RegistrationRecord, language: PageLanguage, top: int, listing: Listing
) -> Markup:
    main: Language = "en" if language == "both" else language
    head = _head(record, language, top, left_out=given != record)
    held = parts(given)
    if language == "both":
        shown = two_languages.rendered(held, record, top=top + 1)
    else:
        shown = one_language.rendered(held, record, language, top=top + 1, listing=listing)
    return Markup('<article class="registration-record {}" lang="{}" dir="{}">\n{}{}</article>\n').format(
        "two-languages" if language == "both" else "one-language", main, DIRECTION[main], head, shown
    )


def record_css() -> str:
    """Rules of style for the record's words alone, for the screen and for A4."""
    return packaged("record.css")


def _title(record: RegistrationRecord, language: Language) -> str:
    title = record.public_title or record.scientific_title
    words = title.said(language) or str(title)
    return ": ".join(one for one in (record.registration.number, words) if one) or HEADINGS["document"][0]


def _head(record: RegistrationRecord, language: PageLanguage, top: int, *, left_out: bool) -> Markup:
    tongues: tuple[Language, ...] = ("en", "fa") if language == "both" else (language,)
    main = tongues[0]
    lines = [_side_by_side([_heading("document", one) for one in tongues], main, "kind")]
    if record.registration.registry:
        lines.append(_side_by_side([_registry(record, one) for one in tongues], main, "registry"))
    if printed := record.registration.printed_on:
        lines.append(element("p", _printed(printed, main), main, "printed"))
    titles = _titles(record, tongues)
    lines.append(element(f"h{top}", titles[0], main))
    lines += [element("p", one, main, "title") for one in titles[1:]]
    if left_out:
        lines.append(_side_by_side([_heading("withheld", one) for one in tongues], main, "withheld-note"))
    return Markup("<header>\n{}\n</header>\n").format(Markup("\n").join(lines))


def _side_by_side(words: list[Said], main: Language, css: str) -> Markup:
    shown = Markup("").join(element("p", one, main, css) for one in words)
    return Markup('<div class="side-by-side">{}</div>').format(shown) if len(words) > 1 else shown


def _printed(day: date, main: Language) -> Said:
    return Said(dated(day, "fa")) if main == "fa" else Said(f"{day:%d} {_MONTHS[day.month - 1]} {day:%Y}")


def _titles(record: RegistrationRecord, tongues: tuple[Language, ...]) -> list[Said]:
    """The scientific title in each language that it has; what the record has instead where it has none."""
    title = record.scientific_title or record.public_title
    if not title:
        return [Said(record.registration.number)] if record.registration.number else [_heading("document", tongues[0])]
    return [Said(title.said(one), one) for one in tongues if title.said(one)] or [
        Said(str(title), "en" if title.en else "fa")
    ]


def _heading(name: str, language: Language) -> Said:
    return Said(HEADINGS[name][1 if language == "fa" else 0], language)


def _registry(record: RegistrationRecord, language: Language) -> Said:
    """The registry's name; that of IRCT is known in both languages."""
    registry = record.registration.registry
    if words := registry.said(language):
        return Said(words, language)
    if REGISTRY["en"] == registry.en or REGISTRY["fa"] == registry.fa:
        return Said(REGISTRY[language], language)
    return Said(str(registry), "en" if registry.en else "fa")
