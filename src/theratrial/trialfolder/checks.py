"""What a line must agree with: other lines, other tables, the protocol. Collected, never raised one by one.

Only what makes the records unreadable or contradictory in themselves is refused here. What went wrong in the trial
(an image before consent, a window missed, an activity off) is a finding of the run, not a fault of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from theratrial.protocol.schema import Protocol
from theratrial.trialfolder.cells import did_you_mean, read_flag, read_integer, read_number
from theratrial.trialfolder.laboratory import LABORATORY_TESTS, in_core_unit
from theratrial.trialfolder.moments import CellProblem
from theratrial.trialfolder.records import Row, Value
from theratrial.trialfolder.tables import Column, Reference, Table

Report = Callable[[Row, str, str, str], None]
"""Called with the line, the column, the message and the remedy."""


@dataclass(frozen=True, slots=True)
class EligibilityItem:
    """What an eligibility item's value must be."""

    type: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownIds:
    """Ids a column may refer to, per kind of reference; a kind that is absent cannot be checked."""

    ids: Mapping[Reference, tuple[str, ...]]
    items: Mapping[str, EligibilityItem]
    product_roles: Mapping[str, str]


def known_ids(protocol: Protocol) -> KnownIds:
    """What the protocol names. An imaging or product clause still open names its id, but not yet what is in it."""
    visits, imaging = tuple(protocol.schedule), tuple(protocol.imaging)
    ids: dict[Reference, tuple[str, ...]] = {
        "product": tuple(protocol.products),
        "visit": visits,
        "visit_or_imaging": visits + imaging,
        "imaging": imaging,
        "test": tuple(LABORATORY_TESTS),
    }
    plans = [clause.reading for clause in protocol.imaging.values()]
    if all(plans):
        ids["timepoint"] = tuple(dict.fromkeys(plan.timepoint for plan in plans if plan))
    read = protocol.biodistribution_read
    if read is not None and read.reading is not None:
        ids["answer"] = read.reading.answers
    items = _eligibility_items(protocol)
    ids["item"] = tuple(items)
    roles = {key: clause.reading.role for key, clause in protocol.products.items() if clause.reading}
    return KnownIds(ids, items, roles)


def _eligibility_items(protocol: Protocol) -> dict[str, EligibilityItem]:
    found = {
        variable.where["item"]: EligibilityItem(variable.type, variable.unit)
        for variable in protocol.variables
        if variable.table == "eligibility" and "item" in variable.where
    }
    for clause in protocol.forms.values():
        if clause.reading is None or clause.reading.table != "eligibility":
            continue
        for item in clause.reading.items:
            if "item" in item.where:
                known = found.get(item.where["item"], EligibilityItem(item.type, item.unit))
                found[item.where["item"]] = replace(
                    known, minimum=item.minimum, maximum=item.maximum, choices=item.choices
                )
    return found


_NOUNS: Final[Mapping[str, str]] = {
    "participants": "a participant of participants.csv",
    "batches": "a batch of batches.csv",
    "product": "a product of the protocol",
    "visit": "a visit of the protocol",
    "visit_or_imaging": "a visit or an image of the protocol",
    "imaging": "an image of the protocol",
    "timepoint": "a time point of the protocol's imaging",
    "test": "a laboratory test theratrial knows",
    "item": "an eligibility item of the protocol",
    "answer": "an answer of the protocol's biodistribution read",
}


def check_references(
    table: Table,
    rows: Iterable[Row],
    known: KnownIds,
    report: Report,
    *,
    nouns: Mapping[str, str] = _NOUNS,
    listed: int = 12,
) -> None:
    """Report ids that nothing else knows.

    Parameters
    ----------
    nouns
        What a reference must be, where there are no files (a form).
    listed
        How many known ids the remedy names at most.
    """
    columns = [column for column in table.columns if column.refers_to in known.ids]
    for row in rows:
        for column in columns:
            _check_reference(row, column, known, report, {**_NOUNS, **nouns}, listed)


def _check_reference(
    row: Row, column: Column, known: KnownIds, report: Report, nouns: Mapping[str, str], listed: int
) -> None:
    value = row.values.get(column.name)
    if column.refers_to is None or not isinstance(value, str):
        return
    ids = known.ids[column.refers_to]
    if value not in ids:
        report(row, column.name, f"{value!r} is not {nouns[column.refers_to]}", did_you_mean(value, ids, listed))


