"""Criteria side by side in the run: PERCIST and EORTC on real images of a virtual participant, readers, refusals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from tests.cohorts import shared_cohort

from theratrial.imaging.catalogue import catalogue
from theratrial.pipeline import participant_response as room
from theratrial.pipeline.context import Context
from theratrial.pipeline.further_criteria import further_criteria
from theratrial.pipeline.manifest import folder_files, input_files
from theratrial.pipeline.matching import matched_images
from theratrial.pipeline.scans import PetScan, pet_scan
from theratrial.protocol.check import demonstration_clauses
from theratrial.protocol.plans.criteria import MetabolicPlan, VolumeThreshold
from theratrial.response import suv_mean
from theratrial.results.criteria import CriteriaResult
from theratrial.results.values import Note
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.records import Row, TrialFolder

WHO = "P01"
GONE = {"status": "resolved", "region_name": None}


class Trial:
    """One virtual participant, her PETs read once."""

    def __init__(self, path: Path) -> None:
        self.folder: TrialFolder = read_folder(path)
        self.images = matched_images(self.folder, catalogue(self.folder.image_files))[WHO]
        latest = max(row["read_at"] for row in self.folder.tables["lesion_readings"])
        hashes = {path / file.path: file.content_hash for file in input_files(path, folder_files(path))}
        self.context = Context(hashes, latest + timedelta(days=90), demonstration_clauses(self.folder.protocol))
        self.scans: dict[str, PetScan] = {}
        given = [row for row in self.folder.rows("administrations", participant_id=WHO) if row["session"]]
        self.sessions = [SimpleNamespace(session=row["session"], injected_at=row["injected_at"]) for row in given]

    def scan(self, folder: TrialFolder, image: Any, **how: Any) -> PetScan:
        if image.plan.id not in self.scans:
            self.scans[image.plan.id] = pet_scan(folder, image, **how)
        return self.scans[image.plan.id]

    def found(
        self,
        lines: Iterable[Row] | None = None,
        *adjudications: Row,
        plan: dict[str, Any] | None = None,
        person: dict[str, Any] | None = None,
        treated: bool = True,
        sessions: int | None = None,
    ) -> dict[str, CriteriaResult]:
        tables = dict(self.folder.tables) | {"adjudications": adjudications}
        if lines is not None:
            tables["lesion_readings"] = tuple(lines)
        if person is not None:
            tables["participants"] = tuple(changed(row, person) for row in tables["participants"])
        protocol = self.folder.protocol
        if plan is not None:
            clause = protocol.further_criteria
            assert clause is not None
            assert clause.reading is not None
            pet = {
                name: getattr(clause.reading, name).model_copy(update=plan) for name in ("percist_1_0", "eortc_1999")
            }
            reading = clause.reading.model_copy(update=pet)
            protocol = protocol.model_copy(update={"further_criteria": clause.model_copy(update={"reading": reading})})
        folder = replace(self.folder, tables=tables, protocol=protocol)
        result: Any = SimpleNamespace(
            participant_id=WHO, treated=treated, response=None, sessions=self.sessions[:sessions]
        )
        self.notes: list[Note] = []
        found = further_criteria(folder, self.images, result, self.context, self.notes)
        assert [one.criteria for one in found][:1] in ([], ["protocol"])
        return {one.criteria: one for one in found}

    def lines(self, timepoint: str = "", **changes: Any) -> list[Row]:
        rows = self.folder.rows("lesion_readings", participant_id=WHO)
        return [changed(row, changes) for row in rows if timepoint in ("", row["timepoint"])]


def changed(row: Row, changes: dict[str, Any]) -> Row:
    return Row(row.table, row.line, dict(row.values) | changes)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    return Trial(shared_cohort(tmp_path_factory, participants=1))


@pytest.fixture
def trial(made: Trial, monkeypatch: pytest.MonkeyPatch) -> Trial:
    monkeypatch.setattr(room, "pet_scan", made.scan)
    return made


def test_all_criteria_stand_side_by_side_with_their_arithmetic_and_nothing_for_who_was_not_treated(
    trial: Trial,
) -> None:
    found = trial.found()
    assert list(found) == ["protocol", "percist_1_0", "eortc_1999", "recist_1_1"]
    percist, eortc = found["percist_1_0"], found["eortc_1999"]
    assert (percist.category, percist.controlled, eortc.category) == ("PMR", True, "PMR")
    assert percist.exploratory
    assert "no response criteria are validated for" in percist.exploratory_because
    assert not found["recist_1_1"].exploratory
    before, after = percist.assessments
    assert before.measured is not None
    assert after.measured is not None
    assert after.change_percent is not None
    change = (after.measured.value or 0) / (before.measured.value or 0) * 100 - 100
    assert after.change_percent.value == pytest.approx(change)
    assert f"{change:+.1f} %" in percist.because
    assert trial.found(treated=False) == {}


def test_uptake_by_lean_body_mass_is_that_by_weight_times_the_ratio_of_the_masses(trial: Trial) -> None:
    """Janmahasatian's formula, written here again for a woman: 9270 W / (8780 + 244 W / H**2)."""
    percist = trial.found()["percist_1_0"]
    person = trial.folder.rows("participants", participant_id=WHO)[0]
    scan = trial.scans["pet_baseline"]
    weight = scan.suv.certificate.weight_kg
    assert weight is not None
    ratio = 9270 / (8780 + 244 * weight / (person["height_cm"] / 100) ** 2)
    lesion = next(one for one in percist.lesions if (one.lesion_id, one.timepoint) == ("lesion_1", "baseline"))
    region = scan.regions["lesion_1"]
    assert lesion.maximum.value == pytest.approx(ratio * float(region.inside(scan.suv.suv_g_per_mL).max()))
    assert lesion.total_g.value == pytest.approx(
        ratio * region.weighted_sum(scan.suv.suv_g_per_mL) * region.grid.voxel_volume_mL
    )
    assert lesion.peak.trace.inputs["height"] == person.source
    liver = next(one for one in percist.references if (one.region, one.timepoint) == ("liver", "baseline"))
    assert liver.mean.value is not None
    assert "in region liver, 14.1 mL around" in liver.note


