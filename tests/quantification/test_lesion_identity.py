"""Identity of lesions over scans: made cases, and laws that hold for any set of lesions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.imaging.merge import merged_region
from theratrial.imaging.values import Grid, Region, Source
from theratrial.quantification.lesion_identity import (
    IdentityRules,
    Outcome,
    lesion_matches,
)
from theratrial.quantification.lesion_identity_tracks import lesion_tracks
from theratrial.quantification.segmentation_sphere import sphere_region

SOURCE = Source("P01", "1.2", "1.3", "NM", (Path("scan.dcm"),), "sha256:00")
GRID = Grid((40, 40, 40), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0))
MIRROR = {
    Outcome.SAME: Outcome.SAME,
    Outcome.SPLIT: Outcome.MERGED,
    Outcome.MERGED: Outcome.SPLIT,
    Outcome.NEW: Outcome.GONE,
    Outcome.GONE: Outcome.NEW,
    Outcome.AMBIGUOUS: Outcome.AMBIGUOUS,
}


def ball(name: str, x: float, diameter_mm: float = 24.0, *, y: float = 80.0, z: float = 80.0) -> Region:
    return sphere_region(GRID, name, (x, y, z), diameter_mm, SOURCE)


def outcomes(earlier, later, **rules):
    found = lesion_matches(earlier, later, rules=IdentityRules(**rules))
    return [(m.outcome, m.earlier, m.later) for m in found]


def test_a_lesion_that_shrinks_and_moves_a_little_stays_itself() -> None:
    (match,) = lesion_matches([ball("a", 60, 30)], [ball("x", 64, 18)])
    assert (match.outcome, match.earlier, match.later) == (Outcome.SAME, ("a",), ("x",))
    assert match.overlap_fraction == pytest.approx(1.0, abs=0.02)
    assert match.distance_mm == pytest.approx(4.0, abs=0.1)
    assert "100% of the smaller outline" in match.because


def test_one_that_becomes_two_is_split_and_the_way_back_merged() -> None:
    large, parts = ball("a", 70, 50), [ball("x", 58, 18), ball("y", 82, 18)]
    assert outcomes([large], parts) == [(Outcome.SPLIT, ("a",), ("x", "y"))]
    assert outcomes(parts, [large]) == [(Outcome.MERGED, ("x", "y"), ("a",))]


def test_a_lesion_that_appears_is_new_and_one_that_vanishes_is_gone() -> None:
    found = lesion_matches([ball("a", 40), ball("b", 120)], [ball("x", 41), ball("y", 80)])
    assert [(m.outcome, m.earlier, m.later) for m in found] == [
        (Outcome.SAME, ("a",), ("x",)),
        (Outcome.GONE, ("b",), ()),
        (Outcome.NEW, (), ("y",)),
    ]
    assert all("15 mm" in m.because for m in found[1:])
    assert outcomes([], [ball("x", 40)]) == [(Outcome.NEW, (), ("x",))]
    assert outcomes([ball("x", 40)], []) == [(Outcome.GONE, ("x",), ())]
    assert outcomes([], []) == []


def test_without_overlap_the_only_near_centre_is_the_same_lesion() -> None:
    (match,) = lesion_matches([ball("a", 60, 8)], [ball("x", 71, 8)])
    assert match.outcome is Outcome.SAME
    assert match.overlap_fraction is None
    assert match.distance_mm == pytest.approx(11, abs=0.5)
    assert outcomes([ball("a", 60, 8)], [ball("x", 71, 8)], nearest_mm=5.0) == [
        (Outcome.GONE, ("a",), ()),
        (Outcome.NEW, (), ("x",)),
    ]


def test_two_equally_near_candidates_wait_for_a_person() -> None:
    found = lesion_matches([ball("a", 60, 6)], [ball("x", 70, 6), ball("y", 50, 6)])
    assert [(m.outcome, m.earlier, m.later) for m in found] == [(Outcome.AMBIGUOUS, ("a",), ("x", "y"))]
    assert "a person decides" in found[0].because


def test_two_lesions_that_touch_after_a_shift_are_told_apart_by_the_larger_overlap() -> None:
    earlier = [ball("a", 60, 30), ball("b", 88, 30)]
    later = [ball("x", 66, 34), ball("y", 94, 34)]
    pairs = [(Outcome.SAME, ("a",), ("x",)), (Outcome.SAME, ("b",), ("y",))]
    assert outcomes(earlier, later, linking_overlap_fraction=0.05) == pairs


def test_a_tangle_without_a_dominant_assignment_waits_for_a_person() -> None:
    earlier = [ball("a", 60, 40), ball("b", 84, 40)]
    later = [ball("x", 72, 40, z=72), ball("y", 72, 40, z=88)]
    assert outcomes(earlier, later) == [(Outcome.AMBIGUOUS, ("a", "b"), ("x", "y"))]


def test_lesions_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(InputError, match="different names"):
        lesion_matches([ball("a", 40), ball("a", 90)], [])
    with pytest.raises(InputError, match="is empty"):
        lesion_matches([replace(ball("a", 40), weights=np.zeros((1, 1, 1), np.float32))], [])
    elsewhere = sphere_region(Grid((40, 40, 40), (4.0,) * 3, (1.0, 0, 0)), "x", (60.0, 80.0, 80.0), 24.0, SOURCE)
    with pytest.raises(InputError, match="different grids"):
        lesion_matches([ball("a", 60)], [elsewhere])
    with pytest.raises(InputError):
        IdentityRules(linking_overlap_fraction=0.0)


LESIONS = st.lists(
    st.tuples(st.floats(30, 130), st.floats(30, 130), st.floats(30, 130), st.floats(6, 40)), min_size=0, max_size=4
)


def placed(prefix: str, places) -> list[Region]:
    return [ball(f"{prefix}{n}", x, d, y=y, z=z) for n, (x, y, z, d) in enumerate(places)]


@settings(max_examples=40, deadline=None)
@given(LESIONS, LESIONS, st.randoms(use_true_random=False))
def test_every_lesion_has_one_outcome_whatever_the_order_and_time_can_be_turned(one, other, random) -> None:
    earlier, later = placed("a", one), placed("x", other)
    found = lesion_matches(earlier, later)
    assert sorted(n for m in found for n in m.earlier) == sorted(r.name for r in earlier)
    assert sorted(n for m in found for n in m.later) == sorted(r.name for r in later)
    shuffled = list(earlier), list(later)
    for side in shuffled:
        random.shuffle(side)
    assert lesion_matches(*shuffled) == found
    back = {(MIRROR[m.outcome], m.later, m.earlier) for m in lesion_matches(later, earlier)}
    assert back == {(m.outcome, m.earlier, m.later) for m in found}


@settings(max_examples=25, deadline=None)
@given(LESIONS)
def test_a_scan_against_itself_changes_nobody_that_overlaps_nobody(places) -> None:
    lesions = placed("a", places)
    apart = all(
        np.linalg.norm(np.subtract(a[:3], b[:3])) > (a[3] + b[3]) / 2 + 8
        for i, a in enumerate(places)
        for b in places[:i]
    )
    assume(apart)
    found = lesion_matches(lesions, [replace(r, name=r.name.replace("a", "x")) for r in lesions])
    assert [(m.outcome, m.later[0]) for m in found] == [(Outcome.SAME, m.earlier[0].replace("a", "x")) for m in found]


def test_identities_last_over_scans_and_end_where_they_become_two() -> None:
    scans = [
        [ball("t1", 40), ball("t2", 110, 48)],
        [ball("t1", 42), ball("t2", 100, 18), ball("t3", 122, 18)],
        [ball("a", 41), ball("b", 100, 18), ball("c", 122, 18), ball("d", 40, 10, y=140)],
        [ball("b", 100, 18), ball("c", 122, 18)],
    ]
    tracks, steps = lesion_tracks(scans)
    by_identity = {t.identity: t for t in tracks}
    assert by_identity["L1"].names == ("t1", "t1", "a", None)
    assert by_identity["L1"].end == "gone at scan 4"
    assert by_identity["L2"].names == ("t2", None, None, None)
    assert by_identity["L2"].end == "split at scan 2"
    assert by_identity["L3"].names == (None, "t2", "b", "b")
    assert by_identity["L3"].origin == "split at scan 2 of L2"
    assert by_identity["L5"].origin == "new at scan 3"
    assert len(tracks) == 5
    assert [m.outcome for m in steps[0]] == [Outcome.SAME, Outcome.SPLIT]


def test_a_lesion_drawn_in_two_pieces_is_one_when_merged_first() -> None:
    pieces = merged_region("t2", [ball("p", 58, 18), ball("q", 82, 18)])
    assert outcomes([ball("t2", 70, 50)], [pieces]) == [(Outcome.SAME, ("t2",), ("t2",))]
