"""The conjugate view where it is exact: slabs and sources in water, background, overlap, and refusals."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planar_slab import (
    BODY_MM,
    MU,
    NO_SCATTER,
    PLACEMENT,
    STEP,
    camera,
    counts,
    organ,
    pair_of,
    water_body,
)

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import EnergyWindow, PlanarPair
from theratrial.quantification.attenuation import StatedAttenuation
from theratrial.quantification.attenuation_projection import ProjectedBody, projected_body
from theratrial.quantification.camera_dead_time import DeadTime
from theratrial.quantification.conjugate_view import conjugate_view_activity_MBq, geometric_mean
from theratrial.quantification.conjugate_view_activity import PlanarResult, planar_activities
from theratrial.quantification.conjugate_view_bias import published_planar_bias
from theratrial.quantification.conjugate_view_overlap import OverlapPlan
from theratrial.quantification.planar_background import BackgroundPlan
from theratrial.quantification.planar_regions import rectangle, stated_body
from theratrial.quantification.scatter import TRIPLE_WINDOW

ORGAN = organ("organ", (25, 37), (15, 27), (24, 36))
RINGS = BackgroundPlan(gap_mm=0.0, width_mm=12.0, least_cm2=5.0)


def _narrow(body: ProjectedBody) -> ProjectedBody:
    """The slab holds no scatter, so its narrow-beam coefficient is the effective one too."""
    return replace(body, beam="effective")


def _measured(concentration: float, rest: float, scale: float = 1.0) -> PlanarResult:
    front, back = counts({"organ": concentration}, {"organ": ORGAN}, rest)
    body = _narrow(projected_body(water_body(), [ORGAN], PLACEMENT, None))
    return planar_activities(
        pair_of(front * np.float32(scale), back * np.float32(scale)), body, camera(), background=RINGS
    )


@settings(deadline=None)
@given(st.floats(5.0, 195.0), st.floats(0.1, 1e3))
def test_a_point_source_at_any_depth_in_water_is_exact(depth_mm: float, activity_MBq: float) -> None:
    rates = [6.0 * activity_MBq * math.exp(-MU * d) for d in (depth_mm, 200.0 - depth_mm)]
    found = conjugate_view_activity_MBq(rates[0], rates[1], body_path=MU * 200.0, self_attenuation=1.0, cps_per_MBq=6.0)
    assert found == pytest.approx(activity_MBq, rel=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.floats(0.02, 1.0), st.floats(0.0, 0.015))
def test_an_organ_slab_in_a_warm_body_is_found_whatever_its_background(concentration: float, rest: float) -> None:
    found = _measured(concentration, rest).activity("organ")
    assert found is not None
    assert found.activity_MBq == pytest.approx(concentration * ORGAN.volume_mL, rel=2e-3)
    assert found.volume_mL == pytest.approx(ORGAN.volume_mL, rel=1e-6)


def test_activity_is_linear_in_counts() -> None:
    one, three = (_measured(0.1, 0.01, scale).activity("organ") for scale in (1.0, 3.0))
    assert one is not None
    assert three is not None
    assert three.activity_MBq == pytest.approx(3 * one.activity_MBq, rel=1e-4)


def test_a_region_no_hotter_than_its_surroundings_still_holds_its_own_activity() -> None:
    # Background is what the rest of the body holds, not all that is seen: thickness fraction, after Buijs.
    found = _measured(0.02, 0.02).activity("organ")
    assert found is not None
    assert found.activity_MBq == pytest.approx(0.02 * ORGAN.volume_mL, rel=3e-3)


def test_a_region_colder_than_its_background_is_undetermined_and_named() -> None:
    front, back = counts({"organ": 0.0}, {"organ": ORGAN}, 0.02)
    rng = np.random.default_rng(3)
    low = [np.asarray(rng.poisson(v * 0.98), dtype=np.float32) for v in (front, back)]
    cold = organ("organ", (25, 37), (27, 29), (24, 36))
    body = _narrow(projected_body(water_body(), [cold], PLACEMENT, None))
    low[0][23:35, 24:36] *= np.float32(0.8)
    result = planar_activities(pair_of(low[0], low[1]), body, camera(), background=RINGS)
    assert result.activities == ()
    ((name, reason),) = result.undetermined
    assert name == "organ"
    assert "not zero" in reason


def test_without_counts_there_is_no_activity() -> None:
    with pytest.raises(NumericalError, match=r"'liver'.*undetermined, not zero"):
        conjugate_view_activity_MBq(3.0, -1.0, body_path=1.0, self_attenuation=1.0, cps_per_MBq=6.0, region="liver")


def test_overlapping_organs_are_shared_out_consistently() -> None:
    boxes = {
        "front": organ("front", (20, 40), (8, 20), (18, 34)),
        "back": organ("back", (24, 46), (36, 50), (26, 44)),
    }
    truth = {"front": 0.2, "back": 0.05}
    front, back = counts(truth, boxes, 0.005)
    body = _narrow(projected_body(water_body(), list(boxes.values()), PLACEMENT, None))
    found = planar_activities(pair_of(front, back), body, camera(), background=RINGS)
    for name, box in boxes.items():
        measured = found.activity(name)
        assert measured is not None
        assert measured.activity_MBq == pytest.approx(truth[name] * box.volume_mL, rel=0.01)


def test_sharing_by_thickness_alone_is_wrong_by_no_more_than_it_says_and_right_with_known_ratios() -> None:
    boxes = {
        "front": organ("front", (20, 40), (8, 20), (18, 34)),
        "back": organ("back", (24, 46), (36, 50), (26, 44)),
    }
    truth = {"front": 0.2, "back": 0.05}
    front, back = counts(truth, boxes, 0.005)
    body = _narrow(projected_body(water_body(), list(boxes.values()), PLACEMENT, None))

    def errors(plan: OverlapPlan) -> dict[str, tuple[float, float]]:
        result = planar_activities(pair_of(front, back), body, camera(), background=RINGS, overlap=plan)
        return {
            a.region: (
                a.activity_MBq / (truth[a.region] * boxes[a.region].volume_mL) - 1,
                math.hypot(a.uncorrelated_relative_sd, a.common_relative_sd),
            )
            for a in result.activities
        }

    plain = errors(OverlapPlan("thickness", largest_relative_sd=2.0))
    assert abs(plain["back"][0]) > 0.1
    assert all(abs(error) < 1.96 * sd for error, sd in plain.values())
    given_ratio = errors(OverlapPlan("expected", expected={"front": 4.0, "back": 1.0}))
    assert all(abs(error) < 0.02 for error, _ in given_ratio.values())
    with pytest.raises(InputError, match="back"):
        errors(OverlapPlan("expected", expected={"front": 4.0}))


def test_the_stated_counting_deviation_is_that_of_repeated_scans() -> None:
    front, back = counts({"organ": 0.02}, {"organ": ORGAN}, 0.001)
    body = _narrow(projected_body(water_body(), [ORGAN], PLACEMENT, None))
    rng = np.random.default_rng(11)
    values, stated = [], []
    for _ in range(60):
        noisy = [rng.poisson(v).astype(np.float32) for v in (front, back)]
        found = planar_activities(pair_of(noisy[0], noisy[1]), body, camera(), background=RINGS).activity("organ")
        assert found is not None
        values.append(found.activity_MBq)
        stated.append(math.hypot(*(p.relative_sd for p in found.parts if p.name in ("counts", "background"))))
    spread = float(np.std(values, ddof=1) / np.mean(values))
    # The deviation of 60 draws is itself known to 9 %.
    assert 0.75 * float(np.mean(stated)) < spread < 1.25 * float(np.mean(stated))
    assert float(np.mean(values)) == pytest.approx(0.02 * ORGAN.volume_mL, rel=4 * spread / math.sqrt(60))


def test_every_contribution_is_there_with_its_reason() -> None:
    found = _measured(0.1, 0.01).activity("organ")
    assert found is not None
    names = {part.name for part in found.parts}
    assert names == {"counts", "background", "overlap", "scatter", "attenuation", "calibration"}
    assert all(part.why for part in found.parts)
    assert any("dead time" in text for text in found.not_in_interval)
    assert found.trace.inputs["planar"] == "sha256:made"
    attenuation = next(p for p in found.parts if p.name == "attenuation")
    assert attenuation.relative_sd == pytest.approx(MU * BODY_MM / 2 * 0.03, rel=1e-3)


def test_dead_time_is_undone_and_a_rate_beyond_its_range_refused() -> None:
    front, back = counts({"organ": 0.1}, {"organ": ORGAN}, 0.01)
    dead = DeadTime(5e-6, 0.2, 60_000.0, "all windows", "given:made")
    seen = []
    for view in (front, back):
        rate = float(view.sum()) / 100.0
        seen.append(view * np.float32(math.exp(-rate * dead.tau_s)))
    body = _narrow(projected_body(water_body(), [ORGAN], PLACEMENT, None))
    with_dead = replace(camera(), dead_time=dead)
    found = planar_activities(pair_of(seen[0], seen[1]), body, with_dead, background=RINGS).activity("organ")
    plain = planar_activities(pair_of(front, back), body, camera(), background=RINGS).activity("organ")
    assert found is not None
    assert plain is not None
    assert found.activity_MBq == pytest.approx(plain.activity_MBq, rel=1e-4)
    assert {p.name for p in found.parts} - {p.name for p in plain.parts} == {"dead_time"}
    hot = np.float32(7e6 / float(front.sum()))
    with pytest.raises(InputError, match="later scan"):
        planar_activities(pair_of(front * hot, back * hot), body, with_dead, background=RINGS)
    spectrum = replace(camera(), dead_time=replace(dead, rate_of="total spectrum"))
    with pytest.raises(InputError, match="total spectrum"):
        planar_activities(pair_of(front, back), body, spectrum, background=RINGS)


def test_views_times_nuclides_and_records_that_do_not_fit_are_refused() -> None:
    front, back = counts({"organ": 0.1}, {"organ": ORGAN}, 0.01)
    body = _narrow(projected_body(water_body(), [ORGAN], PLACEMENT, None))
    good = pair_of(front, back)

    def refused(pair: PlanarPair, message: str) -> None:
        with pytest.raises(InputError, match=message):
            planar_activities(pair, body, camera(), background=RINGS)

    refused(pair_of(front, None), "both views")
    refused(replace(good, acquired_at=None), "no time")
    refused(replace(good, nuclide=None), "no nuclide")
    refused(replace(good, nuclide="I-131"), "sensitivity of Lu-177")
    old = replace(
        camera(), sensitivity=replace(camera().sensitivity, valid_from=good.acquired_at.date().replace(year=2030))
    )  # type: ignore[union-attr]
    with pytest.raises(InputError, match="holds from 2030"):
        planar_activities(good, body, old, background=RINGS)
    with pytest.raises(InputError, match="overstates"):
        planar_activities(good, replace(body, beam="narrow"), camera(), background=RINGS)


def test_unconfirmed_views_are_told() -> None:
    front, back = counts({"organ": 0.1}, {"organ": ORGAN}, 0.01)
    body = _narrow(projected_body(water_body(), [ORGAN], PLACEMENT, None))
    found = planar_activities(pair_of(front, back, confirmed=False), body, camera(), background=RINGS)
    assert "not confirmed" in found.activities[0].warnings[0]


def test_over_subtracted_scatter_is_undetermined() -> None:
    front, back = counts({"organ": 0.1}, {"organ": ORGAN}, 0.01)
    windows = (
        EnergyWindow("peak", 187.2, 228.8),
        EnergyWindow("low", 166.4, 187.2),
        EnergyWindow("high", 228.8, 249.6),
    )
    stack = [np.stack([v, v * np.float32(1.2), v * np.float32(1.2)]) for v in (front, back)]
    pair = replace(pair_of(front, back), anterior=stack[0], posterior=stack[1], windows=windows)
    body = projected_body(water_body(), [ORGAN], PLACEMENT, None)
    result = planar_activities(pair, body, camera(TRIPLE_WINDOW), background=RINGS)
    assert "scatter took off more" in result.undetermined[0][1]


@pytest.mark.parametrize(("middle", "allowed"), [(True, 1e-3), (False, 0.06)])
def test_hand_drawn_rectangles_in_a_stated_body_give_the_slab(middle: bool, allowed: float) -> None:
    # A slab in the middle is what the method assumes; elsewhere the background in front and behind differs from it.
    box = organ("organ", (25, 37), (24, 36) if middle else (15, 27), (24, 36))
    front, back = counts({"organ": 0.1}, {"organ": box}, 0.01)
    z, y, x = box.box()
    drawn = rectangle(
        "organ",
        top_mm=(60 - z.stop) * STEP,
        left_mm=x.start * STEP,
        height_mm=(z.stop - z.start) * STEP,
        width_mm=(x.stop - x.start) * STEP,
        thickness_mm=(y.stop - y.start) * STEP,
    )
    side = rectangle("organ", top_mm=92, left_mm=40, height_mm=40, width_mm=40)
    stated = StatedAttenuation(BODY_MM, MU, "effective", 10.0, 0.05, "given:caliper")
    pair = pair_of(front, back)
    body = stated_body(pair, [drawn], stated)
    plan = BackgroundPlan(gap_mm=0.0, drawn=(side,))
    found = planar_activities(pair, body, camera(NO_SCATTER), background=plan).activity("organ")
    assert found is not None
    assert found.activity_MBq == pytest.approx(0.1 * box.volume_mL, rel=allowed)
    attenuation = next(p for p in found.parts if p.name == "attenuation")
    assert attenuation.relative_sd == pytest.approx(stated.relative_sd, rel=1e-6)
    outside = replace(drawn, name="organ 2", points_mm=tuple((a + 200, b) for a, b in drawn.points_mm))
    with pytest.raises(InputError, match="planar view"):
        stated_body(pair, [outside], stated)


def test_a_geometric_mean_of_pictures_is_zero_where_a_view_is_not_above_zero() -> None:
    found = geometric_mean(np.array([4.0, -1.0], dtype=np.float32), np.array([9.0, 5.0], dtype=np.float32))
    assert found.tolist() == [6.0, 0.0]


def test_the_published_bias_of_planar_lungs_is_shown_and_never_an_empty_cell_as_zero() -> None:
    lungs, organs = published_planar_bias("Lung_Right")
    assert lungs.ratio == pytest.approx(0.75 / 0.32, abs=1e-3)
    assert (organs.planar_mGy_per_MBq, organs.ratio) == (None, 0.4)
