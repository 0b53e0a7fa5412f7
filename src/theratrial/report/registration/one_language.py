"""The page's parts in one language: labels above their values, as the registry sets them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from theratrial.exchange.irct.labels import EMPTY_WORDS
from theratrial.registry.fields import Filled, value_at
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import Language, is_blank
from theratrial.report.registration.rows import Entry, Named, Part, Row, path_id
from theratrial.report.registration.said import Said, digits, element, label, said


@dataclass(frozen=True, slots=True)
class Listing:
    """Elements of a list of fields: the whole, one field, its label, its value."""

    whole: str
    item: str
    label: str
    said: str


DEFINITIONS: Final = Listing("dl", "div", "dt", "dd")
ITEMS: Final = Listing("ul", "li", "p", "div")
"""For PDF, whose tags know no pair of term and definition: label and value are one item of a list."""
_AGES: Final = {"en": ("From", " old", "to"), "fa": ("از", "", "تا")}
LEFT_OUT: Final = Named("left out of this copy", "در این نسخه نیامده است")


def rendered(
    held: Iterable[Part], record: RegistrationRecord, language: Language, *, top: int, listing: Listing = DEFINITIONS
) -> Markup:
    """The parts, each a section; `record` is the whole one, to tell what is empty from what was left out."""
    page = _Page(record, language, top, listing)
    return Markup("").join(page.part(one) for one in held)


def empty_word(language: Language) -> str:
    """The registry's word for an empty field."""
    return EMPTY_WORDS[1 if language == "fa" else 0]


class _Page:
    def __init__(self, record: RegistrationRecord, language: Language, top: int, listing: Listing) -> None:
        self.record, self.language, self.top, self.listing = record, language, top, listing

    def part(self, part: Part) -> Markup:
        inside = Markup("").join(self._entry(part, one) for one in part.entries)
        if not part.entries:
            inside = Markup('<p class="empty">{}</p>\n').format(empty_word(self.language))
        return Markup(
            '<section class="part" id="part-{name}" aria-labelledby="title-{name}">\n'
            '<h{top} id="title-{name}">{title}</h{top}>\n{inside}</section>\n'
        ).format(name=part.name, top=self.top, title=part.title.said(self.language), inside=inside)

    def _entry(self, part: Part, entry: Entry) -> Markup:
        head = Markup("")
        heading = entry.heading.said(self.language) if entry.heading else ""
        if entry.number:
            number = digits(str(entry.number), self.language)
            head = Markup('<h{top} aria-label="{named} {number}">{number}</h{top}>\n').format(
                top=self.top + 1, named=heading or part.title.said(self.language), number=number
            )
        if heading:
            head += Markup('<p class="entry-kind">{}</p>\n').format(heading)
        rows = Markup("").join(self._row(row) for row in entry.rows)
        return Markup('<div class="entry">\n{}{}</div>\n').format(
            Markup('<div class="entry-head">\n{}</div>\n').format(head) if head else "", self._list(rows)
        )

    def _list(self, rows: Markup) -> Markup:
        return Markup('<{0} class="fields">\n{1}</{0}>\n').format(self.listing.whole, rows)

    def _item(self, css: str, id_: str, label_: Markup, value: Markup) -> Markup:
        attributes = Markup(' id="{}"').format(id_) if id_ else ""
        return Markup('<{0} class="{1}"{2}><{3} class="label">{4}</{3}>{5}</{0}>\n').format(
            self.listing.item, css, attributes, self.listing.label, label_, value
        )

    def _row(self, row: Row) -> Markup:
        if row.box is None:
            return self._field(row.fields[0], line=False)
        title = row.box.said(self.language)
        if row.name == "age":
            return self._age(title, row.fields)
        inside = Markup("").join(self._field(one, line=one.field.style in ("line", "criteria")) for one in row.fields)
        boxed = Markup('<{0} class="said">\n{1}</{0}>').format(self.listing.said, self._list(inside))
        return self._item(f"box {row.name}", "", escape(title), boxed)

    def _field(self, one: Filled, *, line: bool) -> Markup:
        css = "field line" if line and one.field.style == "line" else "field"
        repeated = one.path == "registration.registered_on" and not line
        words = label(one.field.label(self.language)) + (":" if line else "")
        return self._item(css, "" if repeated else path_id(one.path), words, self._value(one))

    def _value(self, one: Filled) -> Markup:
        name = self.listing.said
        if not one.blank:
            return element(name, said(one, self.language), self.language, "said")
        if one.field.empty == "empty":
            return element(name, Said(empty_word(self.language), self.language), self.language, "said empty")
        if was_left_out(one, self.record):
            return Markup('<{0} class="said left-out" data-said="{1}"></{0}>').format(
                name, LEFT_OUT.said(self.language)
            )
        return Markup('<{0} class="said"></{0}>').format(name)

    def _age(self, title: str, limits: Iterable[Filled]) -> Markup:
        value = Markup('<{0} class="said">{1}</{0}>').format(self.listing.said, ages(limits, self.language))
        return self._item("field", "field-eligibility-age", escape(title), value)


def ages(limits: Iterable[Filled], language: Language) -> Markup:
    """``From 18 years old to 70 years old``."""
    from_, old, to = _AGES[language]
    found = []
    for limit, word in zip(limits, (from_, to), strict=True):
        if limit.blank:
            continue
        own = "" if limit.value.text else old
        found.append(Markup("{} <b>{}</b>{}").format(word, said(limit, language).words, own))
    joined = Markup(" ").join(found)
    return joined[:1].upper() + joined[1:] if language == "en" else joined


def was_left_out(one: Filled, record: RegistrationRecord) -> bool:
    """Whether a field that is blank here holds something in the whole record."""
    return one.field.personal and not is_blank(value := value_at(record, one.path)) and bool(value)
