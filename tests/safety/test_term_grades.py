"""Grades of every laboratory term: published vectors, missing limits, units, what a clinician must add."""

import pytest

from theratrial.errors import InputError, SourceError
from theratrial.safety import laboratory_grade
from theratrial.safety.samples import Sample
from theratrial.safety.term_grades import term_grades
from theratrial.safety.terms import test_names as names_of_tests


def grade(test, value, unit, version="5.0", term="", **known):
    found = [one for one in term_grades(test, Sample(value, unit, **known), version) if term in one.term]
    assert len(found) == 1, [one.term for one in found]
    return found[0]


def limits(low=None, high=None, baseline=None, **more):
    return {"lower_limit": low, "upper_limit": high, "baseline": baseline, **more}


# Unit tests of pharmaverse/admiral (derive_var_atoxgr_dir, SI units), read there; creatinine with ULN 40.
ADMIRAL = [
    *[("5.0", "platelets", v, limits(100), g) for v, g in ((24, 4), (25, 3), (49, 3), (50, 2), (74, 2), (75, 1))],
    ("5.0", "platelets", 99, limits(100), 1),
    ("5.0", "platelets", 100, limits(100), 0),
    ("5.0", "platelets", 74, limits(), 2),
    ("5.0", "platelets", 75, limits(), None),
    ("6.0", "platelets", 9, limits(100), 4),
    ("6.0", "platelets", 10, limits(100), 3),
    *[
        ("6.0", "neutrophils", v, limits(), g)
        for v, g in ((0.09, 4), (0.1, 3), (0.49, 3), (0.5, 2), (0.99, 2), (1, 1), (1.49, 1), (1.5, 0))
    ],
    *[
        (version, "haemoglobin", v, limits(140), g)
        for version in ("5.0", "6.0")
        for v, g in ((140, 0), (100, 1), (99, 2), (79, 3))
    ],
    *[
        ("5.0", "creatinine", v, limits(None, 40, 40), g)
        for v, g in ((241, 4), (240, 3), (121, 3), (120, 2), (61, 2), (60, 1), (41, 1), (40, 0))
    ],
    ("5.0", "creatinine", 42, limits(None, 40, 14), 2),
    ("5.0", "creatinine", 42, limits(None, 40, 13.9), 3),
]
UNITS = {"haemoglobin": "g/L", "creatinine": "umol/L"}


@pytest.mark.parametrize(("version", "test", "value", "known", "expected"), ADMIRAL)
def test_published_vectors_get_their_grade(version, test, value, known, expected):
    assert grade(test, value, UNITS.get(test, "10^9/L"), version, **known).grade == expected


