"""RECIST 1.1 in the run: from the record's lines to the best overall response, and lines that cannot be judged."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from theratrial.pipeline.criteria_recist import RecistCase, recist_options, recist_result
from theratrial.pipeline.participant_response import measurement_adjudication
from theratrial.protocol.plans.criteria import RecistPlan
from theratrial.response.recist.options import RecistOptions
from theratrial.trialfolder.records import Row

START = date(2024, 1, 10)
BASELINE = date(2024, 1, 2)


def lines(*cells: dict[str, Any]) -> tuple[Row, ...]:
    return tuple(
        Row(
            "tumour_measurements",
            number,
            {
                "participant_id": "P01",
                "measured_on": BASELINE,
                "lesion_id": "A",
                "reader": "RD-01",
                "organ": "liver",
                "role": "target",
                "nodal": False,
                "status": "measured",
                "length_mm": 40.0,
                "merged_into": None,
                "modality": "CT",
                "comment": None,
            }
            | one,
        )
        for number, one in enumerate(cells, 2)
    )


def at(weeks: int, length: float | None, **more: Any) -> dict[str, Any]:
    status = {} if length is not None else {"status": "absent"}
    return {"measured_on": START + timedelta(weeks=weeks), "length_mm": length} | status | more


def judged(rows: tuple[Row, ...], *, adjudication: Row | None = None, **plan: Any) -> Any:
    start = "value:participants[P01].sessions[session=1].injected_at"
    return recist_result(RecistCase(rows, START, start, RecistPlan(**plan), (), adjudication))


def test_a_confirmed_partial_response_has_its_arithmetic_visit_by_visit() -> None:
    found = judged(lines({}, at(6, 28.0), at(12, 26.0)))
    assert (found.category, found.controlled) == ("PR", True)
    assert found.because == "PR on 2024-02-21, confirmed by PR on 2024-04-03 after 42 days"
    baseline, first, second = found.assessments
    assert (baseline.measured.value, baseline.category) == (40.0, "")
    assert (first.category, first.measured.value, first.change_percent.value) == ("PR", 28.0, pytest.approx(-30.0))
    assert second.change_percent.value == pytest.approx(-35.0)
    assert found.trace.inputs["rule"] == "protocol:further_criteria.reading.recist_1_1"
    assert found.trace.inputs["A on 2024-01-02 by RD-01"] == "record:records/tumour_measurements.csv#2"
    # The value of a visit rests on that visit and those before it, never on later ones.
    assert "A on 2024-04-03 by RD-01" not in first.measured.trace.inputs


def test_without_confirmation_asked_for_one_visit_is_enough() -> None:
    assert judged(lines({}, at(6, 28.0)), confirmation_days=None).category == "PR"
    assert judged(lines({}, at(6, 28.0))).category == "SD"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (lines(), "no lesion is recorded in tumour_measurements"),
        (lines({}), "measured at baseline only"),
        (
            lines(at(6, 28.0), at(12, 20.0)),
            "baseline missing: the first measurement, 2024-02-21, is after the treatment",
        ),
        (lines({}, {}), "lesion A stands there twice"),
        (lines({"nodal": True, "length_mm": None}), "line 2: lesion A is measured and has no length"),
        (lines({"length_mm": 2.3}, at(6, 2.0)), "has 2.3 mm; the longest diameter of a target is at least 10 mm"),
        (lines({"nodal": True, "length_mm": 12.0}, at(6, 9.0)), "the short axis of a node of a target is at least 15"),
        (lines({}, at(6, 28.0, lesion_id="B")), "lesion B was not there at baseline; then its role is new"),
        (lines({}, at(6, 28.0, role="non_target", status="present", length_mm=None)), "non_target and was target"),
        (lines({}, at(6, 20.0, status="absent")), "line 3: lesion A is absent and has a length"),
        (lines({}, at(6, None, status="progressed")), "line 3: lesion A: a target lesion is"),
    ],
)
def test_lines_that_cannot_be_judged_are_named_and_leave_the_response_not_evaluable(rows: Any, said: str) -> None:
    found = judged(rows)
    assert (found.category, found.controlled) == ("NE", None)
    assert found.because.startswith("not assessable: ")
    assert said in found.because


def test_a_measured_new_lesion_or_non_target_is_one_that_is_there() -> None:
    new = at(6, 9.0, lesion_id="B", role="new")
    assert judged(lines({}, at(6, 28.0), new)).category == "PD"
    other = {"lesion_id": "B", "role": "non_target", "length_mm": 8.0}
    rows = lines({}, other, at(6, None), at(6, 6.0, **{**other, "length_mm": 6.0}))
    assert judged(rows).assessments[1].because.endswith("non-targets remain")


def test_the_last_measurement_before_treatment_is_the_baseline_and_an_old_one_is_told() -> None:
    rows = lines({"measured_on": date(2023, 10, 1), "length_mm": 30.0}, {}, at(6, 28.0), at(12, 26.0))
    found = judged(rows)
    assert found.assessments[0].on == BASELINE
    assert found.category == "PR"
    assert found.cautions == (
        "the baseline is the last measurement before treatment, 2024-01-02; not used: 2023-10-01",
    )
    late = judged(lines({"measured_on": START - timedelta(days=29)}, at(6, 28.0)))
    assert late.cautions == ("the baseline is 29 days before treatment; the criteria ask for at most 28",)


def test_readers_who_differ_leave_it_not_evaluable_and_both_are_shown() -> None:
    mine: tuple[dict[str, Any], ...] = ({}, at(6, 28.0), at(12, 26.0))
    theirs = tuple(one | {"reader": "RD-02"} for one in ({}, at(6, 39.0), at(12, 38.0)))
    found = judged(lines(*mine, *theirs))
    assert (found.category, found.controlled, found.reader) == ("NE", None, "")
    assert found.because == (
        "not assessable: the readers differ (RD-01 PR, RD-02 SD) "
        "and adjudication of tumour measurements is not recorded"
    )
    assert [(one.reader, one.category) for one in found.readers] == [("RD-01", "PR"), ("RD-02", "SD")]
    assert {one.reader for one in found.assessments} == {"RD-01", "RD-02"}
    assert judged(lines(*theirs, *mine)).because == found.because
    agreed = judged(lines(*mine, *(one | {"reader": "RD-02"} for one in mine)))
    assert (agreed.category, "the readers agree: RD-01 PR, RD-02 PR" in agreed.because) == ("PR", True)
    # Also where they agree: the best response of each rests on visits that can be seen.
    assert [(one.reader, one.category) for one in agreed.assessments] == [
        (reader, category) for reader in ("RD-01", "RD-02") for category in ("", "PR", "PR")
    ]


def _adjudication(**cells: Any) -> Row:
    line = {
        "participant_id": "P01",
        "adjudicated_at": datetime(2024, 5, 1, 9, tzinfo=UTC),
        "adjudicator": "RD-09",
        "chosen_reader": "RD-02",
        "reason": "the node is short",
        "of_table": "tumour_measurements",
    }
    return Row("adjudications", 2, line | cells)


def _standing(rows: tuple[Row, ...], *adjudications: Row) -> tuple[Row | None, str]:
    tables: dict[str, tuple[Row, ...]] = {"tumour_measurements": rows, "adjudications": adjudications}

    def found(table: str, **where: Any) -> tuple[Row, ...]:
        return tuple(row for row in tables[table] if all(row[name] == value for name, value in where.items()))

    folder: Any = SimpleNamespace(rows=found, zone=UTC)
    return measurement_adjudication(folder, "P01")


def test_readers_of_the_ct_who_differ_are_settled_by_an_adjudication_of_the_ct() -> None:
    mine: tuple[dict[str, Any], ...] = ({}, at(6, 28.0), at(12, 26.0))
    theirs = tuple(one | {"reader": "RD-02"} for one in ({}, at(6, 39.0), at(12, 38.0)))
    rows = lines(*mine, *theirs)
    for chosen, category in (("RD-01", "PR"), ("RD-02", "SD")):
        line, why = _standing(rows, _adjudication(chosen_reader=chosen))
        assert (line is not None, why) == (True, "")
        found = judged(rows, adjudication=line)
        assert (found.category, found.reader, found.controlled) == (category, chosen, True)
        assert f"adjudicated by RD-09 to {chosen}: the node is short" in found.because
        assert found.trace.inputs["adjudication"] == "record:records/adjudications.csv#2"
        assert [(one.reader, one.category) for one in found.readers] == [("RD-01", "PR"), ("RD-02", "SD")]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        # Of the PET's lesions: it says nothing of the CT, whoever it names.
        ({"of_table": "lesion_readings"}, ""),
        ({"of_table": None}, ""),
        ({"chosen_reader": "RD-03"}, "RD-03 has no reading"),
        ({"adjudicator": "RD-01"}, "RD-01 is one of the readers"),
        # Before the last image was taken.
        ({"adjudicated_at": datetime(2024, 4, 2, 9, tzinfo=UTC)}, "a reading was changed after it"),
    ],
)
def test_an_adjudication_that_does_not_cover_the_measurements_settles_nothing(cells: dict[str, Any], said: str) -> None:
    theirs = tuple(one | {"reader": "RD-02"} for one in ({}, at(6, 39.0), at(12, 38.0)))
    rows = lines({}, at(6, 28.0), at(12, 26.0), *theirs)
    line, why = _standing(rows, _adjudication(**cells))
    assert line is None
    assert said in why
    assert bool(said) == bool(why)
    assert judged(rows, adjudication=line).category == "NE"


def test_the_latest_adjudication_of_the_ct_counts_and_one_of_the_pet_after_it_does_not_replace_it() -> None:
    rows = lines({}, at(6, 28.0), *(one | {"reader": "RD-02"} for one in ({}, at(6, 39.0))))
    later = _adjudication(adjudicated_at=datetime(2024, 5, 2, tzinfo=UTC), chosen_reader="RD-01")
    of_pet = _adjudication(adjudicated_at=datetime(2024, 5, 3, tzinfo=UTC), of_table=None)
    line, _ = _standing(rows, later, _adjudication(), of_pet)
    assert line is later


def test_every_option_that_the_paper_leaves_open_is_told_with_its_reason() -> None:
    options = judged(lines({}), confirmation_days=None, stable_days=56).options
    told = {one.name: one.value for one in options}
    assert told["confirmation of CR and PR"] == "not asked"
    assert told["shortest stable disease"] == "56 days"
    assert all(one.because for one in options)


def test_the_defaults_of_the_protocol_are_those_of_the_criteria_and_every_answer_is_passed_on() -> None:
    assert recist_options(RecistPlan()) == RecistOptions()
    others = {
        "partial_stays": "never",
        "confirmation_days": 21,
        "stable_days": 35,
        "not_evaluable_between": 2,
        "stable_between": True,
        "too_small_mm": 4.0,
        "reappeared_progresses": False,
        "normal_nodes_progress": True,
        "doubtful_dated": "confirmed",
        "partial_after_complete": True,
        "early_complete_progresses": True,
    }
    assert set(others) == set(RecistPlan.model_fields)
    passed = recist_options(RecistPlan(**others))
    assert {name: getattr(passed, name) for name in others} == others
    # The run itself tells of a participant without measurements and takes the paper's numbers of targets.
    beside = {"beyond_progression", "missing_is_not_evaluable", "largest_targets", "largest_targets_per_organ"}
    assert {one.name for one in fields(RecistOptions)} == set(others) | beside
    plain, changed = (judged(lines({}), **plan).options for plan in ({}, others))
    assert len(plain) == len(others) + 1
    assert all(one.value and one.because for one in plain)
    assert [one.value for one in plain[:-1] if one in changed] == []


def test_a_target_seen_again_after_a_complete_response_is_judged_as_the_protocol_says() -> None:
    rows = lines({}, at(6, None), at(12, None), at(18, 3.0))
    assert judged(rows).assessments[-1].category == "PD"
    assert judged(rows, reappeared_progresses=False).assessments[-1].category != "PD"


def test_lengths_that_change_as_if_centimetres_were_typed_are_told_whatever_the_category() -> None:
    found = judged(lines({}, at(6, 2.8), at(12, 2.6)))
    assert (found.category, found.cautions) == (
        "PR",
        ("A: 40 mm on 2024-01-02, 2.8 mm on 2024-02-21: about tenfold; check that both are millimetres",),
    )
    refused = judged(lines({"length_mm": 4.0}, at(6, 38.0)))
    assert refused.category == "NE"
    assert [one.split(":")[-1] for one in refused.cautions] == [" about tenfold; check that both are millimetres"]
    assert judged(lines({}, at(6, 28.0))).cautions == ()


def test_of_two_targets_that_merge_one_is_measured_over_both_and_the_other_adds_nothing() -> None:
    other = {"lesion_id": "B"}
    merged = at(6, None, lesion_id="B", status="merged", merged_into="A")
    found = judged(lines({}, other, at(6, 50.0), merged, at(12, 50.0), {**merged, **at(12, None, status="merged")}))
    assert [one.measured.value for one in found.assessments] == [80.0, 50.0, 50.0]
    assert found.category == "PR"
    assert "merged: A+B" in found.assessments[1].because
    alone = judged(lines({}, other, at(6, None, status="not_evaluated"), merged))
    assert (alone.category, "B is merged into A, which is not measured that day" in alone.because) == ("NE", True)
