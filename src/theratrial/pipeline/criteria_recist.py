"""RECIST 1.1 on the lesions measured on CT or MRI, for one participant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from theratrial.errors import InputError, Problems
from theratrial.pipeline.criteria_readers import Read, of_readers
from theratrial.protocol.plans.criteria import RecistPlan
from theratrial.response.recist.baseline import baseline_at
from theratrial.response.recist.best import Assessment, best_overall
from theratrial.response.recist.lesions import Lesion, Visit, micrometres, tenfold_jumps
from theratrial.response.recist.options import RecistOptions
from theratrial.response.recist.timepoint import METHOD, VERSION, TimePoint, time_points
from theratrial.results.criteria import CriteriaAssessment, CriteriaOption, CriteriaResult
from theratrial.trace import Quantity, Trace
from theratrial.trialfolder.records import Row

TITLE: Final = "RECIST 1.1"
_BEYOND: Final = "the paper does not foresee it"
_RULE: Final = "protocol:further_criteria.reading.recist_1_1"


@dataclass(frozen=True, slots=True)
class RecistCase:
    """One participant's measurements, and the day the treatment began."""

    rows: tuple[Row, ...]
    treatment_start: date
    start_source: str
    plan: RecistPlan
    demonstration: tuple[str, ...]
    adjudication: Row | None = None
    """The line that says whose measurements stand; None where none does."""


def recist_options(plan: RecistPlan) -> RecistOptions:
    """The protocol's answers to what RECIST 1.1 leaves open."""
    return RecistOptions(
        partial_stays=plan.partial_stays,
        confirmation_days=plan.confirmation_days,
        stable_days=plan.stable_days,
        not_evaluable_between=plan.not_evaluable_between,
        stable_between=plan.stable_between,
        too_small_mm=plan.too_small_mm,
        reappeared_progresses=plan.reappeared_progresses,
        normal_nodes_progress=plan.normal_nodes_progress,
        doubtful_dated=plan.doubtful_dated,
        partial_after_complete=plan.partial_after_complete,
        early_complete_progresses=plan.early_complete_progresses,
    )


def recist_result(case: RecistCase) -> CriteriaResult:
    """Best overall response by all readers; NE with every reason where the measurements do not allow one.

    Lines that cannot be judged never stop the run: they are named, with file and line, in the reason.
    """
    readers = sorted({row["reader"] for row in case.rows})
    if not readers:
        return _result(case, "NE", None, "not assessable: no lesion is recorded in tumour_measurements", ())
    reads = [
        Read(reader, reader, _by_reader(case, reader, tuple(r for r in case.rows if r["reader"] == reader)))
        for reader in readers
    ]
    return of_readers(reads, case.adjudication, adjudicates="tumour measurements")


def _by_reader(case: RecistCase, reader: str, rows: tuple[Row, ...]) -> CriteriaResult:
    visits, problems = _visits(rows)
    cautions: tuple[str, ...] = ()
    if not problems:
        visits, cautions, problems = _from_baseline(visits, case.treatment_start)
    if problems:
        return _result(case, "NE", None, f"not assessable: {'; '.join(problems)}", rows, reader=reader)
    cautions += tenfold_jumps(visits)
    options = recist_options(case.plan)
    try:
        points = time_points(visits, options, who=reader)
        best = best_overall(
            [Assessment(point.day, point.overall) for point in points], reference=case.treatment_start, options=options
        )
    except Problems as found:
        said = "; ".join(problem.message for problem in found.problems)
        return _result(case, "NE", None, f"not assessable: {said}", rows, reader=reader, cautions=cautions)
    except InputError as error:
        return _result(case, "NE", None, f"not assessable: {error}", rows, reader=reader, cautions=cautions)
    missing = best.response == "MISSING"
    return _result(
        case,
        "NE" if missing else best.response,
        best.controlled,
        "not assessable: measured at baseline only" if missing else best.because,
        rows,
        reader=reader,
        assessments=_assessments(case, reader, rows, visits[0], points),
        cautions=cautions,
    )


def _visits(rows: Sequence[Row]) -> tuple[tuple[Visit, ...], list[str]]:
    """Measurements by day; what is wrong with a line, with its place."""
    days: dict[date, list[Lesion]] = defaultdict(list)
    problems = []
    nodal: dict[str, bool] = {}
    for row in sorted(rows, key=lambda row: row["measured_on"]):
        if row["nodal"] is not None:
            nodal.setdefault(row["lesion_id"], row["nodal"])
    for row in rows:
        try:
            days[row["measured_on"]].append(_lesion(row, nodal=nodal.get(row["lesion_id"], False)))
        except InputError as error:
            problems.append(f"{row.file} line {row.line}: {error}")
    return tuple(Visit(day, tuple(days[day])) for day in sorted(days)), problems


