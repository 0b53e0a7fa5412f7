"""The form as a page draws it: sections, members of repeating groups, a row with its widgets for each field."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final

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
from theratrial.web.registration.shown import dates_held, in_words, language, tone

Given = Callable[[str], str]
"""Part of a field -> what is typed in it."""
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
    """One field, drawn: a form of two hundred rows has no time for a template in each."""

    html: SafeString
    empty: bool
    wrong: bool
    findings: int


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
    section.errors += row.wrong
    section.findings += row.findings
    rare = one.empty == "hidden" and one.path.rpartition(".")[2] in _RARE and one.path.count(".") > 0
    folded = rare and row.empty and not row.wrong and not row.findings
    (member.more if folded else member.rows).append(row)


def _row(
    one: Field,
    path: str,
    answers: Answers,
    base: RegistrationRecord,
    read: Read,
    told: Mapping[str, list[Finding]],
) -> DrawnRow:
    id_, error = field_id(path), read.errors.get(path, "")
    fixed = one.path in FIXED and bool(value_at(base, one.path))
    widgets, empty = _widgets(one, path, id_, answers, error=bool(error), fixed=fixed)
    findings = told.get(path, [])
    both = both_calendars(_date_at(read.record, path)) if one.kind == "date" and not error else ""
    first = f"{id_}-en" if one.kind in ("text", "texts") else f"{id_}-t"
    personal = f' <small class="quiet">{escape(_("not in public copies"))}</small>' if one.personal else ""
    html = (
        f'<div class="form-row{" wrong" if error else ""}" id="{id_}">'
        f'<label for="{first}">{escape(one.label(language()).rstrip(":"))}{personal}</label>'
        f'<div class="widgets">{widgets}</div><div class="row-told" id="{id_}-told">'
        f'<p class="field-error" data-error{"" if error else " hidden"}>{escape(dates_held(error))}</p>'
        f'<small class="both" data-both>{escape(both)}</small>{"".join(_said(each) for each in findings)}</div></div>'
    )
    return DrawnRow(mark_safe(html), empty, bool(error), len(findings))


def _said(finding: Finding) -> str:
    """What the check says of a field."""
    return (
        f'<p class="says"><span class="tag {tone(finding.severity.value)}">{escape(_("Check"))}</span> '
        f"{escape(in_words(finding.message))} <em>{escape(in_words(finding.remedy))}</em></p>"
    )


def _date_at(record: RegistrationRecord, path: str) -> Any:
    """The date of a field that stands once, or of a member that was there before."""
    return None if "[n" in path else value_at(record, path)


def field_id(path: str) -> str:
    """Id of a field's row: ``ethics[0].approved_on`` -> ``f-ethics-0-approved_on``."""
    return "f-" + re.sub(r"[^a-z0-9_]+", "-", path).strip("-")


def both_calendars(value: Any) -> str:
    """A date that was read, in both calendars; empty for what is none."""
    return value.pair.replace(", ", " · ") if isinstance(value, RecordDate) else ""


def _widgets(one: Field, path: str, id_: str, answers: Answers, *, error: bool, fixed: bool) -> tuple[str, bool]:
    """The widgets of a field, and whether it is empty. Everything that came from outside goes through `escape`."""

    def given(part: str) -> str:
        return answers.get(f"v:{path}:{part}", "")

    marks = (
        f' aria-describedby="{id_}-told"' + (' aria-invalid="true"' if error else "") + (" readonly" if fixed else "")
    )
    match one.kind:
        case "text" | "texts":
            return _both(path, id_, given, marks, long=_is_long(one)), not (given("en") or given("fa"))
        case "code":
            return _code(one, path, id_, given, marks), not given("code")
        case "age":
            return _age(path, id_, given, marks), not given("value")
        case "strings":
            text = (
                f'<textarea id="{id_}-t" name="v:{path}:t" rows="2" dir="ltr"{marks}>\n{escape(given("t"))}</textarea>'
            )
            return text, not given("t")
    css = {"date": "moment", "day": "moment", "count": "numeric", "percent": "numeric"}.get(one.kind, "wide")
    text = (
        f'<input id="{id_}-t" name="v:{path}:t" value="{escape(given("t"))}" class="{css}" dir="ltr"'
        f' autocomplete="off"{marks}>'
    )
    return text, not given("t")


def _is_long(one: Field) -> bool:
    return bool(_LONG.search(one.path)) and ".contact." not in one.path


def _both(path: str, id_: str, given: Given, marks: str, *, long: bool) -> str:
    """English and Persian side by side."""
    words = [
        _words(f"v:{path}:{tongue}", f"{id_}-{tongue}", given(tongue), tongue, marks, long) for tongue in ("en", "fa")
    ]
    return f'<div class="two">{"".join(words)}</div>'


def _words(name: str, id_: str, text: str, tongue: str, marks: str, long: bool) -> str:
    direction, spoken = ("rtl", "فارسی") if tongue == "fa" else ("ltr", "English")
    same = f'id="{id_}" name="{name}" lang="{tongue}" dir="{direction}" aria-label="{spoken}"{marks}'
    same += f' placeholder="{spoken}"'
    if not long and "\n" not in text and len(text) <= 70:
        return f'<input {same} value="{escape(text)}" autocomplete="off">'
    rows = min(14, max(2, len(text) // 52 + 1 + text.count("\n")))
    return f'<textarea {same} rows="{rows}">\n{escape(text)}</textarea>'


def _own_words(path: str, id_: str, given: Given, marks: str, summary: str) -> str:
    """What a registry wrote where the list, or a number, has no words for it."""
    is_open = " open" if given("en") or given("fa") else ""
    words = _both(path, id_, given, marks, long=False)
    return f'<details class="own-words"{is_open}><summary>{escape(summary)}</summary>{words}</details>'


def _options(entries: Iterable[tuple[str, str]], chosen: str) -> str:
    return "".join(
        f'<option value="{escape(key)}"{" selected" if key == chosen else ""}>{escape(words)}</option>'
        for key, words in entries
    )


def _code(one: Field, path: str, id_: str, given: Given, marks: str) -> str:
    persian = language() == "fa"
    entries = [("", _("– none –"))]
    entries += [(key, one.fa if persian and one.fa else one.en) for key, one in code_list(one.list_name).items()]
    select = f'<select id="{id_}-t" name="v:{path}:code"{marks}>{_options(entries, given("code"))}</select>'
    return select + _own_words(path, id_, given, marks, _("registered words, where they are not the list's"))


def _age(path: str, id_: str, given: Given, marks: str) -> str:
    spoken = {"years": _("years"), "months": _("months"), "weeks": _("weeks"), "days": _("days")}
    options = _options([(unit, spoken[unit]) for unit in UNITS], given("unit"))
    return (
        f'<input id="{id_}-t" name="v:{path}:value" value="{escape(given("value"))}" class="numeric" dir="ltr"'
        f' inputmode="decimal"{marks}> '
        f'<select name="v:{path}:unit" aria-label="{escape(_("unit"))}">{options}</select>'
        + _own_words(path, id_, given, marks, _("registered words, where they are not a number"))
    )
