"""The sheet to paste: a record field by field in the order of the registry's form, each value ready to be copied."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from markupsafe import Markup

from theratrial.registry.difference import Change
from theratrial.registry.fields import Field, Filled
from theratrial.registry.people import public_record
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import LANGUAGES, Language
from theratrial.report.registration.frame import document, packaged
from theratrial.report.registration.one_language import was_left_out
from theratrial.report.registration.owed_fields import Lack, assigned_by_the_registry, differing, lacks
from theratrial.report.registration.rows import Entry, Part, Row, parts, path_id
from theratrial.report.registration.said import DIRECTION, digits, has_languages, isolated, label, said
from theratrial.report.registration.sheet_words import COLUMNS, WORDS, counted, lacking_words, place


def paste_sheet(
    record: RegistrationRecord,
    *,
    language: Language = "en",
    earlier: RegistrationRecord | None = None,
    contacts: bool = False,
) -> str:
    """The sheet as one page of HTML that works from a file, its buttons too.

    Parameters
    ----------
    language
        Of headings and buttons; values stand in both.
    earlier
        The version that is registered: fields that differ from it are marked, with what is registered.
    contacts
        Whether names, telephone and fax numbers, e-mail and web addresses are in it.
    """
    body = Markup(paste_sheet_body(record, language=language, earlier=earlier, contacts=contacts))
    title = f"{WORDS['title'].said(language)} {record.registration.number}".strip()
    return document(
        title=title,
        language=language,
        running=record.registration.number,
        body=Markup("<main>\n{}</main>\n").format(body),
        css=sheet_css(),
        script=copy_script(),
    )


def sheet_css() -> str:
    """Rules of style for the sheet's words alone."""
    return packaged("sheet.css")


def copy_script() -> str:
    """What makes the buttons copy; a site serves it as a file of its own."""
    return packaged("copy.js")


def paste_sheet_body(
    record: RegistrationRecord,
    *,
    language: Language = "en",
    earlier: RegistrationRecord | None = None,
    contacts: bool = False,
    top: int = 1,
) -> str:
    """The sheet's words alone, as an ``article`` to set into a page of the site; its highest heading is of level `top`.

    The buttons need `copy_script` in the page around it.
    """
    given = record if contacts else public_record(record)
    before = earlier if contacts or earlier is None else public_record(earlier)
    owed, changes = lacks(record), differing(given, before)
    held = parts(given, wanted=[*(one.path for one in owed), *changes])
    sheet = _Sheet(record, language, owed, changes, top)
    shown = Markup("").join(sheet.part(one) for one in held)
    data = Markup(' data-copy="{}" data-copied="{}" data-not-copied="{}"').format(
        *(WORDS[name].said(language) for name in ("copy", "copied", "not_copied"))
    )
    return str(
        Markup(
            '<article class="paste-sheet" lang="{}" dir="{}"{}>\n{}{}<p role="status" class="status"></p>\n</article>\n'
        ).format(language, DIRECTION[language], data, sheet.head(given != record), shown)
    )


