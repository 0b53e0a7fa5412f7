"""A form as a page draws it: every field with what is typed, what is wrong, what is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from theratrial.forms import (
    Answer,
    FormDefinition,
    Issue,
    Submission,
    shown_date,
    shown_instant,
    typed_date,
    typed_instant,
)
from theratrial.forms.definition import Field
from theratrial.trialfolder.moments import CellProblem
from theratrial.web.capture.form_rights import OF_THE_SITE, OWN_CODE, OWN_ROLE
from theratrial.web.trials.selectors import trial_zone

REMARKS: Final = frozenset({"comment", "note", "narrative"})
NOT_SAID: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class DrawnField:
    """One field on the page."""

    field: Field
    text: str
    unit: str
    problem: str = ""
    asked: str = ""
    missing: str = ""
    hidden: bool = False
    readonly: bool = False
    both: str = ""
    """A date in both calendars, under the field."""
    calculated: str = ""
    options: tuple[str, ...] = ()
    """What may be picked beside typing (batch numbers)."""

    @property
    def of_many_lines(self) -> bool:
        """Whether it is a remark: lines that were typed stay lines."""
        return self.field.type == "text" and (self.field.column in REMARKS or "\n" in self.text)

    @property
    def described_by(self) -> str:
        """Ids of the texts that belong to the field."""
        return f"{self.field.id}-both {self.field.id}-problem {self.field.id}-asked"


@dataclass(frozen=True, slots=True)
class DrawnRow:
    """Fields side by side: one, or a result with the limits of its reference range."""

    fields: tuple[DrawnField, ...]

    @property
    def hidden(self) -> bool:
        """Whether every one of them is hidden."""
        return all(one.hidden for one in self.fields)


def issue_text(issue: Issue, said: Mapping[str, str] = NOT_SAID, definition: FormDefinition | None = None) -> str:
    """A finding in the page's own words where it has some, else in the engine's."""
    if issue.key and definition is not None and issue.code not in said:
        return _("Entered already: %(what)s. Change that entry.") % {"what": _key_text(definition, issue)}
    return said.get(issue.code) or f"{issue.message}; {issue.remedy}".rstrip("; ")


def _key_text(definition: FormDefinition, issue: Issue) -> str:
    """What makes a row the one it is, by the labels of the form: ``Platelets, Sample taken 2026-11-11 08:30``."""
    told = []
    for column, text in issue.key:
        field = next((one for one in definition.fields if one.column == column), None)
        if field is not None and text:
            label = next((choice.label for choice in field.choices if choice.value == text), text)
            told.append(f"{field.label} \u2068{both_calendars(field, text, False) or label}\u2069")
        elif group := [one for one in definition.fields if (one.where or {}).get(column) == text]:
            told.append(group[0].label)
    return " · ".join(told) or definition.title


def missing_text(definition: FormDefinition, issue: Issue) -> str:
    """That an answer is missing, in the language in which the form names its items."""
    return _("%(item)s is empty") % {"item": definition.field(issue.item).label}


def both_calendars(field: Field, text: str, persian_digits: bool) -> str:
    """A typed date in both calendars; empty while it cannot be read."""
    if not text.strip():
        return ""
    try:
        if field.type == "date":
            return shown_date(typed_date(text).value, persian_digits=persian_digits)
        if field.type == "datetime":
            zone = trial_zone()
            return f"{shown_instant(typed_instant(text, zone).value, zone, persian_digits=persian_digits)} {zone.key}"
    except CellProblem:
        pass
    return ""


def drawn(
    definition: FormDefinition,
    answers: Mapping[str, Answer],
    found: Submission | None,
    *,
    user: Any,
    with_problems: bool,
    options: Mapping[str, tuple[str, ...]],
    said: Mapping[str, str] = NOT_SAID,
) -> tuple[DrawnRow, ...]:
    """Every field of the form in order, a group's fields side by side.

    Parameters
    ----------
    with_problems
        Whether missing and wrong answers are shown already; an untouched form is not scolded.
    options
        Column -> what may be picked, beside the suggestions of the protocol.
    said
        Code of a finding -> the page's own words for it.
    """
    problems = {one.item: issue_text(one, said, definition) for one in found.problems} if found else {}
    missing = {one.item: missing_text(definition, one) for one in found.incomplete} if found else {}
    asked: dict[str, str] = {}
    for issue in found.queries if found else ():
        asked.setdefault(issue.item, issue.message)
    calculated = {one.item: one.text for one in found.calculated} if found else {}
    rows: list[list[DrawnField]] = []
    last_group = ""
    for field in definition.fields:
        answer = answers.get(field.id, Answer(""))
        one = DrawnField(
            field=field,
            text=answer.text,
            unit=answer.unit or field.unit,
            problem=problems.get(field.id, "") if with_problems else "",
            missing=missing.get(field.id, "") if with_problems else "",
            asked=asked.get(field.id, ""),
            hidden=found is not None and field.id in found.hidden,
            readonly=(definition.table.name, field.column) in {*OWN_CODE, OF_THE_SITE}
            or (field.column in OWN_ROLE and bool(answer.text)),
            both=both_calendars(field, answer.text, bool(getattr(user, "persian_digits", False))),
            calculated=calculated.get(field.id, ""),
            options=options.get(field.column, ()) or field.suggestions,
        )
        if field.group and field.group == last_group:
            rows[-1].append(one)
        else:
            rows.append([one])
        last_group = field.group
    return tuple(DrawnRow(tuple(row)) for row in rows)