# Read off the grade texts of NCI's workbook: the last value of a grade and the first of the next, (value, grade).
PRINTED = [
    ("5.0", "lymphocytes", "decreased", "10^9/L", limits(1.0), ((1.0, 0), (0.99, 1), (0.8, 1), (0.79, 2), (0.5, 2))),
    ("5.0", "lymphocytes", "decreased", "10^9/L", limits(1.0), ((0.49, 3), (0.2, 3), (0.19, 4))),
    ("6.0", "lymphocytes", "Lymphopenia", "10^9/L", limits(1.0), ((1.0, 0), (0.99, 1), (0.1, 1))),
    ("6.0", "lymphocytes", "increased", "10^9/L", limits(), ((4.0, 0), (4.1, 2), (20, 2), (20.1, 3))),
    ("5.0", "alanine_aminotransferase", "", "U/L", limits(5, 40, 30), ((40, 0), (41, 1), (120, 1), (121, 2), (200, 2))),
    ("5.0", "alanine_aminotransferase", "", "U/L", limits(5, 40, 30), ((201, 3), (800, 3), (801, 4))),
    ("5.0", "alanine_aminotransferase", "", "U/L", limits(5, 40, 60), ((89, 0), (90, 1), (180, 1), (181, 2), (300, 2))),
    ("5.0", "alanine_aminotransferase", "", "U/L", limits(5, 40, 60), ((301, 3), (1200, 3), (1201, 4))),
    ("6.0", "aspartate_aminotransferase", "", "U/L", limits(5, 40, 60), ((59, 0), (60, 1), (90, 1), (91, 2), (120, 2))),
    ("6.0", "aspartate_aminotransferase", "", "U/L", limits(5, 40, 60), ((121, 3), (240, 3), (241, 4))),
    ("6.0", "aspartate_aminotransferase", "", "U/L", limits(5, 40, 40), ((120, 1), (121, 2), (200, 2), (201, 3))),
    ("5.0", "alkaline_phosphatase", "", "U/L", limits(40, 100, 150), ((299, 0), (300, 1), (375, 1), (376, 2))),
    (
        "5.0",
        "alkaline_phosphatase",
        "",
        "U/L",
        limits(40, 100, 90),
        ((100, 0), (101, 1), (250, 1), (251, 2), (2001, 4)),
    ),
    ("6.0", "alkaline_phosphatase", "", "U/L", limits(40, 100, 150), ((150, 0), (151, 1), (5000, 1))),
    ("6.0", "alkaline_phosphatase", "", "U/L", limits(40, 100, 50), ((100, 0), (101, 1))),
    ("5.0", "gamma_glutamyltransferase", "", "U/L", limits(5, 50, 100), ((199, 0), (200, 1), (251, 2), (501, 3))),
    ("6.0", "gamma_glutamyltransferase", "", "U/L", limits(5, 50, 100), ((99, 0), (100, 1), (151, 2), (301, 3))),
    ("6.0", "gamma_glutamyltransferase", "", "U/L", limits(5, 50, 100), ((1000, 3), (1001, 4))),
    ("5.0", "bilirubin", "", "umol/L", limits(3, 20, 30), ((30, 0), (30.1, 1), (45, 1), (45.1, 2), (90, 2), (90.1, 3))),
    (
        "6.0",
        "bilirubin",
        "",
        "umol/L",
        limits(3, 20, 30),
        ((29.9, 0), (30, 1), (45.1, 2), (75, 2), (75.1, 3), (301, 4)),
    ),
    (
        "6.0",
        "bilirubin",
        "",
        "umol/L",
        limits(3, 20, 10),
        ((20, 0), (20.1, 1), (30, 1), (30.1, 2), (60.1, 3), (201, 4)),
    ),
    ("6.0", "creatinine", "", "umol/L", limits(20, 40, 30), ((40, 0), (41, 1), (60, 1), (61, 2), (121, 3), (241, 4))),
    ("6.0", "creatinine", "", "umol/L", limits(20, 40, 14), ((20.9, 0), (21.1, 2), (42, 2), (42.1, 3))),
    ("6.0", "creatinine_clearance", "decreased", "mL/min", limits(), ((50, 0), (49, 2), (26, 2), (25, 3), (10, 3))),
    ("5.0", "estimated_gfr", "", "mL/min/1.73m2", limits(90), ((90, 0), (89, 1), (60, 1), (59, 2), (30, 2), (29, 3))),
    ("6.0", "estimated_gfr", "", "mL/min/1.73m2", limits(90), ((59.9, 2), (29.9, 3), (15, 3), (14.9, 4))),
    ("5.0", "albumin", "", "g/L", limits(35), ((35, 0), (34, 1), (30, 1), (29, 2), (20, 2), (19, 3))),
    ("6.0", "sodium", "Hypo", "mmol/L", limits(135, 145), ((135, 0), (134, 1), (130, 1), (129, 2), (124, 3), (119, 4))),
    ("5.0", "sodium", "Hyper", "mmol/L", limits(135, 145), ((145, 0), (146, 1), (151, 2), (156, 3), (161, 4))),
    ("5.0", "potassium", "Hyper", "mmol/L", limits(3.5, 5), ((5, 0), (5.5, 1), (5.6, 2), (6.1, 3), (7.0, 3), (7.1, 4))),
    (
        "6.0",
        "potassium",
        "Hypo",
        "mmol/L",
        limits(3.5, 5),
        ((3.5, 0), (3.4, 1), (3.0, 1), (2.9, 3), (2.5, 3), (2.4, 4)),
    ),
    (
        "6.0",
        "calcium_corrected",
        "Hyper",
        "mmol/L",
        limits(2.2, 2.6),
        ((2.6, 0), (2.9, 1), (3.0, 2), (3.2, 3), (3.5, 4)),
    ),
    ("6.0", "calcium_corrected", "Hyper", "mg/dL", limits(8.5, 10.2), ((10.2, 0), (11.5, 1), (11.6, 2), (13.6, 4))),
    (
        "5.0",
        "calcium_corrected",
        "Hypo",
        "mg/dL",
        limits(8.5, 10.2),
        ((8.5, 0), (8.0, 1), (7.9, 2), (6.9, 3), (5.9, 4)),
    ),
    (
        "5.0",
        "calcium_ionised",
        "Hypo",
        "mmol/L",
        limits(1.15, 1.3),
        ((1.15, 0), (1.0, 1), (0.9, 2), (0.8, 3), (0.79, 4)),
    ),
    ("5.0", "magnesium", "Hyper", "mmol/L", limits(0.7, 1.0), ((1.0, 0), (1.23, 1), (1.24, 3), (3.3, 3), (3.31, 4))),
    ("6.0", "magnesium", "Hypo", "mg/dL", limits(1.7, 2.4), ((1.7, 0), (1.2, 1), (1.1, 2), (0.8, 3), (0.6, 4))),
    ("6.0", "glucose", "Hypo", "mmol/L", limits(3.9, 5.6), ((3.9, 0), (3.0, 1), (2.9, 2), (2.1, 3), (1.6, 4))),
    ("6.0", "glucose", "Hyper", "mmol/L", limits(3.9, 5.6), ((5.6, 0), (14, 3), (27.8, 3), (27.9, 4))),
    ("5.0", "ejection_fraction", "", "%", limits(baseline=55), ((51, 0), (50, 2), (40, 2), (39, 3), (20, 3), (19, 4))),
    ("5.0", "ejection_fraction", "", "%", limits(baseline=75), ((66, 0), (65, 2), (56, 2), (55, 3))),
    ("6.0", "ejection_fraction", "", "%", limits(baseline=55), ((45, 2), (40, 2), (39, 3), (15, 3))),
    ("6.0", "white_cells", "Leuko", "10^9/L", limits(), ((100, 0), (101, 3))),
]


