"""People are counted, not events: once per line, by the worst grade."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.safety.adverse.counts import (
    NO_CLASS,
    CountedEvent,
    class_counts,
    ends_treatment,
    grade_counts,
    overview_counts,
)


def event(who, term, grade, *, group="Gastrointestinal disorders", related=False, serious=False, **more):
    return CountedEvent(who, term, group, grade, related=related, serious=serious, **more)


EVENTS = [
    event("P1", "Nausea", 1),
    event("P1", "NAUSEA", 3, related=True),
    event("P1", "Vomiting", 2),
    event("P2", "Nausea", 2, serious=True, action_taken="Treatment ended"),
    event("P3", "Fever", 5, group="General disorders", related=True, serious=True, fatal=True),
    event("P3", "Badness", 1, group=""),
]


def test_each_person_stands_once_under_the_worst_grade_of_a_term():
    groups = {one.total.name: one for one in class_counts(EVENTS)}
    nausea = next(one for one in groups["Gastrointestinal disorders"].terms if one.name == "Nausea")
    assert nausea.participants == {"P1", "P2"}
    assert (nausea.worst[3], nausea.worst[2], nausea.worst[1]) == ({"P1"}, {"P2"}, frozenset())
    assert nausea.events == 3
    assert nausea.related == {"P1"}
    assert nausea.serious == {"P2"}


def test_a_class_counts_a_person_once_though_her_terms_are_two():
    gut = next(one for one in class_counts(EVENTS) if one.total.name == "Gastrointestinal disorders")
    assert len(gut.total.participants) == 2
    assert sum(len(one.participants) for one in gut.terms) == 3


def test_terms_outside_ctcae_are_a_group_of_their_own_at_the_end():
    assert class_counts(EVENTS)[-1].total.name == NO_CLASS


def test_the_overview_counts_people_by_hand():
    found = {one.name: sorted(one.participants) for one in overview_counts(EVENTS)}
    assert found == {
        "Any adverse event": ["P1", "P2", "P3"],
        "Related to the treatment": ["P1", "P3"],
        "Grade 3 or worse": ["P1", "P3"],
        "Grade 3 or worse and related": ["P1", "P3"],
        "Serious": ["P2", "P3"],
        "Serious and related": ["P3"],
        "Leading to the end of treatment": ["P2"],
        "Fatal (grade 5, or with fatal outcome)": ["P3"],
    }


def test_severe_and_related_must_be_one_event_not_two():
    two = [event("P1", "Nausea", 3), event("P1", "Fever", 1, related=True)]
    found = {one.name: len(one.participants) for one in overview_counts(two)}
    assert found["Grade 3 or worse and related"] == 0


@pytest.mark.parametrize(
    ("action", "ends"),
    [
        ("treatment ended", True),
        ("DRUG WITHDRAWN", True),
        ("next session withheld", False),
        ("none", False),
        ("", False),
    ],
)
def test_only_what_ends_treatment_for_good_counts_as_its_end(action, ends):
    assert ends_treatment(action) is ends


_EVENTS = st.lists(
    st.builds(
        event,
        st.sampled_from(["P1", "P2", "P3", "P4"]),
        st.sampled_from(["Nausea", "nausea", "Fever", "Pain"]),
        st.integers(1, 5),
        group=st.sampled_from(["A", "B", ""]),
        related=st.booleans(),
        serious=st.booleans(),
    ),
    max_size=25,
)


@given(_EVENTS)
def test_worst_grades_share_out_the_people_and_order_does_not_matter(events):
    found = grade_counts("all", events)
    held = Counter(who for people in found.worst.values() for who in people)
    assert set(held) == found.participants == {one.participant_id for one in events}
    assert all(count == 1 for count in held.values())
    again = {one.total.name: (one.total.participants, one.total.worst) for one in class_counts(events[::-1])}
    assert again == {one.total.name: (one.total.participants, one.total.worst) for one in class_counts(events)}


@given(_EVENTS)
def test_a_worse_grade_of_one_event_never_makes_fewer_people_severe(events):
    before = grade_counts("all", events)
    worse = [event(one.participant_id, one.term, min(one.grade + 1, 5)) for one in events]
    assert before.severe <= grade_counts("all", worse).severe
