"""Whole trial folders of virtual patients, run as a clinic would run them, against what is true of the patients.

The truth is that of the simulation: exact integrals of the drawn curves, electrons absorbed in the region. The run sees
DICOM files and records alone.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cohort_rows import Row, cohort_rows
from cohort_sums import LESION_SIZES, of_size, picked, sum_of

from theratrial.pipeline.trial import trial_run
from theratrial.protocol.reader import shipped_protocol
from theratrial.results.plain import plain
from theratrial.simulation.cohort import SEED_PROTOCOL, simulate

pytestmark = pytest.mark.long

SOURCE = "truth.json of a simulated cohort (6 participants, coarse images, seed 1)"
ORGANS = ("liver", "kidneys", "spleen", "lungs", "heart", "red_marrow")
HEART = (
    "the heart is drawn with its blood; recovery takes its activity as spread evenly, but the blood in the middle "
    "holds more than the wall, so that less is lost over the outline than is given back"
)
AFTER_LAST_SCAN = (
    "the activities at both scans are right; three quarters of the time-integrated activity come after the last scan, "
    "where the published kinetics and those of the virtual patients differ"
)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    folder: Path = tmp_path_factory.mktemp("validation") / "trial"
    simulate(folder, participants=6, seed=1, small=True)
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    return cohort_rows(plain(trial_run(folder).result), truth, shipped_protocol(SEED_PROTOCOL))


@pytest.mark.parametrize("organ", ORGANS)
def test_the_activity_of_an_organ_at_a_spect_is_that_of_the_patient(rows, organ, validation) -> None:
    found = sum_of(picked(rows, "spect_activity", region=organ))
    assert found.values >= 20
    validation(
        f"SPECT, activity of the {organ.replace('_', ' ')} over the true one, median",
        expected=1.0,
        got=1 + found.median_percent / 100,
        unit="1",
        source=SOURCE,
        relative=0.10 if organ == "heart" else 0.03,
        not_matched_because=HEART if organ == "heart" else "",
    )


def test_the_median_error_of_organ_doses_by_spect_is_below_five_percent(rows, validation) -> None:
    organs = [row for row in picked(rows, "spect", kind="organ") if row.volume_mL > 100]
    found = sum_of(organs)
    assert found.rows == found.values >= 60
    validation(
        "SPECT, electron dose of organs above 100 mL, median of the error's size",
        expected=0.0,
        got=found.median_absolute_percent,
        unit="%",
        source=SOURCE,
        absolute=5.0,
    )


@pytest.mark.parametrize("organ", ORGANS)
def test_the_electron_dose_of_an_organ_is_near_the_true_one(rows, organ, validation) -> None:
    found = sum_of(picked(rows, "spect", region=organ))
    because = {"heart": HEART, "liver": AFTER_LAST_SCAN, "kidneys": AFTER_LAST_SCAN, "spleen": AFTER_LAST_SCAN}
    validation(
        f"SPECT, electron dose of the {organ.replace('_', ' ')} over the true one, median",
        expected=1.0,
        got=1 + found.median_percent / 100,
        unit="1",
        source=SOURCE,
        relative=0.11 if organ in because else 0.05,
        not_matched_because=because.get(organ, ""),
    )


def test_stated_intervals_of_organ_doses_hold_the_truth(rows, validation) -> None:
    organs = picked(rows, "spect", kind="organ")
    found = sum_of(organs)
    assert found.intervals == len(organs)
    assert found.width < 2.2  # an interval that holds everything says nothing
    validation(
        "SPECT, organ doses inside their 95 % interval",
        expected=0.95,
        got=found.holds_fraction,
        unit="fraction",
        source=SOURCE,
        absolute=0.06,
    )


@pytest.mark.parametrize(("title", "low_mL", "high_mL"), LESION_SIZES[:2])
def test_lesions_by_size_are_inside_their_interval_and_near_the_truth(rows, title, low_mL, high_mL, validation) -> None:
    found = sum_of(of_size(picked(rows, "spect"), low_mL, high_mL))
    assert found.intervals >= 10
    validation(
        f"SPECT, {title}, electron dose over the true one, median",
        expected=1.0,
        got=1 + found.median_percent / 100,
        unit="1",
        source=SOURCE,
        relative=0.15,
    )
    validation(
        f"SPECT, {title}, doses inside their 95 % interval",
        expected=0.95,
        got=found.holds_fraction,
        unit="fraction",
        source=SOURCE,
        absolute=0.10,
    )


def test_lesions_that_rise_between_the_scans_are_inside_their_interval(rows, validation) -> None:
    rising = [row for row in picked(rows, "spect", kind="lesion") if row.determinacy == "rising"]
    assert len(rising) >= 20
    assert all(row.got is not None and row.upper is not None for row in rising)
    validation(
        "SPECT, lesions whose points rise, doses inside their 95 % interval",
        expected=0.95,
        got=sum_of(rising).holds_fraction,
        unit="fraction",
        source=SOURCE,
        absolute=0.08,
    )


def test_the_points_alone_give_most_lesions_no_dose_and_slow_organs_a_wider_interval(rows) -> None:
    alone, weighed = picked(rows, "alternative points_alone"), picked(rows, "tia")
    lesions = sum_of([row for row in alone if row.kind == "lesion"])
    assert lesions.values < 0.5 * lesions.rows
    by_prior = sum_of([row for row in weighed if row.kind == "lesion"])
    # A lesion below the smallest sphere, or drowned in its neighbours' spill, has no activity to weigh.
    assert by_prior.values >= 0.95 * by_prior.rows
    for organ in ("liver", "kidneys", "spleen"):
        by_points = sum_of([row for row in alone if row.region == organ])
        assert sum_of([row for row in weighed if row.region == organ]).width < 0.7 * by_points.width


@pytest.mark.parametrize("route", ["planar", "hybrid"])
@pytest.mark.parametrize("what", ["activity", "time-integrated activity"])
def test_planar_and_hybrid_organs_are_inside_their_stated_interval(rows, route, what, validation) -> None:
    found = sum_of(picked(rows, f"{route}_activity" if what == "activity" else route, kind="organ"))
    assert found.intervals >= 40
    validation(
        f"{route}, {what} of organs inside its 95 % interval",
        expected=0.95,
        got=found.holds_fraction,
        unit="fraction",
        source=SOURCE,
        absolute=0.06,
    )


@pytest.mark.parametrize("organ", ["liver", "kidneys", "lungs", "heart"])
def test_the_planar_activity_of_a_large_organ_is_near_the_true_one(rows, organ, validation) -> None:
    found = sum_of(picked(rows, "planar_activity", region=organ))
    validation(
        f"planar, activity of the {organ} over the true one, median",
        expected=1.0,
        got=1 + found.median_percent / 100,
        unit="1",
        source=SOURCE,
        relative=0.10,
    )


def test_no_lesion_gets_an_activity_from_planar_views(rows) -> None:
    lesions = [row for row in rows if row.kind == "lesion" and row.route.startswith(("planar", "hybrid"))]
    assert len(lesions) > 20
    assert all(row.got is None for row in lesions)