def check_keys(table: Table, rows: Iterable[Row], report: Report) -> None:
    """Report lines whose key stands in the table already."""
    first: dict[tuple[Value, ...], Row] = {}
    for row in rows:
        if any(column not in row.values for column in table.key):
            continue
        key = tuple(row[column] for column in table.key)
        earlier = first.setdefault(key, row)
        if earlier is not row:
            named = ", ".join(f"{column} {row[column]}" for column in table.key if row[column] is not None)
            column = next(name for name in reversed(table.key) if row[name] is not None)
            report(row, column, f"repeats line {earlier.line} ({named})", "keep one of them, or correct the key")


_ORDERED: Final = (
    ("prior_therapy", "first_given_on", "last_given_on"),
    ("consents", "signed_at", "withdrawn_at"),
    ("batches", "reference_at", "expires_at"),
    ("administrations", "measured_at", "injected_at"),
    ("administrations", "injected_at", "residual_measured_at"),
    ("adverse_events", "started_on", "ended_on"),
    ("laboratory", "lower_limit", "upper_limit"),
    ("selection_reads", "lesions_positive", "lesions_total"),
    ("serious_reports", "became_aware_at", "sent_at"),
    ("pregnancies", "became_aware_at", "sent_at"),
)
"""Table, and two of its columns of which the second must not be less (or earlier) than the first."""

_TOGETHER: Final = (
    ("consents", "withdrawn_at", "withdrawal_kind"),
    ("administrations", "residual_activity_MBq", "residual_measured_at"),
)
"""Table, and two of its columns that are filled together or not at all."""


def check_within_lines(table: Table, rows: Iterable[Row], known: KnownIds | None, report: Report) -> None:
    """Report cells of one line that contradict each other."""
    ordered = [pair for name, *pair in _ORDERED if name == table.name]
    together = [pair for name, *pair in _TOGETHER if name == table.name]
    for row in rows:
        for first, second in ordered:
            low, high = row.values.get(first), row.values.get(second)
            if _is_less(high, low):
                report(row, second, f"{_shown(high)} is before or below {first} {_shown(low)}", "correct one of them")
        for first, second in together:
            _check_together(row, first, second, report)
        if table.name == "visits":
            _check_visit(row, report)
        elif table.name == "tumour_measurements":
            _check_measurement(row, report)
        elif table.name == "administrations" and known is not None:
            _check_administration(row, known, report)


def _is_less(value: Value, other: Value) -> bool:
    if isinstance(value, datetime) and isinstance(other, datetime):
        return value < other
    if isinstance(value, date) and isinstance(other, date):
        return value < other
    return isinstance(value, int | float) and isinstance(other, int | float) and value < other


def _shown(value: Value) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _check_together(row: Row, first: str, second: str, report: Report) -> None:
    if first not in row.values or second not in row.values:
        return
    for filled, empty in ((first, second), (second, first)):
        if row[filled] is not None and row[empty] is None:
            report(row, empty, f"is empty although {filled} is filled", "fill both or neither")


def _check_visit(row: Row, report: Report) -> None:
    if "status" not in row.values or "occurred_on" not in row.values:
        return
    if row["status"] == "done" and row["occurred_on"] is None:
        report(row, "occurred_on", "is empty although the visit was done", "give the date")
    if row["status"] == "missed" and row["occurred_on"] is not None:
        report(row, "occurred_on", "has a date although the visit was missed", "leave it empty, or status done")


def _check_measurement(row: Row, report: Report) -> None:
    """A measured lesion has a length above zero, the short axis of a node; what is gone or was not seen has none."""
    if "status" not in row.values or "length_mm" not in row.values:
        return
    status, length = row["status"], row["length_mm"]
    axis = "short axis" if row.values.get("nodal") else "longest diameter"
    if status == "measured" and length is None:
        report(row, "length_mm", "is empty although the lesion was measured", f"give the {axis}, or another status")
    elif status == "measured" and length == 0:
        report(row, "length_mm", "is 0 although the lesion was measured", "write status absent and leave it empty")
    elif status in ("absent", "merged", "not_evaluated") and length is not None:
        remedy = "leave it empty, or status measured"
        report(row, "length_mm", f"has a length although the status is {status}", remedy)
    _check_merged(row, report)


