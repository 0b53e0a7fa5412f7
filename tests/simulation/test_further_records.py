"""What the virtual cohort shows beside the images: drawn by itself, in agreement, and only where a clause asks."""

from __future__ import annotations

import itertools
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from theratrial.protocol.reader import parse_protocol, shipped_protocol
from theratrial.simulation.cohort import cohort_records
from theratrial.trialfolder.further_tables import FURTHER_TABLES

Tables = dict[str, list[dict[str, Any]]]
SECOND = Path(__file__).parent.parent / "fixtures/protocols/second.yaml"
CLAUSES = ("further_criteria", "toxicity", "stopping", "serious_events", "radiation_protection", "analysis")


@pytest.fixture(scope="module")
def cohort() -> Tables:
    return cohort_records(shipped_protocol("IRCT20210612051548N3"))


def sums(cohort: Tables) -> dict[tuple[str, str], list[float]]:
    """(participant, reader) -> sums of the targets' lengths [mm], day by day."""
    found: dict[tuple[str, str], dict[Any, float]] = defaultdict(lambda: defaultdict(float))
    for line in cohort["tumour_measurements"]:
        if line["role"] == "target":
            key = (line["participant_id"], line["reader"])
            found[key][line["measured_on"]] += line["length_mm"] or 0.0
    return {key: [days[day] for day in sorted(days)] for key, days in found.items()}


def test_without_the_clauses_the_further_tables_are_empty_and_nothing_else_changes(cohort: Tables) -> None:
    bare = shipped_protocol("IRCT20210612051548N3").model_copy(update=dict.fromkeys(CLAUSES))
    without = cohort_records(bare)
    assert [table.name for table in FURTHER_TABLES if without[table.name]] == []
    # The clauses add: blood until it has recovered, events beside the counts, cold antibody of one participant.
    for name in without.keys() - {table.name for table in FURTHER_TABLES} - {"laboratory", "adverse_events"}:
        extra = [line for line in cohort[name] if line not in without[name]]
        assert [line for line in without[name] if line not in cohort[name]] == []
        assert [line["agent"] for line in extra] == (["trastuzumab, continued"] if name == "prior_therapy" else [])
    assert [line for line in without["laboratory"] if line not in cohort["laboratory"]] == []


def test_another_trial_without_the_clauses_has_none_of_the_tables() -> None:
    tables = cohort_records(parse_protocol(SECOND.read_bytes(), SECOND.name), participants=3)
    assert [table.name for table in FURTHER_TABLES if tables[table.name]] == []


def test_targets_are_measurable_by_recist_at_baseline(cohort: Tables) -> None:
    # Eisenhauer 2009: longest diameter 10 mm, short axis of a node 15 mm; five targets, two of an organ.
    first: dict[str, Any] = {}
    targets: dict[tuple[str, str], list[str]] = defaultdict(list)
    for line in cohort["tumour_measurements"]:
        start = first.setdefault(line["participant_id"], line["measured_on"])
        if line["role"] == "target" and line["measured_on"] == start:
            assert line["length_mm"] >= (15 if line["nodal"] else 10) * 0.95  # 2 % noise of the reading
            targets[line["participant_id"], line["reader"]].append(line["organ"])
    assert targets
    for organs in targets.values():
        assert len(organs) <= 5
        assert max(organs.count(organ) for organ in organs) <= 2


def test_the_readers_of_one_participant_differ_in_category(cohort: Tables) -> None:
    by_reader = sums(cohort)
    (one, other) = (by_reader["P13", reader] for reader in ("RD-01", "RD-02"))
    assert one[1] / one[0] <= 0.7 < other[1] / other[0]


def test_a_pet_responder_may_be_stable_on_ct_where_a_lesion_lacks_the_target(cohort: Tables) -> None:
    first = sums(cohort)["P01", "RD-01"]
    assert 0.7 < first[1] / first[0] < 1.2
    classes = {
        line["uptake_class"]
        for line in cohort["lesion_classes"]
        if line["participant_id"] == "P01" and line["timepoint"] == "baseline"
    }
    assert classes & {"none", "background", "not_assessable"}


