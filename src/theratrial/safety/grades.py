"""A laboratory value with its unit and reference range -> CTCAE grade. Method: docs/methods/grades.md."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from typing import Final

from theratrial.errors import UnitError
from theratrial.safety.intervals import TABLES, GradeInterval, Scale, grade_scale
from theratrial.trace import Trace
from theratrial.units import converted

VERSIONS: Final = tuple(TABLES)
GRADED_TESTS: Final = ("neutrophils", "platelets", "haemoglobin", "white_cells")
METHOD: Final = "safety.laboratory_grade"
METHOD_VERSION: Final = "1"

_CORE_UNIT: Final = {"10^9/L": "e9_per_L", "g/L": "g_per_L"}
"""Printed unit of a scale -> core unit that values are converted to. mmol/L has its own printed scale instead."""

_DIGITS: Final = Context(prec=9)
"""No laboratory reports more digits; what lies beyond is noise of binary floats (0.1 * 3, 1499 * 1e-3)."""


@dataclass(frozen=True, slots=True)
class Grade:
    """CTCAE grade of one laboratory value.

    `grade` None means not gradable, which is never grade 0; `why` says which interval was met, or what is missing.
    """

    test: str
    term: str
    grade: int | None
    why: str
    ctcae_version: str
    table_edition: str
    trace: Trace
    clinician: str = ""
    """What the printed grade says beyond the laboratory value, so what a physician may still have to add."""
    at_most: int | None = None
    """Worst grade the value can have; known even where a missing lower limit leaves grade 0 or 1 open."""
    lab_only: bool = True
    """The grade rests on the laboratory value alone: transfusions, symptoms and death are not in it."""


def reported(value: float) -> Decimal:
    """The decimal number that was reported, without the noise of binary floats.

    Examples
    --------
    >>> reported(0.1 * 3), reported(1499 * 1e-3)
    (Decimal('0.3'), Decimal('1.499'))
    """
    return _DIGITS.create_decimal(repr(float(value))).normalize(_DIGITS)


def laboratory_grade(
    test: str,
    value: float | None,
    unit: str,
    lower_limit: float | None,
    upper_limit: float | None,
    version: str,
) -> Grade:
    """CTCAE grade of a laboratory value.

    Parameters
    ----------
    test
        ``neutrophils``, ``platelets``, ``haemoglobin`` or ``white_cells``.
    value
        Result [unit]; None where there is none.
    unit
        As reported, of value and limits.
    lower_limit, upper_limit
        Of the laboratory's reference range [unit]; None where not reported. Without the lower limit (LLN) grades 2 to 4
        still follow from the value, 0 and 1 do not.
    version
        CTCAE version, ``5.0`` or ``6.0``.

    Returns
    -------
    Grade
        With `grade` None, and the reason, where the value cannot be graded: missing, negative, unknown unit or test,
        limits swapped, or above what is believable in its unit.

    Raises
    ------
    SourceError
        If there is no table of that version.

    References
    ----------
    NCI, Common Terminology Criteria for Adverse Events, versions 5.0 (2017) and 6.0 (2025, errata of January 2026).

    Examples
    --------
    >>> laboratory_grade("platelets", 49, "10^9/L", 100, 400, "5.0").grade
    3
    >>> print(laboratory_grade("platelets", 75, "10^9/L", None, None, "5.0").grade)
    None
    """
    scales = grade_scale(version)
    own = [scale for (name, _), scale in scales.items() if name == test]
    if not own:
        return _not_graded(test, version, None, f"CTCAE {version} has no laboratory scale here for {test!r}")
    if value is None:
        return _not_graded(test, version, own[0], f"{test}: no value")
    try:
        scale, factor = _scale_for(own, unit)
    except UnitError as error:
        return _not_graded(test, version, own[0], f"{test}: {error}")
    numbers = [value, lower_limit, upper_limit]
    if any(number is not None and not (math.isfinite(number) and number >= 0) for number in numbers):
        return _not_graded(test, version, scale, f"{test}: value and limits must be finite and not negative")
    amount, lower, upper = (None if n is None else _in_unit(n, unit, factor) for n in numbers)
    assert amount is not None
    if lower is not None and upper is not None and lower >= upper:
        return _not_graded(test, version, scale, f"{test}: lower limit {lower} is not below upper limit {upper}")
    if amount > scale.highest_believable:
        return _not_graded(
            test, version, scale, f"{test} {amount:f} {scale.unit} is not believable; check the unit of the report"
        )
    found = _interval(scale, amount, lower)
    said = f"{scale.term}: {amount:f} {scale.unit}"
    if isinstance(found, int):
        why = f"{said} is grade {found} or better; which one needs the laboratory's lower limit"
        return replace(_not_graded(test, version, scale, why), at_most=found)
    why = f"{said} is {found}" + (f" (LLN {lower:f})" if "LLN" in str(found) and lower is not None else "")
    edition = scale.table.passport.edition
    return Grade(test, scale.term, found.grade, why, version, edition, _trace(scale), found.clinician, found.grade)


def _scale_for(scales: list[Scale], unit: str) -> tuple[Scale, str | None]:
    """The scale of that unit, and the core unit its numbers must be converted to (None: they already fit)."""
    for scale in scales:
        core_unit = _CORE_UNIT.get(scale.unit)
        if unit.strip() == (core_unit or scale.unit):
            return scale, None
    problem = UnitError(f"unit {unit!r} is not known")
    for scale in scales:
        if (core_unit := _CORE_UNIT.get(scale.unit)) is not None:
            try:
                converted(1.0, unit, core_unit)
            except UnitError as error:
                problem = error
                continue
            return scale, core_unit
    raise problem


def _in_unit(number: float, unit: str, core_unit: str | None) -> Decimal:
    return reported(number if core_unit is None else converted(number, unit, core_unit))


def _interval(scale: Scale, amount: Decimal, lower_limit: Decimal | None) -> GradeInterval | int:
    """The worst interval that holds; only its grade where it holds or not as a missing LLN says."""
    for interval in scale.intervals:
        holds = interval.holds(amount, lower_limit)
        if holds is None:
            return interval.grade
        if holds:
            return interval
    raise AssertionError(f"the grades of {scale.test} leave {amount} out")  # the law test forbids it


def _trace(scale: Scale | None) -> Trace:
    return Trace(METHOD, METHOD_VERSION, {"table": scale.table.trace_key} if scale else {})


def _not_graded(test: str, version: str, scale: Scale | None, why: str) -> Grade:
    edition = scale.table.passport.edition if scale else version
    return Grade(test, scale.term if scale else test, None, why, version, edition, _trace(scale))
