"""CTCAE grades of laboratory values; nadir and worst grade over a window; what another version would change.

Arrays of values are graded by `theratrial.safety.term_arrays`, which needs numpy and is imported by itself.
"""

from theratrial.safety.grades import BLOOD_COUNTS, VERSIONS, Grade, laboratory_grade, worst_of
from theratrial.safety.intervals import GradeInterval, Scale, grade_scale
from theratrial.safety.results import GradedResult, LaboratoryResult, graded, latest, nadir, with_baselines, worst
from theratrial.safety.samples import Sample
from theratrial.safety.term_grades import TermGrade, term_grades
from theratrial.safety.version_impact import PatientSample, VersionImpact, version_impact

__all__ = [
    "BLOOD_COUNTS",
    "VERSIONS",
    "Grade",
    "GradeInterval",
    "GradedResult",
    "LaboratoryResult",
    "PatientSample",
    "Sample",
    "Scale",
    "TermGrade",
    "VersionImpact",
    "grade_scale",
    "graded",
    "laboratory_grade",
    "latest",
    "nadir",
    "term_grades",
    "version_impact",
    "with_baselines",
    "worst",
    "worst_of",
]
