"""A laboratory value -> one CTCAE grade over all terms that its test grades. Method: docs/methods/grades.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from theratrial.errors import SourceError
from theratrial.safety.samples import Sample
from theratrial.safety.term_grades import TermGrade, term_grades
from theratrial.safety.terms import CTCAE_VERSIONS, known_tests, rests_on_baseline
from theratrial.trace import Trace

VERSIONS: Final = CTCAE_VERSIONS
BLOOD_COUNTS: Final = ("neutrophils", "platelets", "haemoglobin", "white_cells")
METHOD: Final = "safety.laboratory_grade"
METHOD_VERSION: Final = "2"


@dataclass(frozen=True, slots=True)
class Grade:
    """CTCAE grade of one laboratory value: the worst over the terms of its test.

    `grade` None means not gradable, which is never grade 0; `why` says which criterion was met, or what is missing.
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
    """Worst grade the value can have; known even where a missing limit leaves the grade open."""
    at_least: int | None = None
    """Least grade the value can have."""
    lab_only: bool = True
    """The grade rests on the laboratory value alone: transfusions, symptoms and death are not in it."""


def laboratory_grade(
    test: str,
    value: float | None,
    unit: str,
    lower_limit: float | None,
    upper_limit: float | None,
    version: str,
    *,
    baseline: float | None = None,
    baseline_unit: str = "",
) -> Grade:
    """CTCAE grade of a laboratory value.

    Parameters
    ----------
    test
        One of `theratrial.safety.terms.test_names`; others have no grade.
    value
        Result [unit]; None where there is none.
    unit
        As reported, of value and limits.
    lower_limit, upper_limit
        Of the laboratory's reference range [unit]; None where not reported.
    version
        CTCAE version, ``5.0`` or ``6.0``.
    baseline
        The participant's value before treatment [baseline_unit, else unit]; None where not known.

    Returns
    -------
    Grade
        Over the terms of the test (potassium has one in each direction) the worst. With `grade` None, and the reason,
        where the value cannot be graded: missing, negative, unknown unit or test, limits swapped, not believable in
        its unit, or open while a limit or the baseline is missing.

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
    if version not in VERSIONS:
        raise SourceError(f"CTCAE version {version!r} is not graded here; allowed: {', '.join(VERSIONS)}")
    if test not in known_tests():
        trace = Trace(METHOD, METHOD_VERSION, {"version": f"given:CTCAE {version}"})
        why = f"CTCAE {version} has no laboratory scale here for {test!r}"
        return Grade(test, test, None, why, version, version, trace)
    if not rests_on_baseline(test, version):
        baseline = None  # an unbelievable one must not withhold a grade that does not ask for it
    sample = Sample(value, unit, lower_limit, upper_limit, baseline, baseline_unit=baseline_unit)
    return worst_of(term_grades(test, sample, version))


def worst_of(found: Sequence[TermGrade]) -> Grade:
    """One grade for all terms of a value: the worst, known where no term that is open can be worse."""
    deciding = max(found, key=_severity)
    least = [one.at_least for one in found]
    most = [one.at_most for one in found]
    at_least = max((n for n in least if n is not None), default=None)
    at_most = None if None in most else max(n for n in most if n is not None)
    known = [one.grade for one in found if one.grade is not None]
    open_ones = [one.at_most for one in found if one.grade is None]
    worst = max(known, default=None)
    determined = worst is not None and all(n is not None and n <= worst for n in open_ones)
    inputs = {name: place for one in reversed(found) for name, place in one.trace.inputs.items()}
    return Grade(
        deciding.test,
        deciding.term or deciding.test,
        worst if determined else None,
        deciding.why,
        deciding.ctcae_version,
        deciding.table_edition,
        Trace(METHOD, METHOD_VERSION, inputs),
        deciding.clinician,
        at_most,
        at_least,
    )


def _severity(one: TermGrade) -> tuple[int, int]:
    """What is not determined counts by the worst it can be, and what nothing is known of as worst."""
    most = one.at_most if one.grade is None else one.grade
    return 9 if most is None else most, one.grade is None
