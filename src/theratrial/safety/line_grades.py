"""Grades of the lines of a file, by arrays: the same as one by one, without the sentence beside each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from theratrial.errors import TheratrialError
from theratrial.safety.sample_tables import SampleLine
from theratrial.safety.samples import FACTS
from theratrial.safety.term_arrays import NO_GRADE, SampleArrays, term_grade_arrays
from theratrial.safety.term_grades import term_grades


@dataclass(frozen=True, slots=True)
class LineGrade:
    """Grade of a line under one term; `why` is filled where there is no grade."""

    line: SampleLine
    ctcae_version: str
    term: str
    grade: int | None
    at_least: int | None
    at_most: int | None
    why: str = ""


def line_grades(lines: Sequence[SampleLine], versions: Sequence[str]) -> list[LineGrade]:
    """Every line under every version, in the order of lines, versions and terms.

    Equal to `term_grades` of each line, whose `why` it takes for lines without a grade and leaves out of the others.
    """
    groups: dict[tuple[str, str, str, str], list[int]] = {}
    for index, line in enumerate(lines):
        sample = line.sample
        groups.setdefault((line.test, sample.unit, sample.limit_unit, sample.baseline_unit), []).append(index)
    found: list[list[LineGrade]] = [[] for _ in lines]
    for version in versions:
        for key, indices in groups.items():
            _grade_group(lines, indices, key, version, found)
    return [one for of in found for one in of]


def _grade_group(
    lines: Sequence[SampleLine],
    indices: Sequence[int],
    key: tuple[str, str, str, str],
    version: str,
    found: list[list[LineGrade]],
) -> None:
    test, unit, limit_unit, baseline_unit = key
    own = [lines[index].sample for index in indices]
    values, lower, upper, baselines = (
        np.array([np.nan if number is None else number for number in numbers], dtype=np.float64)
        for numbers in zip(*((one.value, one.lower_limit, one.upper_limit, one.baseline) for one in own), strict=True)
    )
    named = {name for one in own for name in one.facts}
    facts = {
        name: np.array([int(one.facts[name]) if name in one.facts else NO_GRADE for one in own], dtype=np.int8)
        for name in FACTS
        if name in named
    }
    try:
        samples = SampleArrays(values, unit, lower, upper, baselines, limit_unit, baseline_unit, facts)
        arrays = term_grade_arrays(test, samples, version)
    except TheratrialError:
        for index in indices:
            found[index] += _one_by_one(lines[index], version)
        return
    terms = [(one.term, one.grade.tolist(), one.at_least.tolist(), one.at_most.tolist()) for one in arrays]
    for place, index in enumerate(indices):
        line = lines[index]
        if any(grades[place] == NO_GRADE for _, grades, _, _ in terms):
            found[index] += _one_by_one(line, version)
            continue
        found[index] += [
            LineGrade(line, version, term, grades[place], least[place], most[place])
            for term, grades, least, most in terms
        ]


def _one_by_one(line: SampleLine, version: str) -> list[LineGrade]:
    return [
        LineGrade(line, version, one.term, one.grade, one.at_least, one.at_most, one.why if one.grade is None else "")
        for one in term_grades(line.test, line.sample, version)
    ]
