"""What a fall of uptake means: one test for every branch, and that doubt never becomes a label."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.response.uptake_fall import ColdAntibody, FollowedLesion, fall_meaning, size_change

FAR, NEAR, UNKNOWN = (
    ColdAntibody(60, "trastuzumab on 2022-01-01"),
    ColdAntibody(10, "trastuzumab"),
    ColdAntibody(None, "none recorded"),
)


def followed(name="L1", *, fell=True, size="unchanged", rose=False, alive=False):
    return FollowedLesion(name, fell, rose, size, alive)


def meaning(*lesions, antibody=FAR, new=()):
    return fall_meaning(lesions, antibody, blocking_days=28, new_lesions=new)


BRANCHES = [
    ("not_measured", "undecided", [followed(fell=None)], FAR, ()),
    ("no_fall", "no_fall", [followed(fell=False)], NEAR, ()),
    ("antibody_not_known", "undecided", [followed(size="shrank")], UNKNOWN, ()),
    ("blocking", "blocking", [followed("L1"), followed("L2")], NEAR, ()),
    ("blocking_possible", "undecided", [followed("L1"), followed("L2", fell=False)], NEAR, ()),
    ("blocking_possible", "undecided", [followed("L1", size="shrank")], NEAR, ()),
    ("blocking_possible", "undecided", [followed("L1", alive=True)], NEAR, ()),
    ("blocking_possible", "undecided", [followed("L1", size="not_known")], NEAR, ()),
    ("blocking_possible", "undecided", [followed("L1"), followed("L2", fell=None)], NEAR, ()),
    ("response", "response", [followed("L1", size="shrank"), followed("L2", fell=False)], FAR, ()),
    ("antigen_loss", "antigen_loss", [followed("L1", size="grew"), followed("L2", fell=False)], FAR, ()),
    ("antigen_loss", "antigen_loss", [followed("L1", alive=True)], FAR, ()),
    ("lesions_differ", "undecided", [followed("L1", size="shrank"), followed("L2", alive=True)], FAR, ()),
    ("lesions_differ", "undecided", [followed("L1"), followed("L2", alive=True)], FAR, ()),
    ("progression_beside", "undecided", [followed("L1", size="shrank")], FAR, ("L9",)),
    ("progression_beside", "undecided", [followed(size="shrank"), followed("L2", fell=False, rose=True)], FAR, ()),
    ("size_not_known", "undecided", [followed("L1", size="not_known")], FAR, ()),
    ("size_unchanged", "undecided", [followed("L1", size="unchanged")], FAR, ()),
]


@pytest.mark.parametrize(("branch", "label", "lesions", "antibody", "new"), BRANCHES)
def test_every_branch_gives_its_label(branch, label, lesions, antibody, new):
    found = meaning(*lesions, antibody=antibody, new=new)
    assert (found.branch, found.label) == (branch, label)
    assert found.because


def test_the_page_on_the_method_lists_every_branch_with_its_label():
    page = Path(__file__).parents[2].joinpath("docs/methods/heterogeneity.md").read_text(encoding="utf-8")
    for branch, label, *_ in BRANCHES:
        assert any(f"`{branch}`" in line and f"**{label}**" in line for line in page.splitlines()), (branch, label)


@pytest.mark.parametrize(("days", "label"), [(28, "blocking"), (29, "undecided")])
def test_the_last_blocking_day_is_one(days, label):
    assert meaning(followed(), antibody=ColdAntibody(days, "t")).label == label


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (20, 14, "shrank"),
        (20, 14.01, "unchanged"),
        (20, 24, "unchanged"),  # 20 % and 4 mm: RECIST asks for 5 mm as well
        (20, 25, "grew"),
        (40, 47, "unchanged"),  # 7 mm and 17.5 %
        (10.1, 7.07, "shrank"),  # 30 % although binary floats say 29.999...
        (20, 0, "shrank"),
        (None, 14, "not_known"),
        (20, None, "not_known"),
        (0, 8, "not_known"),
    ],
)
def test_sizes_change_by_the_thresholds_of_recist(before, after, change):
    assert size_change(before, after) == change


LESIONS = st.lists(
    st.builds(
        FollowedLesion,
        st.from_regex(r"[a-z]{4}", fullmatch=True),
        st.sampled_from([True, False, None]),
        st.booleans(),
        st.sampled_from(["shrank", "unchanged", "grew", "not_known"]),
        st.booleans(),
    ),
    max_size=6,
    unique_by=lambda one: one.lesion_id,
)
ANTIBODIES = st.one_of(st.none(), st.integers(0, 90)).map(lambda days: ColdAntibody(days, "said"))


@given(lesions=LESIONS, antibody=ANTIBODIES, new=st.lists(st.just("new"), max_size=1))
def test_a_label_is_given_only_where_its_rivals_are_ruled_out(lesions, antibody, new):
    found = fall_meaning(lesions, antibody, blocking_days=28, new_lesions=new)
    fallen = [one for one in lesions if one.fell]
    if found.label == "response":
        assert antibody.days > 28
        assert not new
        assert all(one.size == "shrank" and not one.alive_without_uptake for one in fallen)
    if found.label == "blocking":
        assert antibody.days <= 28
        assert all(one.fell and one.size == "unchanged" for one in lesions)
    if found.label == "antigen_loss":
        assert antibody.days > 28
        assert all(one.alive_without_uptake or one.size == "grew" for one in fallen)
    if found.label != "no_fall" and found.branch != "not_measured":
        assert fallen


@given(lesions=LESIONS, antibody=ANTIBODIES)
def test_forgetting_a_size_never_makes_a_response_of_what_was_none(lesions, antibody):
    before = fall_meaning(lesions, antibody, blocking_days=28).label
    for at, one in enumerate(lesions):
        forgotten = FollowedLesion(one.lesion_id, one.fell, one.rose, "not_known", one.alive_without_uptake)
        after = fall_meaning([*lesions[:at], forgotten, *lesions[at + 1 :]], antibody, blocking_days=28).label
        if one.fell and after == "response":
            raise AssertionError("a fallen lesion of unknown size was called a response")
        assert not (after == "blocking" and before != "blocking")