@pytest.mark.parametrize(("version", "test", "term", "unit", "known", "ladder"), PRINTED)
def test_grades_change_where_the_print_says(version, test, term, unit, known, ladder):
    found = [grade(test, value, unit, version, term, **known).grade for value, _ in ladder]
    assert found == [expected for _, expected in ladder]


def test_a_hyperglycaemia_of_grade_1_or_2_needs_to_know_that_the_patient_fasted():
    known = limits(70, 100)
    unknown = grade("glucose", 170, "mg/dL", "6.0", "Hyper", **known)
    assert (unknown.grade, unknown.at_least, unknown.at_most) == (None, 0, 2)
    assert "fasting" in unknown.missing[0]
    assert grade("glucose", 170, "mg/dL", "6.0", "Hyper", facts={"fasting": True}, **known).grade == 2
    assert grade("glucose", 160, "mg/dL", "6.0", "Hyper", facts={"fasting": True}, **known).grade == 1
    assert grade("glucose", 170, "mg/dL", "6.0", "Hyper", facts={"fasting": False}, **known).grade == 0
    assert [one.term for one in term_grades("glucose", Sample(170, "mg/dL", 70, 100), "5.0")] == ["Hypoglycemia"]


def test_symptoms_raise_a_grade_that_stands_without_them():
    known = limits(135, 145)
    silent = grade("sodium", 127, "mmol/L", "5.0", "Hypo", **known)
    assert (silent.grade, silent.at_most) == (2, 3)
    assert "symptoms" in silent.why
    assert grade("sodium", 127, "mmol/L", "5.0", "Hypo", facts={"symptomatic": True}, **known).grade == 3
    stated = grade("sodium", 127, "mmol/L", "5.0", "Hypo", facts={"symptomatic": False}, **known)
    assert (stated.grade, stated.at_most, stated.missing) == (2, 2, ())
    assert grade("potassium", 3.2, "mmol/L", "6.0", "Hypo", facts={"symptomatic": True}, **limits(3.5, 5)).grade == 2


