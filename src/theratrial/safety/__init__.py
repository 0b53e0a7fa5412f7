"""CTCAE grades of laboratory values; nadir and worst grade over a window."""

from theratrial.safety.grades import GRADED_TESTS, VERSIONS, Grade, laboratory_grade
from theratrial.safety.intervals import GradeInterval, Scale, grade_scale
from theratrial.safety.results import GradedResult, LaboratoryResult, graded, latest, nadir, worst

__all__ = [
    "GRADED_TESTS",
    "VERSIONS",
    "Grade",
    "GradeInterval",
    "GradedResult",
    "LaboratoryResult",
    "Scale",
    "grade_scale",
    "graded",
    "laboratory_grade",
    "latest",
    "nadir",
    "worst",
]
