"""Grades of a file by arrays are those of its lines one by one."""

from hypothesis import given, settings
from hypothesis import strategies as st

from theratrial.safety.line_grades import line_grades
from theratrial.safety.sample_tables import SampleLine
from theratrial.safety.samples import Sample
from theratrial.safety.term_grades import term_grades

VERSIONS = ("5.0", "6.0")
UNITS = {
    "platelets": ("10^9/L", "/mm3", "furlong"),
    "creatinine": ("umol/L", "mg/dL"),
    "sodium": ("mmol/L",),
    "lymphocytes": ("10^9/L",),
    "phosphate": ("mmol/L",),
    "creatinine_clearance": ("mL/min",),
}
maybe = st.one_of(st.none(), st.floats(0.1, 400).map(lambda number: round(number, 2)))


@st.composite
def lines(draw):
    found = []
    for number in range(draw(st.integers(1, 12))):
        test = draw(st.sampled_from(sorted(UNITS)))
        lower, upper = sorted(draw(st.lists(st.floats(1, 200), min_size=2, max_size=2, unique=True)))
        facts = draw(st.sampled_from([{}, {"symptomatic": True}, {"symptomatic": False}]))
        sample = Sample(
            draw(maybe),
            draw(st.sampled_from(UNITS[test])),
            draw(st.sampled_from([None, lower])),
            draw(st.sampled_from([None, upper])),
            draw(maybe),
            facts=facts,
        )
        found.append(SampleLine(number, "P", "", test, sample))
    return found


@settings(max_examples=60, deadline=None)
@given(lines())
def test_grades_and_reasons_of_a_file_are_those_of_its_lines(given_lines):
    expected = [
        (line.line, version, one.term, one.grade, one.at_least, one.at_most, one.why if one.grade is None else None)
        for line in given_lines
        for version in VERSIONS
        for one in term_grades(line.test, line.sample, version)
    ]
    found = [
        (
            one.line.line,
            one.ctcae_version,
            one.term,
            one.grade,
            one.at_least,
            one.at_most,
            one.why if one.grade is None else None,
        )
        for one in line_grades(given_lines, VERSIONS)
    ]
    assert found == expected