class _Sheet:
    def __init__(
        self,
        record: RegistrationRecord,
        language: Language,
        owed: Iterable[Lack],
        changes: dict[str, Change],
        top: int,
    ) -> None:
        self.record, self.language, self.changes, self.top = record, language, changes, top
        self.owed = tuple(owed)
        self.lacking: Final = {(one.path, one.language): one for one in reversed(self.owed)}

    def head(self, left_out: bool) -> Markup:
        title = Markup("<h{0}>{1} <bdi>{2}</bdi></h{0}>\n").format(
            self.top, WORDS["title"].said(self.language), self.record.registration.number
        )
        notes = ["intro"] + (["contacts"] if left_out else [])
        lines = Markup("").join(Markup("<p>{}</p>\n").format(WORDS[one].said(self.language)) for one in notes)
        return Markup("<header>\n{}{}{}</header>\n").format(title, lines, self._lists())

    def _lists(self) -> Markup:
        empty = [(one.path, lacking_words(one, self.language)) for one in self.owed if one.language is None]
        half = [(one.path, lacking_words(one, self.language)) for one in self.owed if one.language]
        changed = [(path, place(path, self.language)) for path in self.changes]
        found = [self._list("must", empty), self._list("half", half), self._list("changed_list", changed)]
        if not empty and not half:
            found.insert(0, Markup('<p class="nothing">{}</p>\n').format(WORDS["nothing"].said(self.language)))
        return Markup("").join(found)

    def _list(self, name: str, entries: list[tuple[str, str]]) -> Markup:
        if not entries:
            return Markup("")
        items = Markup("").join(
            Markup('<li><a href="#{}">{}</a></li>\n').format(path_id(path), words) for path, words in entries
        )
        heading = f"{WORDS[name].said(self.language)} ({digits(str(len(entries)), self.language)})"
        return Markup('<details class="{}"{}>\n<summary>{}</summary>\n<ul>\n{}</ul>\n</details>\n').format(
            name, Markup(" open") if len(entries) <= 30 else "", heading, items
        )

    def part(self, part: Part) -> Markup:
        bodies = Markup("").join(self._entry(part, one) for one in part.entries)
        inside = self._table(part, bodies) if bodies else self._nothing()
        return Markup(
            '<section id="sheet-{name}" aria-labelledby="sheet-title-{name}">\n'
            '<h{top} id="sheet-title-{name}">{title}</h{top}>\n{inside}</section>\n'
        ).format(name=part.name, top=self.top + 1, title=part.title.said(self.language), inside=inside)

    def _nothing(self) -> Markup:
        return Markup('<p class="empty">{}</p>\n').format(WORDS["none"].said(self.language))

    def _table(self, part: Part, bodies: Markup) -> Markup:
        heads = Markup("").join(Markup('<th scope="col">{}</th>').format(one.said(self.language)) for one in COLUMNS)
        return Markup('<table aria-labelledby="sheet-title-{}">\n<thead><tr>{}</tr></thead>\n{}</table>\n').format(
            part.name, heads, bodies
        )

    def _entry(self, part: Part, entry: Entry) -> Markup:
        heading = Markup("")
        if entry.number:
            named = (entry.heading or part.title).said(self.language)
            number = digits(str(entry.number), self.language)
            heading = self._heading(f"{number}. {named}" if entry.heading else number, "entry")
        rows = Markup("").join(self._row(one) for one in entry.rows)
        return Markup("<tbody>\n{}{}</tbody>\n").format(heading, rows) if rows else Markup("")

    def _heading(self, words: str, css: str) -> Markup:
        return Markup('<tr class="{}"><th colspan="3" scope="rowgroup">{}</th></tr>\n').format(css, words)

    def _row(self, row: Row) -> Markup:
        typed = [one for one in row.fields if not assigned_by_the_registry(one)]
        rows = Markup("").join(self._field(one) for one in typed)
        boxed = row.box is not None and row.name not in ("age", "sample_size") and bool(typed)
        return (self._heading(row.box.said(self.language), "box") if boxed and row.box else Markup("")) + rows

    def _field(self, one: Filled) -> Markup:
        change = self.changes.get(one.path)
        marks = Markup("").join(self._marks(one, change))
        other: Language = "en" if self.language == "fa" else "fa"
        css = " ".join(name for name, is_so in (("changed", change), ("lacking", "must" in marks)) if is_so)
        return Markup(
            '<tr id="{}"{}><th scope="row">{}<span class="other" lang="{}" dir="{}">{}</span>{}</th>{}</tr>\n'
        ).format(
            path_id(one.path),
            Markup(' class="{}"').format(css) if css else "",
            label(one.field.label(self.language)),
            other,
            DIRECTION[other],
            label(one.field.label(other)),
            marks,
            self._cells(one, change),
        )

    def _marks(self, one: Filled, change: Change | None) -> Iterable[Markup]:
        if lack := self.lacking.get((one.path, None)):
            words = WORDS["must_item"].said(self.language).format(digits(str(lack.item), self.language))
            yield Markup('<span class="mark must">{}</span>').format(words)
        for language in LANGUAGES:
            if (one.path, language) in self.lacking:
                yield Markup('<span class="mark half must">{}</span>').format(
                    WORDS[f"no_{language}"].said(self.language)
                )
        if change:
            yield Markup('<span class="mark changed">{}</span>').format(WORDS["changed"].said(self.language))

    def _cells(self, one: Filled, change: Change | None) -> Markup:
        if one.blank and was_left_out(one, self.record):
            return Markup('<td colspan="2" class="left-out">{}</td>').format(WORDS["left_out"].said(self.language))
        old = Filled(one.field, one.path, change.old) if change else None
        if one.field.kind == "date":
            return self._calendars(one, old)
        if not has_languages(one.field):
            return self._cell(one.field, path_id(one.path), said(one, "en").words, _old(old, "en"), None, span=True)
        return Markup("").join(
            self._cell(
                one.field,
                f"{path_id(one.path)}-{language}",
                said(one, language, either=False).words,
                _old(old, language),
                language,
            )
            for language in LANGUAGES
        )

    def _calendars(self, one: Filled, old: Filled | None) -> Markup:
        """The Gregorian date under English, the Jalali one under Persian."""
        pairs = [said(each, "en").words.partition(", ") if each else None for each in (one, old)]
        now, before = pairs
        return Markup("").join(
            self._cell(
                one.field,
                f"{path_id(one.path)}-{calendar}",
                now[at] if now else "",
                before[at] if before else None,
                None,
                calendar=calendar,
            )
            for at, calendar in ((0, "gregorian"), (2, "jalali"))
        )

    def _cell(
        self,
        field: Field,
        id_: str,
        words: str,
        old: str | None,
        language: Language | None,
        *,
        span: bool = False,
        calendar: str = "",
    ) -> Markup:
        tongue = (
            Markup(' lang="{}" dir="{}"').format(language, DIRECTION[language]) if language else Markup(' dir="ltr"')
        )
        column = COLUMNS[1 if language == "en" else 2].said(self.language) if language else ""
        kind = WORDS[calendar].said(self.language) if calendar else column
        inside = Markup('<div class="value empty">{}</div>').format(WORDS["empty"].said(self.language))
        if words:
            note = counted(field, words, self.language) if not calendar else kind
            named = ", ".join(
                one for one in (WORDS["copy"].said(self.language), field.label(self.language), kind) if one
            )
            inside = Markup(
                '<div class="value" id="value-{id}"{tongue}>{words}</div><div class="below"><span class="count">{note}'
                '</span> <button type="button" data-copy="value-{id}" aria-label="{named}">{copy}</button></div>'
            ).format(
                id=id_,
                tongue=tongue,
                words=isolated(words),
                note=note,
                named=named,
                copy=WORDS["copy"].said(self.language),
            )
        was = Markup("")
        if old is not None and old != words:
            shown = (
                Markup("<del{}>{}</del>").format(tongue, isolated(old)) if old else WORDS["empty"].said(self.language)
            )
            was = Markup('<div class="was">{} {}</div>').format(WORDS["registered"].said(self.language), shown)
        return Markup("<td{}>{}{}</td>").format(Markup(' colspan="2"') if span else "", inside, was)


def _old(old: Filled | None, language: Language) -> str | None:
    return said(old, language, either=False).words if old else None
