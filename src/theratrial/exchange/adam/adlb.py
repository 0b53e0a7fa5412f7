"""ADLB: laboratory values with grades, baseline, change, nadir and shift."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from theratrial.exchange.adam.context import AdamContext, day_text, moment_text
from theratrial.exchange.adam.variables import (
    DATE,
    MOMENT,
    RELATIVE_DAY,
    YES,
    analysis_dataset,
    listed,
    made,
    parameter_variables,
    source_variables,
    subject_variables,
)
from theratrial.exchange.datasets.values import Dataset, Method, Value
from theratrial.exchange.sdtm.context import Subject, dtc
from theratrial.exchange.sdtm.findings import unit_term
from theratrial.exchange.sdtm.laboratory import laboratory_code
from theratrial.exchange.sdtm.planned import ascii_text
from theratrial.results.values import LabPoint, ParticipantResult

SETS: Final = ("safety",)
_VALUE: Final = Method(
    "ADLB.AVAL", "Laboratory value", "LB.LBSTRESN: the value in the unit that grading reads, which PARAM names."
)
_MOMENT: Final = Method("ADLB.ADT", "Day and time of the sample", "LB.LBDTC, by the clock at the trial.")
_LIMITS: Final = Method("ADLB.A1", "Reference range", "Limits of the laboratory that measured, in the unit of AVAL.")
_BASELINE: Final = Method(
    "ADLB.ABLFL",
    "Baseline record",
    "Y at the last value of the test that was taken before or at the start of the first session.",
)
_BASE: Final = Method("ADLB.BASE", "Baseline", "AVAL, or ATOXGR, of the record with ABLFL Y of the subject and test.")
_CHANGE: Final = Method("ADLB.CHG", "Change from baseline", "AVAL less BASE, of records with ONTRTFL Y.")
_PERCENT: Final = Method(
    "ADLB.PCHG", "Percent change", "100 times CHG over BASE, of records with ONTRTFL Y; empty where BASE is 0."
)
_AFTER: Final = Method("ADLB.ONTRTFL", "On treatment", "Y where the sample was taken after the start of session 1.")
_GRADE: Final = Method(
    "ADLB.ATOXGR",
    "Toxicity grade",
    "Grade of the value by the printed limits of the CTCAE version in CTCAEVER; 0 where it meets none. Empty where the "
    "value does not tell.",
)
_OTHER: Final = Method(
    "ADLB.OTOXGR",
    "Grade by the other version",
    "The same value by the CTCAE version in OCTCVER. Empty where it does not tell, or was not compared.",
)
_WORST: Final = Method(
    "ADLB.WORSTFL",
    "Worst grade",
    "Y at the earliest of the worst-graded values after the start of session 1, test by test; where none has a grade "
    "at the earliest value.",
)
_SHIFT: Final = Method(
    "ADLB.SHIFT1", "Shift", "Baseline grade to grade, at the record with WORSTFL Y; no grade where there is none."
)
_NADIR: Final = Method(
    "ADLB.NADIRFL",
    "Nadir",
    "Y at the lowest value after a session and before the next, as the run found it; NADSESS is that session.",
)


def adlb(context: AdamContext) -> tuple[Dataset, ...]:
    """Laboratory analysis data set."""
    grades = listed("ATOXGR", "Toxicity grade", ("0", "1", "2", "3", "4", "5"))
    variables = (
        *subject_variables(*context.set_variables(*SETS)),
        *parameter_variables(),
        made("AVAL", "Analysis Value", _VALUE, data_type="float", core="Exp"),
        made("ADT", "Analysis Date", _MOMENT, core="Req", **DATE),
        made("ADTM", "Analysis Datetime", _MOMENT, core="Req", **MOMENT),
        made("ADY", "Analysis Relative Day", RELATIVE_DAY, core="Exp", data_type="integer"),
        made("A1LO", "Analysis Range 1 Lower Limit", _LIMITS, data_type="float"),
        made("A1HI", "Analysis Range 1 Upper Limit", _LIMITS, data_type="float"),
        made("ABLFL", "Baseline Record Flag", _BASELINE, core="Exp", codelist=YES),
        made("ONTRTFL", "On Treatment Record Flag", _AFTER, core="Exp", codelist=YES),
        made("BASE", "Baseline Value", _BASE, data_type="float", core="Exp"),
        made("CHG", "Change from Baseline", _CHANGE, data_type="float", core="Exp"),
        made("PCHG", "Percent Change from Baseline", _PERCENT, data_type="float"),
        made("ATOXGR", "Analysis Toxicity Grade", _GRADE, core="Exp", codelist=grades),
        made("BTOXGR", "Baseline Toxicity Grade", _BASE, codelist=grades),
        made("CTCTERM", "CTCAE Term of the Grade"),
        made("CTCAEVER", "CTCAE Version of the Grade"),
        made("OTOXGR", "Toxicity Grade by the Other Version", _OTHER, codelist=grades),
        made("OCTCVER", "The Other CTCAE Version"),
        made("WORSTFL", "Worst Post-baseline Grade Flag", _WORST, core="Exp", codelist=YES),
        made("SHIFT1", "Shift 1", _SHIFT),
        made("NADIRFL", "Nadir Record Flag", _NADIR, codelist=YES),
        made("NADSESS", "Session of the Nadir", _NADIR, data_type="integer"),
        *source_variables(),
    )
    records = [record for subject, result in context.with_results() for record in _hers(context, subject, result)]
    return analysis_dataset(
        "ADLB",
        "Laboratory Analysis Dataset",
        variables,
        records,
        keys="PARAMCD ADTM",
        structure="One record per subject per parameter per sample",
    )


def _hers(context: AdamContext, subject: Subject, result: ParticipantResult) -> Iterator[dict[str, Value]]:
    tests: dict[str, list[tuple[int, LabPoint]]] = {}
    for index, point in enumerate(result.laboratory):
        tests.setdefault(point.test, []).append((index, point))
    first = result.sessions[0].injected_at if result.sessions else None
    for points in tests.values():
        yield from _test(context, subject, result, points, first)


def _test(
    context: AdamContext,
    subject: Subject,
    result: ParticipantResult,
    points: Sequence[tuple[int, LabPoint]],
    first: datetime | None,
) -> Iterator[dict[str, Value]]:
    before = [index for index, one in points if first is not None and one.collected_at <= first]
    baseline = before[-1] if before else None
    base = result.laboratory[baseline] if baseline is not None else None
    worst = _worst([(index, one) for index, one in points if first is not None and one.collected_at > first])
    for index, point in points:
        after = first is not None and point.collected_at > first
        record = _value(context, subject, point, index) | _grades(context, result, point)
        if index == baseline:
            record["ABLFL"] = "Y"
        if base is not None:
            record |= {"BASE": base.value.value, "BTOXGR": _grade(base.grade)}
        if after:
            record |= {"ONTRTFL": "Y", **_changes(point.value.value, base.value.value if base is not None else None)}
        if index == worst:
            shift = f"{_said(base.grade if base is not None else None)} to {_said(point.grade)}"
            record |= {"WORSTFL": "Y", "SHIFT1": shift}
        yield record | _nadir(result, point)


def _worst(after: Sequence[tuple[int, LabPoint]]) -> int | None:
    graded = [(index, one.grade) for index, one in after if one.grade is not None]
    if graded:
        return max(graded, key=lambda pair: (pair[1], -pair[0]))[0]
    return after[0][0] if after else None


def _value(context: AdamContext, subject: Subject, point: LabPoint, index: int) -> dict[str, Value]:
    code, name = laboratory_code(point.test)
    unit = unit_term(point.value.unit)
    source = context.source("LB", "LBSTRESN", subject, LBTESTCD=code, LBDTC=dtc(point.collected_at))
    return {
        **context.head(subject, *SETS),
        "PARCAT1": "LABORATORY",
        "PARAMCD": code,
        "PARAM": ascii_text(f"{name} ({unit})" if unit else name),
        "AVAL": point.value.value,
        "ADT": day_text(point.collected_at),
        "ADTM": moment_text(point.collected_at),
        "ADY": context.day(subject, point.collected_at),
        "A1LO": point.lower_limit,
        "A1HI": point.upper_limit,
        "SRCREF": f"laboratory[{index}]",
        **source,
    }


def _grades(context: AdamContext, result: ParticipantResult, point: LabPoint) -> dict[str, Value]:
    own, other = context.result.toxicity.versions
    made: dict[str, Value] = {
        "ATOXGR": _grade(point.grade),
        "CTCTERM": ascii_text(point.term) or None,
        "CTCAEVER": own if point.term and own else None,
    }
    # Every value was compared, or it is not known which were.
    if other and point.term and result.toxicity.values_compared == len(result.laboratory):
        changed = [
            one.second
            for one in result.toxicity.grade_changes
            if (one.test, one.collected_at) == (point.test, point.collected_at)
        ]
        made |= {"OTOXGR": _grade(changed[0] if changed else point.grade), "OCTCVER": other}
    return made


def _changes(value: float | None, base: float | None) -> dict[str, Value]:
    if value is None or base is None:
        return {}
    return {"CHG": value - base, "PCHG": 100 * (value - base) / base if base else None}


def _nadir(result: ParticipantResult, point: LabPoint) -> dict[str, Value]:
    sessions = [
        one.session for one in result.toxicity.nadirs if one.test == point.test and one.nadir_at == point.collected_at
    ]
    return {"NADIRFL": "Y", "NADSESS": sessions[0]} if sessions else {}


def _grade(grade: int | None) -> str | None:
    return None if grade is None else str(grade)


def _said(grade: int | None) -> str:
    return "No grade" if grade is None else f"Grade {grade}"