def test_an_ejection_fraction_alone_has_no_grade_in_version_6_unless_it_fell_far_enough():
    normal = grade("ejection_fraction", 62, "%", "6.0", baseline=65)
    assert (normal.grade, normal.at_least, normal.at_most) == (None, 0, 1)
    assert grade("ejection_fraction", 62, "%", "6.0", baseline=65, facts={"cardiac_finding": False}).grade == 0
    assert grade("ejection_fraction", 62, "%", "6.0", baseline=65, facts={"cardiac_finding": True}).grade == 1
    low = grade("ejection_fraction", 45, "%", "6.0", baseline=50)
    assert (low.grade, low.at_most) == (None, 2)
    assert grade("ejection_fraction", 45, "%", "6.0", baseline=50, facts={"cardiac_finding": True}).grade == 2
    old = grade("ejection_fraction", 30, "%", "6.0", baseline=38)
    assert (old.grade, old.at_most) == (None, 3)
    assert grade("ejection_fraction", 30, "%", "6.0", baseline=38, facts={"new_reduction": True}).grade == 3


def test_a_missing_baseline_leaves_open_only_what_it_can_change():
    both = grade("creatinine", 61, "umol/L", "5.0", **limits(20, 40))
    assert (both.grade, both.at_least, both.at_most, both.missing) == (None, 2, 3, ("the patient's baseline",))
    assert grade("creatinine", 241, "umol/L", "5.0", **limits(20, 40)).grade == 4
    assert grade("alanine_aminotransferase", 40, "U/L", "5.0", **limits(5, 40)).grade == 0
    above = grade("alanine_aminotransferase", 130, "U/L", "5.0", **limits(5, 40))
    assert (above.grade, above.at_least, above.at_most) == (None, 0, 2)
    # In version 6.0 an abnormal baseline of just above 40 would make 170 more than four times the baseline.
    assert grade("alanine_aminotransferase", 170, "U/L", "6.0", **limits(5, 40)).at_most == 4
    assert grade("ejection_fraction", 39, "%", "5.0").grade == 3
    assert grade("ejection_fraction", 55, "%", "5.0").grade is None


def test_missing_limits_leave_open_only_what_they_can_change():
    open_low = grade("haemoglobin", 101, "g/L")
    assert (open_low.grade, open_low.at_most, open_low.missing) == (None, 1, ("the laboratory's lower limit",))
    assert grade("potassium", 5.6, "mmol/L", term="Hyper").grade == 2
    assert grade("potassium", 5.2, "mmol/L", term="Hyper").grade is None
    # The upper limit lies above the lower one, so a value below the lower limit is not above the upper one.
    assert grade("potassium", 3.2, "mmol/L", term="Hyper", lower_limit=3.5).grade == 0
    assert grade("creatinine", 61, "umol/L", baseline=30).at_least == 2


def test_where_the_print_is_silent_the_grade_stays_open():
    low = grade("creatinine_clearance", 8, "mL/min", "6.0")
    assert (low.grade, low.at_least) == (None, 3)
    # Grade 3 of aminotransferases is printed for a baseline up to 5 x ULN.
    assert grade("alanine_aminotransferase", 500, "U/L", "6.0", **limits(5, 40, 200)).grade == 3
    beyond = grade("alanine_aminotransferase", 500, "U/L", "6.0", **limits(5, 40, 210))
    assert (beyond.grade, beyond.at_least, beyond.at_most) == (None, 2, 3)


