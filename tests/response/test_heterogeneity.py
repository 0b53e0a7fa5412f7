"""Patterns of uptake: what is counted, by what, and what is said of the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.response.heterogeneity import ClassedLesion, PatternRules, joint_pattern, uptake_pattern


def lesion(name, uptake_class, *, site="bone", known_from="ct", volume=None):
    return ClassedLesion(name, site, known_from, uptake_class, volume)


LESIONS = st.lists(
    st.builds(
        ClassedLesion,
        st.from_regex(r"[a-z]{4}", fullmatch=True),
        st.sampled_from(["bone", "lung", "liver", ""]),
        st.sampled_from(["ct", "fdg_pet", "tracer", "other"]),
        st.sampled_from(["none", "background", "visible", "high", "not_assessable"]),
        st.one_of(st.none(), st.floats(0.1, 200)),
    ),
    max_size=8,
    unique_by=lambda one: one.lesion_id,
)


@pytest.mark.parametrize(
    ("classes", "pattern"),
    [
        # Mileva 2024, figure 4: classes 1 and 2 are HER2-negative, 3 and 4 positive.
        (["visible", "high"], "A"),
        (["visible", "high", "background"], "B"),
        (["visible", "none", "background"], "C"),
        (["none", "background"], "D"),
    ],
)
def test_patterns_are_all_dominant_minor_and_none(classes, pattern):
    found = uptake_pattern([lesion(f"L{at}", one) for at, one in enumerate(classes)])
    assert found.pattern == pattern


def test_half_of_the_load_is_the_dominant_part():
    # The boundary that J Nucl Med 2023;64:724 uses: HER2 imaging-positive from 50 % of the tumour load.
    assert uptake_pattern([lesion("a", "high"), lesion("b", "none")]).pattern == "B"


def test_volume_decides_where_every_lesion_has_one_and_number_where_one_has_none():
    big_negative = [lesion("a", "high", volume=1), lesion("b", "visible", volume=1), lesion("c", "none", volume=98)]
    by_volume = uptake_pattern(big_negative)
    assert (by_volume.pattern, by_volume.basis) == ("C", "volume")
    assert by_volume.share_negative_volume == pytest.approx(0.98)
    assert by_volume.share_negative == pytest.approx(1 / 3)
    assert "by number it would be B" in by_volume.because
    by_number = uptake_pattern([*big_negative[:2], lesion("c", "none")])
    assert (by_number.pattern, by_number.basis, by_number.share_negative_volume) == ("B", "number", None)
    assert by_number.without_volume == ("c",)


def test_lesions_without_uptake_are_named():
    found = uptake_pattern([lesion("a", "high"), lesion("b", "none"), lesion("c", "background")])
    assert found.discordant == ("b", "c")
    assert "without uptake: b, c" in found.because


def test_a_lesion_of_the_liver_is_not_assessable_whatever_its_class():
    found = uptake_pattern([lesion("a", "high"), lesion("b", "none", site="liver"), lesion("c", "high", site="liver")])
    assert found.pattern == "A"
    assert found.share_negative == 0
    assert "in the liver, whose own uptake hides it" in found.because


def test_what_is_not_assessable_widens_the_answer_in_words():
    found = uptake_pattern([lesion("a", "high"), lesion("b", "not_assessable"), lesion("c", "not_assessable")])
    assert found.pattern == "A"
    assert "it could be anything from A to C by number" in found.because


def test_a_lesion_of_the_tracer_alone_is_counted_beside():
    found = uptake_pattern([lesion("a", "none"), lesion("b", "high", known_from="tracer")])
    assert found.pattern == "D"
    assert "counted beside: b" in found.because


def test_nothing_to_judge_is_not_assessable_and_never_a_pattern():
    for lesions in ([], [lesion("a", "high", known_from="tracer")], [lesion("a", "high", site="liver")]):
        found = uptake_pattern(lesions)
        assert found.pattern == ""
        assert found.share_negative is None
        assert found.because.startswith("not assessable: ")


def test_an_unknown_site_is_said_where_it_could_be_the_liver():
    assert "whether a lies in the liver is not recorded" in uptake_pattern([lesion("a", "high", site="")]).because


def test_readers_who_differ_leave_the_pattern_open():
    one, other = uptake_pattern([lesion("a", "high")]), uptake_pattern([lesion("a", "none")])
    assert joint_pattern({"R1": one, "R2": one})[0] == "A"
    named, because = joint_pattern({"R1": one, "R2": other})
    assert named == ""
    assert "R1 A, R2 D" in because


@given(lesions=LESIONS, order=st.randoms())
def test_the_order_of_lesions_never_matters(lesions, order):
    shuffled = list(lesions)
    order.shuffle(shuffled)
    assert uptake_pattern(shuffled) == uptake_pattern(lesions)


@given(lesions=LESIONS)
def test_shares_and_pattern_agree(lesions):
    found = uptake_pattern(lesions)
    if found.share_negative is None:
        assert found.pattern == ""
        return
    assert 0 <= found.share_negative <= 1
    assert (found.pattern == "A") == (found.share_negative == 0)
    assert (found.pattern == "D") == (found.share_negative == 1)
    assert len(found.discordant) == round(
        found.share_negative * sum(one.counts in ("positive", "negative") for one in found.lesions)
    )


@given(lesions=LESIONS)
def test_losing_the_uptake_of_a_lesion_never_betters_the_pattern(lesions):
    before = uptake_pattern(lesions).pattern
    for at, one in enumerate(lesions):
        if one.uptake_class not in ("visible", "high"):
            continue
        worse = ClassedLesion(one.lesion_id, one.site, one.known_from, "none", one.volume_mL)
        after = uptake_pattern([*lesions[:at], worse, *lesions[at + 1 :]]).pattern
        assert "ABCD".find(after) >= "ABCD".find(before)


def test_a_lesion_classed_twice_and_an_unknown_class_are_refused():
    with pytest.raises(InputError, match="classed twice"):
        uptake_pattern([lesion("a", "high"), lesion("a", "none")])
    with pytest.raises(InputError, match="is none of"):
        lesion("a", "bright")
    with pytest.raises(InputError, match="0 mL or more"):
        lesion("a", "high", volume=float("nan"))


def test_rules_say_what_counts_as_uptake():
    rules = PatternRules(positive_classes=("high",))
    assert uptake_pattern([lesion("a", "visible"), lesion("b", "high")], rules).discordant == ("a",)
