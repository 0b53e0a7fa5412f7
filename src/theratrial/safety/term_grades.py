"""A laboratory value with its limits and its baseline -> one grade per CTCAE term. Method: docs/methods/grades.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Final

from theratrial.errors import InputError, UnitError
from theratrial.safety.criteria import Criterion, Limits, Range
from theratrial.safety.samples import FACTS, Sample, prepared, scale_of
from theratrial.safety.terms import CORE_UNIT, Term, not_by_value, terms
from theratrial.trace import Trace

METHOD: Final = "safety.term_grades"
METHOD_VERSION: Final = "1"

OPEN_IN_PRINT: Final = "open_in_print"
RAISING: Final = frozenset({"symptomatic"})
"""Facts that only raise a grade the value already has; the laboratory grade stands without them."""

_SHOWN: Final = Context(prec=6)

_LIMIT_NAMES: Final = {
    "LLN": "the laboratory's lower limit",
    "ULN": "the laboratory's upper limit",
    "BASELINE": "the patient's baseline",
}


@dataclass(frozen=True, slots=True)
class TermGrade:
    """Grade of one value under one CTCAE term.

    `grade` None means not determined, which is never grade 0: it is from `at_least` to `at_most` (None: nothing is
    known), and `missing` says what would decide. `at_most` also counts grades that a stated fact would give.
    """

    test: str
    term: str
    grade: int | None
    at_least: int | None
    at_most: int | None
    why: str
    missing: tuple[str, ...]
    printed: str
    """The printed text of the grade."""
    clinician: str
    """What the printed texts of this grade and worse ones ask beyond the laboratory value."""
    direction: str
    ctcae_version: str
    table_edition: str
    trace: Trace
    lab_only: bool = True
    """The grade rests on the value and the stated facts alone: transfusions, hospital stays and death are not in it."""


def term_grades(test: str, sample: Sample, version: str) -> tuple[TermGrade, ...]:
    """Grades of a laboratory value, one per term that the test grades in that version of CTCAE.

    Parameters
    ----------
    test
        One of `terms.test_names`, or a test that the version is known not to grade by value.
    sample
        The value with unit, limits, baseline and facts.
    version
        ``5.0`` or ``6.0``.

    Returns
    -------
    tuple of TermGrade
        Two for tests that have a term in each direction (potassium), else one. Without a usable value, unit or
        limits each has no grade and says why.

    Raises
    ------
    InputError
        If the test is not known.
    SourceError
        If there is no table of that version.

    References
    ----------
    NCI, Common Terminology Criteria for Adverse Events, versions 5.0 (2017) and 6.0 (2025, errata of January 2026).

    Examples
    --------
    >>> [one.grade for one in term_grades("creatinine", Sample(61, "umol/L", 20, 40, 40), "5.0")]
    [2]
    >>> one, = term_grades("alanine_aminotransferase", Sample(100, "U/L", 5, 40), "5.0")
    >>> one.grade, one.at_least, one.at_most, one.missing
    (None, 0, 1, ("the patient's baseline",))
    """
    reason = not_by_value(test, version)
    if reason is not None:
        return (_ungradable(test, version, reason),)
    own = terms(version)[test]
    try:
        unit, value_factor = scale_of(own, sample.unit)
    except UnitError as error:
        return _refused(own, f"{test}: {error}")
    chosen = tuple(term for term in own if term.unit == unit)
    try:
        value, limits = prepared(chosen[0], sample, value_factor)
    except (InputError, UnitError) as error:
        return _refused(chosen, f"{test}: {error}")
    own_unit = sample.unit.strip()
    shown = own_unit if chosen[0].relative and own_unit != CORE_UNIT[unit] else unit
    return tuple(_graded(term, value, limits, sample.facts, shown) for term in chosen)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Whether a criterion holds; where it is open, what would decide and whether that only raises the grade."""

    holds: bool | None
    asked: tuple[str, ...] = ()
    raises: bool = False


