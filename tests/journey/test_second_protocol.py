"""Another trial of this kind: nuclide, organs, sessions and endpoint are others, and no line of code is changed."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from theratrial.pipeline.traces import dead_ends
from theratrial.pipeline.trial import TrialRun, trial_run
from theratrial.pipeline.verify import content_hashes
from theratrial.results.plain import plain, results_text
from theratrial.results.values import ParticipantResult
from theratrial.simulation.cohort import simulate
from theratrial.trialfolder import read_folder

PROTOCOL = Path(__file__).parent.parent / "fixtures/protocols/second.yaml"


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("second") / "trial"
    simulate(folder, protocol=PROTOCOL, participants=3, seed=1, small=True)
    return folder


@pytest.fixture(scope="module")
def run(trial: Path) -> TrialRun:
    return trial_run(trial)


@pytest.fixture(scope="module")
def treated(run: TrialRun) -> list[ParticipantResult]:
    return [one for one in run.result.participants if one.treated]


def test_a_participant_gets_the_four_sessions_of_this_protocol(treated: list[ParticipantResult]) -> None:
    assert max(len(one.sessions) for one in treated) == 4
    longest = max(treated, key=lambda one: len(one.sessions))
    assert longest.last_session_because == "session 4 is the last of 4"
    assert all(session.prescribed_activity_MBq.value == 3700 for session in longest.sessions)


def test_doses_are_of_this_protocols_organs_and_nuclide(treated: list[ParticipantResult]) -> None:
    organs = {d.region_id for one in treated for s in one.sessions for d in s.doses if d.kind == "organ"}
    assert organs == {"kidneys", "salivary_glands"}
    determined = [d for one in treated for s in one.sessions for d in s.doses if d.determinacy == "determined"]
    assert determined
    for dose in determined:
        assert dose.absorbed_dose_Gy.trace.inputs["nuclide"].endswith("#I-131")
        assert [point.imaging_id for point in dose.points] == ["spect_day1", "spect_day4"]
        # ICRP 107: 131I decays with a half-life of 8.02070 d; what clears cannot last longer.
        half_life = dose.effective_half_life_h.value
        assert half_life is not None
        assert half_life < 8.0207 * 24


def test_grades_and_gates_are_by_this_protocols_edition_tests_and_examiners(treated: list[ParticipantResult]) -> None:
    assert {point.test for one in treated for point in one.laboratory} == {"platelets", "haemoglobin"}
    tables = {point.trace.inputs["table"] for one in treated for point in one.laboratory if point.grade is not None}
    assert len(tables) == 1
    assert tables.pop().startswith("table:safety/ctcae_v6_0@6.0")
    clauses = {f.clause for one in treated for s in one.sessions if s.gate for f in s.gate.findings}
    assert {"safety_gate.laboratory:platelets", "safety_gate.laboratory:haemoglobin"} <= clauses
    assert {one for one in clauses if "examination" in one} == {"safety_gate.examination:nuclear_medicine_physician"}
    assert {"dose_limits:kidneys", "dose_limits:salivary_glands"} <= clauses
    assert not any("pregnancy" in one for one in clauses), "this protocol asks for no pregnancy test"


def test_the_endpoint_is_complete_and_partial_response_by_wilson_over_the_evaluable(run: TrialRun) -> None:
    endpoint = run.result.endpoint
    evaluable = [
        one
        for one in run.result.participants
        if len(one.sessions) >= 2 and one.response is not None and one.response.category != "NE"
    ]
    n, x = len(evaluable), sum(one.response is not None and one.response.category in ("CR", "PR") for one in evaluable)
    assert (endpoint.analysed, endpoint.successes) == (n, x)
    assert n >= 1
    assert endpoint.analysis_set == "evaluable"
    assert endpoint.interval_method == "wilson"
    # Wilson 1927, equation as printed by Brown, Cai, DasGupta, Stat Sci 2001;16:101, with z of 90 %.
    z = 1.6448536269514722
    centre = (x + z * z / 2) / (n + z * z)
    half = z * math.sqrt(n) / (n + z * z) * math.sqrt(x / n * (1 - x / n) + z * z / (4 * n))
    assert endpoint.proportion.lower == pytest.approx(max(centre - half, 0), abs=1e-12)
    assert endpoint.proportion.upper == pytest.approx(min(centre + half, 1), abs=1e-12)
    assert "90 % Wilson" in endpoint.sentence
    assert "had complete response or partial response" in endpoint.sentence


def test_whoever_is_not_in_the_set_is_not_analysed(treated: list[ParticipantResult]) -> None:
    short = [one for one in treated if len(one.sessions) < 2]
    assert short
    assert all(one.counted == "not analysed" and "full" in one.analysis_sets for one in short)


def test_nothing_of_the_decided_protocol_is_called_an_assumption(run: TrialRun) -> None:
    assert run.result.assumptions == ()
    assert run.result.open_conflicts == ()


def test_nothing_of_the_first_trial_stands_in_the_results_of_the_second(run: TrialRun) -> None:
    text = results_text(run.result)
    for word in ("Lu-177", "lu177", "trastuzumab", "HER2", "spect_24h", "oncologist", "Asia/Tehran", "IRCT"):
        assert not re.search(word, text, re.IGNORECASE), word


def test_every_trace_of_the_second_trial_can_be_walked(trial: Path, run: TrialRun) -> None:
    tree = plain(run.result)
    assert dead_ends(tree, read_folder(trial), content_hashes(trial, run.result.inputs)) == ()
