"""A table of lesions, one line for each lesion at each visit, to responses; columns: docs/methods/recist.md."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Final, get_args

from theratrial.errors import InputError, Problem, Problems
from theratrial.response.recist.baseline import baseline_at
from theratrial.response.recist.best import Assessment, BestOverall, best_overall
from theratrial.response.recist.lesions import STATUSES, Lesion, Role, Visit, micrometres, tenfold_jumps
from theratrial.response.recist.options import RecistOptions
from theratrial.response.recist.timepoint import TimePoint, time_points
from theratrial.response.table_cells import known_day, one_of, picked_cells, table_lines, yes_or_no

NEEDED: Final = ("subject", "date", "lesion", "role", "status")
_DESCRIBED: Final = ("unit", "nodal", "axis", "organ", "merged_into", "visit", "treatment_start")
OPTIONAL: Final = ("length_mm", "length", *_DESCRIBED)
_UNITS: Final = ("mm", "cm")
_AXES: Final = ("", "long", "short")
MOST_PROBLEMS: Final = 50
_ROLES: Final = get_args(Role)


@dataclass(frozen=True, slots=True)
class SubjectLesions:
    """All that was read of a participant."""

    subject: str
    visits: tuple[Visit, ...]
    treatment_start: date | None


@dataclass(frozen=True, slots=True)
class SubjectResponse:
    """Responses of a participant at every visit, and the best of them."""

    subject: str
    time_points: tuple[TimePoint, ...]
    best: BestOverall
    reference: date
    reference_is_baseline: bool
    """Whether stable disease is counted from the baseline, because no start of treatment is given."""
    baseline: date
    cautions: tuple[str, ...] = ()
    """Of the choice of the baseline, and of lengths that change as if units were mixed."""


@dataclass(slots=True)
class _Read:
    """What the lines have said so far."""

    visits: dict[str, dict[date, list[Lesion]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    names: dict[tuple[str, date], str] = field(default_factory=dict)
    starts: dict[str, date] = field(default_factory=dict)
    units: dict[tuple[str, str], str] = field(default_factory=dict)
    nodes: set[tuple[str, str]] = field(default_factory=set)
    silent: list[tuple[str, date, int]] = field(default_factory=list)
    """Lines without a word on whether the lesion is a node."""
    axes: list[tuple[int, str, date, int, str]] = field(default_factory=list)
    """Lines that name the axis, to be judged when it is known which lesions are nodes."""


def read_lesions(text: str, *, name: str = "table", latest: date | None = None) -> tuple[SubjectLesions, ...]:
    """The participants of a CSV table in the order in which they first appear.

    Parameters
    ----------
    latest
        Today, after which no day can lie; None: not asked.

    Raises
    ------
    Problems
        Columns that are missing or unknown, and every cell that cannot be read, by line.
    """
    columns, lines = table_lines(text, NEEDED, OPTIONAL, name)
    measure = _measure(columns, name)
    cells = picked_cells(columns, ("subject", "lesion", "date", "role", "status", measure, *_DESCRIBED))
    problems: list[Problem] = []
    read = _Read()
    for line, row in lines:
        try:
            _take(cells(row), line, read, measure, latest)
        except InputError as error:
            problems.append(Problem(f"{name} line {line}", str(error)))
            if len(problems) == MOST_PROBLEMS:
                problems.append(Problem(name, "further lines were not read; mend these first"))
                break
    _tell_nodes(read)
    problems += [Problem(f"{name} line {line}", fault) for line, fault in _axis_faults(read)]
    if not read.visits and not problems:
        problems.append(Problem(name, "holds no line below its header"))
    if problems:
        raise Problems(name, problems)
    return tuple(
        SubjectLesions(
            subject,
            tuple(Visit(day, tuple(lesions), read.names[subject, day]) for day, lesions in sorted(days.items())),
            read.starts.get(subject),
        )
        for subject, days in read.visits.items()
    )


def _measure(columns: Sequence[str], name: str) -> str:
    """The column of lengths: in millimetres, or in the unit that each line names."""
    if "length" not in columns:
        return "length_mm"
    if "length_mm" in columns:
        raise Problems(name, [Problem(f"{name} line 1", "columns length and length_mm: keep one of them")])
    if "unit" not in columns:
        raise Problems(name, [Problem(f"{name} line 1", "column length without unit; add unit, or name it length_mm")])
    return "length"


def _take(cells: tuple[str, ...], line: int, read: _Read, measure: str, latest: date | None) -> None:
    subject, name, on, role, status, length, unit, nodal, axis, organ, into, visit, start = cells
    one_of("role", role, _ROLES)
    one_of("status", status, STATUSES[role])  # type: ignore[index]
    day = known_day("date", on, latest)
    if start:
        begun = known_day("treatment_start", start, latest)
        if read.starts.setdefault(subject, begun) != begun:
            raise InputError(f"treatment_start of {subject} is {begun} and was {read.starts[subject]}")
    if unit or (length and measure == "length"):
        _require_unit(subject, name, unit, measure, read)
    is_node = yes_or_no("nodal", nodal)
    lesion = (Lesion if length else _unmeasured)(
        name,
        role,  # type: ignore[arg-type]
        status,  # type: ignore[arg-type]
        _length(length, unit) if length else None,
        is_node,
        organ,
        into,
    )
    lesions = read.visits[subject][day]
    if axis:
        read.axes.append((line, subject, day, len(lesions), one_of("axis", axis, _AXES)))
    if is_node:
        read.nodes.add((subject, name))
    elif not nodal:
        read.silent.append((subject, day, len(lesions)))
    lesions.append(lesion)
    read.names.setdefault((subject, day), visit)


def _require_unit(subject: str, name: str, unit: str, measure: str, read: _Read) -> None:
    one_of("unit", unit, _UNITS)
    if measure == "length_mm" and unit != "mm":
        raise InputError(f"unit is {unit} beside a length_mm; name that column length")
    if read.units.setdefault((subject, name), unit) != unit:
        raise InputError(f"lesion {name} is in {unit} and was in {read.units[subject, name]}; write it in one unit")


_unmeasured: Final = lru_cache(maxsize=8192)(Lesion)
"""Lesions without a length are alike on many lines and never change: one for all of them."""


@lru_cache(maxsize=8192)
def _length(text: str, unit: str) -> int:
    if unit != "cm":
        return micrometres(text)
    try:
        return micrometres(Decimal(text) * 10)
    except ArithmeticError:
        raise InputError(f"a length in centimetres is a number, got {text!r}") from None


def _tell_nodes(read: _Read) -> None:
    """A lesion that one line calls a node is one where the cell is empty too."""
    for subject, day, at in read.silent:
        lesion = read.visits[subject][day][at]
        if (subject, lesion.lesion_id) in read.nodes:
            read.visits[subject][day][at] = replace(lesion, nodal=True)


def _axis_faults(read: _Read) -> Iterator[tuple[int, str]]:
    for line, subject, day, at, axis in read.axes:
        lesion = read.visits[subject][day][at]
        if lesion.nodal and axis == "long":
            yield line, f"lesion {lesion.lesion_id} is a node and its long axis is given; measure the short axis"
        if not lesion.nodal and axis == "short":
            yield (
                line,
                f"lesion {lesion.lesion_id} is no node and its short axis is given; measure the longest",
            )


def subject_responses(
    subjects: Iterable[SubjectLesions], options: RecistOptions | None = None
) -> Iterator[SubjectResponse]:
    """Responses of each participant; the baseline is the last visit on or before the treatment, else the earliest.

    Raises
    ------
    Problems
        Lesions of a participant that the criteria cannot be applied to.
    """
    chosen = options or RecistOptions()
    for one in subjects:
        first = 0
        cautions: tuple[str, ...]
        cautions = (f"no treatment_start: the earliest visit, {one.visits[0].day}, is the baseline and day 0",)
        if one.treatment_start is not None:
            first, cautions, missing = baseline_at([visit.day for visit in one.visits], one.treatment_start)
            if missing:
                remedy = "add the measurement before treatment, or mend treatment_start"
                raise Problems(f"lesions of {one.subject}", [Problem(one.subject, missing, remedy)])
        visits = one.visits[first:]
        points = time_points(visits, chosen, who=one.subject)
        reference = one.treatment_start or visits[0].day
        assessments = [Assessment(point.day, point.overall) for point in points]
        best = best_overall(assessments, reference=reference, options=chosen)
        if not points:
            best = replace(best, because=f"measured at baseline alone, {visits[0].day}")
        yield SubjectResponse(
            one.subject,
            points,
            best,
            reference,
            one.treatment_start is None,
            visits[0].day,
            (*cautions, *tenfold_jumps(visits)),
        )