def _outcome(one: Criterion, value: Range, limits: Limits, facts: Mapping[str, bool]) -> _Outcome:
    within, narrowed = one.within(limits)
    answers = [end.holds(value, narrowed) for end in one.ends]
    if within is False or False in answers or facts.get(one.also) is False:
        return _Outcome(False)
    asked: list[str] = []
    if within is None or None in answers:
        unknown = one.missing(limits)
        asked = [text for name, text in _LIMIT_NAMES.items() if name in unknown]
    raises = not asked and one.also in RAISING
    if one.also and one.also not in facts:
        asked.append(FACTS.get(one.also, "a physician's reading, for the print does not cover this value"))
    return _Outcome(None, tuple(asked), raises) if asked else _Outcome(True)


def _graded(term: Term, value: Decimal, limits: Limits, facts: Mapping[str, bool], unit: str) -> TermGrade:
    """Worst grade first: the first criterion that holds ends the search; what is open on the way stays possible."""
    met: Criterion | None = None
    still: list[tuple[int, _Outcome]] = []
    for one in term.criteria:
        outcome = _outcome(one, Range(value, value), limits, facts)
        if outcome.holds:
            met = one
            break
        if outcome.holds is None:
            still.append((one.grade, outcome))
    least = met.grade if met else 0
    still = [(grade, outcome) for grade, outcome in still if grade > least]
    determined = all(outcome.raises for _, outcome in still)
    most = max([least, *(grade for grade, _ in still)])
    missing = tuple(dict.fromkeys(asked for _, outcome in still for asked in outcome.asked))
    return TermGrade(
        test=term.test,
        term=term.term,
        grade=least if determined else None,
        at_least=least,
        at_most=most,
        why=_why(term, f"{value:f} {unit}", met, limits, (least, most), determined, missing),
        missing=missing,
        printed=met.printed if met and determined else "",
        clinician=term.beyond_value(least),
        direction=term.direction,
        ctcae_version=term.version,
        table_edition=term.table.passport.edition,
        trace=_trace(term),
    )


def _why(
    term: Term,
    value: str,
    met: Criterion | None,
    limits: Limits,
    possible: tuple[int, int],
    determined: bool,
    missing: tuple[str, ...],
) -> str:
    said, (least, most) = f"{term.term}: {value}", possible
    if not determined:
        if most == least + 1:
            return f"{said} is grade {least} or {most}; needed: {' and '.join(missing)}"
        return f"{said} is from grade {least} to grade {most}; needed: {' and '.join(missing)}"
    if met is None:
        mildest = term.criteria[-1]
        said = f"{said} meets no grade; grade {mildest.grade} is {_shown(mildest, limits)}"
        if mildest.also:
            said = f"{said}; it also asks {FACTS.get(mildest.also, mildest.also)}"
    else:
        said = f"{said} is {_shown(met, limits)}"
    return f"{said}; up to grade {most}, depending on {' and '.join(missing)}" if missing else said


def _shown(one: Criterion, limits: Limits) -> str:
    """The criterion, with the numbers of the limits it names."""
    named = dict.fromkeys(end.limit for end in (*one.ends, *one.when) if end.limit)
    if one.when:
        named["BASELINE"] = None
    shown = [
        f"{'baseline' if name == 'BASELINE' else name} {_plain(limits[name].low)}"
        for name in named
        if limits[name].known
    ]
    return f"{one} ({', '.join(shown)})" if shown else f"{one}"


def _plain(number: Decimal) -> str:
    return f"{_SHOWN.create_decimal(number).normalize(_SHOWN):f}"


def _trace(term: Term) -> Trace:
    return Trace(METHOD, METHOD_VERSION, {"table": term.table.trace_key})


def _refused(own: tuple[Term, ...], why: str) -> tuple[TermGrade, ...]:
    """No grade and nothing known, once for each term."""
    first = {term.term: term for term in reversed(own)}
    return tuple(
        TermGrade(
            term.test,
            term.term,
            None,
            None,
            None,
            why,
            (),
            "",
            "",
            term.direction,
            term.version,
            term.table.passport.edition,
            _trace(term),
        )
        for term in reversed(first.values())
    )


def _ungradable(test: str, version: str, why: str) -> TermGrade:
    trace = Trace(METHOD, METHOD_VERSION, {"version": f"given:CTCAE {version}"})
    return TermGrade(test, "", None, None, None, f"{test}: {why}", (), "", "", "", version, version, trace)
