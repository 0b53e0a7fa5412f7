"""The form as a page draws it: sections, members of repeating groups, a row with its widgets for each field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from theratrial.registry.codes import code_list
from theratrial.registry.fields import Field, sections, value_at
from theratrial.registry.found import Finding
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import RecordDate
from theratrial.web.registration.form import (
    FIXED,
    UNITS,
    Answers,
    Read,
    answers_of,
    asked_fields,
    groups,
    member_path,
    tokens_of,
)
from theratrial.web.registration.shown import in_words, language, tone

_CONTACTS: Final = ("registrant", "general_inquiries", "scientific_inquiries", "data_updating")
_LONG: Final = re.compile(
    r"^(summary|eligibility|sharing|results)\.|title$|description$|method$|timepoint$|aim$|features$|keywords$|urls$|countries$"
)
_RARE: Final = frozenset(
    ("country", "degree", "fax", "mobile", "name", "position", "specialty", "web", "phone", "email", "province", "city",
     "postal_code", "address")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DrawnRow:
    """One field."""

    id: str
    first: str
    """Id of its first widget."""
    path: str
    label: str
    widgets: SafeString
    error: str
    both: str
    """A date in both calendars."""
    findings: tuple[dict[str, str], ...]
    personal: bool


@dataclass(slots=True)
class DrawnMember:
    """One member of a repeating group, or the section itself (token empty)."""

    token: str
    number: int
    rows: list[DrawnRow] = field(default_factory=list)
    more: list[DrawnRow] = field(default_factory=list)
    """Fields that hardly any record fills, behind a fold while they are empty."""


@dataclass(slots=True)
class DrawnSection:
    """A section of the page."""

    name: str
    title: str
    group: str
    tokens: str
    members: list[DrawnMember] = field(default_factory=list)
    open: bool = True
    errors: int = 0
    findings: int = 0


def drawn_form(
    base: RegistrationRecord, answers: Answers, read: Read, findings: Iterable[Finding]
) -> list[DrawnSection]:
    """Every section with what is typed, what is wrong and what the check says of it."""
    shown = {**answers_of(base), **answers}
    told: dict[str, list[Finding]] = {}
    for finding in findings:
        told.setdefault(finding.path, []).append(finding)
    made = {one.name: DrawnSection(one.name, one.title(language()), "", "") for one in sections()}
    for one in asked_fields():
        if not one.group:
            section = made[one.section]
            if not section.members:
                section.members.append(DrawnMember("", 0))
            _put(section, section.members[0], _row(one, one.path, shown, base, read, told), one)
    for group, members in groups().items():
        section = made[members[0].section]
        tokens = tokens_of(shown, group, base)
        section.group, section.tokens = group, ",".join(tokens)
        for number, token in enumerate(tokens, 1):
            member = DrawnMember(token, number)
            section.members.append(member)
            for one in members:
                _put(section, member, _row(one, member_path(one, token), shown, base, read, told), one)
    for drawn in made.values():
        drawn.open = drawn.name not in _CONTACTS or drawn.errors > 0
    return [one for one in made.values() if one.members or one.group]


def _put(section: DrawnSection, member: DrawnMember, row: DrawnRow, one: Field) -> None:
    section.errors += bool(row.error)
    section.findings += len(row.findings)
    rare = one.empty == "hidden" and one.path.rpartition(".")[2] in _RARE and one.path.count(".") > 0
    empty = 'data-empty="1"' in row.widgets
    (member.more if rare and empty and not row.error and not row.findings else member.rows).append(row)


def _row(
    one: Field,
    path: str,
    answers: Answers,
    base: RegistrationRecord,
    read: Read,
    told: Mapping[str, list[Finding]],
) -> DrawnRow:
    id_ = field_id(path)
    error = read.errors.get(path, "")
    fixed = one.path in FIXED and bool(value_at(base, one.path))
    widgets = _widgets(one, path, id_, answers, error=bool(error), fixed=fixed)
    findings = tuple(
        {"message": in_words(each.message), "remedy": in_words(each.remedy), "tone": tone(each.severity.value)}
        for each in told.get(path, ())
    )
    both = ""
    if one.kind == "date" and not error:
        both = both_calendars(_date_at(read.record, path))
    first = f"{id_}-en" if one.kind in ("text", "texts") else f"{id_}-t"
    return DrawnRow(id_, first, path, one.label(language()).rstrip(":"), widgets, error, both, findings, one.personal)


def _date_at(record: RegistrationRecord, path: str) -> Any:
    """The date of a field that stands once, or of a member that was there before."""
    return None if "[n" in path else value_at(record, path)


def field_id(path: str) -> str:
    """Id of a field's row: ``ethics[0].approved_on`` -> ``f-ethics-0-approved_on``."""
    return "f-" + re.sub(r"[^a-z0-9_]+", "-", path).strip("-")


def both_calendars(value: Any) -> str:
    """A date that was read, in both calendars; empty for what is none."""
    return value.pair.replace(", ", " · ") if isinstance(value, RecordDate) else ""


