"""The page's parts in English and Persian side by side: a row for each field, labels at both edges."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from theratrial.registry.fields import Filled
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import LANGUAGES, Language
from theratrial.report.registration.one_language import LEFT_OUT, ages, empty_word, was_left_out
from theratrial.report.registration.rows import Entry, Named, Part, Row, path_id
from theratrial.report.registration.said import Said, digits, element, has_languages, label, said

_COLUMNS = Named("Field", "عنوان"), Named("English", "انگلیسی"), Named("Persian", "فارسی")


def rendered(held: Iterable[Part], record: RegistrationRecord, *, top: int) -> Markup:
    """The parts, each a table; `record` is the whole one, to tell what is empty from what was left out."""
    return Markup("").join(_part(one, record, top) for one in held)


def _part(part: Part, record: RegistrationRecord, top: int) -> Markup:
    bodies = Markup("").join(_entry(one, record) for one in part.entries)
    if not part.entries:
        words = _pair("p", Named(empty_word("en"), empty_word("fa")), "empty")
        bodies = Markup('<div class="pair">{}</div>\n').format(words)
    else:
        bodies = Markup('<table aria-labelledby="title-{}">\n{}{}</table>\n').format(part.name, _head(), bodies)
    return Markup(
        '<section class="part" id="part-{name}">\n<div class="pair"><h{top} id="title-{name}">{en}</h{top}>'
        '<p class="title-fa" lang="fa" dir="rtl">{fa}</p></div>\n{inside}</section>\n'
    ).format(name=part.name, top=top, en=part.title.en, fa=part.title.fa, inside=bodies)


def _pair(name: str, words: Named, css: str) -> Markup:
    return Markup("").join(element(name, Said(words.said(one), one), "en", css) for one in LANGUAGES)


def _head() -> Markup:
    field, english, persian = _COLUMNS
    return Markup(
        '<thead><tr><th scope="col">{}</th><th scope="col">{}</th><th scope="col" lang="fa" dir="rtl">{}</th>'
        '<th scope="col" lang="fa" dir="rtl">{}</th></tr></thead>\n'
    ).format(field.en, english.en, persian.fa, field.fa)


def _entry(entry: Entry, record: RegistrationRecord) -> Markup:
    named = entry.heading or Named("", "")
    number = {one: digits(str(entry.number), one) if entry.number else "" for one in LANGUAGES}
    words = Named(*(f"{number[one]} {named.said(one)}".strip() for one in LANGUAGES))
    heading = _heading(words, "entry") if words.en else Markup("")
    rows = Markup("").join(_row(one, record) for one in entry.rows)
    return Markup("<tbody>\n{}{}</tbody>\n").format(heading, rows)


def _heading(words: Named, css: str) -> Markup:
    return Markup(
        '<tr class="{}"><th colspan="2" scope="rowgroup">{}</th><th colspan="2" scope="rowgroup" lang="fa" dir="rtl">{}'
        "</th></tr>\n"
    ).format(css, words.en, words.fa)


def _row(row: Row, record: RegistrationRecord) -> Markup:
    if row.box is None:
        return _field(row.fields[0], record, "", repeated=row.fields[0].path == "registration.registered_on")
    if row.name == "age":
        cells = Markup("").join(
            Markup("<td{}>{}</td>").format(Markup(' lang="fa" dir="rtl"') if one == "fa" else "", ages(row.fields, one))
            for one in LANGUAGES
        )
        return _line(row.box, cells, "field-eligibility-age", "")
    rows = Markup("").join(_field(one, record, "nested") for one in row.fields)
    return _heading(row.box, "box") + rows


def _field(one: Filled, record: RegistrationRecord, css: str, *, repeated: bool = False) -> Markup:
    cells = _cells(one, record)
    return _line(Named(one.field.en, one.field.fa), cells, "" if repeated else path_id(one.path), css)


def _line(names: Named, cells: Markup, id_: str, css: str) -> Markup:
    attributes = Markup(' id="{}"').format(id_) if id_ else Markup("")
    attributes += Markup(' class="{}"').format(css) if css else Markup("")
    return Markup('<tr{}><th scope="row">{}</th>{}<th scope="row" lang="fa" dir="rtl">{}</th></tr>\n').format(
        attributes, label(names.en), cells, label(names.fa)
    )


def _cells(one: Filled, record: RegistrationRecord) -> Markup:
    if not one.blank and not has_languages(one.field):
        return Markup('<td colspan="2" class="shared">{}</td>').format(element("span", said(one, "en"), None))
    return Markup("").join(_cell(one, record, language) for language in LANGUAGES)


def _cell(one: Filled, record: RegistrationRecord, language: Language) -> Markup:
    if not one.blank:
        return element("td", said(one, language, either=False), "en")
    if one.field.empty == "empty":
        return element("td", Said(empty_word(language), language), "en", "empty")
    if was_left_out(one, record):
        return element("td", Said(LEFT_OUT.said(language), language), "en", "left-out")
    return Markup("<td></td>")