@pytest.mark.parametrize(
    "rule",
    [
        VolumeThreshold(),
        VolumeThreshold(kind="fixed", value=2.5),
        VolumeThreshold(kind="times_liver", value=1.1),
        VolumeThreshold(kind="fixed", value=1e6),
    ],
)
def test_metabolic_volume_and_total_uptake_are_those_of_the_voxels_from_the_threshold_on(
    trial: Trial, rule: VolumeThreshold
) -> None:
    """Against the voxels of the whole image counted here one by one; the lean body mass cancels out of none of them."""
    for name in ("percist_1_0", "eortc_1999"):
        found = trial.found(plan={"volume_threshold": rule})[name]
        liver = {
            one.timepoint: one.mean.value for one in trial.found()["percist_1_0"].references if one.region == "liver"
        }
        assert found.lesions
        for lesion in found.lesions:
            scan = trial.scans[f"pet_{lesion.timepoint}"]
            region = scan.regions[lesion.lesion_id]
            factor = (lesion.mean.value or 0) / suv_mean(scan.suv.suv_g_per_mL, region)
            limit = {
                "percent_of_maximum": 0.41 * (lesion.maximum.value or 0),
                "fixed": rule.value,
                "times_liver": 1.1 * (liver[lesion.timepoint] or 0),
            }[rule.kind]
            whole = np.zeros(region.grid.shape)
            whole[region.box()] = region.weights
            uptake = scan.suv.suv_g_per_mL.astype(np.float64) * factor
            # A voxel at the very threshold may fall on either side of the rounding of the factor.
            counted, unsure = whole * (uptake >= limit), whole * (np.abs(uptake - limit) < 1e-9 * limit)
            assert unsure.sum() == 0
            assert lesion.above is not None
            assert lesion.above.threshold.value == pytest.approx(limit)
            volume = region.grid.voxel_volume_mL
            assert lesion.above.volume_mL.value == pytest.approx(counted.sum() * volume)
            assert lesion.above.total_g.value == pytest.approx((counted * uptake).sum() * volume)
            assert lesion.above.volume_mL.value <= (lesion.volume_mL.value or 0) * (1 + 1e-9)
            place = f"protocol:further_criteria.reading.{name}.volume_threshold"
            assert lesion.above.volume_mL.trace.inputs["threshold"] == place
            assert ("liver" in lesion.above.volume_mL.trace.inputs) == (rule.kind == "times_liver")
        (told,) = (one.value for one in found.options if one.name == "metabolic volume")
        assert f"{rule.value:g}" in told


