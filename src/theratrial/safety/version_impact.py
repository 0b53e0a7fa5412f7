"""What another version of CTCAE would change: grades, patients' worst grades, and decisions that rest on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from theratrial.errors import InputError
from theratrial.safety.samples import Sample
from theratrial.safety.term_grades import TermGrade, term_grades

Decide = Callable[[str, str], Mapping[str, str]]
"""(patient, CTCAE version) -> name of each decision and what it would be under that version."""


@dataclass(frozen=True, slots=True)
class PatientSample:
    """A laboratory value of a patient; `record` is where it stands (``record:laboratory.csv#12``)."""

    patient: str
    test: str
    sample: Sample
    collected_at: datetime | None = None
    record: str = ""


@dataclass(frozen=True, slots=True)
class GradeDifference:
    """A value that two versions grade differently; None where a version has no term in that direction."""

    of: PatientSample
    direction: str
    first: TermGrade | None
    second: TermGrade | None


@dataclass(frozen=True, slots=True)
class WorstGrade:
    """A patient's worst determined grade of a test in one direction under both versions; None where none is."""

    patient: str
    test: str
    direction: str
    first: int | None
    second: int | None


@dataclass(frozen=True, slots=True)
class DecisionDifference:
    """A decision that would be another one under the second version."""

    patient: str
    decision: str
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class VersionImpact:
    """Everything that differs between two versions in a cohort."""

    versions: tuple[str, str]
    values: int
    """Laboratory values compared."""
    patients: tuple[str, ...]
    grades: tuple[GradeDifference, ...]
    worst: tuple[WorstGrade, ...]
    """Only those that differ."""
    decisions: tuple[DecisionDifference, ...]

    @property
    def patients_affected(self) -> tuple[str, ...]:
        """Patients with any other grade or decision, in their order."""
        touched = {one.of.patient for one in self.grades} | {one.patient for one in self.decisions}
        return tuple(patient for patient in self.patients if patient in touched)

    def of(self, patient: str) -> VersionImpact:
        """The same for one patient; `values` stays that of the cohort."""
        return VersionImpact(
            self.versions,
            self.values,
            (patient,),
            tuple(one for one in self.grades if one.of.patient == patient),
            tuple(one for one in self.worst if one.patient == patient),
            tuple(one for one in self.decisions if one.patient == patient),
        )

    def moves(self) -> dict[tuple[str, str, int | None, int | None], int]:
        """(test, direction, grade before, grade after) -> number of values, in that order; None is not determined."""
        counted = Counter((one.of.test, one.direction, _grade(one.first), _grade(one.second)) for one in self.grades)
        return dict(sorted(counted.items(), key=lambda item: tuple(-1 if x is None else x for x in item[0][2:])))


def version_impact(
    samples: Iterable[PatientSample],
    *,
    decide: Decide | None = None,
    versions: tuple[str, str] = ("5.0", "6.0"),
) -> VersionImpact:
    """Which grades, worst grades and decisions differ between two versions of CTCAE.

    Parameters
    ----------
    samples
        Laboratory values of one patient or of a cohort.
    decide
        Judges a patient under a version, as a gate does; without it no decision is compared.
    versions
        The version in force and the other one.

    Raises
    ------
    InputError
        If the versions are one, or `decide` names other decisions for the second version than for the first.
    SourceError
        If there is no table of a version.

    Notes
    -----
    Terms are paired by test and direction, since names changed (platelet count decreased, thrombocytopenia). A test
    that one version has no term for counts as different only where the other one gives a grade other than 0.

    Examples
    --------
    >>> found = version_impact([PatientSample("P-01", "neutrophils", Sample(1.2, "10^9/L", 2.0))])
    >>> found.moves()
    {('neutrophils', 'down', 2, 1): 1}
    """
    first, second = versions
    if first == second:
        raise InputError(f"an impact compares two versions, got {first} twice")
    differences: list[GradeDifference] = []
    worst: dict[tuple[str, str, str], list[int | None]] = {}
    patients: dict[str, None] = {}
    count = 0
    for one in samples:
        count += 1
        patients[one.patient] = None
        for direction, pair in _pairs(one, versions).items():
            _note_worst(worst.setdefault((one.patient, one.test, direction), [None, None]), pair)
            if _differ(*pair):
                differences.append(GradeDifference(one, direction, *pair))
    return VersionImpact(
        versions,
        count,
        tuple(patients),
        tuple(differences),
        tuple(WorstGrade(*key, *grades) for key, grades in worst.items() if grades[0] != grades[1]),
        tuple(_decisions(patients, versions, decide)) if decide else (),
    )


def _pairs(one: PatientSample, versions: tuple[str, str]) -> dict[str, tuple[TermGrade | None, TermGrade | None]]:
    """Direction -> the grade under each version."""
    first, second = ({found.direction: found for found in term_grades(one.test, one.sample, v)} for v in versions)
    return {key: (first.get(key), second.get(key)) for key in dict.fromkeys((*first, *second)) if key}


def _grade(one: TermGrade | None) -> int | None:
    return None if one is None else one.grade


def _differ(first: TermGrade | None, second: TermGrade | None) -> bool:
    if first is None or second is None:
        only = first or second
        return only is not None and (only.grade, only.at_most) not in ((0, 0), (None, None))
    return (first.grade, first.at_least, first.at_most) != (second.grade, second.at_least, second.at_most)


def _note_worst(worst: list[int | None], pair: tuple[TermGrade | None, TermGrade | None]) -> None:
    for index, one in enumerate(pair):
        known = [grade for grade in (worst[index], _grade(one)) if grade is not None]
        worst[index] = max(known, default=None)


def _decisions(patients: Iterable[str], versions: tuple[str, str], decide: Decide) -> Iterable[DecisionDifference]:
    for patient in patients:
        first, second = (decide(patient, version) for version in versions)
        if set(first) != set(second):
            raise InputError(
                f"{patient}: version {versions[0]} has the decisions {', '.join(sorted(first)) or 'none'}, version "
                f"{versions[1]} {', '.join(sorted(second)) or 'none'}; the same decisions must be judged under both"
            )
        for name, verdict in first.items():
            if second[name] != verdict:
                yield DecisionDifference(patient, name, verdict, second[name])
