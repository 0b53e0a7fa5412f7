"""A filled form: answers to rows of the record tables, and everything there is to say about them. One engine.

Preview and saving call the same function, and the rows are judged by the same rules as those of a trial folder, so what
is accepted here is read there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from theratrial.errors import InputError
from theratrial.forms.answers import Answer, ReadAnswer, is_later, read_answer
from theratrial.forms.definition import Field, FormDefinition
from theratrial.forms.rows import FormRow, form_rows, row_issues
from theratrial.protocol.expressions import Truth, Value
from theratrial.trialfolder.moments import CellProblem
from theratrial.trialfolder.tables import Reference

FUTURE_DATE: Final = "future_date"
"""Check id of a moment that has not come yet."""

_NOTHING: Final[Mapping[str, Value]] = {}
_NO_IDS: Final[Mapping[Reference, tuple[str, ...]]] = {}


@dataclass(frozen=True, slots=True)
class Issue:
    """Something about an item: `code` is a rule of the engine or the id of an edit check."""

    item: str
    code: str
    message: str
    remedy: str = ""
    also: tuple[str, ...] = ()
    """Further items that the finding is about."""
    key: tuple[tuple[str, str], ...] = ()
    """Column and text of the key that is there already, where that is the finding."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """An answer that is not kept, because its item is hidden by another answer."""

    item: str
    text: str
    because: str
    """The condition that hides it."""


@dataclass(frozen=True, slots=True)
class Undetermined:
    """An edit check that could not be judged, and what it lacked. It has not passed."""

    check: str
    missing: tuple[str, ...]
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Calculated:
    """A calculated item; value and text are empty where it is not known."""

    item: str
    value: float | None
    text: str
    missing: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of the answers.

    Parameters
    ----------
    rows
        Rows of the form's table, cells as text, with what was typed for each.
    values
        Item -> value, of the answers that were read and are not hidden; calculated items too.
    problems
        Errors; with one of them nothing is saved.
    incomplete
        Items that are missing. The form may be saved as incomplete; its rows are then not yet lines of a trial folder.
    queries
        Findings of checks that are saved and asked about.
    undetermined
        Checks that could not be judged.
    hidden
        Items that other answers hide.
    dropped
        Answers to hidden items, which are not kept.
    """

    rows: tuple[FormRow, ...]
    values: Mapping[str, Value]
    problems: tuple[Issue, ...]
    incomplete: tuple[Issue, ...]
    queries: tuple[Issue, ...]
    undetermined: tuple[Undetermined, ...]
    hidden: tuple[str, ...]
    dropped: tuple[Dropped, ...]
    calculated: tuple[Calculated, ...]

    @property
    def may_be_saved(self) -> bool:
        """Whether nothing forbids to save it, complete or not."""
        return not self.problems

    @property
    def is_complete(self) -> bool:
        """Whether its rows can stand in a trial folder as they are."""
        return not self.problems and not self.incomplete


def submission(
    definition: FormDefinition,
    answers: Mapping[str, Answer],
    *,
    zone: ZoneInfo,
    now: datetime,
    others: Mapping[str, Value] = _NOTHING,
    participant_id: str = "",
    ids: Mapping[Reference, tuple[str, ...]] = _NO_IDS,
    taken: Collection[tuple[str, ...]] = (),
) -> Submission:
    """The answers as rows, values and findings.

    Assumes nothing of the answers but that their items are the form's. What was typed into a calculated item is
    ignored.

    Parameters
    ----------
    answers
        Item -> what was typed; an item that is absent was left empty.
    now
        Aware; a moment after it raises a query.
    others
        Values of the definition's `outside_names` (`theratrial.forms.outside.outside_values`).
    participant_id
        Stands in the rows of tables that have such a column.
    ids
        Ids known of other tables (``batches``, ``participants``); what is not given is not checked.
    taken
        Keys of the table's other rows (`theratrial.forms.rows.row_key`): a repeated one is a problem.

    Raises
    ------
    InputError
        An answer to an item that the form does not have, or `now` without a zone.
    """
    unknown = sorted(set(answers) - {field.id for field in definition.fields})
    if unknown:
        raise InputError(f"form '{definition.id}' has no item {', '.join(map(repr, unknown))}; reload the form")
    if now.tzinfo is None:
        raise InputError("now must be an aware instant; give it a time zone")
    read, unread = _read(definition, answers, zone)
    hidden, values, calculated = _settled(definition, read)
    kept = {item: answer for item, answer in read.items() if item not in hidden}
    problems = [issue for item, issue in unread.items() if item not in hidden]
    rows = form_rows(definition, kept, participant_id, unread.keys() - hidden.keys())
    incomplete = list(_missing(definition, answers, hidden, values))
    found_problems, undetermined, queries = _checked(definition, values, others)
    problems += found_problems
    _add_row_issues(definition, rows, zone, ids, taken, problems, incomplete)
    queries = [*_future(definition, kept, now, zone), *queries]
    return Submission(
        rows=rows,
        values=values,
        problems=tuple(problems),
        incomplete=tuple(incomplete),
        queries=tuple(queries),
        undetermined=tuple(undetermined),
        hidden=tuple(hidden),
        dropped=tuple(
            Dropped(item, answers[item].text, because)
            for item, because in hidden.items()
            if item in answers and not answers[item].is_empty
        ),
        calculated=calculated,
    )