def test_a_threshold_by_a_liver_that_was_not_measured_gives_no_volume_and_says_why(trial: Trial) -> None:
    rule = VolumeThreshold(kind="times_liver", value=1.5)
    found = trial.found(plan={"volume_threshold": rule, "liver_region": "no such region"})["eortc_1999"]
    assert found.category == "PMR"
    for lesion in found.lesions:
        assert lesion.above is not None
        assert lesion.above.volume_mL.value is None
        assert "needs its uptake" in lesion.above.volume_mL.note
    with pytest.raises(ValidationError, match="needs liver_region"):
        MetabolicPlan(imaging_baseline="a", imaging_response="b", lean_body_mass="james_128", volume_threshold=rule)
    with pytest.raises(ValidationError, match="at most 100"):
        VolumeThreshold(value=101)


@pytest.mark.parametrize(
    ("before", "after", "category"),
    [(20.0, 24.1, "PMD"), (20.0, 24.0, "PMR"), (20.0, 10.0, "PMR"), (None, 90.0, "PMR")],
)
def test_eortc_is_progression_where_the_longest_dimension_of_one_target_grew_by_more_than_20_percent(
    trial: Trial, before: float | None, after: float, category: str
) -> None:
    def lengths(timepoint: str, length: float | None) -> list[Row]:
        lines = trial.lines(timepoint)
        return [changed(row, {"longest_mm": length if row["lesion_id"] == "lesion_1" else 30.0}) for row in lines]

    found = trial.found([*lengths("baseline", before), *lengths("response", after)])
    eortc = found["eortc_1999"]
    assert eortc.category == category
    assert ("extent of uptake increased" in eortc.because) == (category == "PMD")
    told = [one for one in eortc.cautions if "extent" in one]
    assert told == (
        ["growth in extent is not assessed: no longest dimension at both scans of lesion_1"] if before is None else []
    )
    # PERCIST gives no number for a visible growth, so that the length decides nothing there.
    assert found["percist_1_0"].category == trial.found()["percist_1_0"].category


def test_without_a_longest_dimension_growth_in_extent_is_said_not_to_be_assessed(trial: Trial) -> None:
    eortc = trial.found()["eortc_1999"]
    (told,) = (one for one in eortc.cautions if "extent" in one)
    targets = sorted(row["lesion_id"] for row in trial.lines("baseline") if row["role"] == "target")
    assert told.startswith("growth in extent is not assessed: ")
    assert all(name in told for name in targets)
    # What is gone has not grown.
    lines = [changed(row, {"longest_mm": 20.0}) for row in trial.lines("baseline")]
    gone = [changed(row, {**GONE, "longest_mm": None}) for row in trial.lines("response")]
    eortc = trial.found([*lines, *gone])["eortc_1999"]
    assert (eortc.category, [one for one in eortc.cautions if "extent" in one]) == ("CMR", [])


def test_james_where_it_falls_with_weight_is_told(trial: Trial) -> None:
    found = trial.found(plan={"lean_body_mass": "james_128"}, person={"height_cm": 130.0})
    assert any("falls with weight above" in one for one in found["percist_1_0"].cautions)
    assert not any("falls with weight" in one for one in trial.found()["percist_1_0"].cautions)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"person": {"height_cm": None}}, "the height is not recorded"),
        ({"person": {"sex": "other"}}, "women (F) and men (M), got 'other'"),
        ({"plan": {"blood_pool_region": None}}, "the uptake of the blood pool is not measured on both scans"),
        ({"plan": {"blood_pool_region": "aorta"}}, "the uptake of the blood pool is not measured on both scans"),
        ({"plan": {"latest_uptake_min": 31.0}}, "baseline: uptake time"),
        ({"lines": []}, "nobody has read both images"),
    ],
)
def test_what_cannot_be_compared_is_not_assessable_and_says_why(trial: Trial, asked: dict[str, Any], said: str) -> None:
    found = trial.found(asked.pop("lines", None), **asked)["percist_1_0"]
    assert (found.category, found.controlled) == ("NE", None)
    assert found.because.startswith("not assessable: ")
    assert said in found.because


def test_a_lesion_read_in_the_liver_makes_the_blood_pool_the_reference(trial: Trial) -> None:
    told = {one.name: one.value for one in trial.found()["percist_1_0"].options}
    assert told["reference"].startswith("blood pool")
    elsewhere = [changed(row, {"site": "bone"}) for row in trial.lines()]
    told = {one.name: one.value for one in trial.found(elsewhere)["percist_1_0"].options}
    assert told["reference"].startswith("liver")


def test_eortc_asks_for_less_after_one_session(trial: Trial) -> None:
    told = {one.name: one.value for one in trial.found(sessions=1)["eortc_1999"].options}
    assert told["fall of partial response"] == "at least 15 %"
    told = {one.name: one.value for one in trial.found()["eortc_1999"].options}
    assert told["fall of partial response"] == "more than 25 %"