def test_units_of_one_quantity_give_one_grade():
    # 1 mg/dL of creatinine is 88.4 umol/L, of calcium 0.2495 mmol/L, of magnesium 0.4114 mmol/L (molar masses).
    assert grade("creatinine", 2.0, "mg/dL", **limits(0.5, 1.2, 1.0)).grade == 2
    assert (
        grade("creatinine", 2.0, "mg/dL", **limits(45, 106, 88.4), limit_unit="umol/L", baseline_unit="umol/L").grade
        == 2
    )
    assert grade("bilirubin", 3.0, "mg/dL", **limits(None, 20.5, 0.8), limit_unit="umol/L").grade == 2
    assert grade("albumin", 2.9, "g/dL", **limits(3.5)).grade == 2
    assert grade("sodium", 151, "mEq/L", term="Hyper", **limits(135, 145)).grade == 2
    assert grade("magnesium", 2.5, "mEq/L", term="Hyper", **limits(1.4, 2.0)).grade == 3
    assert grade("calcium_ionised", 6.1, "mg/dL", term="Hyper", **limits(4.6, 5.3)).grade == 2
    assert grade("glucose", 6, "g/L", "6.0", "Hyper", **limits(70, 100), limit_unit="mg/dL").grade == 4
    assert grade("ejection_fraction", 0.45, "fraction", baseline=60, baseline_unit="%").grade == 2
    assert grade("haemoglobin", 4.8, "mmol/L", **limits(120), limit_unit="g/L").grade == 3
    assert grade("alanine_aminotransferase", 2.5, "ukat/L", **limits(0.1, 0.7, 0.5)).grade == 2


def test_core_units_of_a_read_trial_folder_are_units_too():
    found = grade("creatinine", 2.0 * 88.4, "umol_per_L", **limits(45, 106, 1.0), baseline_unit="mg/dL")
    assert found.grade == 2
    assert found.why.startswith("Creatinine increased: 176.8 umol/L is > 1.5 x ")
    assert grade("ejection_fraction", 45, "percent", baseline=60).grade == 2


def test_multiples_are_compared_as_decimals_in_the_unit_reported():
    """1.5 x 1.2 mg/dL is 1.8 mg/dL exactly; as floats, or converted first, it is not."""
    assert 3 * 1.1 > 3.3
    assert grade("creatinine", 3.3, "mg/dL", **limits(None, 1.1, 1.1)).grade == 2
    assert grade("creatinine", 1.8, "mg/dL", **limits(None, 1.2, 1.2)).grade == 1
    assert grade("sodium", 0.1 * 3 * 500, "mmol/L", term="Hyper", **limits(135, 145)).grade == 1


@pytest.mark.parametrize(
    ("test", "value", "unit", "known", "word"),
    [
        ("creatinine", 1.2, "umol/L", limits(45, 90), "believable"),
        ("creatinine", 80, "umol/L", limits(45, 90, 0.8), "baseline of 0.8"),
        ("creatinine", 80, "umol/L", limits(0.5, 1.2), "upper limit of 1.2"),
        ("albumin", 4, "g/dL", limits(35), "lower limit of 350"),
        ("potassium", 42, "mmol/L", limits(3.5, 5), "believable"),
        ("ejection_fraction", 0.55, "%", limits(), "believable"),
        ("creatinine", 80, "umol/L", limits(90, 45), "not below"),
        ("creatinine", 80, "umol/L", limits(45, 0), "zero"),
        ("creatinine", 80, "umol/L", limits(45, 90, float("nan")), "finite"),
        ("creatinine", -1, "umol/L", limits(45, 90), "negative"),
        ("creatinine", None, "umol/L", limits(45, 90), "no value"),
        ("creatinine", 80, "U/L", limits(45, 90), "unit 'U/L'"),
        ("creatinine", 80, "", limits(45, 90), "unit ''"),
        ("creatinine", 80, "umol/L", limits(45, 90, limit_unit="U/L"), "unit"),
        ("potassium", 4, "mg/dL", limits(3.5, 5), "unit 'mg/dL'"),
        ("creatinine_clearance", 40, "mL/min", limits(), "1.73m2"),
        ("phosphate", 0.5, "mmol/L", limits(), "not by value"),
        ("calcium", 2.0, "mmol/L", limits(), "calcium_corrected"),
    ],
)
def test_what_cannot_be_graded_says_why_and_is_never_grade_0(test, value, unit, known, word):
    found = term_grades(test, Sample(value, unit, **known), "5.0")
    assert {(one.grade, one.at_least, one.at_most) for one in found} == {(None, None, None)}
    assert all(word in one.why for one in found), found[0].why


