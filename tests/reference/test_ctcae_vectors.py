"""Published grading vectors for blood counts.

Values and expected grades: the unit tests of pharmaverse/admiral (`derive_var_atoxgr_dir` with the NCI-CTCAE v5.0 and
v6.0 metadata in SI units), read there; the grade texts themselves: NCI CTCAE v5.0 and v6.0.
"""

import pytest

from theratrial.safety import laboratory_grade

CASES = [
    *[("5.0", "platelets", v, 100, g) for v, g in ((24, 4), (25, 3), (49, 3), (50, 2), (74, 2), (75, 1), (99, 1))],
    ("5.0", "platelets", 100, 100, 0),
    ("5.0", "platelets", 74, None, 2),
    ("5.0", "platelets", 75, None, None),
    ("6.0", "platelets", 9, 100, 4),
    ("6.0", "platelets", 10, 100, 3),
    ("6.0", "platelets", 49, 100, 3),
    *[
        ("6.0", "neutrophils", v, None, g)
        for v, g in ((0.09, 4), (0.1, 3), (0.49, 3), (0.5, 2), (0.99, 2), (1, 1), (1.49, 1), (1.5, 0))
    ],
    *[
        ("5.0", "neutrophils", v, 2.0, g)
        for v, g in ((0.49, 4), (0.5, 3), (0.99, 3), (1.0, 2), (1.49, 2), (1.5, 1), (1.99, 1), (2.0, 0))
    ],
    *[
        (version, "haemoglobin", v, 140, g)
        for version in ("5.0", "6.0")
        for v, g in ((140, 0), (139, 1), (100, 1), (99, 2), (80, 2), (79, 3))
    ],
    *[
        (version, "white_cells", v, 4.0, g)
        for version in ("5.0", "6.0")
        for v, g in ((4.0, 0), (3.9, 1), (3.0, 1), (2.9, 2), (2.0, 2), (1.9, 3), (1.0, 3), (0.9, 4))
    ],
]
UNIT = {"haemoglobin": "g/L"}


@pytest.mark.parametrize(("version", "test", "value", "lower_limit", "expected"), CASES)
def test_published_values_get_their_grade(version, test, value, lower_limit, expected):
    found = laboratory_grade(test, value, UNIT.get(test, "10^9/L"), lower_limit, None, version)
    assert found.grade == expected, found.why


def test_the_entry_limits_of_the_first_trial_grade_differently_under_both_versions():
    """ANC 1.0 is grade 2 under 5.0 and grade 1 under 6.0; the grade texts say so side by side."""
    assert laboratory_grade("neutrophils", 1000, "cells/mm3", None, None, "5.0").grade == 2
    assert laboratory_grade("neutrophils", 1000, "cells/mm3", None, None, "6.0").grade == 1
    assert laboratory_grade("haemoglobin", 9, "g/dL", None, None, "5.0").grade == 2
