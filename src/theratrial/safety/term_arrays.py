"""Many laboratory values of one test at once: the same grades as `term_grades`, by arrays.

Numbers are compared at nine significant digits here too. A number is rounded to them as a float; where what follows is
so near to a half that a float could round the other way, that value is graded by the scalar path.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from theratrial.errors import InputError
from theratrial.safety.criteria import Criterion
from theratrial.safety.samples import FACTS, Sample, limit_factor, scale_of
from theratrial.safety.spans import Bools, Floats, Rounding, Span, compared, narrowed, span_of
from theratrial.safety.term_grades import RAISING, TermGrade, term_grades
from theratrial.safety.terms import Term, not_by_value, terms

NO_GRADE: Final = -1
"""In the arrays, what None is in a `TermGrade`; as a fact, that it is not known."""

_CHUNK: Final = 1 << 16

Grades = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class GradeArrays:
    """Grades under one term; `NO_GRADE` where there is none."""

    test: str
    term: str
    direction: str
    ctcae_version: str
    grade: Grades
    at_least: Grades
    at_most: Grades


@dataclass(frozen=True, slots=True)
class SampleArrays:
    """Values of one test in one unit, (n,), with what their grades may rest on.

    Limits and baselines are one number for all or one for each, NaN where not known. A fact is True or False for all,
    or an array of 1, 0 and `NO_GRADE`.
    """

    values: ArrayLike
    unit: str
    lower_limits: ArrayLike = np.nan
    upper_limits: ArrayLike = np.nan
    baselines: ArrayLike = np.nan
    limit_unit: str = ""
    baseline_unit: str = ""
    facts: Mapping[str, ArrayLike] | None = None


@dataclass(slots=True)
class _Work:
    """One chunk: numbers as compared, and which values the scalar path must grade."""

    value: Floats
    spans: dict[str, Span]
    facts: dict[str, Grades]
    rounding: Rounding


def term_grade_arrays(test: str, samples: SampleArrays, version: str) -> tuple[GradeArrays, ...]:
    """Grades of many values of a test, one set of arrays per CTCAE term; equal to `term_grades` value by value.

    Parameters
    ----------
    test
        One of `terms.test_names`.
    samples
        Values, limits and baselines; NaN where not known.
    version
        ``5.0`` or ``6.0``.

    Raises
    ------
    InputError
        If the test is not known, the version does not grade it by value, a fact is not known or lengths differ.
    UnitError
        If the unit of values, limits or baselines does not convert to a printed one.

    Examples
    --------
    >>> found, = term_grade_arrays("platelets", SampleArrays([9, 49, 80], "10^9/L"), "6.0")
    >>> found.grade.tolist(), found.at_most.tolist()
    ([4, 3, -1], [4, 3, 1])
    """
    if (reason := not_by_value(test, version)) is not None:
        raise InputError(f"{test} has no grades in CTCAE {version}: {reason}")
    own = terms(version)[test]
    unit, factor = scale_of(own, samples.unit)
    chosen = [term for term in own if term.unit == unit]
    given, facts = _columns(samples)
    out = [GradeArrays(test, t.term, t.direction, version, *_empty(len(given[0]))) for t in chosen]
    for start in range(0, len(given[0]), _CHUNK):
        own_facts = {name: _part(known, start) for name, known in facts.items()}
        _grade_chunk(chosen, samples, [_part(column, start) for column in given], own_facts, factor, out, start)
    return tuple(out)


def _empty(count: int) -> tuple[Grades, Grades, Grades]:
    first, second, third = (np.full(count, NO_GRADE, dtype=np.int8) for _ in range(3))
    return first, second, third


def _columns(samples: SampleArrays) -> tuple[list[Floats], dict[str, Grades]]:
    """Value, lower limit, upper limit and baseline, and the facts, all of one length."""
    values = np.atleast_1d(np.asarray(samples.values, dtype=np.float64))
    if values.ndim != 1:
        raise InputError(f"values must be one line of numbers, got shape {values.shape}")
    unknown = sorted(set(samples.facts or {}) - set(FACTS))
    if unknown:
        raise InputError(f"facts {', '.join(unknown)} are not known; allowed: {', '.join(FACTS)}")
    try:
        others = [
            np.atleast_1d(np.asarray(column, dtype=np.float64))
            for column in (samples.lower_limits, samples.upper_limits, samples.baselines)
        ]
        facts = {name: np.atleast_1d(np.asarray(known, dtype=np.int8)) for name, known in (samples.facts or {}).items()}
    except ValueError as error:
        raise InputError(f"values, limits, baselines and facts must be numbers: {error}") from None
    shapes = {column.shape for column in others} | {known.shape for known in facts.values()}
    if wrong := shapes - {(1,), values.shape}:
        raise InputError(f"limits, baselines and facts must be one for all or {len(values)} as the values, got {wrong}")
    return [values, *others], facts


def _part(column: NDArray[Any], start: int) -> NDArray[Any]:
    """The chunk of a column; what is one for all stays so."""
    return column if len(column) == 1 else column[start : start + _CHUNK]


def _grade_chunk(
    chosen: list[Term],
    samples: SampleArrays,
    given: list[Floats],
    facts: dict[str, Grades],
    factor: float,
    out: list[GradeArrays],
    start: int,
) -> None:
    """Grade one chunk into the arrays of every term."""
    work, usable = _prepared(chosen[0], samples, given, facts, factor)
    for term, arrays in zip(chosen, out, strict=True):
        grade, least, most = _graded(term, work)
        for target, found in ((arrays.grade, grade), (arrays.at_least, least), (arrays.at_most, most)):
            target[start : start + len(found)] = np.where(usable, found, NO_GRADE)
    for index in np.flatnonzero(work.rounding.doubtful).tolist():
        for arrays, one in zip(out, _one(samples, given, facts, index, out[0]), strict=True):
            arrays.grade[start + index] = _code(one.grade)
            arrays.at_least[start + index] = _code(one.at_least)
            arrays.at_most[start + index] = _code(one.at_most)


def _code(grade: int | None) -> int:
    return NO_GRADE if grade is None else grade


def _one(
    samples: SampleArrays, given: list[Floats], facts: dict[str, Grades], index: int, of: GradeArrays
) -> tuple[TermGrade, ...]:
    """One value of a chunk by the scalar path."""
    row = [float(column[index if len(column) > 1 else 0]) for column in given]
    value, lower, upper, baseline = (None if np.isnan(number) else number for number in row)
    known = {name: int(column[index if len(column) > 1 else 0]) for name, column in facts.items()}
    stated = {name: bool(fact) for name, fact in known.items() if fact != NO_GRADE}
    sample = Sample(value, samples.unit, lower, upper, baseline, samples.limit_unit, samples.baseline_unit, stated)
    return term_grades(of.test, sample, of.ctcae_version)


def _prepared(
    term: Term, samples: SampleArrays, given: list[Floats], facts: dict[str, Grades], factor: float
) -> tuple[_Work, Bools]:
    """The numbers as compared, and which values can be graded at all."""
    value, lower, upper, baseline = given
    rounding = Rounding(np.zeros(value.shape, dtype=np.bool_))
    value, lower, upper, baseline = (rounding.array(column) for column in (value, lower, upper, baseline))
    amount = value if factor == 1 else rounding.array(value * factor)
    usable = np.isfinite(value) & (value >= 0) & _believable(term, amount)
    for column, zero_allowed in ((lower, True), (upper, False), (baseline, False)):
        fits = np.isfinite(column) & ((column >= 0) if zero_allowed else (column > 0))
        usable &= np.isnan(column) | fits
    usable &= ~(lower >= upper)
    for_limits = limit_factor(term, samples.limit_unit, samples.unit, factor)
    for_baseline = limit_factor(term, samples.baseline_unit, samples.unit, factor)
    lower, upper, baseline = lower * for_limits, upper * for_limits, baseline * for_baseline
    for column, used in ((upper, for_limits), (baseline, for_baseline)):
        usable &= np.isnan(column) | _believable(term, _on_scale(column, used, term, factor, rounding))
    lowest = _on_scale(lower, for_limits, term, factor, rounding)
    usable &= np.isnan(lower) | (lowest <= float(term.highest_believable))
    spans = {
        "LLN": span_of(lower, np.zeros_like(lower), np.where(np.isnan(upper), np.inf, upper)),
        "ULN": span_of(upper, np.where(np.isnan(lower), 0.0, lower), np.full_like(upper, np.inf)),
        "BASELINE": span_of(baseline, np.zeros_like(baseline), np.full_like(baseline, np.inf)),
    }
    return _Work(value if term.relative else amount, spans, facts, rounding), usable


def _on_scale(limit: Floats, used: float, term: Term, factor: float, rounding: Rounding) -> Floats:
    """A limit that was brought to the unit of comparison by `used`, in the unit in which amounts are believable."""
    further = factor if term.relative else 1.0
    return limit if used == further == 1 else rounding.array(limit * further)


def _believable(term: Term, amount: Floats) -> Bools:
    return (amount >= float(term.lowest_believable)) & (amount <= float(term.highest_believable))


def _graded(term: Term, work: _Work) -> tuple[Grades, Grades, Grades]:
    """Grade, at least and at most, worst criterion first as in the scalar path."""
    count = len(work.value)
    least = np.zeros(count, dtype=np.int8)
    blocked, raised = np.zeros(count, dtype=np.int8), np.zeros(count, dtype=np.int8)
    active = np.ones(count, dtype=np.bool_)
    for one in term.criteria:
        holds, still, raises = _outcome(one, work)
        holds &= active
        still &= active
        least[holds] = one.grade
        np.maximum(raised, np.int8(one.grade), out=raised, where=still & raises)
        np.maximum(blocked, np.int8(one.grade), out=blocked, where=still & ~raises)
        active &= ~holds
    most = np.maximum(least, np.maximum(blocked, raised))
    return np.where(blocked > least, np.int8(NO_GRADE), least), least, most


def _outcome(one: Criterion, work: _Work) -> tuple[Bools, Bools, Bools]:
    """Where a criterion holds, where it is open, and where only a raising fact is what is open."""
    count = len(work.value)
    true, possible = np.ones(count, dtype=np.bool_), np.ones(count, dtype=np.bool_)
    spans = dict(work.spans)
    for end in one.when:
        baseline = work.spans["BASELINE"]
        bound = work.rounding.end(end, work.spans)
        rounded = work.rounding.span(baseline)
        holds, may = compared(end, rounded, bound)
        spans["BASELINE"] = narrowed(spans["BASELINE"], end, bound)
        true &= holds
        possible &= may
    value = Span(work.value, work.value)
    for end in one.ends:
        holds, may = compared(end, value, work.rounding.end(end, spans))
        true &= holds
        possible &= may
    raises = np.zeros(count, dtype=np.bool_)
    if one.also:
        stated = work.facts.get(one.also, np.full(count, NO_GRADE, dtype=np.int8))
        if one.also in RAISING:
            raises = true & (stated == NO_GRADE)
        true = true & (stated == 1)
        possible = possible & (stated != 0)
    return true, possible & ~true, raises