def _read(
    definition: FormDefinition, answers: Mapping[str, Answer], zone: ZoneInfo
) -> tuple[dict[str, ReadAnswer], dict[str, Issue]]:
    read: dict[str, ReadAnswer] = {}
    unread: dict[str, Issue] = {}
    for field in definition.fields:
        answer = answers.get(field.id)
        if answer is None or answer.is_empty or field.calculated is not None:
            continue
        try:
            read[field.id] = read_answer(definition, field, _with_unit(definition, field, answers), zone)
        except CellProblem as problem:
            unread[field.id] = Issue(field.id, "unreadable", problem.message, problem.remedy)
    return read, unread


def _with_unit(definition: FormDefinition, field: Field, answers: Mapping[str, Answer]) -> Answer:
    """A limit of a reference range is in the unit of its result, and may not be in another."""
    answer, result = answers[field.id], answers.get(field.shares_unit_with)
    if result is None or result.is_empty:
        return answer
    unit = result.unit.strip() or definition.field(field.shares_unit_with).unit
    if answer.unit.strip() not in ("", unit):
        message = f"the limit is in {answer.unit.strip()}, the result in {unit}"
        raise CellProblem(message, "give both in the unit that the laboratory printed")
    return Answer(answer.text, unit)


def _settled(
    definition: FormDefinition, read: Mapping[str, ReadAnswer]
) -> tuple[dict[str, str], dict[str, Value], tuple[Calculated, ...]]:
    """Hidden items with the condition that hides them, values of what is shown, and what is calculated from them.

    A hidden answer counts as missing, which can hide further items; so this goes on until nothing more is hidden.
    """
    hidden: dict[str, str] = {}
    while True:
        values: dict[str, Value] = {item: answer.value for item, answer in read.items() if item not in hidden}
        calculated = tuple(_calculated(field, values) for field in definition.fields if field.calculated is not None)
        values.update((one.item, one.value) for one in calculated if one.value is not None)
        found = {
            field.id: field.shown_when.text
            for field in definition.fields
            if field.shown_when is not None and field.shown_when.evaluate(values).truth is Truth.NOT_MET
        }
        if found.keys() <= hidden.keys():
            return hidden, values, calculated
        hidden = hidden | found


def _calculated(field: Field, values: Mapping[str, Value]) -> Calculated:
    if field.calculated is None:
        raise InputError(f"item '{field.id}' is not calculated")
    outcome = field.calculated.evaluate(values)
    text = "" if outcome.value is None else f"{outcome.value:.4g}"
    return Calculated(field.id, outcome.value, text, outcome.missing, outcome.reasons)


def _missing(
    definition: FormDefinition, answers: Mapping[str, Answer], hidden: Mapping[str, str], values: Mapping[str, Value]
) -> Iterator[Issue]:
    """Required items without answer. An item whose condition is not known is shown, and not yet demanded."""
    for field in definition.fields:
        answer = answers.get(field.id)
        if field.id in hidden or not field.required or not (answer is None or answer.is_empty):
            continue
        if field.shown_when is None or field.shown_when.evaluate(values).truth is Truth.MET:
            yield Issue(field.id, "missing", f"{field.label} is empty", "fill it in, or save the form as incomplete")


def _checked(
    definition: FormDefinition, values: Mapping[str, Value], others: Mapping[str, Value]
) -> tuple[list[Issue], list[Undetermined], list[Issue]]:
    problems: list[Issue] = []
    queries: list[Issue] = []
    undetermined: list[Undetermined] = []
    items = {field.id for field in definition.fields}
    known = {name: value for name, value in others.items() if name not in items} | dict(values)
    for check in definition.checks:
        outcome = check.condition.evaluate(known)
        reported = check.when_missing == "report" and outcome.missing == check.items[:1]
        if outcome.truth is Truth.NOT_KNOWN and not reported:
            undetermined.append(Undetermined(check.id, outcome.missing, outcome.reasons))
        elif outcome.truth is not Truth.MET:
            issue = Issue(check.items[0], check.id, check.message, also=check.items[1:])
            (problems if check.severity == "error" else queries).append(issue)
    return problems, undetermined, queries


def _future(
    definition: FormDefinition, kept: Mapping[str, ReadAnswer], now: datetime, zone: ZoneInfo
) -> Iterator[Issue]:
    for field in definition.fields:
        answer = kept.get(field.id)
        if answer is not None and not field.may_be_future and is_later(answer.value, now, zone):
            message = f"{field.label} lies in the future: {answer.typed.text.strip()}"
            yield Issue(field.id, FUTURE_DATE, message, "correct the date, or explain it")


def _add_row_issues(
    definition: FormDefinition,
    rows: tuple[FormRow, ...],
    zone: ZoneInfo,
    ids: Mapping[Reference, tuple[str, ...]],
    taken: Collection[tuple[str, ...]],
    problems: list[Issue],
    incomplete: list[Issue],
) -> None:
    """What the trial folder has to say of the rows, of items that nothing was said of yet."""
    named = {item for issue in problems for item in (issue.item, *issue.also)}
    blank = {issue.item for issue in incomplete}
    for found in row_issues(definition, rows, zone, ids, taken):
        issue = Issue(found.item, found.code, found.message, found.remedy, key=found.key)
        if found.code == "missing":
            if found.item not in blank | named:
                incomplete.append(issue)
                blank.add(found.item)
        elif found.item not in named:
            problems.append(issue)
            named.add(found.item)
