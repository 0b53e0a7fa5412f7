"""What every findings domain asks: results with their units, or NOT DONE with its reason; baseline; long qualifiers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

from theratrial.exchange.datasets.values import COLLECTED, DERIVED, Condition, Method, Value, ValueLevel
from theratrial.exchange.sdtm.context import Moment, Subject
from theratrial.exchange.sdtm.observations import SUBJECT, Supplement, pieces
from theratrial.exchange.sdtm.planned import ascii_text
from theratrial.trace import Quantity

NOT_DONE: Final = "NOT DONE"
UNITS: Final[Mapping[str, str]] = {
    "percent": "%",
    "fraction": "fraction of 1",
    "h": "HOURS",
    "d": "DAYS",
    "g/mL": "kg/L",
    "e9_per_L": "10^9/L",
    "g_per_L": "g/L",
    "umol_per_L": "umol/L",
    "mmol_per_L": "mmol/L",
    "mg_per_dL": "mg/dL",
    "U_per_L": "U/L",
    "mL_per_min": "mL/min",
    "cps": "/s",
    "MBq h": "MBq*h",
    # The same sizes under the name that CDISC gives them; a synonym must not stand beside a term.
    "/mm3": "10^6/L",
    "cells/mm3": "10^6/L",
    "/uL": "10^6/L",
    "10^3/uL": "10^9/L",
    "10*9/L": "10^9/L",
    "10*3/uL": "10^9/L",
    "e9/L": "10^9/L",
    "x10^9/L": "10^9/L",
    "G/L": "10^9/L",
}
"""A unit here or in the records -> CDISC's term for it; not named: it stays as it is. No value changes by it."""

_PLACES: Final[Mapping[str, str]] = {
    "kidneys": "KIDNEY",
    "lungs": "LUNG",
    "red_marrow": "BONE MARROW",
    "whole_body": "BODY",
    "body": "BODY",
    "salivary_glands": "SALIVARY GLAND",
    "lacrimal_glands": "LACRIMAL GLAND",
    "thyroid": "THYROID GLAND",
    "prostate": "PROSTATE GLAND",
    "urinary_bladder": "BLADDER",
    "adrenals": "ADRENAL GLAND",
    "adrenal": "ADRENAL GLAND",
    "ovaries": "OVARY",
    "small_bowel": "SMALL INTESTINE",
}


def unit_term(unit: str) -> str:
    """CDISC's term of a unit.

    >>> unit_term("/mm3"), unit_term("MBq")
    ('10^6/L', 'MBq')
    """
    return UNITS.get(unit, unit)


def location(place: str) -> str | None:
    """CDISC's word for where something is; an own word in capitals where the list has none.

    >>> location("lymph_node"), location("red_marrow"), location("")
    ('LYMPH NODE', 'BONE MARROW', None)
    """
    return _PLACES.get(place, ascii_text(place.replace("_", " ")).upper()) or None


def number_text(value: float) -> str:
    """A number in at most 12 significant digits, so that text and number are equal in whatever reads them.

    Readers of JSON round behind the 15th decimal, transport files behind the 16th digit.

    >>> number_text(0.06669330037771493), number_text(1500.0)
    ('0.0666933003777', '1500')
    """
    return f"{value:.12g}"


def number_result(domain: str, value: float | None, unit: str, reason: str) -> dict[str, Value]:
    """A number as original and standard result, both with the unit; or, without it, NOT DONE and the reason."""
    if value is None:
        return not_done(domain, reason)
    text, term = number_text(value), unit_term(unit)
    return {
        f"{domain}ORRES": text,
        f"{domain}ORRESU": term,
        f"{domain}STRESC": text,
        f"{domain}STRESN": float(text),
        f"{domain}STRESU": term,
    }


def text_result(domain: str, original: str, standard: str = "") -> dict[str, Value]:
    """A result in words."""
    return {f"{domain}ORRES": original, f"{domain}STRESC": standard or original}


def not_done(domain: str, reason: str) -> dict[str, Value]:
    """No result, and why: never a zero."""
    return {f"{domain}STAT": NOT_DONE, f"{domain}REASND": ascii_text(reason) or "Reason not recorded"}