def _widgets(one: Field, path: str, id_: str, answers: Answers, *, error: bool, fixed: bool) -> SafeString:
    def given(part: str) -> str:
        return answers.get(f"v:{path}:{part}", "")

    attributes = mark_safe(
        f' aria-describedby="{id_}-told"' + (' aria-invalid="true"' if error else "") + (" readonly" if fixed else "")
    )
    match one.kind:
        case "text" | "texts":
            parts = [
                _words(f"v:{path}:{tongue}", f"{id_}-{tongue}", given(tongue), tongue, attributes, _is_long(one))
                for tongue in ("en", "fa")
            ]
            return _marked(format_html('<div class="two">{}{}</div>', *parts), not (given("en") or given("fa")))
        case "code":
            return _marked(_code(one, path, id_, given, attributes), not given("code"))
        case "age":
            return _marked(_age(path, id_, given, attributes), not given("value"))
        case "strings":
            text = format_html(
                '<textarea id="{}-t" name="v:{}:t" rows="2" dir="ltr"{}>{}</textarea>',
                id_,
                path,
                attributes,
                given("t"),
            )
            return _marked(text, not given("t"))
    css = {"date": "moment", "day": "moment", "count": "numeric", "percent": "numeric"}.get(one.kind, "wide")
    text = format_html(
        '<input id="{}-t" name="v:{}:t" value="{}" class="{}" dir="ltr" autocomplete="off"{}>',
        id_, path, given("t"), css, attributes,
    )  # fmt: skip
    return _marked(text, not given("t"))


def _is_long(one: Field) -> bool:
    return bool(_LONG.search(one.path)) and ".contact." not in one.path


def _marked(widgets: SafeString, empty: bool) -> SafeString:
    return format_html('<div class="widgets"{}>{}</div>', mark_safe(' data-empty="1"') if empty else "", widgets)


def _words(name: str, id_: str, text: str, tongue: str, attributes: SafeString, long: bool) -> SafeString:
    direction, spoken = ("rtl", "فارسی") if tongue == "fa" else ("ltr", "English")
    if not long and "\n" not in text and len(text) <= 70:
        return format_html(
            '<input id="{}" name="{}" value="{}" lang="{}" dir="{}" aria-label="{}" placeholder="{}"'
            ' autocomplete="off"{}>',
            id_, name, text, tongue, direction, spoken, spoken, attributes,
        )  # fmt: skip
    rows = min(14, max(2, len(text) // 52 + 1 + text.count("\n")))
    return format_html(
        '<textarea id="{}" name="{}" rows="{}" lang="{}" dir="{}" aria-label="{}" placeholder="{}"{}>{}</textarea>',
        id_, name, rows, tongue, direction, spoken, spoken, attributes, text,
    )  # fmt: skip


def _code(one: Field, path: str, id_: str, given: Any, attributes: SafeString) -> SafeString:
    chosen = given("code")
    options = [f'<option value="">{escape(_("– none –"))}</option>']
    for code, entry in code_list(one.list_name).items():
        words = entry.fa if language() == "fa" and entry.fa else entry.en
        mark = " selected" if code == chosen else ""
        options.append(f'<option value="{escape(code)}"{mark}>{escape(words)}</option>')
    select = format_html(
        '<select id="{}-t" name="v:{}:code"{}>{}</select>',
        id_,
        path,
        attributes,
        mark_safe("".join(options)),
    )
    own = [
        _words(f"v:{path}:{tongue}", f"{id_}-{tongue}", given(tongue), tongue, attributes, False)
        for tongue in ("en", "fa")
    ]
    said = bool(given("en") or given("fa"))
    return format_html(
        '{}<details class="own-words"{}><summary>{}</summary><div class="two">{}{}</div></details>',
        select, mark_safe(" open") if said else "", _("registered words, where they are not the list's"), *own,
    )  # fmt: skip


def _age(path: str, id_: str, given: Any, attributes: SafeString) -> SafeString:
    spoken = {"years": _("years"), "months": _("months"), "weeks": _("weeks"), "days": _("days")}
    options = "".join(
        f'<option value="{one}"{" selected" if given("unit") == one else ""}>{escape(spoken[one])}</option>'
        for one in UNITS
    )
    own = [
        _words(f"v:{path}:{tongue}", f"{id_}-{tongue}", given(tongue), tongue, attributes, False)
        for tongue in ("en", "fa")
    ]
    said = bool(given("en") or given("fa"))
    return format_html(
        '<input id="{}-t" name="v:{}:value" value="{}" class="numeric" dir="ltr" inputmode="decimal"{}> '
        '<select name="v:{}:unit" aria-label="{}">{}</select>'
        '<details class="own-words"{}><summary>{}</summary><div class="two">{}{}</div></details>',
        id_, path, given("value"), attributes, path, _("unit"), mark_safe(options),
        mark_safe(" open") if said else "", _("registered words, where they are not a number"), *own,
    )  # fmt: skip