def test_new_lesions_are_progression_and_doubtful_ones_forbid_an_answer(trial: Trial) -> None:
    lines = trial.lines()
    new = changed(lines[-1], {"lesion_id": "lesion_9", "role": "new", "region_name": None})
    for name in ("percist_1_0", "eortc_1999"):
        assert trial.found([*lines, new])[name].category == "PMD"
        doubtful = trial.found([*lines, changed(new, {"status": "not_assessable"})])[name]
        assert (doubtful.category, "lesion_9 may be new" in doubtful.because) == ("NE", True)
        unnamed = trial.found([*lines, changed(new, {"role": "non_target"})])[name]
        assert unnamed.category == "NE"


def test_readers_who_differ_are_shown_and_only_an_adjudication_decides(trial: Trial) -> None:
    before, first = trial.lines("baseline"), trial.lines("response")
    later = max(row["read_at"] for row in first) + timedelta(days=2)
    second = [changed(row, {"reader": "NM-77", "read_at": later, **GONE}) for row in first]
    for lines in (before + first + second, second + first + before):
        found = trial.found(lines)["percist_1_0"]
        assert found.category == "NE"
        assert found.because == (
            "not assessable: the readers differ (NM-02 PMR, NM-77 CMR) and adjudication of the lesions is not recorded"
        )
        assert [(one.reader, one.category) for one in found.readers] == [("NM-02", "PMR"), ("NM-77", "CMR")]
        assert any(note.place == "PERCIST 1.0" for note in trial.notes)
    line = Row(
        "adjudications",
        2,
        {
            "participant_id": WHO,
            "adjudicated_at": later + timedelta(days=1),
            "adjudicator": "NM-09",
            "chosen_reader": "NM-02",
            "reason": "the CT shows it",
            "of_table": None,
        },
    )
    stands = trial.found(before + first + second, line)["percist_1_0"]
    assert (stands.category, stands.reader) == ("PMR", "NM-02")
    assert "adjudicated by NM-09 to NM-02: the CT shows it" in stands.because
    assert stands.trace.inputs["adjudication"] == "record:records/adjudications.csv#2"


def test_a_sphere_that_reaches_into_hotter_tissue_is_told(trial: Trial) -> None:
    """lesion_4 lies in the liver and is colder than it: its sphere of 1 mL is hotter than any voxel of its own."""
    found = trial.found()["percist_1_0"]
    beyond = [one for one in found.lesions if (one.peak.value or 0) > (one.maximum.value or 0) * 1.05]
    assert {one.lesion_id for one in beyond} >= {"lesion_4"}
    assert len([one for one in found.cautions if "reaches into hotter tissue" in one]) == len(beyond)


def test_a_lesion_without_uptake_at_baseline_is_told_under_percist_alone(trial: Trial) -> None:
    first, *others = trial.lines("baseline")
    unmeasured = changed(first, {"region_name": None})
    found = trial.found([unmeasured, *others, *trial.lines("response")])
    name = first["lesion_id"]
    told = f"{name} was not measured at baseline: whether it rose cannot be told"
    assert told in found["percist_1_0"].cautions
    assert told not in found["eortc_1999"].cautions
    assert not any("cannot be told" in one for one in trial.found()["percist_1_0"].cautions)


def test_a_protocol_without_the_clause_has_no_further_criteria(trial: Trial) -> None:
    folder = replace(trial.folder, protocol=trial.folder.protocol.model_copy(update={"further_criteria": None}))
    result: Any = SimpleNamespace(participant_id=WHO, treated=True, response=None, sessions=trial.sessions)
    assert further_criteria(folder, trial.images, result, trial.context, []) == ()


def test_eortc_goes_by_the_measure_of_the_body_that_its_clause_names(trial: Trial) -> None:
    by_mass, by_weight, by_surface = (
        trial.found(plan={"uptake_by": by})["eortc_1999"]
        for by in ("lean_body_mass", "body_weight", "body_surface_area")
    )
    assert [one.assessments[0].measured.unit for one in (by_mass, by_weight, by_surface)] == ["g/mL", "g/mL", "cm2/mL"]
    assert len({one.assessments[0].measured.value for one in (by_mass, by_weight, by_surface)}) == 3
    (said,) = (one for one in by_surface.options if one.name == "uptake")
    assert said.value == "SUVmax by body surface (Du Bois)"
    without_height = trial.found(plan={"uptake_by": "body_weight"}, person={"height_cm": None})
    assert without_height["eortc_1999"].category == by_weight.category
    assert without_height["percist_1_0"].category == "NE"
