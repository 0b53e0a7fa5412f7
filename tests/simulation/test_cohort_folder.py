"""The folder as others read it: records, files, equal bytes for equal seeds, and what is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from theratrial.errors import InputError
from theratrial.imaging.catalogue import catalogue
from theratrial.simulation.cohort import simulate, simulated
from theratrial.trialfolder.reader import read_folder
from theratrial.trialfolder.tables import TABLES

_NOT_IN_EVERY_TRIAL = {"withdrawals", "adjudications", "image_assignments", "pregnancies", "later_therapy"}
"""What happened to nobody here: no consent withdrawn, no readers in disagreement, no image assigned by hand, nobody
pregnant, no treatment after progression."""


def _digests(folder: Path) -> dict[str, str]:
    files = [f for f in folder.rglob("*") if f.is_file()]
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def test_the_folder_reads_without_a_problem_and_no_table_is_missing(cohort: Path) -> None:
    folder = read_folder(cohort)
    assert folder.participant_ids == ("P01", "S01", "P02")
    for table in TABLES:
        header = (cohort / "records" / f"{table.name}.csv").read_text(encoding="utf-8").splitlines()[0]
        assert header == ",".join(column.name for column in table.columns)
        assert bool(folder.tables[table.name]) != (table.name in _NOT_IN_EVERY_TRIAL), table.name


def test_the_images_are_catalogued_without_a_problem(cohort: Path, truth: dict[str, Any]) -> None:
    found = catalogue(cohort / "images")
    assert found.problems == ()
    sessions = len(truth["P01"]["sessions"])
    kinds = [s.image_kind or s.modality for s in found.of_patient("P01") if s.modality == "NM"]
    assert kinds.count("RECON TOMO") == kinds.count("WHOLE BODY") == 2 * sessions
    assert [s.modality for s in found.of_patient("S01")].count("PT") == 1
    assert all(s.time_zone_stated for s in found.series if s.modality != "RTSTRUCT")


def test_units_of_laboratories_are_mixed_as_they_are_in_life(cohort: Path) -> None:
    units = {row.original.get("unit") or row["unit"] for row in read_folder(cohort).tables["laboratory"]}
    assert len(units) >= 2


def test_equal_seeds_give_equal_bytes_whatever_the_number_of_processes(cohort: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    simulate(again, participants=2, seed=1, small=True, workers=2)
    assert _digests(again) == _digests(cohort)


def test_another_seed_gives_another_cohort_and_one_participant_does_not_depend_on_the_others(
    cohort: Path, tmp_path: Path
) -> None:
    simulate(tmp_path / "one", participants=1, seed=1, small=True)
    simulate(tmp_path / "other", participants=1, seed=2, small=True)
    first = _digests(cohort / "images" / "P01")
    assert _digests(tmp_path / "one" / "images" / "P01") == first
    assert not set(_digests(tmp_path / "other" / "images" / "P01").values()) & set(first.values())


def test_small_participant_stays_below_ten_megabytes(cohort: Path) -> None:
    assert sum(f.stat().st_size for f in (cohort / "images" / "P01").rglob("*") if f.is_file()) < 10e6


def test_a_folder_with_something_else_in_it_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(InputError, match="no simulation"):
        simulate(tmp_path, participants=1, small=True)
    assert [f.name for f in tmp_path.iterdir()] == ["precious.txt"]


def test_a_simulation_says_that_it_is_one_and_may_be_replaced(cohort: Path) -> None:
    assert read_folder(cohort).simulated
    assert simulated(cohort)


@pytest.mark.parametrize("folder_file", [None, "simulated: false\n", 'schema_version: "1.0"\n', "simulated: [\n"])
def test_a_truth_left_beside_records_of_patients_does_not_make_them_replaceable(
    tmp_path: Path, cohort: Path, folder_file: str | None
) -> None:
    (tmp_path / "truth.json").write_bytes((cohort / "truth.json").read_bytes())
    if folder_file is not None:
        (tmp_path / "folder.yaml").write_text(folder_file)
    with pytest.raises(InputError, match="no simulation"):
        simulate(tmp_path, participants=1, small=True)


def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("theratrial.simulation.cohort.write_images", broken)
    with pytest.raises(OSError, match="disk full"):
        simulate(tmp_path / "trial", participants=1, small=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"participants": 0}, "1 to 500"), ({"seed": -1}, "negative"), ({"workers": 0}, "at least 1")],
)
def test_impossible_numbers_are_refused(tmp_path: Path, wrong: dict[str, int], says: str) -> None:
    with pytest.raises(InputError, match=says):
        simulate(tmp_path / "trial", **wrong)


def test_a_protocol_whose_organ_the_phantom_lacks_is_refused_by_name(tmp_path: Path, cohort: Path) -> None:
    text = (cohort / "protocol.yaml").read_text(encoding="utf-8")
    changed = tmp_path / "protocol.yaml"
    changed.write_text(text.replace("region_names: [spleen]", "region_names: [pancreas]"), encoding="utf-8")
    with pytest.raises(InputError, match="pancreas"):
        simulate(tmp_path / "trial", protocol=changed, participants=1, small=True)


def test_truth_names_seed_and_scans_missed(cohort: Path, truth: dict[str, Any]) -> None:
    whole = json.loads((cohort / "truth.json").read_text(encoding="utf-8"))
    assert (whole["seed"], whole["small"]) == (1, True)
    assert truth["P02"]["gates"][0]["next_allowed"] is False
    assert truth["S01"]["screen_failure"] == "her2_negative_pet"
    for session in truth["P01"]["sessions"]:
        for region in session["regions"].values():
            coefficient = region["time_integrated_activity_coefficient_h"]
            assert region["time_integrated_activity_MBq_h"] == pytest.approx(
                coefficient * session["administered_MBq"], rel=1e-5
            )


def test_dose_rates_and_lengths_of_the_records_are_those_of_the_truth(cohort: Path, truth: dict[str, Any]) -> None:
    folder = read_folder(cohort)
    told = truth["P01"]["dose_rate"]
    administered = {one["session"]: one["administered_MBq"] for one in truth["P01"]["sessions"]}
    given = {row["session"]: row["injected_at"] for row in folder.rows("administrations", participant_id="P01")}
    for row in folder.rows("dose_rates", participant_id="P01"):
        hours = (row["measured_at"] - given[row["session"]]).total_seconds() / 3600
        # ICRP 107: 177Lu 6.647 d; the body loses the rest with its own half-life.
        left = 2 ** (-hours / told["body_half_life_h"] - hours / (6.647 * 24))
        expected = told["at_1_m_uSv_per_h_per_MBq"] * administered[row["session"]] * left / row["distance_m"] ** 2
        assert abs((row["dose_rate_uSv_per_h"] - row["background_uSv_per_h"]) / expected - 1) < 0.2  # 4 % noise
    baseline = folder.rows("tumour_measurements", participant_id="P02")
    first = min(row["measured_on"] for row in baseline)
    for row in baseline:
        if row["measured_on"] == first and row["length_mm"] is not None:
            assert abs(row["length_mm"] / truth["P02"]["lengths_mm"][row["lesion_id"]]["baseline"] - 1) < 0.1