def test_unknown_tests_versions_and_facts_are_refused_with_what_is_allowed():
    with pytest.raises(InputError, match=r"troponin.*platelets"):
        term_grades("troponin", Sample(1, "ng/L"), "5.0")
    with pytest.raises(SourceError, match=r"4\.03.*5\.0, 6\.0"):
        term_grades("platelets", Sample(1, "10^9/L"), "4.03")
    with pytest.raises(InputError, match=r"sleepy.*fasting"):
        Sample(1, "mmol/L", facts={"sleepy": True})


def test_a_grade_names_its_text_its_table_and_what_a_clinician_must_add():
    found = grade("potassium", 6.5, "mmol/L", "6.0", "Hyper", **limits(3.5, 5))
    assert found.lab_only
    assert found.printed == ">6.0 - 7.0 mmol/L; hospitalization indicated"
    assert (
        found.clinician == "grade 3: hospitalization indicated; grade 4: life-threatening consequences; grade 5: Death"
    )
    assert found.trace.inputs["table"].startswith("table:safety/ctcae_v6_0_terms@6.0")
    assert found.why == "Hyperkalemia: 6.5 mmol/L is > 6.0"


def test_one_value_has_the_worst_grade_over_the_terms_of_its_test():
    """Potassium has a term in each direction; white cells above 100 x 10^9/L are leukocytosis, grade 3."""
    high = laboratory_grade("potassium", 6.5, "mmol/L", 3.5, 5.1, "5.0")
    low = laboratory_grade("potassium", 2.4, "mmol/L", 3.5, 5.1, "5.0")
    assert (high.term, high.grade) == ("Hyperkalemia", 3)
    assert (low.term, low.grade) == ("Hypokalemia", 4)
    assert laboratory_grade("white_cells", 101, "10^9/L", 4, 10, "5.0").grade == 3
    without_limits = laboratory_grade("potassium", 6.5, "mmol/L", None, None, "5.0")
    assert (without_limits.grade, without_limits.term) == (3, "Hyperkalemia")


def test_what_a_missing_limit_leaves_open_in_one_direction_leaves_the_value_open():
    found = laboratory_grade("potassium", 4.2, "mmol/L", None, None, "5.0")
    assert found.grade is None
    assert (found.at_least, found.at_most) == (0, 2)


def test_a_baseline_decides_where_the_print_asks_for_it_and_nowhere_else():
    """NCI: 'creatinine >3.0 x baseline' is grade 3 in version 5.0; blood counts have no baseline in their texts."""
    assert laboratory_grade("creatinine", 90, "umol/L", 45, 90, "5.0", baseline=29).grade == 3
    assert laboratory_grade("creatinine", 90, "umol/L", 45, 90, "5.0", baseline=80).grade == 0
    assert laboratory_grade("creatinine", 90, "umol/L", 45, 90, "5.0").grade is None
    assert laboratory_grade("neutrophils", 2.5, "10^9/L", 1.8, 7.7, "5.0", baseline=0).grade == 0


def test_every_term_that_the_trial_needs_is_there():
    assert set(names_of_tests()) >= {
        "neutrophils", "platelets", "haemoglobin", "white_cells", "lymphocytes", "creatinine", "creatinine_clearance",
        "estimated_gfr", "bilirubin", "alanine_aminotransferase", "aspartate_aminotransferase", "alkaline_phosphatase",
        "gamma_glutamyltransferase", "sodium", "potassium", "calcium_corrected", "calcium_ionised", "magnesium",
        "glucose", "albumin", "ejection_fraction",
    }  # fmt: skip
