"""One datum end to end: images and records in, endpoint out, against the simulation's truth."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from theratrial.pipeline.trial import TrialRun, trial_run
from theratrial.results.plain import differences, plain
from theratrial.trace import Quantity


@pytest.fixture(scope="module")
def truth(small_trial: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((small_trial / "truth.json").read_text())
    return content


def _quantities(value: Any, place: str = "") -> list[tuple[str, Quantity]]:
    from dataclasses import fields, is_dataclass

    if isinstance(value, Quantity):
        return [(place, value)]
    if is_dataclass(value) and not isinstance(value, type):
        return [q for f in fields(value) for q in _quantities(getattr(value, f.name), f"{place}.{f.name}")]
    if isinstance(value, tuple):
        return [q for index, entry in enumerate(value) for q in _quantities(entry, f"{place}[{index}]")]
    return []


def test_every_quantity_of_a_run_has_a_unit_a_method_and_inputs(small_run: TrialRun) -> None:
    found = _quantities(small_run.result)
    assert len(found) > 300
    for place, quantity in found:
        assert quantity.unit, place
        assert quantity.trace.method, place
        assert quantity.trace.inputs, place
        if quantity.value is None:
            assert quantity.note, place


def test_an_interval_holds_its_value(small_run: TrialRun) -> None:
    for place, quantity in _quantities(small_run.result):
        if quantity.value is not None:
            assert quantity.lower is None or quantity.lower <= quantity.value * (1 + 1e-9), place
            assert quantity.upper is None or quantity.upper >= quantity.value * (1 - 1e-9), place


def _true_session(truth: dict[str, Any], participant_id: str, session: int) -> dict[str, Any]:
    sessions = truth["participants"][participant_id]["sessions"]
    found: dict[str, Any] = next(one for one in sessions if one["session"] == session)
    return found


def test_the_liver_holds_the_activity_of_the_virtual_patient(small_run: TrialRun, truth: dict[str, Any]) -> None:
    """Truth is what the simulator put into the phantom; camera blur spills some of it over the organ's edge."""
    checked = 0
    for participant in small_run.result.participants:
        for session in participant.sessions:
            known = _true_session(truth, participant.participant_id, session.session)
            liver = next(dose for dose in session.doses if dose.region_name == "liver")
            for point in liver.points:
                expected = known["regions"]["liver"]["activity_MBq"][point.imaging_id]
                assert point.activity_MBq.value == pytest.approx(expected, rel=0.15)
                checked += 1
    assert checked >= 4


def test_every_true_organ_dose_lies_below_what_the_gate_holds(small_run: TrialRun, truth: dict[str, Any]) -> None:
    """The gate judges by the upper bound: it must not lie below the truth, whatever two scans could not see."""
    checked = 0
    for participant in small_run.result.participants:
        for summed in participant.cumulative_doses:
            if summed.kind != "organ":
                continue
            # The truth counts electrons that all stay in the region; the marrow's S value shares them with its fat.
            true_Gy = 0.0
            for session in participant.sessions:
                (dose,) = (one for one in session.doses if one.region_name == summed.region_id)
                known = _true_session(truth, participant.participant_id, session.session)["dose_regions_Gy"]
                local, by_s = dose.details.engines[:2]
                assert local.electron_Gy is not None
                assert by_s.electron_Gy is not None
                true_Gy += known[dose.region_name] * by_s.electron_Gy / local.electron_Gy
            assert summed.judged_upper_Gy is not None
            assert summed.judged_upper_Gy.value is not None
            assert true_Gy <= summed.judged_upper_Gy.value
            checked += 1
    assert checked >= 12


def test_a_rising_lesion_has_a_dose_by_published_kinetics_only_and_the_points_alone_give_none(
    small_run: TrialRun,
) -> None:
    rising = [
        dose
        for participant in small_run.result.participants
        for session in participant.sessions
        for dose in session.doses
        if dose.determinacy == "rising"
    ]
    assert rising
    for dose in rising:
        assert "points alone are rising" in dose.absorbed_dose_Gy.note
        assert dose.details.population is not None
        alone = next(one for one in dose.details.alternatives if one.curve_method == "points_alone")
        assert alone.time_integrated_activity_MBq_h.value is None
        assert alone.time_integrated_activity_MBq_h.upper == math.inf
        assert alone.flag.startswith("rising")


def test_the_response_is_that_of_the_virtual_patient(small_run: TrialRun, truth: dict[str, Any]) -> None:
    for participant in small_run.result.participants:
        if participant.treated:
            assert participant.response is not None
            assert participant.response.category == truth["participants"][participant.participant_id]["response"]


def test_the_screen_failure_is_not_eligible_and_not_analysed(small_run: TrialRun) -> None:
    failures = [one for one in small_run.result.participants if not one.treated]
    assert failures
    for one in failures:
        assert one.eligibility.verdict == "not eligible"
        assert one.counted == "not analysed"


def test_the_endpoint_counts_everybody_treated(small_run: TrialRun) -> None:
    result = small_run.result
    assert result.endpoint.analysed == result.flow.treated == 2
    assert result.endpoint.successes == sum(one.counted == "success" for one in result.participants)
    assert sum(count for _, count in result.endpoint.categories) == result.endpoint.analysed


def test_a_second_run_gives_the_same_results(small_trial: Path, small_run: TrialRun) -> None:
    again = trial_run(small_trial)
    assert differences(plain(small_run.result), plain(again.result)) == []


def test_workers_do_not_change_the_results(small_trial: Path, small_run: TrialRun) -> None:
    assert differences(plain(small_run.result), plain(trial_run(small_trial, workers=2).result)) == []


def test_the_results_name_every_demonstration_assumption(small_run: TrialRun) -> None:
    clauses = {assumption.clause for assumption in small_run.result.assumptions}
    assert {"sessions", "dosimetry", "safety_gate", "response", "endpoint"} <= clauses
    assert small_run.result.simulated
    response = small_run.result.participants[0].response
    assert response is not None
    assert "response" in response.trace.demonstration
