"""CTCAE terms as people type them: found, suggested, or named as none; grades that a term does not have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.reference import table
from theratrial.safety.adverse import (
    EVENT_TABLES,
    event_term,
    event_terms,
    likely_terms,
    system_organ_classes,
    term_finding,
    terms_matching,
)

VERSIONS = tuple(EVENT_TABLES)


@given(st.sampled_from(VERSIONS), st.data())
def test_every_term_is_found_however_its_letters_and_spaces_are_written(version, data):
    one = data.draw(st.sampled_from(list(event_terms(version).values())))
    shuffled = "".join(data.draw(st.sampled_from((letter.upper(), letter.lower()))) for letter in one.term)
    written = f"  {shuffled.replace(' ', '   ')} "
    assert event_term(written, version) == one
    assert one in terms_matching(one.term, version)
    assert likely_terms(one.term, version)[0] == one.term


@given(st.sampled_from(VERSIONS), st.text(max_size=60), st.integers(-3, 9))
def test_no_text_is_refused_and_none_is_taken_for_another_term(version, text, grade):
    terms_matching(text, version)
    finding = term_finding(text, grade, version)
    assert (finding.term is None) == (event_term(text, version) is None)
    if finding.term is None:
        assert "is not a CTCAE" in finding.problems[0]


@given(st.sampled_from(VERSIONS), st.data(), st.integers(1, 5))
def test_a_grade_is_odd_exactly_where_the_term_does_not_print_it(version, data, grade):
    one = data.draw(st.sampled_from(list(event_terms(version).values())))
    problems = term_finding(one.term, grade, version).problems
    assert bool(problems) == (grade not in one.grades)


def test_a_slip_of_the_finger_is_answered_with_the_term():
    assert "did you mean Fatigue?" in term_finding("Fatige", 2, "5.0").problems[0]
    assert [one.term for one in terms_matching("diarhea", "5.0")] == ["Diarrhea"]


def test_british_spelling_leads_to_the_term_but_is_not_the_term():
    assert event_term("Anaemia", "5.0") is None
    assert likely_terms("Anaemia", "5.0") == ("Anemia",)
    found = {one.term for one in terms_matching("haemorrhage", "5.0", most=80)}
    assert {"Gastric hemorrhage", "Anal hemorrhage", "Hepatic hemorrhage"} <= found


def test_a_term_of_the_other_version_is_named_as_such():
    said = term_finding("Thrombocytopenia", 4, "5.0").problems[0]
    assert "it is a term of version 6.0" in said
    assert "did you mean Platelet count decreased?" in said
    assert term_finding("Thrombocytopenia", 4, "6.0").problems == ()


def test_other_specify_is_found_with_what_is_specified_and_with_another_dash():
    one = event_term("Skin and subcutaneous tissue disorders – Other, specify: cracked heel", "5.0")
    assert one.term == "Skin and subcutaneous tissue disorders - Other, specify"
    assert event_term("Toe disorders - Other, specify: nail", "5.0") is None


def test_the_best_match_comes_first_and_other_specify_after_the_plain_terms():
    assert terms_matching("pain", "5.0")[0].term == "Pain"
    assert terms_matching("platelet", "5.0")[0].term == "Platelet count decreased"
    found = [one.is_other for one in terms_matching("disorders", "5.0", most=80)]
    assert found == sorted(found)


@pytest.mark.parametrize("version", ["4.03", "", "5", "7.0"])
def test_a_version_that_is_not_kept_is_refused_by_name(version):
    with pytest.raises(InputError, match=r"allowed: 5\.0, 6\.0"):
        event_term("Nausea", version)


def test_everyday_words_lead_to_a_term_and_are_none_themselves():
    for row in table("safety/event_words"):
        having = [version for version in VERSIONS if event_term(row.text("term"), version)]
        assert having, row.cells
        useful = [version for version in having if event_term(row.text("word"), version) is None]
        assert useful, row.cells
        for version in useful:
            assert row.text("term") in likely_terms(row.text("word"), version), row.cells


def test_nothing_typed_finds_nothing():
    assert terms_matching("   ", "5.0") == ()
    assert likely_terms("", "5.0") == ()


def test_a_very_long_text_is_answered_at_once():
    assert terms_matching("x" * 200_000, "5.0") == ()
    assert term_finding("lorem ipsum " * 20_000, 1, "5.0").term is None


@pytest.mark.parametrize("version", VERSIONS)
def test_classes_are_in_the_order_of_nci(version):
    assert system_organ_classes(version)[0] == "Blood and lymphatic system disorders"
    assert system_organ_classes(version)[-1] == "Vascular disorders"
