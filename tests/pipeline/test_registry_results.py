"""What registries are told of a virtual cohort, against a count of our own over the lines of its tables."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date
from importlib import resources
from pathlib import Path

import pytest

from theratrial.errors import InputError, Problems
from theratrial.pipeline.cohort import counted, endpoint_outcome, flow
from theratrial.pipeline.registry_adverse import episodes
from theratrial.pipeline.registry_files import REGISTRY_RESULTS, read_reported, reported_text
from theratrial.pipeline.registry_outcomes import by_estimand
from theratrial.pipeline.registry_results import reported_results
from theratrial.pipeline.trial import TrialRun, trial_run
from theratrial.protocol.reader import shipped_protocol
from theratrial.registry.reader import shipped_registration_bytes
from theratrial.registry.results_sums import sum_faults
from theratrial.results.plain import results_text
from theratrial.results.values import Category, ParticipantResult, ResponseOutcome
from theratrial.simulation.cohort import cohort_records
from theratrial.trace import Trace, file_hash
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.records import Row, TrialFolder
from theratrial.trialfolder.tables import TABLES, table

TRIAL = "IRCT20210612051548N3"


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """15 treated and 4 screen failures, without images; one serious event and one in other letters are added."""
    folder = tmp_path_factory.mktemp("registry") / "trial"
    (folder / "records").mkdir(parents=True)
    shipped = resources.files("theratrial.protocol") / "data" / f"{TRIAL}.yaml"
    (folder / "protocol.yaml").write_bytes(shipped.read_bytes())
    (folder / "registration.yaml").write_bytes(shipped_registration_bytes(TRIAL))
    (folder / "folder.yaml").write_text('schema_version: "1.1"\nsimulated: true\nlocked: true\n')
    records = cohort_records(shipped_protocol(TRIAL), participants=15, seed=7)
    for one in TABLES:
        with (folder / "records" / f"{one.name}.csv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, [column.name for column in one.columns], lineterminator="\n")
            writer.writeheader()
            writer.writerows(records.get(one.name, []))
    event = {"ctcae_version": "5.0", "grade": "3", "started_on": "2022-07-03", "serious": "yes", "related": "related"}
    append(folder, "adverse_events", participant_id="P01", term="Platelet count decreased", **event)
    append(folder, "adverse_events", participant_id="P03", term="platelet  count decreased", **event)
    return folder


@pytest.fixture(scope="module")
def run(cohort: Path) -> TrialRun:
    return trial_run(cohort)


@pytest.fixture(scope="module")
def read(cohort: Path) -> TrialFolder:
    return read_folder(cohort)


def lines(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "records" / f"{name}.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def append(folder: Path, name: str, **cells: str) -> None:
    with (folder / "records" / f"{name}.csv").open("a", newline="") as stream:
        csv.DictWriter(stream, [one.name for one in table(name).columns], lineterminator="\n").writerow(cells)


def treated(folder: Path) -> set[str]:
    return {row["participant_id"] for row in lines(folder, "administrations") if row["session"]}


def copied(folder: Path, place: Path) -> Path:
    return Path(shutil.copytree(folder, place / "trial"))


def test_the_flow_is_that_of_the_tables(cohort, run):
    told, sessions = run.reported.flow, Counter(one["session"] for one in lines(cohort, "administrations"))
    ended = Counter(one["event"] for one in lines(cohort, "dispositions") if one["participant_id"] in treated(cohort))
    assert told.screened == len(lines(cohort, "participants")) == 19
    assert told.started == len(treated(cohort)) == 15
    assert dict(told.sessions_given) == {number: sessions[str(number)] for number in (1, 2, 3)}
    assert told.completed == ended["completed"]
    assert sorted(one.count for one in told.not_completed) == sorted(
        count for event, count in ended.items() if event != "completed"
    )
    assert sum(one.count for one in told.screen_failures) == 4
    assert sum_faults(run.reported) == ()


def test_age_and_weight_are_those_of_the_treated(cohort, run):
    rows = [one for one in lines(cohort, "participants") if one["participant_id"] in treated(cohort)]
    by_title = {one.title.en: one for one in run.reported.baseline}
    for title, column in (
        ("Age at screening", "age_years"),
        ("Weight at screening", "weight_kg"),
        ("Height", "height_cm"),
    ):
        values = [float(one[column]) for one in rows]
        mean = sum(values) / len(values)
        assert by_title[title].mean == pytest.approx(mean)
        squares = sum((value - mean) ** 2 for value in values)
        assert by_title[title].standard_deviation == pytest.approx((squares / (len(values) - 1)) ** 0.5)
        assert (by_title[title].number_known, by_title[title].missing) == (15, 0)
    assert [(one.label.en, one.count) for one in by_title["Sex"].counts] == [("Female", 15)]


def test_treatment_before_the_trial_counts_people_and_not_lines(cohort, run):
    kinds = defaultdict(set)
    for one in lines(cohort, "prior_therapy"):
        if one["participant_id"] in treated(cohort):
            kinds[one["category"]].add(one["participant_id"])
    told = next(one for one in run.reported.baseline if one.title.en.startswith("Treatment before"))
    assert {one.label.en.lower(): one.count for one in told.counts} == {kind: len(who) for kind, who in kinds.items()}


def test_a_characteristic_that_is_missing_is_missing_and_not_zero(cohort, run, tmp_path):
    folder = copied(cohort, tmp_path)
    rows = lines(folder, "participants")
    for row in rows:
        row["weight_kg"] = "" if row["participant_id"] == "P01" else row["weight_kg"]
    path = folder / "records" / "participants.csv"
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    read = read_folder(folder)
    told = reported_results(run.result, read.protocol, folder=read)
    weight = next(one for one in told.baseline if one.title.en == "Weight at screening")
    assert (weight.number_known, weight.missing) == (14, 1)
    assert weight.minimum is not None
    assert weight.minimum > 30


def test_a_registry_is_told_how_many_count_by_an_event_and_not_by_their_category(read, run):
    people = [one for one in run.result.participants if one.treated][:3]
    dead = replace(answered(people[0], "PR"), counted="failure", counted_because="died; composite strategy")
    others = [
        replace(answered(people[1], "SD"), counted="success", counted_because="response SD"),
        replace(people[2], response=None, counted="failure", counted_because="no response"),
    ]
    result = replace(run.result, participants=(dead, *others))
    assert by_estimand(result) == 1
    note = reported_results(result, read.protocol, folder=read).outcomes[0].note
    assert note.en.startswith("1 with an assessed response are counted by an intercurrent event")
    assert by_estimand(replace(result, participants=tuple(others))) == 0


SERIOUS = ("yes", "True", "true")
"""As a person and as the simulation write it."""


def test_adverse_events_are_counted_by_person_term_and_seriousness(cohort, run):
    people = defaultdict(set)
    for one in lines(cohort, "adverse_events"):
        if one["participant_id"] in treated(cohort):
            people[(" ".join(one["term"].split()).lower(), one["serious"] in SERIOUS)].add(one["participant_id"])
    told = {(one.term.lower(), one.serious): one.affected for one in run.reported.adverse.events}
    assert told == {key: len(who) for key, who in people.items()}
    assert told[("platelet count decreased", True)] == 2
    severe = set.union(*(who for (_, serious), who in people.items() if serious))
    assert {"P01", "P03"} < severe
    assert run.reported.adverse.serious_affected == len(severe)
    others = set.union(*(who for (_, serious), who in people.items() if not serious))
    assert run.reported.adverse.other_affected == len(others)
    assert run.reported.adverse.frequency_threshold_percent == 0
    assert all(one.at_risk == 15 for one in run.reported.adverse.events)


# System organ classes as NCI prints them in CTCAE 5.0 (v5.0 of 27 November 2017, chapters of the quick reference).
PRINTED = {
    "platelet count decreased": "Investigations",
    "anemia": "Blood and lymphatic system disorders",
    "nausea": "Gastrointestinal disorders",
    "fatigue": "General disorders and administration site conditions",
}


def test_each_event_has_the_organ_system_of_its_term_and_a_term_of_its_own_has_none(cohort, run, tmp_path):
    told = {(one.term.lower(), one.organ_system) for one in run.reported.adverse.events}
    known = {(term, system) for term, system in told if term in PRINTED}
    assert known == {(term, PRINTED[term]) for term, _ in known}
    assert ("platelet count decreased", "Investigations") in known
    folder = copied(cohort, tmp_path)
    cells = {"grade": "1", "started_on": "2022-07-03", "serious": "no", "related": "related"}
    append(folder, "adverse_events", participant_id="P01", term="Sore hoof", ctcae_version="5.0", **cells)
    append(folder, "adverse_events", participant_id="P01", term="Gastrointestinal disorders - Other, specify: hiccough",
           ctcae_version="5.0", **cells)  # fmt: skip
    read = read_folder(folder)
    now = {
        one.term: one.organ_system for one in reported_results(run.result, read.protocol, folder=read).adverse.events
    }
    assert now["Sore hoof"] == ""
    assert now["Gastrointestinal disorders - Other, specify: hiccough"] == "Gastrointestinal disorders"


def test_an_event_that_nobody_can_call_harmless_is_serious(read, run):
    rows = [
        replace(one, values={**one.values, "serious": None}) if one["participant_id"] == "P04" else one
        for one in read.tables["adverse_events"]
    ]
    folder = replace(read, tables={**read.tables, "adverse_events": tuple(rows)})
    told = reported_results(run.result, read.protocol, folder=folder)
    assert told.adverse.serious_affected == run.reported.adverse.serious_affected + 1
    assert sum_faults(told) == ()


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([("2022-03-01", "2022-03-08")], 1),
        ([("2022-03-01", "2022-03-08"), ("2022-03-08", "")], 1),
        ([("2022-03-01", "2022-03-08"), ("2022-03-10", "2022-03-12")], 2),
        ([("2022-03-01", ""), ("2022-04-01", "2022-04-02")], 1),
        ([("2022-05-01", "2022-05-02"), ("2022-03-01", "2022-03-08"), ("2022-03-05", "2022-03-20")], 2),
    ],
)
def test_a_change_of_grade_is_no_new_event(spans, expected):
    days = [(date.fromisoformat(start), date.fromisoformat(end) if end else None) for start, end in spans]
    rows = [Row("adverse_events", 2, {"started_on": start, "ended_on": end}) for start, end in days]
    assert episodes(rows) == expected


def test_deaths_are_counted_and_are_not_zero_where_nobody_recorded_an_end(cohort, run, tmp_path):
    assert run.reported.adverse.deaths == 0
    folder = copied(cohort, tmp_path)
    cells = {"ctcae_version": "5.0", "grade": "4", "started_on": "2022-07-03", "serious": "yes", "related": "related"}
    append(folder, "adverse_events", participant_id="P02", term="Sepsis", outcome="fatal", **cells)
    read = read_folder(folder)
    assert reported_results(run.result, read.protocol, folder=read).adverse.deaths == 1
    path = folder / "records" / "dispositions.csv"
    path.write_text("\n".join(line for line in path.read_text().split("\n") if not line.startswith("P05,")))
    read = read_folder(folder)
    told = reported_results(run.result, read.protocol, folder=read)
    assert told.adverse.deaths is None
    assert any(one.en.startswith("Deaths are not given") for one in told.limitations)


# Clopper-Pearson, 95 %, n = 15: exact values as tabled (Clopper and Pearson 1934; four decimals).
TABLED = {0: (0.0, 0.2180), 10: (0.3838, 0.8818), 15: (0.7820, 1.0)}


def answered(one: ParticipantResult, category: Category) -> ParticipantResult:
    response = ResponseOutcome(category, "by hand", "rule", True, "suv_peak", None, (), Trace("by_hand", "1"))
    return replace(one, response=response, analysis_sets=("full",))


@pytest.mark.parametrize("successes", TABLED)
def test_the_primary_endpoint_stands_with_the_interval_that_tables_give(read, run, successes):
    plan = read.protocol.endpoint.reading
    assert plan is not None
    people = [one for one in run.result.participants if one.sessions]
    people = [answered(one, "SD" if place < successes else "PD") for place, one in enumerate(people)]
    judged = [counted(one, plan) for one in people]
    endpoint = endpoint_outcome(judged, plan, demonstration=())
    told = reported_results(replace(run.result, endpoint=endpoint), read.protocol, folder=read).outcomes[0]
    assert (told.rank, told.registered, told.numerator, told.analysed) == (
        "primary",
        "primary_outcomes[0]",
        successes,
        15,
    )
    assert told.value == pytest.approx(successes / 15)
    assert (told.lower, told.upper) == pytest.approx(TABLED[successes], abs=5e-5)
    assert (told.interval_method, told.confidence_level) == ("clopper_pearson", 0.95)
    counts = {one.label.en: one.count for one in told.counts}
    assert (counts["Stable disease"], counts["Progressive disease"]) == (successes, 15 - successes)
    assert told.time_frame.en == "Day 28 to day 63 (weeks 4 to 9) after the last session"


def test_worst_grades_are_those_of_the_lines(cohort, run):
    worst = dict.fromkeys(treated(cohort), 0)
    for one in lines(cohort, "adverse_events"):
        if one["participant_id"] in worst:
            worst[one["participant_id"]] = max(worst[one["participant_id"]], int(one["grade"]))
    told = next(
        one for one in run.reported.outcomes if one.title.en == "Participants by worst grade of any adverse event"
    )
    assert [one.count for one in told.counts] == [Counter(worst.values())[grade] for grade in range(6)]


def test_doses_that_nobody_has_are_no_outcome(run):
    assert not [one for one in run.reported.outcomes if "dose" in one.title.en.lower()]


def test_words_that_a_person_typed_do_not_leave_with_the_flow(read, run):
    people = [
        one
        if one.treated
        else replace(one, eligibility=replace(one.eligibility, reasons=()), disposition_reason="sister of a nurse")
        for one in run.result.participants
    ]
    told = reported_results(
        replace(run.result, participants=tuple(people), flow=flow(people)), read.protocol, folder=read
    )
    assert [(one.label.en, one.count) for one in told.flow.screen_failures] == [("Not treated for another reason", 4)]
    assert "sister" not in reported_text(told)


def test_the_lock_is_what_the_folder_says(cohort, read, run, tmp_path):
    assert run.reported.locked is True
    assert reported_results(run.result, read.protocol, folder=replace(read, locked=False)).locked is False
    assert reported_results(run.result, read.protocol, folder=read, locked=False).locked is False
    folder = copied(cohort, tmp_path)
    (folder / "folder.yaml").write_text('schema_version: "1.1"\nsimulated: true\n')
    assert read_folder(folder).locked is False
    (folder / "folder.yaml").write_text('schema_version: "1.1"\nlocked: "perhaps"\n')
    with pytest.raises(Problems, match="locked is 'perhaps'"):
        read_folder(folder)


def test_what_limits_the_results_is_said(run):
    said = " ".join(one.en for one in run.reported.limitations)
    assert f"{len(run.result.assumptions)} demonstration assumptions" in said
    assert "One group of 15 without comparator" in said
    assert "exploratory" in said
    assert all(one.fa for one in run.reported.limitations)


@pytest.fixture
def out(run: TrialRun, cohort: Path, tmp_path: Path) -> Path:
    """What of a run's folder is read for registries."""
    place = tmp_path / "out"
    place.mkdir()
    assert run.reported is not None
    (place / REGISTRY_RESULTS).write_text(reported_text(run.reported))
    (place / "results.json").write_text(results_text(run.result))
    outputs = {REGISTRY_RESULTS: file_hash(place / REGISTRY_RESULTS)}
    (place / "run.json").write_text(json.dumps({"trial_folder": str(cohort), "outputs": outputs}))
    return place


def test_results_for_registries_come_back_from_their_file(run, out):
    assert read_reported(out) == run.reported


def test_a_file_that_somebody_altered_is_refused(out):
    path = out / REGISTRY_RESULTS
    path.write_text(path.read_text().replace('"completed": 6', '"completed": 7'))
    with pytest.raises(InputError, match="is not as the run wrote it"):
        read_reported(out)


def test_an_older_run_without_the_file_is_told_from_its_results_and_records(run, out):
    (out / REGISTRY_RESULTS).unlink()
    assert read_reported(out) == run.reported


def test_records_that_changed_since_an_older_run_are_refused(cohort, out, tmp_path):
    (out / REGISTRY_RESULTS).unlink()
    folder = copied(cohort, tmp_path)
    append(folder, "dispositions", participant_id="S01", occurred_on="2022-03-03", event="withdrawal")
    (out / "run.json").write_text(json.dumps({"trial_folder": str(folder), "outputs": {}}))
    with pytest.raises(InputError, match=r"dispositions\.csv was changed since"):
        read_reported(out)
