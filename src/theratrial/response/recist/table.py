"""A table of lesions, one line for each lesion at each visit, to responses; columns: docs/methods/recist.md."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Final, get_args

from theratrial.errors import InputError, Problem, Problems
from theratrial.response.recist.baseline import baseline_at
from theratrial.response.recist.best import Assessment, BestOverall, best_overall
from theratrial.response.recist.lesions import STATUSES, Lesion, Role, Visit, micrometres
from theratrial.response.recist.options import RecistOptions
from theratrial.response.recist.timepoint import TimePoint, time_points
from theratrial.response.table_cells import day, one_of, stripped_cells, table_lines, yes_or_no

NEEDED: Final = ("subject", "date", "lesion", "role", "status")
OPTIONAL: Final = ("length_mm", "nodal", "organ", "visit", "treatment_start")
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
    """Of the choice of the baseline."""


def read_lesions(text: str, *, name: str = "table") -> tuple[SubjectLesions, ...]:
    """The participants of a CSV table in the order in which they first appear.

    Raises
    ------
    Problems
        Columns that are missing or unknown, and every cell that cannot be read, by line.
    """
    columns, lines = table_lines(text, NEEDED, OPTIONAL, name)
    problems: list[Problem] = []
    visits: dict[str, dict[date, list[Lesion]]] = defaultdict(lambda: defaultdict(list))
    names: dict[tuple[str, date], str] = {}
    starts: dict[str, date] = {}
    nodes: set[tuple[str, str]] = set()
    silent: list[tuple[str, date, int]] = []
    for line, row in lines:
        try:
            cells = stripped_cells(columns, row, filled=("subject", "lesion"))
            subject, day, lesion, start = _row(cells)
            if start is not None and starts.setdefault(subject, start) != start:
                raise InputError(f"treatment_start of {subject} is {start} and was {starts[subject]}")
        except InputError as error:
            problems.append(Problem(f"{name} line {line}", str(error)))
            if len(problems) == MOST_PROBLEMS:
                problems.append(Problem(name, "further lines were not read; mend these first"))
                break
            continue
        if lesion.nodal:
            nodes.add((subject, lesion.lesion_id))
        elif not cells.get("nodal"):
            silent.append((subject, day, len(visits[subject][day])))
        visits[subject][day].append(lesion)
        names.setdefault((subject, day), cells.get("visit", ""))
    for subject, day, at in silent:
        # A lesion that one line calls a node is one where the cell is empty too.
        lesion = visits[subject][day][at]
        if (subject, lesion.lesion_id) in nodes:
            visits[subject][day][at] = replace(lesion, nodal=True)
    if not visits and not problems:
        problems.append(Problem(name, "holds no line below its header"))
    if problems:
        raise Problems(name, problems)
    return tuple(
        SubjectLesions(
            subject,
            tuple(Visit(day, tuple(lesions), names[subject, day]) for day, lesions in sorted(days.items())),
            starts.get(subject),
        )
        for subject, days in visits.items()
    )


def _row(cells: Mapping[str, str]) -> tuple[str, date, Lesion, date | None]:
    role = one_of("role", cells["role"], _ROLES)
    status = one_of("status", cells["status"], STATUSES[role])  # type: ignore[index]
    length = cells.get("length_mm", "")
    start = cells.get("treatment_start", "")
    lesion = Lesion(
        cells["lesion"],
        role,  # type: ignore[arg-type]
        status,  # type: ignore[arg-type]
        _length(length) if length else None,
        yes_or_no("nodal", cells.get("nodal", "")),
        cells.get("organ", ""),
    )
    return cells["subject"], day("date", cells["date"]), lesion, day("treatment_start", start) if start else None


@lru_cache(maxsize=8192)
def _length(text: str) -> int:
    return micrometres(text)


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
        cautions: tuple[str, ...] = ()
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
        yield SubjectResponse(
            one.subject, points, best, reference, one.treatment_start is None, visits[0].day, cautions
        )