def _lesion(row: Row, *, nodal: bool) -> Lesion:
    """`nodal`: what the lesion's earliest line says, where this one says nothing."""
    length, status = row["length_mm"], row["status"]
    if row["role"] != "target" and status in ("measured", "too_small"):
        # Only targets are judged by their length: of a non-target or a new lesion it says that the lesion is there.
        length, status = None, "present"
    return Lesion(
        lesion_id=row["lesion_id"],
        role=row["role"],
        status=status,
        # A length beside "absent" is refused by the lesion itself; the shortest text of the number is what was typed.
        length_um=None if length is None else micrometres(repr(length)),
        nodal=nodal if row["nodal"] is None else bool(row["nodal"]),
        organ=row["organ"] or "",
        merged_into=row["merged_into"] or "",
    )


def _from_baseline(
    visits: tuple[Visit, ...], treatment_start: date
) -> tuple[tuple[Visit, ...], tuple[str, ...], list[str]]:
    """The visits from the last one before treatment, what to know of it, and why there is none."""
    first, cautions, missing = baseline_at([visit.day for visit in visits], treatment_start)
    return visits[first:], cautions, [missing] if missing else []


def _trace(case: RecistCase, rows: Sequence[Row]) -> Trace:
    inputs = {f"{row['lesion_id']} on {row['measured_on']} by {row['reader']}": row.source for row in rows}
    return Trace(
        METHOD,
        VERSION,
        {**inputs, "rule": _RULE, "treatment start": case.start_source},
        demonstration=case.demonstration,
    )


def _assessments(
    case: RecistCase, reader: str, rows: tuple[Row, ...], baseline: Visit, points: Sequence[TimePoint]
) -> tuple[CriteriaAssessment, ...]:
    first = _trace(case, [row for row in rows if row["measured_on"] == baseline.day])
    targets = baseline.of("target")
    total = sum(lesion.length_um or 0 for lesion in targets.values()) / 1000
    shown = [
        CriteriaAssessment(
            baseline.day,
            "",
            f"{len(targets)} targets, {len(baseline.of('non_target'))} non-targets",
            Quantity(total, "mm", first) if targets else None,
            None,
            "baseline",
            reader,
        )
    ]
    for point in points:
        trace = _trace(case, [row for row in rows if row["measured_on"] <= point.day])
        change = point.from_baseline_percent
        shown.append(
            CriteriaAssessment(
                point.day,
                point.overall,
                point.because,
                None if point.sum_mm is None else Quantity(point.sum_mm, "mm", trace),
                None if change is None else Quantity(change, "percent", trace),
                "",
                reader,
            )
        )
    return tuple(shown)


def _options(case: RecistCase) -> tuple[CriteriaOption, ...]:
    plan, options = case.plan, recist_options(case.plan)
    confirmed = "not asked" if plan.confirmation_days is None else f"after {plan.confirmation_days} days"
    stays = {
        "once_confirmed": "until progression, once confirmed",
        "once_assigned": "until progression, at once",
        "never": "judged anew at each visit",
    }
    rows = (
        ("confirmation of CR and PR", confirmed, "four weeks where response is the endpoint and nothing is compared"),
        ("shortest stable disease", f"{plan.stable_days} days", "left to the protocol; from the first treatment on"),
        ("partial response stays", stays[plan.partial_stays], "EORTC's answers on RECIST 1.1 keep a confirmed one"),
        (
            "not evaluable before confirmation",
            f"{plan.not_evaluable_between}",
            "the paper names no number",
        ),
        ("stable before confirmation", "one may be" if plan.stable_between else "none may be", "the paper is silent"),
        ("too small to measure", f"{plan.too_small_mm:g} mm", "the paper's default is 5 mm"),
        (
            "seen again after CR",
            "progression at once" if plan.reappeared_progresses else "by the growth of the sum",
            "table 3 of the paper, footnote: any disease seen after CR; of nodes the sum decides either way",
        ),
        (
            "growth of nodes below 10 mm, all else gone",
            "may be progression" if plan.normal_nodes_progress else "complete response",
            "the definitions of CR and PD both fit; such nodes are normal (4.3.1)",
        ),
        (
            "doubtful new lesion, confirmed later",
            "progression from when it was first seen"
            if plan.doubtful_dated == "first_seen"
            else "progression from when it was confirmed",
            "the paper (4.3.5) takes the initial scan",
        ),
        (
            "PR after CR",
            "shows that the CR was PR" if plan.partial_after_complete else "neither counts",
            "table 3 allows it where the first reading was in error, which the reader must say",
        ),
        (
            "CR, then SD or PR, before SD counts",
            "progression" if plan.early_complete_progresses else "not evaluable",
            "table 3 says PD; nothing had progressed at any of the visits",
        ),
        ("after the first progression", "not counted" if not options.beyond_progression else "counted", _BEYOND),
    )
    return tuple(CriteriaOption(name, value, why) for name, value, why in rows)


def _result(
    case: RecistCase,
    category: str,
    controlled: bool | None,
    because: str,
    rows: Sequence[Row],
    *,
    reader: str = "",
    assessments: tuple[CriteriaAssessment, ...] = (),
    cautions: tuple[str, ...] = (),
) -> CriteriaResult:
    return CriteriaResult(
        criteria="recist_1_1",
        title=TITLE,
        exploratory=False,
        category=category,
        controlled=controlled,
        because=because,
        reader=reader,
        assessments=assessments,
        options=_options(case),
        trace=_trace(case, rows),
        cautions=cautions,
    )