def _check_merged(row: Row, report: Report) -> None:
    """A merged target names the other that is measured over both, and nothing else names one."""
    status, into = row["status"], row.values.get("merged_into")
    holder = "name the target that is measured over both"
    if status == "merged" and into is None:
        report(row, "merged_into", "is empty although the lesion is merged", holder)
    elif status != "merged" and into is not None:
        report(row, "merged_into", f"is filled although the status is {status}", "leave it empty, or status merged")
    elif into is not None and into == row.values.get("lesion_id"):
        report(row, "merged_into", "names the lesion itself", holder)


def _check_administration(row: Row, known: KnownIds, report: Report) -> None:
    role = known.product_roles.get(str(row.values.get("product_id")))
    for wanted, column in (("therapy", "session"), ("imaging", "timepoint")):
        if role == wanted and column in row.values and row[column] is None:
            report(row, column, f"is empty; an administration of a {wanted} product has one", f"give the {column}")
    measured, residual = row.values.get("measured_activity_MBq"), row.values.get("residual_activity_MBq")
    if _is_less(measured, residual):
        report(
            row,
            "residual_activity_MBq",
            f"{residual} MBq is more than was measured before the injection ({measured})",
            "check the units of both readings",
        )


def typed_eligibility(row: Row, known: KnownIds, report: Report) -> Row:
    """The line with its value in the type and unit that the protocol gives the item."""
    item, text = known.items.get(str(row.values.get("item"))), row.values.get("value")
    if item is None or not isinstance(text, str):
        return row
    unit = row.values.get("unit") or ""
    try:
        _refuse_other_unit(str(unit), str(row["item"]), item)
    except CellProblem as problem:
        report(row, "unit", problem.message, problem.remedy)
        return _without_value(row, problem)
    try:
        value = _typed(text, item)
    except CellProblem as problem:
        report(row, "value", f"{row['item']}: {problem.message}", problem.remedy)
        return _without_value(row, problem)
    return replace(row, values={**row.values, "value": value}, original={**row.original, "value": text})


def _refuse_other_unit(unit: str, name: str, item: EligibilityItem) -> None:
    if unit and not item.unit:
        raise CellProblem(f"{unit!r}: {name} has no unit", "leave the cell empty")
    if item.unit and unit != item.unit:
        raise CellProblem(f"{unit!r} where {name} is in {item.unit}", f"convert the value and write {item.unit}")


def _without_value(row: Row, problem: CellProblem) -> Row:
    """The line without the value that cannot be what is written."""
    unreadable = {**row.unreadable, "value": problem.said}
    return replace(row, values={**row.values, "value": None}, unreadable=unreadable)


def _typed(text: str, item: EligibilityItem) -> Value:
    if item.type == "flag":
        return read_flag(text)
    if item.type in ("number", "integer"):
        number = read_integer(text) if item.type == "integer" else read_number(text, item.unit)
        low, high = item.minimum, item.maximum
        if (low is not None and number < low) or (high is not None and number > high):
            raise CellProblem(f"{text} is out of the protocol's range {low} to {high}", "correct the value")
        return number
    if item.choices and text not in item.choices:
        raise CellProblem(f"{text!r} is not allowed", did_you_mean(text, item.choices))
    return text


def laboratory_in_core_units(row: Row, cells: Mapping[str, str], report: Report) -> Row:
    """The line with value and limits in the core unit; what was written stays in `original`."""
    needed = ("test", "value", "unit", "lower_limit", "upper_limit")
    if any(column not in row.values for column in needed) or row["test"] not in LABORATORY_TESTS:
        return row
    try:
        core = in_core_unit(row.values)
    except CellProblem as problem:
        report(row, "unit" if "cannot be converted" in problem.message else "value", problem.message, problem.remedy)
        return _without_value(row, problem)
    original = {column: cells.get(column, "") for column in core}
    return replace(row, values={**row.values, **core}, original={**row.original, **original})