def test_one_serious_report_is_late_and_every_serious_event_has_its_reports(cohort: Tables) -> None:
    serious = {(e["participant_id"], e["term"], e["started_on"]) for e in cohort["adverse_events"] if e["serious"]}
    told = {(r["participant_id"], r["term"], r["started_on"]) for r in cohort["serious_reports"]}
    assert serious == told
    assert len(serious) == 2
    initial = [r for r in cohort["serious_reports"] if r["report"] == "initial"]
    late = [r for r in initial if r["sent_at"] - r["became_aware_at"] > timedelta(hours=24)]
    assert [(r["participant_id"], r["recipient"]) for r in late] == [("P09", "sponsor")]


def test_no_event_of_grade_2_or_worse_lasts_into_a_gate_visit(cohort: Tables) -> None:
    gates = {(e["participant_id"], e["examined_on"]) for e in cohort["examinations"]}
    for event in cohort["adverse_events"]:
        if event.get("comment") == "from blood counts" or event["grade"] < 2:
            continue
        for code, day in gates:
            if code == event["participant_id"]:
                assert not event["started_on"] <= day <= event["ended_on"]


def test_cold_antibody_was_given_within_the_days_in_which_it_may_block(cohort: Tables) -> None:
    (line,) = (one for one in cohort["prior_therapy"] if one["agent"] == "trastuzumab, continued")
    response = next(
        one["injected_at"].date()
        for one in cohort["administrations"]
        if one["participant_id"] == line["participant_id"] and one["timepoint"] == "response"
    )
    assert 0 < (response - line["last_given_on"]).days <= 28


def test_dose_rates_fall_at_least_as_fast_as_the_nuclide_decays_and_with_the_square_of_the_distance(
    cohort: Tables,
) -> None:
    # ICRP 107: 177Lu 6.647 d. Reading by reading the noise is 4 %, so the mean over the cohort is compared.
    ratios, squares = [], []
    sessions = defaultdict(list)
    for line in cohort["dose_rates"]:
        sessions[line["participant_id"], line["session"]].append(line)
    for lines in sessions.values():
        net = {(line["measured_at"], line["distance_m"]): line["dose_rate_uSv_per_h"] - 0.1 for line in lines}
        (start, near), *_, (end, _far) = sorted(net)
        hours = (end - start).total_seconds() / 3600
        ratios.append(net[end, 1.0] / net[start, near] / 2 ** (-hours / (6.647 * 24)))
        squares.append(net[start, 1.0] / net[start, 2.0])
    assert 0.8 < sum(ratios) / len(ratios) < 1.0
    assert sum(squares) / len(squares) == pytest.approx(4, rel=0.03)


def test_follow_up_ends_with_death_or_loss_and_progression_stays(cohort: Tables) -> None:
    contacts = itertools.groupby(cohort["follow_up"], key=lambda line: line["participant_id"])
    ends = set()
    for _code, group in contacts:
        lines = list(group)
        days = [line["seen_on"] for line in lines]
        assert days == sorted(set(days))
        assert all(line["status"] == "alive" for line in lines[:-1])
        ends.add(lines[-1]["status"])
        progressed = [line["disease"] for line in lines if line["disease"] in ("progressed", "not_progressed")]
        assert progressed == sorted(progressed, key="progressed".__eq__)
    assert ends == {"alive", "dead", "not_reached"}


def test_equal_seeds_give_equal_tables_and_others_do_not(cohort: Tables) -> None:
    again = cohort_records(shipped_protocol("IRCT20210612051548N3"))
    other = cohort_records(shipped_protocol("IRCT20210612051548N3"), seed=2)
    assert [table.name for table in FURTHER_TABLES if again[table.name] != cohort[table.name]] == []
    assert other["tumour_measurements"] != cohort["tumour_measurements"]
