"""The published tables as numbers that can be compared: published.json, from the results alone.

Nothing here reads an analysis data set: what the code recomputes from those is compared with what the report printed
from the results, so that both ways must agree.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from theratrial.exchange.sdtm.planned import ascii_text
from theratrial.protocol.schema import Protocol
from theratrial.report.counted_events import counted_events
from theratrial.report.texts import in_percent, number
from theratrial.results.shown_change import shown_change_percent
from theratrial.results.values import LabPoint, ParticipantResult, TrialResult
from theratrial.safety.adverse.counts import CountedEvent, GradeCounts, class_counts, overview_counts
from theratrial.sharing.code.plan import laboratory_tests, organs
from theratrial.trace import Quantity

NOT_KNOWN: Final = "-"
Table = dict[str, Any]


def published_tables(result: TrialResult, protocol: Protocol) -> dict[str, Table]:
    """Name -> table with its columns and rows, printed. What the trial does not have is left out."""
    makers: dict[str, Callable[[TrialResult, Protocol], Table | None]] = {
        "primary": _primary,
        "sensitivity": _sensitivity,
        "response": _response,
        "survival": _survival,
        "survival_steps": _steps,
        "adverse_overview": _overview,
        "adverse": _adverse,
        "laboratory_shift": _shift,
        "activities": _activities,
        "organ_doses": _organ_doses,
        "dose_response": _dose_response,
    }
    found = {name: make(result, protocol) for name, make in makers.items()}
    return {name: table for name, table in found.items() if table is not None}


def _table(columns: Iterable[str], rows: Iterable[Sequence[str]]) -> Table:
    return {"columns": list(columns), "rows": [list(row) for row in rows]}


def _fraction(value: float | None) -> str:
    return NOT_KNOWN if value is None else in_percent(value)


def _number(value: float | None, digits: int = 3) -> str:
    if value is None:
        return NOT_KNOWN
    return "no bound" if math.isinf(value) else number(value, digits=digits)


def _change(value: float | None) -> str:
    if value is None:
        return NOT_KNOWN
    text = f"{value:.1f}"
    return "0.0 %" if float(text) == 0 else f"{text} %"


def _primary(result: TrialResult, _: Protocol) -> Table:
    endpoint, test = result.endpoint, result.analysis.test
    rows = [(name, str(many)) for name, many in endpoint.categories]
    rows += [("Analysed", str(endpoint.analysed)), ("Successes", str(endpoint.successes))]
    found = endpoint.proportion
    if found.value is not None:
        rows += [
            ("Proportion", _fraction(found.value)),
            ("Lower limit", _fraction(found.lower)),
            ("Upper limit", _fraction(found.upper)),
        ]
        if test is not None and test.p_value.value is not None:
            rows.append(("One-sided exact p", f"{test.p_value.value:.4f}"))
    return _table(("", "Value"), rows)


def _sensitivity(result: TrialResult, _: Protocol) -> Table | None:
    rows = [
        (one.name, str(one.successes), str(one.analysed), *map(_fraction, _three(one.proportion)))
        for one in result.analysis.proportions
    ]
    columns = ("Analysis", "Successes", "Analysed", "Proportion", "Lower limit", "Upper limit")
    return _table(columns, rows) if rows else None


def _three(one: Quantity) -> tuple[float | None, float | None, float | None]:
    return one.value, one.lower, one.upper


def _response(result: TrialResult, _: Protocol) -> Table:
    treated = [one for one in result.participants if one.treated]
    found = [
        (shown_change_percent(one.response), one.response.category if one.response is not None else "NE")
        for one in treated
    ]
    known = sorted(((value, name) for value, name in found if value is not None), key=lambda one: (-one[0], one[1]))
    unknown = sorted(name for value, name in found if value is None)
    rows = [(_change(value), name) for value, name in known] + [(NOT_KNOWN, name) for name in unknown]
    return _table(("Change of uptake", "Category"), rows)


def _survival(result: TrialResult, _: Protocol) -> Table | None:
    rows = [
        (
            one.title,
            str(one.analysed),
            str(one.events),
            *_bounds(one.median_months, followed=one.analysed > 0),
            *_bounds(one.median_follow_up_months, followed=one.analysed > 0),
        )
        for one in result.analysis.survival
    ]
    columns = ["Time", "Analysed", "Events", "Median", "Lower limit", "Upper limit"]
    columns += ("Median follow-up", "Lower limit of follow-up", "Upper limit of follow-up")
    return _table(columns, rows) if rows else None


def _bounds(one: Quantity, *, followed: bool) -> tuple[str, str, str]:
    # A limit that is not reached is none: the curve of the limit does not come down to one half.
    upper = None if one.upper is None or math.isinf(one.upper) else one.upper
    return (_number(one.value), _number(one.lower), _number(upper)) if followed else (NOT_KNOWN,) * 3


def _steps(result: TrialResult, _: Protocol) -> Table | None:
    rows = [
        (
            one.title,
            _number(step.time_months),
            str(step.at_risk),
            str(step.events),
            str(step.censored),
            _fraction(step.survival_fraction),
            _fraction(step.lower_fraction),
            _fraction(step.upper_fraction),
        )
        for one in result.analysis.survival
        for step in one.steps
    ]
    columns = ("Time to event", "Months", "At risk", "Events", "Censored", "Estimate", "Lower limit", "Upper limit")
    return _table(columns, rows) if rows else None


def _overview(result: TrialResult, _: Protocol) -> Table:
    lines = overview_counts(_events(result))
    rows = [(one.name, str(len(one.participants)), str(one.events)) for one in lines]
    return _table(("Kind", "Participants", "Events"), rows)


def _events(result: TrialResult) -> list[CountedEvent]:
    """What the report counts, with terms and classes in ASCII as the data sets have them."""
    return [
        replace(one, term=ascii_text(one.term)[:200], system_organ_class=ascii_text(one.system_organ_class))
        for one in counted_events(result)[0]
    ]


def _adverse(result: TrialResult, _: Protocol) -> Table:
    rows = []
    for group in class_counts(_events(result)):
        rows.append(_event_line(group.total.name, "all terms", group.total))
        rows += [_event_line(group.total.name, one.name, one) for one in group.terms]
    columns = ("Class", "Term", "Participants", *(f"Grade {grade}" for grade in range(1, 6)))
    return _table((*columns, "Related", "Serious", "Events"), rows)


def _event_line(first: str, second: str, line: GradeCounts) -> tuple[str, ...]:
    grades = [str(len(line.worst[grade])) for grade in range(1, 6)]
    counts = (str(len(line.related)), str(len(line.serious)), str(line.events))
    return (first, second, str(len(line.participants)), *grades, *counts)


def _shift(result: TrialResult, _: Protocol) -> Table | None:
    rows: list[tuple[str, ...]] = []
    treated = [one for one in result.participants if one.treated]
    for test in laboratory_tests(result):
        pairs = Counter(_worst(one, test) for one in treated)
        for before in sorted({pair[0] for pair in pairs}, key=lambda grade: 9 if grade is None else grade):
            shown = [pairs[before, grade] for grade in (0, 1, 2, 3, 4, None)]
            name = "no grade" if before is None else f"grade {before}"
            total = sum(many for pair, many in pairs.items() if pair[0] == before)
            rows.append((test.replace("_", " "), name, *map(str, shown), str(total)))
    columns = ("Test", "Before treatment", *(f"Grade {grade}" for grade in range(5)), "No grade", "All")
    return _table(columns, rows) if rows else None


def _worst(one: ParticipantResult, test: str) -> tuple[int | None, int | None]:
    first = one.sessions[0].injected_at
    hers = [point for point in one.laboratory if point.test == test]
    before = [point.grade for point in hers if point.collected_at <= first]
    after = [point.grade for point in hers if _graded_after(point, first)]
    return (before[-1] if before else None), max((grade for grade in after if grade is not None), default=None)


def _graded_after(point: LabPoint, first: Any) -> bool:
    return point.collected_at > first and point.grade is not None


def _activities(result: TrialResult, _: Protocol) -> Table | None:
    given: dict[int, list[float]] = {}
    for one in result.participants:
        for session in one.sessions:
            held = given.setdefault(session.session, [])
            if session.administered_activity_MBq.value is not None:
                held.append(session.administered_activity_MBq.value)
    rows = [(str(session), *_summary(values, 4)) for session, values in sorted(given.items())]
    return (
        _table(("Session", "Participants", "Median [MBq]", "Smallest [MBq]", "Greatest [MBq]"), rows) if rows else None
    )


def _summary(values: Sequence[float], digits: int = 3) -> tuple[str, ...]:
    if not values:
        return "0", NOT_KNOWN, NOT_KNOWN, NOT_KNOWN
    three = (statistics.median(values), min(values), max(values))
    return (str(len(values)), *(_number(one, digits) for one in three))


def _organ_doses(result: TrialResult, protocol: Protocol) -> Table | None:
    rows = []
    for region, title in organs(protocol):
        doses = [
            dose for one in result.participants if one.treated for dose in one.cumulative_doses
            if dose.region_id == region
        ]  # fmt: skip
        values = [dose.absorbed_dose_Gy.value for dose in doses if dose.absorbed_dose_Gy.value is not None]
        limits = [dose.limit_Gy for dose in doses if dose.limit_Gy is not None]
        unknown = sum(dose.absorbed_dose_Gy.value is None or dose.absorbed_dose_Gy.upper == math.inf for dose in doses)
        rows.append((title, *_summary(values), _number(limits[-1] if limits else None), str(unknown)))
    columns = ("Organ", "Participants", "Median [Gy]", "Smallest [Gy]", "Greatest [Gy]", "Limit [Gy]")
    return _table((*columns, "Undetermined or no upper bound"), rows) if rows else None


def _dose_response(result: TrialResult, _: Protocol) -> Table | None:
    found = result.criteria.dose_response
    if found is None:
        return None
    rho = found.rank_correlation
    rows = [
        ("Participants", str(found.participants)),
        ("Lesions with dose and change", str(found.lesions)),
        ("Lesions with a change and an undetermined dose", str(found.undetermined)),
        ("Lesions resolved", str(found.resolved)),
        ("Spearman's rank correlation", _number(rho.value)),
        ("Lower limit", _number(rho.lower)),
        ("Upper limit", _number(rho.upper)),
    ]
    return _table(("", "Value"), rows)
