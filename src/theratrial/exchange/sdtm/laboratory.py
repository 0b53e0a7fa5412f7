"""LB: laboratory results with their grades, and pregnancy tests (SDTMIG 3.4, 6.3.5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from theratrial.exchange.datasets.values import ASSIGNED, DERIVED, MEASURED, Dataset, Method, Value
from theratrial.exchange.sdtm.context import SdtmContext, Subject
from theratrial.exchange.sdtm.findings import (
    not_done,
    number_text,
    spread,
    text_result,
    unit_term,
    with_last_before_exposure,
)
from theratrial.exchange.sdtm.observations import SUBJECT, VISIT, Supplement, observations
from theratrial.exchange.sdtm.terminology import term_list
from theratrial.results.values import LabPoint
from theratrial.trialfolder.records import Row

_TESTS: Final = {
    "neutrophils": "NEUT",
    "lymphocytes": "LYM",
    "white_cells": "WBC",
    "platelets": "PLAT",
    "haemoglobin": "HGB",
    "albumin": "ALB",
    "creatinine": "CREAT",
    "creatinine_clearance": "CREATCLR",
    "estimated_gfr": "GFR",
    "bilirubin": "BILI",
    "alanine_aminotransferase": "ALT",
    "aspartate_aminotransferase": "AST",
    "alkaline_phosphatase": "ALP",
    "gamma_glutamyltransferase": "GGT",
    "sodium": "SODIUM",
    "potassium": "K",
    "magnesium": "MG",
    "calcium_corrected": "CACR",
    "calcium_ionised": "CAION",
    "glucose": "GLUC",
}
_COUNTS: Final = frozenset({"NEUT", "LYM", "WBC", "PLAT", "HGB"})
_STANDARD: Final = Method(
    "LBSTRES",
    "Laboratory result in standard unit",
    "The result in the unit that the trial computes with (10^9/L for cells, g/L for haemoglobin), as the grading read "
    "it. A result that was not graded keeps its unit.",
)
_GRADE: Final = Method(
    "LBTOXGR",
    "Toxicity grade of a laboratory result",
    "CTCAE grade of the value by the printed limits of the version named in LBTOXVER; 0 where it meets no grade. Empty "
    "where the value does not tell: LBTOXREA says why, LBTOXMIN and LBTOXMAX the grades it can have.",
)
_RANGE: Final = Method(
    "LBNRIND", "Reference range indicator", "LOW below the lower limit, HIGH above the upper one, else NORMAL."
)
LAST_BEFORE: Final = Method(
    "LOBXFL",
    "Last observation before exposure",
    "Y at the last record with a result before RFXSTDTC. A date without a time on the day of RFXSTDTC does not count.",
)
_SUPPLEMENTS: Final = (
    Supplement("LBTOXREA", "Reason of the Grade", DERIVED),
    Supplement("LBTOXMIN", "Least Possible Grade", DERIVED),
    Supplement("LBTOXMAX", "Greatest Possible Grade", DERIVED),
    Supplement("LBTOXVER", "Criteria of the Grade", ASSIGNED),
    Supplement("LBTOXCLI", "What a Clinician Adds to the Grade", ASSIGNED),
    Supplement("LBORUNIT", "Unit as Recorded", MEASURED),
)
_PREGNANCY: Final = {"negative": "NEGATIVE", "positive": "POSITIVE"}


def lb(context: SdtmContext) -> tuple[Dataset, ...]:
    """Laboratory test results."""
    records = [_measured(subject, row) for subject, row in context.rows("laboratory")]
    records += _pregnancy_tests(context)
    flagged = with_last_before_exposure("LB", records, "LBTESTCD")
    made, supplements = spread(flagged, _SUPPLEMENTS)
    return observations(
        context,
        "LB",
        "Laboratory Test Results",
        "LBSTAT LBREASND LBNAM LBSPEC LBTOX LBTOXGR VISIT EPOCH LBDY",
        made,
        keys="LBTESTCD LBDTC VISITNUM",
        structure="One record per lab test per time point per visit per subject",
        changes={
            "LBORRES": {"origin": MEASURED},
            "LBORRESU": {"origin": MEASURED},
            "LBORNRLO": {"origin": MEASURED},
            "LBORNRHI": {"origin": MEASURED},
            **{name: {"origin": DERIVED, "method": _STANDARD} for name in ("LBSTRESC", "LBSTRESN", "LBSTRESU")},
            **{name: {"origin": DERIVED, "method": _STANDARD} for name in ("LBSTNRLO", "LBSTNRHI")},
            "LBNRIND": {"origin": DERIVED, "method": _RANGE},
            "LBSPEC": {"origin": ASSIGNED},
            "LBTOX": {"origin": ASSIGNED},
            "LBTOXGR": {"origin": DERIVED, "method": _GRADE},
            "LBLOBXFL": {"origin": DERIVED, "method": LAST_BEFORE},
        },
        supplements=supplements,
    )


def laboratory_code(test: str) -> tuple[str, str]:
    """LBTESTCD and LBTEST of a test of the records; an own code where CDISC has none.

    >>> laboratory_code("platelets"), laboratory_code("ejection_fraction")
    (('PLAT', 'Platelets'), ('EJECTION', 'Ejection fraction'))
    """
    code = _TESTS.get(test)
    if code is not None:
        return code, term_list("LBTESTCD").terms[code].decode
    return test.replace("_", "").upper()[:8], test.replace("_", " ").capitalize()[:40]


def _measured(subject: Subject, row: Row) -> dict[str, Any]:
    code, name = laboratory_code(row["test"])
    point = _point(subject, row["test"], row["collected_at"])
    value, unit = row["value"], unit_term(row["unit"])
    written = row.original.get("unit") or row["unit"]
    made: dict[str, Any] = {
        SUBJECT: subject,
        "LBTESTCD": code,
        "LBTEST": name,
        "LBCAT": "HEMATOLOGY" if code in _COUNTS else "CHEMISTRY",
        "LBSPEC": "BLOOD" if code in _COUNTS else None,
        "LBORRES": _as_written(row, "value"),
        "LBORRESU": unit_term(written),
        "LBORNRLO": _as_written(row, "lower_limit"),
        "LBORNRHI": _as_written(row, "upper_limit"),
        "LBNAM": row["laboratory"],
        "LBDTC": row["collected_at"],
        "LBNRIND": _indicator(value, row["lower_limit"], row["upper_limit"]),
        "LBORUNIT": written if written in row.original.values() and unit_term(written) != written else None,
    }
    if value is None:
        kept = {name: made[name] for name in (SUBJECT, "LBTESTCD", "LBTEST", "LBCAT", "LBSPEC", "LBNAM", "LBDTC")}
        return kept | not_done("LB", row.unreadable.get("value") or "Result not recorded")
    if point is None:
        return made | _standard(value, unit, row["lower_limit"], row["upper_limit"])
    made |= _standard(point.value.value, point.value.unit, point.lower_limit, point.upper_limit)
    return made | _grade(point)


def _standard(value: float | None, unit: str, low: float | None, high: float | None) -> dict[str, Value]:
    return {
        "LBSTRESC": _text(value),
        "LBSTRESN": None if value is None else float(number_text(value)),
        "LBSTRESU": unit_term(unit),
        "LBSTNRLO": low,
        "LBSTNRHI": high,
    }


def _grade(point: LabPoint) -> dict[str, Value]:
    unsure = point.grade is None
    tables = sorted(one for one in point.trace.inputs.values() if one.startswith("table:"))
    return {
        "LBTOX": point.term or None,
        "LBTOXGR": None if point.grade is None else str(point.grade),
        "LBTOXREA": point.grade_reason if unsure else None,
        "LBTOXMIN": str(point.at_least) if unsure and point.at_least is not None else None,
        "LBTOXMAX": str(point.at_most) if unsure and point.at_most is not None else None,
        "LBTOXVER": f"CTCAE {tables[0].partition('@')[2]}" if tables and point.term else None,
        "LBTOXCLI": point.clinician or None,
    }


def _point(subject: Subject, test: str, collected_at: datetime) -> LabPoint | None:
    points = subject.result.laboratory if subject.result is not None else ()
    return next((one for one in points if one.test == test and one.collected_at == collected_at), None)


def _as_written(row: Row, column: str) -> str | None:
    """A number as the laboratory reported it, before it came into the unit that the trial computes with."""
    written = row.original.get(column, "").strip()
    return written or _text(row[column])


def _indicator(value: float | None, low: float | None, high: float | None) -> Value:
    if value is None:
        return None
    if low is not None and value < low:
        return "LOW"
    if high is not None and value > high:
        return "HIGH"
    return "NORMAL" if low is not None and high is not None else None


def _text(value: float | None) -> str | None:
    return None if value is None else number_text(value)


def _pregnancy_tests(context: SdtmContext) -> Iterator[dict[str, Any]]:
    """Tests before an injection and at an examination; whom they do not concern has no record."""
    seen: set[tuple[str, Any, str]] = set()
    for table, column in (("administrations", "injected_at"), ("examinations", "examined_on")):
        for subject, row in context.rows(table):
            answer = row["pregnancy_test"]
            # Two examiners write down the same test of one visit: it is one test.
            mark = (subject.participant_id, row[column], answer)
            if answer in (None, "not_applicable") or mark in seen:
                continue
            seen.add(mark)
            made: dict[str, Any] = {
                SUBJECT: subject,
                "LBTESTCD": "HCG",
                "LBTEST": term_list("LBTESTCD").terms["HCG"].decode,
                "LBCAT": "PREGNANCY TEST",
                "LBDTC": row[column].date() if isinstance(row[column], datetime) else row[column],
            }
            if table == "examinations":
                made[VISIT] = (row["visit_id"], row["session"])
            if answer in _PREGNANCY:
                yield made | text_result("LB", _PREGNANCY[answer])
            else:
                yield made | not_done("LB", "Pregnancy test not done")
