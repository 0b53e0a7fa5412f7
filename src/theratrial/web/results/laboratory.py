"""Laboratory values with their computed grades, and their course."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from itertools import pairwise

from theratrial.errors import InputError, TheratrialError
from theratrial.gates.records import laboratory_results
from theratrial.report.figures.vector import Drawing
from theratrial.report.style import FAINT, INK, MUTED
from theratrial.report.texts import number, unit_text
from theratrial.safety import LaboratoryResult, graded, with_baselines
from theratrial.safety.nadirs import count_course, falls, nadir_of
from theratrial.trialfolder.records import TrialFolder
from theratrial.web.results.gate import therapy_rows

_WIDTH, _HEIGHT = 520.0, 182.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 505.0, 40.0, 152.0
_GRADE_COLOURS = {0: "#0b5c42", 1: "#8a6d1a", 2: "#b86e14", 3: "#9c2f1f", 4: "#7a1fa0", 5: "#000000"}


@dataclass(frozen=True, slots=True)
class LaboratoryPoint:
    """A value and its grade; `grade` None where it cannot be graded, and `why` says so."""

    test: str
    collected_at: datetime
    value: float
    unit: str
    lower_limit: float | None
    upper_limit: float | None
    grade: int | None
    why: str
    ctcae_version: str
    record: str


def laboratory_points(folder: TrialFolder, code: str) -> list[LaboratoryPoint]:
    """Every readable result of a participant, graded by the laboratory value alone, in order of time."""
    gate = folder.protocol.safety_gate.reading
    version = gate.ctcae_version if gate is not None else "5.0"
    rows = [
        row
        for row in folder.rows("laboratory", participant_id=code)
        if row["value"] is not None and row["collected_at"] is not None and row["test"] and row["unit"]
    ]
    found = []
    injections = [row["injected_at"] for row in therapy_rows(folder, code).values() if row["injected_at"]]
    for result in with_baselines(laboratory_results(rows), min(injections, default=None)):
        try:
            grade = graded(result, version).grade
            number_of_grade, why = grade.grade, grade.why
        except TheratrialError as error:
            number_of_grade, why = None, str(error)
        found.append(
            LaboratoryPoint(
                result.test,
                result.collected_at,
                result.value,
                result.unit,
                result.lower_limit,
                result.upper_limit,
                number_of_grade,
                why,
                version,
                result.record,
            )
        )
    return sorted(found, key=lambda one: (one.test, one.collected_at))


def laboratory_drawing(folder: TrialFolder, code: str, points: Sequence[LaboratoryPoint]) -> Drawing | None:
    """Values over days, each mark with its grade; injections as lines, the lower limit dashed and told in the head."""
    if not points:
        return None
    sessions = {n: row["injected_at"] for n, row in therapy_rows(folder, code).items() if row["injected_at"]}
    start = min([points[0].collected_at, *sessions.values()])
    last = max([points[-1].collected_at, *sessions.values()])
    span = max((last - start).total_seconds(), 1.0)
    top = max([one.value for one in points] + [one.lower_limit or 0 for one in points]) * 1.12 or 1.0

    def x(at: datetime) -> float:
        return _LEFT + (_RIGHT - _LEFT) * (at - start).total_seconds() / span

    def y(value: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * value / top

    drawing = Drawing(_HEIGHT, width_px=_WIDTH)
    unit = unit_text(points[0].unit)
    drawing.text(4, 13, f"{points[0].test.replace('_', ' ')} [{unit}]", size=11.5, bold=True)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        value = top / 1.12 * share
        drawing.line(_LEFT, y(value), _RIGHT, y(value), colour=FAINT, width=0.6)
        drawing.text(_LEFT - 5, y(value) + 3.5, number(value, digits=2), size=9.5, anchor="end")
    for session, at in sessions.items():
        drawing.line(x(at), _TOP - 4, x(at), _BOTTOM, colour=MUTED, width=1, dash="2 3")
        drawing.text(x(at) + 2, _TOP - 5, f"session {session}", size=9.5, colour=MUTED)
    for at in _visits(folder, code):
        if start <= at <= last:
            drawing.marker(x(at), _BOTTOM + 4, "^", colour=INK, size=3.6)
    limit = points[-1].lower_limit
    if limit is not None:
        drawing.line(_LEFT, y(limit), _RIGHT, y(limit), colour=MUTED, width=1, dash="6 4")
        # In the head: beside its line it would lie over the values of whoever is near it.
        said = f"dashed: lower limit {number(limit, digits=3)}"
        drawing.text(_RIGHT, 13, said, size=9, colour=MUTED, anchor="end")
    drawing.path([(x(one.collected_at), y(one.value)) for one in points], colour=INK, width=1)
    for lowest in _nadirs(folder, points, list(sessions.values()), last):
        drawing.ring(x(lowest.collected_at), y(lowest.value), colour=INK, size=7)
    for one in points:
        colour = MUTED if one.grade is None else _GRADE_COLOURS.get(one.grade, INK)
        drawing.marker(x(one.collected_at), y(one.value), "o", colour=colour, size=3.6, filled=one.grade is not None)
        if one.grade:
            drawing.text(x(one.collected_at) - 3, y(one.value) + 15, str(one.grade), size=9.5, colour=colour)
    days = (last - start).days
    drawing.text(_LEFT, _BOTTOM + 14, start.date().isoformat(), size=9.5)
    drawing.text(_RIGHT, _BOTTOM + 14, f"{last.date().isoformat()} (day {days})", size=9.5, anchor="end")
    said = "number under a mark: CTCAE grade; hollow: not gradable; ring: nadir; triangle: gate visit"
    drawing.text(_LEFT, _BOTTOM + 27, said, size=9, colour=MUTED)
    return drawing


def _visits(folder: TrialFolder, code: str) -> list[datetime]:
    """Noon of the days of the visits that judge the next session."""
    gate = folder.protocol.safety_gate.reading
    if gate is None:
        return []
    rows = folder.rows("visits", participant_id=code, visit_id=gate.visit)
    days = [row["occurred_on"] for row in rows if row["status"] == "done" and row["occurred_on"] is not None]
    return [datetime.combine(day, time(12), folder.zone) for day in days]


def _nadirs(
    folder: TrialFolder, points: Sequence[LaboratoryPoint], sessions: Sequence[datetime], last: datetime
) -> list[LaboratoryResult]:
    """The lowest count after each session, of tests that are graded for low values."""
    gate = folder.protocol.safety_gate.reading
    if gate is None or not falls(points[0].test, gate.ctcae_version):
        return []
    results = [LaboratoryResult(p.test, p.value, p.unit, None, None, p.collected_at) for p in points]
    found = []
    for at, following in pairwise([*sorted(sessions), last]):
        try:
            lowest = nadir_of(count_course(results, points[0].test, injected_at=at, until=following))
        except InputError:
            continue  # in two units: the table shows each value in its own
        if lowest is not None:
            found.append(lowest.result)
    return found