def quantity_result(domain: str, one: Quantity | None, reason: str) -> dict[str, Value]:
    """A quantity of the results; undetermined ones are NOT DONE for the reason that they state."""
    if one is None:
        return not_done(domain, reason)
    return number_result(domain, one.value, one.unit, one.note or reason)


def with_last_before_exposure(domain: str, records: Sequence[dict[str, Any]], *by: str) -> list[dict[str, Any]]:
    """--LOBXFL: Y at the last record with a result before the first injection, of each subject and value of `by`.

    A date without time on the day of the injection does not count as before: nobody can tell.
    """
    last: dict[tuple[Any, ...], tuple[datetime | date, int]] = {}
    # In an order of their own: of two records of one moment the same is chosen, however the lines stood in the file.
    for at in sorted(range(len(records)), key=lambda one: _canonical(records[one])):
        record = records[at]
        subject: Subject = record[SUBJECT]
        moment = record.get(f"{domain}DTC")
        if record.get(f"{domain}STRESC") is None or not before_exposure(subject, moment):
            continue
        key = (subject.participant_id, *(record.get(name) for name in by))
        if key not in last or _later(moment, last[key][0]):
            last[key] = (moment, at)  # type: ignore[assignment]
    chosen = {at for _, at in last.values()}
    return [{**one, f"{domain}LOBXFL": "Y"} if at in chosen else dict(one) for at, one in enumerate(records)]


def _canonical(record: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((str(name), str(value)) for name, value in record.items() if name != SUBJECT))


def before_exposure(subject: Subject, moment: Moment | None) -> bool:
    """Whether a moment is surely before the first injection; everything is where there was none."""
    start = subject.reference_start
    if moment is None or start is None:
        return False
    if isinstance(moment, datetime):
        return moment < start
    return moment < start.date()


def _later(first: Moment | None, second: Moment) -> bool:
    if isinstance(first, datetime) and isinstance(second, datetime):
        return first >= second
    return first is not None and _day(first) >= _day(second)


def _day(moment: Moment) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def result_levels(
    domain: str, records: Iterable[Mapping[str, Any]], methods: Mapping[str, Method]
) -> dict[str, dict[str, Any]]:
    """Changes to --ORRES, --STRESC and --STRESN that say for each test where its results come from.

    Parameters
    ----------
    methods
        Test code -> how its results are made; tests that are not named are collected.
    """
    tests = {str(one[f"{domain}TESTCD"]) for one in records}
    numbers = {str(one[f"{domain}TESTCD"]) for one in records if one.get(f"{domain}STRESN") is not None}
    changes: dict[str, dict[str, Any]] = {}
    for stem, codes in (("ORRES", tests), ("STRESC", tests), ("STRESN", numbers)):
        levels = tuple(
            ValueLevel(
                (Condition(f"{domain}TESTCD", (code,)),),
                "float" if stem == "STRESN" else "text",
                origin=DERIVED if code in methods else COLLECTED,
                method=methods.get(code),
            )
            for code in sorted(codes)
        )
        changes[f"{domain}{stem}"] = {"origin": None, "method": None, "value_levels": levels}
    return changes


def spread(
    records: Iterable[dict[str, Any]], supplements: Sequence[Supplement]
) -> tuple[list[dict[str, Any]], tuple[Supplement, ...]]:
    """Qualifiers of more than 200 letters go on in further ones: NOTE, NOTE1, NOTE2 ..."""
    made, more = [dict(one) for one in records], {one.name: one for one in supplements}
    for record in made:
        for one in supplements:
            text = record.get(one.name)
            if not isinstance(text, str):
                continue
            first, *others = pieces(ascii_text(text)) if text else [""]
            record[one.name] = first
            for number, piece in enumerate(others, 1):
                name = f"{one.name[: 8 - len(str(number))]}{number}"
                record[name] = piece
                more[name] = replace(one, name=name, label=f"{one.label[:35]} ({number})")
    return made, tuple(more[name] for name in sorted(more))
