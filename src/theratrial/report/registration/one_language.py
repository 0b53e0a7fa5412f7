"""The page's parts in one language: labels above their values, as the registry sets them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from markupsafe import Markup

from theratrial.exchange.irct.labels import EMPTY_WORDS
from theratrial.registry.fields import Filled, value_at
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import Language, is_blank
from theratrial.report.registration.rows import Entry, Named, Part, Row, path_id
from theratrial.report.registration.said import Said, digits, element, label, said

_AGES: Final = {"en": ("From", " old", "to"), "fa": ("از", "", "تا")}
LEFT_OUT: Final = Named("left out of this copy", "در این نسخه نیامده است")


def rendered(held: Iterable[Part], record: RegistrationRecord, language: Language, *, top: int) -> Markup:
    """The parts, each a section; `record` is the whole one, to tell what is empty from what was left out."""
    page = _Page(record, language, top)
    return Markup("").join(page.part(one) for one in held)


def empty_word(language: Language) -> str:
    """The registry's word for an empty field."""
    return EMPTY_WORDS[1 if language == "fa" else 0]


class _Page:
    def __init__(self, record: RegistrationRecord, language: Language, top: int) -> None:
        self.record, self.language, self.top = record, language, top

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
        return Markup('<div class="entry">\n{}<dl>\n{}</dl>\n</div>\n').format(
            Markup('<div class="entry-head">\n{}</div>\n').format(head) if head else "", rows
        )

    def _row(self, row: Row) -> Markup:
        if row.box is None:
            return self._field(row.fields[0], line=False)
        title = row.box.said(self.language)
        if row.name == "age":
            return self._age(title, row.fields)
        inside = Markup("").join(self._field(one, line=one.field.style in ("line", "criteria")) for one in row.fields)
        return Markup('<div class="box {}">\n<dt>{}</dt>\n<dd>\n<dl>\n{}</dl>\n</dd>\n</div>\n').format(
            row.name, title, inside
        )

    def _field(self, one: Filled, *, line: bool) -> Markup:
        css = "field line" if line and one.field.style == "line" else "field"
        repeated = one.path == "registration.registered_on" and not line
        return Markup('<div class="{}"{}><dt>{}{}</dt>{}</div>\n').format(
            css,
            "" if repeated else Markup(' id="{}"').format(path_id(one.path)),
            label(one.field.label(self.language)),
            ":" if line else "",
            self._value(one),
        )

    def _value(self, one: Filled) -> Markup:
        if not one.blank:
            return element("dd", said(one, self.language), self.language)
        if one.field.empty == "empty":
            return element("dd", Said(empty_word(self.language), self.language), self.language, "empty")
        if was_left_out(one, self.record):
            return Markup('<dd class="left-out" data-said="{}"></dd>').format(LEFT_OUT.said(self.language))
        return Markup("<dd></dd>")

    def _age(self, title: str, limits: Iterable[Filled]) -> Markup:
        return Markup('<div class="field" id="field-eligibility-age"><dt>{}</dt><dd>{}</dd></div>\n').format(
            title, ages(limits, self.language)
        )


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
